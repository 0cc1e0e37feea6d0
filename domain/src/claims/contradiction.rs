//! Which claims could not have been decided. Those of who is erased are sealed, and contradict nothing.

use super::aggregate::Claims;
use super::event::{Claim, ClaimsEvent};
use crate::kernel::{Contradiction, Personal, contradicts};

impl Claims {
    /// See [`ClinicAggregate::contradiction`](crate::kernel::ClinicAggregate::contradiction).
    pub(super) fn contradicted_by(&self, event: &ClaimsEvent) -> Option<Contradiction> {
        match event {
            ClaimsEvent::Claimed {
                claim: Personal::Known(Claim { name, subject }),
            } => match self.whose(name)? {
                owner if owner == *subject => Some(Contradiction::Twice),
                _ => Some(Contradiction::NameOfAnother),
            },
            ClaimsEvent::Released {
                claim: Personal::Known(Claim { name, subject }),
            } => contradicts(self.whose(name) != Some(*subject), Contradiction::NotTheirsToRelease),
            ClaimsEvent::Claimed {
                claim: Personal::Sealed,
            }
            | ClaimsEvent::Released {
                claim: Personal::Sealed,
            } => None,
        }
    }
}
