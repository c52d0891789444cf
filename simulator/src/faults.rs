//! Faults: rules that make the vendor slow, broken, forgetful or double. They decide; others carry them out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::mix;

/// What a rule applies to. An absent member matches everything.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Matcher {
    /// `whatsapp`, `messenger`, `instagram`, `twilio`, `email` or `model`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// `send`, `mark_read`, `media`, `templates`, `node`, `subscribe`, `model`; of webhooks `inbound`, `receipts`,
    /// `echoes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// A piece of the request's path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A piece of the request's body, such as a customer's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
}

/// An answer in place of the real one.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FakeAnswer {
    /// HTTP status; by default the one that goes with `code`, else 500.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<u16>,
    /// The vendor's error code; the body is then the vendor's error with its usual words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// The subcode beside it, on Messenger and Instagram.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subcode: Option<i64>,
    /// Replaces `error_data.details`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// The whole body: a text goes out as HTML, anything else as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Value of a `Retry-After` header, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// How slowly a body leaves.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Drip {
    /// Bytes at a time.
    pub bytes: usize,
    /// Milliseconds between pieces.
    pub every_ms: u64,
}

impl Default for Drip {
    fn default() -> Self {
        Self { bytes: 16, every_ms: 50 }
    }
}

/// What a rule does.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The request waits so many milliseconds.
    LatencyMs(u64),
    /// The request is not taken; this answer comes instead.
    Status(FakeAnswer),
    /// The connection closes before the request is taken.
    CutBefore,
    /// The request is taken and booked, then the connection closes without an answer.
    CutAfter,
    /// The answer leaves in small pieces.
    SlowBody(Drip),
    /// Every webhook goes out so many more times.
    DuplicateWebhooks(u32),
    /// Webhooks are held back for a random time up to so many milliseconds each, so that they overtake each other.
    ReorderWebhooks(u64),
    /// Receipts come so many milliseconds later.
    DelayReceipts(u64),
    /// Receipts never come.
    DropReceipts,
    /// The first receipt is delivered before the send call is answered.
    ReceiptsBeforeAnswer,
    /// The send is accepted and then a `failed` status with this code follows.
    FailReceipt(i64),
}

impl Action {
    /// Whether the action is about webhooks rather than about requests.
    fn is_for_webhooks(&self) -> bool {
        matches!(
            self,
            Self::DuplicateWebhooks(_) | Self::ReorderWebhooks(_) | Self::DelayReceipts(_) | Self::DropReceipts
        )
    }
}

/// How often a rule applies: a number, or `"forever"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Times {
    /// So many more times.
    Count(u64),
    /// Until the rules are replaced.
    Forever(Forever),
}

/// The word `"forever"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forever {
    /// Without end.
    Forever,
}

/// One rule as the control API takes and shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What it applies to.
    #[serde(default, rename = "match")]
    pub matcher: Matcher,
    /// What it does.
    pub action: Action,
    /// How often; without end when absent.
    #[serde(default = "forever")]
    pub times: Times,
    /// Chance of each application, from 0 to 1.
    #[serde(default = "always")]
    pub probability: f64,
    /// Seed of the chance, so that a run can be repeated.
    #[serde(default)]
    pub seed: u64,
    /// How often it has been applied.
    #[serde(default)]
    pub applied: u64,
    #[serde(default, skip_serializing)]
    rolls: u64,
}

fn forever() -> Times {
    Times::Forever(Forever::Forever)
}

fn always() -> f64 {
    1.0
}

/// What is known of a request or a webhook when the rules are asked.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub vendor: &'a str,
    pub kind: &'a str,
    pub path: &'a str,
    pub body: &'a [u8],
}

impl Rule {
    fn matches(&self, facts: &Facts<'_>) -> bool {
        let same = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        same(&self.matcher.vendor, facts.vendor)
            && same(&self.matcher.kind, facts.kind)
            && self.matcher.path.as_deref().is_none_or(|piece| facts.path.contains(piece))
            && self.matcher.contains.as_deref().is_none_or(|piece| {
                piece.is_empty() || facts.body.windows(piece.len()).any(|window| window == piece.as_bytes())
            })
    }

