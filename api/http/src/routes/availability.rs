//! What practitioners offer: availability by day, and the search for free slots.

use actix_web::{HttpResponse, web};
use api_wire::answer::CommandResult;
use api_wire::dto::{self, Day, Instant, query_instant};
use api_wire::page::{PageBody, PageQuery};
use api_wire::problem::ProblemKind;
use application::ports::queries::{FreeSlot, SlotFilter};
use application::use_cases::clinic::Backend;
use chrono::{DateTime, TimeDelta, Utc};
use domain::kernel::{CalendarId, PractitionerId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::practitioners::check_specialization;
use crate::answer::Answer;
use crate::command::Command;
use crate::etag;
use crate::location::Located;
use crate::problem::Problem;
use crate::read::{Parameters, Reading};

impl Located for CalendarId {
    fn path(&self) -> String {
        let Self { owner, day } = self;
        format!("/v1/practitioners/{owner}/availability/{day}")
    }
}

/// Publish what a practitioner offers on a day.
///
/// This replaces what was offered on that day before; appointments stay as they are. The day is a day in the calendar's time zone,
/// and the sessions lie within it.
#[utoipa::path(
    put, path = "/v1/practitioners/{id}/availability/{day}", tag = "availability",
    request_body = dto::PublishAvailability,
    params(
        ("id" = Uuid, Path, description = "The id of the practitioner"),
        ("day" = Day, Path, description = "The day, in the calendar's time zone"),
    ),
    responses((status = 200, description = "The availability is published", body = CommandResult)),
)]
pub async fn publish<B: Backend>(
    path: web::Path<(PractitionerId, Day)>,
    command: Command<B, dto::PublishAvailability>,
) -> Result<HttpResponse, Problem> {
    let (practitioner, Day(day)) = path.into_inner();
    let run = command.run(async move |clinic, caller, sessions, issue| {
        let published = clinic.publish_availability(&caller, practitioner, day, sessions, &issue);
        let path = CalendarId::of(practitioner, day).path();
        // A day has no id, and its tag is no use: its version moves with every booking.
        Ok(Answer::of(path, None, published.await?))
    });
    run.await
}

/// Read what a practitioner offers on a day, and which slots are free.
///
/// The answer holds the sessions as they were published, and those of their slots that nobody has booked. A day without sessions offers
/// nothing.
#[utoipa::path(
    get, path = "/v1/practitioners/{id}/availability/{day}", tag = "availability",
    params(
        ("id" = Uuid, Path, description = "The id of the practitioner"),
        ("day" = Day, Path, description = "The day, in the calendar's time zone"),
    ),
    responses(
        (status = 200, description = "The availability on the day", body = dto::Availability),
        (status = 304, description = "The version that the caller has, by `If-None-Match`, is the current one"),
    ),
)]
pub async fn read<B: Backend>(
    reading: Reading<B>,
    path: web::Path<(PractitionerId, Day)>,
) -> Result<HttpResponse, Problem> {
    let (practitioner, day) = path.into_inner();
    let view = reading
        .clinic
        .availability(&reading.caller, practitioner, day.0)
        .await?;
    let tag = etag::of_version(view.version);
    Ok(reading.answer(tag, &dto::Availability::of(practitioner, day, view)))
}

/// The filters of a search for free slots. All of them must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SlotQuery {
    /// The specialization of the practitioners whose slots are searched: a code, or a part of its text. Case and accents make no
    /// difference.
    #[param(example = "cardio")]
    pub specialization: Option<String>,
    /// The id of a practitioner: only their slots are searched.
    pub practitioner: Option<Uuid>,
    /// The earliest instant at which a slot may start. Without it, this is the present.
    #[serde(default, deserialize_with = "query_instant")]
    pub from: Option<Instant>,
    /// The instant before which a slot must start: not before `from`, and at most 92 days after it. Without it, this is 30 days after
    /// `from`.
    #[serde(default, deserialize_with = "query_instant")]
    pub until: Option<Instant>,
    /// The `nextCursor` of the previous page, which was asked for with the same filters. Without it, the answer is the first page.
    pub cursor: Option<String>,
    /// The largest number of items to return on a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

const USUAL_SEARCH: TimeDelta = TimeDelta::days(30);
const LONGEST_SEARCH: TimeDelta = TimeDelta::days(92);

impl SlotQuery {
    fn page(&self) -> PageQuery {
        PageQuery::new(self.cursor.as_ref(), self.limit)
    }

    /// What tells its list from others.
    const fn filters(&self) -> impl Serialize {
        let Self {
            specialization,
            practitioner,
            from,
            until,
            cursor: _,
            limit: _,
        } = self;
        (specialization, practitioner, from, until)
    }

    fn filter(self, now: DateTime<Utc>) -> Result<SlotFilter, Problem> {
        let from = self.from.map_or(now, |from| from.0);
        let until = self.until.map_or(from + USUAL_SEARCH, |until| until.0);
        if until < from || until - from > LONGEST_SEARCH {
            let detail = "`until` must not be before `from`, nor more than 92 days after it.";
            return Err(Problem::new(ProblemKind::MalformedRequest).detail(detail));
        }
        Ok(SlotFilter {
            specialization: check_specialization(self.specialization)?,
            practitioner: self.practitioner.map(PractitionerId::new),
            from,
            until,
        })
    }
}

/// Search for free slots, in the order of their start.
///
/// A slot is found only if all filters hold. If `from` and `until` are equal, nothing is found.
#[utoipa::path(
    get, path = "/v1/slots", tag = "availability", params(SlotQuery),
    responses((status = 200, description = "A page of free slots", body = PageBody<dto::OfferedSlot>)),
)]
pub async fn slots<B: Backend>(
    reading: Reading<B>,
    Parameters(query): Parameters<SlotQuery>,
) -> Result<HttpResponse, Problem> {
    let page = reading.list("slots", &query.filters()).page(&query.page())?;
    let filter = query.filter(reading.core.ports.clock.now())?;
    let found = reading.clinic.free_slots(&reading.caller, filter, page.query()).await?;
    let place = |free: &FreeSlot| (free.slot.start, free.practitioner);
    Ok(reading.page(page.answer(found, place, dto::OfferedSlot::from)))
}
