//! Raw mail to a [`Letter`]. The structure is the parser's word; transfer encodings and charsets are read by
//! `decoding`, which is more lenient. It judges nothing.

use std::borrow::Cow;

use mail_parser::{Address, ContentType, Message, MessageParser, MessagePart, MimeHeaders as _, PartType};
use sha2::{Digest as _, Sha256};

use super::{decoding, html, names};
use crate::email::letter::{Envelope, Letter, Part, Person};

/// Most files of a mail.
pub(super) const MOST_FILES: usize = 100;
/// Most bytes of all files together, decoded.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// Most bytes of a mail's text, and of its HTML.
pub(super) const MOST_TEXT: usize = 1024 * 1024;
/// Most headers that are kept.
const MOST_HEADERS: usize = 1_000;
/// How deep attached mails are looked into; the parser's memory and stack grow with it.
const DEEPEST: usize = 20;

/// Reads a raw mail.
///
/// # Errors
/// It is empty.
pub(super) fn letter(raw: &[u8], envelope: Envelope) -> Result<Letter, String> {
    let bytes = separated(prepared(raw));
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err("the mail is empty".to_owned());
    }
    let digest = hex::encode(Sha256::digest(raw));
    let Some(message) = MessageParser::default().parse(bytes.as_ref()).filter(|message| !message.headers().is_empty())
    else {
        let text = decoding::text(names::bounded(&bytes, MOST_TEXT), None);
        return Ok(Letter { envelope, digest, text: Some(text), ..Letter::default() });
    };
    let mut letter = Letter { envelope, digest, ..headed(&message) };
    bodies(&message, &mut letter);
    files(&message, &mut letter);
    Ok(letter)
}

/// Reads headers alone, given as names and decoded values.
pub(super) fn headers<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Letter {
    let mut block = String::new();
    for (name, value) in pairs {
        let named = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
        if named {
            let value: String = value
                .chars()
                .map(|character| if matches!(character, '\r' | '\n' | '\0') { ' ' } else { character })
                .collect();
            block.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    header_block(block.as_bytes())
}

/// Reads headers alone, as they stood in the mail.
pub(super) fn header_block(block: &[u8]) -> Letter {
    let block = [&prepared(block), b"\r\n\r\n".as_slice()].concat();
    MessageParser::default().parse_headers(block.as_slice()).map(|message| headed(&message)).unwrap_or_default()
}

/// The same mail with its headers where the parser looks for them, and in UTF-8: blank lines and an mbox line before
/// them cut off, other charsets of header lines read as windows-1252.
fn prepared(raw: &[u8]) -> Cow<'_, [u8]> {
    let mut bytes = raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw);
    while let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
        let line = bytes.get(..at).unwrap_or_default();
        let mbox = line.starts_with(b"From ") || line.starts_with(b">From ");
        if !mbox && !line.iter().all(u8::is_ascii_whitespace) {
            break;
        }
        bytes = bytes.get(at + 1..).unwrap_or_default();
    }
    let bytes = shallow(bytes);
    let end = header_end(&bytes);
    let (head, body) = bytes.split_at_checked(end).unwrap_or((&bytes, &[]));
    if std::str::from_utf8(head).is_ok() {
        return bytes;
    }
    let lines = head.split_inclusive(|byte| *byte == b'\n').map(|line| match std::str::from_utf8(line) {
        Ok(text) => text.to_owned(),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(line).0.into_owned(),
    });
    let head: String = lines.collect();
    Cow::Owned([head.as_bytes(), body].concat())
}

/// The same mail with a blank line between headers and text where its sender left it out or put blanks into it;
/// the parser would take the text for a part of the last header.
fn separated(bytes: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let never_blank = header_end(&bytes) == bytes.len();
    let (mut at, mut after_blanks) = (0, false);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if line.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            break;
        }
        let named = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let header = named.len() < line.len() && named.iter().all(u8::is_ascii_graphic);
        let folded = line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
        // In the midst of headers a line that is none of them is a slip.
        if at > 0 && !header && !folded && (after_blanks || never_blank) {
            let (head, body) = bytes.split_at_checked(at).unwrap_or((&bytes, &[]));
            return Cow::Owned([head.trim_ascii_end(), b"\r\n\r\n", body].concat());
        }
        after_blanks = line.iter().all(u8::is_ascii_whitespace);
        at += line.len();
    }
    bytes
}

fn header_end(bytes: &[u8]) -> usize {
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if line.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            return at;
        }
        at += line.len();
    }
    bytes.len()
}

/// The same bytes, with labels of attached mails beyond the depth made unknown: a mail in a mail in a mail would
/// otherwise be opened for ever.
fn shallow(bytes: &[u8]) -> Cow<'_, [u8]> {
    const LABEL: &[u8] = b"message/";
    let labels = bytes.windows(LABEL.len()).enumerate().filter(|(_, window)| window.eq_ignore_ascii_case(LABEL));
    let beyond: Vec<usize> = labels.map(|(at, _)| at).skip(DEEPEST).collect();
    if beyond.is_empty() {
        return Cow::Borrowed(bytes);
    }
    let mut copy = bytes.to_vec();
    for at in beyond {
        if let Some(first) = copy.get_mut(at) {
            *first = b'x';
        }
    }
    Cow::Owned(copy)
}

