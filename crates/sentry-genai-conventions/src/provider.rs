//! Normalises the provider of a model to its name in OpenTelemetry's conventions.

use std::iter;

use crate::{
    Attributes,
    dialect::{INSTRUCTIONS, OperationKind, unquoted},
    privacy,
};

const KEY: &str = "gen_ai.provider.name";
const OLD_KEY: &str = "gen_ai.system";

/// Where instructions are kept that do not belong to a model call or an agent.
const OTHER_INSTRUCTIONS: &str = "otel.gen_ai.system_instructions";

/// Other spellings of providers, in lower case.
#[rustfmt::skip]
static SYNONYMS: &[(&str, &str)] = &[
    ("amazon-bedrock", "aws.bedrock"),
    ("amazon_bedrock", "aws.bedrock"),
    ("anthropic_llm", "anthropic"),
    ("aws", "aws.bedrock"),
    ("aws bedrock", "aws.bedrock"),
    ("aws_bedrock", "aws.bedrock"),
    ("az.ai.inference", "azure.ai.inference"),
    ("az.ai.openai", "azure.ai.openai"),
    ("azure", "azure.ai.openai"),
    ("azure-ai", "azure.ai.inference"),
    ("azure-openai", "azure.ai.openai"),
    ("azure.openai", "azure.ai.openai"),
    ("azure_ai", "azure.ai.inference"),
    ("azure_open_ai", "azure.ai.openai"),
    ("azure_openai", "azure.ai.openai"),
    ("azure_text", "azure.ai.openai"),
    ("bedrock", "aws.bedrock"),
    ("bedrock_converse", "aws.bedrock"),
    ("cohere_chat", "cohere"),
    ("gcp.vertex", "gcp.vertex_ai"),
    ("gcp.vertex.agent", "gcp.gen_ai"),
    ("gcp_vertex_ai", "gcp.vertex_ai"),
    ("gcp_vertex_anthropic", "gcp.vertex_ai"),
    ("gcp_vertex_gemini", "gcp.vertex_ai"),
    ("gemini", "gcp.gemini"),
    ("gemini_oauth", "gcp.gemini"),
    ("google", "gcp.gemini"),
    ("google-gla", "gcp.gemini"),
    ("google-vertex", "gcp.vertex_ai"),
    ("google.generative-ai", "gcp.gemini"),
    ("google.vertex", "gcp.vertex_ai"),
    ("google_ai", "gcp.gemini"),
    ("google_ai_gemini", "gcp.gemini"),
    ("google_ai_studio_gemini", "gcp.gemini"),
    ("google_genai", "gcp.gemini"),
    ("google_vertex", "gcp.vertex_ai"),
    ("google_vertex_ai_anthropic", "gcp.vertex_ai"),
    ("google_vertex_ai_gemini", "gcp.vertex_ai"),
    ("google_vertexai", "gcp.vertex_ai"),
    ("googleai", "gcp.gemini"),
    ("googlegeminiai", "gcp.gemini"),
    ("grok", "x_ai"),
    ("microsoft_foundry", "azure.ai.openai"),
    ("mistral", "mistral_ai"),
    ("mistralai", "mistral_ai"),
    ("moonshot", "moonshot_ai"),
    ("moonshotai", "moonshot_ai"),
    ("ollama_chat", "ollama"),
    ("open_ai", "openai"),
    ("openai_llm", "openai"),
    ("openai_responses_llm", "openai"),
    ("text-completion-codestral", "mistral_ai"),
    ("text-completion-openai", "openai"),
    ("vertex ai", "gcp.vertex_ai"),
    ("vertex_ai", "gcp.vertex_ai"),
    ("vertex_ai_beta", "gcp.vertex_ai"),
    ("vertexai", "gcp.vertex_ai"),
    ("watsonx", "ibm.watsonx.ai"),
    ("xai", "x_ai"),
    ("xai_oauth", "x_ai"),
];

