//! Just enough HTTP/1.1 for both ends of a measurement: messages framed by `content-length` on lines that stay open.
//! It knows no other framing, so that it costs next to nothing beside the gateway.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Largest message that is read, in bytes: far above anything in a measurement.
const LARGEST: usize = 4 * 1024 * 1024;

/// A line on which messages come in.
pub struct Line {
    stream: TcpStream,
    buffer: Vec<u8>,
    consumed: usize,
}

/// Where the parts of a message lie in the line's buffer.
struct Frame {
    head: usize,
    whole: usize,
}

impl Line {
    /// Takes a stream over.
    ///
    /// # Errors
    /// The stream is dead already.
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096), consumed: 0 })
    }

    /// Opens a line to a server.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        Self::new(TcpStream::connect(address).await?)
    }

    /// The next message, its head and its body; none when the other side has closed between two messages.
    ///
    /// # Errors
    /// The line broke, or what came is no message that this reader knows.
    pub async fn read(&mut self) -> io::Result<Option<(&str, &[u8])>> {
        self.buffer.drain(..self.consumed);
        self.consumed = 0;
        let frame = loop {
            if let Some(frame) = frame(&self.buffer)? {
                break frame;
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        };
        self.consumed = frame.whole;
        let head = self.buffer.get(..frame.head).unwrap_or_default();
        let head = std::str::from_utf8(head).map_err(io::Error::other)?;
        Ok(Some((head, self.buffer.get(frame.head..frame.whole).unwrap_or_default())))
    }

    /// Writes bytes that are whole messages.
    ///
    /// # Errors
    /// The line broke.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Sends a request and gives the answer's status and body.
    ///
    /// # Errors
    /// The line broke before the whole answer was there.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<(u16, &[u8])> {
        self.write(request).await?;
        let Some((head, body)) = self.read().await? else { return Err(io::ErrorKind::UnexpectedEof.into()) };
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        Ok((status.ok_or_else(|| io::Error::other("the answer has no status"))?, body))
    }
}

/// A whole message at the beginning of what has been read, if it is there.
fn frame(read: &[u8]) -> io::Result<Option<Frame>> {
    if read.len() > LARGEST {
        return Err(io::Error::other("the message is too large"));
    }
    let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = end + 4;
    let text = std::str::from_utf8(read.get(..end).unwrap_or_default()).map_err(io::Error::other)?;
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.map_or(Ok(0), |(_, value)| value.trim().parse()).map_err(io::Error::other)?;
    let whole = head + length;
    Ok((read.len() >= whole).then_some(Frame { head, whole }))
}

#[cfg(test)]
mod tests {
    use super::frame;

    #[test]
    fn a_message_is_whole_when_its_length_has_come() {
        let cases = [
            ("HTTP/1.1 200 OK\r\n", None),
            ("HTTP/1.1 200 OK\r\n\r\n", Some((19, 19))),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", None),
            ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcHTTP", Some((38, 41))),
        ];
        for (read, expected) in cases {
            let found = frame(read.as_bytes()).unwrap().map(|frame| (frame.head, frame.whole));
            assert_eq!(found, expected, "{read:?}");
        }
        assert!(frame(b"GET / HTTP/1.1\r\ncontent-length: many\r\n\r\n").is_err());
    }
}
