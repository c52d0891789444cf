//! The demo workspace of `dev`: its file and the documents it names, carried in the binary so that it works anywhere.

use std::io;
use std::path::Path;

/// The declarative file.
pub const FILE: &str = include_str!("../../config/demo.toml");

const DOCUMENTS: [(&str, &str); 3] = [
    ("demo/orders-and-delivery.md", include_str!("../../config/demo/orders-and-delivery.md")),
    ("demo/coffee-and-prices.md", include_str!("../../config/demo/coffee-and-prices.md")),
    ("demo/visit-and-contact.md", include_str!("../../config/demo/visit-and-contact.md")),
];

/// Reads a document that the file names.
///
/// # Errors
/// The file names no such document.
pub fn read(path: &Path) -> io::Result<String> {
    let found = DOCUMENTS.iter().find(|(name, _)| Path::new(name) == path);
    found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
}
