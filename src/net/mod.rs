//! The one way out: HTTP with timeouts, size caps, private addresses refused, secrets redacted. It knows no noun of
//! the product and no vendor: it executes requests that others describe as data, once, and says what came back or
//! whether the peer may have taken the request. It never retries; who asked knows whether a repeat is safe.

mod download;
mod failure;
mod guard;
mod mail;
pub mod mailbox;
mod options;
mod redaction;
mod retry_hint;
#[cfg(test)]
pub mod scripted_server;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::multipart::{Form, Part};
use reqwest::redirect::Policy;
use switchboard_channels::contract::mail::{Inbox, Mail};
use switchboard_channels::contract::request::{Authorisation, Body, Method, Request, SECRET_IN_PATH};
use url::Url;

use crate::telemetry::clock::Clock;

pub use download::{Download, Kept};
pub use failure::{NetError, NetErrorKind};
pub use options::Options;

/// Where the addresses of a client's requests come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The operator's own settings, such as base addresses: private networks are fine.
    Operator,
    /// Customers, vendors' payloads or callers of the API: only the public internet may be reached.
    Outside,
}

/// Installs the one TLS provider of the process. Further calls change nothing.
pub fn install_crypto() {
    // The error says that a provider is installed already, which is what is wanted.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// An HTTP client with its pool of connections. Cloning shares the pool. Connections are driven by the runtime that
/// opened them, so threads with runtimes of their own do best with a client each.
#[derive(Debug, Clone)]
pub struct Client {
    post: mail::Post,
    http: reqwest::Client,
    options: Arc<Options>,
    trust: Trust,
    public_only: bool,
    clock: Clock,
    /// Of an operator's client: the one for addresses from elsewhere.
    outside: Option<Arc<Self>>,
}

/// What a peer answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// How long the peer asks to be left alone.
    pub retry_after: Option<Duration>,
    /// The body, at most [`Options::max_response_bytes`].
    pub body: Bytes,
    /// From the call to the last byte.
    pub duration: Duration,
}

/// The bytes of a multipart request's file.
#[derive(Debug)]
pub struct File {
    body: reqwest::Body,
    length: Option<u64>,
}

impl File {
    /// A file that is in memory.
    #[must_use]
    pub fn from_bytes(bytes: Bytes) -> Self {
        Self { length: u64::try_from(bytes.len()).ok(), body: bytes.into() }
    }

    /// A file read while it is sent. With its `length` in bytes it is announced; some vendors refuse chunked bodies.
    pub fn from_reader(reader: impl tokio::io::AsyncRead + Send + 'static, length: Option<u64>) -> Self {
        Self { body: reqwest::Body::wrap_stream(tokio_util::io::ReaderStream::new(reader)), length }
    }
}

/// An answer whose body is still arriving. Dropping it closes the connection.
#[derive(Debug)]
pub struct Arriving {
    response: reqwest::Response,
    clock: Clock,
}

impl Arriving {
    /// HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// The text of a response header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// The media type of the body without parameters, in lower case.
    #[must_use]
    pub fn mime_type(&self) -> Option<String> {
        mime_type(self.response.headers())
    }

    /// How long the peer asks to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        retry_hint::retry_hint(self.response.headers(), self.clock.now())
    }

    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// [`NetErrorKind::Lost`] where the connection broke before the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, NetError> {
        self.response.chunk().await.map_err(NetError::from_http)
    }

    /// The rest of the body, at most `limit` bytes.
    ///
    /// # Errors
    /// [`NetErrorKind::Lost`] or [`NetErrorKind::TooLarge`].
    pub async fn rest(&mut self, limit: u64) -> Result<Bytes, NetError> {
        if self.response.content_length().is_some_and(|length| length > limit) {
            return Err(NetError::too_large(limit));
        }
        let mut pieces: Vec<Bytes> = Vec::new();
        let mut size = 0_u64;
        while let Some(piece) = self.chunk().await? {
            size = size.saturating_add(piece.len() as u64);
            if size > limit {
                return Err(NetError::too_large(limit));
            }
            pieces.push(piece);
        }
        // Small answers come in one piece, which is handed on without copying.
        match pieces.len() {
            0 | 1 => Ok(pieces.pop().unwrap_or_default()),
            _ => Ok(pieces.concat().into()),
        }
    }
}

