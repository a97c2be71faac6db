//! Attributes with their types.

use sentry_genai_conventions::{Scalar, Value};

use crate::json::{is_short_and_plain, write_bool, write_double, write_integer, write_string};

/// Writes `"key":{"type":...,"value":...},`.
#[inline]
pub(super) fn write_attribute(buffer: &mut Vec<u8>, key: &str, value: Value<'_>) {
    write_string(buffer, key);
    write_typed(buffer, value);
}

/// Writes `:{"type":...,"value":...},`.
#[inline]
pub(super) fn write_typed(buffer: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Str(text) if is_short_and_plain(text) => {
            buffer.extend_from_slice(b":{\"type\":\"string\",\"value\":\"");
            buffer.extend_from_slice(text.as_bytes());
            buffer.extend_from_slice(b"\"},");
            return;
        }
        Value::Str(_) => buffer.extend_from_slice(b":{\"type\":\"string\",\"value\":"),
        Value::Integer(_) => buffer.extend_from_slice(b":{\"type\":\"integer\",\"value\":"),
        Value::Double(_) => buffer.extend_from_slice(b":{\"type\":\"double\",\"value\":"),
        Value::Bool(_) => buffer.extend_from_slice(b":{\"type\":\"boolean\",\"value\":"),
        _ => buffer.extend_from_slice(b":{\"type\":\"array\",\"value\":"),
    }
    write_value(buffer, value);
    buffer.extend_from_slice(b"},");
}

/// Writes a value without its type.
pub(crate) fn write_value(buffer: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Array(scalars) => write_array(buffer, scalars),
        Value::Bool(value) => write_bool(buffer, value),
        Value::Integer(value) => write_integer(buffer, value),
        Value::Double(value) => write_double(buffer, value),
        Value::Str(value) => write_string(buffer, value),
        // A type added later must be added here too; until then the attribute is null, which Sentry removes.
        _ => buffer.extend_from_slice(b"null"),
    }
}

fn write_array(buffer: &mut Vec<u8>, scalars: &[Scalar]) {
    buffer.push(b'[');
    let start = buffer.len();
    for scalar in scalars {
        match scalar {
            Scalar::Bool(value) => write_bool(buffer, *value),
            Scalar::Integer(value) => write_integer(buffer, *value),
            Scalar::Double(value) if value.is_finite() => write_double(buffer, *value),
            Scalar::Str(value) => write_string(buffer, value),
            // JSON has no such number, and a null would cost the whole attribute.
            _ => continue,
        }
        buffer.push(b',');
    }
    if buffer.len() > start {
        buffer.pop();
    }
    buffer.push(b']');
}
