//! Codes that say that there is nothing to find, that nobody could tell, or only what kind of thing it is.

use domain::chart::{AllergyKind, ListKind};

use super::Said;

use AllergyKind::{Animal, Environment, Food, Insect, Latex};
use ListKind::{Allergies, Conditions, Medications};
use Said::{NoneKnown, NoneKnownTo, NotAsked, Unknown, Withheld};

/// No allergy to drugs is known.
pub(super) const TO_DRUGS: Said = NoneKnownTo(AllergyKind::Medication);
/// SNOMED CT: the situations of 716186003 and below, and what IPS recommends beside them.
pub(super) const SNOMED: [(&str, ListKind, Said); 12] = [
    ("716186003", Allergies, NoneKnown),
    ("160244002", Allergies, NoneKnown),
    ("409137002", Allergies, TO_DRUGS),
    ("428607008", Allergies, NoneKnownTo(Environment)),
    ("429625007", Allergies, NoneKnownTo(Food)),
    ("716220001", Allergies, NoneKnownTo(Animal)),
    ("428197003", Allergies, NoneKnownTo(Insect)),
    ("716184000", Allergies, NoneKnownTo(Latex)),
    ("1003774007", Allergies, NoneKnownTo(Latex)),
    ("160245001", Conditions, NoneKnown),
    ("787481004", Medications, NoneKnown),
    ("182849000", Medications, NoneKnown),
];

/// The system of the codes below.
pub(super) const IPS_SYSTEM: &str = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips";

/// The International Patient Summary's codes for what is absent or unknown.
pub(super) const IPS: [(&str, ListKind, Said); 9] = [
    ("no-known-allergies", Allergies, NoneKnown),
    ("no-known-medication-allergies", Allergies, TO_DRUGS),
    ("no-known-environmental-allergies", Allergies, NoneKnownTo(Environment)),
    ("no-known-food-allergies", Allergies, NoneKnownTo(Food)),
    ("no-allergy-info", Allergies, Unknown),
    ("no-known-problems", Conditions, NoneKnown),
    ("no-problem-info", Conditions, Unknown),
    ("no-known-medications", Medications, NoneKnown),
    ("no-medication-info", Medications, Unknown),
];

/// FHIR's and HL7 V3's reasons for the absence of any value.
pub(super) const ABSENT: [(&str, Said); 19] = [
    ("unknown", Unknown),
    ("asked-unknown", Unknown),
    ("asked-declined", Unknown),
    ("UNK", Unknown),
    ("ASKU", Unknown),
    ("not-asked", NotAsked),
    ("NASK", NotAsked),
    ("NI", NotAsked),
    // There is something, and it is not told, or not as a code.
    ("masked", Withheld),
    ("not-permitted", Withheld),
    ("as-text", Withheld),
    ("error", Withheld),
    ("unsupported", Withheld),
    ("not-performed", NotAsked),
    ("temp-unknown", Unknown),
    ("NAV", Unknown),
    ("MSK", Withheld),
    ("OTH", Withheld),
    ("UNC", Withheld),
];

/// Codes of SNOMED CT that say what kind of thing it is, and not which: an allergy, a disease, a medicine.
pub(super) const ANY: [&str; 16] = [
    "419199007",
    "416098002",
    "414285001",
    "426232007",
    "418038007",
    "419511003",
    "418471000",
    "420134006",
    "235719002",
    "59037007",
    "64572001",
    "404684003",
    "55607006",
    "439401001",
    "763158003",
    "410942007",
];
