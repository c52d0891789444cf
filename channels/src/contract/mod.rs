//! The vocabulary that every channel translates to and from; it knows no vendor.

pub mod address;
pub mod capabilities;
pub mod content;
pub mod credentials;
pub mod failure;
pub mod fitting;
pub mod inbound;
pub mod mail;
pub mod outbound;
pub mod peer;
pub mod plain;
pub mod request;
pub mod splitting;
pub mod vendor;
