//! What the clinic can be asked, and what it needs from the world to answer.
//!
//! Use cases authorize, stamp time and ids, and hand a command to the write side; queries are types and traits. The world
//! is behind ports (traits). Nothing here knows of HTTP, SQL or Ethereum.
//!
//! - [`use_cases`]: what can be asked of the [`Clinic`](use_cases::clinic::Clinic). They fail with [`error::UseCaseError`].
//! - [`policy`]: who is asking, what they may do, and leave to use what is known of patients.
//! - [`ports`]: the write side, the read models, and what else the world must provide.
//! - [`log`]: an event as the log holds it, opened. [`trouble`]: what can be wrong with a running server. [`notifications`]: messages to people outside.

pub mod error;
pub mod log;
pub mod notifications;
pub mod policy;
pub mod ports;
pub mod trouble;
pub mod use_cases;
