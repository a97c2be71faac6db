//! Names providers by their hosts.

use reqwest::Url;

/// Hosts, or the ends of hosts, and what OpenTelemetry's conventions call the provider. OpenRouter has no name there.
static HOSTS: &[(&str, &str)] = &[
    ("api.openai.com", "openai"),
    ("openai.azure.com", "azure.ai.openai"),
    ("cognitiveservices.azure.com", "azure.ai.openai"),
    ("services.ai.azure.com", "azure.ai.inference"),
    ("api.anthropic.com", "anthropic"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("api.cohere.com", "cohere"),
    ("api.cohere.ai", "cohere"),
    ("api.deepseek.com", "deepseek"),
    ("api.groq.com", "groq"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.moonshot.ai", "moonshot_ai"),
    ("api.moonshot.cn", "moonshot_ai"),
    ("api.perplexity.ai", "perplexity"),
    ("api.x.ai", "x_ai"),
    ("ml.cloud.ibm.com", "ibm.watsonx.ai"),
    ("openrouter.ai", "openrouter"),
];

/// Returns the provider whose host it is, if it is a known one.
pub(crate) fn of(url: &Url) -> Option<&'static str> {
    let host = url.host_str()?;
    if host.starts_with("bedrock-")
        && [".amazonaws.com", ".api.aws"]
            .iter()
            .any(|end| host.ends_with(end))
    {
        return Some("aws.bedrock");
    }
    let mut rows = HOSTS.iter();
    let row = rows.find(|(end, _)| {
        let before = host.strip_suffix(end);
        // Vertex AI's hosts begin with a region: `europe-west4-aiplatform.googleapis.com`.
        before.is_some_and(|before| before.is_empty() || before.ends_with(['.', '-']))
    });
    row.map(|(_, provider)| *provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_known_by_their_hosts() {
        for (url, provider) in [
            ("https://api.openai.com/v1", Some("openai")),
            ("https://eu.api.openai.com/v1", Some("openai")),
            (
                "https://acme.openai.azure.com/openai",
                Some("azure.ai.openai"),
            ),
            (
                "https://europe-west4-aiplatform.googleapis.com/v1",
                Some("gcp.vertex_ai"),
            ),
            (
                "https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1",
                Some("aws.bedrock"),
            ),
            ("https://API.Groq.com:443/openai/v1", Some("groq")),
            ("https://vllm.elb.amazonaws.com/v1", None),
            ("https://bedrock-proxy.example.com/v1", None),
            ("https://notapi.openai.com.example/v1", None),
            ("https://myopenrouter.ai/v1", None),
            ("http://127.0.0.1:11434/v1", None),
        ] {
            assert_eq!(of(&Url::parse(url).unwrap()), provider, "{url}");
        }
    }
}
