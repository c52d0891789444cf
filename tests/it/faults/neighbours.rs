//! Two nodes on one database: the members at one see who is at the other and who is writing there, until that node ends in
//! whichever way; and what is said at one overtakes what was asked at the other.

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::support::process::{PATIENCE, await_some};
use crate::support::stage::{API_KEY, Database, Stage, run};

/// The key of a second member, beside that of `ops`.
const DESK_KEY: &str = "sb_desks_0123456789abcdef0123456789abcdef";

/// A member's line into a node.
struct Member {
    line: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Member {
    async fn at(port: u16, key: &str) -> Self {
        let mut request = format!("ws://127.0.0.1:{port}/api/ws").into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
        Self { line: tokio_tungstenite::connect_async(request).await.unwrap().0 }
    }

    /// The next frame of this type that is as it should be.
    async fn sees(&mut self, kind: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut last = Value::Null;
        loop {
            let frame = tokio::time::timeout_at(deadline, self.line.next()).await;
            let frame = frame.unwrap_or_else(|_| panic!("waited in vain for a {kind}; the last was {last}"));
            let Frame::Text(text) = frame.unwrap().unwrap() else { continue };
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["type"] == kind {
                if is_it(&frame) {
                    return frame;
                }
                last = frame;
            }
        }
    }

    async fn sees_present(&mut self, names: &[&str]) {
        let expected: Vec<_> = names.iter().map(|name| json!({ "name": name })).collect();
        self.sees("presence", |frame| frame["members"] == json!(expected)).await;
    }

    async fn says(&mut self, frame: &Value) {
        self.line.send(Frame::text(frame.to_string())).await.unwrap();
    }
}

#[test]
fn members_at_two_nodes_see_each_other_come_write_and_go() {
    run(async {
        let stage = Stage::with(Database::Postgres, |setting| {
            setting.channels = format!("[[workspaces.api_keys]]\nname = \"desk\"\nkey = \"{DESK_KEY}\"\n");
        })
        .await;
        let (launch, port) = stage.neighbour();
        let process = stage.start().await;
        let mut ops = Member::at(stage.port, API_KEY).await;
        ops.sees_present(&["ops"]).await;
        let other = launch.start().await;

        let mut desk = Member::at(port, DESK_KEY).await;
        ops.sees_present(&["desk", "ops"]).await;
        desk.sees_present(&["desk", "ops"]).await;

        let chat = stage.ask(Method::POST, &format!("/api/agents/{}/chat", agent(&stage).await));
        let chat = chat.json(&json!({ "messages": [{ "role": "user", "content": "Hello" }] })).send().await.unwrap();
        assert_eq!(chat.status(), 200);
        let listed = stage.read("/api/conversations").await;
        let id = &listed["items"][0]["id"];
        desk.says(&json!({ "type": "typing", "conversation_id": id })).await;
        let typing = ops.sees("typing", |_| true).await;
        assert_eq!(typing, json!({ "type": "typing", "conversation_id": id, "from": "member", "name": "desk" }));

        drop(desk);
        ops.sees_present(&["ops"]).await;
        let desk = Member::at(port, DESK_KEY).await;
        ops.sees_present(&["desk", "ops"]).await;
        other.kill().await;
        ops.sees_present(&["ops"]).await;
        drop(desk);

        let other = launch.start().await;
        let mut desk = Member::at(port, DESK_KEY).await;
        ops.sees_present(&["desk", "ops"]).await;
        desk.sees_present(&["desk", "ops"]).await;
        other.stop().await;
        ops.sees_present(&["ops"]).await;
        process.stop().await;
        stage.end().await;
    });
}

async fn agent(stage: &Stage) -> String {
    stage.read("/api/agents").await["items"][0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_chat_that_waits_at_one_node_ends_at_once_when_another_takes_something_newer() {
    run(async {
        let mut stage = Stage::with(Database::Postgres, |setting| {
            setting.agent = "model = \"test-model\"\nbase_url = \"{simulator}\"".to_owned();
        })
        .await;
        let never = json!([{ "when": "first", "delay_ms": 600_000 }, { "when": "second", "text": "Both." }]);
        stage.replies(never).await;
        let (launch, port) = stage.neighbour();
        let (process, other) = (stage.start().await, launch.start().await);
        let path = format!("/api/agents/{}/chat", agent(&stage).await);
        let chat = |stage: &Stage, text: &str| {
            let said = json!({ "messages": [{ "role": "user", "content": text }], "session_id": "one" });
            stage.ask(Method::POST, &path).json(&said).send()
        };
        let first = tokio::spawn(chat(&stage, "The first"));
        await_some("the model to be asked", || async {
            let asked = stage.http.get(stage.vendor("/sim/model/requests")).send().await.unwrap().text().await.unwrap();
            if asked.contains("The first") { Ok(()) } else { Err(asked) }
        })
        .await;
        stage.port = port;
        // The second waits for its answer no longer than the first, whose answer would take minutes.
        let (second, first) = tokio::join!(chat(&stage, "The second"), first);
        let (second, first) = (second.unwrap(), first.unwrap().unwrap());
        assert_eq!((first.status().as_u16(), second.status().as_u16()), (409, 200));
        let said: Value = first.json().await.unwrap();
        assert_eq!(said["error"]["code"], "CONFLICT", "{said}");
        let said: Value = second.json().await.unwrap();
        assert_eq!(said["message"]["content"], "Both.", "{said}");
        process.stop().await;
        other.stop().await;
        stage.end().await;
    });
}
