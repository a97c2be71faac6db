//! Every entry of the tables of content, on spans of all kinds.

use super::*;
use crate::{Scalar, SourceSpan, SpanKind, TranslateOptions, Translator, Value, testing::span};

/// What was said, which must not be found anywhere in a span that leaves without content.
const SAID: &str = "quetzal";

/// Every known key of content, with an ending where only the beginning is known.
fn known() -> Vec<(String, Side)> {
    let exact = CONTENT
        .iter()
        .map(|content| (content.key.text.to_owned(), content.side));
    let prefixes = CONTENT_PREFIXES.iter().chain(LIBRARY_PREFIXES);
    let prefixes = prefixes.flat_map(|(prefix, side)| {
        let ends: &[&str] = match prefix.ends_with('.') {
            true => &["0", "name", "0.text"],
            false => &["", ".0", ".name"],
        };
        ends.iter()
            .map(move |end| (format!("{prefix}{end}"), *side))
    });
    exact.chain(prefixes).collect()
}

fn spans() -> Vec<SourceSpan> {
    let of = |scope: &'static str, pairs: &[(&'static str, &'static str)]| {
        let mut span = span("work");
        span.scope = scope.into();
        for (key, value) in pairs {
            span.attributes.push(key, *value);
        }
        span
    };
    let mut server = of(
        "shop",
        &[("http.request.method", "POST"), ("http.route", "/ask")],
    );
    server.kind = Some(SpanKind::Server);
    vec![
        server,
        of("shop", &[]),
        of(
            "shop",
            &[
                ("gen_ai.operation.name", "chat"),
                ("gen_ai.request.model", "m"),
            ],
        ),
        of("shop", &[("gen_ai.operation.name", "summarise")]),
        of("shop", &[("gen_ai.operation.name", "invoke_agent")]),
        of(
            "shop",
            &[
                ("gen_ai.operation.name", "execute_tool"),
                ("gen_ai.tool.name", "t"),
            ],
        ),
        of("shop", &[("gen_ai.operation.name", "embeddings")]),
        of("shop", &[("gen_ai.operation.name", "retrieval")]),
        of(
            "shop",
            &[("mcp.method.name", "tools/call"), ("gen_ai.tool.name", "t")],
        ),
        of(
            "openinference.instrumentation.langchain",
            &[("openinference.span.kind", "CHAIN")],
        ),
        of(
            "openinference.instrumentation.langchain",
            &[("openinference.span.kind", "RETRIEVER")],
        ),
        of(
            "opentelemetry.instrumentation.openai",
            &[("llm.request.type", "chat")],
        ),
        of("langfuse-sdk", &[("langfuse.observation.type", "span")]),
        of("ai", &[("ai.operationId", "ai.toolCall")]),
    ]
}

/// Puts what was said into every form that a value can have.
fn forms(mut check: impl FnMut(Value<'_>)) {
    let json = format!(r#"[{{"role":"user","content":"it is {SAID}"}}]"#);
    let twice = serde_json::to_string(&json).unwrap();
    for text in [
        SAID,
        &format!("it is {SAID}"),
        &json,
        &twice,
        &format!("Some(\"{SAID}\")"),
    ] {
        check(Value::Str(text));
    }
    check(Value::Array(&[Scalar::Str(SAID.to_owned())]));
}

fn says_it(translator: &Translator, span: &SourceSpan, key: &str, value: Value<'_>) -> bool {
    let mut span = span.clone();
    span.attributes.push_owned_key(key, value);
    let span = translator.translate(span);
    let attributes: Vec<_> = span.attributes.iter().collect();
    format!("{} {} {attributes:?}", span.name, span.op).contains(SAID)
}

#[test]
fn no_known_content_leaves_by_default() {
    let translator = Translator::new(TranslateOptions::default());
    let spans = spans();
    for (key, _) in known() {
        for span in &spans {
            forms(|value| {
                let says_it = says_it(&translator, span, &key, value);
                assert!(!says_it, "{key} = {value:?} on a span of {}", span.scope);
            });
        }
    }
}

/// As a tag, moved out of Sentry's namespaces, or passed on by another program.
#[test]
fn no_known_content_leaves_under_another_namespace() {
    let translator = Translator::new(TranslateOptions::default());
    for (key, _) in known() {
        for key in [format!("tags.{key}"), format!("otel.{key}")] {
            for span in &spans()[..3] {
                let says_it = says_it(&translator, span, &key, Value::Str(SAID));
                assert!(!says_it, "{key} on a span of {}", span.scope);
            }
        }
    }
}

/// Whatever the span is, except that a library's own keys may mean something else to its own dialect.
#[test]
fn known_content_leaves_if_its_side_may() {
    for (key, side) in known() {
        for (inputs, outputs) in [(true, false), (false, true), (true, true)] {
            let mut options = TranslateOptions::default();
            (options.capture_inputs, options.capture_outputs) = (inputs, outputs);
            let is_expected = match side {
                Side::Input => inputs,
                Side::Output => outputs,
                Side::Either => inputs && outputs,
            };
            let leaves = says_it(
                &Translator::new(options),
                &span("work"),
                &key,
                Value::Str(SAID),
            );
            assert_eq!(leaves, is_expected, "{key} {options:?}");
        }
    }
}
