//! The parts of a delivery that are no conversation's work: receipts, consent and notices about the account.

use std::sync::Arc;

use switchboard_channels::contract::inbound::{Arrival, Event, Receipt};

use super::{Ledger, Turned, turned};
use crate::domain::changes::{Change, NewDelivery, NewEvent, Progress};
use crate::domain::channels::ChannelState;
use crate::domain::deliveries::DeliveryOutcome;
use crate::domain::events::EventKind;
use crate::domain::messages::MessageError;
use crate::usecases::Switchboard;
use crate::usecases::directory::Account;

impl Switchboard {
    /// A delivery without messages: one commit for all of it, its own row included.
    pub(super) async fn carry_notices(
        &self,
        others: Vec<(Arc<Account>, Arrival)>,
        delivery: NewDelivery,
        mut ledger: Ledger,
        workspace_id: String,
    ) -> Result<DeliveryOutcome, Turned> {
        let one_workspace = others.iter().all(|(account, _)| account.channel.workspace_id == workspace_id);
        let mut whole = Change { workspace_id: workspace_id.clone(), ..Change::default() };
        for (account, arrival) in others {
            let change = self.change_for(&account, arrival, &mut ledger).await?;
            let Some(change) = change else { continue };
            if one_workspace {
                whole.progress.extend(change.progress);
                whole.events.extend(change.events);
            } else {
                self.store.commit(change).await.map_err(turned)?;
            }
            ledger.note(DeliveryOutcome::Stored);
        }
        let outcome = ledger.outcome;
        whole.delivery = Some(NewDelivery { outcome, detail: ledger.detail(), ..delivery });
        let committed = self.store.commit(whole).await.map_err(turned)?;
        Ok(if outcome == DeliveryOutcome::Stored && !committed.news { DeliveryOutcome::Duplicate } else { outcome })
    }

    /// One receipt or notice of a mixed delivery, committed on its own.
    pub(super) async fn note_arrival(
        &self,
        account: &Account,
        arrival: Arrival,
        ledger: &mut Ledger,
    ) -> Result<DeliveryOutcome, Turned> {
        match self.change_for(account, arrival, ledger).await? {
            None => Ok(DeliveryOutcome::Ignored),
            Some(change) => {
                let committed = self.store.commit(change).await.map_err(turned)?;
                Ok(if committed.news { DeliveryOutcome::Stored } else { DeliveryOutcome::Duplicate })
            }
        }
    }

    async fn change_for(
        &self,
        account: &Account,
        arrival: Arrival,
        ledger: &mut Ledger,
    ) -> Result<Option<Change>, Turned> {
        let channel = &account.channel;
        let mut change = Change { workspace_id: channel.workspace_id.clone(), ..Change::default() };
        match arrival.event {
            Event::Receipt(receipt) => match self.receipt_progress(account, *receipt).await? {
                Some(progress) => change.progress.push(progress),
                None => {
                    ledger.ignore("it is a receipt for a message that was not sent from here");
                    return Ok(None);
                }
            },
            Event::Consent(consent) => change.events.push(NewEvent {
                kind: EventKind::ContactConsent,
                conversation_id: self.store.find_conversation(&channel.id, &consent.peer.identities).await?,
                data: serde_json::to_value(&consent).unwrap_or_default(),
            }),
            Event::Account(notice) => {
                if notice.alarming {
                    let reason = format!("the vendor reports {}", notice.kind);
                    self.store.set_channel_state(&channel.id, ChannelState::Stopped, Some(&reason)).await?;
                    self.directory.forget_channel(&channel.id);
                    tracing::error!(channel_id = channel.id, notice = notice.kind, "the vendor has stopped a channel");
                }
                change.events.push(NewEvent {
                    kind: EventKind::ChannelNotice,
                    conversation_id: None,
                    data: serde_json::json!({
                        "channel_id": channel.id, "kind": notice.kind, "alarming": notice.alarming,
                        "detail": notice.detail,
                    }),
                });
            }
            Event::History(_) => {
                ledger.ignore("old messages are kept in the ledger only");
                return Ok(None);
            }
            _ => return Ok(None),
        }
        Ok(Some(change))
    }

    /// Finds the message of a receipt: by what the send carried, else by the vendor's id.
    async fn receipt_progress(&self, account: &Account, receipt: Receipt) -> Result<Option<Progress>, Turned> {
        let channel = &account.channel;
        let message_id = match receipt.tracking.filter(|tracking| tracking.len() == 36) {
            Some(tracking) => Some(tracking),
            None => self.store.message_by_provider(&channel.id, &receipt.id).await?.map(|stored| stored.message.id),
        };
        let error = receipt.failures.first().map(|failure| MessageError {
            code: failure.code.clone(),
            message: failure.message.clone(),
            vendor_code: failure.vendor_code.clone(),
        });
        Ok(message_id.map(|message_id| Progress {
            message_id,
            channel_id: channel.id.clone(),
            status: receipt.progress.into(),
            provider_id: Some(receipt.id),
            at: receipt.at.unwrap_or_else(|| self.store.clock().now()),
            error,
        }))
    }
}
