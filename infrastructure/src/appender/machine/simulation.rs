//! The machine against a simulated chain, clock, outbox and follower, with faults and crashes, seed by seed.
//!
//! A seed decides everything: what clients append, which answers are late or lost, what the chain drops, runs out of gas, reverts and
//! reorganises, when somebody else uses our key, when the node is away, when the process dies, and when another key takes over. After the faults
//! come calm times, and then:
//! 1. every commit that was accepted was executed by the contract: appended exactly once, or rejected; or the contract refuses it for good,
//!    and then that is noted once, and told to whoever still waits;
//! 2. who was told *appended* finds it on the chain, who was told *rejected* does not, and nobody was told twice;
//! 3. nothing was sent that was not stored;
//! 4. every commit was stored in good time or turned away, and what was turned away is nowhere;
//! 5. the outbox is empty, the pool is empty, and the nonces have no gap.

#![expect(clippy::cast_possible_truncation, reason = "the numbers of a simulation are small")]

mod calls;
mod chain;
mod luck;
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
fn what_the_contract_refuses_for_good_is_noted_once_and_told_whoever_dies_meanwhile() {
    for seed in 0..300 {
        run(
            seed,
            Faults {
                refusals: 10,
                crashes: seed % 2 * 6,
                keys: seed % 3 * 2,
                answers: seed % 5 * 4,
                outages: seed % 7,
                finality: seed % 4,
                reorganisations: seed % 4,
                ..Faults::NONE
            },
        );
    }
}

#[test]
fn what_ran_out_of_gas_is_appended_with_more() {
    for seed in 0..100 {
        run(
            seed,
            Faults {
                gas: 20,
                finality: seed % 3,
                crashes: seed % 2 * 4,
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
fn commits_that_another_key_takes_over_are_neither_lost_nor_doubled_though_the_former_transactions_are_mined_as_well() {
    for seed in 0..300 {
        run(
            seed,
            Faults {
                keys: 8,
                crashes: seed % 2 * 4,
                reorganisations: seed % 3 * 3,
                answers: 5,
                gas: seed % 5,
                finality: seed % 4,
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
            outages: seed % 2 * 3,
            gas: 3,
            keys: seed % 3,
            finality: seed % 6,
            ..Faults::NONE
        };
        run(seed, faults);
    }
}

#[test]
fn a_node_that_goes_away_and_comes_back_costs_no_commit_that_was_accepted() {
    for seed in 0..150 {
        run(
            seed,
            Faults {
                outages: 10,
                crashes: seed % 2 * 4,
                answers: 5,
                finality: seed % 3,
                ..Faults::NONE
            },
        );
    }
}

#[test]
fn while_the_node_is_away_commits_are_stored_even_by_a_process_that_began_meanwhile() {
    for seed in 0..20 {
        let mut world = World::new(seed, Faults::NONE);
        world.append();
        world.pass(5);
        world.set_away(true);
        world.pass(60);
        let (before, _) = world.accepted_and_turned_away();
        assert_eq!(before, 1, "seed {seed}");
        for restarted in [false, true] {
            if restarted {
                world.crash();
            }
            world.append();
            world.pass(100);
        }
        let (accepted, turned_away) = world.accepted_and_turned_away();
        // The first may be final already, and the outbox empty: then nobody can know the next nonce.
        assert!(
            (accepted, turned_away) == (3, 0) || accepted == 2,
            "seed {seed}: {accepted} {turned_away}"
        );
        world.calm();
        world.check();
    }
}

#[test]
fn with_an_empty_outbox_and_no_node_a_commit_is_turned_away() {
    let mut world = World::new(1, Faults::NONE);
    world.set_away(true);
    world.append();
    world.pass(500);
    assert_eq!(world.accepted_and_turned_away(), (0, 1));
    world.calm();
    world.check();
}

#[test]
fn an_outbox_that_is_full_turns_away_and_goes_on_when_the_node_is_back() {
    for seed in 0..20 {
        let mut world = World::new(seed, Faults::NONE);
        world.pass(20);
        world.set_away(true);
        for _ in 0..200 {
            world.append();
            world.pass(20);
        }
        let (accepted, turned_away) = world.accepted_and_turned_away();
        assert!(accepted > 8 && turned_away > 0, "seed {seed}: {accepted} {turned_away}");
        world.set_away(false);
        world.pass(1_000);
        world.append();
        world.calm();
        world.check();
    }
}
