//! Outbound webhooks: which endpoint is told of what, how a delivery is written and signed, and what follows from an
//! answer. The signature is that of Standard Webhooks, so that any of its libraries verifies it.

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::Sha256;
use switchboard_channels::contract::credentials::Secret;

/// The event that a test sends; it is in no sequence.
pub const TEST_EVENT: &str = "webhook.test";
/// Every secret starts with this.
const PREFIX: &str = "whsec_";
/// How many random bytes a secret may have.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Secrets that may sign at once.
pub const MOST_SECRETS: usize = 10;
/// Waits before the second and every further attempt, in milliseconds: about three days in all.
const SCHEDULE_MS: [i64; 9] =
    [5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 50_400_000, 72_000_000, 86_400_000];
/// The longest that a receiver may ask us to wait, in milliseconds.
const LONGEST_WISH_MS: i64 = 6 * 60 * 60 * 1_000;
/// Failures in a row after which an endpoint is left alone for a while, and then tried with one delivery at a time.
const FAILURES_TO_PAUSE: i64 = 10;
/// The first such while, in milliseconds; it doubles with every failed try.
const FIRST_PAUSE_MS: i64 = 30_000;
/// The longest such while.
const LONGEST_PAUSE_MS: i64 = 15 * 60 * 1_000;
/// The while after an answer that says that it is too much, in milliseconds.
const BREATHER_MS: i64 = 10_000;
/// An endpoint that has done nothing but fail for so long is disabled, in milliseconds: five days.
const FAILING_TO_DISABLE_MS: i64 = 5 * 24 * 60 * 60 * 1_000;

/// Whether an endpoint is told of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndpointState {
    /// It is.
    Active,
    /// It is not, until somebody enables it.
    Disabled,
}

impl EndpointState {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Active, Self::Disabled].into_iter().find(|state| state.as_str() == word)
    }
}

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It waits for its first or its next attempt.
    Waiting,
    /// The endpoint has taken it.
    Delivered,
    /// It is not tried any more, unless somebody asks for it.
    Failed,
}

impl DeliveryState {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Waiting, Self::Delivered, Self::Failed].into_iter().find(|state| state.as_str() == word)
    }
}

/// What an attempt is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The event itself.
    Event,
    /// Somebody asked for it again.
    Redelivery,
    /// Somebody tests the endpoint.
    Test,
}

impl Cause {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Redelivery => "redelivery",
            Self::Test => "test",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Event, Self::Redelivery, Self::Test].into_iter().find(|cause| cause.as_str() == word)
    }
}

/// A secret that signs deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningSecret {
    /// `whsec_` and base64.
    pub secret: Secret,
    /// Until when it signs, Unix milliseconds; none: it is the one in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

/// An address of a customer that is told of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// UUID.
    pub id: String,
    /// Its workspace.
    pub workspace_id: String,
    /// Where deliveries go.
    pub url: String,
    /// For people.
    pub description: String,
    /// The words of the events that it is told of; none: all.
    pub events: Vec<String>,
    /// One agent's events only.
    pub agent_id: Option<String>,
    /// What signs, the newest first.
    pub secrets: Vec<SigningSecret>,
    /// Deliveries a second.
    pub rate: i64,
    /// The longest that an attempt may take, in milliseconds.
    pub timeout_ms: i64,
    /// Whether it is told anything.
    pub state: EndpointState,
    /// Why not.
    pub disabled_reason: Option<String>,
    /// Every event up to this one has become a delivery where it was wanted.
    pub event_seq: i64,
    /// Failed attempts in a row.
    pub failures: i64,
    /// Since when there are nothing but failures, Unix milliseconds.
    pub failing_since: Option<i64>,
    /// Until when it is left alone, Unix milliseconds.
    pub paused_until: Option<i64>,
    /// Unix milliseconds.
    pub last_success_at: Option<i64>,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds.
    pub updated_at: i64,
}

impl Endpoint {
    /// Whether it is told of an event of this word and agent.
    #[must_use]
    pub fn wants(&self, event: &str, agent_id: Option<&str>) -> bool {
        (self.events.is_empty() || self.events.iter().any(|wanted| wanted == event))
            && self.agent_id.as_deref().is_none_or(|only| agent_id == Some(only))
    }

