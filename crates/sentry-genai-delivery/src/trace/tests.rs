use serde_json::{Value, json};

use super::*;
use crate::{ids::new_span_id, segment::Segment, testing};

const INCOMING: &str = "4c79f60c11214eb38604f4ae0781bfb2-a1b2c3d4e5f60718";

fn dsc(trace: &Trace) -> Value {
    let mut json = Vec::new();
    trace.write_dsc(&mut json);
    let dsc: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json.len(), dsc.to_string().len(), "a member is there twice");
    dsc
}

fn continued(flag: &str, baggage: Option<&str>) -> Arc<Trace> {
    let incoming = IncomingTrace::parse(&format!("{INCOMING}{flag}"), baggage).unwrap();
    let config = testing::config(&testing::options());
    Trace::start(&config, Some(&incoming), "name", "op")
}

#[test]
fn the_head_of_a_trace_writes_a_complete_dsc() {
    let segment = testing::segment();
    let trace = segment.trace();
    segment.set_name("POST /ask/{id}");
    let frozen = dsc(trace);
    let rand = frozen["sample_rand"].as_str().unwrap();
    assert_eq!(
        frozen,
        json!({
            "trace_id": trace.trace_id().to_string(),
            "public_key": "0123456789abcdef0123456789abcdef",
            "sample_rate": "1",
            "sample_rand": rand,
            "sampled": "true",
            "release": "shop@1.4.2",
            "environment": "production",
            "transaction": "POST /ask/{id}",
            "org_id": "1",
        })
    );
    assert_eq!(rand.len(), 8);

    segment.set_name("too late");
    assert_eq!(dsc(trace), frozen);
    let header = trace.baggage_header();
    let baggage = IncomingTrace::parse(INCOMING, Some(&header)).unwrap();
    let round_trip = baggage.dsc().unwrap();
    assert_eq!(round_trip.get("transaction"), Some("POST /ask/{id}"));
    assert_eq!(round_trip.get("sample_rand"), Some(rand));
}

#[test]
fn a_url_is_not_a_transaction_name_and_only_the_first_segment_names_the_trace() {
    let config = testing::config(&testing::options());
    let trace = Trace::start(&config, None, "x", "y");
    let _unknown = Segment::new(Arc::clone(&trace), new_span_id(), "");
    assert!(!trace.has_transaction());
    let first = Segment::new(Arc::clone(&trace), new_span_id(), "GET /users/17");
    let second = Segment::new(Arc::clone(&trace), new_span_id(), "other");
    second.set_name("another");
    assert_eq!(&*first.name(), "GET /users/17");
    assert_eq!(dsc(&trace).get("transaction"), None);
}

#[test]
fn an_incoming_dsc_is_passed_on_unchanged() {
    let baggage = "sentry-trace_id=4c79f60c11214eb38604f4ae0781bfb2,\
                   sentry-public_key=fedcba9876543210fedcba9876543210,sentry-sample_rate=0.5,sentry-transaction=their%20name,sentry-new=1";
    let trace = continued("-1", Some(baggage));
    assert_eq!(trace.baggage_header(), baggage);
    assert_eq!(
        dsc(&trace),
        json!({
            "trace_id": "4c79f60c11214eb38604f4ae0781bfb2",
            "public_key": "fedcba9876543210fedcba9876543210",
            "sample_rate": "0.5",
            "transaction": "their name",
            "new": "1",
            "sampled": "true",
        })
    );
    let header = trace.sentry_trace_header(new_span_id());
    assert!(header.starts_with("4c79f60c11214eb38604f4ae0781bfb2-"));
    assert!(header.ends_with("-1"));
}

/// Such a key would cost every envelope of the trace.
#[test]
fn invalid_keys_and_aliases_are_removed_from_envelopes() {
    // The second key is as long as a key has to be.
    for key in ["k", "%C3%A4%C3%A4%C3%A40123456789abcdef0123456789"] {
        let baggage = format!(
            "sentry-public_key={key},sentry-sample_rate=0.5,sentry-segment_name=a,sentry-transaction=b"
        );
        let trace = continued("-1", Some(&baggage));
        assert_eq!(
            dsc(&trace)["public_key"],
            "0123456789abcdef0123456789abcdef"
        );
        assert_eq!(dsc(&trace).get("segment_name"), None);
        assert_eq!(dsc(&trace)["transaction"], "b");
        assert_eq!(trace.baggage_header(), baggage);
    }
}

