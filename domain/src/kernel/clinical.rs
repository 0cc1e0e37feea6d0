//! Clinical vocabulary shared by the aggregates, shaped after FHIR R4 data types.

use serde::{Deserialize, Serialize};
use strum::VariantNames;

/// Where a code comes from. The common systems cost one byte in the log.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum CodeSystem {
    /// `http://snomed.info/sct`
    Snomed,
    /// `http://loinc.org`
    Loinc,
    /// `http://www.nlm.nih.gov/research/umls/rxnorm`
    RxNorm,
    /// `http://hl7.org/fhir/sid/icd-10`
    Icd10,
    /// Any other, by its URI.
    Other(String),
}

impl CodeSystem {
    /// The URI of the system.
    pub fn uri(&self) -> &str {
        match self {
            Self::Snomed => "http://snomed.info/sct",
            Self::Loinc => "http://loinc.org",
            Self::RxNorm => "http://www.nlm.nih.gov/research/umls/rxnorm",
            Self::Icd10 => "http://hl7.org/fhir/sid/icd-10",
            Self::Other(uri) => uri,
        }
    }

    /// The system behind a URI.
    pub fn from_uri(uri: &str) -> Self {
        [Self::Snomed, Self::Loinc, Self::RxNorm, Self::Icd10]
            .into_iter()
            .find(|system| system.uri() == uri)
            .unwrap_or_else(|| Self::Other(uri.to_owned()))
    }
}

/// A concept: a code, a text, or both (FHIR R4 `CodeableConcept` with at most one coding).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Concept {
    /// The code, if there is one.
    pub coding: Option<Coding>,
    /// What people read: the display of the coding, or free text.
    pub text: String,
}

/// A code in a system (FHIR R4 `Coding`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Coding {
    /// The system.
    pub system: CodeSystem,
    /// The code.
    pub code: String,
}

/// A person's name (FHIR R4 `HumanName`).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct HumanName {
    /// Family name.
    pub family: String,
    /// Given names, in order.
    pub given: Vec<String>,
    /// Titles before the name.
    pub prefix: Vec<String>,
}

impl HumanName {
    /// How many given names are taken.
    pub const MOST_GIVEN: usize = 20;
    /// How many titles are taken.
    pub const MOST_PREFIXES: usize = 10;
}

/// Administrative gender (FHIR R4 `administrative-gender`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Gender {
    /// Male.
    Male,
    /// Female.
    Female,
    /// Other.
    Other,
    /// Not known.
    #[default]
    Unknown,
}

/// A postal address (FHIR R4 `Address`).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Address {
    /// Street lines.
    pub lines: Vec<String>,
    /// City.
    pub city: String,
    /// State or region.
    pub state: String,
    /// Postal code.
    pub postal_code: String,
    /// Country.
    pub country: String,
}

impl Address {
    /// How many street lines are taken.
    pub const MOST_LINES: usize = 10;
}

/// The id of something in the system it came from (FHIR R4 `Identifier`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Identifier {
    /// The URI of the issuing system.
    pub system: String,
    /// The value in it.
    pub value: String,
}

/// An Ethereum address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Wallet(pub [u8; 20]);
