//! OpenInference: flattened messages, and a kind for every span.

mod names;
mod smolagents;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    ARGUMENTS, DEFINITIONS, Dialect, INPUT, OUTPUT, RESULT, Says, What, aliases, bedrock,
    has_known_operation, indexed,
    json::{self, Object},
    litellm, traceloop,
};
use crate::{Attributes, SourceSpan, timestamp, tokens};

pub(super) static OPENINFERENCE: Dialect = Dialect {
    name: "openinference",
    speaks: |span| span.attributes.contains(KIND),
    aliases: &aliases([
        ("agent.name", "gen_ai.agent.name"),
        ("llm.cost.completion", "gen_ai.cost.output_tokens"),
        ("llm.cost.prompt", "gen_ai.cost.input_tokens"),
        ("llm.cost.total", "gen_ai.cost.total_tokens"),
        ("llm.finish_reason", "gen_ai.response.finish_reasons"),
        ("llm.request.model_name", "gen_ai.request.model"),
        ("llm.response.model_name", "gen_ai.response.model"),
        ("llm.system", "gen_ai.provider.name"),
        ("llm.provider", "gen_ai.provider.name"),
        ("llm.token_count.completion", "gen_ai.usage.output_tokens"),
        (
            "llm.token_count.completion_details.reasoning",
            "gen_ai.usage.reasoning.output_tokens",
        ),
        ("llm.token_count.prompt", "gen_ai.usage.input_tokens"),
        (
            "llm.token_count.prompt_details.cache_input",
            "gen_ai.usage.cache_creation.input_tokens",
        ),
        (
            "llm.token_count.prompt_details.cache_read",
            "gen_ai.usage.cache_read.input_tokens",
        ),
        (
            "llm.token_count.prompt_details.cache_write",
            "gen_ai.usage.cache_creation.input_tokens",
        ),
        ("llm.token_count.total", "gen_ai.usage.total_tokens"),
        ("reranker.model_name", "gen_ai.request.model"),
        ("tool.description", "gen_ai.tool.description"),
        ("tool.name", "gen_ai.tool.name"),
        ("tool_call.id", "gen_ai.tool.call.id"),
    ]),
    noise: &[
        "embedding.invocation_parameters",
        "input.mime_type",
        "llm.invocation_parameters",
        "output.mime_type",
    ],
    operation,
    adjust,
};

const KIND: &str = "openinference.span.kind";

fn operation(span: &SourceSpan) -> Says {
    let kind = span.attributes.text(KIND).unwrap_or_default();
    match &*kind.to_ascii_uppercase() {
        // LlamaIndex's name for putting a request together, which is another span's to send.
        "LLM" if span.name.ends_with("._prepare_chat_with_tools") => Says::Plain,
        "LLM" if bedrock::embeds(span, "llm.model_name") => Says::Is("embeddings"),
        "LLM" if is_completion(span) => Says::Is("text_completion"),
        "LLM" => Says::Is("chat"),
        "EMBEDDING" => Says::Is("embeddings"),
        "AGENT" if is_trace(span) => Says::Plain,
        "AGENT" => Says::Is("invoke_agent"),
        "TOOL" if handoff(&span.name).is_some() => Says::Is("handoff"),
        "TOOL" => Says::Is("execute_tool"),
        "RERANKER" => Says::Is("rerank"),
        "CHAIN" if is_agent_run(span) => Says::Is("invoke_agent"),
        // Whatever has no better kind is a chain, so an operation says more.
        "CHAIN" if has_known_operation(span) => Says::Nothing,
        _ => Says::Plain,
    }
}

/// LangChain's agents are chains to JavaScript's instrumentation; the run of one is the chain that bears its name.
fn is_agent_run(span: &SourceSpan) -> bool {
    let metadata = span.attributes.text("metadata");
    // Most chains are told apart without reading the JSON.
    metadata.is_some_and(|text| text.contains(LANGCHAIN_AGENT))
        && json::object(&span.attributes, "metadata")
            .is_some_and(|metadata| metadata.get(LANGCHAIN_AGENT) == Some(&json!(span.name)))
}

const LANGCHAIN_AGENT: &str = "lc_agent_name";

fn is_completion(span: &SourceSpan) -> bool {
    span.name == "Completion"
        || span.attributes.contains("llm.prompts.0.prompt.text")
        || span.attributes.contains("llm.choices.0.completion.text")
}

/// OpenAI's agents have a span around the whole trace, which is no agent.
fn is_trace(span: &SourceSpan) -> bool {
    span.scope.ends_with("openai_agents")
        && !span.attributes.contains("graph.node.id")
        && !span.attributes.contains("agent.name")
}

