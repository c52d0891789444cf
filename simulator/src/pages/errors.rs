//! The errors of the Send API: code and subcode, HTTP status and words. Their shape on the wire is `graph`'s.

use crate::channel::Channel;
use crate::graph::errors::GraphError;

/// Code, subcode, HTTP status, words.
type Row = (i64, Option<i64>, u16, &'static str);

/// What both products say.
const SHARED: &[Row] = &[
    (4, None, 400, "Application request limit reached"),
    (10, None, 403, "Application does not have permission for this action"),
    (10, Some(2_018_300), 400, "Message not sent. Another app is controlling this thread now."),
    (32, None, 400, "Page request limit reached"),
    (100, None, 400, "Invalid parameter"),
    (100, Some(2_018_047), 400, "Upload attachment failure. A common way to trigger this error is a wrong media type."),
    (100, Some(2_018_074), 400, "Upload attachment failure. The attachment id is not owned by the page"),
    (100, Some(2_018_008), 400, "Failed to fetch the file from the url"),
    (230, None, 403, "User consent is required to access user profile"),
    (551, None, 400, "This person is not available right now."),
    (551, Some(1_545_041), 400, "This person is not available right now."),
    (613, None, 400, "Calls to this API have exceeded the rate limit."),
    (1_200, None, 400, "Temporary send message failure. Please try again later."),
    (1, None, 500, "An unknown error has occurred."),
    (2, None, 500, "An unexpected error has occurred. Please retry your request later."),
    (10_900, None, 400, "Activity already replied to"),
    (10_903, None, 400, "This user cannot reply to this activity"),
];

const MESSENGER: &[Row] = &[
    (10, Some(2_018_278), 400, "This message is sent outside of allowed window."),
    (100, Some(2_018_001), 400, "No matching user found"),
    (100, Some(2_018_034), 400, "Length of param message[text] must be less than or equal to 2000"),
    (190, None, 400, "Error validating access token: Session has expired"),
    (190, Some(463), 400, "Error validating access token: Session has expired"),
    (200, None, 403, "Requires pages_messaging permission to manage the object"),
    (200, Some(1_545_041), 400, "This person isn’t available right now."),
    (
        200,
        Some(2_018_028),
        403,
        "Cannot message users who are not admins, developers or testers of the app until pages_messaging permission \
         is reviewed and the app is live.",
    ),
    (80_006, None, 400, "There have been too many calls to this Page account."),
];

const INSTAGRAM: &[Row] = &[
    (10, Some(2_534_022), 400, "This message is sent outside of allowed window."),
    (100, Some(2_534_014), 400, "The requested user cannot be found"),
    (190, None, 400, "Invalid OAuth access token - Cannot parse access token"),
    (200, None, 403, "Insufficient developer role"),
    (80_002, None, 400, "There have been too many calls to this Instagram account."),
];

/// The error with this code, in the words of the channel.
pub fn of(channel: Channel, code: i64, subcode: Option<i64>) -> GraphError {
    let own = if channel == Channel::Instagram { INSTAGRAM } else { MESSENGER };
    let row = own.iter().chain(SHARED).find(|row| (row.0, row.1) == (code, subcode));
    match row {
        Some(row) => GraphError::worded(row.2, code, subcode, row.3),
        None => GraphError::worded(400, code, subcode, "Something new"),
    }
}

/// A wrong parameter, with what is wrong about it.
pub fn invalid(words: &str) -> GraphError {
    GraphError::worded(400, 100, None, words)
}

/// Nobody has this address.
pub fn nobody(channel: Channel) -> GraphError {
    let subcode = if channel == Channel::Instagram { 2_534_014 } else { 2_018_001 };
    of(channel, 100, Some(subcode))
}

/// The window is closed.
pub fn too_late(channel: Channel) -> GraphError {
    let subcode = if channel == Channel::Instagram { 2_534_022 } else { 2_018_278 };
    of(channel, 10, Some(subcode))
}
