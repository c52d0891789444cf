//! Whole ways through the product: whom agents act for, how the process ends, how its key is changed, how files and mail
//! come and go, what holds on every line, what becomes of a trace however it is delivered, messages in bursts, and the
//! other way to a person.

mod askers;
mod bursts;
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
