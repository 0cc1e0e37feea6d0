//! Keys of services.

use super::*;

#[test]
fn a_service_gets_a_key_with_its_scopes_in_order_and_each_once() {
    given(vec![a_service()])
        .when(issue_with(1, vec![Scope::Import, Scope::Read, Scope::Import], None))
        .then_expect_events(vec![issued(1, None)]);
}

#[test]
fn only_a_service_that_is_open_gets_a_key() {
    given(vec![]).when(issue(1)).then_expect_error(AccountError::NotOpen);
    given(vec![a_service(), AccountEvent::Closed])
        .when(issue(1))
        .then_expect_error(AccountError::Closed);
    for holder in [a_patient(), a_doctor(), staff(Role::Hospital)] {
        given(vec![opened(holder)])
            .when(issue(1))
            .then_expect_error(AccountError::NotAService);
    }
}

#[test]
fn a_key_needs_a_scope() {
    given(vec![a_service()])
        .when(issue_with(1, vec![], None))
        .then_expect_error(AccountError::NoScope);
}

#[test]
fn a_key_expires_in_the_future() {
    let scopes = || vec![Scope::Read, Scope::Import];
    let soon = now() + TimeDelta::nanoseconds(1);
    given(vec![a_service()])
        .when(issue_with(1, scopes(), Some(now())))
        .then_expect_error(AccountError::AlreadyExpired);
    given(vec![a_service()])
        .when(issue_with(1, scopes(), Some(soon)))
        .then_expect_events(vec![issued(1, Some(soon))]);
}

#[test]
fn a_key_is_issued_once_by_id_and_by_secret() {
    let same_secret = AccountCommand::IssueKey {
        key: key(2),
        hash: KeyHash([1; 32]),
        scopes: vec![Scope::Read],
        expires: None,
        now: now(),
    };
    for again in [issue(1), same_secret] {
        given(vec![a_service(), issued(1, None)])
            .when(again)
            .then_expect_error(AccountError::KeyExists);
    }
    given(vec![a_service(), issued(1, None)])
        .when(issue(2))
        .then_expect_events(vec![issued(2, None)]);
}

#[test]
fn a_key_is_revoked_once() {
    let history = vec![a_service(), issued(1, None)];
    given(history.clone())
        .when(revoke(1))
        .then_expect_events(vec![revoked(1)]);
    given([history, vec![revoked(1)]].concat())
        .when(revoke(1))
        .then_expect_events(vec![]);
}

#[test]
fn a_key_is_revoked_on_a_closed_account_too() {
    given(vec![a_service(), issued(1, None), AccountEvent::Closed])
        .when(revoke(1))
        .then_expect_events(vec![revoked(1)]);
}

#[test]
fn a_key_that_does_not_exist_is_not_revoked() {
    given(vec![a_service()])
        .when(revoke(1))
        .then_expect_error(AccountError::UnknownKey);
    given(vec![]).when(revoke(1)).then_expect_error(AccountError::NotOpen);
}

#[test]
fn a_key_works_until_it_expires_or_is_revoked_or_its_account_is_closed() {
    let expires = now() + TimeDelta::hours(1);
    let history = vec![a_service(), issued(1, Some(expires)), issued(2, None)];
    let works = |account: &Account, number: u8, at| account.active_key(&KeyHash([number; 32]), at).is_some();
    let account = folded(history.clone());
    assert_eq!(account.active_key(&KeyHash([1; 32]), now()).unwrap().id, key(1));
    assert!(works(&account, 1, expires - TimeDelta::nanoseconds(1)) && !works(&account, 1, expires));
    assert!(works(&account, 2, DateTime::<Utc>::MAX_UTC) && !works(&account, 3, now()));
    let one_revoked = folded([history.clone(), vec![revoked(2)]].concat());
    assert!(works(&one_revoked, 1, now()) && !works(&one_revoked, 2, now()));
    assert_eq!(one_revoked.keys().len(), 2);
    let closed = folded([history, vec![AccountEvent::Closed]].concat());
    assert!(closed.is_closed() && !works(&closed, 1, now()) && !works(&closed, 2, now()));
}
