//! One conversation at work: reads its state once, decides in `domain`, commits, and keeps what was committed.

mod live;
mod sifting;

use std::collections::VecDeque;
use std::sync::Arc;

use switchboard_channels::contract::inbound::Event;
use tokio_util::sync::CancellationToken;

use super::ActorError;
use super::errands::{Begun, News, Observed, Said, Say, Taken, TurnAnswer};
use super::hub::{Hub, Sight, TurnEnd};
use crate::domain::changes::{Change, Idempotency, Refusal};
use crate::domain::conversations::{self as rules, Amendment, Conversation, Posted, Situation};
use crate::store::Store;
use crate::telemetry::crash;
use live::Live;
use sifting::{drop_known, drop_repeated, drop_revisions_of, under_key};

/// How often a decision is taken again when another node was faster.
const MOST_TRIES: usize = 8;
/// Texts kept for the next turn; a longer burst is read from the store.
const MOST_UNANSWERED: usize = 64;

/// One conversation.
pub struct Core {
    id: String,
    store: Store,
    hub: Hub,
    live: Option<Box<Live>>,
    handled: u64,
}

impl Core {
    /// A conversation that has not read its state yet.
    #[must_use]
    pub fn new(id: String, store: Store, hub: Hub) -> Self {
        Self { id, store, hub, live: None, handled: 0 }
    }

    async fn load(&mut self) -> Result<Option<&mut Live>, ActorError> {
        if self.live.is_none()
            && let Some(stored) = self.store.activate(&self.id).await?
        {
            let nothing_open = stored.state.answered_seq >= stored.state.last_seq;
            self.live = Some(Box::new(Live {
                state: stored.state,
                contact_name: stored.contact_name,
                identities: stored.identities,
                unanswered: VecDeque::new(),
                unanswered_known: nothing_open,
                running: None,
            }));
        }
        Ok(self.live.as_deref_mut())
    }

    /// Takes news: commits it and gives what became of it.
    ///
    /// # Errors
    /// `Refused(Taken)`: the contact has another conversation; the caller goes there. Others: see [`ActorError`].
    pub async fn receive(&mut self, mut news: News) -> Result<Taken, ActorError> {
        crash::point("conversation.receive");
        self.handled += 1;
        let clock = self.store.clock().clone();
        let mut duplicates = drop_repeated(&mut news.events);
        let mut erased = Vec::new();
        for _ in 0..MOST_TRIES {
            self.load().await?;
            let fresh = self.live.is_none();
            let state = match &self.live {
                Some(live) => live.state.clone().served_by(&news.channel),
                None => Conversation::begin(self.id.clone(), &news.channel, news.origin.clone(), clock.now()),
            };
            let make_id = || clock.id();
            let situation = Situation {
                now: clock.now(),
                rule: news.rule,
                nameless: news.nameless,
                quiet_ms: news.quiet_ms,
                new_id: &make_id,
            };
            let mut received = rules::receive(&state, &news.events, &situation);
            self.trim_known(&mut received.change);
            received.change.delivery.clone_from(&news.delivery);
            received.change.idempotency = under_key(news.idempotency.as_ref(), &received.change);
            received.change.most_messages = news.most_messages;
            if news.events.is_empty() && fresh {
                received.change.conversation = None;
            }
            let stored = received.change.messages.len() + received.change.revisions.len();
            match self.commit(std::mem::take(&mut received.change), &news).await? {
                Commitment::Done(news_found) => {
                    self.keep(received, fresh, &news);
                    let taken = self.taken(if news_found { stored } else { 0 }, duplicates);
                    return Ok(Taken { erased, ..taken });
                }
                Commitment::Again => self.live = None,
                Commitment::Without(known, was_erased) => {
                    duplicates += known.len();
                    drop_known(&mut news.events, &known);
                    if was_erased {
                        drop_revisions_of(&mut news.events, &known);
                        // Nor is it kept as it came.
                        news.delivery.iter_mut().for_each(|delivery| delivery.raw = Arc::default());
                        erased.extend(known);
                    }
                    if let Some(delivery) = &mut news.delivery
                        && news.events.is_empty()
                    {
                        delivery.outcome = crate::domain::deliveries::DeliveryOutcome::Duplicate;
                    }
                    if news.events.is_empty() && news.delivery.is_none() {
                        return Ok(Taken { erased, ..self.taken(0, duplicates) });
                    }
                }
            }
        }
        Err(ActorError::Refused(Refusal::Stale))
    }

