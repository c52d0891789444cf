//! Invitations: found by the hash of their token, accepted once.

use sqlx::FromRow;

use super::db::{execute, fetch_all, fetch_one, fetch_optional};
use super::idempotency::remember;
use super::members::role;
use super::seal::place;
use super::transactions::{Transaction, lost_a_race, run};
use super::users::{ADD_MEMBER, StoredUser, add_user};
use super::{Store, StoreError};
use crate::domain::changes::Idempotency;
use crate::domain::jobs::NewJob;
use crate::domain::members::Invitation;

#[derive(FromRow)]
struct InvitationRow {
    id: String,
    workspace_id: String,
    email: String,
    role: String,
    invited_by: String,
    created_at: i64,
    expires_at: i64,
    accepted_at: Option<i64>,
}

impl InvitationRow {
    fn read(self) -> Result<Invitation, StoreError> {
        Ok(Invitation {
            role: role(&self.id, &self.role)?,
            id: self.id,
            workspace_id: self.workspace_id,
            email: self.email,
            invited_by: self.invited_by,
            created_at: self.created_at,
            expires_at: self.expires_at,
            accepted_at: self.accepted_at,
        })
    }
}

impl Store {
    /// Adds an invitation with the hash of its token, once for each idempotency key; if a mail shall carry it, also the
    /// token itself, sealed, with the job that sends the mail. Gives what was made under the key before, if it was.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn add_invitation(
        &self,
        invitation: &Invitation,
        token_hash: &str,
        mail: Option<(&str, NewJob)>,
        under: Option<&Idempotency>,
    ) -> Result<Option<Idempotency>, StoreError> {
        match self.try_add_invitation(invitation, token_hash, mail.clone(), under).await {
            Err(error) if lost_a_race(&error) => self.try_add_invitation(invitation, token_hash, mail, under).await,
            done => done,
        }
    }

    async fn try_add_invitation(
        &self,
        invitation: &Invitation,
        token_hash: &str,
        mail: Option<(&str, NewJob)>,
        under: Option<&Idempotency>,
    ) -> Result<Option<Idempotency>, StoreError> {
        let (token, job) = mail.unzip();
        let place = place("invitations", "token", &invitation.id);
        let sealed = token.map(|token| self.sealer().seal(&place, token)).transpose()?;
        let mut tx = Transaction::begin(self.db()).await?;
        if let Some(earlier) = remember(&mut tx, &invitation.workspace_id, under, invitation.created_at).await? {
            return Ok(Some(earlier));
        }
        run!(
            &mut tx,
            "INSERT INTO invitations (id, workspace_id, email, role, token_hash, invited_by, token, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            invitation.id.as_str(),
            invitation.workspace_id.as_str(),
            invitation.email.as_str(),
            invitation.role.as_str(),
            token_hash,
            invitation.invited_by.as_str(),
            sealed.as_deref(),
            invitation.created_at,
            invitation.expires_at
        )?;
        match job {
            Some(job) => self.commit_with_job(tx, &invitation.workspace_id, job).await?,
            None => self.tell_and_commit(tx, &invitation.workspace_id, Vec::new()).await?,
        }
        Ok(None)
    }

    /// One invitation of a workspace.
    ///
    /// # Errors
    /// The database is not available, or the role cannot be read.
    pub async fn invitation(&self, workspace_id: &str, id: &str) -> Result<Option<Invitation>, StoreError> {
        fetch_optional!(
            self.db(),
            InvitationRow,
            "SELECT id, workspace_id, email, role, invited_by, created_at, expires_at, accepted_at FROM invitations WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            id
        )?
        .map(InvitationRow::read)
        .transpose()
    }

    /// A page of a workspace's invitations, the newest first, and how many there are in all.
    ///
    /// # Errors
    /// The database is not available, or a role cannot be read.
    pub async fn invitations(
        &self,
        workspace_id: &str,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<Invitation>, i64), StoreError> {
        let (total,) = fetch_one!(
            self.db(),
            (i64,),
            "SELECT CAST(COUNT(*) AS BIGINT) FROM invitations WHERE workspace_id = $1",
            workspace_id
        )?;
        let found = fetch_all!(
            self.db(),
            InvitationRow,
            "SELECT id, workspace_id, email, role, invited_by, created_at, expires_at, accepted_at FROM invitations WHERE workspace_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3",
            workspace_id,
            limit,
            offset
        )?;
        Ok((found.into_iter().map(InvitationRow::read).collect::<Result<_, _>>()?, total))
    }

    /// The invitation with this token hash, where it can still be accepted.
    ///
    /// # Errors
    /// The database is not available, or the role cannot be read.
    pub async fn open_invitation(&self, token_hash: &str) -> Result<Option<Invitation>, StoreError> {
        fetch_optional!(
            self.db(),
            InvitationRow,
            "SELECT id, workspace_id, email, role, invited_by, created_at, expires_at, accepted_at FROM invitations WHERE token_hash = $1 AND accepted_at IS NULL AND expires_at > $2",
            token_hash,
            self.clock().now()
        )?
        .map(InvitationRow::read)
        .transpose()
    }

    /// An invitation of the workspace together with its token, while that has not left by mail and is still good.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn unsent_invitation(
        &self,
        workspace_id: &str,
        id: &str,
    ) -> Result<Option<(Invitation, String)>, StoreError> {
        let sealed = fetch_optional!(
            self.db(),
            (String,),
            "SELECT token FROM invitations WHERE workspace_id = $1 AND id = $2 AND token IS NOT NULL AND accepted_at IS NULL AND expires_at > $3",
            workspace_id,
            id,
            self.clock().now()
        )?;
        let Some((sealed,)) = sealed else { return Ok(None) };
        let found = fetch_one!(
            self.db(),
            InvitationRow,
            "SELECT id, workspace_id, email, role, invited_by, created_at, expires_at, accepted_at FROM invitations WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            id
        )?;
        Ok(Some((found.read()?, self.sealer().open("invitations", "token", id, &sealed)?)))
    }

    /// The mail of an invitation has left, or will not: its token is forgotten.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn invitation_sent(&self, workspace_id: &str, id: &str) -> Result<(), StoreError> {
        execute!(self.db(), "UPDATE invitations SET token = NULL WHERE workspace_id = $1 AND id = $2", workspace_id, id)
            .map(|_| ())
    }

    /// Withdraws an invitation that was not accepted. Gives whether there was one.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn remove_invitation(&self, workspace_id: &str, id: &str) -> Result<bool, StoreError> {
        execute!(
            self.db(),
            "DELETE FROM invitations WHERE workspace_id = $1 AND id = $2 AND accepted_at IS NULL",
            workspace_id,
            id
        )
        .map(|touched| touched > 0)
    }

    /// Accepts an invitation for a user, who is added when new. Gives `false` when somebody was first, or it has run
    /// out. Who is a member already stays what they are.
    ///
    /// # Errors
    /// The database is not available, or another user has the address; nothing was changed.
    pub async fn accept_invitation(
        &self,
        invitation: &Invitation,
        user: &StoredUser,
        is_new: bool,
    ) -> Result<bool, StoreError> {
        let now = self.clock().now();
        let mut tx = Transaction::begin(self.db()).await?;
        let touched = run!(
            &mut tx,
            "UPDATE invitations SET accepted_at = $3, token = NULL WHERE workspace_id = $1 AND id = $2 AND accepted_at IS NULL AND expires_at > $3",
            invitation.workspace_id.as_str(),
            invitation.id.as_str(),
            now
        )?;
        if touched == 0 {
            return Ok(false);
        }
        if is_new {
            add_user!(&mut tx, user)?;
        }
        let (workspace_id, role) = (invitation.workspace_id.as_str(), invitation.role.as_str());
        run!(&mut tx, ADD_MEMBER, workspace_id, user.user.id.as_str(), role, now)?;
        self.tell_and_commit(tx, workspace_id, Vec::new()).await?;
        Ok(true)
    }
}
