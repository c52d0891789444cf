//! Graph API errors: the codes, their HTTP statuses, their words and their shape on the wire.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::{Value, json};

use crate::clock::Ids;
use crate::json::set;

/// Code, HTTP status, title and usual details.
type Row = (i64, u16, &'static str, &'static str);

/// The errors a gateway is likely to meet.
const KNOWN: &[Row] = &[
    (0, 401, "AuthException", "Authentication failed"),
    (1, 500, "API Unknown", ""),
    (2, 503, "API Service", ""),
    (3, 500, "API Method", "Capability or permissions issue"),
    (4, 400, "Application request limit reached", ""),
    (
        10,
        403,
        "Application does not have permission for this action",
        "Permission is either not granted or has been removed",
    ),
    (33, 400, "Parameter value is not valid", "The business phone number has been deleted"),
    (100, 400, "Invalid parameter", "The parameter messaging_product is required."),
    (190, 401, "Error validating access token: Session has expired", ""),
    (200, 403, "Permissions error", "Permission is either not granted or has been removed"),
    (368, 403, "Temporarily blocked for policies violations", "The account has been restricted or disabled"),
    (613, 400, "Calls to this api have exceeded the rate limit", ""),
    (80007, 400, "Rate limit issues", "The WABA has reached its rate limit"),
    (130_429, 400, "Rate limit hit", "Cloud API message throughput has been reached"),
    (
        130_472,
        400,
        "User's number is part of an experiment",
        "Message was not sent because the user is part of an experiment",
    ),
    (130_497, 403, "Business account is restricted from messaging users in this country", "Country restriction"),
    (131_000, 500, "Something went wrong", "Message failed to send due to an unknown error"),
    (131_005, 403, "Access denied", "Permission is either not granted or has been removed"),
    (131_008, 400, "Required parameter is missing", "Parameter of type text is missing"),
    (131_009, 400, "Parameter value is not valid", "Button title length invalid. Min length: 1, Max length: 20"),
    (131_016, 500, "Service unavailable", "A service is temporarily unavailable"),
    (131_021, 400, "Recipient cannot be sender", "Sender and recipient phone number is the same"),
    (131_026, 400, "Message undeliverable", "Message Undeliverable."),
    (
        131_030,
        400,
        "Recipient phone number not in allowed list",
        "Recipient phone number not in allowed list: Add recipient phone number to recipient list and try again.",
    ),
    (131_031, 403, "Business Account locked", "Business account has been locked"),
    (131_037, 400, "Display name approval needed", "The number needs an approved display name"),
    (131_042, 400, "Business eligibility payment issue", "There was an error related to your payment method"),
    (131_045, 500, "Incorrect certificate", "Message failed to send due to a phone number registration error"),
    (
        131_047,
        400,
        "Re-engagement message",
        "Message failed to send because more than 24 hours have passed since the customer last replied to this number",
    ),
    (
        131_048,
        400,
        "Spam rate limit hit",
        "Message failed to send because there are restrictions on how many messages can be sent from this phone number",
    ),
    (
        131_049,
        400,
        "Meta chose not to deliver",
        "This message was not delivered to maintain healthy ecosystem engagement.",
    ),
    (
        131_050,
        400,
        "User has stopped marketing messages",
        "Unable to deliver the message. This recipient has chosen to stop receiving marketing messages.",
    ),
    (131_051, 400, "Unsupported message type", "Message type is not currently supported"),
    (131_052, 400, "Media download error", "Unable to download the media sent by the user"),
    (131_053, 400, "Media upload error", "Unable to upload the media used in the message"),
    (131_055, 400, "Method not allowed", "Method is not allowed"),
    (
        131_056,
        400,
        "(Business Account, Consumer Account) pair rate limit hit",
        "Too many messages sent from this phone number to the same phone number in a short period of time",
    ),
    (131_057, 500, "Account in maintenance mode", "Business Account is in maintenance mode"),
    (131_062, 400, "Business-scoped user ID recipients are not supported for this message", "Use a phone number"),
    (
        132_000,
        400,
        "Number of parameters does not match the expected number of params",
        "body: number of localizable_params (1) does not match the expected number of params (2)",
    ),
    (132_001, 404, "Template name does not exist in the translation", "template name (nope) does not exist in en_US"),
    (132_005, 400, "Translated text too long", "Translated text is too long"),
    (132_007, 400, "Template format character policy violated", "Template content violates a policy"),
    (
        132_012,
        400,
        "Parameter format does not match format in the created template",
        "Variable parameter values formatted incorrectly",
    ),
    (132_015, 400, "Template is paused", "Template is paused due to low quality"),
    (132_016, 400, "Template is disabled", "Template has been paused too many times due to low quality"),
    (133_004, 503, "Server temporarily unavailable", "The server is temporarily unavailable"),
    (133_010, 400, "Account not registered", "The phone number is not registered on the platform"),
    (
        135_000,
        400,
        "Generic user error",
        "Message failed to send because of an unknown error with your request parameters",
    ),
    (137_000, 400, "Recipient identity key hash mismatch", "The identity of the recipient has changed"),
];

