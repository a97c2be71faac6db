//! Reads what `{:?}` writes for Rust values, since `fields(gen_ai.input.messages = ?messages)` is easily written.
//!
//! Structs become objects, and lists become lists. An enum becomes what its variant holds, with the variant as `type` or role.
//! That is how the libraries that have such enums serialise them.

use serde_json::Value;

use super::{
    super::{Object, object_of, shapes::fields},
    Reader,
};

/// Parts of messages for which libraries have a variant.
static PART_VARIANTS: &[&str] = &[
    "document",
    "file",
    "function",
    "function_call",
    "function_call_output",
    "image",
    "image_url",
    "input_audio",
    "input_image",
    "input_text",
    "output_text",
    "reasoning",
    "refusal",
    "text",
    "thinking",
    "tool_call",
    "tool_response",
    "tool_result",
    "tool_use",
];

impl Reader<'_> {
    /// Reads what follows the name of a struct or of a variant, unless that is a parenthesis.
    pub(super) fn rust_variant(&mut self, name: &str, levels: usize) -> Option<Value> {
        if !name.starts_with(|first: char| first.is_ascii_uppercase()) {
            return None;
        }
        match (name, self.peek_token()?) {
            // Values of serde_json.
            ("Array", '[') => self.list(']', levels),
            ("Object", '{') => self.object(levels),
            (_, '{') => {
                self.chars.next();
                self.structs += 1;
                let mut fields = self.named_fields('}', ':', levels)?;
                self.structs -= 1;
                // A field that is `None` is left out.
                fields.retain(|_, value| !value.is_null());
                for (name, value) in &mut fields {
                    flatten(name, value);
                }
                Some(Value::Object(with_variant(name, fields)))
            }
            (_, ',' | ')' | ']' | '}') => Some(Value::String(snake_case(name))),
            _ => None,
        }
    }

    /// Reads a value inside a struct. Anything without quotes and brackets may be one there: a variant such as `user`, a UUID, a
    /// time. Elsewhere, that would be prose.
    pub(super) fn rust_word(&mut self, levels: usize) -> Option<Value> {
        let start = self.chars.clone();
        let value = self.number_or_word(levels);
        if value.is_some() && matches!(self.peek_token(), None | Some(',' | ')' | ']' | '}')) {
            return value;
        }
        self.chars = start;
        let text = self.take_while(|c| !"\"'()[]{},".contains(c)).trim_end();
        match self.chars.peek() {
            None => {
                self.is_truncated = true;
                Some(Value::Null)
            }
            Some((_, ',' | ')' | ']' | '}')) if !text.is_empty() => {
                Some(Value::String(text.to_owned()))
            }
            Some(_) => None,
        }
    }

    /// Reads `Name(value, ...)`, starting behind the parenthesis.
    pub(super) fn tuple(&mut self, name: &str, levels: usize) -> Option<Value> {
        let mut items = Vec::new();
        while !self.consume_close(')') {
            let item = self.value(levels)?;
            items.push(item);
            self.consume_comma(')')?;
        }
        if items.len() != 1 {
            return Some(Value::Array(items));
        }
        Some(match items.remove(0) {
            Value::Object(fields) => Value::Object(with_variant(name, fields)),
            text @ Value::String(_) if is_role(&snake_case(name)) => {
                let content = object_of([("content".to_owned(), text)]);
                Value::Object(with_variant(name, content))
            }
            value => value,
        })
    }
}

/// Unwraps the variant of an enum that has no other field than one with the name of the field that it is in. The libraries that
/// have such enums flatten them when they serialise them.
fn flatten(name: &str, value: &mut Value) {
    if let Value::Object(fields) = value
        && fields.len() == 1
        && let Some(inner) = fields.remove(name)
    {
        *value = inner;
    }
}

/// Unwraps a part that serde has tagged with its variant, such as genai's `{"Text": "Hi"}`.
pub(in super::super) fn untag(part: Value) -> Value {
    let kind = match &part {
        Value::Object(fields) if fields.len() == 1 => fields.keys().next(),
        _ => None,
    };
    let kind = kind.filter(|name| name.starts_with(|first: char| first.is_ascii_uppercase()));
    let Some(kind) = kind
        .map(|name| snake_case(name))
        .filter(|name| PART_VARIANTS.contains(&&**name))
    else {
        return part;
    };
    let Value::Object(fields) = part else {
        return part;
    };
    let mut untagged = match fields.into_iter().next() {
        Some((_, Value::Object(fields))) => fields,
        Some((_, value)) => object_of([("content".to_owned(), value)]),
        None => Object::new(),
    };
    untagged.entry("type").or_insert_with(|| kind.into());
    Value::Object(untagged)
}

