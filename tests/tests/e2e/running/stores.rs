//! Nonces, sessions, revocations and the command registry on a real Postgres.

use std::num::NonZeroU32;

use application::log::StreamId;
use application::ports::Servers as _;
use application::ports::invitations::Person;
use application::ports::invitations::{Invitation, InvitationHash, Invitations as _};
use application::ports::registry::{
    Claim, Claimed, CommandRegistry as _, FormerIssuer, Issuers, StoredAnswer, Ticket, Trace,
};
use application::ports::requests::{
    Asked, Decided, Declined, RegistrationRequest, RegistrationRequests as _, Standing,
};
use application::ports::revocations::{Revocation, Revocations as _, Revoked};
use application::ports::sessions::{Session, Sessions as _, TokenHash};
use chrono::{DateTime, TimeDelta, Utc};
use domain::account::Proof;
use domain::kernel::{AccountId, CommandId, PatientId, Wallet, WalletId};
use domain::patient::PatientDetails;
use infrastructure::chain::codec::append_calldata;
use infrastructure::chain::{Signer, Transaction};
use infrastructure::commands::PostgresCommands;
use infrastructure::invitations::PostgresInvitations;
use infrastructure::keys::MasterSecret;
use infrastructure::log::{Commit, Payload, StreamHead, StreamPart};
use infrastructure::postgres::{LIVE, migrate, pool};
use infrastructure::requests::PostgresRequests;
use infrastructure::revocations::PostgresRevocations;
use infrastructure::servers::PresentServers;
use infrastructure::sessions::PostgresSessions;
use sqlx::{Executor as _, PgPool};
use tests::chain::KEYS;
use uuid::Uuid;

/// How many sessions a wallet has at once.
const MOST: NonZeroU32 = NonZeroU32::new(3).unwrap();

async fn migrated() -> PgPool {
    let pool = pool(&tests::postgres::database().await, LIVE, 4).unwrap();
    migrate(&pool).await.unwrap();
    pool
}

/// To the millisecond: Postgres keeps microseconds.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(Utc::now().timestamp_millis()).unwrap()
}

