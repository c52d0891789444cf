//! The pages in the browser: everything they name is served, under a policy that lets nothing else in.

use crate::stage::Stage;

/// The addresses that a page or a script names.
fn named(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (before, after) in [("src=\"", "\""), ("href=\"/phone/", "\""), ("from \"./", "\"")] {
        for part in text.split(before).skip(1) {
            let name = part.split(after).next().unwrap().rsplit('/').next().unwrap();
            if !name.ends_with(".d.ts") {
                found.push(format!("/phone/{name}"));
            }
        }
    }
    found
}

#[actix_web::test]
async fn every_page_has_its_parts() {
    let stage = Stage::new().await;
    for page in ["/", "/mail"] {
        let answer = stage.request("GET", page).send().await.unwrap();
        let policy = answer.headers()["Content-Security-Policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
        let mut wanted = named(&answer.text().await.unwrap());
        assert!(wanted.len() >= 2, "{page} names {wanted:?}");
        let mut seen = Vec::new();
        while let Some(name) = wanted.pop() {
            if seen.contains(&name) {
                continue;
            }
            let answer = stage.request("GET", &name).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{name} of {page}");
            wanted.extend(named(&answer.text().await.unwrap()));
            seen.push(name);
        }
    }
    assert_eq!(stage.request("GET", "/phone/protocol.d.ts").send().await.unwrap().status(), 404);
}
