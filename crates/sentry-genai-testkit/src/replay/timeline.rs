//! Orders a capture's steps by time.

use std::collections::{BTreeMap, HashSet};

use tracing::{Event, Level, Span};
use tracing_core::metadata::Kind;

use super::{
    ReplayError,
    callsite::{Description, ReplayedCallsite, Slots},
    format::{CaptureFile, CapturedEvent, CapturedField, CapturedSpan, ParentKind},
    value::FieldValue,
};

/// The spans that are open, by their number in the capture.
type OpenSpans = BTreeMap<u64, Span>;

/// One thing that happened.
#[derive(Debug)]
pub(super) enum Step {
    Open {
        span: u64,
        parent: Parent,
        callsite: &'static ReplayedCallsite,
        values: Slots,
    },
    Follow {
        span: u64,
        earlier: u64,
    },
    Record {
        span: u64,
        field: String,
        value: FieldValue,
    },
    Event {
        span: Option<u64>,
        callsite: &'static ReplayedCallsite,
        values: Slots,
    },
    Close {
        span: u64,
    },
}

/// The parent of a new span.
#[derive(Clone, Copy, Debug)]
pub(super) enum Parent {
    /// The current span, which is this one.
    Current(Option<u64>),
    /// This span, given explicitly.
    Named(u64),
    /// None, given explicitly.
    Root,
}

impl Step {
    pub(super) fn play(&self, spans: &mut OpenSpans) {
        match self {
            Self::Open {
                span,
                parent,
                callsite,
                values,
            } => {
                let opened = open(spans, *parent, callsite, values);
                spans.insert(*span, opened);
            }
            Self::Follow { span, earlier } => {
                if let (Some(span), Some(earlier)) = (spans.get(span), spans.get(earlier)) {
                    span.follows_from(earlier);
                }
            }
            Self::Record { span, field, value } => {
                if let Some(span) = spans.get(span) {
                    span.record(field.as_str(), value.as_value());
                }
            }
            Self::Event {
                span,
                callsite,
                values,
            } => {
                let span = span.and_then(|number| spans.get(&number));
                let _current = span.map(Span::enter);
                callsite.if_enabled(|metadata| {
                    Event::dispatch(
                        metadata,
                        &metadata.fields().value_set_all(&values.as_values()),
                    );
                });
            }
            Self::Close { span } => {
                spans.remove(span);
            }
        }
    }

    /// Returns the order of steps that happened in the same microsecond.
    fn rank(&self) -> u8 {
        match self {
            Self::Open { .. } => 0,
            Self::Follow { .. } => 1,
            Self::Record { .. } | Self::Event { .. } => 2,
            Self::Close { .. } => 3,
        }
    }
}

fn open(
    spans: &OpenSpans,
    parent: Parent,
    callsite: &'static ReplayedCallsite,
    values: &Slots,
) -> Span {
    let current = match parent {
        Parent::Current(Some(number)) => spans.get(&number),
        _ => None,
    };
    let _current = current.map(Span::enter);
    let span = callsite.if_enabled(|metadata| {
        let values = values.as_values();
        let values = metadata.fields().value_set_all(&values);
        match parent {
            Parent::Current(_) => Span::new(metadata, &values),
            Parent::Named(number) => {
                let parent = spans.get(&number).and_then(Span::id);
                Span::child_of(parent, metadata, &values)
            }
            Parent::Root => Span::new_root(metadata, &values),
        }
    });
    span.unwrap_or_else(Span::none)
}

/// Puts the steps, which a capture lists span by span, in the order of time.
pub(super) fn steps(file: &CaptureFile) -> Result<Vec<Step>, ReplayError> {
    let mut builder = Builder::default();
    for span in &file.spans {
        builder.add_span(span)?;
    }
    for event in &file.events_outside_spans {
        builder.add_event(None, event)?;
    }
    builder.finish()
}

#[derive(Default)]
struct Builder<'a> {
    steps: Vec<(u64, Step)>,
    /// The callsites so far: equal callsites are leaked only once.
    callsites: Vec<(Description<'a>, &'static ReplayedCallsite)>,
    defined: HashSet<u64>,
    referenced: HashSet<u64>,
}