/// Suffixes of providers' hosts. Some libraries, such as LiveKit, name a provider by the host of its API.
#[rustfmt::skip]
static HOSTS: &[(&str, &str)] = &[
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("api.anthropic.com", "anthropic"),
    ("api.cohere.com", "cohere"),
    ("api.deepseek.com", "deepseek"),
    ("api.groq.com", "groq"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.moonshot.ai", "moonshot_ai"),
    ("api.openai.com", "openai"),
    ("api.perplexity.ai", "perplexity"),
    ("api.x.ai", "x_ai"),
    ("cognitiveservices.azure.com", "azure.ai.openai"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("openai.azure.com", "azure.ai.openai"),
];

/// Common providers under their canonical names, which need no further lookup.
static COMMON: &[&str] = &["openai", "anthropic", "gcp.gemini", "aws.bedrock"];

/// The kinds of models or endpoints that some libraries append to the provider, in various forms.
static ENDPOINT_KINDS: &[&str] = &[
    "chat",
    "completion",
    "embedding",
    "image",
    "messages",
    "rerank",
    "responses",
    "speech",
    "transcription",
    "video",
];

/// Frameworks and stores that report themselves as the provider of the models they use.
static NOT_PROVIDERS: &[&str] = &[
    "eino",
    "koog",
    "langchain",
    "langchain4j",
    "langgraph",
    "microsoft.agent_framework",
    "inmemoryvectorstore",
    "spring_ai",
    "strands-agents",
    "trpc.go.agent",
    "unknown",
    "none",
];

/// Returns whether a name is that of a common provider.
pub(crate) fn is_common(name: &str) -> bool {
    COMMON.contains(&name)
}

/// Returns the canonical name of the provider in front of a model, as in `openai/gpt-4o`, if the conventions know it.
pub(crate) fn in_front_of(model: &str) -> Option<&'static str> {
    known(model.split_once('/')?.0)
}

/// Returns the conventions' name of a provider that they know, whatever its spelling.
pub(crate) fn known(name: &str) -> Option<&'static str> {
    let with_host = || HOSTS.iter().find(|(_, canonical)| *canonical == name);
    with_synonym(name).or_else(|| Some(with_host()?.1))
}

/// Returns the conventions' name of a provider that is listed with another spelling.
fn with_synonym(name: &str) -> Option<&'static str> {
    let mut rows = SYNONYMS.iter();
    let row = rows.find(|(synonym, canonical)| *synonym == name || *canonical == name);
    row.map(|(_, canonical)| *canonical)
}

/// Words that occur in sentences, but not in names of providers.
static SENTENCE_WORDS: &[&str] = &[
    "a",
    "always",
    "an",
    "answer",
    "are",
    "as",
    "be",
    "do",
    "in",
    "is",
    "it",
    "never",
    "not",
    "only",
    "please",
    "reply",
    "respond",
    "speak",
    "the",
    "to",
    "translate",
    "use",
    "you",
    "your",
];

/// Words at the end of a company's name, which must not be mistaken for the end of a sentence.
static ABBREVIATIONS: &[&str] = &["Co.", "Corp.", "Inc.", "Ltd."];

/// Returns whether a text of more than one word is a sentence, such as `Be concise` or `Antworte kurz.`.
fn is_sentence(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let Some(last) = words.next_back().filter(|_| words.next().is_some()) else {
        return false;
    };
    let ends_sentence = last.ends_with([
        '.', '!', '?', '\u{2026}', '\u{3002}', '\u{ff01}', '\u{ff1f}',
    ]) && !ABBREVIATIONS.contains(&last);
    ends_sentence
        || text.split_whitespace().any(|word| {
            let word = word.trim_matches(|letter: char| letter.is_ascii_punctuation());
            SENTENCE_WORDS
                .iter()
                .any(|sentence_word| word.eq_ignore_ascii_case(sentence_word))
        })
}

