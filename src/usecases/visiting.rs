//! A visitor of a web page: gets a signed token, writes, and sees the conversation.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use switchboard_channels::Kind;
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::inbound::{Event, Message as Incoming};
use switchboard_channels::contract::peer::{Identity, IdentityKind, Peer};

use super::Switchboard;
use super::directory::Account;
use super::signing_in::{SiteUser, Unopened};
use crate::actors::ActorError;
use crate::actors::errands::News;
use crate::actors::hub::Watching;
use crate::domain::changes::{Change, Idempotency, Progress, Refusal};
use crate::domain::channels::LeadForm;
use crate::domain::conversations::Origin;
use crate::domain::messages::{Direction, Message, Status};
use crate::domain::principals::Visitor;
use crate::store::StoreError;

/// Messages that one word of a visitor marks as read, at most; older ones were marked by earlier words.
const MOST_SEEN: i64 = 200;

/// A visitor's session.
#[derive(Debug, Clone)]
pub struct Visit {
    /// The signed token.
    pub token: String,
    /// Who it is for.
    pub visitor: Visitor,
    /// Unix milliseconds.
    pub expires_at: i64,
    /// Name of the agent that answers.
    pub agent_name: String,
    /// The visitor's conversation, if there is one.
    pub conversation_id: Option<String>,
    /// The visitor was known before.
    pub known: bool,
    /// Whether the widget asks how to reach them.
    pub lead_form: LeadForm,
}

/// A visitor's line into their conversation.
#[derive(Debug)]
pub struct Attendance {
    /// The conversation; it may still have to begin.
    pub conversation_id: String,
    /// Its workspace.
    pub workspace_id: String,
    /// Name of the agent that answers.
    pub agent_name: String,
    /// Sequence number of the newest message; 0: there is none yet.
    pub last_seq: i64,
    /// Everything that happens in the conversation from before `last_seq` was read.
    pub watching: Watching,
}

/// Why a visitor's wish was not carried out.
#[derive(Debug)]
pub enum Unvisited {
    /// There is no such widget.
    UnknownChannel,
    /// The conversation is quarantined, or the store is away.
    Unavailable(String),
}

