//! Given-when-then: opening and closing here, keys in `keys.rs`, wallets in `wallets.rs`.

mod contradictions;
mod keys;
mod wallets;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use cqrs_es::test::AggregateTestExecutor;
use uuid::Uuid;

use super::*;
use crate::kernel::{
    AccountId, AggregateRef, ClinicEvent, Contradiction, DecodeError, PatientId, Personal, PractitionerId, Versioned,
    Wallet, testing,
};

fn given(events: Vec<AccountEvent>) -> AggregateTestExecutor<Versioned<Account>> {
    testing::given(events)
}

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 9, 0, 0).unwrap()
}

fn wallet() -> Wallet {
    Wallet([7; 20])
}

fn patient() -> PatientId {
    PatientId::new(Uuid::from_u128(1))
}

fn practitioner() -> PractitionerId {
    PractitionerId::new(Uuid::from_u128(2))
}

fn a_patient() -> Holder {
    Holder::Patient(Personal::Known(patient()))
}

fn a_doctor() -> Holder {
    Holder::Practitioner {
        practitioner: practitioner(),
    }
}

fn staff(role: Role) -> Holder {
    Holder::Staff {
        name: Personal::Known("Front desk".to_owned()),
        role,
    }
}

fn service(role: Role) -> Holder {
    Holder::Service {
        name: "Import".to_owned(),
        role,
    }
}

fn opened(holder: Holder) -> AccountEvent {
    AccountEvent::Opened { holder }
}

