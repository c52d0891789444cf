//! What `dev` adds: the simulator in the vendors' place, and a demo workspace that speaks with it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Map, Value, json};
use switchboard_channels::Kind;
use switchboard_simulator::{Account, Customer, Mailbox, Page, Running, TwilioAccount};

use super::BootError;
use crate::config::{Settings, SettingsError, demo};
use crate::store::Store;
use crate::telemetry::chance;
use crate::usecases::apply::{self, MadeKey};

/// How far above the gateway's port the simulator's is, where that is free.
const PORT_ABOVE: u16 = 1;
/// The demo's owner, as its file says.
const MEMBER: &str = "demo@example.com";
/// Their phone is that of the simulator's first customer, so that codes are read there.
const MEMBER_PHONE: &str = "+16505551234";
/// What the demo's business is called at the vendors.
const NAME: &str = "Kaffeewerk Nordlicht";

/// The demo while it runs.
pub struct Demo {
    simulator: Running,
    widget_channel: Option<String>,
    agent: Option<String>,
    made: Vec<MadeKey>,
    password: String,
    workspace: Option<String>,
}

/// One account of each channel at the simulator, with secrets of this start.
struct Cast {
    whatsapp: Account,
    instagram: Page,
    messenger: Page,
    twilio: TwilioAccount,
    mailbox: Mailbox,
}

impl Cast {
    fn new(gateway: SocketAddr) -> Result<Self, BootError> {
        let callback = |kind: Kind| Some(format!("http://{gateway}/api/webhooks/{}", kind.as_str()));
        let page = |page: Page, kind: Kind| {
            let (access_token, app_secret, verify_token) = (secret()?, secret()?, secret()?);
            let name = NAME.to_owned();
            Ok::<_, BootError>(Page {
                callback_url: callback(kind),
                name,
                access_token,
                app_secret,
                verify_token,
                ..page
            })
        };
        Ok(Self {
            whatsapp: Account {
                callback_url: callback(Kind::Whatsapp),
                verified_name: NAME.to_owned(),
                app_secret: secret()?,
                access_token: secret()?,
                verify_token: secret()?,
                ..Account::default()
            },
            instagram: page(Page::instagram(), Kind::Instagram)?,
            messenger: page(Page::default(), Kind::Messenger)?,
            twilio: TwilioAccount {
                callback_url: callback(Kind::Twilio),
                name: NAME.to_owned(),
                auth_token: secret()?,
                ..TwilioAccount::default()
            },
            mailbox: Mailbox {
                address: "hello@nordlicht.example".to_owned(),
                callback_url: callback(Kind::Email),
                name: NAME.to_owned(),
                secret: secret()?,
                ..Mailbox::default()
            },
        })
    }

