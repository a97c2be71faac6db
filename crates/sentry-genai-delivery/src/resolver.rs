//! Caches the addresses of the server.

use std::{
    fmt, io,
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    time::{Duration, Instant},
};

use ureq::{
    Error, Timeout,
    config::Config,
    http::{Uri, uri::Authority},
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

use crate::thread;

/// How many addresses of a server are tried. `ureq` has room for no more.
const MAX_ADDRESSES: usize = 16;

/// How long an answer is valid. The system does not say how long it may be cached.
const MAX_AGE: Duration = Duration::from_secs(60);

/// How long the first address may take to answer before addresses of the other family come first.
const FIRST_ANSWER: Duration = Duration::from_millis(250);

/// A [`Resolver`] that remembers the last answer.
///
/// `ureq` resolves the host before each request, even if a connection is open. The system's resolver does not cache,
/// and asking a name server for every envelope would be slow here and a burden there. An old answer is used until there
/// is a newer one, so a failing name server does not make a working server unreachable.
#[derive(Clone)]
pub(crate) struct CachingResolver {
    /// How long the system may take.
    timeout: Duration,
    last: Arc<Mutex<Option<CachedAddresses>>>,
}

struct CachedAddresses {
    authority: Authority,
    addresses: Vec<SocketAddr>,
    /// Until when the answer is used without asking again.
    fresh_until: Option<Instant>,
}

impl CachingResolver {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            last: Arc::default(),
        }
    }

    /// Invalidates the answer because nobody could be reached. The next request asks again.
    pub(crate) fn invalidate(&self) {
        if let Some(last) = &mut *self.lock() {
            last.fresh_until = None;
        }
    }

    fn find(
        &self,
        authority: &Authority,
        now: Instant,
        resolve: impl FnOnce() -> Result<Vec<SocketAddr>, Error>,
    ) -> Result<Vec<SocketAddr>, Error> {
        if let Some(last) = &mut *self.lock()
            && last.authority == *authority
        {
            if last.fresh_until.is_some_and(|until| now < until) {
                return Ok(last.addresses.clone());
            }
            // Meanwhile, other threads use the old answer instead of asking, too.
            last.fresh_until = Some(now + self.timeout);
        }
        // The lock is not held meanwhile, since this can take seconds.
        let found = resolve();
        let mut last = self.lock();
        let addresses = match (found, &*last) {
            (Ok(found), _) => found,
            (Err(_), Some(last)) if last.authority == *authority => last.addresses.clone(),
            (Err(error), _) => return Err(error),
        };
        *last = Some(CachedAddresses {
            authority: authority.clone(),
            addresses: addresses.clone(),
            fresh_until: Some(now + MAX_AGE),
        });
        Ok(addresses)
    }

    fn lock(&self) -> MutexGuard<'_, Option<CachedAddresses>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolver for CachingResolver {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let (scheme, authority) = uri
            .scheme()
            .zip(uri.authority())
            .ok_or(Error::HostNotFound)?;
        let found = self.find(authority, Instant::now(), || {
            let name = DefaultResolver::host_and_port(scheme, authority);
            let name = name.ok_or(Error::HostNotFound)?;
            let mut found = resolve_with_timeout(name, self.timeout)?;
            prefer_family_that_answers(&mut found, answers_soon);
            Ok(found)
        })?;
        let mut addresses = self.empty();
        for address in found.into_iter().take(MAX_ADDRESSES) {
            addresses.push(address);
        }
        Ok(addresses)
    }
}

/// Asks the system on a separate thread, because the call cannot be given a timeout. `ureq`'s own resolver does the
/// same, but panics if no thread can be created.
fn resolve_with_timeout(name: String, timeout: Duration) -> Result<Vec<SocketAddr>, Error> {
    let (sender, found) = mpsc::sync_channel(1);
    let ask = move || {
        let addresses = name.to_socket_addrs().map(Vec::from_iter);
        // Nobody is waiting any more if it took too long.
        let _ = sender.send(addresses);
    };
    thread::spawn("sentry-genai-dns", Box::new(ask))?;
    match found.recv_timeout(timeout) {
        Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
        // Whatever the system's reason is: its error kinds do not include a failed lookup.
        Ok(_) => Err(Error::HostNotFound),
        Err(_) => Err(Error::Timeout(Timeout::Resolve)),
    }
}

