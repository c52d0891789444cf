//! Which conversation news belongs to: by who wrote, and where the channel has threads, by what they answer.

use switchboard_channels::contract::inbound::{Event, Message as Incoming, Progress as Reached, Receipt, Thread};
use switchboard_channels::contract::peer::Identity;

use super::{Share, Turned};
use crate::actors::ActorError;
use crate::domain::changes::{Change, NewEvent};
use crate::domain::contacts::strongest;
use crate::domain::conversations::Origin;
use crate::domain::events::EventKind;
use crate::domain::messages::{Direction, Status};
use crate::usecases::Switchboard;
use crate::usecases::directory::Account;

/// How long a subject may pick up a thread of the same person again, in milliseconds.
const SUBJECT_GOOD_FOR_MS: i64 = 14 * 24 * 60 * 60 * 1_000;
/// Messages among which an echo looks for the send that it may be of.
const ECHO_REACH: i64 = 20;

/// Messages of one correspondent within [`LOOP_SPAN_MS`] after which no agent answers any more.
const MOST_IN_SPAN: i64 = 20;
/// Milliseconds.
const LOOP_SPAN_MS: i64 = 60 * 60 * 1_000;

/// Where news goes.
pub(super) struct Path {
    /// A known conversation, or the id of a new one.
    pub(super) conversation_id: String,
    /// How it begins if it is new.
    pub(super) origin: Origin,
}

impl Switchboard {
    /// The conversation that these identities lead to; a new one where there is none and one may begin.
    pub(super) async fn path(
        &self,
        account: &Account,
        identities: &[Identity],
        may_begin: bool,
    ) -> Result<Option<Path>, Turned> {
        let (channel_id, now) = (account.channel.id.as_str(), self.store.clock().now());
        let Some(strongest) = strongest(identities) else { return Ok(None) };
        if let Some(known) = self.routes.get(channel_id, strongest, now) {
            return Ok(Some(self.plain(known)));
        }
        let found = self.store.find_conversation(channel_id, identities).await?;
        // Somebody may have come the same way while the store was asked.
        if let Some(known) = self.routes.get(channel_id, strongest, now) {
            return Ok(Some(self.plain(known)));
        }
        let conversation_id = match found {
            Some(found) => found,
            None if may_begin => self.store.clock().id(),
            None => return Ok(None),
        };
        self.routes.put(channel_id, strongest, &conversation_id, now);
        Ok(Some(self.plain(conversation_id)))
    }

    fn plain(&self, conversation_id: String) -> Path {
        Path { conversation_id, origin: Origin { contact_id: self.store.clock().id(), ..Origin::default() } }
    }

    /// The thread that a message continues. Whoever holds our signed address may write into its conversation, but does
    /// not become its contact; everything else counts only for those who take part in the conversation.
    pub(super) async fn thread(&self, account: &Account, message: &mut Incoming) -> Result<Path, Turned> {
        let channel = &account.channel;
        let thread = message.thread.clone().unwrap_or_default();
        let contact = self.store.find_contact(&channel.id, &message.peer.identities).await?;
        if let Some(id) = &thread.conversation_id
            && let Some(known) = self.store.conversation(&channel.workspace_id, id).await?
            && known.state.channel_id == channel.id
        {
            if contact.as_ref() != Some(&known.state.contact_id) {
                message.peer.identities.clear();
            }
            return Ok(self.plain(known.state.id));
        }
        if let Some(contact_id) = &contact
            && let Some(found) = self.continued(account, &message.id, &thread, contact_id).await?
        {
            return Ok(self.plain(found));
        }
        let subject = thread.base_subject.filter(|subject| !subject.is_empty());
        let contact_id = contact.unwrap_or_else(|| self.store.clock().id());
        let origin = Origin { contact_id, thread: message.id.clone(), subject };
        // The vendor may deliver the first message of a thread again.
        let known = self.store.message_by_provider(&channel.id, &message.id).await?;
        let conversation_id = known.map_or_else(|| self.store.clock().id(), |stored| stored.conversation_id);
        Ok(Path { conversation_id, origin })
    }

