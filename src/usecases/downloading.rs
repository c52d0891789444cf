//! A file that an inbound message announced is fetched from the vendor and kept once by its hash. Each of a message's
//! files has a job of its own, so that one which cannot be had keeps none of the others back.

use std::path::{Path, PathBuf};

use switchboard_channels::contract::outbound::MediaLink;
use switchboard_channels::contract::vendor::Vendor;

use super::Switchboard;
use crate::domain::changes::{AttachmentChange, Change, Refusal};
use crate::domain::files::File;
use crate::domain::jobs::{Job, MOST_ATTEMPTS, Verdict, backoff_ms};
use crate::domain::messages::{Attachment, AttachmentState, Message};
use crate::net::{Client, Download};
use crate::telemetry::{chance, crash};

/// Why a file was not fetched.
struct Missed {
    reason: String,
    again: bool,
}

/// Where a file's bytes lie under the folder of files.
#[must_use]
pub fn place(folder: &Path, sha256: &str) -> PathBuf {
    folder.join(sha256.get(..2).unwrap_or("00")).join(sha256)
}

impl Switchboard {
    /// Runs a download job.
    pub async fn download(&self, job: &Job, message_id: &str, index: usize, client: &Client) -> Verdict {
        let stored = match self.store.message(&job.workspace_id, message_id).await {
            Ok(Some(stored)) => stored,
            Ok(None) => return Verdict::Drop,
            Err(error) => return again(job, error.to_string()),
        };
        let account = match self.directory.channel(&stored.channel_id).await {
            Ok(Some(account)) => account,
            Ok(None) => return Verdict::Drop,
            Err(error) => return again(job, error.to_string()),
        };
        let Some(known) = stored.message.attachments.get(index) else { return Verdict::Drop };
        let fetched = match &account.vendor {
            Ok(vendor) => self.fetch(&stored.message, index, vendor.as_ref(), account.way_out(client)).await,
            Err(reason) => Err(Missed { reason: reason.clone(), again: true }),
        };
        crash::point("downloading.fetched");
        let (attachment, file) = match fetched {
            Ok(file) => (found(known, &file), Some(file)),
            Err(missed) if missed.again && job.attempts + 1 < MOST_ATTEMPTS => return again(job, missed.reason),
            Err(missed) => {
                let lost = Attachment { state: AttachmentState::Failed, error: Some(missed.reason), ..known.clone() };
                (lost, None)
            }
        };
        let sha256 = file.as_ref().map(|file| file.sha256.clone());
        let change = Change {
            workspace_id: job.workspace_id.clone(),
            attachments: vec![AttachmentChange { message_id: message_id.to_owned(), index, attachment, file }],
            finishes: Some(job.id.clone()),
            ..Change::default()
        };
        match self.store.commit(change).await {
            Ok(_) => Verdict::Done,
            Err(Refusal::Fenced) => match sha256.map(|sha256| self.store.drop_bytes(sha256)) {
                // Another node may have stored it; else the message was erased meanwhile.
                Some(dropping) => dropping.await.map_or_else(|error| again(job, error.to_string()), |()| Verdict::Done),
                None => Verdict::Done,
            },
            Err(refusal) => again(job, refusal.to_string()),
        }
    }

    async fn fetch(
        &self,
        message: &Message,
        index: usize,
        vendor: &dyn Vendor,
        client: &Client,
    ) -> Result<File, Missed> {
        let media = message.content.all_media().nth(index).ok_or_else(|| never("the message has no such file"))?;
        let link = match &media.id {
            Some(id) => {
                let request = vendor.media_lookup(id).map_err(|failure| never(&failure.message))?;
                let answer = client.send(&request, None).await.map_err(|error| soon(&error.to_string()))?;
                vendor.media_link(answer.status, &answer.body).map_err(|failure| Missed {
                    again: failure.retry != switchboard_channels::contract::failure::Retry::Never,
                    reason: failure.message,
                })?
            }
            // Some vendors give the address at once.
            None => MediaLink { url: media.url.clone().unwrap_or_default(), ..MediaLink::default() },
        };
        if link.size.is_some_and(|size| size > self.options.largest_file) {
            return Err(never("the file is larger than this gateway keeps"));
        }
        let request = vendor.media_download(&link.url).map_err(|failure| never(&failure.message))?;
        let draft = self.options.files.join("incoming").join(self.store.clock().id());
        let outcome = self.store_bytes(&request, client, &draft).await;
        let _ = tokio::fs::remove_file(&draft).await;
        let (sha256, size, mime_type) = outcome?;
        let promised = media.sha256.as_ref().or(link.sha256.as_ref());
        if promised.is_some_and(|promised| *promised != sha256) {
            return Err(soon("the bytes do not have the hash that the vendor stated"));
        }
        Ok(File {
            id: self.store.clock().id(),
            sha256,
            size,
            mime_type: media
                .mime_type
                .clone()
                .or(link.mime_type)
                .or(mime_type)
                .unwrap_or_else(|| "application/octet-stream".to_owned()),
            filename: media.filename.clone(),
        })
    }

    async fn store_bytes(
        &self,
        request: &switchboard_channels::contract::request::Request,
        client: &Client,
        draft: &Path,
    ) -> Result<(String, i64, Option<String>), Missed> {
        let disk = |error: std::io::Error| soon(&format!("the file store: {error}"));
        if let Some(folder) = draft.parent() {
            tokio::fs::create_dir_all(folder).await.map_err(disk)?;
        }
        let mut file = tokio::fs::File::create(draft).await.map_err(disk)?;
        let kept = client
            .download(request, self.options.largest_file, &mut file)
            .await
            .map_err(|error| soon(&error.to_string()))?;
        let kept = match kept {
            Download::Kept(kept) => kept,
            Download::Declined(answer) => return Err(soon(&format!("the vendor answered {}", answer.status))),
        };
        // The bytes are durable before anything names them.
        file.sync_all().await.map_err(disk)?;
        let target = place(&self.options.files, &kept.sha256);
        if let Some(folder) = target.parent() {
            tokio::fs::create_dir_all(folder).await.map_err(disk)?;
        }
        tokio::fs::rename(draft, &target).await.map_err(disk)?;
        Ok((kept.sha256, i64::try_from(kept.size).unwrap_or(i64::MAX), kept.mime_type))
    }
}

fn found(known: &Attachment, file: &File) -> Attachment {
    Attachment {
        id: Some(file.id.clone()),
        state: AttachmentState::Stored,
        mime_type: Some(file.mime_type.clone()),
        size: u64::try_from(file.size).ok(),
        url: Some(format!("/api/files/{}", file.id)),
        error: None,
        ..known.clone()
    }
}

fn never(reason: &str) -> Missed {
    Missed { reason: reason.to_owned(), again: false }
}

fn soon(reason: &str) -> Missed {
    Missed { reason: reason.to_owned(), again: true }
}

fn again(job: &Job, reason: String) -> Verdict {
    Verdict::Retry { after_ms: backoff_ms(job.attempts, chance::below(1_000)), reason }
}
