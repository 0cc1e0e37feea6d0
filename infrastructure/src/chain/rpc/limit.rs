//! How much a node gives at once: learned, never configured. Pure.

/// How many full ones in a row let a limit grow, at first and at most.
const PATIENCE: (u32, u32) = (8, 256);

/// How much of one kind may be asked for at once: calls in a batch, or blocks in a range.
///
/// It is halved when the node refuses, down to its floor, and grows by a quarter after it was taken in full several times. How
/// often, depends: each refusal doubles it, each growth that the node takes halves it; so a fixed limit is met exactly and hardly ever
/// probed, and one that is lifted is soon forgotten. A refusal counts only when less is taken afterwards: a node that refuses
/// everything has shown no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::chain) struct Limit {
    floor: u64,
    ceiling: u64,
    allowed: u64,
    /// The most that was taken, as far as no refusal contradicts it.
    taken: u64,
    full: u32,
    patience: u32,
    /// What was allowed and taken before the refusals that nothing has confirmed yet.
    before: Option<(u64, u64)>,
}

impl Limit {
    /// Nothing is known yet: as much as the ceiling may be asked for.
    pub(super) const fn new(floor: u64, ceiling: u64) -> Self {
        Self {
            floor,
            ceiling,
            allowed: ceiling,
            taken: 0,
            full: 0,
            patience: PATIENCE.0,
            before: None,
        }
    }

    /// How much may be asked for.
    pub(in crate::chain) const fn allowed(&self) -> u64 {
        self.allowed
    }

    /// The node gave so much.
    pub(in crate::chain) fn took(&mut self, size: u64) {
        if size > self.taken {
            self.taken = size;
            self.patience = (self.patience / 2).max(PATIENCE.0);
        }
        if size < self.allowed {
            return;
        }
        if self.before.take().is_some() {
            self.patience = self.patience.saturating_mul(2).min(PATIENCE.1);
        }
        self.full = self.full.saturating_add(1);
        if self.full >= self.patience {
            self.full = 0;
            let more = self.allowed.saturating_add((self.allowed / 4).max(1));
            self.allowed = more.min(self.ceiling);
        }
    }

    /// The node refused so much, perhaps because it is too much. Whether there is less to ask for: then less is allowed now.
    pub(in crate::chain) fn refused(&mut self, size: u64) -> bool {
        if size <= self.floor {
            if let Some((allowed, taken)) = self.before.take() {
                (self.allowed, self.taken) = (allowed, taken);
            }
            return false;
        }
        // Otherwise less is allowed already: another request has learned it meanwhile.
        if size <= self.allowed {
            self.before.get_or_insert((self.allowed, self.taken));
            let half = (size / 2).max(self.floor);
            self.allowed = if (half..size).contains(&self.taken) {
                self.taken
            } else {
                half
            };
            self.taken = self.taken.min(self.allowed);
            self.full = 0;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Asks for `wanted` of a node that gives at most `most` at once; answers with the requests that took.
    fn ask(limit: &mut Limit, mut wanted: u64, most: u64) -> u32 {
        let mut requests = 0;
        while wanted > 0 {
            requests += 1;
            // Nothing at a time is one thing, asked for in another way.
            let size = limit.allowed().min(wanted);
            if size > most {
                assert!(limit.refused(size), "there is less than {size}");
                assert!(limit.allowed() < size, "less is asked for next");
            } else {
                limit.took(size);
                wanted -= size.max(1);
            }
        }
        requests
    }

    #[test]
    fn a_fixed_limit_is_met_exactly_and_hardly_ever_probed() {
        let mut limit = Limit::new(0, 2_000);
        ask(&mut limit, 3_000, 10);
        assert_eq!(limit.allowed(), 10);
        assert!(ask(&mut limit, 10_000, 10) < 1_010);
    }

    #[test]
    fn a_node_that_refuses_everything_has_shown_no_limit() {
        let mut limit = Limit::new(1, 256);
        while limit.refused(limit.allowed()) {}
        assert_eq!(limit.allowed(), 256);
    }

    #[test]
    fn a_refusal_that_is_confirmed_stays_learned_though_the_node_fails_later() {
        let mut limit = Limit::new(1, 256);
        ask(&mut limit, 300, 20);
        let learned = limit.allowed();
        while limit.refused(limit.allowed()) {}
        assert_eq!(limit.allowed(), learned);
    }

    #[test]
    fn what_was_asked_for_before_a_limit_was_learned_does_not_lower_it() {
        let mut limit = Limit::new(1, 256);
        assert!(limit.refused(256) && limit.refused(128));
        assert!(limit.refused(256));
        assert_eq!(limit.allowed(), 64);
    }

    proptest! {
        #[test]
        fn a_limit_is_never_stuck(
            floor in 0u64..=1, ceiling in 1u64..3_000, turns in prop::collection::vec((1u64..3_000, 1u64..5_000), 1..12),
        ) {
            let mut limit = Limit::new(floor, ceiling);
            for (most, wanted) in turns {
                let most = most.max(floor);
                ask(&mut limit, wanted, most);
                prop_assert!((floor..=ceiling).contains(&limit.allowed()));
            }
        }

        #[test]
        fn it_halves_down_to_its_floor(floor in 0u64..=1, ceiling in 1u64..1_000_000) {
            let mut limit = Limit::new(floor, ceiling);
            let mut requests = 0;
            while limit.allowed() > floor {
                let size = limit.allowed();
                prop_assert!(limit.refused(size));
                prop_assert!(limit.allowed() <= size / 2 || limit.allowed() == floor);
                requests += 1;
            }
            prop_assert!(requests <= 21);
            limit.took(floor);
            prop_assert_eq!(limit.allowed(), floor);
        }

        #[test]
        fn what_is_lifted_grows_again_to_the_ceiling(most in 1u64..300, ceiling in 300u64..2_500) {
            let mut limit = Limit::new(0, ceiling);
            ask(&mut limit, 20_000, most);
            prop_assert!(limit.allowed() * 5 >= most * 4 || limit.allowed() + 1 >= most);
            let mut requests = 0;
            while limit.allowed() < ceiling {
                let wanted = limit.allowed().max(1);
                requests += ask(&mut limit, wanted, u64::MAX);
                prop_assert!(requests < 5_000, "at {}", limit.allowed());
            }
        }
    }
}
