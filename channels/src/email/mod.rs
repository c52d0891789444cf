//! Mail: how a mailbox is set up, received from and sent by. It opens no connection itself.

mod form;
mod letter;
pub mod outcome;
pub mod parse;
pub mod render;
pub mod tokens;
mod vendor;
pub mod verify;
mod wire;

use serde::{Deserialize, Deserializer, Serialize};

use crate::contract::credentials::Secret;
use crate::contract::mail::{Inbox, Relay, Tls};
use crate::contract::vendor::Problem;
pub use letter::Envelope;
pub use vendor::PROTOCOL;

/// Shortest secret that signs reply addresses, in bytes.
const SHORTEST_SECRET: usize = 16;
/// Longest address, in octets.
const LONGEST_ADDRESS: usize = 254;
/// Longest part before the at-sign, in octets.
const LONGEST_LOCAL: usize = 64;

/// Who receives mail for us and hands it over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Mailgun routes and webhooks.
    Mailgun,
    /// Twilio SendGrid's Inbound Parse and Event Webhook.
    Sendgrid,
    /// Postmark's inbound and message webhooks.
    Postmark,
    /// Amazon SES by SNS.
    Ses,
    /// A mail server of one's own that posts raw mail.
    Generic,
    /// A mailbox that we look into; nothing comes by HTTP.
    #[default]
    Imap,
}

/// How one mailbox is received from and sent by. Absent members take their default, so that [`Settings::problems`] can
/// name every problem at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The address that people write to and get answers from.
    #[serde(deserialize_with = "lower")]
    pub address: String,
    /// The name beside it. Also read from `from_name`, as a file of channels calls the channel itself `name`.
    #[serde(alias = "from_name")]
    pub name: Option<String>,
    /// Other addresses of ours whose mail arrives here; mail from them is our own.
    #[serde(deserialize_with = "all_lower")]
    pub aliases: Vec<String>,
    /// Who hands mail over.
    pub provider: Provider,
    /// Mailgun's webhook signing key, or the secret of the generic door; more than one while they rotate. Also read
    /// from `signing_key` and from a single string.
    #[serde(alias = "signing_key", deserialize_with = "one_or_many")]
    pub signing_keys: Vec<Secret>,
    /// `SendGrid`'s verification key: base64 of a DER public key.
    pub public_key: Option<String>,
    /// User of basic authentication, as it stands in the callback address at `SendGrid` or Postmark.
    pub webhook_user: Option<String>,
    /// Password of basic authentication.
    pub webhook_password: Option<Secret>,
    /// The SNS topics that may speak to us. Also read from `topic_arn` and from a single string.
    #[serde(alias = "topic_arn", deserialize_with = "texts")]
    pub topic_arns: Vec<String>,
    /// Certificates that may sign notifications, in PEM.
    #[serde(deserialize_with = "texts")]
    pub signing_certificates: Vec<String>,
    /// Takes notifications signed with SHA-1 (`SignatureVersion` 1), too.
    pub allow_sha1: bool,
    /// The name by which the trusted receiving server signs `Authentication-Results`.
    pub trusted_authserv: Option<String>,
    /// Host of the mail server that takes our mail.
    pub smtp_host: String,
    /// Its port. Also read from a text, as variables are.
    #[serde(deserialize_with = "port")]
    pub smtp_port: u16,
    /// How the connection to it is protected.
    pub smtp_tls: Tls,
    /// User, where it asks for one.
    pub smtp_user: Option<String>,
    /// Password.
    pub smtp_password: Option<Secret>,
    /// Host of the mailbox, for the provider `imap`.
    pub imap_host: Option<String>,
    /// Its port. Also read from a text.
    #[serde(deserialize_with = "port")]
    pub imap_port: u16,
    /// How the connection to it is protected.
    pub imap_tls: Tls,
    /// User.
    pub imap_user: Option<String>,
    /// Password.
    pub imap_password: Option<Secret>,
    /// The folder to look into.
    pub imap_mailbox: String,
    /// Marks a mail as read once it is written down.
    pub imap_mark_seen: bool,
    /// Signs reply addresses, bounce addresses and message ids; 16 bytes or more. Changing it breaks the threads of
    /// earlier mail.
    pub reply_secret: Secret,
    /// A line above which people are asked to answer; absent: none.
    pub reply_marker: Option<String>,
    /// Marks answers as automatic, so that other machines do not answer them. Some help desks hide such mail.
    pub mark_automatic: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address: String::new(),
            name: None,
            aliases: Vec::new(),
            provider: Provider::default(),
            signing_keys: Vec::new(),
            public_key: None,
            webhook_user: None,
            webhook_password: None,
            topic_arns: Vec::new(),
            signing_certificates: Vec::new(),
            allow_sha1: false,
            trusted_authserv: None,
            smtp_host: String::new(),
            smtp_port: 587,
            smtp_tls: Tls::Required,
            smtp_user: None,
            smtp_password: None,
            imap_host: None,
            imap_port: 993,
            imap_tls: Tls::Implicit,
            imap_user: None,
            imap_password: None,
            imap_mailbox: "INBOX".to_owned(),
            imap_mark_seen: true,
            reply_secret: Secret::new(""),
            reply_marker: None,
            mark_automatic: true,
        }
    }
}

