//! The kinds of spans in the dialects of libraries.

use super::*;

#[test]
fn kinds_of_libraries_are_read_in_any_case() {
    for (key, tool, call) in [
        ("openinference.span.kind", "tool", "llm"),
        ("traceloop.span.kind", "Tool", "Workflow"),
        ("langfuse.observation.type", "TOOL", "GENERATION"),
        ("langsmith.span.kind", "Tool", "LLM"),
        ("langwatch.span.type", "TOOL", "Llm"),
        ("mastra.span.type", "Tool_Call", "MODEL_GENERATION"),
        ("mlflow.spanType", "tool", "Chat_Model"),
        ("lmnr.span.type", "tool", "llm"),
        ("agentops.span.kind", "TOOL", "Workflow"),
    ] {
        let op = |kind: &str| translated("my.app", "work", &[(key, kind)]).op.into_owned();
        assert_eq!(op(tool), "gen_ai.execute_tool", "{key}");
        let is_workflow = call == "Workflow";
        let expected = if is_workflow {
            "function"
        } else {
            "gen_ai.chat"
        };
        assert_eq!(op(call), expected, "{key}");
    }
}

/// OpenInference and Langfuse take any of LangChain's runs for an agent whose name contains the word.
#[test]
fn hooks_of_middlewares_are_no_agents() {
    for (key, kind) in [
        ("openinference.span.kind", "AGENT"),
        ("langfuse.observation.type", "agent"),
    ] {
        let op = |name: &str| translated("my.app", name, &[(key, kind)]).op.into_owned();
        assert_eq!(op("PatchToolCallsMiddleware.before_agent"), "function");
        assert_eq!(op("_ParentNotifierMiddleware.after_agent"), "function");
        assert_eq!(op("research.agent"), "gen_ai.invoke_agent", "{key}");
    }
}
