//! Stores of attributes that have been sent, for the spans to come.
//!
//! The worker empties them and leaves them with the queue. A thread that hands over a span takes one along, and fills it with
//! its next span. So a program in its stride allocates none, and there is no lock beside the queue's.

use std::cell::RefCell;

use sentry_genai_conventions::Attributes;

/// How many stores a thread has at hand: about as many as it has spans open.
const AT_HAND: usize = 8;

/// How large a store may have become and still be used again.
const MAX_BYTES: usize = 16 * 1024;

thread_local! {
    static RECYCLED: RefCell<Vec<Attributes>> = const { RefCell::new(Vec::new()) };
}

/// Returns an empty store with room for `fields` attributes, or about that.
pub(crate) fn attributes(fields: usize) -> Attributes {
    let recycled = RECYCLED.try_with(|recycled| recycled.borrow_mut().pop());
    recycled.ok().flatten().unwrap_or_else(|| {
        // Most texts are short, and one that is not makes room for itself.
        Attributes::with_capacity(fields, 32 * fields)
    })
}

/// Keeps a store for this thread's next span.
pub(crate) fn keep(attributes: Attributes) {
    // A thread that is going away starts no more spans.
    let _ = RECYCLED.try_with(|recycled| {
        let mut recycled = recycled.borrow_mut();
        if recycled.len() < AT_HAND {
            recycled.push(attributes);
        }
    });
}

/// Empty stores that wait for a thread to take them along.
#[derive(Debug)]
pub(crate) struct Spares {
    spares: Vec<Attributes>,
    bytes: usize,
    max_bytes: usize,
}

impl Spares {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            spares: Vec::new(),
            bytes: 0,
            max_bytes,
        }
    }

    /// Takes in as many stores as there is room for, and leaves the others.
    pub(crate) fn add(&mut self, spent: &mut Vec<Attributes>) {
        while let Some(attributes) = spent.pop() {
            let bytes = attributes.footprint();
            if self.bytes + bytes > self.max_bytes {
                spent.push(attributes);
                break;
            }
            self.bytes += bytes;
            self.spares.push(attributes);
        }
    }

    pub(crate) fn take(&mut self) -> Option<Attributes> {
        let attributes = self.spares.pop()?;
        self.bytes -= attributes.footprint();
        Some(attributes)
    }
}

/// Empties the store of a span that has been encoded; `None` if it is not worth keeping.
pub(crate) fn empty(mut attributes: Attributes) -> Option<Attributes> {
    attributes.clear();
    let bytes = attributes.footprint();
    (bytes > 0 && bytes <= MAX_BYTES).then_some(attributes)
}
