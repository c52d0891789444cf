//! Floors: imports go strictly downward, rooms of one floor do not know each other, nothing is re-exported across
//! rooms. It reads tokens, not `use` items alone, so a path inside a body or a macro call counts as well.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::source::{Source, identifiers};

/// The floor table. The roof has an order of its own: the binary, the command line, the wiring, the settings.
const FLOORS: [(u8, &[&str]); 10] = [
    (10, &["main"]),
    (9, &["cli"]),
    (8, &["boot"]),
    (7, &["config"]),
    (6, &["api", "socket", "dashboard", "widget", "jobs"]),
    (5, &["usecases"]),
    (4, &["actors"]),
    (3, &["workflows", "llm", "connectors"]),
    (2, &["store", "cache", "net"]),
    (1, &["domain", "telemetry"]),
];

/// Where the roof begins: what lies below sees neither settings nor simulator.
const ROOF: u8 = 7;

/// The one file that names vendors: it chooses the functions of a channel by its kind.
const VENDORS: &str = "src/usecases/vendors";

/// Crates that one room alone may name, because it owns the thing behind them.
const OWNERS: [(&str, &str); 4] =
    [("sqlx", "store"), ("deadpool_redis", "cache"), ("reqwest", "net"), ("actix_web_actors", "socket")];

/// The floor of a room; none for a room that the table does not know.
pub fn floor_of(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(_, rooms)| rooms.contains(&room)).map(|(floor, _)| *floor)
}

/// What the documentation in `lib.rs` calls the floor of a room.
pub fn word_of(room: &str) -> Option<String> {
    floor_of(room).map(|floor| if floor >= ROOF { "Roof:".to_owned() } else { format!("Floor {floor}:") })
}

/// Words that begin a path to a room or to another crate of ours.
const ROOTS: [&str; 6] = ["crate", "self", "super", "switchboard", "switchboard_channels", "switchboard_simulator"];

/// A path as written in a file, resolved to begin at a crate.
#[derive(Debug, PartialEq, Eq)]
pub struct Reference {
    pub segments: Vec<String>,
    pub line: usize,
    /// Whether a `pub use` makes it visible from here.
    exported: bool,
}

/// Every breach in these files of `src/`, where `kinds` are the folders of vendors in the channels crate.
pub fn check(sources: &[Source], kinds: &[&str]) -> Vec<String> {
    sources.iter().flat_map(|source| check_one(source, kinds)).collect()
}

fn check_one(source: &Source, kinds: &[&str]) -> Vec<String> {
    // The crate's root declares the rooms and belongs to none; all it may not do is to re-export.
    let room = if source.path == "src/lib.rs" { "main" } else { source.room() };
    let Some(floor) = floor_of(room) else {
        return vec![format!("{}: room `{room}` stands on no floor", source.path)];
    };
    let judge = |reference: &Reference| {
        let problem = judge(&source.path, (room, floor), kinds, reference)?;
        Some(format!("{}:{}: `{}` {problem}", source.path, reference.line, reference.segments.join("::")))
    };
    references(source, &ROOTS).iter().filter_map(judge).collect()
}

fn judge(path: &str, (room, floor): (&str, u8), kinds: &[&str], reference: &Reference) -> Option<String> {
    let [root, target, ..] = reference.segments.as_slice() else { return None };
    match root.as_str() {
        "switchboard_simulator" => (floor < ROOF).then(|| "is seen from the roof only".to_owned()),
        "switchboard_channels" if reference.exported => Some("is re-exported from another crate".to_owned()),
        "switchboard_channels" => (!path.starts_with(VENDORS) && (target == "*" || kinds.contains(&target.as_str())))
            .then(|| format!("belongs to a vendor; only {VENDORS} may name it")),
        _ if target == room => None,
        _ if reference.exported => Some("is re-exported across rooms".to_owned()),
        _ => match floor_of(target) {
            None => Some("names no room".to_owned()),
            Some(below) if below < floor => None,
            Some(same) if same == floor => Some(format!("is a neighbour of `{room}` on floor {floor}")),
            Some(_) => Some(format!("goes up: `{room}` stands below it")),
        },
    }
}

/// Every breach of ownership: a crate named outside the room that owns what it reaches.
pub fn check_owners(sources: &[Source]) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in sources {
        for (name, line) in identifiers(source.tokens()) {
            if let Some((_, owner)) = OWNERS.iter().find(|(owned, owner)| *owned == name && source.room() != *owner) {
                breaches.push(format!("{}:{line}: `{name}` belongs to src/{owner}", source.path));
            }
        }
    }
    breaches
}

