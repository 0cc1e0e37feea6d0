//! Appointments.

use actix_web::{HttpRequest, HttpResponse, web};
use application::calendars::{AppointmentAction, AppointmentVersion};
use application::clinic::{Backend, Clinic};
use application::identity::Principal;
use application::queries::AppointmentFilter;
use domain::kernel::{AppointmentId, PatientId, PractitionerId};
use serde::Deserialize;
use uuid::Uuid;

use crate::http::answer::{Answer, CommandResult};
use crate::http::auth::Caller;
use crate::http::command::{Command, Parameters};
use crate::http::cursor::{PageBody, PageQuery};
use crate::http::dto::{self, Day, checked};
use crate::http::etag;
use crate::http::problem::Problem;

/// Book a free slot: a patient for themselves, a hospital for anybody.
#[utoipa::path(
    post, path = "/v1/appointments", tag = "appointments", request_body = dto::BookAppointment,
    responses(
        (status = 201, description = "Booked", body = CommandResult),
        (status = 409, description = "The slot is taken, or not offered", body = crate::http::problem::ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn book<B: Backend>(
    clinic: web::Data<Clinic<B>>,
    command: Command<dto::BookAppointment>,
) -> Result<HttpResponse, Problem> {
    let own = if let Principal::Patient { patient, .. } = &command.caller {
        Some(*patient)
    } else {
        None
    };
    let command = command.map(|body| {
        checked(body)?
            .by(own)
            .ok_or_else(|| Problem::invalid("/patient", "must be given unless a patient books"))
    })?;
    let run = command.run(clinic, |clinic, caller, booking, issue| async move {
        Ok(Answer::appointment(
            clinic.book_appointment(&caller, booking, &issue).await?,
            true,
        ))
    });
    run.await
}

/// Which appointments. All conditions must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AppointmentQuery {
    /// Of this patient.
    pub patient: Option<Uuid>,
    /// Of this practitioner.
    pub practitioner: Option<Uuid>,
    /// On this day or later, in the practitioner's time zone.
    pub from: Option<Day>,
    /// On this day or earlier, in the practitioner's time zone.
    pub to: Option<Day>,
    /// In this state.
    #[param(inline)]
    pub status: Option<dto::AppointmentStatus>,
    /// Where the page before ended (`nextCursor`).
    pub cursor: Option<String>,
    /// How many items at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

/// List appointments, by start. Patients and practitioners get their own.
#[utoipa::path(
    get, path = "/v1/appointments", tag = "appointments", params(AppointmentQuery),
    responses((status = 200, description = "A page of appointments", body = PageBody<dto::Appointment>)),
)]
pub async fn list<B: Backend>(
    request: HttpRequest,
    clinic: web::Data<Clinic<B>>,
    caller: Caller,
    Parameters(query): Parameters<AppointmentQuery>,
) -> Result<HttpResponse, Problem> {
    let AppointmentQuery {
        patient,
        practitioner,
        from,
        to,
        status,
        cursor,
        limit,
    } = query;
    let wanted = PageQuery { cursor, limit }.page()?;
    let filter = AppointmentFilter {
        patient: patient.map(PatientId::new),
        practitioner: practitioner.map(PractitionerId::new),
        from: from.map(|day| day.0),
        to: to.map(|day| day.0),
        status: status.map(Into::into),
    };
    let found = clinic.appointments(&caller.principal, filter, wanted.query()).await?;
    Ok(wanted
        .answer(found, |one| (one.slot.start, one.id), dto::Appointment::from)
        .linked(&request))
}

/// Read an appointment.
#[utoipa::path(
    get, path = "/v1/appointments/{id}", tag = "appointments",
    params(("id" = Uuid, Path, description = "The appointment")),
    responses(
        (status = 200, description = "The appointment", body = dto::Appointment),
        (status = 304, description = "The caller has this version"),
    ),
)]
pub async fn read<B: Backend>(
    request: HttpRequest,
    clinic: web::Data<Clinic<B>>,
    caller: Caller,
    id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let appointment = clinic.appointment(&caller.principal, AppointmentId::new(*id)).await?;
    let tag = etag::of_appointment(AppointmentVersion {
        day: appointment.day,
        version: appointment.version,
    });
    Ok(etag::answer(&request, tag, &dto::Appointment::from(appointment)))
}

