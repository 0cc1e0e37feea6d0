//! Words that none are known: which of them hold, and what they keep out.

use chrono::{DateTime, Utc};
use domain::kernel::SourceId;
use domain::patient::{AllergyKind, Intake, Matter, Word};

use super::findings::{Finding, is_one_source};
use super::{Beside, ToldWord};

/// Of what none are known.
pub(super) type About = (Matter, Option<AllergyKind>);

/// The words of a record, while something is told of it.
pub(super) struct Words {
    /// All of them, as they are now.
    pub(super) all: Vec<Word>,
    /// Of what a word that is told is no newer than what is recorded, and says something else.
    pub(super) older: Vec<Matter>,
    said: Vec<About>,
    taken_back: Vec<About>,
}

impl Words {
    /// The words of a record.
    pub(super) fn of(recorded: &[Word]) -> Self {
        Self {
            all: recorded.to_vec(),
            older: Vec::new(),
            said: Vec::new(),
            taken_back: Vec::new(),
        }
    }

    /// Hears what is told. A resource that told a word before and tells a finding now takes its word back.
    /// What it told later, and is recorded, stays.
    pub(super) fn hear_all(&mut self, recorded: &Intake, beside: &Beside, told: &Intake, now: DateTime<Utc>) {
        for word in &beside.words {
            let later = last_told(recorded, word.source);
            if word.holds && later.is_some_and(|later| later > word.as_of.unwrap_or(now)) {
                self.older.push(word.matter);
            } else {
                self.hear(*word, now);
            }
        }
        self.see(told.conditions.list(), now);
        self.see(told.allergies.list(), now);
        self.see(told.medications.list(), now);
        for ended in &beside.ended {
            self.end(ended.source, ended.as_of, now);
        }
    }

    fn see<T: Finding>(&mut self, told: &[T], now: DateTime<Utc>) {
        for one in told {
            self.end(one.source(), one.as_of(), now);
        }
    }

    /// Takes back what a resource said that says something else now.
    fn end(&mut self, source: Option<SourceId>, as_of: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        let is_theirs = |word: &&Word| word.holds && is_one_source(word.source, source) == Some(true);
        let theirs: Vec<Word> = self.all.iter().filter(is_theirs).cloned().collect();
        for word in theirs {
            let taken_back = ToldWord {
                matter: word.matter,
                kind: word.kind,
                holds: false,
                source,
                as_of,
            };
            self.hear(taken_back, now);
        }
    }

    fn hear(&mut self, told: ToldWord, now: DateTime<Utc>) {
        let about = (told.matter, told.kind);
        let as_of = told.as_of.unwrap_or(now);
        let is_same = |known: &&mut Word| {
            (known.matter, known.kind) == about && is_one_source(known.source, told.source) != Some(false)
        };
        match self.all.iter_mut().find(is_same) {
            Some(known) if as_of <= known.as_of => {
                if known.holds != told.holds {
                    self.older.push(told.matter);
                }
                return;
            }
            // Nobody knows whether that is news.
            Some(known) if known.holds == told.holds && told.as_of.is_none() => return,
            Some(known) => {
                *known = Word {
                    holds: told.holds,
                    source: told.source.or(known.source),
                    as_of,
                    ..known.clone()
                }
            }
            None => self.all.push(Word {
                matter: told.matter,
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
        self.all
            .iter()
            .any(|word| word.holds && (word.matter, word.kind) == about)
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
    pub(super) fn kinds(&self, recorded: &[AllergyKind]) -> Vec<AllergyKind> {
        let about = |kind: &AllergyKind| (Matter::Allergies, Some(*kind));
        let stay = recorded.iter().filter(|kind| !self.is_taken_back(about(kind)));
        let mut kinds: Vec<AllergyKind> = stay.copied().collect();
        let said = self
            .said
            .iter()
            .filter(|said| said.0 == Matter::Allergies && self.holds(**said));
        for kind in said.filter_map(|(_, kind)| *kind) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds
    }

    /// Whether a finding is told by a resource that told a word later.
    pub(super) fn are_newer<T: Finding>(&self, told: &T, now: DateTime<Utc>) -> bool {
        let as_of = told.as_of().unwrap_or(now);
        let theirs = |word: &&Word| is_one_source(word.source, told.source()) == Some(true);
        self.all.iter().filter(theirs).any(|word| word.as_of > as_of)
    }

    /// Whether it is said as of a later time than all of these findings that none are known.
    pub(super) fn are_later<T: Finding>(&self, told: &[T], now: DateTime<Utc>) -> bool {
        let none = (T::MATTER, None);
        let words = self
            .all
            .iter()
            .filter(|word| word.holds && (word.matter, word.kind) == none);
        let said = words.map(|word| word.as_of).max();
        said.is_some_and(|said| told.iter().all(|one| one.as_of().unwrap_or(now) < said))
    }
}

/// As of when a resource last told a finding that is recorded, or took one back.
fn last_told(recorded: &Intake, source: Option<SourceId>) -> Option<DateTime<Utc>> {
    fn among<T: Finding>(list: &[T], source: Option<SourceId>) -> impl Iterator<Item = DateTime<Utc>> {
        let theirs = list
            .iter()
            .filter(move |one| is_one_source(one.source(), source) == Some(true));
        theirs.filter_map(Finding::as_of)
    }
    let withdrawn = recorded.withdrawn.iter();
    let withdrawn = withdrawn.filter(|gone| is_one_source(gone.source, source) == Some(true));
    among(recorded.conditions.list(), source)
        .chain(among(recorded.allergies.list(), source))
        .chain(among(recorded.medications.list(), source))
        .chain(withdrawn.map(|gone| gone.as_of))
        .max()
}
