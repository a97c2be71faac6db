//! Spans that differ from the one for which a plan was made in one value.

use proptest::prelude::*;

use super::{
    EVENTS, INTEGERS, KEYS, NAMES, SHORT, TEXTS, TestValue, UNCHANGED, Variation, options, shape,
    span, variation,
};
use crate::{SourceStatus, SpanKind, TranslateOptions, Translator, plan::Plan, testing::summary};

type Shape = Vec<(&'static str, TestValue)>;

/// Returns the attributes of a shape that do not prevent a plan.
fn plannable(shape: Shape, variation: &Variation, options: &TranslateOptions) -> Shape {
    let mut plannable = Vec::new();
    for attribute in shape {
        plannable.push(attribute);
        if Plan::of(&span(&plannable, variation), options).is_none() {
            plannable.pop();
        }
    }
    plannable
}

fn neighbours(shape: &Shape, of: &Variation) -> Vec<Variation> {
    let mut neighbours = vec![of.clone()];
    let mut add = |variation| neighbours.push(variation);
    for (index, (_, value)) in shape.iter().enumerate() {
        let changes: Vec<_> = match value {
            TestValue::Text(_) => (TEXTS.iter().copied())
                .map(|text| TestValue::Text(text.to_owned()))
                .collect(),
            TestValue::Integer(_) => INTEGERS.iter().copied().map(TestValue::Integer).collect(),
            TestValue::Double(_) => [-1.0, 0.0, 0.5].map(TestValue::Double).into(),
            _ => Vec::new(),
        };
        for change in changes {
            let change = (index, change);
            add(Variation {
                change,
                ..of.clone()
            });
        }
    }
    for &name in NAMES {
        add(Variation { name, ..of.clone() });
    }
    for text in [None, Some("None"), Some("conv_2")] {
        add(Variation {
            conversation: text,
            ..of.clone()
        });
        add(Variation {
            agent: text,
            ..of.clone()
        });
    }
    add(Variation {
        status: SourceStatus::Error(None),
        ..of.clone()
    });
    for &event in EVENTS {
        let event = Some(event);
        add(Variation {
            event,
            ..of.clone()
        });
    }
    for kind in [None, Some(SpanKind::Client), Some(SpanKind::Producer)] {
        add(Variation { kind, ..of.clone() });
    }
    let model_calls_below = !of.model_calls_below;
    add(Variation {
        model_calls_below,
        ..of.clone()
    });
    neighbours
}

/// Asserts that the spans next to one for which `plan` was made are translated as by the steps, if it fits them.
fn assert_same_as_steps(
    plan: &Plan,
    shape: &Shape,
    regular: &Variation,
    options: TranslateOptions,
) {
    let translator = Translator::new(options);
    for neighbour in neighbours(shape, regular) {
        let mut span = span(shape, &neighbour);
        if plan.fits(&mut span, &options) {
            let expected = summary(&translator.translate(span.clone()));
            assert_eq!(summary(&plan.translate(&mut span, &options)), expected);
        }
    }
}

proptest! {
    #[test]
    fn a_span_that_a_plan_fits_is_translated_as_by_the_steps(
        shape in shape(),
        variation in variation(),
        options in options(),
    ) {
        let regular = Variation {
            status: SourceStatus::Unset,
            event: None,
            change: UNCHANGED,
            ..variation
        };
        let shape = plannable(shape, &regular, &options);
        if let Some(plan) = Plan::of(&span(&shape, &regular), &options) {
            assert_same_as_steps(&plan, &shape, &regular, options);
        }
    }
}

/// Every attribute beside every operation, with a value that has a plan and then with all others.
#[test]
fn a_plan_fits_no_value_that_it_would_treat_otherwise() {
    let options = TranslateOptions {
        capture_inputs: true,
        capture_outputs: true,
        capture_client_addresses: false,
        limits: SHORT,
    };
    let regular = Variation {
        name: "work",
        scope: "app",
        kind: Some(SpanKind::Client),
        conversation: None,
        agent: None,
        session: None,
        model_calls_below: false,
        status: SourceStatus::Unset,
        event: None,
        change: UNCHANGED,
    };
    let text = |text: &&str| TestValue::Text((*text).to_owned());
    let operations = ["chat", "invoke_agent", "execute_tool", "embeddings"];
    let operations = operations.map(|name| vec![("gen_ai.operation.name", text(&name))]);
    let counts = vec![
        ("gen_ai.operation.name", text(&"chat")),
        ("gen_ai.usage.input_tokens", TestValue::Integer(12)),
    ];
    for base in operations.into_iter().chain([counts, Vec::new()]) {
        for key in KEYS {
            let planned = |value| {
                let mut shape = base.clone();
                shape.push((*key, value));
                let plan = Plan::of(&span(&shape, &regular), &options)?;
                Some((plan, shape))
            };
            let with_text = TEXTS.iter().map(text).find_map(planned);
            let others = [TestValue::Integer(12), TestValue::Double(0.5)];
            for (plan, shape) in with_text
                .into_iter()
                .chain(others.into_iter().filter_map(planned))
            {
                assert_same_as_steps(&plan, &shape, &regular, options);
            }
        }
    }
}
