//! A workspace's people: invited, joined, given another role, removed. Nobody gives or takes more than they have.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use switchboard_channels::contract::content::{Content, Email};
use switchboard_channels::contract::peer::{Identity, IdentityKind};

use super::Switchboard;
use super::accounts::{NotIn, Opened, Origin};
use super::authenticating::Person;
use super::carrying::{Carried, Word};
use super::once::{self, Refused};
use crate::domain::api_keys;
use crate::domain::audit::Action;
use crate::domain::changes::Idempotency;
use crate::domain::jobs::{Job, NewJob, Verdict, Work, backoff_ms};
use crate::domain::members::{Invitation, Member, Role};
use crate::domain::principals::Principal;
use crate::net::Client;
use crate::store::StoreError;
use crate::store::idempotency::Unwritten;
use crate::store::members::MemberChange;
use crate::telemetry::chance;

/// How long an invitation is good, in milliseconds: seven days.
const INVITED_FOR_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// Why nothing was changed.
#[derive(Debug)]
pub enum Unmoved {
    /// There is no such member or invitation in this workspace.
    Unknown,
    /// It takes more than the caller has.
    Beyond,
    /// They are the only owner.
    LastOwner,
    /// The idempotency key was used for something else.
    KeyMismatch,
    /// Not now.
    Store(StoreError),
}

impl From<StoreError> for Unmoved {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Refused> for Unmoved {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::KeyMismatch => Self::KeyMismatch,
            Refused::Store(error) => Self::Store(error),
            Refused::Unknown | Refused::Gone | Refused::Fields(_) => Self::Unknown,
        }
    }
}

/// What is told of an invitation when it is made, and not again.
#[derive(Debug)]
pub struct Told {
    /// What accepts it.
    pub token: String,
    /// Whether a mail brings it.
    pub mailed: bool,
}

/// Who accepts an invitation.
#[derive(Debug)]
pub struct Acceptance {
    /// The invitation's token.
    pub token: String,
    /// A new user's password, or the one that a known user has.
    pub password: Option<String>,
    /// A new user's name.
    pub name: Option<String>,
}

/// Why an invitation was not accepted.
#[derive(Debug)]
pub enum Unaccepted {
    /// There is no such invitation, or it was accepted, withdrawn or has run out.
    Unknown,
    /// The address is a user's who did not prove to be it.
    NotThem,
    /// A new user needs a password.
    NeedsPassword,
    /// Everything else.
    NotIn(NotIn),
}

impl<E: Into<NotIn>> From<E> for Unaccepted {
    fn from(error: E) -> Self {
        Self::NotIn(error.into())
    }
}

impl Switchboard {
    /// Gives a member another role, or removes them.
    ///
    /// # Errors
    /// See [`Unmoved`].
    pub async fn move_member(&self, caller: &Principal, user_id: &str, to: Option<Role>) -> Result<Member, Unmoved> {
        let member = self.store.member(&caller.workspace_id, user_id).await?.ok_or(Unmoved::Unknown)?;
        let may = |role: Role| caller.permissions.has_all(role.permissions());
        if !may(member.role) || !to.is_none_or(may) {
            return Err(Unmoved::Beyond);
        }
        match self.store.change_member(&caller.workspace_id, user_id, member.role, to).await? {
            MemberChange::Done => {
                self.directory.forget_person(user_id);
                Ok(Member { role: to.unwrap_or(member.role), ..member })
            }
            MemberChange::Unknown => Err(Unmoved::Unknown),
            MemberChange::LastOwner => Err(Unmoved::LastOwner),
        }
    }

    /// Invites somebody, once for each idempotency key. Gives the invitation with what is told this once: a repetition
    /// gives the invitation alone.
    ///
    /// # Errors
    /// See [`Unmoved`].
    pub async fn invite(
        &self,
        caller: &Principal,
        email: String,
        role: Role,
        under: Option<String>,
    ) -> Result<(Invitation, Option<Told>), Unmoved> {
        let id = self.store.clock().id();
        let under = once::under(under, "invitation", &(&email, role), &id);
        let earlier = match self.made_under(&caller.workspace_id, under.as_ref()).await? {
            Some(earlier) => earlier,
            None => {
                if !caller.permissions.has_all(role.permissions()) {
                    return Err(Unmoved::Beyond);
                }
                let now = self.now();
                let invitation = Invitation {
                    id,
                    workspace_id: caller.workspace_id.clone(),
                    email,
                    role,
                    invited_by: caller.name.clone(),
                    created_at: now,
                    expires_at: now + INVITED_FOR_MS,
                    accepted_at: None,
                };
                match self.add_invitation(&invitation, under.as_ref()).await? {
                    Ok(told) => return Ok((invitation, Some(told))),
                    Err(earlier) => once::repeated(under.as_ref(), Unwritten::Repeated(earlier))?,
                }
            }
        };
        let found = self.store.invitation(&caller.workspace_id, &earlier).await?;
        found.map(|invitation| (invitation, None)).ok_or(Unmoved::Unknown)
    }

