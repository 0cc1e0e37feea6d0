//! Encounters. Today each is a visit of the past, recorded as another system tells it.
//!
//! It stands in its patient's record, under an id that is made of the patient and of the identifier by which it was told first, and not in
//! the calendar of its day: it takes no slot there. Whoever tells of the same visit again, with another day or provider perhaps, or by
//! another of its names, meets it. Two patients may each have a visit of one identifier, for sources without addresses count from 1.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::encounter::{
    Encounter, EncounterCommand, EncounterError, EncounterNames, Ending, Filed, NamedEncounter, Outcome, Provider,
    Told, recognise,
};
use domain::kernel::{
    AppointmentId, CommandId, Concept, EncounterId, Identifier, PatientId, PractitionerId, Slot, SourceId, Sources,
};
use tokio::time::timeout;
use uuid::Uuid;

use crate::error::{Refusal, Resource, UseCaseError};
use crate::policy::access::{Admittance, VISITS, admit};
use crate::policy::identity::Principal;
use crate::policy::{Action, Object};
use crate::ports::command::{CommandContext, CommandError, Receipt};
use crate::ports::queries::{AppointmentView, Queries as _};
use crate::ports::transaction::{Expected, Target};
use crate::use_cases::calendars::{AppointmentDone, AppointmentVersion, local_day};
use crate::use_cases::clinic::{Backend, Clinic, Issue};
use crate::use_cases::names_under_way::HeldNames;

