//! Webhooks of every channel: when they leave, in which order, and how often they are tried again. What they say and
//! how they are signed is decided by the rooms of the channels.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep, sleep_until};

use crate::accounts::Gateway;
use crate::channel::Channel;
use crate::clock::real_ms;
use crate::faults::{Action, Facts};
use crate::world::World;
use crate::{graph, mail, twilio};

/// One POST to the gateway.
#[derive(Debug, Clone)]
pub struct Letter {
    pub channel: Channel,
    pub account: String,
    /// `inbound`, `receipts` or `echoes`.
    pub kind: &'static str,
    /// The messages it is about.
    pub ids: Vec<String>,
    pub body: Bytes,
    pub seal: Seal,
}

/// What makes a letter the vendor's: its headers and its signature.
#[derive(Debug, Clone)]
pub enum Seal {
    /// JSON with `X-Hub-Signature-256`.
    Graph,
    /// A form with `X-Twilio-Signature`, to this address or to the account's.
    Twilio { url: Option<String> },
    /// A raw mail with its envelope in headers.
    Mail { from: String, to: String },
}

/// Something to tell the gateway.
#[derive(Debug)]
pub enum Cargo {
    /// A receipt of `WhatsApp`, which may share a POST with others.
    Status { wamid: String, status: Value, contact: Option<Value> },
    /// A POST of its own; `id` is its record in the books.
    Whole { letter: Letter, id: u64 },
}

