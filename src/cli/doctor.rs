//! `doctor`: looks at settings, disk, database, clock and vendors, and says for each what to do. It changes nothing.

use std::path::Path;

use crate::config::{Mode, Settings, SettingsError};
use crate::domain::channels::{Channel, ChannelState};
use crate::net::{Client, Trust};
use crate::store::{Store, schema};
use crate::telemetry::clock::Clock;
use crate::usecases::vendors;

use super::{Refusal, declare, print, wait_for};

/// Clocks may differ this much, in milliseconds: signatures and windows live with it.
const CLOCK_TOLERANCE_MS: u64 = 30_000;
/// Less free disk than this is told, in bytes.
const LITTLE_DISK: u64 = 1024 * 1024 * 1024;
/// Less free disk than this is a failure, in bytes.
const NO_DISK: u64 = 100 * 1024 * 1024;
/// The longest vendor's answer that is read, in bytes.
const ANSWER_LIMIT: u64 = 256 * 1024;

/// One line of the answer.
enum Finding {
    Fine(String),
    Warning(String),
    Wrong(String),
}

use Finding::{Fine, Warning, Wrong};

/// Looks at everything.
pub fn examine(mut settings: Settings) -> Result<(), Refusal> {
    settings.adopt_development_key().map_err(|problem| SettingsError(vec![problem]))?;
    let mut findings = of_settings(&settings);
    findings.extend(of_disk(&settings.data_dir));
    let sound = findings.iter().all(|finding| !matches!(finding, Wrong(_)));
    findings.extend(wait_for(of_database(&settings, sound)));
    let lines: Vec<String> = findings.iter().map(line).collect();
    print(&lines.join("\n"))?;
    let wrong = findings.iter().filter(|finding| matches!(finding, Wrong(_))).count();
    if wrong == 0 { Ok(()) } else { Err(Refusal::Said) }
}

fn line(finding: &Finding) -> String {
    match finding {
        Fine(words) => format!("✓ {words}"),
        Warning(words) => format!("! {words}"),
        Wrong(words) => format!("✗ {words}"),
    }
}

fn of_settings(settings: &Settings) -> Vec<Finding> {
    let problems = settings.check(Mode::Serve);
    if problems.is_empty() {
        return vec![Fine("settings: complete".to_owned())];
    }
    problems.iter().map(|problem| Wrong(format!("settings: {problem}"))).collect()
}

fn of_disk(folder: &Path) -> Vec<Finding> {
    let shown = folder.display();
    if !folder.exists() {
        return vec![Warning(format!("data folder: {shown} does not exist yet; `serve` and `migrate` make it"))];
    }
    let probe = folder.join(".doctor");
    let written = std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe));
    let mut findings = vec![match written {
        Ok(()) => Fine(format!("data folder: {shown} can be written")),
        Err(error) => Wrong(format!(
            "data folder: {shown} cannot be written ({error}); give it to the user that runs switchboard"
        )),
    }];
    if let Ok(disk) = rustix::fs::statvfs(folder) {
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let words = format!("disk: {} MiB free at {shown}", free / (1024 * 1024));
        findings.push(match free {
            free if free < NO_DISK => Wrong(format!("{words}; make room, or messages are refused soon")),
            free if free < LITTLE_DISK => Warning(format!("{words}; make room")),
            _ => Fine(words),
        });
    }
    findings
}

async fn of_database(settings: &Settings, sound: bool) -> Vec<Finding> {
    let (database, clock) = (settings.database(), Clock::default());
    if database.sqlite_file().is_some_and(|file| !Path::new(file).exists()) {
        return vec![Warning(format!("database: {database} does not exist yet; `switchboard migrate` makes it"))];
    }
    let health = match schema::examine(&settings.store(), clock.now()).await {
        Ok(health) => health,
        Err(error) => {
            return vec![Wrong(format!(
                "database: {database} does not answer ({error}); check that it runs and that the setting `database` is right"
            ))];
        }
    };
    let mut findings = vec![Fine(format!("database: {database} answers"))];
    if !health.pending.is_empty() {
        let names = health.pending.join(", ");
        findings.push(Wrong(format!("migrations: {names} not applied; run `switchboard migrate`")));
        return findings;
    }
    findings.push(Fine("migrations: up to date".to_owned()));
    findings.push(match health.unwritable {
        None => Fine("database: can be written".to_owned()),
        Some(error) => {
            Wrong(format!("database: cannot be written ({error}); check its permissions, or whether it is a replica"))
        }
    });
    findings.extend(health.clock_ahead_ms.map(|ahead| of_clock("the database", ahead)));
    if sound {
        findings.extend(of_channels(settings, &clock).await);
    } else {
        findings.push(Warning("channels: not looked at until the above is right".to_owned()));
    }
    findings
}

fn of_clock(whose: &str, ahead_ms: i64) -> Finding {
    let seconds = ahead_ms.unsigned_abs() / 1_000;
    if ahead_ms.unsigned_abs() <= CLOCK_TOLERANCE_MS {
        return Fine(format!("clock: agrees with that of {whose}"));
    }
    let which = if ahead_ms > 0 { "behind" } else { "ahead of" };
    Warning(format!("clock: {seconds} s {which} that of {whose}; let NTP keep the time on both machines"))
}

