//! A vendor delivers: verify, read, write down, hand to the conversations, and only then say yes.

use std::collections::HashMap;
use std::sync::Arc;

use switchboard_channels::Kind;
use switchboard_channels::contract::inbound::{Arrival, CarriedFile, Event, Ignored, Parsed};
use switchboard_channels::contract::vendor::{Delivery, Untaken};

use super::Switchboard;
use super::directory::Account;
use crate::actors::ActorError;
use crate::actors::errands::News;
use crate::domain::changes::{Change, DeliveryEnd, NewDelivery, Refusal};
use crate::domain::contacts::strongest;
use crate::domain::deliveries::{DeliveryOutcome, RawDelivery};
use crate::store::StoreError;
use crate::store::deliveries::StoredDelivery;
use crate::telemetry::crash;
use paths::Path;

mod carried;
mod forgotten;
pub mod mail;
mod notices;
mod paths;
mod sharing;

pub(super) use notices::OPTED_OUT;

/// Most parts named in a delivery's detail.
const MOST_DETAILS: usize = 50;
/// How often news is handed to a conversation that dies over it.
const MOST_DEATHS: usize = 6;
/// Most channels whose secrets are tried for a body that names none of them.
const MOST_SECRETS: usize = 64;

/// A knock at a callback address.
#[derive(Debug, Clone, Copy)]
pub struct Knock<'a> {
    /// The kind of channel whose address it is.
    pub kind: Kind,
    /// The channel, when the address names it.
    pub channel_id: Option<&'a str>,
    /// The knock itself.
    pub delivery: Delivery<'a>,
}

/// Why a knock is turned away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turned {
    /// No secret of ours signed it.
    Unverified,
    /// It is signed, but not of the vendor's shape.
    Malformed(String),
    /// There is no such channel.
    UnknownChannel,
    /// It could not be written down: the vendor shall come again.
    Unavailable(String),
}

impl From<StoreError> for Turned {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// What a delivery came to.
#[derive(Debug)]
pub struct Ledger {
    outcome: DeliveryOutcome,
    stored: usize,
    duplicates: usize,
    failures: Vec<String>,
    ignored: Vec<Ignored>,
    /// Something in it was erased before.
    erased: bool,
    /// A receipt in it is for a message that was erased.
    late: bool,
}

impl Ledger {
    fn new(ignored: Vec<Ignored>) -> Self {
        Self {
            outcome: DeliveryOutcome::Ignored,
            stored: 0,
            duplicates: 0,
            failures: Vec::new(),
            ignored,
            erased: false,
            late: false,
        }
    }

    fn note(&mut self, outcome: DeliveryOutcome) {
        self.outcome = self.outcome.merge(outcome);
        match outcome {
            DeliveryOutcome::Stored => self.stored += 1,
            DeliveryOutcome::Duplicate => self.duplicates += 1,
            _ => {}
        }
    }

    /// Whether the body is not kept. A dead letter needs it to be tried again.
    fn forgets(&self) -> bool {
        self.erased || (self.late && self.outcome != DeliveryOutcome::DeadLetter)
    }

    fn ignore(&mut self, reason: &str) {
        self.ignored.push(Ignored { path: String::new(), reason: reason.to_owned() });
    }

    fn detail(&self) -> Option<serde_json::Value> {
        let quiet = self.ignored.is_empty() && self.failures.is_empty() && self.duplicates == 0;
        (!quiet).then(|| {
            serde_json::json!({
                "stored": self.stored, "duplicates": self.duplicates, "failures": self.failures,
                "ignored": self.ignored.iter().take(MOST_DETAILS).collect::<Vec<_>>(),
                "ignored_total": self.ignored.len(),
            })
        })
    }
}

/// One conversation's share of a delivery.
struct Share {
    account: Arc<Account>,
    path: Path,
    events: Vec<Event>,
}

impl Switchboard {
    /// Takes a vendor's delivery. When this answers `Ok`, everything in it is committed or has its visible outcome.
    ///
    /// # Errors
    /// See [`Turned`]; nothing was stored as a message.
    pub async fn take_delivery(&self, knock: Knock<'_>) -> Result<DeliveryOutcome, Turned> {
        let (accounts, named) = self.candidates(&knock).await?;
        let (parsed, signed) = verified(&accounts, &knock.delivery)?;
        // Where an address says nothing of whom it is for, who signed it and whom its parts name say it.
        let ours = |arrival: &Arrival| {
            arrival.account.is_some() && signed.iter().any(|account| account.channel.account == arrival.account)
        };
        if !named && !parsed.events.iter().any(ours) {
            metrics::counter!("switchboard_deliveries_for_nobody_total").increment(1);
            return Ok(DeliveryOutcome::Ignored);
        }
        let mut outcome = DeliveryOutcome::Ignored;
        for part in sharing::divide(signed, parsed, &knock.delivery) {
            outcome = outcome.merge(self.carry_in(knock.kind, &part.signed, part.parsed, part.raw, None).await?);
        }
        Ok(outcome)
    }

