//! A visitor of a web page who signs in: their contact becomes the contact with the site's id, in one transaction.

use switchboard_channels::contract::peer::IdentityKind;

use super::contacts::{ContactRow, Key, holders_in, root_in};
use super::merges::{By, MergeRefusal, external_ids, tree_in};
use super::transactions::{Told, Transaction, lost_a_race, rows, run};
use super::{Store, StoreError};
use crate::domain::contacts::MergeRules;
use crate::domain::events::EventKind;

/// Who signs in, proved by the site's signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// The workspace.
    pub workspace_id: String,
    /// The widget.
    pub channel_id: String,
    /// The visitor.
    pub visitor_id: String,
    /// The site's id of its user.
    pub external_id: String,
    /// The name by which the site knows them.
    pub name: Option<String>,
    /// E.164, as the site knows it.
    pub phone: Option<String>,
    /// Lower case, as the site knows it.
    pub email: Option<String>,
    /// A sentence for the log of merges.
    pub evidence: String,
    /// By which evidence the workspace merges.
    pub rules: MergeRules,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedIn {
    /// The visitor's contact is the person.
    Joined,
    /// The visitor is somebody else: another user of the site, or one whom a hand has parted from this person. Nothing
    /// was written.
    SomebodyElse,
}

impl Store {
    /// Makes the visitor's contact the contact with the site's id: the first one gets the id, a later one is merged.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn sign_in(&self, asked: &SignIn) -> Result<SignedIn, StoreError> {
        match self.try_sign_in(asked).await {
            Err(error) if lost_a_race(&error) => self.try_sign_in(asked).await,
            done => done,
        }
    }

    async fn try_sign_in(&self, asked: &SignIn) -> Result<SignedIn, StoreError> {
        let workspace_id = asked.workspace_id.as_str();
        let mut tx = Transaction::begin(self.db()).await?;
        let mut told = Vec::new();
        let own = self.visitor_contact(&mut tx, asked, &mut told).await?;
        let known = holders_in(&mut tx, workspace_id, Key::ExternalId, &asked.external_id).await?;
        let user = match known.into_iter().next() {
            Some(user) => {
                match self.merge_in(&mut tx, workspace_id, (&user, &own), &asked.evidence, By::Rule).await {
                    Ok((_, merged)) => told.push(merged),
                    Err(MergeRefusal::SamePerson) => {}
                    Err(MergeRefusal::Store(error)) => return Err(error),
                    Err(_) => return Ok(SignedIn::SomebodyElse),
                }
                user
            }
            None => {
                let root = root_in(&mut tx, workspace_id, &own).await?.unwrap_or_else(|| own.clone());
                let person = tree_in(&mut tx, workspace_id, &root).await?;
                if !external_ids(&mut tx, &person).await?.is_empty() {
                    return Ok(SignedIn::SomebodyElse);
                }
                own
            }
        };
        told.extend(self.note_claims(&mut tx, asked, &user).await?);
        for (key, value) in [(Key::Phone, &asked.phone), (Key::Email, &asked.email)] {
            if let Some(value) = value {
                told.extend(self.claim(&mut tx, asked, &user, key, value).await?);
            }
        }
        self.tell_and_commit(tx, workspace_id, told).await?;
        Ok(SignedIn::Joined)
    }

    /// The visitor's contact, made now if they have not written yet.
    async fn visitor_contact(
        &self,
        tx: &mut Transaction,
        asked: &SignIn,
        told: &mut Vec<Told>,
    ) -> Result<String, StoreError> {
        let kind = IdentityKind::Visitor.as_str();
        let found: Vec<(String,)> = rows!(
            tx,
            (String,),
            "SELECT contact_id FROM identities WHERE channel_id = $1 AND kind = $2 AND value = $3",
            asked.channel_id.as_str(),
            kind,
            asked.visitor_id.as_str()
        )?;
        if let Some((contact,)) = found.into_iter().next() {
            return Ok(contact);
        }
        let (id, now) = (self.clock().id(), self.clock().now());
        let made = rows!(
            tx,
            ContactRow,
            "INSERT INTO contacts (id, workspace_id, name, created_at, updated_at) VALUES ($1, $2, $3, $4, $4) RETURNING id, name, known_as, phone, email, external_id, attributes, tags, created_at, updated_at",
            id.as_str(),
            asked.workspace_id.as_str(),
            asked.name.as_deref(),
            now
        )?;
        told.extend(made.iter().map(|contact| contact.told(EventKind::ContactCreated)));
        run!(
            tx,
            "INSERT INTO identities (channel_id, kind, value, workspace_id, contact_id, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
            asked.channel_id.as_str(),
            kind,
            asked.visitor_id.as_str(),
            asked.workspace_id.as_str(),
            id.as_str(),
            now
        )?;
        Ok(id)
    }

    /// Writes the site's id and name to the contact that carries them, where they are not there yet.
    async fn note_claims(&self, tx: &mut Transaction, asked: &SignIn, user: &str) -> Result<Option<Told>, StoreError> {
        let noted = rows!(
            tx,
            ContactRow,
            "UPDATE contacts SET external_id = $2, name = COALESCE($3, name), updated_at = $4 WHERE id = $1 AND (external_id IS NULL OR COALESCE($3, name, '') <> COALESCE(name, '')) RETURNING id, name, known_as, phone, email, external_id, attributes, tags, created_at, updated_at",
            user,
            asked.external_id.as_str(),
            asked.name.as_deref(),
            self.clock().now()
        )?;
        Ok(noted.first().map(|contact| contact.told(EventKind::ContactUpdated)))
    }

    /// A phone number or an address that the site verified. Nobody else has it: it is the user's. Somebody else has:
    /// they are one person, if the workspace's rules say so, and else it stays where it is.
    async fn claim(
        &self,
        tx: &mut Transaction,
        asked: &SignIn,
        user: &str,
        key: Key,
        value: &str,
    ) -> Result<Vec<Told>, StoreError> {
        let workspace_id = asked.workspace_id.as_str();
        let (allowed, evidence, write) = match key {
            Key::Phone => (
                asked.rules.verified_phone,
                "the same phone number, verified by the site for its signed-in user",
                "UPDATE contacts SET phone = $2, updated_at = $3 WHERE id = $1 AND (phone IS NULL OR phone <> $2) RETURNING id, name, known_as, phone, email, external_id, attributes, tags, created_at, updated_at",
            ),
            _ => (
                asked.rules.verified_email,
                "the same email address, verified by the site for its signed-in user",
                "UPDATE contacts SET email = $2, updated_at = $3 WHERE id = $1 AND (email IS NULL OR email <> $2) RETURNING id, name, known_as, phone, email, external_id, attributes, tags, created_at, updated_at",
            ),
        };
        let mut told = Vec::new();
        let mut is_free = true;
        for holder in holders_in(tx, workspace_id, key, value).await? {
            if root_in(tx, workspace_id, &holder).await? == root_in(tx, workspace_id, user).await? {
                is_free &= holder == user;
                continue;
            }
            is_free = false;
            if !allowed {
                continue;
            }
            match self.merge_in(tx, workspace_id, (user, &holder), evidence, By::Rule).await {
                Ok((_, merged)) => told.push(merged),
                Err(MergeRefusal::Store(error)) => return Err(error),
                Err(_) => {}
            }
        }
        if is_free {
            let written = rows!(tx, ContactRow, write, user, value, self.clock().now())?;
            told.extend(written.iter().map(|contact| contact.told(EventKind::ContactUpdated)));
        }
        Ok(told)
    }
}
