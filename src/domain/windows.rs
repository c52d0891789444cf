//! The messaging window: how long after a person's last message a channel lets us write freely.

use serde::Serialize;
use switchboard_channels::contract::capabilities::WindowRule;
use switchboard_channels::contract::outbound::Right;

use super::messages::AuthorKind;

/// Vendors count the window themselves and their clock is not ours, so we stop this much earlier, in milliseconds.
pub const SAFETY_MARGIN_MS: i64 = 60_000;

/// A window as it stands at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WindowState {
    /// Free-form messages pass.
    Open,
    /// Only templates pass.
    Closed,
    /// The channel has no such rule.
    None,
}

/// What the API shows of a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Window {
    /// Open, closed, or none for channels without the rule.
    pub state: WindowState,
    /// Unix milliseconds at which it closes or closed; null where there is none or nobody has written yet.
    pub expires_at: Option<i64>,
}

/// Where the clock stands after a message of `at` (vendor's time), received at `now`. A late delivery never moves it
/// back, and a vendor clock that runs ahead never opens it longer than from now.
#[must_use]
pub fn renew(rule: WindowRule, current: Option<i64>, at: Option<i64>, now: i64) -> Option<i64> {
    match rule {
        WindowRule::None => None,
        WindowRule::SinceLastInbound { length_ms, .. } => {
            let from = at.unwrap_or(now).min(now);
            Some(current.unwrap_or(i64::MIN).max(from.saturating_add(length_ms)))
        }
    }
}

/// Whether a window that ends then is closed for us at `now`.
#[must_use]
pub const fn is_over(expires_at: i64, now: i64) -> bool {
    now >= expires_at.saturating_sub(SAFETY_MARGIN_MS)
}

/// The window at `now`.
#[must_use]
pub fn at(rule: WindowRule, expires_at: Option<i64>, now: i64) -> Window {
    match rule {
        WindowRule::None => Window { state: WindowState::None, expires_at: None },
        WindowRule::SinceLastInbound { .. } => {
            let open = expires_at.is_some_and(|end| !is_over(end, now));
            Window { state: if open { WindowState::Open } else { WindowState::Closed }, expires_at }
        }
    }
}

/// By which right a free-form message of this author goes out at `now`; `None`: by none.
#[must_use]
pub fn right(rule: WindowRule, expires_at: Option<i64>, now: i64, author: AuthorKind) -> Option<Right> {
    let WindowRule::SinceLastInbound { length_ms, human_length_ms } = rule else { return Some(Right::Window) };
    if at(rule, expires_at, now).state == WindowState::Open {
        return Some(Right::Window);
    }
    let longer = human_length_ms.filter(|_| author == AuthorKind::Human)?;
    let end = expires_at?.saturating_add(longer - length_ms);
    (now < end.saturating_sub(SAFETY_MARGIN_MS)).then_some(Right::HumanAgent)
}

#[cfg(test)]
mod tests {
    use switchboard_channels::contract::outbound::Right;

    use super::super::messages::AuthorKind;
    use super::{Window, WindowState, at, renew, right};
    use switchboard_channels::contract::capabilities::WindowRule;

    const DAY: i64 = 24 * 60 * 60 * 1_000;
    const RULE: WindowRule = WindowRule::SinceLastInbound { length_ms: DAY, human_length_ms: Some(7 * DAY) };

    #[test]
    fn the_vendors_time_counts_and_never_moves_back() {
        let cases: [(Option<i64>, Option<i64>, i64, i64); 5] = [
            (None, Some(1_000), 5_000, 1_000 + DAY),
            (None, None, 5_000, 5_000 + DAY),
            (Some(9_000 + DAY), Some(1_000), 10_000, 9_000 + DAY),
            (None, Some(99_000), 5_000, 5_000 + DAY),
            (Some(1_000 + DAY), Some(4_000), 5_000, 4_000 + DAY),
        ];
        for (current, sent, now, expected) in cases {
            assert_eq!(renew(RULE, current, sent, now), Some(expected), "{current:?} {sent:?} {now}");
        }
        assert_eq!(renew(WindowRule::None, Some(1), Some(2), 3), None);
    }

    #[test]
    fn people_have_longer_and_agents_do_not() {
        let cases = [
            (DAY - 60_001, AuthorKind::Agent, Some(Right::Window)),
            (DAY, AuthorKind::Agent, None),
            (DAY, AuthorKind::System, None),
            (DAY, AuthorKind::Human, Some(Right::HumanAgent)),
            (7 * DAY - 60_001, AuthorKind::Human, Some(Right::HumanAgent)),
            (7 * DAY - 60_000, AuthorKind::Human, None),
        ];
        for (now, author, expected) in cases {
            assert_eq!(right(RULE, Some(DAY), now, author), expected, "{now} {author:?}");
        }
        assert_eq!(right(RULE, None, 0, AuthorKind::Human), None);
        assert_eq!(right(WindowRule::None, None, 0, AuthorKind::Agent), Some(Right::Window));
    }

    #[test]
    fn it_closes_a_minute_early() {
        let state = |expires_at, now| at(RULE, expires_at, now).state;
        assert_eq!(state(Some(DAY), DAY - 60_001), WindowState::Open);
        assert_eq!(state(Some(DAY), DAY - 60_000), WindowState::Closed);
        assert_eq!(state(None, 0), WindowState::Closed);
        assert_eq!(at(WindowRule::None, Some(5), 9), Window { state: WindowState::None, expires_at: None });
    }
}
