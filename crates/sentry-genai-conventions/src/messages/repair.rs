//! A tolerant reader for near-JSON: Python reprs, output of Rust's `Debug`, JSON that was cut off, lone surrogates.

mod rust;

use std::{iter::Peekable, str::CharIndices};

use serde_json::{Number, Value};

pub(crate) use self::rust::snake_case;
pub(super) use self::rust::untag;

use super::{Object, parse::MAX_DEPTH, shapes::fields};

/// The value read from a text that is not JSON.
pub(super) struct Repaired {
    pub(super) value: Value,
    /// Whether the text ended before the value was complete.
    pub(super) is_truncated: bool,
}

impl Repaired {
    /// Returns the value, unless the text ended before it was complete.
    pub(super) fn complete(self) -> Option<Value> {
        (!self.is_truncated).then_some(self.value)
    }
}

/// Reads a list or an object in the syntax of JSON, Python or Rust, whose end may be missing. Returns `None` for any other text.
pub(super) fn read(text: &str) -> Option<Repaired> {
    read_if(text, |first| matches!(first, '[' | '{' | '('))
}

/// Reads output of Rust's `Debug` that starts with a name, such as `Some([...])` or `Message { .. }`, if it is complete.
pub(crate) fn read_named(text: &str) -> Option<Value> {
    read_if(text, |first| first.is_ascii_uppercase())?.complete()
}

/// Reads `Name(field=value, ...)`, Python's repr of an object, if it is complete.
pub(crate) fn read_constructor(text: &str) -> Option<Value> {
    read_if(text, char::is_alphabetic)?.complete()
}

/// Reads as many fields as there are of an object that was cut off, perhaps with an ellipsis.
pub(crate) fn read_cut_constructor(text: &str) -> Option<Value> {
    let text = text.strip_suffix("...").unwrap_or(text);
    Some(read_if(text, char::is_alphabetic)?.value)
}

/// Reads `field=value field=value`, the text of a Pydantic model in Python, if it is complete.
pub(crate) fn read_model(text: &str) -> Option<Object> {
    let mut reader = Reader::new(text);
    let mut fields = Object::new();
    while reader.peek_token().is_some() {
        let name = reader.take_while(|c| c.is_alphanumeric() || c == '_');
        if name.is_empty() || reader.peek_token()? != '=' {
            return None;
        }
        reader.chars.next();
        fields.insert(name.to_owned(), reader.value(MAX_DEPTH)?);
    }
    (!reader.is_truncated).then_some(fields)
}

/// Reads a whole text, provided that it starts with such a character.
fn read_if(text: &str, is_start: impl Fn(char) -> bool) -> Option<Repaired> {
    let mut reader = Reader::new(text);
    is_start(reader.peek_token()?).then(|| reader.read_whole())?
}

