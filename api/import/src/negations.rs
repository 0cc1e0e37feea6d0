//! Codes and words that say that there is nothing to find, or that nobody could tell. They are never findings.

mod codes;
mod languages;
mod phrases;

use domain::chart::{AllergyKind, ListKind};
use domain::kernel::CodeSystem;

use self::codes::{ABSENT, ANY, IPS, IPS_SYSTEM, SNOMED, TO_DRUGS};
use self::languages::is_none_in_some_language;
use self::phrases::{ANY_ALLERGY, of_words};
use crate::fhir::{CodeableConcept, Coding};

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
    /// There is something, and it is not told what.
    Withheld,
}

use AllergyKind::{Environment, Food};
use ListKind::Allergies;
use Said::{NoneKnown, NoneKnownOfOther, NoneKnownTo, Unclear, Unknown};

/// What one code or one text says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Voice {
    /// It names something.
    Finding,
    /// A code or a phrase that says that there is none.
    Negation(ListKind, Said),
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
    fn of(concept: &CodeableConcept, kind: ListKind) -> Self {
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
            let is_none = is_absence(coding) || (says_none && is_known(coding));
            let is_in_other_words = concept.text.as_deref().is_some_and(is_none_in_some_language);
            is_repeated |= is_none && (own.contains(&concept.text.as_deref()) || is_in_other_words);
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
    fn negation(&self) -> Option<(ListKind, Said)> {
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
    fn said(&self, kind: ListKind, is_named_elsewhere: bool) -> Option<(ListKind, Said)> {
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
pub(super) fn said(concept: &CodeableConcept, kind: ListKind) -> Option<(ListKind, Said)> {
    Voices::of(concept, kind).said(kind, false)
}

/// Whether nobody can tell what is said: a finding, and which, or that there is none.
pub(super) fn is_unclear(said: &[(ListKind, Said)]) -> bool {
    said.iter().any(|(_, said)| matches!(said, Unclear | Said::Withheld))
}

/// Whether a concept names something.
pub(super) fn names_something(concept: &CodeableConcept, kind: ListKind) -> bool {
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
pub(super) fn finding(concept: &CodeableConcept, kind: ListKind) -> CodeableConcept {
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

fn of_coding(coding: &Coding, kind: ListKind) -> Option<Voice> {
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
    let table: &[(&str, ListKind, Said)] = match coding.system.as_deref() {
        Some("http://snomed.info/sct") => &SNOMED,
        Some(IPS_SYSTEM) => &IPS,
        _ => &[],
    };
    if let Some(&(_, matter, said)) = table.iter().find(|(known, ..)| *known == code) {
        // A code that is shown as what it does not say was mistaken.
        let is_other = |display: &str| display.trim() != code && !is_none_in_some_language(display);
        let is_mistaken = shown() == Some(Voice::Finding) && coding.display.as_deref().is_some_and(is_other);
        return Some(if is_mistaken {
            Voice::Doubtful
        } else {
            Voice::Negation(matter, said)
        });
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
) -> Vec<(ListKind, Said)> {
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

fn is_of_absence(system: &str) -> bool {
    matches!(
        system,
        "http://terminology.hl7.org/CodeSystem/data-absent-reason"
            | "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
    )
}
