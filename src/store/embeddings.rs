//! Where memories lie in the space of a model of embeddings. A vector belongs to a text: who changes the text takes it
//! away, in the same statement, and the job that makes another is born with the change.

use super::db::{execute, fetch_all, fetch_optional};
use super::transactions::Transaction;
use super::{Store, StoreError};
use crate::domain::jobs::{NewJob, Work};
use crate::domain::memories::{nearness, vector_bytes};

/// Vectors that are read at once.
const PAGE: i64 = 500;
/// Most vectors of one search: the newest memories.
const MOST_COMPARED: usize = 10_000;

/// Which memories are searched, and in which space.
#[derive(Debug, Clone, Copy)]
pub struct Space<'a> {
    /// The tenant.
    pub workspace_id: &'a str,
    /// The model of embeddings.
    pub model: &'a str,
    /// Only memories about this contact or one that was merged into it.
    pub contact_id: Option<&'a str>,
}

impl Store {
    /// The text of a memory that this model has not embedded yet.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn text_to_embed(&self, workspace_id: &str, id: &str, model: &str) -> Result<Option<String>, StoreError> {
        let row: Option<(String,)> = fetch_optional!(
            self.db(),
            (String,),
            "SELECT text FROM memories WHERE workspace_id = $1 AND id = $2 AND COALESCE(embedding_model, '') <> $3",
            workspace_id,
            id,
            model
        )?;
        Ok(row.map(|row| row.0))
    }

    /// Says where a memory lies whose text is still this one.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn put_embedding(
        &self,
        workspace_id: &str,
        (id, text): (&str, &str),
        model: &str,
        vector: &[f32],
    ) -> Result<(), StoreError> {
        let bytes = vector_bytes(vector);
        execute!(
            self.db(),
            "UPDATE memories SET embedding = $4, embedding_model = $5 WHERE workspace_id = $1 AND id = $2 AND text = $3",
            workspace_id,
            id,
            text,
            bytes.as_slice(),
            model
        )
        .map(|_| ())
    }

    /// The memories nearest to a vector, the nearest first: at most `most` of the newest ten thousand, each with its
    /// cosine, which is at least `least`.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn nearest_memories(
        &self,
        space: Space<'_>,
        vector: &[f32],
        (least, most): (f32, usize),
    ) -> Result<Vec<(String, f32)>, StoreError> {
        let Space { workspace_id, model, contact_id } = space;
        let mut nearest: Vec<(String, f32)> = Vec::new();
        let (mut compared, mut last) = (0_usize, (i64::MAX, String::new()));
        while compared < MOST_COMPARED {
            let page: Vec<(String, i64, Vec<u8>)> = fetch_all!(
                self.db(),
                (String, i64, Vec<u8>),
                "SELECT id, created_at, embedding FROM memories WHERE workspace_id = $1 AND embedding_model = $2 AND embedding IS NOT NULL AND (created_at < $4 OR (created_at = $4 AND id < $5)) AND (CAST($3 AS TEXT) IS NULL OR contact_id IN (WITH RECURSIVE tree (id) AS (SELECT id FROM contacts WHERE workspace_id = $1 AND id = $3 UNION SELECT c.id FROM contacts AS c JOIN tree ON c.merged_into = tree.id) SELECT id FROM tree)) ORDER BY created_at DESC, id DESC LIMIT $6",
                workspace_id,
                model,
                contact_id,
                last.0,
                last.1.as_str(),
                PAGE
            )?;
            let Some((id, at, _)) = page.last() else { break };
            last = (*at, id.clone());
            compared = compared.saturating_add(page.len());
            let found = page.into_iter().filter_map(|(id, _, stored)| Some((id, nearness(vector, &stored)?)));
            nearest.extend(found.filter(|(_, near)| *near >= least));
            nearest.sort_by(|one, other| other.1.total_cmp(&one.1));
            nearest.truncate(most);
        }
        Ok(nearest)
    }

    /// Gives birth to the jobs of some memories of a workspace that this model has not embedded and that no job waits to
    /// embed. Gives how many.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn embed_what_is_left(&self, workspace_id: &str, model: &str) -> Result<usize, StoreError> {
        let left: Vec<(String,)> = fetch_all!(
            self.db(),
            (String,),
            "SELECT m.id FROM memories AS m WHERE m.workspace_id = $1 AND COALESCE(m.embedding_model, '') <> $2 AND NOT EXISTS (SELECT 1 FROM jobs AS j WHERE j.workspace_id = $1 AND j.kind = 'embed' AND j.work LIKE '%' || m.id || '%') ORDER BY m.created_at DESC, m.id DESC LIMIT $3",
            workspace_id,
            model,
            PAGE
        )?;
        let jobs: Vec<NewJob> = left.iter().map(|(id,)| self.embedding_of(id)).collect();
        let mut tx = Transaction::begin(self.db()).await?;
        self.add_jobs(&mut tx, workspace_id, &jobs).await?;
        self.tell_and_commit(tx, workspace_id, Vec::new()).await?;
        self.feed(workspace_id, jobs);
        Ok(left.len())
    }

    /// The job that embeds a memory.
    pub(super) fn embedding_of(&self, memory_id: &str) -> NewJob {
        let work = Work::Embed { memory_id: memory_id.to_owned() };
        NewJob { id: self.clock().id(), lane: String::new(), work, run_at: self.clock().now(), cargo: None }
    }
}
