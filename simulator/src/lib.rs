//! The vendors' side of every wire. It knows only what the vendors document, so it could test any gateway.
