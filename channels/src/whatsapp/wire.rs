//! The vendor's members by name. Nothing is judged here: every member is taken unread, so that no odd type of one
//! can cost its neighbours.

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

/// What happened in one business account.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Entry<'a> {
    #[serde(borrow)]
    pub(super) id: Raw<'a>,
    #[serde(borrow)]
    pub(super) changes: Elements<Element<Change<'a>>>,
}

/// The lists of a value, their elements unread.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Payload<'a> {
    #[serde(borrow)]
    pub(super) metadata: Raw<'a>,
    #[serde(borrow)]
    pub(super) contacts: Elements<&'a RawValue>,
    #[serde(borrow)]
    pub(super) messages: Elements<&'a RawValue>,
    #[serde(borrow)]
    pub(super) message_echoes: Elements<&'a RawValue>,
    #[serde(borrow)]
    pub(super) statuses: Elements<&'a RawValue>,
    #[serde(borrow)]
    pub(super) user_id_update: Elements<&'a RawValue>,
    #[serde(borrow)]
    pub(super) user_preferences: Elements<&'a RawValue>,
    #[serde(borrow)]
    pub(super) calls: Elements<&'a RawValue>,
    #[serde(borrow)]
    pub(super) errors: Raw<'a>,
}

objects! {
    /// A whole delivery, for a peek.
    Envelope { entry }
    /// What happened in one business account, for a peek.
    Account { id, changes }
    /// One change of a subscribed field.
    Change { field, value }
    /// The part of a value that names the number.
    Addressee { metadata }
    /// Which number of ours it is about.
    Metadata { phone_number_id, display_phone_number }
    /// Somebody who wrote.
    Contact { profile, wa_id, user_id }
    /// What somebody chose to be called.
    Profile { name, username }
    /// A message, an echo, or the changed message within an edit.
    Message {
        id, from, from_user_id, to, to_user_id, group_id, timestamp, context, referral,
        #[serde(rename = "type")] kind,
        text, image, video, audio, document, sticker, location, contacts, interactive, button, order, reaction,
        system, unsupported, edit, revoke,
    }
    /// What a message refers to.
    Context { id, forwarded, frequently_forwarded, referred_product }
    /// The object of a text message.
    Text { body }
    /// The object of a medium.
    Media { id, mime_type, sha256, url, caption, filename, voice, animated, file_size }
    /// The object of a place.
    Location { latitude, longitude, name, address, url }
    /// The object of an answer to an interactive message.
    Interactive { #[serde(rename = "type")] kind, button_reply, list_reply, nfm_reply, call_permission_reply }
    /// A picked button or row.
    Reply { id, title, description }
    /// A filled-in form.
    Form { name, body, response_json }
    /// An answer to the question whether one may call.
    CallPermission { response }
    /// A pressed button of a template.
    Button { payload, text }
    /// A shopping cart.
    Order { catalog_id, text, product_items }
    /// A reaction.
    Reaction { message_id, emoji }
    /// The vendor's own note.
    System { #[serde(rename = "type")] kind, body, wa_id, new_wa_id, user_id }
    /// The kind of something that the vendor does not hand over.
    Unsupported { #[serde(rename = "type")] kind }
    /// A changed or revoked message.
    Alteration { original_message_id, message }
    /// News about a sent message.
    Status {
        id, status, timestamp, recipient_id, recipient_type, recipient_user_id, recipient_participant_id,
        recipient_participant_user_id, biz_opaque_callback_data, pricing, errors,
    }
    /// A moved user id.
    UserIdUpdate { wa_id, detail, user_id, timestamp }
    /// The old and the new value of it.
    Moved { previous, current }
    /// A person's wish.
    Preference { wa_id, user_id, category, value, timestamp }
    /// A call.
    Call { id, from, from_user_id, event, direction, timestamp }
    /// The members of account news that decide how serious it is.
    AccountNews { event, ban_info, new_quality_score }
    /// A ban or its end.
    Ban { waba_ban_state }
    /// The answer to a send.
    SendAnswer { messages, contacts }
    /// A message in the answer to a send.
    SentMessage { id, message_status }
    /// A recipient in the answer to a send.
    SentContact { wa_id, user_id }
    /// A page of templates.
    TemplatePage { data, paging }
    /// Where a page stands.
    Paging { cursors, next }
    /// The marks of a page's ends.
    Cursors { after }
    /// A template.
    Template { id, name, language, status, category, rejected_reason, components }
    /// The members of news about a template that are read.
    TemplateNews {
        event, message_template_name, message_template_language, message_template_category, new_category, reason,
        rejection_info, other_info,
    }
    /// Why a template was rejected.
    Rejection { reason }
    /// What else is said about a template.
    Remark { description }
    /// That something was done.
    Done { success }
    /// The apps to which an account's deliveries go.
    Subscriptions { data }
    /// A number of ours.
    Number { id, verified_name, display_phone_number, quality_rating, code_verification_status }
}
