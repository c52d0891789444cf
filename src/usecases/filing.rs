//! A file is handed in to be sent later: its bytes are kept once by their hash, and only then a row names them.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use super::Switchboard;
use super::downloading::place;
use crate::domain::files::File;

/// Why a file was not kept.
#[derive(Debug, thiserror::Error)]
pub enum Unfiled {
    /// The disk did not take it.
    #[error("the file store: {0}")]
    Disk(#[from] std::io::Error),
    /// The database did not take it.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
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
    pub async fn keep(
        mut self,
        workspace_id: &str,
        mime_type: String,
        filename: Option<String>,
    ) -> Result<File, Unfiled> {
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
        store.put_file(workspace_id, &file).await?;
        Ok(file)
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        // After a rename there is nothing here any more, and that is what is wanted.
        let _ = std::fs::remove_file(&self.draft);
    }
}
