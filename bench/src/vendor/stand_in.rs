//! The stand-in for the vendor: takes sends off lines that stay open and accepts each. It checks nothing.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::receipts::Lane;
use crate::Outcome;
use crate::book::Book;
use crate::http::Line;
use crate::webhook::{Taken, token_in};

/// A stand-in that runs. Dropped, it takes no further lines.
pub struct StandIn {
    address: SocketAddr,
    accepting: JoinHandle<()>,
    desk: Arc<Desk>,
}

/// What all lines share.
struct Desk {
    book: Arc<Book>,
    lanes: Vec<Lane>,
    taken: AtomicU64,
}

impl StandIn {
    /// Listens on a free port of loopback.
    ///
    /// # Errors
    /// There is none.
    pub async fn start(book: Arc<Book>, lanes: Vec<Lane>) -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let desk = Arc::new(Desk { book, lanes, taken: AtomicU64::new(0) });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&desk)));
        Ok(Self { address, accepting, desk })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Receipts that the gateway has acknowledged; none when it sends none.
    pub fn receipts_acknowledged(&self) -> Option<u64> {
        let lanes = &self.desk.lanes;
        (!lanes.is_empty()).then(|| lanes.iter().map(Lane::acknowledged).sum())
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, desk: Arc<Desk>) {
    // A listener on loopback fails only when files run out, and then nothing can be measured.
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&desk)));
    }
}

async fn serve(stream: TcpStream, desk: Arc<Desk>) {
    let Ok(mut line) = Line::new(stream) else { return };
    // A line that breaks is the gateway's to open again.
    while let Ok(Some((_, body))) = line.read().await {
        let answer = desk.answer(body);
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length:";
        let response = format!("{head} {}\r\n\r\n{answer}", answer.len());
        if line.write(response.as_bytes()).await.is_err() {
            return;
        }
    }
}

impl Desk {
    fn answer(&self, body: &[u8]) -> String {
        let (Some(token), Some(to)) = (token_in(body), member(body, "to")) else {
            return r#"{"success":true}"#.to_owned();
        };
        self.book.answered(token);
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        let wamid = format!("wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI{token:016X}{number:012}");
        let answer = format!(
            r#"{{"messaging_product":"whatsapp","contacts":[{{"input":"{to}","wa_id":"{to}"}}],"messages":[{{"id":"{wamid}"}}]}}"#
        );
        if let Some(lane) =
            usize::try_from(token).ok().and_then(|token| self.lanes.get(token % self.lanes.len().max(1)))
        {
            let tracking = member(body, "biz_opaque_callback_data").unwrap_or_default().to_owned();
            lane.push(Taken { wamid, to: to.to_owned(), tracking });
        }
        answer
    }
}

/// The text of a member whose value holds nothing escaped, as ids and phone numbers.
fn member<'a>(body: &'a [u8], name: &str) -> Option<&'a str> {
    let body = std::str::from_utf8(body).ok()?;
    let (_, rest) = body.split_once(&format!("\"{name}\":\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::book::Book;

    #[tokio::test]
    async fn a_send_is_accepted_and_booked() {
        let book = Arc::new(Book::new(0..1).unwrap());
        let text = book.open(&book.customers(1).await, Instant::now())[0];
        let stand_in = StandIn::start(Arc::clone(&book), Vec::new()).await.unwrap();
        let mut line = Line::open(stand_in.address()).await.unwrap();
        let body =
            format!(r#"{{"to":"16500000000","type":"text","text":{{"body":"you said ref-{:012}"}}}}"#, text.token);
        let request = format!("POST /v25.0/1/messages HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let (status, answer) = line.exchange(request.as_bytes()).await.unwrap();
        let answer: serde_json::Value = serde_json::from_slice(answer).unwrap();
        assert_eq!((status, answer["contacts"][0]["wa_id"].as_str()), (200, Some("16500000000")));
        assert_eq!(book.totals().answered, 1);
    }
}
