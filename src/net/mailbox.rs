//! The way in for mail: a folder of a mailbox, looked into by IMAP. It lists, fetches and marks what it is asked to, and
//! waits for more; it decides nothing about a mail, and never logs what passes through it.

mod line;

use std::time::Duration;

use async_imap::extensions::idle::IdleResponse;
use async_imap::types::UnsolicitedResponse;
use async_imap::{Client, Session};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use switchboard_channels::contract::mail::{Inbox, Relay, Tls};
use tokio::net::TcpStream;

use super::{Options, guard};
use line::{Allowance, Line};

/// Bytes that a server may say beside what it was asked for.
const SMALL_TALK: u64 = 256 * 1024;
/// Bytes of a list of a large folder.
const LARGEST_LIST: u64 = 16 * 1024 * 1024;
/// A day in milliseconds.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Characters that are kept of a server's own words.
const MOST_WORDS: usize = 200;

/// Why a mailbox cannot be looked into.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailboxError {
    /// The server knows us not, or there is no such folder: somebody has to change the settings.
    #[error("{0}")]
    Refused(String),
    /// It did not work this time.
    #[error("{0}")]
    Unreachable(String),
}

/// A mail in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Its number, which grows with every mail.
    pub uid: u32,
    /// Size in bytes.
    pub size: u64,
    /// When the server got it, Unix milliseconds.
    pub at: i64,
}

/// An open folder.
pub struct Folder {
    session: Session<Line>,
    allowance: Allowance,
    /// As long as it stays the same, so do the numbers of the mails.
    pub validity: u32,
    pushes: bool,
    timeout: Duration,
}

impl Folder {
    /// Connects, logs in and opens the folder.
    pub(super) async fn open(options: &Options, mailbox: &Inbox, public_only: bool) -> Result<Self, MailboxError> {
        let timeout = options.request_timeout;
        within(timeout, Self::enter(options, mailbox, public_only)).await
    }

    async fn enter(options: &Options, mailbox: &Inbox, public_only: bool) -> Result<Self, MailboxError> {
        let server = &mailbox.server;
        let plain = dialled(server, public_only).await?;
        let allowance = Allowance::of(SMALL_TALK);
        let client = greeted(server, plain, &allowance).await?;
        let Some((user, password)) = &server.login else {
            return Err(MailboxError::Refused("there is no user and password for the mailbox".to_owned()));
        };
        let mut session = client.login(user, password.reveal()).await.map_err(|(error, _)| denied(&error))?;
        let pushes = session.capabilities().await.map_err(|error| lost(&error))?.has_str("IDLE");
        allowance.set(SMALL_TALK);
        let folder = session.select(&mailbox.folder).await.map_err(|error| denied(&error))?;
        let validity = folder.uid_validity.ok_or_else(|| {
            MailboxError::Refused(
                "the mail server gives mails no lasting numbers, so none can be remembered".to_owned(),
            )
        })?;
        Ok(Self { session, allowance, validity, pushes, timeout: options.request_timeout })
    }

    /// The mails with higher numbers than this, in order.
    ///
    /// # Errors
    /// See [`MailboxError`].
    pub async fn after(&mut self, uid: u32) -> Result<Vec<Listed>, MailboxError> {
        let Some(first) = uid.checked_add(1) else { return Ok(Vec::new()) };
        // The last mail answers to `*` however low its number is.
        let mut listed = self.list(&format!("{first}:*")).await?;
        listed.retain(|mail| mail.uid >= first);
        Ok(listed)
    }

    /// The mails that the server got at this time (Unix milliseconds) or later, in order.
    ///
    /// # Errors
    /// See [`MailboxError`].
    pub async fn since(&mut self, at: i64) -> Result<Vec<Listed>, MailboxError> {
        // The server compares days only, and those of its own place.
        let day = imap_date(at - DAY_MS).ok_or_else(|| MailboxError::Unreachable("the clock is wrong".to_owned()))?;
        self.allowance.set(LARGEST_LIST);
        let searching = self.session.uid_search(format!("SINCE {day}"));
        let found = within(self.timeout, async { searching.await.map_err(|error| lost(&error)) }).await?;
        let Some(first) = found.into_iter().min() else { return Ok(Vec::new()) };
        let mut listed = self.after(first.saturating_sub(1)).await?;
        listed.retain(|mail| mail.at >= at);
        Ok(listed)
    }

