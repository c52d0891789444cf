//! Transactions outside the hot path: a few statements that belong together, one text for both databases.

use std::sync::Arc;

use sqlx::{Postgres, Sqlite};

use super::{Db, LiveEvent, Store, StoreError};
use crate::domain::events::EventKind;
use crate::domain::jobs::{Job, NewJob};

/// A transaction on either database. Dropping it undoes it.
pub(super) enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Transaction {
    pub(super) async fn begin(db: &Db) -> Result<Self, StoreError> {
        Ok(match db {
            Db::Sqlite { write, .. } => Self::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Db::Postgres(pool) => Self::Postgres(pool.begin().await?),
        })
    }

    pub(super) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// Runs a statement within a transaction and gives the number of rows it touched.
macro_rules! run {
    ($tx:expr, $sql:expr $(, $bind:expr)* $(,)?) => {
        match $tx {
            $crate::store::transactions::Transaction::Sqlite(tx) => sqlx::query($sql)
                $(.bind($crate::store::db::Parameter::parameter($bind)))*
                .execute(&mut **tx).await.map(|done| done.rows_affected()).map_err($crate::store::StoreError::from),
            $crate::store::transactions::Transaction::Postgres(tx) => sqlx::query($sql)
                $(.bind($crate::store::db::Parameter::parameter($bind)))*
                .execute(&mut **tx).await.map(|done| done.rows_affected()).map_err($crate::store::StoreError::from),
        }
    };
}

/// Runs a query within a transaction and gives all rows as `$row`.
macro_rules! rows {
    ($tx:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        match $tx {
            $crate::store::transactions::Transaction::Sqlite(tx) => sqlx::query_as::<_, $row>($sql)
                $(.bind($crate::store::db::Parameter::parameter($bind)))*
                .fetch_all(&mut **tx).await.map_err($crate::store::StoreError::from),
            $crate::store::transactions::Transaction::Postgres(tx) => sqlx::query_as::<_, $row>($sql)
                $(.bind($crate::store::db::Parameter::parameter($bind)))*
                .fetch_all(&mut **tx).await.map_err($crate::store::StoreError::from),
        }
    };
}

pub(super) use {rows, run};

/// An event of a transaction.
pub(super) struct Told {
    pub(super) kind: EventKind,
    pub(super) data: serde_json::Value,
}

impl Store {
    /// Commits a transaction with a job that follows from it, born leased to this node. It belongs to no lane: jobs of
    /// a lane have to be compared with those of other nodes.
    pub(super) async fn commit_with_job(
        &self,
        mut tx: Transaction,
        workspace_id: &str,
        job: NewJob,
    ) -> Result<(), StoreError> {
        let jobs = vec![job];
        self.add_jobs(&mut tx, workspace_id, &jobs).await?;
        tx.commit().await?;
        self.feed(workspace_id, jobs);
        Ok(())
    }

    /// Writes jobs within a transaction, leased to this node. Whoever commits it hands them to [`Self::feed`].
    pub(super) async fn add_jobs(
        &self,
        tx: &mut Transaction,
        workspace_id: &str,
        jobs: &[NewJob],
    ) -> Result<(), StoreError> {
        for job in jobs {
            let work = serde_json::to_string(&job.work).map_err(|error| sqlx::Error::Encode(error.into()))?;
            run!(
                tx,
                "INSERT INTO jobs (id, workspace_id, kind, lane, work, state, run_at, attempts, node_id, created_at) VALUES ($1, $2, $3, $4, $5, 'ready', $6, 0, $7, $8)",
                job.id.as_str(),
                workspace_id,
                job.work.kind(),
                job.lane.as_str(),
                work.as_str(),
                job.run_at,
                self.node_id(),
                self.clock().now()
            )?;
        }
        Ok(())
    }

    /// Hands jobs that were committed to this node's runners.
    pub(super) fn feed(&self, workspace_id: &str, jobs: Vec<NewJob>) {
        for NewJob { id, lane, work, run_at, cargo } in jobs {
            let (workspace_id, behind) = (workspace_id.to_owned(), !lane.is_empty());
            let job = Job { id, workspace_id, lane, work, run_at, attempts: 0, reclaimed: false, behind, cargo };
            // Without runners, as in a command, the job waits for a node that has them.
            let _ = self.inner.feed.send(job);
        }
    }

    /// Writes the events of a transaction into their workspace's sequence, commits, and shows them to whoever listens.
    /// The workspace's row is locked last, as the hot path does, so that the two cannot hold each other's rows.
    pub(super) async fn tell_and_commit(
        &self,
        mut tx: Transaction,
        workspace_id: &str,
        told: Vec<Told>,
    ) -> Result<(), StoreError> {
        let at = self.clock().now();
        let mut live = Vec::with_capacity(told.len());
        for Told { kind, data } in told {
            let numbered = rows!(
                &mut tx,
                (i64,),
                "UPDATE workspaces SET event_seq = event_seq + 1 WHERE id = $1 RETURNING event_seq",
                workspace_id
            )?;
            let (seq,) = numbered.into_iter().next().ok_or(sqlx::Error::RowNotFound)?;
            let data = data.to_string();
            run!(
                &mut tx,
                "INSERT INTO events (workspace_id, seq, kind, conversation_id, at, data) VALUES ($1, $2, $3, NULL, $4, $5)",
                workspace_id,
                seq,
                kind.as_str(),
                at,
                data.as_str()
            )?;
            live.push(LiveEvent {
                workspace_id: workspace_id.into(),
                seq,
                kind: kind.as_str(),
                conversation_id: None,
                at,
                data: data.into(),
            });
        }
        tx.commit().await?;
        if !live.is_empty() && self.inner.live.receiver_count() > 0 {
            let _ = self.inner.live.send(Arc::from(live));
        }
        Ok(())
    }
}

/// Whether a transaction failed because another was first, so that trying again sees what the other wrote.
pub(super) fn lost_a_race(error: &StoreError) -> bool {
    let StoreError::Database(error) = error else { return false };
    error.as_database_error().is_some_and(|error| {
        error.is_unique_violation() || error.code().is_some_and(|code| code.len() == 5 && code.starts_with("40"))
    })
}
