//! Whole ways through the product: how the process ends, and what becomes of a trace however it is delivered.

mod draining;
mod traces;