impl Client {
    /// Makes a client.
    ///
    /// # Errors
    /// [`NetErrorKind::Refused`] where TLS cannot be set up, for example without any root certificate.
    pub fn new(options: Options, trust: Trust) -> Result<Self, NetError> {
        install_crypto();
        let outside = match trust {
            Trust::Operator => Some(Arc::new(Self::new(options.clone(), Trust::Outside)?)),
            Trust::Outside => None,
        };
        let public_only = trust == Trust::Outside && !options.allow_private_addresses;
        #[expect(clippy::disallowed_methods, reason = "this room is the one way out")]
        let mut builder = reqwest::Client::builder()
            .user_agent(&options.user_agent)
            .connect_timeout(options.connect_timeout)
            .pool_max_idle_per_host(options.idle_connections_per_host)
            .pool_idle_timeout(options.idle_connection_timeout)
            .tcp_nodelay(true)
            .no_proxy()
            .referer(false)
            .retry(reqwest::retry::never())
            .redirect(redirects(options.max_redirects, trust, public_only));
        if public_only {
            builder = builder.dns_resolver(Arc::new(guard::PublicOnly));
        }
        for (host, address) in &options.known_hosts {
            builder = builder.resolve(host, *address);
        }
        for root in &options.more_roots {
            let root = reqwest::Certificate::from_pem(root.as_bytes()).map_err(NetError::from_http)?;
            builder = builder.tls_certs_merge([root]);
        }
        let http = builder.build().map_err(NetError::from_http)?;
        let post = mail::Post::new(&options, public_only);
        Ok(Self { http, post, options: Arc::new(options), trust, public_only, clock: Clock::default(), outside })
    }

