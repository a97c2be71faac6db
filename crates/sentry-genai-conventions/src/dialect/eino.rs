//! Eino. Its package for OpenTelemetry follows the conventions, except that agents and tools are named only by their spans. That
//! for APMPlus describes every node as if it were a model call, and tells which component the node runs.

use serde_json::Value;

use super::{ARGUMENTS, Dialect, INPUT, OUTPUT, OperationKind, Override, RESULT};
use super::{indexed, json, name_as_span};
use crate::{Attributes, SourceSpan};

pub(super) static EINO: Dialect = Dialect {
    name: "eino",
    recognises: |span| span.scope.starts_with("github.com/cloudwego/eino"),
    // Copies on the outermost span.
    noise: &["gen_ai.input", "gen_ai.output"],
    operation,
    adjust,
    ..Dialect::NONE
};

/// The component that a node runs.
const COMPONENT: &str = "runinfo.component";

/// Components and their operations.
static COMPONENTS: &[(&str, &str)] = &[
    ("Agent", "invoke_agent"),
    ("AgenticAgent", "invoke_agent"),
    ("AgenticModel", "chat"),
    ("ChatModel", "chat"),
    ("Embedding", "embeddings"),
    ("Tool", "execute_tool"),
];

/// The default names of nodes. Such nodes are neither agents nor tools, although their spans say so. What they run has its own
/// spans.
static DEFAULT_NODE_NAMES: &[&str] = &[
    "AgenticToolsNode",
    "Chain",
    "Graph",
    "ToolsNode",
    "Workflow",
];

fn operation(span: &SourceSpan) -> Override {
    if let Some(component) = span.attributes.text(COMPONENT) {
        let found = COMPONENTS.iter().find(|row| row.0 == component);
        return found.map_or(Override::Plain, |row| Override::To(row.1));
    }
    if DEFAULT_NODE_NAMES.contains(&&*span.name) {
        Override::Plain
    } else {
        Override::None
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    name_as_span(span, kind);
    let attributes = &mut span.attributes;
    if !attributes.contains(COMPONENT) {
        return;
    }
    if let Some(implementation) = attributes.text("runinfo.type").map(str::to_lowercase)
        && matches!(kind, OperationKind::Call | OperationKind::Embeddings)
    {
        attributes.set("gen_ai.system", implementation);
    }
    let (input, output) = ("gen_ai.prompt.", "gen_ai.completion.");
    match kind {
        OperationKind::Call => {
            read_messages(attributes, input, INPUT);
            read_messages(attributes, output, OUTPUT);
        }
        OperationKind::Tool => {
            read_field(attributes, input, "ArgumentsInJSON", ARGUMENTS);
            read_field(attributes, output, "Response", RESULT);
        }
        _ => {}
    }
}

/// Reads messages. Those without a text are a list in the place of the text of a single one.
fn read_messages(attributes: &mut Attributes, prefix: &str, key: &'static str) {
    let Some(messages) = indexed::take(attributes, prefix) else {
        return;
    };
    json::put(attributes, key, listed(&messages).unwrap_or(messages));
}

/// Returns the messages that are listed in a single one.
fn listed(messages: &Value) -> Option<Value> {
    let [message] = &**messages.as_array()? else {
        return None;
    };
    let list = json::parsed(message["content"].clone());
    let items = list.as_array()?;
    let is_list_of_messages =
        !items.is_empty() && items.iter().all(|item| item["role"].is_string());
    is_list_of_messages.then_some(list)
}

/// Reads a field of the object in the place of a message's text. Other tools have a text of their own there.
fn read_field(attributes: &mut Attributes, prefix: &str, field: &str, key: &'static str) {
    let Some(messages) = indexed::take(attributes, prefix) else {
        return;
    };
    let mut value = json::parsed(first_content(&messages));
    if value.get(field).is_some() {
        value = json::take(&mut value, field);
    }
    json::put(attributes, key, value);
}

fn first_content(messages: &Value) -> Value {
    messages[0]["content"].clone()
}
