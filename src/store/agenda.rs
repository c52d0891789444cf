//! Tasks and follow-ups alike: rows with a reminder each, whose job is born, changed and ended with them.

use serde_json::{Value, json};

use super::idempotency::{Unwritten, remember};
use super::reminders::Reminder;
use super::transactions::{Told, Transaction, lost_a_race};
use super::{Store, StoreError};
use crate::domain::changes::Idempotency;
use crate::domain::errors::FieldProblem;
use crate::domain::events::EventKind;
use crate::domain::jobs::{Job, Reminded};
use crate::telemetry::crash;

/// An item with the job of its reminder, if that is still to come.
pub(super) type Held<T> = (T, Option<String>);

/// What an agenda is made of: a row of a workspace that may have a reminder.
pub trait AgendaItem: Sized + Send + Sync {
    /// What its reminder is about.
    const ABOUT: Reminded;
    /// How it is called in events.
    const NAME: &'static str;
    /// The events of its making and of its end.
    const CREATED_AND_DELETED: (EventKind, EventKind);

    /// UUID.
    fn id(&self) -> &str;
    /// Unix milliseconds.
    fn created_at(&self) -> i64;
    /// When the reminder that is still to come fires, Unix milliseconds.
    fn reminder(&self) -> Option<i64>;
    /// The time that its reminder is for, told or not.
    fn remind_at(&self) -> Option<i64>;
    /// Takes note that the reminder was told at this moment.
    fn told_at(&mut self, at: i64);
    /// The event of a change.
    fn changed(before: &Self, after: &Self) -> EventKind;
    /// What events show.
    fn shown(&self) -> Value;
}

