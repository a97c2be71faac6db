//! Evaluations beside and around model calls.

use super::*;

const EVALUATION: (&str, &str) = ("gen_ai.operation.name", "evaluate");
const JUDGE: (&str, &str) = ("gen_ai.request.model", "judge");

#[test]
fn an_evaluation_is_not_the_call_that_it_evaluates() {
    let trace = || Trace(Vec::new()).with(1, 0, "c", &[CHAT, RESPONSE, SDK, (COUNT, "5")]);
    let evaluation = [EVALUATION, RESPONSE, JUDGE, (COUNT, "9")];
    let expected = owned(&[("gen_ai.chat", Some(5)), ("gen_ai.evaluate", Some(9))]);
    assert_eq!(trace().with(2, 0, "e", &evaluation).reconciled(), expected);
    assert_eq!(trace().with(2, 1, "e", &evaluation).reconciled(), expected);
}

#[test]
fn the_call_of_a_judge_counts_once() {
    let evaluation = [EVALUATION, JUDGE, (COUNT, "9")];
    let trace = Trace(Vec::new()).with(1, 0, "e", &evaluation);
    let trace = trace.with(2, 1, "c", &[CHAT, JUDGE, SDK, (COUNT, "9")]);
    assert_eq!(
        trace.reconciled(),
        owned(&[("gen_ai.evaluate", None), ("gen_ai.chat", Some(9))])
    );
}

#[test]
fn a_moderation_described_twice_counts_once() {
    let trace = Trace(Vec::new()).with(1, 0, "e", &[EVALUATION, JUDGE, (COUNT, "9")]);
    let trace = trace.with(2, 1, "e", &[EVALUATION, SDK, (COUNT, "9")]);
    assert_eq!(
        trace.reconciled(),
        owned(&[("gen_ai.evaluate", Some(9)), ("function", None)])
    );
}
