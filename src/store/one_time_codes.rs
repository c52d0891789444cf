//! Codes that sign a phone in: one for a number, a few tries, used once. A number that nobody has gets one like any
//! other, so that nothing here tells which numbers are known.

use subtle::ConstantTimeEq as _;

use super::db::{execute, fetch_optional};
use super::seal::place;
use super::transactions::{Transaction, rows, run};
use super::{Store, StoreError};

/// A code to keep.
#[derive(Debug, Clone)]
pub struct NewCode {
    /// UUID.
    pub id: String,
    /// E.164.
    pub phone: String,
    /// Keyed hash of number and code, lower-case hex.
    pub hash: String,
    /// The code itself, until it has left.
    pub code: String,
    /// Wrong tries that it bears.
    pub tries: i64,
    /// Unix milliseconds.
    pub expires_at: i64,
}

impl Store {
    /// Keeps a code in the place of the number's last one. Codes that have run out are forgotten on the way.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn put_code(&self, code: &NewCode) -> Result<(), StoreError> {
        let sealed = self.sealer().seal(&place("one_time_codes", "code", &code.id), &code.code)?;
        execute!(self.db(), "DELETE FROM one_time_codes WHERE expires_at < $1", self.clock().now())?;
        execute!(
            self.db(),
            "INSERT INTO one_time_codes (phone, id, hash, code, tries_left, expires_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (phone) DO UPDATE SET id = excluded.id, hash = excluded.hash, code = excluded.code, tries_left = excluded.tries_left, expires_at = excluded.expires_at",
            code.phone.as_str(),
            code.id.as_str(),
            code.hash.as_str(),
            sealed.as_str(),
            code.tries,
            code.expires_at
        )
        .map(|_| ())
    }

    /// Number and code of this id, while the code is good and has not left.
    ///
    /// # Errors
    /// The database is not available, or the code cannot be opened.
    pub async fn unsent_code(&self, id: &str) -> Result<Option<(String, String)>, StoreError> {
        let found = fetch_optional!(
            self.db(),
            (String, String),
            "SELECT phone, code FROM one_time_codes WHERE id = $1 AND code IS NOT NULL AND expires_at > $2",
            id,
            self.clock().now()
        )?;
        let Some((phone, sealed)) = found else { return Ok(None) };
        Ok(Some((phone, self.sealer().open("one_time_codes", "code", id, &sealed)?)))
    }

    /// The code has left, or will not: it is known by its hash alone from now on.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn code_sent(&self, id: &str) -> Result<(), StoreError> {
        execute!(self.db(), "UPDATE one_time_codes SET code = NULL WHERE id = $1", id).map(|_| ())
    }

    /// Tries a number's code by its hashes under the keys in force. The right one is used up; each try counts, also a
    /// right one that comes at the same time as another.
    ///
    /// # Errors
    /// The database is not available; the try did not count.
    pub async fn try_code(&self, phone: &str, hashes: &[String]) -> Result<bool, StoreError> {
        let mut tx = Transaction::begin(self.db()).await?;
        let held = rows!(
            &mut tx,
            (String, String),
            "UPDATE one_time_codes SET tries_left = tries_left - 1 WHERE phone = $1 AND tries_left > 0 AND expires_at > $2 RETURNING id, hash",
            phone,
            self.clock().now()
        )?;
        let mut right = false;
        for (id, stored) in held {
            right = hashes.iter().any(|hash| bool::from(hash.as_bytes().ct_eq(stored.as_bytes())));
            if right {
                run!(&mut tx, "DELETE FROM one_time_codes WHERE id = $1", id.as_str())?;
            }
        }
        self.tell_and_commit(tx, "", Vec::new()).await?;
        Ok(right)
    }
}
