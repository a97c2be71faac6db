//! Keys and passwords, wherever they are.

use super::*;
use crate::testing::shown;

#[test]
fn credentials_are_always_removed() {
    let allows_all = Capture {
        inputs: true,
        outputs: true,
        client_addresses: true,
    };
    let pairs = [
        ("http.request.header.authorization", Value::Str("hunter2")),
        ("http.request.header.x-session-id", Value::Str("hunter2")),
        ("headers", Value::Str("hunter2")),
        ("url.full", Value::Str("https://h/a?q=x&key=hunter2")),
        ("http.request.header.accept", Value::Str("a, b")),
        ("db.query.text", Value::Str("SELECT a FROM b WHERE key=1")),
    ];
    for capture in [CAPTURE_NOTHING, allows_all] {
        let expected = ["url.full", "http.request.header.accept", "db.query.text"];
        assert_eq!(kept(Provenance::Other, capture, &pairs), expected);
        let mut span = span_of(&pairs);
        withhold(&mut span, Provenance::Other, capture);
        let url = span.attributes.text("url.full");
        assert_eq!(url, Some("https://h/a?q=x&key=REDACTED"));
        let query = span.attributes.text("db.query.text");
        assert_eq!(query, Some("SELECT a FROM b WHERE key=1"));
    }
}

/// Libraries and programs have their own names for where they send requests.
#[test]
fn addresses_under_any_key_are_redacted() {
    let allows_all = Capture {
        inputs: true,
        outputs: true,
        client_addresses: true,
    };
    let url = Value::Str("https://me:hunter2@h.example/v1?key=hunter2&n=1");
    let keys = [
        "gen_ai.openai.api_base",
        "app.baseURL",
        "http.request.header.referer",
        "mcp.resource.uri",
        "redis_url",
        "server.address",
    ];
    for provenance in [Provenance::GenAi, Provenance::Library, Provenance::Other] {
        for capture in [CAPTURE_NOTHING, allows_all] {
            for key in keys {
                let mut span = span_of(&[(key, url)]);
                withhold(&mut span, provenance, capture);
                let text = span.attributes.text(key);
                let query = match keeps_queries(provenance, capture) {
                    true => "?key=REDACTED&n=1",
                    false => "",
                };
                let redacted = format!("https://REDACTED:REDACTED@h.example/v1{query}");
                assert!(text.is_none_or(|text| text == redacted), "{key}: {text:?}");
                assert!(text.is_some() || capture == CAPTURE_NOTHING, "{key}");
            }
        }
        // OpenTelemetry has headers as lists.
        let list = [Scalar::Str("https://me:hunter2@h.example/".into())];
        let mut span = span_of(&[("http.request.header.referer", Value::Array(&list))]);
        withhold(&mut span, provenance, allows_all);
        assert!(!shown(&span.attributes).contains("hunter2"));
        assert!(span.attributes.contains("http.request.header.referer"));
        let note = [("app.note", Value::Str("https://me:hunter2@h.example/"))];
        assert_eq!(kept(provenance, CAPTURE_NOTHING, &note), [""; 0]);
    }
}

/// Spans of the same shape, translated one after the other.
#[test]
fn a_plan_redacts_addresses() {
    let options = TranslateOptions {
        capture_inputs: true,
        capture_outputs: true,
        ..TranslateOptions::default()
    };
    let mut planning = PlanningTranslator::new(Translator::new(options));
    for host in ["", "me:hunter2@", "", "me:hunter2@", "me:hunter2@"] {
        let url = format!("https://{host}h.example/");
        let mut span = span_of(&[
            ("gen_ai.operation.name", Value::Str("chat")),
            ("gen_ai.request.model", Value::Str("m")),
            ("server.address", Value::Str(&url)),
            ("app.endpoint", Value::Str(&url)),
        ]);
        let span = planning.translate(&mut span);
        assert!(!shown(&span.attributes).contains("hunter2"));
        assert!(span.attributes.contains("app.endpoint"));
    }
}

#[test]
fn secret_arguments_of_functions_are_removed() {
    for (key, is_expected) in [
        ("password", false),
        ("api_key", false),
        ("token", false),
        ("app.apiKey", false),
        ("db.password", false),
        ("auth.accessToken", false),
        ("key", true),
        ("cache_key", true),
        ("app.page_token", true),
        ("publicKey", true),
    ] {
        let is_kept = !kept(
            Provenance::Other,
            CAPTURE_NOTHING,
            &[(key, Value::Str("hunter2"))],
        )
        .is_empty();
        assert_eq!(is_kept, is_expected, "{key}");
    }
}

