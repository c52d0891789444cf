//! The HTTP doors: addresses, headers, statuses, envelopes. A folder is a surface, a file is the first word of an
//! address. They know no SQL, no vendor's field and no actor: they call use cases.

pub mod assistant;
pub mod auditing;
pub mod authentication;
pub mod callbacks;
pub mod docs;
pub mod failure;
pub mod functions;
pub mod health;
pub mod limiting;
pub mod openapi;
pub mod peer;
pub mod platform;
pub mod provenance;
pub mod reading;
pub mod request_id;
pub mod talk;
pub mod unbuilt;

use std::sync::Arc;
use std::time::Duration;

use actix_web::web;

use crate::cache::limits::Limits;
use crate::net::Client;
use crate::usecases::Switchboard;

/// How the doors behave.
#[derive(Debug, Clone)]
pub struct Options {
    /// Largest body of a callback, in bytes.
    pub callback_bytes: usize,
    /// Largest body of an API request, in bytes.
    pub body_bytes: usize,
    /// Longest time a body may take to arrive.
    pub body_timeout: Duration,
    /// Where vendors reach this gateway, without a slash at the end; `None`: where the request says that it went.
    pub public_url: Option<String>,
    /// Networks of proxies that are believed about whom they speak for.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Cookies travel over HTTPS alone.
    pub secure_cookies: bool,
    /// Requests a minute from one address; none: as many as it likes.
    pub requests_per_address: Option<u32>,
    /// Networks whose requests are not counted by address.
    pub uncounted: Vec<ipnet::IpNet>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            callback_bytes: 4 * 1024 * 1024,
            body_bytes: 1024 * 1024,
            body_timeout: Duration::from_secs(15),
            public_url: None,
            trusted_proxies: Vec::new(),
            secure_cookies: true,
            requests_per_address: None,
            uncounted: Vec::new(),
        }
    }
}

/// What every handler may use.
#[derive(Clone)]
pub struct Doors {
    /// The product.
    pub switchboard: Switchboard,
    /// The way out, for the few things done while a caller waits.
    pub client: Client,
    /// How the doors behave.
    pub options: Arc<Options>,
    /// The widget's script and page.
    pub widget: platform::widget::Assets,
    /// Counts requests.
    pub limits: Limits,
    /// Renders the metrics.
    pub metrics: Option<metrics_exporter_prometheus::PrometheusHandle>,
}

/// Adds all addresses to an application.
pub fn configure(doors: &Doors, services: &mut web::ServiceConfig) {
    services
        .app_data(web::Data::new(doors.clone()))
        .app_data(web::PayloadConfig::new(doors.options.callback_bytes))
        .app_data(failure::json_config(doors.options.body_bytes))
        .app_data(failure::query_config())
        .app_data(failure::path_config())
        .configure(health::configure)
        .configure(assistant::configure)
        .configure(callbacks::configure)
        .configure(docs::configure)
        .configure(functions::configure)
        .configure(platform::configure)
        .configure(assistant::configure)
        .configure(unbuilt::configure)
        .configure(openapi::configure)
        .default_service(web::route().to(failure::no_such_address));
}

/// The OpenAPI document, as the command and the address give it: JSON with a line break at its end.
#[must_use]
pub fn openapi_json() -> String {
    openapi::document()
}

/// The table of error codes, as Markdown.
#[must_use]
pub fn errors_markdown() -> String {
    openapi::error_table()
}
