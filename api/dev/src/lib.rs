//! What a whole system on one machine needs: Postgres, a chain, a folder for their data.
//!
//! `medconnect dev`, the end-to-end tests and the benchmarks stand on this. Nothing in a server that runs in production does.
//!
//! - [`tools`]: finds PostgreSQL and Anvil, or fetches them.
//! - [`postgres`] and [`anvil`]: start and stop them. Nothing that is started here outlives us, however we end.
//! - [`system`]: all of it together, with a contract deployed; what `dev` puts a server on.
//! - [`data_dir`] and [`secrets`]: where everything is kept.
//! - [`chain`]: an Anvil that forgets nothing, whatever is killed. [`external_node`]: a node that somebody else runs, for measurements.
//! - [`demo`]: people to try things out with. [`login`]: signing in from a shell, here or at any other server.

pub mod anvil;
pub mod chain;
pub mod data_dir;
pub mod demo;
mod error;
pub mod external_node;
pub mod login;
pub mod port;
pub mod postgres;
pub mod process;
pub mod restart;
pub mod rpc;
pub mod running;
pub mod secrets;
mod supervised_postgres;
pub mod system;
mod system_chain;
pub mod tools;
pub mod user;

pub use error::DevError;
pub use supervised_postgres::KeptCluster;
pub use system_chain::SystemChain;

/// The chain id of a chain of one's own, by custom.
pub const CHAIN_ID: u64 = 31337;
