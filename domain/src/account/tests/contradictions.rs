//! What no account decides.

use super::*;

fn bound() -> AccountEvent {
    let binding = Binding {
        wallet: wallet(),
        proof: Proof {
            message: "clinic.example wants you to sign in".to_owned(),
            signature: vec![1; 65],
        },
        title: Title::Invitation {
            issuer: AccountId::new(Uuid::from_u128(4)),
        },
    };
    AccountEvent::WalletBound {
        binding: a_patient().says(binding).unwrap(),
    }
}

fn unbound() -> AccountEvent {
    AccountEvent::WalletUnbound {
        reason: a_patient().says("lost".to_owned()).unwrap(),
    }
}

#[test]
fn what_no_account_decides_contradicts_it() {
    let contradiction = testing::contradiction::<Account>;
    let patients = || opened(a_patient());
    let unscoped = AccountEvent::KeyIssued {
        key: key(1),
        hash: KeyHash([1; 32]),
        scopes: Vec::new(),
        expires: None,
    };
    for (given, event, expected) in [
        (vec![], patients(), None),
        (vec![patients()], patients(), Some(Contradiction::Twice)),
        (vec![AccountEvent::Closed], patients(), Some(Contradiction::AfterTheEnd)),
        (vec![], opened(staff(Role::Doctor)), Some(Contradiction::Impossible)),
        (vec![], opened(service(Role::Patient)), Some(Contradiction::Impossible)),
        (vec![], AccountEvent::Closed, None),
        (
            vec![AccountEvent::Closed],
            AccountEvent::Closed,
            Some(Contradiction::Twice),
        ),
        (vec![a_service()], issued(1, None), None),
        (vec![], issued(1, None), Some(Contradiction::BeforeTheBeginning)),
        (vec![patients()], issued(1, None), Some(Contradiction::NotOfThisHolder)),
        (
            vec![a_service(), AccountEvent::Closed],
            issued(1, None),
            Some(Contradiction::AfterTheEnd),
        ),
        (
            vec![a_service(), issued(1, None)],
            issued(1, None),
            Some(Contradiction::Twice),
        ),
        (vec![a_service()], unscoped, Some(Contradiction::Impossible)),
        (vec![a_service(), issued(1, None)], revoked(1), None),
        (vec![a_service()], revoked(1), Some(Contradiction::NotThere)),
        (
            vec![a_service(), issued(1, None), revoked(1)],
            revoked(1),
            Some(Contradiction::Twice),
        ),
        (vec![patients()], bound(), None),
        (vec![], bound(), Some(Contradiction::BeforeTheBeginning)),
        (
            vec![patients(), AccountEvent::Closed],
            bound(),
            Some(Contradiction::AfterTheEnd),
        ),
        (vec![a_service()], bound(), Some(Contradiction::NotOfThisHolder)),
        (vec![patients(), bound(), AccountEvent::Closed], unbound(), None),
        (vec![patients()], unbound(), Some(Contradiction::NotThere)),
        (
            vec![patients(), bound(), unbound()],
            unbound(),
            Some(Contradiction::NotThere),
        ),
    ] {
        assert_eq!(contradiction(given.clone(), &event), expected, "{given:?} {event:?}");
    }
}
