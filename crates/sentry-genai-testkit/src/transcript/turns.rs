//! Arranges the spans of a conversation as turns.

use std::collections::HashSet;

use super::messages::{self, Message, Part};
use crate::ReceivedSpan;

/// How Sentry classifies a span, by its operation.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Generation,
    Tool,
    Other,
}

fn role(span: &ReceivedSpan) -> Role {
    match span.op().strip_prefix("gen_ai.") {
        Some("execute_tool") => Role::Tool,
        Some("invoke_agent" | "create_agent" | "handoff" | "embeddings") | None => Role::Other,
        Some(operation) if operation.contains("memory") => Role::Other,
        Some(_) => Role::Generation,
    }
}

/// A model call, with the tools that ended since the previous one.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) call: &'a ReceivedSpan,
    /// What the user said, unless it was shown before.
    pub(super) question: Option<String>,
    pub(super) tools: Vec<&'a ReceivedSpan>,
    pub(super) reasoning: Vec<String>,
    pub(super) answer: Option<String>,
    /// The tools that the model asked for: name and arguments.
    pub(super) tool_calls: Vec<(String, String)>,
    /// How many preceding calls without text are merged into this turn.
    pub(super) merged: usize,
}

/// The spans of one conversation, as Sentry's page arranges them.
#[derive(Debug)]
pub(super) struct Conversation<'a> {
    pub(super) turns: Vec<Turn<'a>>,
    /// Tools that ended after the last model call; no turn shows them.
    pub(super) late_tools: Vec<&'a ReceivedSpan>,
    pub(super) system: Option<String>,
    pub(super) content: Content,
}

/// Whether the model calls carry messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Content {
    Present,
    Absent,
}

impl<'a> Conversation<'a> {
    pub(super) fn assemble(spans: &[&'a ReceivedSpan]) -> Self {
        let by_end_time = |wanted: Role| {
            let spans = spans.iter().copied();
            let mut spans: Vec<_> = spans.filter(|span| role(span) == wanted).collect();
            spans.sort_by(|a, b| a.end.total_cmp(&b.end));
            spans
        };
        let mut tools = by_end_time(Role::Tool).into_iter().peekable();
        let mut seen_questions = HashSet::new();
        let mut turns = Vec::new();
        let mut pending = Vec::new();
        let mut system = None;
        let mut content = Content::Absent;
        for call in by_end_time(Role::Generation) {
            let input = messages::read(call, "gen_ai.input.messages", "user");
            let output = messages::read(call, "gen_ai.output.messages", "assistant");
            if !input.is_empty() || !output.is_empty() {
                content = Content::Present;
            }
            system = system.or_else(|| system_text(call, &input));
            let question = last_question(&input);
            let mut turn = Turn::new(call, &output);
            while let Some(tool) = tools.next_if(|tool| tool.end <= call.end) {
                turn.tools.push(tool);
            }
            let has_text = question.is_some() || turn.answer.is_some();
            turn.question = question.filter(|text| seen_questions.insert(text.clone()));
            pending.push(turn);
            if has_text {
                turns.extend(Turn::merge(pending.drain(..)));
            }
        }
        // If no call has text, there is nothing to merge into.
        turns.append(&mut pending);
        Self {
            turns,
            late_tools: tools.collect(),
            system,
            content,
        }
    }
}

impl<'a> Turn<'a> {
    fn new(call: &'a ReceivedSpan, output: &[Message]) -> Self {
        let mut turn = Self {
            call,
            question: None,
            tools: Vec::new(),
            reasoning: Vec::new(),
            answer: None,
            tool_calls: Vec::new(),
            merged: 0,
        };
        let assistant_messages = output.iter().filter(|it| it.role == "assistant");
        let texts: Vec<_> = assistant_messages
            .clone()
            .filter_map(Message::text)
            .collect();
        if !texts.is_empty() {
            turn.answer = Some(texts.join("\n"));
        }
        for part in assistant_messages.flat_map(|message| &message.parts) {
            match part {
                Part::Text(_) => {}
                Part::Reasoning(text) => turn.reasoning.push(text.clone()),
                Part::ToolCall { name, arguments } => {
                    turn.tool_calls.push((name.clone(), arguments.clone()));
                }
            }
        }
        turn
    }

    /// Merges calls without text into the call with text that follows them, which names the turn.
    fn merge(turns: impl IntoIterator<Item = Self>) -> Option<Self> {
        turns.into_iter().reduce(|mut previous, mut turn| {
            previous.tools.append(&mut turn.tools);
            previous.reasoning.append(&mut turn.reasoning);
            previous.tool_calls.append(&mut turn.tool_calls);
            Self {
                tools: previous.tools,
                reasoning: previous.reasoning,
                tool_calls: previous.tool_calls,
                merged: previous.merged + 1,
                ..turn
            }
        })
    }
}

/// Returns the last message of the user, which the page takes for the question, however long the history is.
fn last_question(input: &[Message]) -> Option<String> {
    let last = input.iter().rev().find(|message| message.role == "user");
    last.and_then(Message::text)
}

fn system_text(call: &ReceivedSpan, input: &[Message]) -> Option<String> {
    let outside = messages::read(call, "gen_ai.system_instructions", "system");
    let texts: Vec<_> = outside.iter().filter_map(Message::text).collect();
    if texts.is_empty() {
        let inside = input.first().filter(|message| message.role == "system");
        inside.and_then(Message::text)
    } else {
        Some(texts.join("\n"))
    }
}
