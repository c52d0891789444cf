//! The line to a mail server: plain or under TLS, and with an allowance of bytes that the server may still send, so that
//! none can fill the memory.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use rustls_platform_verifier::ConfigVerifierExt as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::MailboxError;

/// How many bytes the other side may still send.
#[derive(Debug, Clone)]
pub(super) struct Allowance(Arc<AtomicU64>);

impl Allowance {
    pub(super) fn of(bytes: u64) -> Self {
        Self(Arc::new(AtomicU64::new(bytes)))
    }

    pub(super) fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    fn spend(&self, bytes: usize) -> io::Result<()> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let spent = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        spent.map(|_| ()).map_err(|_| io::Error::new(io::ErrorKind::FileTooLarge, "more than was asked for"))
    }
}

/// What a line runs over.
trait Transport: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug> Transport for T {}

/// A line with an allowance.
#[derive(Debug)]
pub(super) struct Line {
    transport: Box<dyn Transport>,
    allowance: Allowance,
}

/// A line without protection.
pub(super) fn open(
    transport: impl AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug + 'static,
    allowance: &Allowance,
) -> Line {
    Line { transport: Box::new(transport), allowance: allowance.clone() }
}

/// A line under TLS, to a server that proves its name.
pub(super) async fn protected(
    transport: impl AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug + 'static,
    host: &str,
    allowance: &Allowance,
) -> Result<Line, MailboxError> {
    let unusable = |error: &dyn std::fmt::Display| MailboxError::Unreachable(format!("no TLS: {error}"));
    crate::net::install_crypto();
    let config = ClientConfig::with_platform_verifier().map_err(|error| unusable(&error))?;
    let name = ServerName::try_from(host.to_owned()).map_err(|error| unusable(&error))?;
    let connected = TlsConnector::from(Arc::new(config)).connect(name, transport).await;
    Ok(open(connected.map_err(|error| unusable(&error))?, allowance))
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.transport).poll_read(context, buffer);
        match read {
            Poll::Ready(Ok(())) => Poll::Ready(self.allowance.spend(buffer.filled().len() - before)),
            other => other,
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(context)
    }
}
