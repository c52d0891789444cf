//! What holds on some lines only: people who answer at the vendor's inbox, opting out, threads of mail, choices that are
//! typed, and texts that are longer than a message.

use serde_json::{Value, json};

use crate::support::ledger::list;
use crate::support::line::{Line, on_lines};
use crate::support::process::{Process, await_some};
use crate::support::stage::{Database, Stage, run};

const ANA: &str = "491840000001";
const BEN: &str = "491840000002";

/// A line on which Ana has said hello and was answered.
async fn greeted(line: Line) -> (Stage, Process) {
    let stage = Stage::of(line, Database::Sqlite, |_| {}).await;
    let process = stage.start().await;
    stage.say(ANA, "Hello").await;
    stage.settled().await;
    (stage, process)
}

async fn newest(stage: &Stage) -> Value {
    stage.conversations_with(ANA).await.remove(0)
}

/// Says something by the API, and gives what it answers.
async fn posted(stage: &Stage, what: &Value) -> Value {
    let path = format!("/api/conversations/{}/messages", newest(stage).await["id"].as_str().unwrap());
    let answer = stage.ask(reqwest::Method::POST, &path).json(what).send().await.unwrap();
    answer.json().await.unwrap()
}

/// The same, and gives the message once it is sent or has failed.
async fn said(stage: &Stage, what: Value) -> Value {
    let stored = posted(stage, &what).await;
    await_some("the send", || async {
        let messages = stage.messages_with(ANA).await;
        let found = messages.into_iter().find(|message| message["id"] == stored["id"]);
        found.filter(|message| message["status"] != "queued").ok_or_else(|| stored.to_string())
    })
    .await
}

/// Waits until the newest conversation with Ana has so many messages.
async fn messages(stage: &Stage, count: usize) -> Vec<Value> {
    await_some("the messages", || async {
        let messages = stage.messages_with(ANA).await;
        if messages.len() == count { Ok(messages) } else { Err(json!(messages).to_string()) }
    })
    .await
}

mod an_answer_from_the_vendors_inbox_hands_the_conversation_to_the_human_and_an_echo_of_ours_does_not {
    use super::*;

    async fn promise(line: Line) {
        let (stage, process) = greeted(line).await;
        await_some("our own echo", || async {
            let books = stage.books("").await;
            let echo = |one: &Value| one["kind"] == "echoes" && one["state"] == "acknowledged";
            if list(&books["deliveries"]).iter().any(echo) { Ok(()) } else { Err(books["deliveries"].to_string()) }
        })
        .await;
        assert_eq!(newest(&stage).await["owner"]["kind"], "agent");

        stage.writes(&json!({ "from": line.address(ANA), "type": "inbox", "inbox": "A person is here" })).await;
        let messages = messages(&stage, 3).await;
        assert_eq!((&messages[2]["direction"], &messages[2]["body"]), (&json!("outbound"), &json!("A person is here")));
        assert_eq!(newest(&stage).await["owner"]["kind"], "human");
        process.stop().await;
        assert_eq!(list(&stage.books("").await["messages"]).len(), 1, "nobody but the person has answered");
        stage.end().await;
    }

    on_lines! { promise: instagram Instagram, messenger Messenger }
}

#[test]
fn who_writes_stop_gets_nothing_until_they_write_start() {
    run(async {
        let (stage, process) = greeted(Line::Sms).await;
        stage.writes(&json!({ "from": Line::Sms.address(ANA), "text": "STOP" })).await;
        messages(&stage, 3).await;
        let refused = posted(&stage, &json!({ "body": "Are you there?" })).await;
        assert_eq!(refused["error"]["code"], "RECIPIENT_OPTED_OUT", "{refused}");
        assert_eq!(list(&stage.books("").await["messages"]).len(), 1);

        stage.writes(&json!({ "from": Line::Sms.address(ANA), "text": "START" })).await;
        messages(&stage, 4).await;
        let sent = said(&stage, json!({ "body": "Welcome back." })).await;
        assert_eq!(sent["error"], Value::Null, "{sent}");
        process.stop().await;
        let books = stage.books("").await;
        assert_eq!(list(&books["messages"])[1]["text"], "Welcome back.");
        stage.end().await;
    });
}

