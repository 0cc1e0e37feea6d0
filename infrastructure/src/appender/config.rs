//! How an appender works.

use std::sync::Arc;
use std::time::Duration;

use super::machine::Limits;
use crate::chain::Address;
use crate::log::Namespace;

/// How an appender works.
#[derive(Clone, Debug)]
pub struct AppenderConfig {
    /// The contract.
    pub contract: Address,
    /// The namespace in which it appends.
    pub namespace: Namespace,
    /// The namespaces beside it that are shared with other organisations.
    pub shared: Arc<[Namespace]>,
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
            shared: Arc::default(),
            limits: Limits::default(),
            queue: 10_000,
            patience: Duration::from_secs(2),
            fees_every: Duration::from_secs(5),
        }
    }

    /// The same, where it appends in these shared namespaces as well.
    #[must_use]
    pub fn sharing(mut self, namespaces: impl IntoIterator<Item = Namespace>) -> Self {
        self.shared = namespaces.into_iter().collect();
        self
    }
}
