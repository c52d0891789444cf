//! How webhook endpoints are told: events become deliveries, and a delivery is attempted. Nothing here is part of what
//! caused an event; it reads the event sequence behind it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::value::RawValue;

use super::super::Switchboard;
use super::super::channels::Unchanged;
use super::super::once;
use crate::domain::webhooks::{self, Cause, Endpoint, EndpointState, Outcome, Told};
use crate::net::{Arriving, Client, NetError};
use crate::store::StoreError;
use crate::store::idempotency::Unwritten;
use crate::store::webhooks::{AttemptEnd, DueDelivery, EventToTell, NewAttempt, NewDelivery};
use crate::telemetry::{chance, crash};

/// Events that become deliveries at once.
const PAGE: i64 = 500;
/// Deliveries that may wait for an endpoint; what is further waits in the event sequence.
const MOST_WAITING: i64 = 10_000;
/// How much of an answer is kept, in bytes.
const KEPT_OF_ANSWER: usize = 16 * 1024;
/// What is left to do of a test after its answer may come no more.
const AFTERWORK: Duration = Duration::from_secs(5);
/// How long until somebody who waits for another's test looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// As whom we call.
const USER_AGENT: &str = concat!("Switchboard-Webhooks/", env!("CARGO_PKG_VERSION"));

/// What a test found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    /// The endpoint has taken it.
    pub success: bool,
    /// HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// Milliseconds.
    pub duration_ms: i64,
    /// Why there was no answer.
    pub error: Option<String>,
}

/// What was said to an endpoint and what it answered.
struct Exchange {
    attempt: NewAttempt,
    status: Option<u16>,
    outcome: Outcome,
    wish_ms: Option<i64>,
}

