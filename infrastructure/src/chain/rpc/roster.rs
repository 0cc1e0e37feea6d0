//! Which node is asked first, which were left, and why. Pure.
//!
//! Nodes are asked in the order of the configuration. One that fails is left: it comes last, until it answers again or whoever
//! looks after the nodes has seen that it is well. The pause before that doubles each time, so a node that comes and goes is
//! not tried for ever.

use std::time::{Duration, Instant};

/// How long a node that was left is left, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// After so long without being left, a node's former failures are forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(900);

/// Why a node was left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// It did not answer. Any answer of it shows that it is well again.
    Silence,
    /// It answers, and is not believed or not up to date.
    Conduct,
}

/// That a node was left.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Left {
    fault: Fault,
    why: String,
    /// Counts the nodes that were left: who was left first is tried first.
    turn: u64,
    since: Instant,
    pause: Duration,
}

/// What is remembered of one node.
#[derive(Clone, Debug, Default)]
struct Record {
    left: Option<Left>,
    /// The last pause, and when it began.
    last: Option<(Duration, Instant)>,
}

/// The nodes.
#[derive(Clone, Debug)]
pub(super) struct Roster {
    records: Vec<Record>,
    turn: u64,
}

impl Roster {
    /// So many nodes, all well.
    pub(super) fn new(count: usize) -> Self {
        Self {
            records: vec![Record::default(); count],
            turn: 0,
        }
    }

