//! A visitor's client: speaks frames, and waits for the ones a test is about.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::rig::Rig;
use crate::usecases::visiting::Visit;

/// How long a frame may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Client {
    line: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    pub(super) async fn connect(rig: &Rig, origin: Option<&str>) -> Self {
        let headers: Vec<_> = origin.map(|origin| ("origin", origin)).into_iter().collect();
        Self::connect_to(rig, "/api/widget/socket", &headers).await
    }

    /// Connects to an address of the gateway with these headers.
    pub(super) async fn connect_to(rig: &Rig, path: &str, headers: &[(&'static str, &str)]) -> Self {
        let mut request = format!("ws://{}{path}", rig.address).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (line, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        Self { line }
    }

    /// Connects and waits for the welcome.
    pub(super) async fn open(rig: &Rig, visit: &Visit, since: i64) -> Self {
        let mut line = Self::connect(rig, None).await;
        line.hello(&visit.token, since).await;
        line.expect("welcome").await;
        line
    }

    pub(super) async fn send_raw(&mut self, frame: Frame) {
        self.line.send(frame).await.unwrap();
    }

    pub(super) async fn send(&mut self, frame: &Value) {
        self.send_raw(Frame::text(frame.to_string())).await;
    }

    pub(super) async fn hello(&mut self, token: &str, since: i64) {
        self.send(&json!({"type": "hello", "token": token, "since": since})).await;
    }

    pub(super) async fn say(&mut self, client_id: &str, text: &str) {
        let content = json!({"type": "text", "text": text});
        self.send(&json!({"type": "send", "client_id": client_id, "content": content})).await;
    }

    async fn raw(&mut self) -> Option<Frame> {
        let frame = tokio::time::timeout(PATIENCE, self.line.next()).await.expect("a frame in time");
        frame.and_then(Result::ok)
    }

    /// The next frame of the protocol.
    pub(super) async fn next(&mut self) -> Value {
        loop {
            match self.raw().await {
                Some(Frame::Text(text)) => return serde_json::from_str(&text).unwrap(),
                Some(Frame::Ping(_) | Frame::Pong(_)) => {}
                other => panic!("the line ended: {other:?}"),
            }
        }
    }

    /// The next frame of this type; others are passed over.
    pub(super) async fn expect(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// The next message of this direction.
    pub(super) async fn expect_message(&mut self, direction: &str) -> Value {
        loop {
            let message = self.expect("message").await["message"].take();
            if message["direction"] == direction {
                return message;
            }
        }
    }

    /// The acknowledgement of an own message.
    pub(super) async fn own(&mut self, client_id: &str) -> Value {
        loop {
            let mut frame = self.expect("message").await;
            if frame["client_id"] == client_id {
                return frame["message"].take();
            }
        }
    }

    /// The code with which the server closes the line.
    pub(super) async fn closed(&mut self) -> u16 {
        loop {
            match self.raw().await {
                Some(Frame::Close(reason)) => return reason.expect("a reason").code.into(),
                Some(_) => {}
                None => panic!("the line broke without a word"),
            }
        }
    }

    /// Answers so many pings. Gives whether the line lived.
    pub(super) async fn answers_pings(&mut self, count: usize) -> bool {
        for _ in 0..count {
            match self.raw().await {
                Some(Frame::Ping(_)) => {}
                _ => return false,
            }
        }
        true
    }
}
