//! Settings in layers: who wins, what is refused, and that no secret is ever shown.

use std::collections::BTreeMap;
use std::path::Path;

use super::keys::KEYS;
use super::{Flags, Mode, Settings, SettingsError, demo, reference, sample};

const KEY: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn load(file: &str, variables: &[(&str, &str)], flags: &Flags) -> Result<Settings, SettingsError> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("config")).expect("a folder");
    std::fs::write(folder.path().join("config/switchboard.toml"), file).expect("a file");
    Settings::load_in(folder.path(), flags, &environment(variables))
}

#[test]
fn later_layers_win() {
    let file = "data_dir = 'from-file'\nlisten = '127.0.0.1:1'\nworkers = 1\n[conversations]\nquiet_period = '1s'\nhistory = 3\n";
    let variables = [
        ("SWITCHBOARD__LISTEN", "127.0.0.1:2"),
        ("SWITCHBOARD__Conversations__Quiet_Period", "2s"),
        ("SWITCHBOARD__WORKERS", "2"),
        ("SWITCHBOARD__NETWORK__ALLOW_PRIVATE_ADDRESSES", "true"),
        ("SWITCHBOARD__STORE__LEASE", "20000"),
        ("SWITCHBOARD_CRASH", "not a setting"),
    ];
    let flags = Flags { listen: Some("127.0.0.1:3".to_owned()), ..Flags::default() };
    let settings = load(file, &variables, &flags).expect("settings");
    assert_eq!(settings.listen.port(), 3);
    assert_eq!(settings.workers, 2);
    assert_eq!(settings.conversations.quiet_period.as_millis(), 2_000);
    assert_eq!(settings.conversations.history, 3);
    assert_eq!(settings.conversations.idle_after.as_millis(), 600_000);
    assert_eq!(settings.store().lease_ms, 20_000);
    assert!(settings.net().allow_private_addresses);
    assert_eq!(settings.database().to_string(), "sqlite:from-file/switchboard.db");
    assert_eq!(settings.public_url(), "http://127.0.0.1:3");
}

#[test]
fn defaults_work_without_any_layer() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings::load_in(folder.path(), &Flags::default(), &BTreeMap::new()).expect("settings");
    assert_eq!(settings.database().reveal(), "sqlite:data/switchboard.db");
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.sending.receipt_wait.as_millis(), 30_000);
    assert_eq!(settings.conversations.quiet_period.as_millis(), 400);
    assert_eq!(settings.check(Mode::Dev), []);
    let keys: Vec<String> = settings.check(Mode::Serve).into_iter().map(|problem| problem.key).collect();
    assert_eq!(keys, ["security.master_key"]);
}

#[test]
fn digits_in_a_variable_stay_the_text_they_are() {
    for key in ["1234567890".repeat(7).split_at(64).0.to_owned(), format!("1e{}", "1".repeat(62)), KEY.to_owned()] {
        let settings = load("", &[("SWITCHBOARD__SECURITY__MASTER_KEY", &key)], &Flags::default()).expect("settings");
        assert_eq!(settings.security.master_key.as_ref().map(|key| key.reveal()), Some(key.as_str()));
        assert!(settings.master_key().is_some());
    }
}

#[test]
fn every_mistake_is_told_with_its_key_and_source() {
    let file = "quiet_period = 3\nlisten = 8080\n[security]\nmaster_key = 123456\n[sending]\nreceipt_wait = 'soon'\n[loging]\nlevel = 'info'\n";
    let variables =
        [("SWITCHBOARD__WORKERS", "many"), ("SWITCHBOARD__LOGGING__FORMAT", "xml"), ("SWITCHBOARD__X", "1")];
    let flags = Flags { data_dir: Some(String::new()), ..Flags::default() };
    let SettingsError(problems) = load(file, &variables, &flags).expect_err("mistakes");
    let expected = [
        ("quiet_period", "did you mean `conversations.quiet_period`", "switchboard.toml"),
        ("listen", "an IP address and a port", "switchboard.toml"),
        ("security.master_key", "a text in quotes", "switchboard.toml"),
        ("sending.receipt_wait", "a duration such as", "switchboard.toml"),
        ("loging.level", "no such setting", "switchboard.toml"),
        ("workers", "a whole number", "environment variable SWITCHBOARD__WORKERS"),
        ("logging.format", "one of auto, pretty, json", "environment variable SWITCHBOARD__LOGGING__FORMAT"),
        ("x", "no such setting", "environment variable SWITCHBOARD__X"),
        ("data_dir", "not empty", "flag --data-dir"),
    ];
    for (key, words, source) in expected {
        let problem =
            problems.iter().find(|problem| problem.key == key).unwrap_or_else(|| panic!("{key}: {problems:?}"));
        assert!(problem.sentence.contains(words) && problem.sentence.contains(source), "{problem}");
    }
    assert_eq!(problems.len(), expected.len(), "{problems:?}");
    assert!(!SettingsError(problems).to_string().contains("123456"), "a secret is shown");
}

