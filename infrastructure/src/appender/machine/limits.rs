//! What bounds the machine.

use super::Millis;
use crate::chain::gas::{GasBounds, GasRules, Size, TRANSACTION_CAP};

/// What bounds the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How many batches are made without much waiting while others are on their way into a block.
    pub window: usize,
    /// How long a commit may wait for company, for each batch that is already on its way. With none on its way it does not wait.
    pub linger: Millis,
    /// How long a commit waits for company once the window is full: what is stored now is not mined soon, and every transaction costs.
    pub company: Millis,
    /// How many batches may be on their way at all. Beyond that nothing is stored, and what waits is turned away in the end.
    pub depth: usize,
    /// How long a commit may wait for a batch before it is turned away.
    pub durable_within: Millis,
    /// How many bytes a batch may have.
    pub batch_bytes: usize,
    /// How much gas a transaction may ask for, without what is metered apart.
    pub batch_gas: u64,
    /// What gas costs at least.
    pub gas: GasRules,
    /// The most a transaction may pay for a unit of gas, in wei.
    pub fee_ceiling: u128,
    /// When a transaction that a node took is sent again, the first time; then half as often each time.
    pub resend_after: Millis,
    /// When a transaction is replaced by one with a higher fee, if nothing was mined for so long.
    pub reprice_after: Millis,
    /// The first pause after a node refused or did not answer; then twice as long each time.
    pub retry_after: Millis,
    /// The longest pause between two attempts.
    pub retry_at_most: Millis,
    /// How often the account's nonce is asked for while something is unclear.
    pub observe_every: Millis,
    /// How often it is asked for at most while a call is waited for, whenever a block was applied.
    pub observe_calls_every: Millis,
    /// How often the contract may refuse a commit that is alone in its transaction before the commit is given up.
    pub refusals: u32,
}

impl Limits {
    /// Whether one transaction can hold so much, under these rules, in blocks that have so much gas.
    pub fn hold(&self, size: Size, rules: &GasRules, block: u64) -> bool {
        size.bytes <= self.batch_bytes && rules.allow(size, self.gas_bounds(block))
    }

    /// The most gas that a call may ask for in blocks that have so much. Where state is metered apart only the rest has to stay below the cap, and how
    /// much that is of a call nobody knows.
    pub fn call_gas(&self, rules: &GasRules, block: u64) -> u64 {
        match rules.state {
            0 => self.batch_gas.min(block),
            _ => block,
        }
    }

    pub(super) const fn gas_bounds(&self, block: u64) -> GasBounds {
        GasBounds {
            cap: self.batch_gas,
            block,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            window: 8,
            linger: 3,
            company: 1_000,
            depth: 512,
            durable_within: 5_000,
            // Nodes take transactions of 128 KiB, all fields included.
            batch_bytes: (128 << 10) - 1024,
            batch_gas: TRANSACTION_CAP - 100_000,
            gas: GasRules::TODAY,
            fee_ceiling: 1_000_000_000_000,
            resend_after: 3_000,
            reprice_after: 30_000,
            retry_after: 100,
            retry_at_most: 10_000,
            observe_every: 1_000,
            observe_calls_every: 20,
            refusals: 3,
        }
    }
}
