//! Leads: kept with the event that tells of them, in one transaction.

use serde_json::json;
use sqlx::FromRow;

use super::db::{execute, fetch_all, fetch_one, fetch_optional};
use super::idempotency::remember;
use super::transactions::{Told, Transaction, lost_a_race, rows, run};
use super::{Store, StoreError};
use crate::domain::changes::Idempotency;
use crate::domain::events::EventKind;
use crate::domain::leads::{Lead, LeadChange, LeadDetails, LeadStatus};

/// Which leads to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeadFilter {
    /// Only those that have come so far.
    pub status: Option<LeadStatus>,
    /// Only those of this agent.
    pub agent_id: Option<String>,
    /// Only those of this contact.
    pub contact_id: Option<String>,
}

#[derive(FromRow)]
struct LeadRow {
    id: String,
    agent_id: Option<String>,
    contact_id: Option<String>,
    conversation_id: Option<String>,
    session_id: Option<String>,
    contact_name: Option<String>,
    contact_email: Option<String>,
    contact_phone: Option<String>,
    source: String,
    notes: Option<String>,
    status: String,
    created_at: i64,
    updated_at: i64,
}

impl LeadRow {
    fn into_lead(self) -> Result<Lead, StoreError> {
        let status = LeadStatus::from_word(&self.status).ok_or_else(|| StoreError::Unreadable {
            table: "leads",
            column: "status",
            id: self.id.clone(),
            reason: format!("unknown word {:?}", self.status),
        })?;
        Ok(Lead {
            id: self.id,
            agent_id: self.agent_id,
            contact_id: self.contact_id,
            conversation_id: self.conversation_id,
            session_id: self.session_id,
            details: LeadDetails {
                contact_name: self.contact_name,
                contact_email: self.contact_email,
                contact_phone: self.contact_phone,
                notes: self.notes,
            },
            source: self.source,
            status,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

impl Store {
    /// Adds a lead with its event, once for each key. Gives what was made under the key before, if it was.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn add_lead(
        &self,
        workspace_id: &str,
        lead: &Lead,
        agent_name: Option<&str>,
        key: Option<&Idempotency>,
    ) -> Result<Option<Idempotency>, StoreError> {
        match self.try_add_lead(workspace_id, lead, agent_name, key).await {
            Err(error) if lost_a_race(&error) => self.try_add_lead(workspace_id, lead, agent_name, key).await,
            done => done,
        }
    }

    async fn try_add_lead(
        &self,
        workspace_id: &str,
        lead: &Lead,
        agent_name: Option<&str>,
        key: Option<&Idempotency>,
    ) -> Result<Option<Idempotency>, StoreError> {
        let mut tx = Transaction::begin(self.db()).await?;
        if let Some(key) = key
            && let Some(earlier) = remember(&mut tx, workspace_id, Some(key), lead.created_at).await?
        {
            return Ok(Some(earlier));
        }
        run!(
            &mut tx,
            "INSERT INTO leads (id, workspace_id, agent_id, contact_id, conversation_id, session_id, contact_name, contact_email, contact_phone, source, notes, status, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            lead.id.as_str(),
            workspace_id,
            lead.agent_id.as_deref(),
            lead.contact_id.as_deref(),
            lead.conversation_id.as_deref(),
            lead.session_id.as_deref(),
            lead.details.contact_name.as_deref(),
            lead.details.contact_email.as_deref(),
            lead.details.contact_phone.as_deref(),
            lead.source.as_str(),
            lead.details.notes.as_deref(),
            lead.status.as_str(),
            lead.created_at,
            lead.updated_at
        )?;
        let data = json!({
            "lead_id": lead.id, "contact_name": lead.details.contact_name, "contact_email": lead.details.contact_email,
            "contact_phone": lead.details.contact_phone, "source": lead.source, "session_id": lead.session_id,
            "notes": lead.details.notes, "agent_id": lead.agent_id, "agent_name": agent_name,
            "contact_id": lead.contact_id, "conversation_id": lead.conversation_id,
        });
        self.tell_and_commit(tx, workspace_id, vec![Told { kind: EventKind::LeadCaptured, data }]).await?;
        Ok(None)
    }

    /// One lead of the workspace.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn lead(&self, workspace_id: &str, id: &str) -> Result<Option<Lead>, StoreError> {
        fetch_optional!(
            self.db(),
            LeadRow,
            "SELECT id, agent_id, contact_id, conversation_id, session_id, contact_name, contact_email, contact_phone, source, notes, status, created_at, updated_at FROM leads WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            id
        )?
        .map(LeadRow::into_lead)
        .transpose()
    }

    /// The leads of a workspace, the newest first, and how many there are.
    ///
    /// # Errors
    /// The database is not available, or a row cannot be read.
    pub async fn leads(
        &self,
        workspace_id: &str,
        filter: &LeadFilter,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<Lead>, i64), StoreError> {
        let status = filter.status.map(LeadStatus::as_str);
        let (agent_id, contact_id) = (filter.agent_id.as_deref(), filter.contact_id.as_deref());
        let found = fetch_all!(
            self.db(),
            LeadRow,
            "SELECT id, agent_id, contact_id, conversation_id, session_id, contact_name, contact_email, contact_phone, source, notes, status, created_at, updated_at FROM leads WHERE workspace_id = $1 AND (CAST($2 AS TEXT) IS NULL OR status = $2) AND (CAST($3 AS TEXT) IS NULL OR agent_id = $3) AND (CAST($4 AS TEXT) IS NULL OR contact_id = $4) ORDER BY created_at DESC, id DESC LIMIT $5 OFFSET $6",
            workspace_id,
            status,
            agent_id,
            contact_id,
            limit,
            offset
        )?;
        let (total,) = fetch_one!(
            self.db(),
            (i64,),
            "SELECT COUNT(*) FROM leads WHERE workspace_id = $1 AND (CAST($2 AS TEXT) IS NULL OR status = $2) AND (CAST($3 AS TEXT) IS NULL OR agent_id = $3) AND (CAST($4 AS TEXT) IS NULL OR contact_id = $4)",
            workspace_id,
            status,
            agent_id,
            contact_id
        )?;
        Ok((found.into_iter().map(LeadRow::into_lead).collect::<Result<_, _>>()?, total))
    }

    /// Changes a lead of the workspace. None: there is no such lead.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn change_lead(
        &self,
        workspace_id: &str,
        id: &str,
        change: &LeadChange,
    ) -> Result<Option<Lead>, StoreError> {
        let mut tx = Transaction::begin(self.db()).await?;
        // The row is held before it is read, so that nothing is changed on top of what another has just written.
        let held = rows!(
            &mut tx,
            LeadRow,
            "UPDATE leads SET updated_at = $3 WHERE workspace_id = $1 AND id = $2 RETURNING id, agent_id, contact_id, conversation_id, session_id, contact_name, contact_email, contact_phone, source, notes, status, created_at, updated_at",
            workspace_id,
            id,
            self.clock().now()
        )?;
        let Some(row) = held.into_iter().next() else { return Ok(None) };
        let mut lead = row.into_lead()?;
        change.apply(&mut lead);
        run!(
            &mut tx,
            "UPDATE leads SET status = $3, contact_name = $4, contact_email = $5, contact_phone = $6, notes = $7 WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            id,
            lead.status.as_str(),
            lead.details.contact_name.as_deref(),
            lead.details.contact_email.as_deref(),
            lead.details.contact_phone.as_deref(),
            lead.details.notes.as_deref()
        )?;
        self.tell_and_commit(tx, workspace_id, Vec::new()).await?;
        Ok(Some(lead))
    }

    /// Deletes a lead of the workspace. Gives whether it was there.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn remove_lead(&self, workspace_id: &str, id: &str) -> Result<bool, StoreError> {
        let removed = execute!(self.db(), "DELETE FROM leads WHERE workspace_id = $1 AND id = $2", workspace_id, id)?;
        Ok(removed > 0)
    }
}
