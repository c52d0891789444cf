//! News of what was erased before: a vendor delivers it again, or a way still leads to where it was.

use switchboard_channels::contract::inbound::{Arrival, Event};

use super::{Share, Turned};
use crate::actors::ActorError;
use crate::domain::contacts::strongest;
use crate::usecases::Switchboard;
use crate::usecases::directory::Account;

impl Switchboard {
    /// Lets go what a share brought along of messages that were erased: the files that it carried.
    pub(super) async fn let_go(&self, share: &mut Share, erased: &[String]) -> Result<(), ActorError> {
        if erased.is_empty() {
            return Ok(());
        }
        let workspace_id = share.account.channel.workspace_id.clone();
        for event in &mut share.events {
            let Event::Message(message) = event else { continue };
            if erased.contains(&message.id) {
                for file_id in message.content.all_media_mut().into_iter().filter_map(|media| media.file_id.take()) {
                    self.store.drop_file(&workspace_id, &file_id).await?;
                }
            }
        }
        share.events.retain(|event| !matches!(event, Event::Message(message) if erased.contains(&message.id)));
        Ok(())
    }

    /// Lets a share begin a conversation of its own, of this contact or a new one.
    pub(super) fn begin_anew(&self, share: &mut Share, contact: Option<String>) {
        let clock = self.store.clock();
        share.path.conversation_id = clock.id();
        share.path.origin.contact_id = contact.unwrap_or_else(|| clock.id());
        let channel_id = &share.account.channel.id;
        for event in &share.events {
            if let Event::Message(message) | Event::Echo(message) = event
                && share.path.origin.thread.is_empty()
                && let Some(identity) = strongest(&message.peer.identities)
            {
                self.routes.put(channel_id, identity, &share.path.conversation_id, clock.now());
            }
        }
    }

    /// Receipts may be late, for messages that were erased: then the body of their delivery is not kept.
    pub(super) async fn forget_late_receipts(
        &self,
        delivery_id: &str,
        receipts: &[(String, String)],
    ) -> Result<(), Turned> {
        for (channel_id, id) in receipts {
            if self.store.is_erased(channel_id, id).await? {
                self.store.forget_delivery_body(delivery_id).await?;
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Which message a receipt is about: its channel and the vendor's id.
pub(super) fn receipt_in(account: &Account, arrival: &Arrival) -> Option<(String, String)> {
    match &arrival.event {
        Event::Receipt(receipt) => Some((account.channel.id.clone(), receipt.id.clone())),
        _ => None,
    }
}
