//! The development master key: made once into the data folder, so that a newcomer need not know of it.

use std::io::Write as _;
use std::path::Path;

use switchboard_channels::contract::credentials::Secret;

use crate::telemetry::chance;

use super::{Problem, Settings};

impl Settings {
    /// Where no master key is set but `dev` made one in the data folder, takes that, so that commands reach the data
    /// of a development installation.
    ///
    /// # Errors
    /// The file cannot be read, or holds something else.
    pub fn adopt_development_key(&mut self) -> Result<(), Problem> {
        if self.development_key_file().is_file() { self.ensure_development_key() } else { Ok(()) }
    }

    /// Where no master key is set, takes the one in `{data_dir}/dev.master_key`, and makes it if there is none.
    ///
    /// # Errors
    /// The file cannot be read or written, or holds something else.
    pub fn ensure_development_key(&mut self) -> Result<(), Problem> {
        if self.security.master_key.is_some() {
            return Ok(());
        }
        let path = self.development_key_file();
        let failed = |error: std::io::Error| {
            Problem::new("security.master_key", format!("none is set, and {} cannot be used: {error}", path.display()))
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(&path).map_err(failed)?,
            Err(error) => return Err(failed(error)),
        };
        self.security.master_key = Some(Secret::new(text.trim()));
        match self.master_key() {
            Some(_) => Ok(()),
            None => Err(Problem::new(
                "security.master_key",
                format!(
                    "{} does not hold 64 hex digits; restore it, or remove it together with the data",
                    path.display()
                ),
            )),
        }
    }
}

/// Only this user may read the file, from the moment it exists; a crash leaves none or a whole one.
fn make(path: &Path) -> std::io::Result<String> {
    let key = hex::encode(chance::bytes::<32>().map_err(std::io::Error::other)?);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let draft = path.with_extension("master_key.new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    writeln!(file, "{key}")?;
    file.sync_all()?;
    std::fs::rename(&draft, path)?;
    Ok(key)
}
