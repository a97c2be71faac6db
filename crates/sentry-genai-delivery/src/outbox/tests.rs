use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::testing;

/// What a lane, the worker or the application does next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Put {
        trace: usize,
    },
    Ticket,
    Take,
    /// Settles the request that has been under way longest, or the one after it, and so on.
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
    Unaccepted,
    TooLarge,
}

fn step() -> impl Strategy<Value = Step> {
    let fate = prop_oneof![
        3 => Just(Fate::Decided),
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

/// Follows every span from hand to hand.
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
            Task::Send(parcel) => {
                assert!(
                    !parcel.trace.is_given_up(),
                    "no part of it is sent any more"
                );
                self.in_flight.push(parcel);
            }
            Task::Discard(parcel, _) => self.decide(outbox, &parcel),
            Task::Reach(ticket) => {
                assert!(self.reached.insert(ticket), "reached once");
                let before = self.tickets[&ticket];
                assert!(self.decided >= before, "nothing before it is open");
            }
            Task::Idle | Task::Stop => {}
        }
    }

    fn decide(&mut self, outbox: &Outbox, parcel: &Parcel) {
        if outbox.claim(parcel) {
            self.decided += parcel.spans();
        }
        outbox.settle(parcel);
    }

    fn answer(&mut self, outbox: &Outbox, parcel: Parcel, fate: Fate) {
        match fate {
            Fate::Decided => self.decide(outbox, &parcel),
            Fate::Unaccepted => {
                if let Err(parcel) = outbox.retry(parcel) {
                    self.decide(outbox, &parcel);
                }
            }
            Fate::TooLarge if parcel.is_part || parcel.spans() < 2 => {
                self.decide(outbox, &parcel);
            }
            Fate::TooLarge => {
                let first = parcel.envelope.spans / 2;
                let halves = [first, parcel.envelope.spans - first].map(envelope);
                outbox.replace(&parcel, halves);
            }
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
        let traces = [(); 3].map(|()| Arc::clone(testing::segment().trace()));
        let mut model = Model::default();
        for (number, step) in (1..).zip(steps) {
            match step {
                Step::Put { trace } => {
                    let spans = 1 + number as usize % 4;
                    model.produced += spans as u64;
                    if outbox.put(Parcel::new(Arc::clone(&traces[trace]), envelope(spans))).is_err() {
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
                    dropped.iter().for_each(|parcel| parcel.trace.give_up());
                    model.decided += dropped.iter().map(Parcel::spans).sum::<u64>();
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
