//! Streams of server-sent events in the document: what a handler names as the schema of its stream is that of an event's
//! data, and the document describes the event around it.

use serde_json::{Value, json};

/// Describes the events of a response, if it is a stream of them.
pub(super) fn describe(response: &mut Value) {
    let Some(schema) = response.pointer_mut("/content/text~1event-stream/schema") else { return };
    let data = schema.take();
    *schema = json!({
        "type": "object",
        "description": "An event of the stream. Its data is JSON.",
        "required": ["data"],
        "properties": {
            "data": { "type": "string", "contentMediaType": "application/json", "contentSchema": data },
        },
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::describe;

    #[test]
    fn an_event_holds_its_data_and_other_responses_stay() {
        let schema = json!({"$ref": "#/components/schemas/Piece"});
        let mut stream = json!({"content": {"text/event-stream": {"schema": schema}}});
        describe(&mut stream);
        let data = &stream["content"]["text/event-stream"]["schema"]["properties"]["data"];
        assert_eq!((&data["type"], &data["contentSchema"]), (&json!("string"), &schema));
        let mut whole = json!({"content": {"application/json": {"schema": schema}}});
        describe(&mut whole);
        assert_eq!(whole["content"]["application/json"]["schema"], schema);
    }
}
