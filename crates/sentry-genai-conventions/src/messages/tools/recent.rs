//! Remembers how the latest definitions were read: an agent repeats them in each of its model calls.

use std::{cell::RefCell, rc::Rc};

use super::super::ContentLimits;

/// How many texts each thread remembers, and how many bytes of them and their results.
const MAX_READINGS: usize = 8;
const MAX_BYTES: usize = 512 * 1024;

thread_local! {
    /// The latest first.
    static READINGS: RefCell<Vec<Reading>> = const { RefCell::new(Vec::new()) };
}

/// A text, and what was read from it.
struct Reading {
    text: Box<str>,
    limits: ContentLimits,
    result: Rc<str>,
}

impl Reading {
    fn bytes(&self) -> usize {
        self.text.len() + self.result.len()
    }
}

/// Returns what `read` makes of a text, which depends only on the text and the limits.
pub(super) fn read(
    text: &str,
    limits: &ContentLimits,
    read: impl FnOnce(&str, &ContentLimits) -> String,
) -> Rc<str> {
    if let Some(known) = recall(text, limits) {
        return known;
    }
    let result: Rc<str> = read(text, limits).into();
    if text.len() + result.len() <= MAX_BYTES {
        remember(Reading {
            text: text.into(),
            limits: *limits,
            result: Rc::clone(&result),
        });
    }
    result
}

fn recall(text: &str, limits: &ContentLimits) -> Option<Rc<str>> {
    with_readings(|readings| {
        let is_same = |known: &Reading| *known.text == *text && known.limits == *limits;
        let at = readings.iter().position(is_same)?;
        readings[..=at].rotate_right(1);
        Some(Rc::clone(&readings[0].result))
    })?
}

fn remember(reading: Reading) {
    with_readings(|readings| {
        readings.insert(0, reading);
        let mut bytes = 0;
        let fitting = readings.iter().take(MAX_READINGS).take_while(|reading| {
            bytes += reading.bytes();
            bytes <= MAX_BYTES
        });
        let fitting = fitting.count();
        readings.truncate(fitting);
    });
}

/// Returns `None` while the thread is ending, and remembers nothing any more.
fn with_readings<T>(change: impl FnOnce(&mut Vec<Reading>) -> T) -> Option<T> {
    let changed = READINGS.try_with(|readings| change(&mut readings.borrow_mut()));
    changed.ok()
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, thread};

    use super::*;

    /// Counts how often something is read, and reads it as itself.
    fn echo(reads: &Cell<usize>, text: &str, limits: &ContentLimits) {
        let result = read(text, limits, |text, limits| {
            reads.set(reads.get() + 1);
            format!("{text} in {}", limits.text_bytes)
        });
        assert_eq!(*result, format!("{text} in {}", limits.text_bytes));
    }

    #[test]
    fn the_latest_texts_are_read_once() {
        let reads = Cell::new(0);
        let limits = ContentLimits::default();
        let texts: Vec<String> = (0..MAX_READINGS).map(|it| it.to_string()).collect();
        for text in texts.iter().chain(&texts) {
            echo(&reads, text, &limits);
        }
        assert_eq!(reads.get(), MAX_READINGS);
        let shorter = ContentLimits {
            text_bytes: 100,
            ..limits
        };
        echo(&reads, "1", &shorter);
        assert_eq!(reads.get(), MAX_READINGS + 1, "with other limits");
        echo(&reads, "1", &limits);
        assert_eq!(reads.get(), MAX_READINGS + 1, "known");
        echo(&reads, "0", &limits);
        assert_eq!(reads.get(), MAX_READINGS + 2, "the oldest is forgotten");
    }

    /// A span may be translated in the destructor of a thread-local.
    #[test]
    fn at_the_end_of_a_thread_everything_is_read() {
        struct AtEnd;

        impl Drop for AtEnd {
            fn drop(&mut self) {
                echo(&Cell::new(0), "0", &ContentLimits::default());
            }
        }

        thread_local! {
            static AT_END: AtEnd = const { AtEnd };
        }

        // A destructor that panics would abort the process. Those that are registered first may run last.
        let in_order = |is_first: bool| {
            thread::spawn(move || {
                let read = || echo(&Cell::new(0), "0", &ContentLimits::default());
                if is_first {
                    read();
                }
                AT_END.with(|_| ());
                if !is_first {
                    read();
                }
            })
        };
        for is_first in [true, false] {
            in_order(is_first).join().unwrap();
        }
    }

    #[test]
    fn long_texts_displace_others_or_are_not_kept() {
        let reads = Cell::new(0);
        let limits = ContentLimits::default();
        let text = |bytes: usize| "x".repeat(bytes);
        for (bytes, expected_reads) in [
            (10, 1),
            (MAX_BYTES / 5, 2),
            (MAX_BYTES / 4, 3),
            (10, 3),
            (MAX_BYTES / 5, 3),
            // Beside this one there is no room for the others.
            (MAX_BYTES / 3, 4),
            (MAX_BYTES / 3, 4),
            (10, 5),
            // There is no room for this one.
            (MAX_BYTES, 6),
            (MAX_BYTES, 7),
            (10, 7),
        ] {
            echo(&reads, &text(bytes), &limits);
            assert_eq!(reads.get(), expected_reads, "{bytes}");
        }
    }
}