    /// Whether the rule applies this time; counts when it does.
    fn draw(&mut self) -> bool {
        if self.times == Times::Count(0) {
            return false;
        }
        self.rolls += 1;
        #[expect(clippy::cast_precision_loss, reason = "53 bits are kept, which a double holds exactly")]
        let chance = (mix(self.seed ^ mix(self.rolls)) >> 11) as f64 / (1_u64 << 53) as f64;
        if chance >= self.probability {
            return false;
        }
        if let Times::Count(left) = &mut self.times {
            *left -= 1;
        }
        self.applied += 1;
        true
    }
}

/// The rules in force.
#[derive(Debug, Default)]
pub struct Faults {
    any: AtomicBool,
    rules: Mutex<Vec<Rule>>,
}

impl Faults {
    pub fn set(&self, rules: Vec<Rule>) {
        self.any.store(!rules.is_empty(), Ordering::Release);
        *self.rules.lock().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    pub fn list(&self) -> Vec<Rule> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether there are rules at all: the cheap question of the hot path.
    pub fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    fn drawn(&self, facts: &Facts<'_>, webhooks: bool) -> Vec<Action> {
        if !self.any() {
            return Vec::new();
        }
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        rules
            .iter_mut()
            .filter(|rule| rule.action.is_for_webhooks() == webhooks && rule.matches(facts))
            .filter_map(|rule| rule.draw().then(|| rule.action.clone()))
            .collect()
    }

    /// The actions that apply to this request.
    pub fn for_request(&self, facts: &Facts<'_>) -> Vec<Action> {
        self.drawn(facts, false)
    }

    /// The actions that apply to this webhook.
    pub fn for_webhook(&self, facts: &Facts<'_>) -> Vec<Action> {
        self.drawn(facts, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: Facts<'_> =
        Facts { vendor: "whatsapp", kind: "send", path: "/v24.0/1/messages", body: b"{\"to\":\"1\"}" };

    fn rules(text: &str) -> Faults {
        let faults = Faults::default();
        faults.set(serde_json::from_str(text).expect("rules"));
        faults
    }

    #[test]
    fn a_rule_applies_as_often_as_it_says() {
        let faults = rules(r#"[{"match":{"kind":"send"},"action":"cut_after","times":2}]"#);
        let applied = (0..5).filter(|_| !faults.for_request(&FACTS).is_empty()).count();
        assert_eq!(applied, 2);
        assert_eq!(faults.list()[0].applied, 2);
    }

    #[test]
    fn chance_repeats_with_its_seed() {
        let draw = || {
            let faults = rules(r#"[{"action":{"latency_ms":1},"probability":0.3,"seed":7,"times":"forever"}]"#);
            (0..200).map(|_| !faults.for_request(&FACTS).is_empty()).collect::<Vec<_>>()
        };
        assert_eq!(draw(), draw());
        let hits = draw().into_iter().filter(|hit| *hit).count();
        assert!((30..90).contains(&hits), "{hits} of 200");
    }

    #[test]
    fn every_member_of_the_matcher_counts() {
        for (matcher, applies) in [
            (r#"{"vendor":"model"}"#, false),
            (r#"{"kind":"media"}"#, false),
            (r#"{"path":"/media"}"#, false),
            (r#"{"contains":"\"to\":\"2\""}"#, false),
            (r#"{"vendor":"whatsapp","kind":"send","path":"/messages","contains":"to"}"#, true),
            ("{}", true),
        ] {
            let faults = rules(&format!(r#"[{{"match":{matcher},"action":"cut_before"}}]"#));
            assert_eq!(!faults.for_request(&FACTS).is_empty(), applies, "{matcher}");
        }
    }

    #[test]
    fn webhook_actions_do_not_touch_requests() {
        let faults = rules(r#"[{"action":{"duplicate_webhooks":1}},{"action":"cut_before"}]"#);
        assert!(matches!(faults.for_request(&FACTS)[..], [Action::CutBefore]));
        assert!(matches!(faults.for_webhook(&FACTS)[..], [Action::DuplicateWebhooks(1)]));
    }
}
