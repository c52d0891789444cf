//! What happens to a message whose window is closed, or that does not arrive, as its sender said beforehand: another
//! message that passes, or another way to the same person. One of them is said, and the failed attempt stays visible.

use switchboard_channels::contract::content::{Content, Template};

use super::Switchboard;
use super::conversing::{Unsaid, Wish, fingerprint};
use crate::domain::changes::{Change, NewEvent, Refusal};
use crate::domain::conversations::{WITHDRAWN, send_lane};
use crate::domain::events::EventKind;
use crate::domain::jobs::{Job, NewJob, Verdict, backoff_ms};
use crate::domain::messages::{Message, Status, Unconfirmed};
use crate::domain::windows::{Window, WindowState};
use crate::store::conversations::{StoredConversation, Which};
use crate::store::messages::StoredMessage;
use crate::telemetry::{chance, crash};

/// Conversations of a person among which a way is looked for.
const MOST_WAYS: i64 = 20;

/// What a sender wants when the window is closed.
#[derive(Debug, Clone, PartialEq)]
pub enum OnWindowClosed {
    /// It is refused.
    Reject,
    /// This template is sent in its place.
    Template(Template),
    /// It waits until the person writes again.
    Queue,
    /// It goes over the person's next channel.
    Fallback,
}

/// A message that was said, and where.
#[derive(Debug)]
pub struct SaidSomewhere {
    /// The message.
    pub message: Message,
    /// The conversation in which it stands.
    pub conversation_id: String,
    /// It was said before under the same key.
    pub repeated: bool,
}

impl Switchboard {
    /// Says something in a conversation, or what its sender wants in its place.
    ///
    /// # Errors
    /// See [`Unsaid`]. `WindowClosed`: no other way was wanted, or there is none.
    pub async fn say_or(
        &self,
        workspace_id: &str,
        conversation_id: &str,
        wish: Wish,
        otherwise: OnWindowClosed,
    ) -> Result<SaidSomewhere, Unsaid> {
        let request_hash = Some(fingerprint(conversation_id, &wish));
        let wish = Wish { request_hash, holds: otherwise == OnWindowClosed::Queue, ..wish };
        let here = |(message, repeated): (Message, bool)| SaidSomewhere {
            message,
            conversation_id: conversation_id.to_owned(),
            repeated,
        };
        let window = match self.say(workspace_id, conversation_id, wish.clone()).await {
            Err(Unsaid::WindowClosed(window)) => window,
            other => return other.map(here),
        };
        match otherwise {
            OnWindowClosed::Reject | OnWindowClosed::Queue => Err(Unsaid::WindowClosed(window)),
            OnWindowClosed::Template(template) => {
                let wish = Wish { content: Content::Template(template), reply_to: None, ..wish };
                let said = self.say(workspace_id, conversation_id, wish).await.map(here)?;
                self.note_closed(workspace_id, conversation_id, &window, &said).await?;
                Ok(said)
            }
            OnWindowClosed::Fallback => {
                let Some(said) = self.say_elsewhere(workspace_id, conversation_id, &wish).await? else {
                    return Err(Unsaid::WindowClosed(window));
                };
                self.note_closed(workspace_id, conversation_id, &window, &said).await?;
                Ok(said)
            }
        }
    }

    /// Says something over the next of the person's channels that takes it; `None`: none does.
    async fn say_elsewhere(
        &self,
        workspace_id: &str,
        conversation_id: &str,
        wish: &Wish,
    ) -> Result<Option<SaidSomewhere>, Unsaid> {
        for way in self.ways(workspace_id, conversation_id).await? {
            let elsewhere = Wish { reply_to: None, ..wish.clone() };
            match self.say(workspace_id, &way, elsewhere).await {
                Ok((message, repeated)) => {
                    return Ok(Some(SaidSomewhere { message, conversation_id: way, repeated }));
                }
                // This way is closed, too, or cannot carry it: the next one.
                Err(Unsaid::WindowClosed(_) | Unsaid::Content(_) | Unsaid::Suppressed(_) | Unsaid::Quarantined) => {}
                Err(unsaid) => return Err(unsaid),
            }
        }
        Ok(None)
    }

    /// Looks whether a message has arrived, and says it over the person's next channel if not. What is said again, the
    /// end of the job and the end of the first attempt are one commit, under a key that is the first message's.
    pub async fn fall_back(&self, job: &Job, message_id: &str) -> Verdict {
        match self.try_fall_back(job, message_id).await {
            Ok(verdict) => verdict,
            Err(unsaid) => Verdict::Retry {
                after_ms: backoff_ms(job.attempts, chance::below(1_000)),
                reason: format!("{unsaid:?}"),
            },
        }
    }