    /// The number of the last mail; 0: the folder is empty.
    ///
    /// # Errors
    /// See [`MailboxError`].
    pub async fn newest(&mut self) -> Result<u32, MailboxError> {
        Ok(self.list("*").await?.last().map_or(0, |mail| mail.uid))
    }

    async fn list(&mut self, numbers: &str) -> Result<Vec<Listed>, MailboxError> {
        self.allowance.set(LARGEST_LIST);
        while self.session.unsolicited_responses.try_recv().is_ok() {}
        let listing = async {
            let found = self.session.uid_fetch(numbers, "(UID RFC822.SIZE INTERNALDATE)").await?;
            found.try_collect::<Vec<_>>().await
        };
        let found = within(self.timeout, async { listing.await.map_err(|error| lost(&error)) }).await?;
        let read = |mail: &async_imap::types::Fetch| {
            let at = mail.internal_date().map_or(0, |at| at.timestamp_millis());
            Some(Listed { uid: mail.uid?, size: u64::from(mail.size.unwrap_or_default()), at })
        };
        let mut listed: Vec<Listed> = found.iter().filter_map(read).collect();
        listed.sort_by_key(|mail| mail.uid);
        listed.dedup_by_key(|mail| mail.uid);
        Ok(listed)
    }

    /// The whole mail, without marking it as read; `None` when it is gone.
    ///
    /// # Errors
    /// See [`MailboxError`].
    pub async fn fetch(&mut self, mail: Listed) -> Result<Option<Bytes>, MailboxError> {
        // Servers count ends of lines in their own way.
        self.allowance.set(mail.size.saturating_mul(2).saturating_add(SMALL_TALK));
        let fetching = async {
            let found = self.session.uid_fetch(mail.uid.to_string(), "(UID BODY.PEEK[])").await?;
            found.try_collect::<Vec<_>>().await
        };
        // A large mail over a slow line takes its time: a second more for every 64 KB.
        let timeout = self.timeout + Duration::from_secs(mail.size / (64 * 1024));
        let found = within(timeout, async { fetching.await.map_err(|error| lost(&error)) }).await?;
        let whole = found.iter().find(|found| found.uid == Some(mail.uid)).and_then(async_imap::types::Fetch::body);
        Ok(whole.map(Bytes::copy_from_slice))
    }

    /// Marks a mail as read, where the folder lets us.
    ///
    /// # Errors
    /// See [`MailboxError`].
    pub async fn mark_seen(&mut self, uid: u32) -> Result<(), MailboxError> {
        self.allowance.set(SMALL_TALK);
        let marking = async {
            let marked = self.session.uid_store(uid.to_string(), "+FLAGS.SILENT (\\Seen)").await?;
            marked.try_for_each(|_| std::future::ready(Ok(()))).await
        };
        match within(self.timeout, async { Ok(marking.await) }).await? {
            // The mail is written down; a folder that may only be read stays as it is.
            Ok(()) | Err(async_imap::error::Error::No(_)) => Ok(()),
            Err(error) => Err(lost(&error)),
        }
    }

    /// Waits until the server says that something has come, or for so long at most; where it does not push, for `pause`.
    ///
    /// # Errors
    /// See [`MailboxError`].
    pub async fn wait(mut self, longest: Duration, pause: Duration) -> Result<Self, MailboxError> {
        self.allowance.set(SMALL_TALK);
        if self.has_news() {
            return Ok(self);
        }
        if !self.pushes {
            tokio::time::sleep(pause.min(longest)).await;
            let (timeout, session) = (self.timeout, &mut self.session);
            within(timeout, async { session.noop().await.map_err(|error| lost(&error)) }).await?;
            return Ok(self);
        }
        let Self { session, allowance, validity, pushes, timeout } = self;
        let mut idle = session.idle();
        within(timeout, async { idle.init().await.map_err(|error| lost(&error)) }).await?;
        let (news, _stop) = idle.wait_with_timeout(longest);
        if news.await.map_err(|error| lost(&error))? == IdleResponse::ManualInterrupt {
            return Err(MailboxError::Unreachable("the mail server has closed the connection".to_owned()));
        }
        let session = within(timeout, async { idle.done().await.map_err(|error| lost(&error)) }).await?;
        Ok(Self { session, allowance, validity, pushes, timeout })
    }

    /// What the server mentioned while it answered something else, it does not mention again.
    fn has_news(&self) -> bool {
        let mut heard = std::iter::from_fn(|| self.session.unsolicited_responses.try_recv().ok());
        heard.any(|said| matches!(said, UnsolicitedResponse::Exists(_)))
    }

