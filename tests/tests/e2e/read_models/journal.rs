//! The journal as the write side reads it, on a real Postgres.

use application::log::StreamId;
use chrono::NaiveDate;
use domain::kernel::{AggregateRef, CalendarId, PatientId};
use infrastructure::follower;
use infrastructure::log::StreamHead;
use infrastructure::postgres::{self, LIVE};
use infrastructure::store::{Journal, PostgresJournal};
use projections::ReadModels;
use sqlx::PgPool;
use uuid::Uuid;

async fn pool() -> PgPool {
    let pool = postgres::pool(&tests::postgres::database().await, LIVE, 4).unwrap();
    postgres::migrate(&pool).await.unwrap();
    let mut connection = pool.acquire().await.unwrap();
    follower::create_schema(&mut connection, LIVE, &ReadModels)
        .await
        .unwrap();
    pool
}

fn head(version: i64) -> StreamHead {
    StreamHead {
        version: version.unsigned_abs(),
        tag: tag(version),
    }
}

fn tag(version: i64) -> [u8; 8] {
    version.to_be_bytes()
}

async fn insert(pool: &PgPool, position: i64, stream: StreamId, version: i64, of: AggregateRef, payload: &[u8]) {
    sqlx::query(
        "INSERT INTO journal (position, stream, version, tag, block_number, transaction, aggregate_id, command_id, payload) \
         VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8)",
    )
    .bind(position)
    .bind(stream.0.as_slice())
    .bind(version)
    .bind(tag(version).as_slice())
    .bind([1_u8; 32].as_slice())
    .bind(of.to_string())
    .bind(Uuid::from_u128(position.unsigned_abs().into()))
    .bind(payload)
    .execute(pool)
    .await
    .unwrap();
}

#[tokio::test]
async fn a_stream_reads_back_through_postgres_es_as_the_follower_wrote_it() {
    let pool = pool().await;
    let journal = PostgresJournal::new(pool.clone());
    let day = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
    let calendar: AggregateRef = CalendarId {
        owner: Uuid::from_u128(7),
        day,
    }
    .into();
    let patient: AggregateRef = PatientId::new(Uuid::from_u128(7)).into();
    let (stream, other) = (StreamId([5; 32]), StreamId([6; 32]));
    // Long enough for base64 to break into lines.
    let payloads: Vec<Vec<u8>> = (0..12_u8)
        .map(|number| vec![number; 32 + usize::from(number) * 96])
        .collect();
    for (number, payload) in payloads.iter().enumerate() {
        let number = i64::try_from(number).unwrap();
        insert(&pool, 100 + 2 * number, stream, number + 1, calendar, payload).await;
        insert(&pool, 101 + 2 * number, other, number + 1, patient, b"another stream").await;
    }
    let read = journal.read(&calendar, &stream).await.unwrap().unwrap();
    assert_eq!(read.entries.len(), payloads.len());
    for (number, (entry, payload)) in read.entries.iter().zip(&payloads).enumerate() {
        let number = number as u64;
        assert_eq!(
            (entry.stream, entry.version, entry.position),
            (stream, number + 1, 100 + 2 * number)
        );
        assert_eq!(entry.payload.as_ref(), payload.as_slice());
    }
    assert_eq!((read.head, read.position), (head(12), 122), "the last of them");
    assert!(!read.is_held_back);
    let none: AggregateRef = PatientId::new(Uuid::from_u128(8)).into();
    assert_eq!(journal.read(&none, &StreamId([9; 32])).await.unwrap(), None);
}

#[tokio::test]
async fn the_head_is_the_streams_although_others_stand_in_it() {
    let pool = pool().await;
    let journal = PostgresJournal::new(pool.clone());
    let stream = StreamId([5; 32]);
    let [one, two, none] = [7, 8, 9].map(|id| AggregateRef::from(PatientId::new(Uuid::from_u128(id))));
    for (position, of) in (1_i64..).zip([one, two, one, two]) {
        insert(&pool, position, stream, position, of, b"sealed").await;
    }
    for (of, versions) in [(one, vec![1, 3]), (two, vec![2, 4]), (none, vec![])] {
        let read = journal.read(&of, &stream).await.unwrap().unwrap();
        assert_eq!((read.head, read.position), (head(4), 4), "{of}");
        let of_it: Vec<u64> = read.entries.iter().map(|entry| entry.version).collect();
        assert_eq!(of_it, versions, "{of}");
    }
}

#[tokio::test]
async fn a_stream_with_a_parked_event_is_held_back() {
    let pool = pool().await;
    let journal = PostgresJournal::new(pool.clone());
    let [one, other, none] = [7, 8, 9].map(|id| AggregateRef::from(PatientId::new(Uuid::from_u128(id))));
    let (stream, of_other) = (StreamId([5; 32]), StreamId([6; 32]));
    insert(&pool, 1, stream, 1, one, b"sealed").await;
    insert(&pool, 2, of_other, 1, other, b"sealed").await;
    sqlx::query("INSERT INTO parked (position, stream, reason) VALUES (1, $1, 'malformed')")
        .bind(stream.0.as_slice())
        .execute(&pool)
        .await
        .unwrap();
    for (of, stream, is_held_back) in [(one, stream, true), (none, stream, true), (other, of_other, false)] {
        let read = journal.read(&of, &stream).await.unwrap().unwrap();
        assert_eq!(read.is_held_back, is_held_back, "{of}");
    }
}
