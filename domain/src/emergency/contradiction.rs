//! What could not have happened to an emergency.

use chrono::TimeDelta;

use super::aggregate::{Emergency, check, check_categories};
use super::event::{EmergencyEvent, Flag, Justification, Opened};
use crate::kernel::{Category, Contradiction, contradicts};

impl Emergency {
    /// See [`ClinicAggregate::contradiction`](crate::kernel::ClinicAggregate::contradiction).
    pub(super) fn contradicted_by(&self, event: &EmergencyEvent) -> Option<Contradiction> {
        let (is_twice, begins, is_impossible) = match event {
            EmergencyEvent::Opened { opened } => (
                self.exists(),
                true,
                opened.known().is_some_and(|opened| !is_possible(opened)),
            ),
            EmergencyEvent::Justified { justification } => (
                self.is_justified(),
                false,
                justification.known().is_some_and(|said| !is_said(said)),
            ),
            EmergencyEvent::Flagged { flag } => (
                self.is_justified() || self.is_flagged(),
                false,
                flag.known().is_some_and(|flag| self.is_early(flag)),
            ),
        };
        contradicts(!begins && !self.exists(), Contradiction::BeforeTheBeginning)
            .or_else(|| contradicts(is_twice, Contradiction::Twice))
            .or_else(|| contradicts(is_impossible, Contradiction::Impossible))
    }

    fn is_early(&self, flag: &Flag) -> bool {
        self.opened().is_some_and(|opened| flag.at < opened.justify_by)
    }
}

fn is_said(said: &Justification) -> bool {
    check(&said.text).is_ok()
}

fn is_possible(opened: &Opened) -> bool {
    let open_for = opened.until.signed_duration_since(opened.at);
    let minutes = u16::try_from(open_for.num_minutes());
    let minutes = minutes.ok().filter(|minutes| Opened::MINUTES.contains(minutes));
    let is_short = minutes.is_some_and(|minutes| TimeDelta::minutes(minutes.into()) == open_for);
    let is_in_order = opened.categories.is_sorted_by(|one, next| one < next);
    check(&opened.reason).is_ok()
        && check_categories(&opened.categories).is_ok()
        && opened.categories.contains(&Category::Identity)
        && is_in_order
        && is_short
        && opened.at <= opened.justify_by
}
