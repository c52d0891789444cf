//! Applying files to a real store.
