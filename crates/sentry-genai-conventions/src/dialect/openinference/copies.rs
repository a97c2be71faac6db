//! What OpenInference's instrumentations record a second time in the names of OpenTelemetry's conventions, if the program asks for
//! both (`OPENINFERENCE_ENABLE_GENAI_SEMCONV`).
//!
//! The copies say less than the originals: messages lack reasoning, recordings and files, the model that answered is recorded as
//! the one that was asked, a finish reason is made up where there is none, and the arguments of a tool may be its schema.

use super::{INPUT_VALUE, MODEL_NAME, OUTPUT_VALUE, SourceSpan};
use crate::dialect::{ARGUMENTS, DEFINITIONS, INPUT, OUTPUT, RESULT};

/// The beginning of the scopes of these instrumentations. Its processors for spans of other libraries copy the other way.
const SCOPE: &str = "openinference.instrumentation.";

/// Each copy, and what it may be a copy of. An entry that ends in `.` is a prefix.
static COPIES: &[(&str, &[&str])] = &[
    (
        INPUT,
        &[
            INPUT_VALUE,
            "llm.input_messages",
            "llm.input_messages.",
            "llm.prompts",
            "llm.prompts.",
        ],
    ),
    (
        OUTPUT,
        &[
            OUTPUT_VALUE,
            "llm.output_messages",
            "llm.output_messages.",
            "llm.choices",
            "llm.choices.",
        ],
    ),
    (DEFINITIONS, &["llm.tools", "llm.tools."]),
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
    if !span.scope.starts_with(SCOPE) || !span.attributes.contains("gen_ai.operation.name") {
        return;
    }
    for (copy, originals) in COPIES {
        if span.attributes.contains(copy)
            && originals
                .iter()
                .any(|original| match original.strip_suffix('.') {
                    Some(_) => span
                        .attributes
                        .iter()
                        .any(|(key, _)| key.starts_with(original)),
                    None => span.attributes.contains(original),
                })
        {
            span.attributes.remove(copy);
        }
    }
}
