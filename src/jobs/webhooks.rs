//! Webhook deliveries: the endpoints that have something to be told are looked for when something happens and once a
//! second, and each is told by one node, with a few deliveries at once and no faster than it wants. What is remembered
//! is in the database: a delivery under way when the process dies is made again under the same id.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{Notify, Semaphore, broadcast};
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::webhooks::EndpointState;
use crate::net::Client;
use crate::store::webhooks::DueDelivery;
use crate::store::{LiveEvent, StoreError};
use crate::usecases::Switchboard;

/// How often it is looked at without a cause: for retries, and for what another node left.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What happens within this time of a look is looked at together.
const GATHER: Duration = Duration::from_millis(100);
/// Deliveries of one endpoint that may be under way at once.
const FOR_ONE: usize = 10;
/// Deliveries of one node that may be under way at once; who comes first goes first.
const IN_ALL: usize = 200;
/// Deliveries that are read at once.
const PAGE: usize = 50;

/// Events as the store tells them.
pub type Events = broadcast::Receiver<Arc<[LiveEvent]>>;

/// Delivers until `stopping`, and then ends what is under way. `client` calls addresses of customers. `here` and
/// `elsewhere` tell of events that this and other nodes committed.
pub async fn keep(
    switchboard: Switchboard,
    client: Client,
    mut here: Events,
    mut elsewhere: Events,
    stopping: CancellationToken,
) {
    let mut rounds = tokio::time::interval(LOOK_EVERY);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let room = Arc::new(Semaphore::new(IN_ALL));
    let mut tellers = Tellers {
        switchboard,
        client,
        room,
        stopping: stopping.clone(),
        tasks: JoinSet::new(),
        by_endpoint: HashMap::new(),
    };
    loop {
        let goes_on = tokio::select! {
            () = stopping.cancelled() => false,
            _ = rounds.tick() => true,
            heard = here.recv() => !matches!(heard, Err(RecvError::Closed)),
            heard = elsewhere.recv() => !matches!(heard, Err(RecvError::Closed)),
        };
        if !goes_on {
            break;
        }
        tellers.look().await;
        tokio::time::sleep(GATHER).await;
        for events in [&mut here, &mut elsewhere] {
            // What came meanwhile is looked at in one round; a listener that lagged has missed nothing that matters.
            let mut came = false;
            while !matches!(events.try_recv(), Err(TryRecvError::Empty | TryRecvError::Closed)) {
                came = true;
            }
            if came {
                rounds.reset_immediately();
            }
        }
    }
    while tellers.tasks.join_next().await.is_some() {}
}

/// Who tells which endpoint.
struct Tellers {
    switchboard: Switchboard,
    client: Client,
    room: Arc<Semaphore>,
    stopping: CancellationToken,
    tasks: JoinSet<()>,
    by_endpoint: HashMap<String, Teller>,
}

impl Tellers {
    /// Looks which endpoints have something to be told, and has it told.
    async fn look(&mut self) {
        while self.tasks.try_join_next().is_some() {}
        self.by_endpoint.retain(|_, teller| !teller.task.is_finished());
        let due = match self.switchboard.store.due_webhook_endpoints().await {
            Ok(due) => due,
            Err(error) => return tracing::warn!(%error, "the webhook endpoints could not be looked at"),
        };
        for (workspace_id, endpoint_id) in due {
            if let Some(teller) = self.by_endpoint.get(&endpoint_id) {
                teller.nudge.notify_one();
                continue;
            }
            let nudge = Arc::new(Notify::new());
            let telling = Telling {
                switchboard: self.switchboard.clone(),
                client: self.client.clone(),
                workspace_id,
                endpoint_id: endpoint_id.clone(),
                room: Arc::clone(&self.room),
                nudge: Arc::clone(&nudge),
                stopping: self.stopping.clone(),
            };
            let task = self.tasks.spawn_local(telling.run());
            self.by_endpoint.insert(endpoint_id, Teller { nudge, task });
        }
    }
}

/// Who tells one endpoint.
struct Teller {
    nudge: Arc<Notify>,
    task: AbortHandle,
}

/// The telling of one endpoint, until nothing is due.
struct Telling {
    switchboard: Switchboard,
    client: Client,
    workspace_id: String,
    endpoint_id: String,
    room: Arc<Semaphore>,
    nudge: Arc<Notify>,
    stopping: CancellationToken,
}

/// A delivery's id, and whether its endpoint may be told more at once.
type Ended = (String, Result<bool, StoreError>);

