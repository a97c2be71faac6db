//! Makes a plan from a span.

use super::{
    Plan,
    check::{Check, stays_unchanged},
    work::{AiWork, Counts, PlainName, PlainWork, Work},
};
use crate::{
    AiKind, Attributes, SourceSpan, TranslateOptions, Value,
    attributes::{KeyEdit, needs_no_escape},
    content::{self, FINISH_REASONS},
    dialect::{self, Dialect, FailureAttribute, OUTPUT, OperationKind},
    naming,
    operation::{AiOperation, Operation},
    plain,
    privacy::{self, Capture, Judgement, Provenance, TextHeuristic, Withholding},
    recognise::recognise,
    rename, status, tokens, translate,
};

const OPERATION: &str = "gen_ai.operation.name";

/// Attributes that change the meaning of others, or that are taken apart. A span with one of them is translated step by
/// step.
static IRREGULAR: &[&str] = &[
    "error",
    "error.message",
    "faas.trigger",
    "gen_ai.response.text",
    "gen_ai.response.tool_calls",
    "gen_ai.tool.error.type",
    "model",
    "otel.status_code",
    "otel.status_description",
    "otel.status_message",
];

static IRREGULAR_PREFIXES: &[&str] = &["ai.", "mcp.", "sentry."];

impl Plan {
    /// Makes a plan for spans like `span`, which has not been translated yet. Returns `None` if such spans must be
    /// translated step by step.
    pub(crate) fn of(span: &SourceSpan, options: &TranslateOptions) -> Option<Self> {
        let mut attributes = span.attributes.iter();
        if attributes.any(|(key, _)| is_irregular(key)) || dialect::may_share_keys(span) {
            return None;
        }
        let settled = settled(&span.attributes);
        let trial = Trial::of(span, &settled)?;
        let edits = span.attributes.edits_to(&trial.span.attributes)?;
        let trial = trial.with_settled_values()?;
        let draft = Draft {
            span,
            settled: &settled,
            trial: &trial,
            options,
        };
        let plan = draft.plan(edits)?;
        // The span itself may be one that the plan does not fit, such as one with an error.
        plan.fits(&mut span.clone(), options).then_some(plan)
    }
}

fn is_irregular(key: &str) -> bool {
    IRREGULAR.contains(&key)
        || privacy::may_quote_error(key)
        || status::tool_failure_flag(key).is_some()
        || IRREGULAR_PREFIXES
            .iter()
            .any(|prefix| key.starts_with(prefix))
}

/// Returns the attributes with only the last value of every key.
fn settled(attributes: &Attributes) -> Attributes {
    let mut settled = attributes.clone();
    settled.settle();
    settled
}

fn position(attributes: &Attributes, key: &str) -> Option<usize> {
    attributes
        .slots()
        .position(|slot| slot.is_some_and(|(candidate, _)| candidate == key))
}

/// A copy of a span that has gone through the first steps of the translation. The changes to its keys are those that
/// the plan will make.
struct Trial {
    span: SourceSpan,
    dialect: &'static Dialect,
    /// An attribute whose text may say how the span ended.
    failure_attribute: Option<FailureAttribute>,
    /// The operation, if it is an AI operation.
    row: Option<&'static AiOperation>,
    operation_kind: OperationKind,
}

impl Trial {
    /// Makes the span's keys canonical. Returns `None` if that takes more than renaming keys, or depends on values.
    fn of(span: &SourceSpan, settled: &Attributes) -> Option<Self> {
        let mut trial = span.clone();
        trial.attributes = settled.clone();
        translate::apply_reserved_fields(&mut trial);
        let dialect = dialect::of(&trial);
        if !dialect.is_conventional()
            || dialect::is_classified_by_name(&trial.name)
            || dialect::is_method_of_agent(&trial)
        {
            return None;
        }
        let failure_attribute = dialect::failure_attribute(&trial);
        dialect::normalise_names(&mut trial, dialect);
        let recognised = recognise(&trial, dialect);
        let row = match recognised.as_ref().map(|found| found.operation) {
            None => None,
            Some(Operation::Ai(row)) => Some(row),
            Some(_) => return None,
        };
        let operation_kind = translate::operation_kind(recognised.as_ref());
        if row.is_some() {
            let mut attributes = settled.iter();
            if attributes.any(|(key, value)| dialect::is_understood_by_value(key, value)) {
                return None;
            }
            dialect.apply(&mut trial, operation_kind);
        }
        let mut trial = Self {
            span: trial,
            dialect,
            failure_attribute,
            row,
            operation_kind,
        };
        if trial.has_irregular() || !rename::have_registry_types(&trial.span.attributes) {
            return None;
        }
        rename::canonicalise(&mut trial.span.attributes);
        Some(trial)
    }