    /// Takes a kept delivery again: a dead letter that an operator wants to try once more, or one that a crash cut off.
    ///
    /// # Errors
    /// See [`Turned`].
    pub async fn take_again(&self, delivery: StoredDelivery) -> Result<DeliveryOutcome, Turned> {
        let kind = Kind::from_word(&delivery.kind).ok_or(Turned::UnknownChannel)?;
        let Some(channel_id) = delivery.channel_id.as_deref() else { return Err(Turned::UnknownChannel) };
        let account = self.directory.channel(channel_id).await?.ok_or(Turned::UnknownChannel)?;
        let business = account.channel.business.clone();
        let mut signed = vec![Arc::clone(&account)];
        if let Some(business) = business {
            let siblings = self.directory.channels_by_business(kind, &business).await?;
            signed.extend(
                siblings.into_iter().filter(|other| other.channel.workspace_id == account.channel.workspace_id),
            );
        }
        let vendor = account.vendor.as_ref().map_err(|reason| Turned::Unavailable(reason.clone()))?;
        let raw = delivery.raw;
        let (body, headers) = (raw.bytes(), raw.headers());
        let kept = Delivery { url: raw.url(), headers: &headers, body: &body, now: delivery.received_at };
        let parsed = vendor.take_again(&kept).map_err(Turned::Malformed)?;
        self.carry_in(kind, &signed, parsed, raw, Some(delivery.id)).await
    }

    /// The accounts whose secrets may have signed a body, and whether the body names any of them.
    async fn candidates(&self, knock: &Knock<'_>) -> Result<(Vec<Arc<Account>>, bool), Turned> {
        if let Some(id) = knock.channel_id {
            let account = self.directory.channel(id).await?.filter(|account| account.channel.kind == knock.kind);
            return account.map(|account| (vec![account], true)).ok_or(Turned::UnknownChannel);
        }
        let addressees = (knock.kind.protocol().addressees)(&knock.delivery);
        let mut accounts = Vec::new();
        for id in &addressees.accounts {
            accounts.extend(self.directory.channel_by_account(knock.kind, id).await?);
        }
        for id in &addressees.businesses {
            if accounts.is_empty() {
                accounts.extend(self.directory.channels_by_business(knock.kind, id).await?);
            }
        }
        if !accounts.is_empty() {
            return Ok((accounts, true));
        }
        let mut all = self.directory.channels_of_kind(knock.kind).await?;
        all.truncate(MOST_SECRETS);
        Ok((all, false))
    }

