//! Webhook endpoints: their rows, their sealed secrets, and which node delivers to which.

mod attempts;
mod deliveries;

use sqlx::FromRow;

use super::db::{execute, fetch_all, fetch_one, fetch_optional};
use super::seal::place;
use super::transactions::{Told, Transaction, rows, run};
use super::{Store, StoreError};
use crate::domain::changes::Idempotency;
use crate::domain::events::EventKind;
use crate::domain::webhooks::{Endpoint, EndpointState, SigningSecret};

pub use attempts::{Attempt, AttemptEnd, NewAttempt};
pub use deliveries::{DueDelivery, EventToTell, NewDelivery, StoredDelivery};

/// Longest list of endpoints that have something to do.
const MOST_DUE: i64 = 1_000;
/// Times that a change is decided again because somebody else was first.
const MOST_DECISIONS: usize = 20;

#[derive(FromRow)]
struct EndpointRow {
    id: String,
    workspace_id: String,
    url: String,
    description: String,
    events: String,
    agent_id: Option<String>,
    secrets: String,
    rate: i64,
    timeout_ms: i64,
    state: String,
    disabled_reason: Option<String>,
    event_seq: i64,
    #[sqlx(flatten)]
    health: Health,
}

#[derive(FromRow)]
struct Health {
    failures: i64,
    failing_since: Option<i64>,
    paused_until: Option<i64>,
    last_success_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
}

