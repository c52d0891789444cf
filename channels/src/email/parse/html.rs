//! HTML of strangers: sanitised for people, and as text for agents, without what a person would not see. Styles decide
//! only what is hidden; none of them is kept.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};
use percent_encoding::percent_decode_str;

use super::hidden::Backdrop;
use super::markup::{Token, Tokens};
use super::prose::{self, Reading};

/// Deepest nesting of elements; the parser looks through all open ones again and again.
const DEEPEST: usize = 250;
/// Elements that may be shown.
const SHOWN: [&str; 52] = [
    "a",
    "abbr",
    "address",
    "article",
    "aside",
    "b",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "section",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tr",
    "ul",
];
/// Further elements that may be shown.
const SHOWN_TOO: [&str; 9] = ["font", "main", "mark", "strike", "tfoot", "th", "thead", "tt", "u"];
/// Elements that go with all that is in them.
const GONE: [&str; 20] = [
    "applet", "audio", "base", "button", "canvas", "embed", "frameset", "iframe", "math", "noembed", "noscript",
    "object", "script", "select", "style", "svg", "template", "textarea", "title", "xml",
];
/// Schemes that an address in a mail may have.
const SCHEMES: [&str; 5] = ["http", "https", "mailto", "tel", "cid"];

/// What is made of a mail's HTML.
pub(super) struct Page {
    /// Safe to show: no scripts, styles, forms, hidden elements and remote contents.
    pub(super) html: String,
    /// What a person reads.
    pub(super) reading: Reading,
    /// The inline files that it shows, by their content id.
    pub(super) shows: BTreeSet<String>,
}

/// Reads a page.
pub(super) fn page(html: &str) -> Page {
    let Some(seen) = seen(html) else {
        return Page { html: String::new(), reading: Reading::default(), shows: BTreeSet::new() };
    };
    let html = SAFE.clean(&seen).to_string();
    let shows = Tokens::new(&html).filter_map(|token| match token {
        Token::Open(tag) if tag.name == "img" => tag.attribute("src").as_deref().and_then(content_id),
        _ => None,
    });
    Page { shows: shows.collect(), reading: prose::read(&seen), html }
}

/// What a person reads of a page.
pub(super) fn text(html: &str) -> Reading {
    seen(html).map(|seen| prose::read(&seen)).unwrap_or_default()
}

/// The page in well-formed markup, without what is hidden and what cannot be seen; none when it nests too deep.
fn seen(html: &str) -> Option<String> {
    if depth(html) > DEEPEST {
        return None;
    }
    let formed = FORMED.clean(html).to_string();
    let mut seen = String::with_capacity(formed.len());
    let mut tokens = Tokens::new(&formed);
    let mut backdrop = Backdrop::default();
    loop {
        let before = tokens.rest();
        let Some(token) = tokens.next() else { return Some(seen) };
        match token {
            Token::Open(tag) => {
                if backdrop.hides(tag) {
                    tokens.pass_over(tag);
                    continue;
                }
                if !tag.is_void() {
                    backdrop.open(tag);
                }
            }
            Token::Close(_) => backdrop.close(),
            Token::Text(_) => {}
        }
        seen.push_str(before.strip_suffix(tokens.rest()).unwrap_or_default());
    }
}

/// How deep elements may nest at most, roughly: those that need no end are not counted.
fn depth(html: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for tag in html.split('<').skip(1) {
        let closes = tag.starts_with('/');
        let name = tag.trim_start_matches('/').split(|character: char| !character.is_ascii_alphanumeric()).next();
        let name = name.unwrap_or_default().to_ascii_lowercase();
        let endless =
            ["p", "li", "td", "th", "tr", "dd", "dt", "br", "hr", "img", "meta", "link", "input", "col", "wbr", ""];
        if endless.contains(&name.as_str()) {
            continue;
        }
        depth = if closes { depth.saturating_sub(1) } else { depth + 1 };
        deepest = deepest.max(depth);
    }
    deepest
}

fn content_id(address: &str) -> Option<String> {
    let id = address.trim().get(4..).filter(|_| address.trim().to_ascii_lowercase().starts_with("cid:"))?;
    let id = percent_decode_str(id).decode_utf8_lossy().into_owned();
    (!id.chars().any(char::is_control)).then_some(id)
}

fn shown() -> HashSet<&'static str> {
    SHOWN.into_iter().chain(SHOWN_TOO).collect()
}

/// Makes markup well-formed, and keeps what tells quotes and hidden elements.
static FORMED: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::empty();
    builder
        .tags(shown())
        .clean_content_tags(HashSet::from(GONE))
        .generic_attributes(HashSet::from([
            "style",
            "class",
            "id",
            "type",
            "hidden",
            "color",
            "bgcolor",
            "background",
            "href",
            "src",
            "size",
            "width",
            "height",
            "alt",
            "title",
            "colspan",
            "rowspan",
            "start",
            "dir",
            "lang",
        ]))
        .url_schemes(HashSet::from(SCHEMES))
        .link_rel(None);
    builder
});

/// Keeps what is safe to show.
static SAFE: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::empty();
    let sizes = HashSet::from(["width", "height", "colspan", "rowspan"]);
    builder
        .tags(shown())
        .clean_content_tags(HashSet::from(GONE))
        .generic_attributes(HashSet::from(["dir", "lang", "title"]))
        .tag_attributes(HashMap::from([
            ("a", HashSet::from(["href"])),
            ("img", HashSet::from(["src", "alt", "width", "height"])),
            ("td", sizes.clone()),
            ("th", sizes),
            ("ol", HashSet::from(["start"])),
        ]))
        .url_schemes(HashSet::from(SCHEMES))
        // A relative address would lead into our own pages.
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"))
        .attribute_filter(|element, attribute, value| match (element, attribute) {
            // A remote picture tells its owner that the mail was read.
            ("img", "src") => content_id(value).is_some().then_some(Cow::Borrowed(value)),
            // What is within a mail is shown, not linked to.
            ("a", "href") => content_id(value).is_none().then_some(Cow::Borrowed(value)),
            _ => Some(Cow::Borrowed(value)),
        });
    builder
});
