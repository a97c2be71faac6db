//! Renders spans as the conversation they belong to.

mod messages;
mod turns;

use std::collections::HashMap;

use self::turns::{Content, Conversation, Turn};
use crate::{
    ReceivedSpan,
    tree::{seconds, shorten, start, status, tokens},
};

/// Renders the conversations that `spans` belong to, arranged as on Sentry's Conversations page.
///
/// Each model call is a turn. It shows the last message of the user (once), the tools that ended since the previous call, the
/// model's reasoning, its answer, and the tools it asked for. Media appear as `[redacted content of type "image/png"]`. A
/// conversation without any messages explains how to switch them on. Spans without `gen_ai.conversation.id` come last; Sentry's
/// page does not show them.
///
/// ```text
/// conversation conv_01J
///   system     Be brief.
///
///   1. chat gpt-5-mini · in 42 (16 cached) out 17 (5 reasoning) · 500 ms · ok
///   user       Weather in Vienna?
///   calls      get_weather({"city":"Vienna"})
///
///   2. chat gpt-5-mini · in 42 (16 cached) out 17 (5 reasoning) · 600 ms · ok
///   tool       get_weather({"city":"Vienna"}) → 4 °C   [4.2 ms, ok]
///   assistant  It is 4 °C.
/// ```
#[must_use]
pub fn render_transcript(spans: &[ReceivedSpan]) -> String {
    let mut conversations: Vec<(Option<&str>, Vec<&ReceivedSpan>)> = Vec::new();
    let mut known = HashMap::new();
    for span in spans {
        let id = span.conversation_id();
        let index = *known.entry(id).or_insert(conversations.len());
        match conversations.get_mut(index) {
            Some((_, members)) => members.push(span),
            None => conversations.push((id, vec![span])),
        }
    }
    conversations.sort_by(|(a_id, a), (b_id, b)| {
        let by_start = start(a).total_cmp(&start(b));
        a_id.is_none().cmp(&b_id.is_none()).then(by_start)
    });
    let sections = conversations.iter().filter_map(|(id, members)| {
        let conversation = Conversation::assemble(members);
        let is_empty = conversation.turns.is_empty() && conversation.late_tools.is_empty();
        (!is_empty).then(|| render(*id, &conversation))
    });
    sections.collect::<Vec<_>>().join("\n")
}

fn render(id: Option<&str>, conversation: &Conversation<'_>) -> String {
    let mut page = Page::default();
    match id {
        Some(id) => page.line(&format!("conversation {id}")),
        None => page.line("no conversation (gen_ai.conversation.id is missing, the Conversations page shows none of this)"),
    }
    if conversation.content == Content::Absent {
        page.line("  The spans carry no messages. Either capturing content is off (send_default_pii, or capture_inputs and");
        page.line(
            "  capture_outputs; --pii on the command line), or the library has recorded none.",
        );
    }
    if let Some(system) = &conversation.system {
        page.labelled("system", system);
    }
    for (index, turn) in conversation.turns.iter().enumerate() {
        page.turn(index + 1, turn);
    }
    if !conversation.late_tools.is_empty() {
        page.line("");
        page.line("  ended after the last model call, shown in no turn");
        for tool in &conversation.late_tools {
            page.tool(tool);
        }
    }
    page.0
}

/// Text in two columns: who speaks, and what is said.
#[derive(Default)]
struct Page(String);

/// The length, in characters, to which arguments and results of tools are cut.
const TOOL_LIMIT: usize = 200;

impl Page {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn labelled(&mut self, who: &str, what: &str) {
        for (index, line) in what.lines().enumerate() {
            let who = if index == 0 { who } else { "" };
            self.line(format!("  {who:<10} {line}").trim_end());
        }
    }

    fn turn(&mut self, number: usize, turn: &Turn<'_>) {
        let call = turn.call;
        let summary = [
            call.name.clone(),
            call.agent_name().unwrap_or_default().to_owned(),
            tokens(call),
            seconds(call.duration()),
            status(call),
        ];
        let merged = match turn.merged {
            0 => String::new(),
            count => format!("after {count} without text"),
        };
        let summary = summary.into_iter().chain([merged]);
        let summary: Vec<_> = summary.filter(|it| !it.is_empty()).collect();
        self.line("");
        self.line(&format!("  {number}. {}", summary.join(" · ")));
        if let Some(question) = &turn.question {
            self.labelled("user", question);
        }
        for tool in &turn.tools {
            self.tool(tool);
        }
        for reasoning in &turn.reasoning {
            self.labelled("thinking", reasoning);
        }
        if let Some(answer) = &turn.answer {
            self.labelled("assistant", answer);
        }
        for (name, arguments) in &turn.tool_calls {
            self.labelled(
                "calls",
                &format!("{name}({})", shorten(arguments, TOOL_LIMIT)),
            );
        }
    }