fn handoff(name: &str) -> Option<&str> {
    name.strip_prefix("handoff to ")
}

fn adjust(span: &mut SourceSpan, what: What) {
    span.attributes
        .retain(|_, value| value != crate::Value::Str("__REDACTED__"));
    if let Some(to) = handoff(&span.name)
        && what == What::Other
    {
        let to = to.to_owned();
        span.attributes.push("gen_ai.handoff.to_agent", to);
    }
    names::settle(span, what);
    smolagents::settle(span, what);
    provider(&mut span.attributes);
    first_chunk(span);
    let metadata = json::object(&span.attributes, "metadata");
    if let Some(metadata) = metadata {
        litellm::session(&mut span.attributes, &metadata);
        // LangChain's in JavaScript say there who runs the model.
        if let Some(provider) = metadata.get("ls_provider")
            && what == What::Call
            && !span.attributes.contains("llm.system")
            && !span.attributes.contains("llm.provider")
        {
            json::put_scalar(&mut span.attributes, "gen_ai.provider.name", provider);
        }
    }
    if what == What::Plain {
        return;
    }
    let attributes = &mut span.attributes;
    model(attributes, what);
    if let Some(variables) = json::object(attributes, "llm.prompt_template.variables") {
        for (name, value) in variables {
            let key = format!("gen_ai.prompt.variable.{name}");
            if let Some(text) = json::text(value)
                && !attributes.contains(&key)
            {
                attributes.push_owned_key(&key, text);
            }
        }
        attributes.remove("llm.prompt_template.variables");
    }
    match what {
        What::Embeddings => embeddings(attributes),
        What::Tool => {
            attributes.rename("input.value", ARGUMENTS);
            if let Some(result) = json::read(attributes, "output.value") {
                json::put(attributes, RESULT, traceloop::content_of(result));
            }
            attributes.rename("output.value", RESULT);
        }
        What::Call | What::Agent => messages(attributes),
        What::Other | What::Plain => {}
    }
}

/// Who runs a model is the provider, not who made it; of Google's products the model's maker names the one that is meant.
fn provider(attributes: &mut Attributes) {
    let runs = attributes.text("llm.provider");
    if runs.is_some_and(|name| !name.eq_ignore_ascii_case("google")) {
        attributes.rename("llm.provider", "gen_ai.provider.name");
    }
}

/// The time of the first token is that of an event.
fn first_chunk(span: &mut SourceSpan) {
    let first = span
        .events
        .iter()
        .find(|event| event.name == "First Token Stream Event")
        .and_then(|event| event.time);
    if let Some(first) = first.filter(|first| *first >= span.start) {
        let seconds = timestamp::seconds_between(span.start, first);
        span.attributes
            .push("gen_ai.response.time_to_first_chunk", seconds);
    }
}

/// `llm.model_name` is the model of the request until the response names its own; the parameters say what was asked for.
fn model(attributes: &mut Attributes, what: What) {
    let parameters = [
        "llm.invocation_parameters",
        "embedding.invocation_parameters",
    ]
    .into_iter()
    .find_map(|key| json::object(attributes, key));
    if let Some(mut parameters) = parameters {
        // The instrumentation of OpenAI's agents has the whole response here.
        let is_response = parameters.contains_key("created_at");
        if is_response {
            if let Some(id) = parameters.get("id") {
                json::put_scalar(attributes, "gen_ai.response.id", id);
            }
            parameters.remove("model");
        }
        // OpenAI's, of the Responses API: the id, or what has it.
        if let Some(conversation) = parameters.get("conversation") {
            let id = conversation.get("id").unwrap_or(conversation);
            json::put_scalar(attributes, "gen_ai.conversation.id", id);
        }
        json::put_parameters(attributes, &parameters);
    }
    let answer = json::object(attributes, "output.value").filter(|_| what == What::Call);
    if let Some(id) = answer.as_ref().and_then(|answer| answer.get("id")) {
        json::put_scalar(attributes, "gen_ai.response.id", id);
    }
    if let Some(usage) = answer.as_ref().and_then(|answer| answer.get("usage")) {
        cache(attributes, usage);
    }
    let answered_by = answer
        .as_ref()
        .and_then(|answer| answer.get("model")?.as_str());
    // JavaScript's takes the second word of an inference profile's id for the model of Bedrock: it is who made it.
    let maker = attributes.text("llm.system").map(str::to_owned);
    if maker.is_some() && attributes.text("llm.model_name") == maker.as_deref() {
        attributes.remove("llm.model_name");
        if let Some(model) = answered_by {
            attributes.push("gen_ai.response.model", model);
        }
    }
    let is_answered = |name: &str| match answered_by {
        Some(model) => model == name,
        // An answer that does not say who gave it leaves the model that was asked for.
        None => false,
    };
    let has_answer = attributes.contains("llm.token_count.completion")
        && attributes.text("llm.model_name").is_some_and(is_answered);
    for key in ["llm.model_name", "embedding.model_name"] {
        let is_asked_for = attributes.contains("gen_ai.request.model")
            || attributes.contains("llm.request.model_name");
        let is_response = what == What::Call && has_answer || is_asked_for;
        attributes.rename(
            key,
            if is_response {
                "gen_ai.response.model"
            } else {
                "gen_ai.request.model"
            },
        );
    }
}

