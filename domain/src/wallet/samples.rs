//! Samples of the events for the tests of their encoding: one of each variant, and any.

use proptest::prelude::*;

use super::WalletEvent;
use crate::kernel::AccountId;
use crate::samples::strategies::uuids;
use crate::samples::values::id;

/// Every event of a wallet's claim.
pub(crate) fn examples() -> Vec<WalletEvent> {
    vec![
        WalletEvent::Claimed {
            account: AccountId::new(id(5)),
        },
        WalletEvent::Released,
    ]
}

/// Any event, its personal field known or sealed.
pub(crate) fn strategy() -> impl Strategy<Value = WalletEvent> {
    prop_oneof![
        uuids().prop_map(|account| WalletEvent::Claimed {
            account: AccountId::new(account)
        }),
        Just(WalletEvent::Released),
    ]
}
