//! Visits of the past, recorded as another system tells them.
//!
//! A visit has a stream of its own, which its identifier names, and not a place in the calendar of its day: it takes no slot
//! there. So whoever tells of the same visit again, with another day or provider perhaps, meets the same stream, and the
//! contract lets only one be first.

use chrono::{DateTime, Utc};
use domain::calendar::{Booking, Calendar, CalendarCommand, Provider, RecordedOutcome, Slot};
use domain::kernel::{AppointmentId, CalendarId, Concept, Identifier, PatientId, PractitionerId};

use crate::calendars::{AppointmentDone, local_day};
use crate::clinic::{Backend, Clinic, Issue, permit};
use crate::error::{Resource, UseCaseError};
use crate::identity::Principal;
use crate::policy::Action;
use crate::transaction::Target;

/// Who provided a visit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum VisitProvider {
    /// A practitioner, registered here.
    Practitioner(PractitionerId),
    /// An organisation, by its identifier: the source names no practitioner. Its days are UTC days.
    Organization(Identifier),
}

/// A visit as it comes in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VisitRequest {
    /// Its id in the system it comes from. Recording it again meets the same appointment.
    pub identifier: Identifier,
    /// Who came.
    pub patient: PatientId,
    /// To whom.
    pub provider: VisitProvider,
    /// When.
    pub slot: Slot,
    /// How it ended.
    pub outcome: RecordedOutcome,
    /// Why, if known.
    pub reason: Option<Concept>,
    /// As of when the source tells this, if it says.
    pub as_of: Option<DateTime<Utc>>,
    /// Whether it takes the place of what the source told before, unless that is newer.
    pub corrects: bool,
}

impl<B: Backend> Clinic<B> {
    /// Records a visit of the past. The rules for booking do not bind it, but it must have begun.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn record_visit(
        &self,
        principal: &Principal,
        request: VisitRequest,
        issue: &Issue,
    ) -> Result<AppointmentDone, UseCaseError> {
        permit(principal, Action::RecordVisit)?;
        let VisitRequest {
            identifier,
            patient,
            provider,
            slot,
            outcome,
            reason,
            as_of,
            corrects,
        } = request;
        self.require_told(as_of, "/asOf")?;
        self.require_patient(patient, "/patient").await?;
        let (calendar, provider) = match provider {
            VisitProvider::Practitioner(practitioner) => {
                let missing = UseCaseError::UnknownReference {
                    pointer: "/practitioner",
                };
                let time_zone = self.load_practitioner(practitioner, missing).await?.time_zone;
                (
                    CalendarId::of(practitioner, local_day(&slot, time_zone)),
                    Provider::Practitioner,
                )
            }
            VisitProvider::Organization(organization) => {
                let owner = self.identities.from_identifier("organization", &organization);
                let day = slot.start.with_timezone(&Utc).date_naive();
                (CalendarId { owner, day }, Provider::Organization)
            }
        };
        let appointment = AppointmentId::new(self.identities.from_identifier("appointment", &identifier));
        let booking = Booking { patient, reason };
        let context = self.stamp(principal, issue);
        let command = CalendarCommand::RecordVisit {
            appointment,
            calendar,
            slot,
            provider,
            outcome,
            booking,
            as_of,
            corrects,
            now: context.at,
        };
        let stream = CalendarId::of_visit(appointment);
        let done = self.execute::<Calendar>(Target::of(stream), command, &context).await;
        let receipt =
            done.map_err(|error| UseCaseError::from(error).meeting(Resource::Appointment, appointment.uuid()))?;
        Ok(AppointmentDone {
            id: appointment,
            day: calendar.day,
            receipt,
        })
    }
}
