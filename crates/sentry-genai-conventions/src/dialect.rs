//! Dialects: the spellings that GenAI libraries use for the same work, one module each.
//!
//! A dialect is a table of renames, plus code for what a table cannot express. Adding one touches its own file and [`DIALECTS`].

mod adk;
mod agent_sdk;
mod agentops;
mod agentscope;
mod anthropic;
mod autoagents;
mod ax;
mod bedrock;
mod braintrust;
mod claude_code;
mod cloudflare;
mod codex;
mod confident;
mod copilot;
mod crewai;
mod effect;
mod eino;
mod eve;
mod gemini_cli;
mod gemini_rust;
mod genai;
mod genkit;
mod google_genai;
mod goose;
mod haystack;
mod judgeval;
mod koog;
mod laminar;
mod langchain_rust;
mod langfuse;
mod langsmith;
mod langwatch;
mod letta;
mod litellm;
mod livekit;
mod llama_index;
mod llm_sdk;
mod logfire;
mod manual;
mod mastra;
mod mcp;
mod microsoft;
mod mirascope;
mod mistral;
mod mlflow;
mod n8n;
mod openai_agents;
mod openclaw;
mod openinference;
mod openlit;
mod otel;
mod pipecat;
mod promptfoo;
mod pydantic_ai;
mod quarkus;
mod qwen_code;
mod req_llm;
mod rig;
mod spring_ai;
mod strands;
mod swiftide;
mod tanstack;
mod tensorzero;
mod traceloop;
mod tracy;
mod trpc_agent;
mod upsonic;
mod vercel;
mod vllm;
mod voltagent;
mod weave;
mod zeroclaw;

// What dialects have in common.
mod event_list;
mod first_chunk;
mod indexed;
mod interpret;
mod json;
mod pieces;
mod reasoning;
mod scopes;
mod sessions;
mod span_names;
mod tool_answer;
mod usage;

use crate::{AiKind, Attributes, SourceSpan, attributes::Name, operation::Operation, plain};

pub(crate) use interpret::{NONE, gen_ai_keys, id, is_random_id, mentions_gen_ai, unquoted};
pub(crate) use json::{scalar as json_of_scalar, value as json_of};
pub(crate) use letta::{ANSWER_COUNTS, is_letta_answer};
pub(crate) use litellm::RAW_REQUEST;
pub(crate) use llama_index::LLAMA_INDEX_SCOPE;
pub(crate) use manual::{counts_tokens, is_count, is_understood_by_value, may_be_count_or_cost};
pub(crate) use otel::{OTEL, is_placeholder_model, may_be_placeholder_model, normalise_values};
pub(crate) use rig::{is_method_of_agent, is_scope_of_rig};
pub(crate) use scopes::{fails_with_result, instructive_description, is_of_library};
pub(crate) use sessions::{SESSION_KEYS, is_not_a_session, is_response_id, may_be_number, session};
pub(crate) use span_names::{
    has_bare_counts, may_be_call, may_classify_by_name, may_request_model, names_call,
    names_other_request, operation_by_name, repeats_counts,
};

use interpret::{
    has_known_operation, has_prefix, is_hook_around_agent, is_of_crate, is_stream_method, kind_of,
    mark_failed, mark_failed_with, name_as_span,
};
use scopes::CREWAI;

/// How one library describes GenAI work.
pub(crate) struct Dialect {
    /// The library's name as part of `sentry.origin`; empty for OpenTelemetry's conventions.
    pub(crate) name: &'static str,
    /// Returns whether a span was made by this library.
    pub(crate) recognises: fn(&SourceSpan) -> bool,
    /// Keys and their canonical names. A canonical key that is already present wins.
    pub(crate) aliases: &'static [(Name, &'static str)],
    /// Keys that mean nothing outside the library. An entry that ends in `*` is a prefix.
    pub(crate) noise: &'static [&'static str],
    /// Returns the operation that a span describes, if that differs from what the span itself says.
    pub(crate) operation: fn(&SourceSpan) -> Override,
    /// Makes every other change, before the aliases are applied.
    pub(crate) adjust: fn(&mut SourceSpan, OperationKind),
}

/// Creates a table of keys and their canonical names.
const fn aliases<const N: usize>(
    pairs: [(&'static str, &'static str); N],
) -> [(Name, &'static str); N] {
    let mut aliases = [(Name::new(""), ""); N];
    let mut index = 0;
    while index < N {
        let (from, to) = pairs[index];
        aliases[index] = (Name::new(from), to);
        index += 1;
    }
    aliases
}

/// How a dialect overrides the operation that a span states itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Override {
    /// It does not: the span's own attributes and name decide.
    None,
    /// GenAI work around model calls that Sentry must not count as an operation.
    Plain,
    /// This operation.
    To(&'static str),
}

/// The kind of a span's operation, in as much detail as a dialect needs to interpret inputs and outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OperationKind {
    /// A model call with messages.
    Call,
    Embeddings,
    Agent,
    Tool,
    /// Another operation that Sentry counts.
    Other,
    /// An operation that Sentry does not count.
    Plain,
}

