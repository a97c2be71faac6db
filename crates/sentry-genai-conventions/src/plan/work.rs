//! The work that remains for each span of a shape.

use std::{borrow::Cow, mem};

use super::check::stays_unchanged;
use crate::{
    AiKind, Attributes, SourceSpan, TranslateOptions,
    content::{self, Content},
    dialect,
    naming::{self, Naming},
    operation::{self, AiOperation},
    plain, tokens, translate,
};

const CONVERSATION: &str = "gen_ai.conversation.id";
const AGENT: &str = "gen_ai.agent.name";

/// The part of a plan that depends on the kind of span.
#[derive(Debug)]
pub(super) enum Work {
    Ai(AiWork),
    Plain(PlainWork),
}

/// The work for an AI span.
#[derive(Debug)]
pub(super) struct AiWork {
    pub(super) row: &'static AiOperation,
    pub(super) origin: Cow<'static, str>,
    /// The position of the model, agent or tool that the span is named after.
    pub(super) subject: Option<usize>,
    /// Whether the attribute that the span's own name could provide is already present.
    pub(super) has_subject: bool,
    /// Whether the span itself names the conversation, and the agent.
    pub(super) has_conversation: bool,
    pub(super) has_agent: bool,
    pub(super) counts: Counts,
    /// Whether finish reasons can only be found in the messages.
    pub(super) needs_finish_reasons: bool,
    /// Whether the call is streamed, which only the time of its first chunk shows.
    pub(super) is_streamed: bool,
    /// The content to be normalised, in the order in which this is done.
    pub(super) content: Vec<&'static Content>,
}

/// How token counts are made consistent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counts {
    /// There are no counts.
    None,
    /// The total is the sum of input and output, and may have an entry already.
    Sum {
        input: Option<usize>,
        output: Option<usize>,
        total: Option<usize>,
    },
    /// There are parts, which must be compared with their wholes.
    Reconcile,
}

/// The work for any other span.
#[derive(Debug)]
pub(super) struct PlainWork {
    pub(super) op: Cow<'static, str>,
    pub(super) origin: Cow<'static, str>,
    pub(super) name: PlainName,
}

/// Where the name of a span comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlainName {
    /// The span's own name.
    Given,
    /// The method and the target of an HTTP request.
    Http {
        method: usize,
        target: Option<usize>,
    },
    /// Another convention.
    Convention,
}

impl Work {
    /// Returns whether inherited values do not need to be cut either.
    pub(super) fn fits_inherited(&self, span: &SourceSpan, options: &TranslateOptions) -> bool {
        let Self::Ai(work) = self else {
            return true;
        };
        let fits =
            |text: Option<&str>| text.is_none_or(|text| stays_unchanged(text, &options.limits));
        let inherited = &span.inherited;
        (work.has_conversation || fits(inherited.conversation(None)))
            && (work.has_agent || fits(inherited.agent_name.as_deref()))
    }

    /// Returns whether the span's name adds nothing to its attributes.
    pub(super) fn fits_name(&self, name: &str) -> bool {
        match (self, operation::split_span_name(name)) {
            (_, None) => true,
            (Self::Ai(work), Some((_, subject))) => work.has_subject || subject.is_empty(),
            (Self::Plain(_), Some(_)) => false,
        }
    }

    /// Settles token counts, inherited values and the name.
    pub(super) fn apply(&self, span: &mut SourceSpan) -> Naming {
        match self {
            Self::Ai(work) => work.apply(span),
            Self::Plain(work) => work.apply(span),
        }
    }

    pub(super) fn normalise_content(&self, span: &mut SourceSpan, options: &TranslateOptions) {
        if let Self::Ai(work) = self {
            let content = work.content.iter().copied();
            content::normalise_each(&mut span.attributes, content, &options.limits);
        }
    }
}

impl AiWork {
    fn apply(&self, span: &mut SourceSpan) -> Naming {
        let attributes = &mut span.attributes;
        if self.needs_finish_reasons {
            content::extract_finish_reasons(attributes, dialect::OUTPUT);
        }
        if self.is_streamed {
            attributes.push(translate::STREAMING, true);
        }
        self.counts.apply(attributes);
        if !self.has_conversation
            && let Some(id) = span.inherited.conversation(None)
        {
            attributes.push(CONVERSATION, id);
        }
        if !self.has_agent
            && self.row.kind != AiKind::Agent
            && let Some(name) = &span.inherited.agent_name
        {
            attributes.push(AGENT, &**name);
        }
        if self.row.kind == AiKind::Agent
            && span.inherited.model_calls_below
            && self.counts != Counts::None
        {
            tokens::remove(attributes);
        }
        let subject = self.subject.and_then(|index| attributes.text_at(index));
        Naming {
            name: match subject {
                Some(_) if naming::is_with_subject(&span.name, self.row.name, subject) => {
                    mem::take(&mut span.name)
                }
                subject => naming::with_subject(self.row.name, subject),
            },
            op: self.row.op.into(),
            origin: self.origin.clone(),
            ai: Some(self.row.kind),
        }
    }
}

impl Counts {
    fn apply(self, attributes: &mut Attributes) {
        match self {
            Self::None => {}
            Self::Reconcile => tokens::reconcile(attributes),
            Self::Sum {
                input,
                output,
                total,
            } => {
                let count = |index: Option<usize>| {
                    index
                        .and_then(|index| attributes.integer_at(index))
                        .unwrap_or(0)
                };
                let sum = count(input).saturating_add(count(output));
                match total {
                    Some(index) => attributes.set_integer_at(index, sum),
                    None => attributes.push(tokens::TOTAL, sum),
                }
            }
        }
    }
}

impl PlainWork {
    fn apply(&self, span: &mut SourceSpan) -> Naming {
        let attributes = &span.attributes;
        let name = match self.name {
            PlainName::Given => None,
            PlainName::Http { method, target } => {
                let method = attributes.text_at(method).unwrap_or_default();
                let target = target.and_then(|target| attributes.text_at(target));
                let is_given = plain::is_http_name(&span.name, method, target);
                let name = (!is_given).then(|| plain::http_name(method, target));
                name.filter(|name| !plain::is_more_specific(&span.name, name))
            }
            PlainName::Convention => return naming::name_plain(span),
        };
        let given = mem::take(&mut span.name);
        Naming {
            name: name.map_or(given, |name| name.into_owned().into()),
            op: self.op.clone(),
            origin: self.origin.clone(),
            ai: None,
        }
    }
}
