//! The types of attribute values, for reading and writing.

use std::borrow::Cow;

#[cfg(doc)]
use super::Attributes;

/// A value that is read from [`Attributes`].
///
/// These are the types that a Sentry span attribute can have.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// A boolean.
    Bool(bool),
    /// An integer that fits the wire format's signed 64 bits.
    Integer(i64),
    /// A floating point number. NaN and infinities are never stored.
    Double(f64),
    /// A text.
    Str(&'a str),
    /// A list of scalars of one type.
    Array(&'a [Scalar]),
}

/// An element of an array attribute.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Scalar {
    /// A boolean.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A floating point number.
    Double(f64),
    /// A text.
    Str(String),
}

impl Value<'_> {
    /// Returns the type's name in the wire format: `string`, `boolean`, `integer`, `double` or `array`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "boolean",
            Self::Integer(_) => "integer",
            Self::Double(_) => "double",
            Self::Str(_) => "string",
            Self::Array(_) => "array",
        }
    }

    /// Copies the value out of the store, so that the store can be modified.
    pub(crate) fn to_input(self) -> Input<'static> {
        match self {
            Self::Bool(value) => value.into(),
            Self::Integer(value) => value.into(),
            Self::Double(value) => value.into(),
            Self::Str(value) => value.to_owned().into(),
            Self::Array(value) => value.to_vec().into(),
        }
    }
}

impl Scalar {
    pub(super) fn text_bytes(&self) -> usize {
        match self {
            Self::Str(text) => text.len(),
            _ => 0,
        }
    }
}

/// A value to be added to [`Attributes`]. It is created with `From`.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input<'v> {
    /// A boolean.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// An integer that may not fit into 64 signed bits.
    Wide(i128),
    /// A floating point number.
    Double(f64),
    /// A text.
    Str(Cow<'v, str>),
    /// A list.
    Array(Vec<Scalar>),
}

macro_rules! input_from {
    ($($from:ty => $variant:ident $(as $to:ty)?),* $(,)?) => {$(
        impl From<$from> for Input<'_> {
            fn from(value: $from) -> Self {
                Self::$variant(value $(as $to)?)
            }
        }
    )*};
}

input_from! {
    bool => Bool,
    i64 => Integer,
    i32 => Integer as i64,
    i16 => Integer as i64,
    i8 => Integer as i64,
    u32 => Integer as i64,
    u16 => Integer as i64,
    u8 => Integer as i64,
    u64 => Wide as i128,
    usize => Wide as i128,
    i128 => Wide,
    f64 => Double,
    f32 => Double as f64,
    Vec<Scalar> => Array,
}

impl<'v> From<&'v str> for Input<'v> {
    fn from(value: &'v str) -> Self {
        Self::Str(Cow::Borrowed(value))
    }
}

impl<'v> From<&'v String> for Input<'v> {
    fn from(value: &'v String) -> Self {
        Self::Str(Cow::Borrowed(value))
    }
}

impl From<String> for Input<'_> {
    fn from(value: String) -> Self {
        Self::Str(Cow::Owned(value))
    }
}

impl From<Vec<String>> for Input<'_> {
    fn from(value: Vec<String>) -> Self {
        Self::Array(value.into_iter().map(Scalar::Str).collect())
    }
}

impl From<&[&str]> for Input<'_> {
    fn from(value: &[&str]) -> Self {
        let texts = value.iter().map(|text| Scalar::Str((*text).to_owned()));
        Self::Array(texts.collect())
    }
}

impl<'v> From<Value<'v>> for Input<'v> {
    fn from(value: Value<'v>) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(value),
            Value::Integer(value) => Self::Integer(value),
            Value::Double(value) => Self::Double(value),
            Value::Str(value) => Self::Str(Cow::Borrowed(value)),
            Value::Array(value) => Self::Array(value.to_vec()),
        }
    }
}
