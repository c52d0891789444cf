//! Switchboard: a self-hosted omnichannel messaging gateway for AI agents.
//!
//! The floor plan, from the roof down. Imports go strictly downward; `tests/house.rs` checks it.

/// Roof: reads settings, wires the rooms, starts and drains them.
pub mod boot;
/// Roof: the command line.
pub mod cli;
/// Roof: settings from file, environment and flags.
pub mod config;

/// Floor 6: the HTTP doors.
pub mod api;
/// Floor 6: what runs because time came or a queue said so.
pub mod jobs;
/// Floor 6: the WebSocket door.
pub mod socket;
/// Floor 6: the web widget's assets and the hosted page.
pub mod widget;

/// Floor 5: one public function is one sentence of the product.
pub mod usecases;

/// Floor 4: who is alive.
pub mod actors;

/// Floor 3: language models behind one shape.
pub mod llm;

/// Floor 2: counts that several nodes share.
pub mod cache;
/// Floor 1: nouns and rules.
pub mod domain;
/// Floor 2: the one way out.
pub mod net;
/// Floor 2: the database.
pub mod store;
/// Floor 1: logs, the clock, chance and crash points: what every room above may be given.
pub mod telemetry;
