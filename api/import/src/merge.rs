//! What is told of a person, taken into the record that is there: entry by entry, and nothing is deleted because it is not told.
//!
//! Pure, and doing it again changes nothing. The states of a resource may be told in any order, in one run or in several: the newest
//! wins. A state of a chart that is not dated is as of now; whoever tells it once more tells nothing new.

mod findings;
mod words;

use chrono::{DateTime, NaiveDate, Utc};
use domain::kernel::time::whole_millis;
use domain::kernel::{Concept, Gender, HumanName, Identifier, SourceId};
use domain::patient::{AllergyKind, Deceased, Findings, Intake, Matter, PatientDetails, Withdrawn};
use domain::practitioner::PractitionerDetails;

use self::findings::{Finding, Out, Updated};
use self::words::Words;
use super::identity::{ADDRESSES, is_global, is_on_a_server, tells_less};

/// The details as they are after this was told: those that are told, unless they are no newer state. What names the person is only
/// added to, but for what is `former`. What only one of two states tells stays or is added, a death too: others may not have heard of
/// it. A state that is told once more adds nothing: somebody may have taken it out here since.
pub(super) fn details(recorded: &PatientDetails, told: &PatientDetails, former: &[Identifier]) -> PatientDetails {
    let identifier = recorded.identifier.clone();
    let known = recorded.other_identifiers.iter();
    let is_address = |known: &Identifier| known.system == ADDRESSES && is_global(&known.value);
    let is_called = known.clone().any(is_address);
    // A server gives its resource one address for good. Any other name may change with every export: one is enough.
    let worth = |other: &&Identifier| other.system != ADDRESSES || !is_called || is_on_a_server(&other.value);
    let new = told.identifier.iter().chain(&told.other_identifiers).filter(worth);
    let mut other_identifiers: Vec<Identifier> = Vec::new();
    for other in known.filter(|known| !former.contains(known)).chain(new) {
        let is_new = Some(other) != identifier.as_ref() && !other_identifiers.contains(other);
        if is_new && other_identifiers.len() < PatientDetails::MOST_IDENTIFIERS {
            other_identifiers.push(other.clone());
        }
    }
    let details = if !is_no_newer(recorded.as_of, told.as_of) {
        filled(told, recorded)
    } else if told.as_of == recorded.as_of {
        recorded.clone()
    } else {
        filled(recorded, told)
    };
    PatientDetails {
        identifier,
        other_identifiers,
        as_of: told.as_of.max(recorded.as_of),
        ..details
    }
}

/// A state with what only an older one tells.
fn filled(newer: &PatientDetails, older: &PatientDetails) -> PatientDetails {
    let name = fuller(&newer.name, &older.name);
    PatientDetails {
        name,
        gender: match newer.gender {
            Gender::Unknown => older.gender,
            gender => gender,
        },
        address: newer.address.clone().or_else(|| older.address.clone()),
        phone: newer.phone.clone().or_else(|| older.phone.clone()),
        email: newer.email.clone().or_else(|| older.email.clone()),
        deceased: match newer.deceased {
            None | Some(Deceased::Unknown) => older.deceased.or(newer.deceased),
            deceased => deceased,
        },
        ..newer.clone()
    }
}

/// A name with what only an older one tells. Some tell no family name, or all in one piece, which then stands for it.
fn fuller(newer: &HumanName, older: &HumanName) -> HumanName {
    let parts = |name: &HumanName| -> Vec<String> {
        let all = name.given.iter().chain([&name.family]);
        all.flat_map(|part| part.split_whitespace())
            .map(str::to_lowercase)
            .collect()
    };
    let known = parts(older);
    let is_in_piece = newer.given.is_empty() && !older.given.is_empty();
    if is_in_piece && parts(newer).iter().all(|part| known.contains(part)) {
        return older.clone();
    }
    let whole = newer.family.to_lowercase();
    let is_in_whole = |given: &String| whole.split_whitespace().any(|part| part == given.to_lowercase());
    if tells_less(&newer.given, &older.given) && !older.given.iter().any(is_in_whole) {
        let given = older.given.clone();
        return HumanName { given, ..newer.clone() };
    }
    newer.clone()
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

/// What is told beside findings.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Beside {
    /// Findings that are none, or none any more: entered in error, refuted, deleted, called off, or allergies that are over.
    pub ended: Vec<Ended>,
    /// Words that none are known, of this matter, or of this kind of allergies; and that this is so no longer.
    pub words: Vec<ToldWord>,
    /// Allergies of which it is not told how critical they are: what they are, and what the source calls them.
    pub unjudged: Vec<(Concept, Option<SourceId>)>,
}

impl Beside {
    /// Whether of a finding it is not told how critical it is.
    fn leaves_open<T: Finding>(&self, told: &T) -> bool {
        let is_it =
            |(concept, source): &(Concept, Option<SourceId>)| (concept, *source) == (told.concept(), told.source());
        T::MATTER == Matter::Allergies && self.unjudged.iter().any(is_it)
    }
}

