//! Leave to use what is known of patients.
//!
//! Every use case that touches a patient's data goes through [`admit`], and every query of such data wants the [`Admittance`] that it gives: what
//! nobody was admitted to cannot be read. Today a role decides; with consent, a patient's grants will, for the same purpose and the same
//! categories.

use domain::kernel::{Category, PatientId};

use crate::error::{Resource, UseCaseError};
use crate::identity::Principal;
use crate::policy::{Action, Decision, Object, decide};
use crate::queries::{AppointmentView, QueryError};

/// Leave to use what is known of somebody, in some categories. Only [`admit`] gives it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Admittance {
    whose: Object,
    categories: &'static [Category],
}

/// A query went further than somebody was admitted: a mistake in a use case.
#[derive(Debug, thiserror::Error)]
#[error("a query goes further than its caller was admitted")]
struct NotAdmitted;

/// Decides whether somebody may do this with what is known of a patient, in these categories; `whose` may name several patients by what they
/// have in common. What the caller may not know of is missing.
///
/// # Errors
/// `Forbidden`, when the caller may do such a thing to nobody; `NotFound`, when not to these.
pub fn admit(
    principal: &Principal,
    whose: Object,
    purpose: Action,
    categories: &'static [Category],
) -> Result<Admittance, UseCaseError> {
    match decide(principal, purpose, whose) {
        Decision::Allow => Ok(Admittance { whose, categories }),
        Decision::Forbid => Err(UseCaseError::Forbidden),
        Decision::Hide => Err(UseCaseError::NotFound(match whose {
            Object::Patient(_) | Object::Everybody => Resource::Patient,
            Object::Practitioner(_) => Resource::Practitioner,
            Object::Appointment { .. } => Resource::Appointment,
        })),
    }
}

impl Admittance {
    /// Fails unless it is good for what is known of `whose` in a category.
    ///
    /// # Errors
    /// When a use case asks for what it was not admitted to.
    pub fn check(&self, whose: Object, category: Category) -> Result<(), QueryError> {
        if (self.whose == Object::Everybody || self.whose == whose) && self.categories.contains(&category) {
            Ok(())
        } else {
            Err(QueryError(NotAdmitted.into()))
        }
    }

    /// As [`Self::check`], for one patient.
    ///
    /// # Errors
    /// As there.
    pub fn check_patient(&self, patient: PatientId, category: Category) -> Result<(), QueryError> {
        self.check(Object::Patient(patient), category)
    }
}

/// An appointment that nobody was admitted to yet: whose it is cannot be known without reading it.
#[derive(Clone, Debug)]
pub struct Unadmitted(AppointmentView);

impl Unadmitted {
    /// What a query has found.
    pub const fn new(found: AppointmentView) -> Self {
        Self(found)
    }

    /// Whose it is.
    pub const fn whose(&self) -> Object {
        Object::Appointment {
            patient: self.0.patient,
            practitioner: self.0.practitioner,
        }
    }

    /// The appointment, for whoever was admitted to it.
    ///
    /// # Errors
    /// When the admittance is for something else.
    pub fn admitted(self, admittance: &Admittance) -> Result<AppointmentView, QueryError> {
        admittance.check(self.whose(), Category::Appointments)?;
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::account::Role;
    use domain::kernel::AccountId;
    use uuid::Uuid;

    use super::*;

    const ACCOUNT: AccountId = AccountId::new(Uuid::from_u128(9));
    const ME: PatientId = PatientId::new(Uuid::from_u128(1));
    const OTHER: PatientId = PatientId::new(Uuid::from_u128(2));

    const PATIENT: Principal = Principal::Patient {
        account: ACCOUNT,
        patient: ME,
    };

    const HOSPITAL: Principal = Principal::Staff {
        account: ACCOUNT,
        role: Role::Hospital,
    };

    #[test]
    fn an_admittance_is_good_for_its_patient_and_its_categories_alone() {
        let admittance = admit(
            &PATIENT,
            Object::Patient(ME),
            Action::ReadPatient,
            &[Category::Identity],
        )
        .unwrap();
        assert!(admittance.check_patient(ME, Category::Identity).is_ok());
        assert!(admittance.check_patient(ME, Category::Summary).is_err());
        assert!(admittance.check_patient(OTHER, Category::Identity).is_err());
        assert!(admittance.check(Object::Everybody, Category::Identity).is_err());
    }

    #[test]
    fn who_is_admitted_to_everybody_is_admitted_to_each() {
        let admittance = admit(
            &HOSPITAL,
            Object::Everybody,
            Action::ListPatients,
            &[Category::Identity],
        )
        .unwrap();
        assert!(admittance.check_patient(OTHER, Category::Identity).is_ok());
        assert!(admittance.check_patient(OTHER, Category::Appointments).is_err());
    }

    #[test]
    fn nobody_is_admitted_to_somebody_else_or_by_the_wrong_role() {
        let admitted = |principal, whose, purpose| admit(principal, whose, purpose, &[Category::Identity]);
        let service = Principal::Service {
            account: ACCOUNT,
            key: Uuid::nil(),
            role: Role::Hospital,
            scopes: BTreeSet::new(),
        };
        for (principal, whose, purpose, refused) in [
            (
                &PATIENT,
                Object::Patient(OTHER),
                Action::ReadPatient,
                UseCaseError::NotFound(Resource::Patient),
            ),
            (
                &PATIENT,
                Object::Everybody,
                Action::ReadPatient,
                UseCaseError::NotFound(Resource::Patient),
            ),
            (
                &PATIENT,
                Object::Everybody,
                Action::ListPatients,
                UseCaseError::Forbidden,
            ),
            (
                &service,
                Object::Everybody,
                Action::ListPatients,
                UseCaseError::Forbidden,
            ),
        ] {
            let answer = admitted(principal, whose, purpose);
            assert_eq!(answer.unwrap_err().to_string(), refused.to_string());
        }
    }
}
