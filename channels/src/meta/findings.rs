//! What a refused question means for the person who sets a channel up, where the vendor's code tells more than the class
//! of the refusal. It judges no answer that is none.

use crate::contract::failure::Failure;
use crate::contract::vendor::Finding;

/// A refusal as a finding. `renew` says where a token is made and which permissions it needs.
pub(crate) fn refused(failure: &Failure, renew: &str) -> Finding {
    let usual = Finding::of(failure);
    let stated = failure.vendor_code.as_deref().unwrap_or_default();
    let code = stated.split('/').next().and_then(|code| code.parse::<i64>().ok());
    let (what, remedy) = match code {
        Some(190) => (
            "The access token is wrong, has expired or was withdrawn.",
            format!("Make a new token: {renew} Then set access_token to it and test again."),
        ),
        Some(3 | 10 | 200..=299) => (
            "The access token lacks a permission (scope).",
            format!("Make a token that has it: {renew} Then set access_token to it and test again."),
        ),
        Some(100) if stated == "100/33" => (
            "The id in the settings is not the vendor's, or the token's user has no access to it.",
            format!("Compare the ids with those that the vendor shows. If they agree, make a token anew: {renew}"),
        ),
        _ => return usual,
    };
    let words = failure.vendor_message.as_ref().map(|words| format!(" The vendor says: {words}"));
    Finding {
        ok: false,
        what: format!("{what} (its code {stated}){}", words.unwrap_or_default()),
        remedy: Some(remedy),
    }
}
