//! Codes and words that say that there is nothing to find, or that nobody could tell. They are never findings.

use domain::kernel::CodeSystem;
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
    /// There is none, and something is named beside it: which of both is so cannot be told.
    Unclear,
}

use AllergyKind::{Animal, Environment, Food, Insect, Latex};
use Matter::{Allergies, Conditions, Medications};
use Said::{NoneKnown, NoneKnownOfOther, NoneKnownTo, NotAsked, Unclear, Unknown};

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

/// The system of the codes below.
const IPS_SYSTEM: &str = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips";

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
const WORDS: [(&str, Matter, Said); 37] = [
    ("no known allergies", Allergies, NoneKnown),
    ("no known allergy", Allergies, NoneKnown),
    ("no allergies", Allergies, NoneKnown),
    ("nka", Allergies, NoneKnown),
    ("no known drug allergies", Allergies, TO_DRUGS),
    ("no known drug allergy", Allergies, TO_DRUGS),
    ("no known medication allergies", Allergies, TO_DRUGS),
    ("no known medication allergy", Allergies, TO_DRUGS),
    ("nkda", Allergies, TO_DRUGS),
    ("nkma", Allergies, TO_DRUGS),
    ("nda", Allergies, TO_DRUGS),
    ("allergies not reviewed", Allergies, NotAsked),
    ("no drug allergies", Allergies, TO_DRUGS),
    ("no medication allergies", Allergies, TO_DRUGS),
    ("no food allergies", Allergies, NoneKnownTo(Food)),
    ("nkfa", Allergies, NoneKnownTo(Food)),
    ("no environmental allergies", Allergies, NoneKnownTo(Environment)),
    ("nkea", Allergies, NoneKnownTo(Environment)),
    ("no latex allergy", Allergies, NoneKnownTo(Latex)),
    ("nkla", Allergies, NoneKnownTo(Latex)),
    ("allergies unknown", Allergies, Unknown),
    ("allergies not known", Allergies, Unknown),
    ("allergy status unknown", Allergies, Unknown),
    ("allergy status not known", Allergies, Unknown),
    ("unknown allergies", Allergies, Unknown),
    ("no known food allergies", Allergies, NoneKnownTo(Food)),
    ("no known food allergy", Allergies, NoneKnownTo(Food)),
    ("no known environmental allergies", Allergies, NoneKnownTo(Environment)),
    ("no known latex allergy", Allergies, NoneKnownTo(Latex)),
    ("no known problems", Conditions, NoneKnown),
    ("no current problems", Conditions, NoneKnown),
    ("no active problems", Conditions, NoneKnown),
    ("no active medications", Medications, NoneKnown),
    ("no current problems or disability", Conditions, NoneKnown),
    ("no known medications", Medications, NoneKnown),
    ("no current medications", Medications, NoneKnown),
    ("no medications", Medications, NoneKnown),
];

/// What people write where a form wants an answer. The whole text, whatever it is about.
const ANSWERS: [(&str, Said); 40] = [
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
    ("none recorded", Unknown),
    ("denies", NoneKnown),
    ("denied", NoneKnown),
    ("negative", NoneKnown),
    ("refuted", NoneKnown),
    ("disproved", NoneKnown),
    ("not allergic", NoneKnown),
    ("no allergy", NoneKnown),
    ("ruled out", NoneKnown),
    ("excluded", NoneKnown),
    ("unknown", Unknown),
    ("n/k", Unknown),
    ("unable to obtain", Unknown),
    ("unable to assess", Unknown),
    ("not assessed", NotAsked),
    ("not asked", NotAsked),
    ("not reviewed", NotAsked),
    ("unbekannt", Unknown),
    ("not known", Unknown),
    ("?", Unknown),
    ("n/a", NotAsked),
    ("-", NotAsked),
    ("--", NotAsked),
    ("\u{2014}", NotAsked),
];

