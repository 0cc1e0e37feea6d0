//! What every use case about a patient's record shares.

use domain::kernel::Category;
use domain::patient::{PatientDetails, PatientError, Place};

use crate::error::{Refusal, UseCaseError};

/// The kind of ids that follow from a patient's identifier.
pub(crate) const PATIENT: &str = "patient";

/// What a patient's record holds.
pub(crate) const RECORD: &[Category] = &[Category::Identity, Category::Summary, Category::Medication];

/// What is wrong with a registration, of the part in which it stands.
pub(crate) fn of_a_registration(error: PatientError) -> Refusal {
    let part = if error.is_of_the_intake() {
        "/intake"
    } else {
        "/details"
    };
    Refusal::from(error).within(part)
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
        let dated = PatientError::DatesAreTheHospitals(Place::Details);
        return Err(of_a_registration(dated).into());
    } else {
        return Ok(());
    };
    Err(UseCaseError::Invalid { pointer, detail })
}
