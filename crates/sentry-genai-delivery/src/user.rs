//! Whose request a segment is part of.

use std::sync::{
    OnceLock,
    atomic::{AtomicU8, Ordering},
};

use sentry_core::{Hub, protocol::User};

use crate::hub::with_hub;

/// How often the user of a segment is asked for: reading Sentry's scope means copying it.
const MAX_LOOKS: u8 = 2;

/// How long each of the texts may be, in bytes.
const MAX_BYTES: usize = 256;

/// The user of a segment, which may become known late, or never.
#[derive(Debug, Default)]
pub(crate) struct SegmentUser {
    found: OnceLock<Attributes>,
    looks: AtomicU8,
}

/// The attributes that tell a user, with those that have a value.
pub(crate) type Attributes = Vec<(&'static str, String)>;

impl SegmentUser {
    #[inline]
    pub(crate) fn is_lacking(&self) -> bool {
        self.looks.load(Ordering::Relaxed) < MAX_LOOKS
    }

    /// Asks for the user, unless that is known, or was asked for often enough. Apart from the id, what is known of the user leaves only
    /// if personal data may.
    pub(crate) fn look(&self, is_pii_sent: bool, find: impl FnOnce() -> Option<User>) {
        if !self.is_lacking() {
            return;
        }
        self.looks.fetch_add(1, Ordering::Relaxed);
        let attributes = find().map(|user| attributes(user, is_pii_sent));
        if let Some(attributes) = attributes.filter(|attributes| !attributes.is_empty()) {
            self.looks.store(MAX_LOOKS, Ordering::Relaxed);
            // Another thread may have found the same.
            let _ = self.found.set(attributes);
        }
    }

    pub(crate) fn attributes(&self) -> &[(&'static str, String)] {
        self.found.get().map_or(&[], Vec::as_slice)
    }
}

/// Returns the user on the scope of the current hub.
pub(crate) fn on_scope() -> Option<User> {
    // To read a scope is to write it back, which is left to a copy: another thread may be changing the hub's own.
    with_hub(|hub| Hub::new_from_top(hub).configure_scope(|scope| scope.user().cloned()))
}

fn attributes(user: User, is_pii_sent: bool) -> Attributes {
    let address = user.ip_address.map(|address| address.to_string());
    let personal = [
        ("user.email", user.email),
        ("user.name", user.username),
        // What the server is to fill in, it fills in itself.
        ("user.ip_address", address.filter(|it| it != "{{auto}}")),
    ];
    let personal = personal.into_iter().filter(|_| is_pii_sent);
    std::iter::once(("user.id", user.id))
        .chain(personal)
        .filter_map(|(key, text)| {
            let mut text = text.filter(|text| !text.is_empty())?;
            let end = (0..=MAX_BYTES)
                .rev()
                .find(|end| text.is_char_boundary(*end));
            text.truncate(end.unwrap_or_default());
            Some((key, text))
        })
        .collect()
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

    #[test]
    fn personal_data_leaves_only_where_it_may() {
        let said = attributes(user(), true);
        let email = ("user.email", "ada@example.com".to_owned());
        assert_eq!(said, [("user.id", "u-17".to_owned()), email]);
        assert_eq!(attributes(user(), false), said[..1]);
        let long = User {
            id: Some("\u{e9}".repeat(1000)),
            ..User::default()
        };
        assert_eq!(attributes(long, false)[0].1.len(), MAX_BYTES);
    }

    #[test]
    fn who_is_known_is_asked_for_no_more() {
        let known = SegmentUser::default();
        known.look(false, || None);
        known.look(false, || Some(user()));
        known.look(false, || unreachable!());
        assert_eq!(known.attributes().len(), 1);

        let unknown = SegmentUser::default();
        unknown.look(false, || None);
        // Nobody whose id is not known.
        unknown.look(false, || Some(User::default()));
        unknown.look(false, || unreachable!());
        assert!(unknown.attributes().is_empty());
    }
}
