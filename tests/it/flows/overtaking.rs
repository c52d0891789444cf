//! Mails overtake each other: what somebody's later mail names by its id joins the conversation when it comes, and
//! nobody else's mail does.

use serde_json::{Value, json};
use switchboard::domain::channels::Channel;
use switchboard_channels::Kind;

use crate::support::gateway::{Gateway, answer, scenario};

const ANA: &str = "ana@people.example";
const PASSWORD: &str = "a password for the tests";

async fn channel(gateway: &Gateway) -> Channel {
    let channel = Channel {
        id: gateway.switchboard.store.clock().id(),
        kind: Kind::Email,
        name: "mail".to_owned(),
        agent_id: None,
        account: Some("support@acme.example".to_owned()),
        business: None,
        settings: json!({
            "address": "support@acme.example", "provider": "postmark", "webhook_user": "hook",
            "webhook_password": PASSWORD, "smtp_host": "localhost",
        }),
        ..gateway.whatsapp.clone()
    };
    gateway.switchboard.store.put_channel(&channel).await.unwrap();
    channel
}

/// A mail with a subject of its own arrives, which names others by their ids, the oldest first.
async fn arrive(gateway: &Gateway, channel: &Channel, from: &str, id: &str, named: &[&str]) {
    let named: Vec<String> = named.iter().map(|id| format!("<{id}@people.example>")).collect();
    let mut headers = vec![json!({ "Name": "Message-ID", "Value": format!("<{id}@people.example>") })];
    if let Some(parent) = named.last() {
        headers.push(json!({ "Name": "In-Reply-To", "Value": parent }));
        headers.push(json!({ "Name": "References", "Value": named.join(" ") }));
    }
    let body = json!({
        "From": from, "FromFull": { "Email": from, "Name": "" }, "To": "support@acme.example",
        "OriginalRecipient": "support@acme.example", "Subject": format!("About {id}"), "MessageID": id,
        "TextBody": id, "Headers": headers,
    });
    let mail = gateway.ask("POST", &format!("/api/webhooks/email/{}", channel.id)).json(&body);
    let (status, taken) = answer(mail.basic_auth("hook", Some(PASSWORD))).await;
    assert_eq!(status, 200, "{taken}");
}

/// What was said in each conversation, the first conversation first.
async fn conversations(gateway: &Gateway) -> Vec<Vec<String>> {
    let listed = gateway.read("/api/conversations?limit=100").await;
    let mut ids: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    let mut said = Vec::new();
    for id in ids {
        let messages = gateway.read(&format!("/api/conversations/{id}/messages?since=0&limit=100")).await;
        let body = |message: &Value| message["body"].as_str().unwrap().rsplit('\n').next().unwrap().to_owned();
        said.push(messages["messages"].as_array().unwrap().iter().map(body).collect());
    }
    said
}

#[test]
fn what_a_later_mail_of_the_same_person_names_joins_it() {
    scenario(|gateway| async move {
        let channel = channel(&gateway).await;
        // The third comes before the first and the second, and a sibling of the second between them.
        arrive(&gateway, &channel, ANA, "third", &["first", "second"]).await;
        arrive(&gateway, &channel, ANA, "sibling", &["first"]).await;
        arrive(&gateway, &channel, ANA, "first", &[]).await;
        arrive(&gateway, &channel, ANA, "second", &["first"]).await;
        arrive(&gateway, &channel, ANA, "another matter", &[]).await;
        // The vendor comes again.
        arrive(&gateway, &channel, ANA, "third", &["first", "second"]).await;
        arrive(&gateway, &channel, ANA, "first", &[]).await;
        let expected = [vec!["third", "sibling", "first", "second"], vec!["another matter"]];
        assert_eq!(conversations(&gateway).await, expected);
    });
}

#[test]
fn nobody_gets_into_a_conversation_by_the_id_that_it_waits_for() {
    scenario(|gateway| async move {
        let channel = channel(&gateway).await;
        arrive(&gateway, &channel, ANA, "second", &["first"]).await;
        arrive(&gateway, &channel, "eve@elsewhere.example", "first", &[]).await;
        arrive(&gateway, &channel, "eve@elsewhere.example", "sibling", &["first"]).await;
        assert_eq!(conversations(&gateway).await, [vec!["second"], vec!["first", "sibling"]]);
        // A known person who is not of the conversation gets in no more than an unknown one.
        arrive(&gateway, &channel, ANA, "fourth", &["third"]).await;
        arrive(&gateway, &channel, "eve@elsewhere.example", "third", &[]).await;
        assert_eq!(conversations(&gateway).await.len(), 4);
    });
}