impl Switchboard {
    /// Makes an endpoint's next events deliveries. Gives whether there may be more of them.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn expand_webhook(&self, endpoint: &Endpoint) -> Result<bool, StoreError> {
        let waiting = self.store.count_waiting_webhook_deliveries(&endpoint.workspace_id, &endpoint.id).await?;
        if waiting >= MOST_WAITING {
            return Ok(false);
        }
        let (deliveries, reached) = self.webhook_page(endpoint, endpoint.event_seq, i64::MAX).await?;
        if reached <= endpoint.event_seq {
            return Ok(false);
        }
        crash::point("webhooks.expand.before");
        let moved = self.store.expand_webhook_events(endpoint, reached, &deliveries).await?;
        crash::point("webhooks.expand.after");
        Ok(moved)
    }

    /// What an endpoint is to be told of a page of events after `since` and up to `until`, and the number of the page's
    /// last event.
    pub(super) async fn webhook_page(
        &self,
        endpoint: &Endpoint,
        since: i64,
        until: i64,
    ) -> Result<(Vec<NewDelivery>, i64), StoreError> {
        let events = self.store.events_to_tell(&endpoint.workspace_id, since, until, PAGE).await?;
        let Some(reached) = events.last().map(|event| event.seq) else { return Ok((Vec::new(), since)) };
        let names: HashMap<String, String> =
            self.store.agent_names(&endpoint.workspace_id).await?.into_iter().collect();
        let told = events.iter().filter_map(|event| self.webhook_delivery_of(endpoint, event, &names));
        Ok((told.collect(), reached))
    }

    fn webhook_delivery_of(
        &self,
        endpoint: &Endpoint,
        event: &EventToTell,
        names: &HashMap<String, String>,
    ) -> Option<NewDelivery> {
        let agent_id = webhooks::agent_in(&event.data).or_else(|| event.agent_id.clone());
        if !endpoint.wants(&event.kind, agent_id.as_deref()) {
            return None;
        }
        let data = serde_json::from_str::<&RawValue>(&event.data);
        let data = data.map_err(|error| {
            tracing::error!(seq = event.seq, %error, "an event's snapshot cannot be read; no webhook tells of it");
        });
        let id = self.store.clock().id();
        let body = webhooks::body(Told {
            id: &id,
            event: &event.kind,
            agent: agent_id.as_deref().map(|id| (id, names.get(id).map(String::as_str))),
            at: event.at,
            workspace_id: &endpoint.workspace_id,
            seq: Some(event.seq),
            data: data.ok()?,
        });
        Some(NewDelivery { id, event_seq: Some(event.seq), event: event.kind.clone(), body })
    }

    /// Attempts a delivery to an endpoint as it is now. `client` goes to the public internet only, unless the operator
    /// allows more. Gives whether the endpoint may be told more at once.
    ///
    /// # Errors
    /// The store is not available: what was attempted is not written down, and is attempted again under the same id.
    pub async fn deliver_webhook(
        &self,
        workspace_id: &str,
        endpoint_id: &str,
        delivery: &DueDelivery,
        client: &Client,
    ) -> Result<bool, StoreError> {
        let endpoint = self.store.webhook_endpoint(workspace_id, endpoint_id).await?;
        let Some(endpoint) = endpoint.filter(|endpoint| endpoint.state == EndpointState::Active) else {
            return Ok(false);
        };
        let cause = Cause::from_word(&delivery.cause).unwrap_or(Cause::Event);
        crash::point("webhooks.post.before");
        let said = self.post_webhook(&endpoint, &delivery.id, &delivery.body, cause, client).await;
        crash::point("webhooks.post.after");
        let end = self.end_of(&said, delivery.attempts + 1);
        metrics::counter!("switchboard_webhook_attempts_total", "end" => word(said.outcome)).increment(1);
        let goes_on = self.store.settle_webhook_attempt(&endpoint, delivery, &said.attempt, &end).await?;
        crash::point("webhooks.settled");
        Ok(goes_on)
    }

    fn end_of(&self, said: &Exchange, attempts: i64) -> AttemptEnd {
        let answered = match (&said.attempt.error, said.status) {
            (Some(error), _) => error.clone(),
            (None, Some(status)) => format!("the endpoint answered {status}"),
            (None, None) => "no answer came".to_owned(),
        };
        let (wait, reason) = match said.outcome {
            Outcome::Delivered => (None, None),
            Outcome::Retry { .. } => {
                (webhooks::next_attempt_ms(attempts, said.wish_ms, chance::below(1_000)), Some(answered))
            }
            Outcome::Unwanted | Outcome::Gone => (None, Some(format!("{answered} and does not want it"))),
        };
        AttemptEnd {
            outcome: said.outcome,
            wish_ms: said.wish_ms,
            next_attempt_at: wait.map(|wait| self.now().saturating_add(wait)),
            reason,
        }
    }

    /// Sends an endpoint a signed test and waits for its answer, whether it is told of events or not; once for each
    /// idempotency key. Gives the answer, and whether it is that of an earlier test under the key.
    ///
    /// # Errors
    /// See [`Unchanged`].
    pub async fn test_webhook(
        &self,
        workspace_id: &str,
        id: &str,
        under: Option<String>,
        client: &Client,
    ) -> Result<(Tested, bool), Unchanged> {
        let endpoint = self.store.webhook_endpoint(workspace_id, id).await?.ok_or(Unchanged::Unknown)?;
        let delivery_id = self.store.clock().id();
        if let Some(under) = once::under(under, "webhook test", &id, &delivery_id)
            && let Some(earlier) = self.store.reserve(workspace_id, &under).await?
        {
            let earlier = once::repeated(Some(&under), Unwritten::Repeated(earlier));
            let earlier = earlier.map_err(|_| Unchanged::KeyMismatch)?;
            return self.tested_before(&endpoint, &earlier).await.map(|tested| (tested, true));
        }
        let data = serde_json::json!({ "endpoint_id": endpoint.id, "message": "This is a test." });
        let data = serde_json::value::to_raw_value(&data).map_err(|error| Unchanged::Unavailable(error.to_string()))?;
        let body = webhooks::body(Told {
            id: &delivery_id,
            event: webhooks::TEST_EVENT,
            agent: None,
            at: self.now(),
            workspace_id,
            seq: None,
            data: &data,
        });
        let said = self.post_webhook(&endpoint, &delivery_id, &body, Cause::Test, client).await;
        let mut end = self.end_of(&said, 1);
        end.next_attempt_at = None;
        let event = webhooks::TEST_EVENT.to_owned();
        let delivery = NewDelivery { id: delivery_id, event_seq: None, event, body };
        self.store.keep_webhook_test(&endpoint, &delivery, &said.attempt, &end).await?;
        let tested = Tested {
            success: said.outcome == Outcome::Delivered,
            status: said.status,
            duration_ms: said.attempt.duration_ms,
            error: said.attempt.error,
        };
        Ok((tested, false))
    }

    /// What an earlier test found out. While it runs, it is waited for.
    async fn tested_before(&self, endpoint: &Endpoint, delivery_id: &str) -> Result<Tested, Unchanged> {
        let timeout = Duration::from_millis(u64::try_from(endpoint.timeout_ms).unwrap_or_default());
        let ends_at = tokio::time::Instant::now() + timeout + AFTERWORK;
        loop {
            let mut attempts = self.store.webhook_attempts(&endpoint.workspace_id, delivery_id).await?;
            if let Some(attempt) = attempts.pop() {
                let status = attempt.status.and_then(|status| u16::try_from(status).ok());
                return Ok(Tested {
                    success: webhooks::outcome(status, None) == Outcome::Delivered,
                    status,
                    duration_ms: attempt.duration_ms,
                    error: attempt.error,
                });
            }
            if tokio::time::Instant::now() >= ends_at {
                let sentence = "the test under this key never ended, or is forgotten: test again under another key";
                return Err(Unchanged::Conflict(sentence.to_owned()));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Posts a body, signed for this very moment, and reads the beginning of the answer.
    async fn post_webhook(&self, endpoint: &Endpoint, id: &str, body: &str, cause: Cause, client: &Client) -> Exchange {
        let (at, begun) = (self.now(), Instant::now());
        let timestamp = at.div_euclid(1_000);
        let signatures = webhooks::signatures(&endpoint.secrets, id, timestamp, body.as_bytes(), at);
        let timestamp = timestamp.to_string();
        let headers = [
            ("content-type", "application/json"),
            ("user-agent", USER_AGENT),
            ("webhook-id", id),
            ("webhook-timestamp", &timestamp),
            ("webhook-signature", &signatures),
        ];
        let timeout = Duration::from_millis(u64::try_from(endpoint.timeout_ms).unwrap_or_default());
        let ends_at = tokio::time::Instant::now() + timeout;
        let posting = client.post(&endpoint.url, &headers, Bytes::copy_from_slice(body.as_bytes()));
        let answered = match tokio::time::timeout_at(ends_at, posting).await {
            Ok(answered) => answered.map_err(|error| refusal(&error)),
            Err(_) => Err(format!("no answer came within {} ms", endpoint.timeout_ms)),
        };
        let mut exchange = Exchange {
            attempt: NewAttempt {
                id: self.store.clock().id(),
                cause,
                at,
                request: described(&endpoint.url, &headers),
                status: None,
                response: String::new(),
                error: None,
                duration_ms: 0,
            },
            status: None,
            outcome: webhooks::outcome(None, None),
            wish_ms: None,
        };
        match answered {
            Ok(mut arriving) => {
                let status = arriving.status();
                exchange.status = Some(status);
                exchange.attempt.status = Some(i64::from(status));
                exchange.outcome = webhooks::outcome(Some(status), arriving.header("webhook-delivery"));
                exchange.wish_ms =
                    arriving.retry_after().map(|wish| i64::try_from(wish.as_millis()).unwrap_or(i64::MAX));
                // The status has decided; the body is for people, and an endless one is left where it is.
                exchange.attempt.response = beginning(&mut arriving, ends_at).await;
            }
            Err(error) => exchange.attempt.error = Some(error),
        }
        exchange.attempt.duration_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        exchange
    }
}

/// What the owner of an endpoint may know of why it was not reached: nothing of what stands at an address within.
fn refusal(error: &NetError) -> String {
    if error.message.contains("public internet") { "the address is not allowed".to_owned() } else { error.to_string() }
}

/// The first bytes of an answer, as text.
async fn beginning(arriving: &mut Arriving, ends_at: tokio::time::Instant) -> String {
    let mut kept: Vec<u8> = Vec::new();
    while kept.len() < KEPT_OF_ANSWER {
        match tokio::time::timeout_at(ends_at, arriving.chunk()).await {
            Ok(Ok(Some(piece))) => {
                kept.extend(piece.iter().take(KEPT_OF_ANSWER - kept.len()));
            }
            _ => break,
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// A request as its owner may read it: without signatures, and without what often is a password in an address.
fn described(url: &str, headers: &[(&str, &str)]) -> String {
    let (place, query) = url.split_once('?').map_or((url, ""), |(place, _)| (place, "?[…]"));
    let mut text = format!("POST {place}{query}");
    for (name, value) in headers {
        let value = if *name == "webhook-signature" { "[…]" } else { value };
        text.push_str(&format!("\n{name}: {value}"));
    }
    text
}

const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered => "delivered",
        Outcome::Retry { .. } => "retry",
        Outcome::Unwanted => "unwanted",
        Outcome::Gone => "gone",
    }
}

#[cfg(test)]
mod tests {
    use super::described;

    #[test]
    fn neither_signatures_nor_passwords_in_addresses_are_shown() {
        let headers = [("webhook-id", "1"), ("webhook-signature", "v1,secret")];
        let text = described("https://example.com/hook?token=secret", &headers);
        assert_eq!(text, "POST https://example.com/hook?[…]\nwebhook-id: 1\nwebhook-signature: […]");
        assert_eq!(described("https://example.com/hook", &[]), "POST https://example.com/hook");
    }
}
