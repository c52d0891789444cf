//! A message leaves: rendered for its channel, posted once, and what the vendor said is committed. A send whose answer
//! was lost is uncertain: its receipt is awaited before it is sent again.

use switchboard_channels::contract::capabilities::WindowRule;
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::failure::{Failure, Fault, Retry};
use switchboard_channels::contract::inbound::Progress as Reached;
use switchboard_channels::contract::outbound::{Outbound, Right, Sent};
use switchboard_channels::contract::peer::Identity;
use switchboard_channels::contract::request::{Body, Dispatch, Request};
use switchboard_channels::contract::vendor::Vendor;

use super::directory::Account;
use super::receiving::OPTED_OUT;
use super::{Switchboard, downloading};
use crate::domain::changes::{Change, NewExchange, Progress};
use crate::domain::channels::ChannelState;
use crate::domain::jobs::{Cargo, Job, MOST_ATTEMPTS, Verdict, backoff_ms};
use crate::domain::messages::{MessageError, Status};
use crate::domain::windows;
use crate::net::{Answer, Client, File, NetError};
use crate::telemetry::{chance, crash};

/// Longest request or answer kept in the exchange log, in bytes.
const LONGEST_KEPT: usize = 16 * 1024;
/// How long a send waits when its channel is paused or stopped, in milliseconds.
const PAUSED_WAIT_MS: u64 = 15_000;

/// What one try came to.
enum Tried {
    Answered(Answer),
    Lost(NetError),
    NotSent(NetError),
}

impl Switchboard {
    /// Runs a send job.
    pub async fn send(&self, job: &Job, message_id: &str, client: &Client) -> Verdict {
        match self.try_send(job, message_id, client).await {
            Ok(verdict) => verdict,
            Err(reason) => Verdict::Wait { after_ms: backoff_ms(0, chance::below(1_000)), reason },
        }
    }

    async fn try_send(&self, job: &Job, message_id: &str, client: &Client) -> Result<Verdict, String> {
        let cargo = match &job.cargo {
            Some(cargo) if job.attempts == 0 && !job.reclaimed => (**cargo).clone(),
            _ => {
                let Some(cargo) = self.load_cargo(job, message_id).await? else { return Ok(Verdict::Drop) };
                if cargo.message.status.rank() >= Status::Sent.rank() {
                    return Ok(Verdict::Drop);
                }
                if job.reclaimed {
                    // Whoever held it before may have posted it: only a receipt can tell.
                    return self.doubt(job, &cargo, None, "another process held this send and ended").await;
                }
                cargo
            }
        };
        let account = self.directory.channel(&cargo.channel_id).await.map_err(|error| error.to_string())?;
        let Some(account) = account else { return Ok(Verdict::Dead { reason: "the channel is gone".to_owned() }) };
        if account.channel.state != ChannelState::Active {
            let reason = account.channel.state_reason.clone().unwrap_or_else(|| "the channel is paused".to_owned());
            return Ok(Verdict::Wait { after_ms: PAUSED_WAIT_MS, reason });
        }
        let vendor = match &account.vendor {
            Ok(vendor) => vendor,
            Err(reason) => return Ok(Verdict::Wait { after_ms: PAUSED_WAIT_MS, reason: reason.clone() }),
        };
        if let Some(failure) = self.suppressed(&account, &cargo.to).await? {
            return self.refused(job, &cargo, &account, None, failure).await;
        }
        let content = match self.with_vendor_media(&cargo, vendor.as_ref(), client).await {
            Ok(content) => content,
            Err(failure) => return self.refused(job, &cargo, &account, None, failure).await,
        };
        let content = content.as_ref().unwrap_or(&cargo.message.content);
        let outbound = Outbound {
            reply_to: cargo.reply_to.as_deref(),
            right: cargo.right,
            ..Outbound::new(&cargo.message.id, &cargo.to, content)
        };
        let request = match vendor.render(&outbound) {
            Ok(Dispatch::Http(request)) => request,
            Ok(Dispatch::Mail(_)) => return Err("mail is not sent by this client".to_owned()),
            Err(failure) => return self.refused(job, &cargo, &account, None, failure).await,
        };
        self.post(job, &cargo, &account, vendor.as_ref(), &request, client).await
    }

    /// Why nothing may be sent to these addresses, if something speaks against it.
    pub(super) async fn suppressed(&self, account: &Account, to: &[Identity]) -> Result<Option<Failure>, String> {
        let channel = &account.channel;
        let found = self.store.suppression(&channel.workspace_id, &channel.id, to).await;
        let found = found.map_err(|error| error.to_string())?;
        Ok(found.map(|why| {
            let code = if why.code == OPTED_OUT { "RECIPIENT_OPTED_OUT" } else { why.code.as_str() };
            Failure::new(code, why.reason, Retry::Never, Fault::Recipient)
        }))
    }

