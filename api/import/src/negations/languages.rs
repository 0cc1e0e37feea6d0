//! "No known allergies" in the languages that sources write.

use domain::chart::ListKind;

use super::Said;
use super::codes::TO_DRUGS;

use ListKind::{Allergies, Medications};
use Said::NoneKnown;

/// Words that say that there is none.
const NONE: [&str; 36] = [
    "no", "none", "nil", "without", "negative", "absent", "absence", "denies", "denied", "kein", "keine", "keinen",
    "ohne", "verneint", "geen", "ingen", "inga", "inget", "intet", "aucun", "aucune", "sans", "sin", "ninguna",
    "ninguno", "niega", "nessun", "nessuna", "nega", "nenhuma", "nenhum", "sem", "brak", "bez", "yok", "нет",
];

/// Words that say so too, but beside "known" only that it is not known.
const NOT: [&str; 11] = [
    "not", "nicht", "niet", "ikke", "pas", "non", "nie", "ei", "não", "nema", "nincs",
];

/// The same in languages without blanks between words.
const NONE_WITHOUT_BLANKS: [&str; 5] = ["无", "無", "否认", "否認", "なし"];

/// Whether an abbreviation is of drugs alone.
#[derive(Clone, Copy, PartialEq, Eq)]
struct OfDrugs(bool);

/// "No known allergies" in one word.
const ABBREVIATED: [(&str, OfDrugs); 4] = [
    ("nka", OfDrugs(false)),
    ("nkda", OfDrugs(true)),
    ("nkma", OfDrugs(true)),
    ("nda", OfDrugs(true)),
];

/// What is in words that say "allergy".
const ALLERGY: [&str; 9] = [
    "allerg",
    "alerg",
    "alerj",
    "аллерг",
    "алерг",
    "アレルギー",
    "过敏",
    "過敏",
    "알레르기",
];

/// How words begin that say "medicine".
const MEDICINE: [&str; 13] = [
    "drug",
    "medic",
    "medik",
    "médic",
    "leki",
    "lék",
    "läkemed",
    "legemid",
    "lægemid",
    "gyógyszer",
    "ilaç",
    "лекарств",
    "药物",
];

/// Words that say "known".
const KNOWN: [&str; 31] = [
    "known",
    "bekannt",
    "bekannte",
    "bekannten",
    "bekend",
    "bekende",
    "kända",
    "känd",
    "kendte",
    "kendt",
    "kjente",
    "kjent",
    "connu",
    "connue",
    "connues",
    "conocida",
    "conocidas",
    "conocido",
    "conocidos",
    "conhecida",
    "conhecidas",
    "nota",
    "note",
    "noti",
    "znane",
    "znanych",
    "ismert",
    "bilinen",
    "известных",
    "已知",
    "既知",
];

/// Words that change nothing beside these.
const BESIDE: [&str; 20] = [
    "current", "regular", "active", "reported", "has", "history", "of", "the", "any", "to", "patient", "paciente",
    "pt", "per", "family", "na", "d", "de", "le", "la",
];

/// Whether a text says in some language that there is none.
pub(super) fn is_none_in_some_language(text: &str) -> bool {
    let text = text.to_lowercase();
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    words.any(|word| NONE.contains(&word) || NOT.contains(&word))
        || NONE_WITHOUT_BLANKS.iter().any(|none| text.contains(none))
}

/// What a text in lower case says of which every word says "none", "known", or of what there is none. Any other word may name something.
pub(super) fn none_known(text: &str, kind: ListKind) -> Option<(ListKind, Said)> {
    let text = with_blanks(text);
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let any = |is: fn(&str) -> bool| words.iter().any(|word| is(word));
    let says_none = any(is_none) || any(|word| is_abbreviated(word).is_some()) || (any(is_not) && !any(is_known));
    if !says_none || !words.iter().all(|word| is_understood(word)) {
        return None;
    }
    let is_of_all = any(|word| is_abbreviated(word) == Some(OfDrugs(false)));
    match (any(is_allergy), any(is_medicine)) {
        (true, true) if !is_of_all => Some((Allergies, TO_DRUGS)),
        (true, _) => Some((Allergies, NoneKnown)),
        (false, true) if kind == Medications => Some((Medications, NoneKnown)),
        (false, _) => None,
    }
}

fn is_understood(word: &str) -> bool {
    let is_matter = is_allergy(word) || is_medicine(word);
    is_none(word) || is_not(word) || is_known(word) || is_matter || BESIDE.contains(&word)
}

fn is_none(word: &str) -> bool {
    NONE.contains(&word) || NONE_WITHOUT_BLANKS.contains(&word)
}

fn is_not(word: &str) -> bool {
    NOT.contains(&word)
}

fn is_known(word: &str) -> bool {
    KNOWN.contains(&word)
}

/// Whether it is of an allergy, to a drug as well: Medikamentenallergie.
fn is_allergy(word: &str) -> bool {
    ALLERGY.iter().any(|stem| word.contains(stem)) || is_abbreviated(word).is_some()
}

fn is_medicine(word: &str) -> bool {
    MEDICINE.iter().any(|stem| word.starts_with(stem)) || is_abbreviated(word) == Some(OfDrugs(true))
}

fn is_abbreviated(word: &str) -> Option<OfDrugs> {
    let known = ABBREVIATED.iter().find(|(known, _)| *known == word);
    known.map(|(_, of_drugs)| *of_drugs)
}

/// A text with a blank around each of the words that some languages write without.
fn with_blanks(text: &str) -> String {
    let others = ["已知", "既知", "アレルギー", "过敏", "過敏", "药物"];
    let known = NONE_WITHOUT_BLANKS.iter().chain(&others);
    known.fold(text.to_owned(), |text, word| text.replace(word, &format!(" {word} ")))
}
