//! What a member's line is told, in the order of the sequence: from the hub what comes next, from the store what is
//! missing, and never more than the client can take in.

use actix::{ActorFutureExt, AsyncContext, WrapFuture};

use super::frames::ServerFrame;
use super::{Context, Live, Seat};
use crate::store::LiveEvent;
use crate::store::events::StoredEvent;

/// Events that are read at once.
const PAGE: i64 = 100;
/// Events that may be on their way to a client; more are told once it has taken these in.
const ON_THE_WAY: u64 = 1_000;
/// How many events are written out between two questions whether they were taken in.
const ASK_EVERY: u64 = 200;

impl Seat {
    /// Whether an event is one that the client wants to be told of.
    fn wants(&self, kind: &str, conversation_id: Option<&str>) -> bool {
        let filter = &self.filter;
        (filter.kinds.is_empty() || filter.kinds.iter().any(|wanted| wanted == kind))
            && filter.conversation_id.as_deref().is_none_or(|wanted| conversation_id == Some(wanted))
    }

    /// Whether more may be on its way.
    const fn has_room(&self) -> bool {
        self.sent - self.taken < ON_THE_WAY
    }
}

impl Live {
    /// Tells of an event that was just committed, if it is the next one; else what is missing is read.
    pub(super) fn tell_live(&mut self, event: &LiveEvent, context: &mut Context) {
        let Some(seat) = self.seat.as_deref_mut() else { return };
        if event.seq <= seat.told {
            return;
        }
        if event.seq > seat.told + 1 || !seat.is_live || !seat.has_room() {
            return self.catch_up(context);
        }
        seat.told = event.seq;
        if seat.wants(event.kind, event.conversation_id.as_deref()) {
            let frame =
                ServerFrame::event(event.seq, event.kind, event.conversation_id.as_deref(), event.at, &event.data);
            self.write(frame, context);
        }
    }

    fn write(&mut self, frame: String, context: &mut Context) {
        let Some(seat) = self.seat.as_deref_mut() else { return };
        context.text(frame);
        seat.sent += 1;
        if seat.sent % ASK_EVERY == 0 {
            context.ping(&seat.sent.to_be_bytes());
        }
    }

    /// The client has taken in what was written out before the ping that it answers.
    pub(super) fn take_note(&mut self, payload: &[u8], context: &mut Context) {
        let Some(seat) = self.seat.as_deref_mut() else { return };
        let Ok(count) = payload.try_into().map(u64::from_be_bytes) else { return };
        let had_room = seat.has_room();
        seat.taken = seat.taken.max(count.min(seat.sent));
        if !had_room {
            self.catch_up(context);
        }
    }

    /// Reads what is missing, page by page. Meanwhile nothing else is told.
    pub(super) fn catch_up(&mut self, context: &mut Context) {
        let Some(seat) = self.seat.as_deref().filter(|seat| seat.has_room()) else { return };
        let (store, since) = (self.state.switchboard.store.clone(), seat.told);
        let workspace_id = seat.principal.workspace_id().to_owned();
        let reading = async move { store.events(&workspace_id, since, PAGE).await };
        let read = reading.into_actor(self).map(|page, line, context| match page {
            Ok(page) => line.tell_page(&page, context),
            Err(error) => Self::put_off(context, &error),
        });
        context.wait(read);
    }

    fn tell_page(&mut self, page: &[StoredEvent], context: &mut Context) {
        for event in page {
            let Some(seat) = self.seat.as_deref_mut() else { return };
            if event.seq <= seat.told {
                continue;
            }
            seat.told = event.seq;
            let conversation_id = event.conversation_id.as_deref();
            if seat.wants(&event.kind, conversation_id) {
                let frame = ServerFrame::event(event.seq, &event.kind, conversation_id, event.at, &event.data);
                self.write(frame, context);
            }
        }
        if i64::try_from(page.len()).is_ok_and(|count| count >= PAGE) {
            return self.catch_up(context);
        }
        let Some(seat) = self.seat.as_deref_mut() else { return };
        if !std::mem::replace(&mut seat.is_live, true) {
            context.text(ServerFrame::Live { seq: seat.told }.text());
            self.show_present(context);
        }
    }
}
