//! Takes requests apart without holding all of their values, which take many times as much memory as their text.

use std::marker::PhantomData;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess},
};
use serde_json::{Map, Value, value::RawValue};

use super::{
    ParseError, Path, depth, is_too_deep,
    lenient::{Anything, FromValue, List, Object},
};
use crate::any_value::AnyValue;

/// What a text is expected to be that is known to be JSON.
const READABLE: &str = "fields that occur once, and numbers within the range of a 64-bit float";

/// The spans or the log records of a resource.
#[derive(Default)]
pub(super) struct OfResource<'a> {
    pub(super) resource: Option<&'a RawValue>,
    pub(super) scope_spans: List<Object<OfScope<'a>>>,
    pub(super) scope_logs: List<Object<OfScope<'a>>>,
}

/// The spans or the log records of an instrumentation.
#[derive(Default)]
pub(super) struct OfScope<'a> {
    scope: Option<&'a RawValue>,
    pub(super) spans: List<&'a RawValue>,
    pub(super) logs: List<&'a RawValue>,
}

impl OfScope<'_> {
    /// Returns the name of the instrumentation.
    pub(super) fn name(&self) -> String {
        let scope = self.scope.and_then(|scope| parse(scope, &Path::Root).ok());
        let name = scope.as_ref().and_then(|scope: &Value| scope.get("name"));
        name.and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

/// A resource, a span, an event or a log record.
#[derive(Default)]
pub(super) struct Record {
    pub(super) attributes: List<Object<Attribute>>,
    pub(super) events: List<Object<Self>>,
    /// All others.
    pub(super) fields: Map<String, Value>,
}

/// An attribute, or an entry of a map.
#[derive(Deserialize)]
pub(super) struct Attribute {
    #[serde(default)]
    pub(super) key: Value,
    #[serde(default)]
    pub(super) value: AnyValue,
}

/// Reads the list that a request consists of.
pub(super) fn list<'a, T: Deserialize<'a>>(
    text: &'a RawValue,
    path: &Path<'_>,
) -> Result<Vec<T>, ParseError> {
    let list: Result<List<T>, _> = serde_json::from_str(text.get());
    list.map_err(|_| path.error(READABLE))?.items(path)
}

/// Reads what a text stands for, without what is nested too deeply.
pub(super) fn parse<T>(text: &RawValue, path: &Path<'_>) -> Result<T, ParseError>
where
    T: for<'de> Deserialize<'de>,
{
    let parsed = match serde_json::from_str(text.get()) {
        Err(error) if is_too_deep(&error) => {
            serde_json::from_str(&depth::with_limited_depth(text.get()))
        }
        parsed => parsed,
    };
    parsed.map_err(|_| path.error(READABLE))
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything(PhantomData))
    }
}

impl<'de> Deserialize<'de> for OfResource<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything(PhantomData))
    }
}

impl<'de> Deserialize<'de> for OfScope<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything(PhantomData))
    }
}

/// Older names come along with the present ones, for receivers that know only one of them.
impl<'de> FromValue<'de> for OfResource<'de> {
    fn other() -> Self {
        Self::default()
    }

    fn from_object<A: MapAccess<'de>>(mut object: A) -> Result<Self, A::Error> {
        let mut read = Self::default();
        while let Some(name) = object.next_key::<String>()? {
            match &*name {
                "resource" => read.resource = object.next_value()?,
                "scopeSpans" | "scope_spans" | "instrumentationLibrarySpans" => {
                    read.scope_spans.set_if_empty(object.next_value()?);
                }
                "scopeLogs" | "scope_logs" | "instrumentationLibraryLogs" => {
                    read.scope_logs.set_if_empty(object.next_value()?);
                }
                _ => _ = object.next_value::<IgnoredAny>()?,
            }
        }
        Ok(read)
    }
}

impl<'de> FromValue<'de> for OfScope<'de> {
    fn other() -> Self {
        Self::default()
    }

    fn from_object<A: MapAccess<'de>>(mut object: A) -> Result<Self, A::Error> {
        let mut read = Self::default();
        while let Some(name) = object.next_key::<String>()? {
            match &*name {
                "scope" | "instrumentationLibrary" => {
                    read.scope = read.scope.or(object.next_value()?);
                }
                "spans" => read.spans.set_if_empty(object.next_value()?),
                "logRecords" | "log_records" | "logs" => {
                    read.logs.set_if_empty(object.next_value()?);
                }
                _ => _ = object.next_value::<IgnoredAny>()?,
            }
        }
        Ok(read)
    }
}

impl<'de> FromValue<'de> for Record {
    fn other() -> Self {
        Self::default()
    }

    fn from_object<A: MapAccess<'de>>(mut object: A) -> Result<Self, A::Error> {
        let mut record = Self::default();
        while let Some(name) = object.next_key::<String>()? {
            match &*name {
                "attributes" => record.attributes = object.next_value()?,
                "events" => record.events = object.next_value()?,
                _ => _ = record.fields.insert(name, object.next_value()?),
            }
        }
        Ok(record)
    }
}
