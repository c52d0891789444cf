//! A language model that speaks three protocols: settings, scripted replies, and what it was asked.

pub mod anthropic;
pub mod chat;
pub mod embeddings;
pub mod gemini;
pub mod speech;
pub mod stream;

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How many requests are kept for inspection.
const MOST_REQUESTS: usize = 1_000;

/// How the model behaves when no script says otherwise.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelSettings {
    /// Key that requests must carry; none is checked when absent.
    pub api_key: Option<String>,
    /// Names that `GET /v1/models` lists; any name is answered.
    pub models: Vec<String>,
    /// Fixed answer; the model repeats the question when absent.
    pub default_reply: Option<String>,
    /// Milliseconds before the first byte.
    pub delay_ms: u64,
    /// Milliseconds between pieces of a stream.
    pub chunk_delay_ms: u64,
    /// Words in one piece of a stream.
    pub words_per_chunk: usize,
    /// Requests are counted but not kept.
    pub count_only: bool,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            api_key: None,
            models: vec!["test-model".to_owned()],
            default_reply: None,
            delay_ms: 0,
            chunk_delay_ms: 15,
            words_per_chunk: 1,
            count_only: false,
        }
    }
}

/// One piece of a scripted stream.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Chunk {
    /// A piece at the usual pace.
    Text(String),
    /// A piece after a pause.
    Paused {
        /// The piece.
        text: String,
        /// Milliseconds before it.
        delay_ms: u64,
    },
}

/// One tool call of a scripted reply.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ToolCall {
    /// Id of the call; made up when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Name of the function.
    pub name: String,
    /// Arguments: an object, or a text that is passed on as it is, broken or not.
    #[serde(default)]
    pub arguments: Value,
}

/// One scripted reply.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// Only for requests that hold this text somewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// How many requests it answers; one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// The answer, cut into pieces by words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The answer in given pieces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chunks: Vec<Chunk>,
    /// Tools the model wants called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// HTTP status instead of an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Body beside `status`: a text goes out as HTML, anything else as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// `Retry-After` header beside `status`, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<f64>,
    /// Milliseconds before the first byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// Milliseconds between pieces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunk_delay_ms: Option<u64>,
    /// The connection closes after so many pieces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_after_chunks: Option<usize>,
    /// Other `finish_reason`, such as `length`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// The bytes of the stream as they are, for transcripts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
}

/// The state of the model.
#[derive(Debug, Default)]
pub struct Model {
    settings: Mutex<ModelSettings>,
    scripts: Mutex<VecDeque<Script>>,
    requests: Mutex<(u64, VecDeque<Value>)>,
}

impl Model {
    pub fn new(settings: ModelSettings) -> Self {
        Self { settings: Mutex::new(settings), ..Self::default() }
    }

    pub fn settings(&self) -> ModelSettings {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_settings(&self, settings: ModelSettings) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    pub fn push(&self, scripts: impl IntoIterator<Item = Script>) {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner).extend(scripts);
    }

    pub fn scripts(&self) -> Vec<Script> {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub fn clear(&self) {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner).clear();
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner) = (0, VecDeque::new());
    }

    /// The first script that fits this request, used up as it says.
    pub fn next_script(&self, body: &str) -> Option<Script> {
        let mut scripts = self.scripts.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |script: &Script| script.when.as_deref().is_none_or(|when| body.contains(when));
        let index = scripts.iter().position(fits)?;
        let script = scripts.get_mut(index)?;
        let left = script.times.unwrap_or(1).saturating_sub(1);
        if left == 0 {
            return scripts.remove(index);
        }
        script.times = Some(left);
        Some(script.clone())
    }

    /// Keeps a request for inspection.
    pub fn note(&self, request: &Value, count_only: bool) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.0 += 1;
        if count_only {
            return;
        }
        requests.1.push_back(request.clone());
        if requests.1.len() > MOST_REQUESTS {
            requests.1.pop_front();
        }
    }

    /// How many requests came, and the newest of them.
    pub fn requests(&self) -> (u64, Vec<Value>) {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        (requests.0, requests.1.iter().cloned().collect())
    }
}