async fn of_channels(settings: &Settings, clock: &Clock) -> Vec<Finding> {
    let client = match Client::new(settings.net(), Trust::Operator) {
        Ok(client) => client,
        Err(error) => {
            return vec![Wrong(format!("network: no client can be made ({error}); install root certificates"))];
        }
    };
    let store = match declare::open(settings).await {
        Ok(store) => store,
        Err(error) => return vec![Wrong(format!("database: cannot be opened ({error})"))],
    };
    let mut findings = of_secrets(settings, &store).await;
    match channels(&store).await {
        Ok(channels) => {
            for (workspace, channel) in channels {
                let way_out = vendors::way_out(&channel, &client);
                findings.extend(of_channel(settings, way_out, clock, &workspace, &channel).await);
            }
        }
        Err(error) => {
            findings.push(Wrong(format!("channels: cannot be read ({error}); is the master key the right one?")))
        }
    }
    // The lease runs out by itself where it cannot be given back.
    let _ = store.release_lease().await;
    findings
}

/// Whether all secrets open, and with which key.
async fn of_secrets(settings: &Settings, store: &Store) -> Vec<Finding> {
    let seals = match store.examine_seals().await {
        Ok(seals) => seals,
        Err(error) => return vec![Wrong(format!("secrets: cannot be looked at ({error})"))],
    };
    let unreadable = seals.unreadable.iter().map(|(table, id)| {
        Wrong(format!(
            "secrets: those of {id} in {table} open with no key; set the master key that sealed them as \
             previous_master_key, or enter them anew"
        ))
    });
    let mut findings: Vec<Finding> = unreadable.collect();
    let outdated = seals.outdated;
    findings.extend(match (outdated, settings.previous_master_key().is_some()) {
        (1.., _) => Some(Warning(format!(
            "secrets: {outdated} are still sealed under the previous master key; run `switchboard rotate-key`, and keep \
             previous_master_key until then"
        ))),
        (0, true) => {
            Some(Warning("secrets: none needs previous_master_key any more; take it out of the settings".to_owned()))
        }
        (0, false) if findings.is_empty() => Some(Fine("secrets: all open with the master key".to_owned())),
        (0, false) => None,
    });
    findings
}

async fn channels(store: &Store) -> Result<Vec<(String, Channel)>, crate::store::StoreError> {
    let mut all = Vec::new();
    for workspace in store.workspaces().await? {
        let channels = store.channels(&workspace.id).await?;
        all.extend(channels.into_iter().map(|channel| (workspace.name.clone(), channel)));
    }
    Ok(all)
}

/// Why a channel does not send, where it does not.
fn of_state(name: &str, channel: &Channel) -> Option<Finding> {
    let reason = channel.state_reason.as_deref().unwrap_or("nobody said why");
    match channel.state {
        ChannelState::Active => None,
        ChannelState::Paused => Some(Warning(format!("{name}: its sends wait until it is resumed ({reason})"))),
        ChannelState::Stopped => Some(Wrong(format!(
            "{name}: its vendor refused it, and its sends wait ({reason}); mend what the reason names, such as an expired \
             token, then resume the channel"
        ))),
    }
}

async fn of_channel(
    settings: &Settings,
    client: &Client,
    clock: &Clock,
    workspace: &str,
    channel: &Channel,
) -> Vec<Finding> {
    let name = format!("channel {workspace} / {}", channel.name);
    let Ok(vendor) = vendors::Surroundings::default().read(channel, clock.now()) else {
        return vec![Wrong(format!("{name}: its settings cannot be read; apply its file again"))];
    };
    let mut findings: Vec<Finding> = of_state(&name, channel).into_iter().collect();
    let mut theirs = None;
    for (place, probe) in vendor.probes().into_iter().enumerate() {
        let asked = async {
            let mut arriving = client.open(&probe.request, &[]).await?;
            let date = arriving.header("date").and_then(|date| httpdate::parse_http_date(date).ok());
            let body = arriving.rest(ANSWER_LIMIT).await?;
            Ok::<_, crate::net::NetError>((arriving.status(), date, body))
        };
        let (status, date, body) = match tokio::time::timeout(settings.network.request_timeout.std(), asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                findings.push(Wrong(format!(
                    "{name}: its vendor cannot be reached ({error}); check base_url, DNS and the firewall"
                )));
                break;
            }
            Err(_) => {
                findings.push(Wrong(format!("{name}: its vendor does not answer in time; check the way out")));
                break;
            }
        };
        theirs = theirs.or(date);
        let found = vendor.finding(place, status, &body);
        findings.push(match (found.ok, found.remedy) {
            (true, _) => Fine(format!("{name}: {} ({})", probe.about, found.what)),
            (false, remedy) => Wrong(format!("{name}: {} {}", found.what, remedy.unwrap_or_default())),
        });
    }
    let theirs = theirs.and_then(|date| date.duration_since(std::time::UNIX_EPOCH).ok());
    if let Some(theirs) = theirs.and_then(|since| i64::try_from(since.as_millis()).ok()) {
        findings.push(of_clock(&format!("the vendor of {name}"), theirs - clock.now()));
    }
    findings
}
