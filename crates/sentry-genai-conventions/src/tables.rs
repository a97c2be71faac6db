//! Sentry's attribute registry as data, with lookups.

mod registry;

use registry::{ATTRIBUTES, TEMPLATES};

use crate::attributes::Hash;

/// An attribute that Sentry knows.
#[derive(Debug)]
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) lifecycle: Lifecycle,
}

/// The type that Sentry declares for an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Integer,
    Double,
    Boolean,
    List,
}

/// Whether an attribute may be sent under its own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifecycle {
    /// It is current.
    Current,
    /// It is deprecated in favour of another one.
    Renamed(&'static str),
    /// It is deprecated, and nothing replaces it.
    Retired,
}

/// Attributes of OpenTelemetry's GenAI conventions that Sentry does not list, and stores as they are.
#[rustfmt::skip]
static OPENTELEMETRY: &[Attribute] = &[
    Attribute { name: "gen_ai.agent.description", kind: Kind::Text, lifecycle: Lifecycle::Current },
    Attribute { name: "gen_ai.agent.id", kind: Kind::Text, lifecycle: Lifecycle::Current },
    Attribute { name: "gen_ai.agent.version", kind: Kind::Text, lifecycle: Lifecycle::Current },
    Attribute { name: "gen_ai.data_source.id", kind: Kind::Text, lifecycle: Lifecycle::Current },
    Attribute { name: "gen_ai.embeddings.dimension.count", kind: Kind::Integer, lifecycle: Lifecycle::Current },
    Attribute { name: "gen_ai.evaluation.name", kind: Kind::Text, lifecycle: Lifecycle::Current },
    Attribute { name: "gen_ai.evaluation.score.label", kind: Kind::Text, lifecycle: Lifecycle::Current },
    Attribute { name: "gen_ai.evaluation.score.value", kind: Kind::Double, lifecycle: Lifecycle::Current },
    Attribute { name: "gen_ai.output.type", kind: Kind::Text, lifecycle: Lifecycle::Current },
    Attribute { name: "gen_ai.request.choice.count", kind: Kind::Integer, lifecycle: Lifecycle::Current },
    Attribute { name: "gen_ai.request.encoding_formats", kind: Kind::List, lifecycle: Lifecycle::Current },
    Attribute { name: "gen_ai.tool.call.id", kind: Kind::Text, lifecycle: Lifecycle::Current },
    Attribute { name: "gen_ai.workflow.name", kind: Kind::Text, lifecycle: Lifecycle::Current },
];

/// Namespaces of OpenTelemetry's GenAI conventions that Sentry does not list either.
static OPENTELEMETRY_PREFIXES: &[&str] = &["gen_ai.evaluation.", "gen_ai.retrieval."];

/// Returns whether `name` belongs to OpenTelemetry's GenAI conventions and is unknown to Sentry, which stores it as it
/// is.
pub(crate) fn is_opentelemetry(name: &str) -> bool {
    OPENTELEMETRY_PREFIXES
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// Integers in conventions other than those for GenAI, sorted.
static INTEGERS: &[&str] = &[
    "cache.item_size",
    "client.port",
    "code.line.number",
    "code.lineno",
    "db.operation.batch.size",
    "db.response.returned_rows",
    "file.size",
    "http.request.body.size",
    "http.request.resend_count",
    "http.request_content_length",
    "http.response.body.size",
    "http.response.size",
    "http.response.status_code",
    "http.response_content_length",
    "http.status",
    "http.status_code",
    "messaging.batch.message_count",
    "messaging.kafka.offset",
    "messaging.message.body.size",
    "messaging.message.envelope.size",
    "messaging.message.retry.count",
    "net.host.port",
    "net.peer.port",
    "net.sock.host.port",
    "net.sock.peer.port",
    "network.local.port",
    "network.peer.port",
    "process.pid",
    "rpc.grpc.status_code",
    "url.port",
];

/// Returns whether `name` holds an integer, according to the conventions for spans that are not about GenAI.
pub(crate) fn is_integer(name: &str) -> bool {
    INTEGERS.binary_search(&name).is_ok()
}

/// A hash table that maps names to the index of their row plus one, so that a lookup usually takes one comparison. Zero
/// marks an empty slot.
static INDEX: [u16; SLOTS] = index();

/// Three times the number of rows, so that collisions are rare.
const SLOTS: usize = 1024;

const fn index() -> [u16; SLOTS] {
    assert!(ATTRIBUTES.len() + OPENTELEMETRY.len() < SLOTS / 2);
    let mut index = [0; SLOTS];
    let mut row = 0;
    while row < ATTRIBUTES.len() + OPENTELEMETRY.len() {
        let mut slot = Hash::of(row_of(row).name).slot(SLOTS);
        while index[slot] != 0 {
            slot = (slot + 1) % SLOTS;
        }
        row += 1;
        index[slot] = row as u16;
    }
    index
}

const fn row_of(row: usize) -> &'static Attribute {
    if row < ATTRIBUTES.len() {
        &ATTRIBUTES[row]
    } else {
        &OPENTELEMETRY[row - ATTRIBUTES.len()]
    }
}

