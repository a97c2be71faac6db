//! Token counts, as the APIs report them.

use tracing::Span;

use crate::{api::Api, members::Members};

/// Token counts as OpenTelemetry's conventions define them: input includes what was cached, and output includes reasoning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_creation: Option<u64>,
    output: Option<u64>,
    reasoning: Option<u64>,
}

impl Usage {
    /// Reads the counts of a document. `document` is the whole answer, or an event of a streamed one.
    pub(crate) fn read(api: Api, document: &Members<'_>) -> Option<Self> {
        match api {
            Api::ChatCompletions | Api::Completions | Api::Embeddings => document
                .object("usage")
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
            Api::OllamaChat => Some(Self {
                input: document.count("prompt_eval_count"),
                output: document.count("eval_count"),
                ..Self::default()
            }),
        }
    }

    fn of_openai(usage: &Members<'_>, input: &str, output: &str) -> Self {
        let detail = |side: &str, name: &str| {
            let details = usage.object(&format!("{side}_tokens_details"))?;
            details.count(name)
        };
        Self {
            input: usage.count(&format!("{input}_tokens")),
            cache_read: detail(input, "cached_tokens"),
            cache_creation: None,
            output: usage.count(&format!("{output}_tokens")),
            reasoning: detail(output, "reasoning_tokens"),
        }
    }

    /// Anthropic counts what was cached apart.
    fn of_anthropic(usage: &Members<'_>) -> Self {
        let cache_read = usage.count("cache_read_input_tokens");
        let cache_creation = usage.count("cache_creation_input_tokens");
        let cached = sum(cache_read, cache_creation).unwrap_or_default();
        Self {
            input: usage
                .count("input_tokens")
                .map(|input| input.saturating_add(cached)),
            cache_read,
            cache_creation,
            output: usage.count("output_tokens"),
            reasoning: None,
        }
    }

    /// Gemini counts thoughts, and the results of tools that it calls itself, apart.
    fn of_gemini(usage: &Members<'_>) -> Self {
        let tools = usage.count("toolUsePromptTokenCount");
        let reasoning = usage.count("thoughtsTokenCount");
        Self {
            input: sum(usage.count("promptTokenCount"), tools),
            cache_read: usage.count("cachedContentTokenCount"),
            cache_creation: None,
            output: sum(usage.count("candidatesTokenCount"), reasoning),
            reasoning,
        }
    }

    /// Replaces the counts that a later event of the stream reports.
    pub(crate) fn update(&mut self, later: Self) {
        self.input = later.input.or(self.input);
        self.cache_read = later.cache_read.or(self.cache_read);
        self.cache_creation = later.cache_creation.or(self.cache_creation);
        self.output = later.output.or(self.output);
        self.reasoning = later.reasoning.or(self.reasoning);
    }

    pub(crate) fn record(self, span: &Span) {
        for (field, count) in [
            ("gen_ai.usage.input_tokens", self.input),
            ("gen_ai.usage.cache_read.input_tokens", self.cache_read),
            (
                "gen_ai.usage.cache_creation.input_tokens",
                self.cache_creation,
            ),
            ("gen_ai.usage.output_tokens", self.output),
            ("gen_ai.usage.reasoning.output_tokens", self.reasoning),
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

    #[test]
    fn input_includes_what_is_cached_and_output_includes_thoughts() {
        for (api, document, expected) in [
            (
                Api::ChatCompletions,
                r#"{"usage": {"prompt_tokens": 42, "completion_tokens": 17, "prompt_tokens_details": {"cached_tokens": 16},
                    "completion_tokens_details": {"reasoning_tokens": 5}}}"#,
                [Some(42), Some(16), None, Some(17), Some(5)],
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
                r#"{"usage": {"prompt_tokens": 3}}"#,
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
        ] {
            let [input, cache_read, cache_creation, output, reasoning] = expected;
            let usage = Usage::read(api, &Members::parse(document.as_bytes()).unwrap());
            let expected = Usage {
                input,
                cache_read,
                cache_creation,
                output,
                reasoning,
            };
            assert_eq!(usage, Some(expected), "{document}");
        }
        let null = Members::parse(br#"{"usage": null}"#).unwrap();
        assert_eq!(Usage::read(Api::ChatCompletions, &null), None);
    }
}
