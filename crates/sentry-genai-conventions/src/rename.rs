//! Step 2: canonical keys with canonical types.

use std::collections::HashSet;

use crate::{
    Attributes, Scalar, Value,
    attributes::Owned,
    content,
    dialect::{self, json_of_scalar as json_of, unquoted},
    messages, status,
    tables::{self, Attribute, Kind, Lifecycle},
};

/// Renames attributes that Sentry's registry has deprecated, converts values to the registry's types, and drops empty
/// texts.
///
/// A value that cannot be converted is dropped, since Sentry would drop it too.
pub(crate) fn canonicalise(attributes: &mut Attributes) {
    attributes.retain(|_, value| !matches!(value, Value::Str("")));
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
            (Owned::List(list), Some(side)) => {
                let messages = messages::from_list(list.iter().map(json_of), side);
                Some(Owned::Text(messages.to_string()))
            }
            _ => convert(&value, kind),
        };
        match converted {
            Some(Owned::List(list)) => attributes.push(key, list),
            Some(converted) => converted.push_static(attributes, key),
            None => {}
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

/// Does this for the value of entry number `index`. Returns whether the value was changed.
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
        .map(|(key, value, _)| (key.to_owned(), Owned::from(value)))
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
            value.push(attributes, &target);
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

/// Returns the attributes whose value does not have the registry's type, or still has the quotation marks of `Debug`.
fn mistyped(attributes: &Attributes) -> Vec<(&'static str, Kind, Owned)> {
    attributes
        .iter_with_rows()
        .filter_map(|(key, value, known)| {
            let known = known?;
            let fits = match (known.kind, value) {
                (Kind::Text, Value::Str(text)) => {
                    unquoted(text).len() == text.len() || content::is_content(key)
                }
                (kind, value) => has_type(value, kind),
            };
            (!fits).then(|| (known.name, known.kind, Owned::from(value)))
        })
        .collect()
}

fn convert(value: &Owned, kind: Kind) -> Option<Owned> {
    Some(match (kind, value) {
        (Kind::Text, Owned::Text(text)) => {
            let text = unquoted(text);
            (!text.is_empty()).then(|| Owned::Text(text.to_owned()))?
        }
        (Kind::Text, Owned::Integer(number)) => Owned::Text(number.to_string()),
        (Kind::Text, Owned::Double(number)) => Owned::Text(number.to_string()),
        (Kind::Text, Owned::Bool(value)) => Owned::Text(value.to_string()),
        (Kind::Text, Owned::List(list)) => Owned::Text(json_list(list)),

        (Kind::Integer, Owned::Double(number)) if number.fract() == 0.0 && number.abs() < 9e15 => {
            Owned::Integer(*number as i64)
        }
        (Kind::Integer, Owned::Text(text)) => {
            let text = unquoted(text).trim();
            match text.parse::<i64>() {
                Ok(number) => Owned::Integer(number),
                Err(_) => convert(&Owned::Double(text.parse().ok()?), Kind::Integer)?,
            }
        }
        (Kind::Double, Owned::Integer(number)) => Owned::Double(*number as f64),
        (Kind::Double, Owned::Text(text)) => {
            let number: f64 = unquoted(text).trim().parse().ok()?;
            number.is_finite().then_some(Owned::Double(number))?
        }
        (Kind::Boolean, Owned::Text(text)) => match unquoted(text) {
            "true" | "True" | "1" => Owned::Bool(true),
            "false" | "False" | "0" => Owned::Bool(false),
            _ => return None,
        },
        (Kind::Boolean, Owned::Integer(number @ (0 | 1))) => Owned::Bool(*number == 1),
        (Kind::List, Owned::Text(text)) => Owned::List(
            serde_json::from_str::<Vec<String>>(text)
                .unwrap_or_else(|_| vec![text.clone()])
                .into_iter()
                .map(Scalar::Str)
                .collect(),
        ),
        _ => return None,
    })
}

fn json_list(list: &[Scalar]) -> String {
    serde_json::Value::from_iter(list.iter().map(json_of)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::growth::assert_linear;

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
        let attributes = canonical(&[
            ("gen_ai.usage.input_tokens", Value::Str("42")),
            ("gen_ai.usage.output_tokens", Value::Str("Some(17)")),
            ("gen_ai.request.seed", Value::Integer(7)),
            ("gen_ai.request.temperature", Value::Integer(1)),
            ("gen_ai.request.stop_sequences", Value::Str(r#"["a","b"]"#)),
            ("gen_ai.response.id", Value::Str(r#""resp_1""#)),
            ("gen_ai.request.top_k", Value::Str("many")),
            ("gen_ai.agent.name", Value::Str("")),
            ("gen_ai.tool.name", Value::Str(r#""""#)),
        ]);
        let list = [Scalar::Str("a".into()), Scalar::Str("b".into())];
        assert_eq!(attributes.integer("gen_ai.usage.input_tokens"), Some(42));
        assert_eq!(attributes.integer("gen_ai.usage.output_tokens"), Some(17));
        assert_eq!(attributes.text("gen_ai.request.seed"), Some("7"));
        assert_eq!(
            attributes.get("gen_ai.request.temperature"),
            Some(Value::Double(1.0))
        );
        assert_eq!(
            attributes.get("gen_ai.request.stop_sequences"),
            Some(Value::Array(&list))
        );
        assert_eq!(attributes.text("gen_ai.response.id"), Some("resp_1"));
        assert_eq!(attributes.len(), 6);
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
