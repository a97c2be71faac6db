//! Haystack's own tracer: spans of components and agents. Their inputs and outputs are JSON if content is traced.

use serde_json::{Map, Value, json};

use super::{
    ARGUMENTS, DEFINITIONS, Dialect, INPUT, OUTPUT, OperationKind, Override, RESULT, aliases,
    json::{self, Object},
    usage,
};
use crate::{Attributes, SourceSpan, content::FINISH_REASONS, status::OUTCOME};

pub(super) static HAYSTACK: Dialect = Dialect {
    name: "haystack",
    // Programs choose the tracer's name. If content is not traced, only an agent's calls have no attributes.
    recognises: |span| {
        span.scope == "haystack"
            || span.name == MODEL_CALL
            || (span.name.starts_with("haystack.") && span.attributes.may_begin_with("haystack."))
    },
    aliases: &aliases([
        ("haystack.agent.step.tool.input", ARGUMENTS),
        (TOOL_OUTPUT, RESULT),
        ("haystack.tool.description", "gen_ai.tool.description"),
        ("haystack.tool.name", "gen_ai.tool.name"),
    ]),
    // The types of inputs and outputs.
    noise: &[
        "haystack.agent.state_schema",
        "haystack.component.input_spec",
        "haystack.component.input_types",
        "haystack.component.output_spec",
    ],
    operation,
    adjust,
};

pub(super) const MODEL_CALL: &str = "haystack.agent.step.llm";
const TYPE: &str = "haystack.component.type";
const TOOL_OUTPUT: &str = "haystack.agent.step.tool.output";
const CLASS_PATH: &str = "haystack.component.fully_qualified_type";

fn operation(span: &SourceSpan) -> Override {
    match &*span.name {
        "haystack.agent.run" => Override::To("invoke_agent"),
        MODEL_CALL => Override::To("chat"),
        "haystack.agent.step.tool" => Override::To("execute_tool"),
        "haystack.component.run" => {
            let component = span.attributes.text(TYPE).unwrap_or_default();
            if component.ends_with("ImageGenerator") {
                Override::To("generate_content")
            } else if component.ends_with("Generator") {
                Override::To("chat")
            } else if component.ends_with("Embedder") {
                Override::To("embeddings")
            } else if is_model_ranker(&span.attributes) {
                Override::To("rerank")
            } else {
                Override::Plain
            }
        }
        _ => Override::Plain,
    }
}

/// Returns whether a component ranks with a model. Most rankers call a provider's model, but Haystack's own ones use what the
/// documents state.
fn is_model_ranker(attributes: &Attributes) -> bool {
    let is_ranker = attributes
        .text(TYPE)
        .is_some_and(|class| class.ends_with("Ranker"));
    let path = attributes.text(CLASS_PATH);
    is_ranker && path.is_some_and(|path| path.starts_with("haystack_integrations."))
}

fn adjust(span: &mut SourceSpan, kind: OperationKind) {
    let attributes = &mut span.attributes;
    match kind {
        OperationKind::Call => read_call(attributes),
        OperationKind::Embeddings if is_model_ranker(attributes) => read_ranking(attributes),
        OperationKind::Embeddings => {
            let (mut request, _) = take_component(attributes);
            let texts = document_contents(take_any(&mut request, &["text", "documents"]));
            json::put(attributes, "gen_ai.embeddings.input", texts);
        }
        OperationKind::Agent => {
            read_state(attributes, "haystack.agent.input", INPUT);
            read_state(attributes, "haystack.agent.output", OUTPUT);
        }
        // An agent continues after a tool failed. The tool's result is then the error.
        OperationKind::Tool => {
            let result = json::object(attributes, TOOL_OUTPUT);
            if result.is_some_and(|result| result.len() == 1 && result.contains_key("error")) {
                attributes.supply(OUTCOME, "error");
            }
        }
        OperationKind::Other | OperationKind::Plain => {}
    }
}

fn read_call(attributes: &mut Attributes) {
    let (mut request, mut response) = take_component(attributes);
    if let Some(Value::Object(parameters)) = request.get("generation_kwargs") {
        json::put_parameters(attributes, parameters);
    }
    if let Some(tools) = request.remove("tools") {
        json::put(attributes, DEFINITIONS, definitions(tools));
    }
    let question = normalise_reasoning(take_any(&mut request, &["messages", "prompt"]));
    json::put(attributes, INPUT, question);
    let answers = replies_as_messages(take_any(&mut response, &["replies"]));
    json::put(attributes, OUTPUT, normalise_reasoning(answers));
}

fn read_ranking(attributes: &mut Attributes) {
    name_provider(attributes);
    let mut request = take(attributes, "input");
    if let Some(query) = request.remove("query") {
        let documents = document_contents(take_any(&mut request, &["documents"]));
        let ranking = json!({"query": query, "documents": documents});
        json::put(attributes, "gen_ai.embeddings.input", ranking);
    }
}

/// Moves the messages in the state of an agent to the canonical key `to`.
fn read_state(attributes: &mut Attributes, from: &str, to: &'static str) {
    let messages = json::object(attributes, from).and_then(|mut state| state.remove("messages"));
    if let Some(messages) = messages {
        json::put(attributes, to, normalise_reasoning(messages));
        attributes.remove(from);
    }
}

