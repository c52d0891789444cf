//! Whole ways through the product: how the process ends, how its key is changed, how files and mail come and go, what
//! holds on every line, what becomes of a trace however it is delivered, and the other way to a person.

mod draining;
mod files;
mod keys;
mod lines;
mod mail;
mod manners;
mod overtaking;
mod places;
mod profiles;
pub mod reminders;
mod tools;
mod traces;
mod ways;
mod webhooks;
