//! An identifier names one patient, and one practitioner: whoever is registered, or gets another identifier, must not be called as somebody
//! else of the same kind is. One person may be both.
//!
//! The read models tell who is called how; they have every command that was acknowledged. What is not acknowledged yet is kept out
//! by holding the identifiers meanwhile. That holds on one server. Two servers that are given one identifier within the same
//! moments both accept it, as long as the log has no streams of identifiers.

use std::collections::HashSet;
use std::time::Duration;

use domain::kernel::{AggregateType, Identifier, Identity, PatientId, PractitionerId};
use domain::patient::{PatientDetails, PatientError};
use domain::practitioner::{PractitionerDetails, PractitionerError};
use tokio::time::timeout;
use uuid::Uuid;

use crate::error::{Refusal, UseCaseError};
use crate::policy::access::admit;
use crate::policy::identity::Principal;
use crate::policy::{Action, Object};
use crate::ports::queries::{PatientView, PractitionerView, Queries as _};
use crate::use_cases::clinic::{Backend, Clinic, permit};
use crate::use_cases::names_under_way::HeldNames;
use crate::use_cases::patient_records::{PATIENT, RECORD};
use crate::use_cases::practitioners::PRACTITIONER;

/// How long a command waits for another that gives somebody the same identifier.
const WAITS_FOR: Duration = Duration::from_secs(10);

impl<B: Backend> Clinic<B> {
    /// Holds the identifiers that these details would newly give to a patient, registered or not, until the command is acknowledged.
    ///
    /// # Errors
    /// [`UseCaseError::Exists`] with the record that is called so already; [`UseCaseError::Conflict`] when another command holds one of
    /// them for too long; when the database does not answer.
    pub(crate) async fn name_patient(
        &self,
        principal: &Principal,
        patient: PatientId,
        details: &PatientDetails,
    ) -> Result<Option<HeldNames<'_>>, UseCaseError> {
        let names = details.names().cloned().collect();
        let Some(given) = self.give(names, patient, PATIENT, PatientId::new).await? else {
            return Ok(None);
        };
        let admittance = admit(principal, Object::Everybody, Action::RegisterPatient, RECORD)?;
        let found = self
            .queries
            .patients_known_as(&admittance, &given.ids, &given.names)
            .await?;
        let held = given.unless_anothers(&found, PatientError::AlreadyRegistered.into())?;
        Ok(Some(held))
    }

    /// Holds the identifiers that these details would newly give to a practitioner, registered or not, until the command is acknowledged.
    ///
    /// # Errors
    /// As for a patient, with the entry that is called so already.
    pub(crate) async fn name_practitioner(
        &self,
        principal: &Principal,
        practitioner: PractitionerId,
        details: &PractitionerDetails,
    ) -> Result<Option<HeldNames<'_>>, UseCaseError> {
        let names = details.names().cloned().collect();
        let Some(given) = self
            .give(names, practitioner, PRACTITIONER, PractitionerId::new)
            .await?
        else {
            return Ok(None);
        };
        permit(principal, Action::RegisterPractitioner)?;
        let found = self.queries.practitioners_known_as(&given.ids, &given.names).await?;
        let held = given.unless_anothers(&found, PractitionerError::AlreadyRegistered.into())?;
        Ok(Some(held))
    }

    /// Holds names for somebody until the answer is dropped; `None` when there are none. What follows from an identifier of this kind
    /// becomes an id by `id_of`.
    ///
    /// # Errors
    /// As [`Self::hold_names`].
    async fn give<I: Identity>(
        &self,
        names: HashSet<Identifier>,
        to: I,
        kind: &str,
        id_of: fn(Uuid) -> I,
    ) -> Result<Option<Given<'_, I>>, UseCaseError> {
        if names.is_empty() {
            return Ok(None);
        }
        let all: Vec<Identifier> = names.iter().cloned().collect();
        let held = self.hold_names(I::TYPE, names).await?;
        let named = all
            .iter()
            .map(|name| id_of(self.identities.from_identifier(kind, name)));
        let ids: Vec<I> = named.chain([to]).collect();
        Ok(Some(Given {
            to,
            names: all,
            ids,
            held,
        }))
    }

    /// Holds names of one kind of things until the answer is dropped.
    ///
    /// # Errors
    /// [`UseCaseError::Conflict`] when another command holds one of them for too long.
    pub(crate) async fn hold_names(
        &self,
        kind: AggregateType,
        names: HashSet<Identifier>,
    ) -> Result<HeldNames<'_>, UseCaseError> {
        let held = timeout(WAITS_FOR, self.names.hold(kind, names)).await;
        held.map_err(|_| UseCaseError::Conflict { attempts: 1 })
    }
}

/// Names that somebody is to be called by.
struct Given<'a, I> {
    /// Who.
    to: I,
    /// All of the names.
    names: Vec<Identifier>,
    /// The ids that follow from them, and that of whoever is to get them.
    ids: Vec<I>,
    /// What keeps them from others meanwhile.
    held: HeldNames<'a>,
}

impl<'a, I: Identity> Given<'a, I> {
    /// The names that are held, unless somebody else who was found is called so.
    ///
    /// # Errors
    /// [`UseCaseError::Exists`] with the refusal, and with whoever is called so.
    fn unless_anothers<V: Called<Id = I>>(self, found: &[V], refusal: Refusal) -> Result<HeldNames<'a>, UseCaseError> {
        match whose(found, self.to, &self.names) {
            None => Ok(self.held),
            Some(other) => Err(UseCaseError::Refused(refusal).meeting(other)),
        }
    }
}

/// Somebody whom the read models know, with the identifiers by which they are called.
trait Called {
    /// What names them.
    type Id: Identity;

    /// Who they are.
    fn id(&self) -> Self::Id;

    /// Whether this is one of the identifiers by which they are called.
    fn is_called(&self, name: &Identifier) -> bool;
}

impl Called for PatientView {
    type Id = PatientId;

    fn id(&self) -> PatientId {
        self.id
    }

    fn is_called(&self, name: &Identifier) -> bool {
        self.details.is_called(name)
    }
}

impl Called for PractitionerView {
    type Id = PractitionerId;

    fn id(&self) -> PractitionerId {
        self.id
    }

    fn is_called(&self, name: &Identifier) -> bool {
        self.details.is_called(name)
    }
}

/// Who else is called by an identifier that is new to somebody. What both are called already is not asked again: it would keep either of
/// them from ever being mended.
fn whose<V: Called>(found: &[V], id: V::Id, names: &[Identifier]) -> Option<V::Id> {
    let own = found.iter().find(|one| one.id() == id);
    let is_new = |name: &&Identifier| !own.is_some_and(|own| own.is_called(name));
    let new: Vec<&Identifier> = names.iter().filter(is_new).collect();
    let others = found.iter().filter(|one| one.id() != id);
    let mut called = others.filter(|other| new.iter().any(|name| other.is_called(name)));
    called.next().map(V::id)
}
