//! Tasks: what somebody wants done, until when, and when they want to be reminded of it.

use serde::{Deserialize, Serialize};

use super::errors::FieldProblem;
use super::fields::{self, given, lay};
use super::time_words::{EXPECTED, Said, Standpoint, When};

/// Longest title and longest assignee, in characters.
const LONGEST_LINE: usize = 200;
/// Longest description, in characters.
const LONGEST_TEXT: usize = 10_000;

/// How much a task matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Whenever there is time.
    Low,
    /// As usual.
    #[default]
    Medium,
    /// Before others.
    High,
    /// Before everything.
    Urgent,
}

impl Priority {
    /// All of them, the least first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Urgent];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Urgent => "urgent",
        }
    }

    /// The priority of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.as_str() == word)
    }
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Nobody has begun.
    #[default]
    Open,
    /// Somebody has.
    InProgress,
    /// It is done.
    Done,
    /// Nobody will do it.
    Cancelled,
}

impl TaskStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Open, Self::InProgress, Self::Done, Self::Cancelled];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InProgress => "in_progress",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether something is left to do.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::InProgress)
    }
}

/// Who made something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A caller of the API.
    Api,
    /// An agent.
    Agent,
}

impl Source {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Agent => "agent",
        }
    }

    /// The source of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Api, Self::Agent].into_iter().find(|source| source.as_str() == word)
    }
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Task {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000020")]
    pub id: String,
    /// What is to be done.
    #[schema(example = "Follow up with ABC Traders")]
    pub title: String,
    /// More about it.
    pub description: Option<String>,
    /// The day until which it is to be done, in the workspace's time zone.
    #[schema(example = "2026-03-26")]
    pub due_date: Option<String>,
    /// The moment after which it is late, Unix milliseconds; of a mere day its last.
    #[schema(example = 1_774_565_999_999_i64)]
    pub due_at: Option<i64>,
    /// How much it matters.
    #[schema(example = "high")]
    pub priority: Priority,
    /// Where it stands.
    #[schema(example = "open")]
    pub status: TaskStatus,
    /// Who shall do it: a name or a member's id.
    #[schema(example = "Ana")]
    pub assignee: Option<String>,
    /// The contact it is about.
    pub contact_id: Option<String>,
    /// The conversation it is about.
    pub conversation_id: Option<String>,
    /// When to remind of it, Unix milliseconds.
    #[schema(example = 1_774_512_000_000_i64)]
    pub remind_at: Option<i64>,
    /// When that happened, Unix milliseconds.
    pub reminded_at: Option<i64>,
    /// Words to find it by.
    #[schema(example = json!(["sales"]))]
    pub tags: Vec<String>,
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

/// What is said about a task: of a new one, or of one that is replaced, `title` is needed, and what is left out is as
/// shown; of one that is changed, what is left out stays, and a null empties.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TaskFields {
    /// What is to be done, 1 to 200 characters.
    #[schema(format = "line", max_length = 200, example = "Follow up with ABC Traders")]
    pub title: Option<String>,
    /// More about it, up to 10,000 characters.
    #[serde(deserialize_with = "given")]
    #[schema(format = "text", max_length = 10_000, value_type = Option<String>)]
    pub description: Option<Option<String>>,
    /// Until when: a date, a moment or words such as "next monday"; times without an offset are of the workspace's zone.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<Said>, example = "2026-03-26")]
    pub due_date: Option<Option<Said>>,
    /// How much it matters; `medium`.
    #[schema(example = "high")]
    pub priority: Option<Priority>,
    /// Where it stands; `open`.
    pub status: Option<TaskStatus>,
    /// Who shall do it: a name or a member's id, 1 to 200 characters.
    #[serde(deserialize_with = "given")]
    #[schema(format = "line", max_length = 200, value_type = Option<String>, example = "Ana")]
    pub assignee: Option<Option<String>>,
    /// The contact it is about.
    #[serde(deserialize_with = "given")]
    #[schema(format = "uuid", value_type = Option<String>)]
    pub contact_id: Option<Option<String>>,
    /// The conversation it is about.
    #[serde(deserialize_with = "given")]
    #[schema(format = "uuid", value_type = Option<String>)]
    pub conversation_id: Option<Option<String>>,
    /// When to remind of it; of a mere day at nine in the morning.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<Said>, example = "2026-03-26T09:00:00+01:00")]
    pub remind_at: Option<Option<Said>>,
    /// The same in words; not together with `remind_at`.
    #[schema(min_length = 1, max_length = 100, example = "tomorrow at nine")]
    pub remind: Option<String>,
    /// At most 50 words of 1 to 64 characters; none.
    #[schema(max_items = 50, example = json!(["sales"]))]
    pub tags: Option<Vec<String>>,
}

