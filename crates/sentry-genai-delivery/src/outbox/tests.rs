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
    Flush,
    Take,
    /// Decides about the job that has been in flight longest, the one after it, and so on.
    Answer {
        which: usize,
        outcome: Outcome,
    },
    Overflow,
    Abandon,
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Decided,
    /// Spans become so many envelopes, and one of them is lost.
    Encoded(usize),
    Retryable,
    TooLarge,
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        3 => Just(Outcome::Decided),
        4 => (0..4_usize).prop_map(Outcome::Encoded),
        2 => Just(Outcome::Retryable),
        1 => Just(Outcome::TooLarge),
    ];
    prop_oneof![
        6 => (0..3_usize).prop_map(|trace| Step::Put { trace }),
        1 => Just(Step::Flush),
        8 => Just(Step::Take),
        6 => (0..4_usize, outcome).prop_map(|(which, outcome)| Step::Answer { which, outcome }),
        1 => Just(Step::Overflow),
        1 => Just(Step::Abandon),
    ]
}

/// Follows every span through the outbox.
#[derive(Default)]
struct Model {
    produced: u64,
    decided: u64,
    flushes: HashMap<FlushId, u64>,
    completed: HashSet<FlushId>,
    in_flight: Vec<Job>,
}

impl Model {
    fn take(&mut self, outbox: &Outbox) {
        match outbox.take(Duration::ZERO, None) {
            Task::Deliver(job) => {
                assert!(
                    !job.meta.trace.is_dropped(),
                    "no part of it is sent any more"
                );
                self.in_flight.push(job);
            }
            Task::Discard(job, _) => self.decide(outbox, &job.meta),
            Task::CompleteFlush(flush) => {
                assert!(self.completed.insert(flush), "completed once");
                let before = self.flushes[&flush];
                assert!(self.decided >= before, "nothing before it is open");
            }
            Task::Idle | Task::Stop => {}
        }
    }

    fn decide(&mut self, outbox: &Outbox, meta: &JobMeta) {
        if outbox.claim(meta) {
            self.decided += meta.size.spans;
        }
        outbox.settle(meta);
    }

    fn answer(&mut self, outbox: &Outbox, Job { meta, payload }: Job, outcome: Outcome) {
        match (payload, outcome) {
            (Payload::Spans(bucket), Outcome::Encoded(envelopes)) => {
                if outbox.claim(&meta) {
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
                    assert!(outbox.put_encoded(&meta, envelopes));
                }
            }
            (Payload::Envelope(envelope), Outcome::Retryable) => {
                if !outbox.retry(&meta, envelope) {
                    self.decide(outbox, &meta);
                }
            }
            (Payload::Envelope(whole), Outcome::TooLarge) if !meta.is_half() && whole.spans > 1 => {
                let first = whole.spans / 2;
                outbox.put_halves(&meta, [first, whole.spans - first].map(envelope));
            }
            _ => self.decide(outbox, &meta),
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
                    if outbox.put(Job::new(bucket, Some(Category::Span))).is_err() {
                        model.decided += spans as u64;
                    }
                }
                Step::Flush => {
                    model.flushes.insert(FlushId(number), model.produced);
                    outbox.put_flush(FlushId(number));
                }
                Step::Take => model.take(&outbox),
                Step::Answer { which, outcome } => {
                    if which < model.in_flight.len() {
                        let job = model.in_flight.remove(which);
                        model.answer(&outbox, job, outcome);
                    }
                }
                Step::Overflow => {
                    let dropped = outbox.drop_oldest_trace();
                    dropped.iter().for_each(|job| job.meta.trace.mark_dropped());
                    model.decided += dropped.iter().map(|it| it.meta.size.spans).sum::<u64>();
                }
                Step::Abandon => {
                    let sizes = outbox.abandon();
                    model.decided += sizes.iter().map(|size| size.spans).sum::<u64>();
                }
            }
        }
        // In the end everything is sent and answered, whatever came before.
        outbox.close();
        loop {
            let before = (model.decided, model.completed.len(), model.in_flight.len());
            model.take(&outbox);
            while let Some(job) = model.in_flight.pop() {
                model.answer(&outbox, job, Outcome::Decided);
            }
            if before == (model.decided, model.completed.len(), model.in_flight.len()) {
                break;
            }
        }
        prop_assert_eq!(model.decided, model.produced);
        prop_assert!(outbox.lock().waiting_by_trace.is_empty(), "nothing is remembered");
    }
}

fn put_span(outbox: &Outbox) {
    let bucket = testing::bucket(&testing::segment(), 1);
    assert!(outbox.put(Job::new(bucket, None)).is_ok());
}

fn take(outbox: &Outbox) -> Task {
    outbox.take(Duration::ZERO, None)
}