    /// The nodes in the order in which they are asked: those that are well as configured, then those that were left, the longest ago
    /// first.
    pub(super) fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.records.len()).collect();
        order.sort_by_key(|index| self.left(*index).map_or(0, |left| left.turn));
        order
    }

    /// Which node is asked first.
    pub(super) fn first(&self) -> usize {
        let turn = |index: &usize| self.left(*index).map_or(0, |left| left.turn);
        (0..self.records.len()).min_by_key(turn).unwrap_or_default()
    }

    /// Leaves a node. Whether that is new. A node that stands alone is not left: there is nowhere to go.
    pub(super) fn leave(&mut self, index: usize, fault: Fault, why: &str, now: Instant) -> bool {
        if self.records.len() < 2 {
            return false;
        }
        self.turn = self.turn.saturating_add(1);
        let turn = self.turn;
        let Some(record) = self.records.get_mut(index) else {
            return false;
        };
        if let Some(left) = &mut record.left {
            // It was tried all the same, and failed again.
            (left.turn, left.since) = (turn, now);
            left.why = why.to_owned();
            if fault == Fault::Conduct {
                left.fault = fault;
            }
            return false;
        }
        let pause = match record.last {
            Some((pause, began)) if now.saturating_duration_since(began) < FORGOTTEN_AFTER => {
                pause.saturating_mul(2).min(PAUSES.1)
            }
            _ => PAUSES.0,
        };
        record.last = Some((pause, now));
        record.left = Some(Left {
            fault,
            why: why.to_owned(),
            turn,
            since: now,
            pause,
        });
        true
    }

    /// A node answered. Whether it was left for its silence, and is well again.
    pub(super) fn answered(&mut self, index: usize) -> bool {
        let record = self.records.get_mut(index);
        record
            .and_then(|record| record.left.take_if(|left| left.fault == Fault::Silence))
            .is_some()
    }

    /// Whether a node was left so long ago that it may come back, if it is seen to be well.
    pub(super) fn may_return(&self, index: usize, now: Instant) -> bool {
        self.left(index)
            .is_some_and(|left| now.saturating_duration_since(left.since) >= left.pause)
    }

    /// A node was seen to be well. Whether it had been left.
    pub(super) fn welcome(&mut self, index: usize) -> bool {
        let record = self.records.get_mut(index);
        record.is_some_and(|record| record.left.take().is_some())
    }

    /// Whether a node was left.
    pub(super) fn is_left(&self, index: usize) -> bool {
        self.left(index).is_some()
    }

    /// The nodes that were left, each with the reason.
    pub(super) fn all_left(&self) -> impl Iterator<Item = (usize, &str)> {
        let records = self.records.iter().enumerate();
        records.filter_map(|(index, record)| Some((index, record.left.as_ref()?.why.as_str())))
    }

    fn left(&self, index: usize) -> Option<&Left> {
        self.records.get(index)?.left.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_node_that_fails_is_asked_after_the_others_and_comes_back_to_its_place() {
        let (mut roster, now) = (Roster::new(3), Instant::now());
        assert_eq!(roster.order(), [0, 1, 2]);
        assert!(roster.leave(0, Fault::Silence, "gone", now));
        assert_eq!(roster.order(), [1, 2, 0]);
        assert!(roster.leave(1, Fault::Conduct, "lies", now));
        assert_eq!((roster.order(), roster.first()), (vec![2, 0, 1], 2));
        assert_eq!(roster.all_left().collect::<Vec<_>>(), [(0, "gone"), (1, "lies")]);
        assert!(roster.welcome(0));
        assert_eq!(roster.order(), [0, 2, 1]);
    }

    #[test]
    fn where_all_were_left_each_has_its_turn() {
        let (mut roster, now) = (Roster::new(2), Instant::now());
        let turns: Vec<usize> = (0..5)
            .map(|_| {
                let first = roster.first();
                roster.leave(first, Fault::Conduct, "lies", now);
                first
            })
            .collect();
        assert_eq!(turns, [0, 1, 0, 1, 0]);
    }

    #[test]
    fn an_answer_heals_silence_and_nothing_else() {
        let (mut roster, now) = (Roster::new(2), Instant::now());
        roster.leave(0, Fault::Silence, "gone", now);
        assert!(roster.answered(0) && !roster.answered(0));
        roster.leave(0, Fault::Silence, "gone", now);
        roster.leave(0, Fault::Conduct, "lies", now);
        assert!(!roster.answered(0) && roster.is_left(0));
    }

    #[test]
    fn a_node_that_stands_alone_is_not_left() {
        let mut roster = Roster::new(1);
        assert!(!roster.leave(0, Fault::Conduct, "lies", Instant::now()));
        assert_eq!((roster.first(), roster.is_left(0)), (0, false));
    }

    #[test]
    fn a_node_that_comes_and_goes_waits_longer_each_time_and_is_forgiven_in_the_end() {
        let (mut roster, mut now) = (Roster::new(2), Instant::now());
        for seconds in [5, 10, 20, 40, 80, 160, 300, 300] {
            roster.leave(0, Fault::Conduct, "frozen", now);
            now += Duration::from_secs(seconds - 1);
            assert!(!roster.may_return(0, now));
            now += Duration::from_secs(1);
            assert!(roster.may_return(0, now));
            roster.welcome(0);
        }
        now += FORGOTTEN_AFTER;
        roster.leave(0, Fault::Conduct, "frozen", now);
        assert!(roster.may_return(0, now + PAUSES.0));
    }

    proptest! {
        #[test]
        fn every_node_is_in_the_order_once_and_the_well_ones_come_first(
            count in 1usize..6, deeds in prop::collection::vec((0usize..6, 0u8..4), 0..40),
        ) {
            let (mut roster, now) = (Roster::new(count), Instant::now());
            for (index, deed) in deeds {
                match deed {
                    0 => drop(roster.leave(index, Fault::Silence, "gone", now)),
                    1 => drop(roster.leave(index, Fault::Conduct, "lies", now)),
                    2 => drop(roster.answered(index)),
                    _ => drop(roster.welcome(index)),
                }
                let order = roster.order();
                prop_assert_eq!(order.first().copied(), Some(roster.first()));
                let well = order.iter().take_while(|index| !roster.is_left(**index)).count();
                prop_assert!(order.iter().skip(well).all(|index| roster.is_left(*index)));
                prop_assert!(order.iter().take(well).is_sorted());
                let mut sorted = order.clone();
                sorted.sort_unstable();
                prop_assert_eq!(sorted, (0..count).collect::<Vec<_>>());
            }
        }
    }
}