fn id() -> Uuid {
    Uuid::new_v4()
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_at_once_on_an_empty_database_all_find_their_tables() {
    for _ in 0..3 {
        let url = tests::postgres::database().await;
        let pools: Vec<PgPool> = (0..6).map(|_| pool(&url, LIVE, 2).unwrap()).collect();
        let migrated = futures::future::join_all(pools.iter().map(migrate)).await;
        assert!(migrated.iter().all(Result::is_ok), "{migrated:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_is_used_once() {
    let sessions = PostgresSessions::new(migrated().await);
    let later = now() + TimeDelta::minutes(5);
    let (first, second) = tokio::join!(sessions.use_nonce("one", later), sessions.use_nonce("one", later));
    assert_eq!(u8::from(first.unwrap()) + u8::from(second.unwrap()), 1);
    assert!(sessions.use_nonce("another", later).await.unwrap());
    sessions.sweep(now()).await.unwrap();
    assert!(!sessions.use_nonce("one", later).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_that_a_command_has_used_is_good_for_a_retry_of_it_and_for_nothing_else() {
    let sessions = PostgresSessions::new(migrated().await);
    let later = now() + TimeDelta::minutes(5);
    let (command, other) = (CommandId::new(id()), CommandId::new(id()));
    assert!(sessions.spend_nonce("one", command, later).await.unwrap());
    assert!(sessions.spend_nonce("one", command, later).await.unwrap());
    assert!(!sessions.spend_nonce("one", other, later).await.unwrap());
    assert!(!sessions.use_nonce("one", later).await.unwrap());
    assert!(sessions.use_nonce("two", later).await.unwrap());
    assert!(!sessions.spend_nonce("two", command, later).await.unwrap());
}

/// A request to be registered that waits, and whose wallet asks.
fn request(expires_at: DateTime<Utc>) -> (WalletId, RegistrationRequest) {
    let request = RegistrationRequest {
        id: id(),
        wallet: Wallet([7; 20]),
        proof: Proof {
            message: "signed".to_owned(),
            signature: vec![1; 65],
        },
        details: PatientDetails::default(),
        asked_at: now(),
        expires_at,
    };
    (WalletId::new(id()), request)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_several_approve_waits_again_when_nothing_can_come_of_any_of_them() {
    let requests = PostgresRequests::new(migrated().await, &MasterSecret::random().unwrap());
    let later = now() + TimeDelta::days(1);
    let (owner, asked) = request(later);
    assert_eq!(requests.ask(owner, &asked, 10).await.unwrap(), Asked::Listed);
    let (first, second) = (CommandId::new(id()), CommandId::new(id()));
    let declined = Declined {
        reason: "no",
        by: CommandId::new(id()),
        until: later,
    };
    // The first is cut off and comes again; the second comes in between.
    for by in [first, second, first] {
        let begun = requests.begin_approval(asked.id, by, now()).await.unwrap();
        assert_eq!(begun, Decided::Done(asked.clone()));
    }
    for by in [second, second, CommandId::new(id())] {
        requests.give_back(asked.id, by).await.unwrap();
        let refused = requests.decline(asked.id, &declined, now()).await.unwrap();
        assert_eq!(refused, Decided::Before, "the first may have come through");
    }
    requests.give_back(asked.id, first).await.unwrap();
    let own = requests.of_wallet(owner, now()).await.unwrap().unwrap();
    assert!(matches!(own.standing, Standing::Waiting(_)), "{own:?}");
    let done = requests.decline(asked.id, &declined, now()).await.unwrap();
    assert_eq!(done, Decided::Done(()));
    // Nobody brings it back.
    requests.give_back(asked.id, first).await.unwrap();
    let own = requests.of_wallet(owner, now()).await.unwrap().unwrap();
    assert!(matches!(own.standing, Standing::Declined { .. }), "{own:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_invitation_takes_the_place_of_the_former_one() {
    let pool = migrated().await;
    let (here, there) = (PostgresInvitations::new(pool.clone()), PostgresInvitations::new(pool));
    let (first, second) = (InvitationHash([1; 32]), InvitationHash([2; 32]));
    let account = AccountId::new(id());
    let invitation = Invitation {
        person: Person::Patient(PatientId::new(id())),
        account,
        turn: 0,
        issuer: AccountId::new(id()),
        issuer_key: Some(id()),
        expires_at: now() + TimeDelta::days(7),
    };
    here.issue(first, &invitation).await.unwrap();
    assert_eq!(there.find(first).await.unwrap(), Some(invitation));
    let again = Invitation { turn: 2, ..invitation };
    there.issue(second, &again).await.unwrap();
    assert_eq!(here.find(first).await.unwrap(), None);
    assert_eq!(here.find(second).await.unwrap(), Some(again));
    let staff = Invitation {
        person: Person::Staff(AccountId::new(id())),
        account: AccountId::new(id()),
        ..invitation
    };
    let staff = Invitation {
        person: Person::Staff(staff.account),
        ..staff
    };
    here.issue(first, &staff).await.unwrap();
    assert_eq!(here.find(first).await.unwrap(), Some(staff));
    here.sweep(now() + TimeDelta::days(8)).await.unwrap();
    assert_eq!(here.find(second).await.unwrap(), None);
    // Withdrawn by whose it is, or by who issued it; another key of the same issuer withdraws nothing.
    here.issue(second, &invitation).await.unwrap();
    there.withdraw_of(invitation.issuer, Some(id())).await.unwrap();
    there.withdraw_of(AccountId::new(id()), None).await.unwrap();
    assert_eq!(here.find(second).await.unwrap(), Some(invitation));
    there
        .withdraw_of(invitation.issuer, invitation.issuer_key)
        .await
        .unwrap();
    assert_eq!(here.find(second).await.unwrap(), None);
    here.issue(second, &invitation).await.unwrap();
    there.withdraw_of(invitation.issuer, None).await.unwrap();
    assert_eq!(here.find(second).await.unwrap(), None);
    here.issue(second, &invitation).await.unwrap();
    there.withdraw(account).await.unwrap();
    assert_eq!(here.find(second).await.unwrap(), None);
}

/// A session of a wallet, and what was signed for it.
fn session(wallet: u8, minutes: i64) -> (Session, Proof) {
    let expires_at = now() + TimeDelta::minutes(minutes);
    let session = Session {
        wallet: Wallet([wallet; 20]),
        idle_expires_at: expires_at,
        expires_at,
    };
    let proof = Proof {
        message: "signed".to_owned(),
        signature: vec![1; 65],
    };
    (session, proof)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_more_sessions_than_a_wallet_may_have_the_oldest_ends() {
    let sessions = PostgresSessions::new(migrated().await);
    let token = |number| TokenHash([number; 32]);
    let open = async |number, wallet| {
        let (session, proof) = session(wallet, 60);
        sessions.open(token(number), &session, &proof, MOST).await.unwrap()
    };
    for number in [9, 1, 5] {
        assert_eq!(open(number, 7).await, []);
    }
    assert_eq!(open(2, 8).await, [], "another wallet's do not count");
    assert_eq!(open(3, 7).await, [token(9)]);
    assert_eq!(open(4, 7).await, [token(1)]);
    for (number, stays) in [(9, false), (1, false), (5, true), (3, true), (4, true), (2, true)] {
        let found = sessions.find(token(number), now()).await.unwrap();
        assert_eq!(found.is_some(), stays, "{number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_sign_in_at_once_a_wallet_ends_with_no_more_sessions_than_it_may_have() {
    let pool = migrated().await;
    let sessions = PostgresSessions::new(pool.clone());
    let opening = (0..40).map(|number| {
        let sessions = &sessions;
        async move {
            let (session, proof) = session(7, 60);
            let token = TokenHash([number; 32]);
            sessions.touch(&[(token, now())]).await.unwrap();
            sessions.open(token, &session, &proof, MOST).await.unwrap().len()
        }
    });
    let ended: usize = futures::future::join_all(opening).await.into_iter().sum();
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM sessions")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!((left, ended), (3, 37));
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_ended_are_swept_however_many_there_are() {
    let pool = migrated().await;
    let sessions = PostgresSessions::new(pool.clone());
    let sql = "INSERT INTO sessions (token_hash, wallet, idle_expires_at, expires_at, message, signature) \
               SELECT sha256(n::text::bytea), substr(sha256(n::text::bytea), 1, 20), now() - interval '1 minute', \
                      now() + interval '1 hour', '', '' FROM generate_series(1, 12001) n";
    sqlx::query(sql).execute(&pool).await.unwrap();
    let (session, proof) = session(7, 60);
    sessions.open(TokenHash([1; 32]), &session, &proof, MOST).await.unwrap();
    sessions.sweep(now()).await.unwrap();
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM sessions")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(left, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_counted_that_have_said_that_they_are_there() {
    let pool = migrated().await;
    let (one, other) = (PresentServers::new(pool.clone()), PresentServers::new(pool.clone()));
    assert_eq!(one.count().await.unwrap(), 0);
    assert!(!one.is_counted(), "it has said nothing yet");
    one.say().await.unwrap();
    one.say().await.unwrap();
    other.say().await.unwrap();
    assert_eq!(one.count().await.unwrap(), 2);
    assert!(one.is_counted() && other.is_counted() && one.are_others().await.unwrap());
    other.leave().await;
    assert_eq!(one.count().await.unwrap(), 1);
    assert!(!one.are_others().await.unwrap() && other.are_others().await.unwrap());
    let crashed = "INSERT INTO servers (id, until) VALUES (gen_random_uuid(), now() - interval '1 second')";
    sqlx::query(crashed).execute(&pool).await.unwrap();
    assert_eq!(one.count().await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_idle_or_old_or_closed() {
    let sessions = PostgresSessions::new(migrated().await);
    let start = now();
    let session = Session {
        wallet: Wallet([7; 20]),
        idle_expires_at: start + TimeDelta::minutes(10),
        expires_at: start + TimeDelta::minutes(60),
    };
    let token = TokenHash([1; 32]);
    let proof = Proof {
        message: "signed".to_owned(),
        signature: vec![1; 65],
    };
    sessions.open(token, &session, &proof, MOST).await.unwrap();
    assert_eq!(sessions.proof(token).await.unwrap(), Some(proof));
    assert_eq!(sessions.find(token, start).await.unwrap(), Some(session));
    assert_eq!(sessions.find(TokenHash([2; 32]), start).await.unwrap(), None);
    let idle = start + TimeDelta::minutes(10);
    assert_eq!(sessions.find(token, idle).await.unwrap(), None);

    let used = start + TimeDelta::minutes(70);
    sessions
        .touch(&[(token, used), (TokenHash([9; 32]), used)])
        .await
        .unwrap();
    assert!(sessions.find(token, idle).await.unwrap().is_some());
    assert_eq!(
        sessions.find(token, start + TimeDelta::minutes(60)).await.unwrap(),
        None
    );
    sessions.touch(&[(token, start)]).await.unwrap();
    assert!(
        sessions.find(token, idle).await.unwrap().is_some(),
        "a late message takes nothing back"
    );

    sessions.sweep(idle).await.unwrap();
    assert!(sessions.find(token, idle).await.unwrap().is_some());
    sessions.close(token).await.unwrap();
    sessions.close(token).await.unwrap();
    assert_eq!(sessions.find(token, start).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallets_sessions_end_together_but_for_one() {
    let sessions = PostgresSessions::new(migrated().await);
    let start = now();
    let open = async |token: u8, wallet: u8| {
        let session = Session {
            wallet: Wallet([wallet; 20]),
            idle_expires_at: start + TimeDelta::minutes(10),
            expires_at: start + TimeDelta::minutes(60),
        };
        let proof = Proof {
            message: "signed".to_owned(),
            signature: vec![1; 65],
        };
        sessions
            .open(TokenHash([token; 32]), &session, &proof, MOST)
            .await
            .unwrap();
    };
    for (token, wallet) in [(1, 7), (2, 7), (3, 7), (4, 8)] {
        open(token, wallet).await;
    }
    let going_on = async || {
        let mut tokens = Vec::new();
        for token in 1..=4 {
            if sessions.find(TokenHash([token; 32]), start).await.unwrap().is_some() {
                tokens.push(token);
            }
        }
        tokens
    };
    sessions
        .close_all(&Wallet([7; 20]), Some(TokenHash([2; 32])))
        .await
        .unwrap();
    assert_eq!(going_on().await, [2, 4]);
    sessions
        .close_all(&Wallet([8; 20]), Some(TokenHash([2; 32])))
        .await
        .unwrap();
    assert_eq!(going_on().await, [2]);
    sessions.close_all(&Wallet([7; 20]), None).await.unwrap();
    assert_eq!(going_on().await, [0_u8; 0]);
}

fn revocation(subject: Uuid, revoked: Revoked) -> Revocation {
    Revocation {
        command_id: CommandId::new(id()),
        subject,
        revoked,
        actor: AccountId::new(id()),
        at: now(),
        correlation: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_holds_for_every_process_until_the_last_command_withdraws_it() {
    let pool = migrated().await;
    let (here, there) = (PostgresRevocations::new(pool.clone()), PostgresRevocations::new(pool));
    let subject = id();
    let close = || {
        revocation(
            subject,
            Revoked::Account {
                account: AccountId::new(subject),
            },
        )
    };
    let (one, two) = (close(), close());
    here.begin(&one).await.unwrap();
    here.begin(&one).await.unwrap();
    here.begin(&two).await.unwrap();
    assert!(here.denied_here(subject));
    assert!(!there.denied_here(subject));
    assert!(there.any(&[id(), subject]).await.unwrap());
    here.withdraw(&one).await.unwrap();
    assert!(here.denied_here(subject));
    assert!(there.any(&[subject]).await.unwrap());
    here.withdraw(&two).await.unwrap();
    assert!(!here.denied_here(subject));
    assert!(!there.any(&[subject]).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_that_nobody_carries_through_is_taken_on_by_one_process() {
    let pool = migrated().await;
    let (here, there) = (
        PostgresRevocations::new(pool.clone()),
        PostgresRevocations::new(pool.clone()),
    );
    let subject = id();
    let key = revocation(
        subject,
        Revoked::Key {
            account: AccountId::new(id()),
            key: subject,
        },
    );
    here.begin(&key).await.unwrap();
    assert!(there.is_pending(key.command_id).await.unwrap());
    assert_eq!(there.take_on().await.unwrap(), [], "whoever began is not disturbed");
    let abandoned = "UPDATE revocations SET undisturbed_until = now() - interval '1 second'";
    sqlx::query(abandoned).execute(&pool).await.unwrap();
    let (one, two) = tokio::join!(here.take_on(), there.take_on());
    assert_eq!([one.unwrap(), two.unwrap()].concat(), std::slice::from_ref(&key));
    there.carried_through(&key).await.unwrap();
    sqlx::query(abandoned).execute(&pool).await.unwrap();
    assert_eq!(here.take_on().await.unwrap(), []);
    assert!(!here.is_pending(key.command_id).await.unwrap());
    assert!(there.any(&[subject]).await.unwrap(), "it stays denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_that_was_taken_away_may_be_bound_again() {
    let pool = migrated().await;
    let sessions = PostgresSessions::new(pool.clone());
    let (here, there) = (PostgresRevocations::new(pool.clone()), PostgresRevocations::new(pool));
    let start = now();
    let sign_in = async |token: u8| {
        let session = Session {
            wallet: Wallet([7; 20]),
            idle_expires_at: start + TimeDelta::minutes(10),
            expires_at: start + TimeDelta::minutes(60),
        };
        let proof = Proof {
            message: "signed".to_owned(),
            signature: vec![1; 65],
        };
        sessions
            .open(TokenHash([token; 32]), &session, &proof, MOST)
            .await
            .unwrap();
    };
    let goes_on = async |token: u8| sessions.find(TokenHash([token; 32]), start).await.unwrap().is_some();
    sign_in(1).await;
    let subject = id();
    let wallet = revocation(
        subject,
        Revoked::Wallet {
            account: AccountId::new(id()),
            wallet: Wallet([7; 20]),
            reason: "lost".to_owned(),
        },
    );
    here.begin(&wallet).await.unwrap();
    here.carried_through(&wallet).await.unwrap();
    assert!(!there.any(&[subject]).await.unwrap());
    assert!(!goes_on(1).await);
    sign_in(2).await;
    there.carried_through(&wallet).await.unwrap();
    assert!(goes_on(2).await, "whoever comes second ends nothing that began since");
    assert!(
        here.denied_here(subject),
        "for as long as anybody may remember whose it was"
    );
    here.bound_again(subject);
    assert!(!here.denied_here(subject));
}

fn claim(issuer: AccountId, key: u8, fingerprint: u8) -> Claim {
    let now = now();
    let issuers = Issuers {
        now: issuer,
        before: Vec::new(),
    };
    Claim {
        issuers,
        key: [key; 32],
        fingerprint: [fingerprint; 32],
        command_id: CommandId::new(id()),
        now,
        until: now + TimeDelta::minutes(1),
    }
}

fn answer(body: &str) -> StoredAnswer {
    StoredAnswer {
        status: 201,
        body: body.to_owned(),
        location: Some("/v1/patients/x".into()),
        etag: None,
    }
}

fn granted(claimed: Claimed) -> Ticket {
    match claimed {
        Claimed::Granted(ticket) => ticket,
        other => panic!("not granted: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_claim_one_key_one_executes_and_all_get_its_answer() {
    let commands = PostgresCommands::new(migrated().await);
    let issuer = AccountId::new(id());
    let claims: Vec<_> = (0..20).map(|_| claim(issuer, 1, 1)).collect();
    let claimed = futures::future::join_all(claims.iter().map(|claim| commands.claim(claim))).await;
    let tickets: Vec<_> = claimed
        .into_iter()
        .filter_map(|claimed| match claimed.unwrap() {
            Claimed::Granted(ticket) => Some(ticket),
            Claimed::InProgress(_) => None,
            other => panic!("neither granted nor in progress: {other:?}"),
        })
        .collect();
    assert_eq!(tickets.len(), 1);
    commands.answer(tickets[0], &answer("done")).await.unwrap();
    assert_eq!(
        commands.claim(&claim(issuer, 1, 1)).await.unwrap(),
        Claimed::Answered(answer("done"))
    );
    assert_eq!(commands.claim(&claim(issuer, 1, 2)).await.unwrap(), Claimed::Mismatch);
    granted(commands.claim(&claim(AccountId::new(id()), 1, 2)).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_ran_out_is_taken_over_with_the_same_command_and_its_holder_is_fenced_off() {
    let commands = PostgresCommands::new(migrated().await);
    let issuer = AccountId::new(id());
    let first = granted(commands.claim(&claim(issuer, 1, 1)).await.unwrap());
    assert!(!first.repeated());
    let later = Claim {
        now: now() + TimeDelta::minutes(2),
        until: now() + TimeDelta::minutes(3),
        ..claim(issuer, 1, 1)
    };
    let second = granted(commands.claim(&later).await.unwrap());
    assert_eq!(second.command_id, first.command_id);
    assert!(second.repeated());
    commands.answer(first, &answer("too late")).await.unwrap();
    assert!(matches!(commands.claim(&later).await.unwrap(), Claimed::InProgress(_)));
    commands.answer(second, &answer("done")).await.unwrap();
    assert_eq!(commands.claim(&later).await.unwrap(), Claimed::Answered(answer("done")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_is_renewed_does_not_run_out_and_one_that_is_released_does() {
    let commands = PostgresCommands::new(migrated().await);
    let issuer = AccountId::new(id());
    let ticket = granted(commands.claim(&claim(issuer, 1, 1)).await.unwrap());
    let later = Claim {
        now: now() + TimeDelta::minutes(2),
        ..claim(issuer, 1, 1)
    };
    commands.renew(&[ticket], now() + TimeDelta::minutes(5)).await.unwrap();
    assert!(matches!(commands.claim(&later).await.unwrap(), Claimed::InProgress(_)));
    commands.release(ticket).await.unwrap();
    let again = granted(commands.claim(&claim(issuer, 1, 1)).await.unwrap());
    assert_eq!(again.command_id, ticket.command_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_used_as_somebody_else_is_the_callers_and_one_that_is_new_is_theirs_now() {
    let commands = PostgresCommands::new(migrated().await);
    let (before, now) = (AccountId::new(id()), AccountId::new(id()));
    let until_now = |issuer| FormerIssuer {
        issuer,
        until: self::now(),
    };
    let former = vec![until_now(AccountId::new(id())), until_now(before)];
    let both = |key, fingerprint| Claim {
        issuers: Issuers {
            now,
            before: former.clone(),
        },
        ..claim(now, key, fingerprint)
    };
    let first = granted(commands.claim(&claim(before, 1, 1)).await.unwrap());
    assert_eq!(
        commands.claim(&both(1, 1)).await.unwrap(),
        Claimed::InProgress(first.command_id)
    );
    commands.release(first).await.unwrap();
    let again = granted(commands.claim(&both(1, 1)).await.unwrap());
    assert!(again.command_id == first.command_id && again.repeated());
    commands.answer(again, &answer("done")).await.unwrap();
    assert_eq!(
        commands.claim(&both(1, 1)).await.unwrap(),
        Claimed::Answered(answer("done"))
    );
    assert_eq!(commands.claim(&both(1, 2)).await.unwrap(), Claimed::Mismatch);
    // Since the change the wallet may be somebody else's, and so are its keys.
    let strangers = Claim {
        now: self::now() + TimeDelta::seconds(1),
        ..claim(before, 2, 1)
    };
    let strangers = granted(commands.claim(&strangers).await.unwrap());
    let new = granted(commands.claim(&both(2, 1)).await.unwrap());
    assert_ne!(new.command_id, strangers.command_id);
    assert_eq!(
        commands.claim(&claim(now, 2, 1)).await.unwrap(),
        Claimed::InProgress(new.command_id)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_is_retracted_was_none_unless_somebody_had_claimed_before() {
    let commands = PostgresCommands::new(migrated().await);
    let issuer = AccountId::new(id());
    let again = async || granted(commands.claim(&claim(issuer, 1, 1)).await.unwrap());
    let first = again().await;
    commands.retract(first).await.unwrap();
    let second = again().await;
    assert_eq!(second, first, "the same command, for the first time");
    commands.release(second).await.unwrap();
    let third = again().await;
    assert!(third.repeated());
    commands.retract(third).await.unwrap();
    // What became of the second one is still not known; and the third cannot answer any more.
    let fourth = again().await;
    assert!(fourth.repeated());
    commands.answer(third, &answer("too late")).await.unwrap();
    commands.retract(third).await.unwrap();
    let twin = commands.claim(&claim(issuer, 1, 1)).await.unwrap();
    assert_eq!(twin, Claimed::InProgress(first.command_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_traced_through_outbox_and_journal() {
    let pool = migrated().await;
    // What the follower makes; here only the columns that are asked for.
    pool.execute("CREATE SCHEMA live; CREATE TABLE live.journal (position bigint, command_id uuid)")
        .await
        .unwrap();
    let commands = PostgresCommands::new(pool.clone());
    let command = CommandId::new(id());
    let ticket = commands
        .register(command, AccountId::new(id()), now(), now())
        .await
        .unwrap();
    assert_eq!(commands.trace(command).await.unwrap(), Trace::None);
    let sql = "INSERT INTO outbox_commits (command_id, signer, nonce, batch_index) VALUES ($1, $2, 0, 0)";
    sqlx::query(sql)
        .bind(command.uuid())
        .bind(vec![0_u8; 20])
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(commands.trace(command).await.unwrap(), Trace::Outbox);
    commands.sweep(now() + TimeDelta::hours(1)).await.unwrap();
    assert!(
        commands.find(command).await.unwrap().is_some(),
        "what is on its way is not forgotten"
    );
    sqlx::query("INSERT INTO journal VALUES (4, $1), (5, $1)")
        .bind(command.uuid())
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(commands.trace(command).await.unwrap(), Trace::Journaled { position: 5 });

    commands.answer(ticket, &answer("done")).await.unwrap();
    assert_eq!(
        commands.find(command).await.unwrap().unwrap().answer,
        Some(answer("done"))
    );
    pool.execute("DELETE FROM outbox_commits").await.unwrap();
    commands.sweep(now() + TimeDelta::hours(1)).await.unwrap();
    assert!(commands.find(command).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_in_the_journal_when_all_parts_of_its_commit_are_as_far_as_the_outbox_tells() {
    let pool = migrated().await;
    pool.execute(
        "CREATE SCHEMA live;
         CREATE TABLE live.journal (position bigint, stream bytea, version bigint, tag bytea, command_id uuid)",
    )
    .await
    .unwrap();
    let commands = PostgresCommands::new(pool.clone());
    let part = |stream: u8| StreamPart {
        stream: StreamId([stream; 32]),
        expected: StreamHead::default(),
        payloads: vec![Payload::from(&[stream; 5][..])],
    };
    let commit = Commit {
        command_id: CommandId::new(id()),
        parts: vec![part(1), part(2)],
    };
    let signer: Signer = KEYS[0].parse().unwrap();
    let signed = signer.sign(Transaction {
        chain_id: 1,
        nonce: 0,
        to: None,
        gas_limit: 1,
        max_fee: 0,
        priority_fee: 0,
        data: append_calldata([&commit]).unwrap(),
    });
    let signed = signed.unwrap();
    sqlx::query("INSERT INTO outbox_transactions (signer, nonce, hash, raw) VALUES ($1, 0, $2, $3)")
        .bind(vec![0_u8; 20])
        .bind(signed.hash.as_slice())
        .bind(&signed.raw)
        .execute(&pool)
        .await
        .unwrap();
    sqlx::query("INSERT INTO outbox_commits (command_id, signer, nonce, batch_index) VALUES ($1, $2, 0, 0)")
        .bind(commit.command_id.uuid())
        .bind(vec![0_u8; 20])
        .execute(&pool)
        .await
        .unwrap();
    let append = async |position: i64, stream: u8| {
        let head = StreamHead::default().after(&[stream; 5]);
        sqlx::query("INSERT INTO journal VALUES ($1, $2, 1, $3, $4)")
            .bind(position)
            .bind(vec![stream; 32])
            .bind(head.tag.as_slice())
            .bind(commit.command_id.uuid())
            .execute(&pool)
            .await
            .unwrap();
    };
    // Somebody has copied one part of it, and appended that.
    append(7, 1).await;
    assert_eq!(commands.trace(commit.command_id).await.unwrap(), Trace::Outbox);
    append(8, 2).await;
    let whole = Trace::Journaled { position: 8 };
    assert_eq!(commands.trace(commit.command_id).await.unwrap(), whole);

    // Once the contract has rejected the commit the outbox forgets it; who waited for it has noted that it was copied.
    sqlx::query("DELETE FROM outbox_commits").execute(&pool).await.unwrap();
    sqlx::query("INSERT INTO refused_commits (command_id) VALUES ($1)")
        .bind(commit.command_id.uuid())
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(commands.trace(commit.command_id).await.unwrap(), Trace::Refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_contract_refused_is_known_until_the_command_is_forgotten() {
    let pool = migrated().await;
    pool.execute("CREATE SCHEMA live; CREATE TABLE live.journal (position bigint, command_id uuid)")
        .await
        .unwrap();
    let commands = PostgresCommands::new(pool.clone());
    let command = CommandId::new(id());
    sqlx::query("INSERT INTO refused_commits (command_id) VALUES ($1)")
        .bind(command.uuid())
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(commands.trace(command).await.unwrap(), Trace::Refused);
    commands.sweep(Utc::now() - TimeDelta::hours(1)).await.unwrap();
    assert_eq!(commands.trace(command).await.unwrap(), Trace::Refused);
    commands.sweep(Utc::now() + TimeDelta::hours(1)).await.unwrap();
    assert_eq!(commands.trace(command).await.unwrap(), Trace::None);
}
