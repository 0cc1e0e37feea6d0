//! Codes and words that say that there is nothing to find, or that nobody could tell. They are never findings.

use domain::patient::{AllergyKind, Findings, Matter};

use super::Remarks;
use crate::import::fhir::{CodeableConcept, Coding};

/// What is said instead of a finding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Said {
    /// None are known.
    NoneKnown,
    /// None of one kind are known, and nothing is said of the others: no allergy to drugs.
    NoneKnownTo(AllergyKind),
    /// None are known of something that a record has no word for: no allergy to penicillin.
    NoneKnownOfOther,
    /// It could not be told.
    Unknown,
    /// Nobody has asked.
    NotAsked,
}

use AllergyKind::{Animal, Environment, Food, Insect, Latex};
use Matter::{Allergies, Conditions, Medications};
use Said::{NoneKnown, NoneKnownOfOther, NoneKnownTo, NotAsked, Unknown};

const TO_DRUGS: Said = NoneKnownTo(AllergyKind::Medication);

/// SNOMED CT: the situations of 716186003 and below, and what IPS recommends beside them.
const SNOMED: [(&str, Matter, Said); 12] = [
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

/// The International Patient Summary's codes for what is absent or unknown.
const IPS: [(&str, Matter, Said); 9] = [
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
const ABSENT: [(&str, Said); 8] = [
    ("unknown", Unknown),
    ("asked-unknown", Unknown),
    ("asked-declined", Unknown),
    ("UNK", Unknown),
    ("ASKU", Unknown),
    ("not-asked", NotAsked),
    ("NASK", NotAsked),
    ("NI", NotAsked),
];

/// What people write who have no code, or one of their own. The whole text, in any case.
const WORDS: [(&str, Matter, Said); 19] = [
    ("no known allergies", Allergies, NoneKnown),
    ("no known allergy", Allergies, NoneKnown),
    ("no allergies", Allergies, NoneKnown),
    ("nka", Allergies, NoneKnown),
    ("no known drug allergies", Allergies, TO_DRUGS),
    ("no known drug allergy", Allergies, TO_DRUGS),
    ("no known medication allergies", Allergies, TO_DRUGS),
    ("no known medication allergy", Allergies, TO_DRUGS),
    ("nkda", Allergies, TO_DRUGS),
    ("no known food allergies", Allergies, NoneKnownTo(Food)),
    ("no known food allergy", Allergies, NoneKnownTo(Food)),
    ("no known environmental allergies", Allergies, NoneKnownTo(Environment)),
    ("no known latex allergy", Allergies, NoneKnownTo(Latex)),
    ("no known problems", Conditions, NoneKnown),
    ("no current problems", Conditions, NoneKnown),
    ("no current problems or disability", Conditions, NoneKnown),
    ("no known medications", Medications, NoneKnown),
    ("no current medications", Medications, NoneKnown),
    ("no medications", Medications, NoneKnown),
];

/// What people write where a form wants an answer. The whole text, whatever it is about.
const ANSWERS: [(&str, Said); 24] = [
    ("none", NoneKnown),
    ("none known", NoneKnown),
    ("none reported", NoneKnown),
    ("nil", NoneKnown),
    ("nil known", NoneKnown),
    ("no", NoneKnown),
    ("keine", NoneKnown),
    ("keine bekannt", NoneKnown),
    ("keine bekannten", NoneKnown),
    ("aucun", NoneKnown),
    ("aucune", NoneKnown),
    ("ninguno", NoneKnown),
    ("ninguna", NoneKnown),
    ("nessuno", NoneKnown),
    ("nessuna", NoneKnown),
    ("geen", NoneKnown),
    ("unknown", Unknown),
    ("unbekannt", Unknown),
    ("not known", Unknown),
    ("?", Unknown),
    ("n/a", NotAsked),
    ("-", NotAsked),
    ("--", NotAsked),
    ("\u{2014}", NotAsked),
];

/// How a text begins that negates something, in whatever resource.
const NEGATES: [&str; 7] = [
    "no known ",
    "no current ",
    "no significant ",
    "no relevant ",
    "denies ",
    "keine ",
    "not allergic ",
];

/// How it ends.
const NEGATED: [&str; 4] = [": none", "none known", "none reported", "keine bekannt"];

/// What a concept says instead of a finding, and of what; `kind` is what its resource is about. `None` when it is a finding.
pub(super) fn said(concept: &CodeableConcept, kind: Matter) -> Option<(Matter, Said)> {
    let coded = |coding: &Coding| {
        let code = coding.code.as_deref()?.trim();
        let table: &[(&str, Matter, Said)] = match coding.system.as_deref()? {
            "http://snomed.info/sct" => &SNOMED,
            "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips" => &IPS,
            _ => return None,
        };
        table
            .iter()
            .find(|(known, ..)| *known == code)
            .map(|&(_, matter, said)| (matter, said))
    };
    let is_absent = |coding: &Coding| coding.system.as_deref().is_some_and(is_of_absence);
    let finding = concept.coding.iter().find(|coding| !is_absent(coding));
    let absent = || finding.is_none().then(|| absent(concept)).flatten();
    let coded = concept.coding.iter().find_map(coded);
    coded
        .or_else(|| absent().map(|said| (kind, said)))
        .or_else(|| words(concept).find_map(|words| in_words(&words)))
        .or_else(|| words(concept).find_map(|words| Some((kind, answer(&words)?))))
        // A negation that no table knows is no finding either.
        .or_else(|| {
            words(concept)
                .any(|words| negates(&words, kind))
                .then_some((kind, NoneKnownOfOther))
        })
}

/// What an allergy says instead of a finding, and of what. That none are known may be said of some categories alone (FHIR R4,
/// `AllergyIntolerance.category`).
pub(super) fn said_of_allergies(concept: &CodeableConcept, categories: &[String]) -> Vec<(Matter, Said)> {
    let of = |category: &String| match category.as_str() {
        "medication" => TO_DRUGS,
        "food" => NoneKnownTo(Food),
        "environment" => NoneKnownTo(Environment),
        _ => NoneKnownOfOther,
    };
    match said(concept, Allergies) {
        Some((Allergies, NoneKnown)) if !categories.is_empty() => {
            categories.iter().map(|category| (Allergies, of(category))).collect()
        }
        said => said.into_iter().collect(),
    }
}

/// What people read, in small letters, without what stands in brackets at its end.
fn words(concept: &CodeableConcept) -> impl Iterator<Item = String> {
    let displays = concept.coding.iter().filter_map(|coding| coding.display.as_deref());
    let words = concept.text.as_deref().into_iter().chain(displays);
    words.map(|words| {
        let words = words.split_once(" (").map_or(words, |(words, _)| words);
        words.trim().trim_end_matches('.').to_lowercase()
    })
}

fn answer(words: &str) -> Option<Said> {
    ANSWERS.iter().find(|(known, _)| *known == words).map(|(_, said)| *said)
}

/// Whether a text negates what it names. An illness may begin with "no", such as no light perception; nothing that is taken or not borne does.
fn negates(words: &str, kind: Matter) -> bool {
    let begins = NEGATES.iter().any(|begins| words.starts_with(begins));
    let ends = NEGATED.iter().any(|ends| words.ends_with(ends));
    begins || ends || kind != Conditions && words.starts_with("no ")
}

fn is_of_absence(system: &str) -> bool {
    matches!(
        system,
        "http://terminology.hl7.org/CodeSystem/data-absent-reason"
            | "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
    )
}

/// Why there is no value, if nothing else is said.
fn absent(concept: &CodeableConcept) -> Option<Said> {
    let coding = concept.coding.first()?;
    let own = [coding.display.as_deref(), coding.code.as_deref()];
    let other_text = concept.text.as_deref().filter(|text| !own.contains(&Some(*text)));
    if other_text.is_some() {
        return None;
    }
    ABSENT
        .iter()
        .find(|(known, _)| Some(*known) == coding.code.as_deref())
        .map(|(_, said)| *said)
}

fn in_words(words: &str) -> Option<(Matter, Said)> {
    WORDS
        .iter()
        .find(|(known, ..)| *known == words)
        .map(|&(_, matter, said)| (matter, said))
}

/// What is gathered of one matter.
pub(super) struct Gathered<T> {
    list: Vec<T>,
    said: Option<Said>,
}

impl<T> Default for Gathered<T> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            said: None,
        }
    }
}

