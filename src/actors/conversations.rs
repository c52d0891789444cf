//! Conversations as actors: one mailbox each, one piece of work at a time, in the order of arrival.

use actix::{Actor, ActorContext, ActorFutureExt, AtomicResponse, Context, Handler, Message, WrapFuture};
use tokio::sync::oneshot;

use super::ActorError;
use super::core::Core;
use super::errands::{Begun, News, Observed, Said, Say, Taken, TurnAnswer};
use crate::domain::conversations::Amendment;

/// Pieces of work that may wait for one conversation.
const MAILBOX: usize = 1_024;

/// Work for a conversation, with where its answer goes. A dropped answer means that the actor died.
pub enum Errand {
    /// News from the vendor or a visitor.
    Receive(Box<News>, Reply<Taken>),
    /// Begin the turn of a job.
    StartTurn(String, Reply<Option<Begun>>),
    /// Take a turn's answer.
    FinishTurn(Box<TurnAnswer>, Reply<bool>),
    /// Say something for a person or a program.
    Say(Box<Say>, Reply<Said>),
    /// Change what somebody wants changed; `false`: there was nothing to change.
    Amend(Amendment, Reply<bool>),
    /// Forget everything: it was erased.
    Forget(Reply<()>),
    /// See whether another node has overtaken the turn.
    Doubt(Reply<()>),
    /// Show the state.
    Observe(Reply<Observed>),
}

/// Where an answer goes.
pub type Reply<T> = oneshot::Sender<Result<T, ActorError>>;

impl Errand {
    /// Answers that it was not done.
    pub fn refuse(self, error: ActorError) {
        match self {
            Self::Receive(_, reply) => drop(reply.send(Err(error))),
            Self::StartTurn(_, reply) => drop(reply.send(Err(error))),
            Self::FinishTurn(_, reply) => drop(reply.send(Err(error))),
            Self::Say(_, reply) => drop(reply.send(Err(error))),
            Self::Amend(_, reply) => drop(reply.send(Err(error))),
            Self::Forget(reply) => drop(reply.send(Err(error))),
            Self::Doubt(reply) => drop(reply.send(Err(error))),
            Self::Observe(reply) => drop(reply.send(Err(error))),
        }
    }
}

impl Message for Errand {
    type Result = ();
}

/// Asks an actor to stop unless a turn is running.
pub struct Sleep;

impl Message for Sleep {
    type Result = bool;
}

/// The actor. Its core is away while it works, so a panic leaves nothing half-changed behind.
pub struct Conversation {
    core: Option<Box<Core>>,
    revivals: u32,
}

impl Conversation {
    /// A conversation around its core; `revivals`: how often it died lately.
    #[must_use]
    pub fn new(core: Core, revivals: u32) -> Self {
        Self { core: Some(Box::new(core)), revivals }
    }
}

impl Actor for Conversation {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<Errand> for Conversation {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, errand: Errand, _: &mut Self::Context) -> Self::Result {
        let core = self.core.take();
        let revivals = self.revivals;
        AtomicResponse::new(Box::pin(
            async move {
                let mut core = core?;
                work(&mut core, errand, revivals).await;
                Some(core)
            }
            .into_actor(self)
            .map(|core, actor, _| actor.core = core),
        ))
    }
}

async fn work(core: &mut Core, errand: Errand, revivals: u32) {
    match errand {
        Errand::Receive(news, reply) => drop(reply.send(core.receive(*news).await)),
        Errand::StartTurn(job, reply) => drop(reply.send(core.start_turn(&job).await)),
        Errand::FinishTurn(answer, reply) => drop(reply.send(core.finish_turn(*answer).await)),
        Errand::Say(say, reply) => drop(reply.send(core.say(*say).await)),
        Errand::Amend(amendment, reply) => drop(reply.send(core.amend(&amendment).await)),
        Errand::Forget(reply) => {
            core.forget_all();
            drop(reply.send(Ok(())));
        }
        Errand::Doubt(reply) => drop(reply.send(core.doubt().await)),
        Errand::Observe(reply) => drop(reply.send(Ok(core.observe(revivals)))),
    }
}

impl Handler<Sleep> for Conversation {
    type Result = bool;

    fn handle(&mut self, _: Sleep, context: &mut Self::Context) -> bool {
        let asleep = self.core.as_ref().is_none_or(|core| !core.is_working());
        if asleep {
            context.stop();
        }
        asleep
    }
}
