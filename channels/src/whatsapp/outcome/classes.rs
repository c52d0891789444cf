//! WhatsApp's error codes in our terms, as a table. What stands in no row is judged by the status of the answer.

use crate::contract::failure::{Failure, Fault, Retry};
use crate::meta::classes::{Class, Table, UNKNOWN};

/// WhatsApp's refusals.
pub(super) static TABLE: Table =
    Table { classes: CLASSES, unavailable: UNAVAILABLE, too_fast: TOO_FAST, refused: REFUSED };

const UNAVAILABLE: Class = Class {
    codes: &[1..=2, 131_000..=131_000, 131_016..=131_016, 131_057..=131_057, 133_004..=133_004, 134_101..=134_101],
    subcodes: &[],
    code: "VENDOR_UNAVAILABLE",
    retry: Retry::Backoff,
    fault: Fault::Vendor,
    stops_channel: false,
    message: "WhatsApp has a fault or is being maintained; a later try may succeed.",
};

const TOO_FAST: Class = Class {
    codes: &[4..=4, 613..=613, 80_007..=80_008, 130_429..=130_429, 131_208..=131_208],
    subcodes: &[],
    code: "RATE_LIMITED_BY_VENDOR",
    retry: Retry::SlowAccount,
    fault: Fault::Vendor,
    stops_channel: false,
    message: "The number sends faster than WhatsApp allows; it pauses and goes on.",
};

const REFUSED: Class = Class {
    codes: &[],
    subcodes: &[],
    code: UNKNOWN,
    retry: Retry::Never,
    fault: Fault::Vendor,
    stops_channel: false,
    message: "WhatsApp refused the request.",
};

/// The other classes with their codes; the first that holds a code counts.
static CLASSES: &[Class] = &[
    Class {
        codes: &[131_056..=131_056],
        subcodes: &[],
        code: "RECIPIENT_RATE_LIMITED",
        retry: Retry::SlowRecipient,
        fault: Fault::Vendor,
        stops_channel: false,
        message: "This recipient gets messages faster than WhatsApp allows; sends to them pause and go on.",
    },
    Class {
        codes: &[],
        subcodes: &[2_388_023, 2_388_024],
        code: "TEMPLATE_EXISTS",
        retry: Retry::Never,
        fault: Fault::Sender,
        stops_channel: false,
        message: "A template of this name exists in this language, or is still being deleted.",
    },
    Class {
        codes: &[],
        subcodes: &[2_388_019],
        code: "TEMPLATE_LIMIT_REACHED",
        retry: Retry::Never,
        fault: Fault::Operator,
        stops_channel: false,
        message: "The WhatsApp account has as many templates as it may have.",
    },
    Class {
        codes: &[131_047..=131_047],
        subcodes: &[],
        code: "WINDOW_CLOSED",
        retry: Retry::Never,
        fault: Fault::Sender,
        stops_channel: false,
        message: "More than 24 hours have passed since the person's last message; only a template can go out.",
    },
    Class {
        codes: &[0..=0, 3..=3, 10..=10, 190..=190, 200..=299, 131_005..=131_005],
        subcodes: &[],
        code: "CHANNEL_UNAUTHORISED",
        retry: Retry::Never,
        fault: Fault::Operator,
        stops_channel: true,
        message: "The access token is wrong, has expired or lacks a permission.",
    },
    Class {
        codes: &[
            33..=33,
            368..=368,
            131_031..=131_031,
            131_037..=131_037,
            131_042..=131_042,
            131_045..=131_045,
            133_010..=133_010,
        ],
        subcodes: &[],
        code: "CHANNEL_RESTRICTED",
        retry: Retry::Never,
        fault: Fault::Operator,
        stops_channel: true,
        message: "The WhatsApp account or number is locked, unpaid, not registered or not approved.",
    },
    Class {
        // One country is barred, not the whole account.
        codes: &[130_497..=130_497],
        subcodes: &[],
        code: "CHANNEL_RESTRICTED",
        retry: Retry::Never,
        fault: Fault::Operator,
        stops_channel: false,
        message: "The WhatsApp account may not message people in this country.",
    },
    Class {
        codes: &[
            130_472..=130_472,
            131_021..=131_021,
            131_026..=131_026,
            131_030..=131_030,
            131_050..=131_050,
            137_000..=137_000,
        ],
        subcodes: &[],
        code: "RECIPIENT_UNREACHABLE",
        retry: Retry::Never,
        fault: Fault::Recipient,
        stops_channel: false,
        message: "The recipient cannot be reached on WhatsApp or does not want this message.",
    },
    Class {
        codes: &[131_048..=131_049, 131_064..=131_064],
        subcodes: &[],
        code: "HELD_BACK_BY_VENDOR",
        retry: Retry::Never,
        fault: Fault::Vendor,
        stops_channel: false,
        message: "WhatsApp holds this message back to protect people from too many; do not repeat it soon.",
    },
    Class {
        codes: &[
            100..=100,
            131_008..=131_009,
            131_051..=131_051,
            131_055..=131_055,
            131_062..=131_063,
            135_000..=135_000,
        ],
        subcodes: &[],
        code: "INVALID_CONTENT",
        retry: Retry::Never,
        fault: Fault::Sender,
        stops_channel: false,
        message: "WhatsApp does not accept this content.",
    },
    Class {
        codes: &[
            132_000..=132_001,
            132_005..=132_005,
            132_007..=132_007,
            132_012..=132_012,
            132_015..=132_016,
            132_068..=132_069,
            134_100..=134_100,
            134_102..=134_102,
        ],
        subcodes: &[],
        code: "TEMPLATE_REJECTED",
        retry: Retry::Never,
        fault: Fault::Sender,
        stops_channel: false,
        message: "The template does not exist in this language, is not usable now, or its parameters do not fit.",
    },
    Class {
        codes: &[131_052..=131_053],
        subcodes: &[],
        code: "MEDIA_REJECTED",
        retry: Retry::Never,
        fault: Fault::Sender,
        stops_channel: false,
        message: "WhatsApp could not fetch the file or does not accept its type or size.",
    },
];

/// Turns the vendor's code into a failure of ours. `http` is the status of the answer, if the code came in one.
#[must_use]
pub fn classify(code: i64, subcode: Option<i64>, http: Option<u16>, words: &str) -> Failure {
    TABLE.classify(code, subcode, http, words)
}
