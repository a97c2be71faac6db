//! Cuts the body of an answer into documents.

use bytes::Bytes;

/// The longest document that is read, in bytes. An answer that is longer is recorded without what only its end says.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// How an answer is written.
#[derive(Debug)]
pub(crate) enum Documents {
    /// One document.
    Whole { pieces: Vec<Bytes>, bytes: usize },
    /// One on each line, as in Ollama's streams.
    Lines { line: Vec<u8> },
    /// Server-sent events.
    Events { line: Vec<u8>, data: Vec<u8> },
    /// Too long to be read.
    Ignored,
}

impl Documents {
    pub(crate) fn new(content_type: &str) -> Self {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "text/event-stream" => Self::Events {
                line: Vec::new(),
                data: Vec::new(),
            },
            "application/x-ndjson" => Self::Lines { line: Vec::new() },
            _ => Self::Whole {
                pieces: Vec::new(),
                bytes: 0,
            },
        }
    }

    /// Returns whether the answer is streamed.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self, Self::Lines { .. } | Self::Events { .. })
    }

    /// Takes a piece of the body, and passes on the documents that end in it.
    pub(crate) fn push(&mut self, piece: &Bytes, mut read: impl FnMut(&[u8])) {
        let waiting = match self {
            Self::Whole { pieces, bytes } => {
                pieces.push(piece.clone());
                *bytes += piece.len();
                *bytes
            }
            Self::Lines { line } => {
                each_line(line, piece, read);
                line.len()
            }
            Self::Events { line, data } => {
                each_line(line, piece, |line| read_event_line(line, data, &mut read));
                line.len() + data.len()
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
            Self::Whole { pieces, .. } => match &pieces[..] {
                [whole] => read(whole),
                pieces => read(&pieces.concat()),
            },
            Self::Lines { line } => read(&line),
            Self::Events { line, mut data } => {
                read_event_line(&line, &mut data, &mut read);
                read(&data);
            }
            Self::Ignored => {}
        }
    }
}

/// Passes on the lines that end in `piece`. `line` is the beginning of the next one.
fn each_line(line: &mut Vec<u8>, piece: &[u8], mut read: impl FnMut(&[u8])) {
    let mut lines = piece.split(|byte| *byte == b'\n');
    let rest = lines.next_back().unwrap_or_default();
    for end in lines {
        if line.is_empty() {
            read(end);
        } else {
            line.extend_from_slice(end);
            read(line);
            line.clear();
        }
    }
    line.extend_from_slice(rest);
}

/// Reads a line of an event, whose data may have several lines. An empty line ends it.
fn read_event_line(line: &[u8], data: &mut Vec<u8>, read: &mut impl FnMut(&[u8])) {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
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
            documents.push(&Bytes::copy_from_slice(piece), &mut read);
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
    fn what_is_too_long_is_not_kept() {
        for content_type in [
            "text/event-stream",
            "application/x-ndjson",
            "application/json",
        ] {
            let mut documents = Documents::new(content_type);
            let piece = Bytes::from(vec![b'x'; 1024 * 1024]);
            for _ in 0..40 {
                documents.push(&piece, |_| panic!("nothing has ended"));
            }
            assert!(matches!(documents, Documents::Ignored), "{content_type}");
            documents.finish(|_| panic!("it is ignored"));
        }
    }
}
