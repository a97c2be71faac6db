//! JSON is written as serde_json writes it.

use proptest::prelude::*;
use serde_json::Value;

use super::{super::write, properties::any_json};

fn written(content: &Value) -> String {
    let mut out = Vec::new();
    write::value(&mut out, content);
    write::finish(out)
}

#[test]
fn every_character_is_escaped_at_any_place() {
    let all: String = (0..=0x2ff).filter_map(char::from_u32).collect();
    for before in [0, 1, 62, 63, 64, 65] {
        for content in [all.as_str(), "\"", "a\"", "\u{1}\n\\", ""] {
            let content = Value::from(format!("{}{content}", "x".repeat(before)));
            assert_eq!(written(&content), content.to_string());
        }
    }
}

proptest! {
    #[test]
    fn any_value_is_written(content in any_json()) {
        prop_assert_eq!(written(&content), content.to_string());
    }
}
