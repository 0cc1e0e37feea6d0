//! What a block's appointments change in relationships.
//!
//! A new appointment can only widen what a relationship spans, and is added to it. Anything else (cancelled, moved, no longer
//! there) may narrow it, and how far only the other appointments know: such a pair is derived from them again.

use std::collections::{BTreeMap, BTreeSet};

use domain::kernel::{AppointmentId, PatientId, PractitionerId};

use super::RelationshipRow;
use crate::appointments::AppointmentRow;

type Pair = (PatientId, PractitionerId);

/// What changes. No pair is in both.
#[derive(Default, PartialEq, Debug)]
pub(crate) struct Changes {
    /// Pairs to add to, and what appointments add to each.
    pub(crate) additions: BTreeMap<Pair, RelationshipRow>,
    /// Pairs to derive again.
    pub(crate) stale: BTreeSet<Pair>,
}

pub(crate) fn changes(
    before: &BTreeMap<AppointmentId, AppointmentRow>,
    changed: &BTreeMap<AppointmentId, Option<AppointmentRow>>,
) -> Changes {
    let mut changes = Changes::default();
    for (id, row) in changed {
        let was = before.get(id).and_then(AppointmentRow::counted);
        let is = row.as_ref().and_then(AppointmentRow::counted);
        match (was, is) {
            (None, Some(counted)) => {
                let pair = (counted.patient, counted.practitioner);
                let sum = changes.additions.entry(pair).or_insert(RelationshipRow {
                    patient: counted.patient,
                    practitioner: counted.practitioner,
                    since: counted.start,
                    latest: counted.start,
                    appointments: 0,
                });
                sum.since = sum.since.min(counted.start);
                sum.latest = sum.latest.max(counted.start);
                sum.appointments = sum.appointments.saturating_add(1);
            }
            (was, is) if was == is => {}
            (was, is) => changes.stale.extend(
                was.into_iter()
                    .chain(is)
                    .map(|counted| (counted.patient, counted.practitioner)),
            ),
        }
    }
    let stale = &changes.stale;
    changes.additions.retain(|pair, _| !stale.contains(pair));
    changes
}
