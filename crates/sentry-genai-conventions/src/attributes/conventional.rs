//! Adding attributes under keys that are only known at run time, but are mostly conventional.

use super::{Attributes, Entry, Hash, Input, Key, Slot, encodable::Plain, name::prefix_bit};
use crate::{TextRoom, content, tables::Row};

impl Attributes {
    /// Appends a value under a key that is probably in Sentry's registry. The key is only copied into the buffer if it
    /// is not in the registry, and it does not need to be looked up again later.
    ///
    /// ```
    /// use sentry_genai_conventions::{Attributes, Value};
    ///
    /// let mut attributes = Attributes::default();
    /// attributes.push_conventional(&String::from("gen_ai.usage.input_tokens"), 42_i64);
    /// assert_eq!(attributes.get("gen_ai.usage.input_tokens"), Some(Value::Integer(42)));
    /// ```
    #[inline]
    pub fn push_conventional<'v>(&mut self, key: &str, value: impl Into<Input<'v>>) {
        let value = match value.into() {
            Input::Bool(value) => Slot::Bool(value),
            Input::Integer(value) => Slot::Integer(value),
            Input::Double(value) if value.is_finite() => Slot::Double(value),
            other => return self.push_owned_key(key, other),
        };
        self.push_with_row(key, value);
    }

    /// Like [`push_conventional`](Self::push_conventional), for a text. Appends as much of it as there is room for.
    pub fn push_conventional_text(&mut self, key: &str, text: &str, room: TextRoom) {
        let text = room.kept(text, || content::is_input(key));
        let start = self.write_up_to(text, room.bytes());
        if let Some(range) = self.written_since(start) {
            self.push_with_row(key, Slot::Text(range));
        }
    }

    /// Reserves room for `attributes` more attributes and `text_bytes` more bytes of text.
    pub fn reserve(&mut self, attributes: usize, text_bytes: usize) {
        self.entries.reserve(attributes);
        self.text.reserve(text_bytes);
    }

    fn push_with_row(&mut self, key: &str, value: Slot) {
        let hash = Hash::of(key);
        let row = Row::of(hash, key);
        let prefix_bit = prefix_bit(key);
        let key = match row.attribute() {
            Some(attribute) => Key::Static(attribute.name),
            None => match self.write(key) {
                Some(range) => Key::Text(range),
                None => return,
            },
        };
        self.hash_bits |= hash.bit();
        self.prefix_bits |= prefix_bit;
        self.entries.push(Entry {
            key,
            hash,
            row,
            plain: Plain::UNKNOWN,
            value,
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn describe(attributes: &Attributes) -> String {
        let pairs: Vec<_> = attributes.iter().collect();
        format!("{pairs:?} {:?}", attributes.is_gen_ai())
    }

    proptest! {
        #[test]
        fn conventional_keys_behave_like_copied_keys(
            keys in prop::collection::vec(
                prop_oneof![
                    prop::sample::select(crate::tables::names().collect::<Vec<_>>()).prop_map(str::to_owned),
                    "[a-z.]{0,12}",
                ],
                0..20,
            ),
            text in ".{0,40}",
        ) {
            let (mut copied, mut conventional) = (Attributes::default(), Attributes::default());
            for (index, key) in keys.iter().enumerate() {
                if index % 3 == 0 {
                    copied.push_owned_key(key, index);
                    conventional.push_conventional(key, index);
                } else {
                    copied.push_owned_key(key, &*crate::excerpt(&text, 20));
                    conventional.push_conventional_text(key, &text, crate::testing::text_room(20));
                }
                copied.push_owned_key(key, f64::NAN);
                conventional.push_conventional(key, f64::NAN);
            }
            prop_assert_eq!(describe(&copied), describe(&conventional));
            for attributes in [&mut copied, &mut conventional] {
                attributes.settle();
                attributes.rename("gen_ai.system", "gen_ai.provider.name");
                attributes.look_up();
            }
            prop_assert_eq!(describe(&copied), describe(&conventional));
            let rows = |attributes: &Attributes| -> Vec<_> {
                attributes.iter_with_rows().map(|(key, _, row)| (key.to_owned(), row.map(|attribute| attribute.name))).collect()
            };
            prop_assert_eq!(rows(&copied), rows(&conventional));
        }
    }
}
