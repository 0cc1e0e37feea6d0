//! Gas: what a transaction with a batch may use.
//!
//! Prices are the chain's, and change with its rules, so they are asked for. Batches that follow each other cannot be estimated one by
//! one, for their predecessors are not mined yet. What can be estimated are batches made up for the purpose: [`probe()`] has a node
//! estimate a few, and [`Estimates::rules`] reads from them what a stream, an event and a byte cost. The prices of today's rules
//! ([`GasRules::TODAY`]) are the least that is ever assumed: gas that is not used is not paid for, and too little undoes the batch.
//!
//! - `size`: what of a commit costs gas.
//! - `estimates`: from what a node estimates to prices. Pure.
//! - `probe`: asks a node.

mod estimates;
mod probe;
mod size;

pub use estimates::Estimates;
pub use probe::{KNOWN_STREAMS, probe, refuses};
pub use size::Size;

/// What things cost, in units of gas, rounded up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GasRules {
    /// Every transaction, before its first byte.
    pub transaction: u64,
    /// Every batch: looking up the writer, the log's position and running hash.
    pub batch: u64,
    /// A part of a commit for a stream that has no event yet, with the commit's own work: its slot is written for the first time.
    pub new_stream: u64,
    /// A part of a commit for a stream that has events: its slot is changed.
    pub known_stream: u64,
    /// An event: its log entry and two hashes, without its bytes.
    pub event: u64,
    /// A byte of a batch: in the calldata, copied, hashed and logged.
    pub byte: u64,
    /// The least that a byte of calldata costs, whatever is done with it (EIP-7623).
    pub floor_byte: u64,
    /// How much of `new_stream` is metered apart, and does not count towards a transaction's cap (EIP-8037); 0 where nothing is.
    pub state: u64,
}

/// How much gas a transaction may ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GasBounds {
    /// The cap on what is not metered apart (EIP-7825).
    pub cap: u64,
    /// What a block has.
    pub block: u64,
}

/// EIP-7825: the most that a transaction may ask for, 2^24.
pub const TRANSACTION_CAP: u64 = 1 << 24;

/// How much more is asked for than is expected, in percent.
const MARGIN: u64 = 5;

impl GasRules {
    /// Measured against the contract under the rules of 2025 (Osaka), and rounded up. With payloads of 160 bytes an event takes 30,950 gas
    /// on a new stream and 13,970 on a known one, calldata included.
    pub const TODAY: Self = Self {
        transaction: 21_000,
        batch: 40_000,
        new_stream: 23_600,
        known_stream: 6_500,
        event: 3_050,
        byte: 25,
        floor_byte: 40,
        state: 0,
    };

    /// The gas limit of a transaction with a batch of this size.
    pub fn limit(&self, size: Size) -> u64 {
        let gas = self.transaction.saturating_add(self.execution(size));
        gas.saturating_add(gas / 100 * MARGIN)
    }

    /// What is used beyond the price of any transaction.
    fn execution(&self, size: Size) -> u64 {
        let floor = self.floor_byte.saturating_mul(size.calldata());
        self.standard(size).max(floor)
    }

    /// [`Self::execution`] without the floor under the bytes.
    fn standard(&self, size: Size) -> u64 {
        let parts = [
            self.batch,
            self.new_stream.saturating_mul(size.new_streams),
            self.known_stream.saturating_mul(size.known_streams),
            self.event.saturating_mul(size.events),
            self.byte.saturating_mul(size.calldata()),
            size.work,
        ];
        parts.into_iter().fold(0, u64::saturating_add)
    }

    /// The least that a transaction with a batch of this size must ask for to be mined, whatever comes of it.
    pub fn floor(&self, size: Size) -> u64 {
        let bytes = self.floor_byte.saturating_mul(size.calldata());
        self.transaction.saturating_add(bytes)
    }

    /// How much of [`Self::limit`] does not count towards the cap.
    fn apart(&self, size: Size) -> u64 {
        self.state.saturating_mul(size.new_streams)
    }

    /// Whether a transaction may ask for what a batch of this size takes.
    pub fn allow(&self, size: Size, bounds: GasBounds) -> bool {
        self.limit(size) <= self.most(size, bounds)
    }

