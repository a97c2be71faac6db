//! Renames attributes to their canonical keys, and converts values to their canonical types.

use std::collections::HashSet;

use crate::{
    Attributes, Input, Value, content,
    dialect::{self, NONE, json_of_scalar as json_of, unquoted},
    messages, status,
    tables::{self, Attribute, Kind, Lifecycle},
};

/// Renames attributes that Sentry's registry has deprecated, converts values to the registry's types, and drops an
/// `Option` that is `None`. Empty texts have been dropped before.
///
/// A value that cannot be converted is dropped, since Sentry would drop it too.
pub(crate) fn canonicalise(attributes: &mut Attributes) {
    attributes.look_up();
    while let Some(old) = find_deprecated(attributes) {
        match old.lifecycle {
            Lifecycle::Renamed(to) => attributes.rename(old.name, to),
            // Nothing replaces it, and Sentry would still read it under its old name.
            Lifecycle::Retired | Lifecycle::Current => attributes.prefix_key(old.name, "otel."),
        }
        attributes.look_up();
    }
    for (key, kind, value) in mistyped(attributes) {
        attributes.remove(key);
        let converted = match (&value, content::side_of_messages(key)) {
            (Input::Array(list), Some(side)) => {
                let messages = messages::from_list(list.iter().map(json_of), side);
                Some(messages.to_string().into())
            }
            _ => convert(&value, kind),
        };
        if let Some(converted) = converted {
            attributes.push(key, converted);
        }
    }
}

/// Reads numbers and names that doors have recorded as text, such as `"42"`, `Some(42)` or `"\"gpt-5\""`. Returns the
/// positions of those that were changed.
pub(crate) fn parse_texts(attributes: &mut Attributes) -> Vec<usize> {
    (0..attributes.records())
        .filter(|&index| parse_text_at(attributes, index))
        .collect()
}

/// Like [`parse_texts`], for the value of entry number `index` alone. Returns whether it was changed.
///
/// Texts that are not plain integers are left to [`canonicalise`].
pub(crate) fn parse_text_at(attributes: &mut Attributes, index: usize) -> bool {
    let Some((key, text, known)) = attributes.text_with_row_at(index) else {
        return false;
    };
    let inner = unquoted(text);
    match known.map(resolve_current) {
        Some(known) if known.kind == Kind::Text => {
            let is_quoted = !inner.is_empty() && inner.len() < text.len();
            if !is_quoted || content::is_content(known.name) {
                return false;
            }
            let inner = inner.to_owned();
            attributes.set_text_at(index, &inner);
        }
        Some(known) if known.kind != Kind::Integer => return false,
        known => {
            let Some(number) = parse_integer(inner.trim()) else {
                return false;
            };
            // Libraries have more counts than the registry, which lists only those of GenAI.
            let is_count = || key.starts_with("gen_ai.") && dialect::may_be_count_or_cost(key);
            if known.is_none() && !tables::is_integer(key) && !is_count() {
                return false;
            }
            attributes.set_integer_at(index, number);
        }
    }
    true
}

fn parse_integer(text: &str) -> Option<i64> {
    let is_numeric = text.bytes().all(|byte| byte.is_ascii_digit());
    is_numeric.then(|| text.parse().ok()).flatten()
}

