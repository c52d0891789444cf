//! Somebody signs in with their phone: a code goes there, and whoever brings it back gets an access token. Asking for a
//! code is the same work and the same answer whether or not anybody has the number; what follows is a job's affair.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::Sha256;
use switchboard_channels::contract::content::{Content, Template};
use switchboard_channels::contract::peer::{Identity, IdentityKind};

use super::Switchboard;
use super::accounts::{NotIn, Origin};
use super::carrying::{Carried, Word};
use super::throttling::{Rate, place};
use crate::domain::audit::{Action, Deed};
use crate::domain::changes::Change;
use crate::domain::jobs::{Job, NewJob, Verdict, Work, backoff_ms};
use crate::domain::workspaces::CodeTemplate;
use crate::net::Client;
use crate::store::StoreError;
use crate::store::one_time_codes::NewCode;
use crate::telemetry::chance;

/// How long a code is good, in milliseconds.
const LIFETIME_MS: i64 = 5 * 60_000;
/// Tries that a code bears.
const TRIES: i64 = 5;
/// Codes for one number.
const SEND_PHONE: Rate = Rate { burst: 3, every_ms: 5 * 60_000 };
/// Codes asked for from one place.
const SEND_PLACE: Rate = Rate { burst: 10, every_ms: 60_000 };
/// Tries for one number, over all its codes.
const VERIFY_PHONE: Rate = Rate { burst: 15, every_ms: 3 * 60_000 };
/// Tries from one place.
const VERIFY_PLACE: Rate = Rate { burst: 30, every_ms: 10_000 };

impl Switchboard {
    /// Sends a code to a number in E.164, if it is a member's.
    ///
    /// # Errors
    /// See [`NotIn`].
    pub async fn send_code(&self, phone: &str, origin: &Origin) -> Result<(), NotIn> {
        let now = self.now();
        self.throttle.take("code place", &place(origin.ip), SEND_PLACE, now)?;
        self.throttle.take("code phone", phone, SEND_PHONE, now)?;
        let code = random_code().map_err(NotIn::Unavailable)?;
        let id = self.store.clock().id();
        let kept = NewCode {
            id: id.clone(),
            phone: phone.to_owned(),
            hash: hash(&self.options.access_key, phone, &code),
            code,
            tries: TRIES,
            expires_at: now + LIFETIME_MS,
        };
        self.store.put_code(&kept).await?;
        let job = NewJob {
            id: self.store.clock().id(),
            lane: String::new(),
            work: Work::Code { code_id: id },
            run_at: now,
            cargo: None,
        };
        let change = Change { jobs: vec![job], ..Change::default() };
        self.store.commit(change).await.map(|_| ()).map_err(|refusal| NotIn::Unavailable(refusal.to_string()))
    }

    /// Runs a code job: finds whose number it is and sends the code over their workspace's channel.
    pub async fn carry_code(&self, job: &Job, code_id: &str, client: &Client) -> Verdict {
        match self.try_carry_code(code_id, client).await {
            Ok(Carried::Later(reason)) => {
                Verdict::Retry { after_ms: backoff_ms(job.attempts, chance::below(1_000)), reason }
            }
            Ok(Carried::Sent | Carried::NoWay) => Verdict::Drop,
            Err(error) => {
                Verdict::Retry { after_ms: backoff_ms(job.attempts, chance::below(1_000)), reason: error.to_string() }
            }
        }
    }

