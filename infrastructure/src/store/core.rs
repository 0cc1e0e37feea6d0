//! What all commands share.

use std::sync::Arc;

use application::log::StreamId;
use application::ports::ProgressSource;
use dashmap::DashSet;

use super::final_progress::FinalProgress;
use super::hand_over::HandOver;
use super::options::ExecutorOptions;
use super::reader::Reader;
use super::streams::Streams;
use crate::sealing::StreamNames;

/// What all commands share.
pub(super) struct Core<L, J> {
    pub(super) reader: Reader<J>,
    pub(super) names: StreamNames,
    pub(super) streams: Arc<Streams>,
    pub(super) hand_over: HandOver<L>,
    pub(super) heard: FinalProgress,
    pub(super) progress: Arc<dyn ProgressSource>,
    pub(super) options: ExecutorOptions,
    /// The records of which a chapter is being closed.
    pub(super) closing: DashSet<StreamId>,
}
