//! What agents know: documents in passages, searched with the database's full-text search.

pub mod reading;

use sqlx::FromRow;

use super::db::{execute, fetch_all, fetch_optional};
use super::rows::clean;
use super::transactions::{Transaction, run};
use super::{Db, Store, StoreError};
use crate::domain::jobs::Embeddable;
use crate::domain::nearness::Ranked;

/// A document to index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDocument {
    /// UUID.
    pub id: String,
    /// Its workspace.
    pub workspace_id: String,
    /// The agent that knows it.
    pub agent_id: String,
    /// Title.
    pub title: String,
    /// Where it is from; shown with every quotation; unique for the agent.
    pub source: String,
    /// SHA-256 of its text, lower-case hex.
    pub hash: String,
    /// Its passages, in order.
    pub passages: Vec<String>,
    /// A job embeds its passages.
    pub embeds: bool,
}

/// A passage that a search found, best first.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct FoundPassage {
    /// Title of its document.
    pub title: String,
    /// Source of its document.
    pub source: String,
    /// The passage.
    pub text: String,
    /// Higher is better; comparable within one search only.
    pub score: f64,
}

impl Ranked for FoundPassage {
    fn is_same(&self, other: &Self) -> bool {
        self.source == other.source && self.text == other.text
    }

    fn score_mut(&mut self) -> &mut f64 {
        &mut self.score
    }
}

impl Store {
    /// Hash of the agent's document of this source.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn document_hash(&self, agent_id: &str, source: &str) -> Result<Option<(String, String)>, StoreError> {
        fetch_optional!(
            self.db(),
            (String, String),
            "SELECT id, hash FROM documents WHERE agent_id = $1 AND source = $2",
            agent_id,
            source
        )
    }

    /// Replaces the agent's document of the same source, passages and all, in one transaction.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn put_document(&self, document: &NewDocument) -> Result<(), StoreError> {
        let now = self.clock().now();
        let mut tx = Transaction::begin(self.db()).await?;
        run!(
            &mut tx,
            "DELETE FROM documents WHERE workspace_id = $1 AND agent_id = $2 AND source = $3",
            document.workspace_id.as_str(),
            document.agent_id.as_str(),
            document.source.as_str()
        )?;
        run!(
            &mut tx,
            "INSERT INTO documents (id, workspace_id, agent_id, title, source, hash, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
            document.id.as_str(),
            document.workspace_id.as_str(),
            document.agent_id.as_str(),
            document.title.as_str(),
            document.source.as_str(),
            document.hash.as_str(),
            now
        )?;
        let owner = Owner { workspace_id: &document.workspace_id, agent_id: &document.agent_id };
        add_passages(&mut tx, owner, &document.id, &document.passages).await?;
        let written = document.embeds.then_some((Embeddable::Document, document.id.as_str()));
        self.commit_with_embedding(tx, &document.workspace_id, written).await
    }

    /// Forgets the agent's documents whose source is not in `keep`. Gives how many.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn forget_documents(&self, agent_id: &str, keep: &[String]) -> Result<u64, StoreError> {
        let rows: Vec<(String, String)> =
            fetch_all!(self.db(), (String, String), "SELECT id, source FROM documents WHERE agent_id = $1", agent_id)?;
        let mut forgotten = 0;
        for (id, _) in rows.iter().filter(|(_, source)| !keep.iter().any(|kept| clean(kept) == *source)) {
            forgotten += execute!(self.db(), "DELETE FROM documents WHERE id = $1", id.as_str())?;
        }
        Ok(forgotten)
    }

    /// The agent's passages that match any word of the question, best first.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn search_passages(
        &self,
        workspace_id: &str,
        agent_id: &str,
        question: &str,
        limit: i64,
    ) -> Result<Vec<FoundPassage>, StoreError> {
        let words = words(question);
        if words.is_empty() {
            return Ok(Vec::new());
        }
        match self.db() {
            Db::Sqlite { read, .. } => {
                let query = words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" OR ");
                Ok(sqlx::query_as("SELECT d.title, d.source, p.text, -bm25(passages_index) AS score FROM passages_index JOIN passages AS p ON p.id = passages_index.rowid JOIN documents AS d ON d.id = p.document_id WHERE passages_index MATCH $1 AND p.workspace_id = $2 AND p.agent_id = $3 ORDER BY bm25(passages_index), p.id LIMIT $4")
                    .bind(query)
                    .bind(workspace_id)
                    .bind(agent_id)
                    .bind(limit)
                    .fetch_all(read)
                    .await?)
            }
            Db::Postgres(pool) => {
                let query = words.join(" | ");
                Ok(sqlx::query_as("SELECT d.title, d.source, p.text, CAST(ts_rank_cd(p.terms, q) AS DOUBLE PRECISION) AS score FROM passages AS p JOIN documents AS d ON d.id = p.document_id, to_tsquery('english', $1) AS q WHERE p.terms @@ q AND p.workspace_id = $2 AND p.agent_id = $3 ORDER BY score DESC, p.id LIMIT $4")
                    .bind(query)
                    .bind(workspace_id)
                    .bind(agent_id)
                    .bind(limit)
                    .fetch_all(pool)
                    .await?)
            }
        }
    }
}

/// Whose passages they are.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) workspace_id: &'a str,
    pub(super) agent_id: &'a str,
}

/// Adds a document's passages, which the databases take apart each in its own way.
async fn add_passages(
    tx: &mut Transaction,
    owner: Owner<'_>,
    document_id: &str,
    passages: &[String],
) -> Result<(), StoreError> {
    let passages: Vec<_> = passages.iter().map(|passage| clean(passage)).collect();
    let passages = serde_json::to_string(&passages).unwrap_or_default();
    match tx {
        Transaction::Sqlite(tx) => {
            sqlx::query("INSERT INTO passages (workspace_id, agent_id, document_id, ordinal, text) SELECT $1, $2, $3, key, value FROM json_each($4)")
                .bind(owner.workspace_id)
                .bind(owner.agent_id)
                .bind(document_id)
                .bind(passages)
                .execute(&mut **tx)
                .await?;
        }
        Transaction::Postgres(tx) => {
            sqlx::query("INSERT INTO passages (workspace_id, agent_id, document_id, ordinal, text) SELECT $1, $2, $3, t.ordinality, t.value FROM json_array_elements_text($4::json) WITH ORDINALITY AS t (value, ordinality)")
                .bind(owner.workspace_id)
                .bind(owner.agent_id)
                .bind(document_id)
                .bind(passages)
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}

/// The words of a question, letters and digits only, so that no operator of a search language can be among them.
pub(super) fn words(question: &str) -> Vec<String> {
    let mut words: Vec<String> = question
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(32)
        .map(|word| word.chars().take(40).collect::<String>().to_lowercase())
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn no_operator_survives() {
        assert_eq!(
            words("Wie* \"teuer\" OR (x AND y) -z:^ & | ! <-> 'a"),
            ["a", "and", "or", "teuer", "wie", "x", "y", "z"]
        );
        assert!(words(" ?! ").is_empty());
    }
}
