//! Walks HTML that the sanitiser has written, and nothing else: every element is closed, every attribute stands in
//! double quotes, every angle bracket in a text is escaped. So a walk needs no parser, and takes linear time.

/// A piece of markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// The beginning of an element, or an empty one.
    Open(Tag<'a>),
    /// The end of the element that is open.
    Close(&'a str),
    /// Text, escaped.
    Text(&'a str),
}

/// The beginning of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    attributes: &'a str,
}

impl<'a> Tag<'a> {
    /// Whether it has no end and no content.
    pub(super) fn is_void(&self) -> bool {
        matches!(self.name, "area" | "base" | "br" | "col" | "embed" | "hr" | "img" | "input" | "link" | "meta" | "wbr")
    }

    /// The value of an attribute, unescaped.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        let mut rest = self.attributes;
        loop {
            let (key, after) = rest.split_once("=\"")?;
            let (value, after) = after.split_once('"')?;
            if key.trim() == name {
                return Some(unescaped(value));
            }
            rest = after;
        }
    }

    /// Whether it belongs to a class.
    pub(super) fn is_of(&self, classes: &[&str]) -> bool {
        self.attribute("class").is_some_and(|own| own.split_whitespace().any(|class| classes.contains(&class)))
    }
}

/// The pieces of a text of markup, each with its place in it.
pub(super) struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    pub(super) const fn new(html: &'a str) -> Self {
        Self { rest: html }
    }

    /// What is still to come.
    pub(super) const fn rest(&self) -> &'a str {
        self.rest
    }

    /// Passes over the content and the end of the element that was just opened.
    pub(super) fn pass_over(&mut self, opened: Tag<'_>) {
        let mut depth = usize::from(!opened.is_void());
        while depth > 0 {
            match self.next() {
                Some(Token::Open(tag)) => depth += usize::from(!tag.is_void()),
                Some(Token::Close(_)) => depth -= 1,
                Some(Token::Text(_)) => {}
                None => return,
            }
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let Some(inner) = self.rest.strip_prefix('<') else {
            let (text, rest) = self.rest.split_at(self.rest.find('<').unwrap_or(self.rest.len()));
            self.rest = rest;
            return Some(Token::Text(text));
        };
        let mut quoted = false;
        let end = inner.find(|character| {
            quoted ^= character == '"';
            character == '>' && !quoted
        });
        let (tag, rest) = inner.split_at(end.unwrap_or(inner.len()));
        self.rest = rest.strip_prefix('>').unwrap_or(rest);
        if let Some(name) = tag.strip_prefix('/') {
            return Some(Token::Close(name));
        }
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        Some(Token::Open(Tag { name, attributes }))
    }
}

/// A text without the escapes of markup.
pub(super) fn unescaped(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    // The ampersand comes last, so that what was escaped twice is unescaped once.
    let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", "\u{a0}"), ("&amp;", "&")];
    pairs.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}
