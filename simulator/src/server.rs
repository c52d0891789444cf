//! The server: its thread, its routes, and how request faults are carried out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody, SizedStream, to_bytes};
use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle};
use futures_util::stream;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::accounts::Accounts;
use crate::books::Books;
use crate::channel::Channel;
use crate::clock::{Clock, Ids};
use crate::customers::Customers;
use crate::faults::{Action, Drip, Facts, FakeAnswer, Faults};
use crate::graph::errors::GraphError;
use crate::graph::media::MediaStore;
use crate::model::Model;
use crate::twilio::errors::TwilioError;
use crate::world::World;
use crate::{Error, Options, control, graph, mail, model, pages, phone, twilio};

/// Largest request body: a document of 100 MB with its form.
const MOST_BODY: usize = 101 * 1024 * 1024;

/// The addresses of HTTP and SMTP, and what ends each.
#[derive(Debug)]
pub struct Started {
    pub addr: SocketAddr,
    pub handle: ServerHandle,
    pub smtp_addr: SocketAddr,
    pub smtp: JoinHandle<()>,
}

/// Starts the server's thread and waits until it listens.
pub async fn start(options: Options) -> Result<Started, Error> {
    let (ready, started) = oneshot::channel();
    std::thread::Builder::new()
        .name("simulator".to_owned())
        .spawn(move || actix_web::rt::System::new().block_on(run(options, ready)))
        .map_err(Error::Thread)?;
    started.await.map_err(|_| Error::Thread(io::Error::other("the simulator's thread ended at once")))?
}

async fn run(options: Options, ready: oneshot::Sender<Result<Started, Error>>) {
    let server = match build(options) {
        Ok((started, server)) => {
            if ready.send(Ok(started)).is_err() {
                return;
            }
            server
        }
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    if let Err(error) = server.await {
        tracing::error!(%error, "the simulator's server ended");
    }
}

fn build(options: Options) -> Result<(Started, actix_web::dev::Server), Error> {
    let bind = |error| Error::Bind { addr: options.listen, source: error };
    let listener = std::net::TcpListener::bind(options.listen).map_err(bind)?;
    let addr = listener.local_addr().map_err(bind)?;
    let base_url = options.public_url.clone().unwrap_or_else(|| {
        let host = if addr.ip().is_unspecified() { "127.0.0.1".to_owned() } else { addr.ip().to_string() };
        let host = if addr.is_ipv6() && !addr.ip().is_unspecified() { format!("[{host}]") } else { host };
        format!("http://{host}:{}", addr.port())
    });
    let smtp = options.smtp_listen.unwrap_or_else(|| SocketAddr::new(addr.ip(), 0));
    let world = Data::from(Arc::new(world(&options, base_url)?));
    let (smtp_addr, smtp) = mail::smtp::start(Data::clone(&world).into_inner(), smtp)
        .map_err(|source| Error::Bind { addr: smtp, source })?;
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::clone(&world))
            .app_data(web::PayloadConfig::new(MOST_BODY))
            .configure(control::routes)
            .configure(phone::routes)
            .configure(model::anthropic::routes)
            .configure(model::chat::routes)
            .configure(model::embeddings::routes)
            .configure(model::gemini::routes)
            .configure(twilio::routes)
            .configure(graph::routes)
            .default_service(web::to(nowhere))
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(1)
    .client_request_timeout(Duration::from_secs(30))
    .listen(listener)
    .map_err(bind)?;
    let server = server.run();
    Ok((Started { addr, handle: server.handle(), smtp_addr, smtp }, server))
}

fn world(options: &Options, base_url: String) -> Result<World, Error> {
    #[expect(clippy::disallowed_methods, reason = "the simulator is a program of its own: this is its one way out")]
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(10))
        .tcp_nodelay(true)
        .build()
        .map_err(Error::Client)?;
    let accounts = Accounts::default();
    for account in &options.accounts {
        accounts.put(account.clone());
    }
    let (pages, twilio, mailboxes) = (Accounts::default(), Accounts::default(), Accounts::default());
    options.pages.iter().cloned().for_each(|page| pages.put(page));
    options.twilio.iter().cloned().for_each(|account| twilio.put(account));
    options.mailboxes.iter().cloned().for_each(|mailbox| mailboxes.put(mailbox));
    let customers = Customers::default();
    for customer in &options.customers {
        customers.put(customer.clone());
    }
    Ok(World {
        clock: Clock::default(),
        ids: Ids::new(),
        accounts,
        pages,
        threads: pages::threads::Threads::default(),
        attachments: pages::nodes::Attachments::default(),
        twilio,
        twilio_state: crate::twilio::state::State::default(),
        mailboxes,
        mails: mail::taken::Mails::default(),
        customers,
        books: Books::new(options.books),
        count_only: options.books.count_only,
        faults: Faults::default(),
        media: MediaStore::default(),
        model: Model::new(options.model.clone()),
        http,
        runtime: tokio::runtime::Handle::current(),
        base_url,
        on_message: options.on_message.clone(),
        lanes: std::sync::Mutex::default(),
    })
}

