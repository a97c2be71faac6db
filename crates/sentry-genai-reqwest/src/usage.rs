//! Token counts, as the APIs report them.

use tracing::Span;

use crate::{api::Api, members::Members};

/// Token counts as an API reports them. Some report parts of the input or output apart.
///
/// Parts are added only when a stream has ended, because its events may report them one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    input: Option<u64>,
    /// Gemini's results of tools that it calls itself, which `input` does not include.
    tools: Option<u64>,
    cache_read: Option<u64>,
    cache_creation: Option<u64>,
    output: Option<u64>,
    reasoning: Option<u64>,
    total: Option<u64>,
}

impl Usage {
    /// Reads the counts of a document. `document` is the whole answer, or an event of a streamed one.
    pub(crate) fn read(api: Api, document: &Members<'_>) -> Option<Self> {
        match api {
            Api::ChatCompletions | Api::Completions | Api::Embeddings => document
                .object("usage")
                // Groq's streams have it there if they have not been asked for it.
                .or_else(|| document.object("x_groq")?.object("usage"))
                .map(|usage| Self::of_openai(&usage, "prompt", "completion")),
            Api::Responses => document
                .object("usage")
                .map(|usage| Self::of_openai(&usage, "input", "output")),
            Api::Messages => document
                .object("usage")
                .map(|usage| Self::of_anthropic(&usage)),
            Api::GenerateContent => document
                .object("usageMetadata")
                .map(|usage| Self::of_gemini(&usage)),
            Api::OllamaChat | Api::OllamaGenerate | Api::OllamaEmbeddings => Some(Self {
                input: document.count("prompt_eval_count"),
                output: document.count("eval_count"),
                ..Self::default()
            }),
        }
    }

    fn of_openai(usage: &Members<'_>, input: &str, output: &str) -> Self {
        let input_details = usage.object(&format!("{input}_tokens_details"));
        let input_detail = |name| input_details.as_ref()?.count(name);
        let output_details = usage.object(&format!("{output}_tokens_details"));
        Self {
            input: usage.count(&format!("{input}_tokens")),
            // DeepSeek and Moonshot count at the top, too.
            cache_read: input_detail("cached_tokens")
                .or_else(|| usage.count("prompt_cache_hit_tokens"))
                .or_else(|| usage.count("cached_tokens")),
            // OpenRouter's and LiteLLM's names, for models that count it.
            cache_creation: input_detail("cache_write_tokens")
                .or_else(|| input_detail("cache_creation_tokens")),
            output: usage.count(&format!("{output}_tokens")),
            reasoning: output_details.and_then(|details| details.count("reasoning_tokens")),
            total: usage.count("total_tokens"),
            ..Self::default()
        }
    }

    fn of_anthropic(usage: &Members<'_>) -> Self {
        Self {
            input: usage.count("input_tokens"),
            cache_read: usage.count("cache_read_input_tokens"),
            cache_creation: usage.count("cache_creation_input_tokens"),
            output: usage.count("output_tokens"),
            ..Self::default()
        }
    }

    fn of_gemini(usage: &Members<'_>) -> Self {
        Self {
            input: usage.count("promptTokenCount"),
            tools: usage.count("toolUsePromptTokenCount"),
            cache_read: usage.count("cachedContentTokenCount"),
            output: usage.count("candidatesTokenCount"),
            reasoning: usage.count("thoughtsTokenCount"),
            ..Self::default()
        }
    }

    /// Returns the counts as OpenTelemetry's conventions define them: input includes what was cached, and output reasoning.
    fn complete(mut self, api: Api) -> Self {
        match api {
            // Anthropic counts what was cached apart.
            Api::Messages => {
                let cached = sum(self.cache_read, self.cache_creation);
                self.input = self.input.and_then(|input| sum(Some(input), cached));
            }
            // Gemini counts thoughts apart.
            Api::GenerateContent => {
                self.input = sum(self.input, self.tools);
                self.output = sum(self.output, self.reasoning);
            }
            // So does xAI, whose total says so.
            _ => {
                let parts = sum(sum(self.input, self.output), self.reasoning);
                if self.total.is_some() && self.total == parts {
                    self.output = sum(self.output, self.reasoning);
                }
            }
        }
        self
    }

    /// Replaces the counts that a later event of the stream reports.
    pub(crate) fn update(&mut self, later: Self) {
        self.input = later.input.or(self.input);
        self.tools = later.tools.or(self.tools);
        self.cache_read = later.cache_read.or(self.cache_read);
        self.cache_creation = later.cache_creation.or(self.cache_creation);
        self.output = later.output.or(self.output);
        self.reasoning = later.reasoning.or(self.reasoning);
        self.total = later.total.or(self.total);
    }

    pub(crate) fn record(self, api: Api, span: &Span) {
        let usage = self.complete(api);
        for (field, count) in [
            ("gen_ai.usage.input_tokens", usage.input),
            ("gen_ai.usage.cache_read.input_tokens", usage.cache_read),
            (
                "gen_ai.usage.cache_creation.input_tokens",
                usage.cache_creation,
            ),
            ("gen_ai.usage.output_tokens", usage.output),
            ("gen_ai.usage.reasoning.output_tokens", usage.reasoning),
        ] {
            if let Some(count) = count {
                span.record(field, count);
            }
        }
    }
}

