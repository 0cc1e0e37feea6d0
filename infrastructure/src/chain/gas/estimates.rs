//! From estimates of a few batches to prices.

use super::{GasRules, Size};

/// Nodes search for an estimate and stop when it is at most so much too high, in thousandths.
const TOO_HIGH: u64 = 15;

/// What a node estimates, in units of gas.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Estimates {
    /// A transaction that does nothing.
    pub nothing: u64,
    /// One that does nothing, with [`Self::IDLE_BYTES`] bytes of calldata, none of them zero.
    pub idle_bytes: u64,
    /// A batch of one commit: one event of [`Self::SHORT`] bytes on a new stream.
    pub one: u64,
    /// A batch of [`Self::STREAMS`] such commits.
    pub streams: u64,
    /// One commit of [`Self::EVENTS`] such events on one new stream.
    pub events: u64,
    /// One commit of one event of [`Self::LONG`] bytes on a new stream.
    pub long: u64,
    /// How many known streams there were to ask about, and what a batch with one such event for each of them takes. `None` while the log is
    /// empty.
    pub known: Option<(u64, u64)>,
    /// Whether a batch of so many new streams is estimated as takes more than the cap in all: then writing them is metered apart.
    pub beyond_the_cap: bool,
}

impl Estimates {
    /// Bytes of [`Self::idle_bytes`].
    pub const IDLE_BYTES: usize = 1024;
    /// Bytes of a payload: one more than a word, so that filling up a word costs as much as it can.
    pub const SHORT: usize = 33;
    /// Bytes of a long payload.
    pub const LONG: usize = Self::SHORT + Self::MORE;
    const MORE: usize = 2048;
    /// Commits of [`Self::streams`].
    pub const STREAMS: usize = 32;
    /// Events of [`Self::events`].
    pub const EVENTS: usize = 33;

    /// What the node's rules must be, rounded up; nothing cheaper than under today's.
    ///
    /// Each price is the slope between two estimates. The smaller of the two may be too high, which would make the slope too flat: it
    /// is taken for less.
    pub fn rules(&self) -> GasRules {
        self.believable().fitted()
    }

    /// What a node says beyond any block's gas is nonsense, and must not overflow.
    fn believable(&self) -> Self {
        let least = |gas: u64| gas.min(MOST_GAS);
        Self {
            nothing: least(self.nothing),
            idle_bytes: least(self.idle_bytes),
            one: least(self.one),
            streams: least(self.streams),
            events: least(self.events),
            long: least(self.long),
            known: self.known.map(|(count, gas)| (count, least(gas))),
            beyond_the_cap: self.beyond_the_cap,
        }
    }

    fn fitted(&self) -> GasRules {
        let transaction = self.nothing.max(GasRules::TODAY.transaction);
        let floor_byte = self
            .idle_bytes
            .saturating_sub(transaction)
            .div_ceil(Self::IDLE_BYTES as u64);
        let byte = slope(self.one, self.long, Self::MORE);
        let event = slope(self.one, self.events, Self::EVENTS - 1).saturating_sub(byte * EVENT_BYTES);
        let new_stream = slope(self.one, self.streams, Self::STREAMS - 1)
            .saturating_sub(event)
            .saturating_sub(byte * COMMIT_BYTES);
        let one = new_stream + event + byte * (COMMIT_BYTES + CALL_BYTES);
        let batch = self.one.saturating_sub(transaction).saturating_sub(one);
        let found = GasRules {
            transaction,
            batch,
            new_stream,
            known_stream: 0,
            event,
            byte,
            floor_byte,
            state: 0,
        };
        let known_stream = self.known_stream(&found);
        let state = new_stream.saturating_sub(known_stream.max(GasRules::TODAY.known_stream));
        let rules = GasRules {
            known_stream,
            state: if self.beyond_the_cap { state } else { 0 },
            ..found
        };
        self.covered(rules.at_least(GasRules::TODAY))
    }

    fn known_stream(&self, found: &GasRules) -> u64 {
        match self.known {
            Some((count, gas)) if count > 0 => {
                let beside = found.transaction + found.batch + found.byte * CALL_BYTES;
                let each = gas.saturating_sub(lowered(beside)).div_ceil(count);
                each.saturating_sub(found.event + found.byte * COMMIT_BYTES)
            }
            // Changing a slot never costs more than writing a new one; as long as prices are today's, it costs today's.
            _ if found.new_stream <= raised(GasRules::TODAY.new_stream) => GasRules::TODAY.known_stream,
            _ => found.new_stream,
        }
    }

    /// What was estimated is covered, whatever rounding has done.
    fn covered(&self, mut rules: GasRules) -> GasRules {
        let sizes = [
            (self.one, 1, 1),
            (self.streams, Self::STREAMS, 1),
            (self.events, 1, Self::EVENTS),
        ];
        for (estimate, streams, events) in sizes {
            let limit = rules.limit(size(streams, events));
            rules.batch = rules.batch.saturating_add(estimate.saturating_sub(limit));
        }
        rules
    }
}

/// More gas than any block has.
const MOST_GAS: u64 = 1 << 48;

/// `length:u24` and a short payload.
const EVENT_BYTES: u64 = 3 + Estimates::SHORT as u64;

/// The headers of commit and part, and one event.
const COMMIT_BYTES: u64 = 47 + EVENT_BYTES;

/// What stands around a batch.
const CALL_BYTES: u64 = 100;

/// So many commits on new streams with so many short events each.
fn size(streams: usize, events: usize) -> Size {
    let (streams, events) = (streams as u64, events as u64);
    Size {
        bytes: usize::try_from(streams * (47 + events * EVENT_BYTES)).unwrap_or(usize::MAX),
        new_streams: streams,
        known_streams: 0,
        events: streams * events,
        work: 0,
    }
}

