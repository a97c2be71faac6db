//! Keys and passwords where requests have them.

/// Attributes that are addresses or queries, by OpenTelemetry's and Sentry's conventions.
static ADDRESSES: &[&str] = &[
    "http.query",
    "http.target",
    "http.url",
    "url.full",
    "url.original",
    "url.query",
];

/// Words in the names of headers that say who somebody is.
static HEADERS: &[&str] = &[
    "api_key",
    "apikey",
    "auth",
    "cookie",
    "credential",
    "password",
    "secret",
    "session",
    "signature",
    "token",
];

/// Parameters of queries that say who somebody is, without what may be between their words.
static PARAMETERS: &[&str] = &[
    "accesskey",
    "accesstoken",
    "apikey",
    "apitoken",
    "auth",
    "authorization",
    "authtoken",
    "awsaccesskeyid",
    "clientsecret",
    "idtoken",
    "key",
    "passwd",
    "password",
    "pwd",
    "refreshtoken",
    "secret",
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

/// Returns whether an attribute is an address, or the query of one.
pub(super) fn is_address(key: &str) -> bool {
    ADDRESSES.contains(&key)
}

/// Returns whether an attribute is a header that lets somebody in: `http.request.header.authorization`.
pub(super) fn is_secret_header(key: &str) -> bool {
    if !key.contains(".header") && !key.starts_with("rpc.") {
        return false;
    }
    let after = |mark| key.split_once(mark).map(|(_, name)| name);
    let header = after(".header.").or_else(|| after(".headers."));
    let header = header.or_else(|| {
        let is_of_rpc = key.starts_with("rpc.");
        is_of_rpc.then(|| after(".metadata."))?
    });
    header.is_some_and(|name| {
        let name = name.to_ascii_lowercase().replace('-', "_");
        HEADERS.iter().any(|word| name.contains(word))
    })
}

/// What stands in the place of a credential, by OpenTelemetry's conventions.
const REDACTED: &str = "REDACTED";

/// Returns an address, or a query alone, without the credentials in it; `None` if there are none.
pub(super) fn redacted(text: &str) -> Option<String> {
    // Of most addresses this is all.
    memchr::memchr2(b'=', b'@', text.as_bytes())?;
    if !names_user(text) && !has_credential(text) {
        return None;
    }
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    if let Some((scheme, after)) = text.split_once("://") {
        let end = after.find(AUTHORITY_ENDS).unwrap_or(after.len());
        if let Some(host) = after[..end].rfind('@') {
            redacted.extend([scheme, "://", REDACTED, ":", REDACTED]);
            rest = &after[host..];
        }
    }
    for part in rest.split_inclusive(PARAMETER_ENDS) {
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

const AUTHORITY_ENDS: [char; 4] = ['/', '?', '#', ' '];
const PARAMETER_ENDS: [char; 4] = ['?', '&', '#', ';'];

/// Returns whether there are credentials in a URL, or a path with a query, which any text may be.
pub(super) fn are_in_url(text: &str) -> bool {
    let query = text.split_once('?').map_or("", |(_, query)| query);
    names_user(text) || has_credential(query)
}

fn names_user(url: &str) -> bool {
    url.split_once("://").is_some_and(|(_, rest)| {
        let authority = rest.split(AUTHORITY_ENDS).next();
        authority.is_some_and(|authority| authority.contains('@'))
    })
}

fn has_credential(query: &str) -> bool {
    query.split(PARAMETER_ENDS).any(is_credential)
}

fn is_credential(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else {
        return false;
    };
    let is_named = |known: &str| {
        let letters = name.bytes().filter(|byte| !matches!(byte, b'-' | b'_'));
        letters
            .map(|byte| byte.to_ascii_lowercase())
            .eq(known.bytes())
    };
    !value.is_empty() && PARAMETERS.iter().any(|known| is_named(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_taken_out_of_addresses() {
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
            ("/ask?access_token=x", "/ask?access_token=REDACTED"),
            ("next=/home&key=AIza", "next=/home&key=REDACTED"),
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
            "",
        ] {
            assert_eq!(redacted(text), None, "{text}");
        }
    }

    #[test]
    fn headers_that_let_somebody_in() {
        for (key, expected) in [
            ("http.request.header.authorization", true),
            ("http.request.header.x-api-key", true),
            ("http.response.header.set_cookie", true),
            ("rpc.grpc.request.metadata.Authorization", true),
            ("app.headers.x-goog-api-key", true),
            ("http.request.header.content-type", false),
            ("langfuse.trace.metadata.session", false),
        ] {
            assert_eq!(is_secret_header(key), expected, "{key}");
        }
    }
}