/// Adds counts of which either may be missing.
fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads documents one after the other, and returns input, cache read, cache creation, output and reasoning.
    fn counts(api: Api, documents: &[&str]) -> [Option<u64>; 5] {
        let mut usage = Usage::default();
        for document in documents {
            let document = Members::parse(document.as_bytes()).unwrap();
            usage.update(Usage::read(api, &document).unwrap_or_default());
        }
        let usage = usage.complete(api);
        let (input, output) = (usage.input, usage.output);
        [
            input,
            usage.cache_read,
            usage.cache_creation,
            output,
            usage.reasoning,
        ]
    }

    #[test]
    fn input_includes_what_is_cached_and_output_includes_thoughts() {
        for (api, document, expected) in [
            (
                Api::ChatCompletions,
                r#"{"usage": {"prompt_tokens": 42, "completion_tokens": 17, "prompt_tokens_details": {"cached_tokens": 16},
                    "completion_tokens_details": {"reasoning_tokens": 5}, "total_tokens": 59}}"#,
                [Some(42), Some(16), None, Some(17), Some(5)],
            ),
            // xAI
            (
                Api::ChatCompletions,
                r#"{"usage": {"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135,
                    "completion_tokens_details": {"reasoning_tokens": 94}}}"#,
                [Some(32), None, None, Some(103), Some(94)],
            ),
            // DeepSeek
            (
                Api::ChatCompletions,
                r#"{"usage": {"prompt_tokens": 30, "completion_tokens": 9, "prompt_cache_hit_tokens": 20,
                    "prompt_cache_miss_tokens": 10, "total_tokens": 39}}"#,
                [Some(30), Some(20), None, Some(9), None],
            ),
            // Moonshot
            (
                Api::ChatCompletions,
                r#"{"usage": {"prompt_tokens": 30, "completion_tokens": 9, "cached_tokens": 20}}"#,
                [Some(30), Some(20), None, Some(9), None],
            ),
            // Groq
            (
                Api::ChatCompletions,
                r#"{"x_groq": {"id": "r", "usage": {"prompt_tokens": 30, "completion_tokens": 9}}, "choices": []}"#,
                [Some(30), None, None, Some(9), None],
            ),
            // OpenRouter, with a model of Anthropic's
            (
                Api::ChatCompletions,
                r#"{"usage": {"prompt_tokens": 30, "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 8}}}"#,
                [Some(30), Some(0), Some(8), None, None],
            ),
            // LiteLLM, with a model of Anthropic's
            (
                Api::ChatCompletions,
                r#"{"usage": {"prompt_tokens": 30, "prompt_tokens_details": {"cached_tokens": 0, "cache_creation_tokens": 8}}}"#,
                [Some(30), Some(0), Some(8), None, None],
            ),
            (
                Api::Messages,
                r#"{"usage": {"input_tokens": 20, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 30,
                    "output_tokens": 17}}"#,
                [Some(150), Some(100), Some(30), Some(17), None],
            ),
            (
                Api::GenerateContent,
                r#"{"usageMetadata": {"promptTokenCount": 8, "cachedContentTokenCount": 4, "candidatesTokenCount": 6,
                    "thoughtsTokenCount": 50, "toolUsePromptTokenCount": 2}}"#,
                [Some(10), Some(4), None, Some(56), Some(50)],
            ),
            (
                Api::Embeddings,
                r#"{"usage": {"prompt_tokens": 3, "total_tokens": 3}}"#,
                [Some(3), None, None, None, None],
            ),
            (
                Api::OllamaChat,
                r#"{"eval_count": 3}"#,
                [None, None, None, Some(3), None],
            ),
            (
                Api::Responses,
                r#"{"usage": {"input_tokens": -1, "output_tokens": "7"}}"#,
                [None; 5],
            ),
            (Api::ChatCompletions, r#"{"usage": null}"#, [None; 5]),
        ] {
            assert_eq!(counts(api, &[document]), expected, "{document}");
        }
    }

    #[test]
    fn events_may_report_parts_one_by_one() {
        let start = r#"{"usage": {"input_tokens": 1, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 30}}"#;
        for (end, input) in [
            (r#"{"usage": {"output_tokens": 17}}"#, 131),
            (
                r#"{"usage": {"input_tokens": 20, "output_tokens": 17}}"#,
                150,
            ),
            (
                r#"{"usage": {"input_tokens": 20, "cache_read_input_tokens": 0, "output_tokens": 17}}"#,
                50,
            ),
        ] {
            let counts = counts(Api::Messages, &[start, end]);
            assert_eq!(counts[0], Some(input), "{end}");
            assert_eq!(counts[3], Some(17), "{end}");
        }
        let thinking = r#"{"usageMetadata": {"promptTokenCount": 8, "thoughtsTokenCount": 50}}"#;
        let answering = r#"{"usageMetadata": {"promptTokenCount": 8, "candidatesTokenCount": 6}}"#;
        let counts = counts(Api::GenerateContent, &[thinking, answering]);
        assert_eq!(counts, [Some(8), None, None, Some(56), Some(50)]);
    }
}
