//! Chunks of a chat completions stream gathered into an answer. It does no I/O: bytes go in, pieces of text come out,
//! and at the end either a complete answer or the reason why there is none. An end of bytes is not success.

use serde_json::{Map, Value};

use crate::llm::answer::{Answer, Finish, ToolCall, Usage};
use crate::llm::failure::{ModelFailure, ModelFailureCode as Code};
use crate::llm::framing::{Decoder, Event};

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

/// Reads one stream.
#[derive(Debug, Default)]
pub(super) struct Reader {
    decoder: Decoder,
    gathered: Gathered,
}

impl Reader {
    /// Takes the next bytes in, hands new text to `deltas`.
    pub(super) fn feed(&mut self, bytes: &[u8], deltas: &mut dyn FnMut(&str)) -> Result<Progress, ModelFailure> {
        let Self { decoder, gathered } = self;
        let mut progress = Progress::Idle;
        decoder.feed(bytes, &mut |event| {
            if progress != Progress::Done {
                match gathered.event(event, deltas)? {
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
        self.gathered.chunk(&body, deltas).map(|_| ())
    }

    /// Whether text was handed out.
    pub(super) fn delivered_any(&self) -> bool {
        !self.gathered.text.is_empty()
    }

    /// Whether the model has said that it is done.
    pub(super) fn finished(&self) -> bool {
        self.gathered.finish.is_some()
    }

    /// The answer, if it is complete.
    pub(super) fn finish(self) -> Result<Answer, ModelFailure> {
        self.gathered.finish()
    }
}

#[derive(Debug, Default)]
struct Gathered {
    text: String,
    refusal: String,
    calls: Vec<PartialCall>,
    finish: Option<Finish>,
    usage: Option<Usage>,
    model: String,
}

#[derive(Debug, Default)]
struct PartialCall {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

impl Gathered {
    fn event(&mut self, event: &Event, deltas: &mut dyn FnMut(&str)) -> Result<Progress, ModelFailure> {
        let data = event.data.trim();
        if data == "[DONE]" {
            return Ok(Progress::Done);
        }
        if data.is_empty() {
            return Ok(Progress::Idle);
        }
        let parsed = serde_json::from_str(data).or_else(|error| match surrogates::replace_lone(data) {
            Some(repaired) => serde_json::from_str(&repaired),
            None => Err(error),
        });
        let value: Value = parsed.map_err(|_| unreadable("an event of the answer is no JSON"))?;
        if event.name == "error" {
            return Err(refusals::of_event(&value));
        }
        self.chunk(&value, deltas)
    }

    fn chunk(&mut self, value: &Value, deltas: &mut dyn FnMut(&str)) -> Result<Progress, ModelFailure> {
        let choices = value.get("choices").and_then(Value::as_array);
        let complains = value.get("error").is_some_and(|error| !error.is_null())
            || value.get("object").and_then(Value::as_str) == Some("error")
            || (choices.is_none() && (value.get("detail").is_some() || value.get("message").is_some()));
        if complains {
            return Err(refusals::of_event(value));
        }
        if let Some(model) = value.get("model").and_then(Value::as_str).filter(|_| self.model.is_empty()) {
            model.clone_into(&mut self.model);
        }
        let mut progress = Progress::Idle;
        if let Some(usage) = value.get("usage").and_then(read_usage) {
            // Some servers send a running count with each chunk: the last one counts.
            self.usage = Some(usage);
            progress = Progress::Content;
        }
        let first = choices.into_iter().flatten().find(|choice| {
            let index = choice.get("index");
            index.is_none_or(|index| index.is_null() || index.as_u64() == Some(0))
        });
        match first {
            Some(choice) if self.finish.is_none() => Ok(self.choice(choice, deltas)?.max_with(progress)),
            _ => Ok(progress),
        }
    }

    fn choice(&mut self, choice: &Value, deltas: &mut dyn FnMut(&str)) -> Result<Progress, ModelFailure> {
        let mut progress = Progress::Idle;
        // A server that does not stream says `message` where a stream says `delta`.
        if let Some(delta) = choice.get("delta").or_else(|| choice.get("message")) {
            let part = |key: &str| delta.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
            if let Some(text) = part("content") {
                self.text.push_str(text);
                deltas(text);
                progress = Progress::Content;
            }
            if let Some(text) = part("refusal") {
                self.refusal.push_str(text);
                progress = Progress::Content;
            }
            // Reasoning shows that the model is at work, and is dropped: it is not for the customer.
            if part("reasoning_content").or_else(|| part("reasoning")).is_some() {
                progress = Progress::Content;
            }
            for call in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
                self.call(call);
                progress = Progress::Content;
            }
        }
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
            self.finish = Some(match reason {
                "error" => return Err(refusals::of_event(choice)),
                "length" => Finish::Length,
                "content_filter" => Finish::Filtered,
                "stop" | "tool_calls" | "function_call" => Finish::Complete,
                other => {
                    tracing::warn!(finish_reason = other, "the model ended its answer for a reason that is not known");
                    Finish::Complete
                }
            });
            progress = Progress::Content;
        }
        Ok(progress)
    }

    /// A piece of a call continues the call of its index; without an index, or with another id, it begins a new one.
    fn call(&mut self, piece: &Value) {
        let function = piece.get("function");
        let text = |value: Option<&Value>, key: &str| -> String {
            value.and_then(|value| value.get(key)).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let (id, index) = (text(Some(piece), "id"), piece.get("index").and_then(Value::as_u64));
        let (name, arguments) = (text(function, "name"), text(function, "arguments"));
        let known = self.calls.iter_mut().rev().find(|call| call.index == index);
        match known {
            Some(call) if id.is_empty() || call.id.is_empty() || call.id == id => {
                if call.id.is_empty() {
                    call.id = id;
                }
                if call.name.is_empty() {
                    call.name = name;
                }
                call.arguments.push_str(&arguments);
            }
            _ => self.calls.push(PartialCall { index, id, name, arguments }),
        }
    }

    fn finish(self) -> Result<Answer, ModelFailure> {
        let Some(mut finish) = self.finish else {
            return Err(ModelFailure::new(Code::CutOff, "the answer ended before its end mark"));
        };
        let refusal = Some(self.refusal).filter(|refusal| !refusal.is_empty());
        if refusal.is_some() {
            finish = Finish::Filtered;
        }
        let asked = !self.calls.is_empty();
        let tool_calls: Vec<ToolCall> = match finish {
            Finish::Complete => self.calls.into_iter().map(PartialCall::whole).collect(),
            // A call from a cut or withdrawn answer must not run.
            Finish::Length | Finish::Filtered => Vec::new(),
        };
        if self.text.trim().is_empty() && tool_calls.is_empty() && finish != Finish::Filtered {
            return Err(match (asked, finish) {
                (true, _) => ModelFailure {
                    retryable: false,
                    ..ModelFailure::new(Code::CutOff, "the token limit cut a tool call")
                },
                (false, Finish::Length) => ModelFailure {
                    retryable: false,
                    ..ModelFailure::new(Code::EmptyAnswer, "the token limit was spent before the answer began")
                },
                _ => ModelFailure::new(Code::EmptyAnswer, "the model answered with nothing"),
            });
        }
        let (usage, model) = (self.usage, self.model);
        Ok(Answer { finish, usage, tool_calls, refusal, ..Answer::of_text(&model, self.text) })
    }
}

impl PartialCall {
    fn whole(self) -> ToolCall {
        let arguments = match self.arguments.trim() {
            "" => Ok(Value::Object(Map::new())),
            text => match serde_json::from_str::<Value>(text) {
                Ok(value @ Value::Object(_)) => Ok(value),
                _ => Err(self.arguments),
            },
        };
        ToolCall { id: self.id, name: self.name, arguments }
    }
}

impl Progress {
    fn max_with(self, other: Self) -> Self {
        if self == Self::Idle { other } else { self }
    }
}

fn read_usage(usage: &Value) -> Option<Usage> {
    let count = |key: &str| usage.get(key).and_then(Value::as_u64);
    let (input, output) = (count("prompt_tokens"), count("completion_tokens"));
    if input.is_none() && output.is_none() {
        return None;
    }
    Some(Usage { input_tokens: input.unwrap_or_default(), output_tokens: output.unwrap_or_default() })
}

fn unreadable(message: &str) -> ModelFailure {
    ModelFailure::new(Code::Unreadable, message)
}
