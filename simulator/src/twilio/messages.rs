//! `POST /Messages.json`: checks a send, books it, answers it and sets its statuses in motion.

use std::sync::Arc;

use serde_json::{Value, json};

use super::errors::TwilioError;
use super::status::{Subject, follow};
use super::{TwilioAccount, content, signature};
use crate::accounts::WindowRule;
use crate::books::SentMessage;
use crate::channel::Channel;
use crate::clock::{real_ms, rfc2822};
use crate::customers::Customer;
use crate::faults::Action;
use crate::json::set;
use crate::world::World;

/// A send that may go out.
struct Draft {
    from: String,
    to: String,
    service: Option<String>,
    words: String,
    kind: String,
    media: usize,
    template: Option<Value>,
    callback: Option<String>,
    customer: Option<Arc<Customer>>,
    inside_window: bool,
}

/// The parameters of a call.
struct Form(Vec<(String, String)>);

impl Form {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The same as an object; what is repeated becomes a list.
    fn document(&self) -> Value {
        let mut document = json!({});
        for (key, _) in &self.0 {
            let all = self.all(key);
            set(&mut document, key, if let [one] = all.as_slice() { json!(one) } else { json!(all) });
        }
        document
    }
}

/// The digits or user id behind an address.
pub fn bare(address: &str) -> &str {
    let address = address.strip_prefix("whatsapp:").unwrap_or(address);
    address.strip_prefix('+').unwrap_or(address)
}

/// Takes a send. `actions` are the faults that concern statuses.
pub async fn take(
    world: &Arc<World>,
    account: &TwilioAccount,
    body: &[u8],
    actions: &[Action],
) -> Result<Value, TwilioError> {
    let form = Form(signature::parameters(body));
    let draft = check(world, account, &form)?;
    if !draft.inside_window && account.window == WindowRule::AtOnce {
        return Err(TwilioError::of(63_016));
    }
    let prefix = if draft.media > 0 || draft.template.is_some() { "MM" } else { "SM" };
    let sid = world.ids.sid(prefix);
    let document = document(world, account, &draft, &sid);
    world.twilio_state.keep(&sid, document.clone());
    enter(world, account, &draft, &form, &sid);
    let refused = actions.iter().find_map(|action| match action {
        Action::FailReceipt(code) => Some(*code),
        _ => None,
    });
    let refused = refused.or((!draft.inside_window).then_some(63_016));
    let (from, to) = (draft.from, draft.to);
    let subject = Subject { sid, from, to, service: draft.service, url: draft.callback };
    follow(world, account, &subject, refused, actions).await;
    Ok(document)
}

/// Checks everything about a send that can be refused at once.
fn check(world: &World, account: &TwilioAccount, form: &Form) -> Result<Draft, TwilioError> {
    let to = recipient(form.get("To").ok_or_else(|| TwilioError::of(21_604))?)?;
    let (from, service) = sender(account, form, &to)?;
    let media = form.all("MediaUrl");
    if media.len() > 10 || (media.len() > 1 && to.starts_with("whatsapp:")) {
        return Err(TwilioError::of(21_623));
    }
    if let Some(bad) = media.iter().find(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
        return Err(TwilioError::about(21_620, bad));
    }
    let callback = form.get("StatusCallback").map(str::to_owned);
    if callback.as_deref().is_some_and(|url| !good_callback(url)) {
        return Err(TwilioError::of(21_609));
    }
    let (mut words, mut template) = (form.get("Body").unwrap_or_default().to_owned(), None);
    if let Some(sid) = form.get("ContentSid") {
        let (filled, types) = content::fill(account, sid, form.get("ContentVariables"))?;
        (words, template) = (filled, Some(types));
    } else if words.is_empty() && media.is_empty() {
        return Err(TwilioError::of(21_602));
    }
    if words.chars().count() > 1_600 {
        return Err(TwilioError::of(21_617));
    }
    let customer = world.customers.find(bare(&to));
    let who = customer.as_deref().map_or(bare(&to), |customer| customer.id.as_str());
    if !to.starts_with("whatsapp:") && world.twilio_state.is_opted_out(blocker(account, &from), who) {
        return Err(TwilioError::of(21_610));
    }
    let closes = world.customers.window_closes_ms(&window_key(account, &to), who);
    let inside_window = account.window == WindowRule::Off
        || !to.starts_with("whatsapp:")
        || template.is_some()
        || closes.is_some_and(|closes| world.clock.now_ms() < closes);
    let kind = match (&template, media.is_empty()) {
        (Some(_), _) => "template",
        (None, false) => "media",
        (None, true) if form.get("PersistentAction").is_some() => "location",
        (None, true) => "text",
    };
    let (kind, media) = (kind.to_owned(), media.len());
    let callback = callback.or_else(|| account.status_callback_url.clone());
    Ok(Draft { from, to, service, words, kind, media, template, callback, customer, inside_window })
}

/// The books of windows: `WhatsApp` has them, text messages have their own for the page.
pub fn window_key(account: &TwilioAccount, address: &str) -> String {
    if address.starts_with("whatsapp:") { account.account_sid.clone() } else { format!("{}/sms", account.account_sid) }
}

/// In whose name opt-outs are kept: messaging services share theirs over all their numbers.
pub fn blocker<'a>(account: &'a TwilioAccount, sender: &'a str) -> &'a str {
    account.messaging_service_sid.as_deref().unwrap_or(sender)
}

fn good_callback(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    !host.is_empty() && !host.contains('_')
}

