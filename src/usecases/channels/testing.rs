//! Whether a channel is well set up, in words for the person who sets it up: what its vendor says, whether its callback
//! address is reached and answered, and when a delivery last came. It changes nothing.

use futures_util::future::join_all;
use serde_json::Value;
use switchboard_channels::contract::request::{Body, Method, Request};
use switchboard_channels::contract::vendor::{Finding, Probe, Vendor};

use super::Unchanged;
use crate::domain::channels::{Channel, ChannelState};
use crate::domain::deliveries::DeliveryOutcome;
use crate::domain::errors::Code;
use crate::net::{Client, Trust};
use crate::usecases::Switchboard;

/// What the challenges of our own handshakes begin with.
const REHEARSAL: &str = "switchboardtest";
/// How long a refused handshake is of interest, in milliseconds.
const REFUSAL_MATTERS_MS: i64 = 60 * 60 * 1_000;
const MINUTE_MS: i64 = 60 * 1_000;

/// Whether an answered challenge was one of ours.
#[must_use]
pub fn is_rehearsal(challenge: &str) -> bool {
    challenge.starts_with(REHEARSAL)
}

impl Switchboard {
    /// Tests a channel of the workspace. `callback` is its address as the internet sees it; none: nobody has said.
    ///
    /// # Errors
    /// See [`Unchanged`].
    pub async fn test_channel(
        &self,
        workspace_id: &str,
        id: &str,
        callback: Option<&str>,
        client: &Client,
    ) -> Result<Vec<Finding>, Unchanged> {
        let channel = self.store.channel(workspace_id, id).await?.ok_or(Unchanged::Unknown)?;
        let mut findings = vec![of_state(&channel)];
        if channel.kind.is_ours() {
            findings.push(fine("there is no vendor to ask: messages travel over our own doors"));
            return Ok(findings);
        }
        let account = self.directory.account(channel.clone()).await?;
        let vendor = match &account.vendor {
            Ok(vendor) => vendor,
            Err(reason) => {
                let remedy = "Set the settings anew, all of them.";
                findings.push(wrong(format!("the settings cannot be read: {reason}"), remedy));
                return Ok(findings);
            }
        };
        let problems = vendor.check().into_iter();
        findings.extend(problems.map(|problem| {
            wrong(format!("the setting {} cannot work", problem.field), format!("Set it to {}.", problem.expected))
        }));
        findings.extend(self.of_refused_handshake(&channel));
        let (probes, way_out) = (vendor.probes(), account.way_out(client));
        let asked =
            join_all(probes.iter().enumerate().map(|(place, probe)| ask(vendor.as_ref(), place, probe, way_out)));
        let (answers, reached) = tokio::join!(asked, self.of_callback(vendor.as_ref(), callback, client));
        findings.extend(answers);
        findings.push(reached);
        findings.push(self.of_deliveries(&channel).await?);
        Ok(findings)
    }

    /// Calls the callback address as the vendor would, from here.
    async fn of_callback(&self, vendor: &dyn Vendor, callback: Option<&str>, client: &Client) -> Finding {
        let Some(callback) = callback else {
            return wrong(
                "this installation does not know its public address, so no vendor can be told where to deliver",
                "Set public_url (SWITCHBOARD__PUBLIC_URL) to the https address at which the internet reaches this gateway, \
                 and start the gateway anew.",
            );
        };
        let challenge = format!("{REHEARSAL}{}", self.store.clock().id().replace('-', ""));
        let handshake = vendor.handshake_request(callback, &challenge);
        let shakes = handshake.is_some();
        let unsigned =
            || Request { method: Method::Get, url: callback.to_owned(), authorisation: None, body: Body::Empty };
        let request = handshake.unwrap_or_else(unsigned);
        let answer = match client.trusting(Trust::Outside).send(&request, None).await {
            Ok(answer) => answer,
            Err(error) => {
                let remedy = "Let the internet reach this gateway there: check the name in DNS, the certificate, the firewall \
                              and the proxy, and that public_url is right. If others do reach it, only this machine cannot \
                              reach itself by its public name, and the vendor will.";
                return wrong(format!("the callback address {callback} is not reached: {error}"), remedy);
            }
        };
        match (shakes, refusal(&answer.body)) {
            (true, _) if answer.body == challenge.as_bytes() => {
                fine(format!("the callback address {callback} is reached and accepts the verify token"))
            }
            (true, Some(code)) if code == Code::Forbidden.as_str() => wrong(
                format!("a gateway answers at {callback}, but it does not accept this channel's verify token"),
                "Another installation, or one with another database, answers there: correct public_url or the proxy.",
            ),
            (false, Some(code))
                if [Code::InvalidSignature.as_str(), Code::Forbidden.as_str()].contains(&code.as_str()) =>
            {
                fine(format!("the callback address {callback} is reached, and turns away what is not signed"))
            }
            (_, Some(code)) if code == Code::Unavailable.as_str() => wrong(
                format!("a gateway answers at {callback}, but it cannot serve just now"),
                "Look at its log and its database; then test again.",
            ),
            _ => wrong(
                format!("something else than this gateway answers at {callback}, with status {}", answer.status),
                "Let the proxy pass everything under /api/webhooks/ on to this gateway, path and query as they are, and \
                 check that public_url is right.",
            ),
        }
    }

