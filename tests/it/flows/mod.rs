//! Whole ways through the product: how the process ends, how its key is changed, how mail comes and goes, and what
//! becomes of a trace however it is delivered.

mod draining;
mod keys;
mod mail;
mod traces;
