//! Voice sessions of OpenAI's agents. The span of a turn has the model, the input and the output; the model calls in it have the token
//! counts and transcripts of what the model said.

use serde_json::{Value, json};

use super::{INPUT_VALUE, INVOCATION_PARAMETERS, KIND, MODEL_NAME, OUTPUT_VALUE};
use crate::{
    Attributes, SourceSpan,
    dialect::{INPUT, INSTRUCTIONS, OUTPUT, OperationKind, first_chunk, json},
};

const FIRST_TOKEN: &str = "time_to_first_token_ms";

/// Reads the transcripts of a call as its messages, and on a turn the attributes that its calls take over.
pub(super) fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    match kind {
        OperationKind::Call => {
            read_texts(
                attributes,
                ["input.audio.transcript", "output.audio.transcript"],
            );
            first_chunk::read_milliseconds(attributes, FIRST_TOKEN);
        }
        OperationKind::Plain if attributes.text(KIND) == Some("AUDIO") => {
            attributes.rename(MODEL_NAME, "gen_ai.request.model");
            let instructions = json::object(attributes, INVOCATION_PARAMETERS)
                .and_then(|mut parameters| parameters.remove("instructions"));
            if let Some(instructions @ Value::String(_)) = instructions {
                json::put(attributes, INSTRUCTIONS, instructions);
            }
            read_texts(attributes, [INPUT_VALUE, OUTPUT_VALUE]);
        }
        _ => {}
    }
}

/// Makes messages of what the user and the model said.
fn read_texts(attributes: &mut Attributes, keys: [&str; 2]) {
    let messages = [(INPUT, "user"), (OUTPUT, "assistant")];
    for (from, (key, role)) in keys.into_iter().zip(messages) {
        if let Some(text) = attributes.text(from) {
            let message = json!([{"role": role, "content": text}]);
            json::put(attributes, key, message);
            attributes.remove(from);
        }
    }
}
