//! Callsites created at run time.

use std::sync::{
    OnceLock,
    atomic::{AtomicU8, Ordering},
};

use tracing::{
    Level, Metadata,
    callsite::{Callsite, Identifier},
    dispatcher,
    field::{FieldSet, Value},
    level_filters::LevelFilter,
    subscriber::Interest,
};
use tracing_core::metadata::Kind;

use super::value::FieldValue;

/// What identifies a callsite.
#[derive(Debug, PartialEq)]
pub(super) struct Description<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a str,
    pub(super) target: &'a str,
    pub(super) level: Level,
    pub(super) module_path: Option<&'a str>,
    pub(super) file: Option<&'a str>,
    pub(super) fields: Vec<&'a str>,
}

/// A callsite that stands in for the one in the captured library.
#[derive(Debug)]
pub(super) struct ReplayedCallsite {
    interest: AtomicU8,
    metadata: OnceLock<Metadata<'static>>,
}

impl ReplayedCallsite {
    /// Creates and registers a callsite. It is never freed, since `tracing` requires metadata to be `'static`.
    pub(super) fn leak(description: &Description<'_>) -> &'static Self {
        let callsite: &'static Self = Box::leak(Box::new(Self {
            interest: AtomicU8::new(SOMETIMES),
            metadata: OnceLock::new(),
        }));
        let fields: Vec<_> = description.fields.iter().map(|it| leak_text(it)).collect();
        callsite.metadata.get_or_init(|| {
            Metadata::new(
                leak_text(description.name),
                leak_text(description.target),
                description.level,
                description.file.map(leak_text),
                None,
                description.module_path.map(leak_text),
                FieldSet::new(fields.leak(), Identifier(callsite)),
                description.kind.clone(),
            )
        });
        tracing::callsite::register(callsite);
        callsite
    }

    /// Calls `with` if the current dispatcher is interested in this callsite, as the macros of `tracing` do.
    pub(super) fn if_enabled<T>(
        &'static self,
        with: impl FnOnce(&'static Metadata<'static>) -> T,
    ) -> Option<T> {
        let metadata = self.metadata.get()?;
        let is_enabled = *metadata.level() <= LevelFilter::current()
            && match self.interest.load(Ordering::Relaxed) {
                NEVER => false,
                ALWAYS => true,
                _ => dispatcher::get_default(|dispatch| dispatch.enabled(metadata)),
            };
        is_enabled.then(|| with(metadata))
    }
}

impl Callsite for ReplayedCallsite {
    fn set_interest(&self, interest: Interest) {
        let interest = if interest.is_never() {
            NEVER
        } else if interest.is_always() {
            ALWAYS
        } else {
            SOMETIMES
        };
        self.interest.store(interest, Ordering::Relaxed);
    }

    fn metadata(&self) -> &Metadata<'_> {
        self.metadata
            .get()
            .expect("a callsite is registered after its metadata is set")
    }
}

const NEVER: u8 = 0;
const SOMETIMES: u8 = 1;
const ALWAYS: u8 = 2;

/// One slot for each field of a callsite.
#[derive(Debug)]
pub(super) struct Slots(Vec<Option<FieldValue>>);

impl Slots {
    /// Puts each value into the slot of its field. Values without a field are dropped, as in `tracing`.
    pub(super) fn fill(
        fields: &[&str],
        values: impl IntoIterator<Item = (String, FieldValue)>,
    ) -> Self {
        let mut slots: Vec<_> = fields.iter().map(|_| None).collect();
        for (name, value) in values {
            let slot = fields.iter().position(|field| *field == name);
            if let Some(slot) = slot.and_then(|index| slots.get_mut(index)) {
                *slot = Some(value);
            }
        }
        Self(slots)
    }

    /// Returns the values in the form that `FieldSet::value_set_all` takes.
    pub(super) fn as_values(&self) -> Vec<Option<&dyn Value>> {
        self.0
            .iter()
            .map(|slot| slot.as_ref().map(FieldValue::as_value))
            .collect()
    }
}

fn leak_text(text: &str) -> &'static str {
    String::leak(text.to_owned())
}