impl Task {
    /// A task of which nothing is said yet.
    #[must_use]
    pub fn blank(id: String, source: Source, now: i64) -> Self {
        Self {
            id,
            title: String::new(),
            description: None,
            due_date: None,
            due_at: None,
            priority: Priority::default(),
            status: TaskStatus::default(),
            assignee: None,
            contact_id: None,
            conversation_id: None,
            remind_at: None,
            reminded_at: None,
            tags: Vec::new(),
            source,
            created_at: now,
            updated_at: now,
            completed_at: None,
        }
    }

    /// The task as what is said replaces it whole.
    ///
    /// # Errors
    /// Every field that is not as documented.
    pub fn replaced(&self, said: &TaskFields, from: &Standpoint) -> Result<Self, Vec<FieldProblem>> {
        let mut task = Self::blank(self.id.clone(), self.source, self.created_at);
        // A reminder that stays at its time, and a task that stays done, are not new.
        (task.remind_at, task.reminded_at, task.completed_at) = (self.remind_at, self.reminded_at, self.completed_at);
        let mut said = said.clone();
        said.title = Some(said.title.unwrap_or_default());
        if said.remind.is_none() {
            said.remind_at = Some(said.remind_at.flatten());
        }
        said.status = Some(said.status.unwrap_or_default());
        task.changed(&said, from)
    }

    /// The task with what is said laid over it.
    ///
    /// # Errors
    /// Every field that is not as documented.
    pub fn changed(&self, said: &TaskFields, from: &Standpoint) -> Result<Self, Vec<FieldProblem>> {
        let (mut task, mut problems) = (self.clone(), Vec::new());
        task.updated_at = from.now;
        if let Some(title) = &said.title {
            match fields::line(title, LONGEST_LINE) {
                Some(title) => task.title = title,
                None => problems.push(FieldProblem::new("title", "1 to 200 characters on one line")),
            }
        }
        let description = ("description", "1 to 10,000 characters");
        let form = |text: &str| fields::text(text, LONGEST_TEXT);
        lay(&mut task.description, said.description.clone(), description, form, &mut problems);
        let assignee = ("assignee", "1 to 200 characters on one line");
        let form = |text: &str| fields::line(text, LONGEST_LINE);
        lay(&mut task.assignee, said.assignee.clone(), assignee, form, &mut problems);
        let (contact, conversation) =
            (("contact_id", "the id of a contact"), ("conversation_id", "the id of a conversation"));
        lay(&mut task.contact_id, said.contact_id.clone(), contact, fields::id, &mut problems);
        lay(&mut task.conversation_id, said.conversation_id.clone(), conversation, fields::id, &mut problems);
        task.due(said.due_date.as_ref(), from, &mut problems);
        task.remind(said, from, &mut problems);
        if let Some(tags) = &said.tags {
            task.tags = fields::tags(tags, &mut problems);
        }
        task.priority = said.priority.unwrap_or(task.priority);
        task.status = said.status.unwrap_or(task.status);
        task.completed_at = match task.status {
            TaskStatus::Done => task.completed_at.or(Some(from.now)),
            _ => None,
        };
        if problems.is_empty() { Ok(task) } else { Err(problems) }
    }

    fn due(&mut self, said: Option<&Option<Said>>, from: &Standpoint, problems: &mut Vec<FieldProblem>) {
        let Some(said) = said else { return };
        (self.due_date, self.due_at) = match said.as_ref().map(|said| from.read(said)) {
            None => (None, None),
            Some(Some(When::Day(day))) => (Some(day.to_string()), from.end_of(day)),
            Some(Some(When::Moment(at))) => (Some(from.local(at).date().to_string()), Some(at)),
            Some(None) => {
                problems.push(FieldProblem::new("due_date", EXPECTED));
                return;
            }
        };
    }

    fn remind(&mut self, said: &TaskFields, from: &Standpoint, problems: &mut Vec<FieldProblem>) {
        let (field, said) = match (&said.remind_at, &said.remind) {
            (None, None) => return,
            (Some(at), None) => ("remind_at", at.clone()),
            (None | Some(None), Some(words)) => ("remind", Some(Said::Words(words.clone()))),
            (Some(Some(_)), Some(_)) => {
                problems.push(FieldProblem::new("remind", "nothing, because there is `remind_at`"));
                return;
            }
        };
        let Some(said) = said else {
            (self.remind_at, self.reminded_at) = (None, None);
            return;
        };
        match judge_reminder(&said, self.remind_at, from) {
            Ok(at) if Some(at) == self.remind_at => {}
            Ok(at) => (self.remind_at, self.reminded_at) = (Some(at), None),
            Err(expected) => problems.push(FieldProblem::new(field, expected)),
        }
    }

