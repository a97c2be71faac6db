//! What remains to be done for each span of a shape.

use std::{borrow::Cow, mem};

use super::check::is_plain;
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

/// The part of a plan that depends on what a span is.
#[derive(Debug)]
pub(super) enum Work {
    Ai(AiWork),
    Plain(PlainWork),
}

/// What to do for an AI span.
#[derive(Debug)]
pub(super) struct AiWork {
    pub(super) row: &'static AiOperation,
    pub(super) origin: Cow<'static, str>,
    /// Where the model, agent or tool is that the span is named after.
    pub(super) subject: Option<usize>,
    /// Whether the place is taken that the span's own name could fill.
    pub(super) names_subject: bool,
    /// Whether the span names these itself.
    pub(super) names_conversation: bool,
    pub(super) names_agent: bool,
    pub(super) counts: Counts,
    /// Whether why the model stopped can only be found in the messages.
    pub(super) looks_for_reasons: bool,
    /// Whether the call is streamed, which only the time of its first chunk says.
    pub(super) streams: bool,
    /// What there is to shape, in the order in which that is done.
    pub(super) content: Vec<&'static Content>,
}

/// How token counts come to add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counts {
    /// There are none.
    None,
    /// The total is the sum of these two, and may have a place already.
    Sum {
        input: Option<usize>,
        output: Option<usize>,
        total: Option<usize>,
    },
    /// There are parts, which have to be compared.
    Reconcile,
}

/// What to do for any other span.
#[derive(Debug)]
pub(super) struct PlainWork {
    pub(super) op: Cow<'static, str>,
    pub(super) origin: Cow<'static, str>,
    pub(super) name: PlainName,
}

/// Where the name of a span comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlainName {
    /// It is what the span is called.
    Given,
    /// A method of HTTP, and what it is applied to.
    Http {
        method: usize,
        target: Option<usize>,
    },
    /// Another convention's.
    Convention,
}

impl Work {
    /// Returns whether what a span takes over from others needs no cutting either.
    pub(super) fn fits_inherited(&self, span: &SourceSpan, options: &TranslateOptions) -> bool {
        let Self::Ai(work) = self else {
            return true;
        };
        let fits = |text: Option<&str>| text.is_none_or(|text| is_plain(text, &options.limits));
        let inherited = &span.inherited;
        (work.names_conversation || fits(work.inherited_conversation(span)))
            && (work.names_agent || fits(inherited.agent_name.as_deref()))
    }

    /// Returns whether nothing that the span is called matters.
    pub(super) fn fits_name(&self, name: &str) -> bool {
        match (self, operation::in_span_name(name)) {
            (_, None) => true,
            (Self::Ai(work), Some((_, subject))) => work.names_subject || subject.is_empty(),
            (Self::Plain(_), Some(_)) => false,
        }
    }

    /// Settles tokens, relatives and name.
    pub(super) fn settle(&self, span: &mut SourceSpan) -> Naming {
        match self {
            Self::Ai(work) => work.settle(span),
            Self::Plain(work) => work.settle(span),
        }
    }

    pub(super) fn shape_content(&self, span: &mut SourceSpan, options: &TranslateOptions) {
        if let Self::Ai(work) = self {
            let content = work.content.iter().copied();
            content::shape_each(&mut span.attributes, content, &options.limits);
        }
    }
}

impl AiWork {
    fn settle(&self, span: &mut SourceSpan) -> Naming {
        let attributes = &mut span.attributes;
        if self.looks_for_reasons {
            content::find_finish_reasons(attributes, dialect::OUTPUT);
        }
        if self.streams {
            attributes.push(translate::STREAMING, true);
        }
        self.counts.settle(attributes);
        if !self.names_conversation
            && let Some(id) = self.inherited_conversation(span).map(str::to_owned)
        {
            span.attributes.push(CONVERSATION, &id);
        }
        let attributes = &mut span.attributes;
        if !self.names_agent
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
                Some(subject) if is_made_of(&span.name, self.row.name, subject) => {
                    mem::take(&mut span.name)
                }
                Some(subject) => [self.row.name, " ", subject].concat().into(),
                None => self.row.name.into(),
            },
            op: self.row.op.into(),
            origin: self.origin.clone(),
            ai: Some(self.row.kind),
        }
    }

    fn inherited_conversation<'a>(&self, span: &'a SourceSpan) -> Option<&'a str> {
        let inherited = &span.inherited;
        let session = inherited.session_id.as_deref();
        inherited.conversation_id.as_deref().or(session)
    }
}

/// Returns whether a span is called as it will be, which the conventions ask for.
fn is_made_of(name: &str, operation: &str, subject: &str) -> bool {
    name.strip_prefix(operation)
        .and_then(|rest| rest.strip_prefix(' '))
        == Some(subject)
}

impl Counts {
    fn settle(self, attributes: &mut Attributes) {
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
    fn settle(&self, span: &mut SourceSpan) -> Naming {
        let attributes = &span.attributes;
        let name = match self.name {
            PlainName::Given => None,
            PlainName::Http { method, target } => {
                let method = attributes.text_at(method).unwrap_or_default();
                let target = target.and_then(|target| attributes.text_at(target));
                let is_given = plain::is_http_name(&span.name, method, target);
                let name = (!is_given).then(|| plain::http_name(method, target));
                name.filter(|name| !plain::says_more(&span.name, name))
            }
            PlainName::Convention => return naming::ordinary(span),
        };
        let given = mem::take(&mut span.name);
        Naming {
            name: name.map_or(given, Cow::Owned),
            op: self.op.clone(),
            origin: self.origin.clone(),
            ai: None,
        }
    }
}
