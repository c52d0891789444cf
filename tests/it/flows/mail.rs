//! Mail through real servers: it comes by IMAP, goes by SMTP, stays in its thread, and is taken once.

use serde_json::{Value, json};
use switchboard::domain::deliveries::DeliveryOutcome;
use switchboard::domain::messages::Direction;
use switchboard::store::conversations::Which;

use crate::support::mail::{Letter, MailSystem, PASSWORD, SUPPORT};
use crate::support::process::await_some;
use crate::support::stage::{API_KEY, Database, Stage, run, with_both_databases};

/// Who writes.
const ANA: &str = "ana@people.example";

/// A stage whose workspace has the mailbox.
async fn staged(database: Database, mail: &MailSystem, tls: &str, password: &str) -> Stage {
    Stage::with(database, |setting| {
        setting.channels = mail.channel(tls, password);
        setting.environment.push(("SSL_CERT_FILE".to_owned(), mail.authority().display().to_string()));
    })
    .await
}

/// Ana writes.
async fn write(mail: &MailSystem, to: &str, headers: &[(&str, &str)], text: &str) {
    let further: String = headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    let date = httpdate::fmt_http_date(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_795_300_000));
    let letter = format!("From: Ana <{ANA}>\nTo: {to}\nDate: {date}\n{further}\n{text}\n");
    mail.send(ANA, to, &letter).await;
}

fn header(letter: &Letter, name: &str) -> String {
    letter.header(name).unwrap_or_else(|| panic!("there is no {name} in {letter:?}"))
}

/// The channels as the API shows them, once this holds for the mail channel.
async fn channel(stage: &Stage, holds: impl Fn(&Value) -> bool) -> Value {
    await_some("the channel's state", || async {
        let answer = stage.http.get(stage.gateway("/api/channels")).bearer_auth(API_KEY).send().await;
        let body: Value = answer.map_err(|error| error.to_string())?.json().await.map_err(|error| error.to_string())?;
        let channels = body["items"].as_array();
        let found = channels.and_then(|channels| channels.iter().find(|channel| channel["kind"] == "email"));
        found.filter(|channel| holds(channel)).cloned().ok_or_else(|| body.to_string())
    })
    .await
}

with_both_databases! {
    async fn mail_is_read_answered_and_stays_in_its_thread(database) {
        let mail = MailSystem::start().await;
        let stage = staged(database, &mail, "implicit", PASSWORD).await;
        let process = stage.start().await;

        write(&mail, SUPPORT, &[("Message-ID", "<one@people.example>"), ("Subject", "My order")], "Where is it?").await;
        let letters = mail.letters(ANA, 1).await;
        let first = letters.first().unwrap();
        assert!(first.body().contains("Where is it?"), "{first:?}");
        assert_eq!(header(first, "Subject"), "Re: My order");
        assert_eq!(header(first, "In-Reply-To"), "<one@people.example>");
        assert_eq!(header(first, "References"), "<one@people.example>");
        assert!(header(first, "From").contains(SUPPORT), "{first:?}");
        let reply_to = header(first, "Reply-To");
        let token_address = reply_to.rsplit_once('<').map_or(reply_to.as_str(), |(_, address)| address);
        let token_address = token_address.trim_end_matches('>');
        assert!(token_address.starts_with("support+"), "{reply_to}");

        // By the signed address alone: no ids, another subject.
        write(&mail, token_address, &[("Message-ID", "<two@people.example>"), ("Subject", "so")], "By the address.").await;
        let letters = mail.letters(ANA, 2).await;
        let second = letters.iter().find(|letter| letter.body().contains("By the address.")).unwrap();
        assert_eq!(header(second, "In-Reply-To"), "<two@people.example>");
        let ours = header(second, "Message-ID");

        // By the ids alone: to the bare address, another subject.
        let replied = [
            ("Message-ID", "<three@people.example>"),
            ("Subject", "something else"),
            ("In-Reply-To", ours.as_str()),
            ("References", ours.as_str()),
        ];
        write(&mail, SUPPORT, &replied, "By the ids.").await;
        let letters = mail.letters(ANA, 3).await;
        let third = letters.iter().find(|letter| letter.body().contains("By the ids.")).unwrap();
        assert_eq!(header(third, "In-Reply-To"), "<three@people.example>");
        assert!(header(third, "References").ends_with("<three@people.example>"), "{third:?}");

        // By nothing: a thread of its own.
        write(&mail, SUPPORT, &[("Message-ID", "<four@people.example>"), ("Subject", "Another matter")], "New.").await;
        mail.letters(ANA, 4).await;
        await_some("the mails to be marked as read", || async {
            let unread = mail.inbox(SUPPORT).iter().filter(|letter| !letter.seen).count();
            if unread == 0 { Ok(()) } else { Err(format!("{unread} are not")) }
        })
        .await;
        process.stop().await;

        let store = stage.open().await;
        let workspace = store.workspace_named("Acme").await.unwrap().unwrap();
        let (conversations, _) = store.conversations(&workspace.id, &Which::default(), 10, 0).await.unwrap();
        let mut said = Vec::new();
        for conversation in &conversations {
            let messages = store.messages(&workspace.id, &conversation.state.id, Some(0), 100).await.unwrap();
            let from_ana = messages.iter().filter(|message| message.direction == Direction::Inbound);
            said.push(from_ana.map(|message| message.body.clone()).collect::<Vec<_>>());
        }
        said.sort_by_key(Vec::len);
        let expected = [vec!["New."], vec!["Where is it?", "By the address.", "By the ids."]];
        assert_eq!(said, expected);
        let (deliveries, total) = store.deliveries(&workspace.id, None, 100, 0).await.unwrap();
        assert_eq!(total, 4, "{deliveries:?}");
        for delivery in deliveries {
            assert_eq!((delivery.outcome, delivery.kind.as_str()), (DeliveryOutcome::Stored, "email"), "{delivery:?}");
        }
        drop(store);
        stage.end().await;
    }
}

