//! Settings: file, environment, flags; composes the rooms' own options.
