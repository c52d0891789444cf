//! A document's bytes become text. Strangers wrote them, so whoever calls this for HTML or PDF does so in a process of
//! its own: parsers of such formats may run forever, run out of stack, or panic.

use std::sync::{Arc, Mutex, PoisonError};

use encoding_rs::{Encoding, UTF_8};
use htmd::element_handler::Handlers;
use htmd::{Element, HtmlToMarkdown};
use serde::{Deserialize, Serialize};

use crate::usecases::knowledge::Markup;

/// How far into a page its own word for its charset may stand, in bytes.
const HEAD: usize = 1_024;

/// What a document's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Markdown.
    Markdown,
    /// Text without any markup.
    Text,
    /// A web page.
    Html,
    /// PDF.
    Pdf,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Markdown, Self::Text, Self::Html, Self::Pdf];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Text => "text",
            Self::Html => "html",
            Self::Pdf => "pdf",
        }
    }

    /// The format of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }

    /// The format of a media type; a text's name may say that it is Markdown.
    #[must_use]
    pub fn of(media_type: &str, name: &str) -> Option<Self> {
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let name = name.to_ascii_lowercase();
        match essence.as_str() {
            "text/markdown" | "text/x-markdown" => Some(Self::Markdown),
            "text/plain" if name.ends_with(".md") || name.ends_with(".markdown") => Some(Self::Markdown),
            "text/plain" => Some(Self::Text),
            "text/html" | "application/xhtml+xml" => Some(Self::Html),
            "application/pdf" => Some(Self::Pdf),
            _ => None,
        }
    }

    /// How the text that comes of it is to be read.
    #[must_use]
    pub const fn markup(self) -> Markup {
        match self {
            Self::Markdown | Self::Html => Markup::Markdown,
            Self::Text | Self::Pdf => Markup::Plain,
        }
    }
}

/// What came of a document's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Extracted {
    /// Its text.
    Text {
        /// Its own title.
        title: Option<String>,
        /// Its text.
        text: String,
    },
    /// It cannot be read, and why.
    Unreadable(String),
}

/// Reads a document. `charset` is what its carrier says of it.
#[must_use]
pub fn read(format: Format, bytes: &[u8], charset: Option<&str>) -> Extracted {
    match format {
        Format::Markdown | Format::Text => Extracted::Text { title: None, text: decoded(bytes, charset) },
        Format::Html => html(&decoded(bytes, charset.or_else(|| stated_charset(bytes)))),
        Format::Pdf => match pdf_extract::extract_text_from_mem(bytes) {
            Ok(text) => Extracted::Text { title: None, text: unwrapped(&text) },
            Err(pdf_extract::OutputError::PdfError(error)) => {
                Extracted::Unreadable(format!("the PDF cannot be read: {error}"))
            }
            Err(_) => Extracted::Unreadable("the PDF cannot be read".to_owned()),
        },
    }
}

fn decoded(bytes: &[u8], charset: Option<&str>) -> String {
    let stated = charset.and_then(|label| Encoding::for_label(label.as_bytes()));
    // A byte order mark goes before everything that is said.
    stated.unwrap_or(UTF_8).decode(bytes).0.into_owned()
}

/// What a page's own head says of its charset.
fn stated_charset(bytes: &[u8]) -> Option<&str> {
    let head = bytes.get(..HEAD.min(bytes.len()))?;
    let at = head.windows(8).position(|window| window.eq_ignore_ascii_case(b"charset="))?;
    let label = head.get(at.saturating_add(8)..)?;
    let label = label.split(|byte| !byte.is_ascii_alphanumeric() && !b"-_:.".contains(byte));
    label.into_iter().find(|word| !word.is_empty()).and_then(|word| std::str::from_utf8(word).ok())
}

/// A page as Markdown: its headings and lists count; links, pictures and emphasis are no text to quote.
fn html(page: &str) -> Extracted {
    let title = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&title);
    let reader = HtmlToMarkdown::builder()
        .skip_tags(vec!["script", "style", "noscript", "template", "svg", "nav", "iframe", "form", "img", "button"])
        .add_handler(vec!["title"], move |handlers: &dyn Handlers, element: Element| {
            let text = handlers.walk_children(element.node).content;
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.get_or_insert(text.split_whitespace().collect::<Vec<_>>().join(" "));
            None
        })
        .add_handler(vec!["a", "b", "strong", "i", "em", "u", "mark"], |handlers: &dyn Handlers, element: Element| {
            Some(handlers.walk_children(element.node))
        })
        .build();
    let Ok(text) = reader.convert(page) else {
        return Extracted::Unreadable("the page cannot be read".to_owned());
    };
    let title = title.lock().unwrap_or_else(PoisonError::into_inner).take();
    Extracted::Text { title: title.map(|title| unescaped(&title)), text: unescaped(&text) }
}

