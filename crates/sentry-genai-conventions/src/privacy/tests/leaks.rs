//! Content and keys under names that are close to known ones.

use super::*;

fn keeps(provenance: Provenance, key: &'static str, value: Value<'_>) -> bool {
    !kept(provenance, CAPTURE_NOTHING, &[(key, value)]).is_empty()
}

/// Programs say under `user.`, `code.` and the like what no convention means: a question, a program that a tool ran, its output.
#[test]
fn names_that_no_convention_defines_are_judged_by_their_values_on_ai_spans() {
    let (prose, json) = (
        Value::Str("it may be cancer"),
        Value::Str(r#"{"a":"hunter2"}"#),
    );
    let list = [Scalar::Str("hunter2".to_owned())];
    for (key, value, is_expected) in [
        ("user.request", prose, false),
        ("user.goals", Value::Array(&list), false),
        ("user.tier", Value::Str("gold"), true),
        ("user.age", Value::Integer(42), true),
        ("user.full_name", Value::Str("Mia Doe"), true),
        ("code.snippet", prose, false),
        ("code.file.path", Value::Str("C:\\My Files\\a.rs"), true),
        ("process.stdout", prose, false),
        ("process.stderr", json, false),
        ("process.runtime.description", prose, true),
        ("service.note", prose, false),
        ("client.note", prose, false),
        ("http.request.form", json, false),
        ("http.request.header.accept", Value::Str("a, b"), true),
        ("aws.some.state", Value::Str(r#"["hunter2"]"#), false),
        ("aws.some.state", prose, true),
        (
            "azure.some.id",
            Value::Str("sk-proj-4fG7hJ9kL2mN5pQ8"),
            false,
        ),
        ("user_agent.original", Value::Str("curl 8 (linux)"), true),
    ] {
        for provenance in [Provenance::GenAi, Provenance::Library] {
            let is_kept = keeps(provenance, key, value);
            assert_eq!(is_kept, is_expected, "{key} {value:?} {provenance:?}");
        }
        assert!(keeps(Provenance::Other, key, value), "{key} {value:?}");
    }
}

/// Whoever traces a function may put its arguments into a namespace.
#[test]
fn arguments_are_judged_alike_with_and_without_a_namespace() {
    for (value, is_expected) in [
        ("it may be cancer", false),
        (r#"{"city":"hunter2"}"#, false),
        ("gold", true),
    ] {
        for key in ["note", "parameter.note", "args.note", "call.kwargs.note"] {
            let is_kept = keeps(Provenance::Other, key, Value::Str(value));
            assert_eq!(is_kept, is_expected, "{key} {value}");
        }
    }
    let prose = Value::Str("it may be cancer");
    assert!(keeps(Provenance::Other, "app.note", prose));
}

/// However short it is, and even without spaces.
#[test]
fn a_text_inside_of_another_is_no_word() {
    for (text, is_expected) in [
        ("gold", true),
        (r#""gold""#, true),
        (r#"Some("gold")"#, true),
        ("Status(429)", true),
        ("<lambda>", true),
        ("O'Neil", true),
        (r#""{\"city\":\"Rome\"}""#, false),
        (r#"City{name:"Rome"}"#, false),
        (r#"Ok(City("Rome"))"#, false),
        ("City(name='Rome')", false),
        ("('Rome',)", false),
        ("<city>Rome</city>", false),
    ] {
        for provenance in [Provenance::GenAi, Provenance::Library] {
            let is_kept = keeps(provenance, "app.place", Value::Str(text));
            assert_eq!(is_kept, is_expected, "{text} {provenance:?}");
        }
    }
}

#[test]
fn a_namespace_of_genai_counts_inside_another_one() {
    let prose = Value::Str("it may be cancer");
    for (key, is_expected) in [
        ("attributes.gen_ai.tool.definitions", false),
        ("custom.span.llm.notes", false),
        ("metadata.langfuse.tags", false),
        ("app.mcp", true),
        ("app.ai.notes", true),
        ("ai.notes", false),
        ("app.llms.notes", true),
    ] {
        assert_eq!(keeps(Provenance::Other, key, prose), is_expected, "{key}");
    }
}

/// Sentry's own layer for `tracing` records tags.
#[test]
fn a_tag_is_what_it_is_called() {
    let word = Value::Str("hunter2");
    for provenance in [Provenance::GenAi, Provenance::Library, Provenance::Other] {
        for (key, is_expected) in [
            ("tags.crewai.agent.goal", false),
            ("tags.mcp.resource.uri", false),
            ("tags.http.request.header.cookie", false),
            ("tags.tenant", true),
            ("tags.service.name", true),
        ] {
            assert_eq!(keeps(provenance, key, word), is_expected, "{key}");
        }
    }
}

/// Whoever writes a configuration or headers to a span does not mean the keys in it.
#[test]
fn a_text_with_a_key_in_it_is_removed_from_plain_spans() {
    for (text, is_expected) in [
        (
            r#"{"authorization":"Bearer sk-proj-4fG7hJ9kL2mN5pQ8"}"#,
            false,
        ),
        ("Headers { \"x-api-key\": \"AIza4fG7hJ9kL2mN5pQ8\" }", false),
        ("calls with sk-proj-4fG7hJ9kL2mN5pQ8 from now on", false),
        ("calls with sk-learn from now on", true),
        (r#"{"authorization":"Bearer"}"#, true),
    ] {
        let value = Value::Str(text);
        assert_eq!(
            keeps(Provenance::Other, "app.config", value),
            is_expected,
            "{text}"
        );
    }
}

#[test]
fn cookies_and_other_secrets_are_removed_whatever_may_leave() {
    let allows_all = Capture {
        inputs: true,
        outputs: true,
        client_addresses: true,
    };
    for provenance in [Provenance::GenAi, Provenance::Library, Provenance::Other] {
        for capture in [CAPTURE_NOTHING, allows_all] {
            for key in [
                "http.request.cookies",
                "set-cookie",
                "app.api_keys",
                "app.credential",
                "app.jwt",
                "db.pwd",
                "azure.openai.key",
                "github.token",
                "mcp.request.argument.password",
            ] {
                let pairs = [(key, Value::Str("hunter2"))];
                assert_eq!(kept(provenance, capture, &pairs), [""; 0], "{key}");
            }
            // This one identifies a request.
            let pairs = [("mcp.progress.token", Value::Str("t1"))];
            assert_eq!(kept(provenance, capture, &pairs).len(), 1);
        }
    }
}

#[test]
fn an_error_code_of_many_words_is_reduced_like_any_reason() {
    let code = "invalid input: 'it may be cancer'";
    let mut span = span_of(&[("error.code", Value::Str(code))]);
    withhold(&mut span, Provenance::Other, CAPTURE_NOTHING);
    assert_eq!(span.attributes.text("error.code"), Some("invalid input"));
}

/// ADK's plugin that traces functions, and HoneyHive's decorator.
#[test]
fn arguments_and_results_of_traced_functions_are_content() {
    for key in [
        "adk.fn.arg.city",
        "adk.fn.return",
        "honeyhive_inputs.city",
        "honeyhive_outputs.result",
    ] {
        assert!(!keeps(Provenance::Other, key, Value::Str("Rome")), "{key}");
    }
}

/// What somebody said, and the address of what an MCP client reads.
#[test]
fn content_of_one_word_is_known_by_its_key() {
    for key in [
        "fastmcp.delegate.original_uri",
        "fastmcp.proxy.backend_uri_template",
        "gen_ai.transcription.text",
    ] {
        assert!(
            !keeps(Provenance::GenAi, key, Value::Str("users://mia")),
            "{key}"
        );
    }
}
