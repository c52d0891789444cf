//! Where a model is served, which protocol its server speaks, and what it understands.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use switchboard_channels::contract::credentials::Secret;

/// What a server of models speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Chat completions, as many servers have them, hosted or local.
    OpenAi,
    /// Messages.
    Anthropic,
    /// `streamGenerateContent`.
    Gemini,
}

/// Who serves a model: whose key is used, and where it is found unless somebody says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// `openai/…`
    OpenAi,
    /// `anthropic/…`
    Anthropic,
    /// `gemini/…`
    Gemini,
    /// `compatible/…`, or a plain name: any server that speaks chat completions.
    Compatible,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::OpenAi, Self::Anthropic, Self::Gemini, Self::Compatible];

    /// The word by which settings name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Compatible => "compatible",
        }
    }

    /// The provider of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == word)
    }

    /// The provider of a model's name, and the name as its server knows it; none for the built-in models.
    #[must_use]
    pub fn of_model(name: &str) -> Option<(Self, &str)> {
        match name.trim().split_once('/') {
            Some(("builtin", _)) => None,
            Some((word, rest)) if !rest.is_empty() => {
                Some(Self::from_word(word).map_or((Self::Compatible, name.trim()), |provider| (provider, rest)))
            }
            _ => Some((Self::Compatible, name.trim())),
        }
    }

    /// What its servers speak.
    #[must_use]
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::OpenAi | Self::Compatible => Protocol::OpenAi,
            Self::Anthropic => Protocol::Anthropic,
            Self::Gemini => Protocol::Gemini,
        }
    }

    /// Where its models are served; none: the operator says.
    #[must_use]
    pub const fn base_url(self) -> Option<&'static str> {
        match self {
            Self::OpenAi => Some("https://api.openai.com/v1"),
            Self::Anthropic => Some("https://api.anthropic.com"),
            Self::Gemini => Some("https://generativelanguage.googleapis.com"),
            Self::Compatible => None,
        }
    }
}

/// Where a model is served, and what its server understands.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// The base address, with or without the version.
    pub base_url: String,
    /// The key; local servers often need none.
    pub api_key: Option<Secret>,
    /// The organization to bill, where a key belongs to several.
    pub organization: Option<String>,
    /// The project to bill.
    pub project: Option<String>,
    /// Asks for token counts; some servers refuse a request that does.
    pub include_usage: bool,
    /// The name under which the server takes the limit of output tokens.
    pub output_limit: OutputLimit,
    /// Sampling temperature; models that reason refuse it.
    pub temperature: Option<f64>,
    /// How much a reasoning model may think: `low`, `medium`, `high`.
    pub reasoning_effort: Option<String>,
    /// How often to ask again after a passing failure.
    pub retries: u32,
    /// The first wait before asking again; it doubles up to sixteen times its length.
    pub retry_wait: Duration,
}

impl Endpoint {
    /// An endpoint with the defaults.
    #[must_use]
    pub fn new(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            api_key: None,
            organization: None,
            project: None,
            include_usage: true,
            output_limit: OutputLimit::default(),
            temperature: None,
            reasoning_effort: None,
            retries: 2,
            retry_wait: Duration::from_millis(500),
        }
    }
}

/// The name of the setting that limits output tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OutputLimit {
    /// `max_completion_tokens`: newer models refuse the older name.
    #[default]
    MaxCompletionTokens,
    /// `max_tokens`: older servers know only this.
    MaxTokens,
}

#[cfg(test)]
mod tests {
    use super::Provider;

    #[test]
    fn a_name_says_who_serves_the_model() {
        let cases = [
            ("builtin/echo", None),
            ("anthropic/claude-x", Some((Provider::Anthropic, "claude-x"))),
            ("gemini/gemini-x", Some((Provider::Gemini, "gemini-x"))),
            ("openai/gpt-x", Some((Provider::OpenAi, "gpt-x"))),
            ("compatible/meta/llama-x", Some((Provider::Compatible, "meta/llama-x"))),
            ("meta/llama-x", Some((Provider::Compatible, "meta/llama-x"))),
            (" llama3.2:3b ", Some((Provider::Compatible, "llama3.2:3b"))),
            ("anthropic/", Some((Provider::Compatible, "anthropic/"))),
        ];
        for (name, expected) in cases {
            assert_eq!(Provider::of_model(name), expected, "{name}");
        }
    }
}
