//! The rules, as data.

/// A rule: something that Sentry does not understand, or not fully.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// The stable identifier of the rule.
    pub id: &'static str,
    /// How much is lost when the rule is broken.
    pub severity: Severity,
    /// What is wrong, and what it costs.
    pub message: &'static str,
    /// How to fix it.
    pub fix: &'static str,
}

/// How much is lost when a rule is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Nothing: the translation corrects it, or it may be intended.
    Note,
    /// Something that Sentry would otherwise show or count.
    Warning,
}

impl Severity {
    /// Returns the name of the severity: `note` or `warning`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
        }
    }
}

pub(super) static AGENT_NAME: Rule = Rule {
    id: "agent-name-missing",
    severity: Severity::Warning,
    message: "An agent run without a name cannot be distinguished from the others.",
    fix: "Set gen_ai.agent.name on the span of the run.",
};

pub(super) static AGENT_WITHOUT_CALLS: Rule = Rule {
    id: "agent-without-calls",
    severity: Severity::Note,
    message: "There is no model call below this agent run, so it has neither tokens nor costs of its own.",
    fix: "Make the model calls inside the span of the run, or propagate the trace to where they are made.",
};

pub(super) static CONTENT: Rule = Rule {
    id: "content-dropped",
    severity: Severity::Note,
    message: "These attributes are, or may be, content, and are sent only if that is allowed.",
    fix: "If Sentry may have them, pass --pii to tree or translate, or set send_default_pii in the program.",
};

pub(super) static CONVERSATION: Rule = Rule {
    id: "conversation-missing",
    severity: Severity::Warning,
    message: "Without a conversation id the Conversations page does not show these spans.",
    fix: "Set gen_ai.conversation.id, or session.id, on the outermost span of a turn; the spans below inherit it.",
};

pub(super) static COST: Rule = Rule {
    id: "cost-negative",
    severity: Severity::Warning,
    message: "A cost below zero makes every sum over it wrong.",
    fix: "Include cached tokens in the input tokens, or omit the cost: Sentry computes it from the tokens.",
};

pub(super) static DEPRECATED: Rule = Rule {
    id: "attribute-deprecated",
    severity: Severity::Note,
    message: "Sentry's conventions have deprecated these names. They are translated.",
    fix: "Update the instrumentation, or opt in to its newest conventions (OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental).",
};

pub(super) static MESSAGES: Rule = Rule {
    id: "messages-unreadable",
    severity: Severity::Warning,
    message: "These messages look like JSON but could not be parsed; they are kept as one text.",
    fix: "Record them in full, as JSON of the form [{\"role\": ..., \"parts\": [...]}]; a limit on attribute lengths truncates them.",
};

pub(super) static MISSPELLED: Rule = Rule {
    id: "attribute-misspelled",
    severity: Severity::Warning,
    message: "These names are close to names of the conventions, but mean nothing to Sentry.",
    fix: "Correct the names. Set gen_ai.operation.name, such as chat, to say what a span is; with it, other names are understood, too.",
};

pub(super) static MODEL: Rule = Rule {
    id: "model-missing",
    severity: Severity::Warning,
    message: "A model call without a model has no costs and appears in no chart of models.",
    fix: "Set gen_ai.request.model, and gen_ai.response.model once the response has arrived.",
};

pub(super) static OPERATION: Rule = Rule {
    id: "operation-demoted",
    severity: Severity::Note,
    message: "Sentry would mistake these operations for model calls, so they become plain spans.",
    fix: "None needed if they are not model calls; otherwise set gen_ai.operation.name to one that Sentry knows, such as chat.",
};

pub(super) static ORPHAN: Rule = Rule {
    id: "parent-missing",
    severity: Severity::Warning,
    message: "The parent of these spans is not in the file; without it they are orphans.",
    fix: "Export all spans of the trace, and shut the exporter down before the program ends.",
};

pub(super) static TOKENS: Rule = Rule {
    id: "tokens-impossible",
    severity: Severity::Warning,
    message: "These token counts are impossible: negative, not whole numbers, or beyond any model.",
    fix: "Record counts as whole numbers, and omit those that the provider does not report.",
};

pub(super) static TOOL_NAME: Rule = Rule {
    id: "tool-name-missing",
    severity: Severity::Warning,
    message: "A tool call without a name appears in no chart of tools.",
    fix: "Set gen_ai.tool.name on the span of the call.",
};

/// All rules.
pub static RULES: &[&Rule] = &[
    &AGENT_NAME,
    &AGENT_WITHOUT_CALLS,
    &DEPRECATED,
    &CONTENT,
    &CONVERSATION,
    &COST,
    &MESSAGES,
    &MISSPELLED,
    &MODEL,
    &OPERATION,
    &ORPHAN,
    &TOKENS,
    &TOOL_NAME,
];
