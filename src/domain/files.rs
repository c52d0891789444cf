//! Files: bytes kept once by their hash.

/// A stored file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// UUID.
    pub id: String,
    /// SHA-256 of the bytes, lower-case hex; also its place on disk.
    pub sha256: String,
    /// Bytes.
    pub size: i64,
    /// MIME type as the vendor stated it; never trusted for rendering.
    pub mime_type: String,
    /// Name to offer on download.
    pub filename: Option<String>,
}

/// Types that a browser may show in place; everything else is offered as a download.
#[must_use]
pub fn shown_in_place(mime_type: &str) -> bool {
    let essence = mime_type.split(';').next().unwrap_or_default().trim();
    matches!(
        essence,
        "image/jpeg"
            | "image/png"
            | "image/webp"
            | "image/gif"
            | "audio/ogg"
            | "audio/mpeg"
            | "audio/mp4"
            | "audio/aac"
            | "audio/amr"
            | "video/mp4"
            | "video/3gpp"
    )
}