impl Settings {
    /// Names every setting that cannot work; empty when all is well.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let line = |text: &Option<String>| text.as_deref().is_none_or(is_line);
        let checks = [
            (is_address(&self.address), "address", "a mail address"),
            (line(&self.name), "name", "one line, not empty"),
            (self.aliases.iter().all(|alias| is_address(alias)), "aliases", "mail addresses"),
            (self.keys_fit(), "signing_keys", "for mailgun and generic at least one secret, none of them empty"),
            (self.public_key_fits(), "public_key", "the base64 text of a P-256 public key"),
            (self.webhook_login_fits(), "webhook_password", "user and password; for sendgrid these or public_key"),
            (self.topics_fit(), "topic_arns", "for ses at least one: arn:aws:sns:REGION:ACCOUNT:NAME"),
            (
                self.signing_certificates.iter().all(|pem| verify::is_certificate(pem)),
                "signing_certificates",
                "certificates in PEM",
            ),
            (line(&self.trusted_authserv), "trusted_authserv", "a host name"),
            (is_host(&self.smtp_host), "smtp_host", "a host name"),
            (self.smtp_port > 0, "smtp_port", "a port: 587, 465, 25"),
            (
                is_login(self.smtp_user.as_ref(), self.smtp_password.as_ref()),
                "smtp_password",
                "user and password, or none",
            ),
            (self.imap_fits(), "imap_host", "for imap a host name, with imap_user and imap_password"),
            (
                self.reply_secret.reveal().len() >= SHORTEST_SECRET,
                "reply_secret",
                "16 random bytes or more, kept for ever",
            ),
            (line(&self.reply_marker), "reply_marker", "one line, not empty"),
        ];
        let bad = checks.into_iter().filter(|(sound, ..)| !sound);
        bad.map(|(_, field, expected)| Problem { field, expected }).collect()
    }

    fn keys_fit(&self) -> bool {
        let needed = matches!(self.provider, Provider::Mailgun | Provider::Generic);
        (!needed || !self.signing_keys.is_empty()) && self.signing_keys.iter().all(|key| !key.reveal().is_empty())
    }

    fn public_key_fits(&self) -> bool {
        self.public_key.as_deref().is_none_or(verify::is_public_key)
    }

    fn webhook_login_fits(&self) -> bool {
        let whole = is_login(self.webhook_user.as_ref(), self.webhook_password.as_ref());
        let given = self.webhook_user.is_some();
        whole
            && match self.provider {
                Provider::Postmark => given,
                Provider::Sendgrid => given || self.public_key.is_some(),
                _ => true,
            }
    }

    fn topics_fit(&self) -> bool {
        let sound = |arn: &String| arn.starts_with("arn:aws") && arn.split(':').count() == 6 && is_line(arn);
        (self.provider != Provider::Ses || !self.topic_arns.is_empty()) && self.topic_arns.iter().all(sound)
    }

    fn imap_fits(&self) -> bool {
        let host = self.imap_host.as_deref().is_none_or(is_host);
        let whole = self.imap_host.is_some() && self.imap_user.is_some() && self.imap_password.is_some();
        host && self.imap_port > 0 && (self.provider != Provider::Imap || whole)
    }

    /// The mail server that takes our mail.
    #[must_use]
    pub fn relay(&self) -> Relay {
        Relay {
            host: self.smtp_host.clone(),
            port: self.smtp_port,
            tls: self.smtp_tls,
            login: self.smtp_user.clone().zip(self.smtp_password.clone()),
        }
    }

    /// The mailbox to look into, for the provider `imap`.
    #[must_use]
    pub fn mailbox(&self) -> Option<Inbox> {
        let host = self.imap_host.clone().filter(|_| self.provider == Provider::Imap)?;
        let login = self.imap_user.clone().zip(self.imap_password.clone());
        Some(Inbox {
            server: Relay { host, port: self.imap_port, tls: self.imap_tls, login },
            folder: self.imap_mailbox.clone(),
            marks_seen: self.imap_mark_seen,
        })
    }

    /// Whether an address is ours: the channel's own, an alias, or one of them with something after a plus.
    #[must_use]
    pub fn is_own(&self, address: &str) -> bool {
        let address = address.to_lowercase();
        let Some((local, domain)) = address.rsplit_once('@') else { return false };
        let bare = local.split('+').next().unwrap_or(local);
        self.own_addresses()
            .any(|own| own == address || own.rsplit_once('@').is_some_and(|(ours, at)| at == domain && ours == bare))
    }

    fn own_addresses(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.address.as_str()).chain(self.aliases.iter().map(String::as_str))
    }

    /// The part of the address behind the at-sign.
    fn domain(&self) -> &str {
        self.address.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// Whether a text is an address that mail can be sent to: `local@domain` in visible characters.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let sound = |part: &str| {
        part.chars().all(|character| {
            !character.is_control() && !character.is_whitespace() && !"<>,;:\"()[]\\@".contains(character)
        })
    };
    text.len() <= LONGEST_ADDRESS
        && (1..=LONGEST_LOCAL).contains(&local.len())
        && !domain.is_empty()
        && domain.split('.').all(|label| !label.is_empty())
        && sound(local)
        && sound(domain)
}

fn is_line(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= 998 && !text.chars().any(char::is_control)
}

fn is_host(text: &str) -> bool {
    let named = |character: char| character.is_ascii_alphanumeric() || "-.:[]_".contains(character);
    (1..=253).contains(&text.len()) && text.chars().all(named)
}

fn is_login(user: Option<&String>, password: Option<&Secret>) -> bool {
    match (user, password) {
        (None, None) => true,
        (Some(user), Some(password)) => !user.is_empty() && !password.reveal().is_empty(),
        _ => false,
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn into_list(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Secret>, D::Error> {
    OneOrMany::deserialize(deserializer).map(OneOrMany::into_list)
}

fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    OneOrMany::deserialize(deserializer).map(OneOrMany::into_list)
}

fn lower<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|text| text.trim().to_lowercase())
}

fn all_lower<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(texts(deserializer)?.into_iter().map(|text| text.trim().to_lowercase()).collect())
}

/// A port as a number or as a text.
fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Port {
        Number(u16),
        Text(String),
    }
    match Port::deserialize(deserializer)? {
        Port::Number(port) => Ok(port),
        Port::Text(text) => text.trim().parse().map_err(serde::de::Error::custom),
    }
}
