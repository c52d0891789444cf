//! Deliveries to webhook endpoints: made of events, read, asked for again, and forgotten after a while.

use sqlx::{AssertSqlSafe, FromRow};

use crate::domain::webhooks::{Cause, DeliveryState, Endpoint};
use crate::store::db::{execute, fetch_all, fetch_one, fetch_optional};
use crate::store::dialect::Dialect;
use crate::store::rows::Rows;
use crate::store::transactions::{Transaction, run};
use crate::store::{Store, StoreError};

/// Adds deliveries; those that the endpoint has already stay as they are.
const ADD: &str = "INSERT INTO webhook_deliveries (id, workspace_id, endpoint_id, event_seq, event, body, state, cause, attempts, next_attempt_at, created_at) SELECT value->>0, value->>1, value->>2, CAST(value->>3 AS BIGINT), value->>4, value->>5, 'waiting', value->>6, 0, CAST(value->>7 AS BIGINT), CAST(value->>7 AS BIGINT) FROM {rows} WHERE true ON CONFLICT (endpoint_id, event_seq) DO NOTHING";
/// The same, and those that it has already are due again; with `$2` = 1 only the failed ones.
const ADD_AGAIN: &str = "INSERT INTO webhook_deliveries (id, workspace_id, endpoint_id, event_seq, event, body, state, cause, attempts, next_attempt_at, created_at) SELECT value->>0, value->>1, value->>2, CAST(value->>3 AS BIGINT), value->>4, value->>5, 'waiting', value->>6, 0, CAST(value->>7 AS BIGINT), CAST(value->>7 AS BIGINT) FROM {rows} WHERE true ON CONFLICT (endpoint_id, event_seq) DO UPDATE SET state = 'waiting', cause = excluded.cause, attempts = 0, next_attempt_at = excluded.next_attempt_at, reason = NULL, ended_at = NULL WHERE $2 = 0 OR webhook_deliveries.state = 'failed'";

/// An event as an endpoint may be told of it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct EventToTell {
    /// Its number in the workspace.
    pub seq: i64,
    /// Its word.
    pub kind: String,
    /// Unix milliseconds.
    pub at: i64,
    /// Its snapshot as JSON.
    pub data: String,
    /// The agent of its conversation.
    pub agent_id: Option<String>,
}

/// A delivery to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// UUID; the same in all attempts.
    pub id: String,
    /// The event's number; a test has none.
    pub event_seq: Option<i64>,
    /// The event's word.
    pub event: String,
    /// What is sent.
    pub body: String,
}

/// A delivery whose time has come.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct DueDelivery {
    /// UUID.
    pub id: String,
    /// The event's word.
    pub event: String,
    /// What is sent.
    pub body: String,
    /// The stored word of what it is made for.
    pub cause: String,
    /// Attempts so far.
    pub attempts: i64,
}

#[derive(FromRow)]
struct DeliveryRow {
    id: String,
    endpoint_id: String,
    event_seq: Option<i64>,
    event: String,
    body: String,
    state: String,
    cause: String,
    attempts: i64,
    next_attempt_at: Option<i64>,
    reason: Option<String>,
    created_at: i64,
    ended_at: Option<i64>,
}

/// A delivery as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDelivery {
    /// UUID.
    pub id: String,
    /// Its endpoint.
    pub endpoint_id: String,
    /// The event's number in the workspace; a test has none.
    pub event_seq: Option<i64>,
    /// The event's word.
    pub event: String,
    /// What is sent.
    pub body: String,
    /// How far it is.
    pub state: DeliveryState,
    /// What the newest attempts are made for.
    pub cause: Cause,
    /// Attempts since then.
    pub attempts: i64,
    /// Unix milliseconds.
    pub next_attempt_at: Option<i64>,
    /// Why it failed.
    pub reason: Option<String>,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds.
    pub ended_at: Option<i64>,
}

