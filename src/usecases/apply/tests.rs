//! Files against a real store: what is refused, what is written, and that a second time changes nothing.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use switchboard_channels::Kind;
use tempfile::TempDir;

use super::{Action, ApplyError, Input, MadeKey, Plan, apply, plan, read};
use crate::domain::api_keys;
use crate::domain::channels::ChannelState;
use crate::domain::members::Role;
use crate::domain::plans::{Plan as Tariff, Plans};
use crate::store::seal::Sealer;
use crate::store::{Options, Store};
use crate::telemetry::clock::Clock;

const FILE: &str = r#"
[[workspaces]]
name = "Acme"
plan = "enterprise"
  [[workspaces.agents]]
  name = "Echo"
  model = "builtin/echo"
  instructions = "Repeat."
  turn_timeout_ms = 5000
    [[workspaces.agents.knowledge]]
    title = "Hours"
    path = "hours.md"
    [[workspaces.agents.knowledge]]
    title = "Prices"
    text = "A bag costs 9 euros."
  [[workspaces.agents]]
  name = "Big"
  model = "big-1"
  base_url = "http://127.0.0.1:1"
  api_key = "${MODEL_KEY}"
  [[workspaces.channels]]
  name = "main"
  kind = "whatsapp"
  agent = "Echo"
  phone_number_id = "12345"
  access_token = "${WHATSAPP_TOKEN}"
  app_secret = "app secret is no token"
  verify_token = "word"
  [[workspaces.channels]]
  name = "website"
  kind = "widget"
  agent = "Echo"
  allowed_origins = ["https://acme.example"]
  [[workspaces.api_keys]]
  name = "ops"
  key = "an-operators-own-key-of-32-chars"
  [[workspaces.api_keys]]
  name = "echo only"
  agent = "Echo"
  requests_per_minute = 30
  expires_at = 2030-01-01
"#;

fn file() -> String {
    FILE.replace("app secret is no token", "app-secret")
}

fn plans() -> Plans {
    Plans::new(vec![Tariff::unlimited("free"), Tariff::unlimited("enterprise")]).expect("plans")
}

fn document(path: &Path) -> io::Result<String> {
    if path == Path::new("hours.md") {
        Ok("# Hours\n\nOpen at nine.".to_owned())
    } else {
        Err(io::ErrorKind::NotFound.into())
    }
}

fn wanted(text: &str) -> Result<super::File, ApplyError> {
    let variables = [("WHATSAPP_TOKEN", "token"), ("MODEL_KEY", "secret-model-key")];
    let environment: BTreeMap<String, String> =
        variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    read(&Input { text, environment: &environment, read: &document, plans: &plans() })
}

fn complaints(error: &ApplyError) -> Vec<String> {
    match error {
        ApplyError::Invalid(problems) => problems.iter().map(|problem| problem.field.clone()).collect(),
        other => panic!("{other}"),
    }
}

async fn store() -> (Store, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("test.db").display());
    let options = Options { url, ..Options::default() };
    let (store, _jobs) = Store::open(&options, Sealer::new(&[7; 32]), Clock::default()).await.expect("a store");
    (store, folder)
}

async fn planned(store: &Store, text: &str) -> Plan {
    let file = wanted(text).map_err(|error| error.to_string()).expect("a file that makes sense");
    plan(store, file).await.map_err(|error| error.to_string()).expect("a plan")
}

async fn applied(store: &Store, text: &str) -> Vec<MadeKey> {
    let plan = planned(store, text).await;
    apply(store, plan, false).await.map_err(|error| error.to_string()).expect("applied")
}

fn lines(plan: &Plan, action: Action) -> Vec<String> {
    let lines = plan.changes.iter().filter(|change| change.action == action);
    lines.map(|change| format!("{} ({})", change.what, change.detail)).collect()
}

#[tokio::test]
async fn a_second_time_changes_nothing() {
    let (store, _folder) = store().await;
    let first = planned(&store, &file()).await;
    assert_eq!(lines(&first, Action::Create).len(), first.changes.len());
    assert_eq!(first.changes.len(), 10, "{:?}", first.changes);
    let made = apply(&store, first, false).await.expect("applied");
    assert_eq!(made.iter().map(|made| made.name.as_str()).collect::<Vec<_>>(), ["echo only"]);
    let second = planned(&store, &file()).await;
    assert_eq!(lines(&second, Action::Unchanged).len(), second.changes.len(), "{:?}", second.changes);
    assert!(!second.changes_anything());
    assert_eq!(apply(&store, second, false).await.expect("applied"), []);
}

