//! Users: the people who work here, whichever workspaces they belong to.

/// Longest display name, in characters.
pub const LONGEST_NAME: usize = 200;
/// Fewest and most characters of a password.
pub const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 8..=512;

/// A person who can sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// UUID.
    pub id: String,
    /// Email address, lower case.
    pub email: Option<String>,
    /// Phone number in E.164.
    pub phone: Option<String>,
    /// Display name.
    pub name: String,
    /// Unix milliseconds.
    pub created_at: i64,
}

/// Whether somebody may be called so: something, without blanks at its ends and without control characters.
#[must_use]
pub fn is_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.chars().count())
        && name.trim().len() == name.len()
        && !name.chars().any(char::is_control)
}

/// Whether it may be a password. Long ones are good, and nothing else is asked of them.
#[must_use]
pub fn is_password(text: &str) -> bool {
    PASSWORD_LENGTH.contains(&text.chars().count()) && !text.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::{is_name, is_password};

    #[test]
    fn names_and_passwords_have_bounds() {
        for (name, good) in [("Jane Doe", true), ("", false), (" Jane", false), ("a\nb", false)] {
            assert_eq!(is_name(name), good, "{name:?}");
        }
        assert!(!is_name(&"a".repeat(201)));
        let long = "a".repeat(513);
        for (password, good) in [("12345678", true), ("1234567", false), ("12345678\0", false), (long.as_str(), false)]
        {
            assert_eq!(is_password(password), good, "{password:?}");
        }
    }
}
