//! Settings that somebody enters for a channel, checked by its vendor's rules. It holds no rule of its own.

use serde_json::{Map, Value};
use switchboard_channels::Kind;
use url::Url;

use super::{made, rotation};
use crate::domain::channels::WidgetSettings;
use crate::domain::errors::FieldProblem;

/// The settings of a widget.
const WIDGET: [&str; 7] = ["allowed_origins", "title", "greeting", "color", "language", "identity_secret", "lead_form"];
/// Longest heading, first words and colour of a widget, in characters.
const LONGEST: [(&str, usize); 3] = [("title", 100), ("greeting", 500), ("color", 64)];
/// Fewest characters of a widget's secret.
const SHORTEST_SECRET: usize = 16;

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
    if kind == Kind::Widget {
        return check_widget(entered);
    }
    let protocol = kind.protocol();
    let fits = |alone: Value| (protocol.read)(alone).is_ok();
    let problems = misfits(entered, |name| protocol.settings.contains(&name), fits);
    if !problems.is_empty() {
        return Err(problems);
    }
    // What the gateway adds by itself need not be entered.
    let whole = made::furnished(kind, Value::Object(entered.clone()), "a secret that the gateway makes");
    let vendor = (protocol.read)(rotation::in_force(kind, &whole, 0)).map_err(|reason| {
        vec![FieldProblem::new("settings", format!("settings that agree with each other: {reason}"))]
    })?;
    let problems: Vec<_> =
        vendor.check().into_iter().map(|problem| FieldProblem::new(problem.field, problem.expected)).collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Accepted { account: vendor.account(), business: vendor.business(), settings: Value::Object(entered.clone()) })
}

/// Whether a setting names places on the network that the gateway may be made to call.
#[must_use]
pub fn is_place(name: &str, value: &Value) -> bool {
    let by_name = ["_host", "_hosts", "_url"].iter().any(|end| name.ends_with(end));
    let is_address = |text: &str| Url::parse(text).is_ok_and(|url| url.has_host());
    by_name || value.as_str().is_some_and(is_address)
}

fn check_widget(entered: &Map<String, Value>) -> Result<Accepted, Vec<FieldProblem>> {
    let fits = |alone: Value| serde_json::from_value::<WidgetSettings>(alone).is_ok();
    let known = |name: &str| WIDGET.contains(&name);
    let problems = misfits(entered, known, fits);
    if !problems.is_empty() {
        return Err(problems);
    }
    let settings = serde_json::from_value::<WidgetSettings>(Value::Object(entered.clone()))
        .map_err(|_| vec![FieldProblem::new("settings", "the settings of a widget")])?;
    let bad = settings.allowed_origins.iter().enumerate().filter(|(_, origin)| !is_origin(origin));
    let mut problems: Vec<_> = bad
        .map(|(index, _)| {
            FieldProblem::new(format!("allowed_origins[{index}]"), "an origin such as https://example.com, or *")
        })
        .collect();
    let secret = settings.identity_secret.as_ref();
    if secret.is_some_and(|secret| secret.reveal().chars().count() < SHORTEST_SECRET) {
        problems
            .push(FieldProblem::new("identity_secret", format!("a secret of at least {SHORTEST_SECRET} characters")));
    }
    for (name, longest) in LONGEST {
        let text = entered.get(name).and_then(Value::as_str);
        if text.is_some_and(|text| text.trim().is_empty() || text.chars().count() > longest) {
            problems.push(FieldProblem::new(name, format!("1 to {longest} characters")));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Accepted { settings: serde_json::to_value(settings).unwrap_or_default(), account: None, business: None })
}

/// Members that the settings do not have, or whose value has the wrong form. A value is never repeated: it may be a
/// secret.
fn misfits(
    entered: &Map<String, Value>,
    is_known: impl Fn(&str) -> bool,
    fits: impl Fn(Value) -> bool,
) -> Vec<FieldProblem> {
    let misfit = |(name, value): (&String, &Value)| {
        if !is_known(name) {
            return Some(FieldProblem::new(name, "nothing: there is no such setting"));
        }
        let alone = Value::Object(Map::from_iter([(name.clone(), value.clone())]));
        (!fits(alone)).then(|| FieldProblem::new(name, "a value of another form, such as a text or a list of texts"))
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

    use super::{check_settings, is_place};

    fn fields(kind: Kind, entered: &Value) -> Vec<String> {
        let entered = entered.as_object().expect("an object");
        check_settings(kind, entered).err().into_iter().flatten().map(|problem| problem.field).collect()
    }

    #[test]
    fn places_are_known_by_their_name_or_their_form() {
        let places = [
            ("smtp_host", json!("mail.example")),
            ("media_hosts", json!(["cdn.example"])),
            ("base_url", json!("not an address")),
            ("anything", json!("https://vendor.example")),
            ("anything", json!(" HTTPS://vendor.example")),
        ];
        let others = [
            ("access_token", json!("t:1")),
            ("smtp_port", json!(25)),
            ("app_secrets", json!(["a"])),
            ("waba_id", json!(null)),
        ];
        assert_eq!(places.iter().find(|(name, value)| !is_place(name, value)), None);
        assert_eq!(others.iter().find(|(name, value)| is_place(name, value)), None);
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
                vec!["acces_token", "phone_number_id"],
            ),
            (Kind::Widget, json!({}), vec![]),
            (Kind::Widget, json!({"identity_secret": "0123456789abcdef"}), vec![]),
            (Kind::Widget, json!({"identity_secret": "too short"}), vec!["identity_secret"]),
            (Kind::Widget, json!({"lead_form": "before", "greeting": "Hi", "color": "#0a7", "language": "es"}), vec![]),
            (Kind::Widget, json!({"greeting": "x".repeat(501), "title": " "}), vec!["title", "greeting"]),
            (Kind::Widget, json!({"language": "tlh"}), vec!["language"]),
            (
                Kind::Widget,
                json!({"title": 3, "colour": "red", "lead_form": "x"}),
                vec!["colour", "lead_form", "title"],
            ),
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
