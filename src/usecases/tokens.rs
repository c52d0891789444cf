//! Access tokens: signed by this installation, good for a day, and only as long as their user still belongs to the
//! workspace.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use super::Switchboard;

/// How long a token is good, in seconds.
pub const LIFETIME_S: i64 = 86_400;
/// Whom tokens are for.
const AUDIENCE: &str = "switchboard";

/// What a token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Claims {
    /// The user.
    pub(super) sub: String,
    /// The workspace it was issued for.
    pub(super) ws: String,
    /// Whom it is for.
    aud: String,
    /// Until when it is good, Unix seconds.
    pub(super) exp: i64,
    /// When it was issued, Unix seconds.
    pub(super) iat: i64,
    /// Its id.
    jti: String,
}

/// Whether a bearer's text is a token rather than a key: a JSON object in base64 begins so, and no key of ours does.
#[must_use]
pub fn is_token(text: &str) -> bool {
    text.starts_with("eyJ") && text.bytes().filter(|byte| *byte == b'.').count() == 2
}

impl Switchboard {
    /// A new token of a user for a workspace.
    ///
    /// # Errors
    /// Why it could not be signed.
    pub(super) fn issue_token(&self, user_id: &str, workspace_id: &str) -> Result<String, String> {
        let iat = self.now() / 1_000;
        let claims = Claims {
            sub: user_id.to_owned(),
            ws: workspace_id.to_owned(),
            aud: AUDIENCE.to_owned(),
            exp: iat + LIFETIME_S,
            iat,
            jti: self.store.clock().id(),
        };
        let key = EncodingKey::from_secret(&self.options.access_key);
        encode(&Header::new(Algorithm::HS256), &claims, &key).map_err(|error| error.to_string())
    }

    /// What a token says that we have signed and that is still good.
    pub(super) fn claims(&self, token: &str) -> Option<Claims> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["exp", "aud", "sub"]);
        // The library would ask the system's clock; ours may be a test's.
        rules.validate_exp = false;
        let keys = [Some(self.options.access_key), self.options.previous_access_key].into_iter().flatten();
        let mut read = keys.filter_map(|key| decode::<Claims>(token, &DecodingKey::from_secret(&key), &rules).ok());
        read.next().map(|token| token.claims).filter(|claims| claims.exp > self.now() / 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::is_token;

    #[test]
    fn keys_are_no_tokens() {
        for (text, token) in [("eyJhbGciOi.e30.x", true), ("sb_eyJ.a.b", false), ("eyJhbGciOi", false), ("", false)] {
            assert_eq!(is_token(text), token, "{text}");
        }
    }
}
