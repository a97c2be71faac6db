//! Detects the format of a file, and reads it.

use std::{borrow::Cow, collections::HashMap, fmt, io::Read as _};

use flate2::read::MultiGzDecoder;
use sentry_genai_conventions::Timestamp;
use sentry_genai_testkit::capture::CaptureFile;

use crate::{
    ReceivedSpan, Request, capture,
    otlp_json::{self, ParseError},
    otlp_protobuf::{self, DecodeError},
    received::{Contents, attach_events},
};

/// The contents of a file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Input {
    /// The format of the file, after decompression.
    pub format: Format,
    /// The spans, in the order of the file.
    pub spans: Vec<ReceivedSpan>,
    /// The number of requests that were skipped because they are of another signal: metrics, profiles, or logs without GenAI
    /// events.
    pub other_signals: usize,
    /// The number of GenAI events that came as log records and belong to spans that are not in the file.
    pub events_without_span: usize,
    /// The number of spans that were left out because a span with the same ids follows, for example when an exporter resent what
    /// had already arrived.
    pub repeated: usize,
    /// Why parts of the file could not be read; empty if all of it was. At most one hundred errors are kept.
    pub errors: Vec<ReadError>,
    /// The number of errors beyond those that are kept.
    pub more_errors: usize,
}

impl Input {
    fn new(format: Format, contents: Contents, errors: Errors) -> Self {
        let mut spans = contents.spans;
        let repeated = remove_duplicates(&mut spans);
        Self {
            format,
            other_signals: contents.other_signals,
            events_without_span: attach_events(&mut spans, contents.events).len(),
            repeated,
            spans,
            errors: errors.first,
            more_errors: errors.more,
        }
    }
}

/// Why parts of a file could not be read.
#[derive(Default)]
struct Errors {
    /// At most [`MAX_ERRORS`].
    first: Vec<ReadError>,
    more: usize,
}

impl Errors {
    fn push(&mut self, error: ReadError) {
        if self.first.len() < MAX_ERRORS {
            self.first.push(error);
        } else {
            self.more += 1;
        }
    }

    /// Gathers the requests that can be read.
    fn gather<E>(
        &mut self,
        requests: impl Iterator<Item = Result<Request, E>>,
        error: impl Fn(E) -> ReadError,
    ) -> Contents {
        requests
            .filter_map(|request| request.map_err(|cause| self.push(error(cause))).ok())
            .collect()
    }

    fn into_first(self) -> Option<ReadError> {
        self.first.into_iter().next()
    }
}

/// A format that spans can be read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// JSON: one `ExportTraceServiceRequest`, or several in sequence.
    OtlpJson,
    /// Protobuf: one `ExportTraceServiceRequest`, or several in sequence, each preceded by its length.
    OtlpProtobuf,
    /// A capture of a `tracing` program.
    TracingCapture,
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// The file is empty.
    Empty,
    /// The file starts like gzip, but cannot be decompressed.
    #[non_exhaustive]
    Gzip {
        /// The number of decompressed bytes before the error.
        offset: usize,
        /// What is wrong.
        message: String,
    },
    /// The file is compressed with zstd.
    Zstd,
    /// The file consists of messages that are each compressed with zstd, as the Collector's `file` exporter writes them.
    ZstdMessages,
    /// The file is UTF-16, as older versions of PowerShell write the output of a program.
    Utf16,
    /// The file starts like JSON, but is not UTF-8.
    #[non_exhaustive]
    Utf8 {
        /// The line, counted from 1.
        line: usize,
        /// The column in bytes, counted from 1.
        column: usize,
    },
    /// The file is not OTLP/JSON.
    OtlpJson(otlp_json::ParseError),
    /// The file is not OTLP/protobuf.
    OtlpProtobuf(otlp_protobuf::DecodeError),
    /// The file claims to be a capture, but is not.
    TracingCapture(String),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the file is empty"),
            Self::Gzip { offset, message } => {
                write!(f, "after {offset} bytes of decompressed content: {message}")
            }
            Self::Zstd => f.write_str(
                "the file is compressed with zstd, which is not supported: decompress it first, for example with zstd -d",
            ),
            Self::ZstdMessages => f.write_str(
                "the messages in the file are compressed with zstd, which is not supported: turn off compression in the \
                 Collector's file exporter",
            ),
            Self::Utf16 => f.write_str(
                "the file is UTF-16, which is not supported: convert it to UTF-8, for example with iconv -f utf-16 -t utf-8",
            ),
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

/// How many errors are kept; the others are only counted. A file of another kind may have one on every line.
const MAX_ERRORS: usize = 100;

/// Reads a file of any [`Format`], compressed with gzip or not. The format is detected by content.
///
/// Captures contain no dates: their spans end at `now`. Log records that are GenAI events become events of their spans;
/// everything else of other signals is skipped.
///
/// # Errors
///
/// Returns an error if the file has none of the formats. If a part of it cannot be read, returns the first such error, with its
/// position.
pub fn read(bytes: Vec<u8>, now: Timestamp) -> Result<Input, ReadError> {
    let mut input = read_lossy(bytes, now)?;
    if input.errors.is_empty() {
        Ok(input)
    } else {
        Err(input.errors.swap_remove(0))
    }
}

