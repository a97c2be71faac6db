//! What was said in audio.

use serde_json::json;

use super::input;

/// OpenAI's Realtime API, Azure's voice agents, and OpenAI's chats.
#[test]
fn what_was_said_in_audio_is_a_text() {
    let blob = json!({"type": "blob", "modality": "audio", "mime_type": "unknown", "content": "[Blob substitute]"});
    let mut wav = blob.clone();
    wav["mime_type"] = json!("audio/wav");
    let said = json!({"type": "text", "content": "What time is it?"});
    for (part, expected) in [
        (
            json!({"type": "input_audio", "transcript": "What time is it?", "audio": null}),
            json!([said]),
        ),
        (
            json!({"type": "output_audio", "transcript": "What time is it?", "audio": "UklGRg=="}),
            json!([said, blob]),
        ),
        (
            json!({"type": "audio", "audio": {"transcript": "What time is it?", "data": "UklGRg=="}}),
            json!([said, blob]),
        ),
        (
            json!({"type": "audio", "audio": {"audio": {"transcript": "What time is it?", "url": "data:audio/wav;base64,UklGRg=="}}}),
            json!([said, wav]),
        ),
        (
            json!({"type": "audio", "content": "What time is it?"}),
            json!([said]),
        ),
        (
            json!({"type": "audio", "content": "UklGRg=="}),
            json!([blob]),
        ),
        (
            json!({"type": "audio", "content": format!("{0} {0}", "UklG".repeat(19))}),
            json!([blob]),
        ),
        (
            json!({"type": "input_audio", "transcript": null, "audio": "UklGRg=="}),
            json!([blob]),
        ),
    ] {
        let shown = input(json!([{"role": "user", "content": [part]}]));
        assert_eq!(shown[0]["parts"], expected, "{part}");
    }
}
