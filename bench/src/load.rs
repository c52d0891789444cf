//! Loads: lines that post customers' texts and wait for the acknowledgement, as fast as they are answered or by a
//! timetable. It keeps no records of its own; the book does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::book::Book;
use crate::http::Line;
use crate::webhook::Postman;

/// Pause of a line whose delivery was refused.
const PAUSE: Duration = Duration::from_millis(50);

/// When texts are written.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// Each line posts its next delivery when the last was acknowledged.
    Closed,
    /// So many deliveries a second, whatever the gateway does.
    Timetable {
        /// Deliveries a second.
        per_second: u64,
    },
}

/// When a load ends.
#[derive(Debug, Clone, Copy)]
pub enum End {
    /// At this moment.
    At(Instant),
    /// After so many deliveries.
    After(u64),
}

/// A load.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Where the gateway listens.
    pub gateway: SocketAddr,
    /// Lines that are open at once.
    pub connections: usize,
    /// Texts in a delivery, each of another customer.
    pub texts: u32,
    /// When they are written.
    pub pace: Pace,
    /// When it ends.
    pub end: End,
}

/// What the lines of a load share.
struct Shared {
    load: Load,
    book: Arc<Book>,
    postman: Postman,
    begun: Instant,
    next: AtomicU64,
}

/// Runs a load to its end; answers may still be on their way.
pub async fn run(load: Load, book: &Arc<Book>, postman: &Postman) {
    let begun = Instant::now();
    let book = Arc::clone(book);
    let shared = Arc::new(Shared { load, book, postman: postman.clone(), begun, next: AtomicU64::new(0) });
    let lines = (0..load.connections).map(|_| tokio::spawn(write(Arc::clone(&shared))));
    futures_util::future::join_all(lines.collect::<Vec<_>>()).await;
}

async fn write(shared: Arc<Shared>) {
    let mut line = None;
    while let Some(planned) = shared.turn() {
        // A line that was free when its turn came is measured from when the timer let it go: the timer's coarseness is
        // no delay of the gateway. A line that came late is measured from its turn, so that no delay is overlooked.
        let early = planned > Instant::now();
        if early {
            tokio::time::sleep_until(planned.into()).await;
        }
        let mut due = if early { Instant::now() } else { planned };
        let Some(customers) = shared.customers().await else { return };
        if matches!(shared.load.pace, Pace::Closed) {
            due = Instant::now();
        }
        let texts = shared.book.open(&customers, due);
        let request = shared.postman.texts(&texts);
        if post(shared.load.gateway, &mut line, &request).await {
            shared.book.acknowledged(texts.len().try_into().unwrap_or_default(), due);
        } else {
            shared.book.refused(&texts);
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Shared {
    /// When the next delivery is planned; none when the load is over.
    fn turn(&self) -> Option<Instant> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let planned = match self.load.pace {
            Pace::Closed => Instant::now(),
            Pace::Timetable { per_second } => {
                self.begun + Duration::from_nanos(number.saturating_mul(1_000_000_000) / per_second.max(1))
            }
        };
        let over = match self.load.end {
            End::At(end) => planned >= end,
            End::After(deliveries) => number >= deliveries,
        };
        (!over).then_some(planned)
    }

    /// Customers that are free to write; none when the load ends before there are any.
    async fn customers(&self) -> Option<Vec<u32>> {
        let free = self.book.customers(self.load.texts);
        match self.load.end {
            End::At(end) => tokio::time::timeout_at(end.into(), free).await.ok(),
            End::After(_) => Some(free.await),
        }
    }
}

/// Posts a delivery; true when it was acknowledged. A line that broke is opened again for the next.
pub async fn post(gateway: SocketAddr, line: &mut Option<Line>, request: &[u8]) -> bool {
    if line.is_none() {
        *line = Line::open(gateway).await.ok();
    }
    let Some(open) = line else { return false };
    match open.exchange(request).await {
        Ok((status, _)) => status == 200,
        Err(_) => {
            *line = None;
            false
        }
    }
}