/// Returns whether a text is an instruction to a model rather than the name of a provider.
fn is_instruction(text: &str) -> bool {
    /// A provider has fewer words, as in `Azure OpenAI Service`.
    const MIN_WORDS: usize = 5;

    privacy::is_prose_or_json(text, MIN_WORDS) || is_sentence(text)
}

/// Returns whether the old name of the attribute has a provider, and not instructions or the name of a framework.
pub(crate) fn has_old_key(attributes: &Attributes) -> bool {
    attributes.text(OLD_KEY).map(unquoted).is_some_and(|text| {
        let is_other = || NOT_PROVIDERS.contains(&&*text.to_ascii_lowercase());
        is_common(text) || !text.is_empty() && !is_instruction(text) && !is_other()
    })
}

/// Distinguishes instructions from a provider. `system` names the provider in old conventions, but some libraries use
/// it for the system instructions.
pub(crate) fn separate_instructions(attributes: &mut Attributes, kind: OperationKind) {
    for key in [KEY, OLD_KEY] {
        let text = attributes.text(key).map(unquoted);
        if !text.is_some_and(|text| !is_common(text) && is_instruction(text)) {
            continue;
        }
        match kind {
            OperationKind::Call | OperationKind::Agent => attributes.rename(key, INSTRUCTIONS),
            _ => attributes.rename(key, OTHER_INSTRUCTIONS),
        }
    }
}

/// Replaces the provider with its canonical name. On anything but an agent, the name of a framework is removed.
pub(crate) fn normalise(attributes: &mut Attributes, kind: OperationKind) {
    separate_instructions(attributes, kind);
    attributes.rename(OLD_KEY, KEY);
    let Some(written) = attributes.text(KEY) else {
        return;
    };
    if is_common(written) {
        return;
    }
    let lowercase = unquoted(written).to_ascii_lowercase();
    if NOT_PROVIDERS.contains(&&*lowercase) {
        if kind != OperationKind::Agent {
            attributes.remove(KEY);
        }
        return;
    }
    let canonical = canonical(&lowercase);
    if canonical != written {
        let canonical = canonical.to_owned();
        attributes.set(KEY, canonical);
    }
}

fn canonical(lowercase: &str) -> &str {
    let lowercase = without_plugin(lowercase);
    let Some(provider) = (lowercase.rsplit_once('.'))
        .filter(|(_, last)| ENDPOINT_KINDS.iter().any(|kind| last.contains(kind)))
        .map(|(provider, _)| provider)
    else {
        // For example `openai-responses`, if `openai` is known.
        let without_kind = || {
            let (provider, kind) = lowercase.rsplit_once(['-', '_'])?;
            ENDPOINT_KINDS.contains(&kind).then(|| known(provider))?
        };
        return with_synonym(lowercase)
            .or_else(|| of_host(lowercase))
            .or_else(without_kind)
            .unwrap_or(lowercase);
    };
    // The maker of the model may follow the provider that runs it, as in `google.vertex.anthropic`.
    iter::successors(Some(provider), |name| Some(name.rsplit_once('.')?.0))
        .find_map(with_synonym)
        .unwrap_or(provider)
}

/// Returns a provider without the plugin that calls it. Dify names its maker, the plugin and the provider:
/// `langgenius/azure_openai/azure_openai`.
fn without_plugin(name: &str) -> &str {
    let is_plugin = name.split('/').count() == 3 && name.split('/').all(|part| !part.is_empty());
    match name.rsplit_once('/') {
        Some((_, provider)) if is_plugin => provider,
        _ => name,
    }
}

