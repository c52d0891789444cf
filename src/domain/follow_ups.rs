//! Follow-ups: who is to be thought of again, and when.

use serde::{Deserialize, Serialize};

use super::errors::FieldProblem;
use super::fields::{self, given, lay};
use super::tasks::{Source, judge_reminder};
use super::time_words::{Said, Standpoint};

/// Longest note, in characters.
const LONGEST_NOTE: usize = 2_000;

/// Where a follow-up stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FollowUpStatus {
    /// It is still to be done.
    #[default]
    Pending,
    /// It is done.
    Done,
    /// Nobody will do it.
    Cancelled,
}

impl FollowUpStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Done, Self::Cancelled];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// A follow-up. At its time `reminder.triggered` is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FollowUp {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000021")]
    pub id: String,
    /// What about.
    #[schema(example = "Ask whether the samples arrived")]
    pub note: String,
    /// The contact it is about.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000006")]
    pub contact_id: Option<String>,
    /// The conversation it is about.
    pub conversation_id: Option<String>,
    /// When, Unix milliseconds.
    #[schema(example = 1_774_512_000_000_i64)]
    pub due_at: i64,
    /// When that was told, Unix milliseconds.
    pub reminded_at: Option<i64>,
    /// Where it stands.
    #[schema(example = "pending")]
    pub status: FollowUpStatus,
    /// Who made it.
    #[schema(example = "api")]
    pub source: Source,
    /// Unix milliseconds.
    #[schema(example = 1_774_431_000_000_i64)]
    pub created_at: i64,
    /// Unix milliseconds.
    #[schema(example = 1_774_431_000_000_i64)]
    pub updated_at: i64,
    /// When it was done, Unix milliseconds.
    pub completed_at: Option<i64>,
}

/// What is said about a follow-up: of a new one, or of one that is replaced, `note` and a time are needed; of one that
/// is changed, what is left out stays, and a null empties.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FollowUpFields {
    /// What about, 1 to 2,000 characters.
    #[schema(format = "text", max_length = 2_000, example = "Ask whether the samples arrived")]
    pub note: Option<String>,
    /// The contact it is about.
    #[serde(deserialize_with = "given")]
    #[schema(format = "uuid", value_type = Option<String>)]
    pub contact_id: Option<Option<String>>,
    /// The conversation it is about.
    #[serde(deserialize_with = "given")]
    #[schema(format = "uuid", value_type = Option<String>)]
    pub conversation_id: Option<Option<String>>,
    /// When; of a mere day at nine in the morning. Times without an offset are of the workspace's zone.
    #[schema(example = "2026-03-26T09:00:00+01:00")]
    pub due_at: Option<Said>,
    /// The same in words; not together with `due_at`.
    #[schema(min_length = 1, max_length = 100, example = "in three days")]
    pub due: Option<String>,
    /// Where it stands; `pending`.
    pub status: Option<FollowUpStatus>,
}

impl FollowUp {
    /// A follow-up of which nothing is said yet.
    #[must_use]
    pub fn blank(id: String, source: Source, now: i64) -> Self {
        Self {
            id,
            note: String::new(),
            contact_id: None,
            conversation_id: None,
            due_at: now,
            reminded_at: None,
            status: FollowUpStatus::default(),
            source,
            created_at: now,
            updated_at: now,
            completed_at: None,
        }
    }

    /// The follow-up as what is said replaces it whole.
    ///
    /// # Errors
    /// Every field that is not as documented.
    pub fn replaced(&self, said: &FollowUpFields, from: &Standpoint) -> Result<Self, Vec<FieldProblem>> {
        let blank = Self {
            due_at: self.due_at,
            reminded_at: self.reminded_at,
            completed_at: self.completed_at,
            ..Self::blank(self.id.clone(), self.source, self.created_at)
        };
        let mut said = said.clone();
        said.note = Some(said.note.unwrap_or_default());
        said.status = Some(said.status.unwrap_or_default());
        if said.due_at.is_none() && said.due.is_none() {
            said.due_at = Some(Said::Words(String::new()));
        }
        blank.changed(&said, from)
    }

    /// The follow-up with what is said laid over it.
    ///
    /// # Errors
    /// Every field that is not as documented.
    pub fn changed(&self, said: &FollowUpFields, from: &Standpoint) -> Result<Self, Vec<FieldProblem>> {
        let (mut changed, mut problems) = (self.clone(), Vec::new());
        changed.updated_at = from.now;
        if let Some(note) = &said.note {
            match fields::text(note, LONGEST_NOTE) {
                Some(note) => changed.note = note,
                None => problems.push(FieldProblem::new("note", "1 to 2,000 characters")),
            }
        }
        let (contact, conversation) =
            (("contact_id", "the id of a contact"), ("conversation_id", "the id of a conversation"));
        lay(&mut changed.contact_id, said.contact_id.clone(), contact, fields::id, &mut problems);
        lay(&mut changed.conversation_id, said.conversation_id.clone(), conversation, fields::id, &mut problems);
        let due = match (&said.due_at, &said.due) {
            (Some(_), Some(_)) => {
                problems.push(FieldProblem::new("due", "nothing, because there is `due_at`"));
                None
            }
            (Some(at), None) => Some(("due_at", at.clone())),
            (None, words) => words.as_ref().map(|words| ("due", Said::Words(words.clone()))),
        };
        if let Some((field, due)) = due {
            match judge_reminder(&due, Some(self.due_at), from) {
                // The same time, be it past, is no new reminder.
                Ok(at) if at == self.due_at => {}
                Ok(at) => (changed.due_at, changed.reminded_at) = (at, None),
                Err(expected) => problems.push(FieldProblem::new(field, expected)),
            }
        }
        changed.status = said.status.unwrap_or(changed.status);
        changed.completed_at = match changed.status {
            FollowUpStatus::Done => changed.completed_at.or(Some(from.now)),
            _ => None,
        };
        if problems.is_empty() { Ok(changed) } else { Err(problems) }
    }

    /// When it is to be told of; none: it was, or nothing is left to do.
    #[must_use]
    pub fn reminder(&self) -> Option<i64> {
        (self.reminded_at.is_none() && self.status == FollowUpStatus::Pending).then_some(self.due_at)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{FollowUp, FollowUpFields, Source, Standpoint};

    const NOW: i64 = 1_774_431_000_000;

    fn said(value: Value) -> FollowUpFields {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn it_needs_a_note_and_a_time_to_come() {
        let here = Standpoint::new("UTC", NOW);
        let blank = FollowUp::blank("1".to_owned(), Source::Api, NOW);
        for (fields, field) in [
            (json!({"due": "in 1 hour"}), "note"),
            (json!({"note": "x"}), "due_at"),
            (json!({"note": "x", "due_at": NOW - 60_000}), "due_at"),
            (json!({"note": "x", "due": "one day or another"}), "due"),
            (json!({"note": "x", "due": "tomorrow", "due_at": NOW + 1}), "due"),
        ] {
            let problems = blank.replaced(&said(fields.clone()), &here);
            assert_eq!(problems.unwrap_err()[0].field, field, "{fields}");
        }
        let made = blank.replaced(&said(json!({"note": "x", "due": "in three days"})), &here).unwrap();
        assert_eq!(made.reminder(), Some(made.due_at));
        let done = made.changed(&said(json!({"status": "done"})), &here).unwrap();
        assert_eq!((done.reminder(), done.completed_at), (None, Some(NOW)));
    }
}
