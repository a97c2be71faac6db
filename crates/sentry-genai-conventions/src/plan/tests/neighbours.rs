//! Spans that differ from the one for which a plan was made in one value.

use proptest::prelude::*;

use super::{
    INTEGERS, NAMES, TEXTS, TestValue, UNCHANGED, Variation, options, shape, span, summary,
    variation,
};
use crate::{SourceStatus, TranslateOptions, Translator, plan::Plan};

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
    let model_calls_below = !of.model_calls_below;
    add(Variation {
        model_calls_below,
        ..of.clone()
    });
    neighbours
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
        let Some(plan) = Plan::of(&span(&shape, &regular), &options) else {
            return Ok(());
        };
        let translator = Translator::new(options);
        for neighbour in neighbours(&shape, &regular) {
            let mut span = span(&shape, &neighbour);
            if plan.fits(&mut span, &options) {
                let expected = summary(&translator.translate(span.clone()));
                prop_assert_eq!(summary(&plan.translate(&mut span, &options)), expected);
            }
        }
    }
}
