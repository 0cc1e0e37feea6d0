//! How an appender works.

use std::time::Duration;

use super::machine::Limits;
use crate::chain::Address;
use crate::log::Namespace;

/// How an appender works.
#[derive(Clone, Copy, Debug)]
pub struct AppenderConfig {
    /// The contract.
    pub contract: Address,
    /// The namespace in which it appends.
    pub namespace: Namespace,
    /// What bounds it.
    pub limits: Limits,
    /// How many commits may wait to become durable; more have to wait at the door.
    pub queue: usize,
    /// How long a commit waits at the door before it is turned away.
    pub patience: Duration,
    /// How often the price of gas is asked for.
    pub fees_every: Duration,
}

impl AppenderConfig {
    /// The usual bounds.
    pub fn new(contract: Address, namespace: Namespace) -> Self {
        Self {
            contract,
            namespace,
            limits: Limits::default(),
            queue: 10_000,
            patience: Duration::from_secs(2),
            fees_every: Duration::from_secs(5),
        }
    }
}
