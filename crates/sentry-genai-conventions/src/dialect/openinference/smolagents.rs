//! The inputs of smolagents' agents and tools, for which OpenInference records the parameters of methods.

use serde_json::{Map, Value};

use super::INPUT_VALUE;
use crate::{
    SourceSpan,
    dialect::{OperationKind, json},
};

/// Reduces the input of an agent or a tool to what it was asked.
pub(super) fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    if !span.scope.ends_with("smolagents")
        || !matches!(kind, OperationKind::Agent | OperationKind::Tool)
    {
        return;
    }
    let attributes = &mut span.attributes;
    let Some(input) = json::object(attributes, INPUT_VALUE) else {
        return;
    };
    if kind == OperationKind::Agent {
        let has_additional_args =
            (input.get("additional_args")).is_some_and(|args| !args.is_null());
        if let Some(Value::String(task)) = input.get("task")
            && !has_additional_args
        {
            attributes.set(INPUT_VALUE, &**task);
        }
        return;
    }
    let (Some(Value::Array(positional)), Some(Value::Object(named))) =
        (input.get("args"), input.get("kwargs"))
    else {
        return;
    };
    let arguments = match (&**positional, named.is_empty()) {
        ([], _) => Value::Object(named.clone()),
        ([argument], true) => {
            let parameters = json::object(attributes, "tool.parameters").unwrap_or_default();
            let mut names = parameters.into_iter().map(|(name, _)| name);
            match (names.next(), names.next()) {
                (Some(name), None) => Map::from_iter([(name, argument.clone())]).into(),
                _ => positional.clone().into(),
            }
        }
        (_, true) => positional.clone().into(),
        // The names of the positional parameters are not recorded.
        (_, false) => return,
    };
    attributes.set(INPUT_VALUE, &*arguments.to_string());
}
