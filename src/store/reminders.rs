//! Reminders: a job for each that is still to come, born and ended in the transaction of what it is about. A row names
//! its one job, so a job that the row names no more tells nothing.

use super::transactions::{Transaction, run};
use super::{Store, StoreError};
use crate::domain::jobs::{NewJob, Reminded, Work};

/// A reminder as a row shall have it.
pub(super) struct Reminder<'a> {
    pub(super) workspace_id: &'a str,
    pub(super) about: Reminded,
    pub(super) id: &'a str,
    /// When; none: not at all.
    pub(super) at: Option<i64>,
}

impl Store {
    /// Sets a reminder in the place of the one that `old` would tell. Gives the new job, whose id the row has to name;
    /// nothing changes when the old one is the same.
    pub(super) async fn arm(
        &self,
        tx: &mut Transaction,
        reminder: &Reminder<'_>,
        old: Option<(&str, i64)>,
    ) -> Result<Armed, StoreError> {
        if let (Some((job, at)), Some(wanted)) = (old, reminder.at)
            && at == wanted
        {
            return Ok(Armed { job: Some(job.to_owned()), new: Vec::new() });
        }
        if let Some((job, _)) = old {
            let workspace_id = reminder.workspace_id;
            run!(tx, "DELETE FROM jobs WHERE id = $1 AND workspace_id = $2", job, workspace_id)?;
        }
        let Some(run_at) = reminder.at else { return Ok(Armed { job: None, new: Vec::new() }) };
        let work = Work::Remind { about: reminder.about, id: reminder.id.to_owned() };
        let new = vec![NewJob { id: self.clock().id(), lane: String::new(), work, run_at, cargo: None }];
        self.add_jobs(tx, reminder.workspace_id, &new).await?;
        Ok(Armed { job: new.first().map(|job| job.id.clone()), new })
    }

    /// Ends within a transaction the job that tells of a reminder. Gives `false` when it is no longer this node's: then
    /// nothing may be committed.
    pub(super) async fn end_reminder_job(&self, tx: &mut Transaction, job_id: &str) -> Result<bool, StoreError> {
        let ended =
            run!(tx, "DELETE FROM jobs WHERE id = $1 AND node_id = $2 AND state = 'ready'", job_id, self.node_id())?;
        Ok(ended > 0)
    }
}

/// A reminder that is set.
pub(super) struct Armed {
    /// The job that the row has to name.
    pub(super) job: Option<String>,
    /// Jobs to be fed after the commit.
    pub(super) new: Vec<NewJob>,
}
