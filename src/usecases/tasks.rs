//! Tasks and follow-ups: made, changed, deleted, and told of when their time has come.

use super::Switchboard;
use super::once::{self, Refused};
use crate::domain::errors::FieldProblem;
use crate::domain::follow_ups::FollowUp;
use crate::domain::jobs::{Job, Reminded, Verdict, backoff_ms};
use crate::domain::tasks::{Source, Task, TaskFields};
use crate::domain::time_words::Standpoint;
use crate::store::StoreError;
use crate::telemetry::{chance, crash};

impl Switchboard {
    /// Where and when the people of a workspace are.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn standpoint(&self, workspace_id: &str) -> Result<Standpoint, StoreError> {
        let (zone, _) = self.store.whereabouts(workspace_id).await?;
        Ok(Standpoint::new(&zone, self.now()))
    }

    /// Makes a task, once for each key. Gives it, and whether the key had made it before.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn add_task(
        &self,
        workspace_id: &str,
        said: &TaskFields,
        source: Source,
        key: Option<String>,
    ) -> Result<(Task, bool), Refused> {
        let id = self.store.clock().id();
        let wanted = once::under(key, "task", said, &id);
        let earlier = match self.made_under(workspace_id, wanted.as_ref()).await? {
            Some(earlier) => earlier,
            None => {
                let here = self.standpoint(workspace_id).await?;
                let blank = Task::blank(id, source, here.now);
                let task = blank.replaced(said, &here).map_err(Refused::Fields)?;
                self.judge_subjects(workspace_id, task.contact_id.as_deref(), task.conversation_id.as_deref()).await?;
                match self.store.add_item(workspace_id, &task, wanted.as_ref()).await {
                    Ok(()) => return Ok((task, false)),
                    Err(refusal) => once::repeated(wanted.as_ref(), refusal)?,
                }
            }
        };
        self.store.task(workspace_id, &earlier).await?.map(|task| (task, true)).ok_or(Refused::Gone)
    }

    /// Changes a task: what is left out stays, or, if it is replaced `whole`, is as in a new one.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn change_task(
        &self,
        workspace_id: &str,
        id: &str,
        said: &TaskFields,
        whole: bool,
    ) -> Result<Task, Refused> {
        let (contact, conversation) = (said.contact_id.as_ref(), said.conversation_id.as_ref());
        let here = self.standpoint(workspace_id).await?;
        let before = self.store.task(workspace_id, id).await?.ok_or(Refused::Unknown)?;
        let change = |task: &Task| if whole { task.replaced(said, &here) } else { task.changed(said, &here) };
        // What is wrong in itself is told before what leads nowhere.
        change(&before).map_err(Refused::Fields)?;
        let (contact, conversation) = (contact.and_then(Option::as_deref), conversation.and_then(Option::as_deref));
        self.judge_subjects(workspace_id, contact, conversation).await?;
        Ok(self.store.change_item::<Task>(workspace_id, id, change).await?)
    }

    /// Refuses a contact or a conversation that is not of the workspace.
    pub(super) async fn judge_subjects(
        &self,
        workspace_id: &str,
        contact_id: Option<&str>,
        conversation_id: Option<&str>,
    ) -> Result<(), Refused> {
        let mut problems = Vec::new();
        if let Some(id) = contact_id
            && self.store.person(workspace_id, &id.to_ascii_lowercase()).await?.is_none()
        {
            problems.push(FieldProblem::absent("contact_id", "a contact of this workspace"));
        }
        if let Some(id) = conversation_id
            && self.store.conversation(workspace_id, &id.to_ascii_lowercase()).await?.is_none()
        {
            problems.push(FieldProblem::absent("conversation_id", "a conversation of this workspace"));
        }
        if problems.is_empty() { Ok(()) } else { Err(Refused::Fields(problems)) }
    }

    /// Runs the job of a reminder: tells that its time has come, once, and ends the job in the same transaction.
    pub async fn remind(&self, job: &Job, about: Reminded, id: &str) -> Verdict {
        crash::point("reminders.begun");
        let told = match about {
            Reminded::Task => self.store.tell_of::<Task>(job, id).await,
            Reminded::FollowUp => self.store.tell_of::<FollowUp>(job, id).await,
        };
        crash::point("reminders.told");
        match told {
            Ok(true) => Verdict::Done,
            // It was set anew, is no longer wanted, or another node tells it.
            Ok(false) => Verdict::Drop,
            Err(error) => {
                Verdict::Retry { after_ms: backoff_ms(job.attempts, chance::below(1_000)), reason: error.to_string() }
            }
        }
    }
}