/// Takes the first of these members that there is; null if there is none.
fn take_any(object: &mut Object, names: &[&str]) -> Value {
    let mut names = names.iter();
    let found = names.find_map(|name| object.remove(*name));
    found.unwrap_or_default()
}

/// Spells reasoning as other libraries do, and messages that Python has shown as those in JSON.
fn normalise_reasoning(mut messages: Value) -> Value {
    for message in messages.as_array_mut().into_iter().flatten() {
        if let Some(converted) = message.as_object_mut().and_then(message_of_fields) {
            *message = converted;
        }
        let parts = message.get_mut("content").and_then(Value::as_array_mut);
        for part in parts.into_iter().flatten() {
            if let Some(thought) = part.pointer_mut("/reasoning/reasoning_text") {
                *part = json!({"type": "reasoning", "content": thought.take()});
            }
        }
    }
    messages
}

/// Converts the fields of `ChatMessage(_role=<ChatRole.USER: 'user'>, _content=[TextContent(text='Hi')])`.
pub(super) fn message_of_fields(fields: &mut Object) -> Option<Value> {
    let Value::Array(mut parts) = fields.remove("_content")? else {
        return None;
    };
    for part in &mut parts {
        if let Some(thought) = part.get_mut("reasoning_text") {
            *part = json!({"type": "reasoning", "content": thought.take()});
            continue;
        }
        let kind = if part.get("origin").is_some() {
            "tool_call_result"
        } else if part.get("tool_name").is_some() {
            "tool_call"
        } else {
            continue;
        };
        *part = json!({ kind: part.take() });
    }
    Some(json!({"role": fields.remove("_role")?, "content": parts}))
}

/// Changes each item of a list. Other values stay as they are.
fn map_items(mut list: Value, change: impl FnMut(&mut Value)) -> Value {
    list.as_array_mut().into_iter().flatten().for_each(change);
    list
}

/// Returns the contents of documents.
fn document_contents(documents: Value) -> Value {
    map_items(documents, |document| {
        if let Some(content @ Value::String(_)) = document.get_mut("content") {
            *document = content.take();
        }
    })
}

/// Takes the input and the output of a component, and records which model answered.
fn take_component(attributes: &mut Attributes) -> (Object, Object) {
    name_provider(attributes);
    let request = take(attributes, "input");
    let response = take(attributes, "output");
    read_response_metadata(attributes, &response);
    (request, response)
}

/// Takes the input or the output of a component or of an agent's step.
fn take(attributes: &mut Attributes, side: &str) -> Object {
    for owner in ["component", "agent.step.llm"] {
        let key = format!("haystack.{owner}.{side}");
        if let Some(object) = json::object(attributes, &key) {
            attributes.remove(&key);
            return object;
        }
    }
    Map::new()
}

/// Makes messages of replies that are plain texts, such as those of generators without chat.
fn replies_as_messages(replies: Value) -> Value {
    map_items(replies, |reply| {
        if let Value::String(text) = reply {
            *reply = json!({"role": "assistant", "content": text});
        }
    })
}

/// Records the model that answered, the finish reason and the counts. They are in each reply, in a separate list, or, for
/// embeddings, in a single object.
fn read_response_metadata(attributes: &mut Attributes, response: &Object) {
    let reply_meta = response
        .get("replies")
        .and_then(|replies| replies.get(0)?.get("meta"));
    let meta = reply_meta.or_else(|| match response.get("meta")? {
        Value::Array(items) => items.first(),
        meta => Some(meta),
    });
    let Some(Value::Object(meta)) = meta else {
        return;
    };
    let names = [
        ("id", "gen_ai.response.id"),
        ("model", "gen_ai.response.model"),
        ("finish_reason", FINISH_REASONS),
    ];
    json::put_scalars(attributes, meta, &names);
    usage::put_value(attributes, meta.get("usage"));
}

/// Determines the provider from the path of the component's class:
/// `haystack.components.generators.chat.openai.OpenAIChatGenerator`,
/// `haystack_integrations.components.generators.anthropic.chat.chat_generator.AnthropicChatGenerator`.
fn name_provider(attributes: &mut Attributes) {
    let path = attributes.text(CLASS_PATH);
    let provider = path.and_then(|path| {
        let (_, rest) = [".generators.", ".embedders.", ".rankers."]
            .iter()
            .find_map(|kind| path.split_once(kind))?;
        let module = rest
            .strip_prefix("chat.")
            .unwrap_or(rest)
            .split('.')
            .next()?;
        let module = ["_text_embedder", "_document_embedder"]
            .iter()
            .find_map(|end| module.strip_suffix(end))
            .unwrap_or(module);
        Some(module.to_owned())
    });
    if let Some(provider) = provider {
        json::put_scalar(attributes, "gen_ai.provider.name", &Value::from(provider));
    }
}

/// Extracts the tools from objects that also state their class.
fn definitions(tools: Value) -> Value {
    map_items(tools, |tool| {
        if let Some(data) = tool.get_mut("data") {
            *tool = data.take();
        }
    })
}
