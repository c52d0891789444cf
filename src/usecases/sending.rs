//! A message leaves: rendered for its channel, posted once, and what the vendor said is committed. A send whose answer
//! was lost is uncertain: its receipt is awaited before it is sent again.

use std::time::Duration;

use switchboard_channels::contract::failure::{Failure, Fault, Retry};
use switchboard_channels::contract::inbound::Progress as Reached;
use switchboard_channels::contract::mail::{Mail, Reply};
use switchboard_channels::contract::outbound::{Outbound, Sent};
use switchboard_channels::contract::request::{Body, Dispatch, Request};
use switchboard_channels::contract::vendor::Vendor;

use super::Switchboard;
use super::directory::Account;
use crate::domain::changes::{Change, NewExchange, Progress};
use crate::domain::channels::ChannelState;
use crate::domain::jobs::{Cargo, Job, MOST_ATTEMPTS, NewJob, Verdict, backoff_ms};
use crate::domain::messages::{MessageError, Status};
use crate::net::{Answer, Client, NetError};
use crate::telemetry::{chance, crash};

mod preparing;

/// Longest request or answer kept in the exchange log, in bytes.
const LONGEST_KEPT: usize = 16 * 1024;
/// How long a send waits when its channel is paused or stopped, in milliseconds.
const PAUSED_WAIT_MS: u64 = 15_000;
/// Messages of a thread that a new one refers to.
const THREAD_REACH: i64 = 25;

/// What one try came to.
enum Tried {
    Answered(Answer),
    Lost(NetError),
    NotSent(NetError),
}

