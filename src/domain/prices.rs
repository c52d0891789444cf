//! What models cost. The table is data; this says how it is read.

use serde::Deserialize;

/// The price of a model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The model's name as agents have it, or its beginning followed by `*`.
    pub model: String,
    /// For a million tokens read.
    pub input: f64,
    /// For a million tokens written.
    pub output: f64,
    /// ISO 4217.
    pub currency: String,
}

/// All prices.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prices(Vec<Price>);

impl Prices {
    /// Takes the prices in.
    ///
    /// # Errors
    /// A sentence: a price is none, or two are for one name.
    pub fn new(mut prices: Vec<Price>) -> Result<Self, String> {
        for price in &prices {
            if [price.input, price.output].iter().any(|amount| !amount.is_finite() || *amount < 0.0) {
                return Err(format!("the price of {} is no amount", price.model));
            }
            if price.currency.len() != 3 || !price.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
                return Err(format!("the currency of {} is not of the form USD", price.model));
            }
        }
        // The most exact name first.
        prices.sort_by(|one, other| other.model.len().cmp(&one.model.len()).then(one.model.cmp(&other.model)));
        let twin = prices.iter().zip(prices.iter().skip(1)).find(|(one, other)| one.model == other.model);
        match twin {
            Some((one, _)) => Err(format!("{} has two prices", one.model)),
            None => Ok(Self(prices)),
        }
    }

    /// What tokens of a model cost, in millionths of a currency; none where the table does not know it.
    #[must_use]
    pub fn cost(&self, model: &str, input_tokens: u64, output_tokens: u64) -> Option<(i64, &str)> {
        let fits = |price: &&Price| match price.model.strip_suffix('*') {
            Some(beginning) => model.starts_with(beginning),
            None => model == price.model,
        };
        let price = self.0.iter().find(fits)?;
        // A price for a million tokens is a price in millionths for one.
        #[expect(clippy::cast_precision_loss, reason = "nobody spends so many tokens in a turn")]
        let micros = (input_tokens as f64).mul_add(price.input, output_tokens as f64 * price.output);
        #[expect(clippy::cast_possible_truncation, reason = "a conversion of this kind saturates")]
        Some((micros.round() as i64, price.currency.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Price, Prices};

    fn price(model: &str, input: f64, output: f64) -> Price {
        Price { model: model.to_owned(), input, output, currency: "USD".to_owned() }
    }

    #[test]
    fn the_most_exact_name_counts() {
        let prices = Prices::new(vec![price("openai/*", 1.0, 2.0), price("openai/big", 10.0, 30.5)]).unwrap();
        assert_eq!(prices.cost("openai/big", 1_000, 100), Some((13_050, "USD")));
        assert_eq!(prices.cost("openai/small", 3, 1), Some((5, "USD")));
        assert_eq!(prices.cost("llama", 3, 1), None);
    }

    #[test]
    fn a_table_that_makes_no_sense_is_refused() {
        assert!(Prices::new(vec![price("a", -1.0, 0.0)]).is_err());
        assert!(Prices::new(vec![price("a", 1.0, f64::NAN)]).is_err());
        assert!(Prices::new(vec![price("a", 1.0, 1.0), price("a", 2.0, 2.0)]).is_err());
        assert!(Prices::new(vec![Price { currency: "dollars".into(), ..price("a", 1.0, 1.0) }]).is_err());
    }
}
