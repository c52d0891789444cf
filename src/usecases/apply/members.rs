//! The people of a workspace as the file wants them: read, and held against what is stored.

use switchboard_channels::contract::credentials::Secret;

use crate::domain::contacts;
use crate::domain::errors::FieldProblem;
use crate::domain::members::Role;
use crate::domain::users::{self, User};
use crate::store::StoreError;
use crate::store::users::StoredUser;

use super::fields::Fields;
use super::planning::{Context, Planning};
use super::writing::{MemberWrite, Write};

/// A member as the file wants them.
pub struct Member {
    pub path: String,
    /// Lower case.
    pub email: String,
    /// None: as it is, or what stands before the `@`.
    pub name: Option<String>,
    pub role: Role,
    /// None: as it is.
    pub password: Option<Secret>,
    /// E.164; none: as it is.
    pub phone: Option<String>,
}

/// Reads a member's table.
pub fn read(mut table: Fields, problems: &mut Vec<FieldProblem>) -> Member {
    let path = table.path("").trim_end_matches('.').to_owned();
    let mut told = |field: &str, expected: &str| problems.push(FieldProblem::new(format!("{path}.{field}"), expected));
    let mut quiet = Vec::new();
    let email = table.optional_text("email", &mut quiet);
    let email = email.as_deref().and_then(contacts::email).unwrap_or_else(|| {
        told("email", "an email address");
        String::new()
    });
    let name = table.optional_text("name", &mut quiet);
    if name.as_deref().is_some_and(|name| !users::is_name(name)) {
        told("name", "a name of 1 to 200 characters, without blanks at its ends");
    }
    let word = table.optional_text("role", &mut quiet).unwrap_or_else(|| "agent".to_owned());
    let role = Role::from_word(&word).unwrap_or_else(|| {
        told("role", "owner, admin, agent or viewer");
        Role::Viewer
    });
    let password = table.optional_text("password", &mut quiet);
    if password.as_deref().is_some_and(|password| !users::is_password(password)) {
        told("password", "8 to 512 characters, or nothing to leave it as it is");
    }
    let given = table.optional_text("phone", &mut quiet);
    let phone = given.as_deref().and_then(contacts::phone);
    if given.is_some() && phone.is_none() {
        told("phone", "a phone number in E.164, such as +14155551234");
    }
    problems.extend(quiet);
    table.finish(problems);
    Member { path, email, name, role, password: password.map(Secret::new), phone }
}

impl Planning<'_> {
    /// Holds a member against what is stored.
    pub(super) async fn member(&mut self, context: &Context, wanted: Member) -> Result<(), StoreError> {
        let stored = self.store.user_by_email(&wanted.email).await?;
        let member = match &stored {
            Some(stored) => self.store.member(&context.id, &stored.user.id).await?,
            None => None,
        };
        if let Some(phone) = &wanted.phone
            && let Some(holder) = self.store.user_by_phone(phone).await?
            && stored.as_ref().is_none_or(|stored| stored.user.id != holder.user.id)
        {
            let expected = "a phone number that no other user has";
            self.problems.push(FieldProblem::new(format!("{}.phone", wanted.path), expected));
        }
        let kept = stored.as_ref().and_then(|stored| stored.password.clone());
        let (password, new_password) = self.password(&wanted, kept).await?;
        let before = stored.as_ref().map(|stored| &stored.user);
        let now = self.store.clock().now();
        let name = wanted.name.or_else(|| before.map(|user| user.name.clone()));
        let user = User {
            id: before.map_or_else(|| self.store.clock().id(), |user| user.id.clone()),
            phone: wanted.phone.or_else(|| before.and_then(|user| user.phone.clone())),
            name: name.unwrap_or_else(|| wanted.email.split('@').next().unwrap_or_default().to_owned()),
            email: Some(wanted.email),
            created_at: before.map_or(now, |user| user.created_at),
        };
        let fields = [
            ("name", before.is_some_and(|before| before.name != user.name)),
            ("phone", before.is_some_and(|before| before.phone != user.phone)),
            ("password", new_password && before.is_some()),
            ("role", member.as_ref().is_some_and(|member| member.role != wanted.role)),
        ];
        let what = format!("member {} / {}", context.name, user.email.as_deref().unwrap_or_default());
        if self.compare(member.is_none(), what, &fields) {
            let tokens_from = if new_password { now } else { stored.map_or(0, |stored| stored.tokens_from) };
            let user = StoredUser { user, password, tokens_from };
            self.plan.writes.push(Write::Member(Box::new(MemberWrite {
                workspace_id: context.id.clone(),
                user,
                role: wanted.role,
            })));
        }
        Ok(())
    }

    /// What is kept of the wanted password, and whether it is another one.
    async fn password(&self, wanted: &Member, kept: Option<String>) -> Result<(Option<String>, bool), StoreError> {
        let Some(password) = &wanted.password else { return Ok((kept, false)) };
        let unhashed = |error: crate::usecases::passwords::Unhashed| StoreError::Options(error.to_string());
        if kept.is_some() && self.passwords.is(password.reveal(), kept.as_deref()).await.map_err(unhashed)? {
            return Ok((kept, false));
        }
        Ok((Some(self.passwords.hash(password.reveal()).await.map_err(unhashed)?), true))
    }
}
