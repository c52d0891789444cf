//! Somebody of ours speaks first: to a person who has not written on this channel, or not for a long time.

use std::sync::Arc;

use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::outbound::Outbound;
use switchboard_channels::contract::peer::{Identity, IdentityKind};

use super::Switchboard;
use super::conversing::{Unsaid, Wish, fingerprint};
use super::directory::Account;
use crate::actors::errands::Birth;
use crate::domain::contacts::{self, Person};
use crate::domain::conversations::Origin;
use crate::domain::messages::Message;
use crate::store::StoreError;
use crate::store::conversations::StoredConversation;

/// How often it is tried again when the person writes, or is written to, in the same moment.
const MOST_TRIES: usize = 4;

/// To whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// Whoever has this phone number (E.164) or email address.
    Address(String),
    /// This contact, by the number or address that is known of them.
    Contact(String),
}

/// Why nothing was begun. Nothing was stored.
#[derive(Debug)]
pub enum Unbegun {
    /// There is no such channel in this workspace.
    UnknownChannel,
    /// There is no such contact in this workspace.
    UnknownContact,
    /// It is neither a phone number nor an email address.
    NoAddress,
    /// The channel reaches nobody by what is known of them: they have to write first.
    OutOfReach,
    /// It may not be said.
    Unsaid(Unsaid),
}

impl From<Unsaid> for Unbegun {
    fn from(unsaid: Unsaid) -> Self {
        Self::Unsaid(unsaid)
    }
}

impl From<StoreError> for Unbegun {
    fn from(error: StoreError) -> Self {
        Self::Unsaid(error.into())
    }
}

/// What was said first, and where.
#[derive(Debug)]
pub struct BegunWith {
    /// The conversation.
    pub conversation: StoredConversation,
    /// The message.
    pub message: Message,
    /// It was said before under the same key.
    pub repeated: bool,
}

impl Switchboard {
    /// Says something to a person over a channel: in the conversation that they have there, or in a new one. Where the
    /// channel has threads, it begins one. `name` is for a person who is new.
    ///
    /// # Errors
    /// See [`Unbegun`].
    pub async fn begin(
        &self,
        workspace_id: &str,
        channel_id: &str,
        whom: &Whom,
        name: Option<String>,
        wish: Wish,
    ) -> Result<BegunWith, Unbegun> {
        let account = self.directory.channel(channel_id).await?.ok_or(Unbegun::UnknownChannel)?;
        if account.channel.workspace_id != workspace_id {
            return Err(Unbegun::UnknownChannel);
        }
        let (to, person) = self.reach(workspace_id, &account, whom).await?;
        let asked = fingerprint(&format!("{channel_id} {}:{}", to.kind.as_str(), to.value), &wish);
        let wish = Wish { request_hash: Some(asked), ..wish };
        let mut tries = 0;
        loop {
            let (conversation, birth) = self.place(&account, &to, person.as_ref(), name.clone(), &wish).await?;
            match self.speak(&conversation, birth, wish.clone()).await {
                Ok((message, repeated)) => return self.begun(workspace_id, message, repeated).await,
                // The person, or another of ours, was faster.
                Err(Unsaid::Elsewhere) if tries < MOST_TRIES => tries += 1,
                Err(unsaid) => return Err(unsaid.into()),
            }
        }
    }

    /// What the channel calls the person.
    async fn reach(
        &self,
        workspace_id: &str,
        account: &Account,
        whom: &Whom,
    ) -> Result<(Identity, Option<Person>), Unbegun> {
        let person = match whom {
            Whom::Address(_) => None,
            Whom::Contact(id) => Some(self.store.person(workspace_id, id).await?.ok_or(Unbegun::UnknownContact)?),
        };
        let mut names = Vec::new();
        match (whom, &person) {
            (Whom::Address(text), _) => names.push(address(text).ok_or(Unbegun::NoAddress)?),
            (Whom::Contact(_), Some(person)) => {
                let here = person.identities.iter().filter(|identity| identity.channel_id == account.channel.id);
                names.extend(here.map(|identity| Identity::new(identity.kind, identity.value.clone())));
                names.extend([&person.phone, &person.email].into_iter().flatten().filter_map(|text| address(text)));
            }
            (Whom::Contact(_), None) => {}
        }
        let vendor = account.vendor.as_ref().map_err(|reason| Unsaid::Unavailable(reason.clone()))?;
        // Whoever cannot reach such an address says so when it renders.
        let probe = Content::text("?");
        let reaches = |to: &Identity| vendor.render(&Outbound::new("0", std::slice::from_ref(to), &probe)).is_ok();
        let found = names.into_iter().find(|to| !account.channel.kind.is_ours() && reaches(to));
        Ok((found.ok_or(Unbegun::OutOfReach)?, person))
    }

    /// The conversation that the person has there; or how a new one begins.
    async fn place(
        &self,
        account: &Arc<Account>,
        to: &Identity,
        person: Option<&Person>,
        name: Option<String>,
        wish: &Wish,
    ) -> Result<(StoredConversation, Option<Birth>), Unbegun> {
        let (channel, clock) = (&account.channel, self.store.clock());
        let threads = account.capabilities().is_some_and(|capabilities| capabilities.threads);
        let known = std::slice::from_ref(to);
        if !threads
            && let Some(id) = self.store.find_conversation(&channel.id, known).await?
            && let Some(found) = self.store.conversation(&channel.workspace_id, &id).await?
        {
            return Ok((found, None));
        }
        let contact_id = match self.store.find_contact(&channel.id, known).await? {
            Some(contact_id) => contact_id,
            None => person.map_or_else(|| clock.id(), |person| person.id.clone()),
        };
        let id = clock.id();
        let subject = match &wish.content {
            Content::Email(mail) => mail.subject.clone(),
            _ => None,
        };
        let origin = Origin { contact_id, thread: if threads { id.clone() } else { String::new() }, subject };
        let birth =
            Birth { channel: Arc::clone(channel), origin, to: to.clone(), name: name.filter(|_| person.is_none()) };
        let state = birth.conversation(id, clock.now());
        Ok((StoredConversation { state, contact_name: None, identities: known.to_vec() }, Some(birth)))
    }

    async fn begun(&self, workspace_id: &str, message: Message, repeated: bool) -> Result<BegunWith, Unbegun> {
        let stored = self.store.message(workspace_id, &message.id).await?;
        let conversation_id = stored.map(|stored| stored.conversation_id).unwrap_or_default();
        let conversation = self.store.conversation(workspace_id, &conversation_id).await?;
        let conversation = conversation.ok_or(Unsaid::UnknownConversation)?;
        Ok(BegunWith { conversation, message, repeated })
    }
}

fn address(text: &str) -> Option<Identity> {
    match contacts::phone(text) {
        Some(phone) => Some(Identity::new(IdentityKind::Phone, phone.trim_start_matches('+'))),
        None => Some(Identity::new(IdentityKind::Email, contacts::email(text)?)),
    }
}
