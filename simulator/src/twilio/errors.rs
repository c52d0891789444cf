//! Twilio's errors: their codes, HTTP statuses and words, and the document around them.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::{Value, json};

/// Code, HTTP status, words.
const KNOWN: &[(i64, u16, &str)] = &[
    (20_001, 400, "A required parameter is missing"),
    (20_003, 401, "Authenticate"),
    (20_005, 403, "Account not active"),
    (20_404, 404, "The requested resource was not found"),
    (20_429, 429, "Too Many Requests"),
    (20_500, 500, "An internal server error has occurred"),
    (21_211, 400, "Invalid 'To' Phone Number"),
    (21_212, 400, "Invalid 'From' Phone Number"),
    (21_408, 400, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number"),
    (21_602, 400, "Message body is required"),
    (21_603, 400, "A 'From' phone number or a 'MessagingServiceSid' is required"),
    (21_604, 400, "A 'To' phone number is required"),
    (21_606, 400, "The 'From' phone number is not a valid message-capable Twilio phone number for this destination"),
    (21_609, 400, "The 'StatusCallback' URL is not a valid URL"),
    (21_610, 400, "Attempt to send to unsubscribed recipient"),
    (21_611, 400, "This 'From' number has exceeded the maximum number of queued messages"),
    (21_612, 400, "The 'To' phone number is not currently reachable using the 'From' phone number"),
    (21_614, 400, "'To' number is not a valid mobile number"),
    (21_617, 400, "The concatenated message body exceeds the 1600 character limit"),
    (21_620, 400, "Invalid media URL(s)"),
    (21_623, 400, "Number of media files exceeds allowed limit"),
    (21_655, 400, "The ContentSid is invalid"),
    (21_656, 400, "The ContentVariables Parameter is invalid"),
    (21_701, 404, "The Messaging Service does not exist"),
    (21_910, 400, "Invalid From and To pair. From and To should be of the same channel"),
    (30_001, 400, "Queue overflow"),
    (30_003, 400, "Unreachable destination handset"),
    (30_004, 400, "Message blocked"),
    (30_005, 400, "Unknown destination handset"),
    (30_006, 400, "Landline or unreachable carrier"),
    (30_007, 400, "Message filtered"),
    (30_008, 400, "Unknown error"),
    (30_034, 400, "Message from an unregistered number"),
    (63_003, 400, "Channel could not find To address"),
    (63_007, 400, "Twilio could not find a Channel with the specified From address"),
    (63_013, 400, "Channel policy violation"),
    (63_015, 400, "Channel Sandbox can only send messages to phone numbers that have joined the Sandbox"),
    (
        63_016,
        400,
        "Failed to send freeform message because you are outside the allowed window. If you are using WhatsApp, \
         please use a Message Template.",
    ),
    (63_018, 429, "Rate limit exceeded for Channel"),
    (63_019, 400, "Media failed to download"),
    (63_024, 400, "Invalid message recipient"),
    (63_027, 400, "Template does not exist for a language and locale"),
    (63_028, 400, "Number of parameters provided does not match the expected number of parameters"),
    (63_038, 429, "Account exceeded the daily messages limit"),
    (63_040, 400, "Template rejected"),
    (63_041, 400, "Template paused"),
];

/// One error of the REST API.
#[derive(Debug, Clone)]
pub struct TwilioError {
    pub http: u16,
    code: i64,
    message: String,
}

impl TwilioError {
    /// The error with this code and its usual words.
    pub fn of(code: i64) -> Self {
        let known = KNOWN.iter().find(|row| row.0 == code);
        let (http, words) = known.map_or((400, "Something new"), |row| (row.1, row.2));
        Self { http, code, message: words.to_owned() }
    }

    /// The error with this code, about this value.
    pub fn about(code: i64, value: &str) -> Self {
        let error = Self::of(code);
        Self { message: format!("{}: {value}", error.message), ..error }
    }

    /// Credentials that are missing or wrong.
    pub fn unauthorised() -> Self {
        Self::of(20_003)
    }

    /// An address behind which there is nothing.
    pub fn missing(path: &str) -> Self {
        Self { message: format!("The requested resource {path} was not found"), ..Self::of(20_404) }
    }

    /// The error document.
    pub fn document(&self) -> Value {
        json!({"code": self.code, "message": self.message, "status": self.http,
            "more_info": format!("https://www.twilio.com/docs/errors/{}", self.code)})
    }

    /// The answer to the call.
    pub fn response(&self) -> HttpResponse {
        let status = StatusCode::from_u16(self.http).unwrap_or(StatusCode::BAD_REQUEST);
        let mut answer = HttpResponse::build(status);
        if status == StatusCode::UNAUTHORIZED {
            answer.insert_header(("WWW-Authenticate", "Basic realm=\"Twilio API\""));
        }
        answer.json(self.document())
    }
}
