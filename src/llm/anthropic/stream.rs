//! Events of a Messages stream gathered into an answer. It goes by the type in the data, not by the event's name, which
//! proxies drop.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::llm::answer::{Finish, ToolCall, Usage};
use crate::llm::failure::ModelFailure;
use crate::llm::framing::Event;
use crate::llm::reader::{Gather, Gathered, Progress, arguments, parse, text_at};
use crate::llm::refusals;

/// The blocks so far.
#[derive(Debug, Default)]
pub(in crate::llm) struct Blocks {
    gathered: Gathered,
    blocks: BTreeMap<u64, Block>,
    usage: Usage,
}

/// One block of the answer.
#[derive(Debug)]
enum Block {
    Text(String),
    ToolUse {
        id: String,
        name: String,
        input: String,
    },
    /// What the model thought, to be sent back unchanged, signature included.
    Thinking(Value),
    /// What is not ours to run or to show.
    Other,
}

impl Gather for Blocks {
    fn event(&mut self, event: &Event, deltas: &mut dyn FnMut(&str)) -> Result<Progress, ModelFailure> {
        if event.data.trim().is_empty() {
            return Ok(Progress::Idle);
        }
        let value = parse(event.data.trim())?;
        let index = || value.get("index").and_then(Value::as_u64).unwrap_or_default();
        match text_at(&value, "type") {
            "message_start" => {
                let message = value.get("message").unwrap_or(&Value::Null);
                text_at(message, "model").clone_into(&mut self.gathered.model);
                self.count(message.get("usage"));
                Ok(Progress::Content)
            }
            "content_block_start" => Ok(self.begin(index(), value.get("content_block"), deltas)),
            "content_block_delta" => Ok(self.extend(index(), value.get("delta"), deltas)),
            "message_delta" => {
                self.count(value.get("usage"));
                let reason = value.pointer("/delta/stop_reason").and_then(Value::as_str);
                self.end(reason);
                Ok(if reason.is_some() { Progress::Content } else { Progress::Idle })
            }
            "message_stop" => Ok(Progress::Done),
            "error" => Err(refusals::of_event(&value)),
            _ if value.get("error").is_some_and(Value::is_object) => Err(refusals::of_event(&value)),
            _ => Ok(Progress::Idle),
        }
    }

    fn whole(&mut self, body: &Value, deltas: &mut dyn FnMut(&str)) -> Result<(), ModelFailure> {
        if refusals::complains(body) {
            return Err(refusals::of_event(body));
        }
        text_at(body, "model").clone_into(&mut self.gathered.model);
        self.count(body.get("usage"));
        for (index, block) in body.get("content").and_then(Value::as_array).into_iter().flatten().enumerate() {
            let index = u64::try_from(index).unwrap_or_default();
            self.begin(index, Some(block), deltas);
        }
        self.end(body.get("stop_reason").and_then(Value::as_str));
        Ok(())
    }

    fn gathered(&self) -> &Gathered {
        &self.gathered
    }

    fn into_gathered(self: Box<Self>) -> Gathered {
        let mut calls = Vec::new();
        let mut own = Vec::new();
        for block in self.blocks.into_values() {
            match block {
                Block::Text(text) if text.trim().is_empty() => {}
                Block::Text(text) => own.push(json!({"type": "text", "text": text})),
                Block::ToolUse { id, name, input } => {
                    let arguments = arguments(input);
                    let input = arguments.clone().unwrap_or_else(|_| json!({}));
                    own.push(json!({"type": "tool_use", "id": id, "name": name, "input": input}));
                    calls.push(ToolCall { id, name, arguments });
                }
                Block::Thinking(block) => own.push(block),
                Block::Other => {}
            }
        }
        let own = (!calls.is_empty()).then_some(Value::Array(own));
        Gathered { calls, own, ..self.gathered }
    }
}

impl Blocks {
    fn begin(&mut self, index: u64, block: Option<&Value>, deltas: &mut dyn FnMut(&str)) -> Progress {
        let Some(block) = block else { return Progress::Idle };
        let mut progress = Progress::Content;
        let begun = match text_at(block, "type") {
            "text" => {
                progress = self.gathered.say(text_at(block, "text"), deltas);
                Block::Text(text_at(block, "text").to_owned())
            }
            "tool_use" => {
                let input =
                    block.get("input").filter(|input| input.as_object().is_some_and(|fields| !fields.is_empty()));
                Block::ToolUse {
                    id: text_at(block, "id").to_owned(),
                    name: text_at(block, "name").to_owned(),
                    input: input.map(Value::to_string).unwrap_or_default(),
                }
            }
            "thinking" | "redacted_thinking" => Block::Thinking(block.clone()),
            _ => Block::Other,
        };
        self.blocks.insert(index, begun);
        progress
    }

    fn extend(&mut self, index: u64, delta: Option<&Value>, deltas: &mut dyn FnMut(&str)) -> Progress {
        let Some(delta) = delta else { return Progress::Idle };
        let block = self.blocks.get_mut(&index);
        match (text_at(delta, "type"), block) {
            ("text_delta", block) => {
                let text = text_at(delta, "text");
                if let Some(Block::Text(known)) = block {
                    known.push_str(text);
                }
                self.gathered.say(text, deltas)
            }
            ("input_json_delta", Some(Block::ToolUse { input, .. })) => {
                input.push_str(text_at(delta, "partial_json"));
                Progress::Content
            }
            (kind @ ("thinking_delta" | "signature_delta"), Some(Block::Thinking(block))) => {
                let key = if kind == "thinking_delta" { "thinking" } else { "signature" };
                let whole = format!("{}{}", text_at(block, key), text_at(delta, key));
                if let Some(members) = block.as_object_mut() {
                    members.insert(key.to_owned(), Value::String(whole));
                }
                Progress::Content
            }
            ("input_json_delta" | "thinking_delta" | "signature_delta", _) => Progress::Content,
            _ => Progress::Idle,
        }
    }

    /// Counts are running totals, and an absent one keeps its value.
    fn count(&mut self, usage: Option<&Value>) {
        let Some(usage) = usage else { return };
        let count = |key: &str| usage.get(key).and_then(Value::as_u64);
        if let Some(tokens) = count("input_tokens") {
            self.usage.input_tokens = tokens;
        }
        if let Some(tokens) = count("output_tokens") {
            self.usage.output_tokens = tokens;
        }
        self.gathered.usage = Some(self.usage);
    }

    fn end(&mut self, reason: Option<&str>) {
        self.gathered.finish = match reason {
            None => return,
            Some("max_tokens" | "model_context_window_exceeded") => Some(Finish::Length),
            Some("refusal") => Some(Finish::Filtered),
            Some("end_turn" | "stop_sequence" | "tool_use" | "pause_turn") => Some(Finish::Complete),
            Some(other) => {
                tracing::warn!(stop_reason = other, "the model ended its answer for a reason that is not known");
                Some(Finish::Complete)
            }
        };
    }
}
