//! Status callbacks: which follow a message, what they say, and where they go.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::{TwilioAccount, signature};
use crate::accounts::Receipts;
use crate::channel::Channel;
use crate::clock::rfc2822;
use crate::faults::Action;
use crate::webhooks::{Letter, Seal, deliver_now, post};
use crate::world::World;

/// A message whose statuses are told.
#[derive(Debug, Clone)]
pub struct Subject {
    pub sid: String,
    pub from: String,
    pub to: String,
    pub service: Option<String>,
    /// Where the statuses go; without an address they are only remembered.
    pub url: Option<String>,
}

impl Subject {
    fn is_whatsapp(&self) -> bool {
        self.to.starts_with("whatsapp:")
    }
}

/// One step in the life of a message.
struct Step {
    status: &'static str,
    error_code: Option<i64>,
    after_ms: u64,
}

/// Plans the statuses of an accepted message. `refused` is a code with which it fails.
pub async fn follow(
    world: &Arc<World>,
    account: &TwilioAccount,
    subject: &Subject,
    refused: Option<i64>,
    actions: &[Action],
) {
    let early = actions.iter().any(|action| matches!(action, Action::ReceiptsBeforeAnswer));
    for (index, step) in steps(account, subject, refused).into_iter().enumerate() {
        let wait = if early && index == 0 { 0 } else { step.after_ms };
        remember(world, account, subject, &step, wait);
        let Some(url) = subject.url.clone() else { continue };
        let letter = Letter {
            channel: Channel::Twilio,
            account: account.account_sid.clone(),
            kind: "receipts",
            ids: vec![subject.sid.clone()],
            body: Bytes::from(signature::form(&fields(world, account, subject, &step))),
            seal: Seal::Twilio { url: Some(url) },
        };
        if early && index == 0 {
            deliver_now(world, letter).await;
        } else {
            post(world, letter, Duration::from_millis(wait));
        }
    }
}

fn steps(account: &TwilioAccount, subject: &Subject, refused: Option<i64>) -> Vec<Step> {
    let after = |index: usize| account.receipt_delays_ms.get(index).copied().unwrap_or_default();
    if let Some(code) = refused {
        let status = if subject.is_whatsapp() || code < 30_000 { "failed" } else { "undelivered" };
        return vec![Step { status, error_code: Some(code), after_ms: after(0) }];
    }
    let mut steps = Vec::new();
    // The first status has no callback: `accepted` with a service, `queued` without.
    if subject.service.is_some() && account.receipts > Receipts::None {
        steps.push(Step { status: "queued", error_code: None, after_ms: 0 });
    }
    for (index, (status, least)) in
        [("sent", Receipts::Sent), ("delivered", Receipts::Delivered), ("read", Receipts::Read)].into_iter().enumerate()
    {
        if account.receipts >= least && (status != "read" || subject.is_whatsapp()) {
            steps.push(Step { status, error_code: None, after_ms: after(index) });
        }
    }
    steps
}

/// Writes a status down, and tells listeners, when it falls due.
fn remember(world: &Arc<World>, account: &TwilioAccount, subject: &Subject, step: &Step, wait_ms: u64) {
    let (world, sid) = (Arc::clone(world), subject.sid.clone());
    let (status, error_code, account) = (step.status, step.error_code, account.account_sid.clone());
    world.runtime.clone().spawn(async move {
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        world.twilio_state.advance(&sid, status, error_code, &rfc2822(world.clock.now_ms()));
        // Books and pages use one word for a failure, whatever the vendor's.
        let shown = if error_code.is_some() { "failed" } else { status };
        let data = json!({"channel": "twilio", "account": account, "id": sid, "status": shown,
            "error_code": error_code});
        world.books.note("receipt", data);
    });
}

fn fields(world: &World, account: &TwilioAccount, subject: &Subject, step: &Step) -> Vec<(String, String)> {
    let mut fields = vec![
        ("AccountSid", account.account_sid.clone()),
        ("From", subject.from.clone()),
        ("MessageSid", subject.sid.clone()),
        ("MessageStatus", step.status.to_owned()),
        ("SmsSid", subject.sid.clone()),
        ("SmsStatus", step.status.to_owned()),
        ("To", subject.to.clone()),
        ("ApiVersion", "2010-04-01".to_owned()),
    ];
    if let Some(code) = step.error_code {
        fields.push(("ErrorCode", code.to_string()));
    }
    if let Some(service) = &subject.service {
        fields.push(("MessagingServiceSid", service.clone()));
    }
    if subject.is_whatsapp() {
        if matches!(step.status, "delivered" | "read") {
            fields.push(("EventType", step.status.to_uppercase()));
        }
        fields.push(("ChannelPrefix", "whatsapp".to_owned()));
        fields.push(("ChannelInstallSid", "XE00000000000000000000000000000001".to_owned()));
    } else if step.status == "delivered" {
        fields.push(("RawDlrDoneDate", crate::clock::compact(world.clock.now_ms())));
    }
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