#[test]
fn a_thread_that_we_begin_is_continued_by_its_reply() {
    run(async {
        let mail = MailSystem::start().await;
        let stage = staged(Database::Sqlite, &mail, "required", PASSWORD).await;
        let process = stage.start().await;
        let channel = channel(&stage, |_| true).await;
        let mut begun = Vec::new();
        for subject in ["Your order", "Your invoice"] {
            let content = json!({"type": "email", "subject": subject, "text": format!("It is about {subject}.")});
            let body = json!({"channel_id": channel["id"], "to": "Ana@People.example", "content": content});
            let answer = stage.ask(reqwest::Method::POST, "/api/conversations").json(&body).send().await.unwrap();
            assert_eq!(answer.status(), 201);
            begun.push(answer.json::<Value>().await.unwrap()["conversation"]["id"].clone());
        }
        assert_ne!(begun[0], begun[1], "each is a thread");
        let letters = mail.letters(ANA, 2).await;
        let first = letters.iter().find(|letter| header(letter, "Subject") == "Your order").unwrap();
        assert!(first.header("In-Reply-To").is_none(), "{first:?}");
        let ours = header(first, "Message-ID");
        let reply = [("Message-ID", "<one@people.example>"), ("Subject", "Re: Your order"), ("In-Reply-To", &*ours)];
        write(&mail, SUPPORT, &reply, "Thank you.").await;
        let letters = mail.letters(ANA, 3).await;
        let answer = letters.iter().find(|letter| letter.body().contains("Thank you.")).unwrap();
        assert_eq!(header(answer, "Subject"), "Re: Your order");
        let path = format!("/api/conversations/{}/messages", begun[0].as_str().unwrap());
        let messages = stage.read(&path).await;
        let authors: Vec<_> =
            messages["messages"].as_array().unwrap().iter().map(|one| &one["author"]["kind"]).collect();
        assert_eq!(authors, ["system", "contact", "agent"]);
        process.stop().await;
        stage.end().await;
    });
}

#[cfg(feature = "failpoints")]
#[test]
fn a_mail_that_was_written_down_before_a_crash_is_read_again_and_stored_once() {
    run(async {
        let mail = MailSystem::start().await;
        let stage = staged(Database::Sqlite, &mail, "required", PASSWORD).await;
        let process = stage.start_armed("mailboxes.taken=kill@1").await;
        write(&mail, SUPPORT, &[("Message-ID", "<one@people.example>"), ("Subject", "Once")], "Only once.").await;
        process.crashed().await;
        let process = stage.start().await;
        mail.letters(ANA, 1).await;
        // What comes after it is read after it.
        write(&mail, SUPPORT, &[("Message-ID", "<two@people.example>"), ("Subject", "Twice")], "Then this.").await;
        mail.letters(ANA, 2).await;
        process.stop().await;
        assert_eq!(mail.inbox(ANA).len(), 2);
        let store = stage.open().await;
        let workspace = store.workspace_named("Acme").await.unwrap().unwrap();
        let (deliveries, _) = store.deliveries(&workspace.id, None, 100, 0).await.unwrap();
        let mut outcomes: Vec<_> = deliveries.iter().map(|delivery| delivery.outcome.as_str()).collect();
        outcomes.sort_unstable();
        assert_eq!(outcomes, ["duplicate", "stored", "stored"]);
        drop(store);
        stage.end().await;
    });
}

#[test]
fn a_mailbox_that_refuses_us_stops_its_channel_and_says_why() {
    run(async {
        let mail = MailSystem::start().await;
        let stage = staged(Database::Sqlite, &mail, "required", "not the password").await;
        let process = stage.start().await;
        let stopped = channel(&stage, |channel| channel["state"] == "stopped").await;
        let reason = stopped["state_reason"].as_str().unwrap();
        assert!(reason.starts_with("the mailbox refuses us") && !reason.contains("not the password"), "{reason}");
        process.stop().await;
        let store = stage.open().await;
        let workspace = store.workspace_named("Acme").await.unwrap().unwrap();
        let events = store.events(&workspace.id, 0, 100).await.unwrap();
        let notices = events.iter().filter(|event| event.data.to_string().contains("mailbox_refused"));
        assert_eq!(notices.count(), 1, "{events:?}");
        drop(store);
        stage.end().await;
    });
}
