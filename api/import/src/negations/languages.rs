//! "No known allergies" as people write it in the languages that sources use.
//!
//! Only whole phrases are known. The same words in another order, or beside one more, may name something: a drug allergy and no medications;
//! Ei-Allergie, which is one to egg.

use domain::chart::ListKind;

use super::Said;
use super::codes::TO_DRUGS;

use ListKind::{Allergies, Medications};
use Said::NoneKnown;

/// The words of many languages that say that there is none: by one of them the name of a code that says so is known in any of them.
const NONE_IN_ANY_LANGUAGE: [&str; 43] = [
    "no", "not", "none", "nil", "without", "negative", "absent", "denies", "kein", "keine", "keinen", "nicht", "ohne",
    "geen", "niet", "ingen", "inga", "inget", "intet", "ikke", "aucun", "aucune", "pas", "sans", "sin", "ninguna",
    "ninguno", "nessun", "nessuna", "non", "nenhuma", "nenhum", "sem", "brak", "nie", "bez", "nema", "nincs", "ei",
    "yok", "нет", "无", "なし",
];

/// Phrases that say that no allergies are known, without what stands between words.
const NO_ALLERGIES: [&str; 70] = [
    "denies allergies",
    "patient denies allergies",
    "pt denies allergies",
    "patient has no allergies",
    "patient has no known allergies",
    "the patient has no known allergies",
    "patient reports no allergies",
    "nil known allergies",
    "without known allergies",
    "allergies none",
    "allergies none known",
    "allergies nil",
    "allergy none",
    "nka nkda",
    "niega alergias",
    "no refiere alergias",
    "sin alergias",
    "sin alergias conocidas",
    "ninguna alergia conocida",
    "nega alergias",
    "sem alergias",
    "sem alergias conhecidas",
    "não tem alergias conhecidas",
    "aucune allergie",
    "aucune allergie connue",
    "pas d allergie",
    "pas d allergies",
    "pas d allergie connue",
    "pas d allergies connues",
    "keine allergie",
    "keine allergien",
    "keine allergien bekannt",
    "keine bekannten allergien",
    "allergien keine",
    "allergien keine bekannt",
    "allergien verneint",
    "geen allergie",
    "geen allergieën",
    "geen bekende allergieën",
    "geen allergieën bekend",
    "inga allergier",
    "inga kända allergier",
    "ingen allergier",
    "ingen kendte allergier",
    "ingen kjente allergier",
    "ei allergioita",
    "ei tunnettuja allergioita",
    "brak alergii",
    "brak znanych alergii",
    "bez alergii",
    "nie ma alergii",
    "žádné alergie",
    "bez alergie",
    "nema alergija",
    "nessuna allergia",
    "nessuna allergia nota",
    "nega allergie",
    "nincs allergia",
    "nincs ismert allergia",
    "alerji yok",
    "bilinen alerji yok",
    "нет аллергии",
    "аллергии нет",
    "无过敏",
    "无过敏史",
    "无已知过敏",
    "否认过敏史",
    "アレルギーなし",
    "既知のアレルギーなし",
    "알레르기 없음",
];

/// The same of drugs.
const NO_DRUG_ALLERGIES: [&str; 20] = [
    "denies drug allergies",
    "patient has no known drug allergies",
    "the patient has no known drug allergies",
    "nkda per patient",
    "nkda no known drug allergies",
    "no known drug allergies nkda",
    "sin alergias a medicamentos",
    "sin alergias medicamentosas",
    "niega alergias a medicamentos",
    "niega alergias medicamentosas",
    "aucune allergie médicamenteuse",
    "pas d allergie médicamenteuse",
    "keine medikamentenallergie",
    "keine medikamentenallergien",
    "keine medikamentenallergien bekannt",
    "keine arzneimittelallergien bekannt",
    "inga kända läkemedelsallergier",
    "brak alergii na leki",
    "无药物过敏史",
    "否认药物过敏史",
];

/// Phrases that say that no medications are taken.
const NO_MEDICATIONS: [&str; 9] = [
    "nil regular medications",
    "no regular medications",
    "no regular medication",
    "denies medications",
    "keine medikamente",
    "keine medikation",
    "aucun médicament",
    "ninguna medicación",
    "nessun farmaco",
];

/// Whether a text says in some language that there is none.
pub(super) fn is_none_in_some_language(text: &str) -> bool {
    let text = text.to_lowercase();
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    // Some languages have no spaces.
    words.any(|word| NONE_IN_ANY_LANGUAGE.contains(&word)) || ["无", "なし"].iter().any(|none| text.contains(none))
}

/// What a text in lower case says that says nothing but "no known allergies", or "no medications".
pub(super) fn none_known(text: &str, kind: ListKind) -> Option<(ListKind, Said)> {
    if text.contains([',', ';', '?', '+']) {
        return None;
    }
    let words = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    let phrase = words.collect::<Vec<_>>().join(" ");
    let is_one = |all: &[&str]| all.contains(&phrase.as_str());
    if is_one(&NO_ALLERGIES) {
        Some((Allergies, NoneKnown))
    } else if is_one(&NO_DRUG_ALLERGIES) {
        Some((Allergies, TO_DRUGS))
    } else if kind == Medications && is_one(&NO_MEDICATIONS) {
        Some((Medications, NoneKnown))
    } else {
        None
    }
}