    async fn carry_in(
        &self,
        kind: Kind,
        signed: &[Arc<Account>],
        parsed: Parsed,
        raw: RawDelivery,
        kept: Option<String>,
    ) -> Result<DeliveryOutcome, Turned> {
        crash::point("receiving.parsed");
        let clock = self.store.clock();
        let mut ledger = Ledger::new(parsed.ignored);
        let (shares, others) = self.sort(signed, parsed.events, &parsed.files, &mut ledger).await?;
        let first = shares.first().map(|share| &share.account).or_else(|| others.first().map(|(account, _)| account));
        let first = first.or_else(|| signed.first()).map(Arc::clone);
        let delivery = NewDelivery {
            id: kept.clone().unwrap_or_else(|| clock.id()),
            channel_id: first.as_ref().map(|account| account.channel.id.clone()),
            kind: kind.as_str().to_owned(),
            received_at: clock.now(),
            raw: Arc::new(raw),
            outcome: DeliveryOutcome::Stored,
            detail: ledger.detail(),
        };
        let workspace_id = first.map(|account| account.channel.workspace_id.clone()).unwrap_or_default();
        if kept.is_none() && shares.len() == 1 && others.is_empty() {
            if let Some(share) = shares.into_iter().next() {
                return self.carry_one(share, delivery, ledger, workspace_id).await;
            }
            return Ok(DeliveryOutcome::Ignored);
        }
        if kept.is_none() && shares.is_empty() {
            return self.carry_notices(others, delivery, ledger, workspace_id).await;
        }
        if kept.is_none() {
            let pending = NewDelivery { outcome: DeliveryOutcome::Pending, ..delivery.clone() };
            let change = Change { workspace_id: workspace_id.clone(), delivery: Some(pending), ..Change::default() };
            self.store.commit(change).await.map_err(turned)?;
        }
        crash::point("receiving.pending");
        let handed = shares.into_iter().map(|share| self.hand_over(share, None));
        for outcome in futures_util::future::join_all(handed).await {
            match outcome {
                Ok((outcome, erased)) => {
                    ledger.note(outcome);
                    ledger.erased |= erased;
                }
                Err(error) => ledger.fail(error)?,
            }
        }
        for (account, arrival) in others {
            let outcome = self.note_arrival(&account, arrival, &mut ledger).await?;
            ledger.note(outcome);
        }
        crash::point("receiving.handed");
        let (outcome, detail) = (ledger.outcome, ledger.detail());
        let end = DeliveryEnd { id: delivery.id, outcome, detail, forgets: ledger.forgets() };
        let change = Change { workspace_id, delivered: Some(end), ..Change::default() };
        self.store.commit(change).await.map_err(turned)?;
        Ok(ledger.outcome)
    }

    /// The usual case: all of a delivery is one conversation's, and its row is committed with the message.
    async fn carry_one(
        &self,
        share: Share,
        delivery: NewDelivery,
        mut ledger: Ledger,
        workspace_id: String,
    ) -> Result<DeliveryOutcome, Turned> {
        match self.hand_over(share, Some(delivery.clone())).await {
            Ok((outcome, _)) => Ok(outcome),
            Err(error) => {
                ledger.fail(error)?;
                let dead = NewDelivery { outcome: ledger.outcome, detail: ledger.detail(), ..delivery };
                let change = Change { workspace_id, delivery: Some(dead), ..Change::default() };
                self.store.commit(change).await.map_err(turned)?;
                Ok(DeliveryOutcome::DeadLetter)
            }
        }
    }

    /// Sorts events to their conversations; receipts and notices stay apart, in order.
    async fn sort(
        &self,
        signed: &[Arc<Account>],
        events: Vec<Arrival>,
        files: &[CarriedFile],
        ledger: &mut Ledger,
    ) -> Result<(Vec<Share>, Vec<(Arc<Account>, Arrival)>), Turned> {
        let mut shares: Vec<Share> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut others = Vec::new();
        for arrival in events {
            let Some(account) = sharing::account_of(signed, &arrival).map(Arc::clone) else {
                ledger
                    .ignore("it is for an account that is not configured here, or not with the secret that signed it");
                continue;
            };
            let mut arrival = arrival;
            if let Event::Message(message) | Event::Echo(message) = &mut arrival.event {
                self.keep_carried(&account, message, files).await?;
            }
            let path = match &mut arrival.event {
                Event::Message(message) if message.thread.is_some() => Some(self.thread(&account, message).await?),
                Event::Message(message) => self.path(&account, &message.peer.identities, true).await?,
                Event::Echo(message) => {
                    if let Some(progress) = self.own_echo(&account, message).await? {
                        others.push((account, Arrival { event: progress, ..arrival }));
                        continue;
                    }
                    self.path(&account, &message.peer.identities, true).await?
                }
                Event::Edit(edit) => self.path(&account, &edit.peer.identities, true).await?,
                Event::Deletion(deletion) => self.path(&account, &deletion.peer.identities, true).await?,
                Event::Identity(change) => self.path(&account, &change.before, false).await?,
                _ => {
                    others.push((account, arrival));
                    continue;
                }
            };
            if let (Event::Message(message), Some(path)) = (&mut arrival.event, &path) {
                self.understand_choice(&account, &path.conversation_id, message).await?;
                self.break_loop(&account, path, message).await?;
            }
            let Some(path) = path else {
                ledger.ignore("it is about somebody who has no conversation here");
                continue;
            };
            let place = *places.entry(path.conversation_id.clone()).or_insert(shares.len());
            match shares.get_mut(place) {
                Some(share) => share.events.push(arrival.event),
                None => shares.push(Share { account, path, events: vec![arrival.event] }),
            }
        }
        Ok((shares, others))
    }

