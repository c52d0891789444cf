//! People found by a part of what the workspace knows of them.

use super::ROOT;
use crate::domain::contacts::Person;
use crate::store::db::{fetch_all, fetch_optional};
use crate::store::{Store, StoreError};

impl Store {
    /// Persons in whose name, email address, phone number or channel identity this text occurs, whatever its case.
    ///
    /// # Errors
    /// The database is not available, or a row cannot be read.
    pub async fn persons_like(&self, workspace_id: &str, text: &str, limit: i64) -> Result<Vec<Person>, StoreError> {
        let pattern = pattern(text);
        let holders: Vec<(String,)> = fetch_all!(
            self.db(),
            (String,),
            "SELECT id FROM contacts WHERE workspace_id = $1 AND (LOWER(COALESCE(known_as, '')) LIKE $2 ESCAPE '!' OR LOWER(COALESCE(name, '')) LIKE $2 ESCAPE '!' OR LOWER(COALESCE(email, '')) LIKE $2 ESCAPE '!' OR COALESCE(phone, '') LIKE $2 ESCAPE '!') UNION SELECT contact_id FROM identities WHERE workspace_id = $1 AND LOWER(value) LIKE $2 ESCAPE '!' ORDER BY 1 DESC LIMIT $3",
            workspace_id,
            pattern.as_str(),
            limit
        )?;
        let mut roots: Vec<String> = Vec::with_capacity(holders.len());
        for (holder,) in holders {
            let root: Option<(String,)> = fetch_optional!(self.db(), (String,), ROOT, workspace_id, holder.as_str())?;
            roots.extend(root.map(|row| row.0).filter(|root| !roots.contains(root)));
        }
        self.assemble(workspace_id, &roots).await
    }
}

/// The pattern of texts that hold this one; what a pattern would take as a sign stands for itself.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.trim().to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn a_pattern_holds_the_text_and_no_signs_of_its_own() {
        assert_eq!(pattern(" Jane_50%! "), "%jane!_50!%!!%");
    }
}