/// The recipient's address, with the vendor's own numbers for trying errors out.
fn recipient(to: &str) -> Result<String, TwilioError> {
    if to.starts_with("whatsapp:") {
        let id = bare(to);
        let number = id.len() >= 5 && id.len() <= 15 && id.bytes().all(|byte| byte.is_ascii_digit());
        let user = id.get(2..3) == Some(".") && id.len() > 5;
        return if number || user { Ok(to.to_owned()) } else { Err(TwilioError::about(21_211, to)) };
    }
    let digits = bare(to);
    if !to.starts_with('+') || !(5..=15).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(TwilioError::about(21_211, to));
    }
    match to {
        "+15005550001" => Err(TwilioError::about(21_211, to)),
        "+15005550002" => Err(TwilioError::of(21_612)),
        "+15005550003" => Err(TwilioError::about(21_408, to)),
        "+15005550004" => Err(TwilioError::of(21_610)),
        "+15005550009" => Err(TwilioError::of(21_614)),
        _ => Ok(to.to_owned()),
    }
}

/// The sender, and the messaging service that chose it.
fn sender(account: &TwilioAccount, form: &Form, to: &str) -> Result<(String, Option<String>), TwilioError> {
    let whatsapp = to.starts_with("whatsapp:");
    let service = form.get("MessagingServiceSid").map(str::to_owned);
    if service.is_some() && service != account.messaging_service_sid {
        return Err(TwilioError::of(21_701));
    }
    let Some(from) = form.get("From") else {
        let chosen = account.senders.iter().find(|sender| sender.starts_with("whatsapp:") == whatsapp);
        let chosen = chosen.cloned().ok_or_else(|| TwilioError::of(21_606))?;
        return if service.is_some() { Ok((chosen, service)) } else { Err(TwilioError::of(21_603)) };
    };
    if from.starts_with("whatsapp:") != whatsapp {
        return Err(TwilioError::of(21_910));
    }
    match from {
        "+15005550001" => return Err(TwilioError::about(21_212, from)),
        "+15005550008" => return Err(TwilioError::of(21_611)),
        _ => {}
    }
    if account.senders.iter().any(|sender| sender == from) {
        return Ok((from.to_owned(), service));
    }
    Err(if whatsapp { TwilioError::of(63_007) } else { TwilioError::about(21_606, from) })
}

/// The message as the API shows it.
fn document(world: &World, account: &TwilioAccount, draft: &Draft, sid: &str) -> Value {
    let uri = format!("/2010-04-01/Accounts/{}/Messages/{sid}", account.account_sid);
    let now = rfc2822(world.clock.now_ms());
    let served = draft.service.is_some();
    json!({
        "account_sid": account.account_sid, "api_version": "2010-04-01", "body": draft.words,
        "date_created": now, "date_sent": null, "date_updated": now, "direction": "outbound-api",
        "error_code": null, "error_message": null, "from": (!served).then_some(&draft.from),
        "messaging_service_sid": draft.service, "num_media": draft.media.to_string(),
        "num_segments": if served { "0".to_owned() } else { segments(&draft.words).to_string() },
        "price": null, "price_unit": null, "sid": sid, "status": if served { "accepted" } else { "queued" },
        "subresource_uris": {"media": format!("{uri}/Media.json")}, "to": draft.to, "uri": format!("{uri}.json")
    })
}

/// How many parts a text message has.
fn segments(words: &str) -> usize {
    const ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ\
                            ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
    const DOUBLE: &str = "^{}\\[~]|€\u{c}";
    let plain = words.chars().all(|c| ALPHABET.contains(c) || DOUBLE.contains(c));
    let unit = |c: char| if plain { 1 + usize::from(DOUBLE.contains(c)) } else { c.len_utf16() };
    let (single, part) = if plain { (160, 153) } else { (70, 67) };
    if words.chars().map(unit).sum::<usize>() <= single {
        return 1;
    }
    // What takes two units is not split over two parts.
    let (mut parts, mut used) = (1, 0);
    for size in words.chars().map(unit) {
        if used + size > part {
            (parts, used) = (parts + 1, 0);
        }
        used += size;
    }
    parts
}

fn enter(world: &World, account: &TwilioAccount, draft: &Draft, form: &Form, sid: &str) {
    let mut body = form.document();
    if let Some(types) = &draft.template {
        set(&mut body, "Content", types.clone());
    }
    // The query of the callback is where a sender puts its own id.
    let query = form.get("StatusCallback").and_then(|url| url.split('#').next()?.split_once('?'));
    world.enter(SentMessage {
        seq: 0,
        channel: Channel::Twilio,
        account: account.account_sid.clone(),
        id: sid.to_owned(),
        to: Some(draft.to.clone()),
        recipient: None,
        customer: draft.customer.as_ref().map(|customer| customer.id.clone()),
        kind: draft.kind.clone(),
        text: (!draft.words.is_empty()).then(|| draft.words.clone()),
        tracking: query.map(|(_, query)| query.to_owned()),
        body,
        arrived_ms: real_ms(),
        at_ms: world.clock.now_ms(),
        duplicate: false,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_as_the_vendor_counts_them() {
        for (words, parts) in [
            ("a".repeat(160), 1),
            ("a".repeat(161), 2),
            ("a".repeat(306), 2),
            ("a".repeat(307), 3),
            ("€".repeat(80), 1),
            ("€".repeat(81), 2),
            ("ж".repeat(70), 1),
            ("ж".repeat(71), 2),
            ("👍".repeat(35), 1),
            ("👍".repeat(36), 2),
            ("👍".repeat(67), 3),
        ] {
            assert_eq!(segments(&words), parts, "{} characters", words.chars().count());
        }
    }
}
