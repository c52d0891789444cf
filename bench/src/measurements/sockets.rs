//! What an idle widget socket holds in the gateway. The widget's channel is that of the gateway's own demo, which says
//! its id when it is ready.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::idle::settled_kib;
use super::loads::float;
use crate::Outcome;
use crate::arguments::Arguments;
use crate::gateway::{Gateway, Setup, free_address};
use crate::http::Line;
use crate::report::Row;
use crate::stage::Folder;

/// Sockets that are opened before memory is compared, so that what a first one leaves behind once is not counted.
const EARLIER: u32 = 100;
/// Longest time for the gateway's welcome.
const WELCOME: Duration = Duration::from_secs(10);

type Socket = WebSocketStream<TcpStream>;

/// Opens the sockets and measures.
///
/// # Errors
/// The demo cannot be started.
pub async fn measure(arguments: &Arguments) -> Outcome<Vec<Row>> {
    let folder = Folder::fresh(arguments)?;
    let setup = Setup { binary: arguments.gateway()?, folder: folder.path(), database: None, listen: free_address()? };
    let gateway = setup.start("dev").await?;
    let what = format!("memory per idle socket, {} of them", arguments.idle);
    let row = match opened(arguments, &setup, &gateway).await {
        Ok(kib) => Row::at_most("idle", &what, kib, 30.0, "KiB"),
        Err(error) => Row::note("idle", what, format!("n/a ({error})")),
    };
    gateway.stop().await?;
    Ok(vec![row])
}

/// KiB per socket.
async fn opened(arguments: &Arguments, setup: &Setup, gateway: &Gateway) -> Outcome<f64> {
    let channel = gateway.facts().get("widget_channel").and_then(Value::as_str);
    let channel = channel.ok_or("the demo has no widget")?;
    let mut sockets = Vec::new();
    for _ in 0..EARLIER {
        sockets.push(open(setup.listen, channel).await?);
    }
    let before = settled_kib(gateway).await?;
    for _ in 0..arguments.idle {
        sockets.push(open(setup.listen, channel).await?);
    }
    let after = settled_kib(gateway).await?;
    Ok(float(after.saturating_sub(before)) / f64::from(arguments.idle.max(1)))
}

/// A socket of a new visitor, welcomed.
async fn open(gateway: SocketAddr, channel: &str) -> Outcome<Socket> {
    let token = session(gateway, channel).await?;
    let request = format!("ws://{gateway}/api/widget/socket").into_client_request()?;
    let stream = TcpStream::connect(gateway).await?;
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await?;
    let hello = json!({ "type": "hello", "token": token, "since": 0 });
    socket.send(Message::text(hello.to_string())).await?;
    let welcome = tokio::time::timeout(WELCOME, socket.next()).await?.ok_or("the socket was closed")??;
    let welcome: Value = serde_json::from_str(welcome.to_text()?)?;
    match welcome.get("type").and_then(Value::as_str) {
        Some("welcome") => Ok(socket),
        other => Err(format!("instead of a welcome came {}", other.unwrap_or("nothing known")).into()),
    }
}

/// The token of a new visitor.
async fn session(gateway: SocketAddr, channel: &str) -> Outcome<String> {
    let body = json!({ "channel_id": channel }).to_string();
    let request = format!(
        "POST /api/widget/sessions HTTP/1.1\r\nhost: {gateway}\r\norigin: http://{gateway}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut line = Line::open(gateway).await?;
    match line.exchange(request.as_bytes()).await? {
        (200 | 201, answer) => {
            let answer: Value = serde_json::from_slice(answer)?;
            let token = answer.get("token").and_then(Value::as_str);
            Ok(token.ok_or("the session has no token")?.to_owned())
        }
        (status, _) => Err(format!("the widget's sessions answer {status}").into()),
    }
}
