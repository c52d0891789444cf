//! Mail that lies in a mailbox: it goes through the same door as what vendors deliver. It opens no connection itself.

use std::sync::Arc;

use switchboard_channels::Kind;
use switchboard_channels::contract::mail::Inbox;
use switchboard_channels::contract::vendor::Delivery;

use super::{Turned, turned};
use crate::domain::changes::{Change, NewDelivery, NewEvent, Refusal};
use crate::domain::channels::ChannelState;
use crate::domain::deliveries::{DeliveryOutcome, RawDelivery};
use crate::domain::events::EventKind;
use crate::store::StoreError;
use crate::usecases::Switchboard;
use crate::usecases::directory::Account;

/// What a mail from a mailbox is, for the ledger.
const MAIL: &str = "message/rfc822";

/// Why a mail in a mailbox becomes no message, and what is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut<'a> {
    /// What is kept of it.
    pub raw: &'a [u8],
    /// Whether it may be taken again from what is kept.
    pub outcome: DeliveryOutcome,
    /// Why, in words.
    pub reason: String,
}

impl Switchboard {
    /// The mailboxes that are to be looked into, with their channels.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn inboxes(&self) -> Result<Vec<(Arc<Account>, Inbox)>, StoreError> {
        let accounts = self.directory.channels_of_kind(Kind::Email).await?;
        let with_inbox = |account: Arc<Account>| {
            let inbox = account.vendor.as_ref().ok()?.inbox()?;
            Some((account, inbox))
        };
        Ok(accounts.into_iter().filter_map(with_inbox).collect())
    }

    /// Takes a mail from a channel's mailbox. When this answers `Ok`, it is committed or has its visible outcome, and
    /// need not be fetched again; a mail that was taken before is a duplicate.
    ///
    /// # Errors
    /// [`Turned::UnknownChannel`], or [`Turned::Unavailable`]: try again.
    pub async fn take_mail(&self, channel_id: &str, raw: &[u8]) -> Result<DeliveryOutcome, Turned> {
        let account = self.directory.channel(channel_id).await?.ok_or(Turned::UnknownChannel)?;
        let vendor = account.vendor.as_ref().map_err(|reason| Turned::Unavailable(reason.clone()))?;
        let headers = [("content-type".to_owned(), MAIL.as_bytes().to_vec())];
        let delivery = Delivery { url: "", headers: &headers, body: raw, now: self.now() };
        match vendor.take_again(&delivery) {
            Ok(parsed) => {
                let signed = [Arc::clone(&account)];
                self.carry_in(account.channel.kind, &signed, parsed, RawDelivery::keep(&delivery), None).await
            }
            Err(reason) => {
                self.leave_out(&account, LeftOut { raw, outcome: DeliveryOutcome::DeadLetter, reason }).await
            }
        }
    }

    /// Writes down that a mail in a channel's mailbox becomes no message.
    ///
    /// # Errors
    /// [`Turned::Unavailable`]: try again.
    pub async fn leave_out(&self, account: &Account, left: LeftOut<'_>) -> Result<DeliveryOutcome, Turned> {
        let channel = &account.channel;
        let headers = [("content-type".to_owned(), MAIL.as_bytes().to_vec())];
        let kept = Delivery { url: "", headers: &headers, body: left.raw, now: self.now() };
        let delivery = NewDelivery {
            id: self.store.clock().id(),
            channel_id: Some(channel.id.clone()),
            kind: channel.kind.as_str().to_owned(),
            received_at: kept.now,
            raw: Arc::new(RawDelivery::keep(&kept)),
            outcome: left.outcome,
            detail: Some(serde_json::json!({ "reason": left.reason })),
        };
        let workspace_id = channel.workspace_id.clone();
        let change = Change { workspace_id, delivery: Some(delivery), ..Change::default() };
        self.store.commit(change).await.map_err(turned)?;
        Ok(left.outcome)
    }

    /// Stops a channel whose mailbox refuses us, until somebody corrects its settings.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn stop_inbox(&self, account: &Account, reason: &str) -> Result<(), Refusal> {
        let unavailable = |error: StoreError| Refusal::Unavailable(error.to_string());
        let said = format!("the mailbox refuses us: {reason}");
        let id = &account.channel.id;
        self.store.set_channel_state(id, ChannelState::Stopped, Some(&said)).await.map_err(unavailable)?;
        self.directory.forget_channel(id);
        tracing::error!(channel_id = id, "the mail server refuses a channel's mailbox");
        self.note_inbox(account, "mailbox_refused", reason).await
    }

    /// Lets everybody see what became of a channel's mailbox.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn note_inbox(&self, account: &Account, kind: &str, reason: &str) -> Result<(), Refusal> {
        let channel = &account.channel;
        let event = NewEvent {
            kind: EventKind::ChannelNotice,
            conversation_id: None,
            data: serde_json::json!({
                "channel_id": channel.id, "kind": kind, "alarming": true, "detail": { "reason": reason },
            }),
        };
        let workspace_id = channel.workspace_id.clone();
        let change = Change { workspace_id, events: vec![event], ..Change::default() };
        self.store.commit(change).await.map(|_| ())
    }
}
