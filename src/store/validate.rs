//! Which changes of a batch may be committed: compares versions, vendor ids, identities and idempotency keys with the
//! database and with the changes before them in the batch.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use switchboard_channels::contract::peer::Identity;

use super::commit::{Statements, Tx};
use super::rows::{Rows, clean};
use crate::domain::changes::{Change, Idempotency, Refusal};
use crate::domain::erasures::tombstone;
use crate::domain::usage::Month;

/// Channel, kind and value of an identity.
type IdentityKey = (String, String, String);
/// The workspace and contact of each identity to bind, in one order for every writer.
pub(super) type Bindings = BTreeMap<IdentityKey, (String, String)>;

/// What the database knows about the things that a batch names.
#[derive(Debug, Default)]
pub(super) struct Known {
    versions: HashMap<String, i64>,
    provider_ids: HashSet<(String, String)>,
    /// Vendors' ids and conversations, by channel, that were erased.
    erased: HashSet<(String, String)>,
    /// (channel, kind, value) to (contact, conversation).
    identities: HashMap<IdentityKey, (String, Option<String>)>,
    bindings: Bindings,
    /// Jobs that the changes finish and this node holds.
    held: HashSet<String>,
    keys: HashMap<(String, String), Idempotency>,
    /// Messages of this month, of the workspaces that may not have any number of them.
    messages: HashMap<String, u64>,
}

impl Known {
    /// Asks the database about everything the batch names; a question without rows is not asked.
    pub(super) async fn about(
        changes: &[Change],
        tx: &mut Tx,
        sql: &Statements,
        node: &str,
        at: i64,
    ) -> Result<Self, sqlx::Error> {
        let questions = Questions::about(changes, at);
        let mut known = Self::default();
        if !questions.versions.is_empty() {
            known.versions = tx.fetch(&sql.versions, questions.versions).await?.into_iter().collect();
        }
        if !questions.providers.is_empty() {
            for (channel, id, erased) in
                tx.fetch::<(String, String, i64)>(&sql.provider_ids, questions.providers).await?
            {
                let found = if erased == 1 { &mut known.erased } else { &mut known.provider_ids };
                found.insert((channel, id));
            }
        }
        if !questions.identities.is_empty() {
            let rows: Vec<(String, String, String, String, Option<String>)> =
                tx.fetch(&sql.identities, questions.identities).await?;
            for (channel, kind, value, contact, conversation) in rows {
                known.identities.insert((channel, kind, value), (contact, conversation));
            }
        }
        if !questions.keys.is_empty() {
            let rows: Vec<(String, String, String, String)> = tx.fetch(&sql.keys, questions.keys).await?;
            for (workspace, key, request_hash, result_id) in rows {
                known.keys.insert((workspace, key.clone()), Idempotency { key, request_hash, result_id });
            }
        }
        if !questions.months.is_empty() {
            let limited = changes.iter().filter(|change| change.most_messages.is_some());
            known.messages = limited.map(|change| (change.workspace_id.clone(), 0)).collect();
            let counted: Vec<(String, i64)> = tx.fetch(&sql.month_messages, questions.months).await?;
            known.messages.extend(counted.into_iter().map(|(id, count)| (id, u64::try_from(count).unwrap_or(0))));
        }
        if !questions.jobs.is_empty() {
            let held: Vec<(String,)> = tx.fetch_for(&sql.held_jobs, questions.jobs, node).await?;
            known.held = held.into_iter().map(|row| row.0).collect();
        }
        Ok(known)
    }

    /// The identities that the admitted changes bind and nobody has.
    pub(super) const fn bindings(&self) -> &Bindings {
        &self.bindings
    }

    /// Judges one change, and remembers what it will have written for those after it.
    pub(super) fn admit(&mut self, change: &Change) -> Result<(), Refusal> {
        if let Some(job) = &change.finishes
            && !self.held.contains(job)
        {
            return Err(Refusal::Fenced);
        }
        if let Some(idempotency) = &change.idempotency
            && let Some(earlier) = self.keys.get(&(change.workspace_id.clone(), clean(&idempotency.key).into_owned()))
        {
            return Err(Refusal::Repeated(earlier.clone()));
        }
        let erased = self.erased(change);
        if !erased.is_empty() {
            return Err(Refusal::Erased(erased));
        }
        if let Some(conversation) = &change.conversation {
            if self.versions.get(&conversation.state.id).copied() != conversation.expected {
                return Err(Refusal::Stale);
            }
            if conversation.expected.is_none()
                && let Some(other) = self.owner_of_identities(change)
            {
                return Err(other);
            }
        }
        let duplicates = self.duplicates(change);
        if !duplicates.is_empty() {
            return Err(Refusal::Duplicate(duplicates));
        }
        if let Some(most) = change.most_messages
            && self.messages.get(&change.workspace_id).copied().unwrap_or_default() + count(change) > most
        {
            return Err(Refusal::UsedUp(most));
        }
        self.remember(change);
        Ok(())
    }

