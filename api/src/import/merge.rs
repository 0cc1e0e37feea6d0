//! What is told of a person, taken into the record that is there: entry by entry, and nothing is deleted because it is not told.
//!
//! Pure, and doing it again changes nothing. Where the source dates its states, they may be told in any order, in one run or in
//! several: the newest wins. A state without a date counts as of when it is told.

mod findings;

use chrono::{DateTime, NaiveDate, Utc};
use domain::kernel::{Concept, Identifier};
use domain::patient::{AllergyKind, Findings, Intake, Matter, PatientDetails, Withdrawn};
use domain::practitioner::PractitionerDetails;

use self::findings::Finding;
use super::identity::{ADDRESSES, is_global};

/// The details as they are after this was told: those that are told, unless they are no newer state. What names the person is only
/// added to, but for what is `former`. A death stays where none is told: others may not have heard of it.
pub(super) fn details(recorded: &PatientDetails, told: &PatientDetails, former: &[Identifier]) -> PatientDetails {
    let identifier = recorded.identifier.clone();
    let known = recorded.other_identifiers.iter();
    let is_address = |known: &Identifier| known.system == ADDRESSES && is_global(&known.value);
    let is_called = known.clone().any(is_address);
    // What the resource is called may change with every export; one name that is good everywhere is enough to know it again.
    let worth = |other: &&Identifier| !(is_called && other.system == ADDRESSES);
    let new = told.identifier.iter().chain(&told.other_identifiers).filter(worth);
    let mut other_identifiers: Vec<Identifier> = Vec::new();
    for other in known.filter(|known| !former.contains(known)).chain(new) {
        let is_new = Some(other) != identifier.as_ref() && !other_identifiers.contains(other);
        if is_new && other_identifiers.len() < PatientDetails::MOST_IDENTIFIERS {
            other_identifiers.push(other.clone());
        }
    }
    let base = if is_no_newer(recorded.as_of, told.as_of) {
        recorded
    } else {
        told
    };
    PatientDetails {
        identifier,
        other_identifiers,
        as_of: told.as_of.max(recorded.as_of),
        deceased: base.deceased.or(recorded.deceased),
        ..base.clone()
    }
}

/// Whether what is told is an older state than what is recorded, by the dates of both.
pub(super) fn is_older(recorded: Option<DateTime<Utc>>, told: Option<DateTime<Utc>>) -> bool {
    told.zip(recorded).is_some_and(|(told, recorded)| told < recorded)
}

/// Whether what is told is no newer state than what is recorded, by the dates of both. The same state told once more overrules nothing
/// that was changed here since.
pub(super) fn is_no_newer(recorded: Option<DateTime<Utc>>, told: Option<DateTime<Utc>>) -> bool {
    told.zip(recorded).is_some_and(|(told, recorded)| told <= recorded)
}

/// A practitioner's details after this was told, unless it is no newer state. What is not told stays: the time zone, the
/// credentials, and the specialities if none are told.
pub(super) fn practitioner(recorded: &PractitionerDetails, told: &PractitionerDetails) -> PractitionerDetails {
    if is_no_newer(recorded.as_of, told.as_of) {
        return recorded.clone();
    }
    PractitionerDetails {
        name: told.name.clone(),
        gender: told.gender,
        specializations: match told.specializations.as_slice() {
            [] => recorded.specializations.clone(),
            told => told.to_vec(),
        },
        as_of: told.as_of.or(recorded.as_of),
        ..recorded.clone()
    }
}

/// What is not so any more.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ended {
    /// Findings that were entered in error or refuted, and allergies that are over.
    pub findings: Vec<EndedFinding>,
    /// Words that none are known, of this matter, or of this kind of allergies.
    pub words: Vec<(Matter, Option<AllergyKind>)>,
}

/// A finding that is not so any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndedFinding {
    /// In which list it is.
    pub matter: Matter,
    /// What it was.
    pub concept: Concept,
    /// Since when it was said to be.
    pub since: Option<NaiveDate>,
    /// As of when its source says that it is not so, if it says.
    pub as_of: Option<DateTime<Utc>>,
}

/// An intake that something was told of.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Merged {
    /// The intake as it is now.
    pub(super) intake: Intake,
    /// Of which lists an entry that was told is no newer state than what is recorded, and says something else.
    pub(super) older: Vec<Matter>,
    /// Of which lists an entry that was told is not taken, for it is a state from before its source took it back.
    pub(super) kept_out: Vec<Matter>,
    /// Of which lists an entry that was recorded is taken out.
    pub(super) taken_out: Vec<Matter>,
}

