//! The address of the database, which may hold a password and therefore never shows it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `sqlite:PATH` or `postgres://…`. Shown without its password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Takes the address in; whether it is one is found out by the check of the settings.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The whole address, password included, for the one place that connects.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The file of an `SQLite` database.
    #[must_use]
    pub fn sqlite_file(&self) -> Option<&str> {
        self.0.strip_prefix("sqlite:").map(|path| path.trim_start_matches("//"))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sqlite_file().is_some() {
            return formatter.write_str(&self.0);
        }
        match url::Url::parse(&self.0) {
            Ok(url) => {
                let host = url.host_str().unwrap_or_default();
                write!(formatter, "{}://{host}", url.scheme())?;
                if let Some(port) = url.port() {
                    write!(formatter, ":{port}")?;
                }
                formatter.write_str(url.path())
            }
            Err(_) => formatter.write_str("[unreadable]"),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::DatabaseUrl;

    #[test]
    fn a_password_is_never_shown() {
        let cases = [
            ("sqlite:data/switchboard.db", "sqlite:data/switchboard.db"),
            (
                "postgres://ana:hunter2@db.example:6432/main?sslmode=require&password=hunter2",
                "postgres://db.example:6432/main",
            ),
            ("postgres://ana:hunter2 @", "[unreadable]"),
        ];
        for (url, shown) in cases {
            let url = DatabaseUrl::new(url);
            assert_eq!((url.to_string().as_str(), format!("{url:?}").as_str()), (shown, shown));
        }
    }
}
