//! The task-local context of a future or block: its conversation, and the trace that it continues.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use crate::{conversation::SharedConversation, propagation::IncomingContext};

thread_local! {
    static AMBIENT_CONTEXT: RefCell<AmbientContext> = const { RefCell::new(AmbientContext::NONE) };
}

/// What the spans that start here have in common. A conversation shadows that of the enclosing context, and a request the other
/// request.
#[derive(Clone, Default)]
pub(crate) struct AmbientContext {
    pub(crate) conversation: Option<Arc<SharedConversation>>,
    /// The request that is being handled. The environment of the process says nothing about it, even if it continues no trace.
    pub(crate) request: Option<IncomingContext>,
}

impl AmbientContext {
    const NONE: Self = Self {
        conversation: None,
        request: None,
    };

    /// Returns the context of the running code.
    pub(crate) fn current() -> Self {
        Self::read(Self::clone).unwrap_or_default()
    }

    /// Reads the context of the running code; `None` on a thread that is being destroyed. Nothing may be entered meanwhile.
    #[inline]
    pub(crate) fn read<T>(read: impl FnOnce(&Self) -> T) -> Option<T> {
        AMBIENT_CONTEXT
            .try_with(|current| read(&current.borrow()))
            .ok()
    }

    /// Returns the conversation around the running code.
    pub(crate) fn conversation() -> Option<Arc<SharedConversation>> {
        Self::read(|current| current.conversation.clone()).flatten()
    }

    /// Makes this the current context until the guard is dropped.
    pub(crate) fn enter(&self) -> Entered {
        let outer = Self::current();
        replace(Self {
            conversation: self
                .conversation
                .clone()
                .or_else(|| outer.conversation.clone()),
            request: self.request.clone().or_else(|| outer.request.clone()),
        });
        Entered {
            outer,
            _not_send: std::marker::PhantomData,
        }
    }
}

fn replace(context: AmbientContext) {
    // A thread that is being destroyed has no context any more.
    let _ = AMBIENT_CONTEXT.try_with(|current| current.replace(context));
}

/// Restores the enclosing context when it is dropped.
pub(crate) struct Entered {
    outer: AmbientContext,
    _not_send: std::marker::PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        replace(std::mem::take(&mut self.outer));
    }
}

pin_project! {
    /// A future that runs inside a [conversation](crate::conversation()) or a continued
    /// [trace](crate::propagation::IncomingContext), on whatever thread it is polled.
    #[must_use = "futures do nothing unless polled"]
    pub struct Scoped<F> {
        // Also dropped inside the context, since dropping it closes spans.
        #[pin]
        future: Option<F>,
        context: AmbientContext,
    }

    impl<F> PinnedDrop for Scoped<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                let _entered = this.context.enter();
                this.future.set(None);
            }
        }
    }
}

impl<F> Scoped<F> {
    pub(crate) fn new(future: F, context: AmbientContext) -> Self {
        Self {
            future: Some(future),
            context,
        }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let _entered = this.context.enter();
        match this.future.as_mut().as_pin_mut() {
            Some(future) => {
                let output = std::task::ready!(future.poll(context));
                this.future.set(None);
                Poll::Ready(output)
            }
            // Polled after completion, which the contract of futures leaves unspecified.
            None => Poll::Pending,
        }
    }
}

impl<F> std::fmt::Debug for Scoped<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scoped").finish_non_exhaustive()
    }
}
