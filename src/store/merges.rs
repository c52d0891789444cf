//! Merges: contacts that are one person. A merge moves nothing: the merged contact points at the one that stands for
//! both and keeps what is its own, so that undoing it is to forget the pointer.

use serde_json::json;
use sqlx::FromRow;

use super::contacts::{TREE, root_in};
use super::db::{fetch_all, fetch_optional};
use super::transactions::{Told, Transaction, lost_a_race, rows, run};
use super::{Store, StoreError};
use crate::domain::contacts::{Merge, MergeRules};
use crate::domain::events::EventKind;

/// Who wants two contacts to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A person, who may.
    Hand,
    /// A rule, which may not join what a person has parted, nor two people whom a site tells apart.
    Rule,
}

/// Why two contacts were not merged, or a merge was not undone. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum MergeRefusal {
    /// There is no such contact in the workspace.
    #[error("there is no contact {0}")]
    UnknownContact(String),
    /// There is no such merge of this person.
    #[error("there is no such merge")]
    UnknownMerge,
    /// They are one person already.
    #[error("they are one person already")]
    SamePerson,
    /// A rule may not merge them.
    #[error("no rule may merge them")]
    Forbidden,
    /// It was undone already.
    #[error("the merge was undone already")]
    Undone,
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(FromRow)]
struct MergeRow {
    id: String,
    kept_id: String,
    merged_id: String,
    evidence: String,
    created_at: i64,
    undone_at: Option<i64>,
}

impl From<MergeRow> for Merge {
    fn from(row: MergeRow) -> Self {
        let MergeRow { id, kept_id, merged_id, evidence, created_at, undone_at } = row;
        Self { id, kept_id, merged_id, evidence, created_at, undone_at }
    }
}

impl Store {
    /// Merges the person of one contact into the person of another, which stands for both from now on.
    ///
    /// # Errors
    /// See [`MergeRefusal`].
    pub async fn merge_contacts(
        &self,
        workspace_id: &str,
        kept_id: &str,
        merged_id: &str,
        evidence: &str,
        by: By,
    ) -> Result<Merge, MergeRefusal> {
        match self.try_merge(workspace_id, kept_id, merged_id, evidence, by).await {
            Err(MergeRefusal::Store(error)) if lost_a_race(&error) => {
                self.try_merge(workspace_id, kept_id, merged_id, evidence, by).await
            }
            done => done,
        }
    }

    async fn try_merge(
        &self,
        workspace_id: &str,
        kept_id: &str,
        merged_id: &str,
        evidence: &str,
        by: By,
    ) -> Result<Merge, MergeRefusal> {
        let mut tx = Transaction::begin(self.db()).await?;
        let (merge, told) = self.merge_in(&mut tx, workspace_id, (kept_id, merged_id), evidence, by).await?;
        self.tell_and_commit(tx, workspace_id, vec![told]).await?;
        Ok(merge)
    }

    /// Merges within a transaction, which has to tell of it.
    pub(super) async fn merge_in(
        &self,
        tx: &mut Transaction,
        workspace_id: &str,
        (kept_id, merged_id): (&str, &str),
        evidence: &str,
        by: By,
    ) -> Result<(Merge, Told), MergeRefusal> {
        let now = self.clock().now();
        let (kept_id, merged_id) = hold_roots(tx, workspace_id, kept_id, merged_id, now).await?;
        if by == By::Rule && !is_allowed(tx, workspace_id, &kept_id, &merged_id).await? {
            return Err(MergeRefusal::Forbidden);
        }
        run!(tx, "UPDATE contacts SET merged_into = $2 WHERE id = $1", merged_id.as_str(), kept_id.as_str())?;
        let id = self.clock().id();
        run!(
            tx,
            "INSERT INTO merges (id, workspace_id, kept_id, merged_id, evidence, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
            id.as_str(),
            workspace_id,
            kept_id.as_str(),
            merged_id.as_str(),
            evidence,
            now
        )?;
        let data = json!({ "contact_id": kept_id, "merged_id": merged_id, "merge_id": id, "evidence": evidence });
        let told = Told { kind: EventKind::ContactUpdated, data };
        let evidence = evidence.to_owned();
        Ok((Merge { id, kept_id, merged_id, evidence, created_at: now, undone_at: None }, told))
    }

