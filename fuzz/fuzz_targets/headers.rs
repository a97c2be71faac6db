//! Any text in the place of the headers `sentry-trace`, `baggage` and a conversation's id: what goes on from here is a header, and says
//! the same when it is read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sentry_genai_delivery::{Baggage, IncomingTrace, conversation_in_baggage};

const TRACE: &str = "0123456789abcdef0123456789abcdef-0123456789abcdef-1";

fuzz_target!(|text: &str| {
    for (trace, baggage) in [(text, None), (TRACE, Some(text))] {
        let Some(incoming) = IncomingTrace::parse(trace, baggage) else {
            continue;
        };
        let header = incoming.baggage_header();
        assert!(
            header.is_ascii() && !header.contains(|c: char| c.is_ascii_control()),
            "{header:?}"
        );
        let again = IncomingTrace::parse(TRACE, Some(&header)).expect("a trace");
        if header.len() <= 8192 {
            assert_eq!(again.baggage_header(), header);
        }
    }
    if let Some(id) = conversation_in_baggage(text) {
        let header = header_of(&id).expect("an id");
        assert_eq!(conversation_in_baggage(&header), Some(id));
    }
    if let Some(header) = header_of(text) {
        assert!(header.is_ascii(), "{header:?}");
        assert_eq!(
            conversation_in_baggage(&header).as_deref(),
            Some(text.trim())
        );
    }
});

fn header_of(conversation: &str) -> Option<String> {
    let mut baggage = Baggage::default();
    baggage.add_conversation(conversation);
    baggage.into_header()
}