impl OperationKind {
    pub(crate) fn of(operation: Operation) -> Self {
        let Operation::Ai(row) = operation else {
            return Self::Plain;
        };
        match row.kind {
            AiKind::LlmCall if matches!(row.name, "embeddings" | "rerank") => Self::Embeddings,
            AiKind::LlmCall => Self::Call,
            AiKind::Agent => Self::Agent,
            AiKind::Tool => Self::Tool,
            AiKind::Handoff | AiKind::Memory => Self::Other,
        }
    }

    /// Returns the keys under which a span of this kind holds its input and its output.
    pub(crate) fn content(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Call | Self::Agent => Some((INPUT, OUTPUT)),
            Self::Tool => Some((ARGUMENTS, RESULT)),
            Self::Embeddings | Self::Other | Self::Plain => None,
        }
    }

    /// Moves the input and the output of a span of this kind to their canonical keys.
    fn rename_content(self, attributes: &mut Attributes, input: &str, output: &str) {
        if let Some((canonical_input, canonical_output)) = self.content() {
            attributes.rename(input, canonical_input);
            attributes.rename(output, canonical_output);
        }
    }
}

pub(crate) const INPUT: &str = "gen_ai.input.messages";
pub(crate) const OUTPUT: &str = "gen_ai.output.messages";
pub(crate) const INSTRUCTIONS: &str = "gen_ai.system_instructions";
pub(crate) const ARGUMENTS: &str = "gen_ai.tool.call.arguments";
pub(crate) const RESULT: &str = "gen_ai.tool.call.result";
pub(crate) const DEFINITIONS: &str = "gen_ai.tool.definitions";

/// Every dialect, the most specific first.
static DIALECTS: &[&Dialect] = &[
    &rig::RIG,
    &genai::GENAI,
    &goose::GOOSE,
    &langchain_rust::LANGCHAIN_RUST,
    &autoagents::AUTOAGENTS,
    &swiftide::SWIFTIDE,
    &agent_sdk::AGENT_SDK,
    &gemini_rust::GEMINI_RUST,
    &llm_sdk::LLM_SDK,
    &vercel::VERCEL,
    &litellm::LITELLM_WITH_PRESET,
    &zeroclaw::ZEROCLAW,
    &openclaw::OPENCLAW,
    &tensorzero::TENSORZERO,
    &openinference::OPENINFERENCE,
    &langsmith::LANGSMITH,
    &strands::STRANDS,
    &langfuse::LANGFUSE,
    &langwatch::LANGWATCH,
    &mastra::MASTRA,
    &genkit::GENKIT,
    &voltagent::VOLTAGENT,
    &upsonic::UPSONIC,
    &litellm::LITELLM,
    &letta::LETTA,
    &livekit::LIVEKIT,
    &pipecat::PIPECAT,
    &promptfoo::PROMPTFOO,
    &llama_index::LLAMA_INDEX,
    &haystack::HAYSTACK,
    &mlflow::MLFLOW,
    &braintrust::BRAINTRUST,
    &judgeval::JUDGEVAL,
    &adk::ADK,
    &crewai::CREWAI,
    &pydantic_ai::PYDANTIC_AI,
    &logfire::LOGFIRE,
    &microsoft::MICROSOFT,
    &anthropic::ANTHROPIC,
    &mirascope::MIRASCOPE,
    &mistral::MISTRAL,
    &claude_code::CLAUDE_CODE,
    &codex::CODEX,
    &copilot::COPILOT,
    &gemini_cli::GEMINI_CLI,
    &qwen_code::QWEN_CODE,
    &bedrock::BEDROCK,
    &google_genai::GOOGLE_GENAI_TOOL,
    &google_genai::GOOGLE_GENAI_LOGFIRE,
    &google_genai::GOOGLE_GENAI_INTERACTION,
    &openai_agents::OPENAI_AGENTS,
    &spring_ai::SPRING_AI,
    &quarkus::QUARKUS,
    &req_llm::REQ_LLM,
    &cloudflare::CLOUDFLARE,
    &vllm::VLLM,
    &effect::EFFECT,
    &eve::EVE,
    &eino::EINO,
    &koog::KOOG,
    &trpc_agent::TRPC_AGENT,
    &openlit::OPENLIT,
    &agentops::AGENTOPS,
    &agentscope::AGENTSCOPE,
    &tanstack::TANSTACK,
    &tracy::TRACY,
    &traceloop::TRACELOOP,
    // OpenLLMetry's instrumentation has the same scope.
    &google_genai::VERTEX_AI,
    &ax::AX,
    &laminar::LAMINAR,
    &n8n::N8N,
    &weave::WEAVE_HANDOFF,
    &confident::CONFIDENT,
];

