//! The plans: data from a file, or the built-in ones.

use crate::domain::plans::{Plan, Plans};

use super::{Problem, Settings};

/// The plans that come with the product.
const BUILT_IN: &str = include_str!("../../config/plans.toml");

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    plans: Vec<Plan>,
}

impl Settings {
    /// The plans that workspaces may have.
    ///
    /// # Errors
    /// The file cannot be read, or a plan in it makes no sense.
    pub fn plans(&self) -> Result<Plans, Problem> {
        let Some(path) = &self.plans else { return read(BUILT_IN) };
        let text = std::fs::read_to_string(path)
            .map_err(|error| Problem::new("plans", format!("{} cannot be read: {error}", path.display())))?;
        read(&text)
    }
}

fn read(text: &str) -> Result<Plans, Problem> {
    let file: File = toml::from_str(text).map_err(|error| Problem::new("plans", error.message()))?;
    Plans::new(file.plans).map_err(|sentence| Problem::new("plans", sentence))
}
