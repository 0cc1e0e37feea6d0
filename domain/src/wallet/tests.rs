//! Given-when-then.

use cqrs_es::test::AggregateTestExecutor;
use uuid::Uuid;

use super::*;
use crate::kernel::{AccountId, Versioned, testing};

fn given(events: Vec<WalletEvent>) -> AggregateTestExecutor<Versioned<WalletClaim>> {
    testing::given(events)
}

fn account(number: u128) -> AccountId {
    AccountId::new(Uuid::from_u128(number))
}

fn claimed(number: u128) -> WalletEvent {
    WalletEvent::Claimed {
        account: account(number),
    }
}

fn claim(number: u128) -> WalletCommand {
    WalletCommand::Claim {
        account: account(number),
    }
}

fn release(number: u128) -> WalletCommand {
    WalletCommand::Release {
        account: account(number),
    }
}

#[test]
fn a_wallet_has_one_account_at_a_time() {
    given(vec![]).when(claim(1)).then_expect_events(vec![claimed(1)]);
    given(vec![claimed(1)]).when(claim(1)).then_expect_events(vec![]);
    given(vec![claimed(1)])
        .when(claim(2))
        .then_expect_error(WalletError::Taken);
}

#[test]
fn a_wallet_is_released_by_the_account_that_has_it_and_may_then_be_claimed_again() {
    given(vec![claimed(1)])
        .when(release(2))
        .then_expect_error(WalletError::Taken);
    given(vec![claimed(1)])
        .when(release(1))
        .then_expect_events(vec![WalletEvent::Released]);
    let released = || vec![claimed(1), WalletEvent::Released];
    given(released()).when(release(1)).then_expect_events(vec![]);
    given(released()).when(claim(2)).then_expect_events(vec![claimed(2)]);
}
