//! Calendars: connected by their address, and read when a day is looked at.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::Duration;

use lru::LruCache;
use switchboard_channels::contract::request::{Body, Method, Request};
use url::Url;

use super::Switchboard;
use super::once::{self, Refused};
use crate::domain::calendars::{self, Calendar, CalendarFields, Meeting};
use crate::domain::errors::FieldProblem;
use crate::domain::fields;
use crate::domain::time_words::Standpoint;
use crate::net::{Client, Trust};

/// Most calendars of a workspace.
const MOST_CALENDARS: i64 = 20;
/// Longest name, in characters.
const LONGEST_NAME: usize = 100;
/// How long what was read is good, in milliseconds.
const FRESH_MS: i64 = 5 * 60 * 1_000;
/// How long reading a calendar may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest calendar that is read, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;
/// Redirects that are followed, each judged like the first address.
const MOST_REDIRECTS: usize = 3;
/// Days of calendars that are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(511);

/// A calendar and the first moment of a day.
type Page = (String, i64);

/// What was read lately, and when.
pub struct Read(Mutex<LruCache<Page, (i64, Vec<Meeting>)>>);

impl Default for Read {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(REMEMBERED)))
    }
}

impl Read {
    fn fresh(&self, key: &Page, now: i64) -> Option<Vec<Meeting>> {
        let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.get(key).filter(|(at, _)| (0..FRESH_MS).contains(&(now - at))).map(|(_, meetings)| meetings.clone())
    }

    fn remember(&self, key: Page, now: i64, meetings: &[Meeting]) {
        let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.put(key, (now, meetings.to_vec()));
    }
}

impl Switchboard {
    /// Connects a calendar, once for each key. Whether its address gives one is seen when it is read. Gives it, and
    /// whether the key had connected it before.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn add_calendar(
        &self,
        workspace_id: &str,
        said: &CalendarFields,
        key: Option<String>,
        client: &Client,
    ) -> Result<(Calendar, bool), Refused> {
        let id = self.store.clock().id();
        let wanted = once::under(key, "calendar", said, &id);
        let earlier = match self.made_under(workspace_id, wanted.as_ref()).await? {
            Some(earlier) => earlier,
            None => {
                let (name, address, host) = self.judge_calendar(workspace_id, said, client).await?;
                let calendar = Calendar { id, name, host, created_at: self.now() };
                match self.store.add_calendar(workspace_id, &calendar, &address, wanted.as_ref()).await {
                    Ok(()) => return Ok((calendar, false)),
                    Err(refusal) => once::repeated(wanted.as_ref(), refusal)?,
                }
            }
        };
        self.store.calendar(workspace_id, &earlier).await?.map(|calendar| (calendar, true)).ok_or(Refused::Gone)
    }

    /// Name, address and host of a calendar that may be connected.
    async fn judge_calendar(
        &self,
        workspace_id: &str,
        said: &CalendarFields,
        client: &Client,
    ) -> Result<(String, String, String), Refused> {
        let mut problems = Vec::new();
        let name = fields::line(&said.name, LONGEST_NAME);
        if name.is_none() {
            problems.push(FieldProblem::new("name", "1 to 100 characters on one line"));
        }
        let address = calendars::address(&said.url);
        let allowed = |address: &str| client.trusting(Trust::Outside).check_address(address).is_ok();
        let address = address.filter(|(address, _)| allowed(address));
        if address.is_none() {
            problems.push(FieldProblem::new("url", "an https address of a calendar on the public internet"));
        }
        if self.store.calendars(workspace_id, 1, 0).await?.1 >= MOST_CALENDARS {
            problems.push(FieldProblem::new("body", format!("at most {MOST_CALENDARS} calendars")));
        }
        match (name, address) {
            (Some(name), Some((address, host))) if problems.is_empty() => Ok((name, address, host)),
            _ => Err(Refused::Fields(problems)),
        }
    }

    /// What a calendar has on the day of `here`.
    ///
    /// # Errors
    /// It could not be read: a sentence without its address.
    pub(super) async fn read_calendar(
        &self,
        workspace_id: &str,
        calendar: &Calendar,
        here: &Standpoint,
        client: &Client,
    ) -> Result<Vec<Meeting>, String> {
        let key = (calendar.id.clone(), here.today().0);
        if let Some(meetings) = self.calendars.fresh(&key, here.now) {
            return Ok(meetings);
        }
        let address =
            self.store.calendar_address(workspace_id, &calendar.id).await.map_err(|error| error.to_string())?;
        let address = address.ok_or("it was removed")?;
        let fetched = tokio::time::timeout(PATIENCE, fetch(address, client)).await;
        let text = fetched.map_err(|_| "its server does not answer in time".to_owned())??;
        let (name, here) = (calendar.name.clone(), here.clone());
        let now = here.now;
        // A calendar of years is work, which holds nobody else up.
        let read = tokio::task::spawn_blocking(move || calendars::meetings(&text, &name, &here)).await;
        let meetings = read.map_err(|_| "it cannot be read".to_owned())??;
        self.calendars.remember(key, now, &meetings);
        Ok(meetings)
    }
}

/// The text behind an address, which is somebody else's word: only the public internet is reached.
async fn fetch(mut address: String, client: &Client) -> Result<String, String> {
    let client = client.trusting(Trust::Outside);
    for _ in 0..=MOST_REDIRECTS {
        let request = Request { method: Method::Get, url: address.clone(), authorisation: None, body: Body::Empty };
        let accept = [("accept", "text/calendar, text/plain;q=0.5, */*;q=0.1")];
        let mut answer = client.open(&request, &accept).await.map_err(|error| error.to_string())?;
        match answer.status() {
            200 => {
                let body = answer.rest(LARGEST).await.map_err(|error| error.to_string())?;
                return Ok(String::from_utf8_lossy(&body).into_owned());
            }
            301 | 302 | 303 | 307 | 308 => {
                let next = answer.header("location").and_then(|next| Url::parse(&address).ok()?.join(next).ok());
                address = next.ok_or("its server leads nowhere")?.into();
            }
            status => return Err(format!("its server answers {status}")),
        }
    }
    Err("its server leads elsewhere again and again".to_owned())
}
