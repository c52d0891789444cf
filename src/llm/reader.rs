//! Bytes of a model's stream on their way to an answer: framing, then the collector of its protocol. It does no I/O,
//! and an end of bytes is not success: an answer exists only once its protocol's end was seen.

use serde_json::Value;

use super::answer::{Answer, Finish, ToolCall, Usage};
use super::failure::{ModelFailure, ModelFailureCode as Code};
use super::framing::{Decoder, Event};
use super::{refusals, surrogates};

/// How far the stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing that counts: heartbeats, empty pieces.
    Idle,
    /// Content came.
    Content,
    /// The end mark came; what follows is not read.
    Done,
}

impl Progress {
    pub(super) fn max_with(self, other: Self) -> Self {
        if self == Self::Idle { other } else { self }
    }
}

/// Gathers the events of one protocol.
pub(super) trait Gather {
    /// Takes an event in, hands new text to `deltas`.
    fn event(&mut self, event: &Event, deltas: &mut dyn FnMut(&str)) -> Result<Progress, ModelFailure>;

    /// Takes a whole answer in, from a server that does not stream.
    fn whole(&mut self, body: &Value, deltas: &mut dyn FnMut(&str)) -> Result<(), ModelFailure>;

    /// What has been gathered.
    fn gathered(&self) -> &Gathered;

    /// What has been gathered, to be judged.
    fn into_gathered(self: Box<Self>) -> Gathered;
}

/// What a stream has told so far.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) text: String,
    pub(super) refusal: String,
    pub(super) calls: Vec<ToolCall>,
    /// A call that cannot be run, because the server says that it is broken.
    pub(super) broken_call: bool,
    pub(super) finish: Option<Finish>,
    pub(super) usage: Option<Usage>,
    pub(super) model: String,
    /// The answer in the protocol's own form, where it must go back unchanged with the results of its calls.
    pub(super) own: Option<Value>,
}

impl Gathered {
    pub(super) fn say(&mut self, text: &str, deltas: &mut dyn FnMut(&str)) -> Progress {
        if text.is_empty() {
            return Progress::Idle;
        }
        self.text.push_str(text);
        deltas(text);
        Progress::Content
    }

    /// The answer, if it is complete.
    fn finish(self) -> Result<Answer, ModelFailure> {
        let Some(mut finish) = self.finish else {
            return Err(ModelFailure::new(Code::CutOff, "the answer ended before its end mark"));
        };
        let refusal = Some(self.refusal).filter(|refusal| !refusal.is_empty());
        if refusal.is_some() {
            finish = Finish::Filtered;
        }
        if self.broken_call {
            return Err(for_good(Code::CutOff, "the model's tool call cannot be read"));
        }
        let asked = !self.calls.is_empty();
        let tool_calls = match finish {
            Finish::Complete => self.calls,
            // A call from a cut or withdrawn answer must not run.
            Finish::Length | Finish::Filtered => Vec::new(),
        };
        if self.text.trim().is_empty() && tool_calls.is_empty() && finish != Finish::Filtered {
            return Err(match (asked, finish) {
                (true, _) => for_good(Code::CutOff, "the token limit cut a tool call"),
                (false, Finish::Length) => {
                    for_good(Code::EmptyAnswer, "the token limit was spent before the answer began")
                }
                _ => ModelFailure::new(Code::EmptyAnswer, "the model answered with nothing"),
            });
        }
        let (usage, model, own) = (self.usage, self.model, self.own);
        Ok(Answer { finish, usage, tool_calls, refusal, own, ..Answer::of_text(&model, self.text) })
    }
}

fn for_good(code: Code, message: &str) -> ModelFailure {
    ModelFailure { retryable: false, ..ModelFailure::new(code, message) }
}

/// Reads one stream.
pub(super) struct Reader {
    decoder: Decoder,
    gather: Box<dyn Gather>,
}

impl Reader {
    pub(super) fn new(gather: Box<dyn Gather>) -> Self {
        Self { decoder: Decoder::default(), gather }
    }

    /// Takes the next bytes in, hands new text to `deltas`.
    pub(super) fn feed(&mut self, bytes: &[u8], deltas: &mut dyn FnMut(&str)) -> Result<Progress, ModelFailure> {
        let Self { decoder, gather } = self;
        let mut progress = Progress::Idle;
        decoder.feed(bytes, &mut |event| {
            if progress != Progress::Done {
                match gather.event(event, deltas)? {
                    Progress::Idle => {}
                    further => progress = further,
                }
            }
            Ok(())
        })?;
        Ok(progress)
    }

    /// Takes a whole answer in, from a server that does not stream.
    pub(super) fn feed_whole(&mut self, body: &[u8], deltas: &mut dyn FnMut(&str)) -> Result<(), ModelFailure> {
        let body = serde_json::from_slice(body).map_err(|_| unreadable("the answer is no JSON"))?;
        self.gather.whole(&body, deltas)
    }

    /// Whether text was handed out.
    pub(super) fn delivered_any(&self) -> bool {
        !self.gather.gathered().text.is_empty()
    }

    /// Whether the model has said that it is done.
    pub(super) fn finished(&self) -> bool {
        self.gather.gathered().finish.is_some()
    }

    /// The answer, if it is complete.
    pub(super) fn finish(self) -> Result<Answer, ModelFailure> {
        if !self.finished()
            && let Ok(stray) = serde_json::from_str::<Value>(self.decoder.stray())
            && refusals::complains(&stray)
        {
            // Some servers tell an error in the middle of a stream as bare JSON.
            return Err(refusals::of_event(&stray));
        }
        self.gather.into_gathered().finish()
    }
}

/// The JSON of an event's data.
pub(super) fn parse(data: &str) -> Result<Value, ModelFailure> {
    let parsed = serde_json::from_str(data).or_else(|error| match surrogates::replace_lone(data) {
        Some(repaired) => serde_json::from_str(&repaired),
        None => Err(error),
    });
    parsed.map_err(|_| unreadable("an event of the answer is no JSON"))
}

/// A call's arguments: a JSON object, or the text where it is none. Nothing stands for an empty object.
pub(super) fn arguments(text: String) -> Result<Value, String> {
    match text.trim() {
        "" => Ok(Value::Object(serde_json::Map::new())),
        trimmed => match serde_json::from_str::<Value>(trimmed) {
            Ok(value @ Value::Object(_)) => Ok(value),
            _ => Err(text),
        },
    }
}

/// The text under a key; empty where there is none.
pub(super) fn text_at<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn unreadable(message: &str) -> ModelFailure {
    ModelFailure::new(Code::Unreadable, message)
}
