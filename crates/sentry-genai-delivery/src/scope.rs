//! What a segment takes from Sentry's scope: the user whose request it is part of, and the tags.

use std::sync::{
    LazyLock, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicU8, Ordering},
};

use sentry_core::{
    Hub,
    protocol::{Map, Transaction, User},
};

use crate::{encode, hub::with_hub};

/// How often the scope is read for a segment. Reading Sentry's scope means copying it.
const MAX_READS: u8 = 2;

/// The longest value, in bytes.
const MAX_BYTES: usize = 256;

/// How many tags are sent with each span.
const MAX_TAGS: usize = 32;

/// What the scope of a segment says. It may say so late, or never.
#[derive(Debug, Default)]
pub(crate) struct ScopeData {
    user: OnceLock<UserAttributes>,
    tags: Mutex<Tags>,
    reads: AtomicU8,
}

/// The attributes that identify a user, those with a value only.
pub(crate) type UserAttributes = Vec<(&'static str, String)>;

/// The tags that become attributes, each key once.
pub(crate) type Tags = Vec<(String, String)>;

impl ScopeData {
    #[inline]
    pub(crate) fn may_read(&self) -> bool {
        self.reads.load(Ordering::Relaxed) < MAX_READS
    }

    /// Takes what `scope` returns, unless the user is known or the scope was read often enough. Only the user's id is used
    /// if personal data may not be sent.
    pub(crate) fn read(
        &self,
        is_pii_sent: bool,
        scope: impl FnOnce() -> (Option<User>, Map<String, String>),
    ) {
        if !self.may_read() {
            return;
        }
        self.reads.fetch_add(1, Ordering::Relaxed);
        let (user, tags) = scope();
        if !tags.is_empty() {
            *self.lock_tags() = usable(tags);
        }
        let attributes = user.map(|user| attributes(user, is_pii_sent));
        if let Some(attributes) = attributes.filter(|attributes| !attributes.is_empty()) {
            self.reads.store(MAX_READS, Ordering::Relaxed);
            // Another thread may have found the same user.
            let _ = self.user.set(attributes);
        }
    }

    pub(crate) fn user(&self) -> &[(&'static str, String)] {
        self.user.get().map_or(&[], Vec::as_slice)
    }

    pub(crate) fn tags(&self) -> Tags {
        self.lock_tags().clone()
    }

    fn lock_tags(&self) -> MutexGuard<'_, Tags> {
        self.tags.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the user and the tags on the scope of the current hub.
pub(crate) fn current() -> (Option<User>, Map<String, String>) {
    // Copied, because each new one has an id that is drawn from the system's random numbers.
    static BLANK: LazyLock<Transaction<'static>> = LazyLock::new(Transaction::new);
    // A scope shows its tags only by applying them. Reading a scope requires `configure_scope`, which writes it back. Use a
    // copy, since another thread may be changing the hub's own scope.
    with_hub(|hub| {
        Hub::new_from_top(hub).configure_scope(|scope| {
            let mut transaction = BLANK.clone();
            scope.apply_to_transaction(&mut transaction);
            (transaction.user, transaction.tags)
        })
    })
}

fn attributes(user: User, is_pii_sent: bool) -> UserAttributes {
    let address = user.ip_address.map(|address| address.to_string());
    let personal = [
        ("user.email", user.email),
        ("user.name", user.username),
        // The server fills in `{{auto}}` itself.
        ("user.ip_address", address.filter(|it| it != "{{auto}}")),
    ];
    let personal = personal.into_iter().filter(|_| is_pii_sent);
    std::iter::once(("user.id", user.id))
        .chain(personal)
        .filter_map(|(key, text)| Some((key, shortened(text?)?)))
        .collect()
}

/// Returns the tags that are not about what the bridge itself says of a span.
fn usable(tags: Map<String, String>) -> Tags {
    const RESERVED: [&str; 3] = ["sentry.", "gen_ai.", "user."];
    tags.into_iter()
        .filter(|(key, _)| {
            let is_reserved = RESERVED.iter().any(|prefix| key.starts_with(prefix));
            !is_reserved && !key.is_empty() && key.len() <= MAX_BYTES && !encode::is_preset(key)
        })
        .filter_map(|(key, text)| Some((key, shortened(text)?)))
        .take(MAX_TAGS)
        .collect()
}

/// Returns the beginning of a text; `None` if it is empty.
fn shortened(mut text: String) -> Option<String> {
    let end = (0..=MAX_BYTES)
        .rev()
        .find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or_default());
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> User {
        User {
            id: Some("u-17".to_owned()),
            email: Some("ada@example.com".to_owned()),
            username: Some(String::new()),
            ip_address: Some(sentry_core::protocol::IpAddress::Auto),
            ..User::default()
        }
    }

    fn tags<const N: usize>(tags: [(&str, &str); N]) -> Map<String, String> {
        tags.map(|(key, text)| (key.to_owned(), text.to_owned()))
            .into()
    }

    #[test]
    fn personal_data_is_sent_only_if_allowed() {
        let found = attributes(user(), true);
        let email = ("user.email", "ada@example.com".to_owned());
        assert_eq!(found, [("user.id", "u-17".to_owned()), email]);
        assert_eq!(attributes(user(), false), found[..1]);
        let long = User {
            id: Some("\u{e9}".repeat(1000)),
            ..User::default()
        };
        assert_eq!(attributes(long, false)[0].1.len(), MAX_BYTES);
    }

    #[test]
    fn the_scope_is_not_read_again_once_a_user_is_known() {
        let known = ScopeData::default();
        known.read(false, || (None, tags([("tenant", "acme")])));
        let both = tags([("tenant", "acme"), ("plan", "free")]);
        known.read(false, || (Some(user()), both));
        known.read(false, || unreachable!());
        assert_eq!(known.user().len(), 1);
        assert_eq!(known.tags().len(), 2);

        let unknown = ScopeData::default();
        unknown.read(false, || (None, tags([("tenant", "acme")])));
        // A user without any usable attribute counts as none.
        unknown.read(false, || (Some(User::default()), Map::new()));
        unknown.read(false, || unreachable!());
        assert!(unknown.user().is_empty());
        assert_eq!(
            unknown.tags().len(),
            1,
            "a scope without tags takes none away"
        );
    }

    #[test]
    fn tags_do_not_replace_what_is_known_of_a_span() {
        let usable = usable(tags([
            ("gen_ai.agent.name", "Bot"),
            ("sentry.op", "http.server"),
            ("server.address", "elsewhere"),
            ("user.id", "another"),
            ("empty", ""),
            ("tenant", "acme"),
        ]));
        assert_eq!(usable, [("tenant".to_owned(), "acme".to_owned())]);
    }
}
