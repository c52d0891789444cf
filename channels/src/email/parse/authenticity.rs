//! Whether the sender's domain vouches for a mail, as a server that we trust has judged. It looks up nothing.

use crate::email::Settings;
use crate::email::letter::Letter;

/// The judgement: the provider's own, else that of the trusted server's topmost `Authentication-Results`.
pub(super) fn verdict(settings: &Settings, letter: &Letter) -> Option<bool> {
    letter.vouched.or_else(|| {
        let trusted = settings.trusted_authserv.as_deref()?;
        // Senders write such headers, too; the trusted server's stands above all that came with the mail.
        let topmost = letter.header("authentication-results")?;
        let domain = letter.sender()?.rsplit_once('@')?.1.to_owned();
        results(topmost, trusted, &domain)
    })
}

fn results(value: &str, trusted: &str, domain: &str) -> Option<bool> {
    let value = without_comments(value).to_ascii_lowercase();
    let mut methods = value.split(';');
    let server = methods.next()?.split_whitespace().next()?;
    if !server.eq_ignore_ascii_case(trusted.trim()) {
        return None;
    }
    let mut judged = None;
    for method in methods {
        let words: Vec<&str> = method.split_whitespace().collect();
        let Some((name, result)) = words.first().and_then(|word| word.split_once('=')) else { continue };
        let property = |key: &str| {
            words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('=')).map(|of| of.trim_matches('"'))
        };
        let aligned = match name {
            "dmarc" => match result {
                "pass" => return Some(true),
                "fail" => return Some(false),
                _ => continue,
            },
            "dkim" => property("header.d").or_else(|| property("header.i")),
            "spf" => property("smtp.mailfrom"),
            _ => continue,
        };
        match result {
            "pass" if aligned.is_some_and(|of| is_aligned(of, domain)) => judged = Some(true),
            "fail" if judged.is_none() => judged = Some(false),
            _ => {}
        }
    }
    judged
}

/// Whether a domain that was proved speaks for the sender's: the same, or one above or below it.
pub(super) fn is_aligned(proved: &str, domain: &str) -> bool {
    let proved = proved.rsplit('@').next().unwrap_or(proved).trim().trim_matches('.').to_ascii_lowercase();
    let domain = domain.to_ascii_lowercase();
    let below = |lower: &str, upper: &str| lower.strip_suffix(upper).is_some_and(|rest| rest.ends_with('.'));
    proved.contains('.') && (proved == domain || below(&domain, &proved) || below(&proved, &domain))
}

fn without_comments(value: &str) -> String {
    let (mut depth, mut quoted) = (0_usize, false);
    let kept = value.chars().filter(|character| {
        match character {
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth > 0 => {
                depth -= 1;
                return false;
            }
            _ => {}
        }
        depth == 0
    });
    kept.collect()
}
