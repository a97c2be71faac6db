//! Tools: the definitions that a model gets, and the arguments and results of calls.

mod recent;

use std::{borrow::Cow, rc::Rc};

use serde_json::Value;

use super::{
    ContentLimits, Object, blobs, canonical, cut, parse, repair,
    shapes::fields::{kind, take, take_object, take_text},
    write,
};
use crate::privacy;

const SCHEMA_FIELDS: &[&str] = &[
    "parameters",
    "input_schema",
    "inputSchema",
    "parameters_json_schema",
    "parametersJsonSchema",
    "json_schema",
];

/// Fields that hold lists of definitions.
const LIST_FIELDS: &[&str] = &[
    "tools",
    "function_tools",
    "native_tools",
    "builtin_tools",
    "output_tools",
    "functionDeclarations",
    "function_declarations",
];

/// Reads the definitions of tools in any provider's spelling.
///
/// Returns `[{"type":"function","name","description","parameters"}]` within `limits`, or `[]` if `text` defines no tool. Tools
/// that the provider runs are kept as they are, without credentials.
pub(crate) fn tool_definitions(text: &str, limits: &ContentLimits) -> Rc<str> {
    recent::read(text, limits, read_definitions)
}

fn read_definitions(text: &str, limits: &ContentLimits) -> String {
    let value = parse::json(text)
        .or_else(|| Some(repair::read(text)?.value))
        .or_else(|| repair::read_named(text))
        .or_else(|| split_names(text));
    let mut tools = Vec::new();
    collect(value.unwrap_or_default(), &mut tools);
    for tool in &mut tools {
        tool.shorten(limits.text_bytes.max(cut::MIN_LIMIT));
    }
    fit(tools, limits)
}

/// Reads names with commas between them: `get_weather, get_time`.
fn split_names(text: &str) -> Option<Value> {
    let is_name = |name: &&str| {
        name.starts_with(|first: char| first.is_alphabetic())
            && name
                .chars()
                .all(|letter| letter.is_alphanumeric() || "_-./:".contains(letter))
            && !["any", "auto", "none", "required", "undefined"]
                .contains(&&*name.to_ascii_lowercase())
    };
    let names: Vec<&str> = text.split(',').map(str::trim).collect();
    names.iter().all(is_name).then(|| names.into())
}

/// Brings a tool's arguments or its result within `limits`.
///
/// JSON stays JSON; its binary content is replaced and its strings are shortened. Output of `{:?}` becomes JSON. Plain text is
/// cut.
///
/// Also returns the original size in UTF-8 bytes, if anything was cut.
pub(crate) fn tool_payload<'t>(
    text: &'t str,
    limits: &ContentLimits,
) -> (Cow<'t, str>, Option<usize>) {
    if let Some(value) = parse_debug(text) {
        let json = value.to_string();
        let (json, size) = tool_payload(&json, limits);
        return (json.into_owned().into(), size.map(|_| text.len()));
    }
    let redacted = blobs::redact_blobs(text);
    if redacted.len() <= limits.text_bytes.min(limits.attribute_bytes)
        || canonical::is_payload(&redacted, limits)
    {
        return (redacted, None);
    }
    let (json, is_cut) = match parse::json(&redacted) {
        Some(value) => fit_payload(value, redacted, limits),
        None => (cut_text(redacted, limits), true),
    };
    (json.into(), is_cut.then_some(text.len()))
}

/// Reads what `{:?}` writes for a value or a map of serde_json: `Object {"city": String("Paris")}`, `{"city": String("Paris")}`. For
/// other types the names would be lost.
fn parse_debug(text: &str) -> Option<Value> {
    let wrapped = ["Some(", "Ok("]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix));
    let rest = wrapped.unwrap_or(text);
    let is_value = rest.starts_with("Object {") || rest.starts_with("Array [");
    let is_empty_map = wrapped == Some("{})");
    if !is_value && !is_empty_map && !starts_as_debug_map(rest) {
        return None;
    }
    repair::read_named(text).or_else(|| repair::read(text)?.complete())
}

