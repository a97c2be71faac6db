//! gemini-rust and genai-rs: functions of Gemini clients. None of their fields holds input or output.

use super::{Dialect, OperationKind, Override, aliases, is_of_crate, unquoted};
use crate::{SourceSpan, tokens};

pub(super) static GEMINI_RUST: Dialect = Dialect {
    name: "gemini_rust",
    recognises: |span| is_of_crate(span, CLIENT) || is_of_crate(span, INTERACTIONS),
    aliases: &aliases([
        ("agent", "gen_ai.agent.name"),
        ("model", "gen_ai.request.model"),
        ("usage.cached_content_tokens", tokens::CACHE_READ),
        ("usage.candidates_tokens", tokens::OUTPUT),
        ("usage.prompt_tokens", tokens::INPUT),
        ("usage.thoughts_tokens", tokens::REASONING),
        ("usage.total_tokens", tokens::TOTAL),
    ]),
    operation,
    adjust,
    ..Dialect::NONE
};

/// gemini-rust. Its builders have functions with the same names, which call those of the client.
const CLIENT: &str = "gemini_rust::client";
/// genai-rs, which supports only Gemini's interactions.
const INTERACTIONS: &str = "genai_rs::client";

fn operation(span: &SourceSpan) -> Override {
    match (&*span.scope, &*span.name) {
        (CLIENT, "generate_content_raw" | "generate_content_stream") => {
            Override::To("generate_content")
        }
        (CLIENT, "create_interaction" | "create_interaction_stream")
        | (INTERACTIONS, "execute" | "execute_stream") => {
            // An interaction is with either a model or one of Google's agents.
            Override::To(match name_in(span, "agent") {
                Some(_) => "invoke_agent",
                None => "generate_content",
            })
        }
        (CLIENT, "embed_content" | "embed_content_batch") => Override::To("embeddings"),
        _ => Override::Plain,
    }
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    for key in ["agent", "model"] {
        match name_in(span, key).map(str::to_owned) {
            Some(name) => span.attributes.set(key, name),
            None => drop(span.attributes.remove(key)),
        }
    }
    if kind == OperationKind::Plain {
        return;
    }
    if span.name.ends_with("_stream") {
        span.attributes.supply("gen_ai.response.streaming", true);
    }
    let attributes = &mut span.attributes;
    attributes.supply("gen_ai.provider.name", "gcp.gemini");
    // Gemini does not count reasoning as part of the candidates.
    if let Some(thoughts) = attributes.integer("usage.thoughts_tokens") {
        tokens::increase(attributes, "usage.candidates_tokens", thoughts);
    }
}

/// Returns a name, unless there is none: it may be empty in gemini-rust, and is an `Option` in genai-rs.
fn name_in<'a>(span: &'a SourceSpan, key: &str) -> Option<&'a str> {
    let name = span.attributes.text(key).map(unquoted);
    name.filter(|name| !name.is_empty() && *name != super::NONE)
}
