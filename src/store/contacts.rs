//! Contacts: persons as their contacts make them up, and what the workspace itself says about them.

mod finding;
mod keys;

use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, FromRow};
use switchboard_channels::Kind;
use switchboard_channels::contract::peer::IdentityKind;

use super::conversations::Which;
use super::db::{fetch_all, fetch_one, fetch_optional};
use super::dialect::Dialect;
use super::rows::Rows;
use super::transactions::{Told, Transaction, lost_a_race, rows, run};
use super::{Db, Store, StoreError, idempotency, remembered};
use crate::domain::changes::Idempotency;
use crate::domain::contacts::{Particulars, Person, PersonIdentity};
use crate::domain::conversations::ConversationStatus;
use crate::domain::events::EventKind;

pub use keys::Key;
pub(super) use keys::holders_in;
use keys::judge_keys;

/// The contact that stands for the person of `$2`: up the tree of merges.
pub(super) const ROOT: &str = "WITH RECURSIVE up (id, merged_into) AS (SELECT id, merged_into FROM contacts WHERE workspace_id = $1 AND id = $2 UNION SELECT c.id, c.merged_into FROM contacts AS c JOIN up ON c.id = up.merged_into) SELECT id FROM up WHERE merged_into IS NULL";
/// `$2` and all that was merged into it: down the tree of merges.
pub(super) const TREE: &str = "WITH RECURSIVE tree (id) AS (SELECT id FROM contacts WHERE workspace_id = $1 AND id = $2 UNION SELECT c.id FROM contacts AS c JOIN tree ON c.merged_into = tree.id) SELECT id FROM tree";
const MEMBERS: &str = "WITH RECURSIVE tree (id, root) AS (SELECT r.value->>0, r.value->>0 FROM {rows} AS r UNION SELECT c.id, tree.root FROM contacts AS c JOIN tree ON c.merged_into = tree.id) SELECT tree.root, c.id, c.name, c.known_as, c.phone, c.email, c.external_id, c.attributes, c.tags, c.created_at, c.updated_at FROM tree CROSS JOIN contacts AS c WHERE c.id = tree.id AND c.workspace_id = $2 ORDER BY c.created_at, c.id";
const IDENTITIES: &str = "WITH RECURSIVE tree (id, root) AS (SELECT r.value->>0, r.value->>0 FROM {rows} AS r UNION SELECT c.id, tree.root FROM contacts AS c JOIN tree ON c.merged_into = tree.id) SELECT tree.root, i.contact_id, i.channel_id, h.kind AS channel_kind, i.kind, i.value FROM tree CROSS JOIN contacts AS c CROSS JOIN identities AS i JOIN channels AS h ON h.id = i.channel_id WHERE c.id = tree.id AND c.workspace_id = $2 AND i.contact_id = c.id ORDER BY i.created_at, i.channel_id, i.kind, i.value";

/// Why a contact was not written. Nothing was.
#[derive(Debug, thiserror::Error)]
pub enum ContactRefusal {
    /// There is no such contact in the workspace.
    #[error("there is no such contact")]
    Unknown,
    /// Another contact has it.
    #[error("{} belongs to contact {contact_id}", key.field())]
    Taken {
        /// What.
        key: Key,
        /// Whose it is.
        contact_id: String,
    },
    /// The idempotency key was used before.
    #[error("the idempotency key was used before")]
    Repeated(Idempotency),
    /// The person has conversations.
    #[error("the person has conversations")]
    HasConversations,
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(FromRow)]
struct MemberRow {
    root: String,
    #[sqlx(flatten)]
    contact: ContactRow,
}

#[derive(FromRow)]
pub(super) struct ContactRow {
    pub(super) id: String,
    pub(super) name: Option<String>,
    known_as: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) email: Option<String>,
    external_id: Option<String>,
    attributes: String,
    tags: String,
    created_at: i64,
    updated_at: i64,
}

#[derive(FromRow)]
struct IdentityRow {
    root: String,
    contact_id: String,
    channel_id: String,
    channel_kind: String,
    kind: String,
    value: String,
}