/// Cargo with the time it leaves. The order number keeps what falls due together in order.
#[derive(Debug)]
struct Due {
    at: Instant,
    order: u64,
    copies: u32,
    cargo: Cargo,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// The way to the queue of one account.
#[derive(Debug, Clone)]
pub struct Lane {
    queue: mpsc::UnboundedSender<(Duration, u32, Cargo)>,
}

impl Lane {
    /// Starts the task that empties the queue.
    pub fn start(world: Arc<World>, account: String) -> Self {
        let (queue, incoming) = mpsc::unbounded_channel();
        let runtime = world.runtime.clone();
        runtime.spawn(run(world, account, incoming));
        Self { queue }
    }
}

/// Hands a letter over after a delay. Answers with the number of its record in the books, or 0 when a rule dropped it.
pub fn post(world: &Arc<World>, letter: Letter, after: Duration) -> u64 {
    let Some(fate) = fate(world, letter.channel, letter.kind, || letter.body.to_vec()) else { return 0 };
    let id = world.books.open_delivery(&letter, real_ms());
    let account = letter.account.clone();
    queue(world, &account, after + fate.late, fate.copies, Cargo::Whole { letter, id });
    id
}

/// The same for a receipt of `WhatsApp`, which gets its record when it leaves.
pub fn post_status(world: &Arc<World>, account: &str, wamid: String, receipt: (Value, Option<Value>), after: Duration) {
    let (status, contact) = receipt;
    if let Some(fate) = fate(world, Channel::Whatsapp, "receipts", || status.to_string().into_bytes()) {
        queue(world, account, after + fate.late, fate.copies, Cargo::Status { wamid, status, contact });
    }
}

fn queue(world: &Arc<World>, account: &str, after: Duration, copies: u32, cargo: Cargo) {
    if world.lane(account).queue.send((after, copies, cargo)).is_err() {
        tracing::warn!("the lane of webhooks has stopped");
    }
}

/// What the rules do to a webhook.
#[derive(Debug, Default)]
struct Fate {
    late: Duration,
    copies: u32,
}

/// Asks the rules; `None` when one of them drops the webhook.
fn fate(world: &World, channel: Channel, kind: &'static str, body: impl FnOnce() -> Vec<u8>) -> Option<Fate> {
    let mut fate = Fate::default();
    if !world.faults.any() {
        return Some(fate);
    }
    let body = body();
    let facts = Facts { vendor: channel.name(), kind, path: "", body: &body };
    for action in world.faults.for_webhook(&facts) {
        match action {
            Action::DropReceipts if kind == "receipts" => return None,
            Action::DelayReceipts(ms) if kind == "receipts" => fate.late += Duration::from_millis(ms),
            Action::ReorderWebhooks(ms) => fate.late += Duration::from_millis(world.ids.number() % (ms + 1)),
            Action::DuplicateWebhooks(times) => fate.copies += times,
            _ => {}
        }
    }
    Some(fate)
}

/// The loop of one account: waits for the next due time and sends what is due.
async fn run(world: Arc<World>, account: String, mut incoming: mpsc::UnboundedReceiver<(Duration, u32, Cargo)>) {
    let epoch = Instant::now();
    let mut heap = BinaryHeap::new();
    let mut order = 0;
    let mut slots = (0, Arc::new(Semaphore::new(1)));
    loop {
        let next = heap.peek().map(|Reverse(due): &Reverse<Due>| due.at);
        let received = tokio::select! {
            received = incoming.recv() => match received {
                Some(received) => Some(received),
                None => return,
            },
            () = sleep_until(next.unwrap_or(epoch)), if next.is_some() => None,
        };
        let Some(gateway) = world.gateway(&account) else {
            heap.clear();
            continue;
        };
        let mut received = received;
        while let Some((after, copies, cargo)) = received {
            order += 1;
            let at = due_time(epoch, after, &cargo, gateway.batch_window_ms);
            heap.push(Reverse(Due { at, order, copies, cargo }));
            received = incoming.try_recv().ok();
        }
        if slots.0 != gateway.parallel.max(1) {
            slots = (gateway.parallel.max(1), Arc::new(Semaphore::new(gateway.parallel.max(1))));
        }
        while let Some(parcel) = next_parcel(&world, &account, &mut heap, gateway.batch_max) {
            let Ok(permit) = Arc::clone(&slots.1).acquire_owned().await else { return };
            send(&world, parcel, permit);
        }
    }
}

/// When cargo leaves. Receipts are rounded up to the batch window, so that those of one moment travel together.
fn due_time(epoch: Instant, after: Duration, cargo: &Cargo, window_ms: u64) -> Instant {
    let at = Instant::now() + after;
    if window_ms == 0 || matches!(cargo, Cargo::Whole { .. }) {
        return at;
    }
    let window = u128::from(window_ms);
    let rounded = (at - epoch).as_millis().div_ceil(window) * window;
    epoch + Duration::from_millis(u64::try_from(rounded).unwrap_or(u64::MAX))
}

/// What goes into one POST; without a record in the books it gets one when it leaves.
struct Parcel {
    letter: Letter,
    id: Option<u64>,
    copies: u32,
}

fn next_parcel(world: &World, account: &str, heap: &mut BinaryHeap<Reverse<Due>>, batch_max: usize) -> Option<Parcel> {
    let now = Instant::now();
    let (mut statuses, mut contacts, mut wamids, mut copies) = (Vec::new(), Vec::new(), Vec::new(), 0);
    while heap.peek().is_some_and(|Reverse(due)| due.at <= now) && statuses.len() < batch_max.max(1) {
        if !statuses.is_empty() && matches!(heap.peek(), Some(Reverse(Due { cargo: Cargo::Whole { .. }, .. }))) {
            break;
        }
        let Some(Reverse(due)) = heap.pop() else { break };
        copies = copies.max(due.copies);
        match due.cargo {
            Cargo::Whole { letter, id } => return Some(Parcel { letter, id: Some(id), copies }),
            Cargo::Status { wamid, status, contact } => {
                wamids.push(wamid);
                statuses.push(status);
                contacts.extend(contact.filter(|contact| !contacts.contains(contact)));
            }
        }
    }
    if statuses.is_empty() {
        return None;
    }
    let account = world.accounts.get(account)?;
    Some(Parcel { letter: graph::webhooks::statuses(&account, statuses, contacts, wamids), id: None, copies })
}

/// Sends a parcel and its copies, each with its own record and its own retries.
fn send(world: &Arc<World>, parcel: Parcel, permit: OwnedSemaphorePermit) {
    let Parcel { letter, id, copies } = parcel;
    let first = id.unwrap_or_else(|| world.books.open_delivery(&letter, real_ms()));
    for _ in 0..copies {
        let id = world.books.open_delivery(&letter, real_ms());
        world.runtime.spawn(deliver(Arc::clone(world), id, letter.clone(), None));
    }
    world.runtime.spawn(deliver(Arc::clone(world), first, letter, Some(permit)));
}

/// Delivers one letter at once and waits for its first try, for receipts that overtake the answer of the send.
pub async fn deliver_now(world: &Arc<World>, letter: Letter) {
    let id = world.books.open_delivery(&letter, real_ms());
    let delivered = world.runtime.spawn(deliver(Arc::clone(world), id, letter, None));
    if tokio::time::timeout(Duration::from_secs(2), delivered).await.is_err() {
        tracing::debug!("the early receipt is still on its way");
    }
}

/// Tries until the callback takes it or the vendor's patience ends. The lane's slot is held for the first try only: a
/// gateway that is down must not keep new webhooks from being tried.
async fn deliver(world: Arc<World>, id: u64, letter: Letter, permit: Option<OwnedSemaphorePermit>) {
    let mut permit = permit;
    let started = Instant::now();
    let mut pause = Duration::from_millis(100);
    let mut tries = 0;
    loop {
        // The account is looked up each time, because a gateway may come back at another address.
        let Some(gateway) = world.gateway(&letter.account) else { return };
        let Some(url) = target(&gateway, &letter) else {
            world.books.record_try(&letter.account, id, Err("no callback_url".into()), "no_callback", real_ms());
            return;
        };
        tries += 1;
        let answer = try_once(&world, &gateway, &url, &letter).await;
        let result = answer.as_ref().map(|answer| answer.status).map_err(String::clone);
        let state = if result.as_ref().is_ok_and(|status| takes(&letter.seal, *status)) {
            "acknowledged"
        } else if patient(&gateway, &letter, &url, &result, tries, started.elapsed() + pause) {
            "pending"
        } else {
            "given_up"
        };
        world.books.record_try(&letter.account, id, result, state, real_ms());
        if let (Ok(answer), "acknowledged", "inbound") = (&answer, state, letter.kind) {
            twilio::replies::heed(&world, &letter, answer);
        }
        if state != "pending" {
            return;
        }
        drop(permit.take());
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(3));
    }
}

