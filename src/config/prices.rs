//! The prices of models: data from a file, or the built-in ones.

use crate::domain::prices::{Price, Prices};

use super::{Problem, Settings};

/// The prices that come with the product.
const BUILT_IN: &str = include_str!("../../config/prices.toml");

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    prices: Vec<Price>,
}

impl Settings {
    /// What models cost.
    ///
    /// # Errors
    /// The file cannot be read, or a price in it makes no sense.
    pub fn prices(&self) -> Result<Prices, Problem> {
        let Some(path) = &self.prices else { return read(BUILT_IN) };
        let text = std::fs::read_to_string(path)
            .map_err(|error| Problem::new("prices", format!("{} cannot be read: {error}", path.display())))?;
        read(&text)
    }
}

fn read(text: &str) -> Result<Prices, Problem> {
    let file: File = toml::from_str(text).map_err(|error| Problem::new("prices", error.message()))?;
    Prices::new(file.prices).map_err(|sentence| Problem::new("prices", sentence))
}

#[cfg(test)]
mod tests {
    use super::{BUILT_IN, read};

    #[test]
    fn models_of_one_name_have_each_their_price() {
        let prices = read(BUILT_IN).expect("the built-in prices");
        // What a million tokens read and a million written cost, in hundredths.
        let cases = [
            ("openai/gpt-4o-2024-11-20", Some(1_250)),
            ("openai/gpt-4o-mini", Some(75)),
            ("openai/gpt-4.1", Some(1_000)),
            ("openai/gpt-4.1-mini", Some(200)),
            ("openai/gpt-4.1-nano", Some(50)),
            ("anthropic/claude-opus-4-20250514", Some(9_000)),
            ("anthropic/claude-opus-4-0", Some(9_000)),
            ("anthropic/claude-opus-4-1-20250805", Some(9_000)),
            ("anthropic/claude-opus-4-5-20251101", Some(3_000)),
            ("anthropic/claude-sonnet-4-5", Some(1_800)),
            ("anthropic/claude-haiku-4-5", Some(600)),
            ("gemini/gemini-2.5-pro", Some(1_125)),
            ("gemini/gemini-2.5-flash", Some(280)),
            ("gemini/gemini-2.5-flash-lite", Some(50)),
            ("compatible/llama3.2:3b", None),
        ];
        for (model, cents) in cases {
            let cost = prices.cost(model, 1_000_000, 1_000_000).map(|(micros, currency)| (micros / 1_0000, currency));
            assert_eq!(cost, cents.map(|cents| (cents, "USD")), "{model}");
        }
    }
}