/// The intake as it is after this was told. Symptoms are the patient's own words, which no source knows.
pub(super) fn intake(recorded: &Intake, told: &Intake, ended: &Ended) -> Merged {
    let mut merge = Merge {
        ended,
        withdrawn: recorded.withdrawn.clone(),
        older: Vec::new(),
        kept_out: Vec::new(),
        taken_out: Vec::new(),
    };
    let conditions = merge.findings(&recorded.conditions, &told.conditions);
    let allergies = merge.findings(&recorded.allergies, &told.allergies);
    let medications = merge.findings(&recorded.medications, &told.medications);
    let Merge {
        mut withdrawn,
        older,
        kept_out,
        taken_out,
        ..
    } = merge;
    withdrawn.truncate(Intake::MOST);
    let kinds = recorded.no_known_allergies_to.iter();
    let kinds = kinds.filter(|kind| !ended.words.contains(&(Matter::Allergies, Some(**kind))));
    let mut no_known_allergies_to: Vec<AllergyKind> = Vec::new();
    for kind in kinds.chain(&told.no_known_allergies_to) {
        if !no_known_allergies_to.contains(kind) {
            no_known_allergies_to.push(*kind);
        }
    }
    let intake = Intake {
        conditions,
        allergies,
        no_known_allergies_to,
        medications,
        symptoms: recorded.symptoms.clone(),
        withdrawn,
    };
    Merged {
        intake,
        older,
        kept_out,
        taken_out,
    }
}

struct Merge<'a> {
    ended: &'a Ended,
    withdrawn: Vec<Withdrawn>,
    older: Vec<Matter>,
    kept_out: Vec<Matter>,
    taken_out: Vec<Matter>,
}

impl Merge<'_> {
    /// That none are known takes nothing out: it may not have been known who told of them.
    fn findings<T: Finding>(&mut self, recorded: &Findings<T>, told: &Findings<T>) -> Findings<T> {
        let list = self.list(recorded.list(), told.list());
        let is_taken_back = self.ended.words.contains(&(T::MATTER, None));
        let stands = match recorded {
            Findings::NoneKnown if is_taken_back => &Findings::NotAsked,
            recorded => recorded,
        };
        match (stands, told) {
            _ if !list.is_empty() => list.into(),
            (_, Findings::NoneKnown) | (Findings::NoneKnown, _) => Findings::NoneKnown,
            (_, Findings::Unknown) | (Findings::Unknown, _) => Findings::Unknown,
            _ => Findings::NotAsked,
        }
    }

    /// Every entry that is told takes the place of the recorded one that it is a state of, unless that is newer, or is new. What ended
    /// is taken out, unless another entry that is told stands for it, or a newer state is recorded.
    fn list<T: Finding>(&mut self, recorded: &[T], told: &[T]) -> Vec<T> {
        // What was there is not ended once more: somebody may have noted it again since.
        let ended = self.ended.findings.iter().filter(|ended| ended.matter == T::MATTER);
        let known: Vec<Withdrawn> = self.withdrawn.clone();
        let is_known = |ended: &&EndedFinding| known.iter().any(|known| findings::is_applied(known, ended));
        let ended: Vec<&EndedFinding> = ended.filter(|ended| !is_known(ended)).collect();
        let is_withdrawn = |new: &T| known.iter().any(|known| findings::brings_back(known, new));
        let (gone, told): (Vec<&T>, Vec<&T>) = told.iter().partition(|new| is_withdrawn(new));
        self.kept_out.extend(gone.iter().map(|_| T::MATTER));

        self.withdrawn
            .retain(|known| !told.iter().any(|new| findings::is_of(known, *new)));
        let (mut entries, older) = findings::updated(recorded, &told);
        self.older.extend(std::iter::repeat_n(T::MATTER, older));
        for ended in ended {
            if findings::take_out(&mut entries, ended) {
                self.taken_out.push(T::MATTER);
            }
            let stands = entries.iter().any(|(entry, _)| findings::is_ended_by(entry, ended));
            if let (Some(as_of), false) = (ended.as_of, stands) {
                self.withdraw(ended, as_of);
            }
        }
        entries.into_iter().map(|(entry, _)| entry).collect()
    }

    fn withdraw(&mut self, ended: &EndedFinding, as_of: DateTime<Utc>) {
        let same = |known: &Withdrawn| {
            known.matter == ended.matter && known.since == ended.since && findings::same(&known.concept, &ended.concept)
        };
        match self.withdrawn.iter_mut().find(|known| same(known)) {
            Some(known) => known.as_of = known.as_of.max(as_of),
            None => self.withdrawn.push(Withdrawn {
                matter: ended.matter,
                concept: ended.concept.clone(),
                since: ended.since,
                as_of,
            }),
        }
    }
}

#[cfg(test)]
mod tests;
