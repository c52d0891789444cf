//! `/docs`: a page that shows the OpenAPI document and tries its operations. Its files are in the binary; it asks nobody
//! but the gateway that served it, and must not hold a credential.

use std::sync::{Arc, LazyLock};

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentEncoding, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, web};
use utoipa_swagger_ui::Config;

use super::failure::{Failure, no_such_method};

/// The page's own address; its files lie beside it.
const PAGE: &str = "/docs/index.html";

/// What the page needs; the library has more.
pub(super) const FILES: [&str; 8] = [
    "favicon-16x16.png",
    "favicon-32x32.png",
    "index.css",
    "index.html",
    "swagger-initializer.js",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-ui.css",
];

/// Own files alone, and the one style that the library writes into its page; answers that are pictures or sounds are shown
/// from memory.
const POLICY: &str = "default-src 'none'; script-src 'self'; \
     style-src 'self' 'unsafe-hashes' 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; connect-src 'self'; \
     img-src 'self' data: blob:; media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::new(["/openapi.json"])
        .try_it_out_enabled(true)
        .display_request_duration(true)
        .filter(true)
        .doc_expansion("none")
        .default_models_expand_depth(-1)
        // Or the document would be shown to a service on the internet, which judges it.
        .validator_url("none");
    Arc::new(config)
});

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource(["/docs", "/docs/"])
                .route(web::get().to(page))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/docs/{file}").route(web::get().to(file)).default_service(web::route().to(no_such_method)),
        );
}

/// Leads to the page on which the API is tried.
#[utoipa::path(get, path = "/docs", tag = "operations", security(()),
    responses((status = 302, description = "The page is at `Location`.")))]
pub async fn page() -> HttpResponse {
    HttpResponse::Found().insert_header((LOCATION, PAGE)).finish()
}

/// The page on which the API is tried, `index.html`, or a file that it needs.
///
/// # Errors
/// 404 for a file that it does not need.
#[utoipa::path(get, path = "/docs/{file}", tag = "operations", security(()),
    params(("file" = String, Path, description = "The file.", example = "index.html")),
    responses((status = 200, description = "The file.",
               content((String = "text/html"), (String = "text/css"), (String = "text/javascript"), (String = "image/png"))),
              (status = 404, description = "There is no such file.", body = crate::api::failure::FailureBody)))]
pub async fn file(request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, Failure> {
    if !FILES.contains(&path.as_str()) {
        return Err(Failure::not_found(&request, "file"));
    }
    let found = utoipa_swagger_ui::serve(&path, Arc::clone(&CONFIG));
    let found = found.map_err(|error| Failure::unavailable(&request, &format!("the page: {error}")))?;
    let file = found.ok_or_else(|| Failure::not_found(&request, "file"))?;
    let mut response = HttpResponse::Ok();
    if file.gzpipped {
        response.insert_header(ContentEncoding::Gzip);
    }
    Ok(response
        .content_type(file.content_type)
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .body(file.bytes.into_owned()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{CONFIG, FILES};

    #[test]
    fn every_file_is_in_the_binary_and_the_page_asks_nobody_else() {
        for name in FILES {
            let file = utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG)).unwrap();
            assert!(file.is_some_and(|file| !file.bytes.is_empty()), "{name}");
        }
        let settings = utoipa_swagger_ui::serve("swagger-initializer.js", Arc::clone(&CONFIG)).unwrap().unwrap();
        let settings = String::from_utf8(settings.bytes.into_owned()).unwrap();
        assert!(
            settings.contains("\"/openapi.json\"") && settings.contains("\"validatorUrl\": \"none\""),
            "{settings}"
        );
        assert!(!settings.contains("http"), "{settings}");
    }
}