/// Returns whether the first value of a map is one of serde_json's variants, which no JSON has.
fn starts_as_debug_map(text: &str) -> bool {
    const VARIANTS: [&str; 6] = ["Array [", "Bool(", "Null", "Number(", "Object {", "String("];

    let first = text.strip_prefix("{\"").and_then(|rest| {
        let (_, rest) = rest.split_once('"')?;
        rest.strip_prefix(": ")
    });
    first.is_some_and(|value| VARIANTS.iter().any(|variant| value.starts_with(variant)))
}

pub(super) fn fit_payload(
    mut value: Value,
    text: Cow<'_, str>,
    limits: &ContentLimits,
) -> (String, bool) {
    blobs::redact_value(&mut value);
    let mut limit = limits.text_bytes.max(cut::MIN_LIMIT);
    let mut is_cut = cut::shorten(&mut value, limit);
    if !is_cut && text.len() <= limits.attribute_bytes {
        // Unchanged, with the fields in their original order.
        return (text.into_owned(), false);
    }
    let mut json = value.to_string();
    while json.len() > limits.attribute_bytes && limit > cut::MIN_LIMIT {
        limit = (limit.min(limits.attribute_bytes) / 2).max(cut::MIN_LIMIT);
        is_cut |= cut::shorten(&mut value, limit);
        json = value.to_string();
    }
    if json.len() <= limits.attribute_bytes {
        return (json, is_cut);
    }
    // The size is in numbers or names, so keep as much of the text as fits, as a JSON string.
    let mut start = text.into_owned();
    let mut remaining = limits.attribute_bytes.saturating_sub(2);
    loop {
        cut::cut(&mut start, remaining);
        let json = Value::String(start.clone()).to_string();
        if json.len() <= limits.attribute_bytes || remaining == 0 {
            return (json, true);
        }
        remaining /= 2;
    }
}

fn cut_text(text: Cow<'_, str>, limits: &ContentLimits) -> String {
    let mut text = text.into_owned();
    cut::cut(&mut text, limits.text_bytes.min(limits.attribute_bytes));
    text
}

fn fit(mut tools: Vec<Tool>, limits: &ContentLimits) -> String {
    let mut json = render(&tools);
    if json.len() > limits.attribute_bytes {
        // Names and descriptions are more informative than schemas.
        for tool in &mut tools {
            if let Tool::Function { parameters, .. } = tool {
                *parameters = None;
            }
        }
        json = render(&tools);
    }
    if json.len() > limits.attribute_bytes {
        for tool in &mut tools {
            tool.shorten(cut::MIN_LIMIT);
        }
        json = render(&tools);
    }
    if json.len() > limits.attribute_bytes {
        let mut remaining = limits.attribute_bytes.saturating_sub(2);
        let fitting = tools.iter().take_while(|tool| {
            let mut out = Vec::new();
            tool.write(&mut out);
            let fits = out.len() < remaining;
            remaining = remaining.saturating_sub(out.len() + 1);
            fits
        });
        let fitting = fitting.count();
        tools.truncate(fitting);
        json = render(&tools);
    }
    json
}

enum Tool {
    Function {
        name: String,
        description: Option<String>,
        parameters: Option<Value>,
    },
    /// A tool of the provider's own, such as web search.
    BuiltIn(Value),
}

impl Tool {
    fn shorten(&mut self, limit: usize) {
        match self {
            Self::Function {
                name,
                description,
                parameters,
            } => {
                cut::cut(name, limit);
                if let Some(description) = description {
                    cut::cut(description, limit);
                }
                if let Some(parameters) = parameters {
                    cut::shorten(parameters, limit);
                }
            }
            Self::BuiltIn(fields) => {
                cut::shorten(fields, limit);
            }
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Function {
                name,
                description,
                parameters,
            } => {
                out.extend_from_slice(b"{\"type\":\"function\"");
                write::text_field(out, "name", name);
                if let Some(description) = description {
                    write::text_field(out, "description", description);
                }
                if let Some(parameters) = parameters {
                    write::field(out, "parameters", parameters);
                }
                out.push(b'}');
            }
            Self::BuiltIn(fields) => write::value(out, fields),
        }
    }
}

