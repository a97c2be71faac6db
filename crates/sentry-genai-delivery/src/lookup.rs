//! Looking up where the server is: now and then, and not for every request.

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use ureq::{
    Error,
    config::Config,
    http::{Uri, uri::Authority},
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

/// How long an answer holds. The system does not say how long it may be kept.
const MAX_AGE: Duration = Duration::from_secs(60);

/// A [`Resolver`] that remembers the last answer.
///
/// `ureq` asks for addresses before each request, also where a connection is open. The system's look-up has no memory of its own, and
/// to ask a name server for every envelope would be slow here and a burden there. An old answer is used as long as there is no newer
/// one: a name server that fails does not take a server away that works.
#[derive(Clone, Default)]
pub(crate) struct Lookup(Arc<Shared>);

#[derive(Default)]
struct Shared {
    system: DefaultResolver,
    last: Mutex<Option<Answer>>,
}

struct Answer {
    of: Authority,
    addresses: Vec<SocketAddr>,
    /// Until when nobody is asked again.
    fresh_until: Option<Instant>,
}

impl Lookup {
    /// Asks anew next time, since nobody could be reached.
    pub(crate) fn doubt(&self) {
        if let Some(last) = &mut *self.lock() {
            last.fresh_until = None;
        }
    }

    fn find(
        &self,
        authority: &Authority,
        now: Instant,
        ask: impl FnOnce() -> Result<Vec<SocketAddr>, Error>,
    ) -> Result<Vec<SocketAddr>, Error> {
        if let Some(last) = &*self.lock()
            && last.of == *authority
            && last.fresh_until.is_some_and(|until| now < until)
        {
            return Ok(last.addresses.clone());
        }
        // Nothing is locked meanwhile: it can take seconds.
        let found = ask();
        let mut last = self.lock();
        let addresses = match (found, &*last) {
            (Ok(found), _) => found,
            (Err(_), Some(last)) if last.of == *authority => last.addresses.clone(),
            (Err(error @ Error::Timeout(_)), _) => return Err(error),
            // The system has a kind of its own for each reason, and none for this.
            (Err(_), _) => return Err(Error::HostNotFound),
        };
        *last = Some(Answer {
            of: authority.clone(),
            addresses: addresses.clone(),
            fresh_until: Some(now + MAX_AGE),
        });
        Ok(addresses)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Answer>> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolver for Lookup {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let authority = uri.authority().ok_or(Error::HostNotFound)?;
        let found = self.find(authority, Instant::now(), || {
            let found = self.0.system.resolve(uri, config, timeout)?;
            Ok(found.to_vec())
        })?;
        let mut addresses = self.empty();
        for address in found {
            addresses.push(address);
        }
        Ok(addresses)
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_is_asked_now_and_then_and_when_in_doubt() {
        let lookup = Lookup::default();
        let start = Instant::now();
        let find = |host: &'static str, after: Duration, port: Option<u16>| {
            let authority = Authority::from_static(host);
            let found = lookup.find(&authority, start + after, || {
                let port = port.ok_or_else(|| std::io::Error::other("no such name"))?;
                Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))])
            });
            found.map(|addresses| addresses[0].port())
        };
        let (soon, late) = (MAX_AGE / 2, MAX_AGE);
        assert_eq!(find("a.test", Duration::ZERO, Some(1)).unwrap(), 1);
        assert_eq!(find("a.test", soon, Some(2)).unwrap(), 1);
        assert_eq!(find("a.test", late, Some(3)).unwrap(), 3);
        lookup.doubt();
        assert_eq!(find("a.test", late, Some(4)).unwrap(), 4);
        // Without an answer the old one holds, and nobody is asked for a while.
        assert_eq!(find("a.test", late * 2, None).unwrap(), 4);
        assert_eq!(find("a.test", late * 2 + soon, Some(5)).unwrap(), 4);
        assert_eq!(find("a.test", late * 3, Some(6)).unwrap(), 6);
        // That of another host does not.
        let unknown = find("b.test", late * 3, None);
        assert!(matches!(unknown, Err(Error::HostNotFound)));
        assert_eq!(find("b.test", late * 3, Some(7)).unwrap(), 7);
    }
}
