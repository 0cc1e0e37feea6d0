//! What several reports come to that are told one after the other.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::contents::Contents;
use super::finding::SourcedFinding;
use super::findings::Findings;
use super::list::{Absence, Entry, FindingId, List, ListKind};
use super::merge::{Merged, MergedList, Remark};
use super::report::{Ended, Report, ReportedNegation};
use crate::kernel::time::whole_millis;

impl Report {
    /// What reports come to that are told one after the other, each later than the one before it, and what becomes of what they tell on the
    /// way. What one tells without a date is told now. It says what they leave, and nothing of what is over on the way: so, told again, it is
    /// no news.
    pub fn in_sequence(reports: Vec<Self>, now: DateTime<Utc>) -> (Self, Vec<(ListKind, Remark)>) {
        let now = whole_millis(now);
        let mut reports = reports.into_iter();
        let mut last = reports.next().unwrap_or_default();
        if reports.len() == 0 {
            return (last, Vec::new());
        }
        let mut sequence = Sequence {
            contents: Contents::default(),
            now,
            remarks: Vec::new(),
        };
        sequence.tell(&last);
        for report in reports {
            sequence.tell(&report);
            last = report;
        }
        (sequence.left(last, now), sequence.remarks)
    }
}

/// A chart that says only what was told.
struct Sequence {
    contents: Contents,
    now: DateTime<Utc>,
    remarks: Vec<(ListKind, Remark)>,
}

impl Sequence {
    fn tell(&mut self, report: &Report) {
        let Merged {
            conditions,
            allergies,
            medications,
            no_known_allergies_to,
            withdrawn,
            negations,
            remarks,
        } = self.contents.merged(report, self.now);
        self.contents = Contents {
            conditions: noted(conditions),
            allergies: noted(allergies),
            medications: noted(medications),
            symptoms: List::default(),
            no_known_allergies_to,
            withdrawn,
            negations,
        };
        self.remarks.extend(remarks);
        self.now = self
            .now
            .checked_add_signed(TimeDelta::milliseconds(1))
            .unwrap_or(self.now);
    }

    /// What it says, as a report. What the last one ended may be in another chart: that is told as well.
    fn left(&self, last: Report, now: DateTime<Utc>) -> Report {
        let dated = |as_of: DateTime<Utc>| Some(as_of).filter(|told| *told < now);
        let withdrawn = self.contents.withdrawn.iter().map(|gone| Ended {
            list: gone.list,
            concept: gone.concept.clone(),
            since: gone.since,
            source: gone.source,
            as_of: dated(gone.as_of),
        });
        let mut ended: Vec<Ended> = withdrawn.collect();
        for one in last.ended {
            if !ended.contains(&one) {
                ended.push(one);
            }
        }
        let negations = self.contents.negations.iter().map(|said| ReportedNegation {
            list: said.list,
            kind: said.kind,
            holds: said.holds,
            source: said.source,
            as_of: dated(said.as_of),
        });
        Report {
            conditions: reported(&self.contents.conditions, dated),
            allergies: reported(&self.contents.allergies, dated),
            medications: reported(&self.contents.medications, dated),
            ended,
            negations: negations.collect(),
        }
    }
}

fn noted<T>(merged: MergedList<T>) -> List<T> {
    let entries = (0..).zip(merged.entries).map(|(number, (_, finding))| Entry {
        id: FindingId(Uuid::from_u128(number)),
        finding,
    });
    List {
        entries: entries.collect(),
        absence: merged.absence,
    }
}

/// What a list says; what several resources tell, once for each.
fn reported<T: SourcedFinding>(list: &List<T>, dated: impl Fn(DateTime<Utc>) -> Option<DateTime<Utc>>) -> Findings<T> {
    let all: Vec<T> = list.findings().flat_map(|finding| told(finding, &dated)).collect();
    match list.absence() {
        Some(Absence::NoneKnown) => Findings::NoneKnown,
        Some(Absence::Unknown) => Findings::Unknown,
        Some(Absence::NotAsked) | None => all.into(),
    }
}

fn told<T: SourcedFinding>(finding: &T, dated: impl Fn(DateTime<Utc>) -> Option<DateTime<Utc>>) -> Vec<T> {
    let latest = finding.as_of();
    if finding.sources().list().is_empty() {
        return vec![finding.clone().told(latest.and_then(dated), None.into())];
    }
    let by = |source| {
        let as_of = finding.told_by(source).or(latest);
        finding.clone().told(as_of.and_then(&dated), Some(source).into())
    };
    finding.sources().list().iter().map(|source| by(*source)).collect()
}
