//! Patients: register, read, change, find.

use std::collections::BTreeSet;

use domain::access_log::Shown;
use domain::account::Title;
use domain::claims::Name;
use domain::kernel::{AggregateType, Category, Identifier, PatientId, PractitionerId};
use domain::patient::{Patient, PatientCommand, PatientDetails, PatientError};

use crate::error::{Refusal, Resource, UseCaseError};
use crate::policy::access::{VISITS, admit};
use crate::policy::identity::Principal;
use crate::policy::rules::Registration;
use crate::policy::{Action, Object};
use crate::ports::command::CommandExecutor as _;
use crate::ports::queries::{Page, PatientView, Queries as _, RelationshipView};
use crate::ports::sessions::SignedIn;
use crate::ports::transaction::{Expected, Target};
use crate::use_cases::clinic::{Backend, Clinic, Done, Issue, permit};
use crate::use_cases::names::Naming;
use crate::use_cases::newcomers::Newcomer;
use crate::use_cases::patient_records::{PATIENT, RECORD, of_a_registration, told_by_oneself};

const RECORD_AND_VISITS: &[Category] = &[Category::Identity, Category::Appointments, Category::Care];

impl<B: Backend> Clinic<B> {
    /// Registers a patient.
    ///
    /// A wallet without an account registers itself, and gets its account in the same commit, bound by the signature that it signed in
    /// with. A hospital registers anybody, without a wallet; an identifier in the details names the record, so that registering again
    /// meets it. So does one by which a record is called otherwise. The id of a record says nothing of what its patient is called.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn register_patient(
        &self,
        principal: &Principal,
        details: PatientDetails,
        signed_in: Option<SignedIn>,
        issue: &Issue,
    ) -> Result<Done<PatientId>, UseCaseError> {
        let patient = PatientId::new(issue.new_id(PATIENT));
        // Who has registered themselves is a patient by then. What an earlier attempt has made is this very record.
        if let Some(receipt) = self.earlier::<Patient>(patient, issue).await? {
            // Whoever is erased since is not told to be registered.
            self.executor.known::<Patient>(patient).await?;
            return Ok(Done { id: patient, receipt });
        }
        if let Principal::Unregistered { .. } = principal {
            permit(principal, Action::RegisterSelf)?;
            match self.rules.registration {
                Registration::Open => {}
                Registration::Invitation => return Err(UseCaseError::ByInvitation),
                Registration::Approval => return Err(UseCaseError::ByApproval),
            }
            let signed_in = signed_in.ok_or(UseCaseError::Forbidden)?;
            return self.register_with_wallet(patient, details, signed_in, issue).await;
        }
        admit(principal, Object::Everybody, Action::RegisterPatient, RECORD)?;
        let name = details.identifier.clone().map(Name::OfPatient);
        let context = self.stamp(principal, issue);
        let naming = Naming::<Patient> {
            names: names_in(&details),
            command: PatientCommand::Register {
                details,
                now: context.at,
            },
            taken: PatientError::AlreadyRegistered,
            told: of_a_registration,
        };
        self.register_named((patient, issue.freshness()), name.as_ref(), &naming, &context)
            .await
    }

    async fn register_with_wallet(
        &self,
        patient: PatientId,
        details: PatientDetails,
        signed_in: SignedIn,
        issue: &Issue,
    ) -> Result<Done<PatientId>, UseCaseError> {
        told_by_oneself(&details)?;
        self.end_other_sessions(&signed_in).await?;
        let newcomer = Newcomer::<Patient> {
            id: patient,
            command: PatientCommand::Register {
                details,
                now: self.now(),
            },
            told: of_a_registration,
            signed_in,
            title: Title::Registration,
        };
        let receipt = self.register_newcomer(newcomer, None, issue).await?;
        Ok(Done { id: patient, receipt })
    }

    /// Replaces a patient's details.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn update_patient_details(
        &self,
        principal: &Principal,
        patient: PatientId,
        details: PatientDetails,
        expected_version: Option<u64>,
        issue: &Issue,
    ) -> Result<Done<PatientId>, UseCaseError> {
        admit(principal, Object::Patient(patient), Action::UpdatePatient, RECORD)?;
        let context = self.stamp(principal, issue);
        let naming = Naming::<Patient> {
            names: names_in(&details),
            command: PatientCommand::UpdateDetails {
                details,
                teller: principal.teller(),
                now: context.at,
            },
            taken: PatientError::AlreadyRegistered,
            told: Refusal::from,
        };
        let target = Target::of(patient).expecting(expected_version.map(Expected::whole));
        let receipt = self.execute_named(target, &naming, &context).await?;
        Ok(Done { id: patient, receipt })
    }

    /// Who a patient is.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn patient(&self, principal: &Principal, patient: PatientId) -> Result<PatientView, UseCaseError> {
        let admittance = self.admit_to(principal, patient, Action::ReadPatient, RECORD).await?;
        let found = self.queries.patient(&admittance, patient).await?;
        let view = found.ok_or(UseCaseError::NotFound(Resource::Aggregate(AggregateType::Patient)))?;
        self.note_read(principal, &admittance, Shown::Patient, patient).await?;
        Ok(PatientView {
            version: view.version.filter(|_| !admittance.is_to_a_part()),
            ..view
        })
    }

    /// Patients in the order of their ids, or those whose family or given name begins with `name`.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn patients(
        &self,
        principal: &Principal,
        name: Option<&str>,
        page: Page<PatientId>,
    ) -> Result<Vec<PatientView>, UseCaseError> {
        let admittance = admit(principal, Object::Everybody, Action::ListPatients, RECORD)?;
        let found = self.queries.patients(&admittance, name, page).await?;
        let seen = page.shown(&found).iter().map(|view| view.id);
        self.note_reads(principal, &admittance, Shown::PatientInAList, seen)
            .await?;
        Ok(found)
    }

    /// The patients whom one of these identifiers names, in the order of their ids: more than one when they share it, or when
    /// the identifiers are several persons'.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn patients_known_as(
        &self,
        principal: &Principal,
        identifiers: &[Identifier],
    ) -> Result<Vec<PatientView>, UseCaseError> {
        let admittance = admit(principal, Object::Everybody, Action::ListPatients, RECORD)?;
        let found = self.queries.patients_known_as(&admittance, identifiers).await?;
        let seen = found.iter().map(|view| view.id);
        self.note_reads(principal, &admittance, Shown::PatientInAList, seen)
            .await?;
        Ok(found)
    }

    /// Who treats a patient.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn practitioners_of(
        &self,
        principal: &Principal,
        patient: PatientId,
    ) -> Result<Vec<RelationshipView>, UseCaseError> {
        let admittance = self
            .admit_to_all(principal, patient, Action::ReadPatientRelationships, RECORD_AND_VISITS)
            .await?;
        if self.queries.patient(&admittance, patient).await?.is_none() {
            return Err(UseCaseError::NotFound(Resource::Aggregate(AggregateType::Patient)));
        }
        let found = self.queries.relationships_of_patient(&admittance, patient).await?;
        self.note_read(principal, &admittance, Shown::Relationships, patient)
            .await?;
        Ok(found)
    }

    /// Whom a practitioner treats.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn patients_of(
        &self,
        principal: &Principal,
        practitioner: PractitionerId,
        page: Page<PatientId>,
    ) -> Result<Vec<RelationshipView>, UseCaseError> {
        let admittance = admit(
            principal,
            Object::Practitioner(practitioner),
            Action::ReadPractitionerRelationships,
            VISITS,
        )?;
        if self.queries.practitioner(practitioner).await?.is_none() {
            return Err(UseCaseError::NotFound(Resource::Aggregate(AggregateType::Practitioner)));
        }
        let relationships = self
            .queries
            .relationships_of_practitioner(&admittance, practitioner, page);
        let found = relationships.await?;
        let seen = page.shown(&found).iter().map(|relationship| relationship.patient);
        self.note_reads(principal, &admittance, Shown::Relationships, seen)
            .await?;
        Ok(found)
    }

    /// Fails unless the write side knows the patient whom the path names.
    pub(crate) async fn require_registered(&self, patient: PatientId) -> Result<(), UseCaseError> {
        match self.executor.known::<Patient>(patient).await? {
            Some(_) => Ok(()),
            None => Err(UseCaseError::NotFound(Resource::Aggregate(AggregateType::Patient))),
        }
    }

    /// The same of a patient whom the request names at this place.
    pub(crate) async fn require_patient(&self, patient: PatientId, pointer: &'static str) -> Result<(), UseCaseError> {
        match self.executor.known::<Patient>(patient).await?.is_some() {
            true => Ok(()),
            false => Err(UseCaseError::UnknownReference { pointer }),
        }
    }
}

/// By what details say that a patient is called.
fn names_in(details: &PatientDetails) -> BTreeSet<Name> {
    details.names().cloned().map(Name::OfPatient).collect()
}
