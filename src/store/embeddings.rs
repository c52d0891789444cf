//! Where texts lie in the space of a model of embeddings: memories, and the passages of documents. A vector belongs to a
//! text: who changes the text takes it away, in the same statement, and the job that makes another is born with the change.

use sqlx::FromRow;

use super::db::{fetch_all, fetch_optional};
use super::documents::FoundPassage;
use super::transactions::{Transaction, run};
use super::usage::{Place, add_turn};
use super::{Store, StoreError};
use crate::domain::jobs::{Embeddable, NewJob, Work};
use crate::domain::nearness::{nearness, vector_bytes};
use crate::domain::usage::{Spent, day_of};

/// Vectors that are read at once, and jobs that are made at once.
const PAGE: i64 = 500;
/// Most pages of one search: the newest ten thousand vectors.
const MOST_PAGES: usize = 20;

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

/// A text that is not embedded yet.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Unembedded {
    /// The id of the memory, or the number of the passage.
    pub id: String,
    /// The agent that learned it or knows it; empty: none.
    pub agent_id: String,
    /// The text.
    pub text: String,
}

/// The nearest so far of many, the nearest first.
struct Nearest<'a, K> {
    vector: &'a [f32],
    least: f32,
    most: usize,
    found: Vec<(K, f32)>,
}

impl<'a, K: Clone> Nearest<'a, K> {
    const fn new(vector: &'a [f32], (least, most): (f32, usize)) -> Self {
        Self { vector, least, most, found: Vec::new() }
    }

    fn compare(&mut self, page: &[(K, Vec<u8>)]) {
        let near = page.iter().filter_map(|(key, stored)| Some((key, nearness(self.vector, stored)?)));
        let near = near.filter(|(_, near)| *near >= self.least);
        self.found.extend(near.map(|(key, near)| (key.clone(), near)));
        self.found.sort_by(|one, other| other.1.total_cmp(&one.1));
        self.found.truncate(self.most);
    }
}