    async fn commit(&mut self, change: Change, news: &News) -> Result<Commitment, ActorError> {
        let change = if news.events.is_empty() {
            Change { workspace_id: change.workspace_id, delivery: change.delivery, ..Change::default() }
        } else {
            change
        };
        match self.store.commit(change).await {
            Ok(committed) => Ok(Commitment::Done(committed.news)),
            Err(Refusal::Stale) => Ok(Commitment::Again),
            Err(Refusal::Duplicate(ids)) => Ok(Commitment::Without(ids, false)),
            Err(Refusal::Erased(ids)) if !ids.contains(&self.id) => Ok(Commitment::Without(ids, true)),
            Err(refusal) => {
                self.live = None;
                Err(refusal.into())
            }
        }
    }

    /// Leaves out of a change what the store has already: identities and an unchanged name.
    fn trim_known(&self, change: &mut Change) {
        if let (Some(conversation), Some(live)) = (&mut change.conversation, &self.live) {
            conversation.identities.retain(|identity| !live.identities.contains(identity));
            conversation.dropped.retain(|identity| live.identities.contains(identity));
            let moves = !conversation.identities.is_empty() || !conversation.dropped.is_empty();
            if !moves && change.messages.is_empty() && change.revisions.is_empty() {
                change.events.clear();
            }
            if conversation.contact_name == live.contact_name {
                conversation.contact_name = None;
            }
        }
    }

    fn keep(&mut self, received: rules::Received, fresh: bool, news: &News) {
        if news.events.is_empty() {
            return;
        }
        if fresh {
            self.live = Some(Box::new(Live {
                state: received.next.clone(),
                contact_name: None,
                identities: Vec::new(),
                unanswered: VecDeque::new(),
                unanswered_known: true,
                running: None,
            }));
        }
        let Some(live) = self.live.as_deref_mut() else { return };
        for event in &news.events {
            if let Event::Identity(change) = event {
                live.identities.retain(|identity| !change.before.contains(identity));
                live.identities.extend(change.after.iter().cloned());
            }
            let peer = match event {
                Event::Message(message) | Event::Echo(message) => &message.peer,
                Event::Edit(edit) => &edit.peer,
                Event::Deletion(deletion) => &deletion.peer,
                _ => continue,
            };
            for identity in &peer.identities {
                if !live.identities.contains(identity) {
                    live.identities.push(identity.clone());
                }
            }
            if matches!(event, Event::Message(_)) && peer.name.is_some() {
                live.contact_name.clone_from(&peer.name);
            }
        }
        if received.cancels_turn {
            live.cancel(&self.hub, &self.id);
        }
        live.state = received.next;
        if live.state.answered_seq >= live.state.last_seq {
            live.unanswered.clear();
            live.unanswered_known = true;
        }
        live.unanswered.extend(received.unanswered);
        live.identities.shrink_to_fit();
        if live.unanswered.len() > MOST_UNANSWERED {
            live.unanswered.clear();
            live.unanswered_known = false;
        }
    }

    fn taken(&self, stored: usize, duplicates: usize) -> Taken {
        Taken {
            duplicates,
            erased: Vec::new(),
            stored,
            last_seq: self.live.as_ref().map_or(0, |live| live.state.last_seq),
            turn: self.live.as_ref().and_then(|live| live.state.turn_job.clone()),
        }
    }

