//! The map: what `ARCHITECTURE.md`, `lib.rs`, file names and opening lines promise is what is there; SQL is where the
//! map says.

use std::collections::BTreeSet;

use crate::floors::word_of;
use crate::source::{Source, strings};

/// Names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 10] =
    ["util", "utils", "helper", "helpers", "common", "misc", "manager", "base", "types", "models"];

/// Endings of the files whose names we choose; a vendor's payload keeps the name its vendor gave it.
const CODE: [&str; 11] = ["rs", "js", "mjs", "cjs", "ts", "css", "html", "sql", "sh", "py", "go"];

/// Openings of SQL statements, each with the word that must follow somewhere after it.
const STATEMENTS: [(&str, &str); 4] =
    [("SELECT ", " FROM "), ("INSERT INTO ", ""), ("UPDATE ", " SET "), ("DELETE FROM ", "")];

/// Where the map and the floor plan differ from the rooms that exist.
pub fn check<'a>(paths: impl Iterator<Item = &'a str>, architecture: &str, floor_plan: &str) -> Vec<String> {
    let inside = paths.filter_map(|path| path.strip_prefix("src/"));
    let first = inside.map(|path| path.split_once('/').map_or(path, |(folder, _)| folder).trim_end_matches(".rs"));
    let rooms: BTreeSet<String> = first.filter(|name| !matches!(*name, "lib" | "main")).map(str::to_owned).collect();
    let mut breaches = Vec::new();
    compare("ARCHITECTURE.md, under \"Rooms\",", &rooms, &named_in(architecture), &mut breaches);
    let declared = declared_in(floor_plan);
    compare("src/lib.rs", &rooms, &declared.iter().map(|(room, _)| room.clone()).collect(), &mut breaches);
    for (room, says) in &declared {
        if !word_of(room).is_some_and(|floor| says.starts_with(&floor)) {
            breaches.push(format!("src/lib.rs puts `{room}` on another floor than tests/house/floors.rs: {says:?}"));
        }
    }
    breaches
}

fn compare(map: &str, rooms: &BTreeSet<String>, named: &BTreeSet<String>, breaches: &mut Vec<String>) {
    breaches.extend(rooms.difference(named).map(|room| format!("{map} does not name src/{room}")));
    breaches.extend(named.difference(rooms).map(|room| format!("{map} names src/{room}, which does not exist")));
}

/// The `src/<room>` that stand between the heading "Rooms" and the next heading.
fn named_in(architecture: &str) -> BTreeSet<String> {
    let section = architecture.lines().skip_while(|line| line.trim_start_matches('#').trim() != "Rooms").skip(1);
    let section: Vec<&str> = section.take_while(|line| !line.starts_with('#')).collect();
    let mentions = section.iter().flat_map(|line| line.split("src/").skip(1));
    let word = |rest: &str| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    mentions.map(word).collect()
}

/// The modules that `lib.rs` declares, with the first line said about each.
fn declared_in(floor_plan: &str) -> Vec<(String, String)> {
    let file = syn::parse_file(floor_plan).expect("lib.rs is Rust");
    let modules =
        file.items.iter().filter_map(|item| if let syn::Item::Mod(module) = item { Some(module) } else { None });
    modules.map(|module| (module.ident.to_string(), documentation(&module.attrs))).collect()
}

fn documentation(attributes: &[syn::Attribute]) -> String {
    let text = attributes.iter().find_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    text.unwrap_or_default().trim().to_owned()
}

/// Files that do not open with a sentence of what they are for.
pub fn check_openings(sources: &[Source]) -> Vec<String> {
    let speaks = |source: &&Source| {
        let first = source.text.lines().next().and_then(|line| line.strip_prefix("//! "));
        first.is_some_and(|sentence| !sentence.trim().is_empty())
    };
    let silent = sources.iter().filter(|source| !speaks(source));
    silent.map(|source| format!("{} does not open with `//!` and what it is for", source.path)).collect()
}

/// Code, and folders of code, whose names say nothing.
pub fn check_names<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    let code = paths.filter(|path| path.rsplit_once('.').is_some_and(|(_, ending)| CODE.contains(&ending)));
    let empty = |path: &&str| path.split('/').any(|part| says_nothing(part.split('.').next().unwrap_or(part)));
    code.filter(empty).map(|path| format!("{path} has a name that says nothing")).collect()
}

fn says_nothing(name: &str) -> bool {
    let version = name.rsplit_once("_v").is_some_and(|(_, number)| number.parse::<u32>().is_ok());
    EMPTY_NAMES.contains(&name) || name.starts_with("new_") || version
}

