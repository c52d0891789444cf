//! An agent is given documents: as text, as files or as addresses of the web. Files and addresses are read by a durable
//! job; what an agent knew of a document stays known until its new text is there.

mod apart;
mod fetching;
pub mod readers;

use sha2::Digest as _;

use super::Switchboard;
use super::downloading::place;
use super::knowledge::{self, Markup};
use crate::domain::changes::Idempotency;
use crate::domain::documents::{Document, DocumentState, Origin};
use crate::domain::files::File;
use crate::domain::jobs::{Job, NewJob, Verdict, Work, backoff_ms};
use crate::net::{Client, Trust};
use crate::store::StoreError;
use crate::store::documents::reading::{Content, Read};
use crate::telemetry::{chance, crash};
use readers::{Extracted, Format};

pub use apart::COMMAND as READ_COMMAND;

/// Largest document, in bytes.
pub const LARGEST_DOCUMENT: u64 = 10 * 1024 * 1024;
/// Longest text of a document, in characters.
pub const LONGEST_TEXT: usize = 2_000_000;
/// Tries after which a document counts as unreadable.
const MOST_TRIES: i64 = 4;
/// Longest title, in characters.
const LONGEST_TITLE: usize = 300;

/// What a document is made of.
#[derive(Debug, Clone)]
pub enum Handed {
    /// Its text.
    Text {
        /// The text.
        text: String,
        /// How to read it.
        markup: Markup,
    },
    /// A file that is kept.
    File(File),
    /// An address of the web.
    Url(String),
}

/// A document that somebody hands in.
#[derive(Debug, Clone)]
pub struct NewDocument {
    /// Its title; without one its own, or its source.
    pub title: Option<String>,
    /// Where it is from; without one its address, its file's name or its title.
    pub source: Option<String>,
    /// What it is made of.
    pub handed: Handed,
    /// The caller's idempotency key.
    pub key: Option<String>,
}

/// Why a document was not taken. Nothing was changed.
#[derive(Debug)]
pub enum Untaken {
    /// There is no such document of this agent.
    Unknown,
    /// Another document of the agent has this source.
    Taken,
    /// It was handed in as text, so there is nowhere to read it again from.
    Unrefreshable,
    /// The key was used for something else.
    KeyMismatch,
    /// What the key made was deleted since.
    Gone,
    /// Not now.
    Store(StoreError),
}

impl From<StoreError> for Untaken {
    fn from(error: StoreError) -> Self {
        if error.is_taken() { Self::Taken } else { Self::Store(error) }
    }
}

/// Why a document was not read.
#[derive(Debug)]
pub struct Unread {
    reason: String,
    again: bool,
}

impl Unread {
    fn never(reason: &str) -> Self {
        Self { reason: reason.to_owned(), again: false }
    }

    const fn soon(reason: String) -> Self {
        Self { reason, again: true }
    }
}

impl Switchboard {
    /// Gives an agent of the workspace a document, once for each key. Gives it, and whether it was given before under
    /// the same key.
    ///
    /// # Errors
    /// See [`Untaken`].
    pub async fn give_document(
        &self,
        workspace_id: &str,
        agent_id: &str,
        wanted: NewDocument,
    ) -> Result<(Document, bool), Untaken> {
        let (id, now) = (self.store.clock().id(), self.now());
        let key = wanted.key.as_ref().map(|key| Idempotency {
            key: key.clone(),
            request_hash: fingerprint(agent_id, &wanted),
            result_id: id.clone(),
        });
        let (document, content) = self.prepared(id, agent_id, wanted, now).await?;
        let added = match self.store.add_document(workspace_id, &document, content.clone(), key.as_ref()).await {
            // The same request may just have been first.
            Err(error) if error.is_taken() && key.is_some() => {
                self.store.add_document(workspace_id, &document, content, key.as_ref()).await?
            }
            added => added?,
        };
        let id = match &added {
            None => document.id,
            Some(earlier) if key.is_some_and(|key| key.request_hash != earlier.request_hash) => {
                return Err(Untaken::KeyMismatch);
            }
            Some(earlier) => earlier.result_id.clone(),
        };
        let document = self.store.document(workspace_id, &id).await?.ok_or(Untaken::Gone)?;
        Ok((document, added.is_some()))
    }