    /// Begins the turn of this job; `None` when it is no longer the current one.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn start_turn(&mut self, job_id: &str) -> Result<Option<Begun>, ActorError> {
        self.handled += 1;
        let Some(live) = self.load().await? else { return Ok(None) };
        let Some(agent_id) = live.state.agent_id.clone() else { return Ok(None) };
        if live.state.turn_job.as_deref() != Some(job_id) {
            return Ok(None);
        }
        let cancel = CancellationToken::new();
        live.running = Some((job_id.to_owned(), cancel.clone()));
        let begun = Begun {
            agent_id,
            workspace_id: live.state.workspace_id.clone(),
            upto_seq: live.state.last_seq,
            unanswered: live.unanswered_known.then(|| live.unanswered.iter().map(|(_, text)| text.clone()).collect()),
            answered_seq: live.state.answered_seq,
            contact_name: live.contact_name.clone(),
            channel_id: live.state.channel_id.clone(),
            cancel,
        };
        if self.hub.is_watched(&self.id) {
            self.hub.show(&self.id, &Sight::TurnStarted { turn: job_id.into() });
        }
        Ok(Some(begun))
    }

    /// Takes a turn's answer. `false`: the turn was no longer wanted, and the answer is dropped.
    ///
    /// # Errors
    /// The store refused; the job is tried again.
    pub async fn finish_turn(&mut self, answer: TurnAnswer) -> Result<bool, ActorError> {
        crash::point("conversation.finish_turn");
        self.handled += 1;
        let clock = self.store.clock().clone();
        for _ in 0..MOST_TRIES {
            let Some(live) = self.load().await? else { return Ok(false) };
            let make_id = || clock.id();
            let situation =
                Situation { now: clock.now(), rule: answer.rule, nameless: false, quiet_ms: 0, new_id: &make_id };
            let turn = rules::Turn {
                job_id: &answer.job_id,
                upto_seq: answer.upto_seq,
                author: answer.author.clone(),
                pieces: answer.pieces.clone(),
                events: answer.events.clone(),
                to: &live.identities,
                message_ids: answer.message_ids.clone(),
                hand_to: answer.hand_to.clone(),
            };
            let (posted, wanted) = match rules::finish_turn(&live.state, turn, &situation) {
                Ok(posted) => (posted, true),
                Err((_, Some(posted))) => (*posted, false),
                Err((_, None)) => return Ok(false),
            };
            match self.store.commit(posted.change).await {
                Ok(_) => {
                    let end = if answer.failed { TurnEnd::Failed } else { TurnEnd::Ended };
                    self.kept_turn(posted.next, &answer, if wanted { end } else { TurnEnd::Cancelled });
                    return Ok(wanted);
                }
                Err(Refusal::Stale) => self.forget(),
                Err(Refusal::Fenced) => {
                    self.forget();
                    return Ok(false);
                }
                Err(refusal) => {
                    self.forget();
                    return Err(refusal.into());
                }
            }
        }
        Err(ActorError::Refused(Refusal::Stale))
    }

    fn kept_turn(&mut self, next: Conversation, answer: &TurnAnswer, end: TurnEnd) {
        if let Some(live) = self.live.as_deref_mut() {
            let answered = next.answered_seq;
            live.state = next;
            live.running = None;
            live.unanswered.retain(|(seq, _)| *seq > answered);
            // A conversation is idle most of its life: it keeps no room for the next burst.
            live.unanswered.shrink_to_fit();
            live.unanswered_known = live.unanswered_known || live.state.answered_seq >= live.state.last_seq;
        }
        if self.hub.is_watched(&self.id) {
            let sight = Sight::TurnEnded { turn: answer.job_id.as_str().into(), end, usage: answer.usage };
            self.hub.show(&self.id, &sight);
        }
    }

    /// Says something for a person or a program.
    ///
    /// # Errors
    /// The store refused.
    pub async fn say(&mut self, say: Say) -> Result<Said, ActorError> {
        self.handled += 1;
        let clock = self.store.clock().clone();
        for _ in 0..MOST_TRIES {
            self.load().await?;
            let born = say.birth.as_ref().filter(|_| self.live.is_none());
            let born = born.map(|birth| (birth.conversation(self.id.clone(), clock.now()), birth));
            let (state, to) = match (&self.live, &born) {
                (Some(live), _) => (&live.state, live.identities.as_slice()),
                (None, Some((state, birth))) => (state, std::slice::from_ref(&birth.to)),
                (None, None) => return Err(ActorError::Unknown),
            };
            let make_id = || clock.id();
            let situation =
                Situation { now: clock.now(), rule: say.rule, nameless: false, quiet_ms: 0, new_id: &make_id };
            let post = rules::Post {
                author: say.author.clone(),
                pieces: say.pieces.clone(),
                reply_to: say.reply_to.clone(),
                reply_to_provider: say.reply_to_provider.clone(),
                to,
                holds: say.holds,
                fallback_after: say.fallback_after,
                replaces: say.replaces.clone(),
            };
            let mut posted = match rules::post(state, post, &situation) {
                Ok(posted) => posted,
                Err(refused) => return Ok(Said::Refused(refused)),
            };
            if let (Some((_, birth)), Some(conversation)) = (&born, &mut posted.change.conversation) {
                conversation.identities.push(birth.to.clone());
                conversation.contact_name.clone_from(&birth.name);
            }
            // What was asked for stands in the one that was rendered; else in the first.
            let asked = posted.change.messages.iter().find(|new| new.message.rendering.is_some());
            let asked = asked.or_else(|| posted.change.messages.first());
            let Some(message) = asked.map(|new| new.message.clone()) else {
                return Err(ActorError::Unknown);
            };
            posted.change.most_messages = say.most_messages;
            posted.change.idempotency =
                say.idempotency.clone().map(|key| Idempotency { result_id: message.id.clone(), ..key });
            match self.store.commit(std::mem::take(&mut posted.change)).await {
                Ok(_) => {
                    self.kept_post(posted);
                    return Ok(Said::Stored(Box::new(message)));
                }
                Err(Refusal::Stale) => self.forget(),
                Err(Refusal::Repeated(earlier)) => return Ok(Said::Repeated(earlier)),
                Err(refusal) => {
                    self.forget();
                    return Err(refusal.into());
                }
            }
        }
        Err(ActorError::Refused(Refusal::Stale))
    }

    /// Changes what somebody wants changed, as decided on the newest state. `false`: there was nothing to change.
    ///
    /// # Errors
    /// The store refused.
    pub async fn amend(&mut self, amendment: &Amendment) -> Result<bool, ActorError> {
        self.handled += 1;
        let now = self.store.clock().now();
        for _ in 0..MOST_TRIES {
            let Some(live) = self.load().await? else { return Err(ActorError::Unknown) };
            let Some(mut posted) = rules::amend(&live.state, amendment, now) else { return Ok(false) };
            match self.store.commit(std::mem::take(&mut posted.change)).await {
                Ok(_) => {
                    self.kept_post(posted);
                    return Ok(true);
                }
                Err(Refusal::Stale) => self.forget(),
                Err(refusal) => {
                    self.forget();
                    return Err(refusal.into());
                }
            }
        }
        Err(ActorError::Refused(Refusal::Stale))
    }

    fn kept_post(&mut self, posted: Posted) {
        if let Some(live) = self.live.as_deref_mut() {
            if posted.cancels_turn {
                live.cancel(&self.hub, &self.id);
                live.unanswered.clear();
            }
            live.state = posted.next;
        }
    }

    /// Forgets all: what it is about was erased. A turn that runs is stopped.
    pub fn forget_all(&mut self) {
        if let Some(live) = self.live.as_deref_mut() {
            live.cancel(&self.hub, &self.id);
        }
        self.live = None;
    }

    /// Another node has committed something here: a turn that it has overtaken ends at once.
    ///
    /// # Errors
    /// The store could not be read; the turn finds out when it ends.
    pub async fn doubt(&mut self) -> Result<(), ActorError> {
        let Some(live) = self.live.as_deref() else { return Ok(()) };
        let Some(turn) = live.turn().map(str::to_owned) else { return Ok(()) };
        let stored = self.store.activate(&self.id).await?;
        if stored.is_none_or(|stored| stored.state.turn_job != Some(turn)) {
            self.forget_all();
        }
        Ok(())
    }

    /// Forgets the cached state but not a running turn's token: the next work reads the store.
    fn forget(&mut self) {
        self.live = None;
    }

    /// A turn is running: the actor must not be put to sleep.
    #[must_use]
    pub fn is_working(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live.running.is_some())
    }

    /// What an operator sees.
    #[must_use]
    pub fn observe(&self, revivals: u32) -> Observed {
        let state = self.live.as_ref().map(|live| &live.state);
        Observed {
            conversation_id: self.id.clone(),
            version: state.map(|state| state.version),
            last_seq: state.map(|state| state.last_seq),
            owner: state.map(|state| state.owner.clone()),
            turn: state.and_then(|state| state.turn_job.clone()),
            unanswered: self.live.as_ref().map_or(0, |live| live.unanswered.len()),
            handled: self.handled,
            revivals,
        }
    }
}

enum Commitment {
    Done(bool),
    Again,
    /// Without these, which are known or, if so, were erased.
    Without(Vec<String>, bool),
}
