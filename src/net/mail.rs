//! The way out for mail: SMTP with TLS and pooled connections. It sends a mail that others describe as data, once, and
//! says what the server answered or whether it may have taken it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox as Address, MessageBuilder, MultiPart, SinglePart};
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls as Protection, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use switchboard_channels::contract::mail::{Mail, MailFile, Mailbox, Relay, Reply, Tls};

use super::{NetError, Options, guard};

/// Connections kept to one server by one sender.
const CONNECTIONS: u32 = 4;
/// How long connections to a server are used before they are made anew, so that changed names and passwords count.
const KEPT_FOR: Duration = Duration::from_secs(600);

type Transport = AsyncSmtpTransport<Tokio1Executor>;
/// Since when a server's connections are used, and by which settings.
type Known = (Instant, Relay, Transport);

/// Sends mail. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Post {
    public_only: bool,
    timeout: Duration,
    servers: Arc<Mutex<HashMap<String, Known>>>,
}

impl Post {
    /// A sender; `public_only` dials servers of the public internet only.
    #[must_use]
    pub fn new(options: &Options, public_only: bool) -> Self {
        Self { public_only, timeout: options.request_timeout, servers: Arc::default() }
    }

    /// Sends a mail with the bytes of its files, in the order in which it names them.
    ///
    /// # Errors
    /// No answer: [`NetError::certain_not_sent`] says whether a repeat can arrive twice. What the server refuses is an
    /// answer.
    pub async fn send(&self, mail: &Mail, files: Vec<Bytes>) -> Result<Reply, NetError> {
        let message = compose(mail, files)?;
        let transport = self.transport(&mail.relay).await?;
        let answered = transport.send(message).await;
        match answered {
            Ok(response) => {
                Ok(Reply { code: u16::from(response.code()), text: response.message().collect::<Vec<_>>().join(" ") })
            }
            Err(error) => match error.status() {
                Some(code) => Ok(Reply { code: u16::from(code), text: words(&error) }),
                None if never_reached(&error) => Err(NetError::refused(words(&error))),
                None => Err(NetError::lost(words(&error))),
            },
        }
    }

    async fn transport(&self, relay: &Relay) -> Result<Transport, NetError> {
        let key =
            format!("{}:{}/{}", relay.host, relay.port, relay.login.as_ref().map_or("", |(user, _)| user.as_str()));
        let known = {
            let servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
            servers.get(&key).filter(|(since, known, _)| since.elapsed() < KEPT_FOR && known == relay).cloned()
        };
        if let Some((_, _, transport)) = known {
            return Ok(transport);
        }
        let transport = self.connect(relay).await?;
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        servers.retain(|_, (since, ..)| since.elapsed() < KEPT_FOR);
        servers.insert(key, (Instant::now(), relay.clone(), transport.clone()));
        Ok(transport)
    }

    /// The server is dialled by the address that was checked; its name is what its certificate must say.
    async fn connect(&self, relay: &Relay) -> Result<Transport, NetError> {
        let unusable = |error: lettre::transport::smtp::Error| NetError::refused(words(&error));
        let dialled = if self.public_only { public_address(relay).await?.to_string() } else { relay.host.clone() };
        let protection = match relay.tls {
            Tls::None => Protection::None,
            Tls::Required => Protection::Required(TlsParameters::new(relay.host.clone()).map_err(unusable)?),
            Tls::Implicit => Protection::Wrapper(TlsParameters::new(relay.host.clone()).map_err(unusable)?),
        };
        let mut builder = Transport::builder_dangerous(dialled)
            .port(relay.port)
            .tls(protection)
            .timeout(Some(self.timeout))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS).idle_timeout(Duration::from_secs(20)));
        if let Some((user, password)) = &relay.login {
            builder = builder.credentials(Credentials::new(user.clone(), password.reveal().to_owned()));
        }
        Ok(builder.build())
    }
}

async fn public_address(relay: &Relay) -> Result<IpAddr, NetError> {
    let found = tokio::net::lookup_host((relay.host.as_str(), relay.port)).await;
    let mut found = found.map_err(|error| NetError::refused(format!("the mail server's name: {error}")))?;
    let public = found.find(|address| guard::is_public(address.ip()));
    let refused = || NetError::refused("the mail server is not on the public internet");
    public.map(|address| address.ip()).ok_or_else(refused)
}

