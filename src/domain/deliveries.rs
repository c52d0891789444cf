//! The ledger of raw vendor deliveries: each ends in a visible outcome.

use serde::{Deserialize, Serialize};

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryOutcome {
    /// Written down, its events not yet; a crash now is repaired at the next start.
    Pending,
    /// At least one event was stored.
    Stored,
    /// Everything in it was known already.
    Duplicate,
    /// Nothing in it concerned us; `detail` says why.
    Ignored,
    /// It could not be handled; it can be run again.
    DeadLetter,
}

impl DeliveryOutcome {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Stored => "stored",
            Self::Duplicate => "duplicate",
            Self::Ignored => "ignored",
            Self::DeadLetter => "dead_letter",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Pending, Self::Stored, Self::Duplicate, Self::Ignored, Self::DeadLetter]
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
    }

    /// The outcome of a whole from those of its parts: what was stored wins over what was known, a failure over all.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        const fn weight(outcome: DeliveryOutcome) -> u8 {
            match outcome {
                DeliveryOutcome::Ignored => 0,
                DeliveryOutcome::Duplicate => 1,
                DeliveryOutcome::Stored => 2,
                DeliveryOutcome::Pending => 3,
                DeliveryOutcome::DeadLetter => 4,
            }
        }
        if weight(other) > weight(self) { other } else { self }
    }
}
