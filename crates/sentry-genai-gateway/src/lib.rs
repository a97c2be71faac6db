//! Reads traces as OpenTelemetry exporters write them (OTLP), and translates them into Sentry's spans.
//!
//! | | |
//! |---|---|
//! | [`read`], [`read_lossy`] | read a file of any format, compressed or not; the content tells the format |
//! | [`otlp_json::parse`], [`otlp_protobuf::decode`], [`capture_spans`] | read one format each |
//! | [`inherit_batch`] | passes conversation, session and agent from span to span within a batch |
//! | [`translate_batch`] | translates a batch into Sentry's spans, trace by trace, with their segments |
//! | `serve`, a feature | receives what exporters send over HTTP and gRPC, and sends it on to Sentry |
//! | [`check`] | reports what Sentry will not understand in a batch, and how to fix it |
//!
//! The program `sentry-genai` offers all of this on the command line.

mod any_value;
mod batch;
mod capture;
pub mod check;
mod codes;
#[cfg(test)]
#[path = "../../sentry-genai-conventions/src/growth.rs"]
mod growth;
mod inherit;
mod input;
pub mod otlp_json;
pub mod otlp_protobuf;
mod received;
mod resource;
#[cfg(feature = "serve")]
pub mod serve;
mod trace;

pub use batch::translate_batch;
pub use capture::spans as capture_spans;
pub use inherit::inherit_batch;
pub use input::{Format, Input, ReadError, read, read_lossy};
pub use received::{ReceivedEvent, ReceivedSpan, Request};
pub use trace::{Client, TranslatedTrace};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