    /// Reads dates that peers name against this clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.outside = self.outside.map(|outside| Arc::new((*outside).clone().with_clock(clock.clone())));
        self.clock = clock;
        self
    }

    /// The client of the same settings for addresses of this trust. One for addresses from outside stays as it is.
    #[must_use]
    pub fn trusting(&self, trust: Trust) -> &Self {
        match (trust, &self.outside) {
            (Trust::Outside, Some(outside)) => outside,
            _ => self,
        }
    }

    /// Executes a request and reads the whole answer, whatever its status. `file` is the file of a multipart body. Where
    /// the answer repeats the request's secret, it is blacked out.
    ///
    /// # Errors
    /// See [`NetErrorKind`]; [`NetError::certain_not_sent`] says whether a repeat can act twice.
    pub async fn send(&self, request: &Request, file: Option<File>) -> Result<Answer, NetError> {
        let begun = Instant::now();
        let call = self.prepare(request, file)?.timeout(self.options.request_timeout);
        let mut arriving = self.execute(call).await?;
        let body = arriving.rest(self.options.max_response_bytes).await?;
        let body = redaction::redacted(body, request.authorisation.as_ref());
        let (status, retry_after) = (arriving.status(), arriving.retry_after());
        Ok(Answer { status, retry_after, body, duration: begun.elapsed() })
    }

    /// Sends a mail with the bytes of its files, in the order in which it names them. The answer's status is the mail
    /// server's code, its body the server's words.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_mail(&self, mail: &Mail, files: Vec<Bytes>) -> Result<Answer, NetError> {
        let begun = Instant::now();
        let reply = self.post.send(mail, files).await?;
        Ok(Answer { status: reply.code, retry_after: None, body: reply.text.into(), duration: begun.elapsed() })
    }

    /// Connects to a mailbox, logs in and opens its folder.
    ///
    /// # Errors
    /// See [`mailbox::MailboxError`].
    pub async fn open_folder(&self, inbox: &Inbox) -> Result<mailbox::Folder, mailbox::MailboxError> {
        mailbox::Folder::open(&self.options, inbox, self.public_only).await
    }

    /// Executes a request and returns once the response's head is there; the caller reads the body and sets the
    /// time limits. `headers` are added to the request.
    ///
    /// # Errors
    /// See [`NetErrorKind`].
    pub async fn open(&self, request: &Request, headers: &[(&str, &str)]) -> Result<Arriving, NetError> {
        let mut call = self.prepare(request, None)?;
        for (name, value) in headers {
            call = call.header(*name, *value);
        }
        self.execute(call).await
    }

    /// Posts these very bytes and returns once the answer's head is there; the caller reads the body and sets the time
    /// limits.
    ///
    /// # Errors
    /// See [`NetErrorKind`].
    pub async fn post(&self, address: &str, headers: &[(&str, &str)], body: Bytes) -> Result<Arriving, NetError> {
        let call = self.http.post(self.address(address)?).body(body);
        let call = headers.iter().fold(call, |call, (name, value)| call.header(*name, *value));
        self.execute(call).await
    }

    /// Whether addresses from elsewhere may lead into private networks.
    #[must_use]
    pub fn allows_private_addresses(&self) -> bool {
        self.options.allow_private_addresses
    }

    /// Says early, where an address is entered, whether this client would call it. Where its name leads is found out,
    /// and checked, only at the call.
    ///
    /// # Errors
    /// [`NetErrorKind::Refused`] with the reason.
    pub fn check_address(&self, address: &str) -> Result<(), NetError> {
        self.address(address).map(|_| ())
    }

    /// Says where an address or a host is entered by somebody else than the operator whether it may be called: none of
    /// what its name leads to now is off the public internet, unless the operator allows that. Where it leads later is
    /// checked again at each call.
    ///
    /// # Errors
    /// [`NetErrorKind::Refused`] with the reason.
    pub async fn check_entered(&self, text: &str) -> Result<(), NetError> {
        if self.options.allow_private_addresses {
            return Ok(());
        }
        let host = match Url::parse(text) {
            Ok(url) if url.has_host() => url.host_str().unwrap_or_default().to_owned(),
            _ => text.to_owned(),
        };
        let host = host.trim_matches(['[', ']']);
        let found = tokio::net::lookup_host((host, 443)).await;
        let found = found.map_err(|_| NetError::refused("the name leads nowhere"))?;
        let inside = found.into_iter().any(|address| !guard::is_public(address.ip()));
        if inside { Err(NetError::refused("it is not on the public internet")) } else { Ok(()) }
    }

    fn address(&self, text: &str) -> Result<Url, NetError> {
        let address = Url::parse(text).map_err(|_| NetError::refused("the address cannot be read"))?;
        guard::check(&address, self.trust, self.public_only).map_err(|error| NetError::refused(error.to_string()))?;
        Ok(address)
    }

    async fn execute(&self, call: reqwest::RequestBuilder) -> Result<Arriving, NetError> {
        let response = call.send().await.map_err(NetError::from_http)?;
        Ok(Arriving { response, clock: self.clock.clone() })
    }

    fn prepare(&self, request: &Request, file: Option<File>) -> Result<reqwest::RequestBuilder, NetError> {
        let secret = match &request.authorisation {
            Some(Authorisation::Path(secret)) => Some(request.url.replace(SECRET_IN_PATH, secret.reveal())),
            _ => None,
        };
        let address = self.address(secret.as_ref().unwrap_or(&request.url))?;
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut call = self.http.request(method, address);
        call = match &request.authorisation {
            None | Some(Authorisation::Path(_)) => call,
            Some(Authorisation::Bearer(token)) => call.bearer_auth(token.reveal()),
            Some(Authorisation::Basic { user, password }) => call.basic_auth(user, Some(password.reveal())),
            Some(Authorisation::Header { name, value }) => call.header(*name, value.reveal()),
        };
        match &request.body {
            Body::Empty => Ok(call),
            Body::Json(value) => Ok(call.json(value)),
            Body::Form(fields) => Ok(call.form(fields)),
            Body::Multipart { fields, file_field, filename, mime_type } => {
                let file = file.ok_or_else(|| NetError::refused("the request's file is missing"))?;
                let part = match file.length {
                    Some(length) => Part::stream_with_length(file.body, length),
                    None => Part::stream(file.body),
                };
                let part = part.file_name(filename.clone()).mime_str(mime_type).map_err(NetError::from_http)?;
                let form =
                    fields.iter().fold(Form::new(), |form, (name, value)| form.text(name.clone(), value.clone()));
                Ok(call.multipart(form.part(file_field.clone(), part)))
            }
        }
    }
}

/// Each hop is checked like the first address: the resolver sees its name, this sees its scheme and number.
fn redirects(limit: usize, trust: Trust, public_only: bool) -> Policy {
    if limit == 0 {
        return Policy::none();
    }
    Policy::custom(move |attempt| {
        if attempt.previous().len() > limit {
            return attempt.error("too many redirects");
        }
        match guard::check(attempt.url(), trust, public_only) {
            Ok(()) => attempt.follow(),
            Err(forbidden) => attempt.error(forbidden),
        }
    })
}

fn mime_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or_default().trim();
    (!essence.is_empty()).then(|| essence.to_ascii_lowercase())
}