/// Sentry extrapolates the number of spans from their sample rate.
#[test]
fn the_deciding_service_sends_its_sample_rate() {
    let baggage = "sentry-sample_rate=0.01,sentry-sample_rand=0.5";
    let trace = continued("", Some(baggage));
    assert!(trace.sampled());
    let dsc = dsc(&trace);
    assert_eq!(
        (&dsc["sample_rate"], &dsc["sample_rand"]),
        (&json!("1"), &json!("0.5"))
    );
    assert!(trace.baggage_header().contains("sentry-sample_rate=1,"));
}

#[test]
fn a_sampler_decision_replaces_the_incoming_one() {
    let baggage = "sentry-sample_rate=0.1,sentry-sample_rand=0.5,sentry-sampled=false";
    let incoming = IncomingTrace::parse(&format!("{INCOMING}-0"), Some(baggage)).unwrap();
    let options = testing::options().traces_sampler(|_| 1.0);
    let trace = Trace::start(&testing::config(&options), Some(&incoming), "x", "y");
    assert!(trace.sampled());
    let dsc = dsc(&trace);
    assert_eq!(dsc["sample_rate"], "1");
    assert_eq!(dsc["sample_rand"], "0.5");
    assert_eq!(dsc["sampled"], "true");
    let header = trace.baggage_header();
    assert!(
        header.contains("sentry-sampled=true") && header.contains("sentry-sample_rate=1,"),
        "{header}"
    );
}

#[test]
fn without_an_incoming_dsc_envelopes_have_one_but_baggage_does_not() {
    let trace = continued("-1", None);
    // The trace is named after the first segment of its head.
    let _segment = Segment::new(Arc::clone(&trace), new_span_id(), "POST /ask");
    assert_eq!(trace.baggage_header(), "");
    assert_eq!(
        dsc(&trace),
        json!({
            "trace_id": "4c79f60c11214eb38604f4ae0781bfb2",
            "public_key": "0123456789abcdef0123456789abcdef",
            "sampled": "true",
            "release": "shop@1.4.2",
            "environment": "production",
            "org_id": "1",
        })
    );
}

#[test]
fn a_trace_of_another_organization_is_not_continued() {
    let ours = continued("-0", Some("sentry-org_id=1"));
    assert_eq!(
        ours.parent_span_id().unwrap().to_string(),
        "a1b2c3d4e5f60718"
    );
    assert!(!ours.sampled());
    let theirs = continued("-0", Some("sentry-org_id=2"));
    assert_eq!(theirs.parent_span_id(), None);
    assert_ne!(theirs.trace_id(), ours.trace_id());
    assert!(theirs.sampled());

    let incoming = IncomingTrace::parse(INCOMING, None).unwrap();
    let strict = testing::config(&testing::options().strict_trace_continuation(true));
    let trace = Trace::start(&strict, Some(&incoming), "x", "y");
    assert_eq!(trace.parent_span_id(), None);
    let unknown = sentry_core::ClientOptions::new().dsn(testing::DSN);
    let unknown = unknown.strict_trace_continuation(true);
    let trace = Trace::start(&testing::config(&unknown), Some(&incoming), "x", "y");
    assert_eq!(trace.parent_span_id(), ours.parent_span_id());
    let adopted = IncomingTrace::adopted(ours.trace_id(), new_span_id(), Some(true));
    let trace = Trace::start(&strict, Some(&adopted), "x", "y");
    assert_eq!(trace.trace_id(), ours.trace_id());
}

