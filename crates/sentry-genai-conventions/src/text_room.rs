//! How much of a text a door copies.

use std::borrow::Cow;

use crate::{AttributeKey, TranslateOptions, content, excerpt, messages::floor_char_boundary};

/// How much of a text a source of spans copies. The translation would cut the rest, or remove it.
///
/// A source copies on its caller's time, and what it has copied stays in memory until the span is sent.
#[derive(Clone, Copy, Debug)]
pub struct TextRoom {
    bytes: usize,
    copies_inputs: bool,
}

impl TextRoom {
    /// What is copied of an input that may not leave: enough to know that there is one.
    const WITHHELD_BYTES: usize = 64;

    pub(crate) fn new(options: &TranslateOptions) -> Self {
        let limits = &options.limits;
        // The translation cuts with more care than an excerpt does.
        let limit = limits.attribute_bytes.max(limits.text_bytes);
        Self {
            bytes: limit.saturating_mul(11) / 8,
            copies_inputs: options.capture_inputs,
        }
    }

    /// Returns the maximum length of any text, in bytes. From a longer one a source takes an [excerpt](excerpt()).
    #[must_use]
    #[inline]
    pub fn bytes(self) -> usize {
        self.bytes
    }

    /// Returns what to copy of the text under `key`.
    #[must_use]
    pub fn copied<'t>(self, key: &str, text: &'t str) -> Cow<'t, str> {
        excerpt(self.kept(text, || content::is_input(key)), self.bytes)
    }

    /// Returns about how many bytes of the text under `key` are copied.
    #[must_use]
    #[inline]
    pub fn copied_bytes(self, key: &str, text: &str) -> usize {
        self.kept(text, || content::is_input(key))
            .len()
            .min(self.bytes)
    }

    /// Returns the beginning of an input that may not leave, or else all of a text.
    ///
    /// Inputs serve no other purpose. An answer does: it says why the model stopped.
    #[inline]
    pub(crate) fn kept(self, text: &str, is_input: impl FnOnce() -> bool) -> &str {
        if self.copies_inputs || text.len() <= Self::WITHHELD_BYTES || !is_input() {
            return text;
        }
        &text[..floor_char_boundary(text, Self::WITHHELD_BYTES)]
    }

    /// Returns how much of the `Display` output of a value is written.
    pub(crate) fn display_bytes(self, key: &AttributeKey) -> usize {
        if !self.copies_inputs && key.flags().has_input() {
            Self::WITHHELD_BYTES
        } else {
            self.bytes.saturating_mul(16)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attributes, ContentLimits, Value};

    fn room(capture_inputs: bool, limits: ContentLimits) -> TextRoom {
        let options = TranslateOptions {
            capture_inputs,
            limits,
            ..TranslateOptions::default()
        };
        options.text_room()
    }

    #[test]
    fn it_is_somewhat_more_than_the_limits_allow() {
        for (text_bytes, attribute_bytes) in [(100, 800), (800, 100)] {
            let limits = ContentLimits {
                text_bytes,
                attribute_bytes,
            };
            assert!((801..1600).contains(&room(true, limits).bytes()));
        }
    }

    #[test]
    fn of_an_input_that_may_not_leave_only_the_beginning_is_copied() {
        let prompt = "é".repeat(1000);
        let copied = |capture_inputs, name: &'static str| {
            let room = room(capture_inputs, ContentLimits::default());
            let key = AttributeKey::new(name);
            let mut attributes = Attributes::default();
            attributes.push_known_text(&key, &prompt, room);
            attributes.push_conventional_text(name, &prompt, room);
            attributes.push_known_display(&key, &prompt, room);
            attributes.push_owned_key(name, &*room.copied(name, &prompt));
            assert_eq!(
                room.copied_bytes(name, &prompt),
                room.copied(name, &prompt).len()
            );
            let texts = attributes.slots().flatten().map(|(_, text)| match text {
                Value::Str(text) => text.len(),
                _ => 0,
            });
            texts.collect::<Vec<_>>()
        };
        for (name, withheld) in [
            ("gen_ai.input.messages", 64),
            ("gen_ai.tool.definitions", 64),
            ("gen_ai.output.messages", 2000),
            ("shop.note", 2000),
        ] {
            assert_eq!(copied(false, name), [withheld; 4], "{name}");
            assert_eq!(copied(true, name), [2000; 4], "{name}");
        }
    }
}
