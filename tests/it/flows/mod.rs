//! Whole ways through the product: how the process ends, how its key is changed, what holds on every line, and what becomes of a trace however it is delivered.

mod draining;
mod keys;
mod lines;
mod manners;
mod traces;
