//! The web widget's assets and the hosted page.
