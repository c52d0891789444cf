//! A vendor that refuses everything and repeats what it was asked, and one that delivers a signed form.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::gateway::Gateway;

/// A server that repeats requests.
pub struct Echo {
    /// `http://127.0.0.1:port`
    pub address: String,
    /// What it was asked so far, heads and bodies.
    pub requests: Arc<Mutex<Vec<String>>>,
}

/// Starts it; it ends with the runtime of its test.
pub async fn start_echo() -> Echo {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    actix_web::rt::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            actix_web::rt::spawn(repeat(stream, Arc::clone(&seen)));
        }
    });
    Echo { address, requests }
}

async fn repeat(mut stream: TcpStream, seen: Arc<Mutex<Vec<String>>>) {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lines = head.lines().filter_map(|line| line.split_once(": "));
            let mut length =
                lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, length)| length);
            if body.len() >= length.next_back().map_or(0, |length| length.parse().unwrap()) {
                seen.lock().unwrap().push(text.clone());
                let answer =
                    json!({"error": {"code": 131_009, "message": text}, "code": 21_211, "message": text}).to_string();
                let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n";
                let whole = format!("{head}content-length: {}\r\n\r\n{answer}", answer.len());
                stream.write_all(whole.as_bytes()).await.unwrap();
                return;
            }
        }
        let mut piece = [0_u8; 4_096];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(size) => bytes.extend_from_slice(&piece[..size]),
        }
    }
}

/// Delivers an SMS as its vendor does, signed with a shared key. Gives the status.
pub async fn deliver_form(gateway: &Gateway, callback: &str, account: &str, key: &str) -> u16 {
    let sid = format!("SM{}", "3".repeat(32));
    // Sorted by name, as they are signed.
    let fields = [
        ("AccountSid", account),
        ("Body", "Hello"),
        ("From", "+4915112345678"),
        ("MessageSid", sid.as_str()),
        ("NumMedia", "0"),
        ("To", "+14155550100"),
    ];
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(callback.as_bytes());
    for (name, value) in fields {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    let request = gateway.ask("POST", callback.strip_prefix(&gateway.url).unwrap());
    let request = request.header("x-twilio-signature", STANDARD.encode(mac.finalize().into_bytes()));
    let request = request.header("x-twilio-webhooks-signature-settings", "algorithm=HMAC_SHA256");
    request.form(&fields).send().await.unwrap().status().as_u16()
}