async fn nowhere(world: Data<World>, request: actix_web::HttpRequest) -> HttpResponse {
    GraphError::no_such_node(&request.method().as_str().to_lowercase(), request.path()).response(&world.ids)
}

/// Takes a request under the rules in force: the one place where request faults are carried out.
pub async fn around(
    world: &World,
    facts: Facts<'_>,
    take: impl AsyncFnOnce(&[Action]) -> HttpResponse,
) -> HttpResponse {
    let actions = world.faults.for_request(&facts);
    if actions.is_empty() {
        return take(&[]).await;
    }
    for action in &actions {
        match action {
            Action::LatencyMs(ms) => tokio::time::sleep(Duration::from_millis(*ms)).await,
            Action::Status(fake) => return faked(world, facts.vendor, fake),
            Action::CutBefore => return cut(),
            _ => {}
        }
    }
    let mut response = take(&actions).await;
    for action in actions {
        match action {
            Action::CutAfter => return cut(),
            Action::SlowBody(drip) => response = dripping(response, drip).await,
            _ => {}
        }
    }
    response
}

/// The answer that a rule gives in place of the real one.
fn faked(world: &World, vendor: &str, fake: &FakeAnswer) -> HttpResponse {
    let error = fake.code.map(|code| error_of(world, vendor, code, fake));
    let status = fake.http.or_else(|| error.as_ref().map(|error| error.0)).unwrap_or(500);
    let mut answer = HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    if let Some(seconds) = fake.retry_after {
        answer.insert_header(("Retry-After", seconds.to_string()));
    }
    match (&fake.body, error) {
        (Some(Value::String(page)), _) => answer.content_type("text/html").body(page.clone()),
        (Some(document), _) => answer.json(document),
        (None, Some((_, document))) => answer.json(document),
        (None, None) => answer.content_type("text/html").body("<html><body>Sorry, something went wrong.</body></html>"),
    }
}

/// The vendor's error with this code: its HTTP status and its document.
fn error_of(world: &World, vendor: &str, code: i64, fake: &FakeAnswer) -> (u16, Value) {
    if vendor == Channel::Twilio.name() {
        let error = match &fake.details {
            Some(details) => TwilioError::about(code, details),
            None => TwilioError::of(code),
        };
        return (error.http, error.document());
    }
    let page = [Channel::Messenger, Channel::Instagram].into_iter().find(|channel| channel.name() == vendor);
    let error = match (page, &fake.details) {
        (Some(channel), _) => pages::errors::of(channel, code, fake.subcode),
        (None, Some(details)) => GraphError::about(code, details.as_str()),
        (None, None) => GraphError::of(code),
    };
    (error.http, error.document(&world.ids))
}

/// An answer that never gets out: its body fails before the first byte, so the server closes the connection.
fn cut() -> HttpResponse {
    HttpResponse::Ok()
        .streaming(stream::once(async { Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset)) }))
}

/// The same answer, in small pieces with pauses.
async fn dripping(response: HttpResponse, drip: Drip) -> HttpResponse {
    let (head, body) = response.into_parts();
    if matches!(body.size(), BodySize::Stream) {
        return head.set_body(body).map_into_boxed_body();
    }
    let bytes = to_bytes(body).await.unwrap_or_default();
    let size = bytes.len() as u64;
    let pieces = stream::unfold(bytes, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(drip.every_ms)).await;
        let piece = rest.split_to(drip.bytes.max(1).min(rest.len()));
        Some((Ok::<_, io::Error>(piece), rest))
    });
    head.set_body(SizedStream::new(size, Box::pin(pieces))).map_into_boxed_body()
}
