//! What a model answered: one shape for all of them.

use serde_json::Value;

/// A complete answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The text for the customer. With [`Finish::Filtered`] it is what came before the filter and must not be shown.
    pub text: String,
    /// Why the answer ended.
    pub finish: Finish,
    /// What it cost, where the server says so.
    pub usage: Option<Usage>,
    /// The documents that the answer rests on, each once.
    pub sources: Vec<Source>,
    /// The name of the model that answered.
    pub model: String,
    /// The server's id of the exchange.
    pub request_id: Option<String>,
    /// The tools the model asks for; empty where the answer was cut or filtered, since a cut call must not run.
    pub tool_calls: Vec<ToolCall>,
    /// The model's own words where it refused to answer; [`Self::finish`] is then [`Finish::Filtered`].
    pub refusal: Option<String>,
    /// The answer in its protocol's own form, where that must go back unchanged with the results of its calls.
    pub own: Option<Value>,
}

impl Answer {
    /// An answer that is only text.
    #[must_use]
    pub fn of_text(model: &str, text: String) -> Self {
        Self {
            text,
            finish: Finish::Complete,
            usage: None,
            sources: Vec::new(),
            model: model.to_owned(),
            request_id: None,
            tool_calls: Vec::new(),
            refusal: None,
            own: None,
        }
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model was done.
    Complete,
    /// The token limit cut it.
    Length,
    /// A filter or the model itself refused.
    Filtered,
}

/// Tokens of an exchange.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub input_tokens: u64,
    /// Tokens of the answer, reasoning included.
    pub output_tokens: u64,
}

/// A document an answer rests on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source {
    /// Its title.
    pub title: String,
    /// Where it is from: an address or a file name.
    pub source: String,
}

/// A tool that the model wants used.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    /// The id that the tool's result must name; empty where the server gave none.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments: a JSON object, or the raw text where it is none. They are untrusted.
    pub arguments: Result<Value, String>,
}