#[test]
fn a_deferred_decision_is_made_here_and_propagated() {
    let baggage = "sentry-public_key=k,sentry-sample_rand=0.213370";
    let trace = continued("", Some(baggage));
    assert!(trace.sampled());
    let dsc = dsc(&trace);
    assert_eq!(dsc["sampled"], "true");
    assert_eq!(dsc["sample_rate"], "1");
    assert_eq!(dsc["sample_rand"], "0.213370");
    // Only `sentry-trace` tells the next service, as long as the baggage says nothing else.
    assert!(trace.sentry_trace_header(new_span_id()).ends_with("-1"));
    assert_eq!(trace.baggage_header(), baggage);
    assert_eq!(continued("", None).baggage_header(), "");
}

#[test]
fn keeping_a_trace_is_propagated_unless_the_dsc_is_frozen() {
    let config = testing::keeping(&testing::options().traces_sample_rate(0.0));
    let early = Trace::start(&config, None, "x", "y");
    assert!(early.recorded() && !early.sampled() && early.is_held());
    assert!(!early.has_full_sample_rate());
    early.note_ai_span();
    assert!(early.sampled() && !early.is_held() && early.has_full_sample_rate());
    assert!(early.sentry_trace_header(new_span_id()).ends_with("-1"));
    let head = dsc(&early);
    assert_eq!(
        (&head["sampled"], &head["sample_rate"]),
        (&json!("true"), &json!("1"))
    );

    let late = Trace::start(&config, None, "x", "y");
    let header = late.baggage_header();
    assert!(header.contains("sentry-sampled=false"), "{header}");
    assert!(header.contains("sentry-sample_rate=0,"), "{header}");
    late.note_ai_span();
    assert_eq!(
        late.baggage_header(),
        header,
        "what was said is not taken back"
    );
    let kept = dsc(&late);
    assert_eq!(
        (&kept["sampled"], &kept["sample_rate"]),
        (&json!("true"), &json!("1"))
    );

    let theirs = "sentry-public_key=fedcba9876543210fedcba9876543210,sentry-sampled=false,\
                  sentry-sample_rate=0.1,sentry-new=1";
    let incoming = IncomingTrace::parse(&format!("{INCOMING}-0"), Some(theirs)).unwrap();
    let continued = Trace::start(&config, Some(&incoming), "x", "y");
    assert!(continued.is_held());
    continued.note_ai_span();
    assert_eq!(continued.baggage_header(), theirs);
    assert_eq!(
        dsc(&continued),
        json!({
            "trace_id": "4c79f60c11214eb38604f4ae0781bfb2",
            "public_key": "fedcba9876543210fedcba9876543210",
            "new": "1",
            "sample_rate": "1",
            "sampled": "true",
        })
    );
    let sampler = testing::keeping(&testing::options().traces_sampler(|_| 0.0));
    let incoming = IncomingTrace::parse(INCOMING, Some("sentry-sampled=true")).unwrap();
    let overridden = Trace::start(&sampler, Some(&incoming), "x", "y");
    let header = overridden.baggage_header();
    assert!(header.contains("sentry-sampled=false"), "{header}");
    overridden.note_ai_span();
    assert_eq!(dsc(&overridden)["sampled"], "true");

    // Sentry multiplies by the rate that led to the decision, unless such a trace would be kept anyway.
    let by_rate = testing::segment();
    by_rate.trace().note_ai_span();
    assert!(by_rate.trace().sampled() && !by_rate.trace().has_full_sample_rate());

    let off = testing::keeping(&sentry_core::ClientOptions::new().dsn(testing::DSN));
    let disabled = Trace::start(&off, None, "x", "y");
    disabled.note_ai_span();
    assert!(!disabled.recorded() && !disabled.sampled());
}

#[test]
fn without_tracing_only_the_ids_are_propagated() {
    let config = testing::config(&sentry_core::ClientOptions::new().dsn(testing::DSN));
    let trace = Trace::start(&config, None, "x", "y");
    assert!(!trace.sampled());
    let span_id = new_span_id();
    assert_eq!(
        trace.sentry_trace_header(span_id),
        format!("{}-{span_id}", trace.trace_id())
    );
    assert_eq!(dsc(&trace).get("sampled"), None);
}
