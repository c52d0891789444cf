//! Runs jobs on the shards: a job of a lane waits for those before it, a job with a time waits for it, and a job that
//! panics is tried again.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::{given_up, perform};
use crate::domain::jobs::{Job, MOST_ATTEMPTS, Verdict, Work, backoff_ms};
use crate::net::{self, Client, Trust};
use crate::store::JobFeed;
use crate::telemetry::{chance, crash};
use crate::usecases::Switchboard;

/// Jobs that run at once on one shard; more wait.
const CONCURRENCY: usize = 512;
/// How often a job looks whether the older ones of its lane, which another node has, are done, in milliseconds.
const BEHIND_WAIT_MS: u64 = 250;

/// The runners of all shards.
#[derive(Clone)]
pub struct Runners {
    posts: Arc<[mpsc::UnboundedSender<Job>]>,
    running: Arc<AtomicUsize>,
    stopping: CancellationToken,
    idle: Arc<Notify>,
}

impl Runners {
    /// Starts a runner on each shard's arbiter and feeds them.
    #[must_use]
    pub fn start(switchboard: &Switchboard, mut feed: JobFeed, net_options: &net::Options) -> Self {
        let running = Arc::new(AtomicUsize::new(0));
        let stopping = CancellationToken::new();
        let idle = Arc::new(Notify::new());
        let posts = switchboard
            .conversations
            .arbiters()
            .map(|arbiter| {
                let (post, jobs) = mpsc::unbounded_channel();
                let (switchboard, options) = (switchboard.clone(), net_options.clone());
                let (running, stopping, idle) = (Arc::clone(&running), stopping.clone(), Arc::clone(&idle));
                arbiter.spawn_fn(move || match Client::new(options, Trust::Operator) {
                    Ok(client) => drop(actix::spawn(run(switchboard, client, jobs, running, stopping, idle))),
                    Err(error) => tracing::error!(%error, "a job runner has no way out and does not start"),
                });
                post
            })
            .collect();
        let runners = Self { posts, running, stopping, idle };
        let (router, conversations) = (runners.clone(), switchboard.conversations.clone());
        actix::spawn(async move {
            while let Some(job) = feed.recv().await {
                router.post(conversations.shard_of(place(&job)), job);
            }
        });
        runners
    }

    /// Gives a job to its shard's runner.
    pub fn take(&self, switchboard: &Switchboard, job: Job) {
        self.post(switchboard.conversations.shard_of(place(&job)), job);
    }

    fn post(&self, shard: usize, job: Job) {
        if let Some(post) = self.posts.get(shard) {
            let _ = post.send(job);
        }
    }

    /// Starts nothing new and waits until what runs has ended, or `deadline` is over. What is left stays durable.
    pub async fn drain(&self, deadline: Duration) {
        self.stopping.cancel();
        let ended = async {
            loop {
                let notified = self.idle.notified();
                if self.running.load(Ordering::SeqCst) == 0 {
                    return;
                }
                notified.await;
            }
        };
        if tokio::time::timeout(deadline, ended).await.is_err() {
            tracing::warn!(jobs = self.running.load(Ordering::SeqCst), "jobs still run; they stay durable");
        }
    }
}

/// What decides where a job runs: its conversation, else its message or channel, else what it is about.
fn place(job: &Job) -> &str {
    match &job.work {
        Work::Answer { conversation_id } | Work::Send { conversation_id, .. } | Work::Profile { conversation_id } => {
            conversation_id
        }
        Work::Download { message_id, .. } | Work::Fallback { message_id } => message_id,
        Work::Visit { channel_id, .. } => channel_id,
        Work::Code { code_id } => code_id,
        Work::Invite { invitation_id } => invitation_id,
        Work::Ingest { document_id, .. } => document_id,
        Work::Embed { id, .. } => id,
        Work::Remind { id, .. } => id,
        Work::Erase { erasure_id } => erasure_id,
    }
}