impl Store {
    /// Some texts of a memory or a document that this model has not embedded yet.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn texts_to_embed(
        &self,
        workspace_id: &str,
        (of, id): (Embeddable, &str),
        model: &str,
        most: i64,
    ) -> Result<Vec<Unembedded>, StoreError> {
        match of {
            Embeddable::Memory => fetch_all!(
                self.db(),
                Unembedded,
                "SELECT id, COALESCE(agent_id, '') AS agent_id, text FROM memories WHERE workspace_id = $1 AND id = $2 AND COALESCE(embedding_model, '') <> $3 LIMIT $4",
                workspace_id,
                id,
                model,
                most
            ),
            Embeddable::Document => fetch_all!(
                self.db(),
                Unembedded,
                "SELECT CAST(id AS TEXT) AS id, agent_id, text FROM passages WHERE workspace_id = $1 AND document_id = $2 AND COALESCE(embedding_model, '') <> $3 ORDER BY ordinal LIMIT $4",
                workspace_id,
                id,
                model,
                most
            ),
        }
    }

    /// Says where texts lie that are still the same, and counts what that spent on the model, in one transaction. Gives how
    /// many of them are still the same.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn put_embeddings(
        &self,
        workspace_id: &str,
        of: Embeddable,
        embedded: &[(Unembedded, Vec<f32>)],
        spent: &Spent,
    ) -> Result<u64, StoreError> {
        let mut tx = Transaction::begin(self.db()).await?;
        let mut put = 0;
        for (text, vector) in embedded {
            let bytes = vector_bytes(vector);
            let (id, text, model) = (text.id.as_str(), text.text.as_str(), spent.model.as_str());
            put += match of {
                Embeddable::Memory => run!(
                    &mut tx,
                    "UPDATE memories SET embedding = $4, embedding_model = $5 WHERE workspace_id = $1 AND id = $2 AND text = $3",
                    workspace_id,
                    id,
                    text,
                    bytes.as_slice(),
                    model
                ),
                Embeddable::Document => run!(
                    &mut tx,
                    "UPDATE passages SET embedding = $4, embedding_model = $5 WHERE workspace_id = $1 AND id = CAST($2 AS BIGINT) AND text = $3",
                    workspace_id,
                    id,
                    text,
                    bytes.as_slice(),
                    model
                ),
            }?;
        }
        let agent_id = embedded.first().map_or("", |(text, _)| &text.agent_id);
        self.add_spent(&mut tx, workspace_id, agent_id, spent).await?;
        tx.commit().await?;
        Ok(put)
    }

    /// Counts what the embedding of a question spent, whose vector is kept nowhere.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn count_question(&self, workspace_id: &str, agent_id: &str, spent: &Spent) -> Result<(), StoreError> {
        let mut tx = Transaction::begin(self.db()).await?;
        self.add_spent(&mut tx, workspace_id, agent_id, spent).await?;
        tx.commit().await
    }

    async fn add_spent(
        &self,
        tx: &mut Transaction,
        workspace_id: &str,
        agent_id: &str,
        spent: &Spent,
    ) -> Result<(), StoreError> {
        if spent.input_tokens == 0 {
            return Ok(());
        }
        let place = Place { workspace_id, day: day_of(self.clock().now()), agent_id, channel_id: "" };
        add_turn(tx, &place, None, std::slice::from_ref(spent)).await
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
        bounds: (f32, usize),
    ) -> Result<Vec<(String, f32)>, StoreError> {
        let Space { workspace_id, model, contact_id } = space;
        let (mut nearest, mut last) = (Nearest::new(vector, bounds), (i64::MAX, String::new()));
        for _ in 0..MOST_PAGES {
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
            let page: Vec<_> = page.into_iter().map(|(id, _, stored)| (id, stored)).collect();
            nearest.compare(&page);
        }
        Ok(nearest.found)
    }

    /// The agent's passages nearest to each of some vectors, the nearest first: at most `most` of the newest ten thousand,
    /// which are read once for all vectors. Their score is the cosine, which is at least `least`.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn nearest_passages(
        &self,
        (workspace_id, agent_id): (&str, &str),
        model: &str,
        vectors: &[Vec<f32>],
        (least, most): (f32, usize),
    ) -> Result<Vec<Vec<FoundPassage>>, StoreError> {
        let mut nearest: Vec<_> = vectors.iter().map(|vector| Nearest::new(vector, (least, most))).collect();
        let mut last = i64::MAX;
        for _ in 0..MOST_PAGES {
            let page: Vec<(i64, Vec<u8>)> = fetch_all!(
                self.db(),
                (i64, Vec<u8>),
                "SELECT id, embedding FROM passages WHERE workspace_id = $1 AND agent_id = $2 AND embedding_model = $3 AND id < $4 ORDER BY id DESC LIMIT $5",
                workspace_id,
                agent_id,
                model,
                last,
                PAGE
            )?;
            let Some((id, _)) = page.last() else { break };
            last = *id;
            for nearest in &mut nearest {
                nearest.compare(&page);
            }
        }
        let mut found = Vec::with_capacity(nearest.len());
        for Nearest { found: near, .. } in nearest {
            found.push(self.passages_at(workspace_id, near).await?);
        }
        Ok(found)
    }

    /// The passages with these numbers, those that are still there.
    async fn passages_at(&self, workspace_id: &str, near: Vec<(i64, f32)>) -> Result<Vec<FoundPassage>, StoreError> {
        let mut found = Vec::with_capacity(near.len());
        for (id, near) in near {
            let passage: Option<(String, String, String)> = fetch_optional!(
                self.db(),
                (String, String, String),
                "SELECT d.title, d.source, p.text FROM passages AS p JOIN documents AS d ON d.id = p.document_id WHERE p.id = $2 AND p.workspace_id = $1",
                workspace_id,
                id
            )?;
            let score = f64::from(near);
            found.extend(passage.map(|(title, source, text)| FoundPassage { title, source, text, score }));
        }
        Ok(found)
    }

    /// Whether this model has embedded anything that an agent knows.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn knows_by_meaning(&self, workspace_id: &str, agent_id: &str, model: &str) -> Result<bool, StoreError> {
        let row: Option<(i64,)> = fetch_optional!(
            self.db(),
            (i64,),
            "SELECT id FROM passages WHERE workspace_id = $1 AND agent_id = $2 AND embedding_model = $3 LIMIT 1",
            workspace_id,
            agent_id,
            model
        )?;
        Ok(row.is_some())
    }

    /// Gives birth to the jobs of some memories and documents of a workspace that this model has not embedded and that no
    /// job waits to embed. Gives how many.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn embed_what_is_left(&self, workspace_id: &str, model: &str) -> Result<usize, StoreError> {
        let memories: Vec<(String,)> = fetch_all!(
            self.db(),
            (String,),
            "SELECT m.id FROM memories AS m WHERE m.workspace_id = $1 AND COALESCE(m.embedding_model, '') <> $2 AND NOT EXISTS (SELECT 1 FROM jobs AS j WHERE j.workspace_id = $1 AND j.kind = 'embed' AND j.work LIKE '%' || m.id || '%') ORDER BY m.created_at DESC, m.id DESC LIMIT $3",
            workspace_id,
            model,
            PAGE
        )?;
        let documents: Vec<(String,)> = fetch_all!(
            self.db(),
            (String,),
            "SELECT d.id FROM documents AS d WHERE d.workspace_id = $1 AND EXISTS (SELECT 1 FROM passages AS p WHERE p.document_id = d.id AND COALESCE(p.embedding_model, '') <> $2) AND NOT EXISTS (SELECT 1 FROM jobs AS j WHERE j.workspace_id = $1 AND j.kind = 'embed' AND j.work LIKE '%' || d.id || '%') LIMIT $3",
            workspace_id,
            model,
            PAGE
        )?;
        let memories = memories.iter().map(|(id,)| self.embedding_of(Embeddable::Memory, id));
        let documents = documents.iter().map(|(id,)| self.embedding_of(Embeddable::Document, id));
        let jobs: Vec<NewJob> = memories.chain(documents).collect();
        let count = jobs.len();
        let mut tx = Transaction::begin(self.db()).await?;
        self.add_jobs(&mut tx, workspace_id, &jobs).await?;
        tx.commit().await?;
        self.feed(workspace_id, jobs);
        Ok(count)
    }

    /// The job that embeds a memory or a document.
    fn embedding_of(&self, of: Embeddable, id: &str) -> NewJob {
        let work = Work::Embed { of, id: id.to_owned() };
        NewJob { id: self.clock().id(), lane: String::new(), work, run_at: self.clock().now(), cargo: None }
    }

    /// Commits a transaction with the job that embeds what it has written, if there is one to be.
    pub(super) async fn commit_with_embedding(
        &self,
        tx: Transaction,
        workspace_id: &str,
        written: Option<(Embeddable, &str)>,
    ) -> Result<(), StoreError> {
        match written {
            Some((of, id)) => self.commit_with_job(tx, workspace_id, self.embedding_of(of, id)).await,
            None => self.tell_and_commit(tx, workspace_id, Vec::new()).await,
        }
    }
}