/// At the end of the text, every method returns what it has read so far. `None` means syntax that is not understood.
struct Reader<'t> {
    text: &'t str,
    chars: Peekable<CharIndices<'t>>,
    is_truncated: bool,
    /// How many structs of Rust are around what is read.
    structs: usize,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            chars: text.char_indices().peekable(),
            is_truncated: false,
            structs: 0,
        }
    }

    fn read_whole(mut self) -> Option<Repaired> {
        let value = self.value(MAX_DEPTH)?;
        // A complete value with anything behind it is not a value.
        self.peek_token().is_none().then_some(Repaired {
            value,
            is_truncated: self.is_truncated,
        })
    }

    fn value(&mut self, levels: usize) -> Option<Value> {
        let levels = levels.checked_sub(1)?;
        match self.peek_token() {
            None => {
                self.is_truncated = true;
                Some(Value::Null)
            }
            Some('[') => self.list(']', levels),
            Some('(') => self.list(')', levels),
            Some('{') => self.object(levels),
            Some(quote @ ('"' | '\'')) => self.string(quote).map(Value::String),
            Some('<') => self.enumeration(levels),
            Some(_) if self.structs > 0 => self.rust_word(levels),
            Some(_) => self.number_or_word(levels),
        }
    }

    fn number_or_word(&mut self, levels: usize) -> Option<Value> {
        match self.peek_token() {
            Some('-' | '+' | '.' | '0'..='9') => self.number(),
            _ => self.word(levels),
        }
    }

    fn list(&mut self, close: char, levels: usize) -> Option<Value> {
        self.chars.next();
        let mut items = Vec::new();
        while !self.consume_close(close) {
            let item = self.value(levels)?;
            if !(self.is_truncated && item.is_null()) {
                items.push(item);
            }
            self.consume_comma(close)?;
        }
        Some(Value::Array(items))
    }

    fn object(&mut self, levels: usize) -> Option<Value> {
        self.chars.next();
        let mut fields = Object::new();
        while !self.consume_close('}') {
            let key = match self.value(levels)? {
                Value::String(key) => key,
                Value::Null if self.is_truncated => break,
                key @ (Value::Number(_) | Value::Bool(_)) => key.to_string(),
                _ => return None,
            };
            match self.peek_token() {
                None => self.is_truncated = true,
                Some(':') => {
                    self.chars.next();
                    let value = self.value(levels)?;
                    if !(self.is_truncated && value.is_null()) {
                        fields.insert(key, value);
                    }
                    self.consume_comma('}')?;
                }
                Some(_) => return None,
            }
        }
        Some(Value::Object(fields))
    }

    /// Reads a number, or a word that stands for a value. `Name(field=value, ...)`, Python's repr of an object, is an object.
    fn word(&mut self, levels: usize) -> Option<Value> {
        let word = self.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
        match word {
            "true" | "True" => Some(Value::Bool(true)),
            "false" | "False" => Some(Value::Bool(false)),
            "null" | "None" | "Null" | "undefined" | "NaN" | "nan" | "inf" | "Infinity" => {
                Some(Value::Null)
            }
            "" => None,
            _ => match self.chars.peek() {
                Some((_, '(')) => self.constructor(word, levels),
                // A string prefix, such as Python's `b` for bytes and `u` for text.
                Some(&(_, quote @ ('"' | '\''))) if word.len() <= 2 => {
                    self.string(quote).map(Value::String)
                }
                None => {
                    self.is_truncated = true;
                    Some(Value::Null)
                }
                Some(_) => self.rust_variant(word, levels),
            },
        }
    }

    /// Reads Python's `Name(field=value, ...)` or Rust's `Name(value, ...)`.
    fn constructor(&mut self, name: &str, levels: usize) -> Option<Value> {
        self.chars.next();
        let start = self.chars.clone();
        let first = self.take_while(|c| c.is_alphanumeric() || c == '_');
        let is_field = !first.is_empty() && self.peek_token() == Some('=');
        self.chars = start;
        if !is_field && name.starts_with(|first: char| first.is_ascii_uppercase()) {
            return self.tuple(name, levels);
        }
        let mut fields = self.named_fields(')', '=', levels)?;
        // In LangChain's `HumanMessage(content=...)`, only the name says who sent the message.
        let class = name.rsplit('.').next().unwrap_or(name);
        if let Some(role) = fields::role(class).filter(|_| class.contains("Message")) {
            fields.entry("role").or_insert(role.as_str().into());
        }
        Some(Value::Object(fields))
    }

    /// Reads fields such as `name=value` up to the closing bracket.
    fn named_fields(&mut self, close: char, separator: char, levels: usize) -> Option<Object> {
        let mut fields = Object::new();
        while !self.consume_close(close) {
            // Rust writes `..` in place of fields that it does not show.
            if separator == ':' && !self.take_while(|c| c == '.').is_empty() {
                continue;
            }
            let name = self.take_while(|c| c.is_alphanumeric() || c == '_');
            match self.peek_token() {
                None => self.is_truncated = true,
                Some(c) if c == separator && !name.is_empty() => {
                    self.chars.next();
                    fields.insert(name.to_owned(), self.value(levels)?);
                    self.consume_comma(close)?;
                }
                Some(_) => return None,
            }
        }
        Some(fields)
    }

    /// Reads an enum value in Python, such as `<Role.USER: 'user'>`, as its value, and any other object as null.
    fn enumeration(&mut self, levels: usize) -> Option<Value> {
        self.chars.next();
        self.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
        match self.peek_token() {
            None => self.is_truncated = true,
            Some(':') => {
                self.chars.next();
            }
            Some(_) => return self.address(),
        }
        let value = self.value(levels)?;
        if self.is_truncated || self.consume_close('>') {
            Some(value)
        } else {
            None
        }
    }

    /// Reads the rest of Python's default repr, such as `<function ask.<locals>.<lambda> at 0x7f77b4>`, after its first word.
    fn address(&mut self) -> Option<Value> {
        let (mut text, mut open) = (String::new(), 1_u32);
        for (_, c) in self.chars.by_ref() {
            match c {
                '<' => open += 1,
                '>' => open -= 1,
                _ => text.push(c),
            }
            if open == 0 {
                return text.contains(" at 0x").then_some(Value::Null);
            }
        }
        None
    }

    fn number(&mut self) -> Option<Value> {
        let text =
            self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_'));
        if self.chars.peek().is_none() {
            // More digits may have been cut off.
            self.is_truncated = true;
            return Some(Value::Null);
        }
        if matches!(text, "-inf" | "-Infinity" | "-nan" | "+inf") {
            return Some(Value::Null);
        }
        serde_json::from_str::<Number>(text)
            .ok()
            .or_else(|| Number::from_f64(text.parse().ok()?))
            .map(Value::Number)
    }

    fn string(&mut self, quote: char) -> Option<String> {
        self.chars.next();
        let mut text = String::new();
        while let Some((_, c)) = self.chars.next() {
            match c {
                '\\' => self.escape(&mut text),
                c if c == quote => return Some(text),
                c => text.push(c),
            }
        }
        self.is_truncated = true;
        Some(text)
    }

    fn escape(&mut self, text: &mut String) {
        let Some((_, c)) = self.chars.next() else {
            return;
        };
        match c {
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'x' => self.code_point(2, text),
            'u' if self.chars.next_if(|(_, c)| *c == '{').is_some() => {
                let digits = self.take_while(|c| c.is_ascii_hexdigit());
                let code_point = u32::from_str_radix(digits, 16).ok();
                text.push(
                    code_point
                        .and_then(char::from_u32)
                        .unwrap_or(char::REPLACEMENT_CHARACTER),
                );
                self.chars.next_if(|(_, c)| *c == '}');
            }
            'u' => self.code_point(4, text),
            'U' => self.code_point(8, text),
            '\\' | '/' | '"' | '\'' => text.push(c),
            c => text.extend(['\\', c]),
        }
    }

    /// Reads one code point, from two escapes if they are a surrogate pair. A lone surrogate becomes U+FFFD.
    fn code_point(&mut self, digits: usize, text: &mut String) {
        let Some(unit) = self.hex(digits) else {
            return;
        };
        let low = if (0xD800..0xDC00).contains(&unit) {
            self.low_surrogate()
        } else {
            None
        };
        let code_point = match low {
            Some(low) => 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00),
            None => unit,
        };
        text.push(char::from_u32(code_point).unwrap_or(char::REPLACEMENT_CHARACTER));
    }

    fn low_surrogate(&mut self) -> Option<u32> {
        let mut ahead = self.chars.clone();
        if ahead.next()?.1 != '\\' || ahead.next()?.1 != 'u' {
            return None;
        }
        let before = std::mem::replace(&mut self.chars, ahead);
        let unit = self.hex(4);
        match unit {
            Some(unit) if (0xDC00..0xE000).contains(&unit) => Some(unit),
            _ => {
                self.chars = before;
                None
            }
        }
    }

    fn hex(&mut self, digits: usize) -> Option<u32> {
        let mut unit = 0_u32;
        for _ in 0..digits {
            let (_, c) = self.chars.peek()?;
            unit = unit.wrapping_shl(4) | c.to_digit(16)?;
            self.chars.next();
        }
        Some(unit)
    }

    /// Consumes a comma; `None` if there is neither a comma nor the end of the list.
    fn consume_comma(&mut self, close: char) -> Option<()> {
        match self.peek_token() {
            Some(',') => {
                self.chars.next();
                Some(())
            }
            Some(c) => (c == close).then_some(()),
            None => {
                self.is_truncated = true;
                Some(())
            }
        }
    }

    /// Consumes the closing bracket if it is next. The end of the text closes everything.
    fn consume_close(&mut self, close: char) -> bool {
        match self.peek_token() {
            Some(c) if c == close => {
                self.chars.next();
                true
            }
            Some(_) => false,
            None => {
                self.is_truncated = true;
                true
            }
        }
    }

    fn peek_token(&mut self) -> Option<char> {
        while self.chars.next_if(|(_, c)| c.is_whitespace()).is_some() {}
        self.chars.peek().map(|&(_, c)| c)
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'t str {
        let text = self.text;
        let start = self.position();
        while self.chars.next_if(|&(_, c)| keep(c)).is_some() {}
        &text[start..self.position()]
    }

    fn position(&mut self) -> usize {
        self.chars.peek().map_or(self.text.len(), |&(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(text: &str) -> Option<Value> {
        read(text).map(|repaired| repaired.value)
    }

    #[test]
    fn python_reprs_are_read_as_json() {
        assert_eq!(
            value(
                r#"[{'role': 'user', 'content': "it's", 'ok': True, 'x': None, 't': (1, 2.5,)}]"#
            ),
            Some(
                json!([{"role": "user", "content": "it's", "ok": true, "x": null, "t": [1, 2.5]}])
            )
        );
        assert_eq!(
            value(r#"[Call(arguments='{\"a\": 1}', role=<Role.SYSTEM: 'system'>, data=b'\x41')]"#),
            Some(json!([{"arguments": "{\"a\": 1}", "role": "system", "data": "A"}]))
        );
        assert_eq!(
            value("{'a': <function f.<locals>.<lambda> at 0x7f>, 'b': [<x.Y object at 0x7e>]}"),
            Some(json!({"a": null, "b": [null]}))
        );
        assert_eq!(value("{'a': <b>}"), None);
        assert_eq!(value("{'a': <function f at 0x7f"), None);
        assert_eq!(
            value(r"['\U000e0041 \u200b']"),
            Some(json!(["\u{e0041} \u{200b}"]))
        );
        assert_eq!(
            value(r"['\t\n\r\b\f\\ \d']"),
            Some(json!(["\t\n\r\u{8}\u{c}\\ \\d"]))
        );
    }

    #[test]
    fn truncated_json_is_closed() {
        let whole = r#"[{"role":"user","parts":[{"type":"text","content":"Hi \u00e9\ud83d\ude00"}]},{"n":12}]"#;
        assert_eq!(value(whole), serde_json::from_str(whole).unwrap());
        for end in 1..whole.len() {
            let repaired = read(&whole[..end]).unwrap();
            assert!(repaired.is_truncated, "{}", &whole[..end]);
            assert!(repaired.value.is_array());
        }
        assert_eq!(
            value(&whole[..60]),
            Some(json!([{"role": "user", "parts": [{"type": "text", "content": "Hi é"}]}]))
        );
    }

    #[test]
    fn lone_surrogates_are_replaced() {
        assert_eq!(
            value(r#"["\ud83d", "\ud83dx", "\ud83d\u0041", "\ude00"]"#),
            Some(json!(["\u{FFFD}", "\u{FFFD}x", "\u{FFFD}A", "\u{FFFD}"]))
        );
    }

    #[test]
    fn prose_is_not_a_value() {
        for text in [
            "[INST] hello",
            "{name}, hi",
            "(see above)",
            "[1] and [2]",
            "",
            "{'a': 1} tail",
        ] {
            assert_eq!(value(text), None, "{text}");
        }
        assert_eq!(value(&"[".repeat(100_000)), None);
    }
}
