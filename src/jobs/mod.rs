//! What runs because time came or a queue said so. A job is a durable row; this room runs it, in the order of its
//! lane, and writes down how it ended.

pub mod adoption;
pub mod joining;
pub mod mailboxes;
pub mod remembering;
pub mod retention;
pub mod runner;
pub mod webhooks;
pub mod windows;

use crate::domain::jobs::{Job, Verdict, Work};
use crate::net::Client;
use crate::usecases::Switchboard;

/// Does the work of one job.
pub(crate) async fn perform(switchboard: &Switchboard, job: &Job, client: &Client) -> Verdict {
    match &job.work {
        Work::Answer { conversation_id } => switchboard.answer(job, conversation_id, client).await,
        Work::Send { message_id, .. } => switchboard.send(job, message_id, client).await,
        Work::Fallback { message_id } => switchboard.fall_back(job, message_id).await,
        Work::Profile { conversation_id } => switchboard.look_up(job, conversation_id, client).await,
        Work::Download { message_id, index } => switchboard.download(job, message_id, *index, client).await,
        Work::Visit { channel_id, address } => switchboard.visit_address(job, channel_id, address, client).await,
        Work::Code { code_id } => switchboard.carry_code(job, code_id, client).await,
        Work::Invite { invitation_id } => switchboard.carry_invitation(job, invitation_id, client).await,
        Work::Ingest { document_id, revision } => switchboard.ingest(job, document_id, revision, client).await,
        Work::Embed { of, id } => switchboard.embed(job, *of, id).await,
        Work::Remind { about, id } => switchboard.remind(job, *about, id).await,
        Work::Erase { erasure_id } => switchboard.run_erasure(job, erasure_id).await,
    }
}

/// What follows when a job is given up.
pub(crate) async fn given_up(switchboard: &Switchboard, job: &Job, reason: &str) {
    match &job.work {
        Work::Send { message_id, .. } => switchboard.give_up_send(job, message_id, reason).await,
        Work::Ingest { document_id, revision } => {
            switchboard.give_up_ingest(job, document_id, revision, reason).await;
        }
        _ => {}
    }
}
