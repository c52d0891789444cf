//! Errors as the servers of models word them, in the response's status, its body, or the middle of a stream.

use std::time::Duration;

use serde_json::Value;

use crate::llm::failure::{ModelFailure, ModelFailureCode as Code};

const MESSAGE_LIMIT: usize = 300;

/// What can be read from an error body.
#[derive(Debug, Default, PartialEq, Eq)]
struct Complaint {
    message: String,
    /// `code`, `type`, `status` and the reasons in `details`, in lower case.
    words: Vec<String>,
    /// A numeric `code`, which is an HTTP status.
    status: Option<u16>,
    /// How long the body asks to be left alone.
    retry_after: Option<Duration>,
}

/// Whether JSON is a complaint and no part of an answer.
pub(super) fn complains(body: &Value) -> bool {
    let body = body.get(0).unwrap_or(body);
    let answers = ["choices", "candidates", "content", "promptFeedback", "usageMetadata"];
    body.get("error").is_some_and(|error| !error.is_null())
        || body.get("object").and_then(Value::as_str) == Some("error")
        || body.get("type").and_then(Value::as_str) == Some("error")
        || (answers.iter().all(|key| body.get(*key).is_none())
            && (body.get("detail").is_some() || (body.get("message").is_some_and(Value::is_string))))
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
    failure.retry_after = hint.or(complaint.retry_after);
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
    ModelFailure { retry_after: complaint.retry_after, ..classify(complaint.status, &complaint) }
}

/// Reads `{"error":{…}}`, `{"error":"…"}`, `{"object":"error",…}` and `{"detail":…}`, alone or as the first of a list.
fn read(body: &Value) -> Complaint {
    let body = body.get(0).unwrap_or(body);
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
    let more = details.get("details").and_then(Value::as_array);
    let more = || more.into_iter().flatten();
    let reasons = more().filter_map(|detail| detail.get("reason"));
    let words = [code, details.get("type"), details.get("status")].into_iter().flatten().chain(reasons);
    let words = words.filter_map(Value::as_str);
    let retry_after = more().find_map(|detail| detail.get("retryDelay")?.as_str()?.strip_suffix('s')?.parse().ok());
    let numeric = code.and_then(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok()));
    Complaint {
        message: message.unwrap_or_default(),
        words: words.map(str::to_ascii_lowercase).collect(),
        status: numeric.and_then(|code| u16::try_from(code).ok()).filter(|code| (400..600).contains(code)),
        retry_after: retry_after.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
    }
}

fn classify(status: Option<u16>, complaint: &Complaint) -> ModelFailure {
    let says = |wanted: &[&str]| complaint.words.iter().any(|word| wanted.contains(&word.as_str()));
    // One vendor has no code for a prompt that is too long, only these words.
    let too_long = says(&["invalid_request_error"]) && complaint.message.starts_with("prompt is too long");
    let code = if says(&["insufficient_quota", "billing_hard_limit_reached", "billing_error"]) {
        Code::QuotaExhausted
    } else if says(&["context_length_exceeded", "exceed_context_size_error", "request_too_large"]) || too_long {
        Code::ContextTooLong
    } else if says(&["api_key_invalid"]) {
        Code::Unauthorised
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
            None if says(&["model_not_found", "not_found_error"]) => Code::NotFound,
            None if says(&["timeout_error"]) => Code::Timeout,
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
