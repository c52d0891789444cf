//! Loads and their results.

fn main() {}
