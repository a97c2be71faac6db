//! Credentials in requests: API keys, passwords and tokens.

use std::borrow::Cow;

use super::names::last_word;
use crate::{attributes::contains_none, translate::TAG};

/// Attributes that are addresses or queries in OpenTelemetry's and Sentry's conventions.
static ADDRESSES: &[&str] = &[
    "db.connection_string",
    "http.query",
    "http.target",
    "http.url",
    "messaging.url",
    "url.fragment",
    "url.full",
    "url.original",
    "url.query",
];

/// Last words of keys that hold an address, whoever invented them.
static ADDRESS_WORDS: &[&str] = &[
    "address", "base", "baseurl", "broker", "dsn", "endpoint", "href", "link", "location", "proxy",
    "referer", "uri", "url", "webhook",
];

/// Parts of names of headers that authenticate somebody: those that Sentry's specification for data collection names,
/// and some more.
static SECRET_HEADER_PARTS: &[&str] = &[
    "auth",
    "bearer",
    "cookie",
    "credential",
    "csrf",
    "identity",
    "jwt",
    "key",
    "passwd",
    "password",
    "pwd",
    "saml",
    "secret",
    "session",
    "sid",
    "signature",
    "sso",
    "token",
    "xsrf",
];

/// Query parameters that authenticate somebody, without the separators between their words.
static SECRET_PARAMETERS: &[&str] = &[
    "accesskey",
    "accesstoken",
    "apikey",
    "apitoken",
    "auth",
    "authorization",
    "authtoken",
    "awsaccesskeyid",
    "bearer",
    "clientsecret",
    "credentials",
    "csrftoken",
    "idtoken",
    "jwt",
    "key",
    "passwd",
    "password",
    "pwd",
    "refreshtoken",
    "samlrequest",
    "samlresponse",
    "secret",
    "session",
    "sessionid",
    "sid",
    "sig",
    "signature",
    "subscriptionkey",
    "token",
    "xamzcredential",
    "xamzsecuritytoken",
    "xamzsignature",
    "xapikey",
    "xgoogcredential",
    "xgoogsignature",
];

/// Returns whether an attribute is an address or the query of one; it may also be a tag.
pub(super) fn is_address(key: &str) -> bool {
    ADDRESSES.contains(&key.strip_prefix(TAG).unwrap_or(key))
}

/// Returns whether an attribute is the query or the fragment of an address alone.
pub(super) fn is_query(key: &str) -> bool {
    let key = key.strip_prefix(TAG).unwrap_or(key);
    matches!(key, "http.query" | "url.fragment" | "url.query")
}

/// Returns whether an attribute's name suggests an address, such as `gen_ai.openai.api_base`. An address may include a user's
/// credentials.
pub(crate) fn names_address(key: &str) -> bool {
    let word = last_word(key);
    ADDRESS_WORDS
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
}

/// Returns whether an attribute is a header that grants access, such as `http.request.header.authorization`, or holds all
/// headers, as the `headers` field of `tower-http` does.
pub(super) fn is_secret_header(key: &str) -> bool {
    if last_word(key).eq_ignore_ascii_case("headers") {
        return true;
    }
    header_name(key).is_some_and(|name| {
        let name = name.to_ascii_lowercase();
        SECRET_HEADER_PARTS.iter().any(|part| name.contains(part))
    })
}

/// Returns the name of the header, or of the metadata of a remote procedure call, that an attribute holds.
pub(super) fn header_name(key: &str) -> Option<&str> {
    if !key.contains(".header") && !key.starts_with("rpc.") {
        return None;
    }
    [".header.", ".headers.", ".metadata."]
        .iter()
        .find_map(|mark| Some(key.split_once(mark)?.1))
}

/// The replacement for a credential, by OpenTelemetry's conventions.
pub(super) const REDACTED: &str = "REDACTED";

/// Returns whether an address has nothing that is ever removed from one: no user, no query and no fragment. Most have not.
pub(super) fn is_bare_address(text: &str) -> bool {
    !may_have_credential(text) && contains_none(text.as_bytes(), |byte| byte == b'#')
}

/// Returns whether a text may contain a credential of an address, which has a parameter or a user. Most do not.
fn may_have_credential(text: &str) -> bool {
    !contains_none(text.as_bytes(), is_sign)
}

