//! JSON objects of which most members are passed on as they are written.

use std::collections::BTreeMap;

use serde_json::{Value, value::RawValue};

/// The members of a JSON object, unparsed. Members that are `null` count as missing.
#[derive(Debug, Default)]
pub(crate) struct Members<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Members<'a> {
    /// Returns `None` if the text is not a JSON object.
    pub(crate) fn parse(json: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(json).ok().map(Self)
    }

    /// Returns a member as it is written.
    pub(crate) fn raw(&self, key: &str) -> Option<&'a str> {
        let json = self.0.get(key)?.get();
        (json != "null").then_some(json)
    }

    /// Returns the members of a member.
    pub(crate) fn object(&self, key: &str) -> Option<Self> {
        Members::parse(self.raw(key)?.as_bytes())
    }

    /// Returns the elements of a member that is an array, each as it is written.
    pub(crate) fn elements(&self, key: &str) -> Vec<&'a str> {
        let elements = self.raw(key).map(serde_json::from_str::<Vec<&RawValue>>);
        let elements = elements.and_then(Result::ok).unwrap_or_default();
        elements.into_iter().map(RawValue::get).collect()
    }

    /// Returns the members of each element of a member that is an array of objects.
    pub(crate) fn objects(&self, key: &str) -> Vec<Self> {
        let elements = self.elements(key).into_iter();
        elements
            .filter_map(|element| Members::parse(element.as_bytes()))
            .collect()
    }

    pub(crate) fn value(&self, key: &str) -> Option<Value> {
        serde_json::from_str(self.raw(key)?).ok()
    }

    pub(crate) fn text(&self, key: &str) -> Option<String> {
        serde_json::from_str(self.raw(key)?).ok()
    }

    /// Returns a count that is not negative.
    pub(crate) fn count(&self, key: &str) -> Option<u64> {
        serde_json::from_str(self.raw(key)?).ok()
    }
}
