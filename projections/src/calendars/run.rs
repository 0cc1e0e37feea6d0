//! Runs of free slots: what makes the free slots of many calendars a small table.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::kernel::Slot;

/// From its first start to its last, a run takes at most this long: a search that begins at some instant need not look further back.
pub(crate) const LONGEST: TimeDelta = TimeDelta::hours(24);

/// Slots of one length that follow each other without a gap.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Run {
    /// When the first slot starts.
    pub(crate) first: DateTime<Utc>,
    /// When the last slot starts.
    pub(crate) last: DateTime<Utc>,
    /// How long each is.
    pub(crate) minutes: u32,
}

impl Run {
    const fn of(slot: &Slot) -> Self {
        Self {
            first: slot.start,
            last: slot.start,
            minutes: slot.minutes,
        }
    }

    /// Takes the slot in if it follows; answers whether it did.
    fn extend(&mut self, slot: &Slot) -> bool {
        let end = Slot {
            start: self.last,
            minutes: self.minutes,
        }
        .end();
        let follows = slot.start == end && slot.start - self.first <= LONGEST;
        if follows {
            self.last = slot.start;
        }
        follows
    }
}

/// The runs of some slots.
pub(crate) fn runs(slots: &BTreeSet<Slot>) -> BTreeSet<Run> {
    let mut runs = BTreeSet::new();
    // By length: slots of different lengths may lie between each other, if their sessions overlap.
    let mut open: BTreeMap<u32, Run> = BTreeMap::new();
    for slot in slots {
        if !open.get_mut(&slot.minutes).is_some_and(|run| run.extend(slot)) {
            runs.extend(open.insert(slot.minutes, Run::of(slot)));
        }
    }
    runs.extend(open.into_values());
    runs
}

#[cfg(test)]
impl Run {
    /// Its slots, in order.
    pub(crate) fn slots(self) -> impl Iterator<Item = Slot> {
        let slot = move |start| Slot {
            start,
            minutes: self.minutes,
        };
        std::iter::successors(Some(slot(self.first)), move |last| Some(slot(last.end())))
            .take_while(move |slot| slot.start <= self.last)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slot((start, minutes): (i64, u32)) -> Slot {
        Slot {
            start: DateTime::UNIX_EPOCH + TimeDelta::minutes(start),
            minutes,
        }
    }

    fn slots(of: &[(i64, u32)]) -> BTreeSet<Slot> {
        of.iter().copied().map(slot).collect()
    }

    #[test]
    fn slots_that_follow_each_other_are_one_run() {
        let found = runs(&slots(&[(0, 20), (20, 20), (40, 20), (80, 20)]));
        let first = Run {
            last: slot((40, 20)).start,
            ..Run::of(&slot((0, 20)))
        };
        assert_eq!(found, BTreeSet::from([first, Run::of(&slot((80, 20)))]));
    }

    #[test]
    fn slots_of_another_length_are_another_run() {
        assert_eq!(runs(&slots(&[(0, 20), (20, 30), (50, 20)])).len(), 3);
    }

    proptest! {
        #[test]
        fn runs_hold_exactly_the_slots_that_they_were_made_of(
            of in prop::collection::vec((0..3_000_i64, 1..40_u32), 0..60),
            rows in prop::collection::vec((0..3_000_i64, 1..90_u32, 1..40_i64), 0..4),
        ) {
            let in_rows = rows.iter().flat_map(|(start, minutes, count)| {
                (0..*count).map(move |number| (start + number * i64::from(*minutes), *minutes))
            });
            let slots: BTreeSet<Slot> = of.iter().copied().chain(in_rows).map(slot).collect();
            let runs = runs(&slots);
            let back: Vec<Slot> = runs.iter().flat_map(|run| run.slots()).collect();
            prop_assert_eq!(back.len(), slots.len());
            prop_assert_eq!(back.into_iter().collect::<BTreeSet<_>>(), slots);
            prop_assert!(runs.iter().all(|run| run.last - run.first <= LONGEST));
        }
    }
}
