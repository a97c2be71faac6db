//! `OpenAI`'s `/v1/embeddings`.

use serde_json::{Value, json};

use super::{api, failure::Failure, prompt::elements};

/// The number of dimensions of an embedding, unless `dimensions` asks for another.
const DIMENSIONS: u64 = 8;

/// Embeds each input; equal texts get equal vectors.
pub(super) fn answer(request: &Value) -> Result<Value, Failure> {
    let model = api::model(request)?;
    let count = request.get("dimensions").and_then(Value::as_u64);
    let count = count.unwrap_or(DIMENSIONS);
    let input = request.get("input").unwrap_or(&Value::Null);
    let inputs: Vec<&Value> = match input {
        // A single input may also be an array of token numbers.
        Value::Array(inputs) if !inputs.iter().all(Value::is_number) => {
            elements(request, "input").collect()
        }
        single => vec![single],
    };
    let data = inputs.iter().enumerate().map(|(index, input)| {
        json!({"object": "embedding", "index": index, "embedding": vector(input, count)})
    });
    Ok(json!({
        "object": "list",
        "data": data.collect::<Vec<_>>(),
        "model": model,
        "usage": {"prompt_tokens": 42, "total_tokens": 42},
    }))
}

fn vector(input: &Value, count: u64) -> Vec<f64> {
    let sum: u64 = input.to_string().bytes().map(u64::from).sum();
    let number = |index: u64| ((sum + index * 37) % 200) as f64 / 100.0 - 1.0;
    (0..count).map(number).collect()
}