/// Codes of SNOMED CT that say what kind of thing it is, and not which: an allergy, a disease, a medicine.
const ANY: [&str; 16] = [
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

/// Words that say only that it is an allergy.
const ANY_ALLERGY: [&str; 12] = [
    "allergy",
    "allergies",
    "allergic",
    "allergic reaction",
    "allergy to substance",
    "drug allergy",
    "food allergy",
    "medication allergy",
    "environmental allergy",
    "intolerance",
    "allergie",
    "alergia",
];

/// How a text begins that negates something, in whatever resource.
const NEGATES: [&str; 24] = [
    "no known ",
    "no current ",
    "no significant ",
    "no relevant ",
    "denies ",
    "kein ",
    "keine ",
    "aucun ",
    "aucune ",
    "geen ",
    "pas de ",
    "pas d'",
    "nessun ",
    "nessuna ",
    "sin alergia",
    "not allergic ",
    "denied ",
    "patient denies ",
    "patient denied ",
    "pt denies ",
    "negative for ",
    "no evidence of ",
    "free of ",
    "no history of ",
];

/// How a text begins that negates what is taken or not borne. Illnesses begin so as well: not for resuscitation, sin hogar.
const NEGATES_NO_ILLNESS: [&str; 3] = ["no ", "not ", "sin "];

/// What begins with "no" and is something all the same.
const NOT_NEGATED: [&str; 5] = [
    "no light perception",
    "no perception of light",
    "no fixed abode",
    "no longer ",
    "no access to ",
];

/// How it ends.
const NEGATED: [&str; 18] = [
    ": none",
    ", none",
    ": no",
    " no medications",
    " disproved",
    ": nil",
    ": negative",
    ": absent",
    "none known",
    "none reported",
    "keine bekannt",
    " ruled out",
    " excluded",
    " refuted",
    " denied",
    " not present",
    " not taken",
    " ausgeschlossen",
];

/// What takes a negation at the end back.
const NOT_NEGATED_AT_END: [&str; 8] = [
    "not ruled out",
    "be ruled out",
    "not excluded",
    "be excluded",
    "not refuted",
    "be refuted",
    "not disproved",
    "not denied",
];

/// What SNOMED CT has in brackets at the end of a name: what kind of thing it is.
const TAGS: [&str; 14] = [
    "finding",
    "disorder",
    "situation",
    "substance",
    "product",
    "medicinal product",
    "clinical drug",
    "organism",
    "event",
    "procedure",
    "observable entity",
    "qualifier value",
    "morphologic abnormality",
    "physical object",
];

/// What one code or one text says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Voice {
    /// It names something.
    Finding,
    /// A code or a phrase that says that there is none.
    Negation(Matter, Said),
    /// What stands where a form wants an answer: none, unknown, a dash.
    Answer(Said),
    /// It negates, and says more: none, except for something.
    Doubtful,
}

/// What the codes and texts of a concept say, each for itself.
struct Voices {
    /// Codes of systems that are known.
    known: Vec<Voice>,
    /// Codes for the absence of any value.
    absent: Vec<Voice>,
    /// The text.
    text: Option<Voice>,
    /// What other codes are shown as.
    shown: Vec<Voice>,
}

impl Voices {
    fn of(concept: &CodeableConcept, kind: Matter) -> Self {
        let mut voices = Self {
            known: Vec::new(),
            absent: Vec::new(),
            text: None,
            shown: Vec::new(),
        };
        let mut is_repeated = false;
        for coding in &concept.coding {
            let voice = of_coding(coding, kind);
            let says_none = voice.is_some_and(|voice| voice != Voice::Finding);
            let own = [coding.display.as_deref(), coding.code.as_deref()];
            // How a code that says that there is none is written names nothing.
            is_repeated |=
                (says_none && is_known(coding) || is_absence(coding)) && own.contains(&concept.text.as_deref());
            let list = if is_absence(coding) {
                &mut voices.absent
            } else if is_known(coding) {
                &mut voices.known
            } else {
                &mut voices.shown
            };
            list.extend(voice);
        }
        voices.text = concept
            .text
            .as_deref()
            .filter(|_| !is_repeated)
            .and_then(|text| of_words(text, kind));
        voices
    }

