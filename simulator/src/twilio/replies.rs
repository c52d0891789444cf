//! What Twilio does with the answer to an inbound webhook: plain text and `<Message>` go to the customer.

use std::sync::Arc;

use serde_json::json;

use super::signature;
use crate::books::SentMessage;
use crate::channel::Channel;
use crate::clock::real_ms;
use crate::webhooks::{Answer, Letter};
use crate::world::World;

/// Sends on what an answer says.
pub fn heed(world: &Arc<World>, letter: &Letter, answer: &Answer) {
    if letter.channel != Channel::Twilio {
        return;
    }
    let text = String::from_utf8_lossy(&answer.body);
    let said =
        if answer.content_type.starts_with("text/plain") { vec![text.trim().to_owned()] } else { messages(&text) };
    let fields = signature::parameters(&letter.body);
    let of = |name: &str| fields.iter().find(|pair| pair.0 == name).map(|pair| pair.1.clone());
    for words in said.into_iter().filter(|words| !words.is_empty()) {
        let to = of("From");
        let customer = to.as_deref().and_then(|to| world.customers.find(super::messages::bare(to)));
        world.enter(SentMessage {
            seq: 0,
            channel: Channel::Twilio,
            account: letter.account.clone(),
            id: world.ids.sid("SM"),
            to,
            recipient: None,
            customer: customer.map(|customer| customer.id.clone()),
            kind: "answer".to_owned(),
            text: Some(words.clone()),
            tracking: None,
            body: json!({"Body": words, "From": of("To"), "in_answer_to": of("MessageSid")}),
            arrived_ms: real_ms(),
            at_ms: world.clock.now_ms(),
            duplicate: false,
        });
    }
}

/// The words of each `<Message>` of a document.
fn messages(document: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = document;
    while let Some((_, after)) = rest.split_once("<Message") {
        let Some((inside, further)) = after.split_once("</Message>") else { break };
        let inside = inside.split_once('>').map_or("", |(_, inside)| inside);
        let words =
            inside.split_once("<Body>").and_then(|(_, body)| body.split_once("</Body>")).map_or(inside, |b| b.0);
        let words = words.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
        found.push(words.trim().to_owned());
        rest = further;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_in_a_document() {
        assert!(messages("<?xml version=\"1.0\"?><Response/>").is_empty());
        let two = "<Response><Message>a &amp; b</Message><Message to=\"x\"><Body>c</Body></Message></Response>";
        assert_eq!(messages(two), ["a & b", "c"]);
    }
}
