//! The key ring on a real Postgres.

use std::sync::Arc;

use domain::kernel::PatientId;
use infrastructure::keys::{KeyEncryptionKey, KeyEncryptionKeys, KeyLookup, KeyRing, KeyRingError, SealingKey};
use infrastructure::log::{KeyId, NewKey};
use infrastructure::postgres::{self, LIVE};
use sqlx::PgPool;
use uuid::Uuid;

async fn pool() -> PgPool {
    let pool = postgres::pool(&tests::postgres::database().await, LIVE, 8).unwrap();
    postgres::migrate(&pool).await.unwrap();
    pool
}

fn kek(id: &str, byte: u8) -> KeyEncryptionKey {
    KeyEncryptionKey::new(id, [byte; 32])
}

fn ring(pool: &PgPool) -> KeyRing {
    KeyRing::new(pool.clone(), KeyEncryptionKeys::new(kek("first", 1), Vec::new()))
}

fn subject(number: u128) -> PatientId {
    PatientId::new(Uuid::from_u128(number))
}

/// What the appender does in the transaction of its outbox.
async fn make_durable(pool: &PgPool, key: &NewKey) {
    sqlx::query(
        "INSERT INTO data_keys (key_id, subject, wrapped, kek_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(key.key_id.as_slice())
    .bind(key.subject.uuid())
    .bind(&key.wrapped)
    .bind(&key.kek_id)
    .execute(pool)
    .await
    .unwrap();
}

async fn lookup(ring: &KeyRing, key_id: KeyId) -> KeyLookup {
    ring.load_many(&[key_id]).await.unwrap().get(&key_id).clone()
}

/// What an erasure leaves.
async fn destroy(pool: &PgPool, key_id: KeyId) {
    sqlx::query("UPDATE data_keys SET wrapped = NULL, destroyed_at = now() WHERE key_id = $1")
        .bind(key_id.as_slice())
        .execute(pool)
        .await
        .unwrap();
}

async fn durable(pool: &PgPool, ring: &KeyRing, subject: PatientId) -> SealingKey {
    let key = ring.begin(subject).await.unwrap();
    make_durable(pool, key.new.as_ref().unwrap()).await;
    ring.mark_durable(&key.key_id);
    key
}

#[tokio::test]
async fn everybody_who_asks_at_once_gets_the_same_new_key() {
    let pool = pool().await;
    let ring = Arc::new(ring(&pool));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let ring = Arc::clone(&ring);
        tasks.spawn(async move { ring.begin(subject(1)).await.unwrap() });
    }
    let keys = tasks.join_all().await;
    assert!(keys.iter().all(|key| key.key_id == keys[0].key_id));
    assert!(
        keys.iter().all(|key| key.new.is_some()),
        "each commit must carry it until one is durable"
    );
    assert_ne!(ring.begin(subject(2)).await.unwrap().key_id, keys[0].key_id);
}

#[tokio::test]
async fn a_key_is_carried_until_it_is_durable_and_found_again_by_another_process() {
    let pool = pool().await;
    let first = ring(&pool);
    let key = first.begin(subject(1)).await.unwrap();
    assert!(matches!(lookup(&ring(&pool), key.key_id).await, KeyLookup::Unknown));
    assert!(first.for_sealing(subject(1)).await.unwrap().new.is_some());
    make_durable(&pool, key.new.as_ref().unwrap()).await;
    first.mark_durable(&key.key_id);
    assert!(first.for_sealing(subject(1)).await.unwrap().new.is_none());

    let other = ring(&pool);
    let same = other.for_sealing(subject(1)).await.unwrap();
    assert_eq!((same.key_id, same.new), (key.key_id, None));
    let KeyLookup::Held(held) = lookup(&other, key.key_id).await else {
        panic!("not held")
    };
    assert_eq!(held.subject, subject(1));
}

#[tokio::test]
async fn only_a_subject_who_begins_gets_a_key() {
    let pool = pool().await;
    let ring = ring(&pool);
    assert!(ring.for_sealing(subject(1)).await.unwrap_err().is_missing());
    let key = ring.begin(subject(1)).await.unwrap();
    assert_eq!(ring.for_sealing(subject(1)).await.unwrap().key_id, key.key_id);
    // A key that was lost is not replaced, and one that comes back is found.
    let row = key.new.unwrap();
    let other = self::ring(&pool);
    assert!(other.for_sealing(subject(1)).await.unwrap_err().is_missing());
    make_durable(&pool, &row).await;
    assert_eq!(other.for_sealing(subject(1)).await.unwrap().key_id, key.key_id);
}

#[tokio::test]
async fn keys_that_were_never_here_are_unknown_until_they_come() {
    let pool = pool().await;
    let elsewhere = ring(&pool).begin(subject(1)).await.unwrap();
    let ring = ring(&pool);
    let ids = [elsewhere.key_id, [9; 8]];
    let found = ring.load_many(&ids).await.unwrap();
    assert!(ids.iter().all(|id| matches!(found.get(id), KeyLookup::Unknown)));
    make_durable(&pool, elsewhere.new.as_ref().unwrap()).await;
    let ring = self::ring(&pool);
    assert!(matches!(lookup(&ring, elsewhere.key_id).await, KeyLookup::Held(_)));
}

