//! A mail as every provider's delivery turns into it, before anything is judged: headers, bodies and files.

use sha2::{Digest as _, Sha256};

/// Who the mail system says sent and gets a mail; headers may say otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The sender; empty for the null sender of bounces, absent when nobody told.
    pub from: Option<String>,
    /// The recipients of ours.
    pub to: Vec<String>,
}

/// A name and an address of a header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) name: Option<String>,
    pub(super) address: Option<String>,
}

/// A part of a mail that is no text of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// Unique within the mail.
    pub(super) id: String,
    /// Lower case, without parameters.
    pub(super) mime_type: String,
    pub(super) filename: Option<String>,
    /// Without brackets.
    pub(super) content_id: Option<String>,
    pub(super) bytes: Vec<u8>,
}

/// A mail, read but not judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Letter {
    /// Names in lower case, values unfolded and undecoded, in order.
    pub(super) headers: Vec<(String, String)>,
    pub(super) envelope: Envelope,
    pub(super) from: Vec<Person>,
    pub(super) reply_to: Vec<Person>,
    /// Addresses of `To` and `Cc`.
    pub(super) recipients: Vec<String>,
    pub(super) subject: Option<String>,
    /// `Date` in Unix milliseconds.
    pub(super) at: Option<i64>,
    pub(super) text: Option<String>,
    pub(super) html: Option<String>,
    pub(super) parts: Vec<Part>,
    /// SHA-256 of what came, as hex; names a mail that names itself not.
    pub(super) digest: String,
    /// The receiver's judgement of the sender, where the provider tells it in fields of its own.
    pub(super) vouched: Option<bool>,
    /// What was left out, and why.
    pub(super) left_out: Vec<(String, String)>,
}

impl Letter {
    /// The same mail with its digest made of what it says: what a provider wraps it in differs with every try.
    pub(super) fn named_by_content(mut self) -> Self {
        let mut hash = Sha256::new();
        let at = self.at.map(|at| at.to_string());
        let sender = self.sender();
        for piece in [&sender, &at, &self.subject, &self.text, &self.html] {
            let piece = piece.as_deref().unwrap_or_default();
            hash.update(piece.len().to_be_bytes());
            hash.update(piece.as_bytes());
        }
        for part in &self.parts {
            hash.update(Sha256::digest(&part.bytes));
        }
        self.digest = hex::encode(hash.finalize());
        self
    }

    /// The first header of this name (in lower case).
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All headers of this name (in lower case), in order.
    pub(super) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The address that the mail claims to be from, in lower case.
    pub(super) fn sender(&self) -> Option<String> {
        self.from.iter().find_map(|person| person.address.as_ref()).map(|address| address.to_lowercase())
    }
}
