//! `AnyValue`s: scalars and lists of them as they are, anything else as JSON.

use sentry_genai_conventions::{Attributes, Scalar};
use serde_json::Value;

/// Appends the value of an attribute, unless it is null or no finite number.
pub(super) fn push(attributes: &mut Attributes, key: &str, value: Value) {
    match scalar(value) {
        Read::Nothing => {}
        Read::Scalar(Scalar::Bool(value)) => attributes.push_owned_key(key, value),
        Read::Scalar(Scalar::Integer(value)) => attributes.push_owned_key(key, value),
        Read::Scalar(Scalar::Double(value)) => attributes.push_owned_key(key, value),
        Read::Scalar(Scalar::Str(value)) => attributes.push_owned_key(key, &value),
        Read::Scalar(_) => {}
        Read::List(values) => attributes.push_owned_key(key, values),
        Read::Json(value) => attributes.push_owned_key(key, value.to_string()),
    }
}

/// An `AnyValue`, read.
enum Read {
    Nothing,
    Scalar(Scalar),
    List(Vec<Scalar>),
    Json(Value),
}

fn scalar(value: Value) -> Read {
    let Value::Object(mut fields) = value else {
        return Read::Nothing;
    };
    for (name, value) in std::mem::take(&mut fields) {
        let read = match (name.as_str(), value) {
            (_, Value::Null) => Read::Nothing,
            ("stringValue" | "string_value", Value::String(text)) => {
                Read::Scalar(Scalar::Str(text))
            }
            ("boolValue" | "bool_value", Value::Bool(value)) => Read::Scalar(Scalar::Bool(value)),
            ("intValue" | "int_value", value) => match integer(&value) {
                Some(number) => Read::Scalar(Scalar::Integer(number)),
                None => Read::Json(value),
            },
            ("doubleValue" | "double_value", Value::Number(number)) => match number.as_f64() {
                Some(number) if number.is_finite() => Read::Scalar(Scalar::Double(number)),
                _ => Read::Nothing,
            },
            // The names that JSON has no numbers for.
            ("doubleValue" | "double_value", _) => Read::Nothing,
            ("bytesValue" | "bytes_value", Value::String(text)) => Read::Scalar(Scalar::Str(text)),
            ("arrayValue" | "array_value", value) => array(value),
            ("kvlistValue" | "kvlist_value", value) => Read::Json(plain_map(value)),
            _ => continue,
        };
        return read;
    }
    Read::Nothing
}

/// Scalars of one type stay a list; anything else becomes JSON.
fn array(value: Value) -> Read {
    let values: Vec<_> = values_of(value).into_iter().map(scalar).collect();
    let is_uniform = values.iter().all(|value| match (value, &values[0]) {
        (Read::Scalar(value), Read::Scalar(first)) => {
            std::mem::discriminant(value) == std::mem::discriminant(first)
        }
        _ => false,
    });
    if is_uniform {
        let scalars = values.into_iter().filter_map(|value| match value {
            Read::Scalar(scalar) => Some(scalar),
            _ => None,
        });
        return Read::List(scalars.collect());
    }
    Read::Json(values.into_iter().map(plain).collect())
}

/// Returns the JSON that an `AnyValue` stands for.
fn plain(value: Read) -> Value {
    match value {
        Read::Nothing => Value::Null,
        Read::Scalar(value) => plain_scalar(value),
        Read::List(values) => values.into_iter().map(plain_scalar).collect(),
        Read::Json(value) => value,
    }
}

fn plain_scalar(value: Scalar) -> Value {
    match value {
        Scalar::Bool(value) => value.into(),
        Scalar::Integer(value) => value.into(),
        Scalar::Double(value) => value.into(),
        Scalar::Str(value) => value.into(),
        _ => Value::Null,
    }
}

fn plain_map(value: Value) -> Value {
    let entries = values_of(value).into_iter().filter_map(|entry| {
        let Value::Object(mut entry) = entry else {
            return None;
        };
        let Some(Value::String(key)) = entry.remove("key") else {
            return None;
        };
        Some((
            key,
            plain(scalar(entry.remove("value").unwrap_or_default())),
        ))
    });
    Value::Object(entries.collect())
}

fn values_of(value: Value) -> Vec<Value> {
    match value {
        Value::Object(mut fields) => match fields.remove("values") {
            Some(Value::Array(values)) => values,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Reads a 64-bit integer, which JSON has as a string.
pub(super) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.parse().ok(),
        value => value.as_i64(),
    }
}
