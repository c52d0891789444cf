//! The one way out: HTTP with timeouts, size caps, private addresses refused, secrets redacted.
