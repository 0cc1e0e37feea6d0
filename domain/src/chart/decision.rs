//! What a chart decides.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::aggregate::Chart;
use super::command::ChartCommand;
use super::contents::{Contents, Negation, Withdrawn};
use super::error::{ChartError, FindingPlace};
use super::event::{ChartEvent, Noted, Refuted, Revision, Statement};
use super::finding::{AllergyKind, AnyFinding, Finding, SourcedFinding};
use super::list::{Absence, Entry, FindingId, List, ListKind};
use super::merge::{MergedList, newest};
use super::negations::{About, Negations};
use super::report::Report;
use super::{Allergy, Condition, Medication, Symptom};
use crate::kernel::time::{last_day_anywhere, whole_millis};
use crate::kernel::{ChartId, ClinicAggregate, Contradiction, Personal};

type Decision = Result<Vec<ChartEvent>, ChartError>;

impl ClinicAggregate for Chart {
    type Id = ChartId;
    type Command = ChartCommand;
    type Event = ChartEvent;
    type Error = ChartError;

    fn decide(&self, command: ChartCommand) -> Decision {
        let contents = self.opened()?;
        match command {
            ChartCommand::Note { id, finding, now } => contents.note(id, finding, whole_millis(now)),
            ChartCommand::Change { id, finding, now } => contents.change(id, finding, whole_millis(now)),
            ChartCommand::Refute { id, now } => contents.refute(id, whole_millis(now)),
            ChartCommand::StateAbsence { list, absence, now } => {
                contents.state_absence(list, absence, whole_millis(now))
            }
            ChartCommand::StateNoAllergiesTo { kind, holds, now } => {
                Ok(contents.state_no_allergies_to(kind, holds, whole_millis(now)))
            }
            ChartCommand::TakeIn { report, batch, now } => contents.take_in(&report, batch, now),
        }
    }

    fn apply(&mut self, event: ChartEvent) {
        self.change_by(event);
    }

    fn contradiction(&self, event: &ChartEvent) -> Option<Contradiction> {
        self.contradicted_by(event)
    }
}

/// A list of a chart, and the events that change it.
trait Listed: Finding {
    fn list(contents: &Contents) -> &List<Self>;
    fn noted(noted: Noted<Self>) -> ChartEvent;
    fn refuted(refuted: Refuted) -> ChartEvent;
    fn stated(statement: Statement) -> ChartEvent;
}

macro_rules! listed {
    ($Finding:ident: $list:ident, $Noted:ident, $Refuted:ident, $Stated:ident) => {
        impl Listed for $Finding {
            fn list(contents: &Contents) -> &List<Self> {
                &contents.$list
            }

            fn noted(noted: Noted<Self>) -> ChartEvent {
                ChartEvent::$Noted {
                    $list: Personal::Known(noted),
                }
            }

            fn refuted(refuted: Refuted) -> ChartEvent {
                ChartEvent::$Refuted {
                    $list: Personal::Known(refuted),
                }
            }

            fn stated(statement: Statement) -> ChartEvent {
                ChartEvent::$Stated {
                    statement: Personal::Known(statement),
                }
            }
        }
    };
}

listed!(Condition: conditions, ConditionsNoted, ConditionsRefuted, AbsenceStated);
listed!(Allergy: allergies, AllergiesNoted, AllergiesRefuted, AbsenceStated);
listed!(Medication: medications, MedicationsNoted, MedicationsRefuted, MedicationAbsenceStated);
listed!(Symptom: symptoms, SymptomsNoted, SymptomsRefuted, AbsenceStated);

impl Contents {
    fn note(&self, id: FindingId, finding: AnyFinding, now: DateTime<Utc>) -> Decision {
        match finding {
            AnyFinding::Condition(condition) => self.note_one(id, condition, now),
            AnyFinding::Allergy(allergy) => self.note_one(id, allergy, now),
            AnyFinding::Medication(medication) => self.note_one(id, medication, now),
            AnyFinding::Symptom(symptom) => self.note_one(id, symptom, now),
        }
    }

    fn note_one<T: Listed>(&self, id: FindingId, finding: T, now: DateTime<Utc>) -> Decision {
        finding.check_days(last_day_anywhere(now), FindingPlace::Noted(T::LIST))?;
        let list = T::list(self);
        match list.get(id) {
            Some(noted) if noted.changed_to(finding.clone()) == *noted => Ok(Vec::new()),
            Some(_) => Err(ChartError::AlreadyNoted),
            None if list.entries.len() >= List::<T>::MOST => Err(ChartError::Full(T::LIST)),
            None => Ok(vec![T::noted(Noted {
                batch: id.0,
                new: vec![finding.told_here(now)],
                changed: Vec::new(),
            })]),
        }
    }

