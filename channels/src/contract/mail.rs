//! A mail to send, as data; `net` hands it to the mail server.

use super::credentials::Secret;

/// A name and an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The name that people see.
    pub name: Option<String>,
    /// `local@domain`
    pub address: String,
}

/// How the connection to a mail server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// TLS from the first byte (port 465).
    Implicit,
    /// `STARTTLS` before anything else, or not at all (port 587).
    #[default]
    Required,
    /// None; for a mail server on the same machine.
    None,
}

/// The mail server that takes our mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Protection.
    pub tls: Tls,
    /// User and password, when it asks for them.
    pub login: Option<(String, Secret)>,
}

/// A mailbox that is looked into, because nobody hands its mail over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbox {
    /// The server, with user and password.
    pub server: Relay,
    /// The folder to look into.
    pub folder: String,
    /// Marks a mail as read once it is written down.
    pub marks_seen: bool,
}

/// A file that goes with a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailFile {
    /// Our stored file.
    pub file_id: String,
    /// The name to state.
    pub filename: String,
    /// The MIME type to state.
    pub mime_type: String,
    /// By which name the HTML part shows it (`cid:`); absent: it is attached.
    pub content_id: Option<String>,
}

/// A mail. All header values are single lines without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Who takes it.
    pub relay: Relay,
    /// The sender of the envelope, to which bounces come.
    pub envelope_from: String,
    /// `From`
    pub from: Mailbox,
    /// `To`; also the envelope's recipient.
    pub to: Mailbox,
    /// `Reply-To`
    pub reply_to: Option<Mailbox>,
    /// `Subject`
    pub subject: String,
    /// `Message-ID`, without angle brackets; the same for every try of one message.
    pub message_id: String,
    /// `In-Reply-To`, without angle brackets.
    pub in_reply_to: Option<String>,
    /// `References`, oldest first, without angle brackets.
    pub references: Vec<String>,
    /// The plain part.
    pub text: String,
    /// The HTML part.
    pub html: Option<String>,
    /// Attachments.
    pub files: Vec<MailFile>,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
}

/// What a mail server said last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The three digits: 250, 421, 550, …
    pub code: u16,
    /// Its words, with the enhanced status code if it gave one.
    pub text: String,
}