    /// Hands a share to its conversation, wherever the store says that is, and as often as it dies over it. Gives also
    /// whether something in it was erased before.
    async fn hand_over(
        &self,
        mut share: Share,
        delivery: Option<NewDelivery>,
    ) -> Result<(DeliveryOutcome, bool), ActorError> {
        let channel = Arc::clone(&share.account.channel);
        let quiet_ms = i64::try_from(self.options.quiet_period.as_millis()).unwrap_or_default();
        let mut deaths = 0;
        loop {
            let news = News {
                channel: Arc::clone(&channel),
                origin: share.path.origin.clone(),
                events: share.events.clone(),
                delivery: delivery.clone(),
                quiet_ms,
                rule: share.account.window_rule(),
                nameless: share.account.can_tell(&share.events),
                idempotency: None,
                most_messages: None,
            };
            match self.conversations.receive(&share.path.conversation_id, news).await {
                Ok(taken) => {
                    self.let_go(&mut share, &taken.erased).await?;
                    self.await_named(&share).await?;
                    let outcome = if taken.stored > 0 { DeliveryOutcome::Stored } else { DeliveryOutcome::Duplicate };
                    return Ok((outcome, !taken.erased.is_empty()));
                }
                Err(ActorError::Refused(Refusal::Taken(other))) => {
                    for event in &share.events {
                        if let Event::Message(message) | Event::Echo(message) = event
                            && let Some(identity) = strongest(&message.peer.identities)
                        {
                            self.routes.put(&channel.id, identity, &other, self.store.clock().now());
                        }
                    }
                    share.path.conversation_id = other;
                }
                Err(ActorError::Died) if deaths < MOST_DEATHS => deaths += 1,
                // The way led to a conversation that was erased: who writes now is somebody new.
                Err(ActorError::Refused(Refusal::Erased(_))) if deaths < MOST_DEATHS => {
                    deaths += 1;
                    let contact = self.contact_of(&share).await?;
                    self.begin_anew(&mut share, contact);
                }
                // Another thread of the same new person was faster, and the person has a contact by now.
                Err(ActorError::Refused(Refusal::Stale))
                    if deaths < MOST_DEATHS && !share.path.origin.thread.is_empty() =>
                {
                    deaths += 1;
                    if let Some(contact_id) = self.contact_of(&share).await? {
                        share.path.origin.contact_id = contact_id;
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Ledger {
    /// What cannot be handled becomes a dead letter; what the store could not take is turned away.
    fn fail(&mut self, error: ActorError) -> Result<(), Turned> {
        match error {
            ActorError::Refused(refusal) => Err(turned(refusal)),
            ActorError::Store(reason) => Err(Turned::Unavailable(reason)),
            ActorError::Busy => Err(Turned::Unavailable("the conversation has too much to do".to_owned())),
            other => {
                self.failures.push(other.to_string());
                self.outcome = self.outcome.merge(DeliveryOutcome::DeadLetter);
                Ok(())
            }
        }
    }
}

/// Finds the account whose secret signed it, reads it, and gives all accounts that the same secret speaks for.
fn verified(accounts: &[Arc<Account>], delivery: &Delivery<'_>) -> Result<(Parsed, Vec<Arc<Account>>), Turned> {
    let readable = |account: &&Arc<Account>| account.vendor.is_ok();
    for (place, account) in accounts.iter().filter(readable).enumerate() {
        let Ok(vendor) = &account.vendor else { continue };
        let parsed = match vendor.take(delivery) {
            Ok(parsed) => parsed,
            Err(Untaken::Unverified) => continue,
            Err(Untaken::Malformed(reason)) => return Err(Turned::Malformed(reason)),
        };
        let others = accounts.iter().filter(readable).skip(place + 1);
        let alike = others.filter(|other| other.vendor.as_ref().is_ok_and(|vendor| vendor.verifies(delivery)));
        let signed = std::iter::once(account).chain(alike).map(Arc::clone).collect();
        return Ok((parsed, signed));
    }
    Err(Turned::Unverified)
}

fn turned(refusal: Refusal) -> Turned {
    Turned::Unavailable(refusal.to_string())
}
