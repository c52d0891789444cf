//! Memories: what was learned about people and their wishes, and where.

use serde::{Deserialize, Serialize};

use super::errors::FieldProblem;
use super::fields::{self, given, lay};
use super::nearness::Ranked;
use super::tasks::Source;

/// Longest memory, in characters.
const LONGEST: usize = 4_000;

/// What sort of memory it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemoryKind {
    /// Something that is so.
    #[default]
    Fact,
    /// How somebody wants something.
    Preference,
    /// Anything else.
    Note,
}

impl MemoryKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Fact, Self::Preference, Self::Note];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fact => "fact",
            Self::Preference => "preference",
            Self::Note => "note",
        }
    }

    /// The kind of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Something that was learned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Memory {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000022")]
    pub id: String,
    /// What sort it is.
    #[schema(example = "preference")]
    pub kind: MemoryKind,
    /// What was learned.
    #[schema(example = "Prefers to be called in the afternoon")]
    pub text: String,
    /// About whom.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000006")]
    pub contact_id: Option<String>,
    /// The agent that learned it.
    pub agent_id: Option<String>,
    /// The conversation in which it was learned.
    pub conversation_id: Option<String>,
    /// The message from which it was learned.
    pub message_id: Option<String>,
    /// Who wrote it down.
    #[schema(example = "api")]
    pub source: Source,
    /// Unix milliseconds.
    #[schema(example = 1_774_431_000_000_i64)]
    pub created_at: i64,
    /// Unix milliseconds.
    #[schema(example = 1_774_431_000_000_i64)]
    pub updated_at: i64,
}

/// What is said of a memory: of a new one `text` is needed; of one that is corrected, what is left out stays, and a null
/// empties.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MemoryFields {
    /// What sort it is; `fact`.
    #[schema(example = "preference")]
    pub kind: Option<MemoryKind>,
    /// What was learned, 1 to 4,000 characters.
    #[schema(format = "text", max_length = 4_000, example = "Prefers to be called in the afternoon")]
    pub text: Option<String>,
    /// About whom.
    #[serde(deserialize_with = "given")]
    #[schema(format = "uuid", value_type = Option<String>)]
    pub contact_id: Option<Option<String>>,
    /// The conversation in which it was learned.
    #[serde(deserialize_with = "given")]
    #[schema(format = "uuid", value_type = Option<String>)]
    pub conversation_id: Option<Option<String>>,
    /// The message from which it was learned.
    #[serde(deserialize_with = "given")]
    #[schema(format = "uuid", value_type = Option<String>)]
    pub message_id: Option<Option<String>>,
}

impl Memory {
    /// A memory of which nothing is said yet.
    #[must_use]
    pub fn blank(id: String, source: Source, now: i64) -> Self {
        Self {
            id,
            kind: MemoryKind::default(),
            text: String::new(),
            contact_id: None,
            agent_id: None,
            conversation_id: None,
            message_id: None,
            source,
            created_at: now,
            updated_at: now,
        }
    }

    /// The memory with what is said laid over it.
    ///
    /// # Errors
    /// Every field that is not as documented.
    pub fn changed(&self, said: &MemoryFields, now: i64) -> Result<Self, Vec<FieldProblem>> {
        let (mut changed, mut problems) = (self.clone(), Vec::new());
        changed.updated_at = now;
        changed.kind = said.kind.unwrap_or(changed.kind);
        if let Some(text) = said.text.as_deref().or_else(|| self.text.is_empty().then_some("")) {
            match fields::text(text, LONGEST) {
                Some(text) => changed.text = text,
                None => problems.push(FieldProblem::new("text", "1 to 4,000 characters")),
            }
        }
        for (field, said, name, expected) in [
            (&mut changed.contact_id, &said.contact_id, "contact_id", "the id of a contact"),
            (&mut changed.conversation_id, &said.conversation_id, "conversation_id", "the id of a conversation"),
            (&mut changed.message_id, &said.message_id, "message_id", "the id of a message"),
        ] {
            lay(field, said.clone(), (name, expected), fields::id, &mut problems);
        }
        if problems.is_empty() { Ok(changed) } else { Err(problems) }
    }
}

/// Something that a search found.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Recalled {
    /// What was learned, or said.
    #[schema(example = "Prefers to be called in the afternoon")]
    pub text: String,
    /// How well it fits, above 0 and at most 1, which the best of this search has.
    #[schema(example = 1.0)]
    pub score: f64,
    /// Where it is from.
    pub source: RecalledFrom,
}

impl Recalled {
    /// A memory as a search finds it.
    #[must_use]
    pub fn of_memory(memory: Memory, score: f64) -> Self {
        let source = RecalledFrom {
            kind: RecalledKind::Fact,
            memory_id: Some(memory.id),
            conversation_id: memory.conversation_id,
            message_id: memory.message_id,
            contact_id: memory.contact_id,
            at: memory.created_at,
        };
        Self { text: memory.text, score, source }
    }
}

impl Ranked for Recalled {
    fn is_same(&self, other: &Self) -> bool {
        self.source.is_same(&other.source)
    }

    fn score_mut(&mut self) -> &mut f64 {
        &mut self.score
    }
}

/// Where something that was found is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RecalledFrom {
    /// What it is.
    pub kind: RecalledKind,
    /// The memory.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000022")]
    pub memory_id: Option<String>,
    /// The conversation in which it was said or learned.
    pub conversation_id: Option<String>,
    /// The message that says it, or from which it was learned.
    pub message_id: Option<String>,
    /// Whose conversation it was, or about whom it is.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000006")]
    pub contact_id: Option<String>,
    /// When it was said or learned, Unix milliseconds.
    #[schema(example = 1_774_431_000_000_i64)]
    pub at: i64,
}

impl RecalledFrom {
    /// Whether both are the same memory, or the same message.
    fn is_same(&self, other: &Self) -> bool {
        match self.kind {
            RecalledKind::Fact => self.memory_id.is_some() && self.memory_id == other.memory_id,
            RecalledKind::Message => self.kind == other.kind && self.message_id == other.message_id,
        }
    }
}

/// What a search finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecalledKind {
    /// Something learned.
    Fact,
    /// A message of a conversation.
    Message,
}
