//! Erasures: a person goes, step by step, each step in transactions of bounded size that also write down how far it has
//! come. It can be broken off anywhere and goes on from there; a step that is done again does no harm.

mod ending;
mod removing;
mod searching;

use std::collections::BTreeMap;

use serde_json::json;
use sqlx::FromRow;

use super::contacts::{TREE, root_in};
use super::db::{fetch_all, fetch_one, fetch_optional};
use super::idempotency::{Unwritten, remember};
use super::transactions::{Told, Transaction, lost_a_race, rows, run};
use super::{Store, StoreError};
use crate::domain::changes::Idempotency;
use crate::domain::erasures::{Erasure, ErasureState, Subject};
use crate::domain::jobs::{NewJob, Work};
use crate::telemetry::crash;

/// The columns of a receipt.
macro_rules! columns {
    () => {
        "id, contact_id, requested_by, requested_at, counts, finished_at"
    };
}

/// What is done, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Whom it is about is read, and their names in channels go: whoever writes from now on is somebody new.
    Cut,
    /// Waiting jobs.
    Jobs,
    /// The event sequence.
    Events,
    /// What webhook endpoints were told.
    WebhookDeliveries,
    /// What vendors delivered.
    Deliveries,
    /// Rows of their own, table by table.
    Rows,
    /// Conversations and contacts.
    End,
    /// Bytes of files.
    Bytes,
    /// Nothing is left.
    Done,
}

impl Step {
    const ALL: [(Self, &str); 9] = [
        (Self::Cut, "cut"),
        (Self::Jobs, "jobs"),
        (Self::Events, "events"),
        (Self::WebhookDeliveries, "webhook_deliveries"),
        (Self::Deliveries, "deliveries"),
        (Self::Rows, "rows"),
        (Self::End, "end"),
        (Self::Bytes, "bytes"),
        (Self::Done, "done"),
    ];

    fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(step, _)| *step == self).map_or("done", |(_, word)| word)
    }

    fn next(self) -> Self {
        let mut steps = Self::ALL.iter().skip_while(|(step, _)| *step != self);
        steps.nth(1).map_or(Self::Done, |(step, _)| *step)
    }
}

/// An erasure under way.
#[derive(Debug, Clone)]
pub struct Running {
    /// UUID.
    pub id: String,
    /// The workspace.
    pub workspace_id: String,
    /// The contact.
    pub contact_id: String,
    /// Whom it is about.
    pub subject: Subject,
    /// What is to be done next.
    pub step: Step,
    /// How far that has come.
    reached: String,
    /// 1, and once what was under way has ended 2.
    pub pass: i64,
    counts: BTreeMap<String, i64>,
}

impl Running {
    fn count(&mut self, what: &str, number: u64) {
        if number > 0 {
            *self.counts.entry(what.to_owned()).or_default() += i64::try_from(number).unwrap_or(i64::MAX);
        }
    }

    /// Goes on with this.
    fn go_to(&mut self, step: Step) {
        self.step = step;
        self.reached.clear();
    }
}

#[derive(FromRow)]
struct RunningRow {
    id: String,
    workspace_id: String,
    contact_id: String,
    step: String,
    reached: String,
    pass: i64,
    subject: Option<String>,
    counts: String,
}

#[derive(FromRow)]
struct ReceiptRow {
    id: String,
    contact_id: String,
    requested_by: String,
    requested_at: i64,
    counts: String,
    finished_at: Option<i64>,
}

impl From<ReceiptRow> for Erasure {
    fn from(row: ReceiptRow) -> Self {
        let ReceiptRow { id, contact_id, requested_by, requested_at, counts, finished_at } = row;
        let state = if finished_at.is_some() { ErasureState::Done } else { ErasureState::Running };
        let erased = serde_json::from_str(&counts).unwrap_or_default();
        Self { id, contact_id, state, requested_by, requested_at, finished_at, erased }
    }
}

impl Store {
    /// Begins the erasure of a contact's person, once for each key; while one of them is under way, that one is given.
    /// `by` is who asks for it.
    ///
    /// # Errors
    /// See [`Unwritten`].
    pub async fn begin_erasure(
        &self,
        workspace_id: &str,
        contact_id: &str,
        by: &str,
        key: Option<&Idempotency>,
    ) -> Result<String, Unwritten> {
        match self.try_begin_erasure(workspace_id, contact_id, by, key).await {
            Err(Unwritten::Store(error)) if lost_a_race(&error) => {
                self.try_begin_erasure(workspace_id, contact_id, by, key).await
            }
            done => done,
        }
    }