fn compose(mail: &Mail, files: Vec<Bytes>) -> Result<Message, NetError> {
    let refused = |what: &str, error: &dyn std::fmt::Display| NetError::refused(format!("{what}: {error}"));
    let address = |mailbox: &Mailbox| {
        let parsed = mailbox.address.parse().map_err(|error| refused("an address cannot be written", &error))?;
        Ok::<_, NetError>(Address::new(mailbox.name.clone(), parsed))
    };
    let from = mail.envelope_from.parse().map_err(|error| refused("the envelope's sender", &error))?;
    let to = address(&mail.to)?;
    let envelope = Envelope::new(Some(from), vec![to.email.clone()]);
    let envelope = envelope.map_err(|error| refused("the envelope", &error))?;
    let mut builder = Message::builder()
        .envelope(envelope)
        .message_id(Some(format!("<{}>", mail.message_id)))
        .from(address(&mail.from)?)
        .to(to)
        .subject(mail.subject.clone());
    if let Some(reply_to) = &mail.reply_to {
        builder = builder.reply_to(address(reply_to)?);
    }
    if let Some(id) = &mail.in_reply_to {
        builder = builder.in_reply_to(format!("<{id}>"));
    }
    if !mail.references.is_empty() {
        let ids: Vec<String> = mail.references.iter().map(|id| format!("<{id}>")).collect();
        builder = builder.references(ids.join(" "));
    }
    for (name, value) in &mail.headers {
        let name =
            HeaderName::new_from_ascii((*name).to_owned()).map_err(|error| refused("a header's name", &error))?;
        builder = builder.raw_header(HeaderValue::new(name, value.clone()));
    }
    with_body(builder, mail, files)
}

/// Text first and HTML last, what the HTML shows beside it, and attachments around both.
fn with_body(builder: MessageBuilder, mail: &Mail, files: Vec<Bytes>) -> Result<Message, NetError> {
    let mut attached = Vec::new();
    let mut shown = Vec::new();
    for (file, bytes) in mail.files.iter().zip(files) {
        let part = part(file, bytes)?;
        if file.content_id.is_some() { shown.push(part) } else { attached.push(part) }
    }
    let plain = SinglePart::plain(mail.text.clone());
    let text = match &mail.html {
        None => MultiPart::mixed().singlepart(plain),
        Some(html) if shown.is_empty() => {
            MultiPart::alternative().singlepart(plain).singlepart(SinglePart::html(html.clone()))
        }
        Some(html) => {
            let page = MultiPart::related().singlepart(SinglePart::html(html.clone()));
            let page = shown.into_iter().fold(page, MultiPart::singlepart);
            MultiPart::alternative().singlepart(plain).multipart(page)
        }
    };
    let message = match (mail.html.is_some(), attached.is_empty()) {
        (false, true) => builder.singlepart(SinglePart::plain(mail.text.clone())),
        (false, false) => builder.multipart(attached.into_iter().fold(text, MultiPart::singlepart)),
        (true, true) => builder.multipart(text),
        (true, false) => {
            builder.multipart(attached.into_iter().fold(MultiPart::mixed().multipart(text), MultiPart::singlepart))
        }
    };
    message.map_err(|error| NetError::refused(format!("the mail cannot be composed: {error}")))
}

fn part(file: &MailFile, bytes: Bytes) -> Result<SinglePart, NetError> {
    let mime_type = ContentType::parse(&file.mime_type).or_else(|_| ContentType::parse("application/octet-stream"));
    let mime_type = mime_type.map_err(|error| NetError::refused(format!("a file's type: {error}")))?;
    let attachment = match &file.content_id {
        Some(id) => Attachment::new_inline(id.clone()),
        None => Attachment::new(file.filename.clone()),
    };
    Ok(attachment.body(bytes.to_vec(), mime_type))
}

/// Whether no connection came about, so that the server cannot have taken anything. The library tells it in words only.
fn never_reached(error: &lettre::transport::smtp::Error) -> bool {
    error.is_client() || error.is_tls() || error.to_string().starts_with("Connection error")
}

fn words(error: &lettre::transport::smtp::Error) -> String {
    use std::error::Error as _;
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !message.ends_with(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        cause = inner.source();
    }
    message
}
