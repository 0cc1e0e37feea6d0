//! What can happen to a practitioner's entry.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::kernel::typed_data::{Struct, Value};
use crate::kernel::{Concept, Gender, HumanName, Identifier, Personal, PersonalValue};

/// Who a practitioner is (FHIR R4 `Practitioner`, with the specialization of `PractitionerRole`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PractitionerDetails {
    /// The official name.
    pub name: HumanName,
    /// Administrative gender.
    pub gender: Gender,
    /// What they are specialised in; the first is the main one. Never empty.
    pub specializations: Vec<Concept>,
    /// Licences and degrees, as given.
    pub credentials: Vec<String>,
    /// The time zone in which their days begin and end. It never changes: days name their calendars.
    pub time_zone: Tz,
    /// The id in the system the practitioner came from, if any. It is claimed for them, and never changes.
    pub identifier: Option<Identifier>,
    /// The other ids that name this practitioner and nobody else, in the same system or in others.
    pub other_identifiers: Vec<Identifier>,
    /// As of when the source told these details, if it said: an older state of the source does not replace them.
    #[serde(with = "crate::kernel::time::compact_optional_millis")]
    pub as_of: Option<DateTime<Utc>>,
}

impl PractitionerDetails {
    /// How many specializations, and how many credentials, an entry has at most.
    pub const MOST: usize = 50;

    /// How many other ids a practitioner may have, and how many are looked for at once.
    pub const MOST_IDENTIFIERS: usize = 50;

    /// All the ids by which the practitioner is called.
    pub fn names(&self) -> impl Iterator<Item = &Identifier> {
        self.identifier.iter().chain(&self.other_identifiers)
    }

    /// Whether another state says the same but for other ids.
    pub(super) fn differs_by_names_alone(&self, other: &Self) -> bool {
        let called_so = Self {
            other_identifiers: other.other_identifiers.clone(),
            ..self.clone()
        };
        called_so == *other
    }

    /// Whether this is one of the practitioner's ids.
    pub fn is_called(&self, name: &Identifier) -> bool {
        self.names().any(|known| known == name)
    }
}

impl PersonalValue for PractitionerDetails {}

/// Where a public register of practitioners has somebody: what a registrar looks up before they attest them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RegisterEntry {
    /// The register, and the number under which it has them.
    pub identifier: Identifier,
    /// Random: nobody tells the number from the hash that an attestation names.
    pub salt: [u8; 32],
}

impl RegisterEntry {
    /// What an attestation of it names: its hash as a struct of EIP-712, `Details(string register,string number,bytes32 salt)`.
    pub fn details(&self) -> [u8; 32] {
        let members = vec![
            ("register", Value::Text(self.identifier.system.clone())),
            ("number", Value::Text(self.identifier.value.clone())),
            ("salt", Value::Bytes32(self.salt)),
        ];
        Struct {
            name: "Details",
            members,
        }
        .hash()
    }
}

impl PersonalValue for RegisterEntry {}

/// An event in a practitioner's stream. The variants' order is their encoding: add only at the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PractitionerEvent {
    /// The practitioner registered.
    Registered {
        /// The time zone of the details: days name their calendars, and calendars outlive whoever is erased.
        time_zone: Tz,
        /// The details.
        details: Personal<PractitionerDetails>,
    },
    /// The details changed; these are the new ones, whole.
    DetailsUpdated {
        /// The new details.
        details: Personal<PractitionerDetails>,
    },
    /// It was told under which number a public register has them.
    RegisterEntryTold {
        /// The entry.
        entry: Personal<RegisterEntry>,
    },
}
