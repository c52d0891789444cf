//! Members: who belongs to which workspace, and as what.

use sqlx::FromRow;

use super::db::{execute, fetch_all, fetch_one, fetch_optional};
use super::transactions::{Transaction, rows, run};
use super::{Store, StoreError};
use crate::domain::members::{Member, Membership, Role};

#[derive(FromRow)]
struct MemberRow {
    id: String,
    name: String,
    email: Option<String>,
    phone: Option<String>,
    role: String,
    created_at: i64,
}

impl MemberRow {
    fn read(self) -> Result<Member, StoreError> {
        let role = role(&self.id, &self.role)?;
        let Self { id, name, email, phone, role: _, created_at } = self;
        Ok(Member { id, name, email, phone, role, created_at })
    }
}

/// What became of a change to a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberChange {
    /// It is done.
    Done,
    /// There is no such member, or they are something else by now.
    Unknown,
    /// They are the only owner, and a workspace always has one.
    LastOwner,
}

pub(super) fn role(id: &str, word: &str) -> Result<Role, StoreError> {
    Role::from_word(word).ok_or_else(|| StoreError::Unreadable {
        table: "members",
        column: "role",
        id: id.to_owned(),
        reason: word.to_owned(),
    })
}

impl Store {
    /// The workspaces that a user belongs to, the first joined first.
    ///
    /// # Errors
    /// The database is not available, or a role cannot be read.
    pub async fn memberships(&self, user_id: &str) -> Result<Vec<Membership>, StoreError> {
        let found = fetch_all!(
            self.db(),
            (String, String, String, String),
            "SELECT m.workspace_id, w.name, w.plan, m.role FROM members AS m JOIN workspaces AS w ON w.id = m.workspace_id WHERE m.user_id = $1 ORDER BY m.created_at, m.workspace_id",
            user_id
        )?;
        let read = |(workspace_id, workspace, plan, word): (String, String, String, String)| {
            Ok(Membership { role: role(user_id, &word)?, workspace_id, workspace, plan })
        };
        found.into_iter().map(read).collect()
    }

    /// A page of a workspace's members, the first joined first, and how many there are in all.
    ///
    /// # Errors
    /// The database is not available, or a role cannot be read.
    pub async fn members(&self, workspace_id: &str, limit: i64, offset: i64) -> Result<(Vec<Member>, i64), StoreError> {
        let (total,) = fetch_one!(
            self.db(),
            (i64,),
            "SELECT CAST(COUNT(*) AS BIGINT) FROM members WHERE workspace_id = $1",
            workspace_id
        )?;
        let found = fetch_all!(
            self.db(),
            MemberRow,
            "SELECT u.id, u.name, u.email, u.phone, m.role, m.created_at FROM members AS m JOIN users AS u ON u.id = m.user_id WHERE m.workspace_id = $1 ORDER BY m.created_at, m.user_id LIMIT $2 OFFSET $3",
            workspace_id,
            limit,
            offset
        )?;
        Ok((found.into_iter().map(MemberRow::read).collect::<Result<_, _>>()?, total))
    }

    /// One member of a workspace.
    ///
    /// # Errors
    /// The database is not available, or the role cannot be read.
    pub async fn member(&self, workspace_id: &str, user_id: &str) -> Result<Option<Member>, StoreError> {
        fetch_optional!(
            self.db(),
            MemberRow,
            "SELECT u.id, u.name, u.email, u.phone, m.role, m.created_at FROM members AS m JOIN users AS u ON u.id = m.user_id WHERE m.workspace_id = $1 AND m.user_id = $2",
            workspace_id,
            user_id
        )?
        .map(MemberRow::read)
        .transpose()
    }

    /// Makes a user a member, or gives a member this role, for the operator: the last owner is the operator's to judge.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn put_member(&self, workspace_id: &str, user_id: &str, role: Role) -> Result<(), StoreError> {
        execute!(
            self.db(),
            "INSERT INTO members (workspace_id, user_id, role, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (workspace_id, user_id) DO UPDATE SET role = excluded.role",
            workspace_id,
            user_id,
            role.as_str(),
            self.clock().now()
        )
        .map(|_| ())
    }

    /// Gives a member who is `from` another role, or none: then they are removed. The last owner stays one.
    ///
    /// # Errors
    /// The database is not available; nothing was changed.
    pub async fn change_member(
        &self,
        workspace_id: &str,
        user_id: &str,
        from: Role,
        to: Option<Role>,
    ) -> Result<MemberChange, StoreError> {
        let mut tx = Transaction::begin(self.db()).await?;
        // Two owners who demote each other at once would leave none: changes of one workspace come one after the other.
        run!(&mut tx, "UPDATE workspaces SET name = name WHERE id = $1", workspace_id)?;
        if from == Role::Owner && to != Some(Role::Owner) {
            let others = rows!(
                &mut tx,
                (String,),
                "SELECT user_id FROM members WHERE workspace_id = $1 AND role = 'owner' AND user_id <> $2 LIMIT 1",
                workspace_id,
                user_id
            )?;
            if others.is_empty() {
                return Ok(MemberChange::LastOwner);
            }
        }
        let touched = match to {
            Some(to) => run!(
                &mut tx,
                "UPDATE members SET role = $4 WHERE workspace_id = $1 AND user_id = $2 AND role = $3",
                workspace_id,
                user_id,
                from.as_str(),
                to.as_str()
            )?,
            None => run!(
                &mut tx,
                "DELETE FROM members WHERE workspace_id = $1 AND user_id = $2 AND role = $3",
                workspace_id,
                user_id,
                from.as_str()
            )?,
        };
        if touched == 0 {
            return Ok(MemberChange::Unknown);
        }
        self.tell_and_commit(tx, workspace_id, Vec::new()).await?;
        Ok(MemberChange::Done)
    }
}
