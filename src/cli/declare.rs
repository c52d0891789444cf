//! `apply`: reads the declarative file, shows the plan, carries it out.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use crate::config::{Settings, SettingsError, environment};
use crate::store::{Store, StoreError};
use crate::telemetry::clock::Clock;
use crate::usecases::apply::{self, Action, ApplyError, MadeKey, Plan};

use super::{Refusal, print, wait_for};

/// Applies the file, or only says what it would change.
pub fn apply(settings: &Settings, file: &Path, dry_run: bool) -> Result<(), Refusal> {
    let text = text_of(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    let plans = settings.plans().map_err(|problem| SettingsError(vec![problem]))?;
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let read = |path: &Path| std::fs::read_to_string(folder.join(path));
    let input = apply::Input { text: &text, environment: &environment(), read: &read, plans: &plans };
    let named = |error: ApplyError| format!("{} cannot be applied:\n{error}", file.display());
    let wanted = apply::read(&input).map_err(named)?;
    let done = wait_for(async {
        let store = open(settings).await?;
        let done = carry_out(&store, wanted, dry_run, settings.embedder().is_some()).await;
        store.release_lease().await?;
        done
    });
    done.map_err(|error| named(error).into())
}

/// Opens the store with the key that seals its secrets.
pub async fn open(settings: &Settings) -> Result<Store, StoreError> {
    let unset = || StoreError::Options("security.master_key is not set".to_owned());
    let sealer = settings.sealer().ok_or_else(unset)?;
    let (store, _jobs) = Store::open(&settings.store(), sealer, Clock::default()).await?;
    Ok(store)
}

async fn carry_out(store: &Store, wanted: apply::File, dry_run: bool, embeds: bool) -> Result<(), ApplyError> {
    let plan = apply::plan(store, wanted).await?;
    // Nobody to read is no reason not to apply.
    let _ = print(&describe(&plan, dry_run));
    if dry_run {
        return Ok(());
    }
    for made in apply::apply(store, plan, embeds).await? {
        let _ = print(&show(&made));
    }
    Ok(())
}

fn text_of(file: &Path) -> std::io::Result<String> {
    if file != Path::new("-") {
        return std::fs::read_to_string(file);
    }
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text)?;
    Ok(text)
}

fn describe(plan: &Plan, dry_run: bool) -> String {
    let mut lines = String::new();
    for change in &plan.changes {
        let _ = writeln!(lines, "{change}");
    }
    let count = |action| plan.changes.iter().filter(|change| change.action == action).count();
    let (created, updated, unchanged) = (count(Action::Create), count(Action::Update), count(Action::Unchanged));
    let verb = if dry_run { "would be " } else { "" };
    let end = if dry_run { "; nothing was written" } else { "" };
    let _ = writeln!(lines, "{created} {verb}created, {updated} {verb}updated, {unchanged} unchanged{end}");
    lines
}

fn show(made: &MadeKey) -> String {
    format!("API key {} / {}, shown only now: {}", made.workspace, made.name, made.key.reveal())
}