    fn all(&self) -> impl Iterator<Item = Voice> {
        let own = self.known.iter().chain(&self.text).chain(&self.shown);
        own.chain(&self.absent).copied()
    }

    /// A negation, the one that says most of what first.
    fn negation(&self) -> Option<(Matter, Said)> {
        let negation = |voice| match voice {
            Voice::Negation(matter, said) => Some((matter, said)),
            _ => None,
        };
        let mut all: Vec<_> = self.all().filter_map(negation).collect();
        all.sort_by_key(|(_, said)| *said == NoneKnownOfOther);
        all.first().copied()
    }

    /// Whether a known code names something, or a text, or what another code is shown as; that counts in this order.
    fn names_something(&self) -> bool {
        self.all().any(|voice| voice == Voice::Finding)
    }

    /// What is said instead of a finding. A code, a substance or a text that names something outweighs an answer of a form. Beside a
    /// negation that is coded or in so many words nobody can tell.
    fn said(&self, kind: Matter, is_named_elsewhere: bool) -> Option<(Matter, Said)> {
        let is_negation = |voice: &Voice| matches!(voice, Voice::Negation(..));
        let is_none = |voice: &Voice| *voice == Voice::Answer(NoneKnown);
        let is_coded = self.known.iter().any(is_negation);
        let names = |voices: &[Voice]| voices.contains(&Voice::Finding);
        let in_text = |is: &dyn Fn(&Voice) -> bool| self.text.as_ref().is_some_and(is);
        let is_named_by_text = self.text == Some(Voice::Finding);
        let is_in_words = in_text(&is_negation) || (!is_named_by_text && self.shown.iter().any(is_negation));
        let is_denied = is_coded || is_in_words;
        if names(&self.known) || is_named_elsewhere {
            return is_denied.then_some((kind, Unclear));
        }
        if is_named_by_text {
            return is_coded.then_some((kind, Unclear));
        }
        if names(&self.shown) {
            let is_answered = in_text(&is_none) || self.shown.iter().any(is_none);
            return (is_denied || is_answered).then_some((kind, Unclear));
        }
        if self.all().any(|voice| voice == Voice::Doubtful) {
            return Some((kind, Unclear));
        }
        let answer = |voice| match voice {
            Voice::Answer(said) => Some((kind, said)),
            _ => None,
        };
        self.negation().or_else(|| self.all().find_map(answer))
    }
}

/// What a concept says instead of a finding, and of what; `kind` is what its resource is about. `None` when it is a finding, or says nothing.
pub(super) fn said(concept: &CodeableConcept, kind: Matter) -> Option<(Matter, Said)> {
    Voices::of(concept, kind).said(kind, false)
}

/// Whether a concept names something.
pub(super) fn names_something(concept: &CodeableConcept, kind: Matter) -> bool {
    Voices::of(concept, kind).names_something() && said(concept, kind).is_none()
}

/// Whether a concept says no more than that something is not borne.
pub(super) fn is_any_allergy(concept: &CodeableConcept) -> bool {
    let is_any_word = |word: &str| ANY_ALLERGY.contains(&word.trim().to_lowercase().as_str());
    let is_said = !concept.coding.is_empty() || concept.text.is_some();
    is_said && concept.coding.iter().all(is_any) && concept.text.as_deref().is_none_or(is_any_word)
}

/// Whether a code says what kind of thing it is, and not which.
fn is_any(coding: &Coding) -> bool {
    coding.code.as_deref().is_some_and(|code| ANY.contains(&code.trim()))
}

