//! What a send needs before it can be rendered: its message, its thread, its files, and that nothing speaks against it.

use bytes::Bytes;
use switchboard_channels::contract::capabilities::{MediaBy, WindowRule};
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::failure::{Failure, Fault, Retry};
use switchboard_channels::contract::inbound::Thread;
use switchboard_channels::contract::mail::Mail;
use switchboard_channels::contract::outbound::Right;
use switchboard_channels::contract::peer::Identity;
use switchboard_channels::contract::vendor::Vendor;

use super::THREAD_REACH;
use crate::domain::files::File;
use crate::domain::jobs::{Cargo, Job};
use crate::domain::messages::Direction;
use crate::domain::windows;
use crate::net::{self, Client};
use crate::usecases::directory::Account;
use crate::usecases::receiving::OPTED_OUT;
use crate::usecases::{Switchboard, downloading};

impl Switchboard {
    /// What a message continues, where a person has several threads: what was said in this one, the person's last word
    /// first.
    pub(super) async fn thread_of(&self, job: &Job, cargo: &Cargo) -> Result<Option<Thread>, String> {
        let text = |error: crate::store::StoreError| error.to_string();
        let (workspace_id, id) = (&job.workspace_id, &cargo.conversation_id);
        let conversation = self.store.conversation(workspace_id, id).await.map_err(text)?;
        let messages = self.store.messages(workspace_id, id, None, THREAD_REACH).await.map_err(text)?;
        let earlier = messages.iter().rev().filter(|message| message.seq < cargo.message.seq);
        let said = |direction: Direction| {
            let of = earlier.clone().filter(move |message| message.direction == direction);
            of.filter_map(|message| message.provider_id.clone())
        };
        let mut references: Vec<String> = said(Direction::Inbound).take(1).collect();
        let others: Vec<String> = earlier
            .clone()
            .filter_map(|message| message.provider_id.clone())
            .filter(|id| !references.contains(id))
            .collect();
        references.extend(others);
        let subject = conversation.and_then(|conversation| conversation.state.subject);
        Ok(Some(Thread { references, subject, ..Thread::default() }))
    }

    /// The bytes of a mail's files, in its order.
    pub(super) async fn mail_files(&self, account: &Account, mail: &Mail) -> Result<Vec<Bytes>, Failure> {
        let mut files = Vec::with_capacity(mail.files.len());
        for named in &mail.files {
            files.push(self.file_bytes(&account.channel.workspace_id, &named.file_id).await?.1);
        }
        Ok(files)
    }

    pub(super) async fn file_bytes(&self, workspace_id: &str, file_id: &str) -> Result<(File, Bytes), Failure> {
        let unavailable = |reason: String| Failure::new("MEDIA_REJECTED", reason, Retry::Backoff, Fault::Gateway);
        let found = self.store.file(workspace_id, file_id).await.map_err(|error| unavailable(error.to_string()))?;
        let missing = || Failure::content("MEDIA_REJECTED", "there is no such file in this workspace");
        let file = found.ok_or_else(missing)?;
        let path = downloading::place(&self.options.files, &file.sha256);
        let bytes = tokio::fs::read(&path).await.map_err(|error| unavailable(error.to_string()))?;
        Ok((file, bytes.into()))
    }

    /// Why nothing may be sent to these addresses, if something speaks against it.
    pub(in crate::usecases) async fn suppressed(
        &self,
        account: &Account,
        to: &[Identity],
    ) -> Result<Option<Failure>, String> {
        let channel = &account.channel;
        if !self.directory.suppresses(channel).await.map_err(|error| error.to_string())? {
            return Ok(None);
        }
        let found = self.store.suppression(&channel.workspace_id, &channel.id, to).await;
        let found = found.map_err(|error| error.to_string())?;
        Ok(found.map(|why| {
            let code = if why.code == OPTED_OUT { "RECIPIENT_OPTED_OUT" } else { why.code.as_str() };
            Failure::new(code, why.reason, Retry::Never, Fault::Recipient)
        }))
    }

    pub(super) async fn load_cargo(&self, job: &Job, message_id: &str) -> Result<Option<Cargo>, String> {
        let text = |error: crate::store::StoreError| error.to_string();
        let Some(stored) = self.store.message(&job.workspace_id, message_id).await.map_err(text)? else {
            return Ok(None);
        };
        let conversation = self.store.conversation(&job.workspace_id, &stored.conversation_id).await.map_err(text)?;
        let reply_to = match &stored.message.reply_to {
            Some(id) => self
                .store
                .message(&job.workspace_id, id)
                .await
                .map_err(text)?
                .and_then(|answered| answered.message.provider_id),
            None => None,
        };
        let Some(conversation) = conversation else { return Ok(None) };
        let account = self.directory.channel(&stored.channel_id).await.map_err(text)?;
        let rule = account.map_or(WindowRule::None, |account| account.window_rule());
        let (expires_at, author) = (conversation.state.window_expires_at, stored.message.author.kind);
        let right = windows::right(rule, expires_at, self.store.clock().now(), author);
        Ok(Some(Cargo {
            message: stored.message,
            conversation_id: stored.conversation_id,
            channel_id: stored.channel_id,
            to: conversation.identities,
            reply_to,
            // What has lost its right meanwhile is refused by the vendor, in the vendor's words.
            right: right.unwrap_or(Right::Window),
        }))
    }

    /// Brings a stored file to where the vendor takes it from, where the content names one.
    pub(super) async fn with_media(
        &self,
        cargo: &Cargo,
        vendor: &dyn Vendor,
        account: &Account,
        client: &Client,
    ) -> Result<Option<Content>, Failure> {
        let Some(media) = cargo.content().media() else { return Ok(None) };
        let (Some(file_id), None) = (&media.file_id, &media.id) else { return Ok(None) };
        let workspace_id = &account.channel.workspace_id;
        let unavailable = |reason: String| Failure::new("MEDIA_REJECTED", reason, Retry::Backoff, Fault::Gateway);
        let mut content = cargo.content().clone();
        let Some(media) = content.media_mut() else { return Ok(None) };
        match vendor.capabilities().media_by {
            MediaBy::Attachment => return Ok(None),
            MediaBy::Link => {
                let found = self.store.file(workspace_id, file_id).await;
                let found = found.map_err(|error| unavailable(error.to_string()))?;
                let missing = || Failure::content("MEDIA_REJECTED", "there is no such file in this workspace");
                media.url = Some(self.file_link(workspace_id, &found.ok_or_else(missing)?));
            }
            MediaBy::Upload => {
                let (file, bytes) = self.file_bytes(workspace_id, file_id).await?;
                let name = file.filename.clone().unwrap_or_else(|| "file".to_owned());
                let request = vendor.media_upload(&file.mime_type, &name)?;
                let answer = client.send(&request, Some(net::File::from_bytes(bytes))).await;
                let answer = answer.map_err(|error| unavailable(error.to_string()))?;
                media.id = Some(vendor.uploaded(answer.status, &answer.body)?);
                media.url = None;
            }
        }
        Ok(Some(content))
    }
}
