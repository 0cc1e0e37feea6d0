//! What could not have happened to an engagement.

use super::aggregate::{Engagement, check};
use super::event::{EngagementEvent, Terms};
use crate::kernel::{Contradiction, contradicts};

impl Engagement {
    /// See [`ClinicAggregate::contradiction`](crate::kernel::ClinicAggregate::contradiction).
    pub(super) fn contradicted_by(&self, event: &EngagementEvent) -> Option<Contradiction> {
        match event {
            EngagementEvent::Begun { terms, .. } => contradicts(self.terms().is_some(), Contradiction::Twice)
                .or_else(|| contradicts(check(terms).is_err(), Contradiction::Impossible)),
            EngagementEvent::Ended { at } => {
                let in_its_time = |terms: &Terms| terms.at <= *at && *at < terms.ends;
                contradicts(self.terms().is_none(), Contradiction::BeforeTheBeginning)
                    .or_else(|| contradicts(self.is_ended(), Contradiction::Twice))
                    .or_else(|| contradicts(!self.terms().is_some_and(in_its_time), Contradiction::Impossible))
            }
        }
    }
}