    /// Puts another content in a document's place. What the agent knew of it stays known until that has been read.
    ///
    /// # Errors
    /// See [`Untaken`].
    pub async fn replace_document(
        &self,
        workspace_id: &str,
        known: &Document,
        wanted: NewDocument,
    ) -> Result<Document, Untaken> {
        let (document, content) = self.prepared(known.id.clone(), &known.agent_id, wanted, self.now()).await?;
        self.changed(workspace_id, &document, content).await
    }

    /// Has a document read again from where it came.
    ///
    /// # Errors
    /// See [`Untaken`].
    pub async fn refresh_document(&self, workspace_id: &str, known: &Document) -> Result<Document, Untaken> {
        if known.origin == Origin::Text {
            return Err(Untaken::Unrefreshable);
        }
        let (revision, content) = self.reading(&known.id);
        let (state, updated_at) = (DocumentState::Pending, self.now());
        let document = Document { state, revision, updated_at, ..known.clone() };
        self.changed(workspace_id, &document, content).await
    }

    async fn changed(&self, workspace_id: &str, document: &Document, content: Content) -> Result<Document, Untaken> {
        if !self.store.change_document(workspace_id, document, content).await? {
            return Err(Untaken::Unknown);
        }
        self.store.document(workspace_id, &document.id).await?.ok_or(Untaken::Unknown)
    }

    /// A document as it is stored, with what gives it its text.
    async fn prepared(
        &self,
        id: String,
        agent_id: &str,
        wanted: NewDocument,
        now: i64,
    ) -> Result<(Document, Content), Untaken> {
        let NewDocument { title, source, handed, key: _ } = wanted;
        let title = title.unwrap_or_default();
        let (origin, file, url) = match &handed {
            Handed::Text { .. } => (Origin::Text, None, None),
            Handed::File(file) => (Origin::File, Some(file.clone()), None),
            Handed::Url(address) => (Origin::Url, None, Some(address.clone())),
        };
        let named = url.clone().or_else(|| file.as_ref().and_then(|file| file.filename.clone()));
        let source = source.or(named).unwrap_or_else(|| title.clone());
        let (state, revision, content) = match handed {
            Handed::Text { text, markup } => {
                let whole = knowledge::Document { title: title.clone(), source: source.clone(), text, markup };
                let embeds = self.embeds();
                let read = tokio::task::spawn_blocking(move || read_of(whole, embeds)).await;
                let read = read.map_err(|error| Untaken::Store(StoreError::Options(error.to_string())))?;
                (DocumentState::Ready, String::new(), Content::Read(read))
            }
            Handed::File(_) | Handed::Url(_) => {
                let (revision, content) = self.reading(&id);
                (DocumentState::Pending, revision, content)
            }
        };
        let document = Document {
            id,
            agent_id: agent_id.to_owned(),
            title,
            source,
            origin,
            file_id: file.map(|file| file.id),
            url,
            state,
            reason: None,
            passages: 0,
            created_at: now,
            updated_at: now,
            revision,
        };
        Ok((document, content))
    }

    /// A wish to read a document, with its job.
    fn reading(&self, id: &str) -> (String, Content) {
        let clock = self.store.clock();
        let revision = clock.id();
        let work = Work::Ingest { document_id: id.to_owned(), revision: revision.clone() };
        let job = NewJob { id: clock.id(), lane: String::new(), work, run_at: clock.now(), cargo: None };
        (revision, Content::Job(job))
    }