impl ContactRow {
    fn attributes(&self) -> Result<Map<String, Value>, StoreError> {
        serde_json::from_str(&self.attributes).map_err(|error| self.unreadable("attributes", &error))
    }

    fn tags(&self) -> Result<Vec<String>, StoreError> {
        serde_json::from_str(&self.tags).map_err(|error| self.unreadable("tags", &error))
    }

    fn unreadable(&self, column: &'static str, error: &serde_json::Error) -> StoreError {
        StoreError::Unreadable { table: "contacts", column, id: self.id.clone(), reason: error.to_string() }
    }

    /// The snapshot that events carry.
    pub(super) fn told(&self, kind: EventKind) -> Told {
        let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
        let data = json!({
            "contact_id": self.id, "name": self.known_as.as_ref().or(self.name.as_ref()), "phone": self.phone,
            "email": self.email, "external_id": self.external_id, "attributes": parsed(&self.attributes),
            "tags": parsed(&self.tags),
        });
        Told { kind, data }
    }

    /// What the workspace says, laid over what is there.
    fn apply(&mut self, said: &Particulars) -> Result<(), StoreError> {
        let lay = |field: &mut Option<String>, said: &Option<Option<String>>| {
            if let Some(said) = said {
                field.clone_from(said);
            }
        };
        lay(&mut self.known_as, &said.name);
        lay(&mut self.phone, &said.phone);
        lay(&mut self.email, &said.email);
        lay(&mut self.external_id, &said.external_id);
        let mut attributes = self.attributes()?;
        for (name, value) in &said.attributes {
            if value.is_null() {
                attributes.remove(name);
            } else {
                attributes.insert(name.clone(), value.clone());
            }
        }
        self.attributes = Value::Object(attributes).to_string();
        if let Some(tags) = &said.tags {
            self.tags = json!(tags).to_string();
        }
        Ok(())
    }
}

impl Store {
    /// The person that a contact belongs to: of a merged contact the one that stands for both.
    ///
    /// # Errors
    /// The database is not available, or a row cannot be read.
    pub async fn person(&self, workspace_id: &str, contact_id: &str) -> Result<Option<Person>, StoreError> {
        let root: Option<(String,)> = fetch_optional!(self.db(), (String,), ROOT, workspace_id, contact_id)?;
        let Some((root,)) = root else { return Ok(None) };
        Ok(self.assemble(workspace_id, &[root]).await?.into_iter().next())
    }

    /// The persons of a workspace, the newest first, and how many there are.
    ///
    /// # Errors
    /// The database is not available, or a row cannot be read.
    pub async fn persons(&self, workspace_id: &str, limit: i64, offset: i64) -> Result<(Vec<Person>, i64), StoreError> {
        let found: Vec<(String,)> = fetch_all!(
            self.db(),
            (String,),
            "SELECT id FROM contacts WHERE workspace_id = $1 AND merged_into IS NULL ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3",
            workspace_id,
            limit,
            offset
        )?;
        let (total,) = fetch_one!(
            self.db(),
            (i64,),
            "SELECT COUNT(*) FROM contacts WHERE workspace_id = $1 AND merged_into IS NULL",
            workspace_id
        )?;
        let roots: Vec<String> = found.into_iter().map(|row| row.0).collect();
        Ok((self.assemble(workspace_id, &roots).await?, total))
    }

    /// The persons to whom a name belongs: one, unless channels brought the same name for several.
    ///
    /// # Errors
    /// The database is not available, or a row cannot be read.
    pub async fn persons_with(&self, workspace_id: &str, key: Key, value: &str) -> Result<Vec<Person>, StoreError> {
        let holders: Vec<(String,)> =
            fetch_all!(self.db(), (String,), key.holders(), workspace_id, value, value.trim_start_matches('+'))?;
        let mut roots = Vec::new();
        for (holder,) in holders {
            let root: Option<(String,)> = fetch_optional!(self.db(), (String,), ROOT, workspace_id, holder.as_str())?;
            roots.extend(root.map(|root| root.0).filter(|root| !roots.contains(root)));
        }
        self.assemble(workspace_id, &roots).await
    }

