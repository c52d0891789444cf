//! The vendor's members by name, where Instagram spells them its own way. Nothing is judged here.

use crate::meta::objects::objects;

objects! {
    /// A person.
    Profile { name, username, profile_pic }
    /// An account, as its own token sees it.
    Account { user_id, username }
    /// The Page that an account is connected with.
    Page { instagram_business_account }
    /// The account of a Page.
    Connected { id, username }
}