    fn has_irregular(&self) -> bool {
        let is_tool = self.row.is_some_and(|row| row.kind == AiKind::Tool);
        self.span.attributes.iter().any(|(key, value)| {
            is_irregular(key)
                || is_tool && status::bare_failure_flag(key).is_some()
                || matches!(value, Value::Str(_)) && dialect::may_be_count_or_cost(key)
        })
    }

    /// Makes the values canonical. Returns `None` if that changes any, or if there are keys that the conventions do not
    /// know.
    fn with_settled_values(mut self) -> Option<Self> {
        if self.row.is_none() {
            let span = &self.span;
            if dialect::mentions_gen_ai(span) || dialect::may_classify_by_name(&span.attributes) {
                return None;
            }
        } else {
            let attributes = &self.span.attributes;
            if self.operation_kind == OperationKind::Embeddings
                && tokens::needs_embeddings_reconciliation(attributes)
            {
                return None;
            }
            let before = attributes.clone();
            dialect::normalise_values(&mut self.span, self.operation_kind);
            // A change here depends on the value.
            if !before.edits_to(&self.span.attributes)?.is_empty() {
                return None;
            }
        }
        // The outcome of a tool has been read by then.
        let has_unknown_keys =
            rename::unknown_keys(&self.span.attributes).any(|key| key != status::OUTCOME);
        (!has_unknown_keys).then_some(self)
    }
}

/// A span before and after its keys have become canonical.
struct Draft<'a> {
    span: &'a SourceSpan,
    /// Its attributes, without overwritten values.
    settled: &'a Attributes,
    trial: &'a Trial,
    options: &'a TranslateOptions,
}