    /// Undoes a merge in which the person of this contact takes part: both are again what they were.
    ///
    /// # Errors
    /// See [`MergeRefusal`].
    pub async fn undo_merge(
        &self,
        workspace_id: &str,
        contact_id: &str,
        merge_id: &str,
    ) -> Result<Merge, MergeRefusal> {
        let merges = self.merges(workspace_id, contact_id).await?;
        let mut merge = merges.into_iter().find(|merge| merge.id == merge_id).ok_or(MergeRefusal::UnknownMerge)?;
        let now = self.clock().now();
        let mut tx = Transaction::begin(self.db()).await?;
        // The contact before the log, as in a merge, so that the two cannot hold each other's rows.
        let parted = run!(
            &mut tx,
            "UPDATE contacts SET merged_into = NULL, updated_at = $4 WHERE workspace_id = $1 AND id = $2 AND merged_into = $3",
            workspace_id,
            merge.merged_id.as_str(),
            merge.kept_id.as_str(),
            now
        )?;
        let noted = run!(
            &mut tx,
            "UPDATE merges SET undone_at = $3 WHERE workspace_id = $1 AND id = $2 AND undone_at IS NULL",
            workspace_id,
            merge_id,
            now
        )?;
        if (parted, noted) != (1, 1) {
            return Err(MergeRefusal::Undone);
        }
        merge.undone_at = Some(now);
        let data = json!({
            "contact_id": merge.kept_id, "restored_id": merge.merged_id, "merge_id": merge.id,
        });
        let told = vec![Told { kind: EventKind::ContactUpdated, data }];
        self.tell_and_commit(tx, workspace_id, told).await?;
        Ok(merge)
    }

    /// The merges in which the person of this contact takes part or took part, the newest first.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn merges(&self, workspace_id: &str, contact_id: &str) -> Result<Vec<Merge>, StoreError> {
        let root: Option<(String,)> =
            fetch_optional!(self.db(), (String,), super::contacts::ROOT, workspace_id, contact_id)?;
        let Some((root,)) = root else { return Ok(Vec::new()) };
        let found = fetch_all!(
            self.db(),
            MergeRow,
            "WITH RECURSIVE tree (id) AS (SELECT id FROM contacts WHERE workspace_id = $1 AND id = $2 UNION SELECT c.id FROM contacts AS c JOIN tree ON c.merged_into = tree.id) SELECT m.id, m.kept_id, m.merged_id, m.evidence, m.created_at, m.undone_at FROM merges AS m WHERE m.workspace_id = $1 AND (m.kept_id IN (SELECT id FROM tree) OR m.merged_id IN (SELECT id FROM tree)) ORDER BY m.created_at DESC, m.id DESC",
            workspace_id,
            root.as_str()
        )?;
        Ok(found.into_iter().map(Merge::from).collect())
    }

    /// Contacts of other persons that have a phone number of this contact. A channel's phone number was verified by its
    /// vendor, a contact's own by the workspace or by its site.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn contacts_of_same_phone(
        &self,
        workspace_id: &str,
        contact_id: &str,
    ) -> Result<Vec<String>, StoreError> {
        let found: Vec<(String,)> = fetch_all!(
            self.db(),
            (String,),
            "WITH own (value) AS (SELECT i.value FROM contacts AS c CROSS JOIN identities AS i WHERE c.workspace_id = $1 AND c.id = $2 AND i.contact_id = c.id AND i.kind = 'phone' UNION SELECT SUBSTR(phone, 2) FROM contacts WHERE workspace_id = $1 AND id = $2 AND phone IS NOT NULL) SELECT i.contact_id FROM own CROSS JOIN identities AS i WHERE i.workspace_id = $1 AND i.kind = 'phone' AND i.value = own.value AND i.contact_id <> $2 UNION SELECT c.id FROM own CROSS JOIN contacts AS c WHERE c.workspace_id = $1 AND c.phone = '+' || own.value AND c.id <> $2",
            workspace_id,
            contact_id
        )?;
        Ok(found.into_iter().map(|row| row.0).collect())
    }

    /// Contacts that share a phone number with an older one, as workspace and id: what rules may have left undone.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn contacts_with_shared_phones(&self) -> Result<Vec<(String, String)>, StoreError> {
        fetch_all!(
            self.db(),
            (String, String),
            "WITH phones (workspace_id, value, contact_id) AS (SELECT workspace_id, value, contact_id FROM identities WHERE kind = 'phone' UNION SELECT workspace_id, SUBSTR(phone, 2), id FROM contacts WHERE phone IS NOT NULL) SELECT p.workspace_id, MAX(p.contact_id) FROM phones AS p GROUP BY p.workspace_id, p.value HAVING COUNT(DISTINCT p.contact_id) > 1"
        )
    }

    /// By which evidence a workspace's contacts are merged without anybody's hand.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn merge_rules(&self, workspace_id: &str) -> Result<MergeRules, StoreError> {
        let row: Option<(String,)> =
            fetch_optional!(self.db(), (String,), "SELECT merge_rules FROM workspaces WHERE id = $1", workspace_id)?;
        let Some((text,)) = row else { return Ok(MergeRules::default()) };
        serde_json::from_str(&text).map_err(|error| StoreError::Unreadable {
            table: "workspaces",
            column: "merge_rules",
            id: workspace_id.to_owned(),
            reason: error.to_string(),
        })
    }

    /// Sets them.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn put_merge_rules(&self, workspace_id: &str, rules: &MergeRules) -> Result<(), StoreError> {
        let text = json!(rules).to_string();
        super::db::execute!(
            self.db(),
            "UPDATE workspaces SET merge_rules = $2 WHERE id = $1",
            workspace_id,
            text.as_str()
        )
        .map(|_| ())
    }
}

