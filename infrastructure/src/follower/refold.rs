//! The decisions of a log, held against the rules: each event against the state that those before it leave of its aggregate.

use std::collections::{BTreeMap, HashMap};

use application::log::{Position, StreamId};
use domain::kernel::{AggregateRef, Contradiction};
use domain::state::AnyState;

use super::opening::{Fate, OpenedBlock};

/// How many contradictions are kept. The others are counted.
const MOST_KEPT: usize = 1_000;

/// An event that its aggregate could not have decided. Nothing of what it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contradicted {
    /// Its place in the log.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its place in its stream.
    pub version: u64,
    /// Of which kind its aggregate is.
    pub aggregate: &'static str,
    /// The rule.
    pub rule: Contradiction,
}

/// What became of the entries of a log, and which of its events contradict the rules. In memory it has the state of every aggregate.
#[derive(Clone, Debug, Default)]
pub struct Refold {
    states: HashMap<AggregateRef, AnyState>,
    fates: BTreeMap<Fate, u64>,
    contradicted: Vec<Contradicted>,
    contradictions: u64,
}

impl Refold {
    /// How many entries came to this.
    pub fn count(&self, fate: Fate) -> u64 {
        self.fates.get(&fate).copied().unwrap_or_default()
    }

    /// The first events that contradict the rules.
    pub fn contradicted(&self) -> &[Contradicted] {
        &self.contradicted
    }

    /// How many there are.
    pub const fn contradictions(&self) -> u64 {
        self.contradictions
    }

    /// How many aggregates there are.
    pub fn aggregates(&self) -> usize {
        self.states.len()
    }

    /// Takes the next block in.
    pub(super) fn take(&mut self, block: &OpenedBlock) {
        for fate in &block.fates {
            let count = self.fates.entry(*fate).or_default();
            *count = count.saturating_add(1);
        }
        // Both are in the order of the log.
        let mut entries = block.checked.log.appended.iter();
        for event in block.events() {
            let entry = entries.find(|entry| entry.position == event.position);
            let aggregate = event.event.aggregate();
            let state = self.states.entry(aggregate);
            let state = state.or_insert_with(|| AnyState::new(aggregate.aggregate_type()));
            if let Ok(Some(rule)) = state.contradiction(&event.event) {
                self.contradictions = self.contradictions.saturating_add(1);
                if self.contradicted.len() < MOST_KEPT {
                    self.contradicted.push(Contradicted {
                        position: event.position,
                        stream: entry.map_or(StreamId([0; 32]), |entry| entry.stream),
                        version: event.version,
                        aggregate: aggregate.aggregate_type().name(),
                        rule,
                    });
                }
            }
            // It is of this very kind: the state was made for it.
            let _ = state.take_in(event.event.clone(), event.version);
        }
    }
}
