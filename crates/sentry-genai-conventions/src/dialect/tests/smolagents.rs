//! Spans of smolagents in OpenInference's spelling.

use super::*;

const SCOPE: &str = "openinference.instrumentation.smolagents";

/// The instrumentation records all parameters of the method that runs an agent or a tool.
#[test]
fn the_task_is_the_input_of_an_agent() {
    for (input, expected) in [
        (
            r#"{"task": "Weather?", "stream": false, "reset": true, "images": null, "additional_args": null}"#,
            r#"[{"role":"user","parts":[{"type":"text","content":"Weather?"}]}]"#,
        ),
        // Additional arguments of the task stay.
        (
            r#"{"task":"Weather?","additional_args":{"city":"Paris"}}"#,
            r#"[{"role":"user","parts":[{"type":"text","content":"{\"task\":\"Weather?\",\"additional_args\":{\"city\":\"Paris\"}}"}]}]"#,
        ),
    ] {
        let span = translated(
            SCOPE,
            "CodeAgent.run",
            &[("openinference.span.kind", "AGENT"), ("input.value", input)],
        );
        assert_eq!(span.attributes.text(INPUT), Some(expected));
    }
}

#[test]
fn named_and_positional_arguments_are_read() {
    for (input, parameters, expected) in [
        (
            r#"{"args": [], "sanitize_inputs_outputs": true, "kwargs": {"city": "Paris"}}"#,
            r#"{"city": {"type": "string"}}"#,
            r#"{"city":"Paris"}"#,
        ),
        (
            r#"{"args": ["Paris"], "sanitize_inputs_outputs": false, "kwargs": {}}"#,
            r#"{"city": {"type": "string"}}"#,
            r#"{"city":"Paris"}"#,
        ),
        (
            r#"{"args": ["Paris", 3], "sanitize_inputs_outputs": false, "kwargs": {}}"#,
            r#"{"city": {"type": "string"}, "days": {"type": "integer"}}"#,
            r#"["Paris",3]"#,
        ),
        (
            r#"{"args": ["Paris"], "kwargs": {"days": 3}}"#,
            r#"{"city": {"type": "string"}, "days": {"type": "integer"}}"#,
            r#"{"args": ["Paris"], "kwargs": {"days": 3}}"#,
        ),
    ] {
        let span = translated(
            SCOPE,
            "SimpleTool",
            &[
                ("openinference.span.kind", "TOOL"),
                ("tool.name", "get_weather"),
                ("input.value", input),
                ("tool.parameters", parameters),
            ],
        );
        assert_eq!(span.attributes.text(ARGUMENTS), Some(expected));
    }
}