impl From<ActorError> for Unvisited {
    fn from(error: ActorError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<StoreError> for Unvisited {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl Switchboard {
    /// Opens a visitor's session at a widget; an earlier token that is still good keeps its visitor, unless they sign
    /// in as somebody else. Who signs in is the site's user from now on.
    ///
    /// # Errors
    /// See [`Unopened`].
    pub async fn open_visit(
        &self,
        channel_id: &str,
        earlier: Option<&str>,
        user: Option<&SiteUser>,
    ) -> Result<Visit, Unopened> {
        let account = self.widget(channel_id).await?;
        let known =
            earlier.and_then(|token| self.visitor(token)).filter(|visitor| visitor.channel_id == account.channel.id);
        let known_id = known.as_ref().map(|visitor| visitor.visitor_id.clone());
        let mut visitor = known
            .unwrap_or_else(|| Visitor { visitor_id: self.store.clock().id(), channel_id: account.channel.id.clone() });
        if let Some(user) = user {
            visitor = self.sign_visitor_in(&account, visitor, user).await?;
        }
        let was_known = known_id.as_deref() == Some(visitor.visitor_id.as_str());
        let lifetime = i64::try_from(self.options.visitor_lifetime.as_millis()).unwrap_or(i64::MAX);
        let expires_at = self.store.clock().now().saturating_add(lifetime);
        Ok(Visit {
            token: self.sign(&visitor, expires_at),
            conversation_id: self.visited_conversation(&visitor).await?,
            visitor,
            expires_at,
            agent_name: self.host_name(&account).await?,
            known: was_known,
            lead_form: LeadForm::of(&account.channel.settings),
        })
    }

    /// The name under which a widget answers: its agent's, else its own.
    async fn host_name(&self, account: &Account) -> Result<String, StoreError> {
        let agent = match &account.channel.agent_id {
            Some(id) => self.directory.agent(id).await?,
            None => None,
        };
        Ok(agent.map_or_else(|| account.channel.name.clone(), |agent| agent.name.clone()))
    }

    /// Follows a visitor's conversation from now on. It is watched before it is read, so nothing falls in between.
    ///
    /// # Errors
    /// See [`Unvisited`].
    pub async fn attend(&self, visitor: &Visitor) -> Result<Attendance, Unvisited> {
        let account = self.widget(&visitor.channel_id).await?;
        let conversation_id = self.conversation_to_visit(visitor).await?;
        let watching = self.hub.watch(&conversation_id);
        let workspace_id = account.channel.workspace_id.clone();
        let newest = self.store.messages(&workspace_id, &conversation_id, None, 1).await?;
        Ok(Attendance {
            agent_name: self.host_name(&account).await?,
            last_seq: newest.last().map(|message| message.seq).unwrap_or_default(),
            conversation_id,
            workspace_id,
            watching,
        })
    }

    /// Marks what a visitor has before their eyes as read: our messages up to `seq`, the newest two hundred of them.
    ///
    /// # Errors
    /// See [`Unvisited`].
    pub async fn visitor_saw(&self, visitor: &Visitor, seq: i64) -> Result<(), Unvisited> {
        let account = self.widget(&visitor.channel_id).await?;
        let workspace_id = account.channel.workspace_id.clone();
        let conversation_id = self.conversation_to_visit(visitor).await?;
        let from = seq.saturating_sub(MOST_SEEN).max(0);
        let messages = self.store.messages(&workspace_id, &conversation_id, Some(from), MOST_SEEN).await?;
        let at = self.store.clock().now();
        let progress: Vec<Progress> = messages
            .into_iter()
            .filter(|message| message.seq <= seq && message.direction == Direction::Outbound)
            .filter(|message| message.status != Status::Failed && message.status.rank() < Status::Read.rank())
            .map(|message| Progress {
                message_id: message.id,
                channel_id: visitor.channel_id.clone(),
                status: Status::Read,
                provider_id: None,
                at,
                error: None,
            })
            .collect();
        if progress.is_empty() {
            return Ok(());
        }
        let change = Change { workspace_id, progress, ..Change::default() };
        self.store.commit(change).await.map(drop).map_err(|refusal| Unvisited::Unavailable(refusal.to_string()))
    }

    /// Origins from which a widget may be used; empty: any.
    ///
    /// # Errors
    /// See [`Unvisited`].
    pub async fn allowed_origins(&self, channel_id: &str) -> Result<Vec<String>, Unvisited> {
        let account = self.widget(channel_id).await?;
        let listed = account.channel.settings.get("allowed_origins").and_then(serde_json::Value::as_array);
        let origins: Vec<String> =
            listed.into_iter().flatten().filter_map(|origin| origin.as_str().map(str::to_owned)).collect();
        // A star among them says the same as no list.
        Ok(if origins.iter().any(|origin| origin == "*") { Vec::new() } else { origins })
    }

    /// The widget of this id with its agent's name.
    ///
    /// # Errors
    /// See [`Unvisited`].
    pub async fn widget(&self, channel_id: &str) -> Result<Arc<Account>, Unvisited> {
        let account = self.directory.channel(channel_id).await?;
        account.filter(|account| account.channel.kind == Kind::Widget).ok_or(Unvisited::UnknownChannel)
    }

    /// The visitor's conversation, if there is one.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn visited_conversation(&self, visitor: &Visitor) -> Result<Option<String>, StoreError> {
        let identity = identity(visitor);
        if let Some(known) = self.routes.get(&visitor.channel_id, &identity, self.store.clock().now())
            && self.store.activate(&known).await?.is_some()
        {
            return Ok(Some(known));
        }
        self.store.find_conversation(&visitor.channel_id, &[identity]).await
    }

    /// The id of the visitor's conversation, chosen now if there is none yet, so that it can be watched before the
    /// first message.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn conversation_to_visit(&self, visitor: &Visitor) -> Result<String, StoreError> {
        let (identity, now) = (identity(visitor), self.store.clock().now());
        if let Some(known) = self.routes.get(&visitor.channel_id, &identity, now) {
            return Ok(known);
        }
        let found = self.store.find_conversation(&visitor.channel_id, std::slice::from_ref(&identity)).await?;
        if let Some(known) = self.routes.get(&visitor.channel_id, &identity, now) {
            return Ok(known);
        }
        let id = found.unwrap_or_else(|| self.store.clock().id());
        self.routes.put(&visitor.channel_id, &identity, &id, now);
        Ok(id)
    }

    /// Takes a visitor's message, once per client id. Gives the stored message.
    ///
    /// # Errors
    /// See [`Unvisited`].
    pub async fn visitor_says(
        &self,
        visitor: &Visitor,
        client_id: &str,
        content: Content,
        reply_to: Option<String>,
    ) -> Result<Message, Unvisited> {
        let account = self.widget(&visitor.channel_id).await?;
        let message = Incoming {
            id: format!("{}:{client_id}", visitor.visitor_id),
            peer: Peer { identities: vec![identity(visitor)], ..Peer::default() },
            at: Some(self.store.clock().now()),
            content,
            reply_to,
            forwarded: false,
            referral: None,
            opens_window: true,
            wants_answer: true,
            thread: None,
        };
        let provider_id = message.id.clone();
        let conversation_id = self.conversation_to_visit(visitor).await?;
        self.bring(&account, conversation_id, message, None).await?;
        let stored = self.store.message_by_provider(&visitor.channel_id, &provider_id).await?;
        stored
            .map(|stored| stored.message)
            .ok_or_else(|| Unvisited::Unavailable("the message was not stored".to_owned()))
    }

    /// Hands a message of our own channels to its conversation. Gives the conversation and the turn that will answer.
    pub(super) async fn bring(
        &self,
        account: &Account,
        mut conversation_id: String,
        message: Incoming,
        idempotency: Option<Idempotency>,
    ) -> Result<(String, Option<String>), ActorError> {
        let quiet_ms = match account.channel.kind {
            Kind::Api => 0,
            _ => i64::try_from(self.options.quiet_period.as_millis()).unwrap_or_default(),
        };
        // What a customer writes is always taken; what a program asks is not.
        let most_messages = match account.channel.kind {
            Kind::Api => self.most_messages(&account.channel.workspace_id).await?,
            _ => None,
        };
        let contact = self.contact_to_be(account, &message).await?;
        let mut deaths = 0;
        loop {
            let news = News {
                channel: Arc::clone(&account.channel),
                origin: Origin {
                    contact_id: contact.clone().unwrap_or_else(|| self.store.clock().id()),
                    ..Origin::default()
                },
                events: vec![Event::Message(Box::new(message.clone()))],
                delivery: None,
                quiet_ms,
                rule: account.window_rule(),
                nameless: false,
                idempotency: idempotency.clone(),
                most_messages,
            };
            match self.conversations.receive(&conversation_id, news).await {
                Ok(taken) => return Ok((conversation_id, taken.turn)),
                Err(ActorError::Refused(Refusal::Taken(other))) => {
                    if let Some(identity) = message.peer.identities.first() {
                        self.routes.put(&account.channel.id, identity, &other, self.store.clock().now());
                    }
                    conversation_id = other;
                }
                Err(ActorError::Refused(Refusal::Erased(_))) if deaths < 3 => {
                    deaths += 1;
                    conversation_id = self.store.clock().id();
                    if let Some(identity) = message.peer.identities.first() {
                        self.routes.put(&account.channel.id, identity, &conversation_id, self.store.clock().now());
                    }
                }
                Err(ActorError::Died) if deaths < 3 => deaths += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// The contact that a visitor has before their first message, because they signed in.
    async fn contact_to_be(&self, account: &Account, message: &Incoming) -> Result<Option<String>, StoreError> {
        if account.channel.settings.get("identity_secret").is_none() {
            return Ok(None);
        }
        match message.peer.identities.first() {
            Some(identity) => self.store.contact_with(&account.channel.id, identity).await,
            None => Ok(None),
        }
    }

    /// The visitor that a token was signed for, while it is good.
    #[must_use]
    pub fn visitor(&self, token: &str) -> Option<Visitor> {
        let (claims, signature) = token.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let keys = [Some(&self.options.token_key), self.options.previous_token_key.as_ref()];
        let signed = keys.into_iter().flatten().any(|key| {
            mac(key).is_some_and(|mac| mac.chain_update(claims.as_bytes()).verify_slice(&signature).is_ok())
        });
        if !signed {
            return None;
        }
        let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        let mut parts = claims.split('|');
        let (visitor_id, channel_id, expires_at) = (parts.next()?, parts.next()?, parts.next()?);
        let good = expires_at.parse::<i64>().ok()? > self.store.clock().now();
        good.then(|| Visitor { visitor_id: visitor_id.to_owned(), channel_id: channel_id.to_owned() })
    }

    fn sign(&self, visitor: &Visitor, expires_at: i64) -> String {
        let claims = format!("{}|{}|{expires_at}", visitor.visitor_id, visitor.channel_id);
        let claims = URL_SAFE_NO_PAD.encode(claims);
        let signature = mac(&self.options.token_key)
            .map(|mac| URL_SAFE_NO_PAD.encode(mac.chain_update(claims.as_bytes()).finalize().into_bytes()));
        format!("{claims}.{}", signature.unwrap_or_default())
    }
}

fn mac(key: &[u8; 32]) -> Option<Hmac<Sha256>> {
    Hmac::<Sha256>::new_from_slice(key).ok()
}

fn identity(visitor: &Visitor) -> Identity {
    Identity::new(IdentityKind::Visitor, visitor.visitor_id.clone())
}
