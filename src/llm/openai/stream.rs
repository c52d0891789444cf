//! Chunks of a chat completions stream gathered into an answer.

use serde_json::Value;

use crate::llm::answer::{Finish, ToolCall, Usage};
use crate::llm::failure::ModelFailure;
use crate::llm::framing::Event;
use crate::llm::reader::{Gather, Gathered, Progress, arguments, parse};
use crate::llm::refusals;

/// The chunks so far.
#[derive(Debug, Default)]
pub(in crate::llm) struct Chunks {
    gathered: Gathered,
    calls: Vec<PartialCall>,
}

#[derive(Debug, Default)]
struct PartialCall {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

impl Gather for Chunks {
    fn event(&mut self, event: &Event, deltas: &mut dyn FnMut(&str)) -> Result<Progress, ModelFailure> {
        let data = event.data.trim();
        if data == "[DONE]" {
            return Ok(Progress::Done);
        }
        if data.is_empty() {
            return Ok(Progress::Idle);
        }
        let value = parse(data)?;
        if event.name == "error" {
            return Err(refusals::of_event(&value));
        }
        self.chunk(&value, deltas)
    }

    fn whole(&mut self, body: &Value, deltas: &mut dyn FnMut(&str)) -> Result<(), ModelFailure> {
        self.chunk(body, deltas).map(|_| ())
    }

    fn gathered(&self) -> &Gathered {
        &self.gathered
    }

    fn into_gathered(self: Box<Self>) -> Gathered {
        let calls = self.calls.into_iter().map(PartialCall::whole).collect();
        Gathered { calls, ..self.gathered }
    }
}

impl Chunks {
    fn chunk(&mut self, value: &Value, deltas: &mut dyn FnMut(&str)) -> Result<Progress, ModelFailure> {
        let choices = value.get("choices").and_then(Value::as_array);
        if refusals::complains(value) {
            return Err(refusals::of_event(value));
        }
        if let Some(model) = value.get("model").and_then(Value::as_str).filter(|_| self.gathered.model.is_empty()) {
            model.clone_into(&mut self.gathered.model);
        }
        let mut progress = Progress::Idle;
        if let Some(usage) = value.get("usage").and_then(read_usage) {
            // Some servers send a running count with each chunk: the last one counts.
            self.gathered.usage = Some(usage);
            progress = Progress::Content;
        }
        let first = choices.into_iter().flatten().find(|choice| {
            let index = choice.get("index");
            index.is_none_or(|index| index.is_null() || index.as_u64() == Some(0))
        });
        match first {
            Some(choice) if self.gathered.finish.is_none() => Ok(self.choice(choice, deltas)?.max_with(progress)),
            _ => Ok(progress),
        }
    }

    fn choice(&mut self, choice: &Value, deltas: &mut dyn FnMut(&str)) -> Result<Progress, ModelFailure> {
        let mut progress = Progress::Idle;
        // A server that does not stream says `message` where a stream says `delta`.
        if let Some(delta) = choice.get("delta").or_else(|| choice.get("message")) {
            let part = |key: &str| delta.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
            if let Some(text) = part("content") {
                progress = self.gathered.say(text, deltas);
            }
            if let Some(text) = part("refusal") {
                self.gathered.refusal.push_str(text);
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
            self.gathered.finish = Some(match reason {
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
}

impl PartialCall {
    fn whole(self) -> ToolCall {
        ToolCall { id: self.id, name: self.name, arguments: arguments(self.arguments) }
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