    async fn try_fall_back(&self, job: &Job, message_id: &str) -> Result<Verdict, Unsaid> {
        let Some(first) = self.store.message(&job.workspace_id, message_id).await? else { return Ok(Verdict::Drop) };
        let message = &first.message;
        let withdrawn = message.error.as_ref().is_some_and(|error| error.code == WITHDRAWN);
        if message.status.rank() >= Status::Delivered.rank() || message.replaced_by.is_some() || withdrawn {
            return Ok(Verdict::Drop);
        }
        let recalled = message.status.rank() < Status::Sent.rank();
        let lane = send_lane(&first.conversation_id);
        let wish = Wish {
            author: message.author.clone(),
            content: message.content.clone(),
            reply_to: None,
            // No caller's key has a space.
            key: Some(format!("fallback of {message_id}")),
            request_hash: Some(message_id.to_owned()),
            holds: false,
            fallback_after: None,
            replaces: Some(Unconfirmed {
                message_id: message_id.to_owned(),
                conversation_id: first.conversation_id.clone(),
                channel_id: first.channel_id.clone(),
                recalled,
                send_job: self.store.send_job(&job.workspace_id, &lane, message_id).await?,
                job: job.id.clone(),
            }),
        };
        crash::point("falling_back.found");
        let said = self.say_elsewhere(&job.workspace_id, &first.conversation_id, &wish).await?;
        crash::point("falling_back.said");
        match said {
            Some(said) if said.repeated => Ok(Verdict::Drop),
            Some(_) => Ok(Verdict::Done),
            None => self.note_no_way(job, &first).await,
        }
    }

    /// There is no other way: the message stays what it is, and its sender is told.
    async fn note_no_way(&self, job: &Job, first: &StoredMessage) -> Result<Verdict, Unsaid> {
        let event = NewEvent {
            kind: EventKind::MessageFallback,
            conversation_id: Some(first.conversation_id.clone()),
            data: serde_json::json!({
                "conversation_id": first.conversation_id, "message_id": first.message.id, "said_instead": null,
            }),
        };
        let change = Change {
            workspace_id: job.workspace_id.clone(),
            events: vec![event],
            finishes: Some(job.id.clone()),
            ..Change::default()
        };
        match self.store.commit(change).await {
            Ok(_) => Ok(Verdict::Done),
            Err(Refusal::Fenced) => Ok(Verdict::Drop),
            Err(refusal) => Err(Unsaid::Unavailable(refusal.to_string())),
        }
    }

    /// The job that says a message over another channel at once, where its sender wants that: it will not arrive.
    pub(super) fn fallback_now(&self, failed: &Message) -> Option<NewJob> {
        failed.fallback_after?;
        let clock = self.store.clock();
        Some(NewJob::fallback(clock.id(), &failed.id, clock.now()))
    }

    /// The person's conversations on other channels that may be written to, the one with the newest message first.
    async fn ways(&self, workspace_id: &str, conversation_id: &str) -> Result<Vec<String>, Unsaid> {
        let here = self.store.conversation(workspace_id, conversation_id).await?.ok_or(Unsaid::UnknownConversation)?;
        let (known, _) =
            self.conversations_of_person(workspace_id, &here.state.contact_id, &Which::default(), MOST_WAYS, 0).await?;
        let mut ways = Vec::new();
        for other in known {
            if self.is_way(&here, &other).await? {
                ways.push(other.state.id);
            }
        }
        Ok(ways)
    }

    async fn is_way(&self, here: &StoredConversation, other: &StoredConversation) -> Result<bool, Unsaid> {
        // A visitor who has left the page, or a program's session, is nobody who could be reached.
        let elsewhere = other.state.channel_id != here.state.channel_id && !other.state.kind.is_ours();
        Ok(elsewhere && self.window(other).await?.state != WindowState::Closed)
    }

    /// The attempt that did not pass stays visible beside what was said in its place.
    async fn note_closed(
        &self,
        workspace_id: &str,
        conversation_id: &str,
        window: &Window,
        said: &SaidSomewhere,
    ) -> Result<(), Unsaid> {
        if said.repeated {
            return Ok(());
        }
        let event = NewEvent {
            kind: EventKind::ConversationWindowClosed,
            conversation_id: Some(conversation_id.to_owned()),
            data: serde_json::json!({
                "conversation_id": conversation_id, "closed_at": window.expires_at, "cause": "send",
                "said_instead": { "conversation_id": said.conversation_id, "message_id": said.message.id },
            }),
        };
        let change = Change { workspace_id: workspace_id.to_owned(), events: vec![event], ..Change::default() };
        let noted = self.store.commit(change).await;
        noted.map(|_| ()).map_err(|refusal| Unsaid::Unavailable(refusal.to_string()))
    }
}