impl<'a> Builder<'a> {
    fn add_span(&mut self, entry: &'a CapturedSpan) -> Result<(), ReplayError> {
        let span = entry.span;
        if !self.defined.insert(span) {
            return Err(ReplayError::Inconsistent(format!("two spans {span}")));
        }
        self.referenced.extend(entry.parent);
        self.referenced.extend(&entry.follows_from);
        let parent = match (entry.parent_kind, entry.parent) {
            (ParentKind::Contextual, parent) => Parent::Current(parent),
            (ParentKind::Explicit, Some(parent)) => Parent::Named(parent),
            (ParentKind::Explicit, None) | (ParentKind::ExplicitRoot, _) => Parent::Root,
        };
        let description = Description {
            kind: Kind::SPAN,
            name: &entry.name,
            target: &entry.target,
            level: level(&entry.level)?,
            module_path: entry.module_path.as_deref(),
            file: entry.file.as_deref(),
            fields: entry.declared_fields.iter().map(String::as_str).collect(),
        };
        let values = Slots::fill(&description.fields, read_values(&entry.fields_at_new)?);
        let callsite = self.callsite(description);
        let open = Step::Open {
            span,
            parent,
            callsite,
            values,
        };
        self.steps.push((entry.new_us, open));
        for earlier in &entry.follows_from {
            let earlier = *earlier;
            self.steps
                .push((entry.new_us, Step::Follow { span, earlier }));
        }
        for (record, (field, value)) in entry.records.iter().zip(read_values(&entry.records)?) {
            self.steps
                .push((record.at_us, Step::Record { span, field, value }));
        }
        for event in &entry.events {
            self.add_event(Some(span), event)?;
        }
        if let Some(closed) = entry.closed_us {
            self.steps.push((closed, Step::Close { span }));
        }
        Ok(())
    }

    fn add_event(
        &mut self,
        span: Option<u64>,
        entry: &'a CapturedEvent,
    ) -> Result<(), ReplayError> {
        let description = Description {
            kind: Kind::EVENT,
            name: &entry.name,
            target: &entry.target,
            level: level(&entry.level)?,
            module_path: None,
            file: None,
            fields: entry.fields.iter().map(|it| it.field.as_str()).collect(),
        };
        let values = Slots::fill(&description.fields, read_values(&entry.fields)?);
        let callsite = self.callsite(description);
        let event = Step::Event {
            span,
            callsite,
            values,
        };
        self.steps.push((entry.at_us, event));
        Ok(())
    }

    fn callsite(&mut self, description: Description<'a>) -> &'static ReplayedCallsite {
        let known = self.callsites.iter().find(|(it, _)| *it == description);
        if let Some((_, callsite)) = known {
            return callsite;
        }
        let callsite = ReplayedCallsite::leak(&description);
        self.callsites.push((description, callsite));
        callsite
    }

    fn finish(mut self) -> Result<Vec<Step>, ReplayError> {
        if let Some(unknown) = self.referenced.difference(&self.defined).next() {
            return Err(ReplayError::Inconsistent(format!("no span {unknown}")));
        }
        self.steps
            .sort_by_key(|(at_us, step)| (*at_us, step.rank()));
        Ok(self.steps.into_iter().map(|(_, step)| step).collect())
    }
}

fn level(name: &str) -> Result<Level, ReplayError> {
    name.parse()
        .map_err(|_| ReplayError::Inconsistent(format!("no level {name:?}")))
}

fn read_values(entries: &[CapturedField]) -> Result<Vec<(String, FieldValue)>, ReplayError> {
    let values = entries.iter().map(|entry| {
        let value = FieldValue::read(entry).ok_or_else(|| {
            let CapturedField {
                field, via, value, ..
            } = entry;
            ReplayError::Inconsistent(format!("{field}: {value} is no {via:?}"))
        })?;
        Ok((entry.field.clone(), value))
    });
    values.collect()
}
