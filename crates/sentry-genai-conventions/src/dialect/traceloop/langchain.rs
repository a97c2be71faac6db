//! Model calls of LangChain, whose answers each bring the usage of the whole request.

use serde_json::Value;

use super::{OUTPUT, json};
use crate::{SourceSpan, tokens};

const SCOPE: &str = "opentelemetry.instrumentation.langchain";

/// Counts once what the instrumentation has added up over the answers of a request (`n = 2`).
pub(super) fn count_once(span: &mut SourceSpan) {
    if span.scope != SCOPE {
        return;
    }
    let attributes = &mut span.attributes;
    let answers = match json::read(attributes, OUTPUT) {
        Some(Value::Array(answers)) if answers.len() > 1 => answers.len() as i64,
        _ => return,
    };
    let counts: Vec<_> = (tokens::COUNTS.iter())
        .filter_map(|key| Some((*key, attributes.integer(key)?)))
        .collect();
    // One that is no multiple is of the request already.
    if counts.iter().all(|(_, count)| count % answers == 0) {
        for (key, count) in counts {
            attributes.set(key, count / answers);
        }
    }
}