/// A finding that is none, or none any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ended {
    /// In which list it is.
    pub matter: Matter,
    /// What it was. `None` where only what this very resource told before is meant.
    pub concept: Option<Concept>,
    /// Since when it was said to be.
    pub since: Option<NaiveDate>,
    /// What the source calls the resource.
    pub source: Option<SourceId>,
    /// As of when its source says that it is not so, if it says.
    pub as_of: Option<DateTime<Utc>>,
}

/// A word that none are known, or that this is so no longer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ToldWord {
    /// Of what.
    pub matter: Matter,
    /// Of which kind of allergies, if it is one.
    pub kind: Option<AllergyKind>,
    /// Whether it is so.
    pub holds: bool,
    /// What the source calls the resource.
    pub source: Option<SourceId>,
    /// As of when its source says so, if it says.
    pub as_of: Option<DateTime<Utc>>,
}

/// An intake that something was told of.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Merged {
    /// The intake as it is now.
    pub(super) intake: Intake,
    /// What of it is to be said.
    pub(super) remarks: Vec<(Matter, Remark)>,
}

/// What becomes of something that is told, or was recorded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Remark {
    /// It is told, is no newer state than what is recorded, and says something else.
    Older,
    /// It is told and not taken: it is a state from before its source took it back.
    KeptOut,
    /// It is told and not taken: another resource that said the same was taken back later, and may be this one under another id.
    KeptOutAlike,
    /// It is told and not taken: there is no room for it.
    NoRoom,
    /// It is told and not taken: it is over, or none, and may be one of several that are recorded.
    Unclear,
    /// It is told and not taken: the same resource said later that none are known.
    Outspoken,
    /// It was recorded, and is taken out.
    TakenOut,
    /// It was recorded, and its resource tells something else now.
    Replaced,
    /// It is recorded and stays, and one that is alike was taken back under another id.
    Alike,
    /// It is recorded and stays, and it is said now that none are known.
    Denied,
}

/// The intake as it is after this was told. Symptoms are the patient's own words, which no source knows.
pub(super) fn intake(recorded: &Intake, told: &Intake, beside: &Beside, now: DateTime<Utc>) -> Merged {
    let now = whole_millis(now);
    let mut words = Words::of(&recorded.words);
    words.hear_all(recorded, beside, told, now);
    let mut merge = Merge {
        beside,
        now,
        withdrawn: recorded.withdrawn.clone(),
        remarks: words.older.iter().map(|matter| (*matter, Remark::Older)).collect(),
        words,
    };
    let conditions = merge.findings(&recorded.conditions, &told.conditions);
    let allergies = merge.findings(&recorded.allergies, &told.allergies);
    let medications = merge.findings(&recorded.medications, &told.medications);
    let intake = Intake {
        conditions,
        allergies,
        no_known_allergies_to: merge.words.kinds(&recorded.no_known_allergies_to),
        medications,
        symptoms: recorded.symptoms.clone(),
        withdrawn: newest(merge.withdrawn, |gone| gone.as_of),
        words: newest(merge.words.all, |word| word.as_of),
    };
    Merged {
        intake,
        remarks: merge.remarks,
    }
}

/// As many as a record takes, in their order: the oldest are forgotten first, and of those of one date the ones that come first.
fn newest<T>(mut all: Vec<T>, as_of: impl Fn(&T) -> DateTime<Utc>) -> Vec<T> {
    let surplus = all.len().saturating_sub(Intake::MOST);
    let mut oldest: Vec<usize> = (0..all.len()).collect();
    oldest.sort_by_key(|index| all.get(*index).map(&as_of));
    oldest.truncate(surplus);
    let mut index = 0..;
    all.retain(|_| index.next().is_some_and(|index| !oldest.contains(&index)));
    all
}

struct Merge<'a> {
    beside: &'a Beside,
    now: DateTime<Utc>,
    withdrawn: Vec<Withdrawn>,
    words: Words,
    remarks: Vec<(Matter, Remark)>,
}

