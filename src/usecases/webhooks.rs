//! A workspace's webhook endpoints: made, changed, enabled, tested and removed, and what they are told again. How they
//! are told is in `delivering`.

pub mod delivering;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::Sha256;
use switchboard_channels::contract::credentials::Secret;
use url::Url;

use super::Switchboard;
use super::channels::Unchanged;
use crate::domain::changes::Idempotency;
use crate::domain::errors::FieldProblem;
use crate::domain::events;
use crate::domain::webhooks::{self, Endpoint, EndpointState, MOST_SECRETS, SigningSecret};
use crate::net::Client;
use crate::store::webhooks::StoredDelivery;
use crate::telemetry::chance;

/// Deliveries a second, where the endpoint's owner says nothing.
pub const USUAL_RATE: i64 = 50;
/// The most deliveries a second.
pub const HIGHEST_RATE: i64 = 1_000;
/// How long an attempt may take, where the endpoint's owner says nothing, in milliseconds.
pub const USUAL_TIMEOUT_MS: i64 = 15_000;
/// How long an attempt may take, in milliseconds.
pub const TIMEOUTS_MS: std::ops::RangeInclusive<i64> = 1_000..=30_000;
/// How long a replaced secret goes on signing, where nobody says otherwise, in seconds: a day.
pub const USUAL_OVERLAP: i64 = 24 * 60 * 60;
/// The longest that it may, in seconds: a week.
pub const LONGEST_OVERLAP: i64 = 7 * 24 * 60 * 60;
/// Longest address, in characters.
const LONGEST_URL: usize = 2_000;
/// Longest description, in characters.
const LONGEST_DESCRIPTION: usize = 500;
/// Endpoints that a workspace may have.
const MOST_ENDPOINTS: i64 = 100;
/// Events of a range that may be told again at once.
pub const LARGEST_RANGE: i64 = 10_000;

/// What an endpoint shall be like; what is none stays, or is as usual.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Where deliveries go.
    pub url: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// The words of the events; none inside: all.
    pub events: Option<Vec<String>>,
    /// One agent's events only; inside, none: every agent's.
    pub agent_id: Option<Option<String>>,
    /// Deliveries a second.
    pub rate: Option<i64>,
    /// How long an attempt may take, in milliseconds.
    pub timeout_ms: Option<i64>,
}

/// Which events an endpoint shall be told again.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    /// From this number on.
    pub from: i64,
    /// Up to this number; none: the newest.
    pub to: Option<i64>,
    /// Those, too, that were delivered or wait.
    pub all: bool,
}