impl Store {
    fn endpoint_from(&self, row: EndpointRow) -> Result<Endpoint, StoreError> {
        let unreadable = |column: &'static str, reason: String| StoreError::Unreadable {
            table: "webhook_endpoints",
            column,
            id: row.id.clone(),
            reason,
        };
        let opened = self.sealer().open("webhook_endpoints", "secrets", &row.id, &row.secrets)?;
        let secrets: Vec<SigningSecret> =
            serde_json::from_str(&opened).map_err(|error| unreadable("secrets", error.to_string()))?;
        let events = serde_json::from_str(&row.events).map_err(|error| unreadable("events", error.to_string()))?;
        let state = EndpointState::from_word(&row.state).ok_or_else(|| unreadable("state", row.state.clone()))?;
        Ok(Endpoint {
            id: row.id,
            workspace_id: row.workspace_id,
            url: row.url,
            description: row.description,
            events,
            agent_id: row.agent_id,
            secrets,
            rate: row.rate,
            timeout_ms: row.timeout_ms,
            state,
            disabled_reason: row.disabled_reason,
            event_seq: row.event_seq,
            failures: row.health.failures,
            failing_since: row.health.failing_since,
            paused_until: row.health.paused_until,
            last_success_at: row.health.last_success_at,
            created_at: row.health.created_at,
            updated_at: row.health.updated_at,
        })
    }

    fn sealed_secrets(&self, endpoint: &Endpoint) -> Result<String, StoreError> {
        let text = serde_json::to_string(&endpoint.secrets).map_err(|error| StoreError::Options(error.to_string()))?;
        self.sealer().seal(&place("webhook_endpoints", "secrets", &endpoint.id), &text)
    }

    /// Adds an endpoint that is told of what happens from now on, and with it the idempotency key that it was asked for
    /// under: both or neither. Gives the number of the newest event, after which it begins.
    ///
    /// # Errors
    /// The database is not available, or the key is taken.
    pub async fn add_webhook_endpoint(
        &self,
        endpoint: &Endpoint,
        under: Option<&Idempotency>,
    ) -> Result<i64, StoreError> {
        let (secrets, events) = (self.sealed_secrets(endpoint)?, list(&endpoint.events));
        let mut tx = Transaction::begin(self.db()).await?;
        if let Some(key) = under {
            run!(
                &mut tx,
                "INSERT INTO idempotency_keys (workspace_id, key, request_hash, result_id, created_at) VALUES ($1, $2, $3, $4, $5)",
                endpoint.workspace_id.as_str(),
                key.key.as_str(),
                key.request_hash.as_str(),
                endpoint.id.as_str(),
                endpoint.created_at
            )?;
        }
        let begun = rows!(
            &mut tx,
            (i64,),
            "INSERT INTO webhook_endpoints (id, workspace_id, url, description, events, agent_id, secrets, rate, timeout_ms, state, event_seq, node_id, failures, created_at, updated_at) SELECT $1, w.id, $3, $4, $5, $6, $7, $8, $9, $10, w.event_seq, '', 0, $11, $11 FROM workspaces AS w WHERE w.id = $2 RETURNING event_seq",
            endpoint.id.as_str(),
            endpoint.workspace_id.as_str(),
            endpoint.url.as_str(),
            endpoint.description.as_str(),
            events.as_str(),
            endpoint.agent_id.as_deref(),
            secrets.as_str(),
            endpoint.rate,
            endpoint.timeout_ms,
            endpoint.state.as_str(),
            endpoint.created_at
        )?;
        let (event_seq,) = begun.into_iter().next().ok_or(sqlx::Error::RowNotFound)?;
        self.tell_and_commit(tx, &endpoint.workspace_id, Vec::new()).await?;
        Ok(event_seq)
    }

    /// The endpoints of a workspace, oldest first, and how many there are.
    ///
    /// # Errors
    /// The database is not available, or a row cannot be read.
    pub async fn webhook_endpoints(
        &self,
        workspace_id: &str,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<Endpoint>, i64), StoreError> {
        let rows = fetch_all!(
            self.db(),
            EndpointRow,
            "SELECT id, workspace_id, url, description, events, agent_id, secrets, rate, timeout_ms, state, disabled_reason, event_seq, failures, failing_since, paused_until, last_success_at, created_at, updated_at FROM webhook_endpoints WHERE workspace_id = $1 ORDER BY created_at, id LIMIT $2 OFFSET $3",
            workspace_id,
            limit,
            offset
        )?;
        let total: (i64,) = fetch_one!(
            self.db(),
            (i64,),
            "SELECT COUNT(*) FROM webhook_endpoints WHERE workspace_id = $1",
            workspace_id
        )?;
        Ok((rows.into_iter().map(|row| self.endpoint_from(row)).collect::<Result<_, _>>()?, total.0))
    }

    /// One endpoint of a workspace.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn webhook_endpoint(&self, workspace_id: &str, id: &str) -> Result<Option<Endpoint>, StoreError> {
        let row = fetch_optional!(
            self.db(),
            EndpointRow,
            "SELECT id, workspace_id, url, description, events, agent_id, secrets, rate, timeout_ms, state, disabled_reason, event_seq, failures, failing_since, paused_until, last_success_at, created_at, updated_at FROM webhook_endpoints WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            id
        )?;
        row.map(|row| self.endpoint_from(row)).transpose()
    }

    /// Reads an endpoint of the workspace, lets `decide` say what it becomes, and writes that if nobody has changed it
    /// meanwhile; else decides again. What deliveries have done to it is not touched. None: there is no such endpoint.
    ///
    /// # Errors
    /// The database is not available, the row cannot be read, or others keep changing it. Inside: what `decide` said no
    /// with; nothing was written.
    pub async fn change_webhook_endpoint<E>(
        &self,
        workspace_id: &str,
        id: &str,
        mut decide: impl FnMut(Endpoint) -> Result<Endpoint, E>,
    ) -> Result<Option<Result<Endpoint, E>>, StoreError> {
        for _ in 0..MOST_DECISIONS {
            let Some(stored) = self.webhook_endpoint(workspace_id, id).await? else { return Ok(None) };
            let version = stored.updated_at;
            let mut wanted = match decide(stored) {
                Ok(wanted) => wanted,
                Err(no) => return Ok(Some(Err(no))),
            };
            wanted.updated_at = self.clock().now().max(version + 1);
            let (secrets, events) = (self.sealed_secrets(&wanted)?, list(&wanted.events));
            let touched = execute!(
                self.db(),
                "UPDATE webhook_endpoints SET url = $4, description = $5, events = $6, agent_id = $7, secrets = $8, rate = $9, timeout_ms = $10, updated_at = $11 WHERE workspace_id = $1 AND id = $2 AND updated_at = $3",
                workspace_id,
                id,
                version,
                wanted.url.as_str(),
                wanted.description.as_str(),
                events.as_str(),
                wanted.agent_id.as_deref(),
                secrets.as_str(),
                wanted.rate,
                wanted.timeout_ms,
                wanted.updated_at
            )?;
            if touched > 0 {
                return Ok(Some(Ok(wanted)));
            }
        }
        Err(StoreError::Options("the endpoint keeps being changed by others".to_owned()))
    }

    /// Lets an endpoint be told of what happens from now on, whatever stopped it. What it has missed can be redelivered.
    /// Gives whether there is such an endpoint.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn enable_webhook_endpoint(&self, workspace_id: &str, id: &str) -> Result<bool, StoreError> {
        execute!(
            self.db(),
            "UPDATE webhook_endpoints SET event_seq = CASE WHEN state = 'active' THEN event_seq ELSE (SELECT w.event_seq FROM workspaces AS w WHERE w.id = $1) END, state = 'active', disabled_reason = NULL, failures = 0, failing_since = NULL, paused_until = NULL, updated_at = CASE WHEN updated_at < $3 THEN $3 ELSE updated_at + 1 END WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            id,
            self.clock().now()
        )
        .map(|touched| touched > 0)
    }

    /// Removes an endpoint with everything that it was told or waited to be told. Gives whether it was there.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn remove_webhook_endpoint(&self, workspace_id: &str, id: &str) -> Result<bool, StoreError> {
        execute!(self.db(), "DELETE FROM webhook_endpoints WHERE workspace_id = $1 AND id = $2", workspace_id, id)
            .map(|touched| touched > 0)
    }

    /// Workspace and id of the endpoints, over all workspaces, that have something to be told now and that no other
    /// living node delivers to.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn due_webhook_endpoints(&self) -> Result<Vec<(String, String)>, StoreError> {
        fetch_all!(
            self.db(),
            (String, String),
            "SELECT e.workspace_id, e.id FROM webhook_endpoints AS e JOIN workspaces AS w ON w.id = e.workspace_id WHERE e.state = 'active' AND COALESCE(e.paused_until, 0) <= $1 AND (e.event_seq < w.event_seq OR EXISTS (SELECT 1 FROM webhook_deliveries AS d WHERE d.endpoint_id = e.id AND d.state = 'waiting' AND d.next_attempt_at <= $1)) AND (e.node_id = $2 OR NOT EXISTS (SELECT 1 FROM nodes AS n WHERE n.id = e.node_id AND n.lease_until >= $1)) ORDER BY e.id LIMIT $3",
            self.clock().now(),
            self.node_id(),
            MOST_DUE
        )
    }

    /// Makes an endpoint this node's to deliver to, or finds that it is, for as long as the node's lease lives. Gives
    /// `false` while another living node has it.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn claim_webhook_endpoint(&self, workspace_id: &str, id: &str) -> Result<bool, StoreError> {
        execute!(
            self.db(),
            "UPDATE webhook_endpoints SET node_id = $3 WHERE workspace_id = $1 AND id = $2 AND (node_id = $3 OR NOT EXISTS (SELECT 1 FROM nodes AS n WHERE n.id = webhook_endpoints.node_id AND n.lease_until >= $4))",
            workspace_id,
            id,
            self.node_id(),
            self.clock().now()
        )
        .map(|touched| touched > 0)
    }

    /// Disables an endpoint within a transaction: what waited for it fails, and the event that says so is given back.
    async fn disable_webhook_endpoint(
        &self,
        tx: &mut Transaction,
        workspace_id: &str,
        id: &str,
        reason: &str,
    ) -> Result<Option<Told>, StoreError> {
        let now = self.clock().now();
        let disabled = rows!(
            tx,
            (String,),
            "UPDATE webhook_endpoints SET state = 'disabled', disabled_reason = $3, paused_until = NULL, updated_at = CASE WHEN updated_at < $4 THEN $4 ELSE updated_at + 1 END WHERE workspace_id = $1 AND id = $2 AND state = 'active' RETURNING url",
            workspace_id,
            id,
            reason,
            now
        )?;
        let Some((url,)) = disabled.into_iter().next() else { return Ok(None) };
        run!(
            tx,
            "UPDATE webhook_deliveries SET state = 'failed', next_attempt_at = NULL, reason = 'the endpoint was disabled', ended_at = $3 WHERE workspace_id = $1 AND endpoint_id = $2 AND state = 'waiting'",
            workspace_id,
            id,
            now
        )?;
        // What stands behind a question mark is often a password.
        let url = url.split(['?', '#']).next().unwrap_or_default();
        let data = serde_json::json!({ "endpoint_id": id, "url": url, "reason": reason });
        Ok(Some(Told { kind: EventKind::WebhookDisabled, data }))
    }
}

fn list(words: &[String]) -> String {
    serde_json::Value::from(words).to_string()
}
