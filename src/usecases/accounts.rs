//! People make an account, sign in and out, and change their password.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::Switchboard;
use super::authenticating::Person;
use super::channels::api_channel;
use super::directory::Standing;
use super::once;
use super::passwords::Unhashed;
use super::throttling::{Rate, TooOften, place};
use crate::domain::api_keys;
use crate::domain::audit::{Action, Deed};
use crate::domain::members::Role;
use crate::domain::users::User;
use crate::domain::workspaces::Workspace;
use crate::store::StoreError;
use crate::store::idempotency::Unwritten;
use crate::store::sessions::NewSession;
use crate::store::users::{Founder, StoredUser};
use crate::telemetry::chance;

/// How long a session lasts, in milliseconds: thirty days.
const SESSION_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
/// The plan of a workspace that its owner makes.
pub const FIRST_PLAN: &str = "free";
/// Tries to sign in, for one account from anywhere.
const SIGN_IN_ACCOUNT: Rate = Rate { burst: 10, every_ms: 60_000 };
/// Tries to sign in, from one place for any account.
const SIGN_IN_PLACE: Rate = Rate { burst: 30, every_ms: 10_000 };
/// Accounts and acceptances from one place.
const SIGN_UP_PLACE: Rate = Rate { burst: 10, every_ms: 5 * 60_000 };

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUp {
    /// Everybody.
    Open,
    /// The first one, and then who was invited.
    Invited,
    /// Nobody; who was invited may still accept.
    Closed,
}

/// From where somebody asks.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The address.
    pub ip: IpAddr,
    /// What the client calls itself.
    pub client: String,
}

/// An account to make.
#[derive(Debug)]
pub struct NewAccount {
    /// Lower case.
    pub email: String,
    /// As typed.
    pub password: String,
    /// Display name.
    pub name: String,
    /// Name of the first workspace; none: one is made up.
    pub workspace_name: Option<String>,
}

/// An open session: its token is told this once.
#[derive(Debug)]
pub struct Opened {
    /// The token.
    pub token: String,
    /// The user with their workspaces.
    pub standing: Arc<Standing>,
    /// When it runs out, Unix milliseconds.
    pub expires_at: i64,
}

/// Why somebody was not let in. Nothing was made.
#[derive(Debug)]
pub enum NotIn {
    /// Too many tries.
    TooOften(TooOften),
    /// Address and password do not belong together.
    Wrong,
    /// Accounts are not made like this here.
    Closed,
    /// Something that must be unique is taken, in words.
    Taken(&'static str),
    /// The idempotency key was used for something else.
    KeyMismatch,
    /// Not now.
    Unavailable(String),
}

impl From<StoreError> for NotIn {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<Unhashed> for NotIn {
    fn from(error: Unhashed) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<TooOften> for NotIn {
    fn from(error: TooOften) -> Self {
        Self::TooOften(error)
    }
}

impl Switchboard {
    /// Makes an account with a workspace of its own, and signs it in.
    ///
    /// # Errors
    /// See [`NotIn`].
    pub async fn sign_up(&self, wanted: NewAccount, origin: &Origin) -> Result<Opened, NotIn> {
        self.count_sign_up(origin)?;
        let open = match self.options.sign_up {
            SignUp::Open => true,
            SignUp::Invited => !self.store.has_users().await?,
            SignUp::Closed => false,
        };
        if !open {
            return Err(NotIn::Closed);
        }
        let password = self.passwords.hash(&wanted.password).await?;
        let user = self.new_user(wanted.email, wanted.name, Some(password));
        let named = wanted.workspace_name.is_some();
        let mut name = wanted.workspace_name.unwrap_or_else(|| format!("{}'s workspace", user.user.name));
        let mut made = self.found(&name, Founder::New(&user), None).await;
        if matches!(made, Err(NotIn::Taken(NAME_TAKEN))) && !named {
            name = format!("{name} {}", chance::below(1_000_000_000));
            made = self.found(&name, Founder::New(&user), None).await;
        }
        let (workspace_id, _) = made?;
        self.note(&Deed {
            workspace_id: Some(workspace_id),
            actor: Some(format!("user:{}", user.user.id)),
            actor_name: Some(user.user.name.clone()),
            action: Action::SignedUp,
            target: Some(user.user.id.clone()),
            ip: Some(origin.ip.to_string()),
            detail: json!({}),
        })
        .await;
        self.open(&user.user.id, origin).await
    }

    /// Signs somebody in by address and password.
    ///
    /// # Errors
    /// See [`NotIn`].
    pub async fn sign_in(&self, email: &str, password: &str, origin: &Origin) -> Result<Opened, NotIn> {
        self.count_sign_in(email, origin)?;
        let found = self.store.user_by_email(email).await?;
        let kept = found.as_ref().and_then(|found| found.password.as_deref());
        let right = self.passwords.is(password, kept).await?;
        let action = if right { Action::SignedIn } else { Action::SignInFailed };
        self.note_person(found.as_ref().map(|found| &found.user), action, origin).await;
        match found {
            Some(found) if right => self.open(&found.user.id, origin).await,
            _ => Err(NotIn::Wrong),
        }
    }

    /// Counts a try with somebody's password.
    pub(super) fn count_sign_in(&self, email: &str, origin: &Origin) -> Result<(), TooOften> {
        let now = self.now();
        self.throttle.take("sign-in place", &place(origin.ip), SIGN_IN_PLACE, now)?;
        self.throttle.take("sign-in account", email, SIGN_IN_ACCOUNT, now)
    }

