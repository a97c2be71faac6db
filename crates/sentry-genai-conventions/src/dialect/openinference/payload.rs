//! The whole request and answer, where they say more than the flattened messages.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    INPUT_MESSAGES, INPUT_VALUE, INVOCATION_PARAMETERS, OUTPUT_MESSAGES, OUTPUT_VALUE,
    messages::message, put_missing_counts, requests,
};
use crate::{
    Attributes,
    dialect::{
        INPUT, OUTPUT, indexed,
        json::{self, Object},
    },
};

/// Returns whether the flattened messages of an instrumentation may say less than the whole request.
pub(super) fn may_be_incomplete(scope: &str) -> bool {
    INCOMPLETE_FLATTENING.contains(&scope)
}

const INCOMPLETE_FLATTENING: &[&str] = &[
    "@arizeai/openinference-instrumentation-anthropic",
    "@arizeai/openinference-instrumentation-bedrock",
    "@arizeai/openinference-instrumentation-langchain",
    "@arizeai/openinference-instrumentation-openai",
    "openinference.instrumentation.agno",
    "openinference.instrumentation.anthropic",
    "openinference.instrumentation.langchain",
    requests::LITELLM,
    requests::mistral::SCOPE,
    requests::OPENAI,
];

/// Removes flattened messages if the whole request or answer says more:
///
/// * Calls have no ids among the flattened answers, as LangChain's, or Anthropic's in older versions.
/// * A message of the request has only its role, as instructions made of blocks do, its name, or the id of the call that it
///   answers.
/// * A message of the request is missing, as Mistral's own objects are.
/// * Calls in the request have no ids, or no names, as those of OpenAI's custom tools.
/// * Answers of tools do not say which call they answer, as litellm's, or some are missing, as Anthropic's in older versions.
/// * A message of the user's has both a text and answers of tools, as Bedrock's in JavaScript.
/// * The request has calls and answers of tools that the provider runs, recordings or files.
/// * The request has instructions that are not a message.
/// * Only the first of several choices is flattened, as OpenAI's in JavaScript.
pub(super) fn prefer_to_flattened(attributes: &mut Attributes) {
    if asks_for_choices(attributes) && has_more_choices(attributes) {
        attributes.remove_prefix(OUTPUT_MESSAGES);
    }
    if has_calls_without_id(attributes, OUTPUT_MESSAGES)
        && json::object(attributes, OUTPUT_VALUE).is_some_and(|answer| {
            answer.get("generations").is_some_and(Value::is_array) || is_anthropic_message(&answer)
        })
    {
        attributes.remove_prefix(OUTPUT_MESSAGES);
    }
    let is_incomplete = has_empty_message(attributes)
        || lacks_message(attributes)
        || has_calls_without_id(attributes, INPUT_MESSAGES)
        || has_calls_without_name(attributes, INPUT_MESSAGES)
        || lacks_tool_answers(attributes)
        || has_mixed_message(attributes)
        || attributes
            .text(INPUT_VALUE)
            .is_some_and(has_unflattened_parts);
    if !is_incomplete && has_system_message(attributes) {
        return;
    }
    let Some(request) = json::object(attributes, INPUT_VALUE) else {
        return;
    };
    let has_messages = request.contains_key("messages")
        || is_incomplete && request.get("input").is_some_and(Value::is_array);
    if has_messages && (is_incomplete || request.contains_key("system")) {
        attributes.remove_prefix(INPUT_MESSAGES);
    }
}