    /// The conversation of this contact that a message continues: by the ids that it names; where it or one of those
    /// was overtaken, by who has named it; else by its subject.
    async fn continued(
        &self,
        account: &Account,
        id: &str,
        thread: &Thread,
        contact_id: &str,
    ) -> Result<Option<String>, Turned> {
        let channel = &account.channel;
        let mut candidates = Vec::new();
        for id in &thread.references {
            candidates
                .extend(self.store.message_by_provider(&channel.id, id).await?.map(|found| found.conversation_id));
        }
        for id in std::iter::once(id).chain(thread.references.iter().map(String::as_str)) {
            candidates.extend(self.store.waiting_for_mail(&channel.workspace_id, &channel.id, id).await?);
        }
        for candidate in candidates {
            let of = self.store.conversation(&channel.workspace_id, &candidate).await?;
            if of.is_some_and(|conversation| conversation.state.contact_id == contact_id) {
                return Ok(Some(candidate));
            }
        }
        let Some(subject) = thread.base_subject.as_ref().filter(|subject| thread.is_reply && !subject.is_empty())
        else {
            return Ok(None);
        };
        let since = self.store.clock().now() - SUBJECT_GOOD_FOR_MS;
        Ok(self.store.find_thread(&channel.id, contact_id, subject, since).await?)
    }

    /// Remembers that a share's conversation waits for the mails that its own have named and that never came. What was
    /// taken before is remembered again: the process may have ended in between.
    pub(super) async fn await_named(&self, share: &Share) -> Result<(), ActorError> {
        let (channel, conversation_id) = (&share.account.channel, &share.path.conversation_id);
        for event in &share.events {
            let Event::Message(message) = event else { continue };
            for id in message.thread.iter().flat_map(|thread| &thread.references) {
                if self.store.message_by_provider(&channel.id, id).await?.is_none() {
                    self.store.await_mail(&channel.workspace_id, &channel.id, id, conversation_id).await?;
                }
            }
        }
        Ok(())
    }

    /// The contact by whose identities a share came.
    pub(super) async fn contact_of(&self, share: &Share) -> Result<Option<String>, ActorError> {
        let identities = share.events.iter().find_map(|event| match event {
            Event::Message(message) | Event::Echo(message) => Some(message.peer.identities.as_slice()),
            _ => None,
        });
        Ok(self.store.find_contact(&share.account.channel.id, identities.unwrap_or_default()).await?)
    }

    /// An echo may be of a send of ours whose answer is still on its way, or was lost: then it is that send's receipt,
    /// and no person has spoken.
    pub(super) async fn own_echo(&self, account: &Account, echo: &Incoming) -> Result<Option<Event>, Turned> {
        let channel = &account.channel;
        if self.store.message_by_provider(&channel.id, &echo.id).await?.is_some() {
            return Ok(None);
        }
        let Some(path) = self.path(account, &echo.peer.identities, false).await? else { return Ok(None) };
        let messages = self.store.messages(&channel.workspace_id, &path.conversation_id, None, ECHO_REACH).await?;
        let said = echo.content.plain();
        let unsettled = messages.iter().find(|message| {
            message.direction == Direction::Outbound
                && matches!(message.status, Status::Queued | Status::Uncertain)
                && message.provider_id.is_none()
                && (message.body == said || message.content.media().is_some() && echo.content.media().is_some())
        });
        Ok(unsettled.map(|message| {
            Event::Receipt(Box::new(Receipt {
                id: echo.id.clone(),
                tracking: Some(message.id.clone()),
                progress: Reached::Sent,
                at: echo.at,
                recipient: echo.peer.identities.clone(),
                participant: Vec::new(),
                failures: Vec::new(),
                pricing: None,
            }))
        }))
    }

    /// Two machines that answer each other give no sign of it: whoever writes too much gets no more answers for now,
    /// and the workspace is told.
    pub(super) async fn break_loop(
        &self,
        account: &Account,
        path: &Path,
        message: &mut Incoming,
    ) -> Result<(), Turned> {
        if !message.wants_answer || !account.capabilities().is_some_and(|capabilities| capabilities.threads) {
            return Ok(());
        }
        let channel = &account.channel;
        let known = self.store.conversation(&channel.workspace_id, &path.conversation_id).await?;
        let contact_id = known.map_or_else(|| path.origin.contact_id.clone(), |known| known.state.contact_id);
        let since = self.store.clock().now() - LOOP_SPAN_MS;
        if self.store.count_received(&channel.id, &contact_id, since).await? < MOST_IN_SPAN {
            return Ok(());
        }
        message.wants_answer = false;
        tracing::warn!(channel_id = channel.id, contact_id, "a correspondent writes too much; no more answers for now");
        let event = NewEvent {
            kind: EventKind::ChannelNotice,
            conversation_id: Some(path.conversation_id.clone()),
            data: serde_json::json!({
                "channel_id": channel.id, "kind": "loop_suspected", "alarming": true,
                "detail": { "contact_id": contact_id, "messages": MOST_IN_SPAN, "within_ms": LOOP_SPAN_MS },
            }),
        };
        let change = Change { workspace_id: channel.workspace_id.clone(), events: vec![event], ..Change::default() };
        self.store.commit(change).await.map(|_| ()).map_err(super::turned)
    }
}
