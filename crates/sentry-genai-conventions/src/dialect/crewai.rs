//! CrewAI's own spans. They follow the conventions, but agents are named by a hash, beside which is their role.

use serde_json::Value;

use super::{DEFINITIONS, Dialect, INPUT, OperationKind, Override, json};
use crate::{Attributes, SourceSpan, messages};

pub(super) static CREWAI: Dialect = Dialect {
    name: "crewai",
    recognises: |span| span.scope == "crewai",
    operation,
    adjust,
    ..Dialect::NONE
};

const AGENT_NAME: &str = "gen_ai.agent.name";

/// The name of an agent, as users know it.
const ROLE: &str = "crewai.agent.role";

fn operation(span: &SourceSpan) -> Override {
    // Repeats a tool call that has reported a failure. The span of the call itself says so, too.
    match &*span.name {
        "tool failure" => Override::Plain,
        _ => Override::None,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    // In YAML a role ends with a line break.
    let role = (attributes.text(ROLE)).map(|role| role.trim().to_owned());
    if let Some(role) = role.filter(|role| !role.is_empty()) {
        attributes.rename(AGENT_NAME, "crewai.agent.key");
        attributes.remove(ROLE);
        attributes.set(AGENT_NAME, role);
    }
    if kind == OperationKind::Call {
        read_deep_values(attributes, INPUT, &["name", "arguments"]);
        read_deep_values(attributes, DEFINITIONS, &["parameters"]);
    }
}

/// Reads what is so deep inside of messages or definitions that it was recorded as Python shows it: earlier calls, and schemas.
/// `fields` are those that such values are in.
fn read_deep_values(attributes: &mut Attributes, key: &'static str, fields: &[&str]) {
    let has_any = (attributes.text(key))
        .is_some_and(|text| ["\"'", "\"{'"].iter().any(|start| text.contains(start)));
    if has_any && let Some(mut value) = json::read(attributes, key) {
        for_each_field(&mut value, fields, &mut read_reprs);
        json::set(attributes, key, value);
    }
}

/// Calls a function with the fields of these names, wherever they are.
fn for_each_field(value: &mut Value, fields: &[&str], change: &mut impl FnMut(&mut Value)) {
    match value {
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| for_each_field(item, fields, change)),
        Value::Object(object) => {
            for (name, value) in object {
                match fields.contains(&name.as_str()) {
                    true => change(value),
                    false => for_each_field(value, fields, change),
                }
            }
        }
        _ => {}
    }
}

fn read_reprs(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(read_reprs),
        Value::Object(object) => object.values_mut().for_each(read_reprs),
        Value::String(text) if text.starts_with(['\'', '{']) => {
            // The reader takes lists, and nothing but a single value.
            if let Some(Value::Array(mut items)) = messages::read_json(&format!("[{text}]"))
                && items.len() == 1
            {
                *value = items.remove(0);
            }
        }
        _ => {}
    }
}