/// JavaScript's instrumentation of Bedrock counts the cache in the total alone.
fn cache(attributes: &mut Attributes, usage: &Value) {
    for (own, key, name) in [
        (
            "llm.token_count.prompt_details.cache_read",
            tokens::CACHE_READ,
            "cacheReadInputTokens",
        ),
        (
            "llm.token_count.prompt_details.cache_write",
            tokens::CACHE_CREATION,
            "cacheWriteInputTokens",
        ),
    ] {
        if let Some(count) = usage.get(name)
            && !attributes.contains(own)
        {
            json::put_scalar(attributes, key, count);
        }
    }
}

fn messages(attributes: &mut Attributes) {
    // Calls that the provider made on a server of tools are in the response alone.
    if attributes
        .text("output.value")
        .is_some_and(|text| text.contains(r#""mcp_call""#))
        && let Some(response) = json::object(attributes, "output.value")
        && response.get("object").and_then(Value::as_str) == Some("response")
    {
        json::put(attributes, OUTPUT, Value::Object(response));
    }
    for (prefix, role, key) in [
        ("llm.input_messages.", "user", INPUT),
        ("llm.output_messages.", "assistant", OUTPUT),
    ] {
        if let Some(Value::Array(messages)) = indexed::take(attributes, prefix) {
            let messages: Vec<_> = messages
                .into_iter()
                .filter_map(|item| message(item, role))
                .collect();
            if !messages.is_empty() {
                json::put(attributes, key, messages.into());
            }
        }
        // Where keys cannot be made as a program runs, as in `tracing`, all are one text.
        attributes.rename(prefix.trim_end_matches('.'), key);
    }
    for (prefix, step, role, key) in [
        ("llm.prompts.", "prompt", "user", INPUT),
        ("llm.choices.", "completion", "assistant", OUTPUT),
    ] {
        if let Some(Value::Array(texts)) = indexed::take(attributes, prefix) {
            let messages = texts
                .into_iter()
                .map(|mut item| json!({"role": role, "content": item[step]["text"].take()}));
            json::put(attributes, key, messages.collect());
        }
    }
    if let Some(Value::Array(tools)) = indexed::take(attributes, "llm.tools.") {
        let tools = tools.into_iter().filter_map(|mut item| {
            let schema = item.get_mut("tool")?.get_mut("json_schema")?.take();
            Some(match schema {
                Value::String(text) => {
                    crate::messages::read_json(&text).unwrap_or(Value::String(text))
                }
                schema => schema,
            })
        });
        json::put(attributes, DEFINITIONS, tools.collect());
    }
    // litellm's tools are parameters like any other.
    if !attributes.contains(DEFINITIONS)
        && let Some(mut parameters) = json::object(attributes, "llm.invocation_parameters")
        && let Some(tools) = parameters.remove("tools")
    {
        json::put(attributes, DEFINITIONS, tools);
    }
    attributes.rename("input.value", INPUT);
    // Of what it could not read, such as a stream, the instrumentation has the repr of the object.
    if attributes.text("output.value").is_some_and(is_object) {
        attributes.remove("output.value");
    }
    attributes.rename("output.value", OUTPUT);
}

/// Recognises the repr that Python has for all objects that have none of their own.
pub(super) fn is_object(text: &str) -> bool {
    text.starts_with('<') && text.ends_with('>') && text.contains(" object at 0x")
}

/// Brings one message into the form of OpenAI's API.
fn message(mut item: Value, role: &str) -> Option<Value> {
    let Some(Value::Object(mut message)) = item.get_mut("message").map(Value::take) else {
        return None;
    };
    message.entry("role").or_insert_with(|| role.into());
    let mut calls: Vec<Value> = Vec::new();
    if let Some(Value::Array(items)) = message.remove("tool_calls") {
        calls.extend(items.into_iter().filter_map(call));
    }
    let mut seen: BTreeSet<String> = calls.iter().map(identity).collect();
    if let Some(Value::Array(items)) = message.remove("contents") {
        let mut parts = Vec::new();
        for mut item in items {
            let content = item.get_mut("message_content").map(Value::take);
            let call = call(item);
            // Of a call there may be the type alone, beside the call itself.
            if let Some(Value::Object(content)) = content
                && (call.is_none() || content.len() > 1)
            {
                parts.push(part(content));
            }
            // What the list of calls has as well.
            if let Some(call) = call
                && seen.insert(identity(&call))
            {
                calls.push(call);
            }
        }
        if !parts.is_empty() {
            message.insert("content".to_owned(), parts.into());
        }
    }
    if let Some(name) = message.remove("function_call_name") {
        let arguments = message.remove("function_call_arguments_json");
        calls.push(json!({"type": "function", "function": {"name": name, "arguments": arguments}}));
    }
    if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), calls.into());
    }
    // Of content that the instrumentation could not read the role is all there is.
    (message.len() > 1).then_some(Value::Object(message))
}

