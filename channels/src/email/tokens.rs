//! What we sign so that it finds its way back: reply addresses that name a conversation, envelope senders that name a
//! message, and message ids. Nothing here is secret but the key.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::{LONGEST_LOCAL, Settings};

/// How much of the code is kept, in bytes: 80 bits cannot be guessed by mail.
const CODE: usize = 10;
/// Letters that survive mail systems which change case.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// Marks 16 bytes of a UUID.
const UUID: u8 = 0;
/// Marks any other id, as it is written.
const WORDS: u8 = 1;

/// What a token is for; one for another purpose does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Names a conversation, in a reply address.
    Reply,
    /// Names a message, in an envelope sender.
    Bounce,
}

impl Purpose {
    const fn letter(self) -> char {
        match self {
            Self::Reply => 'r',
            Self::Bounce => 'b',
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Bounce => "bounce",
        }
    }
}

/// Our address with a signed token after a plus; `None` when it would be longer than an address may be.
#[must_use]
pub fn address(settings: &Settings, purpose: Purpose, id: &str) -> Option<String> {
    let (local, domain) = settings.address.rsplit_once('@')?;
    let mut bytes = packed(id);
    bytes.extend(code(settings, purpose.word(), &bytes));
    let local = format!("{local}+{}{}", purpose.letter(), base32(&bytes));
    (!id.is_empty() && local.len() <= LONGEST_LOCAL).then(|| format!("{local}@{domain}"))
}

/// The id that an address of ours names, when its token is of this purpose and verifies.
#[must_use]
pub fn named(settings: &Settings, purpose: Purpose, address: &str) -> Option<String> {
    let (local, _) = address.rsplit_once('@')?;
    let (_, token) = local.split_once('+')?;
    // With an empty key anybody could sign.
    if !settings.is_own(address) || settings.reply_secret.reveal().is_empty() {
        return None;
    }
    let token = token.to_ascii_lowercase();
    let bytes = unbase32(token.strip_prefix(purpose.letter())?)?;
    let (payload, given) = bytes.split_at_checked(bytes.len().checked_sub(CODE)?)?;
    let sound: bool = code(settings, purpose.word(), payload).ct_eq(given).into();
    if sound { unpacked(payload) } else { None }
}

/// The `Message-ID` of a message of ours, without brackets: the same for every try, and only we can make it.
#[must_use]
pub fn message_id(settings: &Settings, id: &str) -> String {
    let plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let id = if plain && id.len() <= 128 { id.to_owned() } else { format!("x{}", hex::encode(id)) };
    let signature = base32(&code(settings, "message", id.to_ascii_lowercase().as_bytes()));
    format!("{id}.{signature}@{}", settings.domain())
}

/// Our own id of the message that has this `Message-ID`, if we made it.
#[must_use]
pub fn own_message(settings: &Settings, message_id: &str) -> Option<String> {
    let (local, domain) = message_id.rsplit_once('@')?;
    if !domain.eq_ignore_ascii_case(settings.domain()) || settings.reply_secret.reveal().is_empty() {
        return None;
    }
    let (id, signature) = local.rsplit_once('.')?;
    let expected = base32(&code(settings, "message", id.to_ascii_lowercase().as_bytes()));
    let sound: bool = expected.as_bytes().ct_eq(signature.to_ascii_lowercase().as_bytes()).into();
    if !sound {
        return None;
    }
    let written = id.strip_prefix('x').and_then(|hexed| String::from_utf8(hex::decode(hexed).ok()?).ok());
    Some(written.unwrap_or_else(|| id.to_owned()))
}

fn code(settings: &Settings, word: &str, payload: &[u8]) -> [u8; CODE] {
    let mut code = [0; CODE];
    // A key of any length is a key; the other arm is never taken, and its token verifies nowhere but here.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(settings.reply_secret.reveal().as_bytes()) {
        for part in [word.as_bytes(), &[0], settings.address.as_bytes(), &[0], payload] {
            mac.update(part);
        }
        code.iter_mut().zip(mac.finalize().into_bytes()).for_each(|(to, from)| *to = from);
    }
    code
}

fn packed(id: &str) -> Vec<u8> {
    let groups: Vec<usize> = id.split('-').map(str::len).collect();
    let lower = !id.bytes().any(|byte| byte.is_ascii_uppercase());
    match hex::decode(id.replace('-', "")) {
        Ok(uuid) if lower && groups == [8, 4, 4, 4, 12] => [vec![UUID], uuid].concat(),
        _ => [&[WORDS], id.as_bytes()].concat(),
    }
}

fn unpacked(payload: &[u8]) -> Option<String> {
    match payload.split_first()? {
        (&UUID, uuid) if uuid.len() == 16 => {
            let hexed = hex::encode(uuid);
            let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| hexed.get(range).unwrap_or_default());
            Some(groups.join("-"))
        }
        (&WORDS, words) => String::from_utf8(words.to_vec()).ok(),
        _ => None,
    }
}

fn base32(bytes: &[u8]) -> String {
    let bits = bytes.len() * 8;
    let letter = |at: usize| {
        let value = (at..at + 5).fold(0_usize, |value, bit| {
            let byte = bytes.get(bit / 8).copied().unwrap_or_default();
            value << 1 | usize::from(byte >> (7 - bit % 8) & 1)
        });
        ALPHABET.get(value).map_or('a', |letter| char::from(*letter))
    };
    (0..bits).step_by(5).map(letter).collect()
}

fn unbase32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut held, mut bits) = (0_u16, 0);
    for letter in text.bytes() {
        let value = ALPHABET.iter().position(|known| *known == letter)?;
        held = held << 5 | u16::try_from(value).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
            held &= (1 << bits) - 1;
        }
    }
    // One text for one token: the bits that are left over are nothing.
    (held == 0).then_some(bytes)
}