#[test]
fn a_flush_does_not_wait_for_what_comes_after_it() {
    let outbox = Outbox::new(RetryPolicy::default(), 4);
    put_span(&outbox);
    outbox.put_flush(FlushId(1));
    put_span(&outbox);
    let Task::Deliver(before) = take(&outbox) else {
        panic!("nothing to deliver");
    };
    let after = take(&outbox);
    assert!(matches!(after, Task::Deliver(_)), "{after:?}");
    outbox.settle(&before.meta);
    let next = take(&outbox);
    assert!(matches!(next, Task::CompleteFlush(FlushId(1))), "{next:?}");
}

#[test]
fn senders_stop_once_everything_is_done_and_announced() {
    let outbox = Outbox::new(RetryPolicy::default(), 4);
    put_span(&outbox);
    outbox.put_flush(FlushId(1));
    outbox.close();
    let Task::Deliver(job) = take(&outbox) else {
        panic!("nothing to deliver");
    };
    assert!(matches!(take(&outbox), Task::Idle), "in flight");
    outbox.settle(&job.meta);
    assert!(matches!(take(&outbox), Task::CompleteFlush(_)));
    assert!(matches!(take(&outbox), Task::Idle), "not announced");
    outbox.finish_flush();
    assert!(matches!(take(&outbox), Task::Stop));
}

#[test]
fn one_request_at_a_time_tests_whether_the_server_is_back() {
    let policy = RetryPolicy::default().with_pauses(Duration::ZERO, Duration::ZERO);
    let outbox = Outbox::new(policy, 4);
    put_span(&outbox);
    put_span(&outbox);
    outbox.record_unreachable();
    let first = take(&outbox);
    assert!(matches!(first, Task::Deliver(_)), "{first:?}");
    let second = take(&outbox);
    assert!(matches!(second, Task::Idle), "{second:?}");
    outbox.update_from_answer(&Answer::default(), None);
    let second = take(&outbox);
    assert!(matches!(second, Task::Deliver(_)), "{second:?}");
}

#[test]
fn an_overloaded_server_is_left_alone_and_its_limits_hold() {
    let hour = Duration::from_secs(3600);
    let outbox = Outbox::new(RetryPolicy::default().with_pauses(hour, hour), 4);
    put_span(&outbox);
    let overloaded = Answer {
        status: 503,
        ..Answer::default()
    };
    outbox.update_from_answer(&overloaded, None);
    assert!(matches!(take(&outbox), Task::Idle));
    let limited = Answer {
        rate_limits: Some("60::organization".to_owned()),
        ..overloaded
    };
    outbox.update_from_answer(&limited, None);
    let task = take(&outbox);
    assert!(
        matches!(task, Task::Discard(_, LossReason::RatelimitBackoff)),
        "{task:?}"
    );
}

#[test]
fn a_report_is_repeated_only_for_a_server_that_is_expected_soon() {
    let delay = |longest: u64, prepare: fn(&Outbox)| {
        let pause = Duration::from_secs(longest);
        let outbox = Outbox::new(RetryPolicy::default().with_pauses(pause, pause), 4);
        prepare(&outbox);
        outbox.report_retry_delay()
    };
    assert_eq!(delay(1, |_| ()), Some(Duration::ZERO));
    assert!(delay(1, Outbox::record_unreachable).is_some());
    assert_eq!(delay(3, Outbox::record_unreachable), None);
    assert_eq!(delay(1, Outbox::mark_report_unconfirmed), None);
    let limit = |outbox: &Outbox| {
        let limited = Answer {
            status: 429,
            ..Answer::default()
        };
        outbox.update_from_answer(&limited, None);
    };
    assert_eq!(delay(1, limit), None);
}

#[test]
fn the_oldest_trace_is_dropped_whole() {
    let outbox = Outbox::new(RetryPolicy::default(), 4);
    let (oldest, newer) = (testing::segment(), testing::segment());
    for segment in [&oldest, &newer, &oldest] {
        let job = Job::new(testing::bucket(segment, 1), None);
        assert!(outbox.put(job).is_ok());
    }
    for (segment, jobs) in [(&oldest, 2), (&newer, 1)] {
        let dropped = outbox.drop_oldest_trace();
        assert_eq!(dropped.len(), jobs);
        let trace_id = segment.trace().trace_id();
        assert!(dropped.iter().all(|job| job.meta.trace_id() == trace_id));
    }
}

#[test]
fn what_has_waited_too_long_for_a_failing_server_is_lost() {
    let policy = RetryPolicy::default().with_max_age(Duration::ZERO);
    let outbox = Outbox::new(policy, 4);
    put_span(&outbox);
    outbox.record_unreachable();
    let task = take(&outbox);
    assert!(
        matches!(task, Task::Discard(_, LossReason::NetworkError)),
        "{task:?}"
    );
}

#[test]
fn a_server_that_is_back_is_noticed_however_soon_everything_expires() {
    let policy = RetryPolicy::default()
        .with_max_age(Duration::ZERO)
        .with_pauses(Duration::ZERO, Duration::ZERO);
    let outbox = Outbox::new(policy, 4);
    put_span(&outbox);
    put_span(&outbox);
    outbox.record_unreachable();
    let first = take(&outbox);
    assert!(matches!(first, Task::Deliver(_)), "{first:?}");
    let second = take(&outbox);
    assert!(
        matches!(second, Task::Discard(_, LossReason::NetworkError)),
        "{second:?}"
    );
}

