//! The SMTP server: its bytes, its bounds, and how faults are carried out. What commands mean is `session`'s, what
//! happens to a mail is `taken`'s.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::session::{MOST_BYTES, Session, Step};
use super::taken;
use crate::faults::{Action, Facts};
use crate::world::World;

/// Longest line of a command.
const MOST_LINE: usize = 12 * 1024;
/// Most clients at once.
const MOST_CLIENTS: usize = 200;
/// How long a silent client is kept.
const PATIENCE: Duration = Duration::from_secs(300);

/// Listens, and serves until the task is aborted.
///
/// # Errors
/// When the address cannot be listened on.
pub fn start(world: Arc<World>, listen: SocketAddr) -> io::Result<(SocketAddr, JoinHandle<()>)> {
    let listener = std::net::TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    let addr = listener.local_addr()?;
    let runtime = world.runtime.clone();
    let _inside = runtime.enter();
    let listener = TcpListener::from_std(listener)?;
    Ok((addr, runtime.spawn(accept(world, listener))))
}

/// Takes clients in. When this task ends, so do they.
async fn accept(world: Arc<World>, listener: TcpListener) {
    let slots = Arc::new(Semaphore::new(MOST_CLIENTS));
    let mut clients = JoinSet::new();
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else { continue };
        while clients.try_join_next().is_some() {}
        let world = Arc::clone(&world);
        clients.spawn(async move {
            if let Err(error) = serve(&world, stream).await {
                tracing::debug!(%error, "a mail client went away");
            }
            drop(slot);
        });
    }
}

/// What the rules say about a moment.
enum Verdict {
    /// Go on; these actions concern what follows.
    Go(Vec<Action>),
    /// Answer this instead.
    Refuse(String),
    /// Close the connection.
    Cut,
}

async fn verdict(world: &World, kind: &str, path: &str, body: &[u8]) -> Verdict {
    let facts = Facts { vendor: "email", kind, path, body };
    let actions = world.faults.for_request(&facts);
    for action in &actions {
        match action {
            Action::LatencyMs(ms) => tokio::time::sleep(Duration::from_millis(*ms)).await,
            Action::CutBefore => return Verdict::Cut,
            Action::Status(fake) => {
                let code = fake.code.unwrap_or(451);
                return Verdict::Refuse(format!("{code} {}", fake.details.as_deref().unwrap_or_else(|| words(code))));
            }
            _ => {}
        }
    }
    Verdict::Go(actions)
}

/// The usual words of a reply.
fn words(code: i64) -> &'static str {
    match code {
        421 => "4.3.2 Service not available, closing transmission channel",
        450 => "4.2.1 Mailbox unavailable",
        452 => "4.3.1 Insufficient system storage",
        454 => "4.7.0 Temporary authentication failure",
        535 => "5.7.8 Authentication credentials invalid",
        550 => "5.1.1 No such user here",
        551 => "5.1.6 User not local",
        552 => "5.2.2 Mailbox full",
        553 => "5.1.3 Mailbox name not allowed",
        554 => "5.7.1 Message refused",
        400..=499 => "4.3.0 Try again later",
        _ => "5.0.0 Refused",
    }
}

