//! Requests of the Send API, checked against its limits before anything goes out. It sends nothing.

mod choices;
mod content;

use serde_json::{Map, Value, json};

use super::{MARK, Product, REACTIONS, vendor_id};
use crate::contract::content::Content;
use crate::contract::failure::{Failure, Fault, Retry};
use crate::contract::outbound::{Outbound, Right, Sign};
use crate::contract::peer::{Identity, IdentityKind};
use crate::contract::request::{Body, Request};
use crate::meta::display::is_node;
use crate::meta::graph::{Graph, encoded};
use crate::meta::limits::invalid;

/// Longest mark that a send carries, in characters.
const LONGEST_METADATA: usize = 1_000;

/// An account that sends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) product: &'a Product,
    pub(crate) graph: Graph<'a>,
    /// The vendor's id under which it sends.
    pub(crate) node: &'a str,
    /// Every send says of which type it is.
    pub(crate) states_type: bool,
}

impl Sender<'_> {
    fn post(&self, edge: &str, body: Map<String, Value>) -> Request {
        self.graph.post(&format!("{}/{edge}", encoded(self.node)), Body::Json(Value::Object(body)))
    }

    /// Renders a send.
    ///
    /// # Errors
    /// A refusal of the content: `MESSAGE_TOO_LONG` or `INVALID_CONTENT`, naming the field; `RECIPIENT_UNREACHABLE`
    /// when none of the recipient's identities is one that the product knows.
    pub(crate) fn message(&self, outbound: &Outbound<'_>) -> Result<Request, Failure> {
        let mut body = self.addressed(outbound.to)?;
        if let Content::Reaction { target, emoji } = outbound.content {
            self.reaction(&mut body, target, emoji.as_deref())?;
            return Ok(self.post("messages", body));
        }
        let mut message = content::render(self.product, outbound.content)?;
        match outbound.right {
            Right::HumanAgent => {
                body.insert("messaging_type".to_owned(), json!("MESSAGE_TAG"));
                body.insert("tag".to_owned(), json!("HUMAN_AGENT"));
            }
            Right::Window if self.states_type => {
                body.insert("messaging_type".to_owned(), json!("RESPONSE"));
            }
            Right::Window => {}
        }
        if let Some(target) = outbound.reply_to.and_then(vendor_id) {
            body.insert("reply_to".to_owned(), json!({ "mid": target }));
        }
        let mark = format!("{MARK}{}", outbound.id);
        if self.product.tracks && !outbound.id.is_empty() && mark.chars().count() <= LONGEST_METADATA {
            message.insert("metadata".to_owned(), json!(mark));
        }
        body.insert("message".to_owned(), Value::Object(message));
        Ok(self.post("messages", body))
    }

    /// The recipient, as the product knows them: by its own id, else by the reference of a guest.
    fn addressed(&self, to: &[Identity]) -> Result<Map<String, Value>, Failure> {
        let find = |kind| to.iter().find(|identity| identity.kind == kind).map(|identity| identity.value.as_str());
        let recipient = match (find(IdentityKind::ScopedId), find(IdentityKind::UserId)) {
            (Some(id), _) => json!({ "id": id }),
            (None, Some(guest)) => json!({ "user_ref": guest }),
            (None, None) => {
                let message = format!("The recipient has no id of {}.", self.product.name);
                return Err(Failure::new("RECIPIENT_UNREACHABLE", message, Retry::Never, Fault::Recipient));
            }
        };
        Ok(Map::from_iter([("recipient".to_owned(), recipient)]))
    }

    /// A reaction is an action beside the messages, and has one of the vendor's names.
    fn reaction(&self, body: &mut Map<String, Value>, target: &str, emoji: Option<&str>) -> Result<(), Failure> {
        if !self.product.capabilities.reactions {
            return Err(invalid("type", &format!("must be another: {} takes no reactions", self.product.name)));
        }
        let target = vendor_id(target).filter(|target| !target.trim().is_empty());
        let target = target.ok_or_else(|| invalid("target", "must be the id of a message"))?;
        let mut payload = Map::from_iter([("message_id".to_owned(), json!(target))]);
        let action = if let Some(emoji) = emoji {
            let name = REACTIONS.iter().find(|(_, emojis)| emojis.contains(&emoji)).map(|(name, _)| *name);
            let firsts = || REACTIONS.iter().filter_map(|(_, emojis)| emojis.first().copied()).collect::<Vec<_>>();
            let name = name.ok_or_else(|| invalid("emoji", &format!("must be one of {}", firsts().join(" "))))?;
            payload.insert("reaction".to_owned(), json!(name));
            "react"
        } else {
            "unreact"
        };
        body.insert("sender_action".to_owned(), json!(action));
        body.insert("payload".to_owned(), Value::Object(payload));
        Ok(())
    }

    /// Renders a sign that is no message.
    ///
    /// # Errors
    /// `RECIPIENT_UNREACHABLE` as for a message.
    pub(crate) fn sign(&self, sign: Sign, to: &[Identity]) -> Result<Request, Failure> {
        let mut body = self.addressed(to)?;
        let action = match sign {
            Sign::Seen => "mark_seen",
            Sign::Typing => "typing_on",
        };
        body.insert("sender_action".to_owned(), json!(action));
        Ok(self.post("messages", body))
    }

    /// Renders the upload of a file that is sent by the vendor's id afterwards.
    ///
    /// # Errors
    /// `INVALID_CONTENT`: the product keeps no files.
    pub(crate) fn upload(&self, mime_type: &str, filename: &str) -> Result<Request, Failure> {
        if !self.product.keeps_files {
            return Err(invalid("file", &format!("must be sent by its address: {} keeps none", self.product.name)));
        }
        let family = mime_type.split('/').next();
        let kind = family.filter(|family| matches!(*family, "image" | "audio" | "video")).unwrap_or("file");
        let message = json!({ "attachment": { "type": kind, "payload": { "is_reusable": true } } });
        let body = Body::Multipart {
            fields: vec![("message".to_owned(), message.to_string())],
            file_field: "filedata".to_owned(),
            filename: filename.to_owned(),
            mime_type: mime_type.to_owned(),
        };
        Ok(self.graph.post(&format!("{}/message_attachments", encoded(self.node)), body))
    }

    /// Renders the question who a person is.
    ///
    /// # Errors
    /// `PROFILE_UNAVAILABLE` for an identity that the product tells nothing of.
    pub(crate) fn profile(&self, of: &Identity, fields: &str) -> Result<Request, Failure> {
        if of.kind != IdentityKind::ScopedId || !is_node(&of.value) {
            let message = format!("{} tells nothing of this identity.", self.product.name);
            return Err(Failure::new("PROFILE_UNAVAILABLE", message, Retry::Never, Fault::Recipient));
        }
        Ok(self.graph.get(&format!("{}?fields={}", encoded(&of.value), encoded(fields))))
    }

    /// Renders the question which fields are subscribed for the account.
    pub(crate) fn subscriptions(&self) -> Request {
        self.graph.get(&format!("{}/subscribed_apps", encoded(self.node)))
    }
}