/// Returns the attribute that replaces a deprecated one, or else the attribute itself.
fn resolve_current(mut known: &'static Attribute) -> &'static Attribute {
    while let Lifecycle::Renamed(to) = known.lifecycle
        && let Some(replacement) = tables::attribute(to)
    {
        known = replacement;
    }
    known
}

/// Returns whether [`canonicalise`] has no value to convert, whatever the texts are.
pub(crate) fn have_registry_types(attributes: &Attributes) -> bool {
    attributes.iter().all(|(key, value)| {
        let known = tables::attribute(key).map(resolve_current);
        known.is_none_or(|known| has_type(value, known.kind))
    })
}

fn has_type(value: Value<'_>, kind: Kind) -> bool {
    matches!(
        (kind, value),
        (Kind::Text, Value::Str(_))
            | (Kind::Integer, Value::Integer(_))
            | (Kind::Double, Value::Double(_))
            | (Kind::Boolean, Value::Bool(_))
            | (Kind::List, Value::Array(_))
    )
}

/// Moves attributes that Sentry does not know out of its namespaces. They are kept as attributes of the program or a
/// library.
///
/// The headers of Vercel's requests are dropped, because they contain keys and cookies, whatever content may be sent.
pub(crate) fn move_unknown_keys(attributes: &mut Attributes) {
    attributes.look_up();
    let unknown: Vec<_> = attributes
        .iter_with_rows()
        .filter(|(key, _, known)| is_unknown(key, *known))
        .map(|(key, value, _)| (key.to_owned(), value.to_input()))
        .collect();
    if unknown.is_empty() {
        return;
    }
    // A program that generates keys can have thousands of them, so the store is not searched for each.
    let keys: HashSet<&str> = unknown.iter().map(|(key, _)| &**key).collect();
    attributes.retain(|key, _| !keys.contains(key));
    let is_target = |key: &&str| key.starts_with("otel.") || key.starts_with("vercel.");
    let keys = attributes.iter().map(|(key, _)| key);
    let mut existing: HashSet<_> = keys.filter(is_target).map(str::to_owned).collect();
    for (key, value) in unknown {
        if key.starts_with("ai.request.headers") {
            continue;
        }
        let target = if key.starts_with("ai.") {
            format!("vercel.{key}")
        } else {
            format!("otel.{key}")
        };
        if !existing.contains(&target) {
            attributes.push_owned_key(&target, value);
            existing.insert(target);
        }
    }
}

/// Iterates over the keys that [`move_unknown_keys`] would move. All keys must have been looked up.
pub(crate) fn unknown_keys(attributes: &Attributes) -> impl Iterator<Item = &str> {
    let known = attributes.iter_with_rows();
    known.filter_map(|(key, _, known)| is_unknown(key, known).then_some(key))
}

fn is_unknown(key: &str, known: Option<&Attribute>) -> bool {
    if key.starts_with("ai.") {
        return true;
    }
    let is_current = known.is_some_and(|known| known.lifecycle == Lifecycle::Current);
    !is_current
        && ["gen_ai.", "mcp.", "sentry."]
            .iter()
            .any(|namespace| key.starts_with(namespace))
        && !tables::is_opentelemetry(key)
        && (known.is_some() || !tables::matches_template(key))
}

/// Finds a deprecated GenAI or MCP key. Other namespaces are left alone.
fn find_deprecated(attributes: &Attributes) -> Option<&'static Attribute> {
    let mut known = attributes
        .iter_with_rows()
        .filter_map(|(_, _, known)| known);
    known.find(|known| {
        known.lifecycle != Lifecycle::Current
            && known.name != status::IS_TOOL_ERROR
            && (known.name.starts_with("gen_ai.") || known.name.starts_with("mcp."))
    })
}

/// Content that is never the word `None`. Questions and answers may consist of it.
static NEVER_NONE: &[&str] = &[
    "gen_ai.system_instructions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.definitions",
];

/// Returns the attributes whose value does not have the registry's type, or is still what `Debug` writes.
fn mistyped(attributes: &Attributes) -> Vec<(&'static str, Kind, Input<'static>)> {
    attributes
        .iter_with_rows()
        .filter_map(|(key, value, known)| {
            let known = known?;
            let fits = match (known.kind, value) {
                (Kind::Text, Value::Str(text)) => {
                    let is_content = || content::is_content(key);
                    if text == NONE {
                        is_content() && !NEVER_NONE.contains(&key)
                    } else {
                        unquoted(text).len() == text.len() || is_content()
                    }
                }
                (kind, value) => has_type(value, kind),
            };
            (!fits).then(|| (known.name, known.kind, value.to_input()))
        })
        .collect()
}

