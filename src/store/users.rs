//! Users: the people who can sign in, whichever workspaces they belong to.

use sqlx::FromRow;

use super::db::{execute, fetch_one, fetch_optional};
use super::idempotency::remember;
use super::seal::place;
use super::transactions::{Transaction, lost_a_race, run};
use super::{Store, StoreError};
use crate::domain::changes::Idempotency;
use crate::domain::channels::Channel;
use crate::domain::members::Role;
use crate::domain::users::User;
use crate::domain::workspaces::Workspace;

#[derive(FromRow)]
struct UserRow {
    id: String,
    email: Option<String>,
    phone: Option<String>,
    name: String,
    password: Option<String>,
    tokens_from: i64,
    created_at: i64,
}

/// A user with what proves that it is them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredUser {
    /// The user.
    pub user: User,
    /// Argon2id in its usual notation; none: they have no password.
    pub password: Option<String>,
    /// Access tokens issued before this time are void, Unix milliseconds.
    pub tokens_from: i64,
}

impl From<UserRow> for StoredUser {
    fn from(row: UserRow) -> Self {
        Self {
            user: User { id: row.id, email: row.email, phone: row.phone, name: row.name, created_at: row.created_at },
            password: row.password,
            tokens_from: row.tokens_from,
        }
    }
}

/// Who owns a workspace from its beginning.
#[derive(Debug, Clone, Copy)]
pub enum Founder<'a> {
    /// A user who is new, too.
    New(&'a StoredUser),
    /// The user of this id.
    Known(&'a str),
}

pub(super) const ADD_USER: &str =
    "INSERT INTO users (id, email, phone, name, password, tokens_from, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
pub(super) const ADD_MEMBER: &str = "INSERT INTO members (workspace_id, user_id, role, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (workspace_id, user_id) DO NOTHING";

/// Adds a user within a transaction.
macro_rules! add_user {
    ($tx:expr, $stored:expr) => {
        $crate::store::transactions::run!(
            $tx,
            $crate::store::users::ADD_USER,
            $stored.user.id.as_str(),
            $stored.user.email.as_deref(),
            $stored.user.phone.as_deref(),
            $stored.user.name.as_str(),
            $stored.password.as_deref(),
            $stored.tokens_from,
            $stored.user.created_at
        )
    };
}
pub(super) use add_user;

impl Store {
    /// The user of this id.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn user(&self, id: &str) -> Result<Option<StoredUser>, StoreError> {
        fetch_optional!(
            self.db(),
            UserRow,
            "SELECT id, email, phone, name, password, tokens_from, created_at FROM users WHERE id = $1",
            id
        )
        .map(|row| row.map(StoredUser::from))
    }

    /// The user with this email address, which is lower case.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<StoredUser>, StoreError> {
        fetch_optional!(
            self.db(),
            UserRow,
            "SELECT id, email, phone, name, password, tokens_from, created_at FROM users WHERE email = $1",
            email
        )
        .map(|row| row.map(StoredUser::from))
    }

    /// The user with this phone number, in E.164.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn user_by_phone(&self, phone: &str) -> Result<Option<StoredUser>, StoreError> {
        fetch_optional!(
            self.db(),
            UserRow,
            "SELECT id, email, phone, name, password, tokens_from, created_at FROM users WHERE phone = $1",
            phone
        )
        .map(|row| row.map(StoredUser::from))
    }

    /// Whether there is any user.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn has_users(&self) -> Result<bool, StoreError> {
        fetch_one!(self.db(), (i64,), "SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT id FROM users LIMIT 1) AS first")
            .map(|(count,)| count > 0)
    }

    /// Adds a user, or changes one's addresses, name and password.
    ///
    /// # Errors
    /// The database is not available, or another user has the email address or the phone number.
    pub async fn put_user(&self, stored: &StoredUser) -> Result<(), StoreError> {
        execute!(
            self.db(),
            "INSERT INTO users (id, email, phone, name, password, tokens_from, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET email = excluded.email, phone = excluded.phone, name = excluded.name, password = excluded.password, tokens_from = excluded.tokens_from",
            stored.user.id.as_str(),
            stored.user.email.as_deref(),
            stored.user.phone.as_deref(),
            stored.user.name.as_str(),
            stored.password.as_deref(),
            stored.tokens_from,
            stored.user.created_at
        )
        .map(|_| ())
    }

    /// Gives a user another password: their access tokens are void, and of their sessions only the one with this hash
    /// stays.
    ///
    /// # Errors
    /// The database is not available; nothing was changed.
    pub async fn set_password(&self, id: &str, password: &str, keep: Option<&str>) -> Result<(), StoreError> {
        let mut tx = Transaction::begin(self.db()).await?;
        let now = self.clock().now();
        run!(&mut tx, "UPDATE users SET password = $2, tokens_from = $3 WHERE id = $1", id, password, now)?;
        run!(&mut tx, "DELETE FROM sessions WHERE user_id = $1 AND hash <> $2", id, keep.unwrap_or_default())?;
        self.tell_and_commit(tx, "", Vec::new()).await
    }

    /// Makes a workspace with the channel of its HTTP API and its owner, who may be new: all or nothing, and once for each
    /// idempotency key. That is kept for the person, because there is no workspace yet. Gives what was made under it
    /// before, if it was.
    ///
    /// # Errors
    /// The database is not available, or the workspace's name or the user's address is taken.
    pub async fn found_workspace(
        &self,
        workspace: &Workspace,
        api_channel: &Channel,
        founder: Founder<'_>,
        under: Option<&Idempotency>,
    ) -> Result<Option<Idempotency>, StoreError> {
        match self.try_found_workspace(workspace, api_channel, founder, under).await {
            Err(error) if under.is_some() && lost_a_race(&error) => {
                self.try_found_workspace(workspace, api_channel, founder, under).await
            }
            done => done,
        }
    }

    async fn try_found_workspace(
        &self,
        workspace: &Workspace,
        api_channel: &Channel,
        founder: Founder<'_>,
        under: Option<&Idempotency>,
    ) -> Result<Option<Idempotency>, StoreError> {
        let sealed =
            self.sealer().seal(&place("channels", "settings", &api_channel.id), &api_channel.settings.to_string())?;
        let (id, at) = (workspace.id.as_str(), workspace.created_at);
        let mut tx = Transaction::begin(self.db()).await?;
        let person = match founder {
            Founder::New(stored) => stored.user.id.as_str(),
            Founder::Known(id) => id,
        };
        if let Some(earlier) = remember(&mut tx, person, under, at).await? {
            return Ok(Some(earlier));
        }
        run!(
            &mut tx,
            "INSERT INTO workspaces (id, name, plan, created_at) VALUES ($1, $2, $3, $4)",
            id,
            workspace.name.as_str(),
            workspace.plan.as_str(),
            at
        )?;
        run!(
            &mut tx,
            "INSERT INTO channels (id, workspace_id, kind, name, settings, state, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
            api_channel.id.as_str(),
            id,
            api_channel.kind.as_str(),
            api_channel.name.as_str(),
            sealed.as_str(),
            api_channel.state.as_str(),
            at
        )?;
        if let Founder::New(stored) = founder {
            add_user!(&mut tx, stored)?;
        }
        run!(&mut tx, ADD_MEMBER, id, person, Role::Owner.as_str(), at)?;
        self.tell_and_commit(tx, id, Vec::new()).await?;
        Ok(None)
    }
}
