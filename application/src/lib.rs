//! What the clinic can be asked, and what it needs from the world to answer.
//!
//! Use cases authorize, stamp time and ids, and hand a command to the write side; queries are types and traits. The world
//! is behind ports (traits): [`command::CommandExecutor`], [`projector::Projector`], [`queries`], [`ports`]. Nothing here
//! knows of HTTP, SQL or Ethereum.
//!
//! - [`log`]: an event as the log holds it, opened.
//! - [`command`]: the write side as a port: execute, receipt, conflict.
//! - [`projector`]: the read models as a port of the follower.
//! - [`queries`]: what can be read, and in which shape.
//! - [`identity`]: who is asking.
//! - [`ports`]: clock, derived ids, sessions, the command registry.

pub mod command;
pub mod identity;
pub mod log;
pub mod ports;
pub mod projector;
pub mod queries;