/// Returns the dialect of a span, or [`OTEL`] if no library is recognised or the span has already been translated.
pub(crate) fn of(span: &SourceSpan) -> &'static Dialect {
    if is_translated(span) {
        return &OTEL;
    }
    DIALECTS
        .iter()
        .find(|dialect| (dialect.recognises)(span))
        .copied()
        .unwrap_or(&OTEL)
}

/// Dialects that follow the conventions except in the names of some attributes.
static CONVENTIONAL: &[&Dialect] = &[&OTEL, &rig::RIG, &genai::GENAI];

/// Returns whether a library gives spans of this name a meaning that their attributes do not express.
pub(crate) fn is_classified_by_name(name: &str) -> bool {
    name == RAW_REQUEST
        || name == haystack::MODEL_CALL
        || rig::is_streaming(name)
        || effect::is_streaming(name)
        || mcp::is_request(name)
        || quarkus::is_service_or_tool(name)
        || name == tensorzero::REQUEST
}

/// An attribute whose text may say that a span failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FailureAttribute {
    pub(crate) key: &'static str,
    /// Returns whether a text says so.
    pub(crate) is_failure: fn(&str) -> bool,
}

/// Returns the attribute in which a library that is otherwise [conventional](Dialect::is_conventional) may say that its span
/// failed.
pub(crate) fn failure_attribute(span: &SourceSpan) -> Option<FailureAttribute> {
    rig::failure_attribute(span).or_else(|| otel::failure_attribute(span))
}

/// Gives every value its own key where a library records different things under the same one.
pub(crate) fn separate_shared_keys(span: &mut SourceSpan) {
    rig::separate_output_from_input(span);
    goose::rename_observation(span);
}

/// Returns whether [`separate_shared_keys`] may change spans with the keys of this one, depending on their values.
pub(crate) fn may_share_keys(span: &SourceSpan) -> bool {
    rig::may_record_output_as_input(span) || goose::may_be_observation(span)
}

/// Corrects names that nearly match the conventions, before the operation is known.
pub(crate) fn normalise_names(span: &mut SourceSpan, dialect: &Dialect) {
    if is_manual(span, dialect) {
        plain::spell_request(span);
        mcp::rename_turbomcp(span);
        mcp::rename_method(span);
        mcp::rename_rust_mcp_sdk(span);
        mcp::rename_tower_mcp(span);
        mcp::rename_openlit(span);
        manual::normalise_namespaced(span);
    } else {
        mcp::read_logfire(span);
        mcp::name_openllmetry(span);
    }
}

/// Returns whether a span may use made-up names: no library is recognised, or one that adds such names to the conventions. A span
/// that has been translated before has none.
fn is_manual(span: &SourceSpan, dialect: &Dialect) -> bool {
    let is_loose = [
        &raw const OTEL,
        &raw const openlit::OPENLIT,
        &raw const zeroclaw::ZEROCLAW,
    ]
    .iter()
    .any(|loose| std::ptr::eq(dialect, *loose));
    is_loose && !is_translated(span)
}

/// Returns whether a span is the output of a translation. Its name then says nothing that its attributes do not say.
///
/// Sentry's SDK for JavaScript marks the spans of Vercel's AI SDK as its own long before it translates them, and it does not
/// always translate them. Such spans do not count.
pub(crate) fn is_translated(span: &SourceSpan) -> bool {
    span.attributes
        .text("sentry.origin")
        .is_some_and(|origin| origin.starts_with("auto."))
        && !span.attributes.contains(vercel::OPERATION_ID)
}

impl Dialect {
    /// A dialect that recognises nothing and changes nothing.
    const NONE: Self = Self {
        name: "",
        recognises: |_| false,
        aliases: &[],
        noise: &[],
        operation: |_| Override::None,
        adjust: |_, _| {},
    };

    /// Returns whether everything this dialect does to a span follows from the span's keys and [name](is_classified_by_name).
    pub(crate) fn is_conventional(&self) -> bool {
        CONVENTIONAL
            .iter()
            .any(|dialect| std::ptr::eq(*dialect, self))
    }

    /// Renames the span's keys to those of the conventions.
    pub(crate) fn apply(&self, span: &mut SourceSpan, kind: OperationKind) {
        (self.adjust)(span, kind);
        remove_noise(span, self.noise);
        let common = if std::ptr::eq(self, &raw const OTEL) {
            &[][..]
        } else {
            OTEL.aliases
        };
        for (from, to) in self.aliases.iter().chain(common) {
            span.attributes.rename_by_name(from, to);
        }
        if is_manual(span, self) {
            manual::adjust(span, kind);
        }
    }
}

/// Returns whether this is a library's placeholder name for an agent that has none.
pub(crate) fn is_unnamed_agent(name: &str) -> bool {
    name == rig::UNNAMED_AGENT
}

fn remove_noise(span: &mut SourceSpan, noise: &[&str]) {
    for noise in noise {
        match noise.strip_suffix('*') {
            Some(prefix) => span.attributes.remove_prefix(prefix),
            None => _ = span.attributes.remove(noise),
        }
    }
}

#[cfg(test)]
mod tests;