    /// The contact and all that was merged into it.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn contact_tree(&self, workspace_id: &str, root: &str) -> Result<Vec<String>, StoreError> {
        let ids: Vec<(String,)> = fetch_all!(self.db(), (String,), TREE, workspace_id, root)?;
        Ok(ids.into_iter().map(|row| row.0).collect())
    }

    /// The contact that has an identity in a channel.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn contact_with(
        &self,
        channel_id: &str,
        identity: &switchboard_channels::contract::peer::Identity,
    ) -> Result<Option<String>, StoreError> {
        let row: Option<(String,)> = fetch_optional!(
            self.db(),
            (String,),
            "SELECT contact_id FROM identities WHERE channel_id = $1 AND kind = $2 AND value = $3",
            channel_id,
            identity.kind.as_str(),
            identity.value.as_str()
        )?;
        Ok(row.map(|row| row.0))
    }

    /// Ids of such conversations of a person, those with the newest message first, and how many there are.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn conversations_of(
        &self,
        workspace_id: &str,
        contact_id: &str,
        which: &Which,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<String>, i64), StoreError> {
        let found: Vec<(String,)> = fetch_all!(
            self.db(),
            (String,),
            "WITH RECURSIVE tree (id) AS (SELECT id FROM contacts WHERE workspace_id = $1 AND id = $2 UNION SELECT c.id FROM contacts AS c JOIN tree ON c.merged_into = tree.id) SELECT c.id FROM tree CROSS JOIN conversations AS c WHERE c.contact_id = tree.id AND c.workspace_id = $1 AND (CAST($3 AS TEXT) IS NULL OR c.channel_id = $3) AND (CAST($4 AS TEXT) IS NULL OR ($4 = 'closed') = (c.closed_at IS NOT NULL)) AND (CAST($5 AS TEXT) IS NULL OR c.owner LIKE $5) ORDER BY c.last_message_at DESC, c.id DESC LIMIT $6 OFFSET $7",
            workspace_id,
            contact_id,
            which.channel_id.as_deref(),
            which.status.map(ConversationStatus::as_str),
            which.owner_pattern().as_deref(),
            limit,
            offset
        )?;
        let (total,) = fetch_one!(
            self.db(),
            (i64,),
            "WITH RECURSIVE tree (id) AS (SELECT id FROM contacts WHERE workspace_id = $1 AND id = $2 UNION SELECT c.id FROM contacts AS c JOIN tree ON c.merged_into = tree.id) SELECT COUNT(*) FROM tree CROSS JOIN conversations AS c WHERE c.contact_id = tree.id AND c.workspace_id = $1 AND (CAST($3 AS TEXT) IS NULL OR c.channel_id = $3) AND (CAST($4 AS TEXT) IS NULL OR ($4 = 'closed') = (c.closed_at IS NOT NULL)) AND (CAST($5 AS TEXT) IS NULL OR c.owner LIKE $5)",
            workspace_id,
            contact_id,
            which.channel_id.as_deref(),
            which.status.map(ConversationStatus::as_str),
            which.owner_pattern().as_deref()
        )?;
        Ok((found.into_iter().map(|row| row.0).collect(), total))
    }

    /// Adds a contact.
    ///
    /// # Errors
    /// See [`ContactRefusal`].
    pub async fn add_contact(
        &self,
        workspace_id: &str,
        id: &str,
        said: &Particulars,
        key: Option<&Idempotency>,
    ) -> Result<(), ContactRefusal> {
        match self.try_add_contact(workspace_id, id, said, key).await {
            Err(ContactRefusal::Store(error)) if lost_a_race(&error) => {
                self.try_add_contact(workspace_id, id, said, key).await
            }
            done => done,
        }
    }

    async fn try_add_contact(
        &self,
        workspace_id: &str,
        id: &str,
        said: &Particulars,
        key: Option<&Idempotency>,
    ) -> Result<(), ContactRefusal> {
        let now = self.clock().now();
        let mut tx = Transaction::begin(self.db()).await?;
        if let Some(earlier) = idempotency::remember(&mut tx, workspace_id, key, now).await? {
            return Err(ContactRefusal::Repeated(earlier));
        }
        judge_keys(&mut tx, workspace_id, None, said).await?;
        let mut row = blank(id, now);
        row.apply(said)?;
        run!(
            &mut tx,
            "INSERT INTO contacts (id, workspace_id, known_as, phone, email, external_id, attributes, tags, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
            id,
            workspace_id,
            row.known_as.as_deref(),
            row.phone.as_deref(),
            row.email.as_deref(),
            row.external_id.as_deref(),
            row.attributes.as_str(),
            row.tags.as_str(),
            now
        )?;
        let told = vec![row.told(EventKind::ContactCreated)];
        Ok(self.tell_and_commit(tx, workspace_id, told).await?)
    }

    /// Changes what the workspace says about a person.
    ///
    /// # Errors
    /// See [`ContactRefusal`].
    pub async fn change_contact(&self, workspace_id: &str, id: &str, said: &Particulars) -> Result<(), ContactRefusal> {
        match self.try_change_contact(workspace_id, id, said).await {
            Err(ContactRefusal::Store(error)) if lost_a_race(&error) => {
                self.try_change_contact(workspace_id, id, said).await
            }
            done => done,
        }
    }

    async fn try_change_contact(&self, workspace_id: &str, id: &str, said: &Particulars) -> Result<(), ContactRefusal> {
        let now = self.clock().now();
        let mut tx = Transaction::begin(self.db()).await?;
        let root = root_in(&mut tx, workspace_id, id).await?.ok_or(ContactRefusal::Unknown)?;
        // The row is held before it is read, so that nothing is changed on top of what another has just written.
        let held = rows!(
            &mut tx,
            ContactRow,
            "UPDATE contacts SET updated_at = $3 WHERE workspace_id = $1 AND id = $2 RETURNING id, name, known_as, phone, email, external_id, attributes, tags, created_at, updated_at",
            workspace_id,
            root.as_str(),
            now
        )?;
        let mut row = held.into_iter().next().ok_or(ContactRefusal::Unknown)?;
        judge_keys(&mut tx, workspace_id, Some(&root), said).await?;
        row.apply(said)?;
        run!(
            &mut tx,
            "UPDATE contacts SET known_as = $2, phone = $3, email = $4, external_id = $5, attributes = $6, tags = $7 WHERE id = $1",
            root.as_str(),
            row.known_as.as_deref(),
            row.phone.as_deref(),
            row.email.as_deref(),
            row.external_id.as_deref(),
            row.attributes.as_str(),
            row.tags.as_str()
        )?;
        let told = vec![row.told(EventKind::ContactUpdated)];
        Ok(self.tell_and_commit(tx, workspace_id, told).await?)
    }

    /// Deletes a person who has no conversation, with the contacts that were merged into them and their log.
    ///
    /// # Errors
    /// See [`ContactRefusal`].
    pub async fn remove_contact(&self, workspace_id: &str, id: &str) -> Result<(), ContactRefusal> {
        let mut tx = Transaction::begin(self.db()).await?;
        let root = root_in(&mut tx, workspace_id, id).await?.ok_or(ContactRefusal::Unknown)?;
        let members: Vec<(String,)> = rows!(&mut tx, (String,), TREE, workspace_id, root.as_str())?;
        for (member,) in &members {
            let member = member.as_str();
            let held = rows!(&mut tx, (String,), "SELECT id FROM conversations WHERE contact_id = $1 LIMIT 1", member)?;
            if !held.is_empty() {
                return Err(ContactRefusal::HasConversations);
            }
            remembered::forget_contact_in(&mut tx, workspace_id, member).await?;
            run!(&mut tx, "DELETE FROM identities WHERE contact_id = $1", member)?;
            run!(&mut tx, "DELETE FROM merges WHERE kept_id = $1 OR merged_id = $1", member)?;
            // A conversation that began meanwhile holds its contact.
            run!(&mut tx, "DELETE FROM contacts WHERE id = $1", member).map_err(|error| match &error {
                StoreError::Database(sqlx::Error::Database(refused)) if refused.is_foreign_key_violation() => {
                    ContactRefusal::HasConversations
                }
                _ => error.into(),
            })?;
        }
        let told = Told { kind: EventKind::ContactDeleted, data: json!({ "contact_id": root }) };
        Ok(self.tell_and_commit(tx, workspace_id, vec![told]).await?)
    }

    /// The persons of these roots, in their order.
    async fn assemble(&self, workspace_id: &str, roots: &[String]) -> Result<Vec<Person>, StoreError> {
        if roots.is_empty() {
            return Ok(Vec::new());
        }
        let dialect = match self.db() {
            Db::Sqlite { .. } => Dialect::Sqlite,
            Db::Postgres(_) => Dialect::Postgres,
        };
        let mut given = Rows::new();
        for root in roots {
            given.row().text(root);
        }
        let given = given.into_json();
        let members = AssertSqlSafe(dialect.statement(MEMBERS));
        let members = fetch_all!(self.db(), MemberRow, members, given.as_str(), workspace_id)?;
        let identities = AssertSqlSafe(dialect.statement(IDENTITIES));
        let identities = fetch_all!(self.db(), IdentityRow, identities, given.as_str(), workspace_id)?;
        roots.iter().filter_map(|root| person(root, &members, &identities).transpose()).collect()
    }
}

