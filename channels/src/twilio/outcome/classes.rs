//! The vendor's error codes in our terms, as a table. The status of an answer counts where it says that nothing was
//! judged at all, and for codes that stand in no row.

use crate::contract::failure::{Failure, Fault, Retry};

/// The code of a recipient who wants no messages.
pub const OPTED_OUT: &str = "RECIPIENT_OPTED_OUT";
/// Longest words of the vendor that are kept, in characters.
const LONGEST_WORDS: usize = 500;

/// What refusals of one kind mean.
struct Class {
    codes: &'static [i64],
    code: &'static str,
    retry: Retry,
    fault: Fault,
    stops_channel: bool,
    message: &'static str,
}

const UNAVAILABLE: Class = Class {
    codes: &[20_500, 20_503, 63_009, 63_010, 63_012],
    code: "VENDOR_UNAVAILABLE",
    retry: Retry::Backoff,
    fault: Fault::Vendor,
    stops_channel: false,
    message: "Twilio, or the network behind it, has a fault; a later try may succeed.",
};

const TOO_FAST: Class = Class {
    codes: &[14_107, 20_429, 21_611, 30_001, 30_022, 63_017, 63_018, 63_038],
    code: "RATE_LIMITED_BY_VENDOR",
    retry: Retry::SlowAccount,
    fault: Fault::Vendor,
    stops_channel: false,
    message: "The sender sends faster than Twilio or the network behind it allows; it pauses and goes on.",
};

const UNAUTHORISED: Class = Class {
    codes: &[20_003, 20_404, 20_008, 63_001, 63_008, 63_020],
    code: "CHANNEL_UNAUTHORISED",
    retry: Retry::Never,
    fault: Fault::Operator,
    stops_channel: true,
    message: "The account SID or its credentials are wrong, or lack a permission.",
};

const REFUSED: Class = Class {
    codes: &[],
    code: "VENDOR_REFUSED",
    retry: Retry::Never,
    fault: Fault::Vendor,
    stops_channel: false,
    message: "Twilio refused the request.",
};

/// Every class with its codes; the first that holds a code counts.
static CLASSES: &[Class] = &[
    UNAVAILABLE,
    TOO_FAST,
    UNAUTHORISED,
    Class {
        codes: &[20_005, 30_002, 30_032, 30_034],
        code: "CHANNEL_RESTRICTED",
        retry: Retry::Never,
        fault: Fault::Operator,
        stops_channel: true,
        message: "The account is suspended, or the sender is not registered with the carriers.",
    },
    Class {
        codes: &[21_212, 21_659, 21_660, 21_703, 63_007],
        code: "SENDER_UNKNOWN",
        retry: Retry::Never,
        fault: Fault::Operator,
        stops_channel: true,
        message: "The sender is not a number, name or channel of this account.",
    },
    Class {
        // It may be this destination only.
        codes: &[21_606],
        code: "SENDER_UNKNOWN",
        retry: Retry::Never,
        fault: Fault::Operator,
        stops_channel: false,
        message: "The sender cannot send messages to this destination.",
    },
    Class {
        codes: &[21_408, 21_612, 21_635],
        code: "CHANNEL_RESTRICTED",
        retry: Retry::Never,
        fault: Fault::Operator,
        stops_channel: false,
        message: "Messages from this sender to this country or kind of number are not enabled.",
    },
    Class {
        codes: &[63_015],
        code: "RECIPIENT_UNREACHABLE",
        retry: Retry::Never,
        fault: Fault::Operator,
        stops_channel: false,
        message: "The sender is the sandbox, and the recipient has not joined it.",
    },
    Class {
        codes: &[21_610],
        code: OPTED_OUT,
        retry: Retry::Never,
        fault: Fault::Recipient,
        stops_channel: false,
        message: "The recipient wants no messages from this sender.",
    },
    Class {
        codes: &[21_211, 21_214, 21_217, 21_614, 30_003, 30_004, 30_005, 30_006, 63_003, 63_014, 63_024, 63_033],
        code: "RECIPIENT_UNREACHABLE",
        retry: Retry::Never,
        fault: Fault::Recipient,
        stops_channel: false,
        message: "The recipient's number cannot be reached this way.",
    },
    Class {
        codes: &[63_016],
        code: "WINDOW_CLOSED",
        retry: Retry::Never,
        fault: Fault::Sender,
        stops_channel: false,
        message: "More than 24 hours have passed since the person's last message; only a template can go out.",
    },
    Class {
        codes: &[21_617, 21_605],
        code: "MESSAGE_TOO_LONG",
        retry: Retry::Never,
        fault: Fault::Sender,
        stops_channel: false,
        message: "The text has more than 1600 characters.",
    },
    Class {
        codes: &[21_655, 21_656, 63_027, 63_028, 63_040, 63_041, 63_042],
        code: "TEMPLATE_REJECTED",
        retry: Retry::Never,
        fault: Fault::Sender,
        stops_channel: false,
        message: "The template does not exist in this language, is not usable now, or its variables do not fit.",
    },
    Class {
        codes: &[11_751, 12_300, 21_620, 21_623, 30_011, 63_019],
        code: "MEDIA_REJECTED",
        retry: Retry::Never,
        fault: Fault::Sender,
        stops_channel: false,
        message: "Twilio could not fetch the file, or does not accept its type, size or number.",
    },
    Class {
        codes: &[30_007, 63_032, 63_049, 63_051],
        code: "HELD_BACK_BY_VENDOR",
        retry: Retry::Never,
        fault: Fault::Vendor,
        stops_channel: false,
        message: "The carrier or WhatsApp filters this message; do not repeat it soon.",
    },
    Class {
        codes: &[63_005, 63_013, 63_021],
        code: "INVALID_CONTENT",
        retry: Retry::Never,
        fault: Fault::Sender,
        stops_channel: false,
        message: "The network behind Twilio does not accept this content.",
    },
    Class {
        codes: &[21_602, 21_603, 21_604, 21_609, 21_619],
        code: "VENDOR_REFUSED",
        retry: Retry::Never,
        fault: Fault::Gateway,
        stops_channel: false,
        message: "The request lacked something that Twilio needs.",
    },
    Class {
        codes: &[30_008],
        code: "VENDOR_REFUSED",
        retry: Retry::Never,
        fault: Fault::Vendor,
        stops_channel: false,
        message: "The carrier gave no reason.",
    },
];

impl Class {
    fn failure(&self, words: &str) -> Failure {
        let mut failure = Failure::new(self.code, self.message, self.retry, self.fault);
        failure.stops_channel = self.stops_channel;
        let words: String = words.chars().take(LONGEST_WORDS).collect();
        failure.vendor_message = (!words.trim().is_empty()).then_some(words);
        failure
    }
}

/// Turns the vendor's code into a failure of ours. `http` is the status of the answer, if the code came in one.
#[must_use]
pub fn classify(code: i64, http: Option<u16>, words: &str) -> Failure {
    let row = CLASSES.iter().find(|class| class.codes.contains(&code));
    let mut failure = match (row, http) {
        (_, Some(status @ (429 | 500..))) => by_status(status, words),
        (Some(class), _) => class.failure(words),
        (None, Some(status)) => by_status(status, words),
        (None, None) => REFUSED.failure(words),
    };
    failure.vendor_code = Some(code.to_string());
    failure
}

/// What a status alone says.
pub(super) fn by_status(status: u16, words: &str) -> Failure {
    match status {
        401 | 403 | 404 => UNAUTHORISED.failure(words),
        429 => TOO_FAST.failure(words),
        500.. => UNAVAILABLE.failure(words),
        _ => REFUSED.failure(words),
    }
}
