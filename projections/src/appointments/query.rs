//! Reads appointments.

use application::queries::{AppointmentCursor, AppointmentFilter, AppointmentView, Page};
use domain::kernel::AppointmentId;
use sqlx::{PgPool, QueryBuilder};

use super::rows::Columns;
use super::{AppointmentRow, status};
use crate::column;

const SELECT: &str = "SELECT id, owner, day, practitioner, patient, starts, minutes, status, reason, \
                      cancellation_reason, recorded, version, position FROM appointments ";

fn view(columns: Columns) -> Result<AppointmentView, sqlx::Error> {
    let id = AppointmentId::new(columns.id);
    let row = AppointmentRow::try_from(columns)?;
    Ok(AppointmentView {
        id,
        owner: row.calendar.owner,
        practitioner: row.practitioner,
        day: row.calendar.day,
        patient: row.patient,
        slot: row.slot,
        status: row.status,
        reason: row.reason,
        cancellation_reason: row.cancellation_reason,
        recorded: row.recorded,
        version: row.version,
    })
}

pub(crate) async fn one(pool: &PgPool, id: AppointmentId) -> Result<Option<AppointmentView>, sqlx::Error> {
    let mut query = QueryBuilder::new(SELECT);
    query.push("WHERE id = ").push_bind(id.uuid());
    query.build_query_as().fetch_optional(pool).await?.map(view).transpose()
}

pub(crate) async fn list(
    pool: &PgPool,
    filter: &AppointmentFilter,
    page: Page<AppointmentCursor>,
) -> Result<Vec<AppointmentView>, sqlx::Error> {
    let mut query = QueryBuilder::new(SELECT);
    query.push("WHERE TRUE");
    if let Some(patient) = filter.patient {
        query.push(" AND patient = ").push_bind(patient.uuid());
    }
    if let Some(practitioner) = filter.practitioner {
        // A practitioner's appointments stand in their own calendars: indexes need know the owner only.
        query
            .push(" AND practitioner IS NOT NULL AND owner = ")
            .push_bind(practitioner.uuid());
    }
    match (filter.from, filter.to) {
        // With one day only, the index by day is in the order of the list.
        (Some(from), Some(to)) if from == to => {
            query.push(" AND day = ").push_bind(column::date(from));
        }
        (from, to) => {
            if let Some(from) = from {
                query.push(" AND day >= ").push_bind(column::date(from));
            }
            if let Some(to) = to {
                query.push(" AND day <= ").push_bind(column::date(to));
            }
        }
    }
    if let Some(status) = filter.status {
        query.push(" AND status = ").push_bind(status::name(status));
    }
    if let Some((start, id)) = page.after {
        query.push(" AND (starts, id) > (").push_bind(column::instant(start));
        query.push(", ").push_bind(id.uuid()).push(")");
    }
    query
        .push(" ORDER BY starts, id LIMIT ")
        .push_bind(i64::from(page.limit));
    query
        .build_query_as()
        .fetch_all(pool)
        .await?
        .into_iter()
        .map(view)
        .collect()
}