/// Markdown without the backslashes that keep punctuation from being markup: what is quoted is read by people.
fn unescaped(markdown: &str) -> String {
    let mut plain = String::with_capacity(markdown.len());
    let mut letters = markdown.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '\\' || !letters.peek().is_some_and(char::is_ascii_punctuation) {
            plain.push(letter);
        } else if let Some(meant) = letters.next() {
            plain.push(meant);
        }
    }
    plain
}

/// A page's lines end where the paper ends; a paragraph is one line, so that its sentences are whole.
fn unwrapped(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    for line in text.lines().map(str::trim) {
        let begins_item = line.starts_with(['•', '–', '-', '*']);
        if line.is_empty() {
            if !whole.is_empty() && !whole.ends_with("\n\n") {
                whole.truncate(whole.trim_end().len());
                whole.push_str("\n\n");
            }
            continue;
        }
        if begins_item && !whole.is_empty() && !whole.ends_with('\n') {
            whole.push('\n');
        } else if !whole.is_empty() && !whole.ends_with('\n') {
            whole.push(' ');
        }
        whole.push_str(line);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(extracted: Extracted) -> (Option<String>, String) {
        match extracted {
            Extracted::Text { title, text } => (title, text),
            Extracted::Unreadable(reason) => panic!("{reason}"),
        }
    }

    #[test]
    fn pages_become_what_a_person_reads() {
        let page = "<html><head><title> Returns &amp;\n Refunds</title><style>p{}</style></head><body><nav>Home</nav>\
                    <h1>Returns</h1><p>You have <b>30 days</b>, see <a href='/x'>the rules</a>.</p>\
                    <ul><li>Keep the receipt_no.</li></ul><script>alert(1)</script></body></html>";
        let (title, text) = text(read(Format::Html, page.as_bytes(), None));
        assert_eq!(title.as_deref(), Some("Returns & Refunds"));
        assert!(text.starts_with("# Returns\n\nYou have 30 days, see the rules."), "{text}");
        assert!(text.contains("Keep the receipt_no."), "{text}");
        for gone in ["alert", "Home", "p{}", "/x", "\\"] {
            assert!(!text.contains(gone), "{gone} in {text}");
        }
    }

    #[test]
    fn charsets_are_read_as_stated() {
        let cases: &[(&[u8], Option<&str>, &str)] = &[
            (b"caf\xe9", Some("iso-8859-1"), "café"),
            ("café".as_bytes(), None, "café"),
            (b"caf\xe9", Some("no such charset"), "caf\u{fffd}"),
            (b"\xef\xbb\xbfcaf\xc3\xa9", Some("iso-8859-1"), "café"),
        ];
        for (bytes, charset, expected) in cases {
            assert_eq!(text(read(Format::Text, bytes, *charset)).1, *expected, "{bytes:?}");
        }
        let page = b"<meta charset=\"windows-1252\"><p>caf\xe9</p>";
        assert_eq!(text(read(Format::Html, page, None)).1, "café");
    }

    #[test]
    fn lines_of_paper_are_joined() {
        let paper = "\n\nWe open at nine and\nclose at six.\n\n\nBring:\n• a receipt\n• the parcel\n\n";
        assert_eq!(
            unwrapped(paper).trim_end(),
            "We open at nine and close at six.\n\nBring:\n• a receipt\n• the parcel"
        );
    }

    #[test]
    fn formats_are_told_by_type_and_name() {
        for (media_type, name, expected) in [
            ("text/html; charset=utf-8", "", Some(Format::Html)),
            ("TEXT/PLAIN", "a.MD", Some(Format::Markdown)),
            ("text/plain", "a.txt", Some(Format::Text)),
            ("application/pdf", "", Some(Format::Pdf)),
            ("application/octet-stream", "a.pdf", None),
            ("", "", None),
        ] {
            assert_eq!(Format::of(media_type, name), expected, "{media_type} {name}");
        }
    }
}
