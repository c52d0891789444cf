//! The documents about settings, written from the table of keys and the defaults in the code, so that they stay true.

use std::fmt::Write as _;

use figment::Figment;
use figment::providers::Serialized;

use super::Settings;
use super::keys::{Form, KEYS, Key};

const INTRODUCTION: &str = "# Configuration

Settings come from four layers, each later one winning: the defaults below; the file `config/switchboard.toml` (or
`switchboard.toml`, or the one that `--config` names); environment variables `SWITCHBOARD__SECTION__KEY`; the flags
`--listen`, `--database` and `--data-dir`. An unknown key is an error. Durations are written like `250ms`, `30s`, `10m`
or `24h`, or as a number of milliseconds; sizes are bytes.

This page is printed by `switchboard config-reference`.
";

/// The reference of all settings as Markdown.
#[must_use]
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    let defaults = Figment::from(Serialized::defaults(Settings::default()));
    let mut section = None;
    for key in KEYS {
        let of_key = section_of(key);
        if section != Some(of_key) {
            let heading = if of_key.is_empty() { "General".to_owned() } else { format!("`[{of_key}]`") };
            let _ = write!(
                page,
                "\n## {heading}\n\n| key | default | environment variable | what it does |\n|---|---|---|---|\n"
            );
            section = Some(of_key);
        }
        let variable = format!("SWITCHBOARD__{}", key.name.to_ascii_uppercase().replace('.', "__"));
        let default = default_of(&defaults, key).unwrap_or_else(|| key.unset.to_owned());
        let _ = writeln!(page, "| `{}` | `{default}` | `{variable}` | {} |", key.name, key.sentence);
    }
    page
}

/// The settings file with every key commented out at its default.
#[must_use]
pub fn sample() -> String {
    let mut file =
        "# Settings of Switchboard. Every key is here with its default; remove the # in front of those to change.\n\
                    # Environment variables SWITCHBOARD__SECTION__KEY and flags win over this file.\n"
            .to_owned();
    let defaults = Figment::from(Serialized::defaults(Settings::default()));
    let mut section = "";
    for key in KEYS {
        let of_key = section_of(key);
        if section != of_key {
            let _ = write!(file, "\n[{of_key}]\n");
            section = of_key;
        }
        let name = key.name.rsplit('.').next().unwrap_or(key.name);
        let value = default_of(&defaults, key).map_or_else(
            || format!("\"\"  # {}", key.unset),
            |text| if matches!(key.form, Form::Number | Form::Flag) { text } else { format!("\"{text}\"") },
        );
        let _ = write!(file, "\n# {}\n# {name} = {value}\n", key.sentence);
    }
    file
}

fn section_of(key: &Key) -> &'static str {
    key.name.rsplit_once('.').map_or("", |(section, _)| section)
}

fn default_of(defaults: &Figment, key: &Key) -> Option<String> {
    let value = defaults.find_value(key.name).ok()?;
    let number = || value.to_u128().map(|number| number.to_string());
    let flag = || value.to_bool().map(|flag| flag.to_string());
    value.as_str().map(str::to_owned).or_else(number).or_else(flag)
}