/// Returns whether a request asks for more than one choice.
pub(super) fn asks_for_choices(attributes: &Attributes) -> bool {
    let parameters = attributes.text(INVOCATION_PARAMETERS);
    // Most requests are ruled out without parsing the JSON.
    parameters.is_some_and(|text| text.contains(r#""n":"#))
        && json::object(attributes, INVOCATION_PARAMETERS)
            .and_then(|parameters| parameters.get("n")?.as_u64())
            .is_some_and(|choices| choices > 1)
}

/// Returns whether the whole answer has more choices than are flattened.
fn has_more_choices(attributes: &Attributes) -> bool {
    let numbers = attributes.iter().filter_map(|(key, _)| {
        let (number, _) = key.strip_prefix(OUTPUT_MESSAGES)?.split_once('.')?;
        Some(number)
    });
    let flattened = numbers.collect::<HashSet<_>>().len();
    json::object(attributes, OUTPUT_VALUE)
        .and_then(|answer| Some(answer.get("choices")?.as_array()?.len() > flattened))
        .unwrap_or_default()
}

/// Iterates over the attributes of flattened input messages: the number of the message, the path in it, and the value.
fn flattened_input(
    attributes: &Attributes,
) -> impl Iterator<Item = (&str, &str, crate::Value<'_>)> {
    attributes.iter().filter_map(|(key, value)| {
        let (number, path) = key.strip_prefix(INPUT_MESSAGES)?.split_once('.')?;
        Some((number, path, value))
    })
}

/// Returns whether an input message has nothing but its role, its name and the id of the call that it answers.
fn has_empty_message(attributes: &Attributes) -> bool {
    let mut without_content = HashSet::new();
    let mut with_content = HashSet::new();
    for (number, path, _) in flattened_input(attributes) {
        let numbers = match path {
            "message.role" | "message.name" | "message.tool_call_id" => &mut without_content,
            _ => &mut with_content,
        };
        numbers.insert(number);
    }
    !without_content.is_subset(&with_content)
}

/// Returns whether a number is left out among those of the input messages.
fn lacks_message(attributes: &Attributes) -> bool {
    let numbers: HashSet<usize> = flattened_input(attributes)
        .filter_map(|(number, ..)| number.parse().ok())
        .collect();
    numbers
        .iter()
        .max()
        .is_some_and(|last| *last >= numbers.len())
}

/// Returns whether the whole request has more answers of tools that name their call.
fn lacks_tool_answers(attributes: &Attributes) -> bool {
    let request = attributes.text(INPUT_VALUE).unwrap_or_default();
    let ids = [r#""tool_call_id""#, r#""tool_use_id""#];
    let in_request: usize = ids.map(|id| request.matches(id).count()).iter().sum();
    let flattened =
        flattened_input(attributes).filter(|(_, path, _)| path.ends_with(".tool_call_id"));
    in_request > flattened.count()
}

/// Returns whether a message of the user's has a text, and the id of a call that it answers without the answer.
fn has_mixed_message(attributes: &Attributes) -> bool {
    let of = |wanted: fn(&str, crate::Value<'_>) -> bool| -> HashSet<&str> {
        flattened_input(attributes)
            .filter(|(_, path, value)| wanted(path, *value))
            .map(|(number, ..)| number)
            .collect()
    };
    let answers = of(|path, _| path == "message.tool_call_id");
    let users = of(|path, value| path == "message.role" && value == crate::Value::Str("user"));
    let texts = of(|path, _| path.starts_with("message.contents."));
    (answers.iter()).any(|number| users.contains(number) && texts.contains(number))
}

fn has_system_message(attributes: &Attributes) -> bool {
    let is_system =
        |path: &str, value| path == "message.role" && value == crate::Value::Str("system");
    flattened_input(attributes).any(|(_, path, value)| is_system(path, value))
}

fn has_image(attributes: &Attributes) -> bool {
    flattened_input(attributes).any(|(_, path, _)| path.contains("message_content.image"))
}

/// Prefers the items of a request of OpenAI's agents if some are missing or empty among the flattened attributes. The instructions
/// are not an item and stay.
pub(super) fn prefer_items(attributes: &mut Attributes) {
    let request = attributes.text(INPUT_VALUE).unwrap_or_default();
    let is_incomplete = has_empty_message(attributes)
        || has_unflattened_parts(request)
        || [r#""image_url""#, r#""input_image""#]
            .iter()
            .any(|it| request.contains(it))
            && !has_image(attributes);
    if !is_incomplete {
        return;
    }
    let Some(Value::Array(mut items)) = json::read(attributes, INPUT_VALUE) else {
        return;
    };
    if let Some(Value::Array(fields)) = indexed::take(attributes, INPUT_MESSAGES) {
        let is_system = |role: &Value| role == "system";
        let mut instructions: Vec<_> = fields
            .into_iter()
            .filter(|item| item.pointer("/message/role").is_some_and(is_system))
            .filter_map(|item| message(item, "system"))
            .collect();
        let system_items = items.iter().filter_map(|item| item.get("role"));
        let system_items = system_items.filter(|role| is_system(role)).count();
        instructions.truncate(instructions.len().saturating_sub(system_items));
        items.splice(..0, instructions);
    }
    json::put(attributes, INPUT, items.into());
}

/// Reads the counts of a stream of chat completions, which OpenAI's agents turn into a list of one response.
pub(super) fn read_counts_of_stream(attributes: &mut Attributes) {
    if let Some(Value::Array(responses)) = json::read(attributes, OUTPUT_VALUE)
        && let [response] = responses.as_slice()
        && let Some(Value::Object(usage)) = response.get("usage")
    {
        put_missing_counts(attributes, usage);
    }
}

/// Prefers the messages of the whole request and answer if only these have the ids of calls, as Mistral's do, or their names, as
/// OpenAI's do for custom tools.
pub(super) fn prefer_with_call_ids(attributes: &mut Attributes) {
    for (prefix, payload, messages) in [
        (INPUT_MESSAGES, INPUT_VALUE, "messages"),
        (OUTPUT_MESSAGES, OUTPUT_VALUE, "choices"),
    ] {
        if (has_calls_without_id(attributes, prefix) || has_calls_without_name(attributes, prefix))
            && let Some(object) = json::object(attributes, payload)
            && let Some(messages) = object
                .get(messages)
                .filter(|messages| has_calls_with_id(messages))
        {
            let messages = messages.to_string();
            attributes.remove_prefix(prefix);
            attributes.set(payload, messages);
        }
    }
}

/// Returns whether messages, or choices that hold messages, have tool calls with ids.
fn has_calls_with_id(messages: &Value) -> bool {
    let mut items = messages.as_array().into_iter().flatten();
    items.any(|item| {
        let message = item.get("message").unwrap_or(item);
        let mut calls = message["tool_calls"].as_array().into_iter().flatten();
        calls.any(|call| call["id"].is_string())
    })
}

/// Returns whether any call among the messages has a name, but no id to match its result with.
fn has_calls_without_id(attributes: &Attributes, prefix: &str) -> bool {
    let [named, identified] = named_and_identified_calls(attributes, prefix);
    !named.is_subset(&identified)
}

/// Returns whether any call among the messages has an id, but no name.
fn has_calls_without_name(attributes: &Attributes, prefix: &str) -> bool {
    let [named, identified] = named_and_identified_calls(attributes, prefix);
    !identified.is_subset(&named)
}

/// Returns which calls have a name, and which an id.
fn named_and_identified_calls<'a>(
    attributes: &'a Attributes,
    prefix: &str,
) -> [HashSet<&'a str>; 2] {
    let ends = [".tool_call.function.name", ".tool_call.id"];
    ends.map(|end| {
        let keys = attributes.iter().map(|(key, _)| key);
        let prefixed = keys.filter(|key| key.starts_with(prefix));
        prefixed.filter_map(|key| key.strip_suffix(end)).collect()
    })
}

/// Prefers the whole response if only that has what the provider's own tools did, or the reasoning.
pub(super) fn prefer_response(attributes: &mut Attributes) {
    if attributes
        .text(OUTPUT_VALUE)
        .is_some_and(has_unflattened_parts)
        && let Some(response) = json::read(attributes, OUTPUT_VALUE)
        && is_whole_answer(&response)
    {
        json::put(attributes, OUTPUT, response);
    }
}

/// Recognises an answer of a provider, of LangChain, or a list of messages as OpenAI's agents have them for chat completions.
fn is_whole_answer(answer: &Value) -> bool {
    match answer {
        Value::Object(answer) => {
            is_openai_response(answer)
                || is_anthropic_message(answer)
                || ["choices", "generations"]
                    .iter()
                    .any(|key| answer.get(*key).is_some_and(Value::is_array))
        }
        Value::Array(messages) => messages
            .iter()
            .all(|message| message["role"] == "assistant"),
        _ => false,
    }
}

/// Returns whether a request or an answer has parts that are missing or empty among the flattened attributes.
fn has_unflattened_parts(payload: &str) -> bool {
    const PART_TYPES: &[&str] = &[
        r#""apply_patch_call""#,
        r#""code_interpreter_call""#,
        r#""computer_call""#,
        r#""custom_tool_call""#,
        r#""file_data""#,
        r#""file_id""#,
        r#""file_search_call""#,
        r#""image_generation_call""#,
        r#""input_audio""#,
        r#""input_file""#,
        r#""local_shell_call""#,
        r#""mcp_approval_request""#,
        r#""mcp_approval_response""#,
        r#""mcp_call""#,
        r#""mcp_list_tools""#,
        // The field of a message, and the type of a part of LangChain's.
        r#""reasoning_content":""#,
        r#""reasoning_content": ""#,
        r#""type": "reasoning_content""#,
        r#""server_tool_use""#,
        r#""shell_call""#,
        r#""summary_text""#,
        r#""thinking""#,
        r#""web_search_call""#,
    ];

    PART_TYPES.iter().any(|kind| payload.contains(kind))
}

/// Recognises a response of OpenAI's by its `object` field.
pub(super) fn is_openai_response(answer: &Object) -> bool {
    answer.get("object").and_then(Value::as_str) == Some("response")
}

/// Recognises an answer of Anthropic's, which is a message.
fn is_anthropic_message(answer: &Object) -> bool {
    answer.get("type").and_then(Value::as_str) == Some("message")
        && answer.get("content").is_some_and(Value::is_array)
}
