//! Mailboxes that are looked into: each by one node at a time, which holds its row while its lease lives. A mail is
//! remembered as read only after it was committed, so that a crash between the two reads it twice and stores it once.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use sha2::{Digest as _, Sha256};
use switchboard_channels::contract::mail::Inbox;
use tokio::task::{AbortHandle, JoinSet};

use crate::domain::channels::{Channel, ChannelState, Origin};
use crate::domain::deliveries::DeliveryOutcome;
use crate::net::Client;
use crate::net::mailbox::{Folder, Listed, MailboxError};
use crate::store::StoreError;
use crate::store::mailboxes::ReadUpTo;
use crate::telemetry::{chance, crash};
use crate::usecases::Switchboard;
use crate::usecases::directory::Account;
use crate::usecases::receiving::Turned;
use crate::usecases::receiving::mail::LeftOut;

/// Refusals in a row after which the channel is stopped: a wrong password that is tried on and on locks the account.
const MOST_REFUSALS: u32 = 3;
/// Failures in a row that everybody gets to see.
const SHOWN_FAILURES: u32 = 5;
/// Longest wait between two tries, in milliseconds.
const LONGEST_BACKOFF_MS: u64 = 5 * 60 * 1_000;
/// How often a server that does not push is asked.
const PAUSE: Duration = Duration::from_secs(30);
/// How long a server that pushes is trusted to do so.
const TRUST: Duration = Duration::from_secs(5 * 60);
/// How far the server's clock may be from ours, in milliseconds.
const SKEW_MS: i64 = 10 * 60 * 1_000;
/// Largest mail that is taken, in bytes.
const LARGEST_MAIL: u64 = 48 * 1024 * 1024;

/// Why a folder is left.
enum Left {
    /// The mail server.
    Server(MailboxError),
    /// A mail could not be written down.
    Unavailable(String),
    /// The mailbox is another node's, or its channel is gone.
    NotOurs,
}

impl From<MailboxError> for Left {
    fn from(error: MailboxError) -> Self {
        Self::Server(error)
    }
}

impl From<StoreError> for Left {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// A mailbox that this node looks into.
struct Watched {
    inbox: Inbox,
    /// By whose trust it is called.
    origin: Origin,
    task: AbortHandle,
}

/// Looks into every mailbox that no other living node looks into, until it is dropped.
pub async fn keep(switchboard: Switchboard, client: Client, lease_ms: i64) {
    let every = Duration::from_millis(u64::try_from(lease_ms / 3).unwrap_or(5_000).max(50));
    let mut rounds = tokio::time::interval(every);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut tasks = JoinSet::new();
    let mut watched: HashMap<String, Watched> = HashMap::new();
    // The settings with which a server has refused us; with the same ones it is not tried again.
    let mut refused: HashMap<String, Inbox> = HashMap::new();
    loop {
        rounds.tick().await;
        while let Some(ended) = tasks.try_join_next() {
            if let Ok(Some((channel_id, inbox))) = ended {
                refused.insert(channel_id, inbox);
            }
        }
        watched.retain(|_, watched| !watched.task.is_finished());
        let inboxes = match switchboard.inboxes().await {
            Ok(inboxes) => inboxes,
            Err(error) => {
                tracing::warn!(%error, "the mailboxes could not be read");
                continue;
            }
        };
        watched.retain(|id, watched| {
            let is_same = |channel: &Channel, inbox: &Inbox| {
                channel.id == *id && channel.origin == watched.origin && *inbox == watched.inbox
            };
            let stays = inboxes.iter().any(|(account, inbox)| is_same(&account.channel, inbox));
            if !stays {
                watched.task.abort();
            }
            stays
        });
        for (account, inbox) in inboxes {
            let id = account.channel.id.clone();
            if account.channel.state == ChannelState::Stopped && refused.get(&id) == Some(&inbox) {
                continue;
            }
            refused.remove(&id);
            match (switchboard.store.claim_mailbox(&id).await, watched.contains_key(&id)) {
                (Ok(true), false) => {
                    let (origin, client) = (account.channel.origin, account.way_out(&client).clone());
                    let watch = Watch { switchboard: switchboard.clone(), client, account, inbox };
                    let inbox = watch.inbox.clone();
                    let task = tasks.spawn_local(watch.run());
                    watched.insert(id, Watched { inbox, origin, task });
                }
                (Ok(false), true) => {
                    if let Some(lost) = watched.remove(&id) {
                        lost.task.abort();
                    }
                }
                (Ok(_), _) => {}
                (Err(error), _) => tracing::warn!(channel_id = id, %error, "a mailbox could not be claimed"),
            }
        }
    }
}

/// One mailbox's watch.
struct Watch {
    switchboard: Switchboard,
    client: Client,
    account: Arc<Account>,
    inbox: Inbox,
}

impl Watch {
    /// Looks into the mailbox, again and again. Gives the channel and its settings when the server refuses them for good.
    async fn run(self) -> Option<(String, Inbox)> {
        let (mut failures, mut refusals) = (0, 0);
        loop {
            let reason = match self.look(&mut failures, &mut refusals).await {
                Left::NotOurs => return None,
                Left::Unavailable(reason) => reason,
                Left::Server(MailboxError::Unreachable(reason)) => reason,
                Left::Server(MailboxError::Refused(reason)) => {
                    refusals += 1;
                    if refusals >= MOST_REFUSALS && self.switchboard.stop_inbox(&self.account, &reason).await.is_ok() {
                        return Some((self.account.channel.id.clone(), self.inbox));
                    }
                    reason
                }
            };
            failures += 1;
            tracing::warn!(channel_id = self.account.channel.id, failures, reason, "a mailbox cannot be looked into");
            if failures == SHOWN_FAILURES {
                // The log has it in any case.
                let _ = self.switchboard.note_inbox(&self.account, "mailbox_unreachable", &reason).await;
            }
            tokio::time::sleep(backoff(failures)).await;
        }
    }