async fn serve(world: &Arc<World>, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    match verdict(world, "connect", "", &[]).await {
        Verdict::Go(_) => writer.write_all(b"220 simulator.example ESMTP\r\n").await?,
        Verdict::Refuse(text) => return writer.write_all(format!("{text}\r\n").as_bytes()).await,
        Verdict::Cut => return Ok(()),
    }
    let known = |user: &str, password: &str| {
        world
            .mailboxes
            .find(|mailbox| mailbox.username.as_deref() == Some(user) && mailbox.password == password)
            .is_some()
    };
    let must_log_in = world.mailboxes.find(|mailbox| mailbox.username.is_some()).is_some();
    let mut session = Session::new(known, must_log_in);
    loop {
        let line = timeout(PATIENCE, line(&mut reader)).await.map_err(|_| io::ErrorKind::TimedOut)??;
        let answer = match line {
            Line::End => return Ok(()),
            Line::Bad => "500 5.5.2 Lines end with CR LF and are not that long".to_owned(),
            Line::Text(text) => match session.line(&text) {
                Step::Say(text) => text,
                Step::Close(text) => return writer.write_all(format!("{text}\r\n").as_bytes()).await,
                Step::Recipient(to) => match verdict(world, "recipient", "RCPT", to.as_bytes()).await {
                    Verdict::Go(_) => session.accept(to),
                    Verdict::Refuse(text) => text,
                    Verdict::Cut => return Ok(()),
                },
                Step::Take(go) => {
                    writer.write_all(format!("{go}\r\n").as_bytes()).await?;
                    let mail = timeout(PATIENCE, data(&mut reader)).await.map_err(|_| io::ErrorKind::TimedOut)??;
                    let envelope = session.finish();
                    match settle(world, &envelope, session.user.as_deref(), mail).await {
                        Some(answer) => answer,
                        None => return Ok(()),
                    }
                }
            },
        };
        writer.write_all(format!("{answer}\r\n").as_bytes()).await?;
        if answer.starts_with("421") {
            return Ok(());
        }
    }
}

/// Takes a mail under the rules in force; `None` closes the connection without an answer.
async fn settle(
    world: &Arc<World>,
    envelope: &super::session::Envelope,
    user: Option<&str>,
    mail: Result<Vec<u8>, &'static str>,
) -> Option<String> {
    let raw = match mail {
        Ok(raw) => raw,
        Err(refusal) => return Some(refusal.to_owned()),
    };
    let path = envelope.to.join(",");
    let actions = match verdict(world, "send", &path, &raw).await {
        Verdict::Go(actions) => actions,
        Verdict::Refuse(text) => return Some(text),
        Verdict::Cut => return None,
    };
    match taken::take(world, envelope, user, &raw, &actions) {
        Ok(_) if actions.iter().any(|action| matches!(action, Action::CutAfter)) => None,
        Ok(id) => Some(format!("250 2.0.0 OK queued as {id}")),
        Err(refusal) => Some(refusal),
    }
}

enum Line {
    Text(String),
    Bad,
    End,
}

/// One line of a command. Bytes that are not UTF-8 are replaced, as no command has any.
async fn line(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Line> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MOST_LINE).unwrap_or(u64::MAX);
    (&mut *reader).take(limit).read_until(b'\n', &mut bytes).await?;
    if bytes.is_empty() {
        return Ok(Line::End);
    }
    match bytes.strip_suffix(b"\r\n") {
        Some(line) => Ok(Line::Text(String::from_utf8_lossy(line).into_owned())),
        None if bytes.ends_with(b"\n") => Ok(Line::Bad),
        // The rest of a line that is too long would be taken for commands.
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// The mail after `DATA`, without its dots and its end; or why it is refused, once it has all been read.
async fn data(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Result<Vec<u8>, &'static str>> {
    let (mut mail, mut bare, mut large) = (Vec::new(), false, false);
    // A dot after a bare line feed ends nothing: to take it for the end would let mails be smuggled.
    let mut ended = true;
    let limit = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
    loop {
        let mut bytes = Vec::new();
        (&mut *reader).take(limit).read_until(b'\n', &mut bytes).await?;
        if !bytes.ends_with(b"\n") {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if ended && bytes == b".\r\n" {
            break;
        }
        ended = bytes.ends_with(b"\r\n");
        bare |= !ended;
        large |= mail.len() + bytes.len() > MOST_BYTES;
        if !large {
            mail.extend_from_slice(bytes.strip_prefix(b".").unwrap_or(&bytes));
        }
    }
    Ok(match (large, bare) {
        (true, _) => Err("552 5.3.4 Message too big"),
        (_, true) => Err("554 5.6.0 Lines of a mail end with CR LF"),
        _ => Ok(mail),
    })
}