#[tokio::test]
async fn a_destroyed_key_opens_nothing_and_seals_nothing_any_more() {
    let pool = pool().await;
    let before = ring(&pool);
    let key = durable(&pool, &before, subject(1)).await;
    let kept = durable(&pool, &before, subject(2)).await;
    destroy(&pool, key.key_id).await;
    let ring = ring(&pool);
    assert!(matches!(lookup(&ring, key.key_id).await, KeyLookup::Destroyed));
    assert!(matches!(lookup(&ring, kept.key_id).await, KeyLookup::Held(_)));
    let refused = ring.for_sealing(subject(1)).await.unwrap_err();
    assert!(is_destroyed(&refused), "{refused:?}");
}

#[tokio::test]
async fn a_rotation_wraps_every_key_again_and_goes_on_where_it_stopped() {
    let pool = pool().await;
    let before = ring(&pool);
    let mut keys = Vec::new();
    for number in 0..1200 {
        keys.push(before.begin(subject(number)).await.unwrap());
    }
    for key in &keys {
        make_durable(&pool, key.new.as_ref().unwrap()).await;
    }
    destroy(&pool, keys[0].key_id).await;

    let rotating = || {
        KeyRing::new(
            pool.clone(),
            KeyEncryptionKeys::new(kek("second", 2), vec![kek("first", 1)]),
        )
    };
    // The first rotation is given up after its first step.
    let ring = rotating();
    let stopped = tokio::spawn(async move {
        let mut steps = 0;
        let report = |_, _| {
            steps += 1;
            assert!(steps < 2, "stopped");
        };
        ring.rewrap(report).await
    });
    assert!(stopped.await.is_err());
    let mut reports = Vec::new();
    let done = rotating()
        .rewrap(|done, total| reports.push((done, total)))
        .await
        .unwrap();
    assert_eq!(
        reports.first(),
        Some(&(0, 699)),
        "what was done before was not done again"
    );
    assert_eq!((done, reports.last()), (699, Some(&(699, 699))));
    assert_eq!(rotating().rewrap(|_, _| ()).await.unwrap(), 0);

    let ids: Vec<KeyId> = keys.iter().map(|key| key.key_id).collect();
    let after = KeyRing::new(pool.clone(), KeyEncryptionKeys::new(kek("second", 2), Vec::new()));
    let all = after.load_many(&ids).await.unwrap();
    let held = ids
        .iter()
        .filter(|id| matches!(all.get(id), KeyLookup::Held(_)))
        .count();
    assert_eq!(held, 1199);
    let without: Result<_, KeyRingError> = self::ring(&pool).load_many(&ids).await;
    assert!(
        matches!(without, Err(KeyRingError::Unwrap(_))),
        "the former key opens nothing any more"
    );
}

/// Runs the program's rotation with a configuration of its own.
async fn rotate(url: &str, current: (&str, u8), former: (&str, u8)) -> (bool, String) {
    let folder = tests::postgres::folder();
    let file = folder.path().join("server.toml");
    let key = |(name, byte): (&str, u8)| {
        format!(
            "{{ name = \"{name}\", key = \"{}\" }}",
            format!("{byte:02x}").repeat(32)
        )
    };
    let text = format!(
        "[database]\nurl = \"{url}\"\n[keys]\nencryption = {}\nformer = [{}]\n",
        key(current),
        key(former)
    );
    std::fs::write(&file, text).unwrap();
    let output = tokio::process::Command::new(tests::binary::program())
        .args(["keys", "rotate", "--config"])
        .arg(&file)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

#[tokio::test]
async fn the_command_rotates_and_can_be_run_again() {
    let url = tests::postgres::database().await;
    let pool = postgres::pool(&url, LIVE, 4).unwrap();
    postgres::migrate(&pool).await.unwrap();
    let before = ring(&pool);
    let key = durable(&pool, &before, subject(1)).await;
    durable(&pool, &before, subject(2)).await;

    let (done, said) = rotate(&url, ("second", 2), ("other", 3)).await;
    assert!(!done && said.contains("\"first\" is not configured"), "{said}");
    let (done, said) = rotate(&url, ("second", 2), ("first", 1)).await;
    assert!(done && said.contains("2 keys"), "{said}");
    let (done, said) = rotate(&url, ("second", 2), ("first", 1)).await;
    assert!(done && said.contains("0 keys"), "{said}");
    let after = KeyRing::new(pool.clone(), KeyEncryptionKeys::new(kek("second", 2), Vec::new()));
    assert!(matches!(lookup(&after, key.key_id).await, KeyLookup::Held(_)));
}

#[tokio::test]
async fn without_a_database_nothing_is_said_about_keys() {
    let pool = postgres::pool("postgres://nobody:nothing@127.0.0.1:1/none", LIVE, 1).unwrap();
    let ring = ring(&pool);
    assert!(ring.load_many(&[[1; 8]]).await.is_err());
    assert!(ring.for_sealing(subject(1)).await.is_err());
}

fn is_destroyed(error: &KeyRingError) -> bool {
    match error {
        KeyRingError::Destroyed => true,
        KeyRingError::Shared(shared) => is_destroyed(shared),
        _ => false,
    }
}
