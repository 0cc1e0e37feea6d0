//! An identifier names one patient: whoever is registered, or gets another identifier, must not be called as somebody else is.
//!
//! The read models tell who is called how; they have every command that was acknowledged. What is not acknowledged yet is kept out
//! by holding the identifiers meanwhile. That holds on one server. Two servers that are given one identifier within the same
//! moments both accept it, as long as the log has no streams of identifiers.

use std::collections::HashSet;
use std::time::Duration;

use domain::kernel::{Identifier, PatientId};
use domain::patient::{PatientDetails, PatientError};
use tokio::time::timeout;

use crate::error::UseCaseError;
use crate::policy::access::admit;
use crate::policy::identity::Principal;
use crate::policy::{Action, Object};
use crate::ports::queries::{PatientView, Queries as _};
use crate::use_cases::clinic::{Backend, Clinic};
use crate::use_cases::names_under_way::HeldNames;
use crate::use_cases::patient_records::{PATIENT, RECORD};

/// How long a command waits for another that gives somebody the same identifier.
const WAITS_FOR: Duration = Duration::from_secs(10);

impl<B: Backend> Clinic<B> {
    /// Holds the identifiers that these details would newly give to a patient, registered or not, until the command is acknowledged.
    ///
    /// # Errors
    /// [`UseCaseError::Exists`] with the record that is called so already; [`UseCaseError::Conflict`] when another command holds one of
    /// them for too long; when the database does not answer.
    pub(crate) async fn name(
        &self,
        principal: &Principal,
        patient: PatientId,
        details: &PatientDetails,
    ) -> Result<Option<HeldNames<'_>>, UseCaseError> {
        let names: HashSet<Identifier> = details.names().cloned().collect();
        if names.is_empty() {
            return Ok(None);
        }
        let all: Vec<Identifier> = names.iter().cloned().collect();
        let held = self.hold_names(names).await?;
        let named = |name| PatientId::new(self.identities.from_identifier(PATIENT, name));
        let mut ids: Vec<PatientId> = all.iter().map(named).collect();
        ids.push(patient);
        let admittance = admit(principal, Object::Everybody, Action::RegisterPatient, RECORD)?;
        let found = self.queries.patients_known_as(&admittance, &ids, &all).await?;
        match whose(&found, patient, details) {
            None => Ok(Some(held)),
            Some(other) => {
                let refused = UseCaseError::Refused(PatientError::AlreadyRegistered.into());
                Err(refused.meeting(other))
            }
        }
    }

    /// Holds names until the answer is dropped.
    ///
    /// # Errors
    /// [`UseCaseError::Conflict`] when another command holds one of them for too long.
    pub(crate) async fn hold_names(&self, names: HashSet<Identifier>) -> Result<HeldNames<'_>, UseCaseError> {
        let held = timeout(WAITS_FOR, self.names.hold(names)).await;
        held.map_err(|_| UseCaseError::Conflict { attempts: 1 })
    }
}

/// Who else is called by an identifier that is new to the patient. What both are called already is not asked again: it would keep
/// either record from ever being mended.
fn whose(found: &[PatientView], patient: PatientId, details: &PatientDetails) -> Option<PatientId> {
    let own = found.iter().find(|one| one.id == patient);
    let is_new = |name: &&Identifier| !own.is_some_and(|own| own.details.is_called(name));
    let new: Vec<&Identifier> = details.names().filter(is_new).collect();
    let others = found.iter().filter(|one| one.id != patient);
    let mut called = others.filter(|other| new.iter().any(|name| other.details.is_called(name)));
    called.next().map(|other| other.id)
}
