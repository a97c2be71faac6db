//! The threads of this crate, and how to recognise them.

use std::{cell::Cell, io, thread};

thread_local! {
    static IS_DELIVERY_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// Returns whether the current thread belongs to a delivery, or is running a hook that a delivery calls when a span
/// starts.
///
/// A door must ignore all spans and events of such a thread. Otherwise sending a span could create further spans, and
/// calling a sampler for one trace could start another trace that the sampler would be called for.
#[must_use]
pub fn on_delivery_thread() -> bool {
    // A thread that is destroying its locals cannot be checked, and delivery threads create no spans at that point.
    IS_DELIVERY_THREAD.try_with(Cell::get).unwrap_or(false)
}

/// Runs `hook` on this thread. [`on_delivery_thread`] returns true meanwhile.
pub(crate) fn as_delivery_thread<T>(hook: impl FnOnce() -> T) -> T {
    struct Restore(bool);

    impl Drop for Restore {
        fn drop(&mut self) {
            let _ = IS_DELIVERY_THREAD.try_with(|flag| flag.set(self.0));
        }
    }

    let _restore = Restore(
        IS_DELIVERY_THREAD
            .try_with(|flag| flag.replace(true))
            .unwrap_or(false),
    );
    hook()
}

/// Runs `body` on a new thread that [`on_delivery_thread`] recognises.
pub(crate) fn spawn(name: &str, body: Box<dyn FnOnce() + Send>) -> io::Result<()> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            IS_DELIVERY_THREAD.set(true);
            body();
        })?;
    Ok(())
}