    fn change(&self, id: FindingId, finding: AnyFinding, now: DateTime<Utc>) -> Decision {
        match finding {
            AnyFinding::Condition(condition) => self.change_one(id, condition, now),
            AnyFinding::Allergy(allergy) => self.change_one(id, allergy, now),
            AnyFinding::Medication(medication) => self.change_one(id, medication, now),
            AnyFinding::Symptom(symptom) => self.change_one(id, symptom, now),
        }
    }

    fn change_one<T: Listed>(&self, id: FindingId, finding: T, now: DateTime<Utc>) -> Decision {
        let noted = T::list(self).get(id).ok_or(ChartError::Unknown)?;
        finding.check_days(last_day_anywhere(now), FindingPlace::Noted(T::LIST))?;
        let changed = noted.changed_to(finding);
        if changed == *noted {
            return Ok(Vec::new());
        }
        Ok(vec![T::noted(Noted {
            batch: id.0,
            new: Vec::new(),
            changed: vec![(id, changed.told_here(now))],
        })])
    }

    fn refute(&self, id: FindingId, now: DateTime<Utc>) -> Decision {
        if let Some(condition) = self.conditions.get(id) {
            Ok(vec![self.refuted(id, condition, now)])
        } else if let Some(allergy) = self.allergies.get(id) {
            Ok(vec![self.refuted(id, allergy, now)])
        } else if let Some(medication) = self.medications.get(id) {
            Ok(vec![self.refuted(id, medication, now)])
        } else if self.symptoms.get(id).is_some() {
            Ok(vec![Symptom::refuted(Refuted {
                findings: vec![id],
                withdrawn: Revision::default(),
            })])
        } else {
            Err(ChartError::Unknown)
        }
    }

    /// Older states of the sources of what is refuted are kept out, and where none is known, of whoever told it.
    fn refuted<T: Listed + SourcedFinding>(&self, id: FindingId, finding: &T, now: DateTime<Utc>) -> ChartEvent {
        let latest = finding.as_of().max(Some(now)).unwrap_or(now);
        // What was told as of that very moment is refuted too.
        let until = latest.checked_add_signed(TimeDelta::milliseconds(1)).unwrap_or(latest);
        let withdrawn = |source| Withdrawn {
            list: T::LIST,
            concept: Some(finding.concept().clone()),
            since: finding.since(),
            source,
            as_of: until,
        };
        let sources = finding.sources().list();
        let mut new: Vec<Withdrawn> = sources.iter().map(|source| withdrawn(Some(*source))).collect();
        if new.is_empty() {
            new.push(withdrawn(None));
        }
        let all = self.withdrawn.iter().chain(&new).cloned().collect();
        T::refuted(Refuted {
            findings: vec![id],
            withdrawn: Revision::between(&self.withdrawn, &newest(all, Withdrawn::rank)),
        })
    }

    fn state_absence(&self, list: ListKind, absence: Absence, now: DateTime<Utc>) -> Decision {
        match list {
            ListKind::Conditions => self.state_absence_of::<Condition>(absence, now),
            ListKind::Allergies => self.state_absence_of::<Allergy>(absence, now),
            ListKind::Medications => self.state_absence_of::<Medication>(absence, now),
            ListKind::Symptoms => self.state_absence_of::<Symptom>(absence, now),
        }
    }

    fn state_absence_of<T: Listed>(&self, absence: Absence, now: DateTime<Utc>) -> Decision {
        match T::list(self).absence() {
            None => Err(ChartError::NotAbsent(T::LIST)),
            Some(stated) if stated == absence && self.is_said_here((T::LIST, None), absence == Absence::NoneKnown) => {
                Ok(Vec::new())
            }
            Some(_) => Ok(vec![T::stated(Statement {
                list: T::LIST,
                absence,
                no_known_allergies_to: Revision::default(),
                negations: self.negated((T::LIST, None), absence == Absence::NoneKnown, now),
            })]),
        }
    }

