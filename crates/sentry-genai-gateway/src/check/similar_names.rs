//! Finds attribute names that are nearly those of the conventions.

use std::collections::HashMap;

use sentry_genai_conventions::{
    Attributes, Deprecation, SentrySpan, SourceSpan, SpanKind, Translator, Value, attribute_names,
    deprecation,
};

/// How many names are cached. Only instrumentation that generates names has more; the names beyond get no hints.
const CACHE_CAPACITY: usize = 10_000;

/// The maximum number of wrong letters in a whole name.
const MAX_WRONG_LETTERS: usize = 2;

/// Namespaces whose names are understood next to attributes of the conventions, but mean nothing on their own.
static INTERPRETED_PREFIXES: &[&str] = &["genai.", "llm."];

/// Suggests how names should have been written.
#[derive(Debug)]
pub(super) struct Suggester {
    known: Vec<KnownName>,
    translator: Translator,
    /// The results so far, by name.
    similar: HashMap<String, Option<&'static str>>,
    interpreted: HashMap<String, Option<&'static str>>,
}

/// A name of the conventions.
#[derive(Debug)]
struct KnownName {
    words: Vec<String>,
    /// The name that replaces it today.
    current: &'static str,
}

impl Suggester {
    pub(super) fn new(translator: Translator) -> Self {
        let known = attribute_names().filter_map(|name| {
            let words = words(name);
            let current = current(name)?;
            Some(KnownName { words, current })
        });
        Self {
            known: known.collect(),
            translator,
            similar: HashMap::new(),
            interpreted: HashMap::new(),
        }
    }

    /// Returns the attribute that a span's attribute was meant to be, if that is sufficiently certain and the span lacks it.
    pub(super) fn suggest(
        &mut self,
        key: &str,
        value: Value<'_>,
        source: &SourceSpan,
        translated: &SentrySpan,
    ) -> Option<&'static str> {
        let mut found = cached(&mut self.similar, key, || similar(&self.known, key));
        // A span that serves a request may mention the model without being a model call.
        let is_served = matches!(source.kind, Some(SpanKind::Server | SpanKind::Consumer));
        if found.is_none()
            && translated.ai.is_none()
            && !is_served
            && !names_kind(source)
            && INTERPRETED_PREFIXES
                .iter()
                .any(|prefix| key.starts_with(prefix))
        {
            found = cached(&mut self.interpreted, key, || {
                interpreted(&self.translator, key, value, source)
            });
        }
        let found = found?;
        let attributes = &translated.attributes;
        (is_uninterpreted(attributes, key) && !attributes.contains(found)).then_some(found)
    }
}

/// Returns whether a library says what a span is, such as a chain. Its names then mean what they should.
fn names_kind(source: &SourceSpan) -> bool {
    (source.attributes.iter()).any(|(key, _)| key.ends_with(".span.kind"))
}

fn cached(
    cache: &mut HashMap<String, Option<&'static str>>,
    key: &str,
    find: impl FnOnce() -> Option<&'static str>,
) -> Option<&'static str> {
    if let Some(found) = cache.get(key) {
        return *found;
    }
    if cache.len() >= CACHE_CAPACITY {
        return None;
    }
    let found = find();
    cache.insert(key.to_owned(), found);
    found
}

/// Returns whether the translation did not interpret an attribute, and kept it under its name or with a prefix.
fn is_uninterpreted(attributes: &Attributes, key: &str) -> bool {
    attributes.contains(key) || attributes.contains(&format!("otel.{key}"))
}

/// Returns the current name of an attribute, following renames; `None` if it was retired.
fn current(mut name: &'static str) -> Option<&'static str> {
    loop {
        match deprecation(name) {
            None => return Some(name),
            Some(Deprecation::RenamedTo(to)) => name = to,
            Some(_) => return None,
        }
    }
}

/// Returns the nearest name, if it is near enough and no other is as near.
fn similar(known: &[KnownName], key: &str) -> Option<&'static str> {
    if attribute_names().any(|name| name == key) {
        return None;
    }
    let words = words(key);
    if !words
        .first()
        .is_some_and(|it| it == "mcp" || is_similar(it, "genai"))
    {
        return None;
    }
    let similar = known.iter().filter_map(|known| {
        let distance = distance(&words, &known.words)?;
        Some((distance, known.current))
    });
    let mut similar: Vec<_> = similar.collect();
    similar.sort_unstable();
    let (distance, nearest) = *similar.first()?;
    let mut ties = similar.iter().take_while(|(other, _)| *other == distance);
    ties.all(|(_, name)| *name == nearest).then_some(nearest)
}

