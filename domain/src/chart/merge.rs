//! What another system reports, taken into a chart: finding by finding, and nothing is deleted because it is not told.
//!
//! Pure, and doing it again changes nothing. The states of a resource may be told in any order, in one report or in several: the newest
//! wins. A state that is not dated is as of now; whoever tells it once more tells nothing new.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::contents::{Contents, Withdrawn};
use super::finding::SourcedFinding;
use super::findings::Findings;
use super::list::{Absence, FindingId, List, ListKind};
use super::matching::{self, Matched, Out, Updated};
use super::negations::Negations;
use super::report::{Ended, Report};
use crate::kernel::SourceId;
use crate::kernel::time::whole_millis;

/// What becomes of something that is told, or was noted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Remark {
    /// It is told, is no newer state than what is noted, and says something else.
    Older,
    /// It is told and not taken: it is a state from before it was taken back.
    KeptOut,
    /// It is told and not taken: another resource that said the same was taken back later, and may be this one under another id.
    KeptOutAlike,
    /// It is told and not taken: it is over, or none, and may be one of several that are noted.
    Unclear,
    /// It is told and not taken: the same resource said later that none are known.
    Outspoken,
    /// It is told and taken for what is noted of the same day under another id, though only one of the two says that it is over.
    UnderAnotherId,
    /// It is noted without a day and stays, and one of the same name is told that is over: it may be that one.
    MayBeOver,
    /// It was noted, and is taken out.
    TakenOut,
    /// It was noted, and its resource tells something else now.
    Replaced,
    /// It is noted and stays, and one that is alike was taken back under another id.
    Alike,
    /// It is noted and stays, and it is said now that none are known.
    Denied,
}

/// A chart that something was told of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Merged {
    // Its lists. A finding without an id is new.
    pub(super) conditions: MergedList<super::Condition>,
    pub(super) allergies: MergedList<super::Allergy>,
    pub(super) medications: MergedList<super::Medication>,
    pub(super) no_known_allergies_to: Vec<super::AllergyKind>,
    pub(super) withdrawn: Vec<Withdrawn>,
    pub(super) negations: Vec<super::Negation>,
    /// What is to be said of it.
    pub remarks: Vec<(ListKind, Remark)>,
}

/// A list of a chart that something was told of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct MergedList<T> {
    pub(super) entries: Vec<(Option<FindingId>, T)>,
    pub(super) absence: Absence,
}

impl Contents {
    /// The chart after a report was taken in.
    pub fn merged(&self, report: &Report, now: DateTime<Utc>) -> Merged {
        let now = whole_millis(now);
        let mut negations = Negations::of(&self.negations);
        negations.take_in(self, report, now);
        let mut merge = Merge {
            report,
            now,
            withdrawn: self.withdrawn.clone(),
            remarks: negations.older.iter().map(|list| (*list, Remark::Older)).collect(),
            negations,
        };
        Merged {
            conditions: merge.list(&self.conditions, &report.conditions),
            allergies: merge.list(&self.allergies, &report.allergies),
            medications: merge.list(&self.medications, &report.medications),
            no_known_allergies_to: merge.negations.kinds(&self.no_known_allergies_to),
            withdrawn: newest(merge.withdrawn, Withdrawn::rank),
            negations: newest(merge.negations.all, |negation| negation.as_of),
            remarks: merge.remarks,
        }
    }
}

impl Merged {
    /// The lists that are longer than a list may be.
    pub fn overfull(&self) -> Vec<ListKind> {
        let lengths = [
            (ListKind::Conditions, self.conditions.entries.len()),
            (ListKind::Allergies, self.allergies.entries.len()),
            (ListKind::Medications, self.medications.entries.len()),
        ];
        let overfull = lengths.into_iter().filter(|(_, length)| *length > List::<()>::MOST);
        overfull.map(|(list, _)| list).collect()
    }
}