    fn state_no_allergies_to(&self, kind: AllergyKind, holds: bool, now: DateTime<Utc>) -> Vec<ChartEvent> {
        let mut kinds = self.no_known_allergies_to.clone();
        if kinds.contains(&kind) != holds {
            kinds.retain(|known| *known != kind);
            kinds.extend(holds.then_some(kind));
        } else if self.is_said_here((ListKind::Allergies, Some(kind)), holds) {
            return Vec::new();
        }
        vec![Allergy::stated(Statement {
            list: ListKind::Allergies,
            absence: self.allergies.absence,
            no_known_allergies_to: Revision::between(&self.no_known_allergies_to, &kinds),
            negations: self.negated((ListKind::Allergies, Some(kind)), holds, now),
        })]
    }

    /// Whether people have said so here, or there is nothing to say. What a source says, it may take back.
    fn is_said_here(&self, about: About, holds: bool) -> bool {
        let mut said = self
            .negations
            .iter()
            .filter(|one| one.source.is_none() && (one.list, one.kind) == about);
        !holds || !about.0.is_reported() || said.any(|one| one.holds)
    }

    /// What people say here of whole lists is kept as of when they said it, as what sources say.
    fn negated(&self, about: About, holds: bool, now: DateTime<Utc>) -> Revision<Negation> {
        let mut negations = Negations::of(&self.negations);
        negations.say_here(about, holds, now);
        Revision::between(&self.negations, &newest(negations.all, |negation| negation.as_of))
    }

    /// The events by which a report is taken in; none when it tells nothing new. `batch` is what the ids of new findings are made of.
    ///
    /// # Errors
    /// [`ChartError::Full`], and as [`Report::check`].
    pub fn take_in(&self, report: &Report, batch: Uuid, now: DateTime<Utc>) -> Decision {
        report.check(now)?;
        let merged = self.merged(report, now);
        if let Some(list) = merged.overfull().first() {
            return Err(ChartError::Full(*list));
        }
        let revised = Revised {
            withdrawn: Revision::between(&self.withdrawn, &merged.withdrawn),
            negations: Revision::between(&self.negations, &merged.negations),
            kinds: Revision::between(&self.no_known_allergies_to, &merged.no_known_allergies_to),
            batch,
        };
        let (conditions, next) = revised.of(&self.conditions, merged.conditions);
        let (allergies, next) = next.of(&self.allergies, merged.allergies);
        let (medications, _) = next.of(&self.medications, merged.medications);
        Ok([conditions, allergies, medications].concat())
    }
}

/// What changes beside the findings when a report is taken in, and what the ids of the next new findings are made of.
struct Revised {
    withdrawn: Revision<Withdrawn>,
    negations: Revision<Negation>,
    kinds: Revision<AllergyKind>,
    batch: Uuid,
}

impl Revised {
    /// The events by which a list gets to be what it is, and the same for the lists after it.
    fn of<T: Listed>(mut self, noted: &List<T>, merged: MergedList<T>) -> (Vec<ChartEvent>, Self) {
        let stays = |entry: &&Entry<T>| merged.entries.iter().any(|(id, _)| *id == Some(entry.id));
        let gone = noted.entries.iter().filter(|entry| !stays(entry));
        let refuted = Refuted {
            findings: gone.map(|entry| entry.id).collect(),
            withdrawn: self.withdrawn.of(|withdrawn| withdrawn.list == T::LIST),
        };
        let is_said = merged.entries.is_empty() && merged.absence != noted.absence;
        let stated = Statement {
            list: T::LIST,
            absence: merged.absence,
            no_known_allergies_to: self.kinds.of(|_| T::LIST == ListKind::Allergies),
            negations: self.negations.of(|negation| negation.list == T::LIST),
        };
        let mut new_ones = Noted {
            batch: self.batch,
            new: Vec::new(),
            changed: Vec::new(),
        };
        for (id, finding) in merged.entries {
            match id {
                None => new_ones.new.push(finding),
                Some(id) if noted.get(id) != Some(&finding) => new_ones.changed.push((id, finding)),
                Some(_) => {}
            }
        }
        self.batch = FindingId::in_batch(self.batch, new_ones.new.len()).0;
        let mut events = Vec::new();
        if !(new_ones.new.is_empty() && new_ones.changed.is_empty()) {
            events.push(T::noted(new_ones));
        }
        if !(refuted.findings.is_empty() && refuted.withdrawn.is_empty()) {
            events.push(T::refuted(refuted));
        }
        if is_said || !(stated.no_known_allergies_to.is_empty() && stated.negations.is_empty()) {
            events.push(T::stated(stated));
        }
        (events, self)
    }
}
