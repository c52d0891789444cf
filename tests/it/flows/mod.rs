//! Whole ways through the product: how the process ends, how its key is changed, how mail comes and goes, what holds on
//! every line, and what becomes of a trace however it is delivered.

mod draining;
mod keys;
mod lines;
mod mail;
mod manners;
mod tools;
mod traces;
