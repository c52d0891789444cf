//! Secrets blacked out of what a peer answers: some repeat the credential that they refuse, and answers are kept and
//! logged. It looks for the secret of the one request that was answered, in every spelling in which it was sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use switchboard_channels::contract::request::Authorisation;

/// What stands in the place of a secret.
const BLACKENED: &[u8] = b"[secret]";
/// Shorter ones are parts of ordinary words, and no vendor gives out such.
const SHORTEST: usize = 6;

/// The answer without the secret of its request.
#[must_use]
pub fn redacted(body: Bytes, authorisation: Option<&Authorisation>) -> Bytes {
    let Some(authorisation) = authorisation else { return body };
    let mut clean = body;
    for spelling in spellings(authorisation) {
        let secret = spelling.as_bytes();
        if secret.len() >= SHORTEST && find(&clean, secret).is_some() {
            clean = replaced(&clean, secret).into();
        }
    }
    clean
}

/// The longest first, so that no part of one is left over.
fn spellings(authorisation: &Authorisation) -> Vec<String> {
    let mut plain = match authorisation {
        Authorisation::Bearer(secret) | Authorisation::Path(secret) | Authorisation::Header { value: secret, .. } => {
            vec![secret.reveal().to_owned()]
        }
        Authorisation::Basic { user, password } => {
            vec![password.reveal().to_owned(), STANDARD.encode(format!("{user}:{}", password.reveal()))]
        }
    };
    let encoded = plain.iter().flat_map(|secret| {
        let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let percent = percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC).to_string();
        // Some escape the slash in JSON, too.
        let escaped = serde_json::Value::from(secret.as_str()).to_string().trim_matches('"').replace('/', "\\/");
        let read = percent_encoding::percent_decode_str(secret).decode_utf8_lossy().into_owned();
        [form, percent, read, escaped.replace("\\/", "/"), escaped]
    });
    let encoded: Vec<String> = encoded.collect();
    plain.extend(encoded);
    plain.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
    plain.dedup();
    plain
}

fn replaced(body: &[u8], secret: &[u8]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = find(rest, secret) {
        let (before, after) = rest.split_at(at);
        clean.extend_from_slice(before);
        clean.extend_from_slice(BLACKENED);
        rest = after.get(secret.len()..).unwrap_or_default();
    }
    clean.extend_from_slice(rest);
    clean
}

fn find(body: &[u8], secret: &[u8]) -> Option<usize> {
    let first = *secret.first()?;
    let candidates = body.iter().enumerate().filter(|(_, byte)| **byte == first);
    candidates.map(|(at, _)| at).find(|at| body.get(*at..).is_some_and(|rest| rest.starts_with(secret)))
}