impl Draft<'_> {
    /// Returns the plan. `edits` make the keys canonical. Returns `None` if a value requires a check that plans do not
    /// have.
    fn plan(&self, mut edits: Vec<(usize, KeyEdit)>) -> Option<Plan> {
        let Trial {
            span: trial, row, ..
        } = self.trial;
        let otel_name = position(self.settled, "otel.name");
        let failure_attribute = match self.trial.failure_attribute {
            Some(failure_attribute) => {
                Some((self.position(failure_attribute.key)?, failure_attribute))
            }
            None => None,
        };
        let checks = self.checks()?;
        let work = self.work()?;
        edits.extend(self.removals());
        // `otel.name` has been read by now, and is removed where it is read.
        edits.retain(|(index, _)| Some(*index) != otel_name);
        let provenance = match row {
            Some(_) => Provenance::GenAi,
            None => Provenance::of_plain(trial, self.trial.dialect),
        };
        let capture = Capture::of(self.options);
        let (withheld, conditional, addresses) = self.withheld(provenance, capture);
        let formatted_message = (!capture.allows_all_content())
            .then(|| self.position(privacy::FORMATTED_MESSAGE))
            .flatten();
        Some(Plan {
            scope: self.span.scope.clone(),
            source_kind: self.span.kind,
            kind: trial.kind,
            shape: self.span.attributes.shape(),
            checks,
            edits,
            has_plain_keys: (trial.attributes.iter()).all(|(key, _)| needs_no_escape(key)),
            otel_name,
            withheld,
            conditional,
            addresses,
            keeps_queries: privacy::keeps_queries(provenance, capture),
            formatted_message,
            name: trial.name.clone(),
            failure_attribute,
            work,
        })
    }

    /// Returns the removals of attributes that have been read, or that spans of this kind must not have.
    fn removals(&self) -> impl Iterator<Item = (usize, KeyEdit)> {
        let row = self.trial.row;
        let forbidden_keys = row.map_or(&[][..], |row| translate::forbidden_keys(row.kind));
        // That a tool has succeeded is in its status.
        let keys = forbidden_keys.iter().chain([&status::OUTCOME]);
        keys.filter_map(|key| Some((self.position(key)?, KeyEdit::Remove)))
    }

    fn position(&self, key: &str) -> Option<usize> {
        position(&self.trial.span.attributes, key)
    }

    /// Returns the position of the first of these keys that holds a text.
    fn text_position(&self, keys: &[&str]) -> Option<usize> {
        let attributes = &self.trial.span.attributes;
        let mut positions = keys.iter().filter_map(|key| self.position(key));
        positions.find(|index| attributes.text_at(*index).is_some())
    }

    fn checks(&self) -> Option<Vec<Check>> {
        let before = self.settled.slots();
        let after = self.trial.span.attributes.slots();
        let statuses = status::HTTP_STATUSES
            .iter()
            .filter_map(|key| self.position(key));
        if statuses.count() > 1 {
            return None;
        }
        before
            .zip(after)
            .map(|(before, after)| match (before, after) {
                // Attributes that are removed have been read, or do not need to be.
                (Some((key, Value::Str(text))), None) => Some(match key {
                    "otel.kind" => Check::exactly(text),
                    _ => Check::Text,
                }),
                (_, Some((key, value))) => self.check(key, value),
                _ => Some(Check::Any),
            })
            .collect()
    }

    fn check(&self, key: &str, value: Value<'_>) -> Option<Check> {
        let Value::Str(text) = value else {
            return Some(if tokens::COUNTS.contains(&key) {
                Check::Count
            } else if status::HTTP_STATUSES.contains(&key) {
                Check::ResponseStatus {
                    first_failure: status::first_http_failure(
                        self.trial.span.kind,
                        self.trial.operation_kind,
                    ),
                }
            } else if status::GRPC_STATUSES.contains(&key) {
                Check::ResponseStatus { first_failure: 1 }
            } else {
                Check::Any
            });
        };
        Some(match key {
            OPERATION => Check::exactly(text),
            "gen_ai.provider.name" if !stays_unchanged(text, &self.options.limits) => return None,
            "gen_ai.provider.name" => Check::provider(text),
            "server.address" => Check::TextExcept(|text| text.contains("://")),
            _ if naming::MODELS.contains(&key) => {
                Check::TextExcept(dialect::may_be_placeholder_model)
            }
            "gen_ai.tool.call.id" => Check::TextExcept(|text| text == "<not specified>"),
            "gen_ai.conversation.id" => Check::TextExcept(dialect::is_response_id),
            "gen_ai.agent.name" => Check::TextExcept(|text| {
                dialect::is_unnamed_agent(text) || dialect::is_random_id(text)
            }),
            "gen_ai.output.type" => {
                Check::TextExcept(|text| matches!(text, "json_schema" | "json_object"))
            }
            status::OUTCOME => Check::TextExcept(status::is_failed_outcome),
            FINISH_REASONS => Check::FinishReason,
            _ if status::HTTP_STATUSES.contains(&key) => return None,
            _ if status::GRPC_STATUSES.contains(&key) && text != "OK" => return None,
            _ if status::GRPC_STATUSES.contains(&key) => Check::exactly(text),
            _ if content::is_structured(key) => Check::Content,
            _ => Check::Text,
        })
    }

    fn work(&self) -> Option<Work> {
        let work = match self.trial.row {
            Some(row) => Work::Ai(self.ai_work(row)?),
            None => Work::Plain(self.plain_work()),
        };
        work.fits_name(&self.trial.span.name).then_some(work)
    }

    fn ai_work(&self, row: &'static AiOperation) -> Option<AiWork> {
        let attributes = &self.trial.span.attributes;
        if attributes.text(OPERATION) != Some(row.name) {
            return None;
        }
        // Tools must not have counts, but this is too rare to support.
        if row.kind == AiKind::Tool && tokens::has_usage(attributes) {
            return None;
        }
        let subjects = naming::subject_keys(row.kind);
        let subject_key = subjects.first()?;
        let has_conversation = self.position("gen_ai.conversation.id").is_some();
        // Another attribute may stand in for the conversation.
        if !has_conversation && dialect::session(self.span).is_some() {
            return None;
        }
        let has = |key| self.position(key).is_some();
        Some(AiWork {
            row,
            origin: naming::origin("ai", self.trial.dialect),
            subject: self.text_position(subjects),
            has_subject: has(subject_key),
            has_conversation,
            has_agent: has("gen_ai.agent.name"),
            counts: self.counts()?,
            needs_finish_reasons: row.kind == AiKind::LlmCall
                && !has(FINISH_REASONS)
                && has(OUTPUT),
            is_streamed: translate::is_implicitly_streamed(attributes),
            content: content::find_structured(attributes),
        })
    }

    fn counts(&self) -> Option<Counts> {
        let attributes = &self.trial.span.attributes;
        let mut present = tokens::COUNTS.iter().filter(|key| attributes.contains(key));
        // A count that is not an integer does not have the registry's type.
        if present.clone().any(|key| attributes.integer(key).is_none()) {
            return None;
        }
        let has_costs = attributes.iter().any(|(key, _)| tokens::is_cost(key));
        Some(match present.next() {
            None if !has_costs => Counts::None,
            _ if has_costs
                || attributes.contains_any(tokens::PARTS)
                || !tokens::has_input_or_output(attributes) =>
            {
                Counts::Reconcile
            }
            _ => Counts::Sum {
                input: self.position(tokens::INPUT),
                output: self.position(tokens::OUTPUT),
                total: self.position(tokens::TOTAL),
            },
        })
    }

    fn plain_work(&self) -> PlainWork {
        let span = &self.trial.span;
        let classified = plain::classify(&span.attributes, span.kind);
        let is_named = self.position("otel.name").is_some();
        let method = self.text_position(plain::HTTP_METHODS);
        let name = match (classified.name, method) {
            (None, _) => PlainName::Given,
            _ if is_named => PlainName::Given,
            // Any span with a method is a request.
            (Some(_), Some(method)) => PlainName::Http {
                method,
                target: self.text_position(plain::http_targets(&classified.op)),
            },
            (Some(_), None) => PlainName::Convention,
        };
        PlainWork {
            origin: naming::plain_origin(&classified.op),
            op: classified.op,
            name,
        }
    }

    /// Returns the attributes that may not be sent, those that may only be sent if they do not look like content, and
    /// the addresses.
    fn withheld(
        &self,
        provenance: Provenance,
        capture: Capture,
    ) -> (Vec<usize>, Vec<(usize, TextHeuristic)>, Vec<usize>) {
        let (mut withheld, mut conditional, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
        for (index, slot) in self.trial.span.attributes.slots().enumerate() {
            let Some((key, value)) = slot else {
                continue;
            };
            let withholding = privacy::withholding(key, self.trial.span.kind, provenance, capture);
            match withholding {
                Withholding::Never | Withholding::Redacted => {}
                Withholding::Always => withheld.push(index),
                Withholding::If(heuristic) => match heuristic.judge(key, value) {
                    Judgement::Content => withheld.push(index),
                    Judgement::NoContent => {}
                    Judgement::DependsOn(text) => conditional.push((index, text)),
                },
            }
            // The check for `server.address` rules out a URL.
            let may_be_url = key != "server.address" && privacy::names_address(key);
            let is_text = matches!(value, Value::Str(_) | Value::Array(_));
            if is_text && (withholding == Withholding::Redacted || may_be_url) {
                addresses.push(index);
            }
        }
        (withheld, conditional, addresses)
    }
}
