//! Calls against a simulated chain of several accounts, with faults and crashes, seed by seed; commits are among them, for one nonce waits for the other.
//!
//! One server at a time runs, with one of several keys. It inherits the outboxes of all others as servers do: with machines that have no key. What
//! was ever signed is in strangers' hands, who send any of it at any time. After the faults come calm times, and then:
//! 1. every call was executed once at most, whatever was done to its transactions;
//! 2. of every call that was accepted it is noted what came of it, once, and that is so: a call that is done is in that very transaction and block, a call
//!    that is refused is nowhere;
//! 3. what was turned away was never stored, and was not executed;
//! 4. whoever waited was told what is noted, or that it is noted elsewhere;
//! 5. the outboxes are empty;
//! 6. as long as nobody else uses its key, a server stores nothing under a nonce that is used for good, even if it reaches no node.

mod chain;
mod world;

use world::{Faults, World};

fn run(seed: u64, faults: Faults) {
    let mut world = World::new(seed, faults);
    for _ in 0..80 {
        world.step();
    }
    world.calm();
    world.check();
}

#[test]
fn without_faults_every_call_is_executed_or_refused() {
    for seed in 0..20 {
        run(seed, Faults::NONE);
    }
}

#[test]
fn late_and_lost_answers_execute_no_call_twice() {
    for seed in 0..100 {
        let faults = Faults {
            answers: 20,
            finality: seed % 3,
            ..Faults::NONE
        };
        run(seed, faults);
    }
}

#[test]
fn a_node_that_drops_transactions_and_a_market_that_moves_delay_calls_and_double_none() {
    for seed in 0..100 {
        let faults = Faults {
            pool: 20,
            fees: 10,
            finality: seed % 3,
            ..Faults::NONE
        };
        run(seed, faults);
    }
}

#[test]
fn a_call_that_ran_out_of_gas_is_executed_with_more() {
    for seed in 0..100 {
        let faults = Faults {
            gas: 50,
            crashes: seed % 2 * 4,
            finality: seed % 3,
            ..Faults::NONE
        };
        run(seed, faults);
    }
}

#[test]
fn a_call_whose_nonce_somebody_else_used_is_signed_anew_when_that_is_final() {
    for seed in 0..150 {
        let faults = Faults {
            thieves: 8,
            reorganisations: seed % 3 * 3,
            finality: seed % 4,
            ..Faults::NONE
        };
        run(seed, faults);
    }
}

#[test]
fn reorganisations_execute_no_call_twice_and_lose_none() {
    for seed in 0..200 {
        let faults = Faults {
            reorganisations: 15,
            answers: 10,
            pool: 5,
            finality: 1 + seed % 4,
            ..Faults::NONE
        };
        run(seed, faults);
    }
}

#[test]
fn a_restart_at_any_step_executes_no_call_twice_and_loses_none() {
    for seed in 0..200 {
        let faults = Faults {
            crashes: 10,
            finality: seed % 3,
            ..Faults::NONE
        };
        run(seed, faults);
    }
}

/// It learns from its outbox which nonce is next, though most of what was there is forgotten.
#[test]
fn a_server_that_reaches_no_node_stores_nothing_under_a_nonce_that_is_used_for_good() {
    for seed in 0..300 {
        let faults = Faults {
            crashes: 10,
            outages: 10,
            answers: 20,
            gas: seed % 3 * 10,
            finality: seed % 3,
            ..Faults::NONE
        };
        run(seed, faults);
    }
}

#[test]
fn a_key_that_takes_over_sends_calls_on_and_signs_none_that_may_still_be_executed() {
    for seed in 0..300 {
        let faults = Faults {
            keys: 8,
            crashes: seed % 2 * 4,
            reorganisations: seed % 3 * 3,
            answers: seed % 2 * 5,
            gas: seed % 5 * 5,
            finality: seed % 4,
            ..Faults::NONE
        };
        let mut world = World::new(seed, faults);
        for _ in 0..80 {
            world.step();
        }
        // No former key comes back for it.
        world.calm_without_former_keys();
        world.check();
    }
}

#[test]
fn everything_at_once_executes_no_call_twice_and_tells_what_came_of_each() {
    for seed in 0..400 {
        let faults = Faults {
            answers: 10,
            pool: 8,
            fees: 5,
            gas: 10,
            thieves: seed % 3 * 2,
            reorganisations: 5,
            crashes: 4,
            keys: seed % 4 * 2,
            outages: seed % 2 * 3,
            finality: 1 + seed % 5,
        };
        run(seed, faults);
    }
}
