//! What happens to a message whose window is closed, as its sender said beforehand: another message that passes, or
//! another way to the same person. One of them is said, and the failed attempt stays visible.

use switchboard_channels::contract::content::{Content, Template};

use super::Switchboard;
use super::conversing::{Unsaid, Wish, fingerprint};
use crate::domain::changes::{Change, NewEvent};
use crate::domain::events::EventKind;
use crate::domain::messages::Message;
use crate::domain::windows::{Window, WindowState};
use crate::store::conversations::StoredConversation;

/// Conversations of a person among which a way is looked for.
const MOST_WAYS: i64 = 20;

/// What a sender wants when the window is closed.
#[derive(Debug, Clone, PartialEq)]
pub enum OnWindowClosed {
    /// It is refused.
    Reject,
    /// This template is sent in its place.
    Template(Template),
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
        let wish = Wish { request_hash: Some(fingerprint(conversation_id, &wish)), ..wish };
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
            OnWindowClosed::Reject => Err(Unsaid::WindowClosed(window)),
            OnWindowClosed::Template(template) => {
                let wish = Wish { content: Content::Template(template), reply_to: None, ..wish };
                let said = self.say(workspace_id, conversation_id, wish).await.map(here)?;
                self.note_closed(workspace_id, conversation_id, &window, &said).await?;
                Ok(said)
            }
            OnWindowClosed::Fallback => {
                for way in self.ways(workspace_id, conversation_id).await? {
                    let elsewhere = Wish { reply_to: None, ..wish.clone() };
                    let (message, repeated) = match self.say(workspace_id, &way, elsewhere).await {
                        Ok(said) => said,
                        // This way is closed, too, or cannot carry it: the next one.
                        Err(Unsaid::WindowClosed(_) | Unsaid::Content(_) | Unsaid::Quarantined) => continue,
                        Err(unsaid) => return Err(unsaid),
                    };
                    let said = SaidSomewhere { message, conversation_id: way, repeated };
                    self.note_closed(workspace_id, conversation_id, &window, &said).await?;
                    return Ok(said);
                }
                Err(Unsaid::WindowClosed(window))
            }
        }
    }

    /// The person's conversations on other channels that may be written to, the one with the newest message first.
    async fn ways(&self, workspace_id: &str, conversation_id: &str) -> Result<Vec<String>, Unsaid> {
        let here = self.store.conversation(workspace_id, conversation_id).await?.ok_or(Unsaid::UnknownConversation)?;
        let (known, _) = self.conversations_of_person(workspace_id, &here.state.contact_id, None, MOST_WAYS, 0).await?;
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
                "conversation_id": conversation_id, "closed_at": window.expires_at,
                "said_instead": { "conversation_id": said.conversation_id, "message_id": said.message.id },
            }),
        };
        let change = Change { workspace_id: workspace_id.to_owned(), events: vec![event], ..Change::default() };
        let noted = self.store.commit(change).await;
        noted.map(|_| ()).map_err(|refusal| Unsaid::Unavailable(refusal.to_string()))
    }
}