/// Move an appointment to another offered slot of the same practitioner, on the same or another day.
///
/// It is booked again, not confirmed. Moving to another day leaves one day and enters the other at once.
#[utoipa::path(
    post, path = "/v1/appointments/{id}/reschedule", tag = "appointments", request_body = dto::RescheduleAppointment,
    params(("id" = Uuid, Path, description = "The appointment"), ("If-Match" = Option<String>, Header, description = "Only if this is the current version")),
    responses((status = 200, description = "Moved", body = CommandResult)),
)]
pub async fn reschedule<B: Backend>(
    clinic: web::Data<Clinic<B>>,
    id: web::Path<Uuid>,
    command: Command<dto::RescheduleAppointment>,
) -> Result<HttpResponse, Problem> {
    let (command, id) = (command.map(checked)?, AppointmentId::new(*id));
    let expected = etag::expected_appointment(&command.headers)?;
    let run = command.run(clinic, move |clinic, caller, slot, issue| async move {
        Ok(Answer::appointment(
            clinic
                .reschedule_appointment(&caller, id, slot, expected, &issue)
                .await?,
            false,
        ))
    });
    run.await
}

/// Call an appointment off; its slot is free again.
#[utoipa::path(
    post, path = "/v1/appointments/{id}/cancel", tag = "appointments", request_body = dto::CancelAppointment,
    params(("id" = Uuid, Path, description = "The appointment"), ("If-Match" = Option<String>, Header, description = "Only if this is the current version")),
    responses((status = 200, description = "Cancelled", body = CommandResult)),
)]
pub async fn cancel<B: Backend>(
    clinic: web::Data<Clinic<B>>,
    id: web::Path<Uuid>,
    command: Command<dto::CancelAppointment>,
) -> Result<HttpResponse, Problem> {
    let command = command.map(|body| Ok(AppointmentAction::Cancel { reason: checked(body)? }))?;
    act(clinic, *id, command).await
}

/// Confirm a booked appointment.
#[utoipa::path(
    post, path = "/v1/appointments/{id}/confirm", tag = "appointments",
    params(("id" = Uuid, Path, description = "The appointment"), ("If-Match" = Option<String>, Header, description = "Only if this is the current version")),
    responses((status = 200, description = "Confirmed", body = CommandResult)),
)]
pub async fn confirm<B: Backend>(
    clinic: web::Data<Clinic<B>>,
    id: web::Path<Uuid>,
    command: Command<dto::Nothing>,
) -> Result<HttpResponse, Problem> {
    act(clinic, *id, command.map(|_| Ok(AppointmentAction::Confirm))?).await
}

/// Say that the visit took place. Only once it has begun.
#[utoipa::path(
    post, path = "/v1/appointments/{id}/complete", tag = "appointments",
    params(("id" = Uuid, Path, description = "The appointment"), ("If-Match" = Option<String>, Header, description = "Only if this is the current version")),
    responses((status = 200, description = "Completed", body = CommandResult)),
)]
pub async fn complete<B: Backend>(
    clinic: web::Data<Clinic<B>>,
    id: web::Path<Uuid>,
    command: Command<dto::Nothing>,
) -> Result<HttpResponse, Problem> {
    act(clinic, *id, command.map(|_| Ok(AppointmentAction::Complete))?).await
}

/// Say that the patient did not come. Only once the visit should have begun.
#[utoipa::path(
    post, path = "/v1/appointments/{id}/no-show", tag = "appointments",
    params(("id" = Uuid, Path, description = "The appointment"), ("If-Match" = Option<String>, Header, description = "Only if this is the current version")),
    responses((status = 200, description = "Marked", body = CommandResult)),
)]
pub async fn no_show<B: Backend>(
    clinic: web::Data<Clinic<B>>,
    id: web::Path<Uuid>,
    command: Command<dto::Nothing>,
) -> Result<HttpResponse, Problem> {
    act(clinic, *id, command.map(|_| Ok(AppointmentAction::MarkNoShow))?).await
}

async fn act<B: Backend>(
    clinic: web::Data<Clinic<B>>,
    id: Uuid,
    command: Command<AppointmentAction>,
) -> Result<HttpResponse, Problem> {
    let (id, expected) = (AppointmentId::new(id), etag::expected_appointment(&command.headers)?);
    let run = command.run(clinic, move |clinic, caller, action, issue| async move {
        Ok(Answer::appointment(
            clinic.change_appointment(&caller, id, action, expected, &issue).await?,
            false,
        ))
    });
    run.await
}
