//! What the clinic can be asked, and what it needs from the world to answer.
//!
//! Use cases authorize, stamp time and ids, and hand a command to the write side; queries are types and traits. The world
//! is behind ports (traits): [`command::CommandExecutor`], [`projector::Projector`], [`queries`], [`ports`]. Nothing here
//! knows of HTTP, SQL or Ethereum.
//!
//! - [`log`]: an event as the log holds it, opened.
//! - [`command`]: the write side as a port: transact, receipt, conflict. [`transaction`]: what a command is decided upon.
//! - [`projector`]: the read models as a port of the follower.
//! - [`queries`]: what can be read, and in which shape.
//! - [`identity`] and [`policy`]: who is asking, and what they may do. [`access`]: leave to use what is known of patients.
//!   [`rules`]: what an operator decides.
//! - [`clinic`]: the use cases' common ground; the use cases themselves are in [`patients`], [`practitioners`],
//!   [`calendars`], [`encounters`], [`accounts`], [`wallets`], [`admission`] and [`status`]. They fail with [`error::UseCaseError`].
//! - [`trouble`]: what can be wrong with a running server.
//! - [`ports`], [`sessions`], [`registry`], [`revocations`], [`invitations`], [`requests`], [`secrets`]: what else the world must provide.

pub mod access;
pub mod accounts;
mod administering;
pub mod admission;
pub mod calendars;
pub mod clinic;
pub mod command;
pub mod encounters;
pub mod error;
pub mod identity;
pub mod invitations;
pub mod log;
mod names;
pub mod patients;
pub mod policy;
pub mod ports;
pub mod practitioners;
pub mod projector;
pub mod queries;
pub mod registry;
pub mod requests;
pub mod revocations;
mod revoking;
pub mod rules;
pub mod secrets;
pub mod sessions;
pub mod status;
pub mod transaction;
pub mod trouble;
pub mod wallets;
