//! Which events a chart could not have decided upon. A chart of which anything is sealed says nothing.

use super::aggregate::Chart;
use super::event::{ChartEvent, Noted, Refuted, Statement};
use super::list::{FindingId, List, ListKind};
use crate::kernel::{Contradiction, Personal, contradicts};

impl Chart {
    /// See [`ClinicAggregate::contradiction`](crate::kernel::ClinicAggregate::contradiction).
    pub(super) fn contradicted_by(&self, event: &ChartEvent) -> Option<Contradiction> {
        let contents = self.contents()?;
        match event {
            ChartEvent::ConditionsNoted { conditions } => noted(&contents.conditions, conditions),
            ChartEvent::AllergiesNoted { allergies } => noted(&contents.allergies, allergies),
            ChartEvent::MedicationsNoted { medications } => noted(&contents.medications, medications),
            ChartEvent::SymptomsNoted { symptoms } => noted(&contents.symptoms, symptoms),
            ChartEvent::ConditionsRefuted { conditions } => refuted(&contents.conditions, conditions),
            ChartEvent::AllergiesRefuted { allergies } => refuted(&contents.allergies, allergies),
            ChartEvent::MedicationsRefuted { medications } => refuted(&contents.medications, medications),
            ChartEvent::SymptomsRefuted { symptoms } => refuted(&contents.symptoms, symptoms),
            ChartEvent::AbsenceStated { statement } => stated(statement, false),
            ChartEvent::MedicationAbsenceStated { statement } => stated(statement, true),
        }
    }
}

fn noted<T>(list: &List<T>, event: &Personal<Noted<T>>) -> Option<Contradiction> {
    let Noted { batch, new, changed } = event.known()?;
    let is_known = |id: FindingId| list.get(id).is_some();
    let again = (0..new.len()).any(|index| is_known(FindingId::in_batch(*batch, index)));
    contradicts(new.is_empty() && changed.is_empty(), Contradiction::ChangesNothing)
        .or_else(|| contradicts(again, Contradiction::Twice))
        .or_else(|| contradicts(!changed.iter().all(|(id, _)| is_known(*id)), Contradiction::NotThere))
}

fn refuted<T>(list: &List<T>, event: &Personal<Refuted>) -> Option<Contradiction> {
    let Refuted { findings, withdrawn } = event.known()?;
    let are_there = findings.iter().all(|id| list.get(*id).is_some());
    contradicts(
        findings.is_empty() && withdrawn.is_empty(),
        Contradiction::ChangesNothing,
    )
    .or_else(|| contradicts(!are_there, Contradiction::NotThere))
}

/// What is said of medications is under another key than what is said of the other lists.
fn stated(event: &Personal<Statement>, of_medications: bool) -> Option<Contradiction> {
    let is_of_medications = event.known()?.list == ListKind::Medications;
    contradicts(is_of_medications != of_medications, Contradiction::Impossible)
}
