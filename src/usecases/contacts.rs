//! Contacts: made, found as one person, joined by evidence, and read as one timeline.

use sha2::Digest as _;
use switchboard_channels::Kind;

use super::Switchboard;
use crate::domain::changes::Idempotency;
use crate::domain::contacts::{Particulars, Person};
use crate::domain::messages::Message;
use crate::store::StoreError;
use crate::store::contacts::ContactRefusal;
use crate::store::conversations::{StoredConversation, Which};
use crate::store::merges::{By, MergeRefusal};
use crate::store::messages::Span;

/// What the log says of a merge by the rule of verified phone numbers.
const SAME_PHONE: &str = "the same phone number, verified on both sides";

/// Why a contact was not made. Nothing was stored.
#[derive(Debug)]
pub enum Unmade {
    /// The store refused.
    Refused(ContactRefusal),
    /// The key was used for something else.
    KeyMismatch,
    /// What the key made was deleted since.
    Gone,
}

impl From<StoreError> for Unmade {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

/// A message of a person with the place it stands in.
#[derive(Debug)]
pub struct Moment {
    /// Its conversation.
    pub conversation_id: String,
    /// The conversation's channel.
    pub channel_id: String,
    /// The channel's kind.
    pub channel_kind: Kind,
    /// The message.
    pub message: Message,
}

impl Switchboard {
    /// Makes a contact of the workspace, once for each key. Gives the person, and whether the key had made it before.
    ///
    /// # Errors
    /// See [`Unmade`].
    pub async fn make_contact(
        &self,
        workspace_id: &str,
        said: &Particulars,
        key: Option<String>,
    ) -> Result<(Person, bool), Unmade> {
        let id = self.store.clock().id();
        let wanted = key.map(|key| Idempotency { key, request_hash: fingerprint(said), result_id: id.clone() });
        match self.store.add_contact(workspace_id, &id, said, wanted.as_ref()).await {
            Ok(()) => {
                let made = self.store.person(workspace_id, &id).await?;
                made.map(|person| (person, false)).ok_or(Unmade::Gone)
            }
            Err(ContactRefusal::Repeated(earlier)) => {
                if wanted.is_none_or(|wanted| wanted.request_hash != earlier.request_hash) {
                    return Err(Unmade::KeyMismatch);
                }
                let made = self.store.person(workspace_id, &earlier.result_id).await?;
                made.map(|person| (person, true)).ok_or(Unmade::Gone)
            }
            Err(refusal) => Err(Unmade::Refused(refusal)),
        }
    }

    /// The messages of all of a person's conversations in one order by time, the oldest first: the newest `limit` of
    /// them, or of those before a message.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn timeline(
        &self,
        workspace_id: &str,
        person: &Person,
        span: Span<'_>,
        limit: i64,
    ) -> Result<Vec<Moment>, StoreError> {
        let found = self.store.timeline(workspace_id, &person.id, span, limit).await?;
        let mut moments = Vec::with_capacity(found.len());
        for stored in found {
            let Some(account) = self.directory.channel(&stored.channel_id).await? else { continue };
            moments.push(Moment {
                conversation_id: stored.conversation_id,
                channel_id: stored.channel_id,
                channel_kind: account.channel.kind,
                message: stored.message,
            });
        }
        Ok(moments)
    }

    /// The conversations of a contact's person, those with the newest message first, and how many there are.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn conversations_of_person(
        &self,
        workspace_id: &str,
        contact_id: &str,
        which: &Which,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<StoredConversation>, i64), StoreError> {
        let Some(person) = self.store.person(workspace_id, contact_id).await? else { return Ok((Vec::new(), 0)) };
        let (ids, total) = self.store.conversations_of(workspace_id, &person.id, which, limit, offset).await?;
        let mut conversations = Vec::with_capacity(ids.len());
        // A person has a handful, one for each channel; each is read as it is read alone.
        for id in ids {
            conversations.extend(self.store.conversation(workspace_id, &id).await?);
        }
        Ok((conversations, total))
    }

    /// Joins a contact with those that have the same verified phone number, if the workspace's rules say so. The oldest
    /// stands for all. Gives how many were merged.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn join_by_phone(&self, workspace_id: &str, contact_id: &str) -> Result<usize, StoreError> {
        let others = self.store.contacts_of_same_phone(workspace_id, contact_id).await?;
        if others.is_empty() || !self.store.merge_rules(workspace_id).await?.verified_phone {
            return Ok(0);
        }
        let mut merged = 0;
        for other in others {
            let (one, two) =
                (self.store.person(workspace_id, contact_id).await?, self.store.person(workspace_id, &other).await?);
            let (Some(one), Some(two)) = (one, two) else { continue };
            // Ids begin with their time, so that the smaller is the older.
            let (kept, younger) = if one.id <= two.id { (one.id, two.id) } else { (two.id, one.id) };
            match self.store.merge_contacts(workspace_id, &kept, &younger, SAME_PHONE, By::Rule).await {
                Ok(_) => merged += 1,
                Err(MergeRefusal::Store(error)) => return Err(error),
                Err(reason) => tracing::debug!(contact_id, other, %reason, "contacts stay apart"),
            }
        }
        Ok(merged)
    }

    /// Joins all contacts that rules should have joined: what was left when this installation last ended.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn join_all_by_phone(&self) -> Result<usize, StoreError> {
        let mut merged = 0;
        for (workspace_id, contact_id) in self.store.contacts_with_shared_phones().await? {
            merged += self.join_by_phone(&workspace_id, &contact_id).await?;
        }
        Ok(merged)
    }
}

/// SHA-256 of what was asked, lower-case hex.
fn fingerprint(said: &Particulars) -> String {
    let Particulars { name, phone, email, external_id, attributes, tags } = said;
    let asked = serde_json::json!(["contact", name, phone, email, external_id, attributes, tags]).to_string();
    hex::encode(sha2::Sha256::digest(asked.as_bytes()))
}
