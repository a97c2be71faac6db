//! Access to Sentry's hub of the current thread, as long as it exists.

use std::sync::Arc;

use sentry_core::Hub;

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