/// The paths of a file that begin with one of these words, trees of a `use` taken apart.
pub fn references(source: &Source, roots: &[&str]) -> Vec<Reference> {
    let mut found = Vec::new();
    collect(&source.tokens().into_iter().collect::<Vec<_>>(), &source.module(), roots, &mut found);
    found
}

/// Walks one level of tokens; `module` is where it stands, inline modules included.
fn collect(trees: &[TokenTree], module: &[String], roots: &[&str], found: &mut Vec<Reference>) {
    let mut at = 0;
    let mut exported = false;
    while let Some(tree) = trees.get(at) {
        match tree {
            TokenTree::Ident(ident) if *ident == "use" => exported = follows_visibility(&trees[..at]),
            TokenTree::Ident(ident) if roots.contains(&ident.to_string().as_str()) && !continues_path(&trees[..at]) => {
                let line = ident.span().start().line;
                let mut paths = Vec::new();
                at = read_path(trees, at, &[], &mut paths);
                // Under another name a whole crate would pass unseen, so a renaming counts as taking all of it.
                if matches!(trees.get(at), Some(TokenTree::Ident(word)) if *word == "as") {
                    paths.iter_mut().filter(|path| path.len() == 1).for_each(|path| path.push("*".to_owned()));
                }
                at -= 1;
                found.extend(
                    paths.into_iter().filter_map(|segments| {
                        Some(Reference { segments: resolve(segments, module)?, line, exported })
                    }),
                );
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => exported = false,
            TokenTree::Group(group) => {
                let inside: Vec<_> = group.stream().into_iter().collect();
                match (group.delimiter(), trees[..at].iter().rev().take(2).collect::<Vec<_>>().as_slice()) {
                    (Delimiter::Brace, [TokenTree::Ident(name), TokenTree::Ident(word)]) if *word == "mod" => {
                        let inner: Vec<String> = module.iter().cloned().chain([name.to_string()]).collect();
                        collect(&inside, &inner, roots, found);
                    }
                    _ => collect(&inside, module, roots, found),
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// Whether what stands before is `something::`, so that the next word only continues a path.
fn continues_path(before: &[TokenTree]) -> bool {
    let mut back = before.iter().rev();
    let colons = back.next().is_some_and(is_colon) && back.next().is_some_and(is_colon);
    colons && matches!(back.next(), Some(TokenTree::Ident(_)))
}

/// Whether what stands before `use` ends in `pub` or `pub(…)`.
fn follows_visibility(before: &[TokenTree]) -> bool {
    let mut back = before.iter().rev();
    match back.next() {
        Some(TokenTree::Ident(word)) => *word == "pub",
        Some(TokenTree::Group(_)) => matches!(back.next(), Some(TokenTree::Ident(word)) if *word == "pub"),
        _ => false,
    }
}

/// Reads the path or tree of paths that begins at `at`; returns where it ends.
fn read_path(trees: &[TokenTree], mut at: usize, prefix: &[String], paths: &mut Vec<Vec<String>>) -> usize {
    let mut segments = prefix.to_vec();
    loop {
        match trees.get(at) {
            Some(TokenTree::Ident(ident)) => segments.push(ident.to_string()),
            Some(TokenTree::Punct(punct)) if punct.as_char() == '*' => segments.push("*".to_owned()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                read_tree(group.stream(), &segments, paths);
                return at + 1;
            }
            _ => break,
        }
        at += 1;
        if trees.get(at).is_some_and(is_colon) && trees.get(at + 1).is_some_and(is_colon) {
            at += 2;
        } else {
            break;
        }
    }
    paths.push(segments);
    at
}

fn read_tree(tokens: TokenStream, prefix: &[String], paths: &mut Vec<Vec<String>>) {
    let trees: Vec<_> = tokens.into_iter().collect();
    let comma = |tree: &TokenTree| matches!(tree, TokenTree::Punct(punct) if punct.as_char() == ',');
    for branch in trees.split(comma).filter(|branch| !branch.is_empty()) {
        read_path(branch, 0, prefix, paths);
    }
}

fn is_colon(tree: &TokenTree) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == ':')
}

/// The path from its crate: `super` and `self` give way to the modules they mean. None for a lone `self` or `crate`
/// that leads nowhere (a receiver, a visibility).
fn resolve(segments: Vec<String>, module: &[String]) -> Option<Vec<String>> {
    if segments.len() < 2 {
        return None;
    }
    let mut base = module.to_vec();
    let mut rest = segments.as_slice();
    match rest.first().map(String::as_str) {
        Some("self" | "super") => {}
        _ => return Some(segments),
    }
    while let [first, tail @ ..] = rest {
        match first.as_str() {
            "self" => {}
            "super" => {
                base.pop();
            }
            _ => break,
        }
        rest = tail;
    }
    Some(["crate".to_owned()].into_iter().chain(base).chain(rest.iter().cloned()).collect())
}

#[test]
fn downward_is_allowed_from_anywhere_in_a_file() {
    let fine = [
        ("src/api/platform/agents.rs", "use crate::{domain::agents, store::Store, usecases}; use super::extract;"),
        ("src/store/mod.rs", "pub use self::agents::Agent; use crate::domain::Id; mod agents;"),
        ("src/store/agents.rs", "mod tests { use super::*; use super::super::dialect; use crate::domain; }"),
        ("src/boot.rs", "use crate::config; fn wire() { crate::api::serve(switchboard_simulator::start()); }"),
        ("src/cli/mod.rs", "use crate::{boot, config, api};"),
        ("src/main.rs", "fn main() { switchboard::cli::run() }"),
        ("src/domain/agents.rs", "use switchboard_channels::{Kind, contract::inbound::Message}; pub(crate) struct A;"),
        ("src/usecases/vendors/settings.rs", "use switchboard_channels::{whatsapp, email::parse};"),
        ("src/lib.rs", "pub mod boot; pub mod domain;"),
    ];
    for (path, text) in fine {
        assert_eq!(check(&[Source::parse(path, text)], &["whatsapp", "email"]), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn what_is_not_downward_is_found() {
    let bad = [
        ("src/store/agents.rs", "use crate::usecases::agents;", "goes up"),
        ("src/domain/agents.rs", "fn f() { let _ = crate::store::Store::open(); }", "goes up"),
        ("src/domain/agents.rs", "fn f() { println!(\"{}\", crate::net::VERSION); }", "goes up"),
        ("src/domain/agents.rs", "use super::super::net::Client;", "goes up"),
        ("src/domain/agents.rs", "mod tests { use super::super::super::net::Client; }", "goes up"),
        ("src/domain/agents.rs", "use crate::{domain::{self, Id}, store::{Store}};", "goes up"),
        ("src/store/mod.rs", "use crate::net::Client;", "neighbour"),
        ("src/api/mod.rs", "use crate::jobs;", "neighbour"),
        ("src/actors/mod.rs", "use crate::config::Settings;", "goes up"),
        ("src/config/mod.rs", "use crate::boot::run;", "goes up"),
        ("src/boot.rs", "use crate::cli::run;", "goes up"),
        ("src/usecases/mod.rs", "pub use crate::domain::Agent;", "re-exported"),
        ("src/usecases/mod.rs", "pub(crate) use crate::domain::{Agent, Id};", "re-exported"),
        ("src/usecases/mod.rs", "pub use switchboard_channels::contract;", "re-exported"),
        ("src/lib.rs", "pub use crate::domain::Agent;", "re-exported"),
        ("src/lib.rs", "pub use self::domain::Agent;", "re-exported"),
        ("src/usecases/mod.rs", "use crate::*;", "names no room"),
        ("src/cellar/mod.rs", "fn f() {}", "stands on no floor"),
        ("src/api/mod.rs", "use switchboard_simulator::Phone;", "roof only"),
        ("src/usecases/messages.rs", "use switchboard_channels::whatsapp;", "belongs to a vendor"),
        ("src/jobs/send.rs", "fn f() { switchboard_channels::email::render() }", "belongs to a vendor"),
        ("src/jobs/send.rs", "use switchboard_channels::*;", "belongs to a vendor"),
        ("src/jobs/send.rs", "use switchboard_channels as vendors;", "belongs to a vendor"),
        ("src/jobs/send.rs", "use crate as house;", "names no room"),
    ];
    for (path, text, problem) in bad {
        let breaches = check(&[Source::parse(path, text)], &["whatsapp", "email"]);
        assert!(breaches.iter().any(|breach| breach.contains(problem)), "{path}: {text}: {breaches:?}");
    }
}

#[test]
fn a_crate_outside_its_room_is_found() {
    let breaches = |path, text| check_owners(&[Source::parse(path, text)]).len();
    assert_eq!(breaches("src/store/mod.rs", "use sqlx::Row;"), 0);
    assert_eq!(breaches("src/api/mod.rs", "use sqlx::Row;"), 1);
    assert_eq!(breaches("src/llm/mod.rs", "fn f() -> reqwest::Response { todo() }"), 1);
    assert_eq!(breaches("src/api/mod.rs", "use actix_web_actors::ws;"), 1);
}
