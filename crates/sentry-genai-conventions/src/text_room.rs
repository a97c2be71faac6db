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
    /// The room for an input while no content may leave: enough to tell it from an answer.
    ///
    /// Nothing else is derived from inputs. Answers say why the model stopped.
    const WITHHELD_BYTES: usize = 256;

    pub(crate) fn new(options: &TranslateOptions) -> Self {
        let limits = &options.limits;
        // The translation cuts with more care than an excerpt does.
        let limit = limits.attribute_bytes.max(limits.text_bytes);
        Self {
            bytes: limit.saturating_mul(11) / 8,
            // Old versions of rig record the answer under the name of the question.
            copies_inputs: options.capture_inputs || options.capture_outputs,
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
        let kept = self.kept(text, || content::is_input(key));
        kept.len().min(self.bytes)
    }

    /// Returns all of a text, or the beginning of an input that may not leave.
    #[inline]
    pub(crate) fn kept(self, text: &str, is_input: impl FnOnce() -> bool) -> &str {
        if self.copies_inputs || text.len() <= Self::WITHHELD_BYTES || !is_input() {
            return text;
        }
        &text[..floor_char_boundary(text, Self::WITHHELD_BYTES)]
    }

    /// Returns how much of the `Display` output of a value is written.
    pub(crate) fn display_bytes(self, key: &AttributeKey) -> usize {
        if self.copies_inputs || !key.flags().has_input() {
            self.bytes.saturating_mul(16)
        } else {
            Self::WITHHELD_BYTES
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
    fn while_no_content_may_leave_inputs_have_little_room() {
        let prompt = "é".repeat(1000);
        let copied = |capture_inputs, name: &'static str| {
            let room = room(capture_inputs, ContentLimits::default());
            let key = AttributeKey::new(name);
            let mut attributes = Attributes::default();
            attributes.push_known_text(&key, &prompt, room);
            attributes.push_conventional_text(name, &prompt, room);
            attributes.push_known_display(&key, &prompt, room);
            attributes.push_owned_key(name, &*room.copied(name, &prompt));
            let texts = attributes.slots().flatten().map(|(_, text)| match text {
                Value::Str(text) => text.to_owned(),
                _ => unreachable!(),
            });
            let texts: Vec<_> = texts.collect();
            assert_eq!(texts, vec![texts[0].clone(); 4]);
            assert_eq!(room.copied_bytes(name, &prompt), texts[0].len());
            texts[0].len()
        };
        for name in ["gen_ai.input.messages", "gen_ai.tool.definitions"] {
            assert_eq!(copied(false, name), 256, "{name}");
            assert_eq!(copied(true, name), 2000, "{name}");
        }
        let outputs_only = TranslateOptions {
            capture_outputs: true,
            ..TranslateOptions::default()
        };
        let copied_input = outputs_only
            .text_room()
            .copied("gen_ai.input.messages", &prompt);
        assert_eq!(copied_input, prompt);
        for name in ["gen_ai.output.messages", "shop.note"] {
            assert_eq!(copied(false, name), 2000, "{name}");
        }
    }
}