    /// What a change names that was erased.
    fn erased(&self, change: &Change) -> Vec<String> {
        if self.erased.is_empty() {
            return Vec::new();
        }
        let was = |channel: &str, id: &str| self.erased.contains(&(channel.to_owned(), clean(id).into_owned()));
        let conversation = change.conversation.iter().map(|begun| (&begun.state.channel_id, &begun.state.id));
        let messages =
            change.messages.iter().filter_map(|new| Some((&new.channel_id, new.message.provider_id.as_ref()?)));
        let targets = change.revisions.iter().map(|revision| (&revision.channel_id, &revision.target));
        let named = conversation.chain(messages).chain(targets);
        named.filter(|(channel, id)| was(channel, id)).map(|(_, id)| id.clone()).collect()
    }

    fn owner_of_identities(&self, change: &Change) -> Option<Refusal> {
        let conversation = change.conversation.as_ref()?;
        conversation.identities.iter().find_map(|identity| {
            let (contact, existing) = self.identities.get(&key(&conversation.state.channel_id, identity))?;
            match existing {
                Some(existing) if *existing != conversation.state.id => Some(Refusal::Taken(existing.clone())),
                None if *contact != conversation.state.contact_id => Some(Refusal::Stale),
                _ => None,
            }
        })
    }

    fn duplicates(&self, change: &Change) -> Vec<String> {
        let mut own = HashSet::new();
        change
            .messages
            .iter()
            .filter_map(|new| {
                let provider_id = new.message.provider_id.as_ref()?;
                let key = (new.channel_id.clone(), clean(provider_id).into_owned());
                (self.provider_ids.contains(&key) || !own.insert(key)).then(|| provider_id.clone())
            })
            .collect()
    }

    fn remember(&mut self, change: &Change) {
        if let Some(conversation) = &change.conversation {
            let state = &conversation.state;
            self.versions.insert(state.id.clone(), state.version);
            for identity in &conversation.dropped {
                let key = key(&state.channel_id, identity);
                if self.identities.get(&key).is_some_and(|(contact, _)| *contact == state.contact_id) {
                    self.identities.remove(&key);
                    self.bindings.remove(&key);
                }
            }
            for identity in &conversation.identities {
                if let Entry::Vacant(free) = self.identities.entry(key(&state.channel_id, identity)) {
                    let binding = (state.workspace_id.clone(), state.contact_id.clone());
                    self.bindings.insert(free.key().clone(), binding);
                    // Where there are threads, knowing the person does not name the conversation.
                    let conversation = state.thread.is_empty().then(|| state.id.clone());
                    free.insert((state.contact_id.clone(), conversation));
                }
            }
        }
        if let Some(known) = self.messages.get_mut(&change.workspace_id) {
            *known += count(change);
        }
        for new in &change.messages {
            if let Some(provider_id) = &new.message.provider_id {
                self.provider_ids.insert((new.channel_id.clone(), clean(provider_id).into_owned()));
            }
        }
        if let Some(idempotency) = &change.idempotency {
            let key = (change.workspace_id.clone(), clean(&idempotency.key).into_owned());
            self.keys.insert(key, idempotency.clone());
        }
        if let Some(job) = &change.finishes {
            self.held.remove(job);
        }
    }
}

/// Messages that a change adds.
fn count(change: &Change) -> u64 {
    u64::try_from(change.messages.len()).unwrap_or(u64::MAX)
}

fn key(channel_id: &str, identity: &Identity) -> IdentityKey {
    (channel_id.to_owned(), identity.kind.as_str().to_owned(), clean(&identity.value).into_owned())
}

/// What to ask the database about a batch, as rows.
struct Questions {
    versions: Rows,
    providers: Rows,
    identities: Rows,
    keys: Rows,
    months: Rows,
    jobs: Rows,
}

impl Questions {
    fn about(changes: &[Change], at: i64) -> Self {
        let mut questions = Self {
            versions: Rows::new(),
            providers: Rows::new(),
            identities: Rows::new(),
            keys: Rows::new(),
            months: Rows::new(),
            jobs: Rows::new(),
        };
        for change in changes {
            questions.add(change);
        }
        let limited = changes.iter().filter(|change| change.most_messages.is_some());
        let month = Month::of(at);
        for workspace in limited.map(|change| change.workspace_id.as_str()).collect::<BTreeSet<_>>() {
            questions.months.row().text(workspace).int(month.first).int(month.next);
        }
        questions
    }

    fn add(&mut self, change: &Change) {
        if let Some(conversation) = &change.conversation {
            self.versions.row().text(&conversation.state.id);
            for identity in conversation.identities.iter().chain(&conversation.dropped) {
                self.identities
                    .row()
                    .text(&conversation.state.channel_id)
                    .text(identity.kind.as_str())
                    .text(&identity.value);
            }
            if conversation.expected.is_none() {
                self.provider(&conversation.state.channel_id, &conversation.state.id);
            }
        }
        for new in &change.messages {
            if let Some(provider_id) = &new.message.provider_id {
                self.provider(&new.channel_id, provider_id);
            }
        }
        for revision in &change.revisions {
            self.provider(&revision.channel_id, &revision.target);
        }
        if let Some(idempotency) = &change.idempotency {
            self.keys.row().text(&change.workspace_id).text(&idempotency.key);
        }
        if let Some(job) = &change.finishes {
            self.jobs.row().text(job);
        }
    }

    /// Whether something of this id is there, or was erased.
    fn provider(&mut self, channel_id: &str, id: &str) {
        let id = clean(id);
        self.providers.row().text(channel_id).text(&id).text(&tombstone(channel_id, &id));
    }
}