fn known(code: i64) -> Option<&'static Row> {
    KNOWN.iter().find(|row| row.0 == code)
}

/// One error of the Graph API.
#[derive(Debug, Clone)]
pub struct GraphError {
    pub http: u16,
    code: i64,
    subcode: Option<i64>,
    kind: &'static str,
    message: String,
    details: Option<String>,
    explanation: Option<String>,
}

impl GraphError {
    /// The error with this code and its usual words.
    pub fn of(code: i64) -> Self {
        let (http, title, details) =
            known(code).map_or((400, "Something new", "Nobody has documented this"), |row| (row.1, row.2, row.3));
        let message = if code == 0 { title.to_owned() } else { format!("(#{code}) {title}") };
        let details = (!details.is_empty()).then(|| details.to_owned());
        Self { http, code, subcode: None, kind: "OAuthException", message, details, explanation: None }
    }

    /// The error with this code, about this.
    pub fn about(code: i64, details: impl Into<String>) -> Self {
        Self { details: Some(details.into()), ..Self::of(code) }
    }

    /// A node that is not there, or not for this token.
    pub fn no_such_node(method: &str, node: &str) -> Self {
        Self {
            http: 400,
            code: 100,
            subcode: Some(33),
            kind: "GraphMethodException",
            message: format!(
                "Unsupported {method} request. Object with ID '{node}' does not exist, cannot be loaded due to \
                 missing permissions, or does not support this operation."
            ),
            details: None,
            explanation: None,
        }
    }

    /// An error in these words.
    pub fn worded(http: u16, code: i64, subcode: Option<i64>, words: &str) -> Self {
        let message = format!("(#{code}) {words}");
        Self { http, code, subcode, kind: "OAuthException", message, details: None, explanation: None }
    }

    /// The same with what is shown to people.
    pub fn explained(self, words: &str) -> Self {
        Self { explanation: Some(words.to_owned()), ..self }
    }

    /// A token that is not the account's.
    pub fn bad_token() -> Self {
        Self { message: "Invalid OAuth access token - Cannot parse access token".to_owned(), ..Self::of(190) }
    }

    /// The error document.
    pub fn document(&self, ids: &Ids) -> Value {
        let mut error = json!({"message": self.message, "type": self.kind, "code": self.code});
        if let Some(subcode) = self.subcode {
            set(&mut error, "error_subcode", json!(subcode));
        }
        if let Some(details) = &self.details {
            set(&mut error, "error_data", json!({"messaging_product": "whatsapp", "details": details}));
        }
        if let Some(explanation) = &self.explanation {
            set(&mut error, "error_user_title", json!("Message template"));
            set(&mut error, "error_user_msg", json!(explanation));
        }
        set(&mut error, "fbtrace_id", json!(ids.trace()));
        json!({"error": error})
    }

    /// The same error as it stands in `statuses[].errors[]`.
    pub fn in_status(&self) -> Value {
        let title = known(self.code).map_or("Something new", |row| row.2);
        json!({
            "code": self.code, "title": title, "message": title,
            "error_data": {"details": self.details.clone().unwrap_or_default()},
            "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"
        })
    }

    /// The answer to the call.
    pub fn response(&self, ids: &Ids) -> HttpResponse {
        let status = StatusCode::from_u16(self.http).unwrap_or(StatusCode::BAD_REQUEST);
        let mut answer = HttpResponse::build(status);
        if status == StatusCode::UNAUTHORIZED {
            answer.insert_header(("WWW-Authenticate", "OAuth \"Facebook Platform\" \"invalid_token\""));
        }
        answer.json(self.document(ids))
    }
}
