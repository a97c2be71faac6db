//! Laminar's SDKs: spans of functions under `observe`. Their instrumentations follow the conventions, or OpenLLMetry's spelling.
//! OpenHands has spans of its own for the calls of models and tools.

use serde_json::Value;

use super::{
    DEFINITIONS, Dialect, OperationKind, Override, aliases, has_known_operation, json, kind_of,
    litellm, mentions_gen_ai, name_as_span,
};
use crate::{Attributes, SourceSpan};

pub(super) static LAMINAR: Dialect = Dialect {
    name: "laminar",
    recognises: |span| span.attributes.contains(PATH) || span.attributes.contains(TYPE),
    #[rustfmt::skip]
    aliases: &aliases([
        ("lmnr.association.properties.metadata.tool_call_id", "gen_ai.tool.call.id"),
        ("openai.agents.handoff.from", "gen_ai.handoff.from_agent"),
        (HANDOFF, "gen_ai.handoff.to_agent"),
    ]),
    noise: &["lmnr.internal.*", "lmnr.span.ids_path"],
    operation,
    adjust,
};

const PATH: &str = "lmnr.span.path";
const TYPE: &str = "lmnr.span.type";
const INPUT: &str = "lmnr.span.input";
const OUTPUT: &str = "lmnr.span.output";

/// In its instrumentation of OpenAI's agents, handoffs and lists of an MCP server's tools have the type of tools.
const HANDOFF: &str = "openai.agents.handoff.to";
const LISTED_SERVER: &str = "openai.agents.mcp.server";

/// What precedes the model in the name of OpenHands' span of a call, which may have no other model.
const BEFORE_MODEL: &str = "llm.";

fn operation(span: &SourceSpan) -> Override {
    if has_known_operation(span) {
        return Override::None;
    }
    if span.attributes.contains(HANDOFF) {
        return Override::To("handoff");
    }
    if span.attributes.contains(LISTED_SERVER) {
        return Override::Plain;
    }
    match kind_of(span, TYPE).as_deref() {
        Some("llm" | "cached") => Override::To("chat"),
        Some("tool") => Override::To("execute_tool"),
        _ if is_agent(span) => Override::To("invoke_agent"),
        _ if mentions_gen_ai(span) => Override::None,
        _ => Override::Plain,
    }
}

/// Recognises one of OpenAI's agents. Its span has no type, and its input is what the agent can do.
fn is_agent(span: &SourceSpan) -> bool {
    let attributes = &span.attributes;
    let may_be_agent =
        (attributes.text(INPUT)).is_some_and(|input| input.contains("\"output_type\""));
    may_be_agent
        && json::object(attributes, INPUT)
            .is_some_and(|input| input.get("name").and_then(Value::as_str) == Some(&*span.name))
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    name_as_span(span, kind);
    if kind == OperationKind::Call
        && let Some(model) = span.name.strip_prefix(BEFORE_MODEL).map(str::to_owned)
    {
        span.attributes.supply("gen_ai.request.model", model);
        litellm::split_provider_from_model(&mut span.attributes);
    }
    if kind == OperationKind::Agent && is_agent(span) {
        read_tools(&mut span.attributes);
    }
    json::rename_content(&mut span.attributes, kind, INPUT, OUTPUT);
}

/// Reads the tools of one of OpenAI's agents, in the place of a question.
fn read_tools(attributes: &mut Attributes) {
    if let Some(Value::Array(tools)) =
        json::object(attributes, INPUT).and_then(|mut it| it.remove("tools"))
    {
        json::put(attributes, DEFINITIONS, Value::Array(tools));
    }
    attributes.remove(INPUT);
}
