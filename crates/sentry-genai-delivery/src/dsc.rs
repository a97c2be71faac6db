//! The dynamic sampling context: what the head of a trace says about it. Keeps the order of the members.

use std::fmt;

use crate::json::{write_plain_string, write_string};

/// Incoming keys (without `sentry-`) and values.
#[derive(Clone, Default)]
pub(crate) struct Dsc {
    entries: Vec<(String, String)>,
}

impl Dsc {
    /// Sets `key`, in place if it exists already. Ignores a key that is not a token, since a `baggage` header cannot
    /// hold it.
    pub(crate) fn set(&mut self, key: String, value: String) {
        if !key.bytes().all(is_token) {
            return;
        }
        match self.entries.iter_mut().find(|(known, _)| *known == key) {
            Some(entry) => entry.1 = value,
            None => self.entries.push((key, value)),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.members()
            .find_map(|(known, value)| (known == key).then_some(value))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Returns the members of a `baggage` header.
    pub(crate) fn to_baggage(&self) -> String {
        let mut header = String::new();
        for (key, value) in self.members() {
            write_to_baggage(&mut header, key, value);
        }
        header
    }
}

/// Shows everything except the public key.
impl fmt::Debug for Dsc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = self.members().filter(|(key, _)| *key != "public_key");
        f.debug_map().entries(members).finish()
    }
}

/// Whether RFC 7230 allows the byte in a token. None of these bytes needs to be escaped in JSON.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Appends a member to a `baggage` header, with its value percent-encoded. The key is not encoded, since nobody would
/// decode it.
pub(crate) fn write_to_baggage(header: &mut String, key: &str, value: &str) {
    if !header.is_empty() {
        header.push(',');
    }
    header.push_str("sentry-");
    header.push_str(key);
    header.push('=');
    percent_encode(value, header);
}

/// Appends a member and a comma to the `trace` object of an envelope header. The key must not need escaping.
pub(crate) fn write_to_json(buffer: &mut Vec<u8>, key: &str, value: &str) {
    write_plain_string(buffer, key);
    buffer.push(b':');
    write_string(buffer, value);
    buffer.push(b',');
}

/// Returns whether a name contains parts of a concrete URL. Such a name must not become the `transaction` of a DSC.
pub(crate) fn looks_like_url(name: &str) -> bool {
    let has_scheme = name.split(':').skip(1).any(|rest| rest.starts_with("//"));
    has_scheme || name.contains('?') || name.split('/').skip(1).any(looks_like_id)
}

/// Whether a path segment consists of digits only, or of at least eight hexadecimal digits and dashes with a decimal
/// digit among them, as short hashes and UUIDs do.
fn looks_like_id(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let hexadecimal = segment
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    digits > 0 && (digits == segment.len() || (hexadecimal && segment.len() >= 8))
}

/// Appends `text` to a `baggage` header. Encodes everything except letters, digits and `-._~`.
pub(crate) fn percent_encode(text: &str, header: &mut String) {
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
        let mut set = |key: &str, value: &str| dsc.set(key.to_owned(), value.to_owned());
        set("release", "shop@1.4.2");
        set("transaction", "POST /ä b,c");
        set("release", "shop@2");
        set("no\"token", "x");
        assert_eq!(
            dsc.to_baggage(),
            "sentry-release=shop%402,sentry-transaction=POST%20%2F%C3%A4%20b%2Cc"
        );
    }

    #[test]
    fn json_is_escaped() {
        let mut json = Vec::new();
        write_to_json(&mut json, "transaction", "a \"b\"\n");
        assert_eq!(json, br#""transaction":"a \"b\"\n","#);
    }

    #[test]
    fn urls_and_routes() {
        for url in [
            "https://a.b/c",
            "/ask?x=1",
            "GET /users/17",
            "/f/0f8fad5b-d9cb-469f-a165-70867728950e",
            "/commits/a1b2c3d4",
        ] {
            assert!(looks_like_url(url), "{url}");
        }
        for route in [
            "POST /ask",
            "/users/{id}",
            "chat gpt-5-mini",
            "/v1/cafe",
            "/facade-feed",
            "/gemini-2.5-flash",
            "/colors/a1b2c3",
            "shop::ask",
            "main",
        ] {
            assert!(!looks_like_url(route), "{route}");
        }
    }
}
