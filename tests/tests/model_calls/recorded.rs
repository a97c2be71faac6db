//! What a layer that is not ours sees.

use std::{
    fmt::{Debug, Write as _},
    sync::{Arc, Mutex},
};

use tracing::{
    Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, prelude::*};

/// Runs a program, and returns all fields of its spans as text.
pub(crate) fn fields(program: impl Future<Output = ()>) -> String {
    let seen = Fields::default();
    let subscriber = tracing_subscriber::registry().with(Recorder(seen.clone()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tracing::subscriber::with_default(subscriber, || runtime.block_on(program));
    seen.0.lock().unwrap().clone()
}

#[derive(Clone, Default)]
struct Fields(Arc<Mutex<String>>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        _ = writeln!(self.0.lock().unwrap(), "{field}={value:?}");
    }
}

struct Recorder(Fields);

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        attributes.record(&mut self.0.clone());
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        values.record(&mut self.0.clone());
    }
}