impl<T> Gathered<T> {
    pub(super) fn extend(&mut self, found: Option<T>) {
        self.list.extend(found);
    }

    /// Takes what is said for what it is, and remarks on it. That none are known outweighs that nobody knows.
    pub(super) fn hear(&mut self, said: Said, remarks: &mut Remarks<'_>) {
        match said {
            NoneKnown => remarks.passed_over("says that none are known, and is no finding"),
            NoneKnownTo(_) | NoneKnownOfOther => {
                return remarks.left_out(
                    "says that none of something are known for which a record has no word, and is no finding",
                );
            }
            Unknown => remarks.passed_over("says that it is not known, and is no finding"),
            NotAsked => return remarks.passed_over("says that nobody has asked, and is no finding"),
        }
        if self.said != Some(NoneKnown) {
            self.said = Some(if said == Unknown {
                self.said.unwrap_or(Unknown)
            } else {
                NoneKnown
            });
        }
    }

    /// What is known, at most so many. Findings outweigh what is said; it contradicts those that are still active.
    pub(super) fn settle(
        mut self,
        most: usize,
        is_active: impl Fn(&T) -> bool,
        remarks: &mut Remarks<'_>,
    ) -> Findings<T> {
        for _ in most..self.list.len() {
            remarks.left_out(format!("is one of more than {most} of the patient, and has no place"));
        }
        self.list.truncate(most);
        if self.said.is_some() && self.list.iter().any(is_active) {
            remarks.changed("some are known beside the word that none are, and the findings are kept");
        }
        match self.said {
            _ if !self.list.is_empty() => Findings::Known(self.list),
            Some(Unknown) => Findings::Unknown,
            Some(_) => Findings::NoneKnown,
            None => Findings::NotAsked,
        }
    }
}