    /// Deliveries that may be under way at once: an endpoint that keeps failing is tried with one.
    #[must_use]
    pub const fn at_once(&self, usual: usize) -> usize {
        if self.failures >= FAILURES_TO_PAUSE { 1 } else { usual }
    }

    /// Whether it is left alone for now.
    #[must_use]
    pub fn is_paused(&self, now: i64) -> bool {
        self.paused_until.is_some_and(|until| until > now)
    }

    /// The secrets with a new one in front; the one in force before goes on signing until `until`, and what signs no
    /// longer is left out. None when too many would sign.
    #[must_use]
    pub fn rotated(&self, secret: Secret, until: i64, now: i64) -> Option<Vec<SigningSecret>> {
        let mut secrets = vec![SigningSecret { secret, until: None }];
        for old in &self.secrets {
            let until = old.until.unwrap_or(until);
            if until > now {
                secrets.push(SigningSecret { secret: old.secret.clone(), until: Some(until) });
            }
        }
        (secrets.len() <= MOST_SECRETS).then_some(secrets)
    }
}

/// A secret in the usual form, from random bytes.
#[must_use]
pub fn secret(random: &[u8; 32]) -> Secret {
    Secret::new(format!("{PREFIX}{}", STANDARD.encode(random)))
}

/// The key of a secret: what stands behind the prefix, decoded. None for a text that is no secret of 24 to 64 bytes.
#[must_use]
pub fn key_of(secret: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &ALPHABET,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let key = LENIENT.decode(secret.strip_prefix(PREFIX)?).ok()?;
    SECRET_BYTES.contains(&key.len()).then_some(key)
}

/// The value of `webhook-signature`: one signature for every secret that signs now, the newest first.
#[must_use]
pub fn signatures(secrets: &[SigningSecret], id: &str, timestamp: i64, body: &[u8], now: i64) -> String {
    let signing = secrets.iter().filter(|secret| secret.until.is_none_or(|until| until > now));
    let signed = signing.filter_map(|one| signature(one.secret.reveal(), id, timestamp, body));
    signed.collect::<Vec<_>>().join(" ")
}

fn signature(secret: &str, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key_of(secret)?).ok()?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

/// An event on its way to an endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The delivery's id.
    pub id: &'a str,
    /// The event's word.
    pub event: &'a str,
    /// Id and name of the agent that it is about.
    pub agent: Option<(&'a str, Option<&'a str>)>,
    /// When it happened, Unix milliseconds.
    pub at: i64,
    /// The workspace.
    pub workspace_id: &'a str,
    /// Its number in the workspace; a test has none.
    pub seq: Option<i64>,
    /// The snapshot as JSON.
    pub data: &'a RawValue,
}

#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    event: &'a str,
    agent_id: Option<&'a str>,
    agent_name: Option<&'a str>,
    timestamp: String,
    workspace_id: &'a str,
    sequence: Option<i64>,
    data: &'a RawValue,
}

/// The body of a delivery. It is written once: what is stored is what is sent and signed at every attempt.
#[must_use]
pub fn body(told: Told<'_>) -> String {
    let timestamp = jiff::Timestamp::from_millisecond(told.at).map(|at| format!("{at:.3}")).unwrap_or_default();
    let body = Body {
        id: told.id,
        event: told.event,
        agent_id: told.agent.map(|agent| agent.0),
        agent_name: told.agent.and_then(|agent| agent.1),
        timestamp,
        workspace_id: told.workspace_id,
        sequence: told.seq,
        data: told.data,
    };
    serde_json::to_string(&body).unwrap_or_default()
}

/// The agent that an event's snapshot names: it is about that agent, or the agent wrote the message.
#[must_use]
pub fn agent_in(data: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Snapshot {
        agent_id: Option<String>,
        message: Option<Written>,
    }
    #[derive(Deserialize)]
    struct Written {
        author: crate::domain::messages::Author,
    }
    let snapshot: Snapshot = serde_json::from_str(data).ok()?;
    let author = snapshot.message.map(|message| message.author);
    let author = author.filter(|author| author.kind == crate::domain::messages::AuthorKind::Agent);
    snapshot.agent_id.or(author.and_then(|author| author.id))
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint has it.
    Delivered,
    /// It is tried again; `slower`: and the endpoint is given a breather.
    Retry {
        /// The endpoint has too much to do.
        slower: bool,
    },
    /// The endpoint does not want this one.
    Unwanted,
    /// The endpoint wants nothing any more.
    Gone,
}