struct State {
    /// Jobs by lane; the first of a lane is running or waiting for its time.
    lanes: HashMap<String, VecDeque<Job>>,
    /// Jobs that wait for their time, by (time, tie-breaker).
    timed: BTreeMap<(i64, u64), Job>,
    /// Jobs that may run when there is room.
    ready: VecDeque<Job>,
    counter: u64,
    in_flight: usize,
}

async fn run(
    switchboard: Switchboard,
    client: Client,
    mut jobs: mpsc::UnboundedReceiver<Job>,
    running: Arc<AtomicUsize>,
    stopping: CancellationToken,
    idle: Arc<Notify>,
) {
    let state = Rc::new(RefCell::new(State {
        lanes: HashMap::new(),
        timed: BTreeMap::new(),
        ready: VecDeque::new(),
        counter: 0,
        in_flight: 0,
    }));
    let (ended, mut endings) = mpsc::unbounded_channel::<(Job, Verdict)>();
    loop {
        let now = switchboard.store.clock().now();
        let next = state.borrow().timed.keys().next().map(|(at, _)| *at);
        let wait = next.map_or(Duration::from_secs(3_600), |at| {
            Duration::from_millis(u64::try_from(at - now).unwrap_or_default().min(3_600_000))
        });
        tokio::select! {
            job = jobs.recv() => match job {
                Some(job) => state.borrow_mut().enter(job, now),
                None => return,
            },
            Some((job, verdict)) = endings.recv() => {
                state.borrow_mut().in_flight -= 1;
                conclude(&switchboard, &state, job, verdict, now).await;
                if running.fetch_sub(1, Ordering::SeqCst) == 1 {
                    idle.notify_waiters();
                }
            },
            () = tokio::time::sleep(wait), if next.is_some() => {}
        }
        state.borrow_mut().wake(switchboard.store.clock().now());
        while !stopping.is_cancelled() {
            let Some(mut job) = state.borrow_mut().next() else { break };
            running.fetch_add(1, Ordering::SeqCst);
            let (switchboard, client, ended) = (switchboard.clone(), client.clone(), ended.clone());
            actix::spawn(async move {
                job.behind = job.behind && !switchboard.store.leads_lane(&job).await.unwrap_or(false);
                let work = async {
                    if job.behind {
                        let reason = "another node has older jobs of its lane".to_owned();
                        return Verdict::Wait { after_ms: BEHIND_WAIT_MS, reason };
                    }
                    crash::point("jobs.start");
                    perform(&switchboard, &job, &client).await
                };
                let verdict = AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| Verdict::Retry {
                    after_ms: backoff_ms(job.attempts, chance::below(1_000)),
                    reason: "it panicked".to_owned(),
                });
                let _ = ended.send((job, verdict));
            });
        }
    }
}

impl State {
    /// Takes a job in: behind the others of its lane, or for its time, or ready.
    fn enter(&mut self, job: Job, now: i64) {
        if job.lane.is_empty() {
            self.schedule(job, now);
            return;
        }
        match self.lanes.get_mut(&job.lane) {
            Some(line) => {
                let lane = matches!(job.work, Work::Answer { .. }).then(|| job.lane.clone());
                insert(line, job);
                if let Some(lane) = lane {
                    self.overtake(&lane, now);
                }
            }
            None => {
                self.lanes.insert(job.lane.clone(), VecDeque::new());
                self.schedule(job, now);
            }
        }
    }

    /// Lets a job wait for its time at the head of its lane, unless an older one has come in meanwhile from another node.
    fn put_back(&mut self, job: Job, now: i64) {
        let line = self.lanes.get_mut(&job.lane);
        match line.filter(|line| line.front().is_some_and(|first| first.id < job.id)) {
            Some(line) => {
                let lane = job.lane.clone();
                insert(line, job);
                self.leave(&lane, now);
            }
            None => self.schedule(job, now),
        }
    }

    /// A newer turn need not wait for the time of an older one that it has replaced.
    fn overtake(&mut self, lane: &str, now: i64) {
        let waiting = self.timed.iter().find(|(_, job)| job.lane == lane).map(|(key, _)| *key);
        if let Some(key) = waiting {
            self.timed.remove(&key);
            self.leave(lane, now);
        }
    }

