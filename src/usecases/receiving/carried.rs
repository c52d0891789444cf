//! Files that a delivery carries within itself: kept before the message that shows them.

use switchboard_channels::contract::inbound::{CarriedFile, Message as Incoming};

use super::Turned;
use crate::usecases::Switchboard;
use crate::usecases::directory::Account;

impl Switchboard {
    /// Keeps the files that a message names among those that its delivery carries, and names them by our ids.
    pub(super) async fn keep_carried(
        &self,
        account: &Account,
        message: &mut Incoming,
        files: &[CarriedFile],
    ) -> Result<(), Turned> {
        if files.is_empty() {
            return Ok(());
        }
        let unkept = |error: crate::usecases::filing::Unfiled| Turned::Unavailable(error.to_string());
        for media in message.content.all_media_mut() {
            let Some(carried) = files.iter().find(|file| Some(&file.id) == media.id.as_ref()) else { continue };
            let mut intake = self.begin_file().await.map_err(unkept)?;
            intake.write(&carried.bytes).await.map_err(unkept)?;
            let mime_type = media.mime_type.clone().unwrap_or_else(|| "application/octet-stream".to_owned());
            let kept = intake.keep(&account.channel.workspace_id, mime_type, media.filename.clone()).await;
            let kept = kept.map_err(unkept)?;
            media.id = None;
            media.size = u64::try_from(kept.size).ok();
            media.sha256 = Some(kept.sha256);
            media.file_id = Some(kept.id);
        }
        Ok(())
    }
}