/// Adds the variant to the fields that it holds, as their `type` or role.
fn with_variant(variant: &str, mut fields: Object) -> Object {
    let variant = snake_case(variant);
    if PART_VARIANTS.contains(&&*variant) {
        fields
            .entry("type")
            .or_insert_with(|| Value::String(variant));
    } else if is_role(&variant) {
        fields
            .entry("role")
            .or_insert_with(|| Value::String(variant));
    }
    fields
}

fn is_role(variant: &str) -> bool {
    !PART_VARIANTS.contains(&variant) && fields::role(variant).is_some()
}

/// Turns `ToolCalls` into `tool_calls`, as serde's `rename_all = "snake_case"` does.
pub(crate) fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::read;

    fn value(text: &str) -> Option<serde_json::Value> {
        let repaired = read(text)?;
        (!repaired.is_truncated).then_some(repaired.value)
    }

    #[test]
    fn derived_debug_is_read() {
        for (text, expected) in [
            (
                r#"[System(Request { content: Text("be \"brief\"\u{1f600}"), name: None }), User(Request { content: Array([Text(Part { text: "Hi" }), ImageUrl(Part { image_url: Url { url: "u", detail: Some(Low) } })]), .. })]"#,
                json!([
                    {"role": "system", "content": "be \"brief\"😀"},
                    {"role": "user", "content": [
                        {"type": "text", "text": "Hi"},
                        {"type": "image_url", "image_url": {"url": "u", "detail": "low"}},
                    ]},
                ]),
            ),
            (
                r#"[Message { role: Assistant, tool_calls: Some([Function(Call { id: "c", function: Named { name: "f", arguments: "{\"a\": 1}" } })]), audio: None }]"#,
                json!([{"role": "assistant", "tool_calls": [
                    {"type": "function", "id": "c", "function": {"name": "f", "arguments": "{\"a\": 1}"}},
                ]}]),
            ),
            (
                r#"[Object {"content": String("Hi"), "n": Number(2), "ok": Bool(true), "x": Null}]"#,
                json!([{"content": "Hi", "n": 2, "ok": true, "x": null}]),
            ),
            (
                r#"[User("Hi"), Assistant("Yes")]"#,
                json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes"}]),
            ),
            (
                r#"[Message { role: user, content: Text("Hi"), reason: Some(stop), name: None }]"#,
                json!([{"role": "user", "content": "Hi", "reason": "stop"}]),
            ),
            (
                "[Message { id: Some(67e55044-10b1-426f-9247-bb680e5fe0c8), at: 2026-11-29 16:17:12.5 +00:00, n: 3 }]",
                json!([{"id": "67e55044-10b1-426f-9247-bb680e5fe0c8", "at": "2026-11-29 16:17:12.5 +00:00", "n": 3}]),
            ),
            (
                r#"[Message { role: User, content: Blocks { content: [ToolResult { content: "4" }] } }]"#,
                json!([{"role": "user", "content": [{"type": "tool_result", "content": "4"}]}]),
            ),
            ("[Some(ToolCalls), None]", json!(["tool_calls", null])),
            (
                "[\n    Msg {\n        role: User,\n        content: \"Hi\",\n    },\n]",
                json!([{"role": "user", "content": "Hi"}]),
            ),
        ] {
            assert_eq!(value(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn truncated_debug_is_closed() {
        let whole = r#"[Message { at: 2026-11-29 16:17, role: user, content: Text("Hi") }]"#;
        for end in "[Message {".len()..whole.len() {
            let Some(repaired) = read(&whole[..end]) else {
                panic!("{}", &whole[..end]);
            };
            assert!(repaired.is_truncated, "{}", &whole[..end]);
        }
    }

    #[test]
    fn prose_is_not_a_debug_value() {
        for text in [
            "[Call me]",
            "[user, Some(stop)]",
            "[67e55044-10b1-426f]",
            "{Name: Bob}",
            "[Hello (you), there]",
            "(See [1])",
        ] {
            assert_eq!(value(text), None, "{text}");
        }
    }
}
