//! Who stands behind a message: a person by their id, a group or a channel by the id of its chat. It keys nobody by a
//! name.

use crate::contract::peer::{Identity, IdentityKind, Peer};
use crate::meta::display::line;
use crate::meta::{self, Raw};
use crate::telegram::wire;

/// Longest name that is taken over, in characters.
const LONGEST_NAME: usize = 256;
/// Longest username that is taken over, in characters.
const LONGEST_USERNAME: usize = 64;

/// A chat.
pub(in crate::telegram) struct Chat {
    pub(in crate::telegram) id: i64,
    /// Several people are in it.
    pub(in crate::telegram) shared: bool,
    name: Option<String>,
    username: Option<String>,
}

impl Chat {
    /// By what the chat is known, and written to.
    pub(in crate::telegram) fn identity(&self) -> Identity {
        let kind = if self.shared { IdentityKind::Group } else { IdentityKind::ScopedId };
        Identity::new(kind, self.id.to_string())
    }
}

/// Reads a chat. Where its type is missing, the sign of its id tells: people are above zero.
pub(in crate::telegram) fn chat(raw: Raw<'_>) -> Option<Chat> {
    let wire: wire::Chat<'_> = meta::object(raw)?;
    let id = meta::whole(wire.id)?;
    Some(Chat {
        id,
        shared: meta::text(wire.kind).map_or(id < 0, |kind| kind != "private"),
        name: line(wire.title, LONGEST_NAME).or_else(|| full(wire.first_name, wire.last_name)),
        username: line(wire.username, LONGEST_USERNAME),
    })
}

/// The chat with a person, where only the person is told.
pub(super) fn of_person(raw: Raw<'_>) -> Option<Chat> {
    let wire: wire::User<'_> = meta::object(raw)?;
    let name = full(wire.first_name, wire.last_name);
    Some(Chat { id: meta::whole(wire.id)?, shared: false, name, username: line(wire.username, LONGEST_USERNAME) })
}

/// The other end of a chat, and who of it wrote: a person, or a chat in whose name somebody did.
pub(super) fn peer(chat: &Chat, from: Raw<'_>, sender_chat: Raw<'_>) -> Peer {
    let writer = of_person(from);
    if !chat.shared {
        let (name, username) = writer.map_or((None, None), |writer| (writer.name, writer.username));
        return Peer {
            identities: vec![chat.identity()],
            name: name.or_else(|| chat.name.clone()),
            username: username.or_else(|| chat.username.clone()),
            ..Peer::default()
        };
    }
    let writer = self::chat(sender_chat).or(writer).filter(|writer| writer.id != chat.id);
    Peer {
        identities: vec![chat.identity()],
        name: chat.name.clone(),
        username: chat.username.clone(),
        participant: writer.as_ref().map(Chat::identity).into_iter().collect(),
        participant_name: writer.and_then(|writer| writer.name),
    }
}

/// Whether a bot wrote.
pub(super) fn is_bot(raw: Raw<'_>) -> bool {
    meta::object::<wire::User<'_>>(raw).is_some_and(|user| meta::flag(user.is_bot))
}

/// A name in its parts, as one.
pub(in crate::telegram) fn full(first: Raw<'_>, last: Raw<'_>) -> Option<String> {
    let parts = [first, last].into_iter().filter_map(|raw| line(raw, LONGEST_NAME / 2 - 1));
    let name = parts.collect::<Vec<_>>().join(" ");
    (!name.is_empty()).then_some(name)
}
