//! Documents that are read: added with the job that reads them, indexed when it has, and read again. A reading names
//! the wish it was for, so that one that ends late does not overwrite a newer one.

use sqlx::FromRow;

use super::super::db::{execute, fetch_all, fetch_one, fetch_optional};
use super::super::idempotency::remember;
use super::super::transactions::{Transaction, rows, run};
use super::super::{Store, StoreError};
use super::{Owner, add_passages};
use crate::domain::changes::Idempotency;
use crate::domain::documents::{Document, DocumentState, Origin};
use crate::domain::jobs::{Embeddable, NewJob};

/// What a document's text became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Its own title; taken where the document has none yet.
    pub title: String,
    /// SHA-256 of all that matters to what is stored, lower-case hex.
    pub hash: String,
    /// Its passages, in order.
    pub passages: Vec<String>,
    /// A job embeds its passages.
    pub embeds: bool,
}

/// How a document gets its text.
#[derive(Debug, Clone)]
pub enum Content {
    /// It is here already.
    Read(Read),
    /// This job reads it.
    Job(NewJob),
}

#[derive(FromRow)]
struct DocumentRow {
    id: String,
    agent_id: String,
    title: String,
    source: String,
    origin: String,
    file_id: Option<String>,
    url: Option<String>,
    state: String,
    reason: Option<String>,
    revision: String,
    passages: i64,
    created_at: i64,
    updated_at: i64,
}

impl DocumentRow {
    fn into_document(self) -> Result<Document, StoreError> {
        let unreadable = |column, word: &str| StoreError::Unreadable {
            table: "documents",
            column,
            id: self.id.clone(),
            reason: format!("unknown word {word:?}"),
        };
        Ok(Document {
            origin: Origin::from_word(&self.origin).ok_or_else(|| unreadable("origin", &self.origin))?,
            state: DocumentState::from_word(&self.state).ok_or_else(|| unreadable("state", &self.state))?,
            agent_id: self.agent_id,
            title: self.title,
            source: self.source,
            file_id: self.file_id,
            url: self.url,
            reason: self.reason,
            revision: self.revision,
            passages: self.passages,
            created_at: self.created_at,
            updated_at: if self.updated_at == 0 { self.created_at } else { self.updated_at },
            id: self.id,
        })
    }
}

impl Store {
    /// The documents of an agent by title and source, and how many there are.
    ///
    /// # Errors
    /// The database is not available, or a row cannot be read.
    pub async fn documents(
        &self,
        workspace_id: &str,
        agent_id: &str,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<Document>, i64), StoreError> {
        let found = fetch_all!(
            self.db(),
            DocumentRow,
            "SELECT d.id, d.agent_id, d.title, d.source, d.origin, d.file_id, d.url, d.state, d.reason, d.revision, (SELECT COUNT(*) FROM passages AS p WHERE p.document_id = d.id) AS passages, d.created_at, d.updated_at FROM documents AS d WHERE d.workspace_id = $1 AND d.agent_id = $2 ORDER BY d.title, d.source LIMIT $3 OFFSET $4",
            workspace_id,
            agent_id,
            limit,
            offset
        )?;
        let (total,) = fetch_one!(
            self.db(),
            (i64,),
            "SELECT COUNT(*) FROM documents WHERE workspace_id = $1 AND agent_id = $2",
            workspace_id,
            agent_id
        )?;
        Ok((found.into_iter().map(DocumentRow::into_document).collect::<Result<_, _>>()?, total))
    }

