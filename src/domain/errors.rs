//! The stable words by which the API names what went wrong: one enum, one table in the docs.

use serde::Serialize;

macro_rules! codes {
    ($($variant:ident $word:tt $status:literal $meaning:tt;)+) => {
        /// A stable word for what went wrong, with its HTTP status.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
        pub enum Code {
            $(
                #[doc = $meaning]
                #[serde(rename = $word)]
                $variant,
            )+
        }

        impl Code {
            /// All of them, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The HTTP status it comes with.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),+ }
            }

            /// One sentence for the documentation.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),+ }
            }
        }
    };
}

codes! {
    InvalidRequest "INVALID_REQUEST" 400 "The request does not have the documented shape; `details` names every failing field.";
    Unauthenticated "UNAUTHENTICATED" 401 "No credential, or one that is unknown, expired or revoked.";
    InvalidSignature "INVALID_SIGNATURE" 401 "The signature of a callback, or of a site's user, is missing or matches no secret of the channel.";
    ProviderKeyMissing "PROVIDER_KEY_MISSING" 402 "The agent's model runs on the workspace's own account with its provider, and there is none; nothing was asked or spent. Set one with `PUT /api/providers/{provider}`.";
    MessageLimitReached "MESSAGE_LIMIT_REACHED" 402 "The plan's messages of this month are used up; nothing was stored. `details` says when they are counted anew.";
    TokenLimitReached "TOKEN_LIMIT_REACHED" 402 "The plan's tokens of hosted models are used up for this month; nothing was asked, stored or spent. `details` says when they are counted anew.";
    Forbidden "FORBIDDEN" 403 "The credential is good but does not allow this.";
    NotFound "NOT_FOUND" 404 "There is no such address or resource in this workspace.";
    MethodNotAllowed "METHOD_NOT_ALLOWED" 405 "The address exists, but not with this method.";
    RequestTimeout "REQUEST_TIMEOUT" 408 "The request did not arrive within its time.";
    Conflict "CONFLICT" 409 "The resource is not in a state that allows this.";
    WindowClosed "WINDOW_CLOSED" 409 "The messaging window is closed; nothing was stored. `details` says since when and what would pass.";
    IdempotencyMismatch "IDEMPOTENCY_MISMATCH" 409 "The Idempotency-Key was used before with a different request.";
    PayloadTooLarge "PAYLOAD_TOO_LARGE" 413 "The body is larger than this address accepts.";
    UnsupportedMediaType "UNSUPPORTED_MEDIA_TYPE" 415 "The body is not of a type that this address accepts.";
    MessageTooLong "MESSAGE_TOO_LONG" 422 "The text is longer than the channel allows.";
    InvalidContent "INVALID_CONTENT" 422 "The channel cannot carry this content; `details` names what is wrong.";
    RecipientOptedOut "RECIPIENT_OPTED_OUT" 422 "The person asked to get no more messages through this channel; nothing was stored.";
    RecipientSuppressed "RECIPIENT_SUPPRESSED" 422 "Nothing is sent to this address any more; `details` says why: `RECIPIENT_UNREACHABLE` or `RECIPIENT_COMPLAINED`.";
    RateLimited "RATE_LIMITED" 429 "Too many requests; nothing happened. Try again after `Retry-After` seconds.";
    ConcurrencyLimited "CONCURRENCY_LIMITED" 429 "Too many requests at once; nothing happened. Try again when one of them has ended.";
    Internal "INTERNAL" 500 "A fault of the gateway; the request id leads to its log.";
    NotImplemented "NOT_IMPLEMENTED" 501 "This part of the documented surface is not built yet.";
    UpstreamFailed "UPSTREAM_FAILED" 502 "A model or vendor failed; nothing was charged or stored as sent.";
    ConversationQuarantined "CONVERSATION_QUARANTINED" 503 "The conversation keeps failing and is held for an operator to look at.";
    Unavailable "UNAVAILABLE" 503 "The database or a needed part is not available; nothing was stored. Try again.";
    TurnTimeout "TURN_TIMEOUT" 504 "The agent did not answer within its time; the message is stored.";
}

/// One field that failed, as `details` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldProblem {
    /// Path of the field, for example `messages[0].role`.
    pub field: String,
    /// What was expected there.
    pub expected: String,
    /// The field is as documented, but what it refers to is not there.
    #[serde(skip)]
    pub absent: bool,
}

impl FieldProblem {
    /// A problem of this field.
    pub fn new(field: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { field: field.into(), expected: expected.into(), absent: false }
    }

    /// A field that refers to what is not there.
    pub fn absent(field: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { absent: true, ..Self::new(field, expected) }
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn words_are_unique_upper_snake_and_have_error_statuses() {
        let mut seen = std::collections::HashSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()), "{} twice", code.as_str());
            assert!(code.as_str().chars().all(|c| c.is_ascii_uppercase() || c == '_'));
            assert!((400..600).contains(&code.status()));
        }
    }
}
