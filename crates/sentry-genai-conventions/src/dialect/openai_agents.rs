//! The instrumentation of OpenAI's agents that came before the conventions' own.

use super::{Dialect, Says, What};
use crate::{SourceSpan, SpanKind};

pub(super) static OPENAI_AGENTS: Dialect = Dialect {
    name: "openai_agents",
    speaks,
    operation,
    adjust,
    ..Dialect::NONE
};

/// What every span says its agent is.
const ANY_AGENT: &str = "OpenAI Agent";

fn speaks(span: &SourceSpan) -> bool {
    span.scope == "opentelemetry.instrumentation.openai_agents"
        && !span.attributes.contains("traceloop.span.kind")
        && !span.attributes.contains("traceloop.workflow.name")
}

fn operation(span: &SourceSpan) -> Says {
    let attributes = &span.attributes;
    match attributes.text("gen_ai.operation.name") {
        // The trace itself calls itself an agent.
        Some("invoke_agent")
            if span.kind == Some(SpanKind::Server)
                && attributes
                    .text("gen_ai.agent.name")
                    .is_none_or(|name| name == ANY_AGENT || *name == *span.name) =>
        {
            Says::Plain
        }
        _ => Says::Nothing,
    }
}

fn adjust(span: &mut SourceSpan, _: What) {
    if span.attributes.text("gen_ai.agent.name") == Some(ANY_AGENT) {
        for key in [
            "gen_ai.agent.name",
            "gen_ai.agent.id",
            "gen_ai.agent.description",
        ] {
            span.attributes.remove(key);
        }
    }
}
