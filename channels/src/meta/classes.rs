//! How the vendor's error codes become failures of ours: the first row of a product's table that holds a code counts,
//! and what stands in no row is judged by the status of the answer.

use std::ops::RangeInclusive;

use crate::contract::failure::{Failure, Fault, Retry};
use crate::meta::complaint::{Complaint, complaint_in};

/// The code of a refusal that stands in no row.
pub(crate) const UNKNOWN: &str = "VENDOR_REFUSED";
/// Longest words of the vendor that are kept, in characters.
const LONGEST_WORDS: usize = 500;

/// What refusals of one kind mean.
#[derive(Debug)]
pub(crate) struct Class {
    /// Codes, whatever their subcode.
    pub(crate) codes: &'static [RangeInclusive<i64>],
    /// Subcodes, whatever their code.
    pub(crate) subcodes: &'static [i64],
    pub(crate) code: &'static str,
    pub(crate) retry: Retry,
    pub(crate) fault: Fault,
    pub(crate) stops_channel: bool,
    pub(crate) message: &'static str,
}

impl Class {
    fn holds(&self, code: i64) -> bool {
        self.codes.iter().any(|codes| codes.contains(&code))
    }

    fn failure(&self) -> Failure {
        let mut failure = Failure::new(self.code, self.message, self.retry, self.fault);
        failure.stops_channel = self.stops_channel;
        failure
    }
}

/// A product's classes.
#[derive(Debug)]
pub(crate) struct Table {
    /// Every class with its codes.
    pub(crate) classes: &'static [Class],
    /// What a fault of the vendor's means.
    pub(crate) unavailable: Class,
    /// What too many requests mean.
    pub(crate) too_fast: Class,
    /// What a refusal without a known code means.
    pub(crate) refused: Class,
}

impl Table {
    /// Turns the vendor's code into a failure of ours. `http` is the status of the answer, if the code came in one.
    pub(crate) fn classify(&self, code: i64, subcode: Option<i64>, http: Option<u16>, words: &str) -> Failure {
        let mut classes = [&self.unavailable, &self.too_fast].into_iter().chain(self.classes);
        // A subcode says more than the code above it, so it is looked for first.
        let finer = subcode.and_then(|subcode| classes.clone().find(|class| class.subcodes.contains(&subcode)));
        let mut failure = match (finer.or_else(|| classes.find(|class| class.holds(code))), http) {
            (Some(class), _) => class.failure(),
            (None, Some(status)) => self.by_status(status),
            (None, None) => self.refused.failure(),
        };
        failure.vendor_code = Some(match subcode {
            Some(subcode) => format!("{code}/{subcode}"),
            None => code.to_string(),
        });
        let words: String = words.chars().take(LONGEST_WORDS).collect();
        failure.vendor_message = (!words.trim().is_empty()).then_some(words);
        failure
    }

    /// What a status alone says.
    pub(crate) fn by_status(&self, status: u16) -> Failure {
        match status {
            429 => self.too_fast.failure(),
            500.. => self.unavailable.failure(),
            _ => self.refused.failure(),
        }
    }

    /// The refusal in an answer, if it is one. An error beside a success status is one, too.
    pub(crate) fn refusal(&self, status: u16, body: &[u8]) -> Option<Failure> {
        match complaint_in(body) {
            Some(Complaint { code, subcode, transient, words }) => {
                let mut failure = self.classify(code, subcode, Some(status), &words);
                if transient && failure.code == UNKNOWN {
                    failure.retry = Retry::Backoff;
                }
                Some(failure)
            }
            None if (200..300).contains(&status) => None,
            None => Some(self.by_status(status)),
        }
    }
}