/// How a send goes out, beside the sending itself.
struct Way<'a> {
    /// What the exchange log shows of it.
    request: &'a str,
    /// What the answer means, and how long the vendor wants to be left alone.
    answer: &'a (dyn Fn(&Answer) -> (Sent, Option<Duration>) + 'a),
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
            // One that may be said elsewhere meanwhile is looked at again.
            Some(cargo) if job.attempts == 0 && !job.reclaimed && cargo.message.fallback_after.is_none() => {
                (**cargo).clone()
            }
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
        self.dispatch(job, &cargo, &account, vendor.as_ref(), account.way_out(client)).await
    }

    /// Renders and sends.
    async fn dispatch(
        &self,
        job: &Job,
        cargo: &Cargo,
        account: &Account,
        vendor: &dyn Vendor,
        client: &Client,
    ) -> Result<Verdict, String> {
        let content = match self.with_media(cargo, vendor, account, client).await {
            Ok(content) => content,
            Err(failure) => return self.refused(job, cargo, account, None, failure).await,
        };
        let content = content.as_ref().unwrap_or_else(|| cargo.content());
        let thread = if vendor.capabilities().threads { self.thread_of(job, cargo).await? } else { None };
        let outbound = Outbound {
            reply_to: cargo.reply_to.as_deref(),
            right: cargo.right,
            conversation_id: &cargo.conversation_id,
            thread: thread.as_ref(),
            ..Outbound::new(&cargo.message.id, &cargo.to, content)
        };
        match vendor.render(&outbound) {
            Ok(Dispatch::Http(request)) => {
                let answer = |answer: &Answer| (vendor.outcome(answer.status, &answer.body), answer.retry_after);
                let way = Way { request: &shown(&request), answer: &answer };
                self.post(job, cargo, account, client.send(&request, None), way).await
            }
            Ok(Dispatch::Mail(mail)) => {
                let files = match self.mail_files(account, &mail).await {
                    Ok(files) => files,
                    Err(failure) => return self.refused(job, cargo, account, None, failure).await,
                };
                let answer = |answer: &Answer| {
                    let text = String::from_utf8_lossy(&answer.body).into_owned();
                    (vendor.mailed(&mail.message_id, &Reply { code: answer.status, text }), None)
                };
                let way = Way { request: &shown_mail(&mail), answer: &answer };
                self.post(job, cargo, account, client.send_mail(&mail, files), way).await
            }
            Err(failure) => self.refused(job, cargo, account, None, failure).await,
        }
    }

    async fn post(
        &self,
        job: &Job,
        cargo: &Cargo,
        account: &Account,
        sending: impl Future<Output = Result<Answer, NetError>>,
        way: Way<'_>,
    ) -> Result<Verdict, String> {
        if !self.store.holds_job(&job.id).await.map_err(|error| error.to_string())? {
            // Another node took it over while this one was away: it is theirs to send.
            return Ok(Verdict::Drop);
        }
        crash::point("sending.before_post");
        let started = self.store.clock().now();
        let tried = match sending.await {
            Ok(answer) => Tried::Answered(answer),
            Err(error) if error.certain_not_sent() => Tried::NotSent(error),
            Err(error) => Tried::Lost(error),
        };
        crash::point("sending.after_post");
        let exchange = self.exchange(&cargo.message.id, started, way.request, &tried);
        match tried {
            Tried::Lost(error) => self.doubt(job, cargo, Some(exchange), &error.to_string()).await,
            Tried::NotSent(error) => {
                let failure = Failure::new("VENDOR_UNAVAILABLE", error.to_string(), Retry::Backoff, Fault::Vendor);
                self.refused(job, cargo, account, Some(exchange), failure).await
            }
            Tried::Answered(answer) => match (way.answer)(&answer) {
                (Sent::Accepted(accepted), _) => {
                    let provider_id = Some(accepted.id).filter(|id| !id.is_empty());
                    let progress = self.progress(cargo, Reached::Sent.into(), provider_id, None);
                    self.settle(job, progress, Some(exchange), None).await
                }
                (Sent::Unclear(reason), _) => self.doubt(job, cargo, Some(exchange), &reason).await,
                (Sent::Refused(mut failure), wait) => {
                    if let Some(wait) = wait {
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
        if failure.code == "TEMPLATE_REJECTED" {
            // It is not, or no longer, what the list says.
            self.store.templates_changed(channel, None).await.map_err(|error| error.to_string())?;
        }
        let error = MessageError { code: failure.code, message: failure.message, vendor_code: failure.vendor_code };
        let progress = self.progress(cargo, Status::Failed, None, Some(error));
        self.settle(job, progress, exchange, self.fallback_now(&cargo.message)).await
    }

    async fn settle(
        &self,
        job: &Job,
        progress: Progress,
        exchange: Option<NewExchange>,
        follows: Option<NewJob>,
    ) -> Result<Verdict, String> {
        let change = Change {
            workspace_id: job.workspace_id.clone(),
            progress: vec![progress],
            exchange,
            jobs: follows.into_iter().collect(),
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

    fn exchange(&self, message_id: &str, at: i64, request: &str, tried: &Tried) -> NewExchange {
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
            request: cut(request.to_owned()),
            status,
            response: cut(response),
            duration_ms: self.store.clock().now() - at,
        }
    }

    /// A send that was given up: the message has failed, visibly.
    pub async fn give_up_send(&self, job: &Job, message_id: &str, reason: &str) {
        let Ok(Some(cargo)) = self.load_cargo(job, message_id).await else { return };
        let error = MessageError { code: "SEND_GIVEN_UP".to_owned(), message: reason.to_owned(), vendor_code: None };
        let change = Change {
            workspace_id: job.workspace_id.clone(),
            progress: vec![self.progress(&cargo, Status::Failed, None, Some(error))],
            jobs: self.fallback_now(&cargo.message).into_iter().collect(),
            ..Change::default()
        };
        if let Err(refusal) = self.store.commit(change).await {
            tracing::error!(message_id, %refusal, "a given-up send could not be marked as failed");
        }
    }
}

/// A request as the exchange log shows it: without its authorisation.
fn shown(request: &Request) -> String {
    let body = match &request.body {
        Body::Json(json) => json.to_string(),
        Body::Form(fields) => url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish(),
        Body::Multipart { filename, .. } => format!("[file {filename}]"),
        Body::Empty => String::new(),
    };
    format!("{:?} {}\n{body}", request.method, request.url)
}

/// A mail as the exchange log shows it.
fn shown_mail(mail: &Mail) -> String {
    let files: Vec<&str> = mail.files.iter().map(|file| file.filename.as_str()).collect();
    format!(
        "MAIL {}:{}\nFrom: {}\nTo: {}\nSubject: {}\nMessage-ID: <{}>\nFiles: {}\n\n{}",
        mail.relay.host,
        mail.relay.port,
        mail.from.address,
        mail.to.address,
        mail.subject,
        mail.message_id,
        files.join(", "),
        mail.text
    )
}

fn cut(mut text: String) -> String {
    if text.len() > LONGEST_KEPT {
        let end = (0..=LONGEST_KEPT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        text.truncate(end);
        text.push('…');
    }
    text
}
