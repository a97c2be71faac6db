//! TanStack AI: the conventions, a span without an operation around the calls of a loop, and copies of everything for Langfuse.

use serde_json::Value;

use super::{
    ARGUMENTS, Dialect, INPUT, OUTPUT, OperationKind, Override, RESULT, has_known_operation,
    has_prefix, json,
};
use crate::{Attributes, SourceSpan, tokens};

pub(super) static TANSTACK: Dialect = Dialect {
    name: "tanstack",
    recognises: |span| has_prefix(span, "tanstack.ai.") || is_loop(span),
    noise: &["langfuse.observation.*", "langfuse.trace.*"],
    operation,
    adjust,
    ..Dialect::NONE
};

/// Keys for the input and the output of a whole loop.
const TRACE_INPUT: &str = "langfuse.trace.input";
const TRACE_OUTPUT: &str = "langfuse.trace.output";

/// Returns whether a span is around all calls of a loop. It has the number of calls unless it failed.
fn is_loop(span: &SourceSpan) -> bool {
    let attributes = &span.attributes;
    let is_named = attributes.contains("gen_ai.operation.name")
        || attributes.contains("langfuse.observation.type");
    attributes.contains("tanstack.ai.iterations")
        || !is_named
            && attributes.contains(TRACE_INPUT)
            && attributes.contains("gen_ai.request.model")
}

fn operation(span: &SourceSpan) -> Override {
    if has_known_operation(span) {
        Override::None
    } else if is_loop(span) {
        Override::To("invoke_agent")
    } else if span.attributes.contains("tanstack.ai.tool.outcome") {
        Override::To("execute_tool")
    } else {
        Override::None
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    match kind {
        OperationKind::Agent => {
            attributes.rename(TRACE_INPUT, INPUT);
            attributes.rename(TRACE_OUTPUT, OUTPUT);
        }
        OperationKind::Tool => {
            move_message_content(attributes, INPUT, ARGUMENTS);
            move_message_content(attributes, OUTPUT, RESULT);
        }
        // Anthropic's input, which does not include the cache, is passed on, and the total is calculated without it.
        OperationKind::Call if attributes.text("gen_ai.system") == Some("anthropic") => {
            attributes.remove(tokens::TOTAL);
            tokens::add_cache(attributes);
        }
        _ => {}
    }
}

/// Moves the input or output of a tool out of the message that holds it.
fn move_message_content(attributes: &mut Attributes, from: &str, to: &'static str) {
    if let Some(Value::Array(mut messages)) = json::read(attributes, from)
        && let [message] = &mut *messages
    {
        let content = json::take(message, "content");
        attributes.remove(from);
        json::put(attributes, to, content);
    }
}
