//! The adapters: everything that touches Ethereum, Postgres or a secret.
//!
//! - [`chain`]: JSON-RPC, the `EventLog` contract's encoding, signing. The only place that names `ethers`.
//! - [`appender`]: commits become transactions, and stay until they are final.
//! - [`follower`]: blocks become journal rows and read models, one block in one transaction.
//! - [`sealing`] and [`keys`]: what is written on the chain and who can read it. Beside [`secrets`] and webhooks, the only places that name `ring`.
//! - [`derivation`]: ids that follow from what they name.
//! - [`sessions`], [`invitations`], [`requests`], [`revocations`] and [`commands`]: signing in, binding wallets, asking to be registered,
//!   denying, idempotency keys. [`secrets`]: randomness and digests. [`servers`]: how many share the database.
//! - [`access_requests`]: asking patients to be let into their records.
//! - [`notifications`]: messages to people outside, by mail and webhook.
//! - [`registries`]: handing in what was signed to contracts of ours, through the appender.
//! - [`erasing`]: what follows from an erasure once it is final.
//! - [`store`]: the command executor over all of these; it reads the journal with `postgres-es`.
//! - [`postgres`]: pools, schemas, migrations.
//! - [`crash`]: named places at which a test can kill the process.
//! - `sealed_rows`: pages of what is sealed.
//! - `trace`: where a command has left a trace. `pauses`: between two attempts at a node.
//! - [`clock`]: the time. [`log`], [`calls`] and [`notices`]: the types that these parts hand to each other.

pub mod access_requests;
pub mod appender;
pub mod calls;
pub mod chain;
pub mod clock;
pub mod commands;
pub mod consents;
pub mod crash;
pub mod derivation;
pub mod erasing;
pub mod follower;
pub mod invitations;
pub mod keys;
pub mod log;
pub mod notices;
pub mod notifications;
mod pauses;
pub mod postgres;
pub mod reads;
pub mod registries;
pub mod requests;
pub mod revocations;
mod sealed_rows;
pub mod sealing;
pub mod secrets;
pub mod servers;
pub mod sessions;
pub mod store;
mod trace;