/// What is told but for the older of several states of one resource.
fn newest_of_each<T: SourcedFinding>(told: &[T], now: DateTime<Utc>) -> Vec<T> {
    let mut newest: BTreeMap<SourceId, (DateTime<Utc>, usize)> = BTreeMap::new();
    let states = || {
        told.iter()
            .enumerate()
            .filter_map(|(at, one)| Some((one.source()?, one, at)))
    };
    for (source, one, at) in states() {
        let state = (one.as_of().unwrap_or(now), at);
        let known = newest.entry(source).or_insert(state);
        *known = (*known).max(state);
    }
    let is_newest = |(at, one): &(usize, &T)| {
        one.source()
            .is_none_or(|source| newest.get(&source).is_some_and(|(_, newest)| newest == at))
    };
    told.iter()
        .enumerate()
        .filter(is_newest)
        .map(|(_, one)| one.clone())
        .collect()
}

/// As many as a chart keeps, in their order: those of the lowest rank are forgotten first, and of those of one rank the ones that come
/// first.
pub(super) fn newest<T, R: Ord>(mut all: Vec<T>, rank: impl Fn(&T) -> R) -> Vec<T> {
    let surplus = all.len().saturating_sub(Contents::MOST_KEPT);
    let mut oldest: Vec<usize> = (0..all.len()).collect();
    oldest.sort_by_key(|index| all.get(*index).map(&rank));
    oldest.truncate(surplus);
    let mut index = 0..;
    all.retain(|_| index.next().is_some_and(|index| !oldest.contains(&index)));
    all
}

struct Merge<'a> {
    report: &'a Report,
    now: DateTime<Utc>,
    withdrawn: Vec<Withdrawn>,
    negations: Negations,
    remarks: Vec<(ListKind, Remark)>,
}