/// How an item is kept.
pub(super) trait AgendaRow: AgendaItem {
    /// Adds an empty row with the item's id, which [`Self::write`] fills.
    fn insert(&self, tx: &mut Transaction, workspace_id: &str) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// The item and the job of its reminder, held until the commit.
    fn hold(
        tx: &mut Transaction,
        workspace_id: &str,
        id: &str,
    ) -> impl Future<Output = Result<Option<Held<Self>>, StoreError>> + Send;
    /// Writes all of it, and the job of its reminder.
    fn write(
        &self,
        tx: &mut Transaction,
        workspace_id: &str,
        job: Option<&str>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
    /// Deletes it.
    fn delete(
        tx: &mut Transaction,
        workspace_id: &str,
        id: &str,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

fn told<T: AgendaItem>(kind: EventKind, item: &T) -> Told {
    Told { kind, data: json!({ T::NAME: item.shown() }) }
}

fn reminder<'a, T: AgendaItem>(workspace_id: &'a str, item: &'a T) -> Reminder<'a> {
    Reminder { workspace_id, about: T::ABOUT, id: item.id(), at: item.reminder() }
}

#[expect(private_bounds, reason = "how an item is kept is the store's own affair")]
impl Store {
    /// Adds a task or a follow-up, once for each key.
    ///
    /// # Errors
    /// See [`Unwritten`].
    pub async fn add_item<T: AgendaRow>(
        &self,
        workspace_id: &str,
        item: &T,
        key: Option<&Idempotency>,
    ) -> Result<(), Unwritten> {
        match self.try_add_item(workspace_id, item, key).await {
            Err(Unwritten::Store(error)) if lost_a_race(&error) => self.try_add_item(workspace_id, item, key).await,
            done => done,
        }
    }

    async fn try_add_item<T: AgendaRow>(
        &self,
        workspace_id: &str,
        item: &T,
        key: Option<&Idempotency>,
    ) -> Result<(), Unwritten> {
        let mut tx = Transaction::begin(self.db()).await?;
        if let Some(earlier) = remember(&mut tx, workspace_id, key, item.created_at()).await? {
            return Err(Unwritten::Repeated(earlier));
        }
        item.insert(&mut tx, workspace_id).await?;
        let armed = self.arm(&mut tx, &reminder(workspace_id, item), None).await?;
        item.write(&mut tx, workspace_id, armed.job.as_deref()).await?;
        let (created, _) = T::CREATED_AND_DELETED;
        self.tell_and_commit(tx, workspace_id, vec![told(created, item)]).await?;
        self.feed(workspace_id, armed.new);
        Ok(())
    }

    /// Changes a task or a follow-up as `change` decides on it, and gives it as it is then.
    ///
    /// # Errors
    /// See [`Unwritten`].
    pub async fn change_item<T: AgendaRow>(
        &self,
        workspace_id: &str,
        id: &str,
        change: impl Fn(&T) -> Result<T, Vec<FieldProblem>>,
    ) -> Result<T, Unwritten> {
        match self.try_change_item(workspace_id, id, &change).await {
            Err(Unwritten::Store(error)) if lost_a_race(&error) => {
                self.try_change_item(workspace_id, id, &change).await
            }
            done => done,
        }
    }

    async fn try_change_item<T: AgendaRow>(
        &self,
        workspace_id: &str,
        id: &str,
        change: impl Fn(&T) -> Result<T, Vec<FieldProblem>>,
    ) -> Result<T, Unwritten> {
        let mut tx = Transaction::begin(self.db()).await?;
        let (before, job) = T::hold(&mut tx, workspace_id, id).await?.ok_or(Unwritten::Unknown)?;
        let after = change(&before).map_err(Unwritten::Fields)?;
        let old = job.as_deref().zip(before.reminder());
        let armed = self.arm(&mut tx, &reminder(workspace_id, &after), old).await?;
        after.write(&mut tx, workspace_id, armed.job.as_deref()).await?;
        self.tell_and_commit(tx, workspace_id, vec![told(T::changed(&before, &after), &after)]).await?;
        self.feed(workspace_id, armed.new);
        Ok(after)
    }

    /// Deletes a task or a follow-up with its reminder.
    ///
    /// # Errors
    /// See [`Unwritten`].
    pub async fn remove_item<T: AgendaRow>(&self, workspace_id: &str, id: &str) -> Result<(), Unwritten> {
        let mut tx = Transaction::begin(self.db()).await?;
        let (item, job) = T::hold(&mut tx, workspace_id, id).await?.ok_or(Unwritten::Unknown)?;
        let none = Reminder { at: None, ..reminder(workspace_id, &item) };
        self.arm(&mut tx, &none, job.as_deref().zip(item.reminder())).await?;
        T::delete(&mut tx, workspace_id, id).await?;
        let (_, kind) = T::CREATED_AND_DELETED;
        let told = Told { kind, data: json!({ format!("{}_id", T::NAME): id }) };
        Ok(self.tell_and_commit(tx, workspace_id, vec![told]).await?)
    }

    /// Tells that the time of a reminder has come, and ends its job with it. Gives `false` when there was nothing to
    /// tell: what it is about is gone, has another reminder, or the job is another node's.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn tell_of<T: AgendaRow>(&self, job: &Job, id: &str) -> Result<bool, StoreError> {
        let (workspace_id, now) = (job.workspace_id.as_str(), self.clock().now());
        let mut tx = Transaction::begin(self.db()).await?;
        // The row before its job, as in a change, so that the two cannot hold each other's.
        let held = T::hold(&mut tx, workspace_id, id).await?;
        let Some((mut item, _)) = held.filter(|(_, named)| named.as_ref() == Some(&job.id)) else { return Ok(false) };
        if !self.end_reminder_job(&mut tx, &job.id).await? {
            return Ok(false);
        }
        item.told_at(now);
        item.write(&mut tx, workspace_id, None).await?;
        let reminder = json!({ "about": T::NAME, "id": id, "remind_at": item.remind_at(), "at": now });
        let data = json!({ "reminder": reminder, T::NAME: item.shown() });
        crash::point("reminders.tell");
        self.tell_and_commit(tx, workspace_id, vec![Told { kind: EventKind::ReminderTriggered, data }]).await?;
        Ok(true)
    }
}
