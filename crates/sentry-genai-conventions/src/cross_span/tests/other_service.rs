use super::*;

const SHOP: (&str, &str) = ("service.name", "shop");
const GATEWAY: (&str, &str) = ("service.name", "gateway");
const MODEL: &str = "gen_ai.response.model";
const PROVIDER: &str = "gen_ai.provider.name";

/// A client that asks for an alias, and a gateway below that knows the model, with a response id of its own.
fn client_and_gateway(client_tokens: &[(&'static str, &str)]) -> Trace {
    let mut client = vec![CHAT, SHOP, RESPONSE, (PROVIDER, "openai"), (MODEL, "smart")];
    client.extend(client_tokens);
    let gateway = [
        CHAT,
        GATEWAY,
        ("kind", "server"),
        ("http.method", "POST"),
        ("http.route", "/v1/chat"),
        ("gen_ai.response.id", "msg_2"),
        (PROVIDER, "anthropic"),
        ("gen_ai.request.model", "claude"),
        (COUNT, "42"),
    ];
    Trace(Vec::new())
        .with(1, 0, "chat smart", &client)
        .with(
            2,
            1,
            "POST",
            &[SHOP, ("kind", "client"), ("http.method", "POST")],
        )
        .with(3, 2, "chat claude", &gateway)
}

#[test]
fn a_call_that_a_gateway_describes_too_counts_once_with_the_model_that_answered() {
    for (tokens, kept) in [(&[(COUNT, "42")][..], 0), (&[], 2)] {
        let mut spans = client_and_gateway(tokens).0;
        reconcile(&mut spans, &ContentLimits::default());
        let calls: Vec<_> = (0..3).filter(|at| spans[*at].ai.is_some()).collect();
        assert_eq!(calls, [kept]);
        assert_eq!(spans[kept].attributes.text(MODEL), Some("claude"));
        assert_eq!(spans[kept].attributes.text(PROVIDER), Some("anthropic"));
    }
}

#[test]
fn a_failed_attempt_of_a_gateway_has_not_answered() {
    let client = [CHAT, SHOP, (MODEL, "claude"), (COUNT, "42")];
    let id = ("gen_ai.response.id", "request_1");
    let model = ("gen_ai.request.model", "gpt");
    let failed = [CHAT, GATEWAY, id, model, ("error.type", "timeout")];
    let mut spans = Trace(Vec::new())
        .with(1, 0, "chat smart", &client)
        .with(2, 1, "chat gpt", &failed)
        .0;
    reconcile(&mut spans, &ContentLimits::default());
    assert_eq!(spans[0].attributes.text(MODEL), Some("claude"));
}

#[test]
fn a_gateways_repeated_call_stays_the_request_that_it_served() {
    let mut spans = client_and_gateway(&[(COUNT, "42")]).0;
    reconcile(&mut spans, &ContentLimits::default());
    let request = &spans[2];
    assert_eq!(
        (&*request.op, &*request.name),
        ("http.server", "POST /v1/chat")
    );
}

/// The clocks of two machines differ, so that the gateway seems to begin first, or when the client has its answer.
#[test]
fn the_client_is_the_outer_one_whatever_the_clocks_say() {
    for (start, end) in [(0, 7), (20, 24)] {
        let client = [CHAT, SHOP, RESPONSE, (COUNT, "42")];
        let gateway = [CHAT, GATEWAY, SDK, RESPONSE, (COUNT, "42")];
        let mut spans = Trace(Vec::new())
            .with(1, 0, "chat smart", &client)
            .with(2, 1, "chat m", &gateway)
            .0;
        for (span, (start, end)) in spans.iter_mut().zip([(5, 9), (start, end)]) {
            span.start = Timestamp::from_nanos(start);
            span.end = Timestamp::from_nanos(end);
        }
        reconcile(&mut spans, &ContentLimits::default());
        assert_eq!((&*spans[0].op, &*spans[1].op), ("gen_ai.chat", "function"));
    }
}

#[test]
fn calls_of_one_service_with_two_responses_are_two() {
    let spans = Trace(Vec::new())
        .with(1, 0, "chat m", &[CHAT, SHOP, RESPONSE, (COUNT, "1")])
        .with(
            2,
            1,
            "chat m",
            &[CHAT, SHOP, ("gen_ai.response.id", "msg_2"), (COUNT, "2")],
        );
    let expected = [("gen_ai.chat", Some(1)), ("gen_ai.chat", Some(2))];
    assert_eq!(spans.reconciled(), owned(&expected));
}

/// One of vLLM's servers reads the prompt, and another one answers. Neither names its model.
#[test]
fn parts_of_a_call_do_not_count_beside_it() {
    let spans = |count: &'static [(&'static str, &'static str)]| {
        let model = ("gen_ai.request.model", "m");
        let client = [&[CHAT, model], count].concat();
        let spans = Trace(Vec::new())
            .with(1, 0, "chat m", &client)
            .with(2, 1, "prefill", &[CHAT, (COUNT, "42")])
            .with(3, 1, "decode", &[CHAT, (COUNT, "42")]);
        spans.reconciled()
    };
    let expected = [
        ("gen_ai.chat", Some(42)),
        ("function", None),
        ("function", None),
    ];
    assert_eq!(spans(&[(COUNT, "42")]), owned(&expected));
    assert_eq!(spans(&[]), owned(&expected));
}
