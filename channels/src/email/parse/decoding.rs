//! Bytes of a part to text: transfer encodings, charsets and flowed lines, read as leniently as mail demands. It never
//! fails; what cannot be read becomes U+FFFD.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use encoding_rs::{Encoding, REPLACEMENT, UTF_8, WINDOWS_1252};

/// Takes base64 with or without padding, and with odd bits at its end.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Decodes base64, passing over characters that are none of it; what follows the padding is none of it either.
pub(in crate::email) fn base64(bytes: &[u8]) -> Vec<u8> {
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let mut letters: Vec<u8> = bytes.iter().copied().take_while(|byte| *byte != b'=').filter(known).collect();
    // A lone letter holds six bits, which make no byte.
    if letters.len() % 4 == 1 {
        letters.pop();
    }
    LENIENT.decode(&letters).unwrap_or_default()
}

/// Decodes quoted-printable; an escape that is none stays as it is.
pub(super) fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'=' {
            decoded.push(*first);
            continue;
        }
        let hexed = after.get(..2).and_then(|pair| hex::decode(pair).ok());
        if let (Some(byte), Some(beyond)) = (hexed, after.get(2..)) {
            decoded.extend(byte);
            rest = beyond;
        } else if let Some(beyond) = soft_break(after) {
            rest = beyond;
        } else {
            decoded.push(b'=');
        }
    }
    decoded
}

/// What follows a soft line break, if one stands here: blanks and a line end, or the end of all.
fn soft_break(bytes: &[u8]) -> Option<&[u8]> {
    let blanks = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let rest = bytes.get(blanks..)?;
    if rest.is_empty() {
        return Some(rest);
    }
    rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")).or_else(|| rest.strip_prefix(b"\r"))
}

/// Text in the charset of a label, by the table of the web. A label that is none, or says ASCII of what is not, gives
/// way to UTF-8 where the bytes are that, and to windows-1252 where they are not.
pub(in crate::email) fn text(bytes: &[u8], label: Option<&str>) -> String {
    let quotes = |character: char| matches!(character, '\'' | '"') || character.is_whitespace();
    let label = label.map(|label| label.trim_matches(quotes).to_ascii_lowercase()).unwrap_or_default();
    let decoded = match label.as_str() {
        "utf-7" | "unicode-1-1-utf-7" | "csutf7" => utf7(bytes),
        "us-ascii" | "ascii" | "ansi_x3.4-1968" | "" => guessed(bytes),
        label => match encoding(label) {
            Some(encoding) => encoding.decode(bytes).0.into_owned(),
            None => guessed(bytes),
        },
    };
    clean(&decoded)
}

fn encoding(label: &str) -> Option<&'static Encoding> {
    let label = match label {
        "cp949" | "ms949" | "uhc" => "euc-kr",
        "cp936" | "ms936" => "gbk",
        "cp932" | "ms932" => "shift_jis",
        "cp950" => "big5",
        "cp65001" => "utf-8",
        label => label,
    };
    Encoding::for_label(label.as_bytes()).filter(|encoding| *encoding != REPLACEMENT)
}

fn guessed(bytes: &[u8]) -> String {
    if let Some((marked, _)) = Encoding::for_bom(bytes) {
        return marked.decode(bytes).0.into_owned();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        // A text that was cut within a character is still UTF-8.
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 && bytes.len() > 3 => {
            UTF_8.decode(bytes).0.into_owned()
        }
        Err(_) => WINDOWS_1252.decode(bytes).0.into_owned(),
    }
}

/// Line ends as LF; without byte-order marks and NUL, which no store takes.
pub(in crate::email) fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|character| !matches!(character, '\0' | '\u{feff}')).collect()
}

/// Decodes UTF-7, for text only.
fn utf7(bytes: &[u8]) -> String {
    let mut decoded = String::new();
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'+' {
            decoded.push(if first.is_ascii() { char::from(*first) } else { '\u{fffd}' });
            continue;
        }
        let length = after.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte)).count();
        let (shifted, beyond) = after.split_at_checked(length).unwrap_or((after, &[]));
        rest = beyond.strip_prefix(b"-").unwrap_or(beyond);
        if shifted.is_empty() {
            decoded.push('+');
            continue;
        }
        let bytes = base64(shifted);
        let units = bytes.chunks_exact(2).map(|pair| pair.iter().fold(0, |unit, byte| unit << 8 | u16::from(*byte)));
        decoded.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')));
    }
    decoded
}

/// Joins flowed lines (RFC 3676); `delsp` drops the blank at which they were broken.
pub(super) fn unflowed(text: &str, delsp: bool) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut open: Option<usize> = None;
    for line in text.split('\n') {
        let depth = line.bytes().take_while(|byte| *byte == b'>').count();
        let inner = line.get(depth..).unwrap_or_default();
        let inner = inner.strip_prefix(' ').unwrap_or(inner);
        let signature = inner == "-- ";
        let flows = inner.ends_with(' ') && !signature;
        let kept = if flows && delsp { inner.get(..inner.len() - 1).unwrap_or(inner) } else { inner };
        match lines.last_mut().filter(|_| open == Some(depth) && !signature) {
            Some(last) => last.push_str(kept),
            None if depth > 0 => lines.push(format!("{} {kept}", ">".repeat(depth))),
            None => lines.push(kept.to_owned()),
        }
        open = flows.then_some(depth);
    }
    lines.join("\n")
}