    async fn try_begin_erasure(
        &self,
        workspace_id: &str,
        contact_id: &str,
        by: &str,
        key: Option<&Idempotency>,
    ) -> Result<String, Unwritten> {
        let now = self.clock().now();
        let mut tx = Transaction::begin(self.db()).await?;
        let root = root_in(&mut tx, workspace_id, contact_id).await?.ok_or(Unwritten::Unknown)?;
        // Whoever asks at the same time waits here.
        run!(
            &mut tx,
            "UPDATE contacts SET updated_at = updated_at WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            root.as_str()
        )?;
        let running: Vec<(String,)> = rows!(
            &mut tx,
            (String,),
            "SELECT id FROM erasures WHERE workspace_id = $1 AND contact_id = $2 AND finished_at IS NULL",
            workspace_id,
            root.as_str()
        )?;
        let running = running.into_iter().next().map(|row| row.0);
        let id = running.clone().or(key.map(|key| key.result_id.clone())).unwrap_or_else(|| self.clock().id());
        let key = key.map(|key| Idempotency { result_id: id.clone(), ..key.clone() });
        if let Some(earlier) = remember(&mut tx, workspace_id, key.as_ref(), now).await? {
            return Err(Unwritten::Repeated(earlier));
        }
        if running.is_some() {
            self.tell_and_commit(tx, workspace_id, Vec::new()).await?;
            return Ok(id);
        }
        run!(
            &mut tx,
            "INSERT INTO erasures (id, workspace_id, contact_id, requested_by, requested_at, step, reached, pass, counts) VALUES ($1, $2, $3, $4, $5, 'cut', '', 1, '{}')",
            id.as_str(),
            workspace_id,
            root.as_str(),
            by,
            now
        )?;
        let work = Work::Erase { erasure_id: id.clone() };
        let job = NewJob { id: self.clock().id(), lane: String::new(), work, run_at: now, cargo: None };
        self.commit_with_job(tx, workspace_id, job).await?;
        Ok(id)
    }