    /// Counts an account that is made.
    pub(super) fn count_sign_up(&self, origin: &Origin) -> Result<(), TooOften> {
        self.throttle.take("sign-up place", &place(origin.ip), SIGN_UP_PLACE, self.now())
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The store could not be written.
    pub async fn sign_out(&self, person: &Person, origin: &Origin) -> Result<(), StoreError> {
        let Some(hash) = &person.session else { return Ok(()) };
        self.store.close_session(hash).await?;
        self.directory.forget_session(hash);
        self.note_person(Some(&person.standing.user), Action::SignedOut, origin).await;
        Ok(())
    }

    /// Changes a person's password. Their other sessions and all their access tokens end.
    ///
    /// # Errors
    /// See [`NotIn`]; `Wrong`: the current password is another one.
    pub async fn change_password(
        &self,
        person: &Person,
        current: &str,
        wanted: &str,
        origin: &Origin,
    ) -> Result<(), NotIn> {
        let user = &person.standing.user;
        self.count_sign_in(&user.id, origin)?;
        let stored = self.store.user(&user.id).await?.ok_or(NotIn::Wrong)?;
        if stored.password.is_some() && !self.passwords.is(current, stored.password.as_deref()).await? {
            self.note_person(Some(user), Action::SignInFailed, origin).await;
            return Err(NotIn::Wrong);
        }
        let password = self.passwords.hash(wanted).await?;
        self.store.set_password(&user.id, &password, person.session.as_deref()).await?;
        self.directory.forget_person(&user.id);
        self.note_person(Some(user), Action::PasswordChanged, origin).await;
        Ok(())
    }

    /// Makes a workspace of a user's own, once for each idempotency key. Gives its id, and whether the key had made it
    /// before.
    ///
    /// # Errors
    /// See [`NotIn`]; `Closed`: only who owns a workspace already may make another here.
    pub async fn make_workspace(
        &self,
        person: &Person,
        name: &str,
        under: Option<String>,
    ) -> Result<(String, bool), NotIn> {
        let owns = person.standing.memberships.iter().any(|one| one.role == Role::Owner);
        if self.options.sign_up != SignUp::Open && !owns {
            return Err(NotIn::Closed);
        }
        let made = self.found(name, Founder::Known(&person.standing.user.id), under).await?;
        self.directory.forget_person(&person.standing.user.id);
        Ok(made)
    }

    async fn found(&self, name: &str, founder: Founder<'_>, under: Option<String>) -> Result<(String, bool), NotIn> {
        let clock = self.store.clock();
        let workspace =
            Workspace { id: clock.id(), name: name.to_owned(), plan: FIRST_PLAN.to_owned(), created_at: clock.now() };
        let channel = api_channel(clock.id(), workspace.id.clone());
        let under = once::under(under, "workspace", &name, &workspace.id);
        match self.store.found_workspace(&workspace, &channel, founder, under.as_ref()).await {
            Ok(None) => Ok((workspace.id, false)),
            Ok(Some(earlier)) => match once::repeated(under.as_ref(), Unwritten::Repeated(earlier)) {
                Ok(earlier) => Ok((earlier, true)),
                Err(_) => Err(NotIn::KeyMismatch),
            },
            Err(error) if error.is_taken() => match self.store.workspace_named(name).await? {
                Some(_) => Err(NotIn::Taken(NAME_TAKEN)),
                None => Err(NotIn::Taken("there is an account with this email address; sign in")),
            },
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn new_user(&self, email: String, name: String, password: Option<String>) -> StoredUser {
        let clock = self.store.clock();
        let user = User { id: clock.id(), email: Some(email), phone: None, name, created_at: clock.now() };
        StoredUser { user, password, tokens_from: 0 }
    }

    /// Opens a session of a user.
    pub(super) async fn open(&self, user_id: &str, origin: &Origin) -> Result<Opened, NotIn> {
        let random = chance::bytes::<32>().map_err(|error| NotIn::Unavailable(error.to_string()))?;
        let token = URL_SAFE_NO_PAD.encode(random);
        let expires_at = self.now() + SESSION_MS;
        let session = NewSession {
            hash: api_keys::hash(&token),
            user_id: user_id.to_owned(),
            expires_at,
            ip: origin.ip.to_string(),
            client: origin.client.clone(),
        };
        self.store.open_session(&session).await?;
        self.directory.forget_person(user_id);
        let standing = self.directory.standing(user_id).await?;
        let standing = standing.ok_or_else(|| NotIn::Unavailable("the user is gone".to_owned()))?;
        Ok(Opened { token, standing, expires_at })
    }

    /// Writes down what a person did, or was tried in their name, in the log of each of their workspaces. For nobody
    /// known it writes as much, so that the time tells nothing.
    pub(super) async fn note_person(&self, user: Option<&User>, action: Action, origin: &Origin) {
        let id = user.map(|user| user.id.as_str()).unwrap_or_default();
        let memberships = self.store.memberships(id).await.unwrap_or_default();
        let mut workspaces: Vec<Option<String>> = memberships.into_iter().map(|one| Some(one.workspace_id)).collect();
        if workspaces.is_empty() {
            workspaces.push(None);
        }
        for workspace_id in workspaces {
            self.note(&Deed {
                workspace_id,
                actor: user.map(|user| format!("user:{}", user.id)),
                actor_name: user.map(|user| user.name.clone()),
                action,
                target: user.map(|user| user.id.clone()),
                ip: Some(origin.ip.to_string()),
                detail: json!({}),
            })
            .await;
        }
    }

    /// Writes a deed down. It is done already, so a log that cannot be written is told to the operator.
    pub async fn note(&self, deed: &Deed) {
        if let Err(error) = self.store.add_deed(deed).await {
            tracing::error!(action = deed.action.as_str(), %error, "the audit log could not be written");
        }
    }
}

/// A workspace's name is another's.
const NAME_TAKEN: &str = "another workspace has this name";
