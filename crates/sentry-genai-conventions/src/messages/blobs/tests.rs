use serde_json::json;

use super::*;

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

#[test]
fn data_urls_are_redacted_anywhere_in_a_text() {
    let text = format!("![cat](data:image/png;base64,{PNG}) and DATA:text/plain;base64,QQ== end");
    assert_eq!(
        redact_blobs(&text),
        "![cat]([Blob substitute]) and [Blob substitute] end"
    );
}

#[test]
fn data_urls_are_redacted_in_any_case_and_with_spaces() {
    for url in [
        format!("data:image/png;BASE64,{PNG}"),
        format!("DATA:image/png;charset=utf-8;Base64, {PNG}"),
        "data:text/plain;Base64,QQ==".to_owned(),
    ] {
        let text = format!("see {url}, 2; 64, 3");
        let expected = format!("see {SUBSTITUTE}, 2; 64, 3");
        assert_eq!(redact_blobs(&text), expected, "{url}");
    }
}

#[test]
fn base64_runs_are_found_at_any_position() {
    let run = "aB".repeat(MIN_BASE64_LENGTH / 2);
    for before in 0..MIN_BASE64_LENGTH * 2 {
        let text = format!("{{{}\"data\":\"{run}\"}}", " ".repeat(before));
        assert!(matches!(redact_blobs(&text), Cow::Owned(_)), "{before}");
        let short = text.replace(&run, &run[1..]);
        assert!(matches!(redact_blobs(&short), Cow::Borrowed(_)), "{before}");
    }
}

#[test]
fn semicolons_are_found_in_short_texts() {
    for length in 8..MIN_BASE64_LENGTH {
        let plain = vec![b':'; length];
        assert!(!has_semicolon(&plain));
        for at in 0..length {
            for (byte, other) in [(b';', b':'), (b';', b'<'), (b';' | 0x80, b':'), (0xff, 0)] {
                let mut text = vec![other; length];
                text[at] = byte;
                assert_eq!(has_semicolon(&text), byte == b';', "{length} {at}");
            }
        }
    }
}

#[test]
fn texts_too_short_for_a_blob_stay() {
    let url = "data:;base64,Q";
    assert!(!is_too_short_for_blob(url));
    assert!(matches!(redact_blobs(url), Cow::Owned(_)));
    for length in 0..url.len() {
        assert!(is_too_short_for_blob(&url[..length]));
        assert!(matches!(redact_blobs(&url[..length]), Cow::Borrowed(_)));
    }
}

#[test]
fn only_base64_bytes_continue_a_run() {
    for byte in 0..=u8::MAX {
        assert_eq!(
            is_run_step(&[byte; STEP_BYTES]),
            RUN_BYTES[usize::from(byte)],
            "{byte}"
        );
    }
}

#[test]
fn json_stays_json() {
    let text = json!({"content": [{"type": "image", "data": PNG}], "nested": json!({"bytes": PNG}).to_string()});
    let redacted = redact_blobs(&text.to_string()).into_owned();
    let value: Value = serde_json::from_str(&redacted).unwrap();
    assert_eq!(
        value,
        json!({
            "content": [{"type": "image", "data": SUBSTITUTE}],
            "nested": json!({"bytes": SUBSTITUTE}).to_string(),
        })
    );
    assert_eq!(redact_blobs(&redacted), redacted);
}

/// .NET's writer of JSON escapes plus signs, and other writers escape slashes.
#[test]
fn a_blob_ends_at_its_last_escape() {
    let picture = format!("{PNG}+/{PNG}").replace('=', "A");
    let urls = [
        json!({"url": format!("data:image/png;base64,{picture}")}),
        json!({"image": picture}),
        json!({"file": picture}),
    ];
    for json in urls.map(|json| json.to_string()) {
        let expected = redact_blobs(&json);
        assert!(expected.len() < 50, "{expected}");
        for (plus, slash) in [("\\u002B", "/"), ("\\u002b", "\\/"), ("+", "\\u002F")] {
            let escaped = json.replace('+', plus).replace('/', slash);
            assert_eq!(redact_blobs(&escaped), expected, "{escaped}");
        }
    }
}

#[test]
fn texts_without_blobs_stay() {
    let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    for text in [
        json!({"data": hash}).to_string(),
        json!({"id": "aB".repeat(MIN_BASE64_LENGTH)}).to_string(),
        json!({"data": "A sentence of some length, with Words in it, that goes on and on and on."})
            .to_string(),
        json!({"data": format!("{} or so", "aB".repeat(MIN_BASE64_LENGTH))}).to_string(),
        "plain ;base64, talk".to_owned(),
        "the data: (see above) ends with ;base64,QQ".to_owned(),
    ] {
        assert!(matches!(redact_blobs(&text), Cow::Borrowed(_)), "{text}");
    }
}

/// The results of OpenAI's own image tool are recorded like this, as arguments or as an answer.
#[test]
fn media_is_redacted_in_any_field() {
    let jpeg = format!("/9j/{}", "aB/".repeat(MIN_BASE64_LENGTH));
    for media in [PNG, &jpeg] {
        let text = json!({"result": media}).to_string();
        let expected = json!({"result": SUBSTITUTE}).to_string();
        assert_eq!(redact_blobs(&text), expected);
        assert_eq!(redact_blobs(&text.replace('/', "\\/")), expected);
        assert_eq!(redact_blobs(media), SUBSTITUTE);
        let mut value = json!({"result": media, "results": [media]});
        redact_value(&mut value);
        let expected = json!({"result": SUBSTITUTE, "results": [SUBSTITUTE]});
        assert_eq!(value, expected);
    }
    let text = format!("it begins with {PNG}");
    assert!(matches!(redact_blobs(&text), Cow::Borrowed(_)));
}

#[test]
fn fields_of_media_are_redacted_in_values() {
    let run = "aB".repeat(MIN_BASE64_LENGTH / 2);
    for (mut value, is_binary) in [
        (json!({"data": run}), true),
        (json!({"data": run.to_lowercase()}), false),
        (json!({"name": run}), false),
        (
            json!({"mime_type": "image/png", "content": "QUJDREVGR0hJSktM"}),
            true,
        ),
        (
            json!({"mime_type": "text/plain", "content": "QUJDREVGR0hJSkt"}),
            false,
        ),
        (
            json!({"mime_type": "text/plain", "content": "a text of two dozen letters"}),
            false,
        ),
        (
            json!({"mime_type": "text/plain", "name": "QUJDREVGR0hJSktM"}),
            false,
        ),
        (
            json!({"mime_type": null, "content": "QUJDREVGR0hJSktM"}),
            false,
        ),
        (json!({"data": vec![255_u8; 64]}), true),
        (json!({"data": vec![255_u8; 63]}), false),
        (json!({"data": vec![256_u16; 64]}), false),
        (json!({"sizes": vec![1; 64]}), false),
    ] {
        let before = value.clone();
        redact_value(&mut value);
        assert_eq!(value != before, is_binary, "{before}");
        assert_eq!(value.to_string().contains(SUBSTITUTE), is_binary);
    }
}
