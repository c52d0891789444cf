//! How the vendor's objects are written down: every member optional and unread, so that no odd type of one can cost its
//! neighbours.

/// Defines objects of the vendor: every member optional and unread, unknown ones passed over.
macro_rules! objects {
    ($($(#[$about:meta])* $name:ident { $($(#[$rename:meta])* $member:ident),+ $(,)? })+) => {$(
        $(#[$about])*
        #[derive(Debug, Default, serde::Deserialize)]
        #[serde(default)]
        pub(super) struct $name<'a> {
            $(#[serde(borrow)] $(#[$rename])* pub(super) $member: $crate::meta::Raw<'a>,)+
        }
    )+};
}

pub(crate) use objects;
