//! OTLP's `AnyValue`, independent of its encoding.

use sentry_genai_conventions::{Attributes, Scalar};
use serde_json::Value;

/// A decoded `AnyValue`: a value that an attribute can hold, or JSON for any other.
#[derive(Default)]
pub(crate) enum AnyValue {
    #[default]
    Nothing,
    Scalar(Scalar),
    List(Vec<Scalar>),
    Json(Value),
}

impl AnyValue {
    /// Converts a number; one that is not finite becomes no value.
    pub(crate) fn double(number: f64) -> Self {
        if number.is_finite() {
            Self::Scalar(Scalar::Double(number))
        } else {
            Self::Nothing
        }
    }

    /// Converts bytes. Bytes that are text become text: LangSmith passes prompts and answers as bytes, and newer SDKs of Python
    /// leave them so. Of any other bytes, only the length is kept.
    pub(crate) fn bytes(bytes: Vec<u8>) -> Self {
        let is_control = |letter: char| letter.is_control() && !letter.is_whitespace();
        Self::Scalar(Scalar::Str(match String::from_utf8(bytes) {
            Ok(text) if !text.contains(is_control) => text,
            Ok(text) => format!("[{} bytes]", text.len()),
            Err(error) => format!("[{} bytes]", error.as_bytes().len()),
        }))
    }

    /// Converts a list. Scalars of one type stay a list; anything else becomes JSON.
    pub(crate) fn array(values: Vec<Self>) -> Self {
        let is_uniform = values.iter().all(|value| match (value, &values[0]) {
            (Self::Scalar(value), Self::Scalar(first)) => {
                std::mem::discriminant(value) == std::mem::discriminant(first)
            }
            _ => false,
        });
        if is_uniform {
            let scalars = values.into_iter().filter_map(|value| match value {
                Self::Scalar(scalar) => Some(scalar),
                _ => None,
            });
            return Self::List(scalars.collect());
        }
        Self::Json(values.into_iter().map(Self::into_json).collect())
    }

    /// Returns the value as JSON.
    pub(crate) fn into_json(self) -> Value {
        match self {
            Self::Nothing => Value::Null,
            Self::Scalar(value) => json(value),
            Self::List(values) => values.into_iter().map(json).collect(),
            Self::Json(value) => value,
        }
    }

    /// Appends the value under `key`, if there is one.
    pub(crate) fn push(self, attributes: &mut Attributes, key: &str) {
        match self {
            Self::Nothing => {}
            Self::Scalar(Scalar::Bool(value)) => attributes.push_owned_key(key, value),
            Self::Scalar(Scalar::Integer(value)) => attributes.push_owned_key(key, value),
            Self::Scalar(Scalar::Double(value)) => attributes.push_owned_key(key, value),
            Self::Scalar(Scalar::Str(value)) => attributes.push_owned_key(key, &value),
            Self::Scalar(_) => {}
            Self::List(values) => attributes.push_owned_key(key, values),
            Self::Json(value) => attributes.push_owned_key(key, value.to_string()),
        }
    }
}

fn json(value: Scalar) -> Value {
    match value {
        Scalar::Bool(value) => value.into(),
        Scalar::Integer(value) => value.into(),
        Scalar::Double(value) => value.into(),
        Scalar::Str(value) => value.into(),
        _ => Value::Null,
    }
}
