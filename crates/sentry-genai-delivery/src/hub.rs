//! Access to Sentry's hub of the current thread, as long as it exists, and stand-ins for spans on scopes.

use std::sync::{Arc, LazyLock};

use sentry_core::{Hub, Transaction, TransactionContext};

thread_local! {
    static WITNESS: Witness = Witness::new();
}

/// A thread local that is destroyed before the thread's hub, because it was created after it.
struct Witness;

impl Witness {
    fn new() -> Self {
        Hub::with_active(|_| ());
        Self
    }
}

impl Drop for Witness {
    fn drop(&mut self) {}
}

/// Like [`Hub::with_active`], but returns the default without calling `use_it` if the thread is being torn down.
/// Without its hub, `with_active` would panic.
///
/// Spans can start even then, in the destructors of thread locals.
pub fn with_hub<T: Default>(use_it: impl FnOnce(&Arc<Hub>) -> T) -> T {
    match WITNESS.try_with(|_| ()) {
        Ok(()) => Hub::with_active(use_it),
        Err(_) => T::default(),
    }
}

/// Starts a transaction that puts the ids of a span on a scope. It belongs to no client, so no sampler is asked, and it is never
/// sent.
#[must_use]
pub fn start_stand_in(context: TransactionContext) -> Transaction {
    static NO_CLIENT: LazyLock<Hub> = LazyLock::new(|| Hub::new(None, Arc::default()));

    NO_CLIENT.start_transaction(context)
}
