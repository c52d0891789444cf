//! Why a model gave no answer, in stable codes that operators and callers can act on.

use std::time::Duration;

/// A stable code of a model's failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModelFailureCode {
    /// Nothing came in time.
    Timeout,
    /// The model's server is down, overloaded or out of reach.
    Unavailable,
    /// Too many requests for now.
    RateLimited,
    /// The account has no credit left; waiting does not help.
    QuotaExhausted,
    /// The key is wrong or may not use the model.
    Unauthorised,
    /// The endpoint or the model does not exist.
    NotFound,
    /// The server refuses the request as it is: a setting it does not know.
    RefusedRequest,
    /// The answer ended before its end mark.
    CutOff,
    /// The answer is complete and says nothing.
    EmptyAnswer,
    /// The prompt is longer than the model takes.
    ContextTooLong,
    /// What came is not an answer in the agreed form.
    Unreadable,
    /// The answer is larger than the limits allow.
    TooLarge,
    /// Nobody gave a key for the model's provider.
    KeyMissing,
    /// The plan's tokens of the installation's account are used up for this month; nobody was asked.
    TokenLimit,
    /// The model asks for the same thing again and again.
    ToolLoop,
    /// The turn has spent its budget of rounds, calls or tokens.
    BudgetSpent,
    /// The caller withdrew the question.
    Cancelled,
}

impl ModelFailureCode {
    /// The code as it is stored, logged and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "MODEL_TIMEOUT",
            Self::Unavailable => "MODEL_UNAVAILABLE",
            Self::RateLimited => "MODEL_RATE_LIMITED",
            Self::QuotaExhausted => "MODEL_QUOTA_EXHAUSTED",
            Self::Unauthorised => "MODEL_UNAUTHORISED",
            Self::NotFound => "MODEL_NOT_FOUND",
            Self::RefusedRequest => "MODEL_REFUSED_REQUEST",
            Self::CutOff => "MODEL_CUT_OFF",
            Self::EmptyAnswer => "MODEL_EMPTY_ANSWER",
            Self::ContextTooLong => "MODEL_CONTEXT_TOO_LONG",
            Self::Unreadable => "MODEL_UNREADABLE_ANSWER",
            Self::TooLarge => "MODEL_ANSWER_TOO_LARGE",
            Self::KeyMissing => "PROVIDER_KEY_MISSING",
            Self::TokenLimit => "TOKEN_LIMIT_REACHED",
            Self::ToolLoop => "MODEL_TOOL_LOOP",
            Self::BudgetSpent => "MODEL_BUDGET_SPENT",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Whether an operator must change a setting, a key or a plan before the model can answer again.
    #[must_use]
    pub const fn needs_operator(self) -> bool {
        matches!(
            self,
            Self::QuotaExhausted
                | Self::Unauthorised
                | Self::NotFound
                | Self::RefusedRequest
                | Self::KeyMissing
                | Self::TokenLimit
        )
    }
}

/// A model's failure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct ModelFailure {
    /// What went wrong.
    pub code: ModelFailureCode,
    /// A sentence for the log and the operator, possibly the server's own; without keys.
    pub message: String,
    /// How long the server asks to be left alone.
    pub retry_after: Option<Duration>,
    /// Whether the same question may succeed later. The model's own retries are already spent.
    pub retryable: bool,
    /// Whether a part of the answer was handed out before; a repeat would then say things twice.
    pub delivered_any: bool,
    /// The server's id of the exchange.
    pub request_id: Option<String>,
}

impl ModelFailure {
    /// A failure of this code, retryable where the code is of a passing kind.
    #[must_use]
    pub fn new(code: ModelFailureCode, message: impl Into<String>) -> Self {
        use ModelFailureCode::{CutOff, EmptyAnswer, RateLimited, Timeout, Unavailable};
        let retryable = matches!(code, Timeout | Unavailable | RateLimited | CutOff | EmptyAnswer);
        let message = message.into();
        Self { code, message, retry_after: None, retryable, delivered_any: false, request_id: None }
    }

    /// The failure of a question that its asker withdrew.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::new(ModelFailureCode::Cancelled, "the question was withdrawn")
    }
}
