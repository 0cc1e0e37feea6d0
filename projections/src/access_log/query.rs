//! Reads who has read.

use application::log::Position;
use application::ports::queries::{LoggedReadView, Page, ReadCursor};
use chrono::{DateTime, Utc};
use domain::access_log::{Basis, Read, Reading};
use domain::engagement::AuditScope;
use domain::kernel::{PatientId, Personal};
use domain::practitioner::PractitionerDetails;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, PgPool, Postgres, QueryBuilder, Row as _};

use crate::column;
use crate::table::Field;

/// A read, with where it stands on the chain, and what the reader is called if they are a practitioner.
const SELECT: &str = "
    SELECT reads.patient, reads.at, reads.reading, reads.position, reads.n, journal.block_number, journal.transaction, practitioners.details
    FROM reads
    JOIN journal ON journal.position = reads.position
    LEFT JOIN practitioners ON practitioners.id = (reads.reading -> 'reader' ->> 'practitioner')::uuid
    WHERE ";

struct Row(LoggedReadView);

impl FromRow<'_, PgRow> for Row {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let details: Option<Json<PractitionerDetails>> = row.try_get("details")?;
        Ok(Self(LoggedReadView {
            patient: PatientId::read(row, "patient")?,
            read: Read {
                at: row.try_get("at")?,
                reading: Reading::read(row, "reading")?,
            },
            name: details.map(|Json(details)| details.name),
            position: u64::read(row, "position")?,
            index: u32::read(row, "n")?,
            block: u64::read(row, "block_number")?,
            transaction: Field::read(row, "transaction")?,
        }))
    }
}

/// Who has read what is known of a patient, the latest first.
pub(crate) async fn of_patient(
    pool: &PgPool,
    patient: PatientId,
    page: Page<ReadCursor>,
) -> Result<Vec<LoggedReadView>, sqlx::Error> {
    let mut query = QueryBuilder::new(SELECT);
    query.push("reads.patient = ").push_bind(patient.uuid());
    page_of(query, page, pool).await
}

/// What an auditor examines of this time by this right, the latest first, without what was shown by the same right: whoever looks does not add to what they look at. About somebody who
/// cannot be read, nothing.
pub(crate) async fn examined(
    pool: &PgPool,
    scope: &AuditScope,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    by: &Basis,
    page: Page<ReadCursor>,
) -> Result<Vec<LoggedReadView>, sqlx::Error> {
    let mut query = QueryBuilder::new(SELECT);
    match scope {
        AuditScope::Everybody => query.push("TRUE"),
        AuditScope::Patient(Personal::Known(patient)) => query.push("reads.patient = ").push_bind(patient.uuid()),
        AuditScope::Patient(Personal::Sealed) => query.push("FALSE"),
        AuditScope::Practitioner { practitioner } => query.push("reads.reader = ").push_bind(practitioner.uuid()),
        AuditScope::Account { account } => query.push("reads.reader = ").push_bind(account.uuid()),
    };
    query.push(" AND reads.at >= ").push_bind(column::instant(from));
    query.push(" AND reads.at < ").push_bind(column::instant(until));
    query
        .push(" AND reads.reading -> 'basis' <> ")
        .push_bind(Json(by.clone()));
    page_of(query, page, pool).await
}

async fn page_of(
    mut query: QueryBuilder<'static, Postgres>,
    page: Page<ReadCursor>,
    pool: &PgPool,
) -> Result<Vec<LoggedReadView>, sqlx::Error> {
    if let Some((at, position, index)) = page.after {
        query
            .push(" AND (reads.at, reads.position, reads.n) < (")
            .push_bind(column::instant(at));
        query.push(", ").push_bind(column::int8(position));
        query.push(", ").push_bind(i64::from(index)).push(")");
    }
    query.push(" ORDER BY reads.at DESC, reads.position DESC, reads.n DESC LIMIT ");
    query.push_bind(i64::from(page.limit));
    let rows: Vec<Row> = query.build_query_as().fetch_all(pool).await?;
    Ok(rows.into_iter().map(|Row(view)| view).collect())
}

/// The reads that are told of a patient at these instants, each with where.
pub(crate) async fn at(
    pool: &PgPool,
    patient: PatientId,
    times: &[DateTime<Utc>],
) -> Result<Vec<(Read, Position)>, sqlx::Error> {
    let times: Vec<DateTime<Utc>> = times.iter().map(|at| column::instant(*at)).collect();
    let rows: Vec<(DateTime<Utc>, Json<Reading>, i64)> =
        sqlx::query_as("SELECT at, reading, position FROM reads WHERE patient = $1 AND at = ANY ($2)")
            .bind(patient.uuid())
            .bind(times)
            .fetch_all(pool)
            .await?;
    let read = |(at, Json(reading), position)| (Read { at, reading }, column::counter(position));
    Ok(rows.into_iter().map(read).collect())
}
