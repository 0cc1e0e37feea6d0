//! What could not have been put into the log of who has read.

use std::collections::BTreeSet;

use super::aggregate::AccessLog;
use super::event::{AccessLogEvent, Reads};
use crate::kernel::{Contradiction, contradicts};

impl AccessLog {
    /// See [`ClinicAggregate::contradiction`](crate::kernel::ClinicAggregate::contradiction).
    pub(super) fn contradicted_by(event: &AccessLogEvent) -> Option<Contradiction> {
        let AccessLogEvent::ReadsLogged { reads } = event;
        let is_impossible = |reads: &Reads| {
            let distinct: BTreeSet<_> = reads.0.iter().map(|alike| &alike.reading).collect();
            let has_times = |at: &[_]| !at.is_empty() && at.is_sorted();
            let fits = (1..=Reads::MOST).contains(&reads.count());
            !fits || distinct.len() != reads.0.len() || !reads.0.iter().all(|alike| has_times(&alike.at))
        };
        contradicts(reads.known().is_some_and(is_impossible), Contradiction::Impossible)
    }
}
