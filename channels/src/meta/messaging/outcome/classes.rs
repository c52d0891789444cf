//! The Send API's error codes in our terms, as a table. What stands in no row is judged by the status of the answer.

use crate::contract::failure::{Fault, Retry};
use crate::meta::classes::{Class, Table, UNKNOWN};

/// The refusals of the Send API.
pub(crate) static TABLE: Table =
    Table { classes: CLASSES, unavailable: UNAVAILABLE, too_fast: TOO_FAST, refused: REFUSED };

const UNAVAILABLE: Class = Class {
    codes: &[1..=2, 1_200..=1_200],
    subcodes: &[],
    code: "VENDOR_UNAVAILABLE",
    retry: Retry::Backoff,
    fault: Fault::Vendor,
    stops_channel: false,
    message: "Meta has a fault or is being maintained; a later try may succeed.",
};

const TOO_FAST: Class = Class {
    codes: &[4..=4, 17..=17, 32..=32, 613..=613, 80_002..=80_002, 80_006..=80_006],
    subcodes: &[],
    code: "RATE_LIMITED_BY_VENDOR",
    retry: Retry::SlowAccount,
    fault: Fault::Vendor,
    stops_channel: false,
    message: "The account sends faster than Meta allows; it pauses and goes on.",
};

const REFUSED: Class = Class {
    codes: &[],
    subcodes: &[],
    code: UNKNOWN,
    retry: Retry::Never,
    fault: Fault::Vendor,
    stops_channel: false,
    message: "Meta refused the request.",
};

/// The other classes with their codes; a subcode counts before any code, and the first row that holds one counts.
static CLASSES: &[Class] = &[
    Class {
        codes: &[],
        subcodes: &[2_018_065, 2_018_278, 2_534_022],
        code: "WINDOW_CLOSED",
        retry: Retry::Never,
        fault: Fault::Sender,
        stops_channel: false,
        message: "The messaging window is closed; only a person of yours may still answer, within 7 days.",
    },
    Class {
        codes: &[551..=551],
        subcodes: &[1_545_041, 2_018_001, 2_018_108, 2_534_014],
        code: "RECIPIENT_UNREACHABLE",
        retry: Retry::Never,
        fault: Fault::Recipient,
        stops_channel: false,
        message: "The recipient does not exist any more, or does not take messages of this account.",
    },
    Class {
        codes: &[],
        subcodes: &[2_018_034],
        code: "MESSAGE_TOO_LONG",
        retry: Retry::Never,
        fault: Fault::Sender,
        stops_channel: false,
        message: "The text is longer than Meta allows.",
    },
    Class {
        codes: &[],
        subcodes: &[2_018_008, 2_018_047, 2_018_074, 2_018_294],
        code: "MEDIA_REJECTED",
        retry: Retry::Never,
        fault: Fault::Sender,
        stops_channel: false,
        message: "Meta could not fetch the file or does not accept its type or size.",
    },
    Class {
        // The channel works for those who test the app, so it goes on.
        codes: &[],
        subcodes: &[2_018_028],
        code: "CHANNEL_RESTRICTED",
        retry: Retry::Never,
        fault: Fault::Operator,
        stops_channel: false,
        message: "The app is in development or not reviewed: it may only message its own testers.",
    },
    Class {
        codes: &[368..=368],
        subcodes: &[2_018_344],
        code: "CHANNEL_RESTRICTED",
        retry: Retry::Never,
        fault: Fault::Operator,
        stops_channel: true,
        message: "The account is blocked, or its administrator has to accept Meta's terms first.",
    },
    Class {
        // It may be one person's missing consent, so it does not stop the others' messages.
        codes: &[230..=230],
        subcodes: &[],
        code: "CHANNEL_UNAUTHORISED",
        retry: Retry::Never,
        fault: Fault::Operator,
        stops_channel: false,
        message: "The app lacks a permission, or the person has not agreed.",
    },
    Class {
        codes: &[0..=0, 3..=3, 10..=10, 102..=102, 190..=190, 200..=299],
        subcodes: &[33, 460, 463, 467],
        code: "CHANNEL_UNAUTHORISED",
        retry: Retry::Never,
        fault: Fault::Operator,
        stops_channel: true,
        message: "The access token is wrong, has expired, lacks a permission or does not reach the account.",
    },
    Class {
        codes: &[100..=100],
        subcodes: &[],
        code: "INVALID_CONTENT",
        retry: Retry::Never,
        fault: Fault::Sender,
        stops_channel: false,
        message: "Meta does not accept this content.",
    },
];
