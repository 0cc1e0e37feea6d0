//! What people write who have no code: that there is nothing to find, or that nobody could tell.

use domain::chart::{AllergyKind, ListKind};

use super::codes::TO_DRUGS;
use super::languages::none_known;
use super::{Said, Voice};

use AllergyKind::{Environment, Food, Latex};
use ListKind::{Allergies, Conditions, Medications, Symptoms};
use Said::{NoneKnown, NoneKnownOfOther, NoneKnownTo, NotAsked, Unknown};

/// What people write who have no code, or one of their own. The whole text, in any case.
const WORDS: [(&str, ListKind, Said); 40] = [
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
    ("without allergies", Allergies, NoneKnown),
    ("zero allergies", Allergies, NoneKnown),
    ("never had allergies", Allergies, NoneKnown),
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
const ANSWERS: [(&str, Said); 37] = [
    ("none", NoneKnown),
    ("none known", NoneKnown),
    ("none reported", NoneKnown),
    ("none known to patient", NoneKnown),
    ("nothing", NoneKnown),
    ("nil", NoneKnown),
    ("nil known", NoneKnown),
    ("nothing known", NoneKnown),
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
    ("not on file", Unknown),
    ("denies", NoneKnown),
    ("denied", NoneKnown),
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

/// What takes back what it stands beside. Alone it says nothing of anything.
const TAKES_BACK: [&str; 7] = [
    "negative",
    "refuted",
    "disproved",
    "not allergic",
    "no allergy",
    "ruled out",
    "excluded",
];

/// Words that say only that it is an allergy.
pub(super) const ANY_ALLERGY: [&str; 12] = [
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
const NEGATES: [&str; 15] = [
    "no allergy to ",
    "no allergies to ",
    "no known ",
    "no current ",
    "no significant ",
    "no relevant ",
    "denies ",
    "not allergic ",
    "denied ",
    "patient denies ",
    "patient denied ",
    "pt denies ",
    "pt denied ",
    "negative for ",
    "no evidence of ",
];

/// The same, where of an illness it may be one: without a kidney, keine Milz. "Rule out" asks, and does not answer.
const NEGATES_OR_LACKS: [&str; 18] = [
    "free of ",
    "no history of ",
    "ruled out: ",
    "rule out ",
    "r/o ",
    "without ",
    "absence of ",
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
    "sem ",
];

/// How a text begins that negates what is taken or not borne. Illnesses begin so as well: not for resuscitation, sin hogar.
const NEGATES_NO_ILLNESS: [&str; 3] = ["no ", "not ", "sin "];

/// What begins with "no" and is something all the same.
const NOT_NEGATED: [&str; 7] = [
    "no sense of ",
    "no feeling in ",
    "no light perception",
    "no perception of light",
    "no fixed abode",
    "no longer ",
    "no access to ",
];

/// Parts of the body and what they can do: "no spleen" is a finding, "no kidney disease" is none.
const OF_THE_BODY: [&str; 20] = [
    "appendix",
    "arm",
    "bladder",
    "eye",
    "gall bladder",
    "gallbladder",
    "hearing",
    "kidney",
    "larynx",
    "leg",
    "ovaries",
    "sensation",
    "sight",
    "speech",
    "spleen",
    "stomach",
    "teeth",
    "thyroid",
    "uterus",
    "vision",
];

/// How it ends.
const NEGATED: [&str; 19] = [
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
    " not allergic",
    " ausgeschlossen",
];

/// What takes a negation at the end back.
const NOT_NEGATED_AT_END: [&str; 10] = [
    "not ruled out",
    "not yet ruled out",
    "nicht ausgeschlossen",
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

/// What a text says. What stands in brackets at its end is looked at on its own, unless it merely tells what kind of thing is named.
pub(super) fn of_words(text: &str, kind: ListKind) -> Option<Voice> {
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
    let beside = |words| match of_phrase(words, kind) {
        Voice::Negation(_, NoneKnownOfOther) => Voice::Finding,
        Voice::Doubtful if may_warn(words, kind) => Voice::Finding,
        voice => voice,
    };
    let (outer, inner) = (of_phrase(outer, kind), beside(inner));
    Some(match (outer, inner) {
        (Voice::Finding, Voice::Negation(..) | Voice::Answer(NoneKnown) | Voice::Doubtful) => Voice::Doubtful,
        (Voice::Finding, _) => Voice::Finding,
        (outer, inner) if outer == inner => outer,
        _ => Voice::Doubtful,
    })
}

/// A text without what is written in several ways: `n.k.d.a.`, `no-known`, a title before it.
fn plain(text: &str) -> String {
    let text = &text.replace('\u{2019}', "'");
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
fn of_phrase(text: &str, kind: ListKind) -> Voice {
    let text = text.replace(['(', ')'], " ");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.trim_end_matches('.');
    if let Some((matter, said)) = in_words(text).or_else(|| none_known(text, kind)) {
        return Voice::Negation(matter, said);
    }
    if let Some(said) = answer(text) {
        return Voice::Answer(said);
    }
    if TAKES_BACK.contains(&text) {
        return Voice::Doubtful;
    }
    // A negation that no table knows is no finding either. What stands in another sentence may be one.
    let sentences: Vec<&str> = text
        .split(';')
        .flat_map(|part| part.split(". "))
        .map(str::trim)
        .collect();
    match negates(text, kind) {
        true if sentences.len() == 1 && !may_warn(text, kind) => Voice::Negation(kind, NoneKnownOfOther),
        true => Voice::Doubtful,
        false if text.contains("no known ") && text.contains("allerg") => Voice::Doubtful,
        false if sentences.len() > 1 && sentences.iter().all(|one| of_phrase(one, kind) != Voice::Finding) => {
            Voice::Doubtful
        }
        false => Voice::Finding,
    }
}

fn answer(words: &str) -> Option<Said> {
    ANSWERS.iter().find(|(known, _)| *known == words).map(|(_, said)| *said)
}

/// Whether a text negates what it names.
fn negates(words: &str, kind: ListKind) -> bool {
    let begins = |all: &[&str]| all.iter().any(|begins| words.starts_with(begins));
    let ends = |all: &[&str]| all.iter().any(|ends| words.ends_with(ends));
    let negates = match kind {
        Conditions => words.starts_with("no ") && !begins(&NOT_NEGATED) && !lacks_a_part(words),
        Allergies => begins(&NEGATES_NO_ILLNESS) && !begins(&NOT_NEGATED),
        Medications => begins(&NEGATES_NO_ILLNESS),
        // No source tells a symptom.
        Symptoms => false,
    };
    begins(&NEGATES) || begins(&NEGATES_OR_LACKS) || negates || (ends(&NEGATED) && !ends(&NOT_NEGATED_AT_END))
}

/// How a text ends that denies an illness, whatever it is.
const DENIED: [&str; 5] = [" disproved", " ruled out", " excluded", " refuted", " denied"];

/// Whether a text that negates may say what to avoid, or what is lacking, as well as what there is not: no NSAIDs, no left kidney, no
/// more than 5 mg. What goes on otherwise may do so too.
fn may_warn(words: &str, kind: ListKind) -> bool {
    let begins = |all: &[&str]| all.iter().any(|begins| words.starts_with(begins));
    let ends = |all: &[&str]| all.iter().any(|ends| words.ends_with(ends));
    if words.contains(" but ") || words.contains("confirmed") {
        return true;
    }
    let is_told = begins(&NEGATES) || ends(&NEGATED);
    match kind {
        Allergies => !is_told && begins(&NEGATES_NO_ILLNESS),
        Conditions => !begins(&NEGATES) && !ends(&DENIED),
        Medications => !is_told && begins(&["no more ", "not more ", "not to exceed "]),
        Symptoms => false,
    }
}

/// Whether a text says that a part of the body is not there, or cannot do what it is for.
fn lacks_a_part(words: &str) -> bool {
    let ends = |rest: &str| rest.is_empty() || [",", " in ", " on "].iter().any(|end| rest.starts_with(end));
    let lacked = words.strip_prefix("no ");
    lacked.is_some_and(|lacked| {
        OF_THE_BODY
            .iter()
            .any(|part| lacked.strip_prefix(part).is_some_and(ends))
    })
}

fn in_words(words: &str) -> Option<(ListKind, Said)> {
    WORDS
        .iter()
        .find(|(known, ..)| *known == words)
        .map(|&(_, matter, said)| (matter, said))
}