fn collect(value: Value, tools: &mut Vec<Tool>) {
    match value {
        Value::Array(items) => items.into_iter().for_each(|item| collect(item, tools)),
        // The AI SDK has a list of JSON texts, others a list of names.
        Value::String(text) => match parse::json(&text) {
            Some(value) => collect(value, tools),
            None if text.is_empty() || text == parse::REDACTED => {}
            None => tools.push(Tool::Function {
                name: text,
                description: None,
                parameters: None,
            }),
        },
        Value::Object(object) => collect_object(object, tools),
        _ => {}
    }
}

fn collect_object(mut object: Object, tools: &mut Vec<Tool>) {
    let before = tools.len();
    let mut has_list = false;
    for key in LIST_FIELDS {
        if let Some(list) = take(&mut object, &[key]) {
            has_list = true;
            collect(list, tools);
        }
    }
    // An object around a list, even an empty one, is not itself a tool unless it states a type.
    if tools.len() > before || (has_list && !object.contains_key("type")) {
        return;
    }
    object.retain(|_, value| !value.is_null());
    let kind = kind(&object).map(|kind| kind.into_owned());
    for key in ["function", "toolSpec", "custom"] {
        if let Some(inner) = take_object(&mut object, key) {
            object = inner;
        }
    }
    let has_schema = SCHEMA_FIELDS.iter().any(|key| object.contains_key(*key));
    let is_function = match kind.as_deref() {
        None => has_schema || object.contains_key("name"),
        Some("function" | "custom" | "function_tool") => true,
        // For LangChain and pydantic-ai the type says something else.
        Some(_) => has_schema,
    };
    match take_text(&mut object, &["name"]) {
        Some(name) if is_function => tools.push(Tool::Function {
            name,
            description: take_text(&mut object, &["description"]),
            parameters: take(&mut object, SCHEMA_FIELDS).map(schema),
        }),
        // A schema without a name is not a tool.
        None if kind.is_none() && has_schema => {}
        name => tools.extend(built_in(object, name).map(Tool::BuiltIn)),
    }
}

/// Unwraps a schema, which Bedrock and the AI SDK wrap in another object.
fn schema(value: Value) -> Value {
    match value {
        Value::Object(mut object) if object.len() == 1 => {
            match take(&mut object, &["json", "jsonSchema"]) {
                Some(inner) => inner,
                None => Value::Object(object),
            }
        }
        value => value,
    }
}

/// Fields with credentials for an MCP server, under any provider's name.
const CREDENTIAL_FIELDS: &[&str] = &["authorization", "authorization_token", "headers"];

/// Fields with the address of an MCP server.
const ADDRESS_FIELDS: &[&str] = &["server_url", "url"];

/// Reads a built-in tool. It has a type, which for Gemini is the name of a field. An object with other settings is not a tool.
fn built_in(mut object: Object, name: Option<String>) -> Option<Value> {
    if object.get("type").is_none_or(|kind| !kind.is_string()) {
        if name.is_none() && !object.values().all(Value::is_object) {
            return None;
        }
        let kind = object.keys().next()?.clone();
        object.insert("type".to_owned(), kind.into());
    }
    object.retain(|key, _| !CREDENTIAL_FIELDS.contains(&key.as_str()));
    for key in ADDRESS_FIELDS {
        if let Some(Value::String(address)) = object.get_mut(*key)
            && let Some(redacted) = privacy::redact_urls(address)
        {
            *address = redacted;
        }
    }
    let name = name.or_else(|| Some(object.get("type")?.as_str()?.to_owned()))?;
    object.insert("name".to_owned(), name.into());
    Some(Value::Object(object))
}

fn render(tools: &[Tool]) -> String {
    let mut out = Vec::new();
    write::array(&mut out, tools, |out, tool| tool.write(out));
    write::finish(out)
}