/// Returns how many letters are wrong, or `None` if it is a different name.
fn distance(words: &[String], known: &[String]) -> Option<usize> {
    if words.concat() == known.concat() {
        return Some(0);
    }
    if words.len() != known.len() {
        return None;
    }
    let pairs = words.iter().zip(known);
    let distance = pairs
        .map(|(word, known)| is_similar(word, known).then(|| strsim::osa_distance(word, known)))
        .sum::<Option<usize>>()?;
    (distance <= MAX_WRONG_LETTERS).then_some(distance)
}

/// Returns whether one word is another with a typo. Short words are near to too many others, and a plural is not a typo.
fn is_similar(word: &str, known: &str) -> bool {
    let allowed = match word.len().min(known.len()) {
        0..=4 => 0,
        5..=7 => 1,
        _ => 2,
    };
    word.strip_suffix('s') != Some(known) && strsim::osa_distance(word, known) <= allowed
}

/// Returns the words of a name in lower case, whatever separates them. The first is the namespace.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut is_within_word = false;
    for letter in name.chars() {
        if !letter.is_alphanumeric() || letter.is_ascii_uppercase() && is_within_word {
            words.push(String::new());
        }
        is_within_word = letter.is_alphanumeric() && !letter.is_ascii_uppercase();
        if let (true, Some(word)) = (letter.is_alphanumeric(), words.last_mut()) {
            word.push(letter.to_ascii_lowercase());
        }
    }
    // `gen_ai` counts as one word.
    if words.len() > 1 && words[0].len() < 4 && words[0].starts_with('g') {
        let second = words.remove(1);
        words[0].push_str(&second);
    }
    words
}

/// Returns the meaning of a name on a span that is a model call.
fn interpreted(
    translator: &Translator,
    key: &str,
    value: Value<'_>,
    source: &SourceSpan,
) -> Option<&'static str> {
    let mut call = SourceSpan::new(source.trace_id, source.span_id, "chat", source.start);
    call.attributes.push("gen_ai.operation.name", "chat");
    let without = translator.translate(call.clone());
    call.attributes.push_owned_key(key, value);
    let with = translator.translate(call);
    attribute_names()
        .find(|name| with.attributes.contains(name) && !without.attributes.contains(name))
}

#[cfg(test)]
mod tests {
    use sentry_genai_conventions::TranslateOptions;

    use super::*;

    fn suggest(key: &str) -> Option<&'static str> {
        let names = Suggester::new(Translator::new(TranslateOptions::default()));
        similar(&names.known, key)
    }

    #[test]
    fn typos_are_corrected() {
        for (key, expected) in [
            ("gen_ai.usage.promt_tokens", "gen_ai.usage.input_tokens"),
            ("gen_ai.usage.ouptut_tokens", "gen_ai.usage.output_tokens"),
            ("gen_ai.respnse.model", "gen_ai.response.model"),
            ("gen_ia.request.model", "gen_ai.request.model"),
            ("genai.operation.name", "gen_ai.operation.name"),
            ("GenAi.Operation.Name", "gen_ai.operation.name"),
            ("gen_ai_operation_name", "gen_ai.operation.name"),
            ("gen_ai.conversationid", "gen_ai.conversation.id"),
            ("gen_ai.output.message", "gen_ai.output.messages"),
            ("gen_ai.systm", "gen_ai.provider.name"),
            ("mcp.methode.name", "mcp.method.name"),
        ] {
            assert_eq!(suggest(key), Some(expected), "{key}");
        }
    }

    #[test]
    fn custom_names_get_no_suggestion() {
        for key in [
            "gen_ai.request.model",
            "gen_ai.usage.prompt_tokens",
            "gen_ai.tool.type",
            "gen_ai.request.mode",
            "gen_ai.request.models",
            "gen_ai.request.nodal",
            "gen_ai.request.speed",
            "gen_ai.request.top_n",
            "gen_ai.tool.names",
            "gen_ai.usage.audio_tokens",
            "gen_ai.mine",
            "gen_ai",
            "genre.name",
            "gpu",
            "request.model",
            "http.request.method",
            "",
            "...",
        ] {
            assert_eq!(suggest(key), None, "{key}");
        }
    }

    #[test]
    fn no_two_known_names_are_similar() {
        let names = Suggester::new(Translator::new(TranslateOptions::default()));
        for name in attribute_names() {
            let words = words(name);
            let others = names.known.iter();
            let others = others.filter(|known| Some(known.current) != current(name));
            let similar: Vec<_> = others
                .filter_map(|known| Some((distance(&words, &known.words)?, known.current)))
                .collect();
            assert_eq!(similar, [], "{name}");
        }
    }
}