    /// Opens the folder, takes what is new and what comes, until something breaks.
    async fn look(&self, failures: &mut u32, refusals: &mut u32) -> Left {
        let mut folder = match self.client.open_folder(&self.inbox).await {
            Ok(folder) => folder,
            Err(error) => return error.into(),
        };
        *refusals = 0;
        loop {
            match self.catch_up(&mut folder).await {
                // Something may have come meanwhile.
                Ok(true) => continue,
                Ok(false) => {}
                Err(left) => {
                    folder.close().await;
                    return left;
                }
            }
            *failures = 0;
            folder = match folder.wait(TRUST, PAUSE).await {
                Ok(folder) => folder,
                Err(error) => return error.into(),
            };
        }
    }

    /// Takes every mail that was not taken yet. Gives whether there was any.
    async fn catch_up(&self, folder: &mut Folder) -> Result<bool, Left> {
        let channel_id = &self.account.channel.id;
        let read = self.switchboard.store.mailbox(channel_id).await?.ok_or(Left::NotOurs)?;
        let uid_validity = i64::from(folder.validity);
        let read_until = self.switchboard.now();
        let place = place(&self.inbox);
        // In another folder, or where the server has numbered anew, the numbers that are known mean nothing.
        let numbered = read.folder == place && read.uid_validity == uid_validity;
        let (newest, mails) = if numbered {
            let last = u32::try_from(read.last_uid).unwrap_or(u32::MAX);
            (last, folder.after(last).await?)
        } else {
            // Asked for first: what comes between the two questions is in the second answer.
            let newest = folder.newest().await?;
            (newest, folder.since(read.read_until - SKEW_MS).await?)
        };
        for mail in &mails {
            self.take(folder, *mail).await?;
            if numbered {
                self.advance(&ReadUpTo { last_uid: i64::from(mail.uid), ..read.clone() }).await?;
            }
        }
        let last = mails.last().map_or(newest, |mail| mail.uid.max(newest));
        self.advance(&ReadUpTo { folder: place, uid_validity, last_uid: i64::from(last), read_until }).await?;
        Ok(!mails.is_empty())
    }

    async fn advance(&self, to: &ReadUpTo) -> Result<(), Left> {
        let ours = self.switchboard.store.advance_mailbox(&self.account.channel.id, to).await?;
        if ours { Ok(()) } else { Err(Left::NotOurs) }
    }

    /// Fetches a mail, has it written down, and marks it.
    async fn take(&self, folder: &mut Folder, mail: Listed) -> Result<(), Left> {
        let taken = if mail.size > LARGEST_MAIL {
            let reason = format!("a mail of {} bytes is too large; it stays in the mailbox unread", mail.size);
            let left = LeftOut { raw: &[], outcome: DeliveryOutcome::Ignored, reason };
            self.switchboard.leave_out(&self.account, left).await
        } else {
            let Some(raw) = folder.fetch(mail).await? else { return Ok(()) };
            let taking = self.switchboard.take_mail(&self.account.channel.id, &raw);
            match AssertUnwindSafe(taking).catch_unwind().await {
                Ok(taken) => taken,
                Err(_) => {
                    let reason = "reading it panicked".to_owned();
                    let left = LeftOut { raw: &raw, outcome: DeliveryOutcome::DeadLetter, reason };
                    self.switchboard.leave_out(&self.account, left).await
                }
            }
        };
        let outcome = match taken {
            Ok(outcome) => outcome,
            Err(Turned::UnknownChannel) => return Err(Left::NotOurs),
            Err(Turned::Unavailable(reason) | Turned::Malformed(reason)) => return Err(Left::Unavailable(reason)),
            Err(Turned::Unverified) => return Err(Left::Unavailable("it is not verified".to_owned())),
        };
        let kind = self.account.channel.kind.as_str();
        metrics::counter!("switchboard_deliveries_total", "kind" => kind, "outcome" => outcome.as_str()).increment(1);
        crash::point("mailboxes.taken");
        if self.inbox.marks_seen && mail.size <= LARGEST_MAIL {
            folder.mark_seen(mail.uid).await?;
        }
        Ok(())
    }
}

/// Which folder of whose mailbox this is, whatever password opens it.
fn place(inbox: &Inbox) -> String {
    let user = inbox.server.login.as_ref().map_or("", |(user, _)| user.as_str());
    let mut hash = Sha256::new();
    for piece in [inbox.server.host.as_str(), user, &inbox.folder] {
        hash.update(piece.len().to_be_bytes());
        hash.update(piece);
    }
    hex::encode(hash.finalize())
}

/// Doubles from one second to five minutes, with up to a quarter of jitter taken off.
fn backoff(failures: u32) -> Duration {
    let full = 1_000_u64.saturating_mul(2_u64.saturating_pow(failures.saturating_sub(1))).min(LONGEST_BACKOFF_MS);
    Duration::from_millis(full - full / 4 * chance::below(1_000) / 1_000)
}
