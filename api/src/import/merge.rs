//! What is told of a person, taken into the record that is there: entry by entry, and nothing is deleted because it is not told.
//!
//! Pure, and doing it again changes nothing.

use chrono::NaiveDate;
use domain::kernel::{Concept, Identifier};
use domain::patient::{Allergy, Condition, Findings, Intake, Medication, PatientDetails};

use super::identity::ADDRESSES;

/// The details as they are after this was told: those that are told, unless they are an older state. What names the person is only
/// added to, but for what is `former`.
pub(super) fn details(recorded: &PatientDetails, told: &PatientDetails, former: &[Identifier]) -> PatientDetails {
    let identifier = recorded.identifier.clone();
    let known = recorded.other_identifiers.iter();
    let is_called = known.clone().any(|known| known.system == ADDRESSES);
    // What the resource is called may change with every export; one name is enough to know it again.
    let worth = |other: &&Identifier| !(is_called && other.system == ADDRESSES);
    let new = told.identifier.iter().chain(&told.other_identifiers).filter(worth);
    let mut other_identifiers: Vec<Identifier> = Vec::new();
    for other in known.filter(|known| !former.contains(known)).chain(new) {
        if Some(other) != identifier.as_ref() && !other_identifiers.contains(other) && other_identifiers.len() < MOST {
            other_identifiers.push(other.clone());
        }
    }
    let base = if is_older(recorded, told) { recorded } else { told };
    PatientDetails {
        identifier,
        other_identifiers,
        as_of: told.as_of.max(recorded.as_of),
        ..base.clone()
    }
}

/// How many other identifiers a record takes.
const MOST: usize = 50;

/// Whether what is told is an older state than what is recorded, by the dates of both.
pub(super) fn is_older(recorded: &PatientDetails, told: &PatientDetails) -> bool {
    told.as_of
        .zip(recorded.as_of)
        .is_some_and(|(told, recorded)| told < recorded)
}

/// What is not so any more, by what it was.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ended {
    /// Conditions that were entered in error, or refuted.
    pub conditions: Vec<Concept>,
    /// Allergies that were entered in error, or refuted, or are over.
    pub allergies: Vec<Concept>,
    /// Medications that were entered in error.
    pub medications: Vec<Concept>,
}

/// The intake as it is after this was told. Symptoms are the patient's own words, which no source knows.
pub(super) fn intake(recorded: &Intake, told: &Intake, ended: &Ended) -> Intake {
    Intake {
        conditions: findings(&recorded.conditions, &told.conditions, &ended.conditions),
        allergies: findings(&recorded.allergies, &told.allergies, &ended.allergies),
        medications: findings(&recorded.medications, &told.medications, &ended.medications),
        symptoms: recorded.symptoms.clone(),
    }
}

/// That none are known takes nothing out: it may not have been known who told of them.
fn findings<T: Item>(recorded: &Findings<T>, told: &Findings<T>, ended: &[Concept]) -> Findings<T> {
    let list = list(recorded.list(), told.list(), ended);
    match (recorded, told) {
        _ if !list.is_empty() => list.into(),
        (_, Findings::NoneKnown) | (Findings::NoneKnown, _) => Findings::NoneKnown,
        (_, Findings::Unknown) | (Findings::Unknown, _) => Findings::Unknown,
        _ => Findings::NotAsked,
    }
}

/// An entry of a list.
trait Item: Clone + PartialEq {
    /// What it is.
    fn concept(&self) -> &Concept;
    /// Since when.
    fn since(&self) -> Option<NaiveDate>;
}

impl Item for Condition {
    fn concept(&self) -> &Concept {
        &self.concept
    }

    fn since(&self) -> Option<NaiveDate> {
        self.onset
    }
}

impl Item for Allergy {
    fn concept(&self) -> &Concept {
        &self.concept
    }

    fn since(&self) -> Option<NaiveDate> {
        None
    }
}

impl Item for Medication {
    fn concept(&self) -> &Concept {
        &self.concept
    }

    fn since(&self) -> Option<NaiveDate> {
        self.since
    }
}

/// Whether two concepts are one: by their codes, or by their texts where one has no code.
fn same(one: &Concept, two: &Concept) -> bool {
    match (&one.coding, &two.coding) {
        (Some(one), Some(two)) => one == two,
        _ => one.text.trim().to_lowercase() == two.text.trim().to_lowercase(),
    }
}

/// Every entry that is told takes the place of the recorded one that it is a state of, or is new: the same one, one of the same day,
/// or the one of a day that is not known. What ended is taken out, unless another entry that is told stands for it.
fn list<T: Item>(recorded: &[T], told: &[T], ended: &[Concept]) -> Vec<T> {
    let mut entries: Vec<(T, bool)> = recorded.iter().map(|entry| (entry.clone(), false)).collect();
    let mut rest: Vec<&T> = told.iter().collect();
    let equal = |known: &T, new: &T| known == new;
    let same_day = |known: &T, new: &T| same(known.concept(), new.concept()) && known.since() == new.since();
    let no_day =
        |known: &T, new: &T| same(known.concept(), new.concept()) && (known.since().is_none() || new.since().is_none());
    for is_state in [&equal as &dyn Fn(&T, &T) -> bool, &same_day, &no_day] {
        rest.retain(|new| {
            let known = entries.iter_mut().find(|(known, met)| !met && is_state(known, new));
            let is_new = known.is_none();
            if let Some(known) = known {
                *known = ((*new).clone(), true);
            }
            is_new
        });
    }
    for concept in ended {
        if let Some(at) = entries
            .iter()
            .position(|(known, met)| !met && same(known.concept(), concept))
        {
            entries.remove(at);
        }
    }
    entries
        .into_iter()
        .map(|(entry, _)| entry)
        .chain(rest.into_iter().cloned())
        .collect()
}