/// Statements of SQL in string literals outside the store.
pub fn check_sql(sources: &[Source]) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in sources.iter().filter(|source| source.room() != "store") {
        for (text, line) in strings(source.tokens()) {
            if is_sql(&text) {
                breaches.push(format!("{}:{line}: SQL outside src/store", source.path));
            }
        }
    }
    breaches
}

fn is_sql(text: &str) -> bool {
    let text = format!("{} ", text.split_whitespace().collect::<Vec<_>>().join(" "));
    STATEMENTS.iter().any(|(opening, later)| {
        text.match_indices(opening).any(|(at, _)| {
            let begins_a_word = text[..at].chars().next_back().is_none_or(|before| !before.is_alphanumeric());
            begins_a_word && text[at + opening.len() - 1..].contains(later)
        })
    })
}

#[cfg(test)]
mod samples {
    use super::*;

    const PLAN: &str = "//! Plan.\n/// Roof: wires.\npub mod boot;\n/// Floor 2: the database.\npub mod store;\n";
    const MAP: &str =
        "# Map\nNot src/here.\n## Rooms\n| `src/boot.rs` | wires |\n| `src/store/` | SQL |\n## Next\nsrc/there";

    fn breaches(paths: &[&'static str], map: &str, plan: &str) -> Vec<String> {
        check(paths.iter().copied(), map, plan)
    }

    #[test]
    fn a_map_that_errs_is_found() {
        let rooms =
            ["src/lib.rs", "src/main.rs", "src/boot.rs", "src/store/mod.rs", "src/store/agents.rs", "docs/x.md"];
        assert_eq!(breaches(&rooms, MAP, PLAN), Vec::<String>::new());
        assert_eq!(breaches(&[rooms.as_slice(), &["src/net/mod.rs"]].concat(), MAP, PLAN).len(), 2);
        assert_eq!(breaches(&rooms[..3], MAP, PLAN).len(), 2);
        assert_eq!(breaches(&rooms, "", PLAN).len(), 2);
        assert_eq!(breaches(&rooms, MAP, "//! Plan.\n/// Roof: wires.\npub mod boot;\n").len(), 1);
        assert_eq!(breaches(&rooms, MAP, &PLAN.replace("Floor 2", "Floor 3")).len(), 1);
        assert_eq!(breaches(&rooms, MAP, &PLAN.replace("/// Roof: wires.\n", "")).len(), 1);
    }

    #[test]
    fn a_silent_file_is_found() {
        let silent = |text| check_openings(&[Source::parse("src/a.rs", text)]).len();
        assert_eq!(silent("//! Says it.\nfn f() {}"), 0);
        for text in ["fn f() {}", "//!\nfn f() {}", "//! \n\nfn f() {}", "\n//! Late.\nfn f() {}", "// Not this.\n"] {
            assert_eq!(silent(text), 1, "{text:?}");
        }
    }

    #[test]
    fn a_name_that_says_nothing_is_found() {
        let fine =
            ["src/store/agents.rs", "channels/tests/fixtures/x/types.json", "docs/base.md", "src/renew_lease.rs"];
        assert_eq!(check_names(fine.into_iter()), Vec::<String>::new());
        let bad = [
            "src/util.rs",
            "src/helpers/text.rs",
            "src/api/common.rs",
            "sdk/ts/types.d.ts",
            "src/new_store.rs",
            "src/parse_v2.rs",
            "src/widget/assets/utils.js",
            "tests/it/misc/mod.rs",
        ];
        assert_eq!(check_names(bad.into_iter()).len(), bad.len());
    }

    #[test]
    fn sql_outside_the_store_is_found() {
        let found =
            |path, literal: &str| check_sql(&[Source::parse(path, &format!("fn f() {{ g({literal}); }}"))]).len();
        let sql = [
            "\"SELECT id FROM agents\"",
            "r#\"SELECT id\n  FROM agents\"#",
            "\"INSERT INTO a VALUES ($1)\"",
            "\"UPDATE agents SET name = $1\"",
            "\"WITH a AS (DELETE FROM b) c\"",
            "h!(\"SELECT 1 FROM a\")",
        ];
        for literal in sql {
            assert_eq!(found("src/usecases/agents.rs", literal), 1, "{literal}");
            assert_eq!(found("src/store/agents.rs", literal), 0, "{literal}");
        }
        for prose in ["\"Select one from the list\"", "\"UPDATE is refused\"", "\"PRESELECT a FROM b\""] {
            assert_eq!(found("src/usecases/agents.rs", prose), 0, "{prose}");
        }
        assert_eq!(check_sql(&[Source::parse("src/a.rs", "/// SELECT a FROM b\nfn f() {}")]).len(), 0);
    }
}
