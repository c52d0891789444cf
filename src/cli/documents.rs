//! Documents that the binary writes about itself.

use std::fmt::Write as _;

use crate::domain::errors::Code;

/// The table of error codes as Markdown.
pub fn errors() -> String {
    let mut page = "# Errors\n\nEvery failure of the API names a stable `code` from this table, with the HTTP status beside it. The page is printed by\n`switchboard errors`.\n\n| code | status | meaning |\n|---|---|---|\n".to_owned();
    for code in Code::ALL {
        let _ = writeln!(page, "| `{}` | {} | {} |", code.as_str(), code.status(), code.meaning());
    }
    page
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_code_has_its_row() {
        let page = super::errors();
        assert_eq!(page.matches("\n| `").count(), crate::domain::errors::Code::ALL.len());
        assert!(page.contains("\n| `WINDOW_CLOSED` | 409 | "));
    }
}
