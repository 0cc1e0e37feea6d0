//! Appointments.

use actix_web::{HttpResponse, web};
use api_wire::answer::CommandResult;
use api_wire::check::Checked;
use api_wire::dto::{self, Day};
use api_wire::page::{PageBody, PageQuery};
use application::ports::queries::AppointmentFilter;
use application::use_cases::calendars::{AppointmentAction, AppointmentDone, AppointmentVersion};
use application::use_cases::clinic::Backend;
use domain::kernel::{AppointmentId, PatientId, PractitionerId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::answer::Answer;
use crate::command::Command;
use crate::etag;
use crate::problem::Problem;
use crate::read::{Parameters, Reading};

/// What a command did to an appointment.
pub(super) fn of_appointment(done: AppointmentDone) -> Answer {
    let tag = done.version().map(etag::of_appointment);
    let path = format!("/v1/appointments/{}", done.id);
    Answer::of(path, Some(done.id.uuid()), done.receipt).tagged(tag)
}

/// Book a free slot: a patient for themselves, a hospital for any patient.
///
/// The start and the length are those of an offered slot. If two callers book the same slot, one of them is refused (409 `slot-taken`).
#[utoipa::path(
    post, path = "/v1/appointments", tag = "appointments", request_body = dto::BookAppointment,
    responses(
        (status = 201, description = "The appointment was booked", body = CommandResult),
    ),
)]
pub async fn book<B: Backend>(command: Command<B, dto::BookAppointment>) -> Result<HttpResponse, Problem> {
    let run = command.run(async |clinic, caller, booking, issue| {
        let done = clinic.book_appointment(&caller, booking, &issue).await?;
        let created = done.receipt.position.is_some();
        Ok(of_appointment(done).having(created))
    });
    run.await
}

/// The filters of a list of appointments. All of them must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AppointmentQuery {
    /// The id of a patient: only their appointments are listed.
    pub patient: Option<Uuid>,
    /// The id of a practitioner: only their appointments are listed.
    pub practitioner: Option<Uuid>,
    /// The first day of the appointments that are listed, in the calendar's time zone.
    pub from: Option<Day>,
    /// The last day of the appointments that are listed, in the calendar's time zone.
    pub to: Option<Day>,
    /// The status of the appointments that are listed.
    #[param(inline)]
    pub status: Option<dto::AppointmentStatus>,
    /// The `nextCursor` of the previous page, which was asked for with the same filters. Without it, the answer is the first page.
    pub cursor: Option<String>,
    /// The largest number of items to return on a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

impl AppointmentQuery {
    fn page(&self) -> PageQuery {
        PageQuery::new(self.cursor.as_ref(), self.limit)
    }

    /// What tells its list from others.
    const fn filters(&self) -> impl Serialize {
        let Self {
            patient,
            practitioner,
            from,
            to,
            status,
            cursor: _,
            limit: _,
        } = self;
        (patient, practitioner, from, to, status)
    }

    fn filter(self) -> AppointmentFilter {
        AppointmentFilter {
            patient: self.patient.map(PatientId::new),
            practitioner: self.practitioner.map(PractitionerId::new),
            from: self.from.map(|day| day.0),
            to: self.to.map(|day| day.0),
            status: self.status.map(Into::into),
        }
    }
}

/// List appointments, in the order of their start.
///
/// Patients and practitioners get their own appointments, hospitals get all of them. An appointment is listed only if all filters hold.
#[utoipa::path(
    get, path = "/v1/appointments", tag = "appointments", params(AppointmentQuery),
    responses((status = 200, description = "A page of appointments", body = PageBody<dto::Appointment>)),
)]
pub async fn list<B: Backend>(
    reading: Reading<B>,
    Parameters(query): Parameters<AppointmentQuery>,
) -> Result<HttpResponse, Problem> {
    let page = reading.list("appointments", &query.filters()).page(&query.page())?;
    let found = reading
        .clinic
        .appointments(&reading.caller, query.filter(), page.query())
        .await?;
    Ok(reading.page(page.answer(found, |one| (one.slot.start, one.id), dto::Appointment::from)))
}

/// List the appointments and visits of a patient, in the order of their start.
///
/// For the patient; for practitioners and staff to whom, or to whose organisation or role in it, the patient has granted `appointments` (when the patient comes, and to whom) and `care` (why, and visits of the past), be it of a period; for
/// practitioners who have opened these in an emergency; and for those who work with patients who are treated here.
#[utoipa::path(
    get, path = "/v1/patients/{id}/appointments", tag = "appointments",
    params(("id" = Uuid, Path, description = "The id of the patient"), PageQuery),
    responses((status = 200, description = "A page of appointments", body = PageBody<dto::Appointment>)),
)]
pub async fn of_patient<B: Backend>(
    reading: Reading<B>,
    id: web::Path<PatientId>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let page = reading.list("appointments of a patient", &*id).page(&query)?;
    let found = reading
        .clinic
        .appointments_of(&reading.caller, *id, page.query())
        .await?;
    Ok(reading.page(page.answer(found, |one| (one.slot.start, one.id), dto::Appointment::from)))
}

