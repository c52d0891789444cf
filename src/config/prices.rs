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