/// The address of a letter, as it is configured.
fn target(gateway: &Gateway, letter: &Letter) -> Option<String> {
    match &letter.seal {
        Seal::Twilio { url: Some(url) } => Some(url.clone()),
        _ => gateway.callback_url.clone(),
    }
}

/// Whether the vendor is content with this answer.
fn takes(seal: &Seal, status: u16) -> bool {
    match seal {
        Seal::Graph => status == 200,
        Seal::Twilio { .. } | Seal::Mail { .. } => (200..300).contains(&status),
    }
}

/// Whether there is another try.
fn patient(
    gateway: &Gateway,
    letter: &Letter,
    url: &str,
    result: &Result<u16, String>,
    tries: u32,
    until: Duration,
) -> bool {
    if matches!(letter.seal, Seal::Mail { .. }) && result.as_ref().is_ok_and(|status| matches!(status, 400 | 401 | 413))
    {
        return false;
    }
    match gateway.retry_for_ms {
        Some(ms) => until <= Duration::from_millis(ms),
        None => twilio::patience::of(url).again(result, tries, until),
    }
}

/// What the gateway answered. The body is read so that the connection can be used again.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub body: Bytes,
}

async fn try_once(world: &World, gateway: &Gateway, url: &str, letter: &Letter) -> Result<Answer, String> {
    // What follows the `#` never leaves: it tells the vendor how to call.
    let address = url.split('#').next().unwrap_or_default();
    let mut request = world.http.post(address);
    let headers = match &letter.seal {
        Seal::Graph => graph::webhooks::headers(&gateway.secret, &letter.body),
        Seal::Twilio { .. } => twilio::signature::headers(&gateway.secret, address, letter),
        Seal::Mail { from, to } => mail::ingress::headers(&gateway.secret, from, to, world, &letter.body),
    };
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answer = request.body(letter.body.clone()).send().await.map_err(|error| error.without_url().to_string())?;
    let status = answer.status().as_u16();
    let content_type = answer.headers().get("Content-Type").and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    let body = answer.bytes().await.unwrap_or_default();
    Ok(Answer { status, content_type, body })
}
