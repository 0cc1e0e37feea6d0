//! Patients: register, read, change, find.

use domain::account::Title;
use domain::kernel::{Identifier, PatientId, PractitionerId};
use domain::patient::{Intake, Patient, PatientCommand, PatientDetails, PatientError, Registration, Teller};

use crate::admission::Newcomer;
use crate::clinic::{Backend, Clinic, Done, Issue, permit, permit_on};
use crate::command::{CommandError, CommandExecutor as _, Freshness};
use crate::error::{Resource, UseCaseError};
use crate::identity::Principal;
use crate::policy::{Action, Object};
use crate::queries::{Page, PatientView, Queries as _, RelationshipView};
use crate::rules::Admission;
use crate::sessions::SignedIn;

/// The kind of ids that follow from a patient's identifier.
pub(crate) const PATIENT: &str = "patient";

pub(crate) const ONLY_A_HOSPITAL_DATES: &str =
    "only a hospital says as of when a source tells something, and what it has taken back";

/// Where a patient's details stand in a registration.
const DETAILS: &str = "/details";

/// Refuses an intake that says more than is known of what sources have told, at the pointers to what they have taken back, to when they
/// said that none are known, and to all.
fn require_dates_of(known: &Intake, intake: &Intake, pointers: [&'static str; 3]) -> Result<(), UseCaseError> {
    let [withdrawn, words, all] = pointers;
    let pointer = if intake.withdrawn != known.withdrawn {
        withdrawn
    } else if intake.words != known.words {
        words
    } else if !intake.is_dated_as(known) {
        all
    } else {
        return Ok(());
    };
    Err(UseCaseError::Invalid {
        pointer,
        detail: ONLY_A_HOSPITAL_DATES,
    })
}

impl<B: Backend> Clinic<B> {
    /// Registers a patient.
    ///
    /// A wallet without an account registers itself, and gets its account in the same commit, bound by the signature that it signed in
    /// with. A hospital registers anybody, without a wallet; an identifier in the details names the record, so that registering again
    /// meets it. So does one by which a record is called otherwise.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn register_patient(
        &self,
        principal: &Principal,
        registration: Registration,
        signed_in: Option<SignedIn>,
        issue: &Issue,
    ) -> Result<Done<PatientId>, UseCaseError> {
        let patient = PatientId::new(match &registration.details.identifier {
            Some(identifier) => self.identities.from_identifier(PATIENT, identifier),
            None => issue.new_id(PATIENT),
        });
        // Who has registered themselves is a patient by then.
        if let Some(receipt) = self.earlier::<Patient>(patient, issue).await? {
            return Ok(Done { id: patient, receipt });
        }
        if let Principal::Unregistered { .. } = principal {
            permit(principal, Action::RegisterSelf)?;
            match self.rules.admission {
                Admission::Open => {}
                Admission::Invitation => return Err(UseCaseError::ByInvitation),
                Admission::Approval => return Err(UseCaseError::ByApproval),
            }
            let signed_in = signed_in.ok_or(UseCaseError::Forbidden)?;
            return self.register_with_wallet(patient, registration, signed_in, issue).await;
        }
        permit(principal, Action::RegisterPatient)?;
        self.require_told(registration.intake.newest(), "/intake")?;
        let freshness = match &registration.details.identifier {
            Some(_) => Freshness::MayExist,
            None => issue.freshness(),
        };
        let _held = self.name(patient, &registration.details).await?;
        let context = self.stamp(principal, issue);
        let command = PatientCommand::Register {
            registration,
            now: context.at,
        };
        let done = self
            .executor
            .execute::<Patient>(patient, freshness, command, &context)
            .await;
        let receipt = done.map_err(|error| match error {
            CommandError::Rejected(refusal @ PatientError::AlreadyRegistered) => UseCaseError::Exists {
                refusal: refusal.into(),
                resource: Resource::Patient,
                id: patient.uuid(),
            },
            error => UseCaseError::from(error).within(DETAILS),
        })?;
        Ok(Done { id: patient, receipt })
    }

    async fn register_with_wallet(
        &self,
        patient: PatientId,
        registration: Registration,
        signed_in: SignedIn,
        issue: &Issue,
    ) -> Result<Done<PatientId>, UseCaseError> {
        told_by_oneself(&registration.details)?;
        require_dates_of(
            &Intake::default(),
            &registration.intake,
            ["/intake/withdrawn", "/intake/words", "/intake"],
        )?;
        self.end_other_sessions(&signed_in).await?;
        let newcomer = Newcomer {
            patient,
            registration,
            signed_in,
            title: Title::Registration,
        };
        let receipt = self.register_newcomer(newcomer, None, issue).await;
        let receipt = receipt.map_err(|error| UseCaseError::from(error).within(DETAILS))?;
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
        let teller = if principal.is_of_a_hospital() {
            Teller::Hospital
        } else {
            Teller::Person
        };
        let command = PatientCommand::UpdateDetails {
            details,
            teller,
            now: self.now(),
            expected_version,
        };
        self.update_patient(principal, patient, command, issue).await
    }

    /// Replaces a patient's intake.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn update_patient_intake(
        &self,
        principal: &Principal,
        patient: PatientId,
        intake: Intake,
        expected_version: Option<u64>,
        issue: &Issue,
    ) -> Result<Done<PatientId>, UseCaseError> {
        permit_on(principal, Action::UpdatePatient, Object::Patient(patient))?;
        self.require_told(intake.newest(), "")?;
        if !principal.is_of_a_hospital() {
            self.require_same_dates(patient, &intake).await?;
        }
        let command = PatientCommand::UpdateIntake {
            intake,
            expected_version,
        };
        self.update_patient(principal, patient, command, issue).await
    }

    /// By these dates an import decides what is newer.
    async fn require_same_dates(&self, patient: PatientId, intake: &Intake) -> Result<(), UseCaseError> {
        let state = self.executor.load::<Patient>(patient).await?.aggregate;
        match state.intake() {
            Some(known) => require_dates_of(known, intake, ["/withdrawn", "/words", ""]),
            None => Ok(()),
        }
    }

    async fn update_patient(
        &self,
        principal: &Principal,
        patient: PatientId,
        command: PatientCommand,
        issue: &Issue,
    ) -> Result<Done<PatientId>, UseCaseError> {
        permit_on(principal, Action::UpdatePatient, Object::Patient(patient))?;
        let _held = match &command {
            // Nobody else changes how they are called.
            PatientCommand::UpdateDetails { details, .. } if principal.is_of_a_hospital() => {
                self.name(patient, details).await?
            }
            _ => None,
        };
        let context = self.stamp(principal, issue);
        let receipt = self.execute::<Patient>(patient, command, &context).await?;
        Ok(Done { id: patient, receipt })
    }

    /// A patient's record.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn patient(&self, principal: &Principal, patient: PatientId) -> Result<PatientView, UseCaseError> {
        permit_on(principal, Action::ReadPatient, Object::Patient(patient))?;
        self.queries
            .patient(patient)
            .await?
            .ok_or(UseCaseError::NotFound(Resource::Patient))
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
        permit(principal, Action::ListPatients)?;
        Ok(self.queries.patients(name, page).await?)
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
        permit(principal, Action::ListPatients)?;
        let named = |identifier| PatientId::new(self.identities.from_identifier(PATIENT, identifier));
        let ids: Vec<PatientId> = identifiers.iter().map(named).collect();
        Ok(self.queries.patients_known_as(&ids, identifiers).await?)
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
        permit_on(principal, Action::ReadPatientRelationships, Object::Patient(patient))?;
        if self.queries.patient(patient).await?.is_none() {
            return Err(UseCaseError::NotFound(Resource::Patient));
        }
        Ok(self.queries.relationships_of_patient(patient).await?)
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
        permit_on(
            principal,
            Action::ReadPractitionerRelationships,
            Object::Practitioner(practitioner),
        )?;
        if self.queries.practitioner(practitioner).await?.is_none() {
            return Err(UseCaseError::NotFound(Resource::Practitioner));
        }
        Ok(self.queries.relationships_of_practitioner(practitioner, page).await?)
    }

    /// Fails unless the write side knows the patient.
    pub(crate) async fn require_patient(&self, patient: PatientId, pointer: &'static str) -> Result<(), UseCaseError> {
        match self.executor.load::<Patient>(patient).await?.version {
            0 => Err(UseCaseError::UnknownReference { pointer }),
            _ => Ok(()),
        }
    }
}

/// Refuses what nobody says of themselves: identifiers of other systems, and as of when one of them tells it.
pub(crate) fn told_by_oneself(details: &PatientDetails) -> Result<(), UseCaseError> {
    let (pointer, detail) = if details.identifier.is_some() {
        (
            "/details/identifier",
            "only a hospital registers a patient under an identifier of another system",
        )
    } else if !details.other_identifiers.is_empty() {
        (
            "/details/otherIdentifiers",
            "only a hospital says which identifiers of another system are a patient's",
        )
    } else if details.as_of.is_some() {
        ("/details/asOf", ONLY_A_HOSPITAL_DATES)
    } else {
        return Ok(());
    };
    Err(UseCaseError::Invalid { pointer, detail })
}
