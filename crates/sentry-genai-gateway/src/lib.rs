//! The OTLP door: traces as OpenTelemetry exporters write them become spans that the translation understands.
//!
//! | | |
//! |---|---|
//! | [`read`], [`read_lossy`] | read a file of any format, compressed or not, by what is in it |
//! | [`otlp_json::parse`], [`otlp_protobuf::decode`], [`capture_spans`] | read one format each |
//! | [`inherit_batch`] | hands down among the spans of a batch what a door hands down: conversation, session and agent |
//! | [`translate_batch`] | makes Sentry's spans of a batch, trace by trace, with their segments |
//! | `serve`, a feature | receives what exporters send over HTTP and gRPC, and sends it on to Sentry |
//! | [`check`] | says what Sentry will not understand in a batch, and how to fix it |
//!
//! The program `sentry-genai` puts them on the command line.

mod any_value;
mod batch;
mod capture;
pub mod check;
mod codes;
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