impl Switchboard {
    /// Makes an endpoint of the workspace, which is told of what happens from now on. Gives it, and whether it was made
    /// before under the same key.
    ///
    /// # Errors
    /// See [`Unchanged`].
    pub async fn create_webhook(
        &self,
        workspace_id: &str,
        wanted: Wanted,
        secret: Option<Secret>,
        key: Option<String>,
        client: &Client,
    ) -> Result<(Endpoint, bool), Unchanged> {
        let under = key.map(|key| self.asked_under(key, &wanted, secret.as_ref()));
        if let Some(earlier) = self.webhook_made_before(workspace_id, under.as_ref()).await? {
            return Ok((earlier, true));
        }
        let mut problems = self.webhook_problems(workspace_id, &wanted, client).await?;
        problems.extend(secret_problem(secret.as_ref()));
        if wanted.url.is_none() {
            problems.push(FieldProblem::new("url", "the address that is told"));
        }
        if !problems.is_empty() {
            return Err(Unchanged::Fields(problems));
        }
        if self.store.webhook_endpoints(workspace_id, 0, 0).await?.1 >= MOST_ENDPOINTS {
            return Err(Unchanged::Conflict(format!("a workspace has at most {MOST_ENDPOINTS} endpoints")));
        }
        let now = self.now();
        let blank = Endpoint {
            id: self.store.clock().id(),
            workspace_id: workspace_id.to_owned(),
            url: String::new(),
            description: String::new(),
            events: Vec::new(),
            agent_id: None,
            secrets: vec![SigningSecret { secret: given_or_made(secret)?, until: None }],
            rate: USUAL_RATE,
            timeout_ms: USUAL_TIMEOUT_MS,
            state: EndpointState::Active,
            disabled_reason: None,
            event_seq: 0,
            failures: 0,
            failing_since: None,
            paused_until: None,
            last_success_at: None,
            created_at: now,
            updated_at: now,
        };
        let endpoint = wanted.applied_to(blank);
        match self.store.add_webhook_endpoint(&endpoint, under.as_ref()).await {
            Ok(event_seq) => Ok((Endpoint { event_seq, ..endpoint }, false)),
            Err(error) if error.is_taken() => {
                let earlier = self.webhook_made_before(workspace_id, under.as_ref()).await?;
                earlier.map(|earlier| (earlier, true)).ok_or(Unchanged::KeyMismatch)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Changes an endpoint of the workspace.
    ///
    /// # Errors
    /// See [`Unchanged`].
    pub async fn amend_webhook(
        &self,
        workspace_id: &str,
        id: &str,
        wanted: Wanted,
        client: &Client,
    ) -> Result<Endpoint, Unchanged> {
        let problems = self.webhook_problems(workspace_id, &wanted, client).await?;
        if !problems.is_empty() {
            return Err(Unchanged::Fields(problems));
        }
        let amended = |endpoint| Ok::<_, Unchanged>(wanted.applied_to(endpoint));
        self.store.change_webhook_endpoint(workspace_id, id, amended).await?.ok_or(Unchanged::Unknown)?
    }

    /// Gives an endpoint a new secret. The one before signs beside it for a while, so that the receiver can change over
    /// without losing a delivery.
    ///
    /// # Errors
    /// See [`Unchanged`].
    pub async fn rotate_webhook(
        &self,
        workspace_id: &str,
        id: &str,
        secret: Option<Secret>,
        overlap_seconds: Option<i64>,
    ) -> Result<Endpoint, Unchanged> {
        let overlap = overlap_seconds.unwrap_or(USUAL_OVERLAP);
        let mut problems: Vec<_> = secret_problem(secret.as_ref()).into_iter().collect();
        if !(0..=LONGEST_OVERLAP).contains(&overlap) {
            problems.push(FieldProblem::new("overlap_seconds", format!("seconds: 0 to {LONGEST_OVERLAP}")));
        }
        if !problems.is_empty() {
            return Err(Unchanged::Fields(problems));
        }
        let (secret, now) = (given_or_made(secret)?, self.now());
        let until = now.saturating_add(overlap * 1_000);
        let rotated = |endpoint: Endpoint| {
            let reason = || Unchanged::Conflict(format!("{MOST_SECRETS} secrets sign already; wait until one ends"));
            let secrets = endpoint.rotated(secret.clone(), until, now).ok_or_else(reason)?;
            Ok::<_, Unchanged>(Endpoint { secrets, ..endpoint })
        };
        self.store.change_webhook_endpoint(workspace_id, id, rotated).await?.ok_or(Unchanged::Unknown)?
    }

    /// Lets an endpoint be told of what happens from now on, whatever stopped it.
    ///
    /// # Errors
    /// See [`Unchanged`].
    pub async fn enable_webhook(&self, workspace_id: &str, id: &str) -> Result<Endpoint, Unchanged> {
        if !self.store.enable_webhook_endpoint(workspace_id, id).await? {
            return Err(Unchanged::Unknown);
        }
        self.store.webhook_endpoint(workspace_id, id).await?.ok_or(Unchanged::Unknown)
    }

    /// Makes a delivery due again, with all its attempts.
    ///
    /// # Errors
    /// See [`Unchanged`].
    pub async fn redeliver_webhook(&self, workspace_id: &str, id: &str) -> Result<StoredDelivery, Unchanged> {
        let known = self.store.webhook_delivery(workspace_id, id).await?.ok_or(Unchanged::Unknown)?;
        if !self.store.redeliver_webhook(workspace_id, id).await? {
            return Err(disabled());
        }
        Ok(self.store.webhook_delivery(workspace_id, id).await?.unwrap_or(known))
    }

    /// Tells an endpoint again of what happened in a range of the event sequence: what failed, or all of it, and what it
    /// never was told of though it wants it. Gives how many deliveries are due.
    ///
    /// # Errors
    /// See [`Unchanged`].
    pub async fn redeliver_webhook_range(&self, workspace_id: &str, id: &str, range: Range) -> Result<u64, Unchanged> {
        let endpoint = self.store.webhook_endpoint(workspace_id, id).await?.ok_or(Unchanged::Unknown)?;
        if endpoint.state != EndpointState::Active {
            return Err(disabled());
        }
        // What has not become a delivery yet does so by itself.
        let to = range.to.unwrap_or(endpoint.event_seq).min(endpoint.event_seq);
        if to - range.from >= LARGEST_RANGE {
            let expected = format!("at most {LARGEST_RANGE} events at once: up to {}", range.from + LARGEST_RANGE - 1);
            return Err(Unchanged::Fields(vec![FieldProblem::new("to", expected)]));
        }
        let mut since = range.from - 1;
        let mut due = 0;
        loop {
            let (deliveries, reached) = self.webhook_page(&endpoint, since, to).await?;
            if reached <= since {
                return Ok(due);
            }
            since = reached;
            if !deliveries.is_empty() {
                due += self.store.redeliver_webhook_events(&endpoint, &deliveries, range.all).await?;
            }
        }
    }

    async fn webhook_problems(
        &self,
        workspace_id: &str,
        wanted: &Wanted,
        client: &Client,
    ) -> Result<Vec<FieldProblem>, Unchanged> {
        let mut problems = Vec::new();
        if let Some(url) = &wanted.url {
            problems.extend(url_problem(url, client).await);
        }
        if wanted
            .description
            .as_ref()
            .is_some_and(|text| text.chars().count() > LONGEST_DESCRIPTION || text.contains('\0'))
        {
            problems.push(FieldProblem::new(
                "description",
                format!("at most {LONGEST_DESCRIPTION} characters, without NUL"),
            ));
        }
        for (at, event) in wanted.events.iter().flatten().enumerate() {
            if events::word(event).is_none() {
                let expected = format!("one of: {}", events::WORDS.join(", "));
                problems.push(FieldProblem::new(format!("events[{at}]"), expected));
            }
        }
        if wanted.rate.is_some_and(|rate| !(1..=HIGHEST_RATE).contains(&rate)) {
            problems.push(FieldProblem::new("rate_per_second", format!("1 to {HIGHEST_RATE}")));
        }
        if wanted.timeout_ms.is_some_and(|timeout| !TIMEOUTS_MS.contains(&timeout)) {
            let expected = format!("{} to {} milliseconds", TIMEOUTS_MS.start(), TIMEOUTS_MS.end());
            problems.push(FieldProblem::new("timeout_ms", expected));
        }
        if let Some(Some(agent_id)) = &wanted.agent_id {
            let agents = self.store.agent_names(workspace_id).await?;
            if !agents.iter().any(|(id, _)| id == agent_id) {
                problems.push(FieldProblem::absent("agent_id", "the id of an agent of this workspace"));
            }
        }
        Ok(problems)
    }

    /// The key with a code over what is asked. It is keyed, because what is asked may hold secrets.
    fn asked_under(&self, key: String, wanted: &Wanted, secret: Option<&Secret>) -> Idempotency {
        let asked = json!([
            "webhook endpoint",
            wanted.url,
            wanted.description,
            wanted.events,
            wanted.agent_id,
            wanted.rate,
            wanted.timeout_ms,
            secret.map(Secret::reveal),
        ]);
        let code = Hmac::<Sha256>::new_from_slice(&self.options.token_key).map(|mut mac| {
            mac.update(asked.to_string().as_bytes());
            hex::encode(mac.finalize().into_bytes())
        });
        Idempotency { key, request_hash: code.unwrap_or_default(), result_id: String::new() }
    }

    async fn webhook_made_before(
        &self,
        workspace_id: &str,
        wanted: Option<&Idempotency>,
    ) -> Result<Option<Endpoint>, Unchanged> {
        let Some(wanted) = wanted else { return Ok(None) };
        let Some(earlier) = self.store.idempotency(workspace_id, &wanted.key).await? else { return Ok(None) };
        if earlier.request_hash != wanted.request_hash {
            return Err(Unchanged::KeyMismatch);
        }
        self.store.webhook_endpoint(workspace_id, &earlier.result_id).await?.map(Some).ok_or(Unchanged::KeyMismatch)
    }
}

impl Wanted {
    fn applied_to(&self, endpoint: Endpoint) -> Endpoint {
        let mut events = self.events.clone().unwrap_or(endpoint.events);
        events.sort();
        events.dedup();
        Endpoint {
            url: self.url.clone().unwrap_or(endpoint.url),
            description: self.description.clone().unwrap_or(endpoint.description),
            events,
            agent_id: self.agent_id.clone().unwrap_or(endpoint.agent_id),
            rate: self.rate.unwrap_or(endpoint.rate),
            timeout_ms: self.timeout_ms.unwrap_or(endpoint.timeout_ms),
            ..endpoint
        }
    }
}

fn disabled() -> Unchanged {
    Unchanged::Conflict("the endpoint is disabled; enable it first".to_owned())
}

fn given_or_made(secret: Option<Secret>) -> Result<Secret, Unchanged> {
    match secret {
        Some(secret) => Ok(secret),
        None => chance::bytes()
            .map(|random| webhooks::secret(&random))
            .map_err(|error| Unchanged::Unavailable(error.to_string())),
    }
}

fn secret_problem(secret: Option<&Secret>) -> Option<FieldProblem> {
    let bad = secret.is_some_and(|secret| webhooks::key_of(secret.reveal()).is_none());
    bad.then(|| FieldProblem::new("secret", "whsec_ and the base64 of 24 to 64 random bytes"))
}

/// An address is judged by its parsed form, and by where its name leads now; where it leads later is judged when it is
/// called.
async fn url_problem(url: &str, client: &Client) -> Option<FieldProblem> {
    let private = client.allows_private_addresses();
    let expected = if private { "an http or https address" } else { "an https address on the public internet" };
    let problem = |why: &str| Some(FieldProblem::new("url", format!("{expected}: {why}")));
    if url.len() > LONGEST_URL {
        return problem(&format!("it is longer than {LONGEST_URL} characters"));
    }
    let Ok(parsed) = Url::parse(url) else { return problem("it cannot be read") };
    match parsed.scheme() {
        "https" => {}
        "http" if private => {}
        _ => return problem("its scheme is another"),
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return problem("it carries a user name or a password");
    }
    if parsed.fragment().is_some() || parsed.port() == Some(0) || parsed.host_str().is_none_or(str::is_empty) {
        return problem("it has a fragment, no port or no host");
    }
    match client.check_entered(url).await {
        Ok(()) => None,
        Err(error) => problem(&error.to_string()),
    }
}
