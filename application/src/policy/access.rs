//! Leave to use what is known of patients.
//!
//! Every use case that touches a patient's data goes through [`admit`], and every query of such data wants the [`Admittance`] that it gives: what
//! nobody was admitted to cannot be read. Today a role decides; with consent, a patient's grants will, for the same purpose and the same
//! categories.

use domain::kernel::{Category, PatientId};

use super::identity::Principal;
use super::{Action, Decision, Denial, Object, decide};

/// Leave to use what is known of somebody, in some categories. Only [`admit`] gives it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Admittance {
    whose: Object,
    categories: &'static [Category],
}

/// Why somebody is not admitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Denied {
    /// They may do such a thing to nobody.
    Forbidden(Denial),
    /// They may not know of these, or not do it to them: to the caller they do not exist.
    Hidden(Object),
}

/// Something went further than somebody was admitted: a mistake in a use case.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a query goes further than its caller was admitted")]
pub struct NotAdmitted;

/// Decides whether somebody may do this with what is known of a patient, in these categories; `whose` may name several patients by what they
/// have in common.
///
/// # Errors
/// [`Denied`].
pub fn admit(
    principal: &Principal,
    whose: Object,
    purpose: Action,
    categories: &'static [Category],
) -> Result<Admittance, Denied> {
    match decide(principal, purpose, whose) {
        Decision::Allow => Ok(Admittance { whose, categories }),
        Decision::Forbid(denial) => Err(Denied::Forbidden(denial)),
        Decision::Hide => Err(Denied::Hidden(whose)),
    }
}

impl Admittance {
    /// Fails unless it is good for what is known of `whose` in all of these categories.
    ///
    /// # Errors
    /// When a use case asks for what it was not admitted to.
    pub fn check(&self, whose: Object, categories: &[Category]) -> Result<(), NotAdmitted> {
        let is_admitted = |category: &Category| self.categories.contains(category);
        if (self.whose == Object::Everybody || self.whose == whose) && categories.iter().all(is_admitted) {
            Ok(())
        } else {
            Err(NotAdmitted)
        }
    }

    /// As [`Self::check`], for one patient.
    ///
    /// # Errors
    /// As there.
    pub fn check_patient(&self, patient: PatientId, categories: &[Category]) -> Result<(), NotAdmitted> {
        self.check(Object::Patient(patient), categories)
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
        assert!(admittance.check_patient(ME, &[Category::Identity]).is_ok());
        assert!(admittance.check_patient(ME, &[Category::Summary]).is_err());
        assert!(admittance.check_patient(OTHER, &[Category::Identity]).is_err());
        assert!(admittance.check(Object::Everybody, &[Category::Identity]).is_err());
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
        assert!(admittance.check_patient(OTHER, &[Category::Identity]).is_ok());
        assert!(admittance.check_patient(OTHER, &[Category::Appointments]).is_err());
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
                Denied::Hidden(Object::Patient(OTHER)),
            ),
            (
                &PATIENT,
                Object::Everybody,
                Action::ReadPatient,
                Denied::Hidden(Object::Everybody),
            ),
            (
                &PATIENT,
                Object::Everybody,
                Action::ListPatients,
                Denied::Forbidden(Denial::Role),
            ),
            (
                &service,
                Object::Everybody,
                Action::ListPatients,
                Denied::Forbidden(Denial::Role),
            ),
        ] {
            assert_eq!(admitted(principal, whose, purpose), Err(refused));
        }
    }
}
