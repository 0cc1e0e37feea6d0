//! Encounters. Today each is a visit of the past, recorded as another system tells it.
//!
//! It stands in its patient's record, under a name that is made of the patient and of the source's identifier, and not in the calendar of
//! its day: it takes no slot there. So whoever tells of the same visit again, with another day or provider perhaps, meets it. Two patients
//! may each have a visit of one identifier, for sources without addresses count from 1.

use chrono::{DateTime, Utc};
use domain::encounter::{Encounter, EncounterCommand, Ending, Filed, Outcome, Provider, Told};
use domain::kernel::{AppointmentId, Concept, EncounterId, Identifier, PatientId, PractitionerId, Slot};

use crate::calendars::{AppointmentDone, AppointmentVersion, expected_on, local_day};
use crate::clinic::{Backend, Clinic, Issue, permit};
use crate::error::{Resource, UseCaseError};
use crate::identity::Principal;
use crate::policy::Action;
use crate::queries::AppointmentView;
use crate::transaction::{Expected, Target};

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
    /// Its id in the system it comes from. Recording it again for the same patient meets the same visit.
    pub identifier: Identifier,
    /// Who came.
    pub patient: PatientId,
    /// To whom.
    pub provider: VisitProvider,
    /// When.
    pub slot: Slot,
    /// How it ended.
    pub outcome: Outcome,
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
        let (provider, day) = match provider {
            VisitProvider::Practitioner(practitioner) => {
                let missing = UseCaseError::UnknownReference {
                    pointer: "/practitioner",
                };
                let time_zone = self.load_practitioner(practitioner, missing).await?.time_zone;
                (Provider::Practitioner(practitioner), local_day(&slot, time_zone))
            }
            VisitProvider::Organization(organization) => {
                let id = self.identities.from_identifier("organization", &organization);
                let day = slot.start.with_timezone(&Utc).date_naive();
                (Provider::Organization(id), day)
            }
        };
        let id = self
            .identities
            .from_identifier(&format!("encounter of {patient}"), &identifier);
        let context = self.stamp(principal, issue);
        let command = EncounterCommand::File(Told {
            filed: Filed {
                provider,
                slot,
                day,
                outcome,
                reason,
                as_of,
            },
            corrects,
            now: context.at,
        });
        let target = Target::of(EncounterId { patient, id });
        let done = self.execute::<Encounter>(target, command, &context).await;
        let receipt = done.map_err(|error| UseCaseError::from(error).meeting(Resource::Appointment, id))?;
        Ok(AppointmentDone {
            id: AppointmentId::new(id),
            day,
            receipt,
        })
    }

    /// Concludes a recorded visit that its source left open.
    pub(crate) async fn conclude_visit(
        &self,
        principal: &Principal,
        visit: &AppointmentView,
        ending: Ending,
        expected: Option<AppointmentVersion>,
        issue: &Issue,
    ) -> Result<AppointmentDone, UseCaseError> {
        let patient = visit.patient.ok_or(UseCaseError::NotFound(Resource::Appointment))?;
        let id = EncounterId {
            patient,
            id: visit.id.uuid(),
        };
        let seen = expected_on(visit.day, visit.id, expected)?;
        let target = Target::of(id).expecting(seen.map(|seen| Expected::whole(seen.version)));
        let context = self.stamp(principal, issue);
        let command = EncounterCommand::Conclude {
            ending,
            now: context.at,
        };
        let receipt = self.execute::<Encounter>(target, command, &context).await?;
        Ok(AppointmentDone {
            id: visit.id,
            day: visit.day,
            receipt,
        })
    }
}
