//! Reads in which emergencies records were opened.

use application::log::Position;
use application::policy::Object;
use application::ports::queries::{EmergencyStanding, EmergencyView, Page};
use chrono::{DateTime, Utc};
use domain::kernel::{EmergencyId, PatientId, PractitionerId};
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use super::EmergencyRow;
use crate::column;

/// How many open emergencies are found at most: more than a practitioner has of one patient at once, who may have opened some of them side by side.
const MOST_OPEN: i64 = 64;

impl From<EmergencyRow> for EmergencyView {
    fn from(row: EmergencyRow) -> Self {
        Self {
            id: EmergencyId {
                patient: row.patient,
                id: row.id,
            },
            opened: row.opened,
            is_justified: row.is_justified,
            justification: row.justification,
            is_flagged: row.is_flagged,
            flagged_at: row.flagged_at,
            position: row.opened_in,
        }
    }
}

/// Those of a patient or a practitioner. Of whom else, none.
fn of(whose: Object) -> QueryBuilder<'static, Postgres> {
    let mut query = QueryBuilder::new("SELECT * FROM emergencies WHERE ");
    match whose {
        Object::Patient(patient) => query.push("patient = ").push_bind(patient.uuid()),
        Object::Practitioner(practitioner) => query.push("practitioner = ").push_bind(practitioner.uuid()),
        Object::Appointment { .. } | Object::Everybody => query.push("FALSE"),
    };
    query
}

async fn page_of(
    mut query: QueryBuilder<'static, Postgres>,
    page: Page<Position>,
    pool: &PgPool,
) -> Result<Vec<EmergencyView>, sqlx::Error> {
    if let Some(after) = page.after {
        query.push(" AND opened_in < ").push_bind(column::int8(after));
    }
    query
        .push(" ORDER BY opened_in DESC LIMIT ")
        .push_bind(i64::from(page.limit));
    let rows: Vec<EmergencyRow> = query.build_query_as().fetch_all(pool).await?;
    Ok(rows.into_iter().map(EmergencyView::from).collect())
}

/// Those of a patient or a practitioner, the newest first.
pub(crate) async fn list(
    pool: &PgPool,
    whose: Object,
    page: Page<Position>,
) -> Result<Vec<EmergencyView>, sqlx::Error> {
    page_of(of(whose), page, pool).await
}

/// One of them.
pub(crate) async fn one(pool: &PgPool, whose: Object, id: EmergencyId) -> Result<Option<EmergencyView>, sqlx::Error> {
    let mut query = of(whose);
    query.push(" AND patient = ").push_bind(id.patient.uuid());
    query.push(" AND id = ").push_bind(id.id);
    let row: Option<EmergencyRow> = query.build_query_as().fetch_optional(pool).await?;
    Ok(row.map(EmergencyView::from))
}

/// Those of everybody, the newest first.
pub(crate) async fn overseen(
    pool: &PgPool,
    standing: Option<EmergencyStanding>,
    page: Page<Position>,
) -> Result<Vec<EmergencyView>, sqlx::Error> {
    let condition = match standing {
        None => "TRUE",
        Some(EmergencyStanding::ToJustify) => "NOT is_justified AND NOT is_flagged",
        Some(EmergencyStanding::Flagged) => "NOT is_justified AND is_flagged",
        Some(EmergencyStanding::Justified) => "is_justified",
    };
    let query = QueryBuilder::new(format!("SELECT * FROM emergencies WHERE {condition}"));
    page_of(query, page, pool).await
}

/// What is open to a practitioner of a patient's record at this instant, the newest first.
pub(crate) async fn open_to(
    pool: &PgPool,
    patient: PatientId,
    practitioner: PractitionerId,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, sqlx::Error> {
    let sql = "SELECT id FROM emergencies WHERE patient = $1 AND practitioner = $2 AND until > $3
               ORDER BY opened_in DESC LIMIT $4";
    let open = sqlx::query_scalar(sql)
        .bind(patient.uuid())
        .bind(practitioner.uuid())
        .bind(column::instant(now))
        .bind(MOST_OPEN);
    open.fetch_all(pool).await
}

/// What was to be justified by this instant, and is neither justified nor flagged. By chance, so that what cannot be flagged just now stands in nobody's way.
pub(crate) async fn overdue(pool: &PgPool, now: DateTime<Utc>, most: u32) -> Result<Vec<EmergencyId>, sqlx::Error> {
    let sql = "SELECT patient, id FROM emergencies WHERE NOT is_justified AND NOT is_flagged AND justify_by <= $1
               ORDER BY random() LIMIT $2";
    let overdue: Vec<(Uuid, Uuid)> = sqlx::query_as(sql)
        .bind(column::instant(now))
        .bind(i64::from(most))
        .fetch_all(pool)
        .await?;
    let id = |(patient, id)| EmergencyId {
        patient: PatientId::new(patient),
        id,
    };
    Ok(overdue.into_iter().map(id).collect())
}
