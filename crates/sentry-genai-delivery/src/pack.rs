//! Turns the spans of a bucket into envelopes, in the configured form.

use std::sync::Arc;

use sentry_genai_conventions::SentrySpan;

use crate::{
    buckets::Bucket,
    buffers::BufferPool,
    config::{Config, TraceLifecycle},
    encode::SpanEncoder,
    transaction,
    wire::{self, Category, Encoded},
};

/// Makes envelopes. Each sender has its own, because it caches encoded data.
pub(crate) struct Packer {
    config: Arc<Config>,
    encoder: SpanEncoder,
}

impl Packer {
    pub(crate) fn new(config: &Arc<Config>) -> Self {
        Self {
            config: Arc::clone(config),
            encoder: SpanEncoder::new(config),
        }
    }

    /// Encodes the spans of a bucket, into one of `buffers` if one has a suitable size.
    pub(crate) fn pack(&mut self, bucket: &Bucket, buffers: &BufferPool) -> Encoded {
        match self.config.settings.lifecycle {
            TraceLifecycle::Stream => self.container(bucket, bucket.spans.iter(), buffers),
            TraceLifecycle::Transaction => {
                let (ai, non_ai): (Vec<_>, _) =
                    bucket.spans.iter().partition(|span| span.ai.is_some());
                let mut encoded = self.transactions(bucket, non_ai, buffers);
                encoded.append(self.container(bucket, ai.into_iter(), buffers));
                encoded
            }
            TraceLifecycle::Classic => {
                self.transactions(bucket, bucket.spans.iter().collect(), buffers)
            }
        }
    }

    fn container<'a>(
        &mut self,
        bucket: &'a Bucket,
        spans: impl ExactSizeIterator<Item = &'a SentrySpan>,
        buffers: &BufferPool,
    ) -> Encoded {
        let spans = spans.map(|span| (span, bucket.segment_of(span.span_id)));
        let trace = bucket.segment().trace();
        let attribute_bytes = wire::attribute_bytes(&bucket.spans);
        let capacity = wire::estimate_size(spans.len(), attribute_bytes);
        wire::encode_within_limits(&mut self.encoder, trace, spans, buffers.take(capacity))
    }

    fn transactions(
        &self,
        bucket: &Bucket,
        mut spans: Vec<&SentrySpan>,
        buffers: &BufferPool,
    ) -> Encoded {
        let segment_of = |span: &SentrySpan| bucket.segment_of(span.span_id);
        spans.sort_by_key(|span| segment_of(span).span_id());
        let mut encoded = Encoded::default();
        for spans in spans.chunk_by(|a, b| segment_of(a).span_id() == segment_of(b).span_id()) {
            let segment = segment_of(spans[0]);
            encoded.append(transaction::encode(&self.config, segment, spans, buffers));
        }
        encoded
    }
}

/// The category of all envelopes of a bucket. `None` if they differ.
pub(crate) fn category(lifecycle: TraceLifecycle) -> Option<Category> {
    match lifecycle {
        TraceLifecycle::Stream => Some(Category::Span),
        TraceLifecycle::Classic => Some(Category::Transaction),
        TraceLifecycle::Transaction => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use sentry_genai_conventions::{TranslateOptions, Translator};

    use super::*;
    use crate::{
        buckets::{Buckets, Purpose},
        ids::new_span_id,
        segment::Segment,
        testing,
    };

    /// As in a trace that the program takes part in several times.
    #[test]
    fn each_segment_of_a_bucket_is_a_transaction() {
        let first = testing::segment();
        let second = Segment::new(Arc::clone(first.trace()), new_span_id(), "GET /");
        let segments = [&first, &Arc::new(second)];
        let mut buckets = Buckets::new(Purpose::Sending);
        for segment in [0, 1, 0, 1].map(|at| segments[at]) {
            let mut spans = vec![testing::span(segment, new_span_id())];
            assert!(
                buckets
                    .add(Instant::now(), &mut spans, 1, segment)
                    .is_none()
            );
        }
        let bucket = buckets.pop_oldest().expect("a bucket");
        let pack = |lifecycle| {
            let mut config = testing::config(&testing::options());
            Arc::make_mut(&mut config).settings.lifecycle = lifecycle;
            let encoded = Packer::new(&config).pack(&bucket, &BufferPool::new(0));
            let envelopes = encoded.envelopes.iter();
            assert!(
                envelopes
                    .clone()
                    .all(|it| Some(it.category) == category(lifecycle))
            );
            envelopes.map(|it| it.spans).collect::<Vec<_>>()
        };
        assert_eq!(pack(TraceLifecycle::Classic), [2, 2]);
        assert_eq!(pack(TraceLifecycle::Stream), [4]);
    }
    /// A buffer that had to grow, or was far too large, could not be used again.
    #[test]
    fn the_buffer_of_an_envelope_is_used_for_the_next_with_and_without_content() {
        const CHATS: usize = 60;

        let question =
            r#"[{"role":"user","parts":[{"type":"text","content":"say \\"hi\\" to Ann "}]}]"#;
        let question = question.replace("Ann ", &"Ann and \\n".repeat(200));
        let answer = question.replace("user", "assistant");
        let segment = testing::segment();
        let config = testing::config(&testing::options());
        for is_captured in [true, false] {
            let mut options = TranslateOptions::default();
            (options.capture_inputs, options.capture_outputs) = (is_captured, is_captured);
            let translator = Translator::new(options);
            let chat = || {
                let mut span = testing::source(&segment, new_span_id());
                let attributes = &mut span.attributes;
                attributes.push("gen_ai.operation.name", "chat");
                attributes.push("gen_ai.provider.name", "openai");
                attributes.push("gen_ai.request.model", "gpt-5-mini");
                attributes.push("gen_ai.response.model", "gpt-5-mini-2025-08-07");
                attributes.push("gen_ai.response.id", "chatcmpl-CBd2xqNn0vJv3o1QG8hIuT");
                attributes.push("gen_ai.request.temperature", 0.5);
                attributes.push("gen_ai.request.max_tokens", 1000_i64);
                for count in ["input", "output", "cache_read.input", "reasoning.output"] {
                    attributes.push_owned_key(&format!("gen_ai.usage.{count}_tokens"), 12_i64);
                }
                attributes.push("gen_ai.input.messages", &*question);
                attributes.push("gen_ai.output.messages", &*answer);
                attributes.push("server.address", "api.openai.com");
                translator.translate(span)
            };
            let mut buckets = Buckets::new(Purpose::Sending);
            let mut chats = (0..CHATS).map(|_| chat()).collect();
            let full = buckets.add(Instant::now(), &mut chats, 100, &segment);
            let bucket = full.or_else(|| buckets.pop_oldest()).expect("a bucket");
            let buffers = BufferPool::new(1024 * 1024);
            let pack = || {
                let encoded = Packer::new(&config).pack(&bucket, &buffers);
                let [envelope] = encoded.envelopes.try_into().expect("one envelope");
                assert_eq!(envelope.spans, CHATS);
                let place = envelope.bytes.as_ptr();
                buffers.give_back(envelope.bytes);
                place
            };
            assert_eq!(pack(), pack(), "{is_captured}");
        }
    }
}
