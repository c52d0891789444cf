//! The vendor's refusals in our terms, as a table. Its numbers are few, so its words count, too: the first row that
//! holds the number and one of its words is the class.

use crate::contract::failure::{Failure, Fault, Retry};

/// Longest words of the vendor that are kept, in characters.
const LONGEST_WORDS: usize = 500;

/// What refusals of one kind mean.
struct Class {
    /// The vendor's numbers.
    numbers: &'static [i64],
    /// Parts of its words, in lower case; none: whatever it says.
    words: &'static [&'static str],
    code: &'static str,
    retry: Retry,
    fault: Fault,
    stops_channel: bool,
    message: &'static str,
}

const UNAVAILABLE: Class = Class {
    numbers: &[],
    words: &[],
    code: "VENDOR_UNAVAILABLE",
    retry: Retry::Backoff,
    fault: Fault::Vendor,
    stops_channel: false,
    message: "Telegram has a fault; a later try may succeed.",
};

const REFUSED: Class = Class {
    numbers: &[],
    words: &[],
    code: "VENDOR_REFUSED",
    retry: Retry::Never,
    fault: Fault::Vendor,
    stops_channel: false,
    message: "Telegram refused the request.",
};

static CLASSES: &[Class] = &[
    Class {
        numbers: &[429],
        words: &[],
        code: "RATE_LIMITED_BY_VENDOR",
        retry: Retry::SlowAccount,
        fault: Fault::Vendor,
        stops_channel: false,
        message: "The bot sends faster than Telegram allows; it pauses and goes on.",
    },
    Class {
        // A token that is none is no path, so it is not found.
        numbers: &[401, 404],
        words: &[],
        code: "CHANNEL_UNAUTHORISED",
        retry: Retry::Never,
        fault: Fault::Operator,
        stops_channel: true,
        message: "The bot's token is wrong or was revoked.",
    },
    Class {
        numbers: &[400, 403],
        words: &[
            "not enough rights",
            "no rights to",
            "need administrator",
            "have no write access",
            "chat_restricted",
            "chat_write_forbidden",
            "chat_admin_required",
            "topic_closed",
        ],
        code: "CHANNEL_RESTRICTED",
        retry: Retry::Never,
        fault: Fault::Operator,
        stops_channel: false,
        message: "The bot may not do this in this chat; an administrator of the chat must allow it.",
    },
    Class {
        numbers: &[403],
        words: &[],
        code: "RECIPIENT_UNREACHABLE",
        retry: Retry::Never,
        fault: Fault::Recipient,
        stops_channel: false,
        message: "The person blocked the bot, never wrote to it or is gone, or the bot was thrown out of the group.",
    },
    Class {
        numbers: &[400],
        words: &[
            "chat not found",
            "user not found",
            "peer_id_invalid",
            "upgraded to a supergroup",
            "group chat was deactivated",
            "group is deactivated",
            "user_is_blocked",
            "input_user_deactivated",
            "member not found",
            "participant_id_invalid",
        ],
        code: "RECIPIENT_UNREACHABLE",
        retry: Retry::Never,
        fault: Fault::Recipient,
        stops_channel: false,
        message: "There is no such chat, or the bot is not in it: a person must write to the bot first.",
    },
    Class {
        numbers: &[400],
        words: &["is too long", "too_long"],
        code: "MESSAGE_TOO_LONG",
        retry: Retry::Never,
        fault: Fault::Sender,
        stops_channel: false,
        message: "The text or the caption is longer than Telegram allows.",
    },
    Class {
        numbers: &[400, 413],
        words: &[
            "wrong file identifier",
            "wrong remote file",
            "get http url content",
            "type of the web page content",
            "wrong type of file",
            "file is too big",
            "file_reference",
            "request entity too large",
            "image_process_failed",
            "photo_invalid",
            "webpage_",
            "media_",
            "voice_messages_forbidden",
            "wrong file_id",
            "invalid file_id",
            "file_id_invalid",
            "temporarily unavailable",
        ],
        code: "MEDIA_REJECTED",
        retry: Retry::Never,
        fault: Fault::Sender,
        stops_channel: false,
        message: "Telegram could not fetch the file or does not accept its type or size, or the person takes none such.",
    },
    Class {
        numbers: &[400],
        words: &[],
        code: "INVALID_CONTENT",
        retry: Retry::Never,
        fault: Fault::Sender,
        stops_channel: false,
        message: "Telegram does not accept this content.",
    },
];

/// Turns the vendor's number and words into a failure of ours.
#[must_use]
pub fn classify(number: i64, words: &str) -> Failure {
    let said = words.to_lowercase();
    let holds = |class: &&Class| {
        class.numbers.contains(&number)
            && (class.words.is_empty() || class.words.iter().any(|known| said.contains(known)))
    };
    let otherwise = if number >= 500 { &UNAVAILABLE } else { &REFUSED };
    let class = CLASSES.iter().find(holds).unwrap_or(otherwise);
    let mut failure = Failure::new(class.code, class.message, class.retry, class.fault);
    failure.stops_channel = class.stops_channel;
    failure.vendor_code = Some(number.to_string());
    let words: String = words.chars().take(LONGEST_WORDS).collect();
    failure.vendor_message = (!words.trim().is_empty()).then_some(words);
    failure
}