    async fn post(
        &self,
        job: &Job,
        cargo: &Cargo,
        account: &Account,
        vendor: &dyn Vendor,
        request: &Request,
        client: &Client,
    ) -> Result<Verdict, String> {
        if !self.store.holds_job(&job.id).await.map_err(|error| error.to_string())? {
            // Another node took it over while this one was away: it is theirs to send.
            return Ok(Verdict::Drop);
        }
        crash::point("sending.before_post");
        let started = self.store.clock().now();
        let tried = match client.send(request, None).await {
            Ok(answer) => Tried::Answered(answer),
            Err(error) if error.certain_not_sent() => Tried::NotSent(error),
            Err(error) => Tried::Lost(error),
        };
        crash::point("sending.after_post");
        let exchange = self.exchange(&cargo.message.id, started, request, &tried);
        match tried {
            Tried::Lost(error) => self.doubt(job, cargo, Some(exchange), &error.to_string()).await,
            Tried::NotSent(error) => {
                let failure = Failure::new("VENDOR_UNAVAILABLE", error.to_string(), Retry::Backoff, Fault::Vendor);
                self.refused(job, cargo, account, Some(exchange), failure).await
            }
            Tried::Answered(answer) => match vendor.outcome(answer.status, &answer.body) {
                Sent::Accepted(accepted) => {
                    let progress =
                        self.progress(cargo, Reached::Sent.into(), Some(accepted.id).filter(|id| !id.is_empty()), None);
                    self.settle(job, progress, Some(exchange)).await
                }
                Sent::Unclear(reason) => self.doubt(job, cargo, Some(exchange), &reason).await,
                Sent::Refused(mut failure) => {
                    if let Some(wait) = answer.retry_after {
                        failure.retry_after_ms = Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
                    }
                    self.refused(job, cargo, account, Some(exchange), failure).await
                }
            },
        }
    }

    /// It may have left or not: say so, and wait for the receipt before sending again.
    async fn doubt(
        &self,
        job: &Job,
        cargo: &Cargo,
        exchange: Option<NewExchange>,
        reason: &str,
    ) -> Result<Verdict, String> {
        let change = Change {
            workspace_id: job.workspace_id.clone(),
            progress: vec![self.progress(cargo, Status::Uncertain, None, None)],
            exchange,
            ..Change::default()
        };
        self.store.commit(change).await.map_err(|refusal| refusal.to_string())?;
        crash::point("sending.doubted");
        metrics::counter!("switchboard_sends_uncertain_total").increment(1);
        let after_ms = u64::try_from(self.options.receipt_wait.as_millis()).unwrap_or(u64::MAX);
        if job.attempts >= MOST_ATTEMPTS {
            return Ok(Verdict::Dead { reason: reason.to_owned() });
        }
        Ok(Verdict::Retry { after_ms, reason: format!("uncertain: {reason}") })
    }

    /// The vendor (or the channel's rules) said no: for good, or for now.
    async fn refused(
        &self,
        job: &Job,
        cargo: &Cargo,
        account: &Account,
        exchange: Option<NewExchange>,
        failure: Failure,
    ) -> Result<Verdict, String> {
        let channel = &account.channel;
        if failure.stops_channel {
            let reason = format!("{}: {}", failure.code, failure.message);
            let stopped = self.store.set_channel_state(&channel.id, ChannelState::Stopped, Some(&reason)).await;
            stopped.map_err(|error| error.to_string())?;
            self.directory.forget_channel(&channel.id);
            tracing::error!(
                channel_id = channel.id,
                code = failure.code,
                "the vendor refuses the channel; its sends wait"
            );
            self.keep_exchange(job, exchange).await?;
            return Ok(Verdict::Wait { after_ms: PAUSED_WAIT_MS, reason });
        }
        if failure.retry != Retry::Never && job.attempts + 1 < MOST_ATTEMPTS {
            self.keep_exchange(job, exchange).await?;
            let own = match failure.retry {
                Retry::SlowRecipient => 4_u64.saturating_pow(u32::try_from(job.attempts).unwrap_or(8).min(8)) * 1_000,
                _ => backoff_ms(job.attempts, chance::below(1_000)),
            };
            let after_ms = failure.retry_after_ms.map_or(own, |asked| asked.max(own.min(1_000)));
            return Ok(Verdict::Retry { after_ms, reason: format!("{}: {}", failure.code, failure.message) });
        }
        let error = MessageError { code: failure.code, message: failure.message, vendor_code: failure.vendor_code };
        let progress = self.progress(cargo, Status::Failed, None, Some(error));
        self.settle(job, progress, exchange).await
    }

    async fn settle(&self, job: &Job, progress: Progress, exchange: Option<NewExchange>) -> Result<Verdict, String> {
        let change = Change {
            workspace_id: job.workspace_id.clone(),
            progress: vec![progress],
            exchange,
            finishes: Some(job.id.clone()),
            ..Change::default()
        };
        match self.store.commit(change.clone()).await {
            Ok(_) => Ok(Verdict::Done),
            // Another node took the job over; what the vendor said is true all the same.
            Err(crate::domain::changes::Refusal::Fenced) => {
                let kept = Change { finishes: None, ..change };
                self.store.commit(kept).await.map_err(|refusal| refusal.to_string())?;
                Ok(Verdict::Done)
            }
            Err(refusal) => Err(format!("what the vendor answered could not be stored: {refusal}")),
        }
    }

