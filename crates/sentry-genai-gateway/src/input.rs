//! Which format a file has, and reading it.

use std::{fmt, io::Read as _};

use flate2::read::MultiGzDecoder;
use sentry_genai_conventions::Timestamp;
use sentry_genai_testkit::capture::CaptureFile;

use crate::{ReceivedSpan, capture, otlp_json, otlp_protobuf};

/// What a file turned out to hold.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Input {
    /// The format, once decompressed.
    pub format: Format,
    /// The spans, in the order of the file.
    pub spans: Vec<ReceivedSpan>,
}

/// A format that spans can be read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// An `ExportTraceServiceRequest` as JSON, or several, one after the other.
    OtlpJson,
    /// An `ExportTraceServiceRequest` as protobuf, or several, each after its length.
    OtlpProtobuf,
    /// A capture of a `tracing` program.
    TracingCapture,
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// There is nothing in it.
    Empty,
    /// It starts as gzip does, and cannot be decompressed.
    #[non_exhaustive]
    Gzip {
        /// How many bytes of content came before the error.
        offset: usize,
        /// What is wrong.
        message: String,
    },
    /// It starts as JSON does, and is not UTF-8.
    #[non_exhaustive]
    Utf8 {
        /// The line, counted from 1.
        line: usize,
        /// The column in bytes, counted from 1.
        column: usize,
    },
    /// It is no OTLP/JSON.
    OtlpJson(otlp_json::ParseError),
    /// It is no OTLP/protobuf.
    OtlpProtobuf(otlp_protobuf::DecodeError),
    /// It says that it is a capture, and is not.
    TracingCapture(String),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the file is empty"),
            Self::Gzip { offset, message } => {
                write!(f, "after {offset} bytes of decompressed content: {message}")
            }
            Self::Utf8 { line, column } => {
                write!(f, "line {line}, column {column}: expected UTF-8")
            }
            Self::OtlpJson(error) => error.fmt(f),
            Self::OtlpProtobuf(error) => write!(f, "as OTLP/protobuf: {error}"),
            Self::TracingCapture(error) => f.write_str(error),
        }
    }
}

impl std::error::Error for ReadError {}

/// Reads a file of any [`Format`], compressed with gzip or not, by what is in it.
///
/// A capture knows no dates: its spans end at `now`.
///
/// # Errors
///
/// If the file is of none of the formats, with the position where it stops being one.
pub fn read(bytes: Vec<u8>, now: Timestamp) -> Result<Input, ReadError> {
    let bytes = decompress(bytes)?;
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    match start.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => Err(ReadError::Empty),
        // Every request in protobuf starts with this byte, and so may a text with a line break.
        Some(first) if start[0] == b'\n' && matches!(first, b'{' | b'[') => {
            protobuf(start).or_else(|_| text(start, now))
        }
        Some(first) if start[0] != b'\n' && (first.is_ascii_graphic() || *first >= 0x80) => {
            text(start, now)
        }
        Some(_) => protobuf(start),
    }
}

fn decompress(bytes: Vec<u8>) -> Result<Vec<u8>, ReadError> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut content = Vec::with_capacity(bytes.len() * 4);
    match MultiGzDecoder::new(&*bytes).read_to_end(&mut content) {
        Ok(_) => Ok(content),
        Err(error) => Err(ReadError::Gzip {
            offset: content.len(),
            message: error.to_string(),
        }),
    }
}

fn protobuf(bytes: &[u8]) -> Result<Input, ReadError> {
    Ok(Input {
        format: Format::OtlpProtobuf,
        spans: otlp_protobuf::decode(bytes).map_err(ReadError::OtlpProtobuf)?,
    })
}

fn text(bytes: &[u8], now: Timestamp) -> Result<Input, ReadError> {
    let text = str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line_start = before.iter().rposition(|byte| *byte == b'\n');
        ReadError::Utf8 {
            line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
            column: before.len() - line_start.map_or(0, |newline| newline + 1) + 1,
        }
    })?;
    if CaptureFile::is_named_in(text) {
        let file = CaptureFile::parse(text)
            .map_err(|error| ReadError::TracingCapture(error.to_string()))?;
        return Ok(Input {
            format: Format::TracingCapture,
            spans: capture::spans(&file, text, now),
        });
    }
    Ok(Input {
        format: Format::OtlpJson,
        spans: otlp_json::parse(text).map_err(ReadError::OtlpJson)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(bytes: &[u8]) -> String {
        read(bytes.to_vec(), Timestamp::default())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn errors_say_where() {
        assert_eq!(error(b" \n"), "the file is empty");
        assert_eq!(error(b"spans"), "line 1, column 1: expected value");
        assert_eq!(
            error(b"\n\n{\n  \"a\": \xff"),
            "line 4, column 8: expected UTF-8"
        );
        assert_eq!(error(b"\n{\"a\":}"), "line 2, column 6: expected value");
        assert!(error(b"\x1f\x8bnothing").starts_with("after 0 bytes of decompressed content: "));
        let capture = error(br#"{"format":"tracing-capture-v1","spans":[{}]}"#);
        assert!(capture.contains("line 1 column"), "{capture}");
        let protobuf = error(b"\x0a\x05abc");
        assert!(
            protobuf.starts_with("as OTLP/protobuf: byte "),
            "{protobuf}"
        );
    }

    #[test]
    fn formats_are_told_by_content() {
        let format = |bytes: &[u8]| read(bytes.to_vec(), Timestamp::default()).unwrap().format;
        let json = br#"{"resourceSpans":[]}"#;
        assert_eq!(format(json), Format::OtlpJson);
        assert_eq!(
            format(&[b"\xef\xbb\xbf\n", &json[..]].concat()),
            Format::OtlpJson
        );
        assert_eq!(
            format(br#"{"spans":[],"format":"tracing-capture-v1"}"#),
            Format::TracingCapture
        );
        // The name of the other format in a text makes no capture.
        assert_eq!(
            format(br#"{"resourceSpans":[],"note":"tracing-capture-v1"}"#),
            Format::OtlpJson
        );
        // A request whose first field has 123 bytes looks like a line break and a brace.
        let mut scope_spans = vec![0x12, 121, 0x1a, 119];
        scope_spans.extend_from_slice(&[b'x'; 119]);
        assert_eq!(
            format(&[&b"\n{"[..], &scope_spans].concat()),
            Format::OtlpProtobuf
        );
    }
}
