//! How often callers may ask. The limit of an IP address comes first, then the key's and the plan's; who is refused has
//! done nothing. Every answer says how its caller stands.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest, ResponseError as _, web};
use bytes::Bytes;
use pin_project_lite::pin_project;

use super::failure::Failure;
use super::{Doors, peer};
use crate::cache::limits::{Admission, Permit, Quota, Refused, Standing, tightest};
use crate::domain::errors::Code;
use crate::domain::principals::{Actor, Principal};
use crate::domain::usage::UsedUp;
use crate::usecases::throttling;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Seconds after which a caller may come again who asked too much at once.
const AT_ONCE_RETRY_S: i64 = 1;

/// What the request may use, and what it holds while it runs.
#[derive(Debug, Default)]
struct Counted {
    standing: Option<Standing>,
    permits: Vec<Permit>,
}

/// Counts the request by its IP address, and says on every answer how the caller stands.
///
/// # Errors
/// Those of the inner service.
pub async fn attach<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<Holding<B>>>, Error> {
    let Some(doors) = request.app_data::<web::Data<Doors>>().cloned() else {
        return Ok(next.call(request).await?.map_body(|_, body| Holding::new(body, Vec::new())).map_into_left_body());
    };
    if let Err(failure) = by_address(request.request(), &doors).await {
        let mut response = request.into_response(failure.error_response());
        let (_, standing) = taken(response.request());
        tell(response.headers_mut(), standing, doors.switchboard.now());
        return Ok(response.map_into_right_body());
    }
    let response = next.call(request).await?;
    let (permits, standing) = taken(response.request());
    let mut response = response.map_body(|_, body| Holding::new(body, permits));
    tell(response.headers_mut(), standing, doors.switchboard.now());
    Ok(response.map_into_left_body())
}

/// Vendors deliver for everybody from few addresses, and probes come often: neither is counted.
pub fn is_counted(path: &str) -> bool {
    !path.starts_with("/api/webhooks/") && !matches!(path, "/healthz" | "/readyz" | "/metrics")
}

async fn by_address(request: &HttpRequest, doors: &Doors) -> Result<(), Failure> {
    let options = &doors.options;
    let Some(limit) = options.requests_per_address.filter(|_| is_counted(request.path())) else { return Ok(()) };
    let ip = peer::ip(request, &options.trusted_proxies);
    if options.uncounted.iter().any(|network| network.contains(&ip)) {
        return Ok(());
    }
    let quota = Quota { name: format!("ip:{}", throttling::place(ip)), per_minute: Some(limit), at_once: None };
    count(request, doors, &[quota]).await
}

/// Counts the request by its caller's key and plan.
///
/// # Errors
/// 429; nothing was counted.
pub async fn by_caller(request: &HttpRequest, doors: &Doors, principal: &Principal) -> Result<(), Failure> {
    let own = match &principal.actor {
        Actor::Key { id, requests_per_minute, .. } => {
            Some(Quota { name: format!("key:{id}"), per_minute: *requests_per_minute, at_once: None })
        }
        Actor::Member { .. } => None,
    };
    let plan = doors.switchboard.options.plans.get(&principal.plan);
    let plan = plan.map(|plan| Quota {
        name: format!("workspace:{}", principal.workspace_id),
        per_minute: plan.requests_per_minute,
        at_once: plan.concurrency,
    });
    let quotas: Vec<Quota> = own.into_iter().chain(plan).collect();
    count(request, doors, &quotas).await
}

async fn count(request: &HttpRequest, doors: &Doors, quotas: &[Quota]) -> Result<(), Failure> {
    let clock = doors.switchboard.store.clock();
    let now = clock.now();
    match doors.limits.admit(&clock.id(), quotas, now).await {
        Admission::Admitted { standing, permit } => {
            let mut extensions = request.extensions_mut();
            if !extensions.contains::<Counted>() {
                extensions.insert(Counted::default());
            }
            if let Some(counted) = extensions.get_mut::<Counted>() {
                counted.standing = tightest(standing.into_iter().chain(counted.standing));
                counted.permits.push(permit);
            }
            Ok(())
        }
        Admission::Refused { why, standing } => {
            metrics::counter!("switchboard_requests_refused_total").increment(1);
            request.extensions_mut().insert(Counted { standing, permits: Vec::new() });
            Err(refuse(request, why, now))
        }
    }
}

fn refuse(request: &HttpRequest, why: Refused, now: i64) -> Failure {
    match why {
        Refused::Rate { at } => {
            let seconds = ((at - now).max(1) + 999) / 1_000;
            let sentence = format!("too many requests within a minute; nothing happened; try again in {seconds} s");
            Failure::new(request, Code::RateLimited, sentence).after(seconds)
        }
        Refused::Concurrency => {
            let sentence = "too many requests at once; nothing happened; wait until one of them has ended";
            Failure::new(request, Code::ConcurrencyLimited, sentence).after(AT_ONCE_RETRY_S)
        }
    }
}

/// The month's allowance of the workspace is used up; nothing was stored or spent.
#[must_use]
pub fn used_up(request: &HttpRequest, used_up: &UsedUp) -> Failure {
    let details = serde_json::json!({ "limit": used_up.limit, "resets_at": used_up.resets_at });
    Failure::new(request, used_up.code(), used_up.sentence()).with(details)
}

fn taken(request: &HttpRequest) -> (Vec<Permit>, Option<Standing>) {
    let counted = request.extensions_mut().remove::<Counted>().unwrap_or_default();
    (counted.permits, counted.standing)
}

/// Writes the headers. Who is not limited has as much left as the headers can say.
fn tell(headers: &mut HeaderMap, standing: Option<Standing>, now: i64) {
    let unlimited = Standing { limit: u32::MAX, remaining: u32::MAX, reset_at: now };
    let standing = standing.unwrap_or(unlimited);
    headers.insert(LIMIT, HeaderValue::from(standing.limit));
    headers.insert(REMAINING, HeaderValue::from(standing.remaining));
    headers.insert(RESET, HeaderValue::from((standing.reset_at + 999) / 1_000));
}

pin_project! {
    /// A body that holds a place among those that run at once until it has been sent, or given up.
    pub struct Holding<B> {
        #[pin]
        body: B,
        permits: Vec<Permit>,
    }
}

impl<B> Holding<B> {
    fn new(body: B, permits: Vec<Permit>) -> Self {
        Self { body, permits }
    }
}

impl<B: MessageBody> MessageBody for Holding<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, B::Error>>> {
        self.project().body.poll_next(context)
    }
}
