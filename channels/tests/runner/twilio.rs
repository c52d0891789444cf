//! Twilio: the vendor's forms, what we send, and what must never hurt.

mod fixtures;
mod hostile;
mod inbound;
mod mutations;
mod outbound;
mod probes;
mod segments;
mod settings;
mod signature;
mod status;
