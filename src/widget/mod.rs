//! The web widget's assets and the hosted page, as bytes and text; it must know neither routes nor conversations.

use std::fmt::Write as _;
use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// The hosted page of an agent.
pub mod page;

/// The modules of the script in the order of their imports; the last one is the entry and keeps its exports.
const MODULES: [&str; 11] = [
    include_str!("assets/widget/storage.js"),
    include_str!("assets/widget/strings.js"),
    include_str!("assets/widget/styles.js"),
    include_str!("assets/widget/markup.js"),
    include_str!("assets/widget/messages.js"),
    include_str!("assets/widget/outbox.js"),
    include_str!("assets/widget/connection.js"),
    include_str!("assets/widget/conversation.js"),
    include_str!("assets/widget/log.js"),
    include_str!("assets/widget/panel.js"),
    include_str!("assets/widget.js"),
];

/// Headers that every asset is served with, beside its type and `ETag`. Other origins load the script as a module,
/// which a browser does only with permission.
pub const ASSET_HEADERS: [(&str, &str); 4] = [
    ("access-control-allow-origin", "*"),
    ("cross-origin-resource-policy", "cross-origin"),
    ("x-content-type-options", "nosniff"),
    ("cache-control", "public, max-age=300, stale-while-revalidate=86400"),
];

/// A file as it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Absolute path of the address.
    pub path: &'static str,
    /// Value of `Content-Type`.
    pub content_type: &'static str,
    /// The bytes, UTF-8.
    pub body: String,
    /// Value of `ETag`, strong, with its quotes.
    pub etag: String,
}

static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let body = assemble(&MODULES);
    Asset { path: "/widget.js", content_type: "text/javascript; charset=utf-8", etag: etag(&body), body }
});

static LEAD_FORM: LazyLock<Asset> = LazyLock::new(|| {
    let body = assemble(&[include_str!("assets/lead.js")]);
    Asset { path: "/widget-lead.js", content_type: "text/javascript; charset=utf-8", etag: etag(&body), body }
});

/// The form in which visitors say how to reach them: a file of its own, for the widgets that have one.
#[must_use]
pub fn lead_form() -> &'static Asset {
    &LEAD_FORM
}

/// The widget's script, one file.
#[must_use]
pub fn script() -> &'static Asset {
    &SCRIPT
}

/// Whether the value of a request's `If-None-Match` names the asset, so that a 304 is the answer.
#[must_use]
pub fn is_current(asset: &Asset, if_none_match: &str) -> bool {
    if_none_match
        .split(',')
        .map(str::trim)
        .any(|candidate| candidate == "*" || candidate.strip_prefix("W/").unwrap_or(candidate) == asset.etag)
}

/// The first 16 bytes of the SHA-256, in hex and quotes.
fn etag(body: &str) -> String {
    let digest = Sha256::digest(body.as_bytes());
    let mut tag = String::from("\"");
    for byte in digest.iter().take(16) {
        // Writing to a String cannot fail.
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}

/// Joins the modules to one, so that a page loads one file and never parts of two releases, and leaves out the lines
/// that only its readers need: comments, indentation, imports. It reads lines, not JavaScript: the modules keep each
/// import on one line, `//` comments on lines of their own, and top-level names unique, which the tests check.
fn assemble(modules: &[&str]) -> String {
    let mut script = String::new();
    for (position, module) in modules.iter().enumerate() {
        let is_entry = position + 1 == modules.len();
        let mut in_comment = false;
        for line in module.lines() {
            let code = without_comment(line, &mut in_comment);
            let code = code.trim();
            if !(code.is_empty() || code.starts_with("//") || code.starts_with("import ")) {
                script.push_str(if is_entry { code } else { code.strip_prefix("export ").unwrap_or(code) });
                script.push('\n');
            }
        }
    }
    script
}

/// The line without its JSDoc; `in_comment` says whether a block is open before and after it.
fn without_comment(line: &str, in_comment: &mut bool) -> String {
    let mut code = String::new();
    let mut rest = line;
    loop {
        let mark = if *in_comment { "*/" } else { "/**" };
        let Some((before, after)) = rest.split_once(mark) else {
            if !*in_comment {
                code.push_str(rest);
            }
            return code;
        };
        if !*in_comment {
            code.push_str(before);
        }
        *in_comment = !*in_comment;
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_script_stands_alone() {
        for (asset, export) in
            [(script(), "export class SwitchboardChat"), (lead_form(), "export function addLeadForm")]
        {
            assert!(!asset.body.lines().any(|line| line.starts_with("import ")), "an import is left");
            assert!(!asset.body.contains("/**"), "a comment is left");
            assert!(asset.body.contains(export));
        }
    }

    #[test]
    fn every_module_on_disk_is_part_of_the_script() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/widget/assets/widget");
        let scripts = std::fs::read_dir(folder)
            .unwrap()
            .filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|kind| kind == "js"))
            .count();
        assert_eq!(scripts + 1, MODULES.len());
    }

    #[test]
    fn top_level_names_are_unique() {
        let mut names = HashSet::new();
        for line in MODULES.iter().flat_map(|module| module.lines()) {
            let line = line.strip_prefix("export ").unwrap_or(line);
            let Some((keyword, rest)) = line.split_once(' ') else { continue };
            if matches!(keyword, "const" | "let" | "function" | "class") {
                let name = rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap();
                assert!(names.insert(name), "{name} is declared twice");
            }
        }
        assert!(names.len() > MODULES.len());
    }

    #[test]
    fn assembling_keeps_code_and_drops_what_only_readers_need() {
        let modules = [
            "// Head.\nexport const a = 1;\n/** One. */\n/**\n * Two.\n */\nlet d = /** @type {any} */ (a);\n  const css = `\n*, b {}\n`;\n",
            "import { a } from './a.js';\n\nexport const b = a;\n",
        ];
        assert_eq!(
            assemble(&modules),
            "const a = 1;\nlet d =  (a);\nconst css = `\n*, b {}\n`;\nexport const b = a;\n"
        );
    }

    #[test]
    fn the_etag_is_strong_and_recognised() {
        let asset = script();
        assert_eq!(asset.etag.len(), 34);
        for (header, expected) in [
            (asset.etag.clone(), true),
            (format!("\"old\", W/{}", asset.etag), true),
            ("*".to_owned(), true),
            ("\"old\"".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(is_current(asset, &header), expected, "{header}");
        }
    }
}
