//! How a follower follows.

use std::sync::Arc;
use std::time::Duration;

use super::FinalityRule;
use crate::chain::Recorder;

/// How long to wait for a node that is between two states: it has a block, and not yet what belongs to it.
pub(super) const UNSETTLED: Duration = Duration::from_millis(2);

/// How a follower follows.
#[derive(Clone, Debug)]
pub struct FollowerConfig {
    /// When a block is final.
    pub finality: FinalityRule,
    /// The block in which the contract was deployed.
    pub deployed_in: u64,
    /// How many blocks are read, checked and applied at once, at most.
    pub page: u64,
    /// How soon the node is asked again, at the soonest, while a block is expected.
    pub busy_poll: Duration,
    /// How often it is asked otherwise.
    pub idle_poll: Duration,
    /// How often the other nodes, if there are any, are asked whether they agree.
    pub witness_every: Duration,
    /// How often all nodes, if there are several, are asked how far they are.
    pub look_every: Duration,
    /// How long the node that is asked first may lack a block that another has.
    pub still_for: Duration,
    /// The contracts whose plain entries are believed.
    pub recorders: Arc<[Recorder]>,
}

impl FollowerConfig {
    /// The usual pace.
    pub fn new(finality: FinalityRule, deployed_in: u64) -> Self {
        Self {
            finality,
            deployed_in,
            page: 64,
            busy_poll: Duration::from_micros(250),
            idle_poll: Duration::from_millis(200),
            witness_every: Duration::from_secs(15),
            look_every: Duration::from_secs(1),
            still_for: Duration::from_secs(6),
            recorders: Arc::default(),
        }
    }

    /// The same, and what these contracts record is believed.
    #[must_use]
    pub fn believing(mut self, recorders: &[Recorder]) -> Self {
        self.recorders = recorders.into();
        self
    }
}
