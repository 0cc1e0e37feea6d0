//! Who is who in a run: which states are of one person, which references name whom, and which state is the newest.
//!
//! Everything is decided on an index of the whole run, made by a first reading of all files: of each resource its names, when it
//! was, and little more ([`mod@scan`]). States that are of one resource form a group ([`groups`]); a reference, whatever its form, is
//! resolved to a group ([`index`]). All of this is pure.

mod file_sources;
mod groups;
mod index;
mod key;
mod likeness;
pub(crate) mod naming;
mod pointer;
mod scan;
mod source;
mod sources;
mod stamp;
mod state;
mod unowned;

pub(crate) use index::{Index, Names, Origin, Unresolved};
pub(crate) use key::Key;
pub(crate) use likeness::{
    ADDRESSES, Bond, Born, Likeness, Usage, called, gender, keys, tells_less, words, words_of_doctor,
};
pub(crate) use pointer::Pointer;
pub(crate) use scan::{Payload, is_global, is_on_a_server, scan};
pub(crate) use source::source_id;
pub(crate) use stamp::Stamp;
use strum::{EnumString, IntoStaticStr};

/// The kinds of resources that an import reads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, EnumString, IntoStaticStr)]
pub(crate) enum Kind {
    /// FHIR `Patient`.
    Patient,
    /// FHIR `Practitioner`.
    Practitioner,
    /// FHIR `PractitionerRole`.
    #[strum(serialize = "PractitionerRole")]
    Role,
    /// FHIR `Organization`.
    Organization,
    /// FHIR `Encounter`.
    Encounter,
    /// FHIR `Condition`.
    Condition,
    /// FHIR `AllergyIntolerance`.
    #[strum(serialize = "AllergyIntolerance")]
    Allergy,
    /// FHIR `MedicationRequest`.
    #[strum(serialize = "MedicationRequest")]
    Request,
    /// FHIR `MedicationStatement`.
    #[strum(serialize = "MedicationStatement")]
    Statement,
    /// FHIR `Medication`.
    Medication,
}

impl Kind {
    /// FHIR's name for it.
    pub(crate) fn name(self) -> &'static str {
        self.into()
    }

    /// By FHIR's name. `None` for what is not imported.
    pub(crate) fn read(name: &str) -> Option<Self> {
        name.parse().ok()
    }

    /// Whether it is taken into a patient's lists.
    pub(crate) const fn is_finding(self) -> bool {
        matches!(self, Self::Condition | Self::Allergy | Self::Request | Self::Statement)
    }

    /// Whether it is of one patient, and taken into their record.
    pub(crate) const fn is_of_a_patient(self) -> bool {
        matches!(
            self,
            Self::Encounter | Self::Condition | Self::Allergy | Self::Request | Self::Statement
        )
    }
}
