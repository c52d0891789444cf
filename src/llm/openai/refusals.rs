//! Errors as chat completions servers word them, in the response's status, its body, or the middle of a stream.

use std::time::Duration;

use serde_json::Value;

use crate::llm::failure::{ModelFailure, ModelFailureCode as Code};

const MESSAGE_LIMIT: usize = 300;

/// What can be read from an error body.
#[derive(Debug, Default, PartialEq, Eq)]
struct Complaint {
    message: String,
    /// `code` and `type`, in lower case.
    words: Vec<String>,
    /// A numeric `code`, which is an HTTP status.
    status: Option<u16>,
}

/// The failure that a response with an error status tells.
pub(super) fn of_response(
    status: u16,
    should_retry: Option<&str>,
    hint: Option<Duration>,
    body: &[u8],
) -> ModelFailure {
    let parsed = serde_json::from_slice::<Value>(body).ok();
    let complaint = parsed.as_ref().map(read).unwrap_or_default();
    let mut failure = classify(Some(status), &complaint);
    failure.retry_after = hint;
    match should_retry {
        Some("true") => failure.retryable = true,
        Some("false") => failure.retryable = false,
        _ => {}
    }
    failure
}

/// The failure that an event within a stream tells.
pub(super) fn of_event(event: &Value) -> ModelFailure {
    let complaint = read(event);
    classify(complaint.status, &complaint)
}

/// Reads `{"error":{…}}`, `{"error":"…"}`, `{"object":"error",…}` and `{"detail":…}`.
fn read(body: &Value) -> Complaint {
    let details = match body.get("error") {
        Some(Value::Null) | None => body,
        Some(error) => error,
    };
    let message = match details {
        Value::String(text) => Some(text.clone()),
        _ => ["message", "detail"].iter().find_map(|key| match details.get(*key) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Null) | None => None,
            Some(other) => Some(other.to_string()),
        }),
    };
    let code = details.get("code");
    let words = [code, details.get("type")].into_iter().flatten().filter_map(Value::as_str);
    let numeric = code.and_then(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok()));
    Complaint {
        message: message.unwrap_or_default(),
        words: words.map(str::to_ascii_lowercase).collect(),
        status: numeric.and_then(|code| u16::try_from(code).ok()).filter(|code| (400..600).contains(code)),
    }
}

fn classify(status: Option<u16>, complaint: &Complaint) -> ModelFailure {
    let says = |wanted: &[&str]| complaint.words.iter().any(|word| wanted.contains(&word.as_str()));
    let code = if says(&["insufficient_quota", "billing_hard_limit_reached"]) {
        Code::QuotaExhausted
    } else if says(&["context_length_exceeded", "exceed_context_size_error"]) {
        Code::ContextTooLong
    } else {
        match status {
            Some(401 | 403) => Code::Unauthorised,
            Some(402) => Code::QuotaExhausted,
            Some(404) => Code::NotFound,
            Some(408 | 504) => Code::Timeout,
            Some(409 | 500..=599) => Code::Unavailable,
            Some(413) => Code::ContextTooLong,
            Some(429) => Code::RateLimited,
            Some(_) => Code::RefusedRequest,
            None if says(&["rate_limit_exceeded", "rate_limit_error"]) => Code::RateLimited,
            None if says(&["invalid_api_key", "authentication_error", "permission_error"]) => Code::Unauthorised,
            None if says(&["model_not_found"]) => Code::NotFound,
            None if says(&["invalid_request_error", "badrequesterror"]) => Code::RefusedRequest,
            None => Code::Unavailable,
        }
    };
    ModelFailure::new(code, sentence(status, &complaint.message))
}

fn sentence(status: Option<u16>, message: &str) -> String {
    let message: String = message.chars().filter(|letter| !letter.is_control()).take(MESSAGE_LIMIT).collect();
    match (status, message.is_empty()) {
        (Some(status), true) => format!("the model's server answered with status {status}"),
        (Some(status), false) => format!("the model's server answered with status {status}: {message}"),
        (None, true) => "the model's server reported an error".to_owned(),
        (None, false) => format!("the model's server reported an error: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_are_classed_by_status_and_code() {
        let cases = [
            (400, json!({"error": {"message": "m", "code": "context_length_exceeded"}}), Code::ContextTooLong, false),
            (400, json!({"error": {"message": "m", "type": "exceed_context_size_error"}}), Code::ContextTooLong, false),
            (400, json!({"error": {"message": "unknown parameter"}}), Code::RefusedRequest, false),
            (401, json!({"error": {"code": "invalid_api_key"}}), Code::Unauthorised, false),
            (402, json!({}), Code::QuotaExhausted, false),
            (404, json!({"detail": "Not Found"}), Code::NotFound, false),
            (408, json!(null), Code::Timeout, true),
            (409, json!(null), Code::Unavailable, true),
            (413, json!(null), Code::ContextTooLong, false),
            (422, json!({"detail": [{"msg": "field required"}]}), Code::RefusedRequest, false),
            (429, json!({"error": {"code": "rate_limit_exceeded"}}), Code::RateLimited, true),
            (429, json!({"error": {"type": "insufficient_quota"}}), Code::QuotaExhausted, false),
            (503, json!({"error": "overloaded"}), Code::Unavailable, true),
            (302, json!(null), Code::RefusedRequest, false),
        ];
        for (status, body, code, retryable) in cases {
            let failure = of_response(status, None, None, body.to_string().as_bytes());
            assert_eq!((failure.code, failure.retryable), (code, retryable), "{status} {body}");
        }
    }

    #[test]
    fn the_server_has_the_last_word_on_retrying() {
        assert!(!of_response(500, Some("false"), None, b"").retryable);
        assert!(of_response(400, Some("true"), None, b"").retryable);
    }

    #[test]
    fn messages_are_kept_short_and_on_one_line() {
        let body = json!({"error": {"message": format!("a\nb{}", "x".repeat(9_000))}}).to_string();
        let message = of_response(400, None, None, body.as_bytes()).message;
        assert!(message.contains("ab") && message.len() < 400, "{message}");
    }
}
