//! What practitioners offer: availability by day, and the search for free slots.

use actix_web::{HttpRequest, HttpResponse, web};
use application::clinic::{Backend, Clinic};
use application::queries::SlotFilter;
use chrono::{NaiveDate, TimeDelta};
use domain::kernel::PractitionerId;
use serde::Deserialize;
use uuid::Uuid;

use super::practitioners::check_specialization;
use crate::http::answer::{Answer, CommandResult};
use crate::http::auth::Caller;
use crate::http::command::{Command, Parameters, core};
use crate::http::cursor::{PageBody, PageQuery};
use crate::http::dto::{self, Day, Instant, checked, query_instant};
use crate::http::etag;
use crate::http::problem::{Problem, ProblemKind};

/// Publish what a day offers; it replaces what was offered before. Appointments stand as they are.
///
/// The day is one of the practitioner's time zone, and the sessions lie within it.
#[utoipa::path(
    put, path = "/v1/practitioners/{id}/availability/{day}", tag = "availability",
    request_body = dto::PublishAvailability,
    params(("id" = Uuid, Path, description = "The practitioner"), ("day" = Day, Path, description = "The day")),
    responses((status = 200, description = "Published", body = CommandResult)),
)]
pub async fn publish<B: Backend>(
    clinic: web::Data<Clinic<B>>,
    path: web::Path<(Uuid, Day)>,
    command: Command<dto::PublishAvailability>,
) -> Result<HttpResponse, Problem> {
    // The calendar's version moves with every booking: there is nothing useful to compare.
    etag::refuse(&command.headers)?;
    let (command, (id, Day(day))) = (command.map(checked)?, path.into_inner());
    let run = command.run(clinic, move |clinic, caller, sessions, issue| async move {
        let receipt = clinic
            .publish_availability(&caller, PractitionerId::new(id), day, sessions, &issue)
            .await?;
        Ok(Answer::changed(availability_path(id, day), None, receipt))
    });
    run.await
}

fn availability_path(id: Uuid, day: NaiveDate) -> String {
    format!("/v1/practitioners/{id}/availability/{day}")
}

/// What a day offers, and what of it is free.
#[utoipa::path(
    get, path = "/v1/practitioners/{id}/availability/{day}", tag = "availability",
    params(("id" = Uuid, Path, description = "The practitioner"), ("day" = Day, Path, description = "The day")),
    responses(
        (status = 200, description = "The day", body = dto::Availability),
        (status = 304, description = "The caller has this version"),
    ),
)]
pub async fn read<B: Backend>(
    request: HttpRequest,
    clinic: web::Data<Clinic<B>>,
    caller: Caller,
    path: web::Path<(Uuid, Day)>,
) -> Result<HttpResponse, Problem> {
    let (id, day) = path.into_inner();
    let practitioner = PractitionerId::new(id);
    let view = clinic.availability(&caller.principal, practitioner, day.0).await?;
    let tag = etag::of_version(view.version);
    Ok(etag::answer(
        &request,
        tag,
        &dto::Availability::of(practitioner, day, view),
    ))
}

/// Which slots.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SlotQuery {
    /// Of practitioners with this specialization: a code, or a part of its text, in any case.
    #[param(example = "cardio")]
    pub specialization: Option<String>,
    /// Of this practitioner.
    pub practitioner: Option<Uuid>,
    /// Starting at or after; now, unless given.
    #[serde(default, deserialize_with = "query_instant")]
    pub from: Option<Instant>,
    /// Starting before; 30 days after `from`, unless given, and at most 92.
    #[serde(default, deserialize_with = "query_instant")]
    pub until: Option<Instant>,
    /// Where the page before ended (`nextCursor`).
    pub cursor: Option<String>,
    /// How many items at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

const USUAL_SEARCH: TimeDelta = TimeDelta::days(30);
const LONGEST_SEARCH: TimeDelta = TimeDelta::days(92);

/// Search free slots, by start.
#[utoipa::path(
    get, path = "/v1/slots", tag = "availability", params(SlotQuery),
    responses((status = 200, description = "A page of free slots", body = PageBody<dto::OfferedSlot>)),
)]
pub async fn slots<B: Backend>(
    request: HttpRequest,
    clinic: web::Data<Clinic<B>>,
    caller: Caller,
    Parameters(query): Parameters<SlotQuery>,
) -> Result<HttpResponse, Problem> {
    let SlotQuery {
        specialization,
        practitioner,
        from,
        until,
        cursor,
        limit,
    } = query;
    let now = core(&request)?.ports.clock.now();
    let from = from.map_or(now, |from| from.0);
    let until = until.map_or(from + USUAL_SEARCH, |until| until.0);
    if until <= from || until - from > LONGEST_SEARCH {
        let detail = "`until` must be after `from`, by at most 92 days.";
        return Err(Problem::new(ProblemKind::MalformedRequest).detail(detail));
    }
    let wanted = PageQuery { cursor, limit }.page()?;
    let specialization = check_specialization(specialization)?;
    let practitioner = practitioner.map(PractitionerId::new);
    let filter = SlotFilter {
        specialization,
        practitioner,
        from,
        until,
    };
    let found = clinic.free_slots(&caller.principal, filter, wanted.query()).await?;
    Ok(wanted
        .answer(
            found,
            |free| (free.slot.start, free.practitioner),
            dto::OfferedSlot::from,
        )
        .linked(&request))
}