#[tokio::test]
async fn what_the_file_says_is_what_is_stored() {
    let (store, _folder) = store().await;
    let made = applied(&store, &file()).await;
    let workspace = store.workspace_named("Acme").await.expect("read").expect("a workspace");
    assert_eq!(workspace.plan, "enterprise");
    let agents = store.agents(&workspace.id).await.expect("read");
    let echo = agents.iter().find(|stored| stored.agent.name == "Echo").expect("Echo");
    assert_eq!((echo.agent.model.as_str(), echo.agent.settings.turn_timeout_ms), ("builtin/echo", 5_000));
    let big = agents.iter().find(|stored| stored.agent.name == "Big").expect("Big");
    assert_eq!(big.api_key.as_ref().map(|key| key.reveal()), Some("secret-model-key"));
    let channel = store.channel_by_account(Kind::Whatsapp, "12345").await.expect("read").expect("a channel");
    assert_eq!(channel.agent_id.as_deref(), Some(echo.agent.id.as_str()));
    assert_eq!(channel.settings["access_token"], "token");
    let kinds: Vec<Kind> = store.channels(&workspace.id).await.expect("read").iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [Kind::Api, Kind::Whatsapp, Kind::Widget]);
    let found = store.search_passages(&workspace.id, &echo.agent.id, "When do you open?", 5).await.expect("read");
    assert_eq!(found.first().map(|passage| passage.source.as_str()), Some("hours.md"));
    for (key, agent) in [("an-operators-own-key-of-32-chars", None), (made[0].key.reveal(), Some(&echo.agent.id))] {
        let principal = store.principal_by_key(&api_keys::hash(key)).await.expect("read").expect("a good key");
        assert_eq!(
            (principal.workspace_id.as_str(), principal.only_agent()),
            (workspace.id.as_str(), agent.map(String::as_str))
        );
    }
}

#[tokio::test]
async fn planning_alone_writes_nothing() {
    let (store, _folder) = store().await;
    assert!(planned(&store, &file()).await.changes_anything());
    assert_eq!(store.workspaces().await.expect("read"), []);
}

#[tokio::test]
async fn only_what_differs_is_updated() {
    let cases = [
        ("plan = \"enterprise\"", "plan = \"free\"", "workspace Acme (plan)"),
        ("Repeat.", "Repeat twice.", "agent Acme / Echo (instructions)"),
        ("turn_timeout_ms = 5000", "turn_timeout_ms = 6000", "agent Acme / Echo (settings)"),
        ("${MODEL_KEY}", "another", "agent Acme / Big (api_key)"),
        ("${WHATSAPP_TOKEN}", "another", "channel Acme / main (access_token)"),
        ("https://acme.example", "*", "channel Acme / website (allowed_origins)"),
        ("kind = \"widget\"\n  agent = \"Echo\"", "kind = \"widget\"", "channel Acme / website (agent)"),
        ("an-operators-own-key-of-32-chars", "another-key-of-the-operator-32-chars", "API key Acme / ops (key)"),
        ("2030-01-01", "2031-01-01", "API key Acme / echo only (expires_at)"),
        ("minute = 30", "minute = 31", "API key Acme / echo only (requests_per_minute)"),
        ("9 euros", "10 euros", "knowledge of agent Acme / Echo: Prices (text)"),
    ];
    for (old, new, expected) in cases {
        let (store, _folder) = store().await;
        applied(&store, &file()).await;
        assert!(file().contains(old), "{old}");
        let changed = file().replace(old, new);
        let plan = planned(&store, &changed).await;
        assert_eq!(lines(&plan, Action::Update), [expected]);
        assert_eq!(lines(&plan, Action::Create), [""; 0]);
        assert!(apply(&store, plan, false).await.expect("applied").is_empty(), "no key is made for a change");
        assert!(!planned(&store, &changed).await.changes_anything(), "{expected}");
    }
}

#[tokio::test]
async fn new_settings_give_a_stopped_channel_another_try() {
    let (store, _folder) = store().await;
    applied(&store, &file()).await;
    let id = store.channel_by_account(Kind::Whatsapp, "12345").await.expect("read").expect("a channel").id;
    store.set_channel_state(&id, ChannelState::Stopped, Some("token expired")).await.expect("set");
    assert!(!planned(&store, &file()).await.changes_anything(), "the same settings would be refused again");
    applied(&store, &file().replace("${WHATSAPP_TOKEN}", "renewed")).await;
    let channel = store.channel_by_id(&id).await.expect("read").expect("a channel");
    assert_eq!((channel.state, channel.state_reason), (ChannelState::Active, None));
}

