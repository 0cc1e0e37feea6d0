//! What sources say of whole lists, that none are known: which of it holds, and what it keeps out.

use chrono::{DateTime, Utc};

use super::contents::{Contents, Negation};
use super::finding::{AllergyKind, SourcedFinding};
use super::list::{List, ListKind};
use super::matching::is_one_source;
use super::report::{Report, ReportedNegation};
use crate::kernel::SourceId;

/// Of what none are known.
pub(super) type About = (ListKind, Option<AllergyKind>);

/// The negations of a chart, while a report is taken in.
pub(super) struct Negations {
    /// All of them, as they are now.
    pub(super) all: Vec<Negation>,
    /// Of what a negation that is told is no newer than what is noted, and says something else.
    pub(super) older: Vec<ListKind>,
    said: Vec<About>,
    taken_back: Vec<About>,
}

impl Negations {
    /// Those of a chart.
    pub(super) fn of(noted: &[Negation]) -> Self {
        Self {
            all: noted.to_vec(),
            older: Vec::new(),
            said: Vec::new(),
            taken_back: Vec::new(),
        }
    }

    /// Takes in what is told. A resource that told a negation before and tells a finding now takes that back.
    /// What it told later, and is noted, stays.
    pub(super) fn take_in(&mut self, noted: &Contents, report: &Report, now: DateTime<Utc>) {
        let none_known = report.lists_of_none_known().map(|list| ReportedNegation {
            list,
            kind: None,
            holds: true,
            source: None,
            as_of: None,
        });
        let none_known: Vec<ReportedNegation> = none_known.collect();
        for told in report.negations.iter().chain(&none_known) {
            let later = last_told(noted, told.source);
            if told.holds && later.is_some_and(|later| later > told.as_of.unwrap_or(now)) {
                self.older.push(told.list);
            } else {
                self.state(*told, now);
            }
        }
        self.end_all(report.conditions.list(), now);
        self.end_all(report.allergies.list(), now);
        self.end_all(report.medications.list(), now);
        for ended in &report.ended {
            self.end(ended.source, ended.as_of, now);
        }
    }

    /// Takes in what people say here, whoever said so before. That it is not so is kept only where they had said that it is, and nothing is kept
    /// of a list of which no source says anything.
    pub(super) fn say_here(&mut self, (list, kind): About, holds: bool, as_of: DateTime<Utc>) {
        let is_theirs = |one: &&mut Negation| one.source.is_none() && (one.list, one.kind) == (list, kind);
        match self.all.iter_mut().find(is_theirs) {
            Some(known) => (known.holds, known.as_of) = (holds, as_of),
            None if holds && list.is_reported() => self.all.push(Negation {
                list,
                kind,
                holds,
                source: None,
                as_of,
            }),
            None => {}
        }
    }

    fn end_all<T: SourcedFinding>(&mut self, told: &[T], now: DateTime<Utc>) {
        for one in told {
            self.end(one.source(), one.as_of(), now);
        }
    }

    /// Takes back what a resource said that says something else now.
    fn end(&mut self, source: Option<SourceId>, as_of: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        let is_theirs = |one: &&Negation| one.holds && is_one_source(one.source, source) == Some(true);
        let theirs: Vec<Negation> = self.all.iter().filter(is_theirs).cloned().collect();
        for one in theirs {
            let taken_back = ReportedNegation {
                list: one.list,
                kind: one.kind,
                holds: false,
                source,
                as_of,
            };
            self.state(taken_back, now);
        }
    }

    fn state(&mut self, told: ReportedNegation, now: DateTime<Utc>) {
        let about = (told.list, told.kind);
        let as_of = told.as_of.unwrap_or(now);
        let is_same = |known: &&mut Negation| {
            (known.list, known.kind) == about && is_one_source(known.source, told.source) != Some(false)
        };
        match self.all.iter_mut().find(is_same) {
            Some(known) if as_of <= known.as_of => {
                if known.holds != told.holds {
                    self.older.push(told.list);
                }
                return;
            }
            // Nobody knows whether that is news.
            Some(known) if known.holds == told.holds && told.as_of.is_none() => return,
            Some(known) => {
                *known = Negation {
                    holds: told.holds,
                    source: told.source.or(known.source),
                    as_of,
                    ..known.clone()
                }
            }
            None => self.all.push(Negation {
                list: told.list,
                kind: told.kind,
                holds: told.holds,
                source: told.source,
                as_of,
            }),
        }
        if told.holds {
            self.said.push(about);
        } else {
            self.taken_back.push(about);
        }
    }

    /// Whether somebody says so still.
    pub(super) fn holds(&self, about: About) -> bool {
        self.all.iter().any(|one| one.holds && (one.list, one.kind) == about)
    }

    /// Whether it is said now, and was not before, or not as of then.
    pub(super) fn is_said(&self, about: About) -> bool {
        self.said.contains(&about) && self.holds(about)
    }

    /// Whether it is taken back now, and nobody else says so still.
    pub(super) fn is_taken_back(&self, about: About) -> bool {
        self.taken_back.contains(&about) && !self.holds(about)
    }

    /// The kinds of allergies of which none are known.
    pub(super) fn kinds(&self, noted: &[AllergyKind]) -> Vec<AllergyKind> {
        let about = |kind: &AllergyKind| (ListKind::Allergies, Some(*kind));
        let stay = noted.iter().filter(|kind| !self.is_taken_back(about(kind)));
        let mut kinds: Vec<AllergyKind> = stay.copied().collect();
        let said = self
            .said
            .iter()
            .filter(|said| said.0 == ListKind::Allergies && self.holds(**said));
        for kind in said.filter_map(|(_, kind)| *kind) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds
    }

    /// Whether a finding is told by a resource that told a negation later.
    pub(super) fn are_newer<T: SourcedFinding>(&self, told: &T, now: DateTime<Utc>) -> bool {
        let as_of = told.as_of().unwrap_or(now);
        let theirs = |one: &&Negation| is_one_source(one.source, told.source()) == Some(true);
        self.all.iter().filter(theirs).any(|one| one.as_of > as_of)
    }

    /// Whether it is said as of a later time than all of these findings that none are known.
    pub(super) fn are_later<T: SourcedFinding>(&self, told: &[T], now: DateTime<Utc>) -> bool {
        let none = (T::LIST, None);
        let theirs = self.all.iter().filter(|one| one.holds && (one.list, one.kind) == none);
        let said = theirs.map(|one| one.as_of).max();
        said.is_some_and(|said| told.iter().all(|one| one.as_of().unwrap_or(now) < said))
    }
}

/// As of when a resource last told a finding that is noted, or took one back.
fn last_told(noted: &Contents, source: Option<SourceId>) -> Option<DateTime<Utc>> {
    fn among<T: SourcedFinding>(list: &List<T>, source: SourceId) -> impl Iterator<Item = DateTime<Utc>> {
        let theirs = list
            .findings()
            .filter(move |one| one.sources().have(Some(source)) == Some(true));
        theirs.filter_map(move |one| one.told_by(source))
    }
    let source = source?;
    let withdrawn = noted.withdrawn.iter();
    let withdrawn = withdrawn.filter(|gone| is_one_source(gone.source, Some(source)) == Some(true));
    among(&noted.conditions, source)
        .chain(among(&noted.allergies, source))
        .chain(among(&noted.medications, source))
        .chain(withdrawn.map(|gone| gone.as_of))
        .max()
}
