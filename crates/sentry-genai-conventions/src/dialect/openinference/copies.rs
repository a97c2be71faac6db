//! What OpenInference's instrumentations record a second time in the names of OpenTelemetry's conventions, if the program asks for
//! both (`OPENINFERENCE_ENABLE_GENAI_SEMCONV`).
//!
//! The copies say less than the originals: messages lack reasoning, recordings and files, the model that answered is recorded as
//! the one that was asked, a finish reason is made up where there is none, and the arguments of a tool may be its schema.

use super::{INPUT_VALUE, MODEL_NAME, OUTPUT_VALUE, SourceSpan};
use crate::dialect::{ARGUMENTS, DEFINITIONS, INPUT, OUTPUT, RESULT, logfire};

/// The beginning of the scopes of these instrumentations. Its processors for spans of other libraries copy the other way.
const SCOPE: &str = "openinference.instrumentation.";

/// Each copy, and how the keys begin of what it may be a copy of.
static COPIES: &[(&str, &[&str])] = &[
    (INPUT, &[INPUT_VALUE, "llm.input_messages", "llm.prompts"]),
    (
        OUTPUT,
        &[OUTPUT_VALUE, "llm.output_messages", "llm.choices"],
    ),
    (DEFINITIONS, &["llm.tools"]),
    (ARGUMENTS, &[INPUT_VALUE]),
    (RESULT, &[OUTPUT_VALUE]),
    (
        "gen_ai.request.model",
        &[MODEL_NAME, "embedding.model_name"],
    ),
    ("gen_ai.provider.name", &["llm.provider", "llm.system"]),
    (
        "gen_ai.response.finish_reasons",
        &["openinference.span.kind"],
    ),
];

/// Removes copies of which the original is there.
pub(super) fn remove(span: &mut SourceSpan) {
    logfire::remove_copies(&mut span.attributes);
    if !span.scope.starts_with(SCOPE) || !span.attributes.contains("gen_ai.operation.name") {
        return;
    }
    for (copy, originals) in COPIES {
        let is_original = |key: &str| originals.iter().any(|start| key.starts_with(start));
        if span.attributes.iter().any(|(key, _)| is_original(key)) {
            span.attributes.remove(copy);
        }
    }
}
