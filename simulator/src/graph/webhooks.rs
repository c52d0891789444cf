//! Webhooks: when they leave, how they are batched, signed and tried again. What they say is decided elsewhere.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep, sleep_until};

use super::escape::{signature, to_wire};
use crate::accounts::Account;
use crate::clock::real_ms;
use crate::faults::{Action, Facts};
use crate::json::set;
use crate::world::World;

/// Something to tell the gateway.
#[derive(Debug)]
pub enum Cargo {
    /// A receipt, which may share a POST with others.
    Status { wamid: String, status: Value, contact: Option<Value> },
    /// A whole document in a POST of its own; `id` is its record in the books.
    Whole { document: Value, id: u64 },
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

/// The way to the queue of one number.
#[derive(Debug, Clone)]
pub struct Lane {
    queue: mpsc::UnboundedSender<(Duration, u32, Cargo)>,
}

impl Lane {
    /// Starts the task that empties the queue.
    pub fn start(world: Arc<World>, phone_number_id: String) -> Self {
        let (queue, incoming) = mpsc::unbounded_channel();
        let runtime = world.runtime.clone();
        runtime.spawn(run(world, phone_number_id, incoming));
        Self { queue }
    }
}

/// Puts cargo into the lane of its number, after the faults have had their say.
pub fn schedule(world: &Arc<World>, account: &Account, cargo: Cargo, after: Duration) {
    let (mut after, mut copies) = (after, 0);
    let (kind, body) = match &cargo {
        Cargo::Status { status, .. } => ("receipts", status),
        Cargo::Whole { document, .. } => ("inbound", document),
    };
    if world.faults.any() {
        let body = body.to_string();
        let facts = Facts { vendor: "whatsapp", kind, path: "", body: body.as_bytes() };
        for action in world.faults.for_webhook(&facts) {
            match action {
                Action::DropReceipts if kind == "receipts" => return,
                Action::DelayReceipts(ms) if kind == "receipts" => after += Duration::from_millis(ms),
                Action::ReorderWebhooks(ms) => after += Duration::from_millis(world.ids.number() % (ms + 1)),
                Action::DuplicateWebhooks(times) => copies += times,
                _ => {}
            }
        }
    }
    let lane = world.lane(&account.phone_number_id);
    if lane.queue.send((after, copies, cargo)).is_err() {
        tracing::warn!("the lane of webhooks has stopped");
    }
}

/// The loop of one number: waits for the next due time and sends what is due.
async fn run(world: Arc<World>, number: String, mut incoming: mpsc::UnboundedReceiver<(Duration, u32, Cargo)>) {
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
        let Some(account) = world.accounts.get(&number) else {
            heap.clear();
            continue;
        };
        let mut received = received;
        while let Some((after, copies, cargo)) = received {
            order += 1;
            let at = due_time(epoch, after, &cargo, account.batch_window_ms);
            heap.push(Reverse(Due { at, order, copies, cargo }));
            received = incoming.try_recv().ok();
        }
        if slots.0 != account.parallel.max(1) {
            slots = (account.parallel.max(1), Arc::new(Semaphore::new(account.parallel.max(1))));
        }
        while let Some(parcel) = next_parcel(&mut heap, &account) {
            let Ok(permit) = Arc::clone(&slots.1).acquire_owned().await else { return };
            send(&world, &account, parcel, permit);
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

/// What goes into one POST.
struct Parcel {
    document: Value,
    kind: &'static str,
    id: Option<u64>,
    wamids: Vec<String>,
    copies: u32,
}

fn next_parcel(heap: &mut BinaryHeap<Reverse<Due>>, account: &Account) -> Option<Parcel> {
    let now = Instant::now();
    let (mut statuses, mut contacts, mut wamids, mut copies) = (Vec::new(), Vec::new(), Vec::new(), 0);
    while heap.peek().is_some_and(|Reverse(due)| due.at <= now) && statuses.len() < account.batch_max.max(1) {
        if !statuses.is_empty() && matches!(heap.peek(), Some(Reverse(Due { cargo: Cargo::Whole { .. }, .. }))) {
            break;
        }
        let Some(Reverse(due)) = heap.pop() else { break };
        copies = copies.max(due.copies);
        match due.cargo {
            Cargo::Whole { document, id } => {
                return Some(Parcel { document, kind: "inbound", id: Some(id), wamids, copies });
            }
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
    let document = statuses_document(account, statuses, contacts);
    Some(Parcel { document, kind: "receipts", id: None, wamids, copies })
}

/// The envelope around one `value`.
pub fn envelope(account: &Account, value: Value) -> Value {
    json!({"object": "whatsapp_business_account",
        "entry": [{"id": account.waba_id, "changes": [{"value": value, "field": "messages"}]}]})
}

/// The members that every `value` begins with.
pub fn value_head(account: &Account) -> Value {
    json!({"messaging_product": "whatsapp", "metadata": {
        "display_phone_number": account.display_phone_number, "phone_number_id": account.phone_number_id}})
}

fn statuses_document(account: &Account, statuses: Vec<Value>, contacts: Vec<Value>) -> Value {
    let mut value = value_head(account);
    if !contacts.is_empty() {
        set(&mut value, "contacts", Value::Array(contacts));
    }
    set(&mut value, "statuses", Value::Array(statuses));
    envelope(account, value)
}

/// Sends a parcel and its copies, each with its own record and its own retries.
fn send(world: &Arc<World>, account: &Arc<Account>, parcel: Parcel, permit: OwnedSemaphorePermit) {
    let body = Bytes::from(to_wire(&parcel.document));
    let number = &account.phone_number_id;
    let first =
        parcel.id.unwrap_or_else(|| world.books.open_delivery(number, parcel.kind, parcel.wamids.clone(), real_ms()));
    for _ in 0..parcel.copies {
        let id = world.books.open_delivery(number, parcel.kind, parcel.wamids.clone(), real_ms());
        world.runtime.spawn(deliver(Arc::clone(world), number.clone(), id, body.clone(), None));
    }
    world.runtime.spawn(deliver(Arc::clone(world), number.clone(), first, body, Some(permit)));
}

/// Delivers one receipt at once and waits for its first try, for receipts that overtake the answer of the send.
pub async fn deliver_now(world: &Arc<World>, account: &Arc<Account>, wamid: String, status: Value) {
    let body = Bytes::from(to_wire(&statuses_document(account, vec![status], Vec::new())));
    let id = world.books.open_delivery(&account.phone_number_id, "receipts", vec![wamid], real_ms());
    let task = deliver(Arc::clone(world), account.phone_number_id.clone(), id, body, None);
    let delivered = world.runtime.spawn(task);
    if tokio::time::timeout(Duration::from_secs(2), delivered).await.is_err() {
        tracing::debug!("the early receipt is still on its way");
    }
}

/// Tries until the callback answers 200 or the account's patience ends. The lane's slot is held for the first try
/// only: a gateway that is down must not keep new webhooks from being tried.
async fn deliver(world: Arc<World>, number: String, id: u64, body: Bytes, permit: Option<OwnedSemaphorePermit>) {
    let mut permit = permit;
    let started = Instant::now();
    let mut pause = Duration::from_millis(100);
    loop {
        // The account is looked up each time, because a gateway may come back at another address.
        let Some(account) = world.accounts.get(&number) else { return };
        let Some(url) = account.callback_url.clone() else {
            world.books.record_try(&number, id, Err("no callback_url".to_owned()), "no_callback", real_ms());
            return;
        };
        let result = post(&world.http, &url, &account.app_secret, body.clone()).await;
        let patience = Duration::from_millis(account.retry_for_ms);
        let state = match result {
            Ok(200) => "acknowledged",
            _ if started.elapsed() + pause > patience => "given_up",
            _ => "pending",
        };
        world.books.record_try(&number, id, result, state, real_ms());
        if state != "pending" {
            return;
        }
        drop(permit.take());
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(3));
    }
}

async fn post(http: &reqwest::Client, url: &str, secret: &str, body: Bytes) -> Result<u16, String> {
    let answer = http
        .post(url)
        .header("Content-Type", "application/json")
        .header("User-Agent", "facebookexternalua")
        .header("X-Hub-Signature-256", signature(secret, &body))
        .body(body)
        .send()
        .await
        .map_err(|error| error.without_url().to_string())?;
    let status = answer.status().as_u16();
    // The body is read so that the connection can be used again; what it says does not matter to the vendor.
    let _ = answer.bytes().await;
    Ok(status)
}
