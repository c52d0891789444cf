//! The vendor's members by name, where Messenger spells them its own way. Nothing is judged here.

use crate::meta::objects::objects;

objects! {
    /// A person.
    Profile { first_name, last_name, name, profile_pic, locale }
    /// A Page.
    Page { id, name }
}
