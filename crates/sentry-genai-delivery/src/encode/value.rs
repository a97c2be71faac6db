//! Encodes typed attributes.

use sentry_genai_conventions::{Encodable, Scalar, Value};

use crate::json::{
    is_short_and_plain, write_bool, write_double, write_integer, write_plain_string, write_string,
};

/// Writes `"key":{"type":...,"value":...},`.
pub(super) fn write_attribute(buffer: &mut Vec<u8>, key: &str, value: Value<'_>) {
    write_string(buffer, key);
    write_typed(buffer, value);
}

/// Does the same for an attribute that may be known not to need escaping.
#[inline]
pub(super) fn write_encodable(buffer: &mut Vec<u8>, attribute: &Encodable<'_>) {
    write_key(buffer, attribute);
    match attribute.value {
        Value::Str(text) if attribute.value_is_plain || is_short_and_plain(text) => {
            buffer.extend_from_slice(b":{\"type\":\"string\",\"value\":\"");
            buffer.extend_from_slice(text.as_bytes());
            buffer.extend_from_slice(b"\"},");
        }
        value => write_typed(buffer, value),
    }
}

/// Writes the key of an attribute.
#[inline]
pub(crate) fn write_key(buffer: &mut Vec<u8>, attribute: &Encodable<'_>) {
    if attribute.key_is_plain {
        write_plain_string(buffer, attribute.key);
    } else {
        write_string(buffer, attribute.key);
    }
}

fn write_typed(buffer: &mut Vec<u8>, value: Value<'_>) {
    buffer.extend_from_slice(match value {
        Value::Str(_) => b":{\"type\":\"string\",\"value\":".as_slice(),
        Value::Integer(_) => b":{\"type\":\"integer\",\"value\":",
        Value::Double(_) => b":{\"type\":\"double\",\"value\":",
        Value::Bool(_) => b":{\"type\":\"boolean\",\"value\":",
        _ => b":{\"type\":\"array\",\"value\":",
    });
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
        // A type that is added later must be added here too. Until then the attribute is null, which Sentry removes.
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
