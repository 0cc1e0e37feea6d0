//! Which events an account could not have decided upon.

use super::aggregate::Account;
use super::event::{AccountEvent, Holder, Role};
use crate::kernel::{Contradiction, contradicts};

impl Account {
    /// See [`ClinicAggregate::contradiction`](crate::kernel::ClinicAggregate::contradiction).
    pub(super) fn contradicted_by(&self, event: &AccountEvent) -> Option<Contradiction> {
        match event {
            AccountEvent::Opened { holder } => contradicts(self.is_closed(), Contradiction::AfterTheEnd)
                .or_else(|| contradicts(self.holder().is_some(), Contradiction::Twice))
                .or_else(|| contradicts(!may_be_opened(holder), Contradiction::Impossible)),
            // Whoever is erased is kept out of an account that they never had as well.
            AccountEvent::Closed => contradicts(self.is_closed(), Contradiction::Twice),
            _ if self.holder().is_none() => Some(Contradiction::BeforeTheBeginning),
            AccountEvent::KeyIssued { key, hash, scopes, .. } => {
                let mut known = self.keys().iter();
                contradicts(self.is_closed(), Contradiction::AfterTheEnd)
                    .or_else(|| contradicts(!self.is_of_a_service(), Contradiction::NotOfThisHolder))
                    .or_else(|| {
                        contradicts(
                            known.any(|one| one.id == *key || one.hash == *hash),
                            Contradiction::Twice,
                        )
                    })
                    .or_else(|| contradicts(scopes.is_empty(), Contradiction::Impossible))
            }
            AccountEvent::KeyRevoked { key } => match self.keys().iter().find(|known| known.id == *key) {
                None => Some(Contradiction::NotThere),
                Some(known) => contradicts(known.revoked, Contradiction::Twice),
            },
            AccountEvent::WalletBound { .. } => contradicts(self.is_closed(), Contradiction::AfterTheEnd)
                .or_else(|| contradicts(self.is_of_a_service(), Contradiction::NotOfThisHolder)),
            AccountEvent::WalletUnbound { .. } => contradicts(!self.has_wallet(), Contradiction::NotThere),
        }
    }
}

impl Account {
    const fn is_of_a_service(&self) -> bool {
        matches!(self.holder(), Some(Holder::Service { .. }))
    }
}

/// Whether an account is opened for such a holder: patients and doctors are held by themselves.
const fn may_be_opened(holder: &Holder) -> bool {
    !matches!(
        holder,
        Holder::Staff {
            role: Role::Patient | Role::Doctor,
            ..
        } | Holder::Service {
            role: Role::Patient | Role::Doctor,
            ..
        }
    )
}
