//! What every test stands on: a running simulator, a client, and a receiver that records webhooks.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use serde_json::{Value, json};
use switchboard_simulator::{Account, Options, Running, start};

pub const NUMBER: &str = "106540352242922";

/// One webhook as it arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub signature: String,
    pub headers: HashMap<String, String>,
    pub raw: Vec<u8>,
    /// JSON as it is, a form as an object, anything else as a text.
    pub body: Value,
}

#[derive(Default)]
pub struct Receiver {
    pub arrived: Mutex<Vec<Arrived>>,
    /// How many webhooks are answered with 503 before the first 200.
    pub refuse: AtomicU32,
    /// What is answered beside a 200, by content type.
    pub answer: Mutex<Option<(&'static str, &'static str)>>,
}

impl Receiver {
    /// The events of all pages' webhooks, of `messaging` and `standby` alike.
    pub fn events(&self) -> Vec<Value> {
        let entries = self.all().into_iter().flat_map(|one| one.body["entry"].as_array().cloned().unwrap_or_default());
        let edges = ["messaging", "standby"];
        entries
            .flat_map(|entry| edges.map(|edge| entry[edge].as_array().cloned().unwrap_or_default()))
            .flatten()
            .collect()
    }

    pub fn all(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }

    /// The names of the receipts of one message, in order of arrival.
    pub fn receipts(&self, wamid: &str) -> Vec<String> {
        let all = self.all();
        let statuses = all.iter().flat_map(|one| {
            one.body["entry"][0]["changes"][0]["value"]["statuses"].as_array().cloned().unwrap_or_default()
        });
        statuses.filter(|s| s["id"] == wamid).map(|s| s["status"].as_str().unwrap().to_owned()).collect()
    }
}

async fn receive(receiver: Data<Receiver>, request: HttpRequest, body: Bytes) -> HttpResponse {
    if receiver.refuse.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
        return HttpResponse::ServiceUnavailable().finish();
    }
    let text = |value: &actix_web::http::header::HeaderValue| value.to_str().unwrap().to_owned();
    let headers: HashMap<String, String> =
        request.headers().iter().map(|(name, value)| (name.as_str().to_lowercase(), text(value))).collect();
    let signature = headers.get("x-hub-signature-256").cloned().unwrap_or_default();
    let kind = headers.get("content-type").cloned().unwrap_or_default();
    let read = if kind.starts_with("application/x-www-form-urlencoded") {
        let form = std::str::from_utf8(&body).unwrap();
        let pairs = web::Query::<Vec<(String, String)>>::from_query(form).unwrap().into_inner();
        pairs.into_iter().map(|(name, value)| (name, json!(value))).collect()
    } else {
        serde_json::from_slice(&body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&body)))
    };
    receiver.arrived.lock().unwrap().push(Arrived { signature, headers, raw: body.to_vec(), body: read });
    match *receiver.answer.lock().unwrap() {
        Some((kind, body)) => HttpResponse::Ok().content_type(kind).body(body),
        None => HttpResponse::Ok().finish(),
    }
}

async fn verify(query: web::Query<std::collections::HashMap<String, String>>) -> HttpResponse {
    if query["hub.verify_token"] == "switchboard-verify" {
        return HttpResponse::Ok().content_type("text/plain").body(query["hub.challenge"].clone());
    }
    HttpResponse::Forbidden().finish()
}

/// A simulator with one account whose webhooks go to the receiver.
pub struct Stage {
    pub simulator: Running,
    pub receiver: Data<Receiver>,
    pub callback: String,
    http: reqwest::Client,
}

impl Stage {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Account)) -> Self {
        let receiver = Data::new(Receiver::default());
        let shared = Data::clone(&receiver);
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::clone(&shared))
                .app_data(web::PayloadConfig::new(8 << 20))
                .route("/hook", web::post().to(receive))
                .route("/hook", web::get().to(verify))
        })
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
        let callback = format!("http://{}/hook", server.addrs()[0]);
        actix_web::rt::spawn(server.run());
        let mut account = Account {
            callback_url: Some(callback.clone()),
            receipt_delays_ms: [1, 20, 40],
            batch_window_ms: 5,
            ..Account::default()
        };
        change(&mut account);
        let simulator = start(Options { accounts: vec![account], ..Options::default() }).await.unwrap();
        #[expect(clippy::disallowed_methods, reason = "the test's own client")]
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { simulator, receiver, callback, http }
    }

    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.request_as("TEST-TOKEN", method, path)
    }

    pub fn request_as(&self, token: &str, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { self.simulator.base_url() + path };
        self.http.request(method.parse().unwrap(), url).bearer_auth(token)
    }

    /// Calls and returns status and JSON (or the text as a JSON string).
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// A customer writes, and the gateway acknowledges; the answer of the control API.
    pub async fn write(&self, message: Value) -> Value {
        let path = format!("/sim/whatsapp/{NUMBER}/inbound?wait_ms=5000");
        let (status, answer) = self.call("POST", &path, Some(message)).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// An account of another channel, whose webhooks go to the receiver.
    pub async fn open(&self, channel: &str, id: &str, members: Value) {
        let mut account = json!({"channel": channel, "callback_url": self.callback});
        for (key, value) in members.as_object().unwrap() {
            account[key] = value.clone();
        }
        let (status, answer) = self.call("PUT", &format!("/sim/accounts/{id}"), Some(account)).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// A customer writes on any channel, and the gateway acknowledges.
    pub async fn write_on(&self, channel: &str, account: &str, message: Value) -> Value {
        let path = format!("/sim/{channel}/{account}/inbound?wait_ms=5000");
        let (status, answer) = self.call("POST", &path, Some(message)).await;
        assert_eq!((status, &answer["delivery"]["state"]), (200, &json!("acknowledged")), "{answer}");
        answer
    }

    /// The books of one account once they hold what `until` asks for.
    pub async fn books_of(&self, account: &str, until: &str) -> Value {
        self.call("GET", &format!("/sim/books/{account}?wait_ms=8000&{until}"), None).await.1
    }

    /// Opens the window of the usual customer without leaving a trace in the receiver.
    pub async fn open_window(&self) {
        self.write(json!({"from": "16505551234", "text": "hello"})).await;
        self.receiver.arrived.lock().unwrap().clear();
    }

    pub async fn send(&self, text: &str) -> (u16, Value) {
        let body = json!({"messaging_product": "whatsapp", "to": "16505551234", "type": "text",
            "text": {"body": text}, "biz_opaque_callback_data": "t1"});
        self.call("POST", &format!("/v24.0/{NUMBER}/messages"), Some(body)).await
    }

    /// The books once they hold what `until` asks for.
    pub async fn books(&self, until: &str) -> Value {
        self.call("GET", &format!("/sim/books/{NUMBER}?wait_ms=8000&{until}"), None).await.1
    }

    pub async fn faults(&self, rules: Value) {
        let (status, answer) = self.call("PUT", "/sim/faults", Some(rules)).await;
        assert_eq!(status, 200, "{answer}");
    }
}

/// The wamid in the answer of a send.
pub fn wamid(answer: &Value) -> String {
    answer["messages"][0]["id"].as_str().unwrap_or_else(|| panic!("no wamid in {answer}")).to_owned()
}
