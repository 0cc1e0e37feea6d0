//! Which grants could not have been prepared.

use super::aggregate::Grants;
use super::command::Proposal;
use super::event::GrantsEvent;
use crate::consent::{Details, Grant};
use crate::kernel::{Contradiction, contradicts};

impl Grants {
    /// See [`ClinicAggregate::contradiction`](crate::kernel::ClinicAggregate::contradiction).
    pub(super) fn contradicted_by(&self, event: &GrantsEvent) -> Option<Contradiction> {
        let GrantsEvent::Prepared { id, grant } = event;
        let is_impossible = |grant: &Grant| {
            let Details {
                categories,
                documents,
                grantee_salt,
                ..
            } = &grant.details;
            let has_another_salt = self.salt_of(grant).is_some_and(|salt| salt != grantee_salt);
            let is_in_order = is_in_order(categories) && is_in_order(documents);
            Proposal::from(grant).check_at_any_time().is_err() || has_another_salt || !is_in_order
        };
        contradicts(self.has(*id), Contradiction::Twice)
            .or_else(|| contradicts(grant.known().is_some_and(is_impossible), Contradiction::Impossible))
    }
}

/// Whether a list is in order, and has nothing twice.
fn is_in_order<T: PartialOrd>(list: &[T]) -> bool {
    list.is_sorted_by(|one, next| one < next)
}
