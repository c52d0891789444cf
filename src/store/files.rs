//! Files: rows that name bytes kept once by their hash.

use sqlx::FromRow;

use super::db::fetch_optional;
use super::{Store, StoreError};
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

    /// One file of a conversation, for its visitor.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn conversation_file(&self, conversation_id: &str, id: &str) -> Result<Option<File>, StoreError> {
        fetch_optional!(
            self.db(),
            FileRow,
            "SELECT f.id, f.sha256, f.size, f.mime_type, f.filename FROM files AS f JOIN messages AS m ON m.id = f.message_id WHERE m.conversation_id = $1 AND f.id = $2",
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
