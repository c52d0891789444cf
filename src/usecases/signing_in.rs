//! A visitor of a web page signs in: the site says who they are, and its signature proves that the site says it.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Switchboard;
use super::directory::Account;
use super::visiting::Unvisited;
use crate::domain::contacts::{email, phone};
use crate::domain::principals::Visitor;
use crate::store::signing_in::{SignIn, SignedIn};

/// A user of the site, as the site's page names them.
#[derive(Debug, Clone)]
pub struct SiteUser {
    /// The site's id of them.
    pub id: String,
    /// HMAC-SHA256 of the id under the widget's `identity_secret`, lower-case hex.
    pub hash: String,
    /// Display name.
    pub name: Option<String>,
    /// Email address.
    pub email: Option<String>,
    /// Phone number.
    pub phone: Option<String>,
}

/// Why a visitor's session was not opened. Nothing was made.
#[derive(Debug)]
pub enum Unopened {
    /// The site's signature does not prove who its user is.
    WrongHash,
    /// Nobody may visit.
    Unvisited(Unvisited),
}

impl<E: Into<Unvisited>> From<E> for Unopened {
    fn from(error: E) -> Self {
        Self::Unvisited(error.into())
    }
}

impl Switchboard {
    /// Makes the visitor's contact that of the site's user. A visitor who is somebody else already stays who they are,
    /// and the user gets a visitor of their own, which is given back.
    pub(super) async fn sign_visitor_in(
        &self,
        account: &Account,
        visitor: Visitor,
        user: &SiteUser,
    ) -> Result<Visitor, Unopened> {
        let channel = &account.channel;
        let secret = channel.settings.get("identity_secret").and_then(serde_json::Value::as_str);
        if !secret.is_some_and(|secret| is_signed(secret, user)) {
            return Err(Unopened::WrongHash);
        }
        let mut asked = SignIn {
            workspace_id: channel.workspace_id.clone(),
            channel_id: channel.id.clone(),
            visitor_id: visitor.visitor_id.clone(),
            external_id: user.id.clone(),
            name: user.name.as_deref().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned),
            phone: user.phone.as_deref().and_then(phone),
            email: user.email.as_deref().and_then(email),
            evidence: format!("signed in at the widget {} as the site's user {}", channel.name, user.id),
            rules: self.store.merge_rules(&channel.workspace_id).await?,
        };
        if self.store.sign_in(&asked).await? == SignedIn::Joined {
            return Ok(visitor);
        }
        asked.visitor_id = self.store.clock().id();
        match self.store.sign_in(&asked).await? {
            SignedIn::Joined => Ok(Visitor { visitor_id: asked.visitor_id, ..visitor }),
            SignedIn::SomebodyElse => Err(Unvisited::Unavailable("a new visitor is somebody else".to_owned()).into()),
        }
    }
}

fn is_signed(secret: &str, user: &SiteUser) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    mac.update(user.id.as_bytes());
    hex::decode(&user.hash).is_ok_and(|hash| mac.verify_slice(&hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::{SiteUser, is_signed};

    #[test]
    fn only_the_sites_own_hash_proves_a_user() {
        // The expected value is OpenSSL's: printf %s customer-42 | openssl dgst -sha256 -hmac 'a secret of the site'
        let good = "a94f9dcd9d56740294a4701c7908d676f047ee373d419d28e916c6c7a762acca";
        let user = |id: &str, hash: &str| SiteUser {
            id: id.to_owned(),
            hash: hash.to_owned(),
            name: None,
            email: None,
            phone: None,
        };
        let secret = "a secret of the site";
        assert!(is_signed(secret, &user("customer-42", good)));
        let cut = good.strip_suffix("ca").unwrap();
        let cases = [("customer-43", good), ("customer-42", cut), ("customer-42", ""), ("customer-42", "no hex")];
        for (id, hash) in cases {
            assert!(!is_signed(secret, &user(id, hash)), "{id} {hash}");
        }
        assert!(!is_signed("another secret of it", &user("customer-42", good)));
    }
}
