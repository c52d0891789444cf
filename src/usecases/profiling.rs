//! Who somebody is: the vendor is asked once, when a person writes for the first time and the delivery names nobody.

use switchboard_channels::contract::failure::Retry;
use switchboard_channels::contract::inbound::Event;

use super::Switchboard;
use super::directory::Account;
use crate::domain::changes::{Change, NewEvent, Refusal};
use crate::domain::events::EventKind;
use crate::domain::jobs::{Job, MOST_ATTEMPTS, Verdict, backoff_ms};
use crate::net::Client;
use crate::telemetry::chance;

impl Account {
    /// Whether the vendor can tell who these news are from, and they do not say it themselves.
    #[must_use]
    pub(super) fn can_tell(&self, events: &[Event]) -> bool {
        let Ok(vendor) = &self.vendor else { return false };
        events.iter().any(|event| match event {
            Event::Message(message) if message.peer.name.is_none() => {
                message.peer.identities.iter().any(|identity| vendor.profile(identity).is_ok())
            }
            _ => false,
        })
    }
}

impl Switchboard {
    /// Runs a profile job. A person whose vendor tells nothing stays without a name.
    pub async fn look_up(&self, job: &Job, conversation_id: &str, client: &Client) -> Verdict {
        match self.try_look_up(job, conversation_id, client).await {
            Ok(verdict) => verdict,
            Err(reason) if job.attempts + 1 < MOST_ATTEMPTS => {
                Verdict::Retry { after_ms: backoff_ms(job.attempts, chance::below(1_000)), reason }
            }
            Err(_) => Verdict::Drop,
        }
    }

    async fn try_look_up(&self, job: &Job, conversation_id: &str, client: &Client) -> Result<Verdict, String> {
        let text = |error: crate::store::StoreError| error.to_string();
        let found = self.store.conversation(&job.workspace_id, conversation_id).await.map_err(text)?;
        let Some(conversation) = found.filter(|found| found.contact_name.is_none()) else { return Ok(Verdict::Drop) };
        let account = self.directory.channel(&conversation.state.channel_id).await.map_err(text)?;
        let Some(account) = account else { return Ok(Verdict::Drop) };
        let Ok(vendor) = &account.vendor else { return Ok(Verdict::Drop) };
        let request = conversation.identities.iter().find_map(|identity| vendor.profile(identity).ok());
        let Some(request) = request else { return Ok(Verdict::Drop) };
        let answer = account.way_out(client).send(&request, None).await.map_err(|error| error.to_string())?;
        let profile = match vendor.profiled(answer.status, &answer.body) {
            Ok(profile) => profile,
            Err(failure) if failure.retry == Retry::Never => return Ok(Verdict::Drop),
            Err(failure) => return Err(failure.message),
        };
        let Some(name) = profile.name.clone().or_else(|| profile.username.clone()) else { return Ok(Verdict::Drop) };
        let contact_id = &conversation.state.contact_id;
        self.store.name_contact(&job.workspace_id, contact_id, &name).await.map_err(text)?;
        let event = NewEvent {
            kind: EventKind::ContactUpdated,
            conversation_id: Some(conversation_id.to_owned()),
            data: serde_json::json!({ "contact_id": contact_id, "name": name, "profile": profile }),
        };
        let change = Change {
            workspace_id: job.workspace_id.clone(),
            events: vec![event],
            finishes: Some(job.id.clone()),
            ..Change::default()
        };
        match self.store.commit(change).await {
            Ok(_) | Err(Refusal::Fenced) => Ok(Verdict::Done),
            Err(refusal) => Err(refusal.to_string()),
        }
    }
}