impl Merge<'_> {
    /// That none are known takes nothing out and keeps nothing out but what the same resource told: whoever says it may not have known of
    /// what another one told, before it or after.
    fn list<T: SourcedFinding>(&mut self, noted: &List<T>, told: &Findings<T>) -> MergedList<T> {
        let entries = self.entries(noted, told.list());
        let none = (T::LIST, None);
        let is_denied = self.negations.is_said(none);
        let absence = match noted.absence() {
            _ if !entries.is_empty() => {
                let is_said = noted.absence() == Some(Absence::NoneKnown);
                let is_older = is_said && self.negations.are_later(told.list(), self.now);
                if is_older || (is_denied && told.list().is_empty()) {
                    self.remark::<T>(Remark::Denied, 1);
                }
                Absence::NotAsked
            }
            _ if is_denied => Absence::NoneKnown,
            // All of them are gone, and it is said still.
            None if self.negations.holds(none) => Absence::NoneKnown,
            Some(Absence::NoneKnown) if !self.negations.is_taken_back(none) => Absence::NoneKnown,
            Some(Absence::Unknown) => Absence::Unknown,
            _ if matches!(told, Findings::Unknown) => Absence::Unknown,
            _ => Absence::NotAsked,
        };
        let entries = entries.into_iter().map(|entry| (entry.id, entry.finding));
        MergedList {
            entries: entries.collect(),
            absence,
        }
    }

    /// Every finding that is told takes the place of the noted one that it is a state of, unless that is newer, or is new. What ended
    /// is taken out, unless another finding that is told stands for it, or a newer state is noted.
    fn entries<T: SourcedFinding>(&mut self, noted: &List<T>, told: &[T]) -> Vec<Matched<T>> {
        let known = self.withdrawn.clone();
        let told = &newest_of_each(told, self.now);
        let is_noted = |new: &T| noted.findings().any(|one| matching::says_again(one, new));
        let is_gone = |new: &T| {
            known.iter().any(|gone| {
                matching::brings_back(gone, new, self.now)
                    || (matching::brings_back_under_another_id(gone, new) && !is_noted(new))
            })
        };
        let (gone, told): (Vec<&T>, Vec<&T>) = told.iter().partition(|new| is_gone(new));
        let is_outspoken = |new: &&T| self.negations.are_newer(*new, self.now);
        let (outspoken, told): (Vec<&T>, Vec<&T>) = told.into_iter().partition(is_outspoken);
        for kept_out in gone {
            let is_own = known.iter().any(|gone| matching::brings_back(gone, kept_out, self.now));
            self.remark::<T>(if is_own { Remark::KeptOut } else { Remark::KeptOutAlike }, 1);
            self.keep_out(kept_out);
        }
        self.remark::<T>(Remark::Outspoken, outspoken.len());

        self.withdrawn
            .retain(|known| !told.iter().any(|new| matching::is_of(known, *new)));
        let Updated {
            mut entries,
            older,
            replaced,
            unclear,
            under_another_id,
            may_be_over,
        } = matching::updated(&noted.entries, &told, self.now);
        self.remark::<T>(Remark::Unclear, unclear);
        self.remark::<T>(Remark::Older, older);
        self.remark::<T>(Remark::UnderAnotherId, under_another_id);
        self.remark::<T>(Remark::MayBeOver, may_be_over);
        self.remark::<T>(Remark::Replaced, replaced);
        let report = self.report;
        for ended in report.ended.iter().filter(|ended| ended.list == T::LIST) {
            // What was there is not ended once more: somebody may have noted it again since.
            if !known.iter().any(|known| matching::is_applied(known, ended)) {
                self.end(&mut entries, ended);
            }
        }
        let negations = report.negations.iter();
        for negation in negations.filter(|one| one.holds && one.source.is_some()) {
            // What the same resource told before. That it tells a negation now keeps that out from here on.
            let ended = Ended {
                list: T::LIST,
                concept: None,
                since: None,
                source: negation.source,
                as_of: negation.as_of,
            };
            if matching::take_out(&mut entries, &ended, self.now) == Out::Taken {
                self.remark::<T>(Remark::TakenOut, 1);
            }
        }
        entries
    }

    fn end<T: SourcedFinding>(&mut self, entries: &mut Vec<Matched<T>>, ended: &Ended) {
        let is_alike = |entry: &Matched<T>| !entry.is_told() && matching::is_alike(&entry.finding, ended);
        match matching::take_out(entries, ended, self.now) {
            Out::Taken => self.remark::<T>(Remark::TakenOut, 1),
            Out::Unclear => self.remark::<T>(Remark::Unclear, 1),
            Out::Alike => self.remark::<T>(Remark::Alike, 1),
            Out::NotThere if entries.iter().any(is_alike) => self.remark::<T>(Remark::Alike, 1),
            Out::NotThere => {}
        }
        let stands = entries.iter().any(|entry| matching::is_ended_by(&entry.finding, ended));
        if !stands && (ended.source.is_some() || ended.concept.is_some()) {
            self.withdraw(ended, ended.as_of.unwrap_or(self.now));
        }
    }

    /// What is kept out for another resource's sake is the newest that its own has told: older states of that are kept out as well.
    fn keep_out<T: SourcedFinding>(&mut self, told: &T) {
        if let (Some(source), Some(as_of)) = (told.source(), told.as_of()) {
            let ended = Ended {
                list: T::LIST,
                concept: Some(told.concept().clone()),
                since: told.since(),
                source: Some(source),
                as_of: Some(as_of),
            };
            self.withdraw(&ended, as_of);
        }
    }

    fn withdraw(&mut self, ended: &Ended, as_of: DateTime<Utc>) {
        let known = &mut self.withdrawn;
        match known.iter_mut().find(|known| matching::is_same_end(known, ended)) {
            Some(known) => known.as_of = known.as_of.max(as_of),
            None => known.push(Withdrawn {
                list: ended.list,
                concept: ended.concept.clone(),
                since: ended.since,
                source: ended.source,
                as_of,
            }),
        }
    }

    fn remark<T: SourcedFinding>(&mut self, remark: Remark, times: usize) {
        self.remarks.extend(std::iter::repeat_n((T::LIST, remark), times));
    }
}
