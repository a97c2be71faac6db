//! Watches a call until its answer has been read.

use std::{error::Error as _, iter, time::Instant};

use bytes::Bytes;
use reqwest::{Response, StatusCode, header::CONTENT_TYPE};
use tracing::Span;

use crate::{answer::Answer, api::Api, documents::Documents, span};

/// What is known of a call. Dropping it records the rest and ends the span.
#[derive(Debug)]
pub(crate) struct Observer {
    span: Span,
    started: Instant,
    answer: Answer,
    /// From when the head of the answer has arrived.
    body: Option<(StatusCode, Documents)>,
    has_first_chunk: bool,
}

impl Observer {
    pub(crate) fn new(span: Span, api: Api, content: bool) -> Self {
        Self {
            span,
            started: Instant::now(),
            answer: Answer::new(api, content),
            body: None,
            has_first_chunk: false,
        }
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Notes that there is no answer, or that it breaks off.
    pub(crate) fn failed(&self, error: &reqwest::Error) {
        let kind = if error.is_timeout() {
            "timeout"
        } else if self.body.is_some() {
            "response_error"
        } else if error.is_connect() {
            "connection_error"
        } else {
            "request_error"
        };
        // The error itself names the address, which may contain a key.
        let causes = iter::successors(error.source(), |cause| (*cause).source());
        let message = causes.last().map(ToString::to_string);
        span::record_error(&self.span, kind, message.as_deref());
    }

    /// Notes that something in the program has stopped the request. Its reason may say anything.
    #[cfg(feature = "middleware")]
    pub(crate) fn stopped(&self) {
        span::record_error(&self.span, "request_error", None);
    }

    pub(crate) fn head(&mut self, response: &Response) {
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let documents = Documents::new(content_type.unwrap_or_default());
        if documents.is_stream() {
            self.span.record("gen_ai.response.streaming", true);
        }
        self.body = Some((response.status(), documents));
    }

    pub(crate) fn piece(&mut self, piece: &Bytes) {
        let Some((_, documents)) = &mut self.body else {
            return;
        };
        if documents.is_stream() && !self.has_first_chunk {
            self.has_first_chunk = true;
            let seconds = self.started.elapsed().as_secs_f64();
            self.span
                .record("gen_ai.response.time_to_first_chunk", seconds);
        }
        documents.push(piece, |json| self.answer.read(json));
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        if let Some((status, documents)) = self.body.take() {
            documents.finish(|json| self.answer.read(json));
            self.answer.record(&self.span, status);
        }
    }
}
