//! Which grants could not have been prepared.

use super::aggregate::{Grants, check};
use super::event::GrantsEvent;
use crate::consent::Grant;
use crate::kernel::{Contradiction, contradicts};

impl Grants {
    /// See [`ClinicAggregate::contradiction`](crate::kernel::ClinicAggregate::contradiction).
    pub(super) fn contradicted_by(&self, event: &GrantsEvent) -> Option<Contradiction> {
        let GrantsEvent::Prepared { id, grant } = event;
        let is_impossible = |grant: &Grant| {
            let is_in_order = |list: &[_]| list.is_sorted_by(|one, next| one < next);
            let has_another_salt = self
                .salt_of(grant)
                .is_some_and(|salt| *salt != grant.details.grantee_salt);
            check(grant).is_err() || has_another_salt || !is_in_order(&grant.details.categories)
        };
        contradicts(self.has(*id), Contradiction::Twice)
            .or_else(|| contradicts(grant.known().is_some_and(is_impossible), Contradiction::Impossible))
    }
}
