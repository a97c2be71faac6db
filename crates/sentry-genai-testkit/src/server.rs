//! An HTTP server on its own thread, for sync and async tests alike.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    thread::JoinHandle,
};

use axum::{Router, http::HeaderMap, serve::Listener};
use tokio::sync::oneshot;

/// A running server on 127.0.0.1. Dropping it closes the port and every open connection.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Binds a free port and serves `router` on a new thread called `name`.
    pub(crate) fn start(name: &str, router: Router) -> io::Result<Self> {
        Self::start_with(name, |listener| async {
            // Without the server, connections are refused, which is how a test notices that it ended.
            let _ = axum::serve(NoDelay(listener), router).await;
        })
    }

    /// Binds a free port and runs `serve` with it on a new thread called `name`.
    pub(crate) fn start_with<F>(
        name: &str,
        serve: impl FnOnce(tokio::net::TcpListener) -> F + Send + 'static,
    ) -> io::Result<Self>
    where
        F: Future<Output = ()>,
    {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
                        return;
                    };
                    // No graceful shutdown: it would wait for the idle connections that clients keep alive.
                    tokio::select! {
                        () = serve(listener) => {}
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Returns the address the server listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A listener that disables Nagle's algorithm: the pieces of a streamed answer must not wait for the client's acknowledgements.
struct NoDelay(tokio::net::TcpListener);

impl Listener for NoDelay {
    type Io = tokio::net::TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // If this fails, answers are slower but still correct.
        let _ = stream.set_nodelay(true);
        (stream, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A panic on the server's thread must not become one on the test's.
            let _ = thread.join();
        }
    }
}

/// Returns HTTP headers as text. The names are already in lower case.
pub(crate) fn header_texts(headers: &HeaderMap) -> BTreeMap<String, String> {
    let texts = headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    texts.collect()
}
