//! Models behind the OpenAI-compatible chat completions protocol, hosted or local. One question is at most three
//! requests: a repeat happens only while nothing of an answer was handed out.

#[cfg(test)]
mod exchange_tests;
mod refusals;
mod request;
mod stream;
mod surrogates;
#[cfg(test)]
mod transcripts_tests;

use std::time::Duration;

use switchboard_channels::contract::credentials::Secret;
use switchboard_channels::contract::request::{Authorisation, Body, Method, Request};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::net::{Arriving, Client, NetError, NetErrorKind};
use crate::telemetry::chance;

use super::answer::Answer;
use super::failure::{ModelFailure, ModelFailureCode as Code};
use super::framing::STREAM_LIMIT;
use super::prompt::{Layout, Limits, Prompt};
use stream::{Progress, Reader};

const ERROR_BODY_LIMIT: u64 = 64 * 1024;
/// A wait longer than this is left to whoever asked.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// How long to wait for token counts and the end mark once the model has said that it is done.
const LONGEST_TAIL: Duration = Duration::from_secs(5);

/// Where a model is served, and what its server understands.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// The base address, with or without `/v1`.
    pub base_url: String,
    /// The key; local servers often need none.
    pub api_key: Option<Secret>,
    /// The organization to bill, where a key belongs to several.
    pub organization: Option<String>,
    /// The project to bill.
    pub project: Option<String>,
    /// Asks for token counts; some servers refuse a request that does.
    pub include_usage: bool,
    /// The name under which the server takes the limit of output tokens.
    pub output_limit: OutputLimit,
    /// Sampling temperature; models that reason refuse it.
    pub temperature: Option<f64>,
    /// How much a reasoning model may think: `low`, `medium`, `high`.
    pub reasoning_effort: Option<String>,
    /// How often to ask again after a passing failure.
    pub retries: u32,
    /// The first wait before asking again; it doubles up to sixteen times its length.
    pub retry_wait: Duration,
}

impl Endpoint {
    /// An endpoint with the defaults.
    #[must_use]
    pub fn new(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            api_key: None,
            organization: None,
            project: None,
            include_usage: true,
            output_limit: OutputLimit::default(),
            temperature: None,
            reasoning_effort: None,
            retries: 2,
            retry_wait: Duration::from_millis(500),
        }
    }
}

/// The name of the setting that limits output tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OutputLimit {
    /// `max_completion_tokens`: newer models refuse the older name.
    #[default]
    MaxCompletionTokens,
    /// `max_tokens`: older servers know only this.
    MaxTokens,
}

/// A model behind an endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenAiModel {
    name: String,
    endpoint: Endpoint,
    address: String,
}

impl OpenAiModel {
    /// A model of this name; `None` where the endpoint's base address is none.
    #[must_use]
    pub fn new(name: &str, endpoint: Endpoint) -> Option<Self> {
        let address = request::address(&endpoint.base_url)?;
        Some(Self { name: name.to_owned(), endpoint, address })
    }

    pub(super) async fn answer(
        &self,
        client: &Client,
        prompt: &Prompt,
        deltas: &mut dyn FnMut(&str),
        cancel: &CancellationToken,
    ) -> Result<Answer, ModelFailure> {
        let end = Instant::now() + prompt.limits.whole;
        let mut budget = prompt.limits.max_input_tokens;
        let mut shortened = false;
        let mut attempt = 0_u32;
        loop {
            let layout = Layout::new(prompt, budget);
            let asked = Exchange { limits: &prompt.limits, end, cancel };
            let failure = match self.ask(client, &layout, asked, deltas).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            tracing::debug!(
                code = failure.code.as_str(),
                attempt,
                request_id = failure.request_id,
                "a model gave no answer"
            );
            if failure.delivered_any {
                return Err(failure);
            }
            if failure.code == Code::ContextTooLong && !shortened {
                shortened = true;
                budget = Some(u32::try_from(layout.tokens() / 2).unwrap_or(u32::MAX));
                continue;
            }
            let Some(wait) = self.wait(&failure, attempt).filter(|wait| Instant::now() + *wait < end) else {
                return Err(failure);
            };
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(ModelFailure::cancelled()),
                () = tokio::time::sleep(wait) => {}
            }
            attempt = attempt.saturating_add(1);
        }
    }

    /// How long to wait before asking again; `None`: do not.
    fn wait(&self, failure: &ModelFailure, attempt: u32) -> Option<Duration> {
        // An empty answer is asked again once: whoever says nothing twice has nothing to say.
        let retries =
            if failure.code == Code::EmptyAnswer { self.endpoint.retries.min(1) } else { self.endpoint.retries };
        if !failure.retryable || attempt >= retries {
            return None;
        }
        if let Some(hint) = failure.retry_after {
            return (hint <= LONGEST_WAIT).then_some(hint);
        }
        let wait = self.endpoint.retry_wait.saturating_mul(1_u32.checked_shl(attempt.min(4)).unwrap_or(1));
        let quarter = u64::try_from(wait.as_millis() / 4).unwrap_or_default();
        Some(wait.saturating_sub(Duration::from_millis(chance::below(quarter))))
    }

    async fn ask(
        &self,
        client: &Client,
        layout: &Layout<'_>,
        exchange: Exchange<'_>,
        deltas: &mut dyn FnMut(&str),
    ) -> Result<Answer, ModelFailure> {
        let request = Request {
            method: Method::Post,
            url: self.address.clone(),
            authorisation: self.endpoint.api_key.clone().map(Authorisation::Bearer),
            body: Body::Json(request::body(&self.name, &self.endpoint, layout, exchange.limits.max_output_tokens)),
        };
        let mut headers = vec![("accept", "text/event-stream")];
        headers.extend(self.endpoint.organization.as_deref().map(|name| ("openai-organization", name)));
        headers.extend(self.endpoint.project.as_deref().map(|name| ("openai-project", name)));
        let opening = exchange.within(exchange.limits.first_byte, client.open(&request, &headers));
        let mut arriving = opening.await?.map_err(|error| of_net(&error))?;
        let request_id = arriving.header("x-request-id").map(str::to_owned);
        match exchange.read(&mut arriving, deltas).await {
            Ok(mut answer) => {
                answer.request_id = request_id;
                answer.sources = Prompt::sources(layout.passages);
                if answer.model.is_empty() {
                    answer.model.clone_from(&self.name);
                }
                Ok(answer)
            }
            Err(failure) => Err(ModelFailure { request_id, ..failure }),
        }
    }
}

