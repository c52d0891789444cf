//! Retention: after how many days what is forgotten, by class, for a workspace and for single channels of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// How long webhook deliveries are kept where nobody says otherwise.
const WEBHOOK_DELIVERIES_DAYS: i64 = 30;
/// Most days: a hundred years.
pub const MOST_DAYS: i64 = 36_500;

/// What is kept for the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// What was said, with its edits, its files and its place in the search.
    Messages,
    /// Files of messages.
    Files,
    /// What vendors delivered, as it came.
    Deliveries,
    /// The event sequence.
    Events,
    /// What agents' turns did, and what was said to vendors.
    Traces,
    /// What webhook endpoints were told, and their answers.
    WebhookDeliveries,
    /// The audit log.
    Audit,
}

impl Class {
    /// All of them; what messages are made of comes after them.
    pub const ALL: [Self; 7] = [
        Self::Messages,
        Self::Files,
        Self::Deliveries,
        Self::Events,
        Self::Traces,
        Self::WebhookDeliveries,
        Self::Audit,
    ];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Files => "files",
            Self::Deliveries => "deliveries",
            Self::Events => "events",
            Self::Traces => "traces",
            Self::WebhookDeliveries => "webhook_deliveries",
            Self::Audit => "audit",
        }
    }

    /// Whether a channel may have another time than its workspace.
    #[must_use]
    pub const fn is_of_channels(self) -> bool {
        matches!(self, Self::Messages | Self::Files | Self::Deliveries)
    }

    /// Days where nobody says anything; none: for ever.
    const fn default_days(self) -> Option<i64> {
        match self {
            Self::WebhookDeliveries => Some(WEBHOOK_DELIVERIES_DAYS),
            _ => None,
        }
    }
}

/// Days by class; none: for ever. What is not named follows the next wider rule.
pub type Days = BTreeMap<Class, Option<i64>>;

/// What a workspace says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Retention {
    /// For the whole workspace.
    pub days: Days,
    /// For single channels, by their ids.
    pub channels: BTreeMap<String, Days>,
}

impl Retention {
    /// How many days; none: for ever. Without a channel: where the workspace's own rule holds.
    #[must_use]
    pub fn days(&self, class: Class, channel_id: Option<&str>) -> Option<i64> {
        let of_channel =
            channel_id.filter(|_| class.is_of_channels()).and_then(|id| self.channels.get(id)?.get(&class));
        let said = of_channel.or_else(|| self.days.get(&class));
        said.copied().unwrap_or_else(|| class.default_days())
    }

    /// What is older than this is forgotten, Unix milliseconds; none: nothing is.
    #[must_use]
    pub fn before(&self, class: Class, channel_id: Option<&str>, now: i64) -> Option<i64> {
        self.days(class, channel_id).map(|days| now.saturating_sub(days.saturating_mul(DAY_MS)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, Retention};

    #[test]
    fn the_narrower_rule_wins() {
        let text = r#"{"days":{"messages":30,"events":null},"channels":{"a":{"messages":null,"events":1},"b":{}}}"#;
        let rules: Retention = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&rules).unwrap(), text);
        for (class, channel, days) in [
            (Class::Messages, None, Some(30)),
            (Class::Messages, Some("a"), None),
            (Class::Messages, Some("b"), Some(30)),
            (Class::Events, Some("a"), None),
            (Class::Files, None, None),
            (Class::WebhookDeliveries, None, Some(30)),
        ] {
            assert_eq!(rules.days(class, channel), days, "{class:?} {channel:?}");
        }
        assert_eq!(rules.before(Class::Messages, None, 31 * 86_400_000), Some(86_400_000));
    }
}
