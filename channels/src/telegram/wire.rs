//! The vendor's members by name, as its Bot API spells them. Nothing is judged here: every member is taken unread.

use crate::meta::objects::objects;

objects! {
    /// A message, of whatever kind; also what a press or an answer names.
    Message {
        message_id, from, sender_chat, chat, date, edit_date, reply_to_message, forward_origin, forward_date,
        is_automatic_forward, text, caption, animation, photo, video, video_note, voice, audio, document, sticker,
        venue, location, contact, reply_markup, migrate_to_chat_id, migrate_from_chat_id, forum_topic_created,
    }
    /// A chat: with a person, in a group, of a channel.
    Chat { id, #[serde(rename = "type")] kind, title, first_name, last_name, username }
    /// A person or a bot.
    User { id, is_bot, first_name, last_name, username }
    /// A file, or one size of a picture.
    File { file_id, file_name, mime_type, file_size, width, height, is_animated, is_video }
    /// A point.
    Location { latitude, longitude }
    /// A place with a name.
    Venue { location, title, address }
    /// A contact card.
    Contact { phone_number, first_name, last_name, vcard }
    /// A pressed button.
    CallbackQuery { id, from, message, data }
    /// The buttons below a message.
    Markup { inline_keyboard }
    /// One of them.
    Button { text, callback_data }
    /// Reactions that changed.
    Reaction { chat, message_id, user, actor_chat, date, old_reaction, new_reaction }
    /// One reaction.
    ReactionType { #[serde(rename = "type")] kind, emoji }
    /// How the bot stands in a chat.
    MemberUpdated { chat, from, date, old_chat_member, new_chat_member }
    /// How it stood, or stands.
    Member { status }
    /// Any answer.
    Answer { ok, result, error_code, description, parameters }
    /// What an answer adds to a refusal.
    Parameters { retry_after }
    /// Where a file lies.
    FilePath { file_path, file_size }
    /// How deliveries come.
    WebhookInfo { url, pending_update_count, last_error_message, allowed_updates }
}