    /// Runs a job that reads a document.
    pub async fn ingest(&self, job: &Job, document_id: &str, revision: &str, client: &Client) -> Verdict {
        let again =
            |reason: String| Verdict::Retry { after_ms: backoff_ms(job.attempts, chance::below(1_000)), reason };
        let document = match self.store.document(&job.workspace_id, document_id).await {
            Ok(Some(document)) if document.revision == revision => document,
            Ok(_) => return Verdict::Drop,
            Err(error) => return again(error.to_string()),
        };
        let read = self.read_document(&job.workspace_id, &document, client).await;
        crash::point("ingesting.read");
        let kept = match read {
            Ok(read) => self.store.index_document(&job.workspace_id, document_id, revision, &read).await.map(drop),
            Err(unread) if unread.again && job.attempts + 1 < MOST_TRIES => return again(unread.reason),
            Err(unread) => self.store.fail_document(&job.workspace_id, document_id, revision, &unread.reason).await,
        };
        crash::point("ingesting.kept");
        kept.map_or_else(|error| again(error.to_string()), |()| Verdict::Drop)
    }

    /// What follows when the job is given up: the document says so.
    pub async fn give_up_ingest(&self, job: &Job, document_id: &str, revision: &str, reason: &str) {
        let failed = self.store.fail_document(&job.workspace_id, document_id, revision, reason).await;
        if let Err(error) = failed {
            tracing::error!(document_id, %error, "a document that cannot be read could not be marked");
        }
    }

    async fn read_document(&self, workspace_id: &str, document: &Document, client: &Client) -> Result<Read, Unread> {
        let (content_type, name, bytes) = match document.origin {
            Origin::Url => {
                let outside = client.trusting(Trust::Outside);
                let fetched = fetching::fetch(outside, document.url.as_deref().unwrap_or_default()).await?;
                (fetched.content_type, fetched.address.path().to_owned(), fetched.body.to_vec())
            }
            Origin::File | Origin::Text => {
                let id = document.file_id.as_deref().unwrap_or_default();
                let file = self.store.file(workspace_id, id).await.map_err(|error| Unread::soon(error.to_string()))?;
                let file = file.ok_or_else(|| Unread::never("its file is gone"))?;
                let bytes = tokio::fs::read(place(&self.options.files, &file.sha256)).await;
                let bytes = bytes.map_err(|error| Unread::soon(format!("the file store: {error}")))?;
                (file.mime_type, file.filename.unwrap_or_default(), bytes)
            }
        };
        let unsupported = || Unread::never("it is no web page, Markdown, plain text or PDF");
        let format = Format::of(&content_type, &name).ok_or_else(unsupported)?;
        let extracted = apart::read(&self.options.reader, format, &bytes, charset(&content_type)).await?;
        let (own_title, text) = match extracted {
            Extracted::Text { title, text } => (title.unwrap_or_default(), text),
            Extracted::Unreadable(reason) => return Err(Unread::never(&reason)),
        };
        if text.trim().is_empty() {
            return Err(Unread::never("there is no text in it"));
        }
        if text.chars().count() > LONGEST_TEXT {
            return Err(Unread::never(&format!("its text is longer than {LONGEST_TEXT} characters")));
        }
        let title = if document.title.is_empty() { own_title } else { document.title.clone() };
        let title = title.chars().take(LONGEST_TITLE).collect();
        let source = document.source.clone();
        let (whole, embeds) = (knowledge::Document { title, source, text, markup: format.markup() }, self.embeds());
        tokio::task::spawn_blocking(move || read_of(whole, embeds))
            .await
            .map_err(|error| Unread::soon(error.to_string()))
    }
}

fn read_of(document: knowledge::Document, embeds: bool) -> Read {
    Read { hash: document.hash(), passages: document.passages(), title: document.title, embeds }
}

/// The `charset` of a content type.
fn charset(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    })
}

/// SHA-256 of what was asked, lower-case hex.
fn fingerprint(agent_id: &str, wanted: &NewDocument) -> String {
    let handed = match &wanted.handed {
        Handed::Text { text, markup } => ["text", if *markup == Markup::Markdown { "markdown" } else { "plain" }, text],
        Handed::File(file) => ["file", &file.mime_type, &file.sha256],
        Handed::Url(address) => ["url", "", address],
    };
    let asked = serde_json::json!(["document", agent_id, wanted.title, wanted.source, handed]).to_string();
    hex::encode(sha2::Sha256::digest(asked.as_bytes()))
}
