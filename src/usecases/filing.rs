//! A file is handed in to be sent later: its bytes are kept once by their hash, and only then a row names them.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use super::Switchboard;
use super::downloading::place;
use super::once;
use crate::domain::files::File;
use crate::store::idempotency::Unwritten;

/// Why a file was not kept.
#[derive(Debug, thiserror::Error)]
pub enum Unfiled {
    /// The disk did not take it.
    #[error("the file store: {0}")]
    Disk(#[from] std::io::Error),
    /// The database did not take it.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The idempotency key was used for something else.
    #[error("the idempotency key was used for something else")]
    KeyMismatch,
    /// What the key made was deleted since.
    #[error("what the idempotency key made was deleted since")]
    Gone,
}

/// A file that is arriving. Dropped before its end, nothing of it stays.
pub struct Intake {
    draft: PathBuf,
    file: tokio::fs::File,
    hash: Sha256,
    size: i64,
    switchboard: Switchboard,
}

impl Switchboard {
    /// Makes room for a file.
    ///
    /// # Errors
    /// See [`Unfiled`].
    pub async fn begin_file(&self) -> Result<Intake, Unfiled> {
        let folder = self.options.files.join("incoming");
        tokio::fs::create_dir_all(&folder).await?;
        let draft = folder.join(self.store.clock().id());
        let file = tokio::fs::File::create(&draft).await?;
        Ok(Intake { draft, file, hash: Sha256::new(), size: 0, switchboard: self.clone() })
    }
}

impl Intake {
    /// Takes the next piece.
    ///
    /// # Errors
    /// See [`Unfiled`].
    pub async fn write(&mut self, piece: &[u8]) -> Result<(), Unfiled> {
        self.file.write_all(piece).await?;
        self.hash.update(piece);
        self.size = self.size.saturating_add(i64::try_from(piece.len()).unwrap_or(i64::MAX));
        Ok(())
    }

    /// Keeps the file for a workspace: its bytes are durable before a row names them.
    ///
    /// # Errors
    /// See [`Unfiled`].
    pub async fn keep(self, workspace_id: &str, mime_type: String, filename: Option<String>) -> Result<File, Unfiled> {
        self.keep_once(workspace_id, mime_type, filename, None).await.map(|(file, _)| file)
    }

    /// The same, once for each idempotency key. Gives the file, and whether the key had kept it before.
    ///
    /// # Errors
    /// See [`Unfiled`].
    pub async fn keep_once(
        mut self,
        workspace_id: &str,
        mime_type: String,
        filename: Option<String>,
        under: Option<String>,
    ) -> Result<(File, bool), Unfiled> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        let sha256 = hex::encode(std::mem::take(&mut self.hash).finalize());
        let target = place(&self.switchboard.options.files, &sha256);
        if let Some(folder) = target.parent() {
            tokio::fs::create_dir_all(folder).await?;
        }
        tokio::fs::rename(&self.draft, &target).await?;
        let store = &self.switchboard.store;
        let file = File { id: store.clock().id(), sha256, size: self.size, mime_type, filename };
        let under = once::under(under, "file", &(&file.sha256, &file.mime_type, &file.filename), &file.id);
        let Some(earlier) = store.put_file(workspace_id, &file, under.as_ref()).await? else {
            return Ok((file, false));
        };
        let earlier = once::repeated(under.as_ref(), Unwritten::Repeated(earlier)).map_err(|_| Unfiled::KeyMismatch)?;
        store.file(workspace_id, &earlier).await?.map(|file| (file, true)).ok_or(Unfiled::Gone)
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        // After a rename there is nothing here any more, and that is what is wanted.
        let _ = std::fs::remove_file(&self.draft);
    }
}