/// Reads an answer: its status, and what it says in `webhook-delivery`. None: no answer came.
#[must_use]
pub fn outcome(status: Option<u16>, wish: Option<&str>) -> Outcome {
    match (status, wish) {
        (Some(200..=299), _) => Outcome::Delivered,
        (Some(410), _) | (_, Some("disable")) => Outcome::Gone,
        (_, Some("abort-message")) => Outcome::Unwanted,
        (status, _) => Outcome::Retry { slower: matches!(status, Some(429 | 502 | 504)) },
    }
}

/// How long to wait after so many attempts, in milliseconds; none: there were enough. The endpoint's wish counts up to a
/// cap, and `chance` (below 1,000) spreads the attempts by a fifth either way.
#[must_use]
pub fn next_attempt_ms(attempts: i64, wish_ms: Option<i64>, chance: u64) -> Option<i64> {
    let wait = SCHEDULE_MS.get(usize::try_from(attempts.checked_sub(1)?).ok()?)?;
    let spread = wait / 1_000 * (800 + i64::try_from(chance.min(1_000)).unwrap_or_default() * 400 / 1_000);
    Some(spread.max(wish_ms.unwrap_or_default().min(LONGEST_WISH_MS)))
}

/// What a failed attempt means for its endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nothing yet.
    Open,
    /// It is left alone for so many milliseconds.
    Pause(i64),
    /// It is disabled, for this reason.
    Disable(&'static str),
}