    async fn try_carry_code(&self, code_id: &str, client: &Client) -> Result<Carried, StoreError> {
        // Run out, used or replaced by a newer one: nothing is left to do.
        let Some((phone, code)) = self.store.unsent_code(code_id).await? else { return Ok(Carried::Sent) };
        let user = self.store.user_by_phone(&phone).await?.map(|stored| stored.user);
        let memberships = match &user {
            Some(user) => self.store.memberships(&user.id).await?,
            None => Vec::new(),
        };
        let Some((user, home)) = user.zip(memberships.first()) else {
            self.store.code_sent(code_id).await?;
            return Ok(Carried::NoWay);
        };
        if self.options.shows_codes {
            tracing::info!(code, user_id = user.id, "development mode shows a sign-in code");
        }
        let to = Identity::new(IdentityKind::Phone, phone.trim_start_matches('+'));
        let mut end = Carried::NoWay;
        for membership in &memberships {
            let settings = self.store.workspace(&membership.workspace_id).await?.map(|(_, settings)| settings);
            let template = settings.and_then(|settings| settings.code_template);
            let text = format!("{code} is your code for {}. It is good for 5 minutes.", membership.workspace);
            let word =
                Word { plain: Content::text(text), template: template.map(|template| templated(template, &code)) };
            end = self.carry(&membership.workspace_id, code_id, &to, &word, client).await;
            if end == Carried::Sent {
                break;
            }
        }
        match &end {
            Carried::Later(_) => return Ok(end),
            Carried::NoWay if !self.options.shows_codes => tracing::warn!(
                user_id = user.id,
                workspace_id = home.workspace_id,
                "a sign-in code has no way out: the workspace needs an SMS channel, or a WhatsApp channel and a code_template"
            ),
            Carried::NoWay | Carried::Sent => {}
        }
        self.store.code_sent(code_id).await?;
        self.note(&Deed {
            workspace_id: Some(home.workspace_id.clone()),
            actor: None,
            actor_name: None,
            action: Action::CodeSent,
            target: Some(user.id),
            ip: None,
            detail: json!({ "carried": end == Carried::Sent }),
        })
        .await;
        Ok(end)
    }

    /// Takes a code back for an access token of the number's user, in the workspace that they joined first.
    ///
    /// # Errors
    /// See [`NotIn`].
    pub async fn verify_code(&self, phone: &str, code: &str, origin: &Origin) -> Result<String, NotIn> {
        let now = self.now();
        self.throttle.take("code try place", &place(origin.ip), VERIFY_PLACE, now)?;
        self.throttle.take("code try phone", phone, VERIFY_PHONE, now)?;
        let keys = [Some(self.options.access_key), self.options.previous_access_key];
        let hashes: Vec<String> = keys.iter().flatten().map(|key| hash(key, phone, code)).collect();
        let right = self.store.try_code(phone, &hashes).await?;
        let user = self.store.user_by_phone(phone).await?.map(|stored| stored.user);
        let action = if right { Action::CodeAccepted } else { Action::CodeRefused };
        self.note_person(user.as_ref(), action, origin).await;
        let Some(user) = user.filter(|_| right) else { return Err(NotIn::Wrong) };
        let memberships = self.store.memberships(&user.id).await?;
        let home = memberships.first().ok_or(NotIn::Wrong)?;
        self.directory.forget_person(&user.id);
        self.issue_token(&user.id, &home.workspace_id).map_err(NotIn::Unavailable)
    }
}

/// Six digits, each code as likely as any other.
fn random_code() -> Result<String, String> {
    const CODES: u64 = 1_000_000;
    loop {
        let random = u64::from_le_bytes(chance::bytes::<8>().map_err(|error| error.to_string())?);
        // What is left over at the end would make some codes likelier.
        if random < u64::MAX - u64::MAX % CODES {
            return Ok(format!("{:06}", random % CODES));
        }
    }
}

/// What is kept of a code. It is keyed: a million guesses would find it otherwise.
fn hash(key: &[u8; 32], phone: &str, code: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(b"one-time code\0");
    mac.update(phone.as_bytes());
    mac.update(b"\0");
    mac.update(code.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// An authentication template takes the code twice: in its body, and for the button that copies it.
fn templated(template: CodeTemplate, code: &str) -> Content {
    let parameters = json!([{ "type": "text", "text": code }]);
    Content::Template(Template {
        name: template.name,
        language: template.language,
        components: vec![
            json!({ "type": "body", "parameters": parameters }),
            json!({ "type": "button", "sub_type": "url", "index": "0", "parameters": parameters }),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::{hash, random_code};

    #[test]
    fn codes_are_six_digits_and_their_hashes_are_of_number_and_key() {
        for _ in 0..100 {
            let code = random_code().unwrap();
            assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
        }
        let one = hash(&[1; 32], "+14155551234", "123456");
        assert_eq!(one, hash(&[1; 32], "+14155551234", "123456"));
        for other in [
            hash(&[2; 32], "+14155551234", "123456"),
            hash(&[1; 32], "+14155551235", "123456"),
            hash(&[1; 32], "+14155551234", "123457"),
        ] {
            assert_ne!(one, other);
        }
    }
}
