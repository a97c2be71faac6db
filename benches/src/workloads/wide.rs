//! A span with any number of fields. Macros fix the number of fields at compile time, so this uses the layer below them.

use std::{
    array,
    sync::{Once, OnceLock},
};

use opentelemetry::KeyValue;
use tracing::{
    Level, Metadata, Span, Value,
    callsite::{self, Callsite},
    field::FieldSet,
    metadata::Kind,
    subscriber::Interest,
};
use tracing_core::identify_callsite;

/// The fields that make the span a chat.
const CHAT: [(&str, &str); 3] = [
    ("gen_ai.operation.name", "chat"),
    ("gen_ai.provider.name", "openai"),
    ("gen_ai.request.model", "gpt-4o"),
];

/// Returns the name of the attribute at `index`.
fn key(index: usize) -> String {
    format!("app.attribute_{index}")
}

/// Returns the attributes of a chat, with `further` additional ones, half of them numbers.
pub(super) fn attributes(further: u64) -> Vec<KeyValue> {
    let own = CHAT.iter().map(|(key, value)| KeyValue::new(*key, *value));
    let further = (CHAT.len()..CHAT.len() + further as usize).map(|index| match index % 2 {
        0 => KeyValue::new(key(index), 1234_i64),
        _ => KeyValue::new(key(index), "a value"),
    });
    own.chain(further).collect()
}

/// Starts a chat with `attributes` additional fields, half of them numbers.
pub(super) fn chat(attributes: u64) -> Span {
    match attributes {
        0 => chat_with::<3>(),
        10 => chat_with::<13>(),
        50 => chat_with::<53>(),
        100 => chat_with::<103>(),
        500 => chat_with::<503>(),
        _ => unreachable!("no span has that many attributes here"),
    }
}

fn chat_with<const FIELDS: usize>() -> Span {
    let metadata = Wide::registered(FIELDS);
    let names: Vec<_> = metadata.fields().iter().collect();
    let values: [(_, Option<&dyn Value>); FIELDS] = array::from_fn(|index| {
        let value: &dyn Value = match CHAT.get(index) {
            Some((_, value)) => value,
            None if index % 2 == 0 => &1234_i64,
            None => &"a value",
        };
        (&names[index], Some(value))
    });
    Span::new(metadata, &metadata.fields().value_set(&values))
}

/// The callsite of the spans. A process measures one size, so there is only one.
struct Wide;

static METADATA: OnceLock<Metadata<'static>> = OnceLock::new();

impl Wide {
    fn registered(fields: usize) -> &'static Metadata<'static> {
        static REGISTERED: Once = Once::new();
        let metadata = METADATA.get_or_init(|| Self::describe(fields));
        REGISTERED.call_once(|| callsite::register(&Self));
        metadata
    }

    fn describe(fields: usize) -> Metadata<'static> {
        let further = (CHAT.len()..fields).map(|index| &*key(index).leak());
        let names: Vec<&str> = CHAT.iter().map(|(name, _)| *name).chain(further).collect();
        let fields = FieldSet::new(names.leak(), identify_callsite!(&Self));
        let (target, kind) = (module_path!(), Kind::SPAN);
        Metadata::new("chat", target, Level::INFO, None, None, None, fields, kind)
    }
}

impl Callsite for Wide {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        METADATA
            .get()
            .expect("it is described before it is registered")
    }
}