/// Judges an endpoint after an attempt that did not succeed: so many `failures` in a row, since `failing_since`.
#[must_use]
pub fn standing(outcome: Outcome, wish_ms: Option<i64>, failures: i64, failing_since: i64, now: i64) -> Standing {
    if outcome == Outcome::Gone {
        return Standing::Disable("the endpoint answered that it wants no more deliveries");
    }
    let over = failures - FAILURES_TO_PAUSE;
    if over >= 0 && now - failing_since >= FAILING_TO_DISABLE_MS {
        return Standing::Disable("every attempt failed for five days");
    }
    if over >= 0 {
        let doubled = FIRST_PAUSE_MS.saturating_mul(1_i64 << over.min(10));
        return Standing::Pause(doubled.min(LONGEST_PAUSE_MS));
    }
    match outcome {
        Outcome::Retry { slower: true } => {
            Standing::Pause(wish_ms.unwrap_or_default().clamp(BREATHER_MS, LONGEST_PAUSE_MS))
        }
        _ => Standing::Open,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn fixture(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn signs_as_the_official_library_does() {
        let vectors = fixture(include_str!("../../tests/fixtures/webhooks/standard-webhooks.json"));
        let mut checked = 0;
        for case in vectors["v1"].as_array().unwrap().iter().filter(|case| case["valid"] == true) {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let (headers, secret) = (&case["headers"], text(&case["secret"]));
            let (Some(id), Some(at)) = (headers["webhook-id"].as_str(), headers["webhook-timestamp"].as_str()) else {
                continue;
            };
            let (Some(body), Ok(at)) = (case["body"].as_str(), at.parse()) else { continue };
            // What we do not hand out ourselves: secrets without the prefix, and of other lengths.
            if key_of(&secret).is_none() {
                continue;
            }
            let own = signature(&secret, id, at, body.as_bytes()).unwrap();
            let listed = text(&headers["webhook-signature"]);
            assert!(listed.split(' ').any(|one| one == own), "{}: {own} is not in {listed}", case["name"]);
            checked += 1;
        }
        assert!(checked >= 8, "{checked} vectors");
    }

    #[test]
    fn only_secrets_of_the_documented_form_are_taken() {
        for (bytes, good) in [(23, false), (24, true), (32, true), (64, true), (65, false)] {
            let text = format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
            assert_eq!(key_of(&text).is_some(), good, "{bytes}");
            assert_eq!(key_of(text.trim_end_matches('=')).is_some(), good, "{bytes} without padding");
        }
        for bad in ["", "whsec_", "whsec_!!!!", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="] {
            assert_eq!(key_of(bad), None, "{bad}");
        }
        assert!(key_of(secret(&[1; 32]).reveal()).is_some());
    }

    #[test]
    fn answers_mean_what_the_table_says() {
        let table = fixture(include_str!("../../tests/fixtures/webhooks/delivery-outcomes.json"));
        for case in table["cases"].as_array().unwrap() {
            let (response, name) = (&case["response"], &case["name"]);
            let status = response["status"].as_u64().map(|status| u16::try_from(status).unwrap());
            let expected = match case["outcome"].as_str().unwrap() {
                "delivered" => Outcome::Delivered,
                "retry" => Outcome::Retry { slower: false },
                "retry_throttled" => Outcome::Retry { slower: true },
                "stop_message" => Outcome::Unwanted,
                "disable_endpoint" => Outcome::Gone,
                other => panic!("{other}"),
            };
            assert_eq!(outcome(status, response["headers"]["webhook-delivery"].as_str()), expected, "{name}");
            if let Some(least) = case["min_delay_s"].as_i64() {
                assert!(next_attempt_ms(1, Some(least * 1_000), 0).unwrap() >= least * 1_000, "{name}");
            }
        }
        let schedule: Vec<i64> = table["schedule_s"].as_array().unwrap().iter().map(|s| s.as_i64().unwrap()).collect();
        assert_eq!(schedule[1..], SCHEDULE_MS.map(|wait| wait / 1_000));
    }

    #[test]
    fn attempts_follow_the_schedule_and_the_endpoints_wish_within_reason() {
        for (attempts, wish, chance, expected) in [
            (1, None, 0, Some(4_000)),
            (1, None, 500, Some(5_000)),
            (1, None, 1_000, Some(6_000)),
            (1, Some(120_000), 0, Some(120_000)),
            (2, Some(1_000), 500, Some(300_000)),
            (1, Some(i64::MAX), 0, Some(LONGEST_WISH_MS)),
            (9, None, 500, Some(86_400_000)),
            (10, None, 500, None),
            (0, None, 500, None),
        ] {
            assert_eq!(next_attempt_ms(attempts, wish, chance), expected, "{attempts} {wish:?} {chance}");
        }
    }

    #[test]
    fn an_endpoint_is_paused_longer_and_longer_and_then_disabled() {
        let retry = Outcome::Retry { slower: false };
        let slower = Outcome::Retry { slower: true };
        let days = FAILING_TO_DISABLE_MS;
        for (outcome, wish, failures, since, expected) in [
            (retry, None, 9, 0, Standing::Open),
            (retry, None, 9, -days, Standing::Open),
            (retry, None, 10, 0, Standing::Pause(30_000)),
            (retry, None, 11, 0, Standing::Pause(60_000)),
            (retry, None, 99, 0, Standing::Pause(LONGEST_PAUSE_MS)),
            (retry, None, 10, -days, Standing::Disable("every attempt failed for five days")),
            (slower, None, 1, 0, Standing::Pause(BREATHER_MS)),
            (slower, Some(60_000), 1, 0, Standing::Pause(60_000)),
            (slower, Some(i64::MAX), 1, 0, Standing::Pause(LONGEST_PAUSE_MS)),
            (Outcome::Unwanted, None, 1, 0, Standing::Open),
        ] {
            assert_eq!(standing(outcome, wish, failures, since, 0), expected, "{outcome:?} {failures}");
        }
        assert!(matches!(standing(Outcome::Gone, None, 1, 0, 0), Standing::Disable(_)));
    }

    #[test]
    fn the_agent_is_found_where_the_snapshot_names_one() {
        let by = |kind: &str| format!(r#"{{"message":{{"author":{{"kind":"{kind}","id":"a1"}}}}}}"#);
        for (data, agent) in [
            (r#"{"agent_id":"a2"}"#.to_owned(), Some("a2")),
            (by("agent"), Some("a1")),
            (by("contact"), None),
            ("{}".to_owned(), None),
            ("null".to_owned(), None),
        ] {
            assert_eq!(agent_in(&data).as_deref(), agent, "{data}");
        }
    }
}