#[tokio::test]
async fn what_contradicts_the_store_is_refused_before_anything_is_written() {
    let (store, _folder) = store().await;
    applied(&store, &file()).await;
    let other = r#"
[[workspaces]]
name = "Other"
  [[workspaces.channels]]
  name = "main"
  kind = "whatsapp"
  agent = "Nobody"
  phone_number_id = "12345"
  access_token = "t"
  app_secret = "s"
  verify_token = "v"
  [[workspaces.api_keys]]
  name = "stolen"
  key = "an-operators-own-key-of-32-chars"
[[workspaces]]
name = "Acme"
  [[workspaces.channels]]
  name = "main"
  kind = "widget"
"#;
    let file = wanted(other).map_err(|error| error.to_string()).expect("a file that makes sense");
    let error = plan(&store, file).await.err().expect("refused");
    assert_eq!(
        complaints(&error),
        [
            "workspaces[0].channels[0].agent",
            "workspaces[0].channels[0] (the vendor's account)",
            "workspaces[0].api_keys[0].key",
            "workspaces[1].channels[0].kind",
        ]
    );
    assert!(store.workspace_named("Other").await.expect("read").is_none());
}

#[tokio::test]
async fn people_and_scopes_are_as_the_file_says() {
    let (store, _folder) = store().await;
    let file = |password: &str, role: &str, scopes: &str| {
        format!(
            r#"
[[workspaces]]
name = "Acme"
  [[workspaces.members]]
  email = "Ana@acme.example"
  name = "Ana"
  role = "{role}"
  password = "{password}"
  phone = "+1 415 555 1234"
  [[workspaces.api_keys]]
  name = "ops"
  scopes = {scopes}
"#
        )
    };
    let first = file("a first password", "owner", r#"["read"]"#);
    applied(&store, &first).await;
    let ana = store.user_by_phone("+14155551234").await.expect("read").expect("Ana");
    assert_eq!(ana.user.email.as_deref(), Some("ana@acme.example"));
    let workspace = store.workspace_named("Acme").await.expect("read").expect("Acme");
    let memberships = store.memberships(&ana.user.id).await.expect("read");
    assert_eq!((memberships.len(), memberships[0].role), (1, Role::Owner));
    assert!(!planned(&store, &first).await.changes_anything(), "a second time changes nothing");

    let second = file("another password", "admin", r#"["read", "write"]"#);
    let plan = planned(&store, &second).await;
    assert_eq!(
        lines(&plan, Action::Update),
        ["member Acme / ana@acme.example (password, role)", "API key Acme / ops (scopes)"]
    );
    apply(&store, plan, false).await.expect("applied");
    let changed = store.user(&ana.user.id).await.expect("read").expect("Ana");
    assert!(changed.password != ana.password && changed.tokens_from > 0);
    assert_eq!(store.member(&workspace.id, &ana.user.id).await.expect("read").expect("Ana").role, Role::Admin);
    let foreign = r#"
[[workspaces]]
name = "Other"
members = [{ email = "ben@other.example", phone = "+14155551234" }]
"#;
    let file = wanted(foreign).map_err(|error| error.to_string()).expect("it makes sense");
    let error = super::plan(&store, file).await.err().expect("the phone is Ana's");
    assert_eq!(complaints(&error), ["workspaces[0].members[0].phone"]);
}

#[tokio::test]
async fn how_long_what_is_kept_is_as_the_file_says() {
    let (store, _folder) = store().await;
    let file = |of_workspace: &str, of_channel: &str| {
        format!(
            "[[workspaces]]\nname = \"Acme\"\n{of_workspace}\n[[workspaces.channels]]\nname = \"website\"\n\
             kind = \"widget\"\n{of_channel}\n"
        )
    };
    let line = |action, detail: &str| Some((action, format!("retention Acme ({detail})")));
    // The tables of the workspace and of its channel, what of it is new, and what is stored then.
    let cases = [
        ("", "", None, r#"{"days":{},"channels":{}}"#),
        (
            "retention = { messages = 365, traces = 90 }",
            "retention = { messages = \"never\" }",
            line(Action::Create, ""),
            r#"{"days":{"messages":365,"traces":90},"channels":{"website":{"messages":null}}}"#,
        ),
        (
            "retention = { messages = 30 }",
            "retention = { messages = \"never\", files = 7 }",
            line(Action::Update, "messages, traces, files of website"),
            r#"{"days":{"messages":30},"channels":{"website":{"messages":null,"files":7}}}"#,
        ),
        // What has no table stays.
        (
            "",
            "retention = {}",
            line(Action::Update, "messages of website, files of website"),
            r#"{"days":{"messages":30},"channels":{}}"#,
        ),
        ("retention = { messages = 30 }", "", line(Action::Unchanged, ""), r#"{"days":{"messages":30},"channels":{}}"#),
        ("retention = {}", "", line(Action::Update, "messages"), r#"{"days":{},"channels":{}}"#),
    ];
    for (of_workspace, of_channel, expected, stored) in cases {
        let text = file(of_workspace, of_channel);
        let plan = planned(&store, &text).await;
        let told = plan.changes.iter().find(|change| change.what.starts_with("retention"));
        let told = told.map(|change| (change.action, format!("{} ({})", change.what, change.detail)));
        assert_eq!(told, expected, "{text}");
        apply(&store, plan, false).await.expect("applied");
        let workspace = store.workspace_named("Acme").await.expect("read").expect("Acme");
        let channels = store.channels(&workspace.id).await.expect("read");
        let website = channels.iter().find(|channel| channel.name == "website").expect("the channel");
        let kept = store.retention(&workspace.id).await.expect("read");
        let expected = serde_json::from_str(&stored.replace("website", &website.id)).expect("a retention");
        assert_eq!(kept, expected, "{text}");
        assert!(!planned(&store, &text).await.changes_anything(), "a second time changes nothing: {text}");
    }
}

#[test]
fn every_mistake_in_a_file_is_named_at_once() {
    let file = r#"
colour = "red"
[[workspaces]]
name = " Acme"
plan = "gold"
retention = { messages = 0, files = "forever", audit = 36501, letters = 1 }
members = [
  { name = "Ana", email = "ana", role = "king", password = "hunter2", phone = "123", shoe = 41 },
  { email = "ben@acme.example" },
  { email = "Ben@acme.example" },
]
  [[workspaces.agents]]
  model = "builtin/oracle"
  concurrency = 0
  turn_timeout_ms = "long"
  mood = "good"
    [[workspaces.agents.knowledge]]
    title = "A"
    path = "missing.md"
    [[workspaces.agents.knowledge]]
    title = "B"
    path = "hours.md"
    text = "both"
    [[workspaces.agents.knowledge]]
    title = "C"
    text = " "
  [[workspaces.agents]]
  name = "Big"
  model = "big-1"
  [[workspaces.channels]]
  name = "api"
  kind = "telegraph"
  retention = 30
  [[workspaces.channels]]
  name = "main"
  kind = "whatsapp"
  phone_number_id = "x"
  access_token = "${MISSING}"
  app_secret = "s"
  verify_token = "v"
  fax = 1
  retention = { audit = 30, deliveries = 1.5 }
  [[workspaces.api_keys]]
  name = "ops"
  key = "too short, hunter2"
  [[workspaces.api_keys]]
  name = "ops"
  requests_per_minute = 0
  expires_at = "tomorrow"
[[workspaces]]
name = " Acme"
"#;
    let error = wanted(file).err().expect("mistakes");
    let mut fields = complaints(&error);
    fields.sort_unstable();
    let expected = [
        "colour",
        "workspaces[0].agents[0].concurrency",
        "workspaces[0].agents[0].knowledge[0].path",
        "workspaces[0].agents[0].knowledge[1].text",
        "workspaces[0].agents[0].knowledge[2].text",
        "workspaces[0].agents[0].model",
        "workspaces[0].agents[0].mood",
        "workspaces[0].agents[0].name",
        "workspaces[0].agents[0].turn_timeout_ms",
        "workspaces[0].agents[1].base_url",
        "workspaces[0].api_keys[0].key",
        "workspaces[0].api_keys[1].expires_at",
        "workspaces[0].api_keys[1].name",
        "workspaces[0].api_keys[1].requests_per_minute",
        "workspaces[0].channels[0].kind",
        "workspaces[0].channels[0].name",
        "workspaces[0].channels[0].retention",
        "workspaces[0].channels[1].access_token",
        "workspaces[0].channels[1].fax",
        "workspaces[0].channels[1].retention.audit",
        "workspaces[0].channels[1].retention.deliveries",
        "workspaces[0].members[0].email",
        "workspaces[0].members[0].password",
        "workspaces[0].members[0].phone",
        "workspaces[0].members[0].role",
        "workspaces[0].members[0].shoe",
        "workspaces[0].members[2].email",
        "workspaces[0].name",
        "workspaces[0].plan",
        "workspaces[0].retention.audit",
        "workspaces[0].retention.files",
        "workspaces[0].retention.letters",
        "workspaces[0].retention.messages",
        "workspaces[1].name",
    ];
    assert_eq!(fields, expected);
    let said = error.to_string();
    assert!(said.contains("environment variable MISSING"), "{said}");
    assert!(!said.contains("hunter2"), "a secret is shown: {said}");
}

#[test]
fn the_settings_of_a_channel_are_named_by_their_path() {
    let error = wanted(FILE).err();
    assert!(error.is_some_and(|error| complaints(&error) == ["workspaces[0].channels[0].app_secret"]));
}

#[test]
fn a_file_that_is_no_toml_is_told_by_line_and_never_quoted() {
    let error = wanted("[[workspaces]]\nname = \"Acme\"\napi_key = hunter2\n").err().expect("no TOML");
    assert!(matches!(error, ApplyError::Syntax { line: 3, .. }), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
