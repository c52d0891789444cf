//! People and programs read conversations, write into them, and hand them over.

use sha2::Digest as _;
use switchboard_channels::contract::capabilities::{MediaBy, WindowRule};
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::failure::Failure;
use switchboard_channels::contract::outbound::{Outbound, Sign};

use super::Switchboard;
use super::directory::Account;
use crate::actors::ActorError;
use crate::actors::errands::{Birth, Said, Say};
use crate::domain::changes::{Idempotency, Refusal};
use crate::domain::conversations::{Amendment, Owner, Refused};
use crate::domain::messages::{Author, Message, Piece, Unconfirmed};
use crate::domain::usage::UsedUp;
use crate::domain::windows::{self, Window};
use crate::net::Client;
use crate::store::StoreError;
use crate::store::conversations::StoredConversation;

/// A message that somebody asks to send.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Who says it.
    pub author: Author,
    /// What.
    pub content: Content,
    /// Our id (or the vendor's) of the message it answers.
    pub reply_to: Option<String>,
    /// The caller's idempotency key.
    pub key: Option<String>,
    /// What stands for the request under that key, where the wish is not the request itself.
    pub request_hash: Option<String>,
    /// While the window is closed it waits until the person writes again.
    pub holds: bool,
    /// Seconds after which it is said over the person's next channel, unless it has arrived.
    pub fallback_after: Option<i64>,
    /// It says this one again.
    pub replaces: Option<Unconfirmed>,
}

/// Why a message was not taken. Nothing was stored.
#[derive(Debug)]
pub enum Unsaid {
    /// There is no such conversation in this workspace.
    UnknownConversation,
    /// There is no such message to answer.
    UnknownReply,
    /// There is no such member of the workspace.
    UnknownMember,
    /// The window is closed.
    WindowClosed(Window),
    /// As many messages as may wait for the window do so already.
    TooManyHeld,
    /// Nothing is sent to this person: they do not want it, or their address does not take it.
    Suppressed(Failure),
    /// The channel cannot carry it.
    Content(Failure),
    /// The key was used for something else.
    KeyMismatch,
    /// The workspace has as many messages this month as it may.
    UsedUp(UsedUp),
    /// The person has another conversation there since a moment ago.
    Elsewhere,
    /// The conversation is quarantined.
    Quarantined,
    /// Not now.
    Unavailable(String),
}