    /// Stores an invitation with the job of its mail, where there is a way for one; or gives what its key made before.
    async fn add_invitation(
        &self,
        invitation: &Invitation,
        under: Option<&Idempotency>,
    ) -> Result<Result<Told, Idempotency>, StoreError> {
        let random = chance::bytes::<32>().map_err(|error| StoreError::Options(error.to_string()))?;
        let token = URL_SAFE_NO_PAD.encode(random);
        let word = self.word_of(invitation, &token).await?;
        let to = Identity::new(IdentityKind::Email, invitation.email.clone());
        let mailed = self.can_carry(&invitation.workspace_id, &to, &word).await.map_err(StoreError::Options)?;
        let mail = mailed.then(|| {
            let job = NewJob {
                id: self.store.clock().id(),
                lane: String::new(),
                work: Work::Invite { invitation_id: invitation.id.clone() },
                run_at: invitation.created_at,
                cargo: None,
            };
            (token.as_str(), job)
        });
        let earlier = self.store.add_invitation(invitation, &api_keys::hash(&token), mail, under).await?;
        Ok(earlier.map_or(Ok(Told { token, mailed }), Err))
    }

    async fn word_of(&self, invitation: &Invitation, token: &str) -> Result<Word, StoreError> {
        let workspace = self.store.workspace(&invitation.workspace_id).await?;
        let workspace = workspace.map(|(workspace, _)| workspace.name).unwrap_or_default();
        let place = self.options.public_url.as_deref().unwrap_or_default();
        let text = format!(
            "{} invites you to {workspace}.\n\nAccept with this token within seven days, at {place}/api/invitations/accept:\n\n{token}\n\nIf you do not know them, do nothing.",
            invitation.invited_by
        );
        let mail = Email { subject: Some(format!("Invitation to {workspace}")), text, ..Email::default() };
        Ok(Word { plain: Content::Email(mail), template: None })
    }

    /// Runs an invitation's job: brings its token by mail.
    pub async fn carry_invitation(&self, job: &Job, invitation_id: &str, client: &Client) -> Verdict {
        let again =
            |reason: String| Verdict::Retry { after_ms: backoff_ms(job.attempts, chance::below(1_000)), reason };
        let unsent = match self.store.unsent_invitation(&job.workspace_id, invitation_id).await {
            Ok(Some(unsent)) => unsent,
            Ok(None) => return Verdict::Drop,
            Err(error) => return again(error.to_string()),
        };
        let (invitation, token) = unsent;
        let word = match self.word_of(&invitation, &token).await {
            Ok(word) => word,
            Err(error) => return again(error.to_string()),
        };
        let to = Identity::new(IdentityKind::Email, invitation.email);
        let carried = self.carry(&job.workspace_id, invitation_id, &to, &word, client).await;
        match carried {
            Carried::Later(reason) => return again(reason),
            Carried::NoWay => tracing::warn!(invitation_id, "an invitation's mail has no way out"),
            Carried::Sent => {}
        }
        match self.store.invitation_sent(&job.workspace_id, invitation_id).await {
            Ok(()) => Verdict::Drop,
            Err(error) => again(error.to_string()),
        }
    }

    /// Accepts an invitation and signs its person in. Who is a user already proves it: by their session, or by their
    /// password. The inviter, who knows the token as well, could be them otherwise.
    ///
    /// # Errors
    /// See [`Unaccepted`].
    pub async fn accept_invitation(
        &self,
        acceptance: Acceptance,
        signed_in: Option<&Person>,
        origin: &Origin,
    ) -> Result<(Invitation, Opened), Unaccepted> {
        self.count_sign_up(origin)?;
        let found = self.store.open_invitation(&api_keys::hash(&acceptance.token)).await?;
        let invitation = found.ok_or(Unaccepted::Unknown)?;
        let known = self.store.user_by_email(&invitation.email).await?;
        let (user, is_new) = match known {
            Some(known) => {
                let is_them = signed_in.is_some_and(|person| person.standing.user.id == known.user.id);
                if !is_them {
                    self.count_sign_in(&invitation.email, origin)?;
                    let password = acceptance.password.as_deref().unwrap_or_default();
                    if !self.passwords.is(password, known.password.as_deref()).await? {
                        self.note_person(Some(&known.user), Action::SignInFailed, origin).await;
                        return Err(Unaccepted::NotThem);
                    }
                }
                (known, false)
            }
            None => {
                let password = acceptance.password.as_deref().ok_or(Unaccepted::NeedsPassword)?;
                let password = self.passwords.hash(password).await?;
                let name = acceptance.name.unwrap_or_else(|| local_part(&invitation.email));
                (self.new_user(invitation.email.clone(), name, Some(password)), true)
            }
        };
        match self.store.accept_invitation(&invitation, &user, is_new).await {
            Ok(true) => Ok((invitation, self.open(&user.user.id, origin).await?)),
            Ok(false) => Err(Unaccepted::Unknown),
            Err(error) if error.is_taken() => Err(Unaccepted::NotThem),
            Err(error) => Err(error.into()),
        }
    }
}

/// What stands before the `@`.
fn local_part(email: &str) -> String {
    email.split('@').next().unwrap_or(email).to_owned()
}
