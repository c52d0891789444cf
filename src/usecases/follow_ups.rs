//! Follow-ups: made and changed. Their reminders are told as those of tasks are.

use super::Switchboard;
use super::once::{self, Refused};
use crate::domain::follow_ups::{FollowUp, FollowUpFields};
use crate::domain::tasks::Source;

impl Switchboard {
    /// Makes a follow-up, once for each key. Gives it, and whether the key had made it before.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn add_follow_up(
        &self,
        workspace_id: &str,
        said: &FollowUpFields,
        source: Source,
        key: Option<String>,
    ) -> Result<(FollowUp, bool), Refused> {
        let id = self.store.clock().id();
        let wanted = once::under(key, "follow_up", said, &id);
        let earlier = match self.made_under(workspace_id, wanted.as_ref()).await? {
            Some(earlier) => earlier,
            None => {
                let here = self.standpoint(workspace_id).await?;
                let blank = FollowUp::blank(id, source, here.now);
                let made = blank.replaced(said, &here).map_err(Refused::Fields)?;
                self.judge_subjects(workspace_id, made.contact_id.as_deref(), made.conversation_id.as_deref()).await?;
                match self.store.add_item(workspace_id, &made, wanted.as_ref()).await {
                    Ok(()) => return Ok((made, false)),
                    Err(refusal) => once::repeated(wanted.as_ref(), refusal)?,
                }
            }
        };
        let earlier = self.store.follow_up(workspace_id, &earlier).await?;
        earlier.map(|follow_up| (follow_up, true)).ok_or(Refused::Gone)
    }

    /// Changes a follow-up: what is left out stays, or, if it is replaced `whole`, is as in a new one.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn change_follow_up(
        &self,
        workspace_id: &str,
        id: &str,
        said: &FollowUpFields,
        whole: bool,
    ) -> Result<FollowUp, Refused> {
        let here = self.standpoint(workspace_id).await?;
        let before = self.store.follow_up(workspace_id, id).await?.ok_or(Refused::Unknown)?;
        let change = |one: &FollowUp| if whole { one.replaced(said, &here) } else { one.changed(said, &here) };
        // What is wrong in itself is told before what leads nowhere.
        change(&before).map_err(Refused::Fields)?;
        let contact = said.contact_id.as_ref().and_then(Option::as_deref);
        let conversation = said.conversation_id.as_ref().and_then(Option::as_deref);
        self.judge_subjects(workspace_id, contact, conversation).await?;
        Ok(self.store.change_item::<FollowUp>(workspace_id, id, change).await?)
    }
}