/// Read an appointment.
///
/// With `If-None-Match` and the entity tag of an earlier answer, an appointment that has not changed is not sent again (304).
#[utoipa::path(
    get, path = "/v1/appointments/{id}", tag = "appointments",
    params(("id" = Uuid, Path, description = "The id of the appointment")),
    responses(
        (status = 200, description = "The appointment that was asked for", body = dto::Appointment),
        (status = 304, description = "The version that the caller has, by `If-None-Match`, is the current one"),
    ),
)]
pub async fn read<B: Backend>(reading: Reading<B>, id: web::Path<AppointmentId>) -> Result<HttpResponse, Problem> {
    let appointment = reading.clinic.appointment(&reading.caller, *id).await?;
    let day = appointment.day;
    let tag = appointment
        .version
        .map(|version| etag::of_appointment(AppointmentVersion { day, version }));
    Ok(reading.answer(tag, &dto::Appointment::from(appointment)))
}

/// Move an appointment to another slot that the same practitioner offers, on the same or another day.
///
/// Its status is `booked` again, not `confirmed`. A move to another day frees the former slot and takes the new one in one step.
#[utoipa::path(
    post, path = "/v1/appointments/{id}/reschedule", tag = "appointments", request_body = dto::RescheduleAppointment,
    params(
        ("id" = Uuid, Path, description = "The id of the appointment"),
        ("If-Match" = Option<String>, Header,
            description = "The entity tag that must be the current one; if it is not, the answer is 412 and nothing changes"),
    ),
    responses((status = 200, description = "The appointment was moved", body = CommandResult)),
)]
pub async fn reschedule<B: Backend>(
    id: web::Path<AppointmentId>,
    mut command: Command<B, dto::RescheduleAppointment>,
) -> Result<HttpResponse, Problem> {
    let expected = command.expected_appointment()?;
    let run = command.run(async move |clinic, caller, slot, issue| {
        let moved = clinic.reschedule_appointment(&caller, *id, slot, expected, &issue);
        Ok(of_appointment(moved.await?))
    });
    run.await
}

/// Cancel an appointment, which frees its slot.
///
/// The patient, the practitioner and the hospital may cancel it, as long as it has not ended in another way. The reason is kept with
/// the appointment.
#[utoipa::path(
    post, path = "/v1/appointments/{id}/cancel", tag = "appointments", request_body = dto::CancelAppointment,
    params(
        ("id" = Uuid, Path, description = "The id of the appointment"),
        ("If-Match" = Option<String>, Header,
            description = "The entity tag that must be the current one; if it is not, the answer is 412 and nothing changes"),
    ),
    responses((status = 200, description = "The appointment is cancelled", body = CommandResult)),
)]
pub async fn cancel<B: Backend>(
    id: web::Path<AppointmentId>,
    command: Command<B, dto::CancelAppointment>,
) -> Result<HttpResponse, Problem> {
    act(*id, command, |reason| AppointmentAction::Cancel { reason }).await
}

/// Confirm a booked appointment.
///
/// The practitioner, or the hospital for them, says that the visit will take place.
#[utoipa::path(
    post, path = "/v1/appointments/{id}/confirm", tag = "appointments",
    params(
        ("id" = Uuid, Path, description = "The id of the appointment"),
        ("If-Match" = Option<String>, Header,
            description = "The entity tag that must be the current one; if it is not, the answer is 412 and nothing changes"),
    ),
    responses((status = 200, description = "The appointment is confirmed", body = CommandResult)),
)]
pub async fn confirm<B: Backend>(
    id: web::Path<AppointmentId>,
    command: Command<B, dto::Nothing>,
) -> Result<HttpResponse, Problem> {
    act(*id, command, |()| AppointmentAction::Confirm).await
}

/// Mark an appointment as completed: the visit took place.
///
/// This is possible only once the visit has begun, and only for an appointment that is booked or confirmed.
#[utoipa::path(
    post, path = "/v1/appointments/{id}/complete", tag = "appointments",
    params(
        ("id" = Uuid, Path, description = "The id of the appointment"),
        ("If-Match" = Option<String>, Header,
            description = "The entity tag that must be the current one; if it is not, the answer is 412 and nothing changes"),
    ),
    responses((status = 200, description = "The appointment is marked as completed", body = CommandResult)),
)]
pub async fn complete<B: Backend>(
    id: web::Path<AppointmentId>,
    command: Command<B, dto::Nothing>,
) -> Result<HttpResponse, Problem> {
    act(*id, command, |()| AppointmentAction::Complete).await
}

/// Mark an appointment as a no-show: the patient did not come.
///
/// This is possible only once the visit should have begun, and only for an appointment that is booked or confirmed.
#[utoipa::path(
    post, path = "/v1/appointments/{id}/no-show", tag = "appointments",
    params(
        ("id" = Uuid, Path, description = "The id of the appointment"),
        ("If-Match" = Option<String>, Header,
            description = "The entity tag that must be the current one; if it is not, the answer is 412 and nothing changes"),
    ),
    responses((status = 200, description = "The appointment is marked as a no-show", body = CommandResult)),
)]
pub async fn no_show<B: Backend>(
    id: web::Path<AppointmentId>,
    command: Command<B, dto::Nothing>,
) -> Result<HttpResponse, Problem> {
    act(*id, command, |()| AppointmentAction::MarkNoShow).await
}

async fn act<B: Backend, T: Checked>(
    id: AppointmentId,
    mut command: Command<B, T>,
    action: impl FnOnce(T::Domain) -> AppointmentAction,
) -> Result<HttpResponse, Problem> {
    let expected = command.expected_appointment()?;
    let run = command.run(|clinic, caller, body, issue| {
        let action = action(body);
        async move {
            let done = clinic.change_appointment(&caller, id, action, expected, &issue);
            Ok(of_appointment(done.await?))
        }
    });
    run.await
}