#[cfg(test)]
mod tests {
    use domain::kernel::{CodeSystem, Coding};
    use proptest::prelude::*;

    use super::*;

    fn concept(code: &str) -> Concept {
        let coding = Coding {
            system: CodeSystem::Snomed,
            code: code.to_owned(),
        };
        Concept {
            coding: Some(coding),
            text: code.to_owned(),
        }
    }

    fn condition(code: &str, onset: Option<&str>, abated: Option<&str>) -> Condition {
        let day = |day: &str| day.parse().unwrap();
        Condition {
            concept: concept(code),
            onset: onset.map(day),
            abated: abated.map(day),
        }
    }

    #[test]
    fn what_is_not_told_stays() {
        let recorded = [
            condition("asthma", None, None),
            condition("flu", Some("2001-01-01"), None),
        ];
        assert_eq!(list(&recorded, &[], &[]), recorded);
        let told = [condition("gout", None, None)];
        assert_eq!(list(&recorded, &told, &[]), [&recorded[..], &told[..]].concat());
    }

    #[test]
    fn a_newer_state_takes_the_place_of_its_entry_and_of_no_other() {
        let recorded = [
            condition("flu", Some("2001-01-01"), None),
            condition("flu", Some("2005-01-01"), None),
        ];
        let over = condition("flu", Some("2005-01-01"), Some("2005-02-01"));
        assert_eq!(
            list(&recorded, std::slice::from_ref(&over), &[]),
            [recorded[0].clone(), over]
        );
        let again = condition("flu", Some("2010-01-01"), None);
        assert_eq!(list(&recorded, std::slice::from_ref(&again), &[]).len(), 3);
        let dated = condition("asthma", Some("1999-01-01"), None);
        assert_eq!(
            list(&[condition("asthma", None, None)], std::slice::from_ref(&dated), &[]),
            [dated]
        );
    }

    #[test]
    fn what_ended_is_taken_out_unless_it_is_told_again() {
        let recorded = [condition("asthma", None, None), condition("flu", None, None)];
        assert_eq!(list(&recorded, &[], &[concept("asthma")]), recorded[1..]);
        assert_eq!(list(&recorded, &recorded[..1], &[concept("asthma")]), recorded);
        assert_eq!(list(&recorded, &[], &[concept("gout")]), recorded);
    }

    #[test]
    fn that_none_are_known_takes_nothing_out() {
        let known = Findings::Known(vec![condition("asthma", None, None)]);
        assert_eq!(findings(&known, &Findings::NoneKnown, &[]), known);
        assert_eq!(findings(&Findings::NoneKnown, &known, &[]), known);
        assert_eq!(
            findings::<Condition>(&Findings::Unknown, &Findings::NoneKnown, &[]),
            Findings::NoneKnown
        );
        assert_eq!(
            findings::<Condition>(&Findings::NoneKnown, &Findings::NotAsked, &[]),
            Findings::NoneKnown
        );
        assert_eq!(
            findings(&known, &Findings::NotAsked, &[concept("asthma")]),
            Findings::NotAsked
        );
    }

    #[test]
    fn an_older_state_changes_nothing_but_what_names_the_person() {
        let identifier = |value: &str| Identifier {
            system: "urn:x".to_owned(),
            value: value.to_owned(),
        };
        let state = |phone: &str, as_of: &str| PatientDetails {
            phone: Some(phone.to_owned()),
            identifier: Some(identifier("1")),
            as_of: as_of.parse().ok(),
            ..PatientDetails::default()
        };
        let (old, new) = (
            state("old", "2020-01-01T00:00:00Z"),
            state("new", "2024-01-01T00:00:00Z"),
        );
        assert_eq!(details(&new, &old, &[]), new);
        assert_eq!(details(&old, &new, &[]), new);
        let undated = state("undated", "");
        assert_eq!(details(&new, &undated, &[]).phone.as_deref(), Some("undated"));
        assert_eq!(details(&new, &undated, &[]).as_of, new.as_of);
        let numbered = PatientDetails {
            identifier: Some(identifier("2")),
            other_identifiers: vec![identifier("3")],
            ..old
        };
        let merged = details(&new, &numbered, &[]);
        assert_eq!(merged.identifier, new.identifier);
        assert_eq!(merged.other_identifiers, [identifier("2"), identifier("3")]);
        assert_eq!(
            details(&merged, &new, &[identifier("3")]).other_identifiers,
            [identifier("2")]
        );
    }

    fn conditions() -> impl Strategy<Value = Vec<Condition>> {
        let days = prop::sample::select(vec![None, Some("2001-01-01"), Some("2002-02-02")]);
        let one = ("[abc]", days.clone(), days).prop_map(|(code, onset, abated)| condition(&code, onset, abated));
        prop::collection::vec(one, 0..6)
    }

    proptest! {
        #[test]
        fn telling_it_again_changes_nothing_and_nothing_is_lost(recorded in conditions(), told in conditions()) {
            let merged = list(&recorded, &told, &[]);
            prop_assert_eq!(&list(&merged, &told, &[]), &merged);
            for new in &told {
                let count = |list: &[Condition]| list.iter().filter(|one| *one == new).count();
                prop_assert!(count(&merged) >= count(&told));
            }
            for known in &recorded {
                prop_assert!(merged.iter().any(|one| one.concept == known.concept));
            }
            prop_assert!(merged.len() >= recorded.len().max(told.len()));
        }
    }
}
