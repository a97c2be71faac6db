//! Carries a conversation across processes, as a member of the `baggage` header.

use crate::{dsc::percent_encode, incoming::percent_decode};

/// The key of the member, which is also that of the attribute.
const KEY: &str = "gen_ai.conversation.id";

/// The longest id, in bytes. W3C allows 8,192 bytes for the whole header, most of which belong to others.
const MAX_BYTES: usize = 512;

/// How many bytes of a `baggage` header are read at most, as in the W3C Baggage recommendation.
pub(crate) const MAX_HEADER_BYTES: usize = 8192;

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

/// Returns the `baggage` member that carries a conversation id. Returns `None` for an id that [`read_conversation_id`]
/// refuses.
#[must_use]
pub fn baggage_of_conversation(id: &str) -> Option<String> {
    let id = read_conversation_id(id)?;
    let mut member = format!("{KEY}=");
    percent_encode(id, &mut member);
    Some(member)
}

#[cfg(test)]
mod tests {
    use super::*;

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