/// Reads a file like [`read`], but skips the parts that cannot be read: [`Input::errors`] tells which, and why.
///
/// # Errors
///
/// Returns an error if nothing of the file can be read.
pub fn read_lossy(bytes: Vec<u8>, now: Timestamp) -> Result<Input, ReadError> {
    let (bytes, truncation) = decompress(bytes)?;
    let Some(truncation) = truncation else {
        return read_content(&bytes, now);
    };
    // A file that is cut in the middle of its only request cannot be parsed either; the cut is the error to report.
    let mut input = read_content(&bytes, now).map_err(|_| truncation.clone())?;
    input.errors.insert(0, truncation);
    Ok(input)
}

/// Keeps only the last of the spans with the same ids, as Sentry does within an envelope. Returns how many were left out.
pub(crate) fn remove_duplicates(spans: &mut Vec<ReceivedSpan>) -> usize {
    let ids = |received: &ReceivedSpan| (received.span.trace_id, received.span.span_id);
    let positions = spans.iter().enumerate();
    let last: HashMap<_, _> = positions
        .map(|(position, span)| (ids(span), position))
        .collect();
    let count = spans.len();
    let mut position = 0..count;
    spans.retain(|span| last.get(&ids(span)).copied() == position.next());
    count - spans.len()
}

/// Detects the format by the first bytes, and reads it.
fn read_content(bytes: &[u8], now: Timestamp) -> Result<Input, ReadError> {
    if UTF_16.iter().any(|mark| bytes.starts_with(mark)) {
        return Err(ReadError::Utf16);
    }
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match start.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => Err(ReadError::Empty),
        // Every protobuf request starts with this byte, and so may a text that begins with a line break.
        Some(first) if start[0] == b'\n' && matches!(first, b'{' | b'[') => {
            protobuf(start).or_else(|_| text(start, now))
        }
        Some(first) if start[0] != b'\n' && (first.is_ascii_graphic() || *first >= 0x80) => {
            text(start, now)
        }
        Some(_) => protobuf(start),
    }
}

/// The byte order marks of UTF-16. Neither protobuf nor JSON begins like this.
const UTF_16: [[u8; 2]; 2] = [[0xff, 0xfe], [0xfe, 0xff]];

/// The magic number of zstd.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Returns the decompressed content, and an error if the compressed data ends early.
fn decompress(bytes: Vec<u8>) -> Result<(Vec<u8>, Option<ReadError>), ReadError> {
    if bytes.starts_with(&ZSTD) {
        return Err(ReadError::Zstd);
    }
    // The magic number after the length of a message, which is below 16 MB.
    if bytes.first() == Some(&0) && bytes.get(4..8) == Some(&ZSTD) {
        return Err(ReadError::ZstdMessages);
    }
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok((bytes, None));
    }
    let mut content = Vec::with_capacity(bytes.len() * 4);
    let result = MultiGzDecoder::new(&*bytes).read_to_end(&mut content);
    let truncation = result.err().map(|error| ReadError::Gzip {
        offset: content.len(),
        message: error.to_string(),
    });
    Ok((content, truncation))
}

fn protobuf(bytes: &[u8]) -> Result<Input, ReadError> {
    let mut errors = Errors::default();
    let contents = errors.gather(otlp_protobuf::requests(bytes), ReadError::OtlpProtobuf);
    if !contents.has_traces {
        let no_traces = || ReadError::OtlpProtobuf(DecodeError::no_traces());
        return Err(errors.into_first().unwrap_or_else(no_traces));
    }
    Ok(Input::new(Format::OtlpProtobuf, contents, errors))
}

fn text(bytes: &[u8], now: Timestamp) -> Result<Input, ReadError> {
    let mut errors = Errors::default();
    let text = utf8(bytes, &mut errors);
    if CaptureFile::is_named_in(&text) {
        if let Some(error) = errors.into_first() {
            return Err(error);
        }
        let file = CaptureFile::parse(&text)
            .map_err(|error| ReadError::TracingCapture(error.to_string()))?;
        let contents = Contents {
            spans: capture::spans(&file, &text, now),
            ..Contents::default()
        };
        return Ok(Input::new(
            Format::TracingCapture,
            contents,
            Errors::default(),
        ));
    }
    let contents = errors.gather(otlp_json::requests(&text), ReadError::OtlpJson);
    if contents.has_traces {
        return Ok(Input::new(Format::OtlpJson, contents, errors));
    }
    if !text.trim_start().starts_with(['{', '[']) {
        return Err(ReadError::OtlpJson(ParseError::not_json()));
    }
    let no_traces = || ReadError::OtlpJson(ParseError::no_traces(&contents));
    Err(errors.into_first().unwrap_or_else(no_traces))
}

