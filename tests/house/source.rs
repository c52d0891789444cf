//! The files of the house: their paths, their texts, and Rust's tokens with their lines. It judges nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::visit::Visit;

/// Folders that hold nothing of ours to judge: what is built, fetched or kept at run time.
const OUTSIDE: [&str; 4] = ["target", "node_modules", "data", ".git"];

/// All files of the repository, by their path from its root. Texts are kept for what the rules read.
pub struct House {
    files: BTreeMap<String, String>,
}

impl House {
    /// Reads the repository that this test was built from.
    pub fn read() -> Self {
        let mut files = BTreeMap::new();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        walk(root, root, &mut files);
        assert!(files.contains_key("src/lib.rs"), "the house is not where the tests look for it");
        Self { files }
    }

    /// Every path, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> + Clone {
        self.files.keys().map(String::as_str)
    }

    /// The text of a file; empty where there is none.
    pub fn text(&self, path: &str) -> &str {
        self.find(path).unwrap_or_default()
    }

    /// The text of a file, if it exists.
    pub fn find(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// The Rust files below any of these paths.
    pub fn rust_under(&self, roots: &[&str]) -> Vec<Source> {
        let chosen = self.files.iter().filter(|(path, _)| {
            Path::new(path).extension().is_some_and(|extension| extension == "rs")
                && roots.iter().any(|root| path.starts_with(root))
        });
        chosen.map(|(path, text)| Source::parse(path, text)).collect()
    }
}

fn walk(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder of the house can be listed") {
        let entry = entry.expect("an entry of the house can be read");
        let name = entry.file_name();
        if OUTSIDE.iter().any(|outside| name == *outside) {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            walk(root, &path, files);
        } else if let Ok(bytes) = fs::read(&path) {
            let relative = path.strip_prefix(root).expect("it was found below the root");
            files.insert(relative.to_string_lossy().into_owned(), String::from_utf8_lossy(&bytes).into_owned());
        }
    }
}

/// A Rust file: its path from the root, its text and its syntax.
pub struct Source {
    pub path: String,
    pub text: String,
    pub syntax: syn::File,
}

impl Source {
    /// Reads a text as the file of that path.
    pub fn parse(path: &str, text: &str) -> Self {
        let syntax = syn::parse_file(text).unwrap_or_else(|error| panic!("{path} is not Rust: {error}"));
        Self { path: path.to_owned(), text: text.to_owned(), syntax }
    }

    /// The tokens of the whole file, those inside macro calls included.
    pub fn tokens(&self) -> TokenStream {
        self.text.parse().unwrap_or_else(|error| panic!("{} is not Rust: {error}", self.path))
    }

    /// The room a file of `src/` belongs to: the folder or file right below it.
    pub fn room(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let first = inside.split('/').next().unwrap_or(inside);
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// The module path below the crate's root: `src/store/dialect.rs` is `["store", "dialect"]`.
    pub fn module(&self) -> Vec<String> {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let inside = inside.strip_suffix(".rs").unwrap_or(inside);
        let mut parts: Vec<String> = inside.split('/').map(str::to_owned).collect();
        if parts.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main")) {
            parts.pop();
        }
        parts
    }
}

/// Every identifier of a stream with its line, in order, whatever group it stands in.
pub fn identifiers(tokens: TokenStream) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    each_token(tokens, &mut |tree| {
        if let TokenTree::Ident(ident) = tree {
            found.push((ident.to_string(), ident.span().start().line));
        }
    });
    found
}

/// The string literals of a stream with their lines. Documentation (`///`, `#[doc = "…"]`) is no literal.
pub fn strings(tokens: TokenStream) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    for tree in &trees {
        match tree {
            TokenTree::Group(group) if !documents(group) => found.extend(strings(group.stream())),
            TokenTree::Literal(literal) => {
                if let Ok(syn::Lit::Str(text)) = syn::parse_str(&literal.to_string()) {
                    found.push((text.value(), literal.span().start().line));
                }
            }
            _ => {}
        }
    }
    found
}

fn documents(group: &proc_macro2::Group) -> bool {
    let first = group.stream().into_iter().next();
    group.delimiter() == Delimiter::Bracket && matches!(first, Some(TokenTree::Ident(ident)) if ident == "doc")
}

fn each_token(tokens: TokenStream, act: &mut impl FnMut(&TokenTree)) {
    for tree in tokens {
        act(&tree);
        if let TokenTree::Group(group) = tree {
            each_token(group.stream(), act);
        }
    }
}

/// Whether these attributes leave the item out of production: `#[cfg(test)]`, also within `all(…)`.
pub fn only_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).any(|attribute| {
        let Ok(condition) = attribute.parse_args::<syn::Meta>() else { return false };
        match condition {
            syn::Meta::Path(path) => path.is_ident("test"),
            syn::Meta::List(list) if list.path.is_ident("all") => {
                list.tokens.into_iter().any(|tree| matches!(tree, TokenTree::Ident(ident) if ident == "test"))
            }
            _ => false,
        }
    })
}

/// Lines, counted from 1, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lines {
    pub first: usize,
    pub last: usize,
}

impl Lines {
    /// The lines that a piece of syntax spans.
    pub fn of(piece: &impl syn::spanned::Spanned) -> Self {
        let span = piece.span();
        Self { first: span.start().line, last: span.end().line }
    }

    /// Whether the line is one of them.
    pub fn contain(self, line: usize) -> bool {
        (self.first..=self.last).contains(&line)
    }
}

/// A function of a file: its name, its lines (attributes and documentation left out) and whether tests alone use it.
pub struct Function {
    pub name: String,
    pub lines: Lines,
}

/// The functions of production, and the lines that only tests compile.
#[derive(Default)]
pub struct Anatomy {
    pub functions: Vec<Function>,
    pub test_lines: Vec<Lines>,
    /// Modules that lie in files of their own and are compiled for tests only.
    pub test_modules: Vec<String>,
}

impl Anatomy {
    /// Takes a file apart.
    pub fn of(source: &Source) -> Self {
        let mut anatomy = Self::default();
        if only_for_tests(&source.syntax.attrs) {
            anatomy.test_lines.push(Lines { first: 1, last: usize::MAX });
        } else {
            anatomy.visit_file(&source.syntax);
        }
        anatomy
    }

    fn function(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let first = Lines::of(signature).first;
        self.functions
            .push(Function { name: signature.ident.to_string(), lines: Lines { first, last: Lines::of(body).last } });
    }
}

impl<'ast> Visit<'ast> for Anatomy {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            syn::Item::Struct(item) => &item.attrs,
            syn::Item::Enum(item) => &item.attrs,
            syn::Item::Const(item) => &item.attrs,
            syn::Item::Static(item) => &item.attrs,
            syn::Item::Macro(item) => &item.attrs,
            _ => return syn::visit::visit_item(self, item),
        };
        if only_for_tests(attributes) {
            self.test_lines.push(Lines::of(item));
            if let syn::Item::Mod(syn::ItemMod { content: None, ident, .. }) = item {
                self.test_modules.push(ident.to_string());
            }
        } else {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if only_for_tests(&item.attrs) {
            self.test_lines.push(Lines::of(item));
        } else {
            self.function(&item.sig, &item.block);
            syn::visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.function(&item.sig, body);
        }
        syn::visit::visit_trait_item_fn(self, item);
    }
}
