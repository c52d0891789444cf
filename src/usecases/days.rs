//! A day: what is due, what is in the calendars, the weather, and what to do first.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::join_all;
use lru::LruCache;
use switchboard_channels::contract::request::{Body, Method, Request};

use super::Switchboard;
use crate::domain::calendars::{Meeting, Place};
use crate::domain::days::{self, Day, MOST_PRIORITIES, RankedBy, Weather};
use crate::domain::follow_ups::FollowUpStatus;
use crate::domain::tasks::{Priority, Task};
use crate::domain::time_words::Standpoint;
use crate::net::Client;
use crate::store::StoreError;
use crate::store::follow_ups::FollowUpFilter;
use crate::store::tasks::TaskFilter;

/// Most tasks and most follow-ups of a day.
const MOST: i64 = 100;
/// Most tasks without a near date that may be among the first things to do.
const MOST_PRESSING: i64 = 10;
/// Most calendars of a day.
const MOST_CALENDARS: i64 = 100;
/// How long a forecast is good, in milliseconds.
const FRESH_MS: i64 = 10 * 60 * 1_000;
/// How long a forecast may take to come.
const PATIENCE: Duration = Duration::from_secs(5);
/// Places whose forecast is remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);

/// Forecasts of late, by address.
pub struct Forecasts(Mutex<LruCache<String, (i64, Weather)>>);

impl Default for Forecasts {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(REMEMBERED)))
    }
}

/// Why parts of a day are not there, by part.
pub type Reasons = BTreeMap<&'static str, String>;

impl Switchboard {
    /// Today, as the people of a workspace have it, and why parts of it are not there. What to do first is ranked by
    /// the model of their assistant, where it has a real one that answers.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn my_day(&self, workspace_id: &str, client: &Client) -> Result<(Day, Reasons), StoreError> {
        let (mut day, mut reasons) = self.today(workspace_id, client).await?;
        if let Some(reason) = self.rank_by_model(workspace_id, &mut day, client).await? {
            reasons.insert("priorities", reason);
        }
        day.priorities.truncate(MOST_PRIORITIES);
        Ok((day, reasons))
    }

    /// The same, ranked by the rule.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn day_by_rule(&self, workspace_id: &str, client: &Client) -> Result<(Day, Reasons), StoreError> {
        let (mut day, reasons) = self.today(workspace_id, client).await?;
        day.priorities.truncate(MOST_PRIORITIES);
        Ok((day, reasons))
    }

    /// The same with all that there is to rank.
    async fn today(&self, workspace_id: &str, client: &Client) -> Result<(Day, Reasons), StoreError> {
        let (zone, place) = self.store.whereabouts(workspace_id).await?;
        let here = Standpoint::new(&zone, self.now());
        let (_, ends) = here.today();
        let mut reasons = Reasons::new();
        let due = TaskFilter { due_before: Some(ends), open: true, ..TaskFilter::default() };
        let (tasks, _) = self.store.tasks(workspace_id, &due, MOST, 0).await?;
        let due = FollowUpFilter { due_before: Some(ends), status: Some(FollowUpStatus::Pending), contact_id: None };
        let (follow_ups, _) = self.store.follow_ups(workspace_id, &due, MOST, 0).await?;
        let pressing = self.pressing(workspace_id, &tasks).await?;
        let priorities = days::ranked(&pressing, &follow_ups, here.now, ends);
        let (calendar, weather) =
            tokio::join!(self.meetings_of_today(workspace_id, &here, client), self.weather_at(place, here.now, client));
        let (calendar, reason) = calendar?;
        reasons.extend(reason.map(|reason| ("calendar", reason)));
        let weather = weather.map_err(|reason| reasons.insert("weather", reason)).ok();
        let date = here.local(here.now).date().to_string();
        let ranked_by = RankedBy::Rule;
        Ok((Day { date, time_zone: zone, tasks, follow_ups, calendar, weather, priorities, ranked_by }, reasons))
    }

    /// What is due, and what matters though it is not.
    async fn pressing(&self, workspace_id: &str, due: &[Task]) -> Result<Vec<Task>, StoreError> {
        let mut pressing = due.to_vec();
        for priority in [Priority::Urgent, Priority::High] {
            let filter = TaskFilter { priority: Some(priority), open: true, ..TaskFilter::default() };
            let (more, _) = self.store.tasks(workspace_id, &filter, MOST_PRESSING, 0).await?;
            pressing.extend(more.into_iter().filter(|task| due.iter().all(|known| known.id != task.id)));
        }
        Ok(pressing)
    }

    /// What the calendars have today, and what is to be said about those that cannot be read.
    async fn meetings_of_today(
        &self,
        workspace_id: &str,
        here: &Standpoint,
        client: &Client,
    ) -> Result<(Option<Vec<Meeting>>, Option<String>), StoreError> {
        let (calendars, _) = self.store.calendars(workspace_id, MOST_CALENDARS, 0).await?;
        if calendars.is_empty() {
            return Ok((None, Some("no calendar is connected".to_owned())));
        }
        let reading = calendars.iter().map(|calendar| self.read_calendar(workspace_id, calendar, here, client));
        let (mut meetings, mut unread) = (Vec::new(), Vec::new());
        for (calendar, read) in calendars.iter().zip(join_all(reading).await) {
            match read {
                Ok(more) => meetings.extend(more),
                Err(reason) => unread.push(format!("the calendar {:?} cannot be read: {reason}", calendar.name)),
            }
        }
        meetings.sort_by(|one, other| (one.starts_at, &one.title).cmp(&(other.starts_at, &other.title)));
        let some = (unread.len() < calendars.len()).then_some(meetings);
        Ok((some, (!unread.is_empty()).then(|| unread.join("; "))))
    }

    /// The weather at a place.
    async fn weather_at(&self, place: Option<Place>, now: i64, client: &Client) -> Result<Weather, String> {
        let Some(base) = self.options.weather_url.as_deref().filter(|base| !base.is_empty()) else {
            return Err("no forecast service is connected".to_owned());
        };
        let place = place.ok_or("the workspace has not said where it is")?;
        let address = format!(
            "{}/v1/forecast?latitude={:.2}&longitude={:.2}&current=temperature_2m,weather_code&daily=weather_code,temperature_2m_max,temperature_2m_min,precipitation_probability_max&timezone=auto&forecast_days=1",
            base.trim_end_matches('/'),
            place.latitude,
            place.longitude
        );
        if let Some(weather) = self.forecasts.fresh(&address, now) {
            return Ok(Weather { place: place.name, ..weather });
        }
        let request = Request { method: Method::Get, url: address.clone(), authorisation: None, body: Body::Empty };
        let answer = tokio::time::timeout(PATIENCE, client.send(&request, None)).await;
        let answer = answer.map_err(|_| "the forecast service does not answer in time".to_owned())?;
        let answer = answer.map_err(|error| format!("the forecast service cannot be reached: {error}"))?;
        let read = serde_json::from_slice(&answer.body).ok().and_then(|body| days::weather(&body, place.name));
        let weather = read.filter(|_| answer.status == 200);
        let weather =
            weather.ok_or_else(|| format!("the forecast service answers {} and no forecast", answer.status))?;
        self.forecasts.remember(address, now, &weather);
        Ok(weather)
    }
}

impl Forecasts {
    fn fresh(&self, address: &str, now: i64) -> Option<Weather> {
        let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.get(address).filter(|(at, _)| (0..FRESH_MS).contains(&(now - at))).map(|(_, weather)| weather.clone())
    }

    fn remember(&self, address: String, now: i64, weather: &Weather) {
        let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.put(address, (now, weather.clone()));
    }
}