fn call(mut item: Value) -> Option<Value> {
    let mut call = item.get_mut("tool_call")?.take();
    call.as_object_mut()?
        .insert("type".to_owned(), "function".into());
    Some(call)
}

/// Returns what tells a call from others: its id, or all of it.
fn identity(call: &Value) -> String {
    match &call["id"] {
        Value::Null => call.to_string(),
        id => id.to_string(),
    }
}

fn part(mut content: Object) -> Value {
    if let Some(mut image) = content.remove("image") {
        let url = image
            .pointer_mut("/image/url")
            .map(Value::take)
            .unwrap_or_default();
        return json!({"type": "image_url", "image_url": {"url": url}});
    }
    Value::Object(content)
}

fn embeddings(attributes: &mut Attributes) {
    if let Some(Value::Array(items)) = indexed::take(attributes, "embedding.embeddings.") {
        let mut texts: Vec<_> = items
            .into_iter()
            .filter_map(|mut item| Some(item.get_mut("embedding")?.get_mut("text")?.take()))
            .collect();
        let texts = match texts.len() {
            1 => texts.remove(0),
            _ => texts.into(),
        };
        if texts != Value::Array(Vec::new()) {
            json::put(attributes, "gen_ai.embeddings.input", texts);
        }
    }
    // Tokens in place of texts are found in the request alone.
    if let Some(input) =
        json::object(attributes, "input.value").and_then(|mut it| it.remove("input"))
    {
        json::put(attributes, "gen_ai.embeddings.input", input);
    }
    attributes.rename("input.value", "gen_ai.embeddings.input");
    attributes.remove("output.value");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_listed_once() {
        let content = |call: Value| json!({"tool_call": call});
        let first = json!({"id": "c1", "function": {"name": "w"}});
        let nameless = |name: &str| json!({"function": {"name": name}});
        let item = json!({"message": {
            "role": "assistant",
            "tool_calls": [content(first.clone()), content(nameless("a"))],
            "contents": [content(first), content(nameless("a")), content(nameless("b"))],
        }});
        let read = message(item, "user").unwrap();
        let calls = read["tool_calls"].as_array().unwrap();
        let names: Vec<_> = calls.iter().map(|call| &call["function"]["name"]).collect();
        assert_eq!(names, ["w", "a", "b"]);
    }

    /// So JavaScript's instrumentation of Anthropic has them.
    #[test]
    fn the_type_beside_a_call_is_no_call() {
        let call = json!({"id": "c1", "function": {"name": "w"}});
        let item = json!({"message": {"role": "assistant", "contents": [
            {"message_content": {"type": "text", "text": "Let me look"}},
            {"message_content": {"type": "tool_use"}, "tool_call": call},
        ]}});
        let read = message(item, "assistant").unwrap();
        assert_eq!(
            read["content"],
            json!([{"type": "text", "text": "Let me look"}])
        );
        assert_eq!(read["tool_calls"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn many_calls_are_read_in_linear_time() {
        let contents: Vec<_> = (0..50_000)
            .map(|number| json!({"tool_call": {"id": format!("c{number}")}}))
            .collect();
        let item = json!({"message": {"role": "assistant", "contents": contents}});
        // A quadratic step would take minutes.
        let read = message(item, "user").unwrap();
        assert_eq!(read["tool_calls"].as_array().unwrap().len(), 50_000);
    }
}