fn lowered(estimate: u64) -> u64 {
    estimate.saturating_sub(estimate / 1000 * TOO_HIGH)
}

fn raised(price: u64) -> u64 {
    price + price / 10
}

/// What each of so many steps from the smaller to the larger estimate takes.
fn slope(smaller: u64, larger: u64, steps: usize) -> u64 {
    larger.saturating_sub(lowered(smaller)).div_ceil(steps.max(1) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a batch costs under rules, to the unit.
    fn cost(rules: &GasRules, size: Size) -> u64 {
        rules.transaction + rules.execution(size)
    }

    fn long() -> Size {
        let mut long = size(1, 1);
        long.bytes += Estimates::MORE;
        long
    }

    /// What a node with these rules estimates, each a little too high.
    fn estimated(rules: &GasRules, noise: [u64; 6], known: u64) -> Estimates {
        let high = |gas: u64, noise: u64| gas + gas * noise / 1000;
        let [a, b, c, d, e, f] = noise;
        let of_known = Size {
            new_streams: 0,
            known_streams: known,
            ..size(usize::try_from(known).unwrap(), 1)
        };
        Estimates {
            nothing: rules.transaction,
            idle_bytes: high(rules.transaction + rules.floor_byte * Estimates::IDLE_BYTES as u64, a),
            one: high(cost(rules, size(1, 1)), b),
            streams: high(cost(rules, size(Estimates::STREAMS, 1)), c),
            events: high(cost(rules, size(1, Estimates::EVENTS)), d),
            long: high(cost(rules, long()), e),
            known: (known > 0).then(|| (known, high(cost(rules, of_known), f))),
            beyond_the_cap: false,
        }
    }

    fn any_rules() -> impl Strategy<Value = GasRules> {
        let of = |today: u64| today / 2..today * 12;
        let today = GasRules::TODAY;
        (
            of(today.batch),
            of(today.new_stream),
            1u64..=100,
            of(today.event),
            20u64..100,
            4u64..70,
        )
            .prop_map(|(batch, new_stream, share, event, byte, floor_byte)| GasRules {
                transaction: 21_000,
                batch,
                new_stream,
                known_stream: new_stream * share / 100,
                event,
                byte,
                floor_byte,
                state: 0,
            })
    }

    #[test]
    fn under_todays_rules_today_is_found_nearly() {
        let found = estimated(&GasRules::TODAY, [0; 6], 8).rules();
        for size in [size(1, 1), size(300, 1), size(1, 700), long()] {
            let (asked, today) = (found.limit(size), GasRules::TODAY.limit(size));
            assert!(asked >= today && asked <= today + today / 20, "{asked} {today}");
        }
    }

    #[test]
    fn a_new_stream_that_is_dear_is_found_dear_and_what_is_dear_in_it_may_be_metered_apart() {
        let newest = GasRules {
            new_stream: 111_000,
            known_stream: 13_500,
            ..GasRules::TODAY
        };
        let estimates = estimated(&newest, [0; 6], 1);
        let found = estimates.rules();
        assert!((110_000..113_000).contains(&found.new_stream), "{found:?}");
        assert!((13_000..16_000).contains(&found.known_stream), "{found:?}");
        assert_eq!(found.state, 0);
        let apart = Estimates {
            beyond_the_cap: true,
            ..estimates
        };
        assert!((94_000..=98_000).contains(&apart.rules().state), "{:?}", apart.rules());
    }

    #[test]
    fn what_cannot_be_asked_about_known_streams_is_taken_for_as_much_as_it_may_be() {
        let newest = GasRules {
            new_stream: 111_000,
            ..GasRules::TODAY
        };
        let found = estimated(&newest, [0; 6], 0).rules();
        assert_eq!(found.known_stream, found.new_stream);
        let found = estimated(&GasRules::TODAY, [15; 6], 0).rules();
        assert_eq!(found.known_stream, GasRules::TODAY.known_stream);
    }

    #[test]
    fn a_node_that_estimates_nonsense_gives_no_less_than_today() {
        for known in [None, Some((0, 0)), Some((3, u64::MAX))] {
            for gas in [0, 1, 1 << 40, u64::MAX] {
                let estimates = Estimates {
                    nothing: gas,
                    idle_bytes: 0,
                    one: gas,
                    streams: 0,
                    events: gas,
                    long: 0,
                    known,
                    beyond_the_cap: true,
                };
                let rules = estimates.rules();
                assert_eq!(rules.at_least(GasRules::TODAY), rules);
            }
        }
    }

    proptest! {
        #[test]
        fn any_batch_fits_into_what_is_asked_for_it(
            rules in any_rules(),
            noise in prop::array::uniform6(0u64..=15),
            known in 0u64..16,
            (new_streams, known_streams, more, payload) in (0u64..200, 0u64..200, 0u64..200, 33usize..3_000),
        ) {
            // Without a known stream to ask about, one is taken to cost what it does today as long as a new one does.
            let today = GasRules::TODAY;
            prop_assume!(known > 0 || rules.known_stream <= today.known_stream || rules.new_stream > 2 * today.new_stream);
            let found = estimated(&rules, noise, known).rules();
            let events = new_streams + known_streams + more;
            let bytes = 47 * (new_streams + known_streams) + events * (3 + payload as u64);
            let size = Size {
                bytes: usize::try_from(bytes).unwrap(),
                new_streams,
                known_streams,
                events,
                work: 0,
            };
            let (asked, needed) = (found.limit(size), cost(&rules, size));
            prop_assert!(asked >= needed, "{} < {}: {:?} for {:?}", asked, needed, found, rules);
        }
    }
}