/// `#[instrument]` records a key beside the prompt that may leave.
#[test]
fn secret_arguments_are_removed_whatever_may_leave() {
    let allows_all = Capture {
        inputs: true,
        outputs: true,
        client_addresses: true,
    };
    let (text, list) = (Value::Str("hunter2"), [Scalar::Str("hunter2".into())]);
    for (key, value, is_expected) in [
        ("api_key", text, false),
        ("openai.apiKey", text, false),
        ("env.OPENAI_API_KEY", text, false),
        ("user_password", text, false),
        ("authorization", Value::Array(&list), false),
        ("has_api_key", Value::Bool(true), true),
        ("metadata.user_api_key_hash", text, true),
        ("OPENAI_KEY_NAME", text, true),
        ("question", text, true),
        ("gen_ai.tool.call.arguments", text, true),
    ] {
        for provenance in [Provenance::GenAi, Provenance::Library, Provenance::Other] {
            for capture in [CAPTURE_NOTHING, allows_all] {
                let is_kept = !kept(provenance, capture, &[(key, value)]).is_empty();
                assert!(!is_kept || is_expected, "{key} {provenance:?} {capture:?}");
                assert!(
                    is_kept || !is_expected || capture == CAPTURE_NOTHING,
                    "{key}"
                );
            }
        }
    }
}

#[test]
fn a_url_with_a_query_is_not_a_token() {
    for (value, is_expected) in [
        ("https://h.example/a", true),
        ("https://h.example/a?q=my+diagnosis", false),
    ] {
        let pairs = [("app.source", Value::Str(value))];
        assert_eq!(
            !kept(Provenance::GenAi, CAPTURE_NOTHING, &pairs).is_empty(),
            is_expected
        );
    }
}

/// What a tool asks for may be in the address that it calls.
#[test]
fn addresses_of_ai_spans_lose_their_queries() {
    let queries = ["url.query", "http.query", "url.fragment"];
    for (operation, captures, address, query) in [
        (Some("execute_tool"), false, "https://h.example/find", None),
        (
            Some("execute_tool"),
            true,
            "https://h.example/find?q=my+diagnosis#top",
            Some("q=why"),
        ),
        (
            None,
            false,
            "https://h.example/find?q=my+diagnosis#top",
            Some("q=why"),
        ),
    ] {
        let mut options = TranslateOptions::default();
        (options.capture_inputs, options.capture_outputs) = (captures, captures);
        let mut planning = PlanningTranslator::new(Translator::new(options));
        for _ in 0..3 {
            let mut span = span_of(&[(
                "url.full",
                Value::Str("https://h.example/find?q=my+diagnosis#top"),
            )]);
            for key in queries {
                span.attributes.push(key, "q=why");
            }
            if let Some(operation) = operation {
                span.attributes.push("gen_ai.operation.name", operation);
            }
            let span = planning.translate(&mut span);
            assert_eq!(span.attributes.text("url.full"), Some(address));
            assert_eq!(queries.map(|key| span.attributes.text(key)), [query; 3]);
        }
    }
}

/// Reqwest's errors include the URL of the request, in which Gemini's API has the key.
#[test]
fn urls_in_errors_are_redacted() {
    for captures in [false, true] {
        let mut span = span_of(&[(
            "exception.stacktrace",
            Value::Str("at https://h.example?key=AIza"),
        )]);
        let text = "error sending request for url (https://h.example/?key=AIza&q=a): timed out";
        span.status = SourceStatus::Error(Some(text.to_owned()));
        let options = TranslateOptions {
            capture_inputs: captures,
            capture_outputs: captures,
            ..TranslateOptions::default()
        };
        let span = Translator::new(options).translate(span);
        let attributes = shown(&span.attributes);
        assert!(!attributes.contains("AIza"), "{attributes}");
        let reason = span.attributes.text("sentry.status.message");
        let query = if captures { "?key=REDACTED&q=a" } else { "" };
        let expected =
            format!("error sending request for url (https://h.example/{query}): timed out");
        assert_eq!(reason, Some(&*expected));
    }
}

/// An HTTP client quotes a header that it cannot send.
#[test]
fn keys_in_errors_are_redacted() {
    for captures in [false, true] {
        let mut span = span_of(&[]);
        let text = "Illegal header value b'sk-4fG7hJ9kL2mN5pQ8\\n'";
        span.status = SourceStatus::Error(Some(text.to_owned()));
        let options = TranslateOptions {
            capture_inputs: captures,
            capture_outputs: captures,
            ..TranslateOptions::default()
        };
        let span = Translator::new(options).translate(span);
        let reason = span.attributes.text("sentry.status.message");
        assert_eq!(reason, Some("Illegal header value b'REDACTED\\n'"));
    }
}

