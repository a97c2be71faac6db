//! Strands Agents: the conventions, except for some counts and names. In JavaScript, its scope and its provider are the name of the
//! service if `OTEL_SERVICE_NAME` has one.

use super::{
    Dialect, OperationKind, Override, RESULT, aliases, first_chunk, is_random_id, json, mark_failed,
};
use crate::{SourceSpan, messages};

pub(super) static STRANDS: Dialect = Dialect {
    name: "strands",
    recognises: |span| {
        span.scope.starts_with("strands.")
            || span.scope == "strands-agents"
            || span.attributes.contains(START_TIME)
    },
    aliases: &aliases([("system_prompt", "gen_ai.system_instructions")]),
    // The span's own times as text.
    noise: &[START_TIME, "gen_ai.event.end_time"],
    operation: |span| {
        if span.name.starts_with(TURN_NAME) && span.attributes.contains("event_loop.cycle_id") {
            Override::Plain
        } else if span.attributes.text("gen_ai.operation.name") == Some(STRUCTURED_RUN) {
            Override::To("invoke_agent")
        } else {
            match span.attributes.text("gen_ai.operation.name") {
                // A conversation by voice, and an answer in it.
                Some("bidi_session") => Override::To("invoke_agent"),
                Some("bidi_response") => Override::To("chat"),
                Some("memory.add") => Override::To("create_memory"),
                Some(SEARCH) => Override::To("search_memory"),
                _ => Override::None,
            }
        }
    },
    adjust,
};

const START_TIME: &str = "gen_ai.event.start_time";

/// Of these, an answer by voice has the second.
const FIRST_CHUNKS: [&str; 2] = [
    "gen_ai.server.time_to_first_token",
    "gen_ai.server.time_to_first_audio",
];

const SEARCH: &str = "memory.search";
const CONTENT: &str = "content";
const QUERY: &str = "gen_ai.memory.query.text";
const RECORDS: &str = "gen_ai.memory.records";

/// A run by `Agent.structured_output`, which has no other span. Its model call is not counted.
const STRUCTURED_RUN: &str = "execute_structured_output";

/// The span name of a turn in the loop, which an id follows.
const TURN_NAME: &str = "Cycle";

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    for key in ["gen_ai.provider.name", "gen_ai.system"] {
        if span.attributes.text(key) == Some(&span.scope) && span.scope != "strands-agents" {
            span.attributes.remove(key);
        }
    }
    if kind == OperationKind::Call {
        for key in FIRST_CHUNKS {
            first_chunk::read_milliseconds(&mut span.attributes, key);
        }
    }
    if kind == OperationKind::Other {
        read_memory(span);
    }
    // The answer of a failed tool is recorded like any other, and the span ends without an error.
    if kind == OperationKind::Tool && span.attributes.text("tool.status") == Some("error") {
        mark_failed(span);
    }
    // In the newest conventions, the answer is a list of contents, as in messages.
    if kind == OperationKind::Tool
        && let Some(contents) =
            json::read(&span.attributes, RESULT).filter(|result| result.is_array())
    {
        let answer = messages::tool_answer(contents);
        json::set(&mut span.attributes, RESULT, answer);
    }
    let id = span.name.strip_prefix(TURN_NAME).map(str::trim_start);
    if id.is_some_and(is_random_id) {
        span.name = TURN_NAME.into();
    }
}

/// Reads what is searched for in memory, found there, or added to it. Each is an event.
fn read_memory(span: &mut SourceSpan) {
    for (event, key) in [
        ("memory.query", QUERY),
        ("memory.content", RECORDS),
        ("memory.results", RECORDS),
    ] {
        let mut events = span.events.iter();
        if let Some(text) = events
            .find(|found| found.name == event)
            .and_then(|event| event.attributes.text(CONTENT))
        {
            span.attributes.supply(key, text);
        }
    }
    let attributes = &mut span.attributes;
    // Instead of events, if asked for. What was found replaces what was searched for.
    let is_query = span.name == SEARCH
        && !(attributes.text(CONTENT)).is_some_and(|found| found.starts_with('['));
    let key = if is_query { QUERY } else { RECORDS };
    attributes.rename(CONTENT, key);
    attributes.rename("memory.result.count", "gen_ai.memory.record.count");
}
