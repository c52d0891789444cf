//! A customer's server that webhooks are delivered to: it answers as it is told to and keeps what it got.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::process::await_some;

/// A request that came.
#[derive(Debug, Clone)]
pub struct Received {
    /// By name in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body as it came.
    pub body: String,
}

impl Received {
    /// The id that is the same in all attempts.
    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    /// The body read.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Whether the official library accepts it with this secret.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let mut headers = reqwest::header::HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            headers.insert(name, self.headers[name].parse().unwrap());
        }
        standardwebhooks::Webhook::new(secret).unwrap().verify(self.body.as_bytes(), &headers).is_ok()
    }
}

type Script = Arc<Mutex<VecDeque<String>>>;
type Log = Arc<Mutex<Vec<Received>>>;

/// The server. It ends with the runtime of its test.
pub struct Receiver {
    /// `http://127.0.0.1:port/hook`
    pub url: String,
    script: Script,
    received: Log,
}

impl Receiver {
    /// Starts one that takes everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (script, received) = (Script::default(), Log::default());
        let (answers, log) = (Arc::clone(&script), Arc::clone(&received));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answers), Arc::clone(&log)));
            }
        });
        Self { url, script, received }
    }

    /// What it answers next: a status line's end, and headers if there are any, such as `503 Busy\r\nretry-after: 9`.
    pub fn answers(&self, answers: &[&str]) {
        self.script.lock().unwrap().extend(answers.iter().map(|&answer| answer.to_owned()));
    }

    /// What came so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Waits until so many have come.
    pub async fn until(&self, count: usize) -> Vec<Received> {
        await_some("webhooks", || async {
            let received = self.received();
            if received.len() >= count { Ok(received) } else { Err(format!("{} of {count} came", received.len())) }
        })
        .await
    }

    /// Waits until an event of this word has come.
    pub async fn until_event(&self, event: &str) -> Received {
        await_some(event, || async {
            let received = self.received();
            let words: Vec<_> = received.iter().map(|one| one.json()["event"].to_string()).collect();
            received.into_iter().find(|one| one.json()["event"] == event).ok_or_else(|| format!("only {words:?} came"))
        })
        .await
    }
}

async fn serve(mut stream: TcpStream, script: Script, log: Log) {
    let mut bytes = Vec::new();
    let mut piece = [0_u8; 4_096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
            let headers: BTreeMap<_, _> =
                lines.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
            if body.len() >= headers["content-length"].parse::<usize>().unwrap() {
                log.lock().unwrap().push(Received { headers, body: body.to_owned() });
                let answer = script.lock().unwrap().pop_front().unwrap_or_else(|| "200 OK".to_owned());
                let whole = format!("HTTP/1.1 {answer}\r\nconnection: close\r\ncontent-length: 5\r\n\r\nnoted");
                let _ = stream.write_all(whole.as_bytes()).await;
                return;
            }
        }
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(size) => bytes.extend_from_slice(&piece[..size]),
        }
    }
}