#[test]
fn a_choice_is_a_numbered_list_in_an_sms_and_a_typed_number_picks() {
    run(async {
        let (stage, process) = greeted(Line::Sms).await;
        let buttons = json!([{ "id": "yes", "title": "Yes, please" }, { "id": "no", "title": "No, thanks" }]);
        let sent =
            said(&stage, json!({ "content": { "type": "buttons", "text": "Coffee?", "buttons": buttons } })).await;
        assert_eq!(sent["error"], Value::Null, "{sent}");
        let books = stage.books("messages=2").await;
        let text = list(&books["messages"])[1]["text"].as_str().unwrap().to_owned();
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with(['1', '2'])).collect();
        assert!(lines.len() == 2 && lines[0].ends_with("Yes, please") && lines[1].ends_with("No, thanks"), "{text}");

        stage.writes(&json!({ "from": Line::Sms.address(ANA), "text": "2" })).await;
        let messages = messages(&stage, 4).await;
        assert_eq!(messages[3]["content"], json!({ "type": "choice", "id": "no", "title": "No, thanks" }));
        process.stop().await;
        stage.end().await;
    });
}

mod a_long_answer_is_split_in_order {
    use super::*;

    async fn promise(line: Line) {
        let stage = Stage::of(line, Database::Sqlite, |_| {}).await;
        let process = stage.start().await;
        let words: Vec<_> = (1..=1_200).map(|nth| format!("w{nth}")).collect();
        stage.say(ANA, &words.join(" ")).await;
        await_some("all words", || async {
            let answers = stage.answers(&stage.books("").await).await;
            let pieces = answers.get(ANA).cloned().unwrap_or_default();
            let joined = pieces.join(" ");
            let came: Vec<_> = joined.split_whitespace().collect();
            let split = pieces.len() > 1 || line == Line::Mail;
            if came == words && split { Ok(()) } else { Err(joined) }
        })
        .await;
        stage.settled().await;
        process.stop().await;
        stage.assert_whole(false).await;
        stage.end().await;
    }

    on_lines! {
        promise: whatsapp Whatsapp, instagram Instagram, messenger Messenger, sms Sms,
        whatsapp_by_twilio WhatsappByTwilio, mail Mail
    }
}

#[test]
fn a_mail_finds_its_conversation_by_what_it_answers_and_a_stranger_does_not() {
    run(async {
        let (stage, process) = greeted(Line::Mail).await;
        let books = stage.books("").await;
        let answer = list(&books["messages"]).remove(0);
        let (id, reply_to) = (answer["id"].as_str().unwrap(), answer["body"]["reply_to"][0].as_str().unwrap());
        let headers = json!({ "References": format!("<{id}>"), "In-Reply-To": format!("<{id}>") });
        let mailbox = Line::Mail.account();
        let from = |number: &str| Line::Mail.address(number);

        // By the ids alone, then by the signed address alone.
        stage
            .writes(&json!({ "from": from(ANA), "to": mailbox, "subject": "One", "text": "ids", "headers": headers }))
            .await;
        messages(&stage, 4).await;
        stage.writes(&json!({ "from": from(ANA), "to": reply_to, "subject": "Two", "text": "address" })).await;
        let of_ana = messages(&stage, 6).await;
        assert_eq!((&of_ana[2]["body"], &of_ana[4]["body"]), (&json!("ids"), &json!("address")));
        assert_eq!(stage.conversations_with(ANA).await.len(), 1);

        // The ids are no secret: whoever quotes them stays outside.
        stage
            .writes(
                &json!({ "from": from(BEN), "to": mailbox, "subject": "One", "text": "me too", "headers": headers }),
            )
            .await;
        await_some("the stranger", || async {
            let messages = stage.messages_with(BEN).await;
            if messages.len() == 2 { Ok(()) } else { Err(json!(messages).to_string()) }
        })
        .await;
        assert_eq!(stage.messages_with(ANA).await.len(), 6);
        assert_eq!(stage.conversations_with(BEN).await.len(), 1);
        process.stop().await;
        stage.end().await;
    });
}
