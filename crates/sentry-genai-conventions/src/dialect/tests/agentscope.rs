//! Spans of AgentScope.

use super::*;
use crate::{SourceStatus, Status};

#[test]
fn the_state_of_a_result_tells_whether_the_tool_failed() {
    for (result, expected) in [
        (
            r#"{"content":[{"type":"text","text":"boom","id":"1"}],"state":"error","metadata":{},"id":"2"}"#,
            Status::Error,
        ),
        (
            r#"{"content":[],"state":"success","metadata":{},"id":"2"}"#,
            Status::Ok,
        ),
        ("error", Status::Ok),
    ] {
        let mut span = testing::span("execute_tool w");
        span.scope = "agentscope".into();
        span.status = SourceStatus::Ok;
        span.attributes
            .push("gen_ai.operation.name", "execute_tool");
        span.attributes.push("gen_ai.tool.name", "w");
        span.attributes.push("gen_ai.tool.call.result", result);
        let span = Translator::new(TranslateOptions::default()).translate(span);
        assert_eq!(span.status, expected, "{result}");
    }
}
