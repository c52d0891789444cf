//! What turns did and cost.

use sqlx::FromRow;

use super::db::{execute, fetch_all, fetch_one, fetch_optional};
use super::transactions::{Transaction, rows, run};
use super::usage::{self, Place};
use super::{Store, StoreError};
use crate::domain::traces::{Cost, Spending, Trace, TracedCall};
use crate::domain::usage::{Spent, day_of, growth};
use crate::telemetry::crash;

/// A turn's trace, to be written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewTrace {
    /// The turn's job.
    pub job_id: String,
    /// The tenant.
    pub workspace_id: String,
    /// The conversation.
    pub conversation_id: String,
    /// The agent.
    pub agent_id: String,
    /// The model that was asked last.
    pub model: String,
    /// The tools' uses as they are shown.
    pub calls: Vec<TracedCall>,
    /// What the turn needs to go on after a crash; none: it is over.
    pub journal: Option<String>,
    /// Tokens read.
    pub input_tokens: i64,
    /// Tokens written.
    pub output_tokens: i64,
    /// Millionths of a currency, and which.
    pub cost: Option<(i64, String)>,
    /// What each of its models used since usage is counted.
    pub spent: Vec<Spent>,
    /// Milliseconds.
    pub duration_ms: i64,
    /// Why it found no answer.
    pub error: Option<String>,
}

#[derive(FromRow)]
struct TraceRow {
    job_id: String,
    agent_id: String,
    model: String,
    calls: String,
    input_tokens: i64,
    output_tokens: i64,
    cost_micros: Option<i64>,
    currency: Option<String>,
    duration_ms: i64,
    error: Option<String>,
    at: i64,
}

impl TraceRow {
    fn into_trace(self) -> Result<Trace, StoreError> {
        let calls = serde_json::from_str(&self.calls).map_err(|error| StoreError::Unreadable {
            table: "turn_traces",
            column: "calls",
            id: self.job_id.clone(),
            reason: error.to_string(),
        })?;
        let cost = self.cost_micros.zip(self.currency).map(|(micros, currency)| Cost::of_micros(micros, currency));
        let usage = Spending { input_tokens: self.input_tokens, output_tokens: self.output_tokens, cost };
        let (turn_id, duration_ms) = (self.job_id, self.duration_ms);
        let (agent_id, model, error, at) = (self.agent_id, self.model, self.error, self.at);
        Ok(Trace { turn_id, agent_id, model, calls, usage, duration_ms, error, at })
    }
}

/// What was counted of a turn before.
#[derive(FromRow)]
struct CountedRow {
    agent_id: String,
    spent: Option<String>,
    at: i64,
}

/// Adds what a turn used since it was counted last, on the day on which it began.
async fn count(tx: &mut Transaction, trace: &NewTrace, kept: CountedRow) -> Result<(), StoreError> {
    let before: Option<Vec<Spent>> =
        kept.spent.as_deref().map(serde_json::from_str).transpose().map_err(|error| StoreError::Unreadable {
            table: "turn_traces",
            column: "spent",
            id: trace.job_id.clone(),
            reason: error.to_string(),
        })?;
    let is_new = before.is_none();
    let grown = growth(&before.unwrap_or_default(), &trace.spent);
    if !is_new && grown.is_empty() {
        return Ok(());
    }
    let (workspace_id, spent) = (trace.workspace_id.as_str(), serde_json::to_string(&trace.spent).unwrap_or_default());
    run!(
        tx,
        "UPDATE turn_traces SET spent = $3 WHERE workspace_id = $1 AND job_id = $2",
        workspace_id,
        trace.job_id.as_str(),
        spent.as_str()
    )?;
    let channel = rows!(
        tx,
        (String,),
        "SELECT channel_id FROM conversations WHERE workspace_id = $1 AND id = $2",
        workspace_id,
        trace.conversation_id.as_str()
    )?;
    let channel_id = channel.into_iter().next().map(|row| row.0).unwrap_or_default();
    let place = Place { workspace_id, day: day_of(kept.at), agent_id: &kept.agent_id, channel_id: &channel_id };
    usage::add_turn(tx, &place, is_new.then_some(trace.model.as_str()), &grown).await
}