fn key(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn issued(number: u8, expires: Option<DateTime<Utc>>) -> AccountEvent {
    let scopes = vec![Scope::Read, Scope::Import];
    AccountEvent::KeyIssued {
        key: key(number.into()),
        hash: KeyHash([number; 32]),
        scopes,
        expires,
    }
}

fn issue(number: u8) -> AccountCommand {
    issue_with(number, vec![Scope::Read, Scope::Import], None)
}

fn issue_with(number: u8, scopes: Vec<Scope>, expires: Option<DateTime<Utc>>) -> AccountCommand {
    let (key, hash) = (key(number.into()), KeyHash([number; 32]));
    AccountCommand::IssueKey {
        key,
        hash,
        scopes,
        expires,
        now: now(),
    }
}

fn revoke(number: u128) -> AccountCommand {
    AccountCommand::RevokeKey { key: key(number) }
}

fn revoked(number: u128) -> AccountEvent {
    AccountEvent::KeyRevoked { key: key(number) }
}

fn a_service() -> AccountEvent {
    opened(service(Role::Hospital))
}

fn folded(events: Vec<AccountEvent>) -> Account {
    testing::folded(events)
}

#[test]
fn an_account_opens_for_each_kind_of_holder() {
    for holder in [
        a_patient(),
        a_doctor(),
        staff(Role::Administrator),
        service(Role::Insurer),
    ] {
        given(vec![])
            .when(AccountCommand::Open { holder: holder.clone() })
            .then_expect_events(vec![opened(holder)]);
    }
}

#[test]
fn staff_and_services_hold_every_role_but_those_of_patient_and_doctor() {
    for role in [
        Role::Hospital,
        Role::Insurer,
        Role::Registrar,
        Role::Auditor,
        Role::Administrator,
    ] {
        for holder in [staff(role), service(role)] {
            assert_eq!(
                given(vec![])
                    .when(AccountCommand::Open { holder })
                    .inspect_result()
                    .unwrap()
                    .len(),
                1
            );
        }
    }
    for role in [Role::Patient, Role::Doctor] {
        for holder in [staff(role), service(role)] {
            given(vec![])
                .when(AccountCommand::Open { holder })
                .then_expect_error(AccountError::RoleNotAllowed);
        }
    }
}

#[test]
fn opening_again_for_the_same_holder_changes_nothing() {
    for holder in [a_patient(), a_doctor(), staff(Role::Auditor), service(Role::Hospital)] {
        given(vec![opened(holder.clone())])
            .when(AccountCommand::Open { holder })
            .then_expect_events(vec![]);
    }
}

#[test]
fn opening_again_for_another_holder_is_refused() {
    let other = Holder::Patient(Personal::Known(PatientId::new(Uuid::from_u128(9))));
    for holder in [other, a_doctor(), staff(Role::Hospital)] {
        given(vec![opened(a_patient())])
            .when(AccountCommand::Open { holder })
            .then_expect_error(AccountError::AlreadyOpen);
    }
}

#[test]
fn an_account_whose_patient_is_sealed_cannot_be_compared() {
    let sealed = || vec![opened(Holder::Patient(Personal::Sealed))];
    given(sealed())
        .when(AccountCommand::Open { holder: a_patient() })
        .then_expect_error(AccountError::Sealed);
    given(sealed())
        .when(AccountCommand::Open { holder: a_doctor() })
        .then_expect_error(AccountError::AlreadyOpen);
}

#[test]
fn no_account_opens_for_a_patient_whom_nobody_can_name() {
    given(vec![])
        .when(AccountCommand::Open {
            holder: Holder::Patient(Personal::Sealed),
        })
        .then_expect_error(AccountError::Sealed);
}

#[test]
fn an_account_closes_once_and_for_all() {
    let closed = || vec![opened(a_doctor()), AccountEvent::Closed];
    given(vec![])
        .when(AccountCommand::Close)
        .then_expect_error(AccountError::NotOpen);
    given(vec![opened(a_doctor())])
        .when(AccountCommand::Close)
        .then_expect_events(vec![AccountEvent::Closed]);
    given(closed()).when(AccountCommand::Close).then_expect_events(vec![]);
    given(closed())
        .when(AccountCommand::Open { holder: a_doctor() })
        .then_expect_error(AccountError::Closed);
}

#[test]
fn a_holder_says_what_it_opens() {
    let parts = |holder: Holder| (holder.role(), holder.patient(), holder.practitioner());
    assert_eq!(parts(a_patient()), (Role::Patient, Some(patient()), None));
    assert_eq!(parts(Holder::Patient(Personal::Sealed)), (Role::Patient, None, None));
    assert_eq!(parts(a_doctor()), (Role::Doctor, None, Some(practitioner())));
    assert_eq!(parts(staff(Role::Auditor)), (Role::Auditor, None, None));
    assert_eq!(parts(service(Role::Insurer)), (Role::Insurer, None, None));
}

#[test]
fn a_snapshot_reads_back_with_what_is_a_patients_sealed() {
    let snapshot = |account: &Account| serde_json::to_string(account).unwrap();
    let service = folded(vec![a_service(), issued(1, Some(now())), revoked(1)]);
    assert_eq!(serde_json::from_str::<Account>(&snapshot(&service)).unwrap(), service);
    let patients = folded(vec![opened(a_patient())]);
    let read: Account = serde_json::from_str(&snapshot(&patients)).unwrap();
    assert_eq!(read.holder(), Some(&Holder::Patient(Personal::Sealed)));
}

#[test]
fn only_the_opening_of_a_patients_account_concerns_a_patient() {
    let of = AggregateRef::Account(AccountId::new(Uuid::from_u128(5)));
    assert_eq!(opened(a_patient()).subject(&of), Some(patient().into()));
    assert_eq!(opened(Holder::Patient(Personal::Sealed)).subject(&of), None);
    for event in [
        opened(a_doctor()),
        a_service(),
        issued(1, None),
        revoked(1),
        AccountEvent::Closed,
    ] {
        assert_eq!(event.subject(&of), None);
        assert_eq!(event.encode().unwrap().personal, None);
    }
}

#[test]
fn an_event_of_a_later_schema_is_refused() {
    assert_eq!(AccountEvent::decode(2, &[3], None), Err(DecodeError::UnknownSchema(2)));
}
