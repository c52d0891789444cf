//! What a turn of an agent did, as people are shown it: which tools it used with which results, and what it cost.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest text that is shown of an argument or a result, in characters.
const LONGEST_TEXT: usize = 500;
/// Longest arguments or result that are shown with their structure, in bytes of JSON.
const LARGEST_VALUE: usize = 4_096;
/// Parts of names whose values are not shown.
const SECRETIVE: [&str; 6] = ["password", "secret", "token", "api_key", "apikey", "authorization"];

/// What a turn did and cost.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Trace {
    /// The turn: the id of its job.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000009")]
    pub turn_id: String,
    /// The agent.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000002")]
    pub agent_id: String,
    /// The model that was asked last.
    #[schema(example = "anthropic/claude-sonnet-4-5")]
    pub model: String,
    /// The tools' uses, in order.
    pub calls: Vec<TracedCall>,
    /// Tokens, all rounds together.
    pub usage: Spending,
    /// Milliseconds.
    #[schema(example = 2150)]
    pub duration_ms: i64,
    /// Why the turn found no answer; null: it did.
    #[schema(example = json!(null))]
    pub error: Option<String>,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub at: i64,
}

/// The use of a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TracedCall {
    /// In which answer of the model it was asked for, from 0.
    #[schema(example = 0)]
    pub round: u32,
    /// The tool.
    #[schema(example = "search_contacts")]
    pub tool: String,
    /// Its arguments, without secrets and cut to size.
    #[schema(value_type = Object, example = json!({"query": "Jane"}))]
    pub arguments: Value,
    /// Its result, without secrets and cut to size.
    #[schema(value_type = Object, example = json!({"contacts": []}))]
    pub result: Value,
    /// Milliseconds.
    #[schema(example = 12)]
    pub ms: i64,
    /// Why it was not done; absent: it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Tokens and their price.
#[derive(Debug, Clone, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Spending {
    /// Tokens read.
    #[schema(example = 1210)]
    pub input_tokens: i64,
    /// Tokens written.
    #[schema(example = 87)]
    pub output_tokens: i64,
    /// What they cost; null where the price table does not know the model.
    pub cost: Option<Cost>,
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Cost {
    /// In units of the currency, exact to a millionth.
    #[schema(example = 0.004935)]
    pub amount: f64,
    /// ISO 4217.
    #[schema(example = "USD")]
    pub currency: String,
}

impl Cost {
    /// Of so many millionths.
    #[must_use]
    pub fn of_micros(micros: i64, currency: String) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "amounts beyond nine billion are nobody's bill")]
        let amount = micros as f64 / 1_000_000.0;
        Self { amount, currency }
    }
}

/// A value as it is shown: secrets left out by their names, texts cut, and what is still too large as a cut text.
#[must_use]
pub fn shown(value: &Value) -> Value {
    let redacted = redacted(value);
    let text = redacted.to_string();
    if text.len() <= LARGEST_VALUE { redacted } else { Value::String(cut(&text)) }
}

fn redacted(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(cut(text)),
        Value::Array(items) => items.iter().map(redacted).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| {
                let lower = name.to_ascii_lowercase();
                let secret = SECRETIVE.iter().any(|part| lower.contains(part));
                (name.clone(), if secret { Value::String("[redacted]".to_owned()) } else { redacted(value) })
            })
            .collect(),
        other => other.clone(),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::shown;

    #[test]
    fn what_is_shown_has_no_secrets_and_an_end() {
        let value = json!({"name": "Jane", "Api_Key": "sk-1", "deep": [{"reset_token": 5, "text": "é".repeat(900)}]});
        let seen = shown(&value);
        assert_eq!((&seen["name"], &seen["Api_Key"]), (&json!("Jane"), &json!("[redacted]")));
        assert_eq!(seen["deep"][0]["reset_token"], "[redacted]");
        assert_eq!(seen["deep"][0]["text"].as_str().unwrap().chars().count(), 501);
        let many: Vec<_> = (0..5_000).collect();
        assert!(shown(&json!(many)).as_str().unwrap().chars().count() <= 501);
    }
}
