//! The threads of this crate, and how to recognise them.

use std::{cell::Cell, io, thread};

thread_local! {
    static OURS: Cell<bool> = const { Cell::new(false) };
}

/// Returns whether the current thread is one of a delivery's own, or runs a hook that a delivery calls where spans start.
///
/// A door ignores whatever spans and events such a thread produces, so that sending a span never makes another one, and
/// asking a sampler about a trace never starts another trace that it would have to be asked about.
#[must_use]
pub fn on_delivery_thread() -> bool {
    // A thread that is tearing down its locals is not ours to judge, and ours makes no spans by then.
    OURS.try_with(Cell::get).unwrap_or(false)
}

/// Runs `hook` on this thread, so that [`on_delivery_thread`] holds for what it does.
pub(crate) fn unobserved<T>(hook: impl FnOnce() -> T) -> T {
    struct Restore(bool);

    impl Drop for Restore {
        fn drop(&mut self) {
            let _ = OURS.try_with(|ours| ours.set(self.0));
        }
    }

    let _restore = Restore(OURS.try_with(|ours| ours.replace(true)).unwrap_or(false));
    hook()
}

/// Runs `body` on a new thread that [`on_delivery_thread`] recognises.
pub(crate) fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            OURS.set(true);
            body();
        })?;
    Ok(())
}
