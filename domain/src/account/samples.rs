//! Samples of the events for the tests of their encoding: one of each variant, and any.

use proptest::prelude::*;
use proptest::sample::select;

use super::{AccountEvent, Binding, Holder, KeyHash, OfSubject, Proof, Role, Said, Scope, Title};
use crate::kernel::{AccountId, PatientId, Personal, PractitionerId, SubjectId, Wallet};
use crate::samples::strategies::{instants, personal, texts, uuids};
use crate::samples::values::{id, text, time};

/// Every account event, with every kind of holder, role, scope and title.
pub(crate) fn examples() -> Vec<AccountEvent> {
    let opened = |holder| AccountEvent::Opened { holder };
    let staff = |role| {
        opened(Holder::Staff {
            name: Personal::Known(text("Front desk")),
            role,
        })
    };
    let clerk = Holder::Staff {
        name: Personal::Known(text("Front desk")),
        role: Role::Hospital,
    };
    let patient = Holder::Patient(Personal::Known(PatientId::new(id(1))));
    let practitioner = Holder::Practitioner {
        practitioner: PractitionerId::new(id(2)),
    };
    let mut events = vec![
        opened(patient.clone()),
        opened(practitioner.clone()),
        opened(Holder::Service {
            name: text("Import"),
            role: Role::Hospital,
        }),
    ];
    // Those that open no such account are written the same way.
    let roles = [
        Role::Patient,
        Role::Doctor,
        Role::Hospital,
        Role::Insurer,
        Role::Registrar,
        Role::Auditor,
        Role::Administrator,
        Role::Nurse,
        Role::Reception,
        Role::Laboratory,
    ];
    events.extend(roles.map(staff));
    events.extend([
        AccountEvent::KeyIssued {
            key: id(4),
            hash: KeyHash([0x5a; 32]),
            scopes: vec![Scope::Read, Scope::Write, Scope::Import],
            expires: Some(time("2027-01-01T00:00:00.125Z")),
        },
        AccountEvent::KeyRevoked { key: id(4) },
        AccountEvent::Closed,
    ]);
    let proof = Proof {
        message: text("clinic.example wants you to sign in with your Ethereum account"),
        signature: vec![0x1b; 65],
    };
    let titles = [
        Title::Registration,
        Title::Invitation {
            issuer: AccountId::new(id(5)),
        },
        Title::FormerWallet { proof: proof.clone() },
        Title::Configuration,
        Title::Approval {
            issuer: AccountId::new(id(6)),
        },
    ];
    for holder in [patient, practitioner, clerk] {
        events.extend(titles.clone().map(|title| {
            AccountEvent::WalletBound {
                binding: holder
                    .says(Binding {
                        wallet: Wallet([0xa1; 20]),
                        proof: proof.clone(),
                        title,
                    })
                    .unwrap(),
            }
        }));
        events.push(AccountEvent::WalletUnbound {
            reason: holder.says(text("the phone was stolen")).unwrap(),
        });
    }
    events
}

/// Any event, its personal field known or sealed.
pub(crate) fn strategy() -> impl Strategy<Value = AccountEvent> {
    let wallets = || any::<[u8; 20]>().prop_map(Wallet);
    let roles = || {
        select(vec![
            Role::Patient,
            Role::Doctor,
            Role::Hospital,
            Role::Insurer,
            Role::Registrar,
            Role::Auditor,
            Role::Administrator,
        ])
    };
    let patients = || personal(uuids().prop_map(PatientId::new));
    let holders = prop_oneof![
        patients().prop_map(Holder::Patient),
        uuids()
            .prop_map(PractitionerId::new)
            .prop_map(|practitioner| Holder::Practitioner { practitioner }),
        (personal(texts()), roles()).prop_map(|(name, role)| Holder::Staff { name, role }),
        (texts(), roles()).prop_map(|(name, role)| Holder::Service { name, role }),
    ];
    let proofs = || {
        (texts(), prop::collection::vec(any::<u8>(), 65)).prop_map(|(message, signature)| Proof { message, signature })
    };
    let titles = prop_oneof![
        Just(Title::Registration),
        uuids().prop_map(|issuer| Title::Invitation {
            issuer: AccountId::new(issuer)
        }),
        proofs().prop_map(|proof| Title::FormerWallet { proof }),
        Just(Title::Configuration),
        uuids().prop_map(|issuer| Title::Approval {
            issuer: AccountId::new(issuer)
        }),
    ];
    let bindings =
        said((wallets(), proofs(), titles).prop_map(|(wallet, proof, title)| Binding { wallet, proof, title }));
    let scopes = prop::collection::vec(select(vec![Scope::Read, Scope::Write, Scope::Import]), 0..4);
    let keys = (uuids(), any::<[u8; 32]>(), scopes, prop::option::of(instants()));
    prop_oneof![
        holders.prop_map(|holder| AccountEvent::Opened { holder }),
        keys.prop_map(|(key, hash, scopes, expires)| AccountEvent::KeyIssued {
            key,
            hash: KeyHash(hash),
            scopes,
            expires
        }),
        uuids().prop_map(|key| AccountEvent::KeyRevoked { key }),
        Just(AccountEvent::Closed),
        bindings.prop_map(|binding| AccountEvent::WalletBound { binding }),
        said(texts()).prop_map(|reason| AccountEvent::WalletUnbound { reason }),
    ]
}

/// About a patient or practitioner, or about the account's own holder; sealed or not.
fn said<T: Clone + std::fmt::Debug>(values: impl Strategy<Value = T>) -> impl Strategy<Value = Said<T>> {
    (values, uuids().prop_map(SubjectId::new), 0..4_u8).prop_map(|(value, subject, which)| match which {
        0 => Said::OfHolder(Personal::Known(value)),
        1 => Said::OfHolder(Personal::Sealed),
        2 => Said::OfSubject(Personal::Sealed),
        _ => Said::OfSubject(Personal::Known(OfSubject { subject, value })),
    })
}
