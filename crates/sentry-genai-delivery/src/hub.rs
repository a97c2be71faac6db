//! Sentry's hub of the current thread, for as long as there is one.

use std::sync::Arc;

use sentry_core::Hub;

thread_local! {
    static WITNESS: Witness = Witness::new();
}

/// What a thread lets go before its hub, since it was made after that.
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

/// Does what [`Hub::with_active`] does, and nothing on a thread that is going away: without its hub, that would panic.
///
/// Spans can start even then, in the destructors of what the thread has.
pub fn with_hub<T: Default>(use_it: impl FnOnce(&Arc<Hub>) -> T) -> T {
    match WITNESS.try_with(|_| ()) {
        Ok(()) => Hub::with_active(use_it),
        Err(_) => T::default(),
    }
}
