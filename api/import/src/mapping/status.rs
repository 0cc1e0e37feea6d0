//! The statuses of conditions and allergies, as FHIR R4 and the releases before it have them, and as people write them.

use super::Remarks;
use crate::fhir::CodeableConcept;

/// A status: where FHIR binds it, and to what.
pub(super) struct Status {
    name: &'static str,
    systems: &'static [&'static str],
    /// The codes by which it is so.
    stands: &'static [&'static str],
    /// Those by which it is not, or not any more.
    falls: &'static [&'static str],
    /// What people, and SNOMED CT, say instead of one of them.
    others: &'static [(&'static str, &'static str)],
}

impl Status {
    /// Whether what a condition or an allergy says was found to be so.
    pub(super) const VERIFICATION: Self = Self {
        name: "verificationStatus",
        systems: &[
            "http://terminology.hl7.org/CodeSystem/condition-ver-status",
            "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
            "http://hl7.org/fhir/condition-ver-status",
            "http://hl7.org/fhir/allergy-verification-status",
        ],
        stands: &["confirmed", "unconfirmed", "provisional"],
        falls: &["differential", "refuted", "entered-in-error"],
        others: &[
            ("ruled-out", "refuted"),
            ("disproved", "refuted"),
            ("excluded", "refuted"),
            ("absent", "refuted"),
            ("known-absent", "refuted"),
            ("410516002", "refuted"),
            ("disproven", "refuted"),
            ("false-positive", "refuted"),
            ("confirmed-absent", "refuted"),
            ("definitely-not-present", "refuted"),
            ("410594000", "refuted"),
            ("probably-not-present", "refuted"),
            ("410593006", "refuted"),
            ("723511001", "refuted"),
            ("723510000", "entered-in-error"),
            ("wrong-entry", "entered-in-error"),
            ("confirmed-present", "confirmed"),
            ("410605003", "confirmed"),
            ("suspected", "provisional"),
            ("415684004", "provisional"),
            ("known-present", "confirmed"),
            ("410515003", "confirmed"),
        ],
    };

    /// Whether a condition is still there.
    pub(super) const CONDITION: Self = Self {
        name: "clinicalStatus",
        systems: &[
            "http://terminology.hl7.org/CodeSystem/condition-clinical",
            "http://hl7.org/fhir/condition-clinical",
        ],
        stands: &["active", "recurrence", "relapse"],
        falls: &["inactive", "remission", "resolved"],
        others: &[],
    };

    /// Whether an allergy is still there.
    pub(super) const ALLERGY: Self = Self {
        name: "clinicalStatus",
        systems: &[
            "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
            "http://hl7.org/fhir/allergy-clinical-status",
        ],
        stands: &["active"],
        falls: &["inactive", "resolved"],
        others: &[],
    };

    fn codes(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.stands.iter().chain(self.falls).copied()
    }

    /// The code: under a system of its own, else under none, else of another system, else as it is written. Of several the one by which it
    /// is so.
    pub(super) fn of(&self, concept: &Option<CodeableConcept>) -> Option<&'static str> {
        let coded = self.coded(concept.as_ref()?);
        let best = coded.first().copied();
        best.or_else(|| self.known(concept.as_ref()?.text.as_deref()))
    }

    /// The codes that count, each once, first those by which it is so.
    fn coded(&self, concept: &CodeableConcept) -> Vec<&'static str> {
        let rank = |system: Option<&str>| match system {
            Some(system) if self.systems.contains(&system) => 0,
            None => 1,
            Some(_) => 2,
        };
        let codings: Vec<(u8, &'static str)> = concept
            .coding
            .iter()
            .filter_map(|coding| {
                let code = self
                    .known(coding.code.as_deref())
                    .or(self.known(coding.display.as_deref()))?;
                Some((rank(coding.system.as_deref()), code))
            })
            .collect();
        let best = codings.iter().map(|(rank, _)| *rank).min();
        let is_told = |code: &&'static str| codings.iter().any(|(rank, told)| Some(*rank) == best && told == code);
        self.codes().filter(is_told).collect()
    }

    /// The code, with a remark when there is a status and it is none of FHIR's.
    pub(super) fn check(&self, concept: &Option<CodeableConcept>, remarks: &mut Remarks<'_>) -> Option<&'static str> {
        let code = self.of(concept);
        if code.is_none() && concept.as_ref().is_some_and(|concept| !concept.is_empty()) {
            remarks.changed(format!(
                "has a {} that is none of FHIR R4, and is taken as if it had none",
                self.name
            ));
        }
        let all = concept.as_ref().map(|concept| self.coded(concept)).unwrap_or_default();
        let contradicts = [self.stands, self.falls]
            .iter()
            .all(|codes| all.iter().any(|code| codes.contains(code)));
        if contradicts {
            remarks.changed(format!(
                "has a {} that contradicts itself, and is recorded as what is so",
                self.name
            ));
        }
        code
    }

    /// The code that a word is, whatever its letters and what joins them.
    fn known(&self, word: Option<&str>) -> Option<&'static str> {
        let word = word?.trim().to_lowercase().replace([' ', '_'], "-");
        let other = self.others.iter().find(|(other, _)| *other == word);
        let word = other.map_or(word.as_str(), |(_, code)| *code);
        self.codes().find(|code| *code == word)
    }
}
