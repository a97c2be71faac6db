//! The user whose request a segment is part of.

use std::sync::{
    OnceLock,
    atomic::{AtomicU8, Ordering},
};

use sentry_core::{Hub, protocol::User};

use crate::hub::with_hub;

/// How often the scope is read for the user of a segment. Reading Sentry's scope means copying it.
const MAX_LOOKUPS: u8 = 2;

/// The longest value, in bytes.
const MAX_BYTES: usize = 256;

/// The user of a segment, who may become known late, or never.
#[derive(Debug, Default)]
pub(crate) struct SegmentUser {
    attributes: OnceLock<Attributes>,
    lookups: AtomicU8,
}

/// The attributes that identify a user, those with a value only.
pub(crate) type Attributes = Vec<(&'static str, String)>;

impl SegmentUser {
    #[inline]
    pub(crate) fn may_look_up(&self) -> bool {
        self.lookups.load(Ordering::Relaxed) < MAX_LOOKUPS
    }

    /// Looks for the user, unless the user is known or was looked for often enough. Only the id is used if personal
    /// data may not be sent.
    pub(crate) fn look_up(&self, is_pii_sent: bool, find: impl FnOnce() -> Option<User>) {
        if !self.may_look_up() {
            return;
        }
        self.lookups.fetch_add(1, Ordering::Relaxed);
        let attributes = find().map(|user| attributes(user, is_pii_sent));
        if let Some(attributes) = attributes.filter(|attributes| !attributes.is_empty()) {
            self.lookups.store(MAX_LOOKUPS, Ordering::Relaxed);
            // Another thread may have found the same user.
            let _ = self.attributes.set(attributes);
        }
    }

    pub(crate) fn attributes(&self) -> &[(&'static str, String)] {
        self.attributes.get().map_or(&[], Vec::as_slice)
    }
}

/// Returns the user on the scope of the current hub.
pub(crate) fn scope_user() -> Option<User> {
    // Reading a scope requires `configure_scope`, which writes it back. Use a copy, since another thread may be
    // changing the hub's own scope.
    with_hub(|hub| Hub::new_from_top(hub).configure_scope(|scope| scope.user().cloned()))
}

fn attributes(user: User, is_pii_sent: bool) -> Attributes {
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
    fn a_known_user_is_not_looked_up_again() {
        let known = SegmentUser::default();
        known.look_up(false, || None);
        known.look_up(false, || Some(user()));
        known.look_up(false, || unreachable!());
        assert_eq!(known.attributes().len(), 1);

        let unknown = SegmentUser::default();
        unknown.look_up(false, || None);
        // A user without any usable attribute counts as none.
        unknown.look_up(false, || Some(User::default()));
        unknown.look_up(false, || unreachable!());
        assert!(unknown.attributes().is_empty());
    }
}
