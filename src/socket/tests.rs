//! The door with a real client at the other end.
