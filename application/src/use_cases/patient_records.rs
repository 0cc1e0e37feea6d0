//! What every use case about a patient's record shares.

use domain::kernel::Category;
use domain::patient::{PatientDetails, PatientError};

use crate::error::{Refusal, UseCaseError};

/// What a command's new patient is told apart by from whatever else it makes.
pub(crate) const PATIENT: &str = "patient";

/// What tells who a patient is.
pub(crate) const RECORD: &[Category] = &[Category::Identity];

/// What is wrong with a registration, in which the details are a part.
pub(crate) fn of_a_registration(error: PatientError) -> Refusal {
    Refusal::from(error).within("/details")
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
        return Err(of_a_registration(PatientError::DatesAreTheHospitals).into());
    } else if !details.detail_dates.is_empty() {
        return Err(of_a_registration(PatientError::DetailDatesAreTheHospitals).into());
    } else {
        return Ok(());
    };
    Err(UseCaseError::Invalid { pointer, detail })
}
