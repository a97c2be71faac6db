//! Cuts the body of an answer into documents.

use memchr::memchr2;

/// The longest document that is read, in bytes. An answer that is longer is recorded without what only its end says.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// How an answer is written.
#[derive(Debug)]
pub(crate) enum Documents {
    /// One document. It is copied, because pieces of a connection's buffer would keep all of the buffer.
    Whole(Vec<u8>),
    /// One on each line, as in Ollama's streams.
    Lines(Lines),
    /// Server-sent events.
    Events { lines: Lines, data: Vec<u8> },
    /// Too long to be read.
    Ignored,
}

/// The media types of documents on lines.
static ON_LINES: &[&str] = &[
    "application/jsonl",
    "application/ndjson",
    "application/x-ndjson",
];

impl Documents {
    pub(crate) fn new(content_type: &str) -> Self {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        let is = |name: &&str| media_type.eq_ignore_ascii_case(name);
        if is(&"text/event-stream") {
            Self::Events {
                lines: Lines::default(),
                data: Vec::new(),
            }
        } else if ON_LINES.iter().any(is) {
            Self::Lines(Lines::default())
        } else {
            Self::Whole(Vec::new())
        }
    }

    /// Returns whether the answer is streamed.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self, Self::Lines(_) | Self::Events { .. })
    }

    /// Takes a piece of the body, and passes on the documents that end in it.
    pub(crate) fn push(&mut self, piece: &[u8], mut read: impl FnMut(&[u8])) {
        let waiting = match self {
            Self::Whole(document) => {
                document.extend_from_slice(piece);
                document.len()
            }
            Self::Lines(lines) => {
                lines.push(piece, read);
                lines.begun.len()
            }
            Self::Events { lines, data } => {
                lines.push(piece, |line| read_event_line(line, data, &mut read));
                lines.begun.len() + data.len()
            }
            Self::Ignored => 0,
        };
        if waiting > MAX_BYTES {
            *self = Self::Ignored;
        }
    }

    /// Passes on what is left when the body has ended.
    pub(crate) fn finish(self, mut read: impl FnMut(&[u8])) {
        match self {
            Self::Whole(document) => read(&document),
            Self::Lines(lines) => read(&lines.begun),
            Self::Events { lines, mut data } => {
                read_event_line(&lines.begun, &mut data, &mut read);
                read(&data);
            }
            Self::Ignored => {}
        }
    }
}

/// Lines that end in LF, CR, or both.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// The beginning of a line whose end has not arrived.
    begun: Vec<u8>,
    /// What the line before ended in.
    last_end: u8,
}

impl Lines {
    /// Passes on the lines that end in `piece`.
    fn push(&mut self, mut piece: &[u8], mut read: impl FnMut(&[u8])) {
        while let Some(end) = memchr2(b'\r', b'\n', piece) {
            let is_rest_of_crlf =
                end == 0 && self.begun.is_empty() && piece[end] == b'\n' && self.last_end == b'\r';
            self.last_end = piece[end];
            if is_rest_of_crlf {
                // The line has been passed on.
            } else if self.begun.is_empty() {
                read(&piece[..end]);
            } else {
                self.begun.extend_from_slice(&piece[..end]);
                read(&self.begun);
                self.begun.clear();
            }
            piece = &piece[end + 1..];
        }
        self.begun.extend_from_slice(piece);
    }
}

/// Reads a line of an event, whose data may have several lines. An empty line ends it.
fn read_event_line(line: &[u8], data: &mut Vec<u8>, read: &mut impl FnMut(&[u8])) {
    // Only the first line can have a byte order mark.
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    if let Some(more) = line.strip_prefix(b"data:") {
        data.extend_from_slice(more);
        data.push(b'\n');
    } else if line.is_empty() && !data.is_empty() {
        read(data);
        data.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(content_type: &str, body: &str, piece_len: usize) -> Vec<String> {
        let mut found = Vec::new();
        let mut read = |json: &[u8]| {
            let text = String::from_utf8(json.to_vec()).unwrap();
            if !text.trim().is_empty() {
                found.push(text.trim().to_owned());
            }
        };
        let mut documents = Documents::new(content_type);
        for piece in body.as_bytes().chunks(piece_len) {
            documents.push(piece, &mut read);
        }
        documents.finish(&mut read);
        found
    }

    #[test]
    fn documents_are_found_wherever_the_body_is_cut() {
        let events = ": a comment\r\nevent: one\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\ndata:{\"b\": 2}\n\ndata: [DONE]\n\ndata: {\"c\": 3}";
        let lines = "{\"a\": 1}\n{\"b\": 2}\n{\"c\": 3}";
        for piece_len in 1..events.len() {
            let found = documents("text/event-stream; charset=utf-8", events, piece_len);
            assert_eq!(
                found,
                ["{\"a\":\n 1}", "{\"b\": 2}", "[DONE]", "{\"c\": 3}"],
                "{piece_len}"
            );
            let found = documents("application/x-ndjson", lines, piece_len);
            assert_eq!(
                found,
                ["{\"a\": 1}", "{\"b\": 2}", "{\"c\": 3}"],
                "{piece_len}"
            );
            assert_eq!(
                documents("application/json", lines, piece_len),
                [lines],
                "{piece_len}"
            );
        }
    }

    #[test]
    fn events_may_end_in_any_line_end_and_begin_with_a_mark() {
        for end in ["\n", "\r\n", "\r"] {
            let lines = [
                "\u{feff}data: {\"a\":",
                "event: in between",
                "data: 1}",
                "",
                ": ping",
                "",
                "retry: 5",
                "data",
                "id: 7",
                "data:2",
                "",
                "data: 3",
            ];
            let events = lines.join(end);
            for piece_len in 1..events.len() {
                let found = documents("Text/Event-Stream", &events, piece_len);
                assert_eq!(
                    found,
                    ["{\"a\":\n 1}", "2", "3"],
                    "{end:?} in pieces of {piece_len}"
                );
            }
        }
    }

    #[test]
    fn each_line_may_end_in_another_way() {
        let lines = "1\r2\n3\r\n4\n\r5\r6";
        for piece_len in 1..=lines.len() {
            let found = documents("application/jsonl", lines, piece_len);
            assert_eq!(found, ["1", "2", "3", "4", "5", "6"], "{piece_len}");
        }
    }

    #[test]
    fn what_is_too_long_is_not_kept() {
        for content_type in [
            "text/event-stream",
            "application/x-ndjson",
            "application/json",
        ] {
            let mut documents = Documents::new(content_type);
            let piece = vec![b'x'; 1024 * 1024];
            for _ in 0..40 {
                documents.push(&piece, |_| panic!("nothing has ended"));
            }
            assert!(matches!(documents, Documents::Ignored), "{content_type}");
            documents.finish(|_| panic!("it is ignored"));
        }
    }
}