#[test]
fn keys_are_removed_whatever_their_name() {
    let pairs = [
        ("app.owner", Value::Str("ghp_4fG7hJ9kL2mN5pQ8")),
        ("app.login", Value::Str("Bearer 4fg7hj9kl2mn5pq8")),
        ("app.back", Value::Str("/home?access_token=hunter2")),
        ("app.trace", Value::Str("4fg7hj9kl2mn5pq8")),
    ];
    for provenance in [Provenance::GenAi, Provenance::Library, Provenance::Other] {
        let kept = kept(provenance, CAPTURE_NOTHING, &pairs);
        assert_eq!(kept, ["app.trace"], "{provenance:?}");
    }
}

/// A command line, for example. What was said to a model on purpose stays.
#[test]
fn a_list_is_removed_for_a_key_in_it() {
    let allows_all = Capture {
        inputs: true,
        outputs: true,
        client_addresses: true,
    };
    let list = |text: &str| ["--with", text].map(|item| Scalar::Str(item.into()));
    let with_key = list("ghp_4fG7hJ9kL2mN5pQ8");
    let without_key = list("4fg7hj9kl2mn5pq8");
    let pairs = [
        ("app.command", Value::Array(&with_key)),
        ("app.trace", Value::Array(&without_key)),
        ("adk.fn.arg.text", Value::Array(&with_key)),
    ];
    for provenance in [Provenance::GenAi, Provenance::Library, Provenance::Other] {
        let kept = kept(provenance, allows_all, &pairs);
        assert_eq!(kept, ["app.trace", "adk.fn.arg.text"], "{provenance:?}");
    }
}

/// `#[instrument]` records the state of a server by its `Debug` output.
#[test]
fn keys_within_an_argument_are_removed_with_it() {
    for (text, is_expected) in [
        (
            r#"App { model: "m", key: "sk-proj-4fG7hJ9kL2mN5pQ8" }"#,
            false,
        ),
        (r#"ApiKey("sk-proj-4fG7hJ9kL2mN5pQ8")"#, false),
        ("Db{url:postgres://me:hunter2@db/app}", false),
        (r#"Model("gpt-4o-mini-2024-07-18")"#, true),
        ("Page{url:https://h.example/a?page=2#top}", true),
    ] {
        for captures in [false, true] {
            let options = TranslateOptions {
                capture_inputs: captures,
                capture_outputs: captures,
                ..TranslateOptions::default()
            };
            let mut planning = PlanningTranslator::new(Translator::new(options));
            for name in ["GET /ask", "chat m"] {
                // The second one of a shape gets a plan.
                for value in ["App", "App", text] {
                    let mut span = span_of(&[
                        ("app", Value::Str(value)),
                        ("app.state", Value::Str(value)),
                        ("gen_ai.tool.call.arguments", Value::Str(value)),
                    ]);
                    span.name = name.into();
                    let span = planning.translate(&mut span);
                    let is_kept = |key| span.attributes.text(key) == Some(value);
                    if value == text {
                        for key in ["app", "app.state"] {
                            assert!(!is_kept(key) || is_expected, "{name} {key} {text}");
                            assert!(
                                is_kept(key) || !is_expected || !captures,
                                "{name} {key} {text}"
                            );
                        }
                    }
                    // This was told to the tool on purpose.
                    assert_eq!(is_kept("gen_ai.tool.call.arguments"), captures, "{name}");
                }
            }
        }
    }
}

#[test]
fn urls_in_span_names_are_redacted() {
    let translator = Translator::new(TranslateOptions::default());
    for (name, expected) in [
        (
            "fetch https://host.example/v1/files?key=AIzaSyA1&alt=media",
            "fetch https://host.example/v1/files?key=REDACTED&alt=media",
        ),
        (
            "a = b @ https://host.example",
            "a = b @ https://host.example",
        ),
        ("GET /users?token=*", "GET /users?token=*"),
        ("GET /users?token=4711", "GET /users?token=REDACTED"),
    ] {
        let mut span = span_of(&[]);
        span.name = name.into();
        assert_eq!(translator.translate(span).name, expected);
    }
}

#[test]
fn a_segment_is_named_without_credentials_from_the_start() {
    for (name, expected) in [
        (
            "GET https://h.example/?key=AIza",
            Some("GET https://h.example/?key=REDACTED"),
        ),
        ("GET https://h.example/?page=2", None),
    ] {
        let named = crate::segment_name_at_start(name, None, &Attributes::default());
        assert_eq!(named.as_deref(), expected);
    }
}
