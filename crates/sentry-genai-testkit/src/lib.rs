//! Tools for testing AI instrumentation: a local Sentry, a fake model provider, captured spans of real libraries, and assertions
//! that explain their failures.
//!
//! Everything is judged from outside, by the bytes that crossed a socket; the crate knows no particular Sentry client. The
//! servers listen on 127.0.0.1, each on its own thread, and stop when they are dropped. They work with blocking and async tests
//! alike.
//!
//! | | |
//! |---|---|
//! | [`Ingest`] | receives envelopes, checks every byte, and keeps what arrived |
//! | [`Fault`] | makes the ingest misbehave as servers and networks do |
//! | [`FakeLlm`] | answers like `OpenAI` and Anthropic, with tool calls, streams, errors and known token counts |
//! | [`Capture`] | replays the `tracing` calls of a real library, without the library |
//! | [`assert_spans`] | asserts on spans; a failure shows the whole tree |
//! | [`render_tree`], [`render_transcript`] | render spans as a tree, and as the conversation they belong to |
//!
//! The servers need the feature `servers`, which is on by default. A program that only reads captures or draws trees can turn it
//! off and does not have to compile an HTTP server.
//!
//! # Example
//!
//! The client in this test is a plain HTTP request. A real test uses a Sentry client initialised with [`Ingest::dsn`], and code
//! that talks to [`FakeLlm::openai_url`].
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use sentry_genai_testkit::{Ingest, assert_spans, render_tree};
//!
//! let sentry = Ingest::start()?;
//!
//! // ... code under test; flush its client ...
//! # let trace = "4c79f60c11214eb38604f4ae0781bfb2";
//! # let text = |value: &str| serde_json::json!({"type": "string", "value": value});
//! # let span = serde_json::json!({
//! #     "trace_id": trace, "span_id": "a1b2c3d4e5f60718", "name": "chat gpt-5-mini", "status": "ok",
//! #     "is_segment": true, "start_timestamp": 1.0, "end_timestamp": 2.0,
//! #     "attributes": {
//! #         "sentry.op": text("gen_ai.chat"), "sentry.origin": text("auto.ai.doc"), "sentry.kind": text("client"),
//! #         "sentry.segment.id": text("a1b2c3d4e5f60718"), "sentry.segment.name": text("chat gpt-5-mini"),
//! #         "sentry.environment": text("test"), "sentry.platform": text("rust"), "sentry.sdk.name": text("doc"),
//! #         "sentry.sdk.version": text("1"), "sentry.trace_lifecycle": text("stream"),
//! #         "gen_ai.conversation.id": text("conv_01J"),
//! #     },
//! # });
//! # let header = serde_json::json!({"trace": {"trace_id": trace, "public_key": "public"}});
//! # let item = serde_json::json!({
//! #     "type": "span", "item_count": 1, "content_type": "application/vnd.sentry.items.span.v2+json",
//! # });
//! # let payload = serde_json::json!({"version": 2, "items": [span]});
//! # let agent = ureq::Agent::config_builder().proxy(None).build().new_agent();
//! # agent
//! #     .post(format!("{}/api/1/envelope/", sentry.url()))
//! #     .header("Content-Type", "application/x-sentry-envelope")
//! #     .header("X-Sentry-Auth", "Sentry sentry_key=public, sentry_version=7")
//! #     .send(format!("{header}\n{item}\n{payload}\n"))?;
//!
//! let spans = sentry.wait_for_spans(1, Duration::from_secs(5));
//! assert_eq!(sentry.violations(), [""; 0]);
//! assert_spans(&spans)
//!     .one("chat gpt-5-mini")
//!     .has_op("gen_ai.chat")
//!     .in_conversation("conv_01J")
//!     .lacks("gen_ai.input.messages")
//!     .is_ok();
//! assert!(render_tree(&spans).contains("conversation conv_01J"));
//! # Ok(())
//! # }
//! ```

mod assert;
#[cfg(feature = "servers")]
mod ingest;
#[cfg(feature = "servers")]
mod llm;
mod replay;
#[cfg(test)]
mod sample;
#[cfg(feature = "servers")]
mod server;
mod span;
mod transcript;
mod tree;

pub use assert::{SpanAssert, SpansAssert, assert_spans};
/// The file format `tracing-capture-v1`, for programs that read captures without replaying them.
pub mod capture {
    pub use crate::replay::{
        CaptureFile, CapturedEvent, CapturedField, CapturedSpan, ParentKind, Via,
    };
}
#[cfg(feature = "servers")]
pub use ingest::{Fault, Figures, Ingest, ReceivedEnvelope, ReceivedItem};
#[cfg(feature = "servers")]
pub use llm::{FakeLlm, ReceivedRequest};
pub use replay::{Capture, ReplayError};
pub use span::ReceivedSpan;
pub use transcript::render_transcript;
pub use tree::render_tree;
