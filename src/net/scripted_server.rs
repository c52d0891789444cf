//! A peer for tests that speaks HTTP/1.1 by script over a real socket: each request gets the next reply, byte for
//! byte, so that cut, slow and broken answers can be told apart.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What to do with one request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Write these bytes and keep the connection.
    Keep(Vec<u8>),
    /// Write these bytes and close the connection.
    Close(Vec<u8>),
    /// Write these bytes, then wait until the client goes away, and say so on [`ScriptedServer::gone`].
    Hang(Vec<u8>),
}

impl Reply {
    /// A whole response with `content-length`; `head` holds further header lines, each ending in CRLF.
    pub fn whole(status: u16, head: &str, body: &[u8]) -> Self {
        let mut bytes = format!("HTTP/1.1 {status} X\r\n{head}content-length: {}\r\n\r\n", body.len()).into_bytes();
        bytes.extend_from_slice(body);
        Self::Keep(bytes)
    }

    /// The head of a response without a length: its body ends with the connection.
    pub fn head(status: u16, head: &str) -> Vec<u8> {
        format!("HTTP/1.1 {status} X\r\nconnection: close\r\n{head}\r\n").into_bytes()
    }
}

/// The server; it ends with the runtime of its test.
#[derive(Debug)]
pub struct ScriptedServer {
    /// `http://127.0.0.1:port`
    pub address: String,
    /// The requests so far, heads and bodies as text.
    pub requests: Arc<Mutex<Vec<String>>>,
    /// Hears of each client that left a hanging reply.
    pub gone: mpsc::UnboundedReceiver<()>,
}

impl ScriptedServer {
    /// Listens on a free port.
    pub async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let replies = Arc::new(Mutex::new(VecDeque::from(replies)));
        let (left, gone) = mpsc::unbounded_channel();
        let seen = requests.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, replies.clone(), seen.clone(), left.clone()));
            }
        });
        Self { address, requests, gone }
    }

    /// How many requests came.
    pub fn count(&self) -> usize {
        self.requests.lock().expect("no test panicked").len()
    }
}

async fn serve(
    mut stream: TcpStream,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    seen: Arc<Mutex<Vec<String>>>,
    left: mpsc::UnboundedSender<()>,
) {
    while let Some(request) = read_request(&mut stream).await {
        seen.lock().expect("no test panicked").push(request);
        let next = replies.lock().expect("no test panicked").pop_front();
        let (bytes, keep) = match next {
            None => return,
            Some(Reply::Keep(bytes)) => (bytes, true),
            Some(Reply::Close(bytes)) => (bytes, false),
            Some(Reply::Hang(bytes)) => {
                if stream.write_all(&bytes).await.is_ok() {
                    let _ = stream.read(&mut [0_u8; 16]).await;
                }
                let _ = left.send(());
                return;
            }
        };
        if stream.write_all(&bytes).await.is_err() || !keep {
            return;
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut piece = [0_u8; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let whole = match length {
                Some(length) => body.len() >= length.parse::<usize>().expect("a length"),
                None => !head.contains("transfer-encoding: chunked") || body.ends_with("0\r\n\r\n"),
            };
            if whole {
                return Some(text);
            }
        }
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(size) => bytes.extend_from_slice(&piece[..size]),
        }
    }
}