fn convert<'v>(value: &'v Input<'_>, kind: Kind) -> Option<Input<'v>> {
    Some(match (kind, value) {
        (Kind::Text, Input::Str(text)) => {
            let text = unquoted(text);
            (!text.is_empty() && text != NONE).then_some(text)?.into()
        }
        (Kind::Text, Input::Integer(number)) => number.to_string().into(),
        (Kind::Text, Input::Double(number)) => number.to_string().into(),
        (Kind::Text, Input::Bool(value)) => value.to_string().into(),
        (Kind::Text, Input::Array(list)) => {
            let list: serde_json::Value = list.iter().map(json_of).collect();
            list.to_string().into()
        }
        (Kind::Integer, Input::Double(number)) => to_integer(*number)?.into(),
        (Kind::Integer, Input::Str(text)) => {
            let text = unquoted(text).trim();
            let number = text.parse().ok();
            number.or_else(|| to_integer(text.parse().ok()?))?.into()
        }
        (Kind::Double, Input::Integer(number)) => (*number as f64).into(),
        (Kind::Double, Input::Str(text)) => unquoted(text).trim().parse::<f64>().ok()?.into(),
        (Kind::Boolean, Input::Str(text)) => match unquoted(text) {
            "true" | "True" | "1" => true.into(),
            "false" | "False" | "0" => false.into(),
            _ => return None,
        },
        (Kind::Boolean, Input::Integer(number @ (0 | 1))) => (*number == 1).into(),
        (Kind::List, Input::Str(text)) => {
            let text = unquoted(text);
            let list = || serde_json::from_str::<Vec<String>>(text);
            (text != NONE)
                .then(|| list().unwrap_or_else(|_| vec![text.to_owned()]))?
                .into()
        }
        _ => return None,
    })
}

