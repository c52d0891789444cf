//! What the questions about a channel's set-up found, in words for the person who sets it up.

use super::asked;
use crate::contract::vendor::Finding;
use crate::meta;
use crate::meta::display::line;
use crate::telegram::{Settings, wire};

/// The updates without which a conversation has gaps.
const WANTED: [&str; 4] = ["message", "edited_message", "callback_query", "my_chat_member"];
/// What is lost unless it is asked for by name.
const ON_REQUEST: &str = "message_reaction";
const TOKEN: &str =
    "In Telegram open @BotFather, send /mybots, choose the bot, tap API Token, and set bot_token to it.";

/// What the answer to a probe means: the first asks for the bot, the second for its webhook.
#[must_use]
pub fn finding(settings: &Settings, probe: usize, status: u16, body: &[u8]) -> Finding {
    match probe {
        0 => bot(settings, status, body),
        1 => webhook(settings, status, body),
        _ => ill("this channel has no such probe".to_owned(), "Test the channel again."),
    }
}

fn bot(settings: &Settings, status: u16, body: &[u8]) -> Finding {
    let wire: wire::User<'_> = match asked(status, body) {
        Ok(wire) => wire,
        Err(failure) => {
            let usual = Finding::of(&failure);
            return if failure.stops_channel { ill(usual.what, TOKEN) } else { usual };
        }
    };
    let name = match line(wire.username, 64) {
        Some(name) => format!("@{name}"),
        None => "a bot without a name".to_owned(),
    };
    let id = meta::text(wire.id);
    if id.is_none() || id.as_deref() != settings.bot_id() {
        return ill(format!("the token reaches {name}, which is another bot than the token says"), TOKEN);
    }
    Finding { ok: true, what: name, remedy: None }
}

fn webhook(settings: &Settings, status: u16, body: &[u8]) -> Finding {
    let wire: wire::WebhookInfo<'_> = match asked(status, body) {
        Ok(wire) => wire,
        Err(failure) => return Finding::of(&failure),
    };
    let wanted = settings.status_callback.as_deref();
    let set = format!(
        "Call setWebhook with url={}, the channel's secret token, and \
         allowed_updates=[\"message\",\"edited_message\",\"callback_query\",\"my_chat_member\",\"message_reaction\"].",
        wanted.unwrap_or("the channel's callback")
    );
    let Some(url) = line(wire.url, 2_048) else { return ill("no webhook is set: no message arrives".to_owned(), &set) };
    if wanted.is_some_and(|wanted| wanted.trim_end_matches('/') != url.trim_end_matches('/')) {
        return ill(format!("the bot's messages go to another address: {url}"), &set);
    }
    let allowed: Option<Vec<String>> = meta::list(wire.allowed_updates)
        .map(|kinds| kinds.into_iter().filter_map(|raw| meta::filled(Some(raw))).collect::<Vec<_>>())
        .filter(|kinds| !kinds.is_empty());
    let comes = |kind: &str| allowed.as_ref().is_none_or(|kinds| kinds.iter().any(|known| known == kind));
    let lacking: Vec<&str> = WANTED.into_iter().filter(|kind| !comes(kind)).collect();
    if !lacking.is_empty() {
        return ill(format!("these updates do not come: {}", lacking.join(", ")), &set);
    }
    let waiting = meta::whole(wire.pending_update_count).unwrap_or_default();
    let error = line(wire.last_error_message, 500);
    if let Some(error) = error.as_ref().filter(|_| waiting > 0) {
        let remedy = format!(
            "Mend what Telegram names: 401 is another secret token, a timeout or a refused connection is an address that \
             cannot be reached from outside, an SSL error is the certificate. It delivers what waits by itself. {set}"
        );
        return ill(format!("{waiting} updates wait, for the last delivery failed: {error}"), &remedy);
    }
    let mut what = format!("messages go to {url}; {waiting} updates wait");
    if allowed.is_none() || !comes(ON_REQUEST) {
        what.push_str("; reactions do not come, for allowed_updates does not name message_reaction");
    }
    if let Some(error) = error {
        what.push_str(&format!("; an earlier delivery failed: {error}"));
    }
    Finding { ok: true, what, remedy: None }
}

fn ill(what: String, remedy: &str) -> Finding {
    Finding { ok: false, what, remedy: Some(remedy.to_owned()) }
}
