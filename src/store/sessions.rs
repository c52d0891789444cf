//! Browsers that are signed in, by the hash of their token.

use sqlx::FromRow;

use super::db::{execute, fetch_optional};
use super::{Store, StoreError};

/// How stale the shown time of last use may be, in milliseconds.
const USE_RESOLUTION_MS: i64 = 60_000;

/// A session to open.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// SHA-256 of its token, lower-case hex.
    pub hash: String,
    /// Its user.
    pub user_id: String,
    /// Unix milliseconds.
    pub expires_at: i64,
    /// From where it was opened.
    pub ip: String,
    /// What the browser calls itself, cut short.
    pub client: String,
}

/// A session that is good.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Session {
    /// Its user.
    pub user_id: String,
    /// Unix milliseconds.
    pub expires_at: i64,
    /// Unix milliseconds.
    pub last_seen_at: i64,
}

impl Store {
    /// Opens a session. Sessions that have run out are forgotten on the way.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn open_session(&self, session: &NewSession) -> Result<(), StoreError> {
        let now = self.clock().now();
        execute!(self.db(), "DELETE FROM sessions WHERE expires_at < $1", now)?;
        execute!(
            self.db(),
            "INSERT INTO sessions (hash, user_id, created_at, expires_at, last_seen_at, ip, client) VALUES ($1, $2, $3, $4, $3, $5, $6)",
            session.hash.as_str(),
            session.user_id.as_str(),
            now,
            session.expires_at,
            session.ip.as_str(),
            session.client.as_str()
        )
        .map(|_| ())
    }

    /// The session with this hash; none when it is unknown, ended or has run out.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn session(&self, hash: &str) -> Result<Option<Session>, StoreError> {
        let now = self.clock().now();
        let found = fetch_optional!(
            self.db(),
            Session,
            "SELECT user_id, expires_at, last_seen_at FROM sessions WHERE hash = $1 AND expires_at > $2",
            hash,
            now
        )?;
        if found.as_ref().is_some_and(|session| now - session.last_seen_at > USE_RESOLUTION_MS) {
            execute!(self.db(), "UPDATE sessions SET last_seen_at = $2 WHERE hash = $1", hash, now)?;
        }
        Ok(found)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn close_session(&self, hash: &str) -> Result<(), StoreError> {
        execute!(self.db(), "DELETE FROM sessions WHERE hash = $1", hash).map(|_| ())
    }
}
