//! Which changes of a batch may be committed: compares versions, vendor ids, identities and idempotency keys with the
//! database and with the changes before them in the batch.

use std::collections::{HashMap, HashSet};

use super::commit::{Statements, Tx};
use super::rows::Rows;
use crate::domain::changes::{Change, Idempotency, Refusal};

/// What the database knows about the things that a batch names.
#[derive(Debug, Default)]
pub(super) struct Known {
    versions: HashMap<String, i64>,
    provider_ids: HashSet<(String, String)>,
    /// (channel, kind, value) to (contact, conversation).
    identities: HashMap<(String, String, String), (String, Option<String>)>,
    keys: HashMap<(String, String), Idempotency>,
}

impl Known {
    /// Asks the database about everything the batch names; a question without rows is not asked.
    pub(super) async fn about(changes: &[Change], tx: &mut Tx, sql: &Statements) -> Result<Self, sqlx::Error> {
        let mut known = Self::default();
        let (mut versions, mut providers, mut identities, mut keys) =
            (Rows::new(), Rows::new(), Rows::new(), Rows::new());
        let mut asked: Vec<&str> = Vec::new();
        for change in changes {
            if let Some(conversation) = &change.conversation {
                if conversation.expected.is_some() {
                    asked.push(&conversation.state.id);
                }
                for identity in &conversation.identities {
                    identities
                        .row()
                        .text(&conversation.state.channel_id)
                        .text(identity.kind.as_str())
                        .text(&identity.value);
                }
            }
            for new in &change.messages {
                if let Some(provider_id) = &new.message.provider_id {
                    providers.row().text(&new.channel_id).text(provider_id);
                }
            }
            if let Some(idempotency) = &change.idempotency {
                keys.row().text(&change.workspace_id).text(&idempotency.key);
            }
        }
        // In one order for every writer, so that two of them cannot hold each other's rows.
        asked.sort_unstable();
        for id in asked {
            versions.row().text(id);
        }
        if !versions.is_empty() {
            known.versions = tx.fetch(&sql.versions, versions).await?.into_iter().collect();
        }
        if !providers.is_empty() {
            known.provider_ids = tx.fetch(&sql.provider_ids, providers).await?.into_iter().collect();
        }
        if !identities.is_empty() {
            let rows: Vec<(String, String, String, String, Option<String>)> =
                tx.fetch(&sql.identities, identities).await?;
            for (channel, kind, value, contact, conversation) in rows {
                known.identities.insert((channel, kind, value), (contact, conversation));
            }
        }
        if !keys.is_empty() {
            let rows: Vec<(String, String, String, String)> = tx.fetch(&sql.keys, keys).await?;
            for (workspace, key, request_hash, result_id) in rows {
                known.keys.insert((workspace, key.clone()), Idempotency { key, request_hash, result_id });
            }
        }
        Ok(known)
    }

    /// Judges one change, and remembers what it will have written for those after it.
    pub(super) fn admit(&mut self, change: &Change) -> Result<(), Refusal> {
        if let Some(idempotency) = &change.idempotency
            && let Some(earlier) = self.keys.get(&(change.workspace_id.clone(), idempotency.key.clone()))
        {
            return Err(Refusal::Repeated(earlier.clone()));
        }
        if let Some(conversation) = &change.conversation {
            if let Some(expected) = conversation.expected {
                if self.versions.get(&conversation.state.id) != Some(&expected) {
                    return Err(Refusal::Stale);
                }
            } else if let Some(other) = self.owner_of_identities(change) {
                return Err(other);
            }
        }
        let duplicates = self.duplicates(change);
        if !duplicates.is_empty() {
            return Err(Refusal::Duplicate(duplicates));
        }
        self.remember(change);
        Ok(())
    }

    fn owner_of_identities(&self, change: &Change) -> Option<Refusal> {
        let conversation = change.conversation.as_ref()?;
        conversation.identities.iter().find_map(|identity| {
            let key =
                (conversation.state.channel_id.clone(), identity.kind.as_str().to_owned(), identity.value.clone());
            let (contact, existing) = self.identities.get(&key)?;
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
                let key = (new.channel_id.clone(), provider_id.clone());
                (self.provider_ids.contains(&key) || !own.insert(key)).then(|| provider_id.clone())
            })
            .collect()
    }

    fn remember(&mut self, change: &Change) {
        if let Some(conversation) = &change.conversation {
            let state = &conversation.state;
            self.versions.insert(state.id.clone(), state.version);
            for identity in &conversation.identities {
                self.identities
                    .entry((state.channel_id.clone(), identity.kind.as_str().to_owned(), identity.value.clone()))
                    .or_insert_with(|| (state.contact_id.clone(), Some(state.id.clone())));
            }
        }
        for new in &change.messages {
            if let Some(provider_id) = &new.message.provider_id {
                self.provider_ids.insert((new.channel_id.clone(), provider_id.clone()));
            }
        }
        if let Some(idempotency) = &change.idempotency {
            self.keys.insert((change.workspace_id.clone(), idempotency.key.clone()), idempotency.clone());
        }
    }
}
