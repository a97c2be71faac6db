//! The methods of Letta's server, which record what they are given.

use super::*;
use crate::SourceEvent;

const SCOPE: &str = "letta.otel.tracing";

const REQUEST: &str = "{'model': 'gpt-4o-mini', 'messages': [{'content': 'Be brief', 'role': 'system'}, {'content': 'Hi', 'role': 'user'}], 'temperature': 1.0, 'tools': [{'type': 'function', 'function': {'name': 'get_weather', 'parameters': {}}}]}";
const CONFIG: &str = "LLMConfig(model='gpt-4o-mini', display_name=None, model_endpoint_type='openai', model_endpoint='http://h/v1')";

#[test]
fn requests_of_clients_are_calls() {
    let attributes = [
        ("parameter.request_data", REQUEST),
        ("parameter.llm_config", CONFIG),
    ];
    let span = translated(SCOPE, "OpenAIClient.stream_async", &attributes);
    assert_eq!(
        (&*span.op, &*span.name),
        ("gen_ai.chat", "chat gpt-4o-mini")
    );
    for (key, expected) in [
        ("gen_ai.provider.name", "openai"),
        (
            INPUT,
            r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#,
        ),
        (INSTRUCTIONS, r#"[{"type":"text","content":"Be brief"}]"#),
    ] {
        assert_eq!(span.attributes.text(key), Some(expected));
    }
    let definitions = span.attributes.text(DEFINITIONS).unwrap();
    assert!(definitions.contains("get_weather"), "{definitions}");
    let streaming = span.attributes.get("gen_ai.response.streaming");
    assert_eq!(streaming, Some(Value::Bool(true)));

    let built = translated(SCOPE, "OpenAIClient.build_request_data", &attributes);
    assert_eq!(built.op, "function");
}

#[test]
fn embeddings_name_their_model() {
    let attributes = [
        ("parameter.inputs", "['a', 'b']"),
        (
            "parameter.embedding_config",
            "EmbeddingConfig(embedding_endpoint_type='openai', embedding_endpoint='http://h/v1', embedding_model='e', embedding_dim=8)",
        ),
    ];
    let span = translated(SCOPE, "OpenAIClient.request_embeddings", &attributes);
    assert_eq!(
        (&*span.op, &*span.name),
        ("gen_ai.embeddings", "embeddings e")
    );
    let provider = span.attributes.text("gen_ai.provider.name");
    assert_eq!(provider, Some("openai"));
    let input = span.attributes.text("gen_ai.embeddings.input");
    assert_eq!(input, Some(r#"["a","b"]"#));
}

#[test]
fn steps_are_runs_of_an_agent_in_their_conversation() {
    let attributes = [
        (
            "parameter.input_messages",
            "[MessageCreate(type=<MessageCreateType.message: 'message'>, otid='1', role=<MessageRole.user: 'user'>, content='Hi', name=None)]",
        ),
        ("parameter.conversation_id", "conv-1"),
    ];
    let span = translated(SCOPE, "LettaAgentV3.stream", &attributes);
    assert_eq!(span.op, "gen_ai.invoke_agent");
    let input = r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#;
    assert_eq!(span.attributes.text(INPUT), Some(input));
    let conversation = span.attributes.text("gen_ai.conversation.id");
    assert_eq!(conversation, Some("conv-1"));
}

/// Without a conversation, all messages of an agent are one.
#[test]
fn requests_name_the_conversation() {
    let conversation = |attributes: &[Attribute]| {
        let span = source(SCOPE, "POST /agents/{agent_id}/messages", attributes);
        let translator = Translator::new(TranslateOptions::default());
        translator.identify(&span).conversation_id
    };
    let agent = ("http.agent_id", "agent-1");
    let messages = ("http.request.body.messages", "[]");
    assert_eq!(conversation(&[agent]), None);
    assert_eq!(conversation(&[agent, messages]).as_deref(), Some("agent-1"));
    let named = [("http.conversation_id", "conv-1"), messages];
    assert_eq!(conversation(&named).as_deref(), Some("conv-1"));
    let default = [("http.conversation_id", "default"), agent, messages];
    assert_eq!(conversation(&default).as_deref(), Some("agent-1"));
}

#[test]
fn tools_are_described_by_their_events() {
    let attributes = [("parameter.tool_args", "{'city': 'Paris'}")];
    let mut span = source(SCOPE, "LettaAgentV3._execute_tool", &attributes);
    span.events
        .push(SourceEvent::new("start_get_weather_execution"));
    let mut finish = SourceEvent::new("finish_get_weather_execution");
    finish.attributes.push("status", "error");
    finish.attributes.push("func_return", "no such city");
    span.events.push(finish);
    let span = with_content(span);
    assert_eq!(&*span.name, "execute_tool get_weather");
    assert_eq!(span.status, crate::Status::Error);
    assert_eq!(span.attributes.text(ARGUMENTS), Some(r#"{"city":"Paris"}"#));
    assert_eq!(span.attributes.text(RESULT), Some("no such city"));
}

/// Whatever a method is given may be content, and a request's body is recorded field by field.
#[test]
fn parameters_do_not_leave() {
    let attributes = [
        ("http.request.body.system", "be nice to Bob"),
        ("parameter.pydantic_msgs", "[Message(text='I am Bob')]"),
        ("parameter.request_data", REQUEST),
        ("parameter.max_steps", "50"),
    ];
    let span = source(SCOPE, "MessageManager.create", &attributes);
    let translator = Translator::new(TranslateOptions::default());
    let span = testing::translated(&translator, span);
    for (key, _) in attributes {
        assert!(!span.attributes.contains(key), "{key}");
    }
}
