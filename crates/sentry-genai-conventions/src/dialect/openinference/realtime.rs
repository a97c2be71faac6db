//! Voice sessions of OpenAI's agents. The span of a turn has the model, the input and the output; the model calls in it have the token
//! counts and transcripts of what the model said.

use serde_json::{Value, json};

use super::{
    super::{INPUT, OUTPUT, first_chunk_from_millis, json},
    INPUT_VALUE, INVOCATION_PARAMETERS, KIND, MODEL_NAME, OUTPUT_VALUE,
};
use crate::{Attributes, SourceSpan, dialect::OperationKind};

const FIRST_TOKEN: &str = "time_to_first_token_ms";

/// Reads the transcripts of a call as its messages, and on a turn the attributes that its calls take over.
pub(super) fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    match kind {
        OperationKind::Call => {
            for (key, role, transcript) in [
                (INPUT, "user", "input.audio.transcript"),
                (OUTPUT, "assistant", "output.audio.transcript"),
            ] {
                if let Some(text) = attributes.text(transcript).map(str::to_owned) {
                    put_text(attributes, key, role, &text);
                    attributes.remove(transcript);
                }
            }
            first_chunk_from_millis(attributes, FIRST_TOKEN);
        }
        OperationKind::Plain if attributes.text(KIND) == Some("AUDIO") => {
            attributes.rename(MODEL_NAME, "gen_ai.request.model");
            let instructions = json::object(attributes, INVOCATION_PARAMETERS)
                .and_then(|mut parameters| parameters.remove("instructions"));
            if let Some(instructions @ Value::String(_)) = instructions {
                json::put(attributes, "gen_ai.system_instructions", instructions);
            }
            for (key, role, from) in [
                (INPUT, "user", INPUT_VALUE),
                (OUTPUT, "assistant", OUTPUT_VALUE),
            ] {
                if let Some(text) = attributes.text(from).map(str::to_owned) {
                    put_text(attributes, key, role, &text);
                    attributes.remove(from);
                }
            }
        }
        _ => {}
    }
}

fn put_text(attributes: &mut Attributes, key: &'static str, role: &str, text: &str) {
    if !attributes.contains(key) {
        json::put(attributes, key, json!([{"role": role, "content": text}]));
    }
}
