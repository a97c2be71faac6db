//! Reads values of attributes.

use std::marker::PhantomData;

use sentry_genai_conventions::Scalar;
use serde::{Deserialize, Deserializer, de::MapAccess};
use serde_json::Value;

use super::{
    base64, boolean, double, integer,
    lenient::{Anything, FromValue, List, Object},
    raw::Attribute,
};
use crate::any_value::AnyValue;

/// The items of a list or of a map.
#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Values<T> {
    #[serde(default)]
    values: List<T>,
}

impl<T> Values<T> {
    fn read<'de, A: MapAccess<'de>>(object: &mut A) -> Result<Vec<T>, A::Error>
    where
        T: Deserialize<'de>,
    {
        let values = object.next_value::<Object<Self>>()?.into_option();
        let items = values.and_then(|values| values.values.into_option());
        Ok(items.unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for AnyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything(PhantomData))
    }
}

impl<'de> FromValue<'de> for AnyValue {
    fn other() -> Self {
        Self::Nothing
    }

    fn from_object<A: MapAccess<'de>>(mut object: A) -> Result<Self, A::Error> {
        let mut read = Self::Nothing;
        while let Some(name) = object.next_key::<String>()? {
            let value = match &*name {
                "arrayValue" | "array_value" => Self::array(Values::read(&mut object)?),
                "kvlistValue" | "kvlist_value" => map(Values::read(&mut object)?),
                _ => scalar(&name, object.next_value()?),
            };
            if matches!(read, Self::Nothing) {
                read = value;
            }
        }
        Ok(read)
    }
}

fn scalar(name: &str, value: Value) -> AnyValue {
    match (name, value) {
        (_, Value::Null) => AnyValue::Nothing,
        ("stringValue" | "string_value", Value::String(text)) => {
            AnyValue::Scalar(Scalar::Str(text))
        }
        ("boolValue" | "bool_value", value) => match boolean(&value) {
            Some(value) => AnyValue::Scalar(Scalar::Bool(value)),
            None => AnyValue::Json(value),
        },
        ("intValue" | "int_value", value) => match integer(&value) {
            Some(number) => AnyValue::Scalar(Scalar::Integer(number)),
            None => AnyValue::Json(value),
        },
        ("doubleValue" | "double_value", value) => match double(&value) {
            Some(number) => AnyValue::double(number),
            None => AnyValue::Json(value),
        },
        ("bytesValue" | "bytes_value", Value::String(text)) => match base64::decode(&text) {
            Some(bytes) => AnyValue::bytes(bytes),
            None => AnyValue::Scalar(Scalar::Str(text)),
        },
        _ => AnyValue::Nothing,
    }
}

fn map(entries: Vec<Object<Attribute>>) -> AnyValue {
    let entries = entries.into_iter().filter_map(|entry| {
        let Attribute { key, value } = entry.into_option()?;
        match key {
            Value::String(key) => Some((key, value.into_json())),
            _ => None,
        }
    });
    AnyValue::Json(Value::Object(entries.collect()))
}
