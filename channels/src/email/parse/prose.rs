//! Well-formed markup to plain text, once whole and once without what the mail quotes. Links keep their address;
//! pictures and their alternative texts say nothing.

use super::markup::{Tag, Token, Tokens, unescaped};

/// Longest address that stands beside its label, in bytes.
const LONGEST_LINK: usize = 300;
/// A ruler; the reader of plain text looks for headers below it.
const RULER: &str = "________________________________";
/// How far into a quote a forward says that it is one, in bytes.
const FORWARD_WITHIN: usize = 2_000;

/// A page as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// All of it.
    pub(super) whole: String,
    /// Without the mails that it quotes, by the marks that mail programs put on them.
    pub(super) fresh: String,
}

/// Reads well-formed markup.
pub(super) fn read(html: &str) -> Reading {
    Reading { whole: written(html, false), fresh: written(html, true) }
}

fn written(html: &str, fresh: bool) -> String {
    let mut writer = Writer::default();
    let mut tokens = Tokens::new(html);
    while let Some(token) = tokens.next() {
        match token {
            Token::Open(tag) if fresh && ends_all(tag) => break,
            Token::Open(tag) if fresh && is_quote(tag) && !is_forward(tokens.rest()) => tokens.pass_over(tag),
            Token::Open(tag) => writer.open(tag),
            Token::Close(name) => writer.close(name),
            Token::Text(text) => writer.text(&unescaped(text)),
        }
    }
    writer.finish()
}

/// Whether all that follows is quoted.
fn ends_all(tag: Tag<'_>) -> bool {
    let id = tag.attribute("id").unwrap_or_default();
    let outlook = || {
        let style = tag.attribute("style").unwrap_or_default().to_ascii_lowercase().replace(' ', "");
        tag.name == "div" && style.contains("border-top:solid#") && style.contains("border:none")
    };
    id == "appendonsend"
        || id.ends_with("divRplyFwdMsg")
        || id == "mail-editor-reference-message-container"
        || outlook()
}

/// Whether the element is a quoted mail.
fn is_quote(tag: Tag<'_>) -> bool {
    const CLASSES: [&str; 7] = [
        "gmail_quote",
        "gmail_extra",
        "moz-cite-prefix",
        "yahoo_quoted",
        "protonmail_quote",
        "zmail_extra",
        "tutanota_quote",
    ];
    let cited =
        || tag.name == "blockquote" && tag.attribute("type").is_some_and(|kind| kind.eq_ignore_ascii_case("cite"));
    tag.is_of(&CLASSES) || cited() || tag.attribute("id").is_some_and(|id| id == "OLK_SRC_BODY_SECTION")
}

/// A forwarded mail is what the person wants to show; it is no quote.
fn is_forward(content: &str) -> bool {
    let start = content.get(..content.floor_char_boundary(FORWARD_WITHIN)).unwrap_or(content).to_lowercase();
    ["forwarded message", "weitergeleitete nachricht", "message transféré", "mensaje reenviado", "messaggio inoltrato"]
        .iter()
        .any(|words| start.contains(words))
}

#[derive(Default)]
struct Writer {
    out: String,
    /// Line ends that are owed before the next text.
    owed: usize,
    space: bool,
    quotes: usize,
    kept_lines: usize,
    links: Vec<(Option<String>, usize)>,
}

impl Writer {
    fn open(&mut self, tag: Tag<'_>) {
        match tag.name {
            "br" => self.line_end(),
            "hr" => {
                self.gap(1);
                self.text(RULER);
                self.gap(1);
            }
            "blockquote" => {
                self.gap(2);
                self.quotes += 1;
            }
            "li" => {
                self.gap(1);
                self.text("- ");
            }
            "td" | "th" => self.space = true,
            "pre" => {
                self.gap(2);
                self.kept_lines += 1;
            }
            "a" => {
                let link = tag.attribute("href").filter(|link| link.starts_with("http") && link.len() <= LONGEST_LINK);
                self.links.push((link, self.out.len()));
            }
            name => self.gap(gap_around(name)),
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "a" => {
                if let Some((Some(link), from)) = self.links.pop() {
                    let label = self.out.get(from..).unwrap_or_default().trim();
                    let bare = |text: &str| {
                        text.trim_start_matches("https://")
                            .trim_start_matches("http://")
                            .trim_end_matches('/')
                            .to_owned()
                    };
                    if !label.is_empty() && bare(label) != bare(&link) {
                        self.text(&format!(" ({link})"));
                    }
                }
            }
            "blockquote" => {
                self.gap(2);
                self.quotes = self.quotes.saturating_sub(1);
            }
            "pre" => {
                self.kept_lines = self.kept_lines.saturating_sub(1);
                self.gap(2);
            }
            "li" => self.gap(1),
            "td" | "th" => self.space = true,
            name => self.gap(gap_around(name)),
        }
    }

    /// Owes at least so many line ends.
    fn gap(&mut self, lines: usize) {
        self.owed = self.owed.max(lines);
    }

    /// A line end of its own: two of them make a blank line.
    fn line_end(&mut self) {
        self.owed = (self.owed + 1).min(3);
        self.space = false;
    }

    fn text(&mut self, text: &str) {
        if self.kept_lines > 0 {
            for (index, line) in text.split('\n').enumerate() {
                if index > 0 {
                    self.line_end();
                }
                if !line.is_empty() {
                    self.start();
                    self.out.push_str(line);
                }
            }
            return;
        }
        self.space |= text.starts_with(char::is_whitespace);
        for word in text.split_whitespace() {
            self.start();
            self.out.push_str(word);
            self.space = true;
        }
        self.space = text.ends_with(char::is_whitespace) || text.trim().is_empty() && self.space;
    }

    /// Pays what is owed before a word.
    fn start(&mut self) {
        let fresh = self.out.is_empty();
        if self.owed > 0 && !fresh {
            self.out.push_str(&"\n".repeat(self.owed));
        } else if self.space && !fresh {
            self.out.push(' ');
        }
        if self.quotes > 0 && (self.owed > 0 || fresh) {
            self.out.push_str(&format!("{} ", ">".repeat(self.quotes.min(10))));
        }
        self.owed = 0;
        self.space = false;
    }

    fn finish(self) -> String {
        self.out.trim().to_owned()
    }
}

/// How many line ends an element stands between.
fn gap_around(name: &str) -> usize {
    match name {
        "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "dl" | "table" => 2,
        "div" | "tr" | "address" | "article" | "aside" | "section" | "header" | "footer" | "main" | "center" | "dt"
        | "dd" | "caption" => 1,
        _ => 0,
    }
}
