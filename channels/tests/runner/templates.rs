//! Templates: what is handed in, how its answers are read, and what notices say about them.

use serde_json::{Value, json};
use switchboard_channels::contract::credentials::Secret;
use switchboard_channels::contract::inbound::Event;
use switchboard_channels::contract::outbound::TemplateDraft;
use switchboard_channels::contract::request::{Body, Method};
use switchboard_channels::contract::vendor::Vendor;
use switchboard_channels::whatsapp::Settings;

use crate::fixtures::{bytes, json, receive};

fn settings() -> Settings {
    Settings {
        phone_number_id: "106540352242922".to_owned(),
        waba_id: Some("102290129340398".to_owned()),
        access_token: Secret::new("TEST-TOKEN"),
        ..Settings::default()
    }
}

fn draft(value: &Value) -> TemplateDraft {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn drafts_go_out_as_the_vendor_takes_them() {
    let cases = json("outbound/templates.json");
    for case in cases["drafts"].as_array().unwrap() {
        let request = settings().template_creation(&draft(&case["draft"]));
        match (request, case["field"].as_str()) {
            (Ok(request), None) => {
                assert_eq!(request.method, Method::Post);
                assert!(request.url.ends_with("/102290129340398/message_templates"), "{}", request.url);
                assert_eq!(request.body, Body::Json(case["body"].clone()), "{}", case["name"]);
            }
            (Err(refused), Some(field)) => assert_eq!(refused.field.as_deref(), Some(field), "{}", case["name"]),
            (outcome, _) => panic!("{}: {outcome:?}", case["name"]),
        }
    }
    let nowhere = Settings { waba_id: None, ..settings() };
    let good = draft(&cases["drafts"][0]["draft"]);
    assert_eq!(nowhere.template_creation(&good).unwrap_err().failure.code, "CHANNEL_INCOMPLETE");
    assert_eq!(nowhere.template_removal(Some("1"), "a").unwrap_err().code, "CHANNEL_INCOMPLETE");
    let removal = settings().template_removal(Some("1689&x"), "order_1").unwrap();
    assert_eq!(removal.method, Method::Delete);
    assert!(
        removal.url.ends_with("/102290129340398/message_templates?hsm_id=1689%26x&name=order_1"),
        "{}",
        removal.url
    );
    assert!(settings().template_removal(None, "order_1").is_err(), "the name alone ends it in every language");
}

#[test]
fn answers_say_what_was_made_or_what_of_it_is_wrong() {
    let cases = json("outbound/templates.json");
    let handed_in = TemplateDraft {
        name: "order".to_owned(),
        language: "en".to_owned(),
        category: "UTILITY".to_owned(),
        components: ["BODY", "BUTTONS", "FOOTER"].iter().map(|kind| json!({ "type": kind })).collect(),
    };
    for case in cases["created"].as_array().unwrap() {
        let status = u16::try_from(case["status"].as_u64().unwrap()).unwrap();
        let body = case["answer"].to_string();
        match settings().created_template(&handed_in, status, body.as_bytes()) {
            Ok(made) => {
                assert_eq!(made.components, handed_in.components);
                let mut shown = json!(made);
                shown.as_object_mut().unwrap().remove("components");
                assert_eq!(shown, case["is"], "{body}");
            }
            Err(refused) => {
                let failure = &refused.failure;
                assert_eq!(json!([failure.code, failure.fault]), json!([case["code"], case["fault"]]), "{body}");
                assert_eq!(json!(refused.field), case["field"], "{body}");
            }
        }
    }
    for case in cases["removed"].as_array().unwrap() {
        let status = u16::try_from(case["status"].as_u64().unwrap()).unwrap();
        let removed = settings().removed_template(status, case["answer"].to_string().as_bytes());
        assert_eq!(json!(removed.err().map(|failure| failure.code)), case["code"], "{case}");
    }
}

#[test]
fn notices_tell_of_templates() {
    let cases = json("outbound/templates.json");
    for (name, wanted) in cases["news"].as_object().unwrap() {
        let parsed = receive(&bytes(&format!("inbound/{name}.json"))).unwrap();
        let Event::Account(notice) = &parsed.events[0].event else { panic!("{name}: no notice") };
        assert_eq!(json!(settings().template_news(notice)), *wanted, "{name}");
    }
    let parsed = receive(&bytes("inbound/account-update-disabled.json")).unwrap();
    let Event::Account(notice) = &parsed.events[0].event else { panic!("no notice") };
    assert_eq!(settings().template_news(notice), None);
}
