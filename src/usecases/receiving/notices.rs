//! The parts of a delivery that are no conversation's work: receipts, consent and notices about the account.

use std::sync::Arc;

use switchboard_channels::contract::inbound::{
    Arrival, Consent, Event, Handover, Notice, Receipt, Unreachable, Watermark,
};

use super::forgotten::receipt_in;
use super::{Ledger, Turned, turned};
use crate::domain::changes::{Change, NewDelivery, NewEvent, Progress};
use crate::domain::channels::ChannelState;
use crate::domain::conversations::{Amendment, Owner};
use crate::domain::deliveries::DeliveryOutcome;
use crate::domain::events::EventKind;
use crate::domain::jobs::{NewJob, Work};
use crate::domain::messages::{Direction, Message, MessageError, Status};
use crate::store::suppressions::Suppression;
use crate::usecases::Switchboard;
use crate::usecases::directory::Account;

/// Messages that a watermark may move at once; older ones have long had their receipts.
const WATERMARK_REACH: i64 = 200;
/// The category of a consent that is about every message.
const EVERYTHING: &str = "all_messages";
/// Why nothing is sent to those who said stop.
pub(in crate::usecases) const OPTED_OUT: &str = "OPTED_OUT";

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
        let receipts: Vec<_> = others.iter().filter_map(|(account, arrival)| receipt_in(account, arrival)).collect();
        let several = others.len() > 1;
        for (account, arrival) in others {
            let change = self.change_for(&account, arrival, &mut ledger).await?;
            let Some(change) = change else { continue };
            if one_workspace {
                whole.progress.extend(change.progress);
                whole.events.extend(change.events);
                whole.jobs.extend(change.jobs);
            } else {
                self.store.commit(change).await.map_err(turned)?;
            }
            ledger.note(DeliveryOutcome::Stored);
        }
        let outcome = ledger.outcome;
        let delivery_id = delivery.id.clone();
        whole.delivery = Some(NewDelivery { outcome, detail: ledger.detail(), ..delivery });
        let committed = self.store.commit(whole).await.map_err(turned)?;
        let is_news = outcome == DeliveryOutcome::Stored && committed.news;
        // What came alone and was news is about a message that is here.
        if !is_news || several {
            self.forget_late_receipts(&delivery_id, &receipts).await?;
        }
        Ok(if outcome == DeliveryOutcome::Stored && !is_news { DeliveryOutcome::Duplicate } else { outcome })
    }

    /// One receipt or notice of a mixed delivery, committed on its own.
    pub(super) async fn note_arrival(
        &self,
        account: &Account,
        arrival: Arrival,
        ledger: &mut Ledger,
    ) -> Result<DeliveryOutcome, Turned> {
        let receipt = receipt_in(account, &arrival);
        let outcome = match self.change_for(account, arrival, ledger).await? {
            None => DeliveryOutcome::Ignored,
            Some(change) => match self.store.commit(change).await.map_err(turned)?.news {
                true => DeliveryOutcome::Stored,
                false => DeliveryOutcome::Duplicate,
            },
        };
        if let (false, Some((channel_id, id))) = (outcome == DeliveryOutcome::Stored, receipt) {
            ledger.late |= self.store.is_erased(&channel_id, &id).await?;
        }
        Ok(outcome)
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
                Some(progress) => {
                    if progress.status == Status::Failed {
                        let failed = self.store.message(&channel.workspace_id, &progress.message_id).await?;
                        change.jobs.extend(failed.and_then(|stored| self.fallback_now(&stored.message)));
                    }
                    change.progress.push(progress);
                }
                None => {
                    ledger.ignore("it is a receipt for a message that was not sent from here");
                    return Ok(None);
                }
            },
            Event::Watermark(watermark) => {
                change.progress = self.watermark_progress(account, &watermark).await?;
                if change.progress.is_empty() {
                    ledger.ignore("no message of ours was left to move");
                    return Ok(None);
                }
            }
            Event::Consent(consent) => change.events.push(self.consented(account, &consent).await?),
            Event::Unreachable(unreachable) => change.events.push(self.unreachable(account, &unreachable).await?),
            Event::Handover(handover) => {
                if !self.handed_over(account, &handover).await? {
                    ledger.ignore("it is about somebody who has no conversation here");
                    return Ok(None);
                }
            }
            Event::Account(notice) => {
                change.jobs.extend(self.wanted_visit(account, &notice));
                change.events.push(self.account_notice(account, notice).await?);
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

    /// All messages up to a moment moved on.
    async fn watermark_progress(&self, account: &Account, watermark: &Watermark) -> Result<Vec<Progress>, Turned> {
        let channel = &account.channel;
        let Some(id) = self.store.find_conversation(&channel.id, &watermark.peer.identities).await? else {
            return Ok(Vec::new());
        };
        let messages = self.store.messages(&channel.workspace_id, &id, None, WATERMARK_REACH).await?;
        let status: Status = watermark.progress.into();
        let moves = |message: &&Message| {
            message.direction == Direction::Outbound
                && message.provider_id.is_some()
                && message.created_at <= watermark.until
                && message.status.rank() < status.rank()
        };
        Ok(messages
            .iter()
            .filter(moves)
            .map(|message| Progress {
                message_id: message.id.clone(),
                channel_id: channel.id.clone(),
                status,
                provider_id: None,
                at: watermark.until,
                error: None,
            })
            .collect())
    }

    /// What a person wants to receive holds before anything else is sent to them.
    async fn consented(&self, account: &Account, consent: &Consent) -> Result<NewEvent, Turned> {
        let channel = &account.channel;
        if consent.category == EVERYTHING {
            for identity in &consent.peer.identities {
                if consent.granted {
                    self.store.unsuppress(&channel.workspace_id, &channel.id, identity, OPTED_OUT).await?;
                } else {
                    let reason = "the person asked to get no more messages".to_owned();
                    let why = Suppression { code: OPTED_OUT.to_owned(), reason };
                    self.store.suppress(&channel.workspace_id, &channel.id, identity, &why).await?;
                }
            }
            self.directory.forget_suppressions(&channel.id);
        }
        Ok(NewEvent {
            kind: EventKind::ContactConsent,
            conversation_id: self.store.find_conversation(&channel.id, &consent.peer.identities).await?,
            data: serde_json::to_value(consent).unwrap_or_default(),
        })
    }

    async fn unreachable(&self, account: &Account, unreachable: &Unreachable) -> Result<NewEvent, Turned> {
        let channel = &account.channel;
        let why = Suppression { code: unreachable.failure.code.clone(), reason: unreachable.failure.message.clone() };
        self.store.suppress(&channel.workspace_id, &channel.id, &unreachable.identity, &why).await?;
        self.directory.forget_suppressions(&channel.id);
        let identities = std::slice::from_ref(&unreachable.identity);
        Ok(NewEvent {
            kind: EventKind::ContactConsent,
            conversation_id: self.store.find_conversation(&channel.id, identities).await?,
            data: serde_json::json!({ "channel_id": channel.id, "unreachable": unreachable }),
        })
    }

    /// While another application holds the thread nobody answers here; with the thread the agent gets its word back.
    async fn handed_over(&self, account: &Account, handover: &Handover) -> Result<bool, Turned> {
        let channel = &account.channel;
        let Some(id) = self.store.find_conversation(&channel.id, &handover.peer.identities).await? else {
            return Ok(false);
        };
        let known = self.store.conversation(&channel.workspace_id, &id).await?;
        let owner = match (known.map(|known| known.state.owner), handover.ours) {
            (Some(Owner::Nobody), true) if channel.agent_id.is_some() => Owner::Agent,
            (Some(Owner::Agent), false) => Owner::Nobody,
            (found, _) => return Ok(found.is_some()),
        };
        let assigned = self.conversations.amend(&id, Amendment::Assign(owner)).await;
        assigned.map(|_| true).map_err(|error| Turned::Unavailable(error.to_string()))
    }

    /// A subscription is confirmed by a visit to the address that comes with it; that it is the vendor's was checked
    /// together with the signature.
    fn wanted_visit(&self, account: &Account, notice: &Notice) -> Option<NewJob> {
        let address = notice.detail.get("subscribe_url").filter(|_| notice.kind == "subscription_confirmation")?;
        Some(NewJob {
            id: self.store.clock().id(),
            lane: String::new(),
            work: Work::Visit { channel_id: account.channel.id.clone(), address: address.as_str()?.to_owned() },
            run_at: self.store.clock().now(),
            cargo: None,
        })
    }

    async fn account_notice(&self, account: &Account, notice: Notice) -> Result<NewEvent, Turned> {
        let channel = &account.channel;
        if notice.alarming {
            let reason = format!("the vendor reports {}", notice.kind);
            self.store.set_channel_state(&channel.id, ChannelState::Stopped, Some(&reason)).await?;
            self.directory.forget_channel(&channel.id);
            tracing::error!(channel_id = channel.id, notice = notice.kind, "the vendor has stopped a channel");
        }
        if let Some(news) = account.vendor.as_ref().ok().and_then(|vendor| vendor.template_news(&notice)) {
            self.store.templates_changed(channel, Some(&news)).await?;
        }
        Ok(NewEvent {
            kind: EventKind::ChannelNotice,
            conversation_id: None,
            data: serde_json::json!({
                "channel_id": channel.id, "kind": notice.kind, "alarming": notice.alarming, "detail": notice.detail,
            }),
        })
    }
}
