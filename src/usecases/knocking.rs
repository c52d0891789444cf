//! What is asked of a knock before it is let in: the certificate that it claims to be signed by, and a proof that was
//! not used before.

use switchboard_channels::contract::request::{Body, Method, Request};
use switchboard_channels::contract::vendor::{Delivery, Vendor};

use super::Switchboard;
use super::directory::Account;
use super::receiving::{Knock, Turned};
use crate::domain::deliveries::DeliveryOutcome;
use crate::domain::jobs::{Job, Verdict, backoff_ms};
use crate::net::Client;
use crate::telemetry::chance;

impl Switchboard {
    /// Takes a delivery at a callback address. When this answers `Ok`, everything in it is committed or has its visible
    /// outcome.
    ///
    /// # Errors
    /// See [`Turned`]; nothing was stored as a message.
    pub async fn answer_knock(&self, knock: Knock<'_>, client: &Client) -> Result<DeliveryOutcome, Turned> {
        let account = match knock.channel_id {
            Some(id) => self.directory.channel(id).await?.filter(|account| account.channel.kind == knock.kind),
            None => None,
        };
        let Some(account) = account else { return self.take_delivery(knock).await };
        let Ok(vendor) = &account.vendor else { return self.take_delivery(knock).await };
        if let Some(address) = vendor.certificate_needed(&knock.delivery) {
            self.learn_certificate(&account, vendor.as_ref(), &knock.delivery, &address, client).await;
        }
        let Some(token) = vendor.used_once(&knock.delivery) else { return self.take_delivery(knock).await };
        let channel_id = &account.channel.id;
        if !self.store.use_token(channel_id, &token).await? {
            tracing::warn!(channel_id, "a delivery came with a proof that was used before");
            return Err(Turned::Unverified);
        }
        let outcome = self.take_delivery(knock).await;
        if matches!(outcome, Err(Turned::Unavailable(_))) {
            self.store.give_back_token(channel_id, &token).await?;
        }
        outcome
    }

    /// Fetches a certificate, and keeps it if the delivery is signed by it. Without it the delivery is turned away, and
    /// the vendor comes again.
    async fn learn_certificate(
        &self,
        account: &Account,
        vendor: &dyn Vendor,
        delivery: &Delivery<'_>,
        address: &str,
        client: &Client,
    ) {
        let channel_id = &account.channel.id;
        if !self.directory.may_fetch_certificate(channel_id) {
            tracing::warn!(channel_id, "too many certificates were asked for; this one is not fetched");
            return;
        }
        let answer = match account.way_out(client).send(&visit(address), None).await {
            Ok(answer) if answer.status == 200 => answer,
            Ok(answer) => return tracing::warn!(channel_id, status = answer.status, "a certificate is not to be had"),
            Err(error) => return tracing::warn!(channel_id, %error, "a certificate could not be fetched"),
        };
        let Ok(certificate) = String::from_utf8(answer.body.to_vec()) else { return };
        let knowing = vendor.with_certificates(std::slice::from_ref(&certificate));
        if knowing.is_some_and(|vendor| vendor.verifies(delivery)) {
            self.directory.learn_certificate(channel_id, certificate);
        }
    }

    /// Runs a visit job: the channel's vendor wants to see that we call an address of its own.
    pub async fn visit_address(&self, job: &Job, channel_id: &str, address: &str, client: &Client) -> Verdict {
        let again = |reason| Verdict::Retry { after_ms: backoff_ms(job.attempts, chance::below(1_000)), reason };
        let account = match self.directory.channel(channel_id).await {
            Ok(Some(account)) => account,
            Ok(None) => return Verdict::Drop,
            Err(error) => return again(error.to_string()),
        };
        let reason = match account.way_out(client).send(&visit(address), None).await {
            Ok(answer) if (200..300).contains(&answer.status) => return Verdict::Drop,
            Ok(answer) if (400..500).contains(&answer.status) && !matches!(answer.status, 408 | 429) => {
                return Verdict::Dead { reason: format!("the vendor answers {}", answer.status) };
            }
            Ok(answer) => format!("the vendor answers {}", answer.status),
            Err(error) => error.to_string(),
        };
        again(reason)
    }
}

/// A call of an address that a vendor gave: without any proof of ours.
fn visit(address: &str) -> Request {
    Request { method: Method::Get, url: address.to_owned(), authorisation: None, body: Body::Empty }
}
