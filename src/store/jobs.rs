//! Jobs outside the hot path: taking over those of dead nodes, putting off, giving up, running again.

use sqlx::FromRow;

use super::db::{execute, fetch_all, fetch_one};
use super::{Db, Store, StoreError};
use crate::domain::jobs::{Job, Work};

#[derive(FromRow)]
struct JobRow {
    id: String,
    workspace_id: String,
    lane: String,
    work: String,
    run_at: i64,
    attempts: i64,
}

/// A job that was given up.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct DeadJob {
    /// Its id.
    pub id: String,
    /// Kind of work.
    pub kind: String,
    /// The work as JSON.
    pub work: String,
    /// Tries.
    pub attempts: i64,
    /// Why it was given up.
    pub last_error: Option<String>,
    /// Unix milliseconds.
    pub created_at: i64,
}

/// How many jobs are in which state.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct JobCount {
    /// Kind of work.
    pub kind: String,
    /// `ready` or `dead`.
    pub state: String,
    /// How many.
    pub count: i64,
}

/// Takes the oldest jobs of dead nodes, and with them the rest of their lanes, so that no lane is split between nodes.
const ADOPT: &str = "WITH orphans AS (SELECT j.id, j.lane FROM jobs AS j LEFT JOIN nodes AS n ON n.id = j.node_id WHERE j.state = 'ready' AND j.node_id <> $1 AND COALESCE(n.lease_until, 0) < $2), oldest AS (SELECT id, lane FROM orphans ORDER BY id LIMIT $3) UPDATE jobs SET node_id = $1 WHERE id IN (SELECT id FROM oldest UNION SELECT o.id FROM orphans AS o JOIN oldest AS l ON l.lane = o.lane WHERE o.lane <> '') RETURNING id, workspace_id, lane, work, run_at, attempts";
/// Names the lock under which jobs are adopted.
const ADOPTION: i64 = 0x0073_7764_6f70;

impl JobRow {
    fn into_job(self) -> Result<Job, StoreError> {
        let work = serde_json::from_str(&self.work).map_err(|error| StoreError::Unreadable {
            table: "jobs",
            column: "work",
            id: self.id.clone(),
            reason: error.to_string(),
        })?;
        Ok(Job {
            id: self.id,
            workspace_id: self.workspace_id,
            lane: self.lane,
            work,
            run_at: self.run_at,
            attempts: self.attempts,
            reclaimed: true,
            behind: true,
            cargo: None,
        })
    }
}

impl Store {
    /// Takes over the jobs of nodes whose lease has run out, about `limit` of them, oldest first: the lanes of those
    /// taken are taken whole. Two nodes that try at once get different jobs, and jobs of different lanes.
    ///
    /// # Errors
    /// The database is not available, or a job cannot be read.
    pub async fn adopt_jobs(&self, limit: i64) -> Result<Vec<Job>, StoreError> {
        let now = self.clock().now();
        let rows: Vec<JobRow> = match self.db() {
            Db::Sqlite { write, .. } => {
                sqlx::query_as(ADOPT).bind(self.node_id()).bind(now).bind(limit).fetch_all(write).await?
            }
            Db::Postgres(pool) => {
                // One adopter at a time: two at once could each take a part of the same lane.
                let mut tx = pool.begin().await?;
                sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(ADOPTION).execute(&mut *tx).await?;
                let rows = sqlx::query_as(ADOPT).bind(self.node_id()).bind(now).bind(limit).fetch_all(&mut *tx).await?;
                tx.commit().await?;
                rows
            }
        };
        let mut jobs = rows.into_iter().map(JobRow::into_job).collect::<Result<Vec<_>, _>>()?;
        jobs.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(jobs)
    }

