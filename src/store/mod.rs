//! The database: all SQL lives here, and every query names its workspace.