/// What is in hand.
struct Hand {
    /// Read and not begun.
    queue: VecDeque<DueDelivery>,
    /// Begun and not ended.
    flying: HashSet<String>,
    attempts: JoinSet<Ended>,
    /// When the next one may begin.
    next_at: Instant,
    at_once: usize,
    spacing: Duration,
}

impl Telling {
    async fn run(self) {
        let mut hand = Hand {
            queue: VecDeque::new(),
            flying: HashSet::new(),
            attempts: JoinSet::new(),
            next_at: Instant::now(),
            at_once: FOR_ONE,
            spacing: Duration::ZERO,
        };
        if let Err(error) = self.tell(&mut hand).await {
            tracing::warn!(endpoint_id = self.endpoint_id, %error, "webhooks are delivered later");
        }
        while hand.attempts.join_next().await.is_some() {}
    }

    async fn tell(&self, hand: &mut Hand) -> Result<(), StoreError> {
        if !self.switchboard.store.claim_webhook_endpoint(&self.workspace_id, &self.endpoint_id).await? {
            return Ok(());
        }
        while !self.stopping.is_cancelled() {
            if hand.queue.is_empty() {
                self.read(hand).await?;
            }
            while hand.flying.len() < hand.at_once
                && let Some(delivery) = hand.queue.pop_front()
            {
                self.begin(hand, delivery).await;
            }
            if hand.flying.is_empty() {
                // Somebody may have called while this looked.
                if hand.queue.is_empty() && self.nudge.notified().now_or_never().is_none() {
                    return Ok(());
                }
                continue;
            }
            tokio::select! {
                ended = hand.attempts.join_next() => self.end(hand, ended)?,
                () = self.nudge.notified(), if hand.queue.is_empty() && hand.flying.len() < hand.at_once => {}
                () = self.stopping.cancelled() => {}
            }
        }
        Ok(())
    }

    /// Makes the newest events deliveries, and reads those that are due.
    async fn read(&self, hand: &mut Hand) -> Result<(), StoreError> {
        let store = &self.switchboard.store;
        loop {
            let endpoint = store.webhook_endpoint(&self.workspace_id, &self.endpoint_id).await?;
            let endpoint = endpoint.filter(|endpoint| endpoint.state == EndpointState::Active);
            let Some(endpoint) = endpoint.filter(|endpoint| !endpoint.is_paused(self.switchboard.now())) else {
                return Ok(());
            };
            let more = self.switchboard.expand_webhook(&endpoint).await?;
            hand.at_once = endpoint.at_once(FOR_ONE);
            hand.spacing = Duration::from_secs(1) / u32::try_from(endpoint.rate).unwrap_or(1).max(1);
            let limit = i64::try_from(PAGE + hand.flying.len()).unwrap_or_default();
            let due = store.due_webhook_deliveries(&self.workspace_id, &self.endpoint_id, limit).await?;
            hand.queue = due.into_iter().filter(|due| !hand.flying.contains(&due.id)).collect();
            if !more || !hand.queue.is_empty() {
                return Ok(());
            }
        }
    }

    /// Begins an attempt as soon as the endpoint's rate and the node's room allow it.
    async fn begin(&self, hand: &mut Hand, delivery: DueDelivery) {
        let begins_at = hand.next_at.max(Instant::now());
        hand.next_at = begins_at + hand.spacing;
        let allowed = async {
            tokio::time::sleep_until(begins_at).await;
            Arc::clone(&self.room).acquire_owned().await
        };
        let permit = tokio::select! {
            permit = allowed => permit,
            () = self.stopping.cancelled() => return,
        };
        hand.flying.insert(delivery.id.clone());
        let (switchboard, client) = (self.switchboard.clone(), self.client.clone());
        let (workspace_id, endpoint_id) = (self.workspace_id.clone(), self.endpoint_id.clone());
        hand.attempts.spawn_local(async move {
            let _permit = permit;
            let ended = switchboard.deliver_webhook(&workspace_id, &endpoint_id, &delivery, &client).await;
            (delivery.id, ended)
        });
    }

    /// Takes note of an attempt's end. Where the endpoint is to be left alone, nothing more is begun.
    fn end(&self, hand: &mut Hand, ended: Option<Result<Ended, JoinError>>) -> Result<(), StoreError> {
        let Some(ended) = ended else { return Ok(()) };
        let Ok((id, goes_on)) = ended else {
            // It panicked: whatever it was, the delivery waits, and is attempted again when all is read anew.
            tracing::error!(endpoint_id = self.endpoint_id, "a webhook attempt panicked");
            return Err(StoreError::Options("an attempt panicked".to_owned()));
        };
        hand.flying.remove(&id);
        if !goes_on? {
            hand.queue.clear();
        }
        Ok(())
    }
}
