//! Reads what days offer.

use std::collections::BTreeMap;

use application::ports::queries::{AvailabilityView, FreeSlot, Page, SlotCursor, SlotFilter};
use chrono::{DateTime, NaiveDate, Utc};
use domain::calendar::Session;
use domain::kernel::{AppointmentId, PractitionerId, Slot};
use sqlx::types::Json;
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use super::offer::free;
use super::run::LONGEST;
use crate::appointments::last_version_sql;
use crate::{column, practitioners};

/// Up to so many practitioners, the runs of each are taken from their own index and merged; with more, the runs of
/// everybody are read in the order of time and the others' left out.
const FEW: usize = 64;

/// Sessions and what is taken, if the day ever offered any, and the version of the stream.
type DayColumns = (
    Option<Json<Vec<Session>>>,
    Option<Json<BTreeMap<AppointmentId, Slot>>>,
    i64,
);

type SlotColumns = (Uuid, NaiveDate, DateTime<Utc>, i64);

fn slot(start: DateTime<Utc>, minutes: i64) -> Slot {
    Slot {
        start,
        minutes: u32::try_from(minutes).unwrap_or(u32::MAX),
    }
}

pub(crate) async fn availability(
    pool: &PgPool,
    practitioner: PractitionerId,
    day: NaiveDate,
    now: DateTime<Utc>,
) -> Result<AvailabilityView, sqlx::Error> {
    // Every event of the day leaves its version in the day's row or in that of an appointment.
    let (sessions, taken, version): DayColumns = sqlx::query_as(concat!(
        "SELECT sessions, taken, GREATEST(version, ",
        last_version_sql!(),
        ") FROM (SELECT) AS always LEFT JOIN calendars ON owner = $1 AND day = $2"
    ))
    .bind(practitioner.uuid())
    .bind(column::date(day))
    .fetch_one(pool)
    .await?;
    let sessions = sessions.map(|Json(sessions)| sessions).unwrap_or_default();
    let taken = taken.map(|Json(taken)| taken).unwrap_or_default();
    Ok(AvailabilityView {
        free: free(&sessions, &taken)
            .into_iter()
            .filter(|slot| slot.start >= now)
            .collect(),
        sessions,
        version: column::counter(version),
    })
}

/// Free slots of practitioners who are there: what an erased one offered stays in their days, and nobody can book it.
pub(crate) async fn free_slots(
    pool: &PgPool,
    filter: &SlotFilter,
    page: Page<SlotCursor>,
    now: DateTime<Utc>,
) -> Result<Vec<FreeSlot>, sqlx::Error> {
    let mut whose = match &filter.specialization {
        Some(specialization) => Some(practitioners::of_specialization(pool, specialization).await?),
        None => None,
    };
    if let Some(practitioner) = filter.practitioner.map(PractitionerId::uuid) {
        whose = Some(match whose {
            Some(specialists) if !specialists.contains(&practitioner) => Vec::new(),
            _ => vec![practitioner],
        });
    }
    if whose.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Vec::new());
    }

    let few = whose.as_ref().is_some_and(|whose| whose.len() <= FEW);
    let window = Window {
        from: column::instant(
            page.after
                .map_or(filter.from, |(start, _)| start.max(filter.from))
                .max(now),
        ),
        until: column::instant(filter.until),
        limit: i64::from(page.limit),
    };
    let mut query = QueryBuilder::new("SELECT practitioner, day, starts, minutes FROM ");
    match whose {
        Some(whose) if few => {
            query
                .push("(SELECT id FROM practitioners WHERE id = ANY (")
                .push_bind(whose)
                .push("::uuid[])) AS wanted CROSS JOIN LATERAL ");
            window.runs(&mut query, |query| {
                query.push("practitioner = wanted.id");
            });
        }
        Some(whose) => window.runs(&mut query, |query| {
            query
                .push("practitioner IN (SELECT UNNEST(")
                .push_bind(whose.clone())
                .push("::uuid[]))");
        }),
        None => window.runs(&mut query, |query| {
            query.push("EXISTS (SELECT FROM practitioners WHERE id = free_runs.practitioner)");
        }),
    }
    query.push(
        " CROSS JOIN LATERAL generate_series(first, last, interval '1 minute' * minutes) AS slot (starts) WHERE starts >= ",
    );
    query.push_bind(window.from);
    query.push(" AND starts < ").push_bind(window.until);
    if let Some((start, practitioner)) = page.after {
        query
            .push(" AND (starts, practitioner) > (")
            .push_bind(column::instant(start));
        query.push(", ").push_bind(practitioner.uuid()).push(")");
    }
    query
        .push(" ORDER BY starts, practitioner LIMIT ")
        .push_bind(window.limit);

    let rows: Vec<SlotColumns> = query.build_query_as().fetch_all(pool).await?;
    Ok(rows
        .into_iter()
        .map(|(practitioner, day, start, minutes)| FreeSlot {
            practitioner: PractitionerId::new(practitioner),
            day,
            slot: slot(start, minutes),
        })
        .collect())
}

/// What of the runs a page needs.
struct Window {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: i64,
}

impl Window {
    /// A subquery of the runs among which the page's slots are: those that have begun at its start, which no run did long before;
    /// and, of those that begin later, the first ones, since each has a slot of its own for the page and none before its first.
    fn runs(&self, query: &mut QueryBuilder<'_, Postgres>, whose: impl Fn(&mut QueryBuilder<'_, Postgres>)) {
        query.push("((SELECT * FROM free_runs WHERE ");
        whose(query);
        query.push(" AND first <= ").push_bind(self.from);
        query
            .push(" AND first >= ")
            .push_bind(column::instant(self.from - LONGEST));
        query
            .push(" AND last >= ")
            .push_bind(self.from)
            .push(") UNION ALL (SELECT * FROM free_runs WHERE ");
        whose(query);
        query.push(" AND first > ").push_bind(self.from);
        query.push(" AND first < ").push_bind(self.until);
        query
            .push(" ORDER BY first, practitioner LIMIT ")
            .push_bind(self.limit)
            .push(")) AS run");
    }
}