    fn schedule(&mut self, job: Job, now: i64) {
        if job.run_at > now {
            self.counter += 1;
            self.timed.insert((job.run_at, self.counter), job);
        } else {
            self.ready.push_back(job);
        }
    }

    /// Moves the jobs whose time has come.
    fn wake(&mut self, now: i64) {
        while let Some(entry) = self.timed.first_entry() {
            if entry.key().0 > now {
                break;
            }
            self.ready.push_back(entry.remove());
        }
    }

    fn next(&mut self) -> Option<Job> {
        if self.in_flight >= CONCURRENCY {
            return None;
        }
        let job = self.ready.pop_front()?;
        self.in_flight += 1;
        Some(job)
    }

    /// Lets the next job of a lane come forward.
    fn leave(&mut self, lane: &str, now: i64) {
        if lane.is_empty() {
            return;
        }
        let next = self.lanes.get_mut(lane).and_then(VecDeque::pop_front);
        match next {
            Some(job) => self.schedule(job, now),
            None => {
                self.lanes.remove(lane);
            }
        }
    }
}

/// Puts a job into a lane: the order of ids is the order of their making.
fn insert(line: &mut VecDeque<Job>, job: Job) {
    let at = line.partition_point(|waiting| waiting.id < job.id);
    line.insert(at, job);
}

async fn conclude(switchboard: &Switchboard, state: &Rc<RefCell<State>>, mut job: Job, verdict: Verdict, now: i64) {
    metrics::counter!("switchboard_jobs_total", "kind" => job.work.kind(), "end" => word(&verdict)).increment(1);
    let (after_ms, reason, counts) = match verdict {
        Verdict::Done => {
            state.borrow_mut().leave(&job.lane, now);
            return;
        }
        Verdict::Drop => {
            if let Err(error) = switchboard.store.drop_job(&job.id).await {
                tracing::warn!(job_id = job.id, %error, "a job with nothing left to do could not be deleted");
            }
            state.borrow_mut().leave(&job.lane, now);
            return;
        }
        Verdict::Dead { reason } => {
            bury(switchboard, &job, &reason).await;
            state.borrow_mut().leave(&job.lane, now);
            return;
        }
        Verdict::Retry { after_ms, reason } => (after_ms, reason, true),
        Verdict::Wait { after_ms, reason } => (after_ms, reason, false),
    };
    if counts {
        job.attempts += 1;
    }
    if job.attempts >= MOST_ATTEMPTS {
        bury(switchboard, &job, &reason).await;
        state.borrow_mut().leave(&job.lane, now);
        return;
    }
    job.run_at = now.saturating_add(i64::try_from(after_ms).unwrap_or(i64::MAX));
    // Who still waits for others has not tried anything yet.
    job.reclaimed &= job.behind;
    job.cargo = None;
    tracing::info!(job_id = job.id, kind = job.work.kind(), attempts = job.attempts, after_ms, reason, "a job waits");
    crash::point("jobs.put_off.before");
    let put_off = switchboard.store.put_off_job(&job.id, job.run_at, job.attempts, &reason).await;
    crash::point("jobs.put_off.after");
    match put_off {
        // Another node took it, or it was superseded.
        Ok(false) => state.borrow_mut().leave(&job.lane, now),
        Ok(true) => state.borrow_mut().put_back(job, now),
        Err(error) => {
            tracing::warn!(job_id = job.id, %error, "a job's wait could not be written down; it waits in memory");
            state.borrow_mut().put_back(job, now);
        }
    }
}

async fn bury(switchboard: &Switchboard, job: &Job, reason: &str) {
    tracing::error!(job_id = job.id, kind = job.work.kind(), reason, "a job is given up");
    given_up(switchboard, job, reason).await;
    if let Err(error) = switchboard.store.bury_job(&job.id, job.attempts, reason).await {
        tracing::error!(job_id = job.id, %error, "a given-up job could not be marked");
    }
}

const fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Done | Verdict::Drop => "done",
        Verdict::Retry { .. } => "retry",
        Verdict::Wait { .. } => "wait",
        Verdict::Dead { .. } => "dead",
    }
}
