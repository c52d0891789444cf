//! Why a request brought no answer. It carries no address, header or body, so that no secret reaches a log.

use std::error::Error as _;

/// What the caller may conclude from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetErrorKind {
    /// Nothing was sent: the address was refused, the name did not resolve, or no connection came about.
    Refused,
    /// The peer may have taken the request: a timeout, a reset, or an answer that broke off.
    Lost,
    /// The peer answered more than the limit allows.
    TooLarge,
    /// The answer arrived but could not be kept: the writer it was streamed to failed.
    Unwritable,
}

/// A request that brought no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NetError {
    /// What the caller may conclude.
    pub kind: NetErrorKind,
    /// A sentence for the log, without addresses or secrets.
    pub message: String,
}

impl NetError {
    /// Whether the peer cannot have acted on the request, so that a repeat cannot act twice.
    #[must_use]
    pub fn certain_not_sent(&self) -> bool {
        self.kind == NetErrorKind::Refused
    }

    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self { kind: NetErrorKind::Refused, message: message.into() }
    }

    pub(super) fn lost(message: impl Into<String>) -> Self {
        Self { kind: NetErrorKind::Lost, message: message.into() }
    }

    pub(super) fn too_large(limit: u64) -> Self {
        Self { kind: NetErrorKind::TooLarge, message: format!("the answer is larger than {limit} bytes") }
    }

    pub(super) fn unwritable(error: &std::io::Error) -> Self {
        Self { kind: NetErrorKind::Unwritable, message: format!("cannot keep the download: {error}") }
    }

    /// Flattens the chain of causes into one sentence; the address is dropped because its query may hold a secret.
    pub(super) fn from_http(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let before_sending = error.is_builder() || error.is_connect() || error.is_dns();
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            let text = inner.to_string();
            if !message.ends_with(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            cause = inner.source();
        }
        if before_sending { Self::refused(message) } else { Self::lost(message) }
    }
}
