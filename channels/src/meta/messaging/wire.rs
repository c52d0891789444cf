//! The vendor's members by name, as both products spell them. Nothing is judged here: every member is taken unread.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::meta::objects::objects;
use crate::meta::{Element, Elements, Raw};

/// A whole delivery.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Delivery<'a> {
    #[serde(borrow)]
    pub(super) object: Raw<'a>,
    #[serde(borrow)]
    pub(super) entry: Elements<Element<Entry<'a>>>,
}

/// What happened at one account.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Entry<'a> {
    #[serde(borrow)]
    pub(super) id: Raw<'a>,
    #[serde(borrow)]
    pub(super) messaging: Elements<&'a RawValue>,
    #[serde(borrow)]
    pub(super) standby: Elements<&'a RawValue>,
    #[serde(borrow)]
    pub(super) changes: Elements<&'a RawValue>,
}

objects! {
    /// A whole delivery, for a peek.
    Envelope { entry }
    /// What happened at one account, for a peek.
    Account { id, messaging, standby, changes }
    /// One change of a subscribed field.
    Change { field, value }
    /// One event, with a member for its kind.
    Event {
        sender, recipient, timestamp, prior_message,
        message, postback, reaction, message_edit, read, delivery, optin, referral, account_linking,
        response_feedback, pass_thread_control, take_thread_control, request_thread_control, app_roles,
        #[serde(alias = "policy-enforcement")] policy_enforcement,
    }
    /// Whether an event reports what our own side sent, for a peek.
    Echo { is_echo }
    /// Who sent it, or to whom.
    Party { id, user_ref }
    /// The plugin by which somebody came who had no id yet.
    PriorMessage { source, identifier }
    /// A message.
    Message {
        mid, text, attachments, quick_reply, reply_to, referral, metadata, app_id, is_echo, is_deleted,
    }
    /// A tapped quick reply.
    QuickReply { payload }
    /// What a message answers.
    ReplyTo { mid, story }
    /// A file, or something shared.
    Attachment { #[serde(rename = "type")] kind, payload, title, url }
    /// What a file or a shared thing consists of.
    Payload {
        url, title, sticker_id, coordinates, product, elements, text, buttons, story_media_url, status,
    }
    /// A place.
    Coordinates { lat, long }
    /// A shared product.
    Product { elements }
    /// A card of a template.
    Card { title, subtitle }
    /// A button of a template.
    Button { title, url }
    /// A pressed button.
    Postback { mid, title, payload, referral }
    /// A reaction.
    Reaction { mid, action, emoji, reaction }
    /// A changed message.
    Edit { mid, text, num_edit }
    /// How far somebody has read.
    Read { mid, watermark }
    /// How far messages have come.
    Delivered { mids, watermark }
    /// An agreement to be written to.
    Optin { #[serde(rename = "type")] kind, user_ref, notification_messages_status }
    /// How somebody came.
    Referral { source }
    /// A linked or unlinked account.
    AccountLinking { status }
    /// A person's word about an answer.
    Feedback { feedback, mid }
    /// A thread that changes hands.
    Control { new_owner_app_id }
    /// The vendor's measures against an account.
    Enforcement { action }
    /// The answer to a send.
    SendAnswer { recipient_id, message_id }
    /// The answer to an upload.
    UploadAnswer { attachment_id }
    /// The apps that are subscribed to an account.
    Subscriptions { data }
    /// A subscribed app.
    Subscription { id, subscribed_fields }
}
