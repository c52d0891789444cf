//! Who is waiting for what: each text with the moment it was due, its acknowledgement and its answer. It sends nothing.
//!
//! A customer writes again only when the last answer has come, as people do, so that every text has an answer of its
//! own and what waits in the gateway is bounded by the number of customers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::sync::{Notify, Semaphore};

use crate::webhook::Text;

/// Longest time that is told apart, in microseconds; what took longer counts as this.
const LONGEST_MICROS: u64 = 300_000_000;

/// The records of one load.
pub struct Book {
    free: Mutex<VecDeque<u32>>,
    permits: Semaphore,
    pages: Mutex<Pages>,
    settled: Notify,
}

struct Pages {
    next_token: u64,
    waiting: HashMap<u64, Waiting>,
    /// Only texts due from here on are measured.
    from: Option<Instant>,
    totals: Totals,
    acknowledgements: Histogram<u64>,
    answers: Histogram<u64>,
}

struct Waiting {
    customer: u32,
    due: Instant,
}

/// What has been counted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Totals {
    /// Texts acknowledged by 200, warm-up included.
    pub acknowledged: u64,
    /// Texts answered, warm-up included.
    pub answered: u64,
    /// Texts that were not acknowledged.
    pub refused: u64,
    /// Answers to nothing that was waiting: a second answer, or one to a refused text.
    pub unexpected: u64,
    /// Texts of the measurement that were acknowledged.
    pub measured_acknowledged: u64,
    /// Texts of the measurement that were answered.
    pub measured_answered: u64,
    /// When the last text of the measurement was acknowledged.
    pub last_acknowledgement: Option<Instant>,
    /// When the last text of the measurement was answered.
    pub last_answer: Option<Instant>,
}

/// The middle and the slow end of times.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Half took no longer.
    pub p50: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
}

impl Book {
    /// A book of this many customers, none of whom is waiting.
    ///
    /// # Errors
    /// Never with the fixed range and precision of its times.
    pub fn new(customers: std::ops::Range<u32>) -> Result<Self, hdrhistogram::CreationError> {
        Ok(Self {
            permits: Semaphore::new(customers.len()),
            free: Mutex::new(customers.collect()),
            pages: Mutex::new(Pages {
                next_token: 1,
                waiting: HashMap::new(),
                from: None,
                totals: Totals::default(),
                acknowledgements: Histogram::new_with_max(LONGEST_MICROS, 3)?,
                answers: Histogram::new_with_max(LONGEST_MICROS, 3)?,
            }),
            settled: Notify::new(),
        })
    }

    /// Sends the customers away, none of whom is waiting, and lets these in.
    pub fn replace(&self, customers: std::ops::Range<u32>) {
        let mut free = lock(&self.free);
        self.permits.forget_permits(free.len());
        self.permits.add_permits(customers.len());
        *free = customers.collect();
    }

    /// Waits until so many customers are free to write.
    pub async fn customers(&self, count: u32) -> Vec<u32> {
        let Ok(permit) = self.permits.acquire_many(count).await else { return Vec::new() };
        permit.forget();
        let mut free = lock(&self.free);
        (0..count).filter_map(|_| free.pop_front()).collect()
    }

    /// Writes down that these customers write now, and that it was due at this moment.
    pub fn open(&self, customers: &[u32], due: Instant) -> Vec<Text> {
        let mut pages = lock(&self.pages);
        let mut open = |&customer: &u32| {
            let token = pages.next_token;
            pages.next_token += 1;
            pages.waiting.insert(token, Waiting { customer, due });
            Text { customer, token }
        };
        customers.iter().map(&mut open).collect()
    }

    /// Texts were acknowledged that were due at this moment.
    pub fn acknowledged(&self, count: u64, due: Instant) {
        let now = Instant::now();
        let mut pages = lock(&self.pages);
        pages.totals.acknowledged += count;
        if pages.measures(due) {
            pages.totals.measured_acknowledged += count;
            pages.totals.last_acknowledgement = Some(now);
            pages.acknowledgements.saturating_record(micros(now.saturating_duration_since(due)));
        }
    }

    /// A delivery was not acknowledged: its customers are free again.
    pub fn refused(&self, texts: &[Text]) {
        let mut pages = lock(&self.pages);
        for text in texts {
            if pages.waiting.remove(&text.token).is_some() {
                pages.totals.refused += 1;
                self.release(text.customer);
            }
        }
        drop(pages);
        self.settled.notify_waiters();
    }

