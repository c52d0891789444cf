//! Files: rows that name bytes kept once by their hash.

use sqlx::FromRow;

use super::db::fetch_optional;
use super::idempotency::remember;
use super::transactions::{Transaction, lost_a_race, run};
use super::{Store, StoreError};
use crate::domain::changes::Idempotency;
use crate::domain::files::File;

#[derive(FromRow)]
struct FileRow {
    id: String,
    sha256: String,
    size: i64,
    mime_type: String,
    filename: Option<String>,
}

impl Store {
    /// One file of a workspace.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn file(&self, workspace_id: &str, id: &str) -> Result<Option<File>, StoreError> {
        fetch_optional!(
            self.db(),
            FileRow,
            "SELECT id, sha256, size, mime_type, filename FROM files WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            id
        )
        .map(|row| {
            row.map(|row| File {
                id: row.id,
                sha256: row.sha256,
                size: row.size,
                mime_type: row.mime_type,
                filename: row.filename,
            })
        })
    }

    /// Adds a file that belongs to no message yet, once for each idempotency key. Gives what was made under it before, if
    /// it was.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn put_file(
        &self,
        workspace_id: &str,
        file: &File,
        under: Option<&Idempotency>,
    ) -> Result<Option<Idempotency>, StoreError> {
        match self.try_put_file(workspace_id, file, under).await {
            Err(error) if lost_a_race(&error) => self.try_put_file(workspace_id, file, under).await,
            done => done,
        }
    }

    async fn try_put_file(
        &self,
        workspace_id: &str,
        file: &File,
        under: Option<&Idempotency>,
    ) -> Result<Option<Idempotency>, StoreError> {
        let now = self.clock().now();
        let mut tx = Transaction::begin(self.db()).await?;
        if let Some(earlier) = remember(&mut tx, workspace_id, under, now).await? {
            return Ok(Some(earlier));
        }
        run!(
            &mut tx,
            "INSERT INTO files (id, workspace_id, message_id, sha256, size, mime_type, filename, created_at) VALUES ($1, $2, NULL, $3, $4, $5, $6, $7)",
            file.id.as_str(),
            workspace_id,
            file.sha256.as_str(),
            file.size,
            file.mime_type.as_str(),
            file.filename.as_deref(),
            now
        )?;
        self.tell_and_commit(tx, workspace_id, Vec::new()).await?;
        Ok(None)
    }

    /// One file of a conversation, for its visitor: fetched for one of its messages, or sent in one.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn conversation_file(&self, conversation_id: &str, id: &str) -> Result<Option<File>, StoreError> {
        fetch_optional!(
            self.db(),
            FileRow,
            "SELECT f.id, f.sha256, f.size, f.mime_type, f.filename FROM files AS f WHERE f.id = $2 AND EXISTS (SELECT 1 FROM messages AS m WHERE m.conversation_id = $1 AND m.workspace_id = f.workspace_id AND (m.id = f.message_id OR m.attachments LIKE '%' || f.id || '%'))",
            conversation_id,
            id
        )
        .map(|row| {
            row.map(|row| File {
                id: row.id,
                sha256: row.sha256,
                size: row.size,
                mime_type: row.mime_type,
                filename: row.filename,
            })
        })
    }
}
