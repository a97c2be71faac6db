//! The APIs whose requests are model calls.

use memchr::memmem;
use reqwest::{Method, Request, Url};

/// An API of a model provider, recognised by the path of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    /// OpenAI's chat completions, which many servers speak.
    ChatCompletions,
    /// OpenAI's completions of plain text.
    Completions,
    /// OpenAI's Responses.
    Responses,
    /// OpenAI's embeddings.
    Embeddings,
    /// Anthropic's messages.
    Messages,
    /// Gemini's `generateContent`, streaming or not.
    GenerateContent,
    /// Ollama's own chat.
    OllamaChat,
    /// Ollama's completions of plain text.
    OllamaGenerate,
    /// Ollama's own embeddings.
    OllamaEmbeddings,
}

/// The ends of paths, the more specific ones first.
static PATHS: &[(&str, Api)] = &[
    ("/chat/completions", Api::ChatCompletions),
    ("/completions", Api::Completions),
    ("/responses", Api::Responses),
    ("/api/embed", Api::OllamaEmbeddings),
    ("/api/embeddings", Api::OllamaEmbeddings),
    ("/embeddings", Api::Embeddings),
    ("/messages", Api::Messages),
    (":generateContent", Api::GenerateContent),
    (":streamGenerateContent", Api::GenerateContent),
    ("/api/chat", Api::OllamaChat),
    ("/api/generate", Api::OllamaGenerate),
];

impl Api {
    /// Returns the API that a request speaks.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        if request.method() != Method::POST {
            return None;
        }
        let path = request.url().path();
        let mut rows = PATHS.iter();
        let row = rows.find(|(end, _)| path.ends_with(end));
        row.map(|(_, api)| *api)
    }

    /// Returns the `gen_ai.operation.name` of its calls.
    pub(crate) fn operation(self) -> Operation {
        match self {
            Self::ChatCompletions | Self::Messages | Self::OllamaChat => Operation::Chat,
            Self::Completions | Self::OllamaGenerate => Operation::TextCompletion,
            Self::Responses => Operation::Responses,
            Self::Embeddings | Self::OllamaEmbeddings => Operation::Embeddings,
            Self::GenerateContent => Operation::GenerateContent,
        }
    }

    /// Returns the provider whose API it is.
    pub(crate) fn provider(self) -> &'static str {
        match self {
            Self::ChatCompletions | Self::Completions | Self::Responses | Self::Embeddings => {
                "openai"
            }
            Self::Messages => "anthropic",
            Self::GenerateContent => "gcp.gemini",
            Self::OllamaChat | Self::OllamaGenerate | Self::OllamaEmbeddings => "ollama",
        }
    }

    /// Returns whether a body might be that of a call, without parsing it. Other APIs have such paths, too.
    pub(crate) fn may_be_spoken_in(self, body: &[u8]) -> bool {
        let has = |member: &str| memmem::find(body, member.as_bytes()).is_some();
        // Anthropic requires it, and messages are sent to many other services.
        has("\"model\"") && (self != Self::Messages || has("\"max_tokens\""))
    }

    /// Returns the model that the path names: Gemini's `/models/MODEL:generateContent`, or Azure's
    /// `/deployments/MODEL/chat/completions`.
    pub(crate) fn model_in_path(self, url: &Url) -> Option<String> {
        let mut segments = url.path_segments()?;
        let model = if self == Self::GenerateContent {
            segments.next_back()?.split(':').next()?
        } else {
            segments.find(|segment| *segment == "deployments")?;
            segments.next()?
        };
        (!model.is_empty()).then(|| model.to_owned())
    }
}

/// What a call does, as OpenTelemetry's conventions and Sentry name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Chat,
    TextCompletion,
    Responses,
    Embeddings,
    GenerateContent,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(url: &str) -> Request {
        Request::new(Method::POST, Url::parse(url).unwrap())
    }

    #[test]
    fn apis_are_recognised_by_their_paths() {
        for (url, api) in [
            (
                "https://api.openai.com/v1/chat/completions",
                Api::ChatCompletions,
            ),
            (
                "https://acme.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=1",
                Api::ChatCompletions,
            ),
            ("http://localhost:8000/v1/completions", Api::Completions),
            ("https://api.openai.com/v1/responses", Api::Responses),
            ("https://api.openai.com/v1/embeddings", Api::Embeddings),
            ("https://api.anthropic.com/v1/messages", Api::Messages),
            (
                "https://google/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
                Api::GenerateContent,
            ),
            ("http://localhost:11434/api/chat", Api::OllamaChat),
            ("http://localhost:11434/api/generate", Api::OllamaGenerate),
            ("http://localhost:11434/api/embed", Api::OllamaEmbeddings),
            (
                "http://localhost:11434/api/embeddings",
                Api::OllamaEmbeddings,
            ),
            (
                "https://api.mistral.ai/v1/fim/completions",
                Api::Completions,
            ),
        ] {
            assert_eq!(Api::of(&post(url)), Some(api), "{url}");
        }
        for url in [
            "https://api.openai.com/v1/responses/resp_1/cancel",
            "https://api.openai.com/v1/files",
            "https://api.anthropic.com/v1/messages/count_tokens",
        ] {
            assert_eq!(Api::of(&post(url)), None, "{url}");
        }
        let get = Request::new(
            Method::GET,
            Url::parse("https://x/v1/chat/completions").unwrap(),
        );
        assert_eq!(Api::of(&get), None);
    }

    #[test]
    fn messages_of_other_services_are_no_calls() {
        let note = br#"{"text": "Hi", "model": "T"}"#;
        let question = br#"{"model": "claude", "max_tokens": 5}"#;
        assert!(!Api::Messages.may_be_spoken_in(note));
        assert!(Api::Messages.may_be_spoken_in(question));
        assert!(Api::ChatCompletions.may_be_spoken_in(note));
        assert!(!Api::ChatCompletions.may_be_spoken_in(b"{}"));
    }

    #[test]
    fn models_are_found_in_paths() {
        for (url, model) in [
            (
                "https://google/v1beta/models/gemini-2.5-flash:generateContent",
                Some("gemini-2.5-flash"),
            ),
            (
                "https://acme.openai.azure.com/openai/deployments/gpt-5/chat/completions",
                Some("gpt-5"),
            ),
            ("https://api.openai.com/v1/chat/completions", None),
        ] {
            let request = post(url);
            let api = Api::of(&request).unwrap();
            assert_eq!(api.model_in_path(request.url()).as_deref(), model, "{url}");
        }
    }
}
