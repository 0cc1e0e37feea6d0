//! The machine against a simulated chain, clock, outbox and follower, with faults and crashes, seed by seed.
//!
//! A seed decides everything: what clients append, which answers are late or lost, what the chain drops, reverts and
//! reorganises, when somebody else uses our key, and when the process dies. After the faults come calm times, and then:
//! 1. every commit that was accepted was executed by the contract: appended exactly once, or rejected;
//! 2. who was told *appended* finds it on the chain, who was told *rejected* does not, and nobody was told twice;
//! 3. nothing was sent that was not stored;
//! 4. the outbox is empty, the pool is empty, and the nonces have no gap.

#![expect(clippy::cast_possible_truncation, reason = "the numbers of a simulation are small")]

mod chain;
mod world;

use world::{Faults, World};

fn run(seed: u64, faults: Faults) {
    let mut world = World::new(seed, faults);
    for _ in 0..120 {
        world.step();
    }
    world.calm();
    world.check();
}

#[test]
fn without_faults_everything_is_appended() {
    for seed in 0..20 {
        run(seed, Faults::NONE);
    }
}

#[test]
fn late_and_lost_answers_double_nothing() {
    for seed in 0..100 {
        run(
            seed,
            Faults {
                answers: 20,
                ..Faults::NONE
            },
        );
    }
}

#[test]
fn dropped_and_stuck_transactions_are_mined_in_the_end() {
    for seed in 0..100 {
        run(
            seed,
            Faults {
                pool: 15,
                fees: 10,
                ..Faults::NONE
            },
        );
    }
}

#[test]
fn reverted_batches_are_appended_in_smaller_ones() {
    for seed in 0..100 {
        run(
            seed,
            Faults {
                reverts: 15,
                ..Faults::NONE
            },
        );
    }
}

#[test]
fn a_nonce_that_somebody_else_used_costs_no_commit() {
    for seed in 0..100 {
        run(
            seed,
            Faults {
                thieves: 5,
                finality: seed % 4,
                ..Faults::NONE
            },
        );
    }
}

#[test]
fn reorganisations_lose_and_double_nothing() {
    for seed in 0..150 {
        run(
            seed,
            Faults {
                reorganisations: 8,
                pool: 5,
                finality: 1 + seed % 5,
                ..Faults::NONE
            },
        );
    }
}

#[test]
fn an_answer_from_a_branch_that_is_gone_gives_up_no_nonce() {
    for seed in 0..200 {
        run(
            seed,
            Faults {
                reorganisations: 25,
                answers: 20,
                finality: 1,
                ..Faults::NONE
            },
        );
    }
}

#[test]
fn a_restart_at_any_step_loses_and_doubles_nothing() {
    for seed in 0..200 {
        run(
            seed,
            Faults {
                crashes: 8,
                finality: seed % 3,
                ..Faults::NONE
            },
        );
    }
}

#[test]
fn everything_at_once_loses_and_doubles_nothing() {
    for seed in 0..300 {
        let faults = Faults {
            answers: 10,
            pool: 8,
            fees: 5,
            reverts: 4,
            thieves: 2,
            reorganisations: 4,
            crashes: 4,
            finality: seed % 6,
            ..Faults::NONE
        };
        run(seed, faults);
    }
}

#[test]
fn a_chain_that_loses_what_was_final_gets_it_again_while_it_is_retained() {
    for seed in 0..100 {
        run(
            seed,
            Faults {
                amnesia: 3,
                answers: 5,
                crashes: seed % 2 * 2,
                others: false,
                ..Faults::NONE
            },
        );
    }
}