    /// Writes down that a job waits until `run_at`. Gives `false` when it is no longer ours.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn put_off_job(&self, id: &str, run_at: i64, attempts: i64, reason: &str) -> Result<bool, StoreError> {
        execute!(
            self.db(),
            "UPDATE jobs SET run_at = $3, attempts = $4, last_error = $5 WHERE id = $1 AND node_id = $2 AND state = 'ready'",
            id,
            self.node_id(),
            run_at,
            attempts,
            reason
        )
        .map(|touched| touched > 0)
    }

    /// Gives a job up visibly.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn bury_job(&self, id: &str, attempts: i64, reason: &str) -> Result<(), StoreError> {
        execute!(
            self.db(),
            "UPDATE jobs SET state = 'dead', attempts = $3, last_error = $4 WHERE id = $1 AND node_id = $2",
            id,
            self.node_id(),
            attempts,
            reason
        )
        .map(|_| ())
    }

    /// Whether no older job of its lane is left, on whichever node.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn leads_lane(&self, job: &Job) -> Result<bool, StoreError> {
        if !self.is_shared() || job.lane.is_empty() {
            return Ok(true);
        }
        fetch_one!(
            self.db(),
            (i64,),
            "SELECT COUNT(*) FROM jobs WHERE lane = $1 AND lane <> '' AND id < $2 AND state = 'ready'",
            job.lane.as_str(),
            job.id.as_str()
        )
        .map(|row| row.0 == 0)
    }

    /// The job that waits to send this message, on whichever node.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn send_job(&self, workspace_id: &str, lane: &str, message: &str) -> Result<Option<String>, StoreError> {
        let waiting: Vec<(String, String)> = fetch_all!(
            self.db(),
            (String, String),
            "SELECT id, work FROM jobs WHERE workspace_id = $1 AND lane = $2 AND kind = 'send' AND state = 'ready'",
            workspace_id,
            lane
        )?;
        let sends = |work: &str| match serde_json::from_str(work) {
            Ok(Work::Send { message_id, .. }) => message_id == message,
            _ => false,
        };
        Ok(waiting.into_iter().find(|(_, work)| sends(work)).map(|(id, _)| id))
    }

    /// Deletes a job of this node that has nothing left to do.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn drop_job(&self, id: &str) -> Result<(), StoreError> {
        execute!(self.db(), "DELETE FROM jobs WHERE id = $1 AND node_id = $2", id, self.node_id()).map(|_| ())
    }

    /// Brings a dead job back for any node to adopt. Gives `false` when this workspace has no such dead job.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn revive_job(&self, workspace_id: &str, id: &str) -> Result<bool, StoreError> {
        let now = self.clock().now();
        execute!(
            self.db(),
            "UPDATE jobs SET state = 'ready', attempts = 0, run_at = $3, node_id = '' WHERE id = $1 AND workspace_id = $2 AND state = 'dead'",
            id,
            workspace_id,
            now
        )
        .map(|touched| touched > 0)
    }

    /// The dead jobs of a workspace, newest first.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn dead_jobs(&self, workspace_id: &str, limit: i64, offset: i64) -> Result<Vec<DeadJob>, StoreError> {
        fetch_all!(
            self.db(),
            DeadJob,
            "SELECT id, kind, work, attempts, last_error, created_at FROM jobs WHERE workspace_id = $1 AND state = 'dead' ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3",
            workspace_id,
            limit,
            offset
        )
    }

    /// How many dead jobs a workspace has.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn count_dead_jobs(&self, workspace_id: &str) -> Result<i64, StoreError> {
        fetch_one!(
            self.db(),
            (i64,),
            "SELECT COUNT(*) FROM jobs WHERE workspace_id = $1 AND state = 'dead'",
            workspace_id
        )
        .map(|row| row.0)
    }

    /// Jobs by kind and state, over all workspaces, for the metrics.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn count_jobs(&self) -> Result<Vec<JobCount>, StoreError> {
        fetch_all!(self.db(), JobCount, "SELECT kind, state, COUNT(*) AS count FROM jobs GROUP BY kind, state")
    }
}