/// The result of a lookup, small enough to be kept with each attribute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row(u16);

impl Row {
    /// Nothing has been looked up.
    pub(crate) const UNKNOWN: Self = Self(0);
    const NONE: Self = Self(u16::MAX);

    pub(crate) fn of(hash: Hash, name: &str) -> Self {
        let mut slot = hash.slot(SLOTS);
        loop {
            let row = INDEX[slot];
            match row.checked_sub(1) {
                None => return Self::NONE,
                Some(index) if row_of(usize::from(index)).name == name => return Self(row),
                Some(_) => slot = (slot + 1) % SLOTS,
            }
        }
    }

    pub(crate) fn attribute(self) -> Option<&'static Attribute> {
        match self {
            Self::UNKNOWN | Self::NONE => None,
            Self(row) => Some(row_of(usize::from(row) - 1)),
        }
    }
}

/// Looks up an attribute by its exact name.
pub(crate) fn attribute(name: &str) -> Option<&'static Attribute> {
    Row::of(Hash::of(name), name).attribute()
}

/// Returns the names of all attributes that can be looked up.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let rows = ATTRIBUTES.iter().chain(OPENTELEMETRY);
    rows.map(|attribute| attribute.name)
}

/// Returns whether `name` is a current attribute, either itself or through a template such as
/// `mcp.request.argument.<key>`.
pub(crate) fn is_current(name: &str) -> bool {
    match attribute(name) {
        Some(attribute) => attribute.lifecycle == Lifecycle::Current,
        None => matches_template(name),
    }
}

/// Returns whether `name` matches the template of an attribute.
pub(crate) fn matches_template(name: &str) -> bool {
    TEMPLATES.iter().any(|(prefix, suffix)| {
        name.len() > prefix.len() + suffix.len()
            && name.starts_with(prefix)
            && name.ends_with(suffix)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_found() {
        assert!(INTEGERS.is_sorted());
        assert!(is_integer("http.response.status_code"));
        assert!(!is_integer("http.request.method"));
    }

    #[test]
    fn renames_of_deprecated_attributes_end() {
        for start in names() {
            let mut name = start;
            for _ in 0..4 {
                match attribute(name).map(|found| found.lifecycle) {
                    Some(Lifecycle::Renamed(next)) => name = next,
                    _ => break,
                }
            }
            let lifecycle = attribute(name).map(|found| found.lifecycle);
            assert!(!matches!(lifecycle, Some(Lifecycle::Renamed(_))), "{start}");
        }
    }

    #[test]
    fn attributes_and_templates_are_found() {
        assert_eq!(
            attribute("gen_ai.system").map(|found| found.lifecycle),
            Some(Lifecycle::Renamed("gen_ai.provider.name"))
        );
        assert_eq!(
            attribute("gen_ai.request.seed").map(|found| found.kind),
            Some(Kind::Text)
        );
        assert!(is_current("mcp.request.argument.city"));
        assert!(!is_current("gen_ai.tool.type"));
        assert!(!is_current("gen_ai.made.up"));
    }
}
