//! Asking the contract of the registry of consents whether it allows what its copy says.

use std::time::{Duration, Instant};

use application::ports::command::Unavailable;
use application::ports::registries::ConsentWitness;
use async_trait::async_trait;
use domain::consent::{Grant, GrantId, Query, SignerId};
use moka::sync::Cache;

use crate::chain::registries::consents::ConsentRegistry;
use crate::chain::{Address, BlockId, Node};

/// For how long the contract is not asked about a grant again.
const FRESH: Duration = Duration::from_secs(10 * 60);

/// How long an answer is waited for.
const ANSWER: Duration = Duration::from_secs(5);

/// How many grants are remembered: 150 bytes for each.
const REMEMBERED: u64 = 100_000;

/// The contract at an address, and which grants it allowed lately.
pub struct WitnessAtTheContract {
    registry: ConsentRegistry,
    allowed: Cache<(SignerId, GrantId), Instant>,
}

impl WitnessAtTheContract {
    /// At this address.
    pub fn new(node: Node, contract: Address) -> Self {
        Self {
            registry: ConsentRegistry::new(node, contract),
            allowed: Cache::new(REMEMBERED),
        }
    }
}

#[async_trait]
impl ConsentWitness for WitnessAtTheContract {
    async fn allows(&self, grant: &Grant, query: &Query) -> Result<bool, Unavailable> {
        let key = (grant.patient, grant.id());
        let known = self.allowed.get(&key);
        if known.is_some_and(|since| since.elapsed() < FRESH) {
            return Ok(true);
        }
        let asked = self.registry.is_allowed(grant, query, BlockId::Latest);
        match tokio::time::timeout(ANSWER, asked).await {
            Ok(Ok(true)) => {
                self.allowed.insert(key, Instant::now());
                Ok(true)
            }
            Ok(Ok(false)) => {
                self.allowed.invalidate(&key);
                tracing::warn!(
                    "the contract does not allow what its copy does, which is denied: it was revoked just now, the node is behind, or somebody has written into the database"
                );
                Ok(false)
            }
            // The copy goes on to decide about what the contract has allowed.
            _ if known.is_some() => Ok(true),
            _ => Err(Unavailable::Chain),
        }
    }
}
