//! The dynamic sampling context: what the head of a trace says about it, in the order it was said.

use std::{borrow::Cow, fmt};

use crate::json::write_string;

/// Keys (without `sentry-`) and values.
#[derive(Clone, Default)]
pub(crate) struct Dsc {
    entries: Vec<(Cow<'static, str>, String)>,
}

impl Dsc {
    /// Makes room for all that the head of a trace says.
    pub(crate) fn reserve(&mut self) {
        self.entries.reserve(9);
    }

    /// Sets `key`, at its place if it is there already.
    pub(crate) fn set(&mut self, key: impl Into<Cow<'static, str>>, value: String) {
        let key = key.into();
        match self.entries.iter_mut().find(|(known, _)| *known == key) {
            Some(entry) => entry.1 = value,
            None => self.entries.push((key, value)),
        }
    }

    /// Sets `key` unless it is there already.
    pub(crate) fn set_default(&mut self, key: &'static str, value: impl FnOnce() -> String) {
        if self.get(key).is_none() {
            self.entries.push((Cow::Borrowed(key), value()));
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let entry = self.entries.iter().find(|(known, _)| known == key)?;
        Some(&entry.1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Writes the members of a `baggage` header, percent-encoded.
    pub(crate) fn to_baggage(&self) -> String {
        let mut header = String::new();
        for (key, value) in &self.entries {
            if !header.is_empty() {
                header.push(',');
            }
            header.push_str("sentry-");
            percent_encode(key, &mut header);
            header.push('=');
            percent_encode(value, &mut header);
        }
        header
    }

    /// Writes the `trace` object of an envelope header.
    pub(crate) fn write_json(&self, buffer: &mut Vec<u8>) {
        buffer.push(b'{');
        for (index, (key, value)) in self.entries.iter().enumerate() {
            if index > 0 {
                buffer.push(b',');
            }
            write_string(buffer, key);
            buffer.push(b':');
            write_string(buffer, value);
        }
        buffer.push(b'}');
    }
}

/// Shows everything but the key.
impl fmt::Debug for Dsc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries.iter().filter(|(key, _)| key != "public_key");
        let entries = entries.map(|(key, value)| (key, value));
        f.debug_map().entries(entries).finish()
    }
}

/// Returns whether a name holds parts of a concrete URL, which the `transaction` of a DSC must not.
pub(crate) fn looks_like_url(name: &str) -> bool {
    name.contains("://") || name.contains('?') || name.split('/').skip(1).any(looks_like_id)
}

/// A path segment of digits only, or of hexadecimal digits as long as a short hash, or a UUID.
fn looks_like_id(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let hexadecimal = segment
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    digits > 0 && (digits == segment.len() || (hexadecimal && segment.len() >= 8))
}

/// Appends a text to a `baggage` header, with everything encoded that is not a letter, a digit or one of `-._~`.
pub fn percent_encode(text: &str, header: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            header.push(char::from(byte));
        } else {
            header.push('%');
            header.push(char::from(DIGITS[usize::from(byte >> 4)]));
            header.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn baggage_is_percent_encoded() {
        let mut dsc = Dsc::default();
        dsc.set("release", "shop@1.4.2".to_owned());
        dsc.set("transaction", "POST /ä b,c".to_owned());
        dsc.set("release", "shop@2".to_owned());
        assert_eq!(
            dsc.to_baggage(),
            "sentry-release=shop%402,sentry-transaction=POST%20%2F%C3%A4%20b%2Cc"
        );
    }

    #[test]
    fn json_is_escaped() {
        let mut dsc = Dsc::default();
        dsc.set("transaction", "a \"b\"\n".to_owned());
        let mut json = Vec::new();
        dsc.write_json(&mut json);
        assert_eq!(json, br#"{"transaction":"a \"b\"\n"}"#);
    }

    #[test]
    fn urls_and_routes() {
        for url in [
            "https://a.b/c",
            "/ask?x=1",
            "GET /users/17",
            "/f/0f8fad5b-d9cb-469f-a165-70867728950e",
        ] {
            assert!(looks_like_url(url), "{url}");
        }
        for route in [
            "POST /ask",
            "/users/{id}",
            "chat gpt-5-mini",
            "/v1/cafe",
            "main",
        ] {
            assert!(!looks_like_url(route), "{route}");
        }
    }
}
