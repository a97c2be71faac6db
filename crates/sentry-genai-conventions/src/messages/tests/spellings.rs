//! Values as real libraries export them, shortened only where noted.

use serde_json::Value;

use super::{super::Side, shown};

/// The library, the side, what the library wrote, and what Sentry gets.
#[rustfmt::skip]
const SPELLINGS: &[(&str, Side, &str, &str)] = &[
    (
        "rig 0.44", Side::Input,
        r#"[{"role":"system","parts":[{"type":"text","content":"Use the tools."}]},{"role":"user","parts":[{"type":"text","content":"What is 2+3?"}]},{"role":"assistant","parts":[{"type":"tool_call","id":"call_fake_1","name":"add","arguments":{"x":2,"y":3}}]},{"role":"user","parts":[{"type":"tool_call_response","id":"call_fake_1","response":5}]}]"#,
        r#"[{"role":"system","parts":[{"type":"text","content":"Use the tools."}]},{"role":"user","parts":[{"type":"text","content":"What is 2+3?"}]},{"role":"assistant","parts":[{"type":"tool_call","id":"call_fake_1","name":"add","arguments":{"x":2,"y":3}}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"call_fake_1","response":5,"result":5}]}]"#,
    ),
    (
        "rig 0.44, which does not know the finish reason", Side::Output,
        r#"[{"role":"assistant","parts":[{"type":"text","content":"Because of Rayleigh scattering."}],"finish_reason":"unknown"}]"#,
        r#"[{"role":"assistant","parts":[{"type":"text","content":"Because of Rayleigh scattering."}]}]"#,
    ),
    (
        "rig 0.44, parts of its own", Side::Output,
        r#"[{"role":"assistant","parts":[{"type":"opaque","kind":"web_search_call"},{"type":"file","modality":"document","file_id":"file-1"}],"finish_reason":"tool_call"}]"#,
        r#"[{"role":"assistant","parts":[{"type":"opaque","kind":"web_search_call"},{"type":"file","modality":"document","mime_type":"unknown","file_id":"file-1"}],"finish_reason":"tool_call"}]"#,
    ),
    (
        "rig-core 0.33, gen_ai.prompt", Side::Input,
        "What is 2+3?",
        r#"[{"role":"user","parts":[{"type":"text","content":"What is 2+3?"}]}]"#,
    ),
    (
        "a field recorded with Debug", Side::Input,
        r#""[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"Why?\"}]}]""#,
        r#"[{"role":"user","parts":[{"type":"text","content":"Why?"}]}]"#,
    ),
    (
        "Azure's SDK for Foundry", Side::Output,
        r#"[{"role":"assistant","parts":[{"type":"mcp","content":{"type":"mcp_approval_request","id":"m1","name":"get","server_label":"shop","arguments":"{\"a\":1}"}}]}]"#,
        r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"m1","name":"get","arguments":{"a":1}}]}]"#,
    ),
    (
        "litellm", Side::Input,
        r#"[{"role": "user", "parts": [{"type": "text", "content": "What is the weather in Paris?"}]}, {"role": "assistant", "parts": [], "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\": \"Paris\"}"}}]}, {"role": "tool", "parts": [{"type": "text", "content": "rain"}], "tool_call_id": "call_1"}]"#,
        r#"[{"role":"user","parts":[{"type":"text","content":"What is the weather in Paris?"}]},{"role":"assistant","parts":[{"type":"tool_call","id":"call_1","name":"get_weather","arguments":{"city":"Paris"}}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"call_1","response":"rain","result":"rain"}]}]"#,
    ),
    (
        "litellm, raw request", Side::Input,
        "[{'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': \"What's the capital of France?\"}]",
        r#"[{"role":"system","parts":[{"type":"text","content":"Be brief."}]},{"role":"user","parts":[{"type":"text","content":"What's the capital of France?"}]}]"#,
    ),
    (
        "pydantic-ai, with arguments as text and `result`", Side::Input,
        r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"call_000467","name":"get_weather","arguments":"{\"city\":\"Paris\"}"}],"finish_reason":"tool_call"},{"role":"user","parts":[{"type":"tool_call_response","id":"call_000467","name":"get_weather","result":"rain"}]}]"#,
        r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"call_000467","name":"get_weather","arguments":{"city":"Paris"}}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"call_000467","name":"get_weather","response":"rain","result":"rain"}]}]"#,
    ),
    (
        "pydantic-ai without content", Side::Output,
        r#"[{"role":"assistant","parts":[{"type":"text"},{"type":"tool_call","id":"call_000487","name":"get_weather"}],"finish_reason":"tool_call"}]"#,
        r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"call_000487","name":"get_weather"}],"finish_reason":"tool_call"}]"#,
    ),
    (
        "pydantic-ai 2 thinking", Side::Output,
        r#"[{"role":"assistant","parts":[{"type":"thinking","content":"The user asks something simple."},{"type":"text","content":"Paris."}],"finish_reason":"stop"}]"#,
        r#"[{"role":"assistant","parts":[{"type":"reasoning","content":"The user asks something simple."},{"type":"text","content":"Paris."}],"finish_reason":"stop"}]"#,
    ),
    (
        "OpenLLMetry 0.62, reasoning as JSON in a string", Side::Output,
        r#"[{"role": "assistant", "parts": [{"type": "text", "content": "Hi."}, {"type": "reasoning", "content": "[{\"text\": \"The user wants a direct answer.\", \"type\": \"summary_text\"}]"}], "finish_reason": "stop"}]"#,
        r#"[{"role":"assistant","parts":[{"type":"text","content":"Hi."},{"type":"reasoning","content":"The user wants a direct answer."}],"finish_reason":"stop"}]"#,
    ),
    (
        "agent-framework in Rust", Side::Input,
        r#"[{"role":"system","contents":[{"type":"text","text":"Be brief."}]},{"role":"user","contents":[{"type":"text","text":"Weather?"},{"type":"data","uri":"data:image/png;base64,iVBORw0KGgo=","media_type":"image/png"}]},{"role":"assistant","contents":[{"type":"text_reasoning","text":"Hm."},{"type":"function_call","call_id":"call_1","name":"get_weather","arguments":"{\"city\":\"Paris\"}"}],"message_id":"m"},{"role":"tool","contents":[{"type":"function_result","call_id":"call_1","result":{"temp":4}}]}]"#,
        r#"[{"role":"system","parts":[{"type":"text","content":"Be brief."}]},{"role":"user","parts":[{"type":"text","content":"Weather?"},{"type":"blob","modality":"image","mime_type":"image/png","content":"[Blob substitute]"}]},{"role":"assistant","parts":[{"type":"reasoning","content":"Hm."},{"type":"tool_call","id":"call_1","name":"get_weather","arguments":{"city":"Paris"}}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"call_1","response":{"temp":4},"result":"{\"temp\":4}"}]}]"#,
    ),
    (
        "Anthropic SDK", Side::Input,
        r#"[{"role":"user","parts":[{"type":"anthropic_image"},{"type":"text","content":"What is in this image?"}]}]"#,
        r#"[{"role":"user","parts":[{"type":"blob","modality":"image","mime_type":"unknown","content":"[Blob substitute]"},{"type":"text","content":"What is in this image?"}]}]"#,
    ),
    (
        "Anthropic SDK, what it leaves out", Side::Input,
        r#"[{"role":"user","parts":[{"type":"anthropic_document"},{"type":"text","content":"Sum up."}]},{"role":"assistant","parts":[{"type":"anthropic_redacted_thinking"},{"type":"text","content":"Short."}]}]"#,
        r#"[{"role":"user","parts":[{"type":"blob","modality":"document","mime_type":"unknown","content":"[Blob substitute]"},{"type":"text","content":"Sum up."}]},{"role":"assistant","parts":[{"type":"text","content":"Short."}]}]"#,
    ),
    (
        "OpenTelemetry genai-anthropic, nulls and another order of fields", Side::Input,
        r#"[{"role":"user","parts":[{"mime_type":"image/png","modality":"image","content":"iVBORw0KGgo=","type":"blob"},{"content":"What is this?","type":"text"}],"name":null}]"#,
        r#"[{"role":"user","parts":[{"type":"blob","modality":"image","mime_type":"image/png","content":"[Blob substitute]"},{"type":"text","content":"What is this?"}]}]"#,
    ),
    (
        "logfire, data URL as a URI", Side::Input,
        r#"[{"role":"user","parts":[{"type":"uri","uri":"data:image/png;base64,iVBORw0KGgo=","modality":"image"},{"type":"uri","uri":"https://example.com/cat.png","modality":"image"}]}]"#,
        r#"[{"role":"user","parts":[{"type":"blob","modality":"image","mime_type":"image/png","content":"[Blob substitute]"},{"type":"uri","modality":"image","mime_type":"unknown","uri":"https://example.com/cat.png"}]}]"#,
    ),
    (
        "logfire openai-agents, old events", Side::Input,
        r#"[{"event.name":"gen_ai.user.message","content":"Refund?","role":"user"},{"event.name":"gen_ai.assistant.message","role":"assistant","tool_calls":[{"id":"call_1","type":"function","function":{"name":"transfer","arguments":"{}"}}]},{"event.name":"gen_ai.tool.message","role":"tool","id":"call_1","content":"done","name":"transfer"}]"#,
        r#"[{"role":"user","parts":[{"type":"text","content":"Refund?"}]},{"role":"assistant","parts":[{"type":"tool_call","id":"call_1","name":"transfer","arguments":{}}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"call_1","name":"transfer","response":"done","result":"done"}]}]"#,
    ),
    (
        "LangWatch langchain, a call that is none", Side::Output,
        r#"[{"role":"assistant","content":"Hi.","function_call":{}}]"#,
        r#"[{"role":"assistant","parts":[{"type":"text","content":"Hi."}]}]"#,
    ),
    (
        "OpenInference langchain", Side::Input,
        r#"{"messages": [["user", "Tell me a joke"]]}"#,
        r#"[{"role":"user","parts":[{"type":"text","content":"Tell me a joke"}]}]"#,
    ),
    (
        "OpenInference openai, a text completion", Side::Output,
        r#"{"id":"cmpl-1","choices":[{"finish_reason":"stop","index":0,"logprobs":null,"text":" Paris."}],"created":1,"model":"m","object":"text_completion"}"#,
        r#"[{"role":"assistant","parts":[{"type":"text","content":" Paris."}],"finish_reason":"stop"}]"#,
    ),
    (
        "OpenInference openai, a Responses request", Side::Input,
        r#"{"model": "gpt-5", "input": "Hi", "instructions": "Be brief.", "max_output_tokens": 10, "temperature": 0.5}"#,
        r#"[{"role":"system","parts":[{"type":"text","content":"Be brief."}]},{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#,
    ),
    (
        "openai-agents-v2, a call as a repr", Side::Output,
        r#"[{"role":"assistant","parts":[{"type":"text","content":"ResponseFunctionToolCall(arguments='{\"city\": \"Paris\"}', call_id='call_000049', name='broken_weather', type='function_call', id='fc_000048', async_=None, caller=None, namespace=None, status='completed')"}]}]"#,
        r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"call_000049","name":"broken_weather","arguments":{"city":"Paris"}}]}]"#,
    ),
    (
        "LangGraph command (shortened)", Side::Output,
        r#"{"output":[{"graph":null,"update":{"messages":[{"content":"Paris.","additional_kwargs":{},"response_metadata":{"finish_reason":"stop"},"type":"ai","name":"weather_agent","id":"r-1","tool_calls":[],"invalid_tool_calls":[]}]},"resume":null,"goto":[]}]}"#,
        r#"[{"role":"assistant","name":"weather_agent","parts":[{"type":"text","content":"Paris."}],"finish_reason":"stop"}]"#,
    ),
    (
        "LangGraph command that answers an interrupt", Side::Input,
        r#"{"graph":null,"update":null,"resume":"Yes, do.","goto":[]}"#,
        r#"[{"role":"user","parts":[{"type":"text","content":"Yes, do."}]}]"#,
    ),
    (
        "LangGraph command that decides on calls, from LangSmith", Side::Input,
        r#"{"input":{"graph":null,"update":null,"resume":{"decisions":[{"type":"approve"}]},"goto":[]}}"#,
        r#"[{"role":"user","parts":[{"type":"text","content":"{\"decisions\":[{\"type\":\"approve\"}]}"}]}]"#,
    ),
    (
        "LangChain for JavaScript, a stream of Anthropic's (shortened)", Side::Output,
        r#"[{"role":"assistant","content":[{"index":0,"type":"text","text":"Wait."},{"index":1,"type":"tool_use","id":"t1","name":"w","input":""},{"index":1,"input":"{\"city\":\"Paris\"}","type":"input_json_delta"}]}]"#,
        r#"[{"role":"assistant","parts":[{"type":"text","content":"Wait."},{"type":"tool_call","id":"t1","name":"w","arguments":{"city":"Paris"}}]}]"#,
    ),
    (
        "LangChain, the repr of a list", Side::Input,
        r#"[SystemMessage(content='Be brief.', additional_kwargs={}, response_metadata={}), HumanMessage(content="What's up?", additional_kwargs={}, response_metadata={}), AIMessage(content='', additional_kwargs={}, id='r-1', tool_calls=[{'name': 'w', 'args': {'city': 'Paris'}, 'id': 'c1', 'type': 'tool_call'}]), ToolMessage(content='22C', tool_call_id='c1'), langchain_core.messages.AIMessageChunk(content='Rain.')]"#,
        r#"[{"role":"system","parts":[{"type":"text","content":"Be brief."}]},{"role":"user","parts":[{"type":"text","content":"What's up?"}]},{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"w","arguments":{"city":"Paris"}}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":"22C","result":"22C"}]},{"role":"assistant","parts":[{"type":"text","content":"Rain."}]}]"#,
    ),
    (
        "a list of messages as JSON", Side::Input,
        r#"["{\"role\":\"user\",\"content\":\"Why?\"}","{\"role\":\"assistant\",\"content\":\"So.\"}"]"#,
        r#"[{"role":"user","parts":[{"type":"text","content":"Why?"}]},{"role":"assistant","parts":[{"type":"text","content":"So."}]}]"#,
    ),
    (
        "a list that is an answer", Side::Output,
        r#"["{\"name\":\"Vienna\"}","red"]"#,
        r#"[{"role":"assistant","parts":[{"type":"text","content":"[\"{\\\"name\\\":\\\"Vienna\\\"}\",\"red\"]"}]}]"#,
    ),
    (
        "the same in pieces", Side::Output,
        r#"[{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"w","input":""},{"partial_json":"{\"city\":","type":"input_json_delta"},{"partial_json":"\"Paris\"}","type":"input_json_delta"},{"type":"tool_use","id":"t2","name":"w","input":{"city":"Rome"}}]}]"#,
        r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"t1","name":"w","arguments":{"city":"Paris"}},{"type":"tool_call","id":"t2","name":"w","arguments":{"city":"Rome"}}]}]"#,
    ),
    (
        "Mastra", Side::Output,
        r#"{"files":[],"reasoning":[],"sources":[],"text":"Paris.","warnings":[]}"#,
        r#"[{"role":"assistant","parts":[{"type":"text","content":"Paris."}]}]"#,
    ),
    (
        "Google ADK 1.14", Side::Output,
        r#"{"content":{"parts":[{"function_call":{"id":"fc-1","args":{"city":"Paris"},"name":"get_weather"}}],"role":"model"},"finish_reason":"STOP","usage_metadata":{"total_token_count":59}}"#,
        r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"fc-1","name":"get_weather","arguments":{"city":"Paris"}}],"finish_reason":"STOP"}]"#,
    ),
    (
        "adk-rust 2.3", Side::Input,
        r#"{"model":"gpt-4o","contents":[{"role":"user","parts":[{"text":"Hi"},{"mime_type":"image/png","data":[137,80,78,71]},{"mime_type":"image/png","file_uri":"https://x.y/a.png"}]},{"role":"model","parts":[{"thinking":"Hm.","signature":"s"},{"name":"get_weather","args":{"city":"Paris"},"id":"call_1"}]},{"role":"function","parts":[{"functionResponse":{"name":"get_weather","response":{"w":1}},"id":"call_1"}]}],"config":null}"#,
        r#"[{"role":"user","parts":[{"type":"text","content":"Hi"},{"type":"blob","modality":"image","mime_type":"image/png","content":"[Blob substitute]"},{"type":"uri","modality":"image","mime_type":"image/png","uri":"https://x.y/a.png"}]},{"role":"assistant","parts":[{"type":"reasoning","content":"Hm."},{"type":"tool_call","id":"call_1","name":"get_weather","arguments":{"city":"Paris"}}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"call_1","name":"get_weather","response":{"w":1},"result":"{\"w\":1}"}]}]"#,
    ),
    (
        "an answer that looks like a part of adk-rust's", Side::Output,
        r#"{"args":{"city":"Paris"},"name":"plan"}"#,
        r#"[{"role":"assistant","parts":[{"type":"text","content":"{\"args\":{\"city\":\"Paris\"},\"name\":\"plan\"}"}]}]"#,
    ),
    (
        "semantic-kernel", Side::Output,
        r#"[{"role":"assistant","content":"Paris.","name":"agent","finish_reason":"FinishReason.STOP"}]"#,
        r#"[{"role":"assistant","name":"agent","parts":[{"type":"text","content":"Paris."}],"finish_reason":"stop"}]"#,
    ),
    (
        "Vercel AI SDK 7, everything in one answer", Side::Output,
        r#"[{"role":"assistant","parts":[{"type":"text","content":"Let me see."},{"type":"tool_call","id":"c1","name":"f","arguments":{}},{"type":"tool_call_response","id":"c1","response":{"temp":14}}],"finish_reason":"tool-calls"}]"#,
        r#"[{"role":"assistant","parts":[{"type":"text","content":"Let me see."},{"type":"tool_call","id":"c1","name":"f","arguments":{}},{"type":"tool_call_response","id":"c1","response":{"temp":14},"result":"{\"temp\":14}"}],"finish_reason":"tool-calls"}]"#,
    ),
    (
        "pydantic-ai, all kinds of media", Side::Input,
        r#"[{"role":"user","parts":[{"type":"text","content":"Look."},{"type":"image-url","url":"https://example.com/a.png"},{"type":"document-url","url":"https://example.com/a.pdf"},{"type":"binary","media_type":"image/png","content":"iVBORw0KGgo="}]}]"#,
        r#"[{"role":"user","parts":[{"type":"text","content":"Look."},{"type":"uri","modality":"image","mime_type":"unknown","uri":"https://example.com/a.png"},{"type":"uri","modality":"document","mime_type":"unknown","uri":"https://example.com/a.pdf"},{"type":"blob","modality":"image","mime_type":"image/png","content":"[Blob substitute]"}]}]"#,
    ),
    (
        "pydantic-ai, format 1", Side::Input,
        r#"[{"event.name":"gen_ai.user.message","role":"user","content":["What is it?",{"kind":"image-url","url":"https://x.y/a.png?sig=SECRET"},{"kind":"binary","media_type":"image/png","binary_content":"iVBORw0KGgo="},{"kind":"text"}]}]"#,
        r#"[{"role":"user","parts":[{"type":"text","content":"What is it?"},{"type":"uri","modality":"image","mime_type":"unknown","uri":"https://x.y/a.png"},{"type":"blob","modality":"image","mime_type":"image/png","content":"[Blob substitute]"}]}]"#,
    ),
    (
        "pydantic-ai, format 1, an answer", Side::Output,
        r#"[{"event.name":"gen_ai.choice","index":0,"message":{"role":"assistant","content":[{"kind":"thinking","text":"hmm"},{"kind":"text","text":"It is 22C"}]}}]"#,
        r#"[{"role":"assistant","parts":[{"type":"reasoning","content":"hmm"},{"type":"text","content":"It is 22C"}]}]"#,
    ),
    (
        "pydantic-ai, format 1, without content", Side::Output,
        r#"[{"event.name":"gen_ai.choice","index":0,"message":{"role":"assistant","content":[{"kind":"thinking"},{"kind":"text"}],"tool_calls":[{"id":"c1","type":"function","function":{"name":"w"}}]}}]"#,
        r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"w"}]}]"#,
    ),
    (
        "objects of a kind of their own", Side::Input,
        r#"[{"role":"user","content":[{"kind":"text","label":"x"},{"kind":"chart","text":"y"}]}]"#,
        r#"[{"role":"user","parts":[{"type":"object","content":{"kind":"text","label":"x"}},{"type":"object","content":{"kind":"chart","text":"y"}}]}]"#,
    ),
    (
        "OpenTelemetry, a tool that answers null", Side::Input,
        r#"[{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":null}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"c2","result":null}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"c3"}]}]"#,
        r#"[{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":null,"result":null}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"c2","response":null,"result":null}]}]"#,
    ),
    (
        "OpenLLMetry's OpenAI agents, a tool's answer twice", Side::Input,
        r#"[{"role":"tool","parts":[{"type":"text","content":"{\"a\": 1}"},{"type":"tool_call_response","id":"c1","result":"{\"a\": 1}"},{"type":"text","content":"see"}]}]"#,
        r#"[{"role":"tool","parts":[{"type":"text","content":"see"}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":"{\"a\": 1}","result":"{\"a\": 1}"}]}]"#,
    ),
    (
        "OpenAI, a tool that answers null", Side::Input,
        r#"[{"role":"tool","tool_call_id":"c1","content":null},{"role":"tool","tool_call_id":"c2"},{"role":"tool","content":null}]"#,
        r#"[{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":null,"result":null}]}]"#,
    ),
    (
        "Mistral, a document", Side::Input,
        r#"[{"role":"user","content":[{"type":"text","text":"Sum up."},{"type":"document_url","document_url":"https://example.com/b.pdf"}]}]"#,
        r#"[{"role":"user","parts":[{"type":"text","content":"Sum up."},{"type":"uri","modality":"document","mime_type":"unknown","uri":"https://example.com/b.pdf"}]}]"#,
    ),
    (
        "OpenAI, a custom tool", Side::Output,
        r#"[{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"custom","custom":{"name":"code_exec","input":"print(1)"}}]}]"#,
        r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"code_exec","arguments":"print(1)"}]}]"#,
    ),
    (
        "JSON that was cut off", Side::Input,
        r#"[{"role":"user","parts":[{"type":"text","content":"Why is the sky"#,
        r#"[{"role":"user","parts":[{"type":"text","content":"Why is the sky"}]}]"#,
    ),
    (
        "roles of other worlds", Side::Input,
        r#"[{"role":"developer","content":"Be brief."},{"role":"human","content":"Hi"},{"role":"model","content":"Hello"},{"role":"function","name":"f","content":"1"},{"role":"narrator","content":"So it was."}]"#,
        r#"[{"role":"system","parts":[{"type":"text","content":"Be brief."}]},{"role":"user","parts":[{"type":"text","content":"Hi"}]},{"role":"assistant","parts":[{"type":"text","content":"Hello"}]},{"role":"tool","parts":[{"type":"tool_call_response","name":"f","response":"1","result":"1"}]},{"role":"user","parts":[{"type":"text","content":"So it was."}]}]"#,
    ),
    (
        "OpenInference's LangChain, Gemini's first call in an older form, too", Side::Output,
        r#"[{"role":"assistant","tool_calls":[{"id":"c1","function":{"name":"w","arguments":"{\"city\": \"Rome\"}"}},{"id":"c2","function":{"name":"w","arguments":"{\"city\": \"Oslo\"}"}},{"type":"function","function":{"name":"w","arguments":"{\"city\":\"Rome\"}"}}]}]"#,
        r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"w","arguments":{"city":"Rome"}},{"type":"tool_call","id":"c2","name":"w","arguments":{"city":"Oslo"}}]}]"#,
    ),
    (
        "OpenLLMetry's LangChain, Gemini's first call in an older form, too", Side::Output,
        r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"","name":"w","arguments":{"city":"Rome"}},{"type":"tool_call","id":"c1","name":"w","arguments":{"city":"Rome"}}],"finish_reason":"STOP"}]"#,
        r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"w","arguments":{"city":"Rome"}}],"finish_reason":"STOP"}]"#,
    ),
    (
        "calls without ids that differ from those with one", Side::Output,
        r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"w","arguments":{"city":"Rome"}},{"type":"tool_call","name":"w","arguments":{"city":"Oslo"}}]}]"#,
        r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"w","arguments":{"city":"Rome"}},{"type":"tool_call","name":"w","arguments":{"city":"Oslo"}}]}]"#,
    ),
    (
        "LangChain, a stream of Anthropic's, joined beside an empty input", Side::Output,
        r#"[{"role":"assistant","content":[{"id":"t1","input":{},"name":"w","type":"tool_use","index":0,"partial_json":"{\"city\": \"Rome\"}"}]}]"#,
        r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"t1","name":"w","arguments":{"city":"Rome"}}]}]"#,
    ),
    (
        "LangChain, a stream of Anthropic's, in pieces behind an empty input", Side::Output,
        r#"[{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"w","input":{}},{"partial_json":"{\"city\":","type":"input_json_delta"},{"partial_json":"\"Paris\"}","type":"input_json_delta"}]}]"#,
        r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"t1","name":"w","arguments":{"city":"Paris"}}]}]"#,
    ),
    (
        "LangChain, a response of OpenAI's", Side::Output,
        r#"[{"type":"ai","content":[{"type":"text","text":"Hi"}],"response_metadata":{"object":"response","status":"completed"},"tool_calls":[]}]"#,
        r#"[{"role":"assistant","parts":[{"type":"text","content":"Hi"}],"finish_reason":"stop"}]"#,
    ),
    (
        "LangChain, a response of OpenAI's that calls a tool", Side::Output,
        r#"[{"type":"ai","content":[],"response_metadata":{"object":"response","status":"completed"},"tool_calls":[{"name":"w","args":{},"id":"c1"}]}]"#,
        r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"w","arguments":{}}],"finish_reason":"tool_calls"}]"#,
    ),
    (
        "LangChain, reasoning of OpenAI's before version 1", Side::Output,
        r#"[{"type":"ai","content":"Hi","additional_kwargs":{"reasoning":{"id":"rs_1","summary":[{"type":"summary_text","text":"Hm"}],"type":"reasoning"}}}]"#,
        r#"[{"role":"assistant","parts":[{"type":"reasoning","content":"Hm"},{"type":"text","content":"Hi"}]}]"#,
    ),
    (
        "LangChain, a response of OpenAI's that is too long", Side::Output,
        r#"[{"type":"ai","content":"Hi","response_metadata":{"object":"response","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}}]"#,
        r#"[{"role":"assistant","parts":[{"type":"text","content":"Hi"}],"finish_reason":"length"}]"#,
    ),
    (
        "trpc-agent-go, which also has an empty chunk", Side::Output,
        r#"[{"index":0,"message":{"role":"assistant","content":"Hi"},"delta":{"role":""},"finish_reason":"stop"}]"#,
        r#"[{"role":"assistant","parts":[{"type":"text","content":"Hi"}],"finish_reason":"stop"}]"#,
    ),
    (
        "trpc-agent-go", Side::Input,
        r#"[{"role":"tool","content":"rain","tool_id":"c1","tool_name":"w"}]"#,
        r#"[{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","name":"w","response":"rain","result":"rain"}]}]"#,
    ),
    (
        "a tool's answer by hand", Side::Input,
        r#"[{"role":"tool","tool_call_id":"c1","query":"Wien","output":"rain"}]"#,
        r#"[{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":"rain","result":"rain"}]}]"#,
    ),
    (
        "Cohere's older API", Side::Input,
        r#"[{"role":"USER","message":"Rain?"},{"role":"CHATBOT","message":"No."}]"#,
        r#"[{"role":"user","parts":[{"type":"text","content":"Rain?"}]},{"role":"assistant","parts":[{"type":"text","content":"No."}]}]"#,
    ),
    (
        "a text by hand", Side::Output,
        r#"[{"role":"assistant","answer":"Hi"},{"role":"assistant","name":"ann"}]"#,
        r#"[{"role":"assistant","parts":[{"type":"text","content":"Hi"}]}]"#,
    ),
    (
        "calls as text", Side::Output,
        r#"[{"role":"assistant","content":null,"tool_calls":"[{\"id\":\"c1\",\"name\":\"w\"}]"}]"#,
        r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"w"}]}]"#,
    ),
    (
        "a call by hand", Side::Output,
        r#"[{"role":"assistant","tool_call":{"id":"c1","name":"w","arguments":{"city":"Wien"}}}]"#,
        r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"w","arguments":{"city":"Wien"}}]}]"#,
    ),
    (
        "Azure's SDK for JavaScript", Side::Input,
        r#"[{"role":"user","parts":[{"type":"text","content":[{"type":"input_text","text":"Rain?"},{"type":"input_image","image_url":"https://e.example/a.png"}]}]}]"#,
        r#"[{"role":"user","parts":[{"type":"text","content":"Rain?"},{"type":"uri","modality":"image","mime_type":"unknown","uri":"https://e.example/a.png"}]}]"#,
    ),
    (
        "langchain-rust 7", Side::Input,
        r#"[{"content":"Be brief.","message_type":"system","id":null,"tool_calls":null,"images":null},{"content":"Rain?","message_type":"human","id":null,"tool_calls":null,"images":null},{"content":"","message_type":"ai","id":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"w","arguments":"{\"city\":\"Wien\"}"}}],"images":null},{"content":"rain","message_type":"tool","id":"c1","tool_calls":null,"images":null}]"#,
        r#"[{"role":"system","parts":[{"type":"text","content":"Be brief."}]},{"role":"user","parts":[{"type":"text","content":"Rain?"}]},{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"w","arguments":{"city":"Wien"}}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":"rain","result":"rain"}]}]"#,
    ),
];

#[test]
fn messages_of_real_libraries_are_read() {
    for (library, side, written, expected) in SPELLINGS {
        let expected: Value = serde_json::from_str(expected).unwrap();
        assert_eq!(shown(written, *side), expected, "{library}");
        assert_eq!(
            shown(&expected.to_string(), *side),
            expected,
            "{library}, once more"
        );
    }
}
