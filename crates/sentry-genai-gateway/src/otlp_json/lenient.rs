//! Reads lists and objects that may be something else, so that only what is wrong is lost and the error can say where it is.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

use super::{ParseError, Path};

/// A list, unless something else is in its place.
pub(super) struct List<T>(Option<Vec<T>>);

impl<T> List<T> {
    /// Returns the items. A missing list is empty.
    pub(super) fn items(self, path: &Path<'_>) -> Result<Vec<T>, ParseError> {
        self.0.ok_or_else(|| path.error("a list"))
    }

    /// Takes another list if there is none yet.
    pub(super) fn set_if_empty(&mut self, other: Self) {
        if self.0.as_ref().is_some_and(Vec::is_empty) {
            *self = other;
        }
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

/// The visitor that makes a value of anything.
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
