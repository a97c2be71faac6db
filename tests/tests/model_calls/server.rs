//! Servers that answer with given bytes.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
};

/// Starts a server that answers with a body of the given type, and then closes the connection. Returns its address.
pub(crate) fn answering(content_type: &str, body: &str) -> String {
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\nconnection: close\r\n\r\n");
    sending(format!("{head}{body}"))
}

/// Starts a server that sends `answer` to whoever asks, and then closes the connection.
pub(crate) fn sending(answer: impl Into<Vec<u8>>) -> String {
    let answer = answer.into();
    serving(move |stream| _ = stream.write_all(&answer))
}

/// Starts a server that reads a request, has it answered, and then closes the connection.
pub(crate) fn serving(answer: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || {
                if read_request(&stream).is_ok() {
                    answer(&mut stream);
                }
            });
        }
    });
    url
}

/// Returns an answer in chunks of HTTP, each of which is one of `pieces`.
pub(crate) fn in_chunks<'a>(
    content_type: &str,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    );
    let mut answer = head.into_bytes();
    for piece in pieces {
        answer.extend(format!("{:x}\r\n", piece.len()).bytes());
        answer.extend_from_slice(piece);
        answer.extend(b"\r\n");
    }
    answer.extend(b"0\r\n\r\n");
    answer
}

fn read_request(stream: &TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line.trim().is_empty() {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length])
}