impl DeliveryRow {
    fn into_delivery(self) -> Result<StoredDelivery, StoreError> {
        let unreadable = |column: &'static str, reason: &str| StoreError::Unreadable {
            table: "webhook_deliveries",
            column,
            id: self.id.clone(),
            reason: reason.to_owned(),
        };
        let state = DeliveryState::from_word(&self.state).ok_or_else(|| unreadable("state", &self.state))?;
        let cause = Cause::from_word(&self.cause).ok_or_else(|| unreadable("cause", &self.cause))?;
        Ok(StoredDelivery {
            id: self.id,
            endpoint_id: self.endpoint_id,
            event_seq: self.event_seq,
            event: self.event,
            body: self.body,
            state,
            cause,
            attempts: self.attempts,
            next_attempt_at: self.next_attempt_at,
            reason: self.reason,
            created_at: self.created_at,
            ended_at: self.ended_at,
        })
    }
}

impl Store {
    /// Events of a workspace after `since` and up to `until`, in order, with their conversations' agents.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn events_to_tell(
        &self,
        workspace_id: &str,
        since: i64,
        until: i64,
        limit: i64,
    ) -> Result<Vec<EventToTell>, StoreError> {
        fetch_all!(
            self.db(),
            EventToTell,
            "SELECT e.seq, e.kind, e.at, e.data, c.agent_id FROM events AS e LEFT JOIN conversations AS c ON c.id = e.conversation_id AND c.workspace_id = e.workspace_id WHERE e.workspace_id = $1 AND e.seq > $2 AND e.seq <= $3 ORDER BY e.seq LIMIT $4",
            workspace_id,
            since,
            until,
            limit
        )
    }

    /// Ids and names of a workspace's agents.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn agent_names(&self, workspace_id: &str) -> Result<Vec<(String, String)>, StoreError> {
        fetch_all!(self.db(), (String, String), "SELECT id, name FROM agents WHERE workspace_id = $1", workspace_id)
    }

    /// Makes an endpoint's next events deliveries: moves it from the event that it was read with to `until`, and adds
    /// the deliveries, both or neither. Gives `false` when somebody else has moved it or it is not told any more.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn expand_webhook_events(
        &self,
        endpoint: &Endpoint,
        until: i64,
        deliveries: &[NewDelivery],
    ) -> Result<bool, StoreError> {
        let mut tx = Transaction::begin(self.db()).await?;
        let moved = run!(
            &mut tx,
            "UPDATE webhook_endpoints SET event_seq = $4 WHERE workspace_id = $1 AND id = $2 AND event_seq = $3 AND state = 'active'",
            endpoint.workspace_id.as_str(),
            endpoint.id.as_str(),
            endpoint.event_seq,
            until
        )?;
        if moved == 0 {
            return Ok(false);
        }
        if !deliveries.is_empty() {
            let sql = self.dialect().statement(ADD);
            let rows = self.delivery_rows(endpoint, deliveries, Cause::Event);
            run!(&mut tx, AssertSqlSafe(std::sync::Arc::clone(&sql)), rows.as_str())?;
        }
        self.tell_and_commit(tx, &endpoint.workspace_id, Vec::new()).await?;
        Ok(true)
    }

    /// Makes deliveries due again, and adds those that the endpoint never had; those that are not failed only when
    /// `all`. Gives how many.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn redeliver_webhook_events(
        &self,
        endpoint: &Endpoint,
        deliveries: &[NewDelivery],
        all: bool,
    ) -> Result<u64, StoreError> {
        let mut tx = Transaction::begin(self.db()).await?;
        let sql = self.dialect().statement(ADD_AGAIN);
        let rows = self.delivery_rows(endpoint, deliveries, Cause::Redelivery);
        let added =
            run!(&mut tx, AssertSqlSafe(std::sync::Arc::clone(&sql)), rows.as_str(), if all { 0_i64 } else { 1 })?;
        self.tell_and_commit(tx, &endpoint.workspace_id, Vec::new()).await?;
        Ok(added)
    }

    fn delivery_rows(&self, endpoint: &Endpoint, deliveries: &[NewDelivery], cause: Cause) -> String {
        let now = self.clock().now();
        let mut rows = Rows::new();
        for delivery in deliveries {
            rows.row()
                .text(&delivery.id)
                .text(&endpoint.workspace_id)
                .text(&endpoint.id)
                .maybe_int(delivery.event_seq)
                .text(&delivery.event)
                .text(&delivery.body)
                .text(cause.as_str())
                .int(now);
        }
        rows.into_json()
    }

    fn dialect(&self) -> Dialect {
        match self.db() {
            crate::store::Db::Sqlite { .. } => Dialect::Sqlite,
            crate::store::Db::Postgres(_) => Dialect::Postgres,
        }
    }

    /// How many deliveries wait for an endpoint.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn count_waiting_webhook_deliveries(
        &self,
        workspace_id: &str,
        endpoint_id: &str,
    ) -> Result<i64, StoreError> {
        fetch_one!(
            self.db(),
            (i64,),
            "SELECT COUNT(*) FROM webhook_deliveries WHERE workspace_id = $1 AND endpoint_id = $2 AND state = 'waiting'",
            workspace_id,
            endpoint_id
        )
        .map(|row| row.0)
    }

    /// An endpoint's deliveries whose time has come, the most overdue first.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn due_webhook_deliveries(
        &self,
        workspace_id: &str,
        endpoint_id: &str,
        limit: i64,
    ) -> Result<Vec<DueDelivery>, StoreError> {
        fetch_all!(
            self.db(),
            DueDelivery,
            "SELECT id, event, body, cause, attempts FROM webhook_deliveries WHERE workspace_id = $1 AND endpoint_id = $2 AND state = 'waiting' AND next_attempt_at <= $3 ORDER BY next_attempt_at, id LIMIT $4",
            workspace_id,
            endpoint_id,
            self.clock().now(),
            limit
        )
    }

    /// The deliveries of an endpoint of the workspace, newest first, those of one state only, if given; and how many
    /// there are.
    ///
    /// # Errors
    /// The database is not available, or a row cannot be read.
    pub async fn webhook_deliveries(
        &self,
        workspace_id: &str,
        endpoint_id: &str,
        state: Option<DeliveryState>,
        (limit, offset): (i64, i64),
    ) -> Result<(Vec<StoredDelivery>, i64), StoreError> {
        let word = state.map(DeliveryState::as_str);
        let rows = fetch_all!(
            self.db(),
            DeliveryRow,
            "SELECT id, endpoint_id, event_seq, event, body, state, cause, attempts, next_attempt_at, reason, created_at, ended_at FROM webhook_deliveries WHERE workspace_id = $1 AND endpoint_id = $2 AND (CAST($3 AS TEXT) IS NULL OR state = $3) ORDER BY created_at DESC, id DESC LIMIT $4 OFFSET $5",
            workspace_id,
            endpoint_id,
            word,
            limit,
            offset
        )?;
        let total: (i64,) = fetch_one!(
            self.db(),
            (i64,),
            "SELECT COUNT(*) FROM webhook_deliveries WHERE workspace_id = $1 AND endpoint_id = $2 AND (CAST($3 AS TEXT) IS NULL OR state = $3)",
            workspace_id,
            endpoint_id,
            word
        )?;
        Ok((rows.into_iter().map(DeliveryRow::into_delivery).collect::<Result<_, _>>()?, total.0))
    }

    /// One delivery of a workspace.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn webhook_delivery(&self, workspace_id: &str, id: &str) -> Result<Option<StoredDelivery>, StoreError> {
        fetch_optional!(
            self.db(),
            DeliveryRow,
            "SELECT id, endpoint_id, event_seq, event, body, state, cause, attempts, next_attempt_at, reason, created_at, ended_at FROM webhook_deliveries WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            id
        )?
        .map(DeliveryRow::into_delivery)
        .transpose()
    }

    /// Makes one delivery due now, with all its attempts before it, whatever became of it. Gives `false` when the
    /// workspace has no such delivery of an endpoint that is told anything.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn redeliver_webhook(&self, workspace_id: &str, id: &str) -> Result<bool, StoreError> {
        execute!(
            self.db(),
            "UPDATE webhook_deliveries SET state = 'waiting', cause = 'redelivery', attempts = 0, next_attempt_at = $3, reason = NULL, ended_at = NULL WHERE workspace_id = $1 AND id = $2 AND EXISTS (SELECT 1 FROM webhook_endpoints AS e WHERE e.id = webhook_deliveries.endpoint_id AND e.state = 'active')",
            workspace_id,
            id,
            self.clock().now()
        )
        .map(|touched| touched > 0)
    }
}
