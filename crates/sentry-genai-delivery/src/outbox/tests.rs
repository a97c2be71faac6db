use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::{testing, wire::Category};

/// What a sender, the worker or the application does next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Put {
        trace: usize,
    },
    Ticket,
    Take,
    /// Decides about the parcel that has been in flight longest, the one after it, and so on.
    Answer {
        which: usize,
        fate: Fate,
    },
    Overflow,
    Abandon,
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Decided,
    /// Spans become so many envelopes, and one of them is lost.
    Encoded(usize),
    Unaccepted,
    TooLarge,
}

fn step() -> impl Strategy<Value = Step> {
    let fate = prop_oneof![
        3 => Just(Fate::Decided),
        4 => (0..4_usize).prop_map(Fate::Encoded),
        2 => Just(Fate::Unaccepted),
        1 => Just(Fate::TooLarge),
    ];
    prop_oneof![
        6 => (0..3_usize).prop_map(|trace| Step::Put { trace }),
        1 => Just(Step::Ticket),
        8 => Just(Step::Take),
        6 => (0..4_usize, fate).prop_map(|(which, fate)| Step::Answer { which, fate }),
        1 => Just(Step::Overflow),
        1 => Just(Step::Abandon),
    ]
}

/// Follows every span through the outbox.
#[derive(Default)]
struct Model {
    produced: u64,
    decided: u64,
    tickets: HashMap<Ticket, u64>,
    reached: HashSet<Ticket>,
    in_flight: Vec<Parcel>,
}

impl Model {
    fn take(&mut self, outbox: &Outbox) {
        match outbox.take(Duration::ZERO) {
            Task::Deliver(parcel) => {
                assert!(
                    !parcel.slip.trace.is_given_up(),
                    "no part of it is sent any more"
                );
                self.in_flight.push(parcel);
            }
            Task::Discard(parcel, _) => self.decide(outbox, &parcel.slip),
            Task::Reach(ticket) => {
                assert!(self.reached.insert(ticket), "reached once");
                let before = self.tickets[&ticket];
                assert!(self.decided >= before, "nothing before it is open");
            }
            Task::Idle | Task::Stop => {}
        }
    }

    fn decide(&mut self, outbox: &Outbox, slip: &Slip) {
        if outbox.claim(slip) {
            self.decided += slip.held.spans;
        }
        outbox.settle(slip);
    }

    fn answer(&mut self, outbox: &Outbox, Parcel { slip, load }: Parcel, fate: Fate) {
        match (load, fate) {
            (Load::Spans(bucket), Fate::Encoded(envelopes)) => {
                if outbox.claim(&slip) {
                    self.decided += 1;
                    let mut rest = bucket.spans.len() - 1;
                    let envelopes: Vec<_> = (1..=envelopes.min(rest))
                        .rev()
                        .map(|left| {
                            let spans = rest / left;
                            rest -= spans;
                            envelope(spans)
                        })
                        .collect();
                    self.decided += rest as u64;
                    assert!(outbox.put_encoded(&slip, envelopes));
                }
            }
            (Load::Envelope(envelope), Fate::Unaccepted) => {
                if !outbox.retry(&slip, envelope) {
                    self.decide(outbox, &slip);
                }
            }
            (Load::Envelope(whole), Fate::TooLarge) if !slip.is_half() && whole.spans > 1 => {
                let first = whole.spans / 2;
                outbox.put_halves(&slip, [first, whole.spans - first].map(envelope));
            }
            _ => self.decide(outbox, &slip),
        }
    }
}

fn envelope(spans: usize) -> Envelope {
    Envelope {
        bytes: Vec::new(),
        spans,
        category: crate::wire::Category::Span,
    }
}

proptest! {
    #[test]
    fn no_order_of_events_loses_or_doubles_a_span(
        steps in proptest::collection::vec(step(), 1..200)
    ) {
        let pause = Duration::ZERO;
        let policy = RetryPolicy::default().with_pauses(pause, pause);
        let outbox = Outbox::new(policy.with_max_attempts(3), 4);
        let segments = [(); 3].map(|()| testing::segment());
        let mut model = Model::default();
        for (number, step) in (1..).zip(steps) {
            match step {
                Step::Put { trace } => {
                    let spans = 1 + number as usize % 4;
                    model.produced += spans as u64;
                    let bucket = testing::bucket(&segments[trace], spans);
                    if outbox.put(Parcel::new(bucket, Some(Category::Span))).is_err() {
                        model.decided += spans as u64;
                    }
                }
                Step::Ticket => {
                    model.tickets.insert(Ticket(number), model.produced);
                    outbox.put_ticket(Ticket(number));
                }
                Step::Take => model.take(&outbox),
                Step::Answer { which, fate } => {
                    if which < model.in_flight.len() {
                        let parcel = model.in_flight.remove(which);
                        model.answer(&outbox, parcel, fate);
                    }
                }
                Step::Overflow => {
                    let dropped = outbox.drop_oldest_trace();
                    dropped.iter().for_each(|parcel| parcel.slip.trace.give_up());
                    model.decided += dropped.iter().map(|it| it.slip.held.spans).sum::<u64>();
                }
                Step::Abandon => {
                    let held = outbox.abandon();
                    model.decided += held.iter().map(|held| held.spans).sum::<u64>();
                }
            }
        }
        // In the end everything is sent and answered, whatever came before.
        outbox.close();
        loop {
            let before = (model.decided, model.reached.len(), model.in_flight.len());
            model.take(&outbox);
            while let Some(parcel) = model.in_flight.pop() {
                model.answer(&outbox, parcel, Fate::Decided);
            }
            if before == (model.decided, model.reached.len(), model.in_flight.len()) {
                break;
            }
        }
        prop_assert_eq!(model.decided, model.produced);
    }
}

/// Otherwise nobody would count them: `abandon` leaves them out, since they were claimed, and the sender could not put
/// them back.
#[test]
fn whoever_encodes_learns_that_all_was_given_up() {
    let outbox = Outbox::new(RetryPolicy::default(), 4);
    let segment = testing::segment();
    for _ in 0..2 {
        let bucket = testing::bucket(&segment, 2);
        assert!(outbox.put(Parcel::new(bucket, None)).is_ok());
    }
    let Task::Deliver(parcel) = outbox.take(Duration::ZERO) else {
        panic!("nothing to deliver");
    };
    assert!(outbox.claim(&parcel.slip));
    let given_up = outbox.abandon();
    assert_eq!(given_up.len(), 1, "what nobody has claimed");
    assert!(!outbox.put_encoded(&parcel.slip, vec![envelope(2)]));
    assert!(!outbox.claim(&parcel.slip));
}
