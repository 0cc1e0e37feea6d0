//! Reads appointments.

use application::policy::access::Times;
use application::ports::queries::{AppointmentCursor, AppointmentFilter, AppointmentView, Page};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use domain::calendar::AppointmentStatus;
use domain::consent::Period;
use domain::kernel::{AppointmentId, PatientId};
use sqlx::{PgPool, Postgres, QueryBuilder};

use super::AppointmentRow;
use crate::column;
use crate::table::Row as _;

fn view(row: AppointmentRow) -> AppointmentView {
    AppointmentView {
        id: row.id,
        owner: row.owner,
        practitioner: row.practitioner,
        day: row.day,
        patient: row.patient,
        slot: row.slot(),
        status: row.status,
        reason: row.reason,
        cancellation_reason: row.cancellation_reason,
        recorded: row.recorded,
        version: Some(row.version),
    }
}

pub(crate) async fn one(pool: &PgPool, id: AppointmentId) -> Result<Option<AppointmentView>, sqlx::Error> {
    let mut query = QueryBuilder::new(AppointmentRow::TABLE.select());
    query.push("WHERE id = ").push_bind(id.uuid());
    push_own(&mut query);
    Ok(query.build_query_as().fetch_optional(pool).await?.map(view))
}

/// What another organisation has booked is no appointment here.
fn push_own(query: &mut QueryBuilder<'_, Postgres>) {
    query.push(" AND NOT of_another");
}

/// The list is in the order of starts, and so are its indexes; a filter by day cannot use them as it stands. But a start is
/// near its day, except in a stray row, so a day bounds the start. Stray rows are few, and looked through beside. `seen` says of which times appointments stand in it, and of which visits of the past.
pub(crate) async fn list(
    pool: &PgPool,
    filter: &AppointmentFilter,
    seen: &(Times, Times),
    page: Page<AppointmentCursor>,
) -> Result<Vec<AppointmentView>, sqlx::Error> {
    let mut query = QueryBuilder::new("");
    if filter.from.is_none() && filter.to.is_none() {
        push_part(&mut query, (filter, seen), page, Rows::All);
    } else {
        query.push("(");
        push_part(&mut query, (filter, seen), page, Rows::NearTheirDay);
        query.push(") UNION ALL (");
        push_part(&mut query, (filter, seen), page, Rows::Stray);
        query
            .push(") ORDER BY starts, id LIMIT ")
            .push_bind(i64::from(page.limit));
    }
    let rows = query.build_query_as().fetch_all(pool).await?;
    Ok(rows.into_iter().map(view).collect())
}

/// How many of a patient's are still to come.
pub(crate) async fn open(pool: &PgPool, patient: PatientId, from: DateTime<Utc>) -> Result<u64, sqlx::Error> {
    let states = [AppointmentStatus::Booked, AppointmentStatus::Confirmed].map(<&str>::from);
    let sql = "SELECT count(*) FROM appointments WHERE patient = $1 AND starts >= $2 AND status = ANY ($3)";
    let count = sqlx::query_scalar(sql)
        .bind(patient.uuid())
        .bind(column::instant(from))
        .bind(states.as_slice());
    count.fetch_one(pool).await.map(column::counter)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    All,
    NearTheirDay,
    Stray,
}

fn push_part(
    query: &mut QueryBuilder<'_, Postgres>,
    (filter, (times, visits)): (&AppointmentFilter, &(Times, Times)),
    page: Page<AppointmentCursor>,
    rows: Rows,
) {
    query
        .push(AppointmentRow::TABLE.select())
        .push("WHERE ")
        .push(match rows {
            Rows::All => "TRUE",
            Rows::NearTheirDay => "NOT stray",
            Rows::Stray => "stray",
        });
    push_own(query);
    if let Times::Within(periods) = times {
        query.push(" AND ");
        push_within(query, periods);
    }
    if let Times::Within(periods) = visits {
        query.push(" AND (NOT recorded OR ");
        push_within(query, periods);
        query.push(")");
    }
    if let Some(patient) = filter.patient {
        query.push(" AND patient = ").push_bind(patient.uuid());
    }
    if let Some(practitioner) = filter.practitioner {
        // A practitioner's appointments stand in their own calendars: indexes need know the owner only.
        query
            .push(" AND practitioner IS NOT NULL AND owner = ")
            .push_bind(practitioner.uuid());
    }
    if let Some(from) = filter.from.map(column::date) {
        query.push(" AND day >= ").push_bind(from);
        if rows == Rows::NearTheirDay {
            query
                .push(" AND starts >= ")
                .push_bind(midnight(from.checked_sub_days(Days::new(1)).unwrap_or(from)));
        }
    }
    if let Some(to) = filter.to.map(column::date) {
        query.push(" AND day <= ").push_bind(to);
        if rows == Rows::NearTheirDay {
            query
                .push(" AND starts < ")
                .push_bind(midnight(to.checked_add_days(Days::new(2)).unwrap_or(to)));
        }
    }
    if let Some(status) = filter.status {
        query.push(" AND status = ").push_bind(<&str>::from(status));
    }
    if let Some((start, id)) = page.after {
        query.push(" AND (starts, id) > (").push_bind(column::instant(start));
        query.push(", ").push_bind(id.uuid()).push(")");
    }
    query
        .push(" ORDER BY starts, id LIMIT ")
        .push_bind(i64::from(page.limit));
}

/// That an appointment starts in one of these periods.
fn push_within(query: &mut QueryBuilder<'_, Postgres>, periods: &[Period]) {
    let instant = |second: u64| {
        let at = i64::try_from(second)
            .ok()
            .and_then(|second| DateTime::from_timestamp(second, 0));
        column::instant(at.unwrap_or(DateTime::<Utc>::MAX_UTC))
    };
    let from: Vec<_> = periods.iter().map(|period| instant(period.first())).collect();
    let until: Vec<_> = periods
        .iter()
        .map(|period| instant(if period.until == 0 { u64::MAX } else { period.until }))
        .collect();
    query
        .push("EXISTS (SELECT FROM UNNEST(")
        .push_bind(from)
        .push("::timestamptz[], ")
        .push_bind(until)
        .push("::timestamptz[]) AS period (first, after) WHERE starts >= first AND starts < after)");
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    column::instant(day.and_time(NaiveTime::MIN).and_utc())
}

/// The last version at which an appointment of calendar ($1, $2) changed; 0 without one. A recorded visit's versions are those
/// of its patient's record.
macro_rules! last_version_sql {
    () => {
        "COALESCE((SELECT max(a.version) FROM appointments a WHERE NOT a.stray AND NOT a.recorded AND a.owner = $1 AND a.day = $2 \
         AND a.starts >= ($2 - 1)::timestamp AT TIME ZONE 'UTC' AND a.starts < ($2 + 2)::timestamp AT TIME ZONE 'UTC'), 0), \
         COALESCE((SELECT max(a.version) FROM appointments a WHERE a.stray AND NOT a.recorded AND a.owner = $1 AND a.day = $2), 0)"
    };
}
pub(crate) use last_version_sql;
