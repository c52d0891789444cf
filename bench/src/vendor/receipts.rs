//! Receipts of the stand-in: sent, delivered and read of each message it took, signed and batched as the vendor does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::http::Line;
use crate::webhook::{Postman, Taken};

/// Most receipts in one delivery.
const LARGEST_BATCH: usize = 100;
/// How long a batch gathers.
const GATHERING: Duration = Duration::from_millis(25);
/// Tries of a delivery before it is given up.
const MOST_TRIES: u32 = 50;
/// Pause before the next try.
const PAUSE: Duration = Duration::from_millis(100);

/// A line of receipts; those of one message go down one lane, in order.
pub struct Lane {
    queue: mpsc::UnboundedSender<Taken>,
    acknowledged: Arc<AtomicU64>,
}

/// Opens lanes to a gateway.
///
/// # Errors
/// The deliveries cannot be signed.
pub fn lanes(gateway: SocketAddr, count: usize) -> Result<Vec<Lane>, &'static str> {
    let postman = Postman::new(gateway, 0).ok_or("the deliveries cannot be signed")?;
    Ok((0..count).map(|_| Lane::start(gateway, postman.clone())).collect())
}

impl Lane {
    fn start(gateway: SocketAddr, postman: Postman) -> Self {
        let (queue, taken) = mpsc::unbounded_channel();
        let acknowledged = Arc::new(AtomicU64::new(0));
        tokio::spawn(deliver(gateway, postman, taken, Arc::clone(&acknowledged)));
        Self { queue, acknowledged }
    }

    /// Sends the receipts of a message.
    pub fn push(&self, taken: Taken) {
        // The lane ends only with the measurement.
        let _ = self.queue.send(taken);
    }

    /// Receipts that the gateway has acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }
}

async fn deliver(
    gateway: SocketAddr,
    postman: Postman,
    mut queue: mpsc::UnboundedReceiver<Taken>,
    acknowledged: Arc<AtomicU64>,
) {
    let mut line = None;
    let mut batch = Vec::with_capacity(LARGEST_BATCH);
    while queue.recv_many(&mut batch, LARGEST_BATCH).await > 0 {
        tokio::time::sleep(GATHERING).await;
        while batch.len() < LARGEST_BATCH {
            let Ok(taken) = queue.try_recv() else { break };
            batch.push(taken);
        }
        for status in ["sent", "delivered", "read"] {
            if post(gateway, &mut line, &postman.receipts(status, &batch)).await {
                acknowledged.fetch_add(batch.len().try_into().unwrap_or_default(), Ordering::Relaxed);
            }
        }
        batch.clear();
    }
}

/// Posts a delivery until it is acknowledged; false when it was given up.
async fn post(gateway: SocketAddr, line: &mut Option<Line>, request: &[u8]) -> bool {
    for _ in 0..MOST_TRIES {
        if line.is_none() {
            *line = Line::open(gateway).await.ok();
        }
        if let Some(open) = line {
            match open.exchange(request).await {
                Ok((200, _)) => return true,
                Ok(_) => {}
                Err(_) => *line = None,
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    false
}
