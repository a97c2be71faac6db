//! Which conversation a span belongs to.

use std::{
    collections::VecDeque,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use sentry::Hub;
use sentry_genai_delivery::with_hub;

use crate::{
    current, handle,
    inheritance::ConversationSetting,
    scoped::{AmbientContext, Entered, Scoped},
};

/// Creates a conversation for a future or a block of code to run in.
///
/// Every AI span that starts inside the scope carries the id, on whatever thread or task it ends, unless the span or one of its
/// ancestors names a conversation itself. A task spawned inside the scope does not inherit it; its spans belong to the
/// conversation only if they are children of a span that does.
///
/// The id is opaque to Sentry. Up to 2,048 characters that are valid in a URL path work everywhere. An empty id has no effect:
/// the surrounding conversation, if any, stays in effect.
///
/// ```
/// # async fn handle(question: &str) {}
/// # async fn serve() {
/// sentry_genai::conversation("conv_5j66").scope(handle("What is the weather in Vienna?")).await;
/// # }
/// ```
pub fn conversation(id: impl AsRef<str>) -> Conversation {
    Conversation {
        id: id.as_ref().into(),
    }
}

/// A conversation that code can run in, created by [`conversation()`].
#[derive(Clone, Debug)]
#[must_use = "a conversation has no effect until something runs in its scope"]
pub struct Conversation {
    id: Arc<str>,
}

impl Conversation {
    /// Runs a future in this conversation.
    pub fn scope<F: Future>(self, future: F) -> Scoped<F> {
        Scoped::new(future, self.context())
    }

    /// Runs a closure in this conversation.
    pub fn in_scope<R>(self, run: impl FnOnce() -> R) -> R {
        let _entered = self.context().enter();
        run()
    }

    /// Enters this conversation on the current thread until the guard is dropped.
    ///
    /// Guards have to be dropped in reverse order. Do not hold one across an `.await`: the task may resume on another thread, and
    /// another task may run on this one. Use [`scope`](Self::scope) there.
    ///
    /// ```
    /// fn answer(question: &str) {
    ///     let _conversation = sentry_genai::conversation("conv_5j66").enter();
    ///     // AI spans that start here, up to the end of the function, carry the id.
    /// }
    /// ```
    pub fn enter(self) -> ConversationGuard {
        ConversationGuard {
            _entered: self.context().enter(),
        }
    }

    fn context(self) -> AmbientContext {
        AmbientContext {
            conversation: (!self.id.is_empty())
                .then(|| Arc::new(SharedConversation::new(Some(self.id)))),
            ..AmbientContext::default()
        }
    }
}

/// A guard that leaves a conversation when it is dropped; see [`Conversation::enter`].
#[must_use = "the conversation is left when the guard is dropped"]
pub struct ConversationGuard {
    _entered: Entered,
}

impl std::fmt::Debug for ConversationGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConversationGuard").finish_non_exhaustive()
    }
}

/// Sets the conversation from here on: for the subtree of the current span, or for the current task if no span is open.
///
/// A conversation is read when a span ends, so AI spans of the subtree that are already open belong to it as well.
///
/// Without an open span, the id is set for the innermost [`conversation()`] scope, or else for the current tokio task (with the
/// feature `tokio`, which is on by default) or thread. Tasks of another executor, such as smol's, share their thread and need a
/// scope. Of more than 1,024 tasks, those are forgotten that have started no trace for the longest time. Nothing happens if the id
/// is empty, if no bridge is attached, or in a trace that is not recorded because it was not sampled.
///
/// A task is not a request: servers such as axum's handle all requests of a connection in one task, one user's after another's. A
/// span that a filter hides from the layer does not help: the id is then set for the nearest enclosing span that the layer sees.
/// Where requests have no span of their own that passes the filter, use the [scope](Conversation::scope) of a [`conversation()`],
/// or give each request a Sentry hub of its own, as `NewSentryLayer` and `sentry-actix` do: the conversation ends with the hub.
///
/// ```
/// #[tracing::instrument(skip_all)]
/// async fn handle(session: String) {
///     sentry_genai::set_conversation_id(&session);
///     // Every AI span that starts below this span carries the session's id.
/// }
/// ```
pub fn set_conversation_id(id: impl AsRef<str>) {
    let id = id.as_ref();
    if !id.is_empty() {
        change(Some(id.into()));
    }
}

