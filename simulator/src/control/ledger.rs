//! Reading the books: whole, per number, waiting for something to be true, or as a stream of events.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use serde::Deserialize;
use tokio::time::{Instant, timeout, timeout_at};

use crate::books::Counts;
use crate::world::World;

/// How often a silent stream shows that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub async fn all(world: Data<World>) -> HttpResponse {
    HttpResponse::Ok().json(world.books.all())
}

pub async fn clear(world: Data<World>) -> HttpResponse {
    world.books.clear();
    HttpResponse::NoContent().finish()
}

/// What a reader of one account's books waits for. Every number given must be reached.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Until {
    /// Accepted outbound messages.
    messages: u64,
    /// Webhooks that were acknowledged.
    acknowledged: u64,
    /// Tries of webhooks, good and bad.
    tries: u64,
    /// Webhooks that have been given up.
    given_up: u64,
    /// How long to wait, in milliseconds; the books are answered as they are when it is over.
    wait_ms: u64,
}

impl Until {
    fn reached(&self, counts: &Counts) -> bool {
        counts.messages >= self.messages
            && counts.acknowledged >= self.acknowledged
            && counts.tries >= self.tries
            && counts.given_up >= self.given_up
    }
}

pub async fn of(world: Data<World>, account: Path<String>, until: Query<Until>) -> HttpResponse {
    let deadline = Instant::now() + Duration::from_millis(until.wait_ms);
    let mut changes = world.books.watch();
    loop {
        changes.borrow_and_update();
        let reached = until.reached(&world.books.counts(&account));
        if reached || !matches!(timeout_at(deadline, changes.changed()).await, Ok(Ok(()))) {
            return HttpResponse::Ok().json(world.books.of(&account));
        }
    }
}

/// Where a stream of events begins.
#[derive(Debug, Deserialize)]
pub struct After {
    /// Number of the last event already seen; everything kept is sent when absent.
    after: Option<u64>,
}

/// The events as they happen, each with its number as `id`, so that a reader can go on where it stopped.
pub async fn stream(world: Data<World>, request: HttpRequest, after: Query<After>) -> HttpResponse {
    let header = request.headers().get("Last-Event-ID").and_then(|value| value.to_str().ok());
    let last = header.and_then(|value| value.parse().ok()).or(after.after).unwrap_or(0);
    let changes = world.books.watch();
    let steps = stream::unfold((world, changes, last, true), |(world, mut changes, last, first)| async move {
        if first {
            // The headers leave at once, whether or not there is anything to tell.
            return Some((Ok::<_, Infallible>(Bytes::from_static(b": open\n\n")), (world, changes, last, false)));
        }
        loop {
            changes.borrow_and_update();
            let events = world.books.events_after(last, 500);
            if let Some(newest) = events.last().map(|event| event.seq) {
                let text: String = events
                    .iter()
                    .map(|event| format!("id: {}\nevent: {}\ndata: {}\n\n", event.seq, event.name, event.json()))
                    .collect();
                return Some((Ok(Bytes::from(text)), (world, changes, newest, false)));
            }
            match timeout(HEARTBEAT, changes.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return None,
                Err(_) => return Some((Ok(Bytes::from_static(b": ping\n\n")), (world, changes, last, false))),
            }
        }
    });
    HttpResponse::Ok()
        .content_type("text/event-stream; charset=utf-8")
        .insert_header(("Cache-Control", "no-cache, no-transform"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(Box::pin(steps))
}