/// A concept without what stands beside what it names: codes and texts that say that there is none, or that it is not known; and codes
/// that say less than the text. Two findings of such a code are two.
pub(super) fn finding(concept: &CodeableConcept, kind: Matter) -> CodeableConcept {
    if !Voices::of(concept, kind).names_something() {
        return concept.clone();
    }
    let is_said = |voice: Option<Voice>| voice.is_some_and(|voice| voice != Voice::Finding);
    let text = concept.text.clone().filter(|text| !is_said(of_words(text, kind)));
    let is_specific = text.is_some() && !is_any_allergy(concept);
    let codings = concept.coding.iter();
    let codings = codings.filter(|coding| !is_absence(coding) && !is_said(of_coding(coding, kind)));
    CodeableConcept {
        coding: codings
            .filter(|coding| !(is_specific && is_any(coding)))
            .cloned()
            .collect(),
        text,
    }
}

fn of_coding(coding: &Coding, kind: Matter) -> Option<Voice> {
    let shown = || coding.display.as_deref().and_then(|display| of_words(display, kind));
    if is_absence(coding) {
        let code = coding.code.as_deref()?;
        let known = ABSENT.iter().find(|(known, _)| *known == code);
        // Whatever the reason is: there is no value.
        return Some(Voice::Answer(known.map_or(Unknown, |(_, said)| *said)));
    }
    let code = coding.code.as_deref().unwrap_or_default().trim();
    // Nine digits are no other system's: without one they are SNOMED CT's.
    let unnamed = SNOMED
        .iter()
        .find(|(known, ..)| coding.system.is_none() && *known == code);
    if let Some(&(_, matter, said)) = unnamed {
        return Some(Voice::Negation(matter, said));
    }
    if !is_known(coding) {
        return shown();
    }
    let table: &[(&str, Matter, Said)] = match coding.system.as_deref() {
        Some("http://snomed.info/sct") => &SNOMED,
        Some(IPS_SYSTEM) => &IPS,
        _ => &[],
    };
    if let Some(&(_, matter, said)) = table.iter().find(|(known, ..)| *known == code) {
        return Some(Voice::Negation(matter, said));
    }
    Some(match shown() {
        Some(negation @ Voice::Negation(..)) => negation,
        _ => Voice::Finding,
    })
}

/// Whether a code is of a system that everybody knows.
fn is_known(coding: &Coding) -> bool {
    let system = coding.system.as_deref().unwrap_or_default();
    let is_of_one = system == IPS_SYSTEM || !matches!(CodeSystem::from_uri(system), CodeSystem::Other(_));
    is_of_one && coding.code.as_deref().is_some_and(|code| !code.trim().is_empty())
}

fn is_absence(coding: &Coding) -> bool {
    coding.system.as_deref().is_some_and(is_of_absence)
}

/// What an allergy says instead of a finding, and of what. That none are known may be said of some categories alone (FHIR R4,
/// `AllergyIntolerance.category`); the substance of a reaction names what its code does not.
pub(super) fn said_of_allergies(
    concept: &CodeableConcept,
    categories: &[String],
    substances: &[&CodeableConcept],
) -> Vec<(Matter, Said)> {
    let of = |category: &String| match category.as_str() {
        "medication" => TO_DRUGS,
        "food" => NoneKnownTo(Food),
        "environment" => NoneKnownTo(Environment),
        _ => NoneKnownOfOther,
    };
    let is_named = substances.iter().any(|substance| names_something(substance, Allergies));
    match Voices::of(concept, Allergies).said(Allergies, is_named) {
        Some((Allergies, NoneKnown)) if !categories.is_empty() => {
            categories.iter().map(|category| (Allergies, of(category))).collect()
        }
        said => said.into_iter().collect(),
    }
}

