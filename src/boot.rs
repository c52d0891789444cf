//! Wires the rooms: the only file that sees them all.
