//! A mail provider that signs by certificates: they are fetched from its own name only, once, and believed while they
//! are good.

use serde_json::{Value, json};
use switchboard::domain::channels::{Channel, ChannelState, Origin};
use switchboard::net;
use switchboard_channels::Kind;

use crate::support::gateway::{Gateway, answer, scenario_with};
use crate::support::notifier::{Authority, HOST, Notifier, TOPIC, mail, subscription};

async fn channel(gateway: &Gateway) -> Channel {
    let store = &gateway.switchboard.store;
    let channel = Channel {
        id: store.clock().id(),
        workspace_id: gateway.acme.workspace.id.clone(),
        kind: Kind::Email,
        name: "mail".to_owned(),
        agent_id: None,
        account: Some("support@acme.example".to_owned()),
        business: None,
        state: ChannelState::Active,
        state_reason: None,
        origin: Origin::Operator,
        settings: json!({
            "address": "support@acme.example", "provider": "ses", "topic_arn": TOPIC,
            "reply_secret": "a secret for the tests", "smtp_host": "localhost",
        }),
    };
    store.put_channel(&channel).await.unwrap();
    channel
}

/// The moment of the gateway's clock as the service writes it.
fn now(gateway: &Gateway) -> String {
    let now = jiff::Timestamp::from_millisecond(gateway.switchboard.now()).unwrap();
    now.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

async fn post(gateway: &Gateway, channel: &Channel, body: &Value) -> u16 {
    let request = gateway.ask("POST", &format!("/api/webhooks/email/{}", channel.id));
    let request = request.header("content-type", "text/plain; charset=UTF-8").body(body.to_string());
    answer(request).await.0
}

fn address(path: &str) -> String {
    format!("https://{HOST}{path}")
}

/// Plays with a service that is where its name leads, and for which an authority vouches that the gateway believes.
fn with_notifier<F: Future<Output = ()>>(play: impl FnOnce(Gateway, Notifier) -> F) {
    let prepare = async || {
        let authority = Authority::new();
        let notifier = Notifier::start(&authority).await;
        (notifier.way_out(&[&authority]), notifier)
    };
    scenario_with(prepare, play);
}

/// What the gateway has taken.
async fn deliveries(gateway: &Gateway) -> Value {
    gateway.read("/api/deliveries").await
}

#[test]
fn a_subscription_is_confirmed_and_mails_come_by_it() {
    with_notifier(|gateway, notifier| async move {
        let channel = channel(&gateway).await;
        let at = now(&gateway);
        let confirm = format!("/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=t1");
        let body = notifier.signed(subscription(&at, &address(&confirm)), &address("/good.pem"));
        assert_eq!(post(&gateway, &channel, &body).await, 200);
        notifier.is_asked_for(&confirm).await;

        for (id, text) in [("m1", "I ordered a lamp"), ("m2", "it is broken")] {
            let body = notifier.signed(mail(&at, id, text), &address("/good.pem"));
            assert_eq!(post(&gateway, &channel, &body).await, 200);
            // What was read aloud on the way is the vendor's no longer.
            let mut forged = body.clone();
            forged["Message"] = body["Message"].as_str().unwrap().replace("PASS", "FAIL").into();
            assert_eq!(post(&gateway, &channel, &forged).await, 401);
            // The vendor comes again.
            assert_eq!(post(&gateway, &channel, &body).await, 200);
        }
        let conversations = gateway.read("/api/conversations").await;
        let mut heard = Vec::new();
        for conversation in conversations["items"].as_array().unwrap() {
            let path = format!("/api/conversations/{}/messages", conversation["id"].as_str().unwrap());
            let messages = gateway.read(&path).await["messages"].clone();
            heard.extend(messages.as_array().unwrap().iter().map(|one| (one["body"].clone(), one["content"].clone())));
        }
        heard.sort_by_key(|(body, _)| body.to_string());
        assert_eq!(heard.iter().map(|(body, _)| body).collect::<Vec<_>>(), ["I ordered a lamp", "it is broken"]);
        assert!(heard.iter().all(|(_, content)| content["authenticated"] == true), "{heard:?}");
        // Three times in all: once because it was not known, and once for each forgery that it might have explained.
        let asked = notifier.asked();
        assert_eq!(asked.iter().filter(|path| *path == "/good.pem").count(), 3, "{asked:?}");
    });
}

#[test]
fn a_certificate_is_believed_while_it_is_good_and_signs_what_it_came_with() {
    with_notifier(|gateway, notifier| async move {
        let (channel, at) = (channel(&gateway).await, now(&gateway));
        for path in ["/expired.pem", "/to-come.pem", "/of-another-key.pem", "/no-certificate.pem", "/nowhere.pem"] {
            let body = notifier.signed(mail(&at, "m1", "Hello"), &address(path));
            assert_eq!(post(&gateway, &channel, &body).await, 401, "{path}");
            assert_eq!(notifier.asked().last().map(String::as_str), Some(path));
        }
        assert_eq!(deliveries(&gateway).await["total"], 0);
    });
}

#[test]
fn nothing_is_fetched_from_elsewhere_or_for_others() {
    with_notifier(|gateway, notifier| async move {
        let channel = channel(&gateway).await;
        let at = now(&gateway);
        let port = notifier.address.port();
        for certificate in [
            format!("https://{HOST}.evil.example/good.pem"),
            format!("https://{HOST}:{port}/good.pem"),
            format!("http://{HOST}/good.pem"),
            format!("https://127.0.0.1:{port}/good.pem"),
            format!("https://localhost/{HOST}/good.pem"),
            address("/good.der"),
        ] {
            let body = notifier.signed(mail(&at, "m1", "Hello"), &certificate);
            assert_eq!(post(&gateway, &channel, &body).await, 401, "{certificate}");
        }
        let mut of_others = notifier.signed(mail(&at, "m1", "Hello"), &address("/good.pem"));
        of_others["TopicArn"] = format!("{TOPIC}-of-others").into();
        assert_eq!(post(&gateway, &channel, &of_others).await, 401);
        assert_eq!(notifier.asked(), [""; 0]);

        // A subscription that leads elsewhere is the vendor's word, and is followed nowhere.
        let elsewhere = format!("https://127.0.0.1:{port}/?Action=ConfirmSubscription");
        let body = notifier.signed(subscription(&at, &elsewhere), &address("/good.pem"));
        assert_eq!(post(&gateway, &channel, &body).await, 400);
        assert_eq!(notifier.asked(), ["/good.pem"]);
        assert_eq!(gateway.switchboard.store.count_jobs().await.unwrap(), []);
        assert_eq!(deliveries(&gateway).await["total"], 0);
    });
}

#[test]
fn who_only_bears_the_name_is_not_believed() {
    let prepare = async || {
        let (known, stranger) = (Authority::new(), Authority::new());
        let notifier = Notifier::start(&stranger).await;
        (notifier.way_out(&[&known]), notifier)
    };
    scenario_with(prepare, |gateway, notifier| async move {
        let channel = channel(&gateway).await;
        let body = notifier.signed(mail(&now(&gateway), "m1", "Hello"), &address("/good.pem"));
        assert_eq!(post(&gateway, &channel, &body).await, 401);
        assert_eq!(notifier.asked(), [""; 0], "it is asked for nothing, as nobody vouches for its name");
    });
}

#[test]
fn by_itself_the_gateway_knows_no_more_than_the_internet_does() {
    let plain = net::Options::default();
    assert!(plain.known_hosts.is_empty() && plain.more_roots.is_empty());
    let set = switchboard::config::Settings::default().net();
    assert!(set.known_hosts.is_empty() && set.more_roots.is_empty());
}
