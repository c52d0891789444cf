//! Logs, metrics, the clock, chance and crash points. It knows no noun of the product.

pub mod chance;
pub mod clock;
pub mod crash;
pub mod logs;