    /// What the demo's file leaves open.
    fn variables(&self, simulator: &Running) -> BTreeMap<String, String> {
        let sender =
            |whatsapp: bool| self.twilio.senders.iter().find(|sender| sender.starts_with("whatsapp:") == whatsapp);
        let smtp = simulator.smtp_addr();
        let mut variables: BTreeMap<String, String> = [
            ("SIMULATOR_URL", simulator.base_url()),
            ("SIMULATOR_PHONE_NUMBER_ID", self.whatsapp.phone_number_id.clone()),
            ("SIMULATOR_WABA_ID", self.whatsapp.waba_id.clone()),
            ("SIMULATOR_ACCESS_TOKEN", self.whatsapp.access_token.clone()),
            ("SIMULATOR_APP_SECRET", self.whatsapp.app_secret.clone()),
            ("SIMULATOR_VERIFY_TOKEN", self.whatsapp.verify_token.clone()),
            ("SIMULATOR_TWILIO_ACCOUNT", self.twilio.account_sid.clone()),
            ("SIMULATOR_TWILIO_TOKEN", self.twilio.auth_token.clone()),
            ("SIMULATOR_TWILIO_NUMBER", sender(false).cloned().unwrap_or_default()),
            ("SIMULATOR_TWILIO_WHATSAPP", sender(true).cloned().unwrap_or_default()),
            ("SIMULATOR_MAIL_ADDRESS", self.mailbox.address.clone()),
            ("SIMULATOR_MAIL_SECRET", self.mailbox.secret.clone()),
            ("SIMULATOR_SMTP_HOST", smtp.ip().to_string()),
            ("SIMULATOR_SMTP_PORT", smtp.port().to_string()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        for (name, page) in [("INSTAGRAM", &self.instagram), ("MESSENGER", &self.messenger)] {
            let members = [
                ("ID", &page.id),
                ("APP_ID", &page.app_id),
                ("TOKEN", &page.access_token),
                ("SECRET", &page.app_secret),
                ("VERIFY", &page.verify_token),
            ];
            let named = |(member, value): (&str, &String)| (format!("SIMULATOR_{name}_{member}"), value.clone());
            variables.extend(members.map(named));
        }
        variables
    }
}

/// Starts the simulator and sets the demo workspace up.
pub async fn set_up(settings: &Settings, store: &Store, gateway: SocketAddr) -> Result<Demo, BootError> {
    let cast = Cast::new(gateway)?;
    let wanted = SocketAddr::new(gateway.ip(), gateway.port().saturating_add(PORT_ABOVE));
    let simulator = match start(wanted, &cast).await {
        Ok(simulator) => simulator,
        Err(_) => start(SocketAddr::new(gateway.ip(), 0), &cast)
            .await
            .map_err(|error| BootError::Demo(format!("the simulator does not start: {error}")))?,
    };
    // A password of this start: one that everybody knows would open the machine to whoever reaches it.
    let password = secret()?;
    let mut variables = cast.variables(&simulator);
    variables.insert("DEMO_PASSWORD".to_owned(), password.clone());
    let made = apply_demo(settings, store, &variables).await?;
    let (workspace, widget_channel, agent) = find(store).await?;
    Ok(Demo { simulator, widget_channel, agent, made, password, workspace })
}

async fn start(listen: SocketAddr, cast: &Cast) -> Result<Running, switchboard_simulator::Error> {
    let named = |id: &str, name: &str, wa_id: Option<&str>, user_id: &str, username: Option<&str>| Customer {
        id: id.to_owned(),
        name: name.to_owned(),
        wa_id: wa_id.map(str::to_owned),
        user_id: Some(user_id.to_owned()),
        username: username.map(str::to_owned),
        ..Customer::default()
    };
    switchboard_simulator::start(switchboard_simulator::Options {
        listen,
        accounts: vec![cast.whatsapp.clone()],
        pages: vec![cast.instagram.clone(), cast.messenger.clone()],
        twilio: vec![cast.twilio.clone()],
        mailboxes: vec![cast.mailbox.clone()],
        customers: vec![
            named("c1", "Maya Lindqvist", Some("16505551234"), "US.13491208655302741918", None),
            named("c2", "Tomás (no phone number)", None, "ES.20471208655302741919", Some("tomas.r")),
        ],
        ..switchboard_simulator::Options::default()
    })
    .await
}

async fn apply_demo(
    settings: &Settings,
    store: &Store,
    variables: &BTreeMap<String, String>,
) -> Result<Vec<MadeKey>, BootError> {
    let plans = settings.plans().map_err(|problem| SettingsError(vec![problem]))?;
    let input =
        apply::Input { text: demo::FILE, environment: variables, read: &|path| demo::read(path), plans: &plans };
    let failed = |error: apply::ApplyError| BootError::Demo(error.to_string());
    let plan = apply::plan(store, apply::read(&input).map_err(failed)?).await.map_err(failed)?;
    apply::apply(store, plan, settings.embedder().is_some()).await.map_err(failed)
}

type Found = (Option<String>, Option<String>, Option<String>);

/// The demo's workspace, its widget and its agent.
async fn find(store: &Store) -> Result<Found, BootError> {
    let Some(workspace) = store.workspace_named("Demo").await? else { return Ok((None, None, None)) };
    let channels = store.channels(&workspace.id).await?;
    let widget = channels.into_iter().find(|channel| channel.kind == Kind::Widget);
    let agent = widget.as_ref().and_then(|channel| channel.agent_id.clone());
    Ok((Some(workspace.id), widget.map(|channel| channel.id), agent))
}

fn secret() -> Result<String, BootError> {
    chance::bytes::<24>().map(hex::encode).map_err(|error| BootError::Demo(error.to_string()))
}

impl Demo {
    /// The addresses to open, for people.
    pub fn describe(&self, gateway: &str) -> String {
        let phone = self.simulator.base_url();
        let mut lines = vec!["  Switchboard runs with a demo workspace. Open in a browser:".to_owned(), String::new()];
        if let Some(channel) = &self.widget_channel {
            lines.push(format!("    web widget       {gateway}/chat/{channel}"));
        }
        lines.push(format!(
            "    phone            {phone}/        (the simulator: WhatsApp, Instagram, Messenger, SMS, as any customer)"
        ));
        lines.push(format!("    mailbox          {phone}/mail    (the simulator: write and read mail as anybody)"));
        lines.push(format!("    API to try       {gateway}/docs"));
        lines.push(format!("    API document     {gateway}/openapi.json"));
        for key in &self.made {
            lines.push(String::new());
            lines.push(format!("  API key {} (shown once): {}", key.name, key.key.reveal()));
            if let Some(agent) = &self.agent {
                lines.push(format!(
                    "    curl -X POST {gateway}/api/agents/{agent}/chat -H 'Authorization: Bearer {}' \\\n      -H 'Content-Type: application/json' -d '{{\"messages\":[{{\"role\":\"user\",\"content\":\"When are you open?\"}}]}}'",
                    key.key.reveal()
                ));
            }
        }
        lines.push(String::new());
        lines.push(format!(
            "  Sign in as {MEMBER}, password {} (of this start), or by phone: POST /api/v1/auth/otp/send {{\"phone\":\"{MEMBER_PHONE}\"}}",
            self.password
        ));
        lines.push(format!(
            "    curl -c cookies.txt {gateway}/api/auth/sign-in -H 'Content-Type: application/json' \\\n      -d '{{\"email\":\"{MEMBER}\",\"password\":\"{}\"}}'",
            self.password
        ));
        if let Some(workspace) = &self.workspace {
            lines.push(format!("    curl -b cookies.txt -H 'x-tenant-id: {workspace}' {gateway}/api/contacts"));
        }
        lines.push(String::new());
        lines.push("  Ctrl-C stops it; what was said stays in the data folder.".to_owned());
        lines.join("\n")
    }

    /// The same for programs.
    pub fn facts(&self, gateway: &str) -> Map<String, Value> {
        let mut facts = Map::new();
        facts.insert("simulator".to_owned(), json!(self.simulator.base_url()));
        facts.insert("widget_channel".to_owned(), json!(self.widget_channel));
        facts.insert("agent".to_owned(), json!(self.agent));
        facts.insert("workspace".to_owned(), json!(self.workspace));
        let member = json!({ "email": MEMBER, "phone": MEMBER_PHONE, "password": self.password });
        facts.insert("member".to_owned(), member);
        facts.insert(
            "chat".to_owned(),
            json!(self.widget_channel.as_ref().map(|channel| format!("{gateway}/chat/{channel}"))),
        );
        facts
    }

    /// Stops the simulator.
    pub async fn stop(self) {
        self.simulator.stop().await;
    }
}
