//! How many parts a text travels in as SMS. Costs and limits are counted in parts, never in visible characters.

use serde::Serialize;

/// The basic GSM-7 alphabet: one unit each.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Its extension: two units each, never torn apart.
const EXTENDED: &str = "^{}\\[~]|€\u{c}";

/// The alphabet that a text travels in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Encoding {
    /// Seven bits a unit.
    #[serde(rename = "GSM-7")]
    Gsm7,
    /// Sixteen bits a unit: one character outside of GSM-7 is enough for it.
    #[serde(rename = "UCS-2")]
    Ucs2,
}

/// What a text costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Segments {
    /// The alphabet.
    pub encoding: Encoding,
    /// How many parts; at least one.
    pub count: usize,
    /// Units of the alphabet in all parts: septets, or UTF-16 code units.
    pub units: usize,
    /// Units that still fit into the last part.
    pub left: usize,
}

/// Counts the parts of a text.
#[must_use]
pub fn segments(text: &str) -> Segments {
    let gsm = text.chars().all(|character| septets(character).is_some());
    let (encoding, alone, each) = if gsm { (Encoding::Gsm7, 160, 153) } else { (Encoding::Ucs2, 70, 67) };
    let sizes = text.chars().map(|character| match encoding {
        Encoding::Gsm7 => septets(character).unwrap_or(1),
        Encoding::Ucs2 => character.len_utf16(),
    });
    let units = sizes.clone().sum();
    if units <= alone {
        return Segments { encoding, count: 1, units, left: alone - units };
    }
    let (mut count, mut filled) = (1, 0);
    for size in sizes {
        if filled + size > each {
            count += 1;
            filled = 0;
        }
        filled += size;
    }
    Segments { encoding, count, units, left: each - filled }
}

/// The units of a character in GSM-7; nothing when it is not in it.
fn septets(character: char) -> Option<usize> {
    if BASIC.contains(character) {
        return Some(1);
    }
    EXTENDED.contains(character).then_some(2)
}