/// Returns the provider whose API is at a host, with or without a port.
pub(crate) fn of_host(name: &str) -> Option<&'static str> {
    let host = name.split(':').next().unwrap_or(name);
    let mut rows = HOSTS.iter();
    let row = rows.find(|(end, _)| host.ends_with(end));
    row.map(|(_, provider)| *provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provider_spellings_are_normalised() {
        for (spelling, name) in [
            ("openai.chat", "openai"),
            ("google.vertex.chat", "gcp.vertex_ai"),
            ("google.vertex.anthropic.messages", "gcp.vertex_ai"),
            ("azure-openai.responses", "azure.ai.openai"),
            ("azure-openai.embeddings", "azure.ai.openai"),
            ("azure.embeddings", "azure.ai.openai"),
            ("azure.openai", "azure.ai.openai"),
            ("gcp.vertex", "gcp.vertex_ai"),
            ("azure.ai.inference", "azure.ai.inference"),
            ("azure.ai.inference.chat", "azure.ai.inference"),
            ("cohere.reranking", "cohere"),
            ("cohere.textembedding", "cohere"),
            ("aws.bedrock", "aws.bedrock"),
            ("google-gla", "gcp.gemini"),
            ("google-vertex", "gcp.vertex_ai"),
            ("gcp_vertex_ai", "gcp.vertex_ai"),
            ("googleai", "gcp.gemini"),
            ("googlegeminiai", "gcp.gemini"),
            ("grok", "x_ai"),
            ("groq", "groq"),
            ("moonshotai", "moonshot_ai"),
            ("amazon_bedrock", "aws.bedrock"),
            ("bedrock_converse", "aws.bedrock"),
            ("open_ai", "openai"),
            ("text-completion-openai", "openai"),
            ("azure_open_ai", "azure.ai.openai"),
            ("gcp_vertex_anthropic", "gcp.vertex_ai"),
            ("gcp_vertex_gemini", "gcp.vertex_ai"),
            ("google_ai", "gcp.gemini"),
            ("google_ai_gemini", "gcp.gemini"),
            ("google_ai_studio_gemini", "gcp.gemini"),
            ("google_vertex", "gcp.vertex_ai"),
            ("google_vertex_ai_anthropic", "gcp.vertex_ai"),
            ("openai-responses", "openai"),
            ("groq-responses", "groq"),
            ("azure_openai_chat", "azure.ai.openai"),
            ("azure-ai", "azure.ai.inference"),
            ("acme-chat", "acme-chat"),
            ("acme.chat", "acme"),
            ("acme.gateway", "acme.gateway"),
            ("api.openai.com", "openai"),
            ("acme.openai.azure.com:443", "azure.ai.openai"),
            ("api.acme.ai", "api.acme.ai"),
            ("acme", "acme"),
            ("langgenius/openai/openai", "openai"),
            ("langgenius/azure_openai/azure_openai", "azure.ai.openai"),
            ("langgenius/tongyi/tongyi", "tongyi"),
            ("acme/models", "acme/models"),
            ("https://acme.ai", "https://acme.ai"),
            ("https://acme.ai/", "https://acme.ai/"),
        ] {
            assert_eq!(canonical(spelling), name, "{spelling}");
        }
    }

    #[test]
    fn a_provider_is_read_from_the_prefix_of_a_model() {
        assert_eq!(in_front_of("openai/gpt-4o"), Some("openai"));
        assert_eq!(in_front_of("vertex_ai/gemini"), Some("gcp.vertex_ai"));
        assert_eq!(in_front_of("cohere/embed-v4.0"), Some("cohere"));
        assert_eq!(in_front_of("meta-llama/Llama-3.3-70B"), None);
        assert_eq!(in_front_of("gpt-4o"), None);
    }

    #[test]
    fn a_framework_is_not_a_provider() {
        let mut attributes = Attributes::default();
        attributes.push(OLD_KEY, "langchain");
        normalise(&mut attributes, OperationKind::Call);
        assert!(attributes.is_empty());
        attributes.push(OLD_KEY, "Anthropic");
        normalise(&mut attributes, OperationKind::Call);
        assert_eq!(attributes.text(KEY), Some("anthropic"));
    }
}
