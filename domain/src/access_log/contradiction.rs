//! What could not have been put into the log of who has read.

use super::aggregate::AccessLog;
use super::event::{AccessLogEvent, Reads};
use crate::kernel::{Contradiction, contradicts};

impl AccessLog {
    /// See [`ClinicAggregate::contradiction`](crate::kernel::ClinicAggregate::contradiction).
    pub(super) fn contradicted_by(event: &AccessLogEvent) -> Option<Contradiction> {
        let AccessLogEvent::ReadsLogged { reads } = event;
        let is_impossible = |reads: &Reads| {
            let is_in_order = reads.0.is_sorted_by(|one, next| one.reading < next.reading);
            let has_times = |at: &[_]| !at.is_empty() && at.is_sorted();
            let fits = (1..=Self::MOST).contains(&reads.count());
            !fits || !is_in_order || !reads.0.iter().all(|alike| has_times(&alike.at))
        };
        contradicts(reads.known().is_some_and(is_impossible), Contradiction::Impossible)
    }
}