    /// The answer to this text has arrived at the vendor.
    pub fn answered(&self, token: u64) {
        let now = Instant::now();
        let mut pages = lock(&self.pages);
        let Some(Waiting { customer, due }) = pages.waiting.remove(&token) else {
            pages.totals.unexpected += 1;
            return;
        };
        pages.totals.answered += 1;
        if pages.measures(due) {
            pages.totals.measured_answered += 1;
            pages.totals.last_answer = Some(now);
            pages.answers.saturating_record(micros(now.saturating_duration_since(due)));
        }
        let settled = pages.waiting.is_empty();
        drop(pages);
        self.release(customer);
        if settled {
            self.settled.notify_waiters();
        }
    }

    /// The warm-up is over: texts due from this moment on are measured.
    pub fn measure_from(&self, from: Instant) {
        lock(&self.pages).from = Some(from);
    }

    /// Waits until nobody waits, at most so long; gives how many still wait.
    pub async fn settle(&self, longest: Duration) -> usize {
        let deadline = tokio::time::Instant::now() + longest;
        loop {
            let settled = self.settled.notified();
            let waiting = lock(&self.pages).waiting.len();
            if waiting == 0 || tokio::time::timeout_at(deadline, settled).await.is_err() {
                return lock(&self.pages).waiting.len();
            }
        }
    }

    /// What has been counted so far.
    pub fn totals(&self) -> Totals {
        lock(&self.pages).totals
    }

    /// How long measured texts waited for their acknowledgement, and for their answer.
    pub fn times(&self) -> (Times, Times) {
        let pages = lock(&self.pages);
        (times(&pages.acknowledgements), times(&pages.answers))
    }

    fn release(&self, customer: u32) {
        lock(&self.free).push_back(customer);
        self.permits.add_permits(1);
    }
}

impl Pages {
    fn measures(&self, due: Instant) -> bool {
        self.from.is_some_and(|from| due >= from)
    }
}

fn times(histogram: &Histogram<u64>) -> Times {
    let at = |quantile| Duration::from_micros(histogram.value_at_quantile(quantile));
    Times { p50: at(0.5), p99: at(0.99) }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_customer_writes_again_when_the_answer_has_come() {
        let book = Book::new(0..1).unwrap();
        let due = Instant::now();
        book.measure_from(due);
        let customers = book.customers(1).await;
        let texts = book.open(&customers, due);
        assert!(tokio::time::timeout(Duration::ZERO, book.customers(1)).await.is_err());
        assert_eq!(book.settle(Duration::ZERO).await, 1);
        book.acknowledged(1, due);
        book.answered(texts[0].token);
        book.answered(texts[0].token);
        assert_eq!(book.settle(Duration::ZERO).await, 0);
        assert_eq!(book.customers(1).await, [0]);
        let totals = book.totals();
        assert_eq!((totals.measured_acknowledged, totals.measured_answered, totals.unexpected), (1, 1, 1));
    }

    #[tokio::test]
    async fn times_are_those_since_a_text_was_due() {
        let book = Book::new(0..1).unwrap();
        let customers = book.customers(1).await;
        let due = Instant::now() - Duration::from_secs(3);
        book.measure_from(due);
        let texts = book.open(&customers, due);
        book.acknowledged(1, due);
        book.answered(texts[0].token);
        let (acknowledgement, answer) = book.times();
        for time in [acknowledgement.p50, acknowledgement.p99, answer.p50, answer.p99] {
            assert!((3..300).contains(&time.as_secs()), "{time:?}");
        }
    }

    #[tokio::test]
    async fn what_was_refused_or_due_before_the_measurement_is_not_measured() {
        let book = Book::new(0..2).unwrap();
        let due = Instant::now();
        let customers = book.customers(2).await;
        let texts = book.open(&customers, due);
        book.measure_from(due + Duration::from_millis(1));
        book.refused(&texts[..1]);
        book.acknowledged(1, due);
        book.answered(texts[1].token);
        let totals = book.totals();
        assert_eq!((totals.refused, totals.answered, totals.measured_answered), (1, 1, 0));
        assert_eq!(book.customers(2).await.len(), 2);
    }
}