/// Returns the text. Lines that are not UTF-8 are blanked and reported.
fn utf8<'a>(bytes: &'a [u8], errors: &mut Errors) -> Cow<'a, str> {
    if let Ok(text) = str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        match str::from_utf8(line) {
            Ok(line) => text.push_str(line),
            Err(error) => {
                text.push('\n');
                errors.push(ReadError::Utf8 {
                    line: index + 1,
                    column: error.valid_up_to() + 1,
                });
            }
        }
    }
    Cow::Owned(text)
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
    fn errors_include_the_position() {
        assert_eq!(error(b" \n"), "the file is empty");
        let foreign =
            "line 1, column 1: expected OTLP traces as JSON or protobuf, or tracing-capture-v1";
        assert_eq!(error(b"spans"), foreign);
        assert_eq!(error(b"\x89PNG\r\n"), foreign);
        assert_eq!(
            error(b"\n\n{\n  \"a\": \xff"),
            "line 4, column 8: expected UTF-8"
        );
        assert_eq!(error(b"\n{\"a\":}"), "line 2, column 6: expected value");
        assert!(error(b"\x1f\x8bnothing").starts_with("after 0 bytes of decompressed content: "));
        assert!(error(b"\x28\xb5\x2f\xfd\x04").contains("compressed with zstd"));
        assert!(error(b"\xff\xfe{\0}\0").contains("UTF-16"));
        assert!(error(b"\xfe\xff\0{\0}").contains("UTF-16"));
        assert!(error(b"\0\0\x01\x02\x28\xb5\x2f\xfd\x04").contains("file exporter"));
        let capture = error(br#"{"format":"tracing-capture-v1","spans":[{}]}"#);
        assert!(capture.contains("line 1 column"), "{capture}");
        let protobuf = error(b"\x0a\x05abc");
        assert!(
            protobuf.starts_with("as OTLP/protobuf: byte "),
            "{protobuf}"
        );
    }

    #[test]
    fn invalid_utf8_affects_only_its_line() {
        let bytes = b"{}\n{\"resourceSpans\": \xff}\n{\"resourceLogs\":[]}\n{\xe2\x82";
        let input = read_lossy(bytes.to_vec(), Timestamp::default()).unwrap();
        assert_eq!((input.spans.len(), input.other_signals), (0, 1));
        let errors: Vec<_> = input.errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            errors,
            [
                "line 2, column 19: expected UTF-8",
                "line 4, column 2: expected UTF-8"
            ]
        );
        // `read` returns no parts.
        assert_eq!(error(bytes), errors[0]);
        let many = read_lossy(
            [&b"{}"[..], &b"\n\xff".repeat(1000)].concat(),
            Timestamp::default(),
        );
        assert_eq!(many.unwrap().errors.len(), MAX_ERRORS);
    }

    #[test]
    fn the_last_of_duplicate_spans_is_kept() {
        let span = |id: u8, name: &str| {
            format!(
                r#"{{"traceId":"4c79f60c11214eb38604f4ae0781bfb2","spanId":"00000000000000{id:02}","name":"{name}","startTimeUnixNano":"5"}}"#
            )
        };
        let spans = [span(1, "early"), span(2, "other"), span(1, "late")].join(",");
        let text = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#);
        let input = read(text.into_bytes(), Timestamp::default()).unwrap();
        let names: Vec<_> = input.spans.iter().map(|it| &*it.span.name).collect();
        assert_eq!((&*names, input.repeated), (&["other", "late"][..], 1));
    }

    #[test]
    fn spans_before_a_truncation_are_kept() {
        use std::io::Write as _;

        use flate2::{Compression, write::GzEncoder};

        let lines = b"{\"resourceLogs\":[]}\n{}\n".repeat(10_000);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
        encoder.write_all(&lines).unwrap();
        let packed = encoder.finish().unwrap();
        let truncation = &packed[..packed.len() / 2];
        let input = read_lossy(truncation.to_vec(), Timestamp::default()).unwrap();
        assert!((3000..7000).contains(&input.other_signals), "{input:?}");
        assert!(matches!(input.errors[0], ReadError::Gzip { .. }));
        assert!(error(truncation).starts_with("after "));
        // A capture has to be complete.
        let capture = br#"{"format":"tracing-capture-v1","spans":[]}"#;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
        encoder.write_all(capture).unwrap();
        let packed = encoder.finish().unwrap();
        assert!(error(&packed[..packed.len() - 12]).starts_with("after 38 bytes"));

        let empty = &[0, 0, 0, 0];
        let broken = b"\0\0\0\x07\x0a\x05abcde";
        let framed = [&empty[..], broken, empty, b"\0\0\0\x09\x0a"].concat();
        let input = read_lossy(framed, Timestamp::default()).unwrap();
        let errors: Vec<_> = input.errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 2, "{errors:?}");
        assert!(errors[0].starts_with("as OTLP/protobuf: byte "));
        assert_eq!(
            errors[1],
            "as OTLP/protobuf: byte 19: a message is shorter than its length prefix"
        );
    }

    #[test]
    fn formats_are_detected_by_content() {
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
        // A text that mentions the other format is not a capture.
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