    /// An erasure of a workspace.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn erasure(&self, workspace_id: &str, id: &str) -> Result<Option<Erasure>, StoreError> {
        let found = fetch_optional!(
            self.db(),
            ReceiptRow,
            concat!("SELECT ", columns!(), " FROM erasures WHERE workspace_id = $1 AND id = $2"),
            workspace_id,
            id
        )?;
        Ok(found.map(Erasure::from))
    }

    /// The erasures of a workspace, the newest first, and how many there are.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn erasures(
        &self,
        workspace_id: &str,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<Erasure>, i64), StoreError> {
        let found = fetch_all!(
            self.db(),
            ReceiptRow,
            concat!(
                "SELECT ",
                columns!(),
                " FROM erasures WHERE workspace_id = $1 ORDER BY requested_at DESC, id DESC LIMIT $2 OFFSET $3"
            ),
            workspace_id,
            limit,
            offset
        )?;
        let (total,) =
            fetch_one!(self.db(), (i64,), "SELECT COUNT(*) FROM erasures WHERE workspace_id = $1", workspace_id)?;
        Ok((found.into_iter().map(Erasure::from).collect(), total))
    }

    /// How far an erasure of a workspace has come; none when it is done.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn running_erasure(&self, workspace_id: &str, id: &str) -> Result<Option<Running>, StoreError> {
        let row = fetch_optional!(
            self.db(),
            RunningRow,
            "SELECT id, workspace_id, contact_id, step, reached, pass, subject, counts FROM erasures WHERE workspace_id = $1 AND id = $2 AND finished_at IS NULL",
            workspace_id,
            id
        )?;
        let Some(row) = row else { return Ok(None) };
        let unreadable = |column: &'static str, reason: String| StoreError::Unreadable {
            table: "erasures",
            column,
            id: id.to_owned(),
            reason,
        };
        let subject = match &row.subject {
            Some(text) => serde_json::from_str(text).map_err(|error| unreadable("subject", error.to_string()))?,
            None => Subject::default(),
        };
        let step = Step::ALL.iter().find(|(_, word)| *word == row.step).map(|(step, _)| *step);
        let step = step.ok_or_else(|| unreadable("step", row.step.clone()))?;
        let counts = serde_json::from_str(&row.counts).map_err(|error| unreadable("counts", error.to_string()))?;
        let RunningRow { id, workspace_id, contact_id, reached, pass, .. } = row;
        Ok(Some(Running { id, workspace_id, contact_id, subject, step, reached, pass, counts }))
    }

    /// Whom a contact's person consists of, and by what they are called.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn subject(&self, workspace_id: &str, contact_id: &str) -> Result<Option<Subject>, StoreError> {
        let root = fetch_optional!(self.db(), (String,), super::contacts::ROOT, workspace_id, contact_id)?;
        let Some((root,)) = root else { return Ok(None) };
        let mut tx = Transaction::begin(self.db()).await?;
        subject_in(&mut tx, workspace_id, &root).await.map(Some)
    }

    /// Writes down how far an erasure has come, and commits.
    async fn advance(&self, tx: Transaction, running: &Running) -> Result<(), StoreError> {
        self.advance_and_tell(tx, running, Vec::new()).await
    }

    /// The same with what is to be told of it.
    async fn advance_and_tell(
        &self,
        mut tx: Transaction,
        running: &Running,
        told: Vec<Told>,
    ) -> Result<(), StoreError> {
        run!(
            &mut tx,
            "UPDATE erasures SET step = $3, reached = $4, pass = $5, subject = $6, counts = $7 WHERE workspace_id = $1 AND id = $2 AND finished_at IS NULL",
            running.workspace_id.as_str(),
            running.id.as_str(),
            running.step.as_str(),
            running.reached.as_str(),
            running.pass,
            json!(running.subject).to_string().as_str(),
            json!(running.counts).to_string().as_str()
        )?;
        crash::point("erasing.step");
        self.tell_and_commit(tx, &running.workspace_id, told).await
    }

    /// Does the next step of an erasure to its end, or a bounded part of it; `running` tells how far it is then.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn erase_on(&self, running: &mut Running) -> Result<(), StoreError> {
        match running.step {
            Step::Cut => self.cut(running).await,
            Step::Jobs => self.erase_jobs(running).await,
            Step::Events => self.redact_events(running).await,
            Step::WebhookDeliveries => self.redact_webhook_deliveries(running).await,
            Step::Deliveries => self.redact_deliveries(running).await,
            Step::Rows => self.remove_rows(running).await,
            Step::End => self.end_person(running).await,
            Step::Bytes | Step::Done => Ok(()),
        }
    }

    /// Goes through everything once more: what was under way at the first time has ended.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn erase_again(&self, running: &mut Running) -> Result<(), StoreError> {
        running.pass += 1;
        running.go_to(Step::Jobs);
        let tx = Transaction::begin(self.db()).await?;
        self.advance(tx, running).await
    }

    /// Lets an erasure wait for what is under way until this time, Unix milliseconds, unless it waits already. Gives
    /// until when it waits.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn settle_erasure(&self, running: &mut Running, until: i64) -> Result<i64, StoreError> {
        if let Ok(known) = running.reached.parse() {
            return Ok(known);
        }
        running.reached = until.to_string();
        let tx = Transaction::begin(self.db()).await?;
        self.advance(tx, running).await?;
        Ok(until)
    }

    /// Makes an erasure a receipt: whom it was about is forgotten.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn finish_erasure(&self, running: &Running) -> Result<(), StoreError> {
        super::db::execute!(
            self.db(),
            "UPDATE erasures SET step = 'done', reached = '', subject = NULL, finished_at = $3 WHERE workspace_id = $1 AND id = $2 AND finished_at IS NULL",
            running.workspace_id.as_str(),
            running.id.as_str(),
            self.clock().now()
        )
        .map(|_| ())
    }
}

async fn subject_in(tx: &mut Transaction, workspace_id: &str, root: &str) -> Result<Subject, StoreError> {
    let members: Vec<(String,)> = rows!(&mut *tx, (String,), TREE, workspace_id, root)?;
    let mut subject = Subject { contacts: members.into_iter().map(|row| row.0).collect(), ..Subject::default() };
    for member in subject.contacts.clone() {
        let member = member.as_str();
        let conversations: Vec<(String,)> = rows!(
            &mut *tx,
            (String,),
            "SELECT id FROM conversations WHERE workspace_id = $1 AND contact_id = $2",
            workspace_id,
            member
        )?;
        subject.conversations.extend(conversations.into_iter().map(|row| row.0));
        let identities: Vec<(String,)> = rows!(
            &mut *tx,
            (String,),
            "SELECT value FROM identities WHERE workspace_id = $1 AND contact_id = $2",
            workspace_id,
            member
        )?;
        let said: Vec<(Option<String>, Option<String>)> = rows!(
            &mut *tx,
            (Option<String>, Option<String>),
            "SELECT phone, email FROM contacts WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            member
        )?;
        let said = said.into_iter().flat_map(|(phone, email)| [phone, email]).flatten();
        for word in identities.into_iter().map(|row| row.0).chain(said) {
            subject.add_word(&word);
        }
    }
    Ok(subject)
}