    async fn keep_exchange(&self, job: &Job, exchange: Option<NewExchange>) -> Result<(), String> {
        if exchange.is_none() {
            return Ok(());
        }
        let change = Change { workspace_id: job.workspace_id.clone(), exchange, ..Change::default() };
        self.store.commit(change).await.map(|_| ()).map_err(|refusal| refusal.to_string())
    }

    fn progress(
        &self,
        cargo: &Cargo,
        status: Status,
        provider_id: Option<String>,
        error: Option<MessageError>,
    ) -> Progress {
        Progress {
            message_id: cargo.message.id.clone(),
            channel_id: cargo.channel_id.clone(),
            status,
            provider_id,
            at: self.store.clock().now(),
            error,
        }
    }

    fn exchange(&self, message_id: &str, at: i64, request: &Request, tried: &Tried) -> NewExchange {
        let body = match &request.body {
            Body::Json(json) => json.to_string(),
            Body::Multipart { filename, .. } => format!("[file {filename}]"),
            Body::Form(fields) => url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish(),
            Body::Empty => String::new(),
        };
        let (status, response) = match tried {
            Tried::Answered(answer) => {
                (Some(i64::from(answer.status)), String::from_utf8_lossy(&answer.body).into_owned())
            }
            Tried::Lost(error) | Tried::NotSent(error) => (None, error.to_string()),
        };
        NewExchange {
            id: self.store.clock().id(),
            message_id: message_id.to_owned(),
            at,
            request: cut(format!("{:?} {}\n{body}", request.method, request.url)),
            status,
            response: cut(response),
            duration_ms: self.store.clock().now() - at,
        }
    }

    async fn load_cargo(&self, job: &Job, message_id: &str) -> Result<Option<Cargo>, String> {
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
            channel_id: stored.channel_id,
            to: conversation.identities,
            reply_to,
            // What has lost its right meanwhile is refused by the vendor, in the vendor's words.
            right: right.unwrap_or(Right::Window),
        }))
    }

    /// Uploads a stored file to the vendor first, where the content names one.
    async fn with_vendor_media(
        &self,
        cargo: &Cargo,
        vendor: &dyn Vendor,
        client: &Client,
    ) -> Result<Option<Content>, Failure> {
        let Some(media) = cargo.message.content.media() else { return Ok(None) };
        let (Some(file_id), None, None) = (&media.file_id, &media.id, &media.url) else { return Ok(None) };
        let unavailable = |reason: String| Failure::new("MEDIA_REJECTED", reason, Retry::Backoff, Fault::Gateway);
        let workspace_id = self
            .directory
            .channel(&cargo.channel_id)
            .await
            .map_err(|error| unavailable(error.to_string()))?
            .map(|account| account.channel.workspace_id.clone())
            .unwrap_or_default();
        let file = self
            .store
            .file(&workspace_id, file_id)
            .await
            .map_err(|error| unavailable(error.to_string()))?
            .ok_or_else(|| Failure::content("MEDIA_REJECTED", "there is no such file in this workspace"))?;
        let name = file.filename.clone().unwrap_or_else(|| "file".to_owned());
        let request = vendor.media_upload(&file.mime_type, &name)?;
        let path = downloading::place(&self.options.files, &file.sha256);
        let bytes = tokio::fs::read(&path).await.map_err(|error| unavailable(error.to_string()))?;
        let answer = client
            .send(&request, Some(File::from_bytes(bytes.into())))
            .await
            .map_err(|error| unavailable(error.to_string()))?;
        let vendor_id = vendor.uploaded(answer.status, &answer.body)?;
        let mut content = cargo.message.content.clone();
        if let Some(media) = content.media_mut() {
            media.id = Some(vendor_id);
        }
        Ok(Some(content))
    }

    /// A send that was given up: the message has failed, visibly.
    pub async fn give_up_send(&self, job: &Job, message_id: &str, reason: &str) {
        let Ok(Some(cargo)) = self.load_cargo(job, message_id).await else { return };
        let error = MessageError { code: "SEND_GIVEN_UP".to_owned(), message: reason.to_owned(), vendor_code: None };
        let change = Change {
            workspace_id: job.workspace_id.clone(),
            progress: vec![self.progress(&cargo, Status::Failed, None, Some(error))],
            ..Change::default()
        };
        if let Err(refusal) = self.store.commit(change).await {
            tracing::error!(message_id, %refusal, "a given-up send could not be marked as failed");
        }
    }
}

fn cut(mut text: String) -> String {
    if text.len() > LONGEST_KEPT {
        let end = (0..=LONGEST_KEPT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        text.truncate(end);
        text.push('…');
    }
    text
}
