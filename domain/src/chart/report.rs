//! What another system reports of a chart.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::error::{ChartError, FindingPlace};
use super::finding::{Allergy, AllergyKind, Condition, Finding, Medication, SourcedFinding};
use super::findings::Findings;
use super::list::ListKind;
use crate::kernel::time::last_day_anywhere;
use crate::kernel::{Concept, SourceId};

/// What another system tells of a patient's chart: states of findings, each as of some time, and what are none any more. What is not told
/// stays as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Conditions.
    pub conditions: Findings<Condition>,
    /// Allergies.
    pub allergies: Findings<Allergy>,
    /// Medications.
    pub medications: Findings<Medication>,
    /// Findings that are none, or none any more: entered in error, refuted, deleted, called off, or allergies that are over.
    pub ended: Vec<Ended>,
    /// Statements that none are known, and that this is so no longer.
    pub negations: Vec<ReportedNegation>,
}

/// A finding that is none, or none any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ended {
    /// In which list it is.
    pub list: ListKind,
    /// What it was. `None` where only what this very resource told before is meant.
    pub concept: Option<Concept>,
    /// Since when it was said to be.
    pub since: Option<NaiveDate>,
    /// What the source calls the resource.
    pub source: Option<SourceId>,
    /// As of when its source says that it is not so, if it says.
    pub as_of: Option<DateTime<Utc>>,
}

/// A statement that none are known, or that this is so no longer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReportedNegation {
    /// Of what.
    pub list: ListKind,
    /// Of which kind of allergies, if it is one.
    pub kind: Option<AllergyKind>,
    /// Whether it is so.
    pub holds: bool,
    /// What the source calls the resource.
    pub source: Option<SourceId>,
    /// As of when its source says so, if it says.
    pub as_of: Option<DateTime<Utc>>,
}

impl Report {
    /// How far ahead of ours a source's clock may be.
    pub const CLOCKS_DIFFER: TimeDelta = TimeDelta::days(1);

    /// Whether the times as of which it is told can be true, and the days of the findings.
    ///
    /// # Errors
    /// [`ChartError::ToldInTheFuture`], and as [`Finding::check_days`], each with the first place of such a time.
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), ChartError> {
        let ended = self.ended.iter().enumerate();
        let ended = ended.map(|(at, one)| (FindingPlace::Ended(at), one.as_of));
        let negations = self.negations.iter().enumerate();
        let negations = negations.map(|(at, one)| (FindingPlace::Negation(at), one.as_of));
        let mut all = dates(self.conditions.list())
            .chain(dates(self.allergies.list()))
            .chain(dates(self.medications.list()))
            .chain(ended)
            .chain(negations);
        let is_to_come = |as_of: Option<DateTime<Utc>>| as_of.is_some_and(|told| told - now > Self::CLOCKS_DIFFER);
        match all.find(|(_, as_of)| is_to_come(*as_of)) {
            Some((place, _)) => Err(ChartError::ToldInTheFuture(place)),
            None => self.check_days(last_day_anywhere(now)),
        }
    }

    fn check_days(&self, latest: NaiveDate) -> Result<(), ChartError> {
        check_days_of(self.conditions.list(), latest)?;
        check_days_of(self.allergies.list(), latest)?;
        check_days_of(self.medications.list(), latest)
    }

    /// The lists of which it says that none are known, and no more: neither who says so, nor as of when.
    pub(super) fn lists_of_none_known(&self) -> impl Iterator<Item = ListKind> {
        let said = [
            (ListKind::Conditions, matches!(self.conditions, Findings::NoneKnown)),
            (ListKind::Allergies, matches!(self.allergies, Findings::NoneKnown)),
            (ListKind::Medications, matches!(self.medications, Findings::NoneKnown)),
        ];
        let is_told = |list: ListKind| self.negations.iter().any(|one| one.list == list && one.kind.is_none());
        let none = said.into_iter().filter(|(_, is_said)| *is_said).map(|(list, _)| list);
        none.filter(move |list| !is_told(*list))
    }
}

fn check_days_of<T: Finding>(list: &[T], latest: NaiveDate) -> Result<(), ChartError> {
    let mut all = list.iter().enumerate();
    all.try_for_each(|(at, one)| one.check_days(latest, FindingPlace::Finding(T::LIST, at)))
}

fn dates<T: SourcedFinding>(list: &[T]) -> impl Iterator<Item = (FindingPlace, Option<DateTime<Utc>>)> {
    let all = list.iter().enumerate();
    all.map(|(at, one)| (FindingPlace::Finding(T::LIST, at), one.as_of()))
}
