//! Captured values, which are passed to the same visitor method again.

use std::{error::Error, fmt};

use tracing::field::{DebugValue, Value, debug};

use super::format::{CapturedField, Via};

/// The value of a field.
#[derive(Debug)]
pub(super) enum FieldValue {
    Str(String),
    I64(i64),
    U64(u64),
    F64(f64),
    Bool(bool),
    I128(i128),
    Debug(DebugValue<Verbatim>),
    Error(Box<dyn Error + Send + Sync + 'static>),
}

impl FieldValue {
    /// Reads a value. Returns `None` if its method does not accept it.
    pub(super) fn read(entry: &CapturedField) -> Option<Self> {
        let value = &entry.value;
        Some(match entry.via {
            Via::Str => Self::Str(value.as_str()?.to_owned()),
            Via::I64 => Self::I64(value.as_i64()?),
            Via::U64 => Self::U64(value.as_u64()?),
            Via::F64 => Self::F64(value.as_f64()?),
            Via::Bool => Self::Bool(value.as_bool()?),
            // Beyond 64 bits a number is written as a string.
            Via::I128 => Self::I128(entry.text().parse().ok()?),
            Via::Debug => Self::Debug(debug(Verbatim(entry.text()))),
            Via::Error => Self::Error(Box::new(Verbatim(entry.text()))),
        })
    }

    pub(super) fn as_value(&self) -> &dyn Value {
        match self {
            Self::Str(value) => value,
            Self::I64(value) => value,
            Self::U64(value) => value,
            Self::F64(value) => value,
            Self::Bool(value) => value,
            Self::I128(value) => value,
            Self::Debug(value) => value,
            Self::Error(value) => value,
        }
    }
}

/// Formats as the captured text, without quotes.
pub(super) struct Verbatim(String);

impl fmt::Debug for Verbatim {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Verbatim {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for Verbatim {}
