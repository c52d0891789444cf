//! `POST /v1/embeddings`: texts as vectors, always the same for the same text. Texts that share many groups of three
//! letters lie near each other, as words of one stem do, or a word and its misspelling.

use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::chat::{error, keyed, refused};
use crate::faults::Facts;
use crate::server::around;
use crate::world::World;

/// Numbers of a vector.
const NUMBERS: u64 = 512;

/// Registers the address.
pub fn routes(config: &mut ServiceConfig) {
    config.route("/v1/embeddings", web::post().to(embed));
}

async fn embed(world: Data<World>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let facts = Facts { vendor: "model", kind: "embeddings", path: request.path(), body: &body };
    around(&world, facts, async |_| {
        let settings = world.model.settings();
        if !keyed(&settings, &request) {
            return refused();
        }
        let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
        world.model.note(&asked, settings.count_only);
        answer(&asked)
    })
    .await
}

fn answer(asked: &Value) -> HttpResponse {
    let bad = |message: &str| error(StatusCode::BAD_REQUEST, message, "invalid_request_error", "invalid_value");
    let Some(model) = asked.get("model").and_then(Value::as_str) else {
        return bad("you must provide a model parameter");
    };
    let texts: Option<Vec<&str>> = match asked.get("input") {
        Some(Value::String(text)) => Some(vec![text]),
        Some(Value::Array(texts)) if !texts.is_empty() => texts.iter().map(Value::as_str).collect(),
        _ => None,
    };
    let Some(texts) = texts.filter(|texts| texts.iter().all(|text| !text.is_empty())) else {
        return bad("'$.input' is invalid.");
    };
    let tokens: usize = texts.iter().map(|text| text.len() / 4 + 1).sum();
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| json!({"object": "embedding", "index": index, "embedding": vector(text)}))
        .collect();
    HttpResponse::Ok().json(json!({"object": "list", "data": data, "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}))
}

/// How often each group of three letters occurs, words apart, in as many places as a vector has.
fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![0_f32; usize::try_from(NUMBERS).unwrap_or_default()];
    for word in text.to_lowercase().split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let letters: Vec<char> = [' '].into_iter().chain(word.chars()).chain([' ']).collect();
        for group in letters.windows(3) {
            // FNV-1a, which is the same everywhere and for ever.
            let hash = group.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, letter| {
                (hash ^ u64::from(u32::from(*letter))).wrapping_mul(0x0100_0000_01b3)
            });
            let place = usize::try_from(hash % NUMBERS).unwrap_or_default();
            if let Some(number) = vector.get_mut(place) {
                *number += 1.0;
            }
        }
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::vector;

    fn nearness(one: &str, other: &str) -> f32 {
        let (one, other) = (vector(one), vector(other));
        let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        product(&one, &other) / (product(&one, &one) * product(&other, &other)).sqrt()
    }

    #[test]
    fn what_looks_alike_lies_near() {
        assert!(nearness("espresso", "Espresso!") > 0.999);
        assert!(nearness("expresso", "likes espresso") > 0.4);
        assert!(nearness("expresso", "lives in a green house") < 0.15);
    }
}
