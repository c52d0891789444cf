//! Chunks of a `streamGenerateContent` stream gathered into an answer. There is no end mark: an answer is whole once its
//! reason to end was seen.

use serde_json::{Map, Value};

use crate::llm::answer::{Finish, ToolCall, Usage};
use crate::llm::failure::ModelFailure;
use crate::llm::framing::Event;
use crate::llm::reader::{Gather, Gathered, Progress, parse, text_at};
use crate::llm::refusals;

/// The chunks so far.
#[derive(Debug, Default)]
pub(in crate::llm) struct Parts {
    gathered: Gathered,
    /// All parts as they came, signatures included.
    own: Vec<Value>,
}

impl Gather for Parts {
    fn event(&mut self, event: &Event, deltas: &mut dyn FnMut(&str)) -> Result<Progress, ModelFailure> {
        let data = event.data.trim();
        if data.is_empty() {
            return Ok(Progress::Idle);
        }
        self.chunk(&parse(data)?, deltas)
    }

    fn whole(&mut self, body: &Value, deltas: &mut dyn FnMut(&str)) -> Result<(), ModelFailure> {
        match body {
            Value::Array(chunks) => chunks.iter().try_for_each(|chunk| self.chunk(chunk, deltas).map(|_| ())),
            chunk => self.chunk(chunk, deltas).map(|_| ()),
        }
    }

    fn gathered(&self) -> &Gathered {
        &self.gathered
    }

    fn into_gathered(self: Box<Self>) -> Gathered {
        let own = (!self.gathered.calls.is_empty()).then_some(Value::Array(self.own));
        Gathered { own, ..self.gathered }
    }
}

impl Parts {
    fn chunk(&mut self, value: &Value, deltas: &mut dyn FnMut(&str)) -> Result<Progress, ModelFailure> {
        if refusals::complains(value) {
            return Err(refusals::of_event(value));
        }
        if self.gathered.model.is_empty() {
            text_at(value, "modelVersion").clone_into(&mut self.gathered.model);
        }
        self.count(value.get("usageMetadata"));
        if value.pointer("/promptFeedback/blockReason").is_some_and(Value::is_string) {
            self.gathered.finish = Some(Finish::Filtered);
            return Ok(Progress::Content);
        }
        let Some(candidate) = value.pointer("/candidates/0") else { return Ok(Progress::Idle) };
        let mut progress = Progress::Idle;
        for part in candidate.pointer("/content/parts").and_then(Value::as_array).into_iter().flatten() {
            progress = self.part(part, deltas).max_with(progress);
        }
        if let Some(reason) = candidate.get("finishReason").and_then(Value::as_str) {
            self.end(reason);
            progress = Progress::Content;
        }
        Ok(progress)
    }

    fn part(&mut self, part: &Value, deltas: &mut dyn FnMut(&str)) -> Progress {
        self.own.push(part.clone());
        if let Some(call) = part.get("functionCall") {
            let arguments = match call.get("args") {
                Some(Value::Object(arguments)) => Ok(Value::Object(arguments.clone())),
                None | Some(Value::Null) => Ok(Value::Object(Map::new())),
                Some(other) => Err(other.to_string()),
            };
            let (id, name) = (text_at(call, "id").to_owned(), text_at(call, "name").to_owned());
            self.gathered.calls.push(ToolCall { id, name, arguments });
            return Progress::Content;
        }
        // What the model thought shows that it is at work; it is not for the customer.
        if part.get("thought").and_then(Value::as_bool) == Some(true) {
            return Progress::Content;
        }
        self.gathered.say(text_at(part, "text"), deltas)
    }

    /// Counts are running totals: the last one counts.
    fn count(&mut self, usage: Option<&Value>) {
        let Some(usage) = usage else { return };
        let count = |key: &str| usage.get(key).and_then(Value::as_u64).unwrap_or_default();
        let output_tokens = count("candidatesTokenCount").saturating_add(count("thoughtsTokenCount"));
        self.gathered.usage = Some(Usage { input_tokens: count("promptTokenCount"), output_tokens });
    }

    fn end(&mut self, reason: &str) {
        self.gathered.finish = Some(match reason {
            "MAX_TOKENS" => Finish::Length,
            "SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" => Finish::Filtered,
            image if image.starts_with("IMAGE_") => Finish::Filtered,
            "MALFORMED_FUNCTION_CALL"
            | "UNEXPECTED_TOOL_CALL"
            | "TOO_MANY_TOOL_CALLS"
            | "MISSING_THOUGHT_SIGNATURE"
            | "MALFORMED_RESPONSE" => {
                self.gathered.broken_call = true;
                Finish::Complete
            }
            "STOP" => Finish::Complete,
            other => {
                tracing::warn!(finish_reason = other, "the model ended its answer for a reason that is not known");
                Finish::Complete
            }
        });
    }
}
