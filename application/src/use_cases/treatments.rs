//! Treatments: whether a patient is treated here, what they say of it, and who has vouched for what they said on paper.

use chrono::NaiveDate;
use domain::access_log::Shown;
use domain::account::Account;
use domain::kernel::{Category, PatientId, PractitionerId, TreatmentId};
use domain::treatment::{Act, How, Paper, Saying, Treatment, TreatmentCommand, TreatmentError};
use uuid::Uuid;

use crate::error::{Refusal, UseCaseError};
use crate::policy::access::admit;
use crate::policy::identity::Principal;
use crate::policy::{Action, Object};
use crate::ports::command::{CommandExecutor as _, Receipt};
use crate::ports::invitations::Person;
use crate::ports::queries::Queries as _;
use crate::ports::revocations::Revoked;
use crate::ports::transaction::Target;
use crate::use_cases::clinic::{Backend, Clinic, Issue};

const ACCESS: &[Category] = &[Category::Access];

/// A paper that a patient has signed, as it comes in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedPaper {
    /// The SHA-256 of the scan.
    pub sha256: [u8; 32],
    /// The day that stands beside the signature.
    pub signed_on: NaiveDate,
    /// The practitioners whom it names.
    pub practitioners: Vec<PractitionerId>,
}

/// Whether a patient is treated here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TreatmentView {
    /// By which act of theirs; `None` when they are not.
    pub act: Option<Act>,
    /// Whether they have ended it.
    pub ended: bool,
    /// What they have said last, if they have, and it can be read.
    pub last: Option<Saying>,
}

impl<B: Backend> Clinic<B> {
    /// Whether a patient is treated here.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn treatment(&self, principal: &Principal, patient: PatientId) -> Result<TreatmentView, UseCaseError> {
        let admittance = admit(principal, Object::Patient(patient), Action::ReadTreatment, ACCESS)?;
        self.require_registered(patient).await?;
        let treatment = self.treatment_of(patient).await?;
        self.note_read(principal, &admittance, Shown::Treatment, patient)
            .await?;
        Ok(treatment)
    }

    /// The same, for whoever was admitted to it.
    pub(crate) async fn treatment_of(&self, patient: PatientId) -> Result<TreatmentView, UseCaseError> {
        let is_denied = self.revocations.any(&[self.denied_as(patient)]).await?;
        let (treatment, account) = self.load_treatment(patient).await?;
        Ok(TreatmentView {
            act: treatment.act(&account).filter(|_| !is_denied),
            ended: is_denied || treatment.is_ended(&account),
            last: treatment.last().cloned(),
        })
    }

    /// A patient agrees to be treated here: themselves, or on `paper`, for which the person vouches who enters it.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn agree_to_treatment(
        &self,
        principal: &Principal,
        patient: PatientId,
        paper: Option<SignedPaper>,
        issue: &Issue,
    ) -> Result<Receipt, UseCaseError> {
        admit(principal, Object::Patient(patient), Action::ManageTreatment, ACCESS)?;
        self.require_registered(patient).await?;
        let id = TreatmentId(patient);
        if let Some(receipt) = self.earlier::<Treatment>(id, issue).await? {
            return Ok(receipt);
        }
        // What is ended comes to the log first: who agrees before it would be told that they are treated.
        if self.revocations.any(&[self.denied_as(patient)]).await? {
            return Err(UseCaseError::Denied);
        }
        if let Some(paper) = &paper {
            self.require_practitioners(&paper.practitioners).await?;
        }
        let account = self.account_of_patient(patient).await?;
        if account.has_wallet() && paper.is_some() && !principal.is_a_patient() {
            return Err(Refusal::from(TreatmentError::HasWallet).into());
        }
        let command = TreatmentCommand::Agree(self.saying(principal, paper, &account)?);
        let context = self.stamp(principal, issue);
        Ok(self.execute::<Treatment>(Target::of(id), command, &context).await?)
    }

    /// A patient ends their treatment here: as [`Self::agree_to_treatment`]. It is denied at once what they had agreed to.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn end_treatment(
        &self,
        principal: &Principal,
        patient: PatientId,
        paper: Option<SignedPaper>,
        issue: &Issue,
    ) -> Result<Receipt, UseCaseError> {
        admit(principal, Object::Patient(patient), Action::ManageTreatment, ACCESS)?;
        self.require_registered(patient).await?;
        if paper.as_ref().is_some_and(|paper| !paper.practitioners.is_empty()) {
            return Err(UseCaseError::Invalid {
                pointer: "/paper/practitioners",
                detail: "must be left out where a treatment ends, for all",
            });
        }
        let account = self.account_of_patient(patient).await?;
        let saying = self.saying(principal, paper, &account)?;
        let revoked = Revoked::Treatment { patient, saying };
        self.revoke(principal, self.denied_as(patient), revoked, issue).await
    }

    /// By which act of theirs a patient is treated here, and whether a paper names the caller with which they have agreed. What they have ended is so before the log says it.
    pub(crate) async fn treated(
        &self,
        principal: &Principal,
        patient: PatientId,
    ) -> Result<Option<(Act, bool)>, UseCaseError> {
        // What is denied is asked first, and then the log: what is not denied any more it has.
        if self.revocations.any(&[self.denied_as(patient)]).await? {
            return Ok(None);
        }
        let (treatment, account) = self.load_treatment(patient).await?;
        let names = match principal.person() {
            Principal::Practitioner { practitioner, .. } => treatment.names(*practitioner, &account),
            _ => false,
        };
        Ok(treatment.act(&account).map(|act| (act, names)))
    }

    async fn load_treatment(&self, patient: PatientId) -> Result<(Treatment, Account), UseCaseError> {
        let treatment = self.executor.load::<Treatment>(TreatmentId(patient)).await?.aggregate;
        Ok((treatment, self.account_of_patient(patient).await?))
    }

    async fn account_of_patient(&self, patient: PatientId) -> Result<Account, UseCaseError> {
        let account = self.account_of(&Person::Patient(patient));
        Ok(self.executor.load::<Account>(account).await?.aggregate)
    }

    /// As what it is denied that a patient is treated here.
    fn denied_as(&self, patient: PatientId) -> Uuid {
        self.identities.from_name("treatment of patient", &patient.to_string())
    }

    /// What is said now: by the patient who is signed in, or on the paper that a person of the staff has seen.
    fn saying(
        &self,
        principal: &Principal,
        paper: Option<SignedPaper>,
        account: &Account,
    ) -> Result<Saying, UseCaseError> {
        let how = match (principal.is_a_patient(), paper) {
            (true, None) => How::SignedIn,
            (true, Some(_)) => {
                return Err(UseCaseError::Invalid {
                    pointer: "/paper",
                    detail: "must not be given by a patient, who has signed in",
                });
            }
            (false, None) => {
                return Err(UseCaseError::Invalid {
                    pointer: "/paper",
                    detail: "must be given unless the patient says it",
                });
            }
            (false, Some(paper)) => How::OnPaper(Paper {
                sha256: paper.sha256,
                signed_on: paper.signed_on,
                practitioners: paper.practitioners,
                entered_by: principal.person().account().ok_or(UseCaseError::Forbidden)?,
                turn: account.turn(),
            }),
        };
        Ok(Saying { at: self.now(), how })
    }

    async fn require_practitioners(&self, practitioners: &[PractitionerId]) -> Result<(), UseCaseError> {
        for practitioner in practitioners {
            if self.queries.practitioner(*practitioner).await?.is_none() {
                return Err(UseCaseError::UnknownReference {
                    pointer: "/paper/practitioners",
                });
            }
        }
        Ok(())
    }
}
