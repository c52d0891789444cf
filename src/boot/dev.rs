//! What `dev` adds: the simulator in the vendors' place, and a demo workspace that speaks with it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Map, Value, json};
use switchboard_channels::Kind;
use switchboard_simulator::{Account, Customer, Running};

use super::BootError;
use crate::config::{Settings, SettingsError, demo};
use crate::store::Store;
use crate::telemetry::chance;
use crate::usecases::apply::{self, MadeKey};

/// How far above the gateway's port the simulator's is, where that is free.
const PORT_ABOVE: u16 = 1;

/// The demo while it runs.
pub struct Demo {
    simulator: Running,
    widget_channel: Option<String>,
    agent: Option<String>,
    made: Vec<MadeKey>,
}

/// Starts the simulator and sets the demo workspace up.
pub async fn set_up(settings: &Settings, store: &Store, gateway: SocketAddr) -> Result<Demo, BootError> {
    let account = Account {
        callback_url: Some(format!("http://{gateway}/api/webhooks/whatsapp")),
        verified_name: "Kaffeewerk Nordlicht".to_owned(),
        app_secret: secret()?,
        access_token: secret()?,
        verify_token: secret()?,
        ..Account::default()
    };
    let wanted = SocketAddr::new(gateway.ip(), gateway.port().saturating_add(PORT_ABOVE));
    let simulator = match start(wanted, &account).await {
        Ok(simulator) => simulator,
        Err(_) => start(SocketAddr::new(gateway.ip(), 0), &account)
            .await
            .map_err(|error| BootError::Demo(format!("the simulator does not start: {error}")))?,
    };
    let made = apply_demo(settings, store, &account, &simulator.base_url()).await?;
    let (widget_channel, agent) = find(store).await?;
    Ok(Demo { simulator, widget_channel, agent, made })
}

async fn start(listen: SocketAddr, account: &Account) -> Result<Running, switchboard_simulator::Error> {
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
        accounts: vec![account.clone()],
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
    account: &Account,
    simulator: &str,
) -> Result<Vec<MadeKey>, BootError> {
    let variables: BTreeMap<String, String> = [
        ("SIMULATOR_URL", simulator),
        ("SIMULATOR_PHONE_NUMBER_ID", &account.phone_number_id),
        ("SIMULATOR_WABA_ID", &account.waba_id),
        ("SIMULATOR_ACCESS_TOKEN", &account.access_token),
        ("SIMULATOR_APP_SECRET", &account.app_secret),
        ("SIMULATOR_VERIFY_TOKEN", &account.verify_token),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    let plans = settings.plans().map_err(|problem| SettingsError(vec![problem]))?;
    let input =
        apply::Input { text: demo::FILE, environment: &variables, read: &|path| demo::read(path), plans: &plans };
    let failed = |error: apply::ApplyError| BootError::Demo(error.to_string());
    let plan = apply::plan(store, apply::read(&input).map_err(failed)?).await.map_err(failed)?;
    apply::apply(store, plan).await.map_err(failed)
}

async fn find(store: &Store) -> Result<(Option<String>, Option<String>), BootError> {
    let Some(workspace) = store.workspace_named("Demo").await? else { return Ok((None, None)) };
    let channels = store.channels(&workspace.id).await?;
    let widget = channels.into_iter().find(|channel| channel.kind == Kind::Widget);
    let agent = widget.as_ref().and_then(|channel| channel.agent_id.clone());
    Ok((widget.map(|channel| channel.id), agent))
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
        lines.push(format!("    WhatsApp phone   {phone}/        (the simulator: write as any customer)"));
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
        lines.push("  Ctrl-C stops it; what was said stays in the data folder.".to_owned());
        lines.join("\n")
    }

    /// The same for programs.
    pub fn facts(&self, gateway: &str) -> Map<String, Value> {
        let mut facts = Map::new();
        facts.insert("simulator".to_owned(), json!(self.simulator.base_url()));
        facts.insert("widget_channel".to_owned(), json!(self.widget_channel));
        facts.insert("agent".to_owned(), json!(self.agent));
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
