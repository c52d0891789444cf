//! Nouns and rules: true with the computer switched off. No async, no clock, no I/O.
