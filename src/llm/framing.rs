//! Server-sent events from bytes, after the WHATWG rules, with limits. It knows nothing of what the events mean and
//! never reconnects (a repeat would run a paid model again), so `id` and `retry` are dropped.

use std::mem::take;

use super::failure::{ModelFailure, ModelFailureCode};

/// The longest line and the longest event, in bytes.
pub(super) const EVENT_LIMIT: usize = 1024 * 1024;
/// The longest stream, in bytes.
pub(super) const STREAM_LIMIT: usize = 16 * 1024 * 1024;

/// The most that is kept of lines that are no field of an event, in bytes.
const STRAY_LIMIT: usize = 64 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// Its name; empty where the server gave none.
    pub(super) name: String,
    /// Its data lines, joined by LF.
    pub(super) data: String,
}

/// Cuts a stream of bytes into events. Bytes may be cut anywhere, also inside a character or between CR and LF.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    line: Vec<u8>,
    lines_seen: bool,
    after_cr: bool,
    name: String,
    data: Option<String>,
    size: usize,
    stray: String,
}

impl Decoder {
    /// Lines that were no field of an event, up to a limit: what a server said outside the protocol.
    pub(super) fn stray(&self) -> &str {
        &self.stray
    }

    /// Takes the next bytes in and hands each event that they complete to `each`, which may stop the reading.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        each: &mut dyn FnMut(&Event) -> Result<(), ModelFailure>,
    ) -> Result<(), ModelFailure> {
        self.size = self.size.saturating_add(bytes.len());
        if self.size > STREAM_LIMIT {
            return Err(too_large("stream", STREAM_LIMIT));
        }
        loop {
            if self.after_cr && !bytes.is_empty() {
                self.after_cr = false;
                bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
            }
            let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else { break };
            let (head, rest) = bytes.split_at(end);
            self.extend_line(head)?;
            self.after_cr = rest.first() == Some(&b'\r');
            bytes = rest.get(1..).unwrap_or_default();
            if let Some(event) = self.end_line()? {
                each(&event)?;
            }
        }
        self.extend_line(bytes)
    }

    fn extend_line(&mut self, bytes: &[u8]) -> Result<(), ModelFailure> {
        if self.line.len().saturating_add(bytes.len()) > EVENT_LIMIT {
            return Err(too_large("line", EVENT_LIMIT));
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self) -> Result<Option<Event>, ModelFailure> {
        let mut line = take(&mut self.line);
        if !self.lines_seen && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        self.lines_seen = true;
        if line.is_empty() {
            let name = take(&mut self.name);
            return Ok(self.data.take().map(|data| Event { name, data }));
        }
        let text = String::from_utf8_lossy(&line);
        let (field, value) = text.split_once(':').unwrap_or((&text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => self.add_data(value)?,
            "event" => value.clone_into(&mut self.name),
            "" | "id" | "retry" => {}
            _ if self.stray.len().saturating_add(text.len()) < STRAY_LIMIT => self.stray.push_str(&text),
            _ => {}
        }
        line.clear();
        self.line = line;
        Ok(None)
    }

    fn add_data(&mut self, value: &str) -> Result<(), ModelFailure> {
        match &mut self.data {
            None => self.data = Some(value.to_owned()),
            Some(data) => {
                if data.len().saturating_add(value.len()) > EVENT_LIMIT {
                    return Err(too_large("event", EVENT_LIMIT));
                }
                data.push('\n');
                data.push_str(value);
            }
        }
        Ok(())
    }
}

fn too_large(what: &str, limit: usize) -> ModelFailure {
    ModelFailure::new(ModelFailureCode::TooLarge, format!("a {what} of the answer is larger than {limit} bytes"))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn decode(bytes: &[u8], split: usize) -> Result<Vec<Event>, ModelFailure> {
        let mut decoder = Decoder::default();
        let mut events = Vec::new();
        for piece in bytes.chunks(split) {
            decoder.feed(piece, &mut |event| {
                events.push(event.clone());
                Ok(())
            })?;
        }
        Ok(events)
    }

    #[test]
    fn transcripts_are_framed_alike_wherever_they_are_cut() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/llm/framing");
        let expected = std::fs::read(format!("{folder}/expected.json")).expect("the expectations");
        let expected: Value = serde_json::from_slice(&expected).expect("JSON");
        let cases = expected["cases"].as_array().expect("cases");
        assert_eq!(cases.len(), 19);
        for case in cases {
            let file = case["file"].as_str().expect("a name");
            let bytes = std::fs::read(format!("{folder}/{file}")).expect(file);
            let wanted: Vec<(&str, &str)> = case["events"]
                .as_array()
                .expect("events")
                .iter()
                .map(|event| (event["event"].as_str().unwrap_or(""), event["data"].as_str().expect("data")))
                .collect();
            // The standard drops an event without its blank line; this reader follows it.
            let wanted = if file == "sse-no-final-blank.sse" { &wanted[..1] } else { &wanted[..] };
            for split in [1, 2, 3, 7, 64, usize::MAX] {
                let events = decode(&bytes, split.min(bytes.len().max(1))).expect(file);
                let events: Vec<(&str, &str)> = events.iter().map(|event| (&*event.name, &*event.data)).collect();
                assert_eq!(events, wanted, "{file} in pieces of {split}");
            }
        }
    }

    #[test]
    fn sizes_are_limited() {
        let line = [b"data: ".to_vec(), vec![b'x'; EVENT_LIMIT]].concat();
        let event = b"data: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n".repeat(EVENT_LIMIT / 60);
        let stream = [b": ".to_vec(), vec![b'x'; 8_000], b"\n".to_vec()].concat().repeat(STREAM_LIMIT / 8_000);
        for (what, bytes) in [("line", line), ("event", event), ("stream", stream)] {
            let failure = decode(&bytes, 65_536).expect_err(what);
            assert_eq!(failure.code, ModelFailureCode::TooLarge);
            assert!(failure.message.contains(what), "{failure}");
        }
    }

    #[test]
    fn broken_characters_do_not_break_the_stream() {
        let events = decode(b"data: a\xffb\n\n", 1).expect("events");
        assert_eq!(events[0].data, "a\u{fffd}b");
    }
}