/// What a text says. What stands in brackets at its end is looked at on its own, unless it merely tells what kind of thing is named.
fn of_words(text: &str, kind: Matter) -> Option<Voice> {
    let text = text
        .trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '.')
        .to_lowercase();
    if text.is_empty() {
        return None;
    }
    let text = plain(&text);
    let bracketed = text.strip_suffix(')').and_then(|text| text.rsplit_once(" ("));
    let Some((outer, inner)) = bracketed else {
        return Some(of_phrase(&text, kind));
    };
    if TAGS.contains(&inner) {
        return Some(of_phrase(outer, kind));
    }
    // In brackets stands what does not go with it: COPD (no oxygen), penicillin (no anaphylaxis).
    let beside = |voice| match voice {
        Voice::Negation(_, NoneKnownOfOther) => Voice::Finding,
        voice => voice,
    };
    let (outer, inner) = (of_phrase(outer, kind), beside(of_phrase(inner, kind)));
    Some(match (outer, inner) {
        (Voice::Finding, Voice::Negation(..) | Voice::Answer(NoneKnown)) => Voice::Doubtful,
        (Voice::Finding, _) => Voice::Finding,
        (outer, inner) if outer == inner => outer,
        _ => Voice::Doubtful,
    })
}

/// A text without what is written in several ways: `n.k.d.a.`, `no-known`, a title before it.
fn plain(text: &str) -> String {
    let is_abbreviation = text.split('.').all(|part| part.chars().count() <= 1);
    let text = if is_abbreviation {
        text.replace('.', "")
    } else {
        text.replace("no-known", "no known")
    };
    let titles = ["allergies: ", "allergy: ", "medications: ", "problems: "];
    let untitled = titles.iter().find_map(|title| text.strip_prefix(title));
    untitled.map_or_else(|| text.clone(), str::to_owned)
}

/// What a text says in which brackets tell nothing.
fn of_phrase(text: &str, kind: Matter) -> Voice {
    let text = text.replace(['(', ')'], " ");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.trim_end_matches('.');
    if let Some((matter, said)) = in_words(text) {
        return Voice::Negation(matter, said);
    }
    if let Some(said) = answer(text) {
        return Voice::Answer(said);
    }
    // A negation that no table knows is no finding either.
    if negates(text, kind) {
        return Voice::Negation(kind, NoneKnownOfOther);
    }
    Voice::Finding
}

fn answer(words: &str) -> Option<Said> {
    ANSWERS.iter().find(|(known, _)| *known == words).map(|(_, said)| *said)
}

/// Whether a text negates what it names.
fn negates(words: &str, kind: Matter) -> bool {
    let begins = |all: &[&str]| all.iter().any(|begins| words.starts_with(begins));
    let ends = |all: &[&str]| all.iter().any(|ends| words.ends_with(ends));
    let negates = match kind {
        Conditions => words.starts_with("no ") && !begins(&NOT_NEGATED),
        Allergies => begins(&NEGATES_NO_ILLNESS) && !begins(&NOT_NEGATED),
        Medications => begins(&NEGATES_NO_ILLNESS),
    };
    // Wherever in a sentence it stands.
    let is_none_known = words.contains("no known ") && words.contains("allerg");
    begins(&NEGATES) || is_none_known || negates || (ends(&NEGATED) && !ends(&NOT_NEGATED_AT_END))
}

fn is_of_absence(system: &str) -> bool {
    matches!(
        system,
        "http://terminology.hl7.org/CodeSystem/data-absent-reason"
            | "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
    )
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
            Unclear => {
                return remarks.left_out(
                    "says that there is none and names something beside it: which of both is so cannot be told, and neither is recorded",
                );
            }
        }
        if self.said != Some(NoneKnown) {
            self.said = Some(if said == Unknown {
                self.said.unwrap_or(Unknown)
            } else {
                NoneKnown
            });
        }
    }

    /// What is known, at most so many, if that is not seen to later. Findings outweigh what is said; it contradicts those that are still
    /// active.
    pub(super) fn settle(
        mut self,
        most: Option<usize>,
        is_active: impl Fn(&T) -> bool,
        remarks: &mut Remarks<'_>,
    ) -> Findings<T> {
        if let Some(most) = most {
            for _ in most..self.list.len() {
                remarks.left_out(format!("is one of more than {most} of the patient, and has no place"));
            }
            self.list.truncate(most);
        }
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
