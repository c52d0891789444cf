//! Downloads: a body streamed to a writer, counted and hashed on the way, never held in memory.

use std::time::Instant;

use sha2::{Digest, Sha256};
use switchboard_channels::contract::request::{Body, Method, Request};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::redaction::redacted;
use super::{Answer, Arriving, Client, NetError, Trust};

/// Redirects that a download follows: vendors keep the bytes elsewhere.
const MOST_REDIRECTS: usize = 3;

/// How a download ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Download {
    /// The peer gave the file and all of it was written and flushed.
    Kept(Kept),
    /// The peer answered with another status than 2xx; nothing was written.
    Declined(Answer),
}

/// A file that was downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The media type the peer states, without parameters.
    pub mime_type: Option<String>,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the bytes in lower-case hex.
    pub sha256: String,
}

impl Client {
    /// Streams the answer's body into `writer`, at most `limit` bytes. After an error the writer holds a part, which
    /// the caller discards. A redirect is followed to where anybody may go, without the request's proof.
    ///
    /// # Errors
    /// See [`super::NetErrorKind`]; a download may always be repeated.
    pub async fn download(
        &self,
        request: &Request,
        limit: u64,
        writer: &mut (dyn AsyncWrite + Unpin),
    ) -> Result<Download, NetError> {
        let begun = Instant::now();
        let idle = self.options.download_idle_timeout;
        let stalled = |_| NetError::lost("the download stands still");
        let mut arriving = self.arrive(request).await?;
        for _ in 0..MOST_REDIRECTS {
            let Some(url) = redirect(&arriving).filter(|_| request.method == Method::Get) else { break };
            let further = Request { method: Method::Get, url, authorisation: None, body: Body::Empty };
            arriving = self.trusting(Trust::Outside).arrive(&further).await?;
        }
        if !(200..300).contains(&arriving.status()) {
            let body = tokio::time::timeout(idle, arriving.rest(self.options.max_response_bytes)).await;
            return Ok(Download::Declined(Answer {
                status: arriving.status(),
                retry_after: arriving.retry_after(),
                body: redacted(body.map_err(stalled)??, request.authorisation.as_ref()),
                duration: begun.elapsed(),
            }));
        }
        if arriving.response.content_length().is_some_and(|length| length > limit) {
            return Err(NetError::too_large(limit));
        }
        let mut hash = Sha256::new();
        let mut size = 0_u64;
        while let Some(piece) = tokio::time::timeout(idle, arriving.chunk()).await.map_err(stalled)?? {
            size = size.saturating_add(piece.len() as u64);
            if size > limit {
                return Err(NetError::too_large(limit));
            }
            hash.update(&piece);
            writer.write_all(&piece).await.map_err(|error| NetError::unwritable(&error))?;
        }
        writer.flush().await.map_err(|error| NetError::unwritable(&error))?;
        Ok(Download::Kept(Kept { mime_type: arriving.mime_type(), size, sha256: hex::encode(hash.finalize()) }))
    }

    async fn arrive(&self, request: &Request) -> Result<Arriving, NetError> {
        let opening = tokio::time::timeout(self.options.request_timeout, self.open(request, &[]));
        opening.await.map_err(|_| NetError::lost("the peer does not answer"))?
    }
}

/// Where the peer says that the bytes are.
fn redirect(arriving: &Arriving) -> Option<String> {
    let moved = matches!(arriving.status(), 301 | 302 | 303 | 307 | 308);
    let location = arriving.header("location").filter(|_| moved)?;
    arriving.response.url().join(location).ok().map(String::from)
}