impl Merge<'_> {
    /// That none are known takes nothing out and keeps nothing out but what the same resource told: whoever says it may not have known of
    /// what another one told, before it or after.
    fn findings<T: Finding>(&mut self, recorded: &Findings<T>, told: &Findings<T>) -> Findings<T> {
        let list = self.list(recorded, told.list());
        let none = (T::MATTER, None);
        let is_denied = self.words.is_said(none);
        match recorded {
            _ if !list.is_empty() => {
                let is_older = matches!(recorded, Findings::NoneKnown) && self.words.are_later(told.list(), self.now);
                if is_older || (is_denied && told.list().is_empty()) {
                    self.remark::<T>(Remark::Denied, 1);
                }
                list.into()
            }
            _ if is_denied => Findings::NoneKnown,
            // All of them are gone, and it is said still.
            Findings::Known(_) if self.words.holds(none) => Findings::NoneKnown,
            Findings::NoneKnown if !self.words.is_taken_back(none) => Findings::NoneKnown,
            Findings::Unknown => Findings::Unknown,
            _ if matches!(told, Findings::Unknown) => Findings::Unknown,
            _ => Findings::NotAsked,
        }
    }

    /// Every entry that is told takes the place of the recorded one that it is a state of, unless that is newer, or is new. What ended
    /// is taken out, unless another entry that is told stands for it, or a newer state is recorded.
    fn list<T: Finding>(&mut self, recorded: &Findings<T>, told: &[T]) -> Vec<T> {
        let known = self.withdrawn.clone();
        let is_recorded = |new: &T| recorded.list().iter().any(|one| findings::says_again(one, new));
        let is_gone = |new: &T| {
            known.iter().any(|gone| {
                findings::brings_back(gone, new, self.now)
                    || (findings::brings_back_under_another_id(gone, new) && !is_recorded(new))
            })
        };
        let (gone, told): (Vec<&T>, Vec<&T>) = told.iter().partition(|new| is_gone(new));
        let is_outspoken = |new: &&T| self.words.are_newer(*new, self.now);
        let (outspoken, told): (Vec<&T>, Vec<&T>) = told.into_iter().partition(is_outspoken);
        for kept_out in gone {
            let is_own = known.iter().any(|gone| findings::brings_back(gone, kept_out, self.now));
            self.remark::<T>(if is_own { Remark::KeptOut } else { Remark::KeptOutAlike }, 1);
            self.keep_out(kept_out);
        }
        self.remark::<T>(Remark::Outspoken, outspoken.len());

        self.withdrawn
            .retain(|known| !told.iter().any(|new| findings::is_of(known, *new)));
        let Updated {
            mut entries,
            older,
            replaced,
            unclear,
        } = findings::updated(recorded.list(), &told, self.beside, self.now);
        self.remark::<T>(Remark::Unclear, unclear);
        self.remark::<T>(Remark::Older, older);
        self.remark::<T>(Remark::Replaced, replaced);
        let beside = self.beside;
        for ended in beside.ended.iter().filter(|ended| ended.matter == T::MATTER) {
            // What was there is not ended once more: somebody may have noted it again since.
            if !known.iter().any(|known| findings::is_applied(known, ended)) {
                self.end(&mut entries, ended);
            }
        }
        let words = beside.words.iter().filter(|word| word.holds && word.source.is_some());
        for word in words {
            // What the same resource told before. That it tells a word now keeps that out from here on.
            let ended = Ended {
                matter: T::MATTER,
                concept: None,
                since: None,
                source: word.source,
                as_of: word.as_of,
            };
            if findings::take_out(&mut entries, &ended, self.now) == Out::Taken {
                self.remark::<T>(Remark::TakenOut, 1);
            }
        }
        entries.into_iter().map(|(entry, _)| entry).collect()
    }

    fn end<T: Finding>(&mut self, entries: &mut Vec<(T, bool)>, ended: &Ended) {
        let is_alike = |(entry, met): &(T, bool)| !met && findings::is_alike(entry, ended);
        match findings::take_out(entries, ended, self.now) {
            Out::Taken => self.remark::<T>(Remark::TakenOut, 1),
            Out::Unclear => self.remark::<T>(Remark::Unclear, 1),
            Out::Alike => self.remark::<T>(Remark::Alike, 1),
            Out::NotThere if entries.iter().any(is_alike) => self.remark::<T>(Remark::Alike, 1),
            Out::NotThere => {}
        }
        let stands = entries.iter().any(|(entry, _)| findings::is_ended_by(entry, ended));
        if !stands && (ended.source.is_some() || ended.concept.is_some()) {
            self.withdraw(ended, ended.as_of.unwrap_or(self.now));
        }
    }

    /// What is kept out for another resource's sake is the newest that its own has told: older states of that are kept out as well.
    fn keep_out<T: Finding>(&mut self, told: &T) {
        if let (Some(source), Some(as_of)) = (told.source(), told.as_of()) {
            let ended = Ended {
                matter: T::MATTER,
                concept: Some(told.concept().clone()),
                since: told.since(),
                source: Some(source),
                as_of: Some(as_of),
            };
            self.withdraw(&ended, as_of);
        }
    }

    fn withdraw(&mut self, ended: &Ended, as_of: DateTime<Utc>) {
        match self
            .withdrawn
            .iter_mut()
            .find(|known| findings::is_same_end(known, ended))
        {
            Some(known) => known.as_of = known.as_of.max(as_of),
            None => self.withdrawn.push(Withdrawn {
                matter: ended.matter,
                concept: ended.concept.clone(),
                since: ended.since,
                source: ended.source,
                as_of,
            }),
        }
    }

    fn remark<T: Finding>(&mut self, remark: Remark, times: usize) {
        self.remarks.extend(std::iter::repeat_n((T::MATTER, remark), times));
    }
}

#[cfg(test)]
mod tests;
