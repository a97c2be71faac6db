//! Which conversation a span belongs to.

use std::{
    collections::VecDeque,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    current, handle,
    heritage::ConversationSetting,
    scoped::{Entered, Scoped, Surroundings},
};

/// Names a conversation, for a future or a block of code to run in.
///
/// Every AI span started inside carries the id, on whatever thread or task it ends, unless the span or one of its ancestors
/// names a conversation itself. Spans of a task that is spawned inside belong to it if they are children of a span that does.
///
/// The id is opaque to Sentry; what can stand in a URL path, up to 2,048 characters, works everywhere. An empty one says nothing:
/// then the conversation is what it would be without.
///
/// ```
/// # async fn handle(question: &str) {}
/// # async fn serve() {
/// sentry_genai::conversation("conv_5j66").scope(handle("What is the weather in Vienna?")).await;
/// # }
/// ```
pub fn conversation(id: impl Into<Arc<str>>) -> Conversation {
    Conversation { id: id.into() }
}

/// A conversation that code can run in; made by [`conversation()`].
#[derive(Clone, Debug)]
#[must_use = "a conversation has no effect until something runs in its scope"]
pub struct Conversation {
    id: Arc<str>,
}

impl Conversation {
    /// Runs a future in this conversation.
    pub fn scope<F: Future>(self, future: F) -> Scoped<F> {
        Scoped::new(future, self.surroundings())
    }

    /// Runs a closure in this conversation.
    pub fn in_scope<R>(self, run: impl FnOnce() -> R) -> R {
        let _entered = self.surroundings().enter();
        run()
    }

    /// Enters this conversation on the current thread, until the guard is dropped.
    ///
    /// Guards have to be dropped in reverse order. Do not hold one across an `.await`: the task may go on elsewhere, and
    /// another may run here. Use [`scope`](Self::scope) there.
    pub fn enter(self) -> ConversationGuard {
        ConversationGuard {
            _entered: self.surroundings().enter(),
        }
    }

    fn surroundings(self) -> Surroundings {
        Surroundings {
            conversation: (!self.id.is_empty()).then(|| Arc::new(Frame::new(Some(self.id)))),
            ..Surroundings::default()
        }
    }
}

/// Leaves a conversation when it is dropped.
#[must_use = "the conversation is left when the guard is dropped"]
pub struct ConversationGuard {
    _entered: Entered,
}

impl std::fmt::Debug for ConversationGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConversationGuard").finish_non_exhaustive()
    }
}

/// Sets the conversation from here on: in the subtree of the current span, or in the current task where no span is open.
///
/// Without an open span that is the innermost [`conversation()`] scope, or else the current tokio task or thread: tasks of another
/// executor, such as smol's, share their thread, and need a scope. Nothing happens if no bridge is attached, or with an empty id.
///
/// A task is not a request: servers such as axum's handle all requests of a connection in one task, one user's after the other's. Nor
/// is a span that the layer does not see, by a filter, of any use: then the id is set for the nearest span around it that the layer sees.
/// Where requests have no span of their own that passes the filter, use the [scope](Conversation::scope) of a [`conversation()`].
///
/// ```
/// #[tracing::instrument(skip_all)]
/// async fn handle(session: String) {
///     sentry_genai::set_conversation_id(session);
///     // every AI span started here, and those below them, carry the session's id
/// }
/// ```
pub fn set_conversation_id(id: impl Into<Arc<str>>) {
    let id = id.into();
    if !id.is_empty() {
        change(Some(id));
    }
}

/// Ends the conversation from here on, where [`set_conversation_id`] would have set one: spans below the current one do not
/// take it from further up any more.
pub fn remove_conversation_id() {
    change(None);
}

fn change(id: Option<Arc<str>>) {
    let setting = match &id {
        Some(id) => ConversationSetting::Id(Arc::clone(id)),
        None => ConversationSetting::Removed,
    };
    if current::set_conversation(setting) {
        return;
    }
    if let Some(frame) = Surroundings::conversation() {
        frame.set(id);
    } else if let Some(handle) = handle::attached() {
        handle.task_frames().set(id);
    }
}

/// The conversation of a scope or task. Spans hold on to it and read it when they end.
#[derive(Debug)]
pub(crate) struct Frame(Mutex<Option<Arc<str>>>);

impl Frame {
    fn new(id: Option<Arc<str>>) -> Self {
        Self(Mutex::new(id))
    }

    pub(crate) fn id(&self) -> Option<Arc<str>> {
        self.lock().clone()
    }

    fn set(&self, id: Option<Arc<str>>) {
        *self.lock() = id;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<str>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Conversations of tasks that have neither an open span nor a scope.
///
/// A task moves between threads and says nothing when it ends, so they are kept by its id, which is never used twice, and the
/// oldest make room.
#[derive(Debug, Default)]
pub(crate) struct TaskFrames(Mutex<VecDeque<(Task, Arc<Frame>)>>);

/// How many tasks are remembered. One takes some hundred bytes.
const REMEMBERED_TASKS: usize = 1024;

impl TaskFrames {
    /// Returns the conversation of the task or thread that runs now.
    pub(crate) fn current(&self) -> Option<Arc<Frame>> {
        let frames = self.lock();
        if frames.is_empty() {
            return None;
        }
        let current = Task::current();
        let found = frames.iter().rev().find(|(task, _)| *task == current);
        found.map(|(_, frame)| Arc::clone(frame))
    }

    fn set(&self, id: Option<Arc<str>>) {
        let current = Task::current();
        let mut frames = self.lock();
        if let Some((_, frame)) = frames.iter().find(|(task, _)| *task == current) {
            frame.set(id);
            return;
        }
        if frames.len() == REMEMBERED_TASKS {
            frames.pop_front();
        }
        frames.push_back((current, Arc::new(Frame::new(id))));
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Task, Arc<Frame>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A tokio task, or a thread outside of one.
#[derive(Debug, PartialEq, Eq)]
enum Task {
    #[cfg(feature = "tokio")]
    Tokio(tokio::task::Id),
    Thread(std::thread::ThreadId),
}

impl Task {
    fn current() -> Self {
        #[cfg(feature = "tokio")]
        if let Some(id) = tokio::task::try_id() {
            return Self::Tokio(id);
        }
        Self::Thread(std::thread::current().id())
    }
}
