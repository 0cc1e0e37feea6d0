//! Wallets: bound once, changed by the former one's signature, taken away by a registrar.

use super::*;

fn binding(wallet: Wallet, title: Title) -> Binding {
    Binding {
        wallet,
        proof: Proof {
            message: "clinic.example wants you to sign in".to_owned(),
            signature: vec![1; 65],
        },
        title,
    }
}

fn invited(wallet: Wallet) -> Binding {
    let issuer = AccountId::new(Uuid::from_u128(4));
    binding(wallet, Title::Invitation { issuer })
}

fn bound(holder: &Holder, binding: Binding) -> AccountEvent {
    AccountEvent::WalletBound {
        binding: holder.says(binding).unwrap(),
    }
}

fn unbound(holder: &Holder) -> AccountEvent {
    AccountEvent::WalletUnbound {
        reason: holder.says("lost".to_owned()).unwrap(),
    }
}

fn bind(holder: Holder, wallet: Wallet, turn: u64) -> AccountCommand {
    let binding = invited(wallet);
    AccountCommand::Bind { holder, binding, turn }
}

fn unbind(wallet: Wallet) -> AccountCommand {
    let reason = "lost".to_owned();
    AccountCommand::Unbind { wallet, reason }
}

fn other() -> Wallet {
    Wallet([8; 20])
}

fn people() -> [Holder; 3] {
    [a_patient(), a_doctor(), staff(Role::Registrar)]
}

#[test]
fn a_wallet_is_bound_to_a_new_account_and_to_one_that_waits_for_it() {
    for holder in people() {
        let bound = bound(&holder, invited(wallet()));
        given(vec![])
            .when(bind(holder.clone(), wallet(), 0))
            .then_expect_events(vec![opened(holder.clone()), bound.clone()]);
        given(vec![opened(holder.clone())])
            .when(bind(holder, wallet(), 0))
            .then_expect_events(vec![bound]);
    }
}

#[test]
fn an_account_has_one_wallet_at_a_time() {
    for holder in people() {
        let given_one = || given(vec![opened(holder.clone()), bound(&holder, invited(wallet()))]);
        given_one()
            .when(bind(holder.clone(), wallet(), 0))
            .then_expect_events(vec![]);
        for turn in [0, 1] {
            given_one()
                .when(bind(holder.clone(), other(), turn))
                .then_expect_error(AccountError::WalletBound);
        }
    }
}

#[test]
fn an_invitation_is_good_for_one_change() {
    for holder in people() {
        let taken_away = || {
            vec![
                opened(holder.clone()),
                bound(&holder, invited(wallet())),
                unbound(&holder),
            ]
        };
        for used in [0, 1, 3] {
            given(taken_away())
                .when(bind(holder.clone(), other(), used))
                .then_expect_error(AccountError::InvitationUsed);
        }
        given(taken_away())
            .when(bind(holder.clone(), other(), 2))
            .then_expect_events(vec![bound(&holder, invited(other()))]);
    }
}

#[test]
fn a_wallet_is_bound_to_nobody_elses_account_to_no_service_and_to_none_that_is_closed() {
    given(vec![opened(a_patient())])
        .when(bind(a_doctor(), wallet(), 0))
        .then_expect_error(AccountError::AlreadyOpen);
    given(vec![a_service()])
        .when(bind(service(Role::Hospital), wallet(), 0))
        .then_expect_error(AccountError::NotAPerson);
    given(vec![opened(a_doctor()), AccountEvent::Closed])
        .when(bind(a_doctor(), wallet(), 0))
        .then_expect_error(AccountError::Closed);
    given(vec![])
        .when(bind(Holder::Patient(Personal::Sealed), wallet(), 0))
        .then_expect_error(AccountError::Sealed);
}

#[test]
fn a_wallet_is_changed_by_the_one_that_is_bound() {
    for holder in people() {
        let former = Title::FormerWallet {
            proof: invited(wallet()).proof,
        };
        let change = |from| AccountCommand::ChangeWallet {
            from,
            binding: binding(other(), former.clone()),
        };
        let history = || vec![opened(holder.clone()), bound(&holder, invited(wallet()))];
        given(history())
            .when(change(wallet()))
            .then_expect_events(vec![bound(&holder, binding(other(), former.clone()))]);
        given(history())
            .when(change(Wallet([9; 20])))
            .then_expect_error(AccountError::NotTheWallet);
        given(vec![opened(holder.clone())])
            .when(change(wallet()))
            .then_expect_error(AccountError::NotTheWallet);
        let mut closed = history();
        closed.push(AccountEvent::Closed);
        given(closed)
            .when(change(wallet()))
            .then_expect_error(AccountError::Closed);
    }
}

#[test]
fn a_registrar_takes_a_wallet_away() {
    for holder in people() {
        let history = || vec![opened(holder.clone()), bound(&holder, invited(wallet()))];
        given(history())
            .when(unbind(wallet()))
            .then_expect_events(vec![unbound(&holder)]);
        given(history())
            .when(unbind(other()))
            .then_expect_error(AccountError::NotTheWallet);
    }
    given(vec![])
        .when(unbind(wallet()))
        .then_expect_error(AccountError::NotOpen);
}

#[test]
fn a_patients_wallet_whose_key_is_gone_still_keeps_others_out() {
    let sealed = || {
        vec![
            opened(Holder::Patient(Personal::Sealed)),
            AccountEvent::WalletBound {
                binding: Said::OfSubject(Personal::Sealed),
            },
        ]
    };
    let account = folded(sealed());
    assert_eq!(
        (account.has_wallet(), account.wallet(), account.turn()),
        (true, None, 1)
    );
    given(sealed())
        .when(bind(a_patient(), wallet(), 1))
        .then_expect_error(AccountError::Sealed);
    given(sealed())
        .when(unbind(wallet()))
        .then_expect_error(AccountError::NotTheWallet);
}

#[test]
fn what_concerns_a_person_is_sealed_under_the_key_of_whoever_holds_the_account() {
    let account = AccountId::new(Uuid::from_u128(5));
    for (holder, subject) in [
        (a_patient(), patient().into()),
        (a_doctor(), practitioner().into()),
        (staff(Role::Hospital), account.into()),
    ] {
        for event in [bound(&holder, invited(wallet())), unbound(&holder)] {
            assert_eq!(event.subject(&account.into()), Some(subject));
            let encoded = event.encode().unwrap();
            assert!(encoded.personal.is_some() && encoded.shared.len() == 2, "{encoded:?}");
        }
    }
}

#[test]
fn an_account_of_somebody_erased_is_closed_though_it_was_never_opened_and_nobody_opens_it() {
    for holder in people() {
        let account = || vec![opened(holder.clone())];
        for before in [vec![], account()] {
            given(before)
                .when(AccountCommand::Bar)
                .then_expect_events(vec![AccountEvent::Closed]);
        }
        given(vec![AccountEvent::Closed])
            .when(bind(holder.clone(), wallet(), 0))
            .then_expect_error(AccountError::Closed);
    }
    given(vec![AccountEvent::Closed])
        .when(AccountCommand::Bar)
        .then_expect_events(vec![]);
}
