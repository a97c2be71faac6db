//! The `baggage` header, which carries a conversation across processes beside the members of a trace.

use crate::{dsc::percent_encode, incoming::percent_decode};

/// The key of the member, which is also that of the attribute.
const KEY: &str = "gen_ai.conversation.id";

/// The longest id, in bytes. W3C allows 8,192 bytes for the whole header, most of which belong to others.
const MAX_BYTES: usize = 512;

/// How long a `baggage` header may be, in bytes, as in the W3C Baggage recommendation.
pub(crate) const MAX_HEADER_BYTES: usize = 8192;

/// An outgoing `baggage` header: its members in the order they were added, as far as there is room.
#[derive(Debug, Default)]
pub struct Baggage(String);

impl Baggage {
    /// Adds members that are already encoded: all, or none if the header would be longer than 8,192 bytes.
    pub fn add_members(&mut self, members: &str) {
        let separator = usize::from(!self.0.is_empty());
        if members.is_empty() || self.0.len() + separator + members.len() > MAX_HEADER_BYTES {
            return;
        }
        if separator > 0 {
            self.0.push(',');
        }
        self.0.push_str(members);
    }

    /// Adds the member that carries a conversation id, unless [`read_conversation_id`] refuses the id.
    pub fn add_conversation(&mut self, id: &str) {
        if let Some(id) = read_conversation_id(id) {
            self.add(KEY, id, "");
        }
    }

    /// Adds a member of the program's own baggage, unless only this crate writes its key.
    pub fn add_foreign(&mut self, key: &str, value: &str, metadata: &str) {
        if !key.starts_with("sentry-") && key != KEY {
            self.add(key, value, metadata);
        }
    }

    fn add(&mut self, key: &str, value: &str, metadata: &str) {
        let mut member = format!("{key}=");
        percent_encode(value, &mut member);
        if !metadata.is_empty() {
            member.push(';');
            member.push_str(metadata);
        }
        self.add_members(&member);
    }

    /// Returns the value of the header. Returns `None` if it has no members.
    #[must_use]
    pub fn into_header(self) -> Option<String> {
        (!self.0.is_empty()).then_some(self.0)
    }
}

/// Returns a trimmed conversation id that came from outside. Returns `None` if it is empty, longer than 512 bytes, or
/// contains control characters.
#[must_use]
pub fn read_conversation_id(id: &str) -> Option<&str> {
    let id = id.trim();
    let is_valid = !id.is_empty() && id.len() <= MAX_BYTES && !id.chars().any(char::is_control);
    is_valid.then_some(id)
}

/// Finds the conversation id in the value of a `baggage` header.
///
/// The member is `gen_ai.conversation.id`, percent-encoded. Returns `None` if there is no such member, if
/// [`read_conversation_id`] refuses its value, or if the header is longer than 8,192 bytes.
#[must_use]
pub fn conversation_in_baggage(header: &str) -> Option<String> {
    if header.len() > MAX_HEADER_BYTES {
        return None;
    }
    header.split(',').find_map(|member| {
        let (key, value) = member.split(';').next()?.split_once('=')?;
        if key.trim() != KEY {
            return None;
        }
        let decoded = percent_decode(value);
        read_conversation_id(&decoded).map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baggage_of_conversation(id: &str) -> Option<String> {
        let mut baggage = Baggage::default();
        baggage.add_conversation(id);
        baggage.into_header()
    }

    #[test]
    fn members_are_added_as_far_as_there_is_room() {
        let mut baggage = Baggage::default();
        baggage.add_members("");
        baggage.add_foreign("tenant", "a b", "");
        baggage.add_foreign("user", "é", "secret;ttl=1");
        baggage.add_foreign("sentry-release", "x", "");
        baggage.add_foreign(KEY, "x", "");
        let expected = "tenant=a%20b,user=%C3%A9;secret;ttl=1";
        let rest = MAX_HEADER_BYTES - expected.len() - ",".len();
        baggage.add_members(&"x".repeat(rest + 1));
        assert_eq!(baggage.0, expected);
        baggage.add_members(&"x".repeat(rest));
        assert_eq!(baggage.0.len(), MAX_HEADER_BYTES);
        baggage.add_conversation("conv_5j66");
        assert!(baggage.into_header().unwrap().ends_with('x'));
    }

    #[test]
    fn a_conversation_id_round_trips() {
        for id in ["conv_5j66", "a b,c;d=e", "Gespräch 7%"] {
            let member = baggage_of_conversation(id).unwrap();
            assert!(
                !member.contains([' ', ';']) && member.is_ascii(),
                "{member}"
            );
            let header = format!("sentry-sampled=true, {member};property=1,x=y");
            assert_eq!(conversation_in_baggage(&header).as_deref(), Some(id));
        }
    }

    #[test]
    fn invalid_conversation_ids_are_rejected() {
        let long = "x".repeat(MAX_BYTES + 1);
        for id in ["", "  ", "a\nb", "a\u{7f}", &long] {
            assert_eq!(baggage_of_conversation(id), None, "{id:?}");
        }
        for header in [
            "",
            "gen_ai.conversation.id",
            "gen_ai.conversation.id=",
            "gen_ai.conversation.id=%0A",
            "other=1",
        ] {
            assert_eq!(conversation_in_baggage(header), None, "{header:?}");
        }
        assert_eq!(
            conversation_in_baggage(&format!("gen_ai.conversation.id={long}")),
            None
        );
        let flood = format!("x={},gen_ai.conversation.id=c", "y".repeat(9000));
        assert_eq!(conversation_in_baggage(&flood), None);
    }
}
