//! The phone and the mailbox in the browser: static files only. Everything it shows and does goes through the control API.

use actix_web::HttpResponse;
use actix_web::web::{self, Path, ServiceConfig};

const PHONE: &str = include_str!("assets/phone.html");
const MAIL: &str = include_str!("assets/mail.html");

/// The page's own scripts and nothing else may run; images may come from anywhere, as message links do.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src * data: blob:; media-src * blob:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// Registers the addresses.
pub fn routes(config: &mut ServiceConfig) {
    config
        .route("/", web::get().to(phone))
        .route("/phone", web::get().to(phone))
        .route("/mail", web::get().to(mail))
        .route("/phone/{asset}", web::get().to(asset));
}

async fn phone() -> HttpResponse {
    page(PHONE)
}

async fn mail() -> HttpResponse {
    page(MAIL)
}

fn page(body: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(("Content-Security-Policy", POLICY))
        .insert_header(("Referrer-Policy", "no-referrer"))
        .insert_header(("Cache-Control", "no-cache"))
        .body(body)
}

async fn asset(name: Path<String>) -> HttpResponse {
    let (kind, body) = match name.as_str() {
        "phone.css" => ("text/css; charset=utf-8", include_str!("assets/phone.css")),
        "phone.js" => ("text/javascript; charset=utf-8", include_str!("assets/phone.js")),
        "bubbles.js" => ("text/javascript; charset=utf-8", include_str!("assets/bubbles.js")),
        "channels.js" => ("text/javascript; charset=utf-8", include_str!("assets/channels.js")),
        "mail.css" => ("text/css; charset=utf-8", include_str!("assets/mail.css")),
        "mail.js" => ("text/javascript; charset=utf-8", include_str!("assets/mail.js")),
        "panel.js" => ("text/javascript; charset=utf-8", include_str!("assets/panel.js")),
        "dom.js" => ("text/javascript; charset=utf-8", include_str!("assets/dom.js")),
        _ => return HttpResponse::NotFound().finish(),
    };
    HttpResponse::Ok()
        .content_type(kind)
        .insert_header(("Cache-Control", "no-cache"))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .body(body)
}
