//! The library as another program uses it: from a plain runtime, with a hook, stopped and started again.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use switchboard_simulator::{Account, BooksOptions, Options, Receipts, WindowRule, start};

use crate::stage::NUMBER;

fn quiet() -> Account {
    Account { window: WindowRule::Off, receipts: Receipts::None, ..Account::default() }
}

async fn send(base: &str) -> Value {
    let body = json!({"messaging_product": "whatsapp", "to": "16505551234", "type": "text", "text": {"body": "x"}});
    #[expect(clippy::disallowed_methods, reason = "the test's own client")]
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let path = format!("{base}/v24.0/{NUMBER}/messages");
    http.post(path).bearer_auth("TEST-TOKEN").json(&body).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn a_stopped_simulator_frees_its_address() {
    let first = start(Options::default()).await.unwrap();
    let listen = first.addr();
    assert!(start(Options { listen, ..Options::default() }).await.is_err(), "the address is taken");
    first.stop().await;
    let second = start(Options { listen, accounts: vec![quiet()], ..Options::default() }).await.unwrap();
    assert!(send(&second.base_url()).await.get("messages").is_some());
}

#[tokio::test]
async fn the_hook_sees_each_message_even_when_the_books_only_count() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&seen);
    let simulator = start(Options {
        accounts: vec![quiet()],
        books: BooksOptions { capacity: 10, count_only: true },
        on_message: Some(Arc::new(move |message| hook.lock().unwrap().push((message.seq, message.id.clone())))),
        ..Options::default()
    })
    .await
    .unwrap();
    let answers = [send(&simulator.base_url()).await, send(&simulator.base_url()).await];
    let wamids: Vec<_> = answers.iter().map(crate::stage::wamid).collect();
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen, [(1, wamids[0].clone()), (2, wamids[1].clone())]);
}
