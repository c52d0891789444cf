//! What agents can read of the workspace's day: everybody's, so they read it for those of the workspace alone.

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::{Entry, Tools, tasks};
use crate::domain::actions::{ActionError, Call, Occasion, Outcome};
use crate::domain::principals::Permission;
use crate::domain::time_words::Standpoint;

/// Most of each part that a model is told.
const MOST: usize = 30;

pub(super) const READ: Entry = Entry {
    name: "read_day",
    description: "Reads today: what is due or late, the calendars, the weather, and what to do first. A part that is not \
                  connected is null, and `reasons` says why.",
    parameters: || json!({ "type": "object", "additionalProperties": false, "properties": {} }),
    permission: Permission::Read,
    team_only: true,
    run: |tools, occasion, call| read(tools, occasion, call).boxed(),
};

async fn read(tools: &Tools, occasion: &Occasion, _: Call) -> Result<Outcome, ActionError> {
    let workspace_id = &occasion.workspace_id;
    // Who asks is a model, which can rank by itself.
    let (day, reasons) = tools.switchboard.day_by_rule(workspace_id, &tools.client).await?;
    let here = Standpoint::new(&day.time_zone, tools.switchboard.now());
    let local = |at: i64| here.local(at).to_string();
    let follow_ups = day.follow_ups.iter().take(MOST);
    let follow_ups = follow_ups.map(|one| {
        let note: String = one.note.chars().take(200).collect();
        json!({ "follow_up_id": one.id, "note": note, "due": local(one.due_at), "contact_id": one.contact_id })
    });
    let meetings = day.calendar.as_ref().map(|meetings| {
        let meetings = meetings.iter().take(MOST).map(|meeting| {
            let (from, to) = (local(meeting.starts_at), local(meeting.ends_at));
            let (title, place) = (&meeting.title, &meeting.location);
            json!({ "title": title, "from": from, "to": to, "all_day": meeting.all_day, "location": place })
        });
        meetings.collect::<Vec<Value>>()
    });
    Ok(json!({
        "now": local(here.now), "time_zone": day.time_zone,
        "tasks": day.tasks.iter().take(MOST).map(tasks::shown).collect::<Vec<_>>(),
        "follow_ups": follow_ups.collect::<Vec<_>>(), "calendar": meetings, "weather": day.weather,
        "priorities": day.priorities, "ranked_by": day.ranked_by, "reasons": reasons,
    })
    .into())
}