impl From<StoreError> for Unsaid {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<ActorError> for Unsaid {
    fn from(error: ActorError) -> Self {
        match error {
            ActorError::Quarantined => Self::Quarantined,
            ActorError::Unknown => Self::UnknownConversation,
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl Switchboard {
    /// A conversation's window as it stands now.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn window(&self, conversation: &StoredConversation) -> Result<Window, StoreError> {
        let state = &conversation.state;
        let account = self.directory.channel(&state.channel_id).await?;
        let rule = account.map_or(WindowRule::None, |account| account.window_rule());
        Ok(windows::at(rule, state.window_expires_at, self.store.clock().now()))
    }

    /// Says something in a conversation of the workspace. Gives the message, and whether it was said before under the
    /// same key.
    ///
    /// # Errors
    /// See [`Unsaid`].
    pub async fn say(&self, workspace_id: &str, conversation_id: &str, wish: Wish) -> Result<(Message, bool), Unsaid> {
        let conversation =
            self.store.conversation(workspace_id, conversation_id).await?.ok_or(Unsaid::UnknownConversation)?;
        self.speak(&conversation, None, wish).await
    }

    /// The same in a conversation that was read before, or that begins with it.
    pub(super) async fn speak(
        &self,
        conversation: &StoredConversation,
        birth: Option<Birth>,
        wish: Wish,
    ) -> Result<(Message, bool), Unsaid> {
        let (workspace_id, conversation_id) = (&conversation.state.workspace_id, &conversation.state.id);
        let idempotency = wish.key.as_ref().map(|key| Idempotency {
            key: key.clone(),
            request_hash: wish.request_hash.clone().unwrap_or_else(|| fingerprint(conversation_id, &wish)),
            result_id: String::new(),
        });
        if let Some(earlier) = self.said_before(workspace_id, idempotency.as_ref()).await? {
            return Ok((earlier, true));
        }
        let (reply_to, reply_to_provider) = self.resolve_reply(workspace_id, conversation, &wish).await?;
        let account = self.directory.channel(&conversation.state.channel_id).await?;
        let account = account.ok_or(Unsaid::UnknownConversation)?;
        judge_direction(&wish.content).map_err(Unsaid::Content)?;
        let content = self.resolve_reaction(workspace_id, conversation, wish.content.clone()).await?;
        let pieces = self.fitted(&account, content).await?;
        judge_fallback(&account, &wish, &pieces).map_err(Unsaid::Content)?;
        self.judge_pieces(conversation, &account, &pieces, reply_to_provider.as_deref()).await?;
        // What was promised before is said whatever the month has seen.
        let most_messages = match &wish.replaces {
            Some(_) => None,
            None => self.most_messages(workspace_id).await?,
        };
        let mut deaths = 0;
        loop {
            let say = Say {
                birth: birth.clone(),
                author: wish.author.clone(),
                pieces: pieces.clone(),
                reply_to: reply_to.clone(),
                reply_to_provider: reply_to_provider.clone(),
                holds: wish.holds,
                fallback_after: wish.fallback_after,
                replaces: wish.replaces.clone(),
                idempotency: idempotency.clone(),
                most_messages,
                rule: account.window_rule(),
            };
            return match self.conversations.say(conversation_id, say).await {
                Ok(Said::Stored(message)) => Ok((*message, false)),
                Ok(Said::Repeated(earlier)) => self.repeated(workspace_id, idempotency.as_ref(), &earlier).await,
                Ok(Said::Refused(Refused::WindowClosed(window))) => Err(Unsaid::WindowClosed(window)),
                Ok(Said::Refused(Refused::TooManyHeld)) => Err(Unsaid::TooManyHeld),
                Ok(Said::Refused(_)) => Err(Unsaid::Unavailable("somebody else has the conversation".to_owned())),
                Err(ActorError::Refused(Refusal::UsedUp(limit))) => Err(Unsaid::UsedUp(self.messages_used_up(limit))),
                Err(ActorError::Refused(Refusal::Taken(_) | Refusal::Stale)) if birth.is_some() => {
                    Err(Unsaid::Elsewhere)
                }
                // With a key it is safe to ask again; without one the caller must look.
                Err(ActorError::Died) if deaths < 3 && idempotency.is_some() => {
                    deaths += 1;
                    continue;
                }
                Err(error) => Err(error.into()),
            };
        }
    }

    async fn said_before(&self, workspace_id: &str, wanted: Option<&Idempotency>) -> Result<Option<Message>, Unsaid> {
        let Some(wanted) = wanted else { return Ok(None) };
        match self.store.idempotency(workspace_id, &wanted.key).await? {
            None => Ok(None),
            Some(earlier) => {
                self.repeated(workspace_id, Some(wanted), &earlier).await.map(|(message, _)| Some(message))
            }
        }
    }

    async fn repeated(
        &self,
        workspace_id: &str,
        wanted: Option<&Idempotency>,
        earlier: &Idempotency,
    ) -> Result<(Message, bool), Unsaid> {
        if wanted.is_none_or(|wanted| wanted.request_hash != earlier.request_hash) {
            return Err(Unsaid::KeyMismatch);
        }
        let stored = self.store.message(workspace_id, &earlier.result_id).await?;
        stored.map(|stored| (stored.message, true)).ok_or(Unsaid::KeyMismatch)
    }

    async fn resolve_reply(
        &self,
        workspace_id: &str,
        conversation: &StoredConversation,
        wish: &Wish,
    ) -> Result<(Option<String>, Option<String>), Unsaid> {
        let Some(id) = &wish.reply_to else { return Ok((None, None)) };
        let found = match self.store.message(workspace_id, id).await? {
            Some(found) => Some(found),
            None => self.store.message_by_provider(&conversation.state.channel_id, id).await?,
        };
        let found = found.filter(|found| found.conversation_id == conversation.state.id).ok_or(Unsaid::UnknownReply)?;
        Ok((Some(found.message.id), found.message.provider_id))
    }

    /// A reaction may name our message id; the vendor wants its own.
    async fn resolve_reaction(
        &self,
        workspace_id: &str,
        conversation: &StoredConversation,
        content: Content,
    ) -> Result<Content, Unsaid> {
        let Content::Reaction { target, emoji } = content else { return Ok(content) };
        let known = self.store.message(workspace_id, &target).await?;
        let known = known.filter(|known| known.conversation_id == conversation.state.id);
        let provider_id = known.and_then(|known| known.message.provider_id);
        Ok(Content::Reaction { target: provider_id.unwrap_or(target), emoji })
    }

    /// Refuses at once what the channel could not carry or may not send, by rendering it without sending.
    async fn judge_pieces(
        &self,
        conversation: &StoredConversation,
        account: &Account,
        pieces: &[Piece],
        reply_to: Option<&str>,
    ) -> Result<(), Unsaid> {
        let vendor = account.vendor.as_ref().map_err(|reason| Unsaid::Unavailable(reason.clone()))?;
        let capabilities = vendor.capabilities();
        if account.channel.kind.is_ours() {
            let judge = |piece: &Piece| judge_length(capabilities.text.limit, &piece.content);
            return pieces.iter().try_for_each(judge).map_err(Unsaid::Content);
        }
        let suppressed = self.suppressed(account, &conversation.identities).await.map_err(Unsaid::Unavailable)?;
        if let Some(failure) = suppressed {
            return Err(Unsaid::Suppressed(failure));
        }
        for piece in pieces {
            let mut tried = piece.rendering.as_ref().unwrap_or(&piece.content).clone();
            for media in tried.all_media_mut().into_iter().filter(|media| media.file_id.is_some()) {
                match capabilities.media_by {
                    MediaBy::Upload => media.id = Some("0".to_owned()),
                    MediaBy::Link => media.url = Some("https://switchboard.example/file".to_owned()),
                    MediaBy::Attachment => {}
                }
            }
            let outbound = Outbound { reply_to, ..Outbound::new("0", &conversation.identities, &tried) };
            vendor.render(&outbound).map_err(Unsaid::Content)?;
        }
        Ok(())
    }

    /// Changes a conversation of the workspace. A member it is given to is called by their name.
    ///
    /// # Errors
    /// See [`Unsaid`].
    pub async fn amend(&self, workspace_id: &str, conversation_id: &str, amendment: Amendment) -> Result<(), Unsaid> {
        if self.store.conversation(workspace_id, conversation_id).await?.is_none() {
            return Err(Unsaid::UnknownConversation);
        }
        let amendment = match amendment {
            Amendment::Assign(Owner::Human { id: Some(id), .. }) => {
                let member = self.store.member(workspace_id, &id).await?.ok_or(Unsaid::UnknownMember)?;
                Amendment::Assign(Owner::Human { id: Some(id), name: Some(member.name) })
            }
            other => other,
        };
        self.conversations.amend(conversation_id, amendment).await?;
        Ok(())
    }

    /// Marks the newest inbound message as read at the vendor, with a typing sign if asked. Our own channels have
    /// nobody to tell.
    ///
    /// # Errors
    /// See [`Unsaid`]. `Content`: the channel has no such thing, or the vendor refused.
    pub async fn mark_read(
        &self,
        workspace_id: &str,
        conversation_id: &str,
        typing: bool,
        client: &Client,
    ) -> Result<(), Unsaid> {
        let conversation =
            self.store.conversation(workspace_id, conversation_id).await?.ok_or(Unsaid::UnknownConversation)?;
        if conversation.state.kind.is_ours() {
            return Ok(());
        }
        let messages = self.store.messages(workspace_id, conversation_id, None, 50).await?;
        let newest = messages
            .iter()
            .rev()
            .find(|message| message.direction == crate::domain::messages::Direction::Inbound)
            .and_then(|message| message.provider_id.clone());
        let account =
            self.directory.channel(&conversation.state.channel_id).await?.ok_or(Unsaid::UnknownConversation)?;
        let vendor = account.vendor.as_ref().map_err(|reason| Unsaid::Unavailable(reason.clone()))?;
        let Some(provider_id) = newest else { return Ok(()) };
        let sign = if typing { Sign::Typing } else { Sign::Seen };
        let request = vendor.sign(sign, &conversation.identities, Some(&provider_id)).map_err(Unsaid::Content)?;
        let answer = account.way_out(client).send(&request, None).await;
        let answer = answer.map_err(|error| Unsaid::Unavailable(error.to_string()))?;
        if answer.status >= 400
            && let switchboard_channels::contract::outbound::Sent::Refused(failure) =
                vendor.outcome(answer.status, &answer.body)
        {
            return Err(Unsaid::Content(failure));
        }
        Ok(())
    }
}

/// Refuses what only comes in.
fn judge_direction(content: &Content) -> Result<(), Failure> {
    match content {
        Content::Choice { .. }
        | Content::Form { .. }
        | Content::Order { .. }
        | Content::System { .. }
        | Content::Unsupported { .. } => {
            Err(Failure::content("INVALID_CONTENT", "content.type: this kind of content only comes in"))
        }
        _ => Ok(()),
    }
}

/// A fallback stands for one message, and needs somebody who says whether that one has arrived.
fn judge_fallback(account: &Account, wish: &Wish, pieces: &[Piece]) -> Result<(), Failure> {
    if wish.fallback_after.is_none() {
        return Ok(());
    }
    if !account.capabilities().is_some_and(|capabilities| capabilities.receipts) {
        let message = "fallback_after: this channel gives no delivery receipts";
        return Err(Failure::content("INVALID_CONTENT", message));
    }
    if pieces.len() > 1 {
        let message = format!("fallback_after: only for one message, and on this channel it is {}", pieces.len());
        return Err(Failure::content("INVALID_CONTENT", message));
    }
    Ok(())
}

/// What our own channels refuse: they have no vendor to judge by.
fn judge_length(limit: usize, content: &Content) -> Result<(), Failure> {
    let Content::Text { text, .. } = content else { return Ok(()) };
    if text.trim().is_empty() {
        return Err(Failure::content("INVALID_CONTENT", "content.text: must not be empty"));
    }
    if text.chars().count() > limit {
        return Err(Failure::content("MESSAGE_TOO_LONG", format!("content.text: at most {limit} characters")));
    }
    Ok(())
}

/// SHA-256 of what was asked, lower-case hex.
pub(super) fn fingerprint(conversation_id: &str, wish: &Wish) -> String {
    let mut asked = serde_json::json!([conversation_id, wish.author, wish.content, wish.reply_to]);
    if let (Some(after), Some(asked)) = (wish.fallback_after, asked.as_array_mut()) {
        asked.push(after.into());
    }
    hex::encode(sha2::Sha256::digest(asked.to_string().as_bytes()))
}