fn headed(message: &Message<'_>) -> Letter {
    let raw = message.raw_message();
    let headers = message.headers().iter().take(MOST_HEADERS).map(|header| {
        let start = usize::try_from(header.offset_start).unwrap_or_default();
        let end = usize::try_from(header.offset_end).unwrap_or_default();
        let value = String::from_utf8_lossy(raw.get(start..end).unwrap_or_default());
        (header.name.as_str().to_ascii_lowercase(), names::unfolded(&value))
    });
    let people = |address: Option<&Address<'_>>| address.map(persons).unwrap_or_default();
    let to = [message.to(), message.cc()].into_iter().flatten().flat_map(persons);
    Letter {
        headers: headers.collect(),
        // The first header of a name counts: a second is what forgers add.
        from: message
            .header_values("From")
            .next()
            .and_then(|value| value.as_address())
            .map(persons)
            .unwrap_or_default(),
        reply_to: people(message.reply_to()),
        recipients: to.filter_map(|person| person.address).collect(),
        subject: message.subject().map(names::line).filter(|subject| !subject.is_empty()),
        at: message.date().filter(|date| date.is_valid()).map(|date| date.to_timestamp().saturating_mul(1_000)),
        ..Letter::default()
    }
}

fn persons(address: &Address<'_>) -> Vec<Person> {
    address
        .iter()
        .map(|person| Person {
            name: person.name.as_deref().and_then(names::display),
            address: person.address.as_deref().map(str::trim).and_then(names::address),
        })
        .collect()
}

fn bodies(message: &Message<'_>, letter: &mut Letter) {
    let part = |id: &u32| message.parts.get(usize::try_from(*id).ok()?);
    let mut html_parts = Vec::new();
    for part in message.html_body.iter().filter_map(part) {
        if matches!(part.body, PartType::Html(_)) {
            html_parts.push(decoded_text(message, part));
        }
    }
    let mut texts = Vec::new();
    for part in message.text_body.iter().filter_map(part).chain(bare_texts(message)) {
        match part.body {
            PartType::Text(_) => texts.push(decoded_text(message, part)),
            // Where a mail mixes both, its HTML is part of what is to be read.
            PartType::Html(_) => texts.push(html::text(&decoded_text(message, part)).whole),
            _ => {}
        }
    }
    let mut shown = message.text_body.iter().filter_map(part).chain(bare_texts(message));
    let only_html = !shown.any(|part| matches!(part.body, PartType::Text(_)));
    let text = texts.join("\n");
    letter.text = (!only_html && !text.trim().is_empty()).then(|| names::cut(&text, MOST_TEXT));
    let html = html_parts.join("\n");
    letter.html = (!html.trim().is_empty()).then(|| names::cut(&html, MOST_TEXT));
}

/// What is labelled `text` and no more is read; the parser takes it for a file.
fn is_bare_text(part: &MessagePart<'_>) -> bool {
    let bare = |kind: &ContentType<'_>| kind.c_type.eq_ignore_ascii_case("text") && kind.c_subtype.is_none();
    matches!(part.body, PartType::Text(_)) && part.content_type().is_some_and(bare) && part.attachment_name().is_none()
}

fn bare_texts<'a>(message: &'a Message<'a>) -> impl Iterator<Item = &'a MessagePart<'a>> {
    message.parts.iter().filter(|part| is_bare_text(part))
}

fn decoded_text(message: &Message<'_>, part: &MessagePart<'_>) -> String {
    let bytes = content(message, part);
    let kind = part.content_type();
    let attribute = |name: &str| kind.and_then(|kind| kind.attribute(name)).map(str::to_ascii_lowercase);
    let text = decoding::text(names::bounded(&bytes, 4 * MOST_TEXT), attribute("charset").as_deref());
    if attribute("format").as_deref() == Some("flowed") && matches!(part.body, PartType::Text(_)) {
        return decoding::unflowed(&text, attribute("delsp").as_deref() == Some("yes"));
    }
    text
}

/// A part's bytes without their transfer encoding.
fn content<'a>(message: &'a Message<'_>, part: &MessagePart<'_>) -> Cow<'a, [u8]> {
    let start = usize::try_from(part.offset_body).unwrap_or_default();
    let end = usize::try_from(part.offset_end).unwrap_or_default();
    let raw = message.raw_message().get(start..end).unwrap_or_default();
    // The parser forgets an encoding that it could not follow to the end.
    let encoding = part.content_transfer_encoding().unwrap_or_default().trim().to_ascii_lowercase();
    match encoding.as_str() {
        "quoted-printable" => Cow::Owned(decoding::quoted_printable(raw)),
        "base64" => Cow::Owned(decoding::base64(raw)),
        _ => Cow::Borrowed(raw),
    }
}

fn files(message: &Message<'_>, letter: &mut Letter) {
    let mut left = MOST_BYTES;
    for (index, part) in message.parts.iter().enumerate() {
        let body =
            u32::try_from(index).is_ok_and(|id| message.text_body.contains(&id) || message.html_body.contains(&id));
        let shown = body && matches!(part.body, PartType::Text(_) | PartType::Html(_)) || is_bare_text(part);
        if shown || matches!(part.body, PartType::Multipart(_)) {
            continue;
        }
        let place = format!("part:{index}");
        if letter.parts.len() == MOST_FILES {
            letter.left_out.push((place, format!("more than {MOST_FILES} files")));
            continue;
        }
        let bytes = content(message, part).into_owned();
        match left.checked_sub(bytes.len()) {
            Some(rest) => left = rest,
            None => {
                letter.left_out.push((place, format!("more than {MOST_BYTES} bytes of files")));
                continue;
            }
        }
        let mime_type = part.content_type().map_or("application/octet-stream".to_owned(), |kind| {
            format!("{}/{}", kind.c_type, kind.c_subtype.as_deref().unwrap_or("plain")).to_ascii_lowercase()
        });
        let mime_type = names::mime_type(Some(&mime_type));
        letter.parts.push(Part {
            id: place,
            mime_type,
            filename: part.attachment_name().and_then(names::filename),
            content_id: part.content_id().map(|id| id.trim_matches(['<', '>', ' ']).to_owned()),
            bytes,
        });
    }
}
