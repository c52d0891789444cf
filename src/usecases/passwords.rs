//! Passwords: kept as Argon2id, compared slowly on purpose, and only so many at once, so that a flood of sign-ins eats
//! neither memory nor every processor.

use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;

use crate::telemetry::chance;

/// Passwords that are worked on at once; each takes 19 MiB.
const AT_ONCE: usize = 4;
/// How long one waits for its turn.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A password could not be worked on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a password could not be worked on: {0}")]
pub struct Unhashed(String);

/// The turns.
pub struct Passwords {
    turns: Semaphore,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { turns: Semaphore::new(AT_ONCE) }
    }
}

impl Passwords {
    /// What is kept of a password.
    ///
    /// # Errors
    /// Too many wait already, or the operating system has no randomness to give.
    pub async fn hash(&self, password: &str) -> Result<String, Unhashed> {
        let password = password.to_owned();
        self.work(move || hashed(&password)).await?
    }

    /// Whether this is the password that was kept. Where none was kept it takes as long to say no.
    ///
    /// # Errors
    /// Too many wait already, or what was kept cannot be read.
    pub async fn is(&self, password: &str, kept: Option<&str>) -> Result<bool, Unhashed> {
        let (password, kept) = (password.to_owned(), kept.map(str::to_owned));
        self.work(move || match kept {
            Some(kept) => {
                let kept = PasswordHash::new(&kept).map_err(|error| Unhashed(error.to_string()))?;
                Ok(Argon2::default().verify_password(password.as_bytes(), &kept).is_ok())
            }
            None => hashed(&password).map(|_| false),
        })
        .await?
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Unhashed> {
        let turn = tokio::time::timeout(LONGEST_WAIT, self.turns.acquire()).await;
        let _turn = turn
            .map_err(|_| Unhashed("too many wait already".to_owned()))?
            .map_err(|error| Unhashed(error.to_string()))?;
        tokio::task::spawn_blocking(work).await.map_err(|error| Unhashed(error.to_string()))
    }
}

fn hashed(password: &str) -> Result<String, Unhashed> {
    let salt = chance::bytes::<16>().map_err(|error| Unhashed(error.to_string()))?;
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|error| Unhashed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::Passwords;

    #[tokio::test]
    async fn only_the_password_itself_is_it() {
        let passwords = Passwords::default();
        let kept = passwords.hash("correct horse").await.unwrap();
        assert!(kept.starts_with("$argon2id$") && !kept.contains("horse"));
        assert_ne!(kept, passwords.hash("correct horse").await.unwrap(), "each has a salt of its own");
        assert!(passwords.is("correct horse", Some(&kept)).await.unwrap());
        assert!(!passwords.is("correct house", Some(&kept)).await.unwrap());
        assert!(!passwords.is("correct horse", None).await.unwrap());
        assert!(passwords.is("correct horse", Some("no hash")).await.is_err());
    }
}