impl Store {
    /// Writes a turn's trace, or writes it anew, and counts what was used since it was written last: in one transaction,
    /// so that a turn which runs again after a crash is counted once.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn put_trace(&self, trace: &NewTrace) -> Result<(), StoreError> {
        let calls = serde_json::to_string(&trace.calls).unwrap_or_else(|_| "[]".to_owned());
        let mut tx = Transaction::begin(self.db()).await?;
        // It locks the row, and tells what was counted of the turn before.
        let kept = rows!(
            &mut tx,
            CountedRow,
            "INSERT INTO turn_traces (job_id, workspace_id, conversation_id, agent_id, model, calls, journal, input_tokens, output_tokens, cost_micros, currency, duration_ms, error, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (job_id) DO UPDATE SET model = excluded.model, calls = excluded.calls, journal = excluded.journal, input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens, cost_micros = excluded.cost_micros, currency = excluded.currency, duration_ms = excluded.duration_ms, error = excluded.error WHERE turn_traces.workspace_id = excluded.workspace_id RETURNING agent_id, spent, at",
            trace.job_id.as_str(),
            trace.workspace_id.as_str(),
            trace.conversation_id.as_str(),
            trace.agent_id.as_str(),
            trace.model.as_str(),
            calls.as_str(),
            trace.journal.as_deref(),
            trace.input_tokens,
            trace.output_tokens,
            trace.cost.as_ref().map(|cost| cost.0),
            trace.cost.as_ref().map(|cost| cost.1.as_str()),
            trace.duration_ms,
            trace.error.as_deref(),
            self.clock().now()
        )?;
        if let Some(kept) = kept.into_iter().next() {
            count(&mut tx, trace, kept).await?;
        }
        crash::point("traces.commit.before");
        tx.commit().await?;
        crash::point("traces.commit.after");
        Ok(())
    }

    /// What a turn needs to go on, where it was broken off.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn turn_journal(&self, workspace_id: &str, job_id: &str) -> Result<Option<String>, StoreError> {
        let row: Option<(Option<String>,)> = fetch_optional!(
            self.db(),
            (Option<String>,),
            "SELECT journal FROM turn_traces WHERE workspace_id = $1 AND job_id = $2",
            workspace_id,
            job_id
        )?;
        Ok(row.and_then(|row| row.0))
    }

    /// Forgets what a turn needed to go on: it is over.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn close_journal(&self, workspace_id: &str, job_id: &str) -> Result<(), StoreError> {
        execute!(
            self.db(),
            "UPDATE turn_traces SET journal = NULL WHERE workspace_id = $1 AND job_id = $2",
            workspace_id,
            job_id
        )
        .map(|_| ())
    }

    /// Says which messages a turn said.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn link_trace(&self, workspace_id: &str, job_id: &str, messages: &[String]) -> Result<(), StoreError> {
        let ids = serde_json::to_string(messages).unwrap_or_default();
        execute!(
            self.db(),
            "UPDATE turn_traces SET message_ids = $3 WHERE workspace_id = $1 AND job_id = $2",
            workspace_id,
            job_id,
            ids.as_str()
        )
        .map(|_| ())
    }

    /// The trace of the turn that said a message of this conversation.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn trace_of_message(
        &self,
        workspace_id: &str,
        conversation_id: &str,
        message_id: &str,
    ) -> Result<Option<Trace>, StoreError> {
        // An id is a UUID, so the pattern has no signs of its own.
        let pattern = format!("%\"{message_id}\"%");
        fetch_optional!(
            self.db(),
            TraceRow,
            "SELECT job_id, agent_id, model, calls, input_tokens, output_tokens, cost_micros, currency, duration_ms, error, at FROM turn_traces WHERE conversation_id = $2 AND workspace_id = $1 AND message_ids LIKE $3 ORDER BY at DESC LIMIT 1",
            workspace_id,
            conversation_id,
            pattern.as_str()
        )?
        .map(TraceRow::into_trace)
        .transpose()
    }

    /// The trace of a turn.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn trace_of_turn(&self, workspace_id: &str, job_id: &str) -> Result<Option<Trace>, StoreError> {
        fetch_optional!(
            self.db(),
            TraceRow,
            "SELECT job_id, agent_id, model, calls, input_tokens, output_tokens, cost_micros, currency, duration_ms, error, at FROM turn_traces WHERE job_id = $2 AND workspace_id = $1",
            workspace_id,
            job_id
        )?
        .map(TraceRow::into_trace)
        .transpose()
    }

    /// What a conversation has cost: all tokens, and the money of the currency that has most of it.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn spending(&self, workspace_id: &str, conversation_id: &str) -> Result<Spending, StoreError> {
        let rows: Vec<(Option<String>, Option<i64>, i64, i64)> = fetch_all!(
            self.db(),
            (Option<String>, Option<i64>, i64, i64),
            "SELECT currency, CAST(SUM(cost_micros) AS BIGINT), CAST(SUM(input_tokens) AS BIGINT), CAST(SUM(output_tokens) AS BIGINT) FROM turn_traces WHERE conversation_id = $2 AND workspace_id = $1 GROUP BY currency ORDER BY 2",
            workspace_id,
            conversation_id
        )?;
        let mut spending = Spending::default();
        for (currency, micros, input, output) in rows {
            spending.input_tokens += input;
            spending.output_tokens += output;
            if let Some((micros, currency)) = micros.zip(currency) {
                spending.cost = Some(Cost::of_micros(micros, currency));
            }
        }
        Ok(spending)
    }

    /// How many turns with a real model a conversation has had since a time, in Unix milliseconds.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn turns_since(&self, workspace_id: &str, conversation_id: &str, since: i64) -> Result<i64, StoreError> {
        let (count,) = fetch_one!(
            self.db(),
            (i64,),
            "SELECT COUNT(*) FROM turn_traces WHERE conversation_id = $2 AND workspace_id = $1 AND at >= $3",
            workspace_id,
            conversation_id,
            since
        )?;
        Ok(count)
    }
}