/// The roots of both, held until the commit, so that neither can be merged away meanwhile and no ring can arise.
async fn hold_roots(
    tx: &mut Transaction,
    workspace_id: &str,
    kept_id: &str,
    merged_id: &str,
    now: i64,
) -> Result<(String, String), MergeRefusal> {
    loop {
        let root = root_in(tx, workspace_id, kept_id).await?;
        let kept = root.ok_or_else(|| MergeRefusal::UnknownContact(kept_id.to_owned()))?;
        let root = root_in(tx, workspace_id, merged_id).await?;
        let merged = root.ok_or_else(|| MergeRefusal::UnknownContact(merged_id.to_owned()))?;
        if kept == merged {
            return Err(MergeRefusal::SamePerson);
        }
        let mut held = 0;
        for id in if kept < merged { [&kept, &merged] } else { [&merged, &kept] } {
            held += run!(
                tx,
                "UPDATE contacts SET updated_at = $2 WHERE id = $1 AND merged_into IS NULL",
                id.as_str(),
                now
            )?;
        }
        if held == 2 {
            return Ok((kept, merged));
        }
    }
}

/// Whether a rule may join two persons: a hand has not parted them, and no site knows them as two of its users.
async fn is_allowed(tx: &mut Transaction, workspace_id: &str, one: &str, other: &str) -> Result<bool, StoreError> {
    let (one, other) = (tree_in(tx, workspace_id, one).await?, tree_in(tx, workspace_id, other).await?);
    let (ours, theirs) = (external_ids(tx, &one).await?, external_ids(tx, &other).await?);
    if !ours.is_empty() && !theirs.is_empty() {
        return Ok(false);
    }
    for contact in &other {
        let parted: Vec<(String, String)> = rows!(
            tx,
            (String, String),
            "SELECT kept_id, merged_id FROM merges WHERE workspace_id = $1 AND undone_at IS NOT NULL AND (kept_id = $2 OR merged_id = $2)",
            workspace_id,
            contact.as_str()
        )?;
        if parted.iter().any(|(kept, merged)| one.contains(kept) || one.contains(merged)) {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) async fn tree_in(tx: &mut Transaction, workspace_id: &str, root: &str) -> Result<Vec<String>, StoreError> {
    let found: Vec<(String,)> = rows!(tx, (String,), TREE, workspace_id, root)?;
    Ok(found.into_iter().map(|row| row.0).collect())
}

/// By which ids sites know these contacts.
pub(super) async fn external_ids(tx: &mut Transaction, contacts: &[String]) -> Result<Vec<String>, StoreError> {
    let mut ids = Vec::new();
    for contact in contacts {
        let found: Vec<(String,)> = rows!(
            tx,
            (String,),
            "SELECT external_id FROM contacts WHERE id = $1 AND external_id IS NOT NULL",
            contact.as_str()
        )?;
        ids.extend(found.into_iter().map(|row| row.0));
    }
    Ok(ids)
}
