//! Who is calling: a key, a session or an access token becomes one principal.

use std::sync::Arc;

use super::Switchboard;
use super::directory::Standing;
use super::tokens;
use crate::domain::api_keys;
use crate::domain::principals::{Actor, Principal};
use crate::store::StoreError;

/// The longest credential that is looked at, in bytes.
const LONGEST: usize = 2_048;

/// What a caller presents.
#[derive(Debug, Clone, Copy)]
pub enum Credential<'a> {
    /// Of `Authorization: Bearer`: an API key or an access token.
    Bearer(&'a str),
    /// The token of a session.
    Session(&'a str),
}

/// A user who is signed in, in whichever workspaces they belong to.
#[derive(Debug, Clone)]
pub struct Person {
    /// The user with their workspaces.
    pub standing: Arc<Standing>,
    /// The hash of the session; none with an access token.
    pub session: Option<String>,
    /// When it runs out, Unix milliseconds.
    pub expires_at: i64,
    /// The workspace that an access token was issued for.
    pub home: Option<String>,
}

/// Why nobody is known to call.
#[derive(Debug, thiserror::Error)]
pub enum Stranger {
    /// The credential is unknown, expired or revoked.
    #[error("the credential is unknown, expired or revoked")]
    Unknown,
    /// The user belongs to several workspaces and names none.
    #[error("the user belongs to several workspaces and names none")]
    WhichWorkspace,
    /// The workspace they name is none of theirs.
    #[error("the workspace is none of theirs")]
    ForeignWorkspace,
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Switchboard {
    /// Who presents this credential, in the workspace that they name: a member may name none who belongs to one only,
    /// or whose token was issued for one.
    ///
    /// # Errors
    /// See [`Stranger`].
    pub async fn authenticate(
        &self,
        credential: Credential<'_>,
        workspace_id: Option<&str>,
    ) -> Result<Arc<Principal>, Stranger> {
        if let Credential::Bearer(key) = credential
            && !tokens::is_token(key)
        {
            let principal = self.key_holder(key).await?.ok_or(Stranger::Unknown)?;
            let named = workspace_id.is_none_or(|id| id == principal.workspace_id);
            return if named { Ok(principal) } else { Err(Stranger::ForeignWorkspace) };
        }
        let person = self.person(credential).await?;
        let memberships = &person.standing.memberships;
        let membership = match (workspace_id.or(person.home.as_deref()), memberships.as_slice()) {
            (Some(id), all) => all.iter().find(|one| one.workspace_id == id).ok_or(Stranger::ForeignWorkspace)?,
            (None, [only]) => only,
            (None, _) => return Err(Stranger::WhichWorkspace),
        };
        Ok(Arc::new(Principal {
            workspace_id: membership.workspace_id.clone(),
            plan: membership.plan.clone(),
            actor: Actor::Member { user_id: person.standing.user.id.clone(), role: membership.role },
            name: person.standing.user.name.clone(),
            permissions: membership.role.permissions(),
        }))
    }

    /// Who presents this API key; none when it is unknown, expired or revoked.
    async fn key_holder(&self, key: &str) -> Result<Option<Arc<Principal>>, StoreError> {
        if key.len() < api_keys::SHORTEST || key.len() > LONGEST {
            return Ok(None);
        }
        // Only hashes are compared, by an index: the time tells nothing about a key that exists.
        self.directory.principal(&api_keys::hash(key)).await
    }

    /// The user who presents this session or access token. A key is no user's.
    ///
    /// # Errors
    /// See [`Stranger`].
    pub async fn person(&self, credential: Credential<'_>) -> Result<Person, Stranger> {
        let (user_id, session, expires_at, claims) = match credential {
            Credential::Session(token) | Credential::Bearer(token) if token.len() > LONGEST => {
                return Err(Stranger::Unknown);
            }
            Credential::Session(token) => {
                let hash = api_keys::hash(token);
                let found = self.directory.session(&hash).await?.filter(|found| found.expires_at > self.now());
                let found = found.ok_or(Stranger::Unknown)?;
                (found.user_id, Some(hash), found.expires_at, None)
            }
            Credential::Bearer(token) => {
                let claims = self.claims(token).ok_or(Stranger::Unknown)?;
                (claims.sub.clone(), None, claims.exp * 1_000, Some(claims))
            }
        };
        let standing = self.directory.standing(&user_id).await?.ok_or(Stranger::Unknown)?;
        // A password that was changed ends what was issued before, to the second, as tokens count in seconds.
        let void = claims.as_ref().is_some_and(|claims| claims.iat < standing.tokens_from / 1_000);
        let home = claims.map(|claims| claims.ws);
        let left = home.as_ref().is_some_and(|id| !standing.memberships.iter().any(|one| one.workspace_id == *id));
        if void || left {
            return Err(Stranger::Unknown);
        }
        Ok(Person { standing, session, expires_at, home })
    }
}
