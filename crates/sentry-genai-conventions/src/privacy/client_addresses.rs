//! Network addresses of those who send requests. They are personal data.

use super::credentials::header_name;
use crate::{SpanKind, translate::TAG};

/// Attributes that are such an address.
static ADDRESSES: &[&str] = &[
    "client.address",
    "client.socket.address",
    "http.client_ip",
    // agentgateway's.
    "src.addr",
    "user.ip_address",
];

/// Last parts of other keys that hold one. LiteLLM has `metadata.requester_ip_address`.
static NAMES: &[&str] = &[
    "client_addr",
    "client_address",
    "client_ip",
    "requester_ip_address",
    "user_ip",
];

/// Attributes for the other side of a connection, which is the requester on the span of a server.
static PEERS: &[&str] = &[
    "net.peer.ip",
    "net.sock.peer.addr",
    "network.peer.address",
    "remote.addr",
    "remote_addr",
    "remote_ip",
];

/// Headers in which proxies pass the address on.
static HEADERS: &[&str] = &[
    "cf-connecting-ip",
    "fastly-client-ip",
    "forwarded",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-forwarded-for",
    "x-real-ip",
];

/// Returns whether an attribute of a span of this kind is the address of whoever sent the request; it may also be a tag.
pub(super) fn is_client_address(key: &str, kind: Option<SpanKind>) -> bool {
    let key = key.strip_prefix(TAG).unwrap_or(key);
    let name = key.rsplit_once('.').map_or(key, |(_, name)| name);
    ADDRESSES.contains(&key)
        || NAMES.contains(&name)
        || kind == Some(SpanKind::Server) && PEERS.contains(&key)
        || header_name(key).is_some_and(passes_address_on)
}

/// Returns whether a header holds the address of the requester. Older conventions spell it with underscores.
fn passes_address_on(name: &str) -> bool {
    let letters = |text: &str| text.replace('_', "-").to_ascii_lowercase();
    HEADERS.contains(&&*letters(name))
}