/// How long a command waits for another that tells of an encounter by the same name.
const WAITS_FOR: Duration = Duration::from_secs(10);

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
    /// Its other ids.
    pub other_identifiers: Vec<Identifier>,
    /// What its sources call it.
    pub sources: Sources,
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
        let VisitRequest {
            identifier,
            other_identifiers,
            sources,
            patient,
            provider,
            slot,
            outcome,
            reason,
            as_of,
            corrects,
        } = request;
        let admittance = admit(principal, Object::Patient(patient), Action::RecordVisit, VISITS)?;
        self.require_told(as_of, "/asOf")?;
        self.require_patient(patient, "/patient").await?;
        let (provider, day) = match provider {
            VisitProvider::Practitioner(practitioner) => {
                let missing = UseCaseError::UnknownReference {
                    pointer: "/practitioner",
                };
                let time_zone = self.time_zone_of(practitioner, missing).await?;
                (Provider::Practitioner(practitioner), local_day(&slot, time_zone))
            }
            VisitProvider::Organization(organization) => {
                let id = self.identities.from_identifier("organization", &organization);
                let day = slot.start.with_timezone(&Utc).date_naive();
                (Provider::Organization(id), day)
            }
        };
        let told: Vec<&Identifier> = std::iter::once(&identifier).chain(&other_identifiers).collect();
        let named = |name: &&Identifier| {
            self.identities
                .from_identifier(&format!("encounter of {patient}"), name)
        };
        let ids: Vec<Uuid> = told.iter().map(named).collect();
        let digest = |(told, id): (&&Identifier, &Uuid)| EncounterNames::digest(told, *id);
        let names = EncounterNames {
            identifiers: told.iter().zip(&ids).map(digest).collect(),
            sources,
        };
        let context = self.stamp(principal, issue);
        let told = Told {
            filed: Filed {
                provider,
                slot,
                day,
                outcome,
                reason,
                as_of,
                names,
            },
            recognised: false,
            corrects,
            now: context.at,
        };
        let (id, receipt) = self.file(&admittance, patient, &ids, told, &context).await?;
        Ok(AppointmentDone {
            id: AppointmentId::new(id),
            day,
            receipt,
        })
    }

    /// Files what is told under the id of the encounter that it is of, or else under the first that is no other's. Two that tell of one encounter
    /// at once here are filed one after the other. Whether it is another's the encounter itself knows best: somebody may have filed it a moment
    /// ago, on another server.
    async fn file(
        &self,
        admittance: &Admittance,
        patient: PatientId,
        ids: &[Uuid],
        told: Told,
        context: &CommandContext,
    ) -> Result<(Uuid, Receipt), UseCaseError> {
        let names = &told.filed.names;
        let _held = self.hold_names(names_of(patient, names)).await?;
        let mut known = self.queries.encounters_named(admittance, patient, names).await?;
        let mut others: BTreeSet<Uuid> = BTreeSet::new();
        loop {
            let found = recognise(names, &known);
            let id = found.or_else(|| self.new_id(patient, ids, names, &known, &others));
            let id = id.ok_or_else(|| Refusal::from(EncounterError::Ambiguous))?;
            let target = Target::of(EncounterId { patient, id });
            let command = EncounterCommand::File(Told {
                recognised: found.is_some(),
                ..told.clone()
            });
            let done = self.execute::<Encounter>(target, command, context).await;
            match &done {
                Err(CommandError::Rejected(EncounterError::AnotherVisit)) => {
                    known.retain(|one| one.id != id);
                    others.insert(id);
                    continue;
                }
                Err(CommandError::Rejected(EncounterError::Superseded)) => {
                    self.keep_names(target, names.clone(), context).await;
                }
                _ => {}
            }
            let receipt = done.map_err(|error| UseCaseError::from(error).meeting(EncounterId { patient, id }))?;
            return Ok((id, receipt));
        }
    }

    /// Holds names of encounters until the answer is dropped.
    ///
    /// # Errors
    /// [`UseCaseError::Conflict`] when another command holds one of them for too long.
    async fn hold_names(&self, names: HashSet<Identifier>) -> Result<HeldNames<'_>, UseCaseError> {
        let held = timeout(WAITS_FOR, self.filing.hold(names)).await;
        held.map_err(|_| UseCaseError::Conflict { attempts: 1 })
    }

    /// The id of a new encounter: of the first of its identifiers, or else of its sources, that is no other one's.
    fn new_id(
        &self,
        patient: PatientId,
        ids: &[Uuid],
        names: &EncounterNames,
        known: &[NamedEncounter],
        others: &BTreeSet<Uuid>,
    ) -> Option<Uuid> {
        let is_taken = |id: &Uuid| others.contains(id) || known.iter().any(|one| one.id == *id);
        let by_source = |source: &SourceId| {
            self.identities
                .from_name(&format!("encounter of {patient}"), &source.to_string())
        };
        let sources = names.sources.list().iter().map(by_source);
        ids.iter().copied().chain(sources).find(|id| !is_taken(id))
    }

    /// An older state changes nothing but by which names the encounter is known: the next one may be told by these. It is tried once, for the
    /// command itself is refused, whatever comes of this.
    async fn keep_names(&self, target: Target<EncounterId>, names: EncounterNames, of: &CommandContext) {
        let context = CommandContext {
            command_id: CommandId::new(
                self.identities
                    .from_name("names of a visit", &of.command_id.to_string()),
            ),
            cause: Some(of.command_id.uuid()),
            ..of.clone()
        };
        let command = EncounterCommand::Name(names);
        if let Err(error) = self.execute::<Encounter>(target, command, &context).await {
            tracing::debug!(%error, "further names of a visit are not kept");
        }
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
        // Its day may have been corrected since; the version says enough.
        let seen = expected.map(|seen| Expected::whole(seen.version));
        let target = Target::of(id).expecting(seen);
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

/// What names an encounter, as names that are held while it is filed.
fn names_of(patient: PatientId, names: &EncounterNames) -> HashSet<Identifier> {
    let identifiers = names.identifiers.iter().map(|digest| ("identifier", digest));
    let resources = names.sources.list().iter().map(|source| ("resource", &source.resource));
    let all = identifiers.chain(resources).map(|(kind, digest)| Identifier {
        system: format!("{kind} of an encounter of {patient}"),
        value: format!("{digest:?}"),
    });
    all.collect()
}