    /// Takes leave of the server.
    pub async fn close(mut self) {
        // Whether it hears us does not matter any more.
        let _ =
            within(Duration::from_secs(1), async { self.session.logout().await.map_err(|error| lost(&error)) }).await;
    }
}

/// Comes under the server's protection, and hears its greeting.
async fn greeted(server: &Relay, plain: TcpStream, allowance: &Allowance) -> Result<Client<Line>, MailboxError> {
    let mut client = match server.tls {
        Tls::Implicit => Client::new(line::protected(plain, &server.host, allowance).await?),
        Tls::Required | Tls::None => Client::new(line::open(plain, allowance)),
    };
    let greeting = client.read_response().await.map_err(|error| unconnected(&error))?;
    if greeting.is_none() {
        return Err(MailboxError::Unreachable("the mail server hangs up".to_owned()));
    }
    if server.tls != Tls::Required {
        return Ok(client);
    }
    client.run_command_and_check_ok("STARTTLS", None).await.map_err(|error| denied(&error))?;
    // What the server may have said beforehand is thrown away with the old client: nobody vouches for it.
    Ok(Client::new(line::protected(client.into_inner(), &server.host, allowance).await?))
}

/// A connection to the server: servers are what customers enter, so that only public addresses are dialled, one after
/// the other.
async fn dialled(server: &Relay, public_only: bool) -> Result<TcpStream, MailboxError> {
    let found = tokio::net::lookup_host((server.host.as_str(), server.port)).await;
    let found = found.map_err(|error| MailboxError::Unreachable(format!("the mail server's name: {error}")))?;
    let mut failure = MailboxError::Refused("the mail server is not on the public internet".to_owned());
    for address in found.filter(|address| !public_only || guard::is_public(address.ip())) {
        match TcpStream::connect(address).await {
            Ok(connection) => {
                connection.set_nodelay(true).map_err(|error| unconnected(&error))?;
                return Ok(connection);
            }
            Err(error) => failure = unconnected(&error),
        }
    }
    Err(failure)
}

fn unconnected(error: &std::io::Error) -> MailboxError {
    MailboxError::Unreachable(format!("no connection: {}", error.kind()))
}

/// A day as IMAP writes it: `06-Nov-1994`.
fn imap_date(at: i64) -> Option<String> {
    let moment = std::time::UNIX_EPOCH + Duration::from_millis(u64::try_from(at).ok()?);
    let written = httpdate::fmt_http_date(moment);
    Some(written.split(' ').skip(1).take(3).collect::<Vec<_>>().join("-"))
}

async fn within<T>(timeout: Duration, work: impl Future<Output = Result<T, MailboxError>>) -> Result<T, MailboxError> {
    let late = |_| MailboxError::Unreachable("the mail server does not answer in time".to_owned());
    tokio::time::timeout(timeout, work).await.map_err(late)?
}

/// A `NO` or `BAD` is the server's decision, unless it says itself that it will pass.
fn denied(error: &async_imap::error::Error) -> MailboxError {
    use async_imap::error::Error;
    match error {
        Error::No(words) | Error::Bad(words) => {
            let words: String = words.chars().filter(|character| !character.is_control()).take(MOST_WORDS).collect();
            let passing = ["UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "Unavailable", "InUse", "Limit"];
            match passing.iter().any(|word| words.contains(word)) {
                true => MailboxError::Unreachable(words),
                false => MailboxError::Refused(words),
            }
        }
        Error::Validate(_) => {
            MailboxError::Refused("user, password or folder hold a character that IMAP forbids".to_owned())
        }
        other => lost(other),
    }
}

/// Why a conversation broke off, without the library's quotations from what was said.
fn lost(error: &async_imap::error::Error) -> MailboxError {
    use async_imap::error::Error;
    MailboxError::Unreachable(match error {
        Error::Io(error) => format!("the connection broke: {}", error.kind()),
        Error::No(_) | Error::Bad(_) => "the mail server refuses a command".to_owned(),
        Error::ConnectionLost => "the mail server has closed the connection".to_owned(),
        _ => "the mail server says what is no IMAP".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::imap_date;

    #[test]
    fn days_are_written_as_imap_wants_them() {
        let cases = [(784_111_777_000, Some("06-Nov-1994")), (0, Some("01-Jan-1970")), (-1, None)];
        for (at, expected) in cases {
            assert_eq!(imap_date(at).as_deref(), expected, "{at}");
        }
    }
}
