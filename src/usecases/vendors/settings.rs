//! Settings that somebody enters for a channel, checked by its vendor's rules. It holds no rule of its own.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use switchboard_channels::contract::failure::Failure;
use switchboard_channels::contract::request::Request;
use switchboard_channels::{Kind, whatsapp};
use url::Url;

use crate::domain::channels::WidgetSettings;
use crate::domain::errors::FieldProblem;

/// Settings that can work, in the shape that is stored, and the vendor's ids in them.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// As stored.
    pub settings: Value,
    /// The vendor's id of our number, page or mailbox.
    pub account: Option<String>,
    /// The vendor's id of the business account.
    pub business: Option<String>,
}

/// Checks the settings that somebody entered for a channel of this kind.
///
/// # Errors
/// Every member that cannot work, by its name.
pub fn check_settings(kind: Kind, entered: &Map<String, Value>) -> Result<Accepted, Vec<FieldProblem>> {
    match kind {
        Kind::Whatsapp => check_whatsapp(entered),
        Kind::Widget => check_widget(entered),
        Kind::Api => {
            let unknown = entered.keys().map(|name| FieldProblem::new(name, "nothing: there is no such setting"));
            let problems: Vec<_> = unknown.collect();
            let none = || Accepted { settings: Value::Object(Map::new()), account: None, business: None };
            if problems.is_empty() { Ok(none()) } else { Err(problems) }
        }
    }
}

/// Asks the vendor whether the account is there and our credentials are good; none where there is no vendor to ask.
///
/// # Errors
/// The stored settings cannot be read.
pub fn account_check(kind: Kind, settings: &Value) -> Result<Option<Request>, serde_json::Error> {
    match kind {
        Kind::Whatsapp => whatsapp::Settings::deserialize_from(settings)
            .map(|settings| Some(whatsapp::render::account_check(&settings))),
        Kind::Widget | Kind::Api => Ok(None),
    }
}

/// Reads the vendor's answer to [`account_check`]: the account in words.
///
/// # Errors
/// The vendor refused, or its answer cannot be read.
pub fn account_answer(kind: Kind, status: u16, body: &[u8]) -> Result<String, Failure> {
    match kind {
        Kind::Whatsapp => {
            let account = whatsapp::outcome::account(status, body)?;
            let words = [account.name, account.address, account.quality.map(|quality| format!("quality {quality}"))];
            Ok(words.into_iter().flatten().collect::<Vec<_>>().join(", "))
        }
        Kind::Widget | Kind::Api => Ok(String::new()),
    }
}

/// Settings that are stored as JSON.
trait Stored: DeserializeOwned {
    fn deserialize_from(settings: &Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(settings.clone())
    }
}

impl Stored for whatsapp::Settings {}
impl Stored for WidgetSettings {}

fn check_whatsapp(entered: &Map<String, Value>) -> Result<Accepted, Vec<FieldProblem>> {
    let complete = whatsapp::Settings { waba_id: Some(String::new()), ..whatsapp::Settings::default() };
    let known = serde_json::to_value(complete).unwrap_or_default();
    let is_known = |name: &str| name == "app_secret" || known.get(name).is_some();
    let mut problems = misfits::<whatsapp::Settings>(entered, is_known);
    if entered.contains_key("app_secret") && entered.contains_key("app_secrets") {
        problems.push(FieldProblem::new("app_secret", "either app_secret or app_secrets, not both"));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let settings = whatsapp::Settings::deserialize_from(&Value::Object(entered.clone()))
        .map_err(|_| vec![FieldProblem::new("settings", "the settings of a WhatsApp number")])?;
    let entered_as = |field: &'static str| match field {
        "app_secrets" if !entered.contains_key("app_secrets") => "app_secret",
        field => field,
    };
    let problems: Vec<_> = settings
        .check()
        .into_iter()
        .map(|problem| FieldProblem::new(entered_as(problem.field), problem.expected))
        .collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Accepted {
        account: Some(settings.phone_number_id.clone()),
        business: settings.waba_id.clone(),
        settings: serde_json::to_value(settings).unwrap_or_default(),
    })
}

fn check_widget(entered: &Map<String, Value>) -> Result<Accepted, Vec<FieldProblem>> {
    let problems = misfits::<WidgetSettings>(entered, |name| matches!(name, "allowed_origins" | "title"));
    if !problems.is_empty() {
        return Err(problems);
    }
    let settings = WidgetSettings::deserialize_from(&Value::Object(entered.clone()))
        .map_err(|_| vec![FieldProblem::new("settings", "the settings of a widget")])?;
    let bad = settings.allowed_origins.iter().enumerate().filter(|(_, origin)| !is_origin(origin));
    let problems: Vec<_> = bad
        .map(|(index, _)| {
            FieldProblem::new(format!("allowed_origins[{index}]"), "an origin such as https://example.com, or *")
        })
        .collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Accepted { settings: serde_json::to_value(settings).unwrap_or_default(), account: None, business: None })
}

/// Members that the settings do not have, or whose value has the wrong form. A value is never repeated: it may be a
/// secret.
fn misfits<T: Stored>(entered: &Map<String, Value>, is_known: impl Fn(&str) -> bool) -> Vec<FieldProblem> {
    let misfit = |(name, value): (&String, &Value)| {
        if !is_known(name) {
            return Some(FieldProblem::new(name, "nothing: there is no such setting"));
        }
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        let fits = T::deserialize_from(&Value::Object(alone)).is_ok();
        (!fits).then(|| FieldProblem::new(name, "a value of another form, such as a text or a list of texts"))
    };
    entered.iter().filter_map(misfit).collect()
}

fn is_origin(text: &str) -> bool {
    let web = |url: Url| matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text;
    text == "*" || Url::parse(text).is_ok_and(web)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use switchboard_channels::Kind;

    use super::check_settings;

    fn fields(kind: Kind, entered: &Value) -> Vec<String> {
        let entered = entered.as_object().expect("an object");
        check_settings(kind, entered).err().into_iter().flatten().map(|problem| problem.field).collect()
    }

    #[test]
    fn every_setting_that_cannot_work_is_named() {
        let whatsapp =
            json!({"phone_number_id": "1", "access_token": "t", "app_secret": "s", "verify_token": "v", "waba_id": 22});
        let accepted = check_settings(Kind::Whatsapp, whatsapp.as_object().expect("an object")).expect("fine");
        assert_eq!((accepted.account.as_deref(), accepted.business.as_deref()), (Some("1"), Some("22")));
        let cases = [
            (Kind::Whatsapp, json!({}), vec!["phone_number_id", "access_token", "app_secret", "verify_token"]),
            (
                Kind::Whatsapp,
                json!({"phone_number_id": [], "acces_token": "t", "app_secret": "a", "app_secrets": ["b"]}),
                vec!["acces_token", "phone_number_id", "app_secret"],
            ),
            (Kind::Widget, json!({}), vec![]),
            (Kind::Widget, json!({"title": 3, "colour": "red"}), vec!["colour", "title"]),
            (
                Kind::Widget,
                json!({"allowed_origins": ["*", "https://a.example", "https://a.example/", "a.example", "null"]}),
                vec!["allowed_origins[2]", "allowed_origins[3]", "allowed_origins[4]"],
            ),
            (Kind::Api, json!({"x": 1}), vec!["x"]),
        ];
        for (kind, entered, expected) in cases {
            assert_eq!(fields(kind, &entered), expected, "{kind:?} {entered}");
        }
    }
}