    fn tool(&mut self, tool: &ReceivedSpan) {
        // Sentry's page cannot show a tool without its name.
        let name = tool
            .str("gen_ai.tool.name")
            .unwrap_or("(gen_ai.tool.name is missing)");
        let part = |key: &str| {
            tool.attr(key).map(|value| match value.as_str() {
                Some(text) => shorten(text, TOOL_LIMIT),
                None => value.to_string(),
            })
        };
        let mut text = name.to_owned();
        if let Some(arguments) = part("gen_ai.tool.call.arguments") {
            text = format!("{text}({arguments})");
        }
        if let Some(result) = part("gen_ai.tool.call.result") {
            text = format!("{text} → {result}");
        }
        let text = format!("{text}   [{}, {}]", seconds(tool.duration()), status(tool));
        self.labelled("tool", &text);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::render_transcript;
    use crate::sample;

    #[test]
    fn a_conversation_is_rendered() {
        assert_eq!(
            render_transcript(&sample::weather_agent()),
            r#"conversation conv_01J
  system     Be brief.

  1. chat gpt-5-mini · in 42 (16 cached) out 17 (5 reasoning) · 500 ms · ok
  user       Weather in Vienna?
  thinking   I need the tool.
  calls      get_weather({"city":"Vienna"})

  2. chat gpt-5-mini · in 42 (16 cached) out 17 (5 reasoning) · 600 ms · ok
  tool       get_weather({"city":"Vienna"}) → 4 °C   [4.2 ms, error timeout]
  assistant  It is 4 °C.
             Take a coat.
             [redacted content of type "image/png"]
"#
        );
    }

    #[test]
    fn missing_content_and_late_tools_are_explained() {
        let tool = json!({"gen_ai.tool.name": "add"});
        let spans = [
            sample::span(
                "1",
                None,
                "embeddings m",
                "gen_ai.embeddings",
                [0.0, 1.0],
                json!({}),
            ),
            sample::span("2", None, "chat m", "gen_ai.chat", [1.0, 2.0], json!({})),
            sample::span(
                "3",
                None,
                "execute_tool add",
                "gen_ai.execute_tool",
                [2.0, 3.0],
                tool,
            ),
        ];
        assert_eq!(
            render_transcript(&spans),
            "\
conversation conv_01J
  The spans carry no messages. Either capturing content is off (send_default_pii, or capture_inputs and
  capture_outputs; --pii on the command line), or the library has recorded none.

  1. chat m · 1.00 s · ok

  ended after the last model call, shown in no turn
  tool       add   [1.00 s, ok]
"
        );
    }

    #[test]
    fn calls_without_text_are_part_of_the_next_turn() {
        let call = r#"[{"role":"assistant","parts":[{"type":"tool_call","name":"add","arguments":"{}"}]}]"#;
        let answer = r#"[{"role":"assistant","parts":[{"type":"text","content":"Done."}]}]"#;
        let chat = |id: &str, times: [f64; 2], output: &str| {
            let messages = json!({"gen_ai.output.messages": output});
            sample::span(id, None, "chat m", "gen_ai.chat", times, messages)
        };
        let spans = [chat("1", [1.0, 2.0], call), chat("2", [2.0, 3.0], answer)];
        assert_eq!(
            render_transcript(&spans),
            "\
conversation conv_01J

  1. chat m · 1.00 s · ok · after 1 without text
  assistant  Done.
  calls      add({})
"
        );
    }

    #[test]
    fn other_spellings_are_read() {
        let mut span = sample::span(
            "1",
            None,
            "chat m",
            "gen_ai.chat",
            [0.0, 1.0],
            json!({
                "gen_ai.input.messages": r#"{"messages":[{"role":"system","content":"Sys"},{"role":"user","content":[{"type":"text","text":"Hi"}]}]}"#,
                "gen_ai.output.messages": "cut off in the mid",
            }),
        );
        span.attributes.remove("gen_ai.conversation.id");
        let text = render_transcript(&[span]);
        assert!(text.starts_with("no conversation"), "{text}");
        for line in [
            "  system     Sys",
            "  user       Hi",
            "  assistant  cut off in the mid ~~",
        ] {
            assert!(text.lines().any(|it| it == line), "{text}");
        }
    }
}
