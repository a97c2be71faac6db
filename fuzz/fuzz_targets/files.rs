//! Any bytes in the place of a file: what can be read of it leaves in envelopes that hold together.

#![no_main]

use std::time::SystemTime;

use libfuzzer_sys::fuzz_target;
use sentry_genai_conventions::{Timestamp, TranslateOptions, Translator};
use sentry_genai_gateway::{Client, read_lossy, translate_batch};
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let Ok(input) = read_lossy(bytes.to_vec(), Timestamp::default()) else {
        return;
    };
    let mut options = TranslateOptions::default();
    options.capture_inputs = true;
    options.capture_outputs = true;
    let translator = Translator::new(options);
    let client = Client::new(
        "https://0123456789abcdef0123456789abcdef@localhost/1"
            .parse()
            .expect("a DSN"),
    );
    let read = input.spans.len();
    let mut written = 0;
    for trace in translate_batch(&translator, input.spans) {
        let envelopes = trace.envelopes(&client, SystemTime::UNIX_EPOCH);
        written += envelopes.too_large;
        for envelope in envelopes.envelopes {
            let text = str::from_utf8(&envelope).expect("text");
            let lines: Vec<&str> = text.split_terminator('\n').collect();
            let [header, item, payload] = lines[..] else {
                panic!("{} lines", lines.len());
            };
            let json = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
            let (header, item, payload) = (json(header), json(item), json(payload));
            assert_eq!(header["trace"]["trace_id"], trace.trace_id().to_string());
            let spans = payload["items"].as_array().expect("a list");
            assert_eq!(item["item_count"], spans.len());
            written += spans.len();
            for span in spans {
                assert_eq!(span["trace_id"], header["trace"]["trace_id"]);
                assert!(span["name"].is_string() && span["status"].is_string());
                assert!(span["end_timestamp"].as_f64() >= span["start_timestamp"].as_f64());
            }
        }
    }
    assert_eq!(written, read);
});