    /// A handshake with another verify token, which tells that the vendor was given a wrong one.
    fn of_refused_handshake(&self, channel: &Channel) -> Option<Finding> {
        let refused = self.directory.refused_handshake(channel.kind, &channel.id)?;
        let since = self.now() - refused;
        (since < REFUSAL_MATTERS_MS).then(|| {
            wrong(
                format!("a handshake was refused {}, because its verify token was another one", ago(since)),
                "At the vendor, where the callback address is entered, enter exactly the channel's verify_token and save; or \
                 set verify_token here to what stands there.",
            )
        })
    }

    async fn of_deliveries(&self, channel: &Channel) -> Result<Finding, Unchanged> {
        let newest = self.store.newest_delivery(&channel.workspace_id, &channel.id).await?;
        Ok(match newest {
            None => fine("no delivery has come yet: write to the account from outside to see one"),
            Some((at, DeliveryOutcome::DeadLetter)) => wrong(
                format!("the last delivery came {}, and could not be handled", ago(self.now() - at)),
                "Look at it under /api/deliveries?outcome=dead_letter, mend what it names, and redeliver it.",
            ),
            Some((at, _)) => fine(format!("the last delivery came {}", ago(self.now() - at))),
        })
    }
}

/// Asks the vendor one of its questions.
async fn ask(vendor: &dyn Vendor, place: usize, probe: &Probe, client: &Client) -> Finding {
    let found = match client.send(&probe.request, None).await {
        Ok(answer) => vendor.finding(place, answer.status, &answer.body),
        Err(error) => wrong(
            format!("the vendor is not reached: {error}"),
            "Check base_url in the settings, and that this machine's DNS and firewall let it out; then test again.",
        ),
    };
    let what = if found.ok { format!("{}: {}", probe.about, found.what) } else { found.what };
    Finding { what, ..found }
}

fn of_state(channel: &Channel) -> Finding {
    let reason = channel.state_reason.as_deref().unwrap_or("nobody said why");
    match channel.state {
        ChannelState::Active => fine("the channel receives and sends"),
        ChannelState::Paused => fine(format!("the channel receives; its sends wait until it is resumed ({reason})")),
        ChannelState::Stopped => wrong(
            format!("the vendor refused the channel, and its sends wait: {reason}"),
            "Mend what the reason names, then resume the channel: what waits leaves.",
        ),
    }
}

/// The word in our own envelope of a failure, if that is what the answer is.
fn refusal(body: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    answer.pointer("/error/code")?.as_str().map(str::to_owned)
}

fn ago(ms: i64) -> String {
    let count = |number: i64, unit: &str| format!("{number} {unit}{} ago", if number == 1 { "" } else { "s" });
    match ms / MINUTE_MS {
        ..1 => "less than a minute ago".to_owned(),
        minutes @ 1..60 => count(minutes, "minute"),
        minutes @ 60..2_880 => count(minutes / 60, "hour"),
        minutes => count(minutes / 1_440, "day"),
    }
}

fn fine(what: impl Into<String>) -> Finding {
    Finding { ok: true, what: what.into(), remedy: None }
}

fn wrong(what: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { ok: false, what: what.into(), remedy: Some(remedy.into()) }
}

#[cfg(test)]
mod tests {
    use super::ago;

    #[test]
    fn times_are_told_in_the_unit_that_fits() {
        let minute = 60_000;
        let cases = [
            (0, "less than a minute ago"),
            (minute, "1 minute ago"),
            (59 * minute, "59 minutes ago"),
            (90 * minute, "1 hour ago"),
            (47 * 60 * minute, "47 hours ago"),
            (48 * 60 * minute, "2 days ago"),
        ];
        for (ms, words) in cases {
            assert_eq!(ago(ms), words);
        }
    }
}