/// One request and its time limits.
#[derive(Debug, Clone, Copy)]
struct Exchange<'a> {
    limits: &'a Limits,
    end: Instant,
    cancel: &'a CancellationToken,
}

impl Exchange<'_> {
    /// Waits for `work`, until the limit, the end of the whole question, or its withdrawal.
    async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Result<T, ModelFailure> {
        self.until(Instant::now() + limit, work).await
    }

    async fn until<T>(&self, moment: Instant, work: impl Future<Output = T>) -> Result<T, ModelFailure> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(ModelFailure::cancelled()),
            outcome = tokio::time::timeout_at(moment.min(self.end), work) => {
                outcome.map_err(|_| ModelFailure::new(Code::Timeout, "the model did not answer in time"))
            }
        }
    }

    async fn read(&self, arriving: &mut Arriving, deltas: &mut dyn FnMut(&str)) -> Result<Answer, ModelFailure> {
        if arriving.status() != 200 {
            // The status tells enough where the body does not come.
            let body = self.within(self.limits.idle, arriving.rest(ERROR_BODY_LIMIT)).await?.unwrap_or_default();
            let should_retry = arriving.header("x-should-retry");
            return Err(refusals::of_response(arriving.status(), should_retry, arriving.retry_after(), &body));
        }
        let mut reader = Reader::default();
        let outcome = match arriving.mime_type().as_deref() {
            Some("text/event-stream") => self.stream(arriving, &mut reader, deltas).await,
            Some("application/json") => {
                let limit = u64::try_from(STREAM_LIMIT).unwrap_or(u64::MAX);
                match self.within(self.limits.idle, arriving.rest(limit)).await? {
                    Ok(body) => reader.feed_whole(&body, deltas),
                    Err(error) => Err(of_net(&error)),
                }
            }
            other => {
                let message =
                    format!("the answer is neither an event stream nor JSON but {}", other.unwrap_or("unnamed"));
                Err(ModelFailure::new(Code::Unreadable, message))
            }
        };
        let delivered_any = reader.delivered_any();
        outcome.and_then(|()| reader.finish()).map_err(|failure| ModelFailure { delivered_any, ..failure })
    }

    async fn stream(
        &self,
        arriving: &mut Arriving,
        reader: &mut Reader,
        deltas: &mut dyn FnMut(&str),
    ) -> Result<(), ModelFailure> {
        // Only content moves this moment, so that a server cannot stall for ever by sending comments.
        let mut idle_end = Instant::now() + self.limits.idle;
        loop {
            let bytes = match self.until(idle_end, arriving.chunk()).await {
                Ok(Ok(Some(bytes))) => bytes,
                Ok(Ok(None)) => return Ok(()),
                // The model was done and only the count of tokens was still to come: the answer is whole.
                Ok(Err(_)) if reader.finished() => return Ok(()),
                Err(failure) if reader.finished() && failure.code == Code::Timeout => return Ok(()),
                Ok(Err(error)) => return Err(cut_off(&error)),
                Err(failure) => return Err(failure),
            };
            match reader.feed(&bytes, deltas)? {
                Progress::Idle => {}
                Progress::Content if reader.finished() => {
                    idle_end = Instant::now() + self.limits.idle.min(LONGEST_TAIL)
                }
                Progress::Content => idle_end = Instant::now() + self.limits.idle,
                Progress::Done => return Ok(()),
            }
        }
    }
}

fn of_net(error: &NetError) -> ModelFailure {
    match error.kind {
        NetErrorKind::TooLarge => ModelFailure::new(Code::TooLarge, error.message.clone()),
        _ => ModelFailure::new(Code::Unavailable, error.message.clone()),
    }
}

fn cut_off(error: &NetError) -> ModelFailure {
    ModelFailure::new(Code::CutOff, format!("the answer broke off: {}", error.message))
}