/// Puts one person together; what the root does not say, the oldest member that does says.
fn person(root: &str, members: &[MemberRow], identities: &[IdentityRow]) -> Result<Option<Person>, StoreError> {
    let mut own: Vec<&ContactRow> =
        members.iter().filter(|member| member.root == root).map(|member| &member.contact).collect();
    own.sort_by_key(|contact| contact.id != root);
    let Some(first) = own.first().filter(|contact| contact.id == root) else { return Ok(None) };
    let (mut attributes, mut tags) = (Map::new(), Vec::new());
    for contact in &own {
        for (name, value) in contact.attributes()? {
            attributes.entry(name).or_insert(value);
        }
        tags.extend(contact.tags()?.into_iter().filter(|tag| !tags.contains(tag)).collect::<Vec<_>>());
    }
    let first_of = |field: fn(&ContactRow) -> Option<&String>| own.iter().find_map(|contact| field(contact)).cloned();
    let known = identities.iter().filter(|identity| identity.root == root).filter_map(|identity| {
        Some(PersonIdentity {
            contact_id: identity.contact_id.clone(),
            channel_id: identity.channel_id.clone(),
            channel_kind: Kind::from_word(&identity.channel_kind)?,
            kind: IdentityKind::from_word(&identity.kind)?,
            value: identity.value.clone(),
        })
    });
    Ok(Some(Person {
        id: root.to_owned(),
        name: first_of(|contact| contact.known_as.as_ref()).or_else(|| first_of(|contact| contact.name.as_ref())),
        phone: first_of(|contact| contact.phone.as_ref()),
        email: first_of(|contact| contact.email.as_ref()),
        external_id: first_of(|contact| contact.external_id.as_ref()),
        attributes,
        tags,
        identities: known.collect(),
        merged_ids: own.iter().skip(1).map(|contact| contact.id.clone()).collect(),
        created_at: own.iter().map(|contact| contact.created_at).min().unwrap_or(first.created_at),
        updated_at: own.iter().map(|contact| contact.updated_at).max().unwrap_or(first.updated_at),
    }))
}

fn blank(id: &str, now: i64) -> ContactRow {
    ContactRow {
        id: id.to_owned(),
        name: None,
        known_as: None,
        phone: None,
        email: None,
        external_id: None,
        attributes: "{}".to_owned(),
        tags: "[]".to_owned(),
        created_at: now,
        updated_at: now,
    }
}

/// The contact that stands for the person of `id`.
pub(super) async fn root_in(tx: &mut Transaction, workspace_id: &str, id: &str) -> Result<Option<String>, StoreError> {
    let root: Vec<(String,)> = rows!(tx, (String,), ROOT, workspace_id, id)?;
    Ok(root.into_iter().next().map(|row| row.0))
}
