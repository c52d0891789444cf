//! The HTTP doors: addresses, headers, statuses, envelopes.