/// Moves addresses of the first one's family to the end if the first does not answer. The system does not know whether
/// IPv6 works beyond the next router, and `ureq` would give the first address most of the time for a connection.
fn prefer_family_that_answers(
    addresses: &mut [SocketAddr],
    answers: impl FnOnce(&SocketAddr) -> bool,
) {
    let Some(first) = addresses.first().copied() else {
        return;
    };
    let is_of_first_family = |address: &SocketAddr| address.is_ipv6() == first.is_ipv6();
    if !addresses.iter().all(is_of_first_family) && !answers(&first) {
        addresses.sort_by_key(is_of_first_family);
    }
}

/// Whether anything comes back soon, even if it is a refusal.
fn answers_soon(address: &SocketAddr) -> bool {
    match TcpStream::connect_timeout(address, FIRST_ANSWER) {
        Ok(_) => true,
        Err(error) => error.kind() == io::ErrorKind::ConnectionRefused,
    }
}

impl fmt::Debug for CachingResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachingResolver").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_cached_until_they_expire_or_are_invalidated() {
        let lookup = CachingResolver::new(Duration::ZERO);
        let start = Instant::now();
        let find = |host: &'static str, after: Duration, port: Option<u16>| {
            let authority = Authority::from_static(host);
            let found = lookup.find(&authority, start + after, || {
                let port = port.ok_or(Error::HostNotFound)?;
                Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))])
            });
            found.map(|addresses| addresses[0].port())
        };
        let (soon, late) = (MAX_AGE / 2, MAX_AGE);
        assert_eq!(find("a.test", Duration::ZERO, Some(1)).unwrap(), 1);
        assert_eq!(find("a.test", soon, Some(2)).unwrap(), 1);
        assert_eq!(find("a.test", late, Some(3)).unwrap(), 3);
        lookup.invalidate();
        assert_eq!(find("a.test", late, Some(4)).unwrap(), 4);
        // Without a new answer the old one stays valid, and nobody is asked for a while.
        assert_eq!(find("a.test", late * 2, None).unwrap(), 4);
        assert_eq!(find("a.test", late * 2 + soon, Some(5)).unwrap(), 4);
        assert_eq!(find("a.test", late * 3, Some(6)).unwrap(), 6);
        // The answer for another host does not count.
        let unknown = find("b.test", late * 3, None);
        assert!(matches!(unknown, Err(Error::HostNotFound)));
        assert_eq!(find("b.test", late * 3, Some(7)).unwrap(), 7);
        // Without a thread that could ask, nobody knows whether the host exists.
        let nobody_asked = lookup.find(&Authority::from_static("c.test"), start, || {
            Err(io::Error::from(io::ErrorKind::WouldBlock).into())
        });
        assert!(matches!(nobody_asked, Err(Error::Io(_))));
    }

    #[test]
    fn only_one_thread_at_a_time_asks_again() {
        let lookup = CachingResolver::new(Duration::from_secs(5));
        let authority = Authority::from_static("a.test");
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let start = Instant::now();
        let first = lookup.find(&authority, start, || Ok(vec![address(1)]));
        assert_eq!(first.unwrap(), [address(1)]);
        let late = start + MAX_AGE;
        let again = lookup.find(&authority, late, || {
            let other = lookup.find(&authority, late, || panic!("asked twice"));
            assert_eq!(other.unwrap(), [address(1)]);
            Ok(vec![address(2)])
        });
        assert_eq!(again.unwrap(), [address(2)]);
    }

    /// Windows repeats a request that was refused, and takes longer.
    #[cfg(unix)]
    #[test]
    fn a_refusal_is_an_answer() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        assert!(answers_soon(&address));
        drop(server);
        assert!(answers_soon(&address));
    }

    #[test]
    fn a_family_that_does_not_answer_is_tried_last() {
        let addresses = |order: &[&str]| -> Vec<SocketAddr> {
            order.iter().map(|it| it.parse().unwrap()).collect()
        };
        let both = [
            "[2001:db8::1]:9",
            "192.0.2.1:9",
            "[2001:db8::2]:9",
            "192.0.2.2:9",
        ];
        let ordered = |answers| {
            let mut found = addresses(&both);
            prefer_family_that_answers(&mut found, |first| {
                assert!(first.is_ipv6());
                answers
            });
            found
        };
        assert_eq!(ordered(true), addresses(&both));
        let [a, b, c, d] = both;
        assert_eq!(ordered(false), addresses(&[b, d, a, c]));

        let mut one_family = addresses(&[b, d]);
        prefer_family_that_answers(&mut one_family, |_| panic!("there is no other"));
        assert_eq!(one_family, addresses(&[b, d]));
    }
}