#[test]
fn a_sender_that_leaves_during_a_pause_does_not_keep_a_job_from_those_who_stay() {
    let pause = Duration::from_millis(600);
    let outbox = Outbox::new(RetryPolicy::default().with_pauses(pause, pause), 4);
    std::thread::scope(|scope| {
        // Whoever waits longest is woken first.
        let extra = scope.spawn(|| outbox.take(pause / 3, Some(4)));
        std::thread::sleep(pause / 12);
        let main = scope.spawn(|| {
            let begin = Instant::now();
            (outbox.take(100 * pause, None), begin.elapsed())
        });
        std::thread::sleep(pause / 12);
        let overloaded = Answer {
            status: 503,
            ..Answer::default()
        };
        outbox.update_from_answer(&overloaded, None);
        put_span(&outbox);
        let left = extra.join().expect("no panic");
        assert!(matches!(left, Task::Idle), "{left:?}");
        let (taken, waited) = main.join().expect("no panic");
        assert!(matches!(taken, Task::Deliver(_)), "{taken:?}");
        assert!(waited < 50 * pause, "{waited:?}");
    });
}

/// Otherwise nobody would count them: `abandon` leaves them out, since they were claimed, and the sender could not put
/// them back.
#[test]
fn nothing_is_put_once_the_outbox_is_abandoned() {
    let outbox = Outbox::new(RetryPolicy::default(), 4);
    let segment = testing::segment();
    for _ in 0..2 {
        let bucket = testing::bucket(&segment, 2);
        assert!(outbox.put(Job::new(bucket, None)).is_ok());
    }
    let Task::Deliver(job) = outbox.take(Duration::ZERO, None) else {
        panic!("nothing to deliver");
    };
    assert!(outbox.claim(&job.meta));
    let abandoned = outbox.abandon();
    assert_eq!(abandoned.len(), 1, "what nobody has claimed");
    assert!(!outbox.put_encoded(&job.meta, vec![envelope(2)]));
    assert!(!outbox.claim(&job.meta));
    let late = Job::new(testing::bucket(&segment, 1), None);
    assert!(outbox.put(late).is_err());
    assert!(matches!(take(&outbox), Task::Stop));
}

#[test]
fn more_senders_than_the_processor_needs_are_for_slow_answers_only() {
    let (fast, slow) = (SLOW_ANSWER / 2, SLOW_ANSWER * 2);
    for (answer_time, max_senders, expected) in [
        (fast, 32, MAX_BUSY_SENDERS),
        (fast, 2, 2),
        (slow, 2, 2),
        (slow, 6, 6),
    ] {
        let outbox = Outbox::new(RetryPolicy::default(), max_senders);
        for _ in 0..10 {
            outbox.update_from_answer(&Answer::default(), Some(answer_time));
        }
        let segment = testing::segment();
        for _ in 0..100 {
            let job = Job::new(testing::bucket(&segment, 1), None);
            assert!(outbox.put(job).is_ok());
        }
        let registered = (0..100).filter(|_| outbox.try_register_sender()).count();
        assert_eq!(1 + registered, expected, "{answer_time:?}");
        outbox.unregister_sender();
        assert!(outbox.try_register_sender());
    }
}

/// The connections that exist may work well, such as those of a process without file descriptors.
#[test]
fn one_sender_is_left_for_a_while_after_one_could_not_connect() {
    let policy = RetryPolicy::default().with_pauses(Duration::ZERO, Duration::ZERO);
    let outbox = Outbox::new(policy, 32);
    for _ in 0..100 {
        put_span(&outbox);
    }
    assert!(outbox.try_register_sender());
    outbox.record_unreachable();
    outbox.update_from_answer(&Answer::default(), None);
    assert!(!outbox.try_register_sender());
    while let Task::Deliver(job) = take(&outbox) {
        outbox.settle(&job.meta);
    }
    let start = Instant::now();
    let extra = outbox.take(RECONNECT_PAUSE / 2, Some(4));
    assert!(matches!(extra, Task::Idle), "{extra:?}");
    assert!(start.elapsed() < RECONNECT_PAUSE / 4, "it does not wait");
}

#[test]
fn a_backlog_justifies_more_senders_even_if_nothing_more_comes() {
    let outbox = Outbox::new(RetryPolicy::default(), 32);
    let segment = testing::segment();
    for _ in 0..100 {
        let job = Job::new(testing::bucket(&segment, 1), None);
        assert!(outbox.put(job).is_ok());
    }
    outbox.close();
    assert!(outbox.try_register_sender());
    let overloaded = Answer {
        status: 503,
        ..Answer::default()
    };
    outbox.update_from_answer(&overloaded, None);
    assert!(!outbox.try_register_sender());
    outbox.update_from_answer(&Answer::default(), None);
    assert!(outbox.try_register_sender());
    outbox.abandon();
    assert!(!outbox.try_register_sender());
}