    /// The most that a transaction with a batch of this size may ask for.
    pub fn most(&self, size: Size, bounds: GasBounds) -> u64 {
        bounds.cap.saturating_add(self.apart(size)).min(bounds.block)
    }

    /// These rules, but nothing cheaper than under the others.
    #[must_use]
    pub fn at_least(self, other: Self) -> Self {
        Self {
            transaction: self.transaction.max(other.transaction),
            batch: self.batch.max(other.batch),
            new_stream: self.new_stream.max(other.new_stream),
            known_stream: self.known_stream.max(other.known_stream),
            event: self.event.max(other.event),
            byte: self.byte.max(other.byte),
            floor_byte: self.floor_byte.max(other.floor_byte),
            state: self.state,
        }
    }

    /// These rules, so much dearer that a batch of this size is given at least so much gas. Which of its parts is the dear one is not known:
    /// all are raised.
    #[must_use]
    pub fn covering(self, size: Size, gas: u64) -> Self {
        if self.limit(size) >= gas {
            return self;
        }
        let execution = u128::from(self.execution(size).max(1));
        let wanted = gas.saturating_sub(self.transaction);
        let raise = |price: u64| {
            let raised = (u128::from(price) * u128::from(wanted)).div_ceil(execution);
            u64::try_from(raised).unwrap_or(u64::MAX)
        };
        let mut raised = Self {
            batch: raise(self.batch),
            new_stream: raise(self.new_stream),
            known_stream: raise(self.known_stream),
            event: raise(self.event),
            byte: raise(self.byte),
            ..self
        };
        // Not everything has a price of these: the floor under the bytes has one of its own, and the contract's work is no price.
        let missing = wanted.saturating_sub(raised.standard(size));
        raised.batch = raised.batch.saturating_add(missing);
        raised
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A commit's worth of so many events with payloads of this length, each on a stream of its own.
    fn size(new_streams: u64, known_streams: u64, payload: usize) -> Size {
        let events = new_streams + known_streams;
        Size {
            bytes: usize::try_from(events).unwrap() * (50 + payload),
            new_streams,
            known_streams,
            events,
            work: 0,
        }
    }

    #[test]
    fn a_limit_covers_what_was_measured() {
        for (size, used) in [(size(1, 0, 160), 30_950), (size(0, 1, 160), 13_970)] {
            let beside = GasRules::TODAY.transaction + GasRules::TODAY.batch;
            assert!(GasRules::TODAY.limit(size) >= used + beside, "{used}");
        }
    }

    #[test]
    fn calldata_has_a_floor() {
        let long = size(1, 0, 100_000);
        assert!(GasRules::TODAY.limit(long) >= 21_000 + 40 * 100_000);
    }

    #[test]
    fn what_is_metered_apart_does_not_count_towards_the_cap_but_the_block_has_to_have_it() {
        let rules = GasRules {
            new_stream: 110_000,
            state: 95_000,
            ..GasRules::TODAY
        };
        let bounds = |cap, block| GasBounds { cap, block };
        let batch = size(300, 0, 100);
        assert!(rules.allow(batch, bounds(TRANSACTION_CAP, 60_000_000)));
        assert!(!rules.allow(batch, bounds(TRANSACTION_CAP, 30_000_000)));
        let together = GasRules { state: 0, ..rules };
        assert!(!together.allow(batch, bounds(TRANSACTION_CAP, 60_000_000)));
    }

    #[test]
    fn rules_cover_a_batch_whose_bytes_cost_the_floor() {
        let size = size(104, 154, 4321);
        let raised = GasRules::TODAY.covering(size, 47_573_986);
        assert!(raised.limit(size) >= 47_573_986);
    }

    proptest! {
        #[test]
        fn rules_that_have_to_cover_a_batch_do_and_are_nowhere_cheaper(
            (new, known, payload) in (0u64..300, 0u64..300, 1usize..5_000),
            gas in 0u64..1 << 32,
        ) {
            let size = size(new, known + 1, payload);
            let raised = GasRules::TODAY.covering(size, gas);
            prop_assert!(raised.limit(size) >= gas);
            prop_assert_eq!(raised.at_least(GasRules::TODAY), raised);
        }
    }
}
