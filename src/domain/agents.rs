//! Agents: who answers, with which model, and within which limits.

use serde::{Deserialize, Serialize};

/// An AI agent of a workspace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// UUID.
    pub id: String,
    /// Its workspace.
    pub workspace_id: String,
    /// Unique name in the workspace; the contact sees it.
    pub name: String,
    /// `builtin/knowledge`, `builtin/echo`, `openai/…`, `anthropic/…`, `gemini/…`, `compatible/…`, or the name of a model at
    /// its endpoint.
    pub model: String,
    /// What it is told about itself.
    pub instructions: String,
    /// Everything else.
    pub settings: AgentSettings,
    /// Whether it answers.
    pub is_active: bool,
    /// Unix milliseconds.
    pub created_at: i64,
}

/// An agent's settings; every field has a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AgentSettings {
    /// What the contact reads when the model fails.
    pub fallback_message: String,
    /// What `builtin/knowledge` says when it finds nothing.
    pub unknown_message: String,
    /// What `builtin/knowledge` answers to a greeting.
    pub greeting_message: String,
    /// Base URL of the model's endpoint, where it is not its provider's usual one.
    #[schema(format = "url")]
    pub base_url: Option<String>,
    /// Turns that run at once; more wait.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    pub concurrency: usize,
    /// Turns that may wait; more are answered with the fallback message.
    #[schema(maximum = 2_147_483_647)]
    pub queue: usize,
    /// Longest turn, in milliseconds.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    pub turn_timeout_ms: u64,
    /// Most tokens the model may write in a turn.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    pub max_output_tokens: u32,
    /// Most estimated tokens of context given to the model.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    pub max_context_tokens: u32,
    /// Model failures in a row that open the circuit breaker.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    pub breaker_failures: u32,
    /// How long an open breaker stays open, in milliseconds.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    pub breaker_pause_ms: u64,
    /// Passages of knowledge offered to the model.
    #[schema(maximum = 2_147_483_647)]
    pub passages: usize,
    /// Names of the actions that the model may use as tools; `*`: all. They act with the rights of the workspace, on
    /// whatever a customer talks the model into, so give an agent only what its customers may have.
    pub tools: Vec<String>,
    /// Model that is asked when the first fails for now, before anything of an answer was shown.
    pub fallback_model: Option<String>,
    /// Whether it is the workspace's assistant, which answers `POST /api/v1/chat`; else the first by name is.
    pub assistant: bool,
    /// Answers of the model in one turn that may ask for tools.
    #[schema(maximum = 2_147_483_647)]
    pub max_tool_rounds: usize,
    /// Uses of tools in one turn.
    #[schema(maximum = 2_147_483_647)]
    pub max_tool_calls: usize,
    /// Tokens read and written in one turn, after which it may use no more tools.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    pub max_turn_tokens: u64,
    /// Answers in one conversation within ten minutes, after which the agent hands it to a person: two machines may be
    /// talking to each other. 0: no limit. Programs that chat over the API have none.
    #[schema(maximum = 2_147_483_647)]
    pub max_answers: u32,
}

impl Default for AgentSettings {
    fn default() -> Self {
        Self {
            fallback_message:
                "Sorry, I cannot answer just now. Your message has arrived, and we will come back to you.".to_owned(),
            unknown_message: "I do not know that. Would you like to talk to a person?".to_owned(),
            greeting_message: "Hello! How can I help you?".to_owned(),
            base_url: None,
            concurrency: 64,
            queue: 10_000,
            turn_timeout_ms: 120_000,
            max_output_tokens: 1_024,
            max_context_tokens: 8_000,
            breaker_failures: 5,
            breaker_pause_ms: 30_000,
            passages: 4,
            tools: Vec::new(),
            fallback_model: None,
            assistant: false,
            max_tool_rounds: 8,
            max_tool_calls: 32,
            max_turn_tokens: 100_000,
            max_answers: 30,
        }
    }
}
