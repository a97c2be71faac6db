//! Values that are owned, rather than borrowed from the store.

use super::{Attributes, Scalar, Value};

/// A value copied out of the store, so that the store can be modified.
pub(crate) enum Owned {
    Bool(bool),
    Integer(i64),
    Double(f64),
    Text(String),
    List(Vec<Scalar>),
}

impl From<Value<'_>> for Owned {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(value),
            Value::Integer(value) => Self::Integer(value),
            Value::Double(value) => Self::Double(value),
            Value::Str(value) => Self::Text(value.to_owned()),
            Value::Array(value) => Self::List(value.to_vec()),
        }
    }
}

impl Owned {
    pub(crate) fn push(self, attributes: &mut Attributes, key: &str) {
        match self {
            Self::Bool(value) => attributes.push_owned_key(key, value),
            Self::Integer(value) => attributes.push_owned_key(key, value),
            Self::Double(value) => attributes.push_owned_key(key, value),
            Self::Text(value) => attributes.push_owned_key(key, &value),
            Self::List(value) => attributes.push_owned_key(key, value),
        }
    }

    pub(crate) fn push_static(self, attributes: &mut Attributes, key: &'static str) {
        match self {
            Self::Bool(value) => attributes.push(key, value),
            Self::Integer(value) => attributes.push(key, value),
            Self::Double(value) => attributes.push(key, value),
            Self::Text(value) => attributes.push(key, &value),
            Self::List(value) => attributes.push(key, value),
        }
    }
}