    /// One document of the workspace.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn document(&self, workspace_id: &str, id: &str) -> Result<Option<Document>, StoreError> {
        fetch_optional!(
            self.db(),
            DocumentRow,
            "SELECT d.id, d.agent_id, d.title, d.source, d.origin, d.file_id, d.url, d.state, d.reason, d.revision, (SELECT COUNT(*) FROM passages AS p WHERE p.document_id = d.id) AS passages, d.created_at, d.updated_at FROM documents AS d WHERE d.workspace_id = $1 AND d.id = $2",
            workspace_id,
            id
        )?
        .map(DocumentRow::into_document)
        .transpose()
    }

    /// Adds a document, once for each key. Gives what was made under the key before, if it was.
    ///
    /// # Errors
    /// The database is not available, or the agent has a document of this source.
    pub async fn add_document(
        &self,
        workspace_id: &str,
        document: &Document,
        content: Content,
        key: Option<&Idempotency>,
    ) -> Result<Option<Idempotency>, StoreError> {
        let mut tx = Transaction::begin(self.db()).await?;
        if let Some(key) = key
            && let Some(earlier) = remember(&mut tx, workspace_id, Some(key), document.created_at).await?
        {
            return Ok(Some(earlier));
        }
        let hash = if let Content::Read(read) = &content { read.hash.as_str() } else { "" };
        run!(
            &mut tx,
            "INSERT INTO documents (id, workspace_id, agent_id, title, source, hash, origin, file_id, url, state, revision, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)",
            document.id.as_str(),
            workspace_id,
            document.agent_id.as_str(),
            document.title.as_str(),
            document.source.as_str(),
            hash,
            document.origin.as_str(),
            document.file_id.as_deref(),
            document.url.as_deref(),
            document.state.as_str(),
            document.revision.as_str(),
            document.created_at
        )?;
        self.fill(tx, workspace_id, document, content).await?;
        Ok(None)
    }

    /// Gives a document of the workspace another content, or has it read again. What was read before stays known until
    /// the new content is. Gives whether the document was there.
    ///
    /// # Errors
    /// The database is not available, or another document of the agent has this source.
    pub async fn change_document(
        &self,
        workspace_id: &str,
        document: &Document,
        content: Content,
    ) -> Result<bool, StoreError> {
        let mut tx = Transaction::begin(self.db()).await?;
        let changed = run!(
            &mut tx,
            "UPDATE documents SET title = $3, source = $4, origin = $5, file_id = $6, url = $7, state = $8, reason = NULL, revision = $9, updated_at = $10 WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            document.id.as_str(),
            document.title.as_str(),
            document.source.as_str(),
            document.origin.as_str(),
            document.file_id.as_deref(),
            document.url.as_deref(),
            document.state.as_str(),
            document.revision.as_str(),
            document.updated_at
        )?;
        if changed == 0 {
            return Ok(false);
        }
        if let Content::Read(read) = &content {
            run!(
                &mut tx,
                "UPDATE documents SET hash = $3 WHERE workspace_id = $1 AND id = $2",
                workspace_id,
                document.id.as_str(),
                read.hash.as_str()
            )?;
            forget_passages(&mut tx, workspace_id, &document.id).await?;
        }
        self.fill(tx, workspace_id, document, content).await?;
        Ok(true)
    }

    async fn fill(
        &self,
        mut tx: Transaction,
        workspace_id: &str,
        document: &Document,
        content: Content,
    ) -> Result<(), StoreError> {
        match content {
            Content::Job(job) => self.commit_with_job(tx, workspace_id, job).await,
            Content::Read(read) => {
                let owner = Owner { workspace_id, agent_id: &document.agent_id };
                add_passages(&mut tx, owner, &document.id, &read.passages).await?;
                let written = read.embeds.then_some((Embeddable::Document, document.id.as_str()));
                self.commit_with_embedding(tx, workspace_id, written).await
            }
        }
    }

    /// Writes down what was read for a wish, and the passages only where they are others than before. Gives whether
    /// the wish was still the newest.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn index_document(
        &self,
        workspace_id: &str,
        id: &str,
        revision: &str,
        read: &Read,
    ) -> Result<bool, StoreError> {
        let mut tx = Transaction::begin(self.db()).await?;
        // The row is held before it is read, so that two readings cannot both find it unchanged.
        let held = rows!(
            &mut tx,
            (String, String),
            "UPDATE documents SET state = 'ready', reason = NULL, title = CASE WHEN title = '' THEN $4 ELSE title END, updated_at = $5 WHERE workspace_id = $1 AND id = $2 AND revision = $3 RETURNING agent_id, hash",
            workspace_id,
            id,
            revision,
            read.title.as_str(),
            self.clock().now()
        )?;
        let Some((agent_id, hash)) = held.into_iter().next() else { return Ok(false) };
        let is_new = hash != read.hash;
        if is_new {
            run!(
                &mut tx,
                "UPDATE documents SET hash = $3 WHERE workspace_id = $1 AND id = $2",
                workspace_id,
                id,
                read.hash.as_str()
            )?;
            forget_passages(&mut tx, workspace_id, id).await?;
            add_passages(&mut tx, Owner { workspace_id, agent_id: &agent_id }, id, &read.passages).await?;
        }
        let written = (is_new && read.embeds).then_some((Embeddable::Document, id));
        self.commit_with_embedding(tx, workspace_id, written).await?;
        Ok(true)
    }

    /// Writes down why a wish to read a document failed, if it is still the newest.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn fail_document(
        &self,
        workspace_id: &str,
        id: &str,
        revision: &str,
        reason: &str,
    ) -> Result<(), StoreError> {
        execute!(
            self.db(),
            "UPDATE documents SET state = 'failed', reason = $4, updated_at = $5 WHERE workspace_id = $1 AND id = $2 AND revision = $3",
            workspace_id,
            id,
            revision,
            reason,
            self.clock().now()
        )
        .map(|_| ())
    }

    /// Removes a document of the workspace with its passages. Gives whether it was there.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn remove_document(&self, workspace_id: &str, id: &str) -> Result<bool, StoreError> {
        let removed =
            execute!(self.db(), "DELETE FROM documents WHERE workspace_id = $1 AND id = $2", workspace_id, id)?;
        Ok(removed > 0)
    }
}

async fn forget_passages(tx: &mut Transaction, workspace_id: &str, document_id: &str) -> Result<(), StoreError> {
    run!(tx, "DELETE FROM passages WHERE workspace_id = $1 AND document_id = $2", workspace_id, document_id)?;
    Ok(())
}
