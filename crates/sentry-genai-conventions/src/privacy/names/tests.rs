//! Every word of the tables, in the spellings of a key.

use super::*;

fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_ascii_uppercase() + rest
}

/// Returns keys that end in this word, or in it and the name of a format.
fn keys_in(word: &str) -> Vec<String> {
    let capital = capital(word);
    vec![
        word.to_owned(),
        capital.clone(),
        format!("app.{word}"),
        format!("user_{word}"),
        format!("user-{word}"),
        format!("user{capital}"),
        format!("app.anLLM_{capital}"),
        format!("USER_{}", word.to_ascii_uppercase()),
        format!("app.{word}.0"),
        format!("app.{word}[0]"),
        format!("app/{word}2"),
        format!("app.{word}_json"),
        format!("app.{word}.0.text"),
        format!("app.{word}Preview"),
        format!("app.{word}_md"),
    ]
}

/// Keys in which the word does not say what the value is.
fn keys_about(word: &str) -> Vec<String> {
    vec![
        format!("app.{word}_count"),
        format!("app.{word}.id"),
        format!("app.{word}Size"),
        format!("{word}_tokens"),
        format!("app.pre{word}"),
    ]
}

#[test]
fn words_for_content_are_found_at_the_end_of_a_key() {
    for word in CONTENT_WORDS {
        for key in keys_in(word) {
            assert!(names_content(&key), "{key}");
            assert!(!names_secret(&key), "{key}");
        }
        for key in keys_about(word) {
            assert!(!names_content(&key), "{key}");
        }
    }
}

#[test]
fn words_for_secrets_are_found_at_the_end_of_a_key() {
    for word in SECRET_WORDS {
        for key in keys_in(word) {
            assert!(names_secret(&key) && names_content(&key), "{key}");
        }
        for key in keys_about(word) {
            assert!(!names_secret(&key), "{key}");
        }
    }
    for qualifier in KEY_QUALIFIERS {
        for word in KEY_WORDS {
            for key in keys_in(&format!("{qualifier}_{word}")) {
                assert!(names_secret(&key), "{key}");
            }
        }
    }
    for (key, is_expected) in [
        ("token", true),
        ("github.token", true),
        ("metadata.token.value", true),
        ("key", false),
        ("app.keys", false),
        ("cache_key", false),
        ("page_token", false),
        ("app.access_tokens", false),
    ] {
        assert_eq!(names_secret(key), is_expected, "{key}");
    }
}

#[test]
fn results_of_tools_and_agents_are_content() {
    for source in RESULT_SOURCES {
        for word in RESULT_WORDS {
            for key in keys_in(&format!("{source}_{word}")) {
                assert!(names_content(&key), "{key}");
            }
            let key = format!("app.{source}.call_{word}");
            assert!(names_content(&key), "{key}");
            let key = format!("app.{source}.{word}.size");
            assert!(!names_content(&key), "{key}");
        }
    }
    for key in [
        "result",
        "cache.result",
        "auth_results",
        "app.toolbox.result",
    ] {
        assert!(!names_content(key), "{key}");
    }
}

#[test]
fn words_for_thoughts_are_found_at_the_end_of_a_key() {
    for word in THOUGHT_WORDS {
        assert!(names_thoughts(word) && names_thoughts(&format!("app.agent_{word}")));
        assert!(!names_thoughts(&format!("app.{word}_mode")), "{word}");
        assert!(!names_content(&format!("app.{word}")), "{word}");
    }
}

#[test]
fn parts_of_inputs_and_outputs_are_content() {
    for container in CONTENT_CONTAINERS {
        for key in [
            "app.{}.city",
            "app.tool_{}.a.city",
            "steps.0.toolInput{}.city",
        ] {
            let key = key.replace("Input{}", "Input").replace("{}", container);
            assert!(is_within_content(&key), "{key}");
        }
        for part in CONTENT_METADATA {
            assert!(!is_within_content(&format!("app.{container}.{part}")));
        }
    }
    assert!(is_within_content("documents.0.index") && !is_within_content("documents.0.id"));
    for arguments in ARGUMENTS {
        for key in [
            format!("app.tool_{arguments}.id"),
            format!("app.tool{}.id", capital(arguments)),
        ] {
            assert!(is_argument(&key) && is_within_content(&key), "{key}");
        }
        assert!(!is_argument(&format!("app.{arguments}")));
    }
    assert!(is_argument("mcp.tool.parameters.pin"));
    assert!(!is_within_content("city") && !is_argument("args"));
}
