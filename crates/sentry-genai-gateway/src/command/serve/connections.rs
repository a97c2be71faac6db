//! The connections of exporters, which end when they are not used.

use std::{io, pin::pin, time::Duration};

use axum::Router;
use hyper::service::{Service as _, service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{REPORT_INTERVAL, print_message};

/// How long a connection may be without a request. Until its head has been received, a request has not begun. It is longer than a
/// minute because metrics come once a minute.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// How long a client may take to notice that its connection ends.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How much of a request's head is received, so that many unfinished ones do not exhaust the memory.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// How much of a connection's requests a client of HTTP/2 may send before they are read, for the same reason.
const HTTP2_WINDOW_BYTES: u32 = 256 * 1024;

/// How long a connection is silent before the exporter's system is asked whether it still exists, and how often it is asked.
const KEEPALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(60))
    .with_interval(Duration::from_secs(15));

/// How long to wait before connections are accepted again, if that was not possible.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Serves all who connect, over HTTP/1 and HTTP/2, until the shutdown. Then answers the requests that are under way.
pub(super) async fn serve(listener: TcpListener, router: Router, shutdown: watch::Receiver<()>) {
    let mut last_report = None;
    let mut connections = JoinSet::new();
    let mut is_ending = shutdown.clone();
    loop {
        tokio::select! {
            stream = accept(&listener, &mut last_report) => {
                connections.spawn(serve_connection(stream, router.clone(), shutdown.clone()));
            }
            Some(_) = connections.join_next() => {}
            _ = is_ending.changed() => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Accepts the next connection. Reports if that is not possible, mostly because the process may have no more file descriptors.
async fn accept(listener: &TcpListener, last_report: &mut Option<Instant>) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((connection, _)) => {
                keep_alive(&connection);
                return connection;
            }
            Err(error) if is_of_connection(&error) => {}
            Err(error) => {
                if last_report.is_none_or(|last| last.elapsed() >= REPORT_INTERVAL) {
                    *last_report = Some(Instant::now());
                    print_message(&format_args!("cannot accept connections: {error}"));
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether it is only a connection that has failed, before it was accepted.
fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// Has the connection closed if its peer vanishes without a word, as a machine does that is switched off.
fn keep_alive(connection: &TcpStream) {
    // A connection without it works just as well.
    let _ = SockRef::from(connection).set_tcp_keepalive(&KEEPALIVE);
}

/// Serves a connection until the client ends it, has no request for too long, or the service ends.
async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    mut shutdown: watch::Receiver<()>,
) {
    let (requests, mut under_way) = watch::channel(0);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| {
        let request_under_way = UnderWay::new(&requests);
        let answer = router.call(request);
        async move {
            let _request_under_way = request_under_way;
            answer.await
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().max_buf_size(MAX_HEAD_BYTES);
    builder
        .http2()
        .initial_stream_window_size(HTTP2_WINDOW_BYTES)
        .initial_connection_window_size(HTTP2_WINDOW_BYTES);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // A client that breaks off sends the rest again.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = idle(&mut under_way, IDLE_TIMEOUT) => {}
        _ = shutdown.changed() => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ = connection.as_mut() => {}
        () = idle(&mut under_way, CLOSE_TIMEOUT) => {}
    }
}

/// Waits until there has been no request for this long.
async fn idle(under_way: &mut watch::Receiver<usize>, limit: Duration) {
    loop {
        let _ = under_way.wait_for(|requests| *requests == 0).await;
        let Ok(Ok(())) = timeout(limit, under_way.changed()).await else {
            return;
        };
    }
}

/// A request that has not been answered.
struct UnderWay(watch::Sender<usize>);

impl UnderWay {
    fn new(requests: &watch::Sender<usize>) -> Self {
        requests.send_modify(|requests| *requests += 1);
        Self(requests.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|requests| *requests -= 1);
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n";

    /// Connects to a server that answers after `delay`.
    fn connect(delay: Duration) -> (DuplexStream, watch::Sender<()>) {
        let answer = move || async move { sleep(delay).await };
        let router = Router::new().route("/", get(answer));
        let (client, server) = duplex(1024);
        let (shutdown, is_ending) = watch::channel(());
        tokio::spawn(serve_connection(server, router, is_ending));
        (client, shutdown)
    }

    /// Receives until the connection ends.
    async fn received(client: &mut DuplexStream) -> Vec<u8> {
        let mut received = Vec::new();
        let _ = client.read_to_end(&mut received).await;
        received
    }

    fn count(received: &[u8], part: &[u8]) -> usize {
        received
            .windows(part.len())
            .filter(|it| *it == part)
            .count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_never_completes_a_head_is_dropped() {
        for start in [
            &b""[..],
            b"P",
            b"GET / HTTP/1.1\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ] {
            let begin = Instant::now();
            let (client, _shutdown) = connect(Duration::ZERO);
            let (mut receiver, mut sender) = tokio::io::split(client);
            sender.write_all(start).await.unwrap();
            if start.starts_with(b"GET") {
                tokio::spawn(async move {
                    while sender.write_all(b"a: b\r\n").await.is_ok() {
                        sleep(Duration::from_secs(1)).await;
                    }
                });
            }
            let _ = receiver.read_to_end(&mut Vec::new()).await;
            let lasted = begin.elapsed();
            assert!(lasted >= IDLE_TIMEOUT, "{lasted:?}");
            assert!(lasted <= IDLE_TIMEOUT + CLOSE_TIMEOUT, "{lasted:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_once_a_minute_keep_a_connection() {
        let (mut client, _shutdown) = connect(Duration::ZERO);
        let begin = Instant::now();
        for _ in 0..10 {
            client.write_all(REQUEST).await.unwrap();
            sleep(Duration::from_secs(60)).await;
        }
        assert_eq!(count(&received(&mut client).await, b"200 OK"), 10);
        assert_eq!(begin.elapsed().as_secs(), 9 * 60 + IDLE_TIMEOUT.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_takes_long_is_answered() {
        let (mut client, _shutdown) = connect(4 * IDLE_TIMEOUT);
        client.write_all(REQUEST).await.unwrap();
        assert_eq!(count(&received(&mut client).await, b"200 OK"), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_end_a_request_that_is_under_way_is_answered() {
        let (mut client, shutdown) = connect(Duration::from_secs(3));
        client.write_all(REQUEST).await.unwrap();
        sleep(Duration::from_secs(1)).await;
        shutdown.send_replace(());
        let begin = Instant::now();
        assert_eq!(count(&received(&mut client).await, b"200 OK"), 1);
        assert_eq!(begin.elapsed().as_secs(), 2);
    }

    /// It is told so (GOAWAY), so that a client that asks at that moment asks again elsewhere.
    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_of_http_2_is_ended_in_peace() {
        let (mut client, _shutdown) = connect(Duration::ZERO);
        let settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00";
        client
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .await
            .unwrap();
        client.write_all(settings).await.unwrap();
        let begin = Instant::now();
        let received = received(&mut client).await;
        assert_eq!(
            count(&received, b"\x07\x00\x00\x00\x00\x00\x7f\xff\xff\xff"),
            1,
            "{received:?}"
        );
        assert!(begin.elapsed() >= IDLE_TIMEOUT);
    }

    #[tokio::test]
    async fn the_system_watches_accepted_connections() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let _client = TcpStream::connect(address).await.unwrap();
        let connection = accept(&listener, &mut None).await;
        assert!(SockRef::from(&connection).keepalive().unwrap());
    }
}