/// Returns a number as an integer, if it is one.
fn to_integer(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scalar, growth::assert_linear};

    fn canonical(pairs: &[(&'static str, Value<'_>)]) -> Attributes {
        let mut attributes = Attributes::default();
        for (key, value) in pairs {
            attributes.push(key, *value);
        }
        canonicalise(&mut attributes);
        attributes
    }

    #[test]
    fn deprecated_keys_are_renamed_to_current_ones() {
        let attributes = canonical(&[
            ("gen_ai.system", Value::Str("openai")),
            ("gen_ai.usage.prompt_tokens", Value::Integer(42)),
            ("gen_ai.usage.input_tokens", Value::Integer(43)),
            ("gen_ai.tool.type", Value::Str("function")),
        ]);
        assert_eq!(
            attributes.get("gen_ai.provider.name"),
            Some(Value::Str("openai"))
        );
        assert_eq!(
            attributes.get("gen_ai.usage.input_tokens"),
            Some(Value::Integer(43))
        );
        assert_eq!(
            attributes.get("otel.gen_ai.tool.type"),
            Some(Value::Str("function"))
        );
        assert_eq!(attributes.len(), 3);
    }

    #[test]
    fn a_list_of_texts_becomes_messages() {
        let texts = ["Why?", r#"{"role":"user","content":"How?"}"#];
        let texts = texts.map(|text| Scalar::Str(text.to_owned()));
        let attributes = canonical(&[("gen_ai.response.text", Value::Array(&texts))]);
        let messages = attributes.text("gen_ai.output.messages").unwrap();
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(messages).unwrap(),
            serde_json::json!([
                {"role": "assistant", "content": "Why?"},
                {"role": "user", "content": "How?"},
            ])
        );
    }

    #[test]
    fn values_are_converted_to_the_registrys_types() {
        const COUNT: &str = "gen_ai.usage.input_tokens";
        const TEMPERATURE: &str = "gen_ai.request.temperature";
        const STOP: &str = "gen_ai.request.stop_sequences";
        const STREAMING: &str = "gen_ai.response.streaming";
        const ID: &str = "gen_ai.response.id";
        const RESULT: &str = "gen_ai.tool.call.result";
        let list = ["a", "b"].map(|text| Scalar::Str(text.into()));
        let list = Value::Array(&list);
        for (key, value, expected) in [
            (COUNT, Value::Str("42"), Some(Value::Integer(42))),
            (COUNT, Value::Str("Some(17)"), Some(Value::Integer(17))),
            (COUNT, Value::Str("42.0"), Some(Value::Integer(42))),
            (COUNT, Value::Str("many"), None),
            (COUNT, Value::Double(42.0), Some(Value::Integer(42))),
            (COUNT, Value::Double(0.5), None),
            (COUNT, Value::Double(1e30), None),
            (TEMPERATURE, Value::Integer(1), Some(Value::Double(1.0))),
            (STOP, Value::Str(r#"["a","b"]"#), Some(list)),
            (STREAMING, Value::Integer(0), Some(Value::Bool(false))),
            (STREAMING, Value::Integer(1), Some(Value::Bool(true))),
            (STREAMING, Value::Integer(2), None),
            (ID, Value::Integer(7), Some(Value::Str("7"))),
            (ID, Value::Double(0.5), Some(Value::Str("0.5"))),
            (ID, Value::Bool(true), Some(Value::Str("true"))),
            (ID, list, Some(Value::Str(r#"["a","b"]"#))),
            (ID, Value::Str(r#""resp_1""#), Some(Value::Str("resp_1"))),
            (ID, Value::Str(r#""""#), None),
            (ID, Value::Str("None"), None),
            ("user.id", Value::Str("None"), None),
            ("gen_ai.system_instructions", Value::Str("None"), None),
            ("gen_ai.tool.call.arguments", Value::Str("None"), None),
            // A tool may return it.
            (RESULT, Value::Str("None"), Some(Value::Str("None"))),
            (STOP, Value::Str(r#"Some(["a", "b"])"#), Some(list)),
            (STOP, Value::Str("None"), None),
        ] {
            let attributes = canonical(&[(key, value)]);
            assert_eq!(attributes.get(key), expected, "{key} {value:?}");
        }
    }

    #[test]
    fn numbers_and_names_are_parsed_in_place() {
        let mut attributes = Attributes::default();
        for (key, text) in [
            ("gen_ai.usage.input_tokens", "42"),
            ("gen_ai.usage.reasoning_tokens", "Some(5)"),
            ("gen_ai.system", "\"openai\""),
            ("gen_ai.request.max_tokens", "-1"),
            ("gen_ai.request.temperature", "1"),
            ("gen_ai.input.messages", "\"Hi\""),
            ("gen_ai.custom", "7"),
            ("app.tokens", "7"),
            ("http.status_code", "no answer"),
            ("http.response.status_code", "200"),
        ] {
            attributes.push(key, text);
        }
        let original = attributes.clone();
        assert_eq!(parse_texts(&mut attributes), [0, 1, 2, 9]);
        assert_eq!(attributes.integer("gen_ai.usage.input_tokens"), Some(42));
        assert_eq!(attributes.integer("gen_ai.usage.reasoning_tokens"), Some(5));
        assert_eq!(attributes.text("gen_ai.system"), Some("openai"));
        assert_eq!(attributes.integer("http.response.status_code"), Some(200));
        assert!((3..9).all(|index| attributes.slot(index) == original.slot(index)));
    }

    #[test]
    fn many_unknown_keys_are_moved_in_linear_time() {
        assert_linear(2_000, |count| {
            let mut attributes = Attributes::default();
            attributes.push("otel.gen_ai.made.up.0", "there before");
            attributes.push("ai.request.headers.authorization", "key");
            for number in 0..count {
                let key = format!("gen_ai.made.up.{number}");
                attributes.push_owned_key(&key, number as i64);
                attributes.push_owned_key(&format!("ai.made.up.{number}"), number as i64);
            }
            move_unknown_keys(&mut attributes);
            assert_eq!(attributes.len(), 2 * count);
            assert_eq!(
                attributes.text("otel.gen_ai.made.up.0"),
                Some("there before")
            );
            assert_eq!(attributes.integer("otel.gen_ai.made.up.7"), Some(7));
            assert_eq!(attributes.integer("vercel.ai.made.up.7"), Some(7));
        });
    }
}