/// Removes the conversation from here on, wherever [`set_conversation_id`] would have set one: the current span and the spans
/// below it no longer inherit a conversation from further up.
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
    if let Some(conversation) = AmbientContext::conversation() {
        conversation.set(id);
        return;
    }
    // Of several bridges, it is not known which one will get the spans of this task.
    for handle in handle::all_attached() {
        handle.task_conversations().set(id.clone());
    }
}

/// The conversation of a scope or task. Spans hold a reference to it and read it when they end.
#[derive(Debug)]
pub(crate) struct SharedConversation(Mutex<Option<Arc<str>>>);

impl SharedConversation {
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

/// The conversations of tasks that have neither an open span nor a scope.
///
/// A task moves between threads, and its end cannot be observed. Entries are therefore keyed by the task's id, which is never
/// reused. When the table is full, the entry is evicted that was not used for the longest time: most tasks end soon, but one that
/// holds a connection may go on for hours.
///
/// A task may handle one request after another. If each has a hub of its own, its conversation ends with the hub.
#[derive(Debug, Default)]
pub(crate) struct TaskConversations(Mutex<VecDeque<TaskConversation>>);

#[derive(Debug)]
struct TaskConversation {
    task: Task,
    /// The hub that was current when the conversation was set, if it had a client.
    hub: Option<Weak<Hub>>,
    conversation: Arc<SharedConversation>,
}

impl TaskConversation {
    fn is_over(&self) -> bool {
        (self.hub.as_ref()).is_some_and(|hub| hub.strong_count() == 0)
    }
}

/// How many tasks are remembered. An entry takes some hundred bytes.
const MAX_TASKS: usize = 1024;

impl TaskConversations {
    /// Returns the conversation of the task or thread that is running.
    pub(crate) fn current(&self) -> Option<Arc<SharedConversation>> {
        let mut entries = self.lock();
        if entries.is_empty() {
            return None;
        }
        let current = Task::current();
        let place = entries.iter().rposition(|entry| entry.task == current)?;
        let entry = entries.get(place).filter(|entry| !entry.is_over())?;
        let conversation = Arc::clone(&entry.conversation);
        // Rarely, because moving an entry moves others, too.
        if place < entries.len() / 2
            && let Some(entry) = entries.remove(place)
        {
            entries.push_back(entry);
        }
        Some(conversation)
    }

    fn set(&self, id: Option<Arc<str>>) {
        let hub = with_hub(|hub| Some(Arc::downgrade(hub)));
        let task = Task::current();
        let mut entries = self.lock();
        let place = entries.iter().position(|entry| entry.task == task);
        if let Some(mut entry) = place.and_then(|place| entries.remove(place)) {
            if entry.is_over() {
                // Open spans of the request before may still read the old one.
                entry.conversation = Arc::new(SharedConversation::new(id));
            } else {
                entry.conversation.set(id);
            }
            entry.hub = hub;
            entries.push_back(entry);
            return;
        }
        if entries.len() == MAX_TASKS {
            entries.pop_front();
        }
        entries.push_back(TaskConversation {
            task,
            hub,
            conversation: Arc::new(SharedConversation::new(id)),
        });
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<TaskConversation>> {
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

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn of_too_many_tasks_the_one_is_forgotten_that_has_not_needed_its_own_for_longest() {
        let tasks = TaskConversations::default();
        let set = |id: &str| tasks.set(Some(id.into()));
        let set_elsewhere = |times| {
            for _ in 0..times {
                thread::scope(|scope| scope.spawn(|| set("other")).join().unwrap());
            }
        };
        let own = || tasks.current().and_then(|own| own.id());
        set("own");
        set_elsewhere(MAX_TASKS - 1);
        assert_eq!(own().as_deref(), Some("own"));
        set_elsewhere(MAX_TASKS - 1);
        set("changed");
        set_elsewhere(MAX_TASKS - 1);
        assert_eq!(own().as_deref(), Some("changed"));
        set_elsewhere(MAX_TASKS);
        assert_eq!(own(), None);
        assert_eq!(tasks.lock().len(), MAX_TASKS);
    }
}