#[test]
fn numbers_that_fit_no_machine_and_negative_ones_are_refused() {
    for (file, key) in [("[store]\nconnections = 5000000000", "store.connections"), ("workers = -1", "workers")] {
        let SettingsError(problems) = load(file, &[], &Flags::default()).expect_err("a mistake");
        assert_eq!(problems.iter().map(|problem| problem.key.as_str()).collect::<Vec<_>>(), [key]);
    }
}

#[test]
fn a_broken_file_is_told_by_line_and_never_quoted() {
    let SettingsError(problems) =
        load("workers = 1\n\n[security]\nmaster_key = hunter2\n", &[], &Flags::default()).expect_err("no TOML");
    let said = SettingsError(problems).to_string();
    assert!(said.contains("line 4") && !said.contains("hunter2"), "{said}");
    let missing = Flags { config: Some("nowhere.toml".into()), ..Flags::default() };
    let SettingsError(problems) = load("", &[], &missing).expect_err("no file");
    assert_eq!(problems.first().map(|problem| problem.key.as_str()), Some("nowhere.toml"));
}

#[test]
fn what_cannot_work_together_is_refused_all_at_once() {
    let zeros = "0".repeat(64);
    let cases: [(&str, Mode, &[&str]); 8] = [
        ("[security]\nmaster_key = 'KEY'", Mode::Serve, &[]),
        ("[security]\nmaster_key = 'ZEROS'", Mode::Serve, &["security.master_key"]),
        ("[security]\nmaster_key = 'ZEROS'", Mode::Dev, &[]),
        ("[security]\nmaster_key = 'abc'", Mode::Dev, &["security.master_key"]),
        ("database = 'mysql://db'\npublic_url = 'chat.example.com'", Mode::Dev, &["database", "public_url"]),
        ("database = 'sqlite:'\n[logging]\nlevel = 'a=b=c'", Mode::Dev, &["database", "logging.level"]),
        (
            "plans = 'nowhere.toml'\n[store]\nlease = 0\nconnections = 0\n[limits]\nbody_bytes = 0",
            Mode::Dev,
            &["limits.body_bytes", "store.connections", "store.lease", "plans"],
        ),
        ("public_url = 'https://chat.example.com/a/'\n[conversations]\nquiet_period = 0", Mode::Dev, &[]),
    ];
    for (file, mode, expected) in cases {
        let file = file.replace("KEY", KEY).replace("ZEROS", &zeros);
        let settings = load(&file, &[], &Flags::default()).expect("settings");
        let problems = settings.check(mode);
        let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, expected, "{file}: {problems:?}");
    }
}

#[test]
fn nothing_secret_is_shown() {
    let file = format!("database = 'postgres://ana:hunter2@db/main'\n[security]\nmaster_key = '{KEY}'");
    let settings = load(&file, &[], &Flags::default()).expect("settings");
    let shown = format!("{settings:?} {}", settings.database());
    assert!(!shown.contains("hunter2") && !shown.contains(KEY), "{shown}");
    assert_eq!(settings.store().url, "postgres://ana:hunter2@db/main");
}

