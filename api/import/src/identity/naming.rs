//! Which identifiers name somebody, and which merely stand with them: the one place where that is decided.
//!
//! An identifier names when it has a system and a value, is in use, and is of a type that belongs to one person (one visit, one
//! organisation) alone. What has no type is taken to name: most systems give their record numbers none. That two persons share
//! such a one nevertheless is found by [`super::groups`].

use domain::kernel::{Identifier, TextRule};

use super::Kind;
use crate::context::Context;
use crate::fhir::{self, Moment};

/// What an identifier is good for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Standing {
    /// It names by its type: a medical record number, a visit number.
    Best,
    /// It names by its type: another number of one person.
    Typed,
    /// It has no type, and is taken to name.
    Plain,
    /// It names, but is a secondary or temporary one.
    Lesser,
    /// It was in use once. It names nobody any more, but tells that a former state was of the same one.
    Former,
    /// It names nobody: an account's number, a family's.
    Nobody,
}

impl Standing {
    /// Whether it names somebody now.
    pub(crate) fn names(self) -> bool {
        self <= Self::Lesser
    }
}

/// HL7 table 0203, the types of identifiers.
const TABLE_0203: [&str; 3] = [
    "http://terminology.hl7.org/CodeSystem/v2-0203",
    "http://hl7.org/fhir/v2/0203",
    "urn:oid:2.16.840.1.113883.18.108",
];

/// Types in table 0203 that are one person's: record, social security, national, passport, driver's licence, patient, health card,
/// birth certificate numbers and the like. A subscriber's or a member's number (SN, MB) is often a family's.
const PERSONAL: [&str; 26] = [
    "MR", "SS", "NI", "PPN", "DL", "PI", "PT", "PNT", "JHN", "HC", "MA", "MC", "BR", "BCT", "CZ", "SB", "EI", "TAX",
    "PRC", "VS", "MI", "PE", "RRI", "LR", "SR", "NH",
];

/// Types in table 0203 that name a person for the time being.
const TEMPORARY: [&str; 2] = ["MRT", "ANON"];

/// Types in table 0203 that are an account's, a bill's or an order's, and no visit's.
const NO_VISIT: [&str; 12] = [
    "AN", "ANC", "AND", "ANT", "ACSN", "GN", "BA", "AM", "MS", "PLAC", "FILL", "SN",
];

/// Types in table 0203 that are an organisation's, and stand with a practitioner as their employer's.
const NO_PRACTITIONER: [&str; 6] = ["AN", "XX", "EN", "FI", "NII", "GN"];

/// The system of the national provider identifier of the United States.
const NPI: &str = "http://hl7.org/fhir/sid/us-npi";

/// What an identifier of a resource of this kind is good for at the time of the import.
pub(crate) fn standing(kind: Kind, identifier: &fhir::Identifier, context: &Context) -> Standing {
    if taken(identifier).is_none_or(|taken| stands_for_none(&taken.value)) {
        return Standing::Nobody;
    }
    let standing = by_type(kind, identifier);
    if !standing.names() {
        return standing;
    }
    let end = identifier.period.as_ref().and_then(|period| period.end.as_deref());
    let ended = end.and_then(Moment::read).and_then(|end| end.end(context.time_zone));
    match identifier.used.as_deref() {
        Some("old") => Standing::Former,
        _ if ended.is_some_and(|end| end <= context.now) => Standing::Former,
        Some("temp" | "secondary") => Standing::Lesser,
        _ => standing,
    }
}

/// Whether a patient's identifier is of a type that is not one person's alone.
pub(crate) fn is_of_others_too(identifier: &fhir::Identifier) -> bool {
    by_type(Kind::Patient, identifier) == Standing::Nobody
}

fn by_type(kind: Kind, identifier: &fhir::Identifier) -> Standing {
    let codings = identifier.kind.iter().flat_map(|kind| &kind.coding);
    let known = codings.filter(|coding| {
        coding
            .system
            .as_deref()
            .is_some_and(|system| TABLE_0203.contains(&system))
    });
    let Some(code) = known.filter_map(|coding| coding.code.as_deref()).next() else {
        return if identifier.system.as_deref() == Some(NPI) && kind == Kind::Practitioner {
            Standing::Best
        } else {
            Standing::Plain
        };
    };
    let is = |list: &[&str]| list.contains(&code);
    match kind {
        Kind::Patient if code == "MR" => Standing::Best,
        // NNxxx is the national person identifier of the country xxx.
        Kind::Patient if is(&PERSONAL) || (code.len() == 5 && code.starts_with("NN")) => Standing::Typed,
        Kind::Patient if is(&TEMPORARY) => Standing::Lesser,
        Kind::Patient => Standing::Nobody,
        Kind::Practitioner if code == "NPI" => Standing::Best,
        Kind::Practitioner if is(&NO_PRACTITIONER) => Standing::Nobody,
        Kind::Encounter if code == "VN" => Standing::Best,
        Kind::Encounter if is(&NO_VISIT) || is(&PERSONAL) || is(&TEMPORARY) => Standing::Nobody,
        _ => Standing::Typed,
    }
}

