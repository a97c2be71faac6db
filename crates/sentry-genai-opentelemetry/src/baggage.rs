//! Builds the outgoing `baggage` header.

use sentry_genai_delivery::percent_encode;

/// The maximum length of the header, as in the W3C Baggage recommendation.
const MAX_BYTES: usize = 8192;

/// The members of the header, in the order they were added, as far as there is room.
#[derive(Debug, Default)]
pub(crate) struct Baggage(String);

impl Baggage {
    /// Adds members that are already encoded, all or none.
    pub(crate) fn add_members(&mut self, members: &str) {
        let separator = usize::from(!self.0.is_empty());
        if members.is_empty() || self.0.len() + separator + members.len() > MAX_BYTES {
            return;
        }
        if separator > 0 {
            self.0.push(',');
        }
        self.0.push_str(members);
    }

    /// Adds a member of the program's own baggage, unless only this crate writes its key.
    pub(crate) fn add_foreign(&mut self, key: &str, value: &str, metadata: &str) {
        if key.starts_with("sentry-") || key == "gen_ai.conversation.id" {
            return;
        }
        let mut member = format!("{key}=");
        percent_encode(value, &mut member);
        if !metadata.is_empty() {
            member.push(';');
            member.push_str(metadata);
        }
        self.add_members(&member);
    }

    pub(crate) fn into_header(self) -> Option<String> {
        (!self.0.is_empty()).then_some(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_added_as_far_as_there_is_room() {
        let mut baggage = Baggage::default();
        baggage.add_members("");
        baggage.add_foreign("tenant", "a b", "");
        baggage.add_foreign("user", "é", "secret;ttl=1");
        baggage.add_foreign("sentry-release", "x", "");
        let expected = "tenant=a%20b,user=%C3%A9;secret;ttl=1";
        let rest = MAX_BYTES - expected.len() - ",".len();
        baggage.add_members(&"x".repeat(rest + 1));
        assert_eq!(baggage.0, expected);
        baggage.add_members(&"x".repeat(rest));
        assert_eq!(baggage.0.len(), MAX_BYTES);
        baggage.add_members("");
        assert!(baggage.into_header().unwrap().ends_with('x'));
    }
}
