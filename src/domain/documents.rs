//! Documents of an agent's knowledge: where their text comes from, and whether it has been read.

use serde::Serialize;

/// Where a document's text comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DocumentOrigin)]
pub enum Origin {
    /// It was handed in as it is.
    Text,
    /// A file that was handed in.
    File,
    /// An address on the web.
    Url,
}

impl Origin {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::File => "file",
            Self::Url => "url",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Text, Self::File, Self::Url].into_iter().find(|origin| origin.as_str() == word)
    }
}

/// Whether a document has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentState {
    /// It is about to be read; what was read before is still known.
    Pending,
    /// The agent knows it.
    Ready,
    /// It could not be read; what was read before is still known.
    Failed,
}

impl DocumentState {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Pending, Self::Ready, Self::Failed].into_iter().find(|state| state.as_str() == word)
    }
}

/// A document of an agent's knowledge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Document {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-00000000001d")]
    pub id: String,
    /// The agent that knows it.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000002")]
    pub agent_id: String,
    /// Its title; empty until it has been read, where none was given.
    #[schema(example = "Returns")]
    pub title: String,
    /// Where it is from; stands with every quotation, and is unique for the agent.
    #[schema(example = "https://shop.example/returns")]
    pub source: String,
    /// Where its text comes from.
    pub origin: Origin,
    /// The file, where it came as one.
    pub file_id: Option<String>,
    /// The address, where it came by one.
    #[schema(example = "https://shop.example/returns")]
    pub url: Option<String>,
    /// Whether it has been read.
    pub state: DocumentState,
    /// Why it could not be read.
    pub reason: Option<String>,
    /// How many passages the agent knows of it.
    #[schema(example = 12)]
    pub passages: i64,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub created_at: i64,
    /// When its text or state last changed; Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub updated_at: i64,
    /// The newest wish to read it.
    #[serde(skip)]
    pub revision: String,
}