/// What is written where a number is not known.
const NO_NUMBER: [&str; 17] = [
    "unknown",
    "unk",
    "unkn",
    "unbekannt",
    "none",
    "nil",
    "null",
    "na",
    "nan",
    "notavailable",
    "notapplicable",
    "notknown",
    "unavailable",
    "undefined",
    "missing",
    "pending",
    "tbd",
];

/// Whether a value says that there is no number, as thousands have it.
pub(crate) fn stands_for_none(value: &str) -> bool {
    let letters: String = value.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    let all = |digit: char| letters.chars().all(|c| c == digit);
    all('0') || (all('9') && letters.len() >= 5) || (all('x') && letters.len() >= 2) || NO_NUMBER.contains(&&*letters)
}

/// The identifier as the server takes it, if it does: a system and a value, both of which fit.
pub(crate) fn taken(identifier: &fhir::Identifier) -> Option<Identifier> {
    let fit = |text: &Option<String>| Some(TextRule::IDENTIFIER.fit(text.as_deref()?)?.into_owned());
    Some(Identifier {
        system: fit(&identifier.system)?,
        value: fit(&identifier.value)?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(kind: Kind, identifier: Value) -> Standing {
        let identifier = serde_json::from_str(&identifier.to_string()).unwrap();
        standing(
            kind,
            &identifier,
            &Context {
                time_zone: chrono_tz::UTC,
                now: "2026-01-01T00:00:00Z".parse().unwrap(),
            },
        )
    }

    fn typed(kind: Kind, code: &str) -> Standing {
        let coding = json!([{ "system": TABLE_0203[0], "code": code }]);
        of(
            kind,
            json!({ "system": "urn:x", "value": "1", "type": { "coding": coding } }),
        )
    }

    #[test]
    fn types_tell_whom_an_identifier_names() {
        for (kind, code, standing) in [
            (Kind::Patient, "MR", Standing::Best),
            (Kind::Patient, "SS", Standing::Typed),
            (Kind::Patient, "NNDEU", Standing::Typed),
            (Kind::Patient, "MRT", Standing::Lesser),
            (Kind::Patient, "AN", Standing::Nobody),
            (Kind::Patient, "SN", Standing::Nobody),
            (Kind::Practitioner, "NPI", Standing::Best),
            (Kind::Practitioner, "MD", Standing::Typed),
            (Kind::Practitioner, "EN", Standing::Nobody),
            (Kind::Encounter, "VN", Standing::Best),
            (Kind::Encounter, "AN", Standing::Nobody),
            (Kind::Encounter, "MR", Standing::Nobody),
            (Kind::Organization, "XX", Standing::Typed),
        ] {
            assert_eq!(typed(kind, code), standing, "{kind:?} {code}");
        }
    }

    #[test]
    fn what_has_no_type_names_unless_it_is_over() {
        let plain = json!({ "system": "urn:x", "value": "1" });
        assert_eq!(of(Kind::Patient, plain), Standing::Plain);
        let text = json!({ "system": "urn:x", "value": "1", "type": { "text": "Record number" } });
        assert_eq!(of(Kind::Patient, text), Standing::Plain);
        for former in [
            json!({ "use": "old", "system": "urn:x", "value": "1" }),
            json!({ "system": "urn:x", "value": "1", "period": { "end": "2020" } }),
        ] {
            assert_eq!(of(Kind::Patient, former), Standing::Former);
        }
        let ends = json!({ "system": "urn:x", "value": "1", "period": { "end": "2030" } });
        assert_eq!(of(Kind::Patient, ends), Standing::Plain);
        for used in ["temp", "secondary"] {
            let lesser = json!({ "use": used, "system": "urn:x", "value": "1" });
            assert_eq!(of(Kind::Patient, lesser), Standing::Lesser);
        }
    }

    #[test]
    fn what_stands_for_no_number_names_nobody() {
        let value = |value: &str| of(Kind::Patient, json!({ "system": "urn:x", "value": value }));
        for none in [
            "UNKNOWN",
            "n/a",
            "N.A.",
            "000-00-0000",
            "0",
            "999999999",
            "xxxx",
            "?",
            "--",
        ] {
            assert_eq!(value(none), Standing::Nobody, "{none}");
        }
        for some in ["1", "999", "100", "Nao", "X1", "患者"] {
            assert_eq!(value(some), Standing::Plain, "{some}");
        }
    }

    #[test]
    fn without_system_and_value_nothing_is_named() {
        for nobody in [
            json!({ "value": "1" }),
            json!({ "system": "urn:x" }),
            json!({ "system": " ", "value": "1" }),
        ] {
            assert_eq!(of(Kind::Patient, nobody), Standing::Nobody);
        }
    }
}