    /// When it is to be told of; none: it was, nobody wants it, or nothing is left to do.
    #[must_use]
    pub fn reminder(&self) -> Option<i64> {
        self.remind_at.filter(|_| self.reminded_at.is_none() && self.status.is_open())
    }
}

/// How long a time may be past and is still meant as now, in milliseconds: a request takes its time.
const GRACE_MS: i64 = 60_000;

/// The moment of a reminder, which lies ahead unless it is the one that is set already.
///
/// # Errors
/// What was expected instead.
pub fn judge_reminder(said: &Said, set: Option<i64>, from: &Standpoint) -> Result<i64, String> {
    match from.read_moment(said) {
        Some(at) if at > from.now - GRACE_MS || Some(at) == set => Ok(at),
        Some(_) => Err("a time that is still to come".to_owned()),
        None => Err(EXPECTED.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Source, Standpoint, Task, TaskFields};

    /// Wednesday, 25 March 2026, 10:30 in Berlin.
    const NOW: i64 = 1_774_431_000_000;

    fn here() -> Standpoint {
        Standpoint::new("Europe/Berlin", NOW)
    }

    fn said(value: Value) -> TaskFields {
        serde_json::from_value(value).unwrap()
    }

    fn made(value: Value) -> Task {
        Task::blank("1".to_owned(), Source::Api, NOW).replaced(&said(value), &here()).unwrap()
    }

    #[test]
    fn a_day_is_due_until_its_end_and_reminded_of_in_the_morning() {
        let task = made(json!({"title": " Call ", "due_date": "tomorrow", "remind": "tomorrow"}));
        assert_eq!((task.title.as_str(), task.due_date.as_deref()), ("Call", Some("2026-03-26")));
        assert_eq!(task.due_at, Some(1_774_566_000_000 - 1));
        assert_eq!(task.remind_at, Some(1_774_512_000_000));
        let task = made(json!({"title": "Call", "due_date": "2026-03-26T23:30:00Z"}));
        assert_eq!((task.due_date.as_deref(), task.due_at), (Some("2026-03-27"), Some(1_774_567_800_000)));
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name_and_a_replacement_does_not() {
        let task = made(
            json!({"title": "Call", "description": "x", "tags": ["a"], "priority": "high", "remind": "in 1 hour"}),
        );
        let later = Standpoint::new("Europe/Berlin", NOW + 7_200_000);
        let told = Task { reminded_at: Some(NOW + 3_600_000), ..task };
        let changed = told.changed(&said(json!({"status": "done", "description": null})), &later).unwrap();
        assert_eq!(
            (changed.description.as_deref(), changed.tags.len(), changed.completed_at),
            (None, 1, Some(later.now))
        );
        assert_eq!((changed.reminded_at, changed.reminder()), (told.reminded_at, None));
        assert_eq!(changed.changed(&said(json!({"status": "open"})), &later).unwrap().completed_at, None);
        let again = told.changed(&said(json!({"remind": "in 1 hour"})), &later).unwrap();
        assert_eq!((again.reminded_at, again.reminder()), (None, Some(later.now + 3_600_000)));
        let same = said(json!({"title": "Call", "remind_at": told.remind_at}));
        let replaced = told.replaced(&same, &later).unwrap();
        assert_eq!((replaced.tags.len(), replaced.remind_at, replaced.reminder()), (0, told.remind_at, None));
        assert_eq!(told.replaced(&said(json!({"title": "Call"})), &later).unwrap().remind_at, None);
    }

    #[test]
    fn every_field_that_fails_is_named() {
        let blank = Task::blank("1".to_owned(), Source::Api, NOW);
        let cases = [
            (json!({}), "title"),
            (json!({"title": "a\nb"}), "title"),
            (json!({"title": "x", "description": ""}), "description"),
            (json!({"title": "x", "due_date": "soon"}), "due_date"),
            (json!({"title": "x", "remind_at": NOW - 60_000}), "remind_at"),
            (json!({"title": "x", "remind": "whenever"}), "remind"),
            (json!({"title": "x", "remind": "tomorrow", "remind_at": NOW}), "remind"),
            (json!({"title": "x", "contact_id": "1"}), "contact_id"),
            (json!({"title": "x", "tags": [""]}), "tags[0]"),
        ];
        for (fields, field) in cases {
            let problems = blank.replaced(&said(fields.clone()), &here()).unwrap_err();
            assert_eq!((problems.len(), problems[0].field.as_str()), (1, field), "{fields}");
        }
    }
}