#[test]
fn the_development_key_is_made_once_and_for_this_user_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let fresh = || Settings { data_dir: data_dir.clone(), ..Settings::default() };
    let mut before = fresh();
    before.adopt_development_key().expect("nothing to adopt");
    assert!(before.security.master_key.is_none());
    let (mut one, mut two, mut three) = (fresh(), fresh(), fresh());
    one.ensure_development_key().expect("made");
    two.ensure_development_key().expect("read");
    three.adopt_development_key().expect("adopted");
    assert!(one.master_key().is_some());
    assert_eq!((one.master_key(), one.master_key()), (two.master_key(), three.master_key()));
    let file = data_dir.join("dev.master_key");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    }
    std::fs::write(&file, "damaged").expect("written");
    let problem = fresh().ensure_development_key().expect_err("damaged");
    assert!(!problem.to_string().contains("damaged"), "{problem}");
}

#[test]
fn the_sample_file_is_what_the_table_says_and_can_be_used() {
    let kept = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/switchboard.toml"));
    assert_eq!(kept.expect("the sample file"), sample(), "config/switchboard.toml must be what the table of keys says");
    load(&sample(), &[], &Flags::default()).expect("every line is a comment or a section");
    // With the marks removed, only settings without a default are empty.
    let used: String = sample().lines().filter(|line| !line.ends_with(['.', ';'])).fold(String::new(), |file, line| {
        let line = line.strip_prefix("# ").filter(|line| line.contains(" = ")).unwrap_or(line);
        if line.contains("= \"\"") { file } else { format!("{file}{line}\n") }
    });
    let settings = load(&used, &[], &Flags::default()).expect("the defaults are valid");
    assert_eq!(format!("{settings:?}"), format!("{:?}", Settings::default()));
}

#[test]
fn every_setting_stands_in_the_table() {
    let page = reference();
    for key in KEYS {
        assert!(page.contains(&format!("| `{}` | `", key.name)), "{}", key.name);
        assert!(key.sentence.ends_with('.'), "{}", key.name);
    }
    let Ok(toml::Value::Table(defaults)) = toml::Value::try_from(Settings::default()) else { panic!("no table") };
    for (name, value) in defaults {
        let leaves = match value {
            toml::Value::Table(section) => section.keys().map(|key| format!("{name}.{key}")).collect(),
            _ => vec![name],
        };
        for leaf in leaves {
            assert!(super::keys::find(&leaf).is_some(), "{leaf} is not in the table");
        }
    }
}

#[test]
fn the_built_in_plans_are_those_of_the_contract() {
    let plans = Settings::default().plans().expect("plans");
    let expected = [
        ("free", Some(10), Some(2)),
        ("pro", Some(60), Some(10)),
        ("ultra", Some(300), Some(50)),
        ("self_service", Some(60), Some(10)),
        ("managed", Some(300), Some(50)),
        ("enterprise", None, None),
    ];
    assert_eq!(plans.names().count(), expected.len());
    for (name, requests, concurrency) in expected {
        let plan = plans.get(name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!((plan.requests_per_minute, plan.concurrency), (requests, concurrency), "{name}");
    }
}

#[test]
fn the_demo_is_complete() {
    let plans = Settings::default().plans().expect("plans");
    let named = demo::FILE.split("${").skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name));
    let value = |name: &str| match name.rsplit('_').next().unwrap_or_default() {
        "URL" => "http://127.0.0.1:9",
        "HOST" => "127.0.0.1",
        "PORT" => "25",
        "ADDRESS" => "hello@nordlicht.example",
        "ACCOUNT" => "AC00000000000000000000000000000001",
        "NUMBER" => "+15005550006",
        "WHATSAPP" => "whatsapp:+14155238886",
        _ => "11111111111111111111111111111111",
    };
    let variables: BTreeMap<String, String> = named
        .filter(|name| name.starts_with("SIMULATOR_") || *name == "DEMO_PASSWORD")
        .map(|name| (name.to_owned(), value(name).to_owned()))
        .collect();
    let input =
        crate::usecases::apply::Input { text: demo::FILE, environment: &variables, read: &demo::read, plans: &plans };
    crate::usecases::apply::read(&input).map(|_| ()).expect("the demo can be applied");
}
