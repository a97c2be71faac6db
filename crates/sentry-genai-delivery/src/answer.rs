//! What a server answers.

use std::time::Duration;

use ureq::http::{
    HeaderMap, HeaderName, StatusCode,
    header::{DATE, RETRY_AFTER},
};

use crate::limits;

/// How much is kept of the explanation of a refusal, and of the limits that it names.
const MAX_REASON_CHARS: usize = 100;

const X_SENTRY_RATE_LIMITS: HeaderName = HeaderName::from_static("x-sentry-rate-limits");

/// The relevant parts of an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) rate_limits: Option<String>,
    pub(crate) retry_after: Option<String>,
    /// The server's clock, for a date in `retry_after`.
    pub(crate) date: Option<String>,
    /// Why Sentry refused, such as "event submission rejected with_reason: ProjectId".
    pub(crate) detail: Option<String>,
}

impl Answer {
    pub(crate) fn new(status: StatusCode, headers: &HeaderMap) -> Self {
        let retry_after = header_value(headers, RETRY_AFTER);
        Self {
            status: status.as_u16(),
            rate_limits: header_value(headers, X_SENTRY_RATE_LIMITS),
            date: retry_after
                .as_ref()
                .and_then(|_| header_value(headers, DATE)),
            retry_after,
            detail: None,
        }
    }

    /// Reads the explanation in the body of a refusal. Its `causes`, which may quote the request, are left out.
    pub(crate) fn read_detail(&mut self, body: &[u8]) {
        let body = serde_json::from_slice::<serde_json::Value>(body);
        let body = body.unwrap_or_default();
        self.detail = body["detail"].as_str().map(excerpt);
    }

    /// Whether a proxy in front of Sentry says that Sentry is temporarily unavailable.
    pub(crate) fn is_overloaded(&self) -> bool {
        matches!(self.status, 502..=504)
    }

    /// Returns how long the server wants to be left alone, if it says so.
    pub(crate) fn pause(&self) -> Option<Duration> {
        let header = self.retry_after.as_deref()?;
        Some(limits::pause(header, self.date.as_deref()))
    }

    /// Describes a refusal to someone who has to find out what is wrong.
    ///
    /// Limits say whose they are, and mostly why they apply: `60:span:organization:span_usage_exceeded`.
    pub(crate) fn describe(&self) -> String {
        let mut description = format!("HTTP status {}", self.status);
        if let Some(detail) = &self.detail {
            description += &format!(": {detail}");
        }
        if self.status == 429
            && let Some(limits) = &self.rate_limits
        {
            description += &format!(" (limits {})", excerpt(limits));
        }
        description
    }
}

/// Returns the value of a header, joined from all its lines. Returns `None` if it is missing or blank.
fn header_value(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let lines = headers.get_all(name).into_iter();
    let lines: Vec<_> = lines.filter_map(|line| line.to_str().ok()).collect();
    let text = lines.join(",");
    (!text.trim().is_empty()).then_some(text)
}

fn excerpt(text: &str) -> String {
    let printable = text.chars().filter(|c| !c.is_control());
    printable.take(MAX_REASON_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(status: u16, limits: &[&'static str], body: &str) -> String {
        let mut headers = HeaderMap::new();
        for limit in limits {
            headers.append(X_SENTRY_RATE_LIMITS, limit.parse().unwrap());
        }
        let mut answer = Answer::new(StatusCode::from_u16(status).unwrap(), &headers);
        answer.read_detail(body.as_bytes());
        answer.describe()
    }

    #[test]
    fn a_refusal_is_described_by_what_the_server_says_of_it() {
        assert_eq!(described(500, &[], "<html>"), "HTTP status 500");
        assert_eq!(described(400, &[], "[]"), "HTTP status 400");
        assert_eq!(
            described(403, &[], r#"{"detail":"no\nkey","causes":["a prompt"]}"#),
            "HTTP status 403: nokey"
        );
        let long = format!("{{\"detail\":\"{}\"}}", "é".repeat(500));
        assert_eq!(
            described(403, &[], &long),
            format!("HTTP status 403: {}", "é".repeat(MAX_REASON_CHARS))
        );
    }

    #[test]
    fn a_quota_says_whose_it_is() {
        let quota = "60:span:organization:span_usage_exceeded";
        assert_eq!(
            described(429, &[quota], "{\"detail\":\"over quota\"}"),
            format!("HTTP status 429: over quota (limits {quota})")
        );
        assert_eq!(
            described(429, &["60:span:key", "9:error:project"], ""),
            "HTTP status 429 (limits 60:span:key,9:error:project)"
        );
        assert_eq!(described(429, &[" "], ""), "HTTP status 429");
        assert_eq!(described(413, &[quota], ""), "HTTP status 413");
    }
}
