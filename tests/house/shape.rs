//! Shape: having read one channel, you have read them all. Each has the same six files, fixtures of four sorts, and a
//! page for the person who connects it.

use std::collections::BTreeSet;

const FILES: [&str; 6] = ["mod", "verify", "parse", "render", "outcome", "wire"];
const FIXTURES: [&str; 4] = ["inbound", "status", "outbound", "hostile"];

/// Folders that are no channel: the vocabulary, and what the channels of one vendor share.
const SHARED: [&str; 2] = ["contract", "meta"];

/// The folders of `channels/src`, each a vendor's channel but for what they share.
pub fn kinds<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let folders =
        paths.filter_map(|path| path.strip_prefix("channels/src/")?.split_once('/').map(|(folder, _)| folder));
    folders.filter(|folder| !SHARED.contains(folder)).collect::<BTreeSet<_>>().into_iter().collect()
}

/// What the channels lack. A folder of fixtures without a case in it is lacking too.
pub fn check<'a>(paths: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
    let all: BTreeSet<&str> = paths.clone().collect();
    let kinds = kinds(paths);
    if kinds.is_empty() {
        return vec!["there is no channel".to_owned()];
    }
    let mut breaches = Vec::new();
    for kind in kinds {
        let sources = FILES.iter().map(|file| format!("channels/src/{kind}/{file}.rs"));
        let page = format!("docs/channels/{kind}.md");
        let lacking = sources.chain([page]).filter(|path| !all.contains(path.as_str()));
        breaches.extend(lacking.map(|path| format!("{path} is missing")));
        let folders = FIXTURES.iter().map(|sort| format!("channels/tests/fixtures/{kind}/{sort}/"));
        let empty = folders.filter(|folder| !all.iter().any(|path| path.starts_with(folder.as_str())));
        breaches.extend(empty.map(|folder| format!("{folder} has no case")));
    }
    breaches
}

#[test]
fn a_channel_that_lacks_a_part_is_found() {
    let mut paths: Vec<String> =
        ["lib.rs", "contract/mod.rs", "meta/graph.rs"].iter().map(|file| format!("channels/src/{file}")).collect();
    assert_eq!(check(paths.iter().map(String::as_str)), ["there is no channel"]);
    paths.push("docs/channels/pigeon.md".to_owned());
    paths.extend(FILES.iter().map(|file| format!("channels/src/pigeon/{file}.rs")));
    paths.extend(FIXTURES.iter().map(|sort| format!("channels/tests/fixtures/pigeon/{sort}/first.json")));
    assert_eq!(check(paths.iter().map(String::as_str)), Vec::<String>::new());
    for at in 3..paths.len() {
        let without = paths.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, path)| path.as_str());
        assert_eq!(check(without).len(), 1, "without {}", paths[at]);
    }
}