/// Returns whether a byte is one of `=`, `>`, `?` and `@`, which are one range.
#[inline(always)]
fn is_sign(byte: u8) -> bool {
    byte.wrapping_sub(b'=') <= b'@' - b'='
}

/// Returns an address, or a bare query, without its credentials; `None` if it has none.
pub(super) fn redacted(text: &str) -> Option<String> {
    if !may_have_credential(text) || !has_userinfo(text) && !has_credential(text) {
        return None;
    }
    // A password may include the characters that end a parameter, so users are removed first.
    let text = without_userinfo(text);
    let mut redacted = String::with_capacity(text.len());
    for part in text.split_inclusive(PARAMETER_ENDS) {
        let end = part.trim_end_matches(PARAMETER_ENDS).len();
        let (parameter, separator) = part.split_at(end);
        match parameter.split_once('=') {
            Some((name, _)) if is_credential(parameter) => {
                redacted.extend([name, "=", REDACTED, separator]);
            }
            _ => redacted.push_str(part),
        }
    }
    Some(redacted)
}

/// Returns an address without its query and its fragment; `None` if it has neither.
pub(super) fn without_query(text: &str) -> Option<&str> {
    let end = memchr::memchr2(b'?', b'#', text.as_bytes())?;
    Some(&text[..end])
}

/// Returns a text without the credentials in the addresses that it includes; `None` if there are none.
pub(crate) fn redact_urls(text: &str) -> Option<String> {
    if !may_have_credential(text) {
        return None;
    }
    let mut is_changed = false;
    let words = text.split_inclusive(ends_address).map(|word| {
        let address = word.trim_end_matches(is_trailing_punctuation);
        match redacted(address).filter(|_| is_address_or_path(address)) {
            Some(redacted) => {
                is_changed = true;
                Cow::Owned(redacted + &word[address.len()..])
            }
            None => Cow::Borrowed(word),
        }
    });
    let redacted: String = words.collect();
    is_changed.then_some(redacted)
}

/// Returns whether a word is an address, or a path with a query.
fn is_address_or_path(word: &str) -> bool {
    word.contains(AUTHORITY)
        || word
            .split_once('?')
            .is_some_and(|(path, _)| path.contains('/'))
}

/// Returns a text without the queries of the addresses in it.
pub(crate) fn withhold_queries(text: &str) -> String {
    let words = text.split_inclusive(ends_address).map(|word| {
        let address = word.trim_end_matches(is_trailing_punctuation);
        match address.split_once('?') {
            Some((path, query)) if query.contains('=') => [path, &word[address.len()..]],
            _ => [word, ""],
        }
    });
    words.flatten().collect()
}

/// Returns whether a character ends an address in a text. Commas, brackets and apostrophes do not: a password or query may
/// include them.
fn ends_address(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '"' | '`' | '<' | '>')
}

/// Returns whether a character after an address belongs to the surrounding text, such as the last two of
/// `error sending request for url (https://h.example/?key=AIza):`.
fn is_trailing_punctuation(letter: char) -> bool {
    ends_address(letter)
        || matches!(
            letter,
            ')' | ']' | '}' | ',' | '.' | ':' | ';' | '\'' | '\\'
        )
}

/// Returns an address without the user in its authority. Addresses in its query lose theirs, too.
fn without_userinfo(mut rest: &str) -> String {
    let mut text = String::with_capacity(rest.len());
    while let Some((before, after)) = rest.split_once(AUTHORITY) {
        text.extend([before, AUTHORITY]);
        rest = match userinfo_end(after) {
            Some(host) => {
                text.extend([REDACTED, ":", REDACTED]);
                &after[host..]
            }
            None => after,
        };
    }
    text.push_str(rest);
    text
}

/// Returns the position of the `@` in front of the host, if the authority at the start of a text names a user.
fn userinfo_end(text: &str) -> Option<usize> {
    let end = text.find(AUTHORITY_ENDS).unwrap_or(text.len());
    text[..end].rfind('@')
}

/// What precedes an authority.
const AUTHORITY: &str = "://";
const AUTHORITY_ENDS: [char; 4] = ['/', '?', '#', ' '];
const PARAMETER_ENDS: [char; 4] = ['?', '&', '#', ';'];

