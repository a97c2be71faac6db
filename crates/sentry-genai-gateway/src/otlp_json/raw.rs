//! Takes requests apart without holding all of their values, which take many times as much memory as their text.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{Map, Value, value::RawValue};

use super::{ParseError, Path, depth, is_too_deep};
use crate::any_value::AnyValue;

/// What a text is expected to be that is known to be JSON.
const READABLE: &str = "fields that occur once, and numbers within the range of a 64-bit float";

/// The spans of a resource.
#[derive(Deserialize)]
pub(super) struct ResourceSpans<'a> {
    #[serde(borrow)]
    pub(super) resource: Option<&'a RawValue>,
    #[serde(borrow, default)]
    #[serde(rename = "scopeSpans")]
    #[serde(alias = "scope_spans", alias = "instrumentationLibrarySpans")]
    pub(super) scopes: List<Object<Scope<'a>>>,
}

/// The log records of a resource, which itself is not needed.
#[derive(Deserialize)]
pub(super) struct ResourceLogs<'a> {
    #[serde(borrow, default)]
    #[serde(rename = "scopeLogs")]
    #[serde(alias = "scope_logs", alias = "instrumentationLibraryLogs")]
    pub(super) scopes: List<Object<Scope<'a>>>,
}

/// The spans or log records of an instrumentation.
#[derive(Deserialize)]
pub(super) struct Scope<'a> {
    #[serde(borrow, alias = "instrumentationLibrary")]
    scope: Option<&'a RawValue>,
    #[serde(borrow, default)]
    #[serde(rename = "spans")]
    #[serde(alias = "logRecords", alias = "log_records", alias = "logs")]
    pub(super) records: List<&'a RawValue>,
}

impl Scope<'_> {
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

/// A list, unless something else is in its place.
pub(super) struct List<T>(Option<Vec<T>>);

impl<T> List<T> {
    /// Returns the items. A missing list is empty.
    pub(super) fn items(self, path: &Path<'_>) -> Result<Vec<T>, ParseError> {
        self.0.ok_or_else(|| path.error("a list"))
    }

    pub(super) fn into_option(self) -> Option<Vec<T>> {
        self.0
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Some(Vec::new()))
    }
}

/// An object, unless something else is in its place.
pub(super) struct Object<T>(Option<T>);

impl<T> Object<T> {
    /// Returns the fields.
    pub(super) fn fields(self, path: &Path<'_>) -> Result<T, ParseError> {
        self.0.ok_or_else(|| path.error("an object"))
    }

    pub(super) fn into_option(self) -> Option<T> {
        self.0
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything(PhantomData))
    }
}

/// What can be made of some JSON values; others are skipped.
pub(super) trait FromValue<'de>: Sized {
    /// What anything else is taken for.
    fn other() -> Self;

    fn from_null() -> Self {
        Self::other()
    }

    fn from_list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::other())
    }

    fn from_object<A: MapAccess<'de>>(mut object: A) -> Result<Self, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::other())
    }
}

impl<'de, T: Deserialize<'de>> FromValue<'de> for List<T> {
    fn other() -> Self {
        Self(None)
    }

    fn from_null() -> Self {
        Self::default()
    }

    fn from_list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Self(Some(items)))
    }
}

impl<'de, T: Deserialize<'de>> FromValue<'de> for Object<T> {
    fn other() -> Self {
        Self(None)
    }

    fn from_object<A: MapAccess<'de>>(object: A) -> Result<Self, A::Error> {
        T::deserialize(MapAccessDeserializer::new(object)).map(|fields| Self(Some(fields)))
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

pub(super) struct Anything<T>(pub(super) PhantomData<T>);

impl<'de, T: FromValue<'de>> Visitor<'de> for Anything<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::from_null())
    }

    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(T::other())
    }

    fn visit_i64<E>(self, _: i64) -> Result<T, E> {
        Ok(T::other())
    }

    fn visit_u64<E>(self, _: u64) -> Result<T, E> {
        Ok(T::other())
    }

    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(T::other())
    }

    fn visit_str<E>(self, _: &str) -> Result<T, E> {
        Ok(T::other())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::from_list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<T, A::Error> {
        T::from_object(object)
    }
}
