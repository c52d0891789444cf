//! Who is alive: conversations and agents with their mailboxes, clocks and supervision.
