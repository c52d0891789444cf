//! Pairs: what is said for one database is said for the other. Migrations have equal names on both sides, and a test
//! of the store exists for both or not at all.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::source::Source;

/// The macro that makes one test for each database out of one body.
const BOTH: &str = "on_both_databases";

/// Migrations without their twin, or whose names are not `NNNN_name.sql` counted from 0001 without a gap.
pub fn check_migrations<'a>(paths: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
    let side = |name: &str| -> BTreeSet<&'a str> {
        paths
            .clone()
            .filter_map(|path| path.strip_prefix("migrations/")?.strip_prefix(name)?.strip_prefix('/'))
            .collect()
    };
    let (sqlite, postgres) = (side("sqlite"), side("postgres"));
    if sqlite.is_empty() && postgres.is_empty() {
        return vec!["there is no migration in migrations/{sqlite,postgres}".to_owned()];
    }
    let mut breaches = Vec::new();
    breaches.extend(sqlite.difference(&postgres).map(|name| format!("migrations/postgres/{name} is missing")));
    breaches.extend(postgres.difference(&sqlite).map(|name| format!("migrations/sqlite/{name} is missing")));
    for (at, name) in sqlite.union(&postgres).enumerate() {
        if !is_numbered(name, at + 1) {
            breaches.push(format!("migrations: `{name}` should be {:04}_<name>.sql", at + 1));
        }
    }
    breaches
}

fn is_numbered(name: &str, number: usize) -> bool {
    let said = name.strip_prefix(&format!("{number:04}_")).and_then(|rest| rest.strip_suffix(".sql"));
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    said.is_some_and(|said| !said.is_empty() && said.chars().all(plain))
}

/// Tests of the store that are not made by `on_both_databases!`, and files of the store's tests without any.
pub fn check_store_tests(sources: &[Source]) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in sources {
        let mut tests = Tests::default();
        look(source.tokens(), false, &mut tests);
        let alone = tests.alone.iter().map(|line| format!("{}:{line}: a test outside `{BOTH}!`", source.path));
        breaches.extend(alone);
        if tests.on_both == 0 && tests.alone.is_empty() && !source.path.ends_with("/mod.rs") {
            breaches.push(format!("{} has no test in `{BOTH}!`", source.path));
        }
    }
    breaches
}

#[derive(Default)]
struct Tests {
    /// Functions within the macro.
    on_both: usize,
    /// Lines of test attributes outside of it.
    alone: Vec<usize>,
}

fn look(tokens: TokenStream, on_both: bool, tests: &mut Tests) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, tree) in trees.iter().enumerate() {
        match tree {
            TokenTree::Ident(word) if on_both && *word == "fn" => tests.on_both += 1,
            TokenTree::Group(group) if follows(&trees[..at], '#') && is_test(group) && !on_both => {
                tests.alone.push(group.span_open().start().line);
            }
            TokenTree::Group(group) => {
                let called = matches!(trees[..at].iter().rev().nth(1), Some(TokenTree::Ident(name)) if *name == BOTH);
                look(group.stream(), on_both || (called && follows(&trees[..at], '!')), tests);
            }
            _ => {}
        }
    }
}

fn follows(before: &[TokenTree], sign: char) -> bool {
    matches!(before.last(), Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

/// `#[test]`, `#[tokio::test]`, `#[actix_web::test]`, with arguments or without.
fn is_test(group: &proc_macro2::Group) -> bool {
    let path = group.stream().into_iter().take_while(|tree| !matches!(tree, TokenTree::Group(_)));
    let last = path.filter(|tree| matches!(tree, TokenTree::Ident(_))).last();
    group.delimiter() == Delimiter::Bracket && last.is_some_and(|word| word.to_string() == "test")
}

#[cfg(test)]
mod samples {
    use super::*;

    #[test]
    fn a_migration_alone_is_found() {
        let breaches = |paths: &[&'static str]| check_migrations(paths.iter().copied()).len();
        let pair = ["migrations/sqlite/0001_agents.sql", "migrations/postgres/0001_agents.sql"];
        assert_eq!(breaches(&pair), 0);
        assert_eq!(breaches(&pair[..1]), 1);
        assert_eq!(breaches(&pair[1..]), 1);
        assert_eq!(breaches(&[]), 1);
        for name in ["0003_tasks.sql", "2_tasks.sql", "0002_Tasks.sql", "0002_.sql", "0002_tasks.txt"] {
            let second = ["sqlite", "postgres"].map(|side| format!("migrations/{side}/{name}"));
            let paths: Vec<&str> = pair.into_iter().chain(second.iter().map(String::as_str)).collect();
            assert_eq!(check_migrations(paths.into_iter()).len(), 1, "{name}");
        }
    }

    #[test]
    fn a_store_test_on_one_database_is_found() {
        let breaches = |text| check_store_tests(&[Source::parse("tests/it/store/agents.rs", text)]).len();
        assert_eq!(breaches("fn sample() {} on_both_databases! { async fn keeps(store: Store) { f(); } }"), 0);
        assert_eq!(breaches("crate::support::on_both_databases!(fn keeps(store: &Store) { #[cfg(test)] f(); });"), 0);
        for test in [
            "#[test] fn f() {}",
            "#[tokio::test(flavor = \"x\")] async fn f() {}",
            "mod m { #[test] fn f() {} }",
            "proptest! { #[test] fn f() {} }",
            "on_one_database! { #[test] fn f() {} }",
        ] {
            assert_eq!(breaches(test), 1, "{test}");
        }
        assert_eq!(breaches("on_both_databases! { fn f() {} } #[actix_web::test] async fn g() {}"), 1);
        assert_eq!(breaches("fn sample() {}"), 1);
        assert_eq!(check_store_tests(&[Source::parse("tests/it/store/mod.rs", "mod agents;")]).len(), 0);
    }
}
