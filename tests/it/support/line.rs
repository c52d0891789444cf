//! The ways by which customers reach the gateway: what each needs at the vendor and in the gateway, how people are
//! called on it, and how far its messages come. A promise about one is a promise about all.

use serde_json::{Value, json};
use switchboard::domain::messages::Status;
use switchboard::store::conversations::StoredConversation;
use switchboard_channels::Kind;
use switchboard_channels::contract::peer::IdentityKind;
use switchboard_simulator::{Account, Mailbox, Options, Page, Running, TwilioAccount};

/// What follows the part of a mail address that names the person.
const MAIL_HOST: &str = "@customer.example";
/// Milliseconds from acceptance to each receipt.
const RECEIPT_DELAYS_MS: [u64; 3] = [20, 60, 120];
/// How long the vendor tries a webhook again.
const RETRY_FOR_MS: u64 = 180_000;

/// A way by which customers reach the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// The Cloud API.
    Whatsapp,
    /// Direct messages.
    Instagram,
    /// A Page's messages.
    Messenger,
    /// SMS by Twilio.
    Sms,
    /// `WhatsApp` by Twilio.
    WhatsappByTwilio,
    /// Mail, from a server of one's own.
    Mail,
}

/// Makes a test of each promise for every line, `name::instagram` and so on.
macro_rules! on_every_line {
    ($($(#[$note:meta])* async fn $name:ident($line:ident) $body:block)+) => {
        $(
            $(#[$note])*
            mod $name {
                #[allow(unused_imports, reason = "what a promise needs differs")]
                use super::*;

                async fn promise($line: $crate::support::line::Line) $body

                $crate::support::line::on_lines! {
                    promise: whatsapp Whatsapp, instagram Instagram, messenger Messenger, sms Sms,
                    whatsapp_by_twilio WhatsappByTwilio, mail Mail
                }
            }
        )+
    };
}
pub(crate) use on_every_line;

/// The tests of one promise, a name for each line.
macro_rules! on_lines {
    ($promise:ident: $($name:ident $line:ident),+) => {
        $(
            #[test]
            fn $name() {
                $crate::support::stage::run($promise($crate::support::line::Line::$line));
            }
        )+
    };
}
pub(crate) use on_lines;

impl Line {
    /// The kind of the channel.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Whatsapp => Kind::Whatsapp,
            Self::Instagram => Kind::Instagram,
            Self::Messenger => Kind::Messenger,
            Self::Sms | Self::WhatsappByTwilio => Kind::Twilio,
            Self::Mail => Kind::Email,
        }
    }

    /// The vendor's id of the account, under which its books are kept.
    pub fn account(self) -> String {
        match self {
            Self::Whatsapp => Account::default().phone_number_id,
            Self::Instagram => Page::instagram().id,
            Self::Messenger => Page::default().id,
            Self::Sms | Self::WhatsappByTwilio => TwilioAccount::default().account_sid,
            Self::Mail => Mailbox::default().address,
        }
    }

    /// The address on this line of the person with this number.
    pub fn address(self, number: &str) -> String {
        match self {
            Self::Whatsapp | Self::Instagram | Self::Messenger => number.to_owned(),
            Self::Sms => format!("+{number}"),
            Self::WhatsappByTwilio => format!("whatsapp:+{number}"),
            Self::Mail => format!("{number}{MAIL_HOST}"),
        }
    }

    /// The number of the person whose conversation this is.
    pub fn number_of(self, conversation: &StoredConversation) -> String {
        let kind = match self {
            Self::Whatsapp | Self::Sms | Self::WhatsappByTwilio => IdentityKind::Phone,
            Self::Instagram | Self::Messenger => IdentityKind::ScopedId,
            Self::Mail => IdentityKind::Email,
        };
        let identity = conversation.identities.iter().find(|identity| identity.kind == kind);
        let address = &identity.expect("these customers have an address of the line").value;
        address.trim_end_matches(MAIL_HOST).to_owned()
    }

    /// The number of a customer as the vendor shows it.
    pub fn number_at_vendor(self, customer: &Value) -> Option<String> {
        let member = match self {
            Self::Whatsapp | Self::Sms | Self::WhatsappByTwilio => "wa_id",
            Self::Instagram => "igsid",
            Self::Messenger => "psid",
            Self::Mail => "email",
        };
        Some(customer[member].as_str()?.trim_end_matches(MAIL_HOST).to_owned())
    }

    /// Whether a person may have several conversations, one for each thing that they write about.
    pub const fn has_threads(self) -> bool {
        matches!(self, Self::Mail)
    }

    /// What the vendor calls the key by which it signs deliveries.
    pub const fn signing_key(self) -> &'static str {
        match self {
            Self::Whatsapp | Self::Instagram | Self::Messenger => "app_secret",
            Self::Sms | Self::WhatsappByTwilio => "auth_token",
            Self::Mail => "secret",
        }
    }

    /// How far a message comes when all receipts arrive.
    pub const fn comes_to(self) -> Status {
        match self {
            Self::Whatsapp | Self::Instagram | Self::Messenger | Self::WhatsappByTwilio => Status::Read,
            Self::Sms => Status::Delivered,
            Self::Mail => Status::Sent,
        }
    }

    /// What the vendor answers when it has too many requests and has taken nothing.
    pub fn busy(self) -> Value {
        match self {
            Self::Whatsapp => json!({ "code": 130_429 }),
            Self::Instagram | Self::Messenger => json!({ "code": 613 }),
            Self::Sms | Self::WhatsappByTwilio => json!({ "code": 20_429, "http": 429, "retry_after": 1 }),
            Self::Mail => json!({ "code": 450 }),
        }
    }

    /// What the vendor answers when it is down and has taken nothing.
    pub fn down(self) -> Value {
        match self {
            Self::Whatsapp | Self::Instagram | Self::Messenger | Self::Sms | Self::WhatsappByTwilio => {
                json!({ "http": 503, "body": "<html>down</html>" })
            }
            Self::Mail => json!({ "code": 421 }),
        }
    }

    /// Puts the line's account among the vendor's.
    pub fn at_vendor(self, callback_url: String, parallel: usize) -> Options {
        let mut options = Options { accounts: Vec::new(), ..Options::default() };
        let (callback_url, receipt_delays_ms) = (Some(callback_url), RECEIPT_DELAYS_MS);
        match self {
            Self::Whatsapp => {
                options.accounts = vec![Account { callback_url, receipt_delays_ms, parallel, ..Account::default() }];
            }
            Self::Instagram => {
                options.pages = vec![Page { callback_url, receipt_delays_ms, parallel, ..Page::instagram() }];
            }
            Self::Messenger => {
                options.pages = vec![Page { callback_url, receipt_delays_ms, parallel, ..Page::default() }];
            }
            Self::Sms | Self::WhatsappByTwilio => {
                let retry_for_ms = Some(RETRY_FOR_MS);
                let account = TwilioAccount { callback_url, receipt_delays_ms, parallel, ..TwilioAccount::default() };
                options.twilio = vec![TwilioAccount { retry_for_ms, ..account }];
            }
            Self::Mail => options.mailboxes = vec![Mailbox { callback_url, parallel, ..Mailbox::default() }],
        }
        options
    }

    /// The channel's settings, as a file for `apply` has them.
    pub fn settings(self, simulator: &Running) -> String {
        let addresses = match self {
            Self::Mail => vec![
                ("smtp_host", simulator.smtp_addr().ip().to_string()),
                ("smtp_port", simulator.smtp_addr().port().to_string()),
                ("smtp_tls", "none".to_owned()),
            ],
            _ => vec![("base_url", simulator.base_url())],
        };
        let lines = self.credentials().into_iter().chain(addresses);
        lines.map(|(name, value)| format!("{name} = \"{value}\"\n")).collect()
    }

    /// The settings by which the vendor and the channel know each other, whatever address the vendor has.
    pub fn credentials(self) -> Vec<(&'static str, String)> {
        match self {
            Self::Whatsapp => {
                let account = Account::default();
                vec![
                    ("phone_number_id", account.phone_number_id),
                    ("waba_id", account.waba_id),
                    ("access_token", account.access_token),
                    ("app_secret", account.app_secret),
                    ("verify_token", account.verify_token),
                ]
            }
            Self::Instagram => page("account_id", Page::instagram()),
            Self::Messenger => page("page_id", Page::default()),
            Self::Sms | Self::WhatsappByTwilio => {
                let account = TwilioAccount::default();
                let of_line = |sender: &&String| sender.starts_with("whatsapp:") == (self == Self::WhatsappByTwilio);
                let sender = account.senders.iter().find(of_line).cloned().unwrap();
                vec![("account_sid", account.account_sid), ("auth_token", account.auth_token), ("sender", sender)]
            }
            Self::Mail => {
                let mailbox = Mailbox::default();
                vec![
                    ("address", mailbox.address),
                    ("from_name", mailbox.name),
                    ("provider", "generic".to_owned()),
                    ("signing_key", mailbox.secret),
                ]
            }
        }
    }
}

fn page(id: &'static str, page: Page) -> Vec<(&'static str, String)> {
    vec![
        (id, page.id),
        ("app_id", page.app_id),
        ("access_token", page.access_token),
        ("app_secret", page.app_secret),
        ("verify_token", page.verify_token),
    ]
}
