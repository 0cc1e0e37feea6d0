//! What can happen to a patient's record.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::kernel::{Address, Concept, Gender, HumanName, Identifier, Personal};

/// Who a patient is (FHIR R4 `Patient`).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PatientDetails {
    /// The official name.
    pub name: HumanName,
    /// Date of birth.
    #[serde(with = "crate::kernel::time::compact_date")]
    pub birth_date: NaiveDate,
    /// Administrative gender.
    pub gender: Gender,
    /// Home address, if given.
    pub address: Option<Address>,
    /// Telephone number, if given.
    pub phone: Option<String>,
    /// E-mail address, if given.
    pub email: Option<String>,
    /// When the patient died, if they did.
    pub deceased: Option<DateTime<Utc>>,
    /// The id in the system the patient came from, if any. It names the patient's stream and never changes.
    pub identifier: Option<Identifier>,
}

/// A condition in the patient's history (FHIR R4 `Condition`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Condition {
    /// What it is.
    pub concept: Concept,
    /// Since when, if known.
    #[serde(with = "crate::kernel::time::compact_optional_date")]
    pub onset: Option<NaiveDate>,
    /// Until when; `None` while it is active.
    #[serde(with = "crate::kernel::time::compact_optional_date")]
    pub abated: Option<NaiveDate>,
}

/// An allergy or intolerance (FHIR R4 `AllergyIntolerance`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Allergy {
    /// To what.
    pub concept: Concept,
    /// Whether a reaction may be life-threatening (FHIR criticality `high`).
    pub high_criticality: bool,
}

/// A medication (FHIR R4 `MedicationRequest` or `MedicationStatement`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Medication {
    /// Which one.
    pub concept: Concept,
    /// Since when, if known.
    #[serde(with = "crate::kernel::time::compact_optional_date")]
    pub since: Option<NaiveDate>,
    /// Whether it is being taken now.
    pub active: bool,
}

/// What a patient brings before a visit (R9).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Intake {
    /// Illness history.
    pub conditions: Vec<Condition>,
    /// Allergies.
    pub allergies: Vec<Allergy>,
    /// Medications.
    pub medications: Vec<Medication>,
    /// Symptoms in the patient's own words.
    pub symptoms: Vec<String>,
}

/// A registration: details and intake together.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Registration {
    /// Who the patient is.
    pub details: PatientDetails,
    /// What they bring.
    pub intake: Intake,
}

/// An event in a patient's stream. The variants' order is their encoding: add only at the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PatientEvent {
    /// The patient registered.
    Registered {
        /// Details and intake.
        registration: Personal<Registration>,
    },
    /// The details changed; these are the new ones, whole.
    DetailsUpdated {
        /// The new details.
        details: Personal<PatientDetails>,
    },
    /// The intake changed; this is the new one, whole.
    IntakeUpdated {
        /// The new intake.
        intake: Personal<Intake>,
    },
}
