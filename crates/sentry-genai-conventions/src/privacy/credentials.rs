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

/// Returns whether there are credentials in an address, or in a query alone.
pub(super) fn are_in(text: &str) -> bool {
    names_user(text) || has_credential(text)
}

/// Returns whether there are credentials in a URL, or a path with a query, which any text may be.
pub(super) fn are_in_url(text: &str) -> bool {
    let query = text.split_once('?').map_or("", |(_, query)| query);
    names_user(text) || has_credential(query)
}

fn names_user(url: &str) -> bool {
    url.split_once("://").is_some_and(|(_, rest)| {
        let authority = rest.split(['/', '?', '#', ' ']).next();
        authority.is_some_and(|authority| authority.contains('@'))
    })
}

fn has_credential(query: &str) -> bool {
    query.split(['?', '&', '#', ';']).any(is_credential)
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
    fn credentials_are_found_in_addresses() {
        for (text, expected) in [
            ("https://h.example/v1beta/models/g:generate?key=AIza", true),
            ("https://h.example/a?alt=sse&api_key=x", true),
            ("https://h.example/a?X-Amz-Signature=x", true),
            ("https://me:pw@h.example/a", true),
            ("/ask?access_token=x", true),
            ("alt=sse&key=AIza", true),
            ("next=/home&key=AIza", true),
            ("https://h.example/cb#access_token=x", true),
            ("https://h.example/a?pageToken=x&max_tokens=3&key=", false),
            ("https://h.example/@me?q=a@b", false),
            ("https://h.example/key=x", false),
            ("", false),
        ] {
            assert_eq!(are_in(text), expected, "{text}");
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
