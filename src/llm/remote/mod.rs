//! Models behind a server, whatever protocol it speaks. One question is at most three requests: a repeat happens only
//! while nothing of an answer was handed out.

#[cfg(test)]
mod exchange_tests;
#[cfg(test)]
mod requests_tests;
#[cfg(test)]
mod transcripts_tests;

use std::time::Duration;

use switchboard_channels::contract::request::{Authorisation, Body, Method, Request};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::net::{Arriving, Client, NetError, NetErrorKind};
use crate::telemetry::chance;

use super::answer::Answer;
use super::endpoint::{Endpoint, Protocol};
use super::failure::{ModelFailure, ModelFailureCode as Code};
use super::framing::STREAM_LIMIT;
use super::prompt::{Layout, Limits, Prompt};
use super::reader::{Gather, Progress, Reader};
use super::{anthropic, gemini, openai, refusals};

const ERROR_BODY_LIMIT: u64 = 64 * 1024;
/// A wait longer than this is left to whoever asked.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// How long to wait for token counts and the end mark once the model has said that it is done.
const LONGEST_TAIL: Duration = Duration::from_secs(5);

/// A model behind an endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteModel {
    protocol: Protocol,
    name: String,
    endpoint: Endpoint,
    address: String,
}

impl RemoteModel {
    /// A model of this name; `None` where the endpoint's base address is none.
    #[must_use]
    pub fn new(protocol: Protocol, name: &str, endpoint: Endpoint) -> Option<Self> {
        let address = address(protocol, &endpoint.base_url, name)?;
        Some(Self { protocol, name: name.to_owned(), endpoint, address })
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
            authorisation: self.authorisation(),
            body: Body::Json(self.body(layout, exchange.limits.max_output_tokens)),
        };
        let headers = self.headers();
        let opening = exchange.within(exchange.limits.first_byte, client.open(&request, &headers));
        let mut arriving = opening.await?.map_err(|error| of_net(&error))?;
        let request_id = arriving.header("x-request-id").or(arriving.header("request-id"));
        let request_id = request_id.map(str::to_owned);
        match exchange.read(self.gather(), &mut arriving, deltas).await {
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

    fn authorisation(&self) -> Option<Authorisation> {
        let key = self.endpoint.api_key.clone()?;
        Some(match self.protocol {
            Protocol::OpenAi => Authorisation::Bearer(key),
            Protocol::Anthropic => Authorisation::Header { name: "x-api-key", value: key },
            Protocol::Gemini => Authorisation::Header { name: "x-goog-api-key", value: key },
        })
    }

    fn headers(&self) -> Vec<(&str, &str)> {
        let mut headers = vec![("accept", "text/event-stream")];
        if self.protocol == Protocol::Anthropic {
            headers.push(("anthropic-version", anthropic::request::VERSION));
        }
        headers.extend(self.endpoint.organization.as_deref().map(|name| ("openai-organization", name)));
        headers.extend(self.endpoint.project.as_deref().map(|name| ("openai-project", name)));
        headers
    }

    fn body(&self, layout: &Layout<'_>, max_output_tokens: Option<u32>) -> serde_json::Value {
        match self.protocol {
            Protocol::OpenAi => openai::request::body(&self.name, &self.endpoint, layout, max_output_tokens),
            Protocol::Anthropic => anthropic::request::body(&self.name, layout, max_output_tokens),
            Protocol::Gemini => gemini::request::body(layout, max_output_tokens),
        }
    }

    fn gather(&self) -> Box<dyn Gather> {
        match self.protocol {
            Protocol::OpenAi => Box::<openai::stream::Chunks>::default(),
            Protocol::Anthropic => Box::<anthropic::stream::Blocks>::default(),
            Protocol::Gemini => Box::<gemini::stream::Parts>::default(),
        }
    }
}

/// Where a model is asked, below a base address as operators write them: with or without the version, with or without a
/// slash at the end. A query (some clouds want an API version there) is kept.
fn address(protocol: Protocol, base: &str, model: &str) -> Option<String> {
    let mut url = Url::parse(base.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let base = url.path().trim_end_matches('/').to_owned();
    url.set_path(&match protocol {
        Protocol::OpenAi => openai::request::path(&base),
        Protocol::Anthropic => anthropic::request::path(&base),
        Protocol::Gemini => gemini::request::path(&base, model),
    });
    if protocol == Protocol::Gemini {
        url.query_pairs_mut().append_pair("alt", "sse");
    }
    url.set_fragment(None);
    Some(url.into())
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

    async fn read(
        &self,
        gather: Box<dyn Gather>,
        arriving: &mut Arriving,
        deltas: &mut dyn FnMut(&str),
    ) -> Result<Answer, ModelFailure> {
        if arriving.status() != 200 {
            // The status tells enough where the body does not come.
            let body = self.within(self.limits.idle, arriving.rest(ERROR_BODY_LIMIT)).await?.unwrap_or_default();
            let should_retry = arriving.header("x-should-retry");
            return Err(refusals::of_response(arriving.status(), should_retry, arriving.retry_after(), &body));
        }
        let mut reader = Reader::new(gather);
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