/// Returns whether a text, which may be anything, is a URL or a path with a query that includes credentials.
pub(super) fn has_url_credentials(text: &str) -> bool {
    let query = text.split_once('?').map_or("", |(_, query)| query);
    has_userinfo(text) || has_credential(query)
}

/// Returns whether an address in a text has a user in front of its host.
pub(super) fn has_userinfo(text: &str) -> bool {
    // For most texts this check suffices.
    if memchr::memchr(b'@', text.as_bytes()).is_none() {
        return false;
    }
    let mut addresses = text.split(AUTHORITY).skip(1);
    addresses.any(|after| userinfo_end(after).is_some())
}

fn has_credential(query: &str) -> bool {
    query.split(PARAMETER_ENDS).any(is_credential)
}

fn is_credential(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else {
        return false;
    };
    let is_name = |known: &str| {
        let letters = name.bytes().filter(|byte| !matches!(byte, b'-' | b'_'));
        letters
            .map(|byte| byte.to_ascii_lowercase())
            .eq(known.bytes())
    };
    !is_placeholder(value) && SECRET_PARAMETERS.iter().any(|known| is_name(known))
}

/// Returns whether the value of a parameter stands for any, as in the pattern `/users?token=*`.
fn is_placeholder(value: &str) -> bool {
    value.bytes().all(|byte| byte == b'*') || value.starts_with('{') && value.ends_with('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_remarkable_characters_is_bare() {
        for character in (' '..='\u{80}').chain(['é', '😀']) {
            let address = format!("https://api.example.com/v1/{character}/chat");
            let may_be_redacted = matches!(character, '=' | '>' | '?' | '@' | '#');
            assert_eq!(is_bare_address(&address), !may_be_redacted, "{address}");
            let is_unchanged = without_query(&address)
                .or(redacted(&address).as_deref())
                .is_none();
            assert!(may_be_redacted || is_unchanged, "{address}");
        }
    }

    #[test]
    fn credentials_in_addresses_are_redacted() {
        for (text, expected) in [
            (
                "https://h.example/v1/models/g:generate?key=AIza",
                "https://h.example/v1/models/g:generate?key=REDACTED",
            ),
            (
                "https://h.example/a?alt=sse&api_key=x&n=1",
                "https://h.example/a?alt=sse&api_key=REDACTED&n=1",
            ),
            (
                "https://h.example/a?X-Amz-Signature=x",
                "https://h.example/a?X-Amz-Signature=REDACTED",
            ),
            (
                "https://me:p@w@h.example/a?q=1",
                "https://REDACTED:REDACTED@h.example/a?q=1",
            ),
            (
                "https://me:p&w;x@h.example/?next=ftp://you:p@i.example/&key=x",
                "https://REDACTED:REDACTED@h.example/?next=ftp://REDACTED:REDACTED@i.example/&key=REDACTED",
            ),
            (
                "key=AIza&next=https://me:p@h.example/",
                "key=REDACTED&next=https://REDACTED:REDACTED@h.example/",
            ),
            ("/ask?access_token=x", "/ask?access_token=REDACTED"),
            (
                "/acs?SAMLResponse=x&session-id=y",
                "/acs?SAMLResponse=REDACTED&session-id=REDACTED",
            ),
            (
                "Server=h;User Id=me;Password=x",
                "Server=h;User Id=me;Password=REDACTED",
            ),
            ("next=/home&key=AIza", "next=/home&key=REDACTED"),
            (
                "/users?token=**a&key={a&sid=a}",
                "/users?token=REDACTED&key=REDACTED&sid=REDACTED",
            ),
            (
                "https://h.example/cb#access_token=x",
                "https://h.example/cb#access_token=REDACTED",
            ),
        ] {
            assert_eq!(redacted(text).as_deref(), Some(expected), "{text}");
            assert_eq!(redacted(expected).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "https://h.example/a?pageToken=x&max_tokens=3&key=",
            "https://h.example/@me?q=a@b",
            "https://h.example/key=x",
            "/users?token=*&key={key}",
            "",
        ] {
            assert_eq!(redacted(text), None, "{text}");
        }
    }

    #[test]
    fn credentials_in_urls_within_a_text_are_redacted() {
        for (text, expected) in [
            (
                "error sending request for url (https://h.example/v1?key=AIza): timed out",
                "error sending request for url (https://h.example/v1?key=REDACTED): timed out",
            ),
            (
                "no route to 'amqp://me:pw@h.example', nor to https://h.example/?token=x\nat a",
                "no route to 'amqp://REDACTED:REDACTED@h.example', nor to https://h.example/?token=REDACTED\nat a",
            ),
            (
                "no answer of <https://h.example/?key=AIza>, as of https://h.example/?key=x for key=x",
                "no answer of <https://h.example/?key=REDACTED>, as of https://h.example/?key=REDACTED for key=x",
            ),
            (
                "404 for /v1?key=x, and (GET:/a?token=x): what?key=x",
                "404 for /v1?key=REDACTED, and (GET:/a?token=REDACTED): what?key=x",
            ),
            (
                "no answer of postgres://me:p,w)'@h.example/db, try [https://h.example/?fields=a(b,c)&key=AIza].",
                "no answer of postgres://REDACTED:REDACTED@h.example/db, try [https://h.example/?fields=a(b,c)&key=REDACTED].",
            ),
        ] {
            assert_eq!(redact_urls(text).as_deref(), Some(expected));
            assert_eq!(redact_urls(expected).as_deref(), Some(expected));
        }
        for text in ["key=x", "see https://h.example/?page=2, a@b", ""] {
            assert_eq!(redact_urls(text), None, "{text}");
        }
    }

    #[test]
    fn every_secret_parameter_is_redacted_in_any_spelling() {
        for name in SECRET_PARAMETERS {
            let (first, rest) = name.split_at(name.len() / 2);
            for name in [
                (*name).to_owned(),
                name.to_ascii_uppercase(),
                format!("{first}_{rest}"),
                format!("{}-{rest}", first.to_ascii_uppercase()),
            ] {
                let address = format!("https://h.example/?a=1&{name}=hunter2#top");
                let expected = address.replace("hunter2", REDACTED);
                assert_eq!(redacted(&address), Some(expected), "{name}");
                assert_eq!(redacted(&format!("/?page_{name}s=hunter2")), None, "{name}");
            }
        }
    }

    #[test]
    fn queries_in_a_text_are_removed() {
        for (text, expected) in [
            (
                "error sending request for url (https://h.example/v1?q=my+secret&n=1): timed out",
                "error sending request for url (https://h.example/v1): timed out",
            ),
            ("GET /v1?q=secret: 404", "GET /v1: 404"),
            ("really? a=b", "really? a=b"),
        ] {
            assert_eq!(withhold_queries(text), expected);
        }
    }

    #[test]
    fn headers_with_credentials_are_recognised() {
        for (key, expected) in [
            ("http.request.header.authorization", true),
            ("http.request.header.x-api-key", true),
            ("http.response.header.set_cookie", true),
            ("rpc.grpc.request.metadata.Authorization", true),
            ("app.headers.x-goog-api-key", true),
            ("http.request.header.ocp-apim-subscription-key", true),
            ("http.request.header.X-Amzn-Oidc-Identity", true),
            ("http.request.header.x-forwarded-jwt", true),
            ("headers", true),
            ("http.request.headers", true),
            ("http.request.header.content-type", false),
            ("langfuse.trace.metadata.session", false),
        ] {
            assert_eq!(is_secret_header(key), expected, "{key}");
        }
        for part in SECRET_HEADER_PARTS {
            let (header, upper) = (format!("x-{part}-id"), part.to_ascii_uppercase());
            assert!(is_secret_header(&format!("http.request.header.{header}")));
            assert!(is_secret_header(&format!(
                "rpc.grpc.request.metadata.X_{upper}"
            )));
            assert!(!is_secret_header(&format!("app.{header}")));
        }
    }

    #[test]
    fn addresses_are_known_by_the_last_word_of_their_names() {
        for word in ADDRESS_WORDS {
            for key in [
                (*word).to_owned(),
                format!("app.{word}"),
                format!("REDIS_{word}"),
            ] {
                assert!(names_address(&key) && names_address(&key.to_ascii_uppercase()));
            }
            assert!(!names_address(&format!("app.{word}_count")), "{word}");
        }
        for key in ADDRESSES {
            assert!(
                is_address(key) && is_address(&format!("tags.{key}")),
                "{key}"
            );
            assert!(!is_address(&format!("app.{key}")), "{key}");
        }
    }
}
