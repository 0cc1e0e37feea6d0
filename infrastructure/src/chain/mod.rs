//! Ethereum: JSON-RPC, the `EventLog` contract's encoding, signing. The only folder that names `ethers`.
//!
//! What a node answers is checked before anybody sees it: a block asked for by number has that number, logs belong to the
//! contract and the range that was asked for, stand in order and agree with their blocks' headers. What cannot be
//! checked here (that nothing was left out) the follower checks with the running hash.
//!
//! - [`rpc`]: calls and batches over HTTP, with timeouts, limits and failover.
//! - [`node`]: what the program asks a node.
//! - [`event_log`]: what it asks the contract.
//! - [`codec`] and [`contract`]: batches, calldata and log entries as bytes.
//! - [`running_hash`]: the hash over everything in the log; [`administration`]: what owners of namespaces did, as it stands there.
//! - [`signer`]: the key that pays for transactions.
//! - [`gas`]: what a transaction with a batch may use.
//! - [`deploy`]: putting the contract on a chain; [`namespaces`]: what the owner of a namespace does; [`sending`]: one transaction at a time.
//! - [`recorders`]: other contracts that write to the log, and are believed; [`recorder_check`]: whether they stand there. [`registries`]: those that are ours.

pub mod address;
pub mod administration;
mod block_logs;
pub mod codec;
pub mod contract;
pub mod deploy;
pub mod event_log;
pub mod gas;
mod hex;
pub mod namespaces;
pub mod node;
mod receipt_logs;
pub mod recorder_check;
pub mod recorders;
pub mod registries;
pub mod rpc;
pub mod running_hash;
pub mod sending;
pub mod signer;

pub use address::Address;
pub use block_logs::BlockLogs;
pub use deploy::Deployment;
pub use event_log::{EventLog, LogPage};
pub use node::{BlockId, Fees, Header, Node, NonceUse, Receipt};
pub use recorder_check::RecorderError;
pub use recorders::Recorder;
pub use rpc::{ChainError, RpcOptions};
pub(crate) use rpc::{TAKEN_WORDS, USED_WORDS};
pub use signer::{SignedTransaction, Signer, Transaction};

/// A hash as the chain writes it: of a block, a transaction or a payload.
pub type Hash = [u8; 32];

/// Keccak-256.
pub fn keccak256(bytes: &[u8]) -> Hash {
    ethers_core::utils::keccak256(bytes)
}
