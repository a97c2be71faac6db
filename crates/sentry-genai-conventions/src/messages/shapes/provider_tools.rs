//! Reads calls of tools that the provider runs, and people's decisions on them.

use serde_json::Value;

use super::{
    super::{Object, Part},
    answer::answer,
    fields::{kind, take, take_id},
    part::{CALL_ID_FIELDS, call, unquote},
};

/// The fields for a call of a provider's own tool, and for its answer, in OpenTelemetry's conventions.
const SERVER_CALL: &str = "server_tool_call";
const SERVER_ANSWER: &str = "server_tool_call_response";

/// Reads a call of any tool.
pub(super) fn read_call(object: Object, parts: &mut Vec<Part>) {
    if kind(&object).as_deref() == Some("mcp_call") {
        read_mcp_call(object, parts);
    } else if object.contains_key(SERVER_CALL) {
        read_server_call(object, parts);
    } else {
        parts.push(call(object));
    }
}

/// Unwraps the answer of a provider's own tool, which in OpenTelemetry's conventions is beside its type.
pub(super) fn unwrap_answer(object: &mut Object) {
    if let Some(Value::Object(inner)) = object.get_mut(SERVER_ANSWER)
        && inner.contains_key("type")
        && let Some(content) = take(inner, &["content", "output", "result"])
    {
        object.insert(SERVER_ANSWER.to_owned(), content);
    }
}

/// Reads a person's decision on the call of a tool. Version 7 of Vercel's AI SDK records that there was one, but not which.
pub(super) fn read_approval(mut object: Object) -> Option<Part> {
    object.remove("type");
    let id = take_id(&mut object, &["approval_request_id", "approvalId", "id"]);
    object.retain(|key, value| key != "id" && !value.is_null());
    (!object.is_empty()).then_some(Part::ToolCallResponse {
        id,
        name: None,
        response: Value::Object(object),
    })
}

/// Reads a call of a tool that its type names.
pub(super) fn read_hosted_call(mut object: Object) -> Part {
    let kind = kind(&object).unwrap_or_default().into_owned();
    let id = take_id(&mut object, CALL_ID_FIELDS);
    for key in ["type", "status", "result"] {
        object.remove(key);
    }
    object.retain(|_, value| !value.is_null());
    let arguments = match take(&mut object, &["arguments"]) {
        Some(arguments) => unquote(arguments),
        None => Value::Object(object),
    };
    Part::ToolCall {
        id,
        name: kind.strip_suffix("_call").unwrap_or(&kind).to_owned(),
        arguments,
    }
}

/// Reads a call of the provider's own tool in OpenTelemetry's conventions. An inner object with a `type` may hold the status and
/// the output, too.
fn read_server_call(mut object: Object, parts: &mut Vec<Part>) {
    let inner = object.remove(SERVER_CALL).map(unquote);
    if let Some(Value::Object(mut inner)) = inner {
        let is_typed = inner.remove("type").is_some();
        for key in ["status", "result"].into_iter().filter(|_| is_typed) {
            inner.remove(key);
        }
        inner.retain(|_, value| !value.is_null());
        let arguments = is_typed.then(|| take(&mut inner, &["arguments", "input"]));
        let (arguments, response) = match arguments.flatten() {
            Some(arguments) => (arguments, take(&mut inner, &["output", "error"])),
            None => (Value::Object(inner), None),
        };
        object.insert("arguments".to_owned(), arguments);
        object.extend(response.map(|response| ("output".to_owned(), response)));
    } else if let Some(arguments) = inner {
        object.insert("arguments".to_owned(), arguments);
    }
    read_mcp_call(object, parts);
}

/// Reads a call that the provider made to an MCP server, together with its result.
fn read_mcp_call(mut object: Object, parts: &mut Vec<Part>) {
    let response = take(&mut object, &["output", "error"]);
    let call = call(object);
    let answer = match (&call, response) {
        (Part::ToolCall { id, name, .. }, Some(response)) => Some(Part::ToolCallResponse {
            id: id.clone(),
            name: Some(name.clone()),
            response: answer(response),
        }),
        _ => None,
    };
    parts.push(call);
    parts.extend(answer);
}
