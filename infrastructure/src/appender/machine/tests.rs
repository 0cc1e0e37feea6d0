//! What the machine does with a transaction that is sent: at which price, how often, and what it makes of its end.

mod calls;

use std::sync::Arc;

use application::log::{Finality, StreamId};
use application::ports::command::Unavailable;
use domain::kernel::CommandId;

use super::*;
use crate::log::{Commit, CommitOutcome, Payload, RejectedCommit, StreamHead, StreamPart, StreamTip};
use crate::notices::{AppliedEvent, EntryState};

const CHEAP: Fees = Fees {
    base: 100,
    priority: 10,
};
const DEAR: Fees = Fees {
    base: 10_000,
    priority: 10,
};

fn told(machine: &mut Machine, now: Millis, input: Input<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    machine.on(now, input, &mut actions);
    actions
}

/// A machine whose account has used no nonce.
fn new() -> Machine {
    let around = Surroundings {
        applied: 0,
        final_block: 0,
    };
    let mut machine = Machine::restored(Limits::default(), around, Vec::new(), 0);
    told(&mut machine, 0, Input::NonceSeen { head: 0, count: 0 });
    machine
}

/// A machine whose first batch has just been sent.
fn sent() -> Machine {
    sent_by(new(), CHEAP)
}

/// A commit that waits.
fn queued(number: u64, since: Millis) -> Queued {
    let part = StreamPart {
        stream: StreamId([1; 32]),
        expected: StreamHead::default(),
        payloads: vec![Payload::from(&b"payload"[..])],
    };
    let commit = Arc::new(Commit {
        command_id: CommandId::default(),
        parts: vec![part],
    });
    Queued {
        key: CommitKey(number),
        size: Size::of(&commit).unwrap(),
        commit,
        since,
    }
}

fn sent_by(mut machine: Machine, market: Fees) -> Machine {
    told(&mut machine, 0, Input::Fees(market));
    told(&mut machine, 1, Input::Queue(queued(0, 1)));
    let stored = Input::Stored {
        nonce: 0,
        hash: [7; 32],
        duplicates: Vec::new(),
    };
    let actions = told(&mut machine, 2, stored);
    assert!(actions.iter().any(|action| matches!(action, Action::Send { .. })));
    machine
}

#[test]
fn who_offers_too_little_asks_for_the_price_once_and_then_offers_that() {
    let mut machine = sent();
    let underpriced = || Input::Sent {
        nonce: 0,
        answer: SendAnswer::Underpriced,
    };
    let actions = told(&mut machine, 3, underpriced());
    assert!(matches!(actions[..], [Action::AskFees]), "{actions:?}");
    // It is sent again as it is meanwhile, but not raised, and nobody is asked twice.
    let actions = told(&mut machine, 200, Input::Tick);
    assert!(matches!(actions[..], [Action::Send { .. }]), "{actions:?}");
    assert!(told(&mut machine, 201, underpriced()).is_empty());
    let actions = told(&mut machine, 202, Input::Fees(DEAR));
    let [Action::Replace { nonce: 0, fee, .. }] = actions[..] else {
        panic!("{actions:?}");
    };
    assert_eq!(fee.max, 20_010);
    // The next refusal is asked about anew: that price may have risen as well.
    let hash = [8; 32];
    told(&mut machine, 203, Input::Replaced { nonce: 0, hash, fee });
    assert!(matches!(told(&mut machine, 204, underpriced())[..], [Action::AskFees]));
}

#[test]
fn a_gap_below_everything_that_is_under_way_is_filled() {
    let mut machine = new();
    machine.batches.insert(
        1,
        Batch::new(
            batch::Content::Commits(Vec::new()),
            Fee::default(),
            21_000,
            Phase::Waiting,
            0,
        ),
    );
    machine.next_nonce = Some(2);
    let seen = || Input::NonceSeen { head: 9, count: 0 };
    told(&mut machine, 1, Input::Fees(CHEAP));
    told(&mut machine, 2, seen());
    let actions = told(&mut machine, 3, seen());
    let is_filler = |action: &Action| matches!(action, Action::Store(NewBatch { nonce: 0, .. }));
    assert!(actions.iter().any(is_filler), "{actions:?}");
    let stored = Input::Stored {
        nonce: 0,
        hash: [7; 32],
        duplicates: Vec::new(),
    };
    let actions = told(&mut machine, 4, stored);
    let is_sent = |action: &Action| matches!(action, Action::Send { nonce: 0, .. });
    assert!(actions.iter().any(is_sent), "{actions:?}");
}

fn executed(machine: &mut Machine, nonce: Nonce, execution: Execution) -> Vec<Action> {
    let seen = |count| Input::NonceSeen { head: 0, count };
    told(machine, 10, seen(nonce + 1));
    let receipt = Some(ReceiptSeen { block: 0, execution });
    told(
        machine,
        11,
        Input::ReceiptSeen {
            nonce,
            used: true,
            receipt,
        },
    )
}

fn stored(machine: &mut Machine, nonce: Nonce) {
    let hash = [u8::try_from(nonce).unwrap() + 100; 32];
    let duplicates = Vec::new();
    told(
        machine,
        12,
        Input::Stored {
            nonce,
            hash,
            duplicates,
        },
    );
}

fn asked_for(actions: &[Action]) -> u64 {
    let stored = actions.iter().find_map(|action| match action {
        Action::Store(batch) => Some(batch.gas_limit),
        _ => None,
    });
    stored.expect("it is signed again")
}

fn is_given_up(actions: &[Action]) -> bool {
    actions.iter().any(|action| matches!(action, Action::Refuse { .. }))
}

#[test]
fn what_ran_out_of_gas_is_signed_again_with_more_and_the_chain_is_asked_what_things_cost() {
    let mut machine = sent();
    let first = machine.batches[&0].gas_limit;
    let actions = executed(&mut machine, 0, Execution::OutOfGas { needed: None });
    assert!(
        actions.iter().any(|action| matches!(action, Action::AskGasRules)),
        "{actions:?}"
    );
    let second = asked_for(&actions);
    assert!(second >= 2 * first, "{second}");
    stored(&mut machine, 1);
    // A node whose prices are too low does not bring the old limit back.
    told(&mut machine, 13, Input::GasRules(GasRules::TODAY));
    let needed = 5 * second;
    let actions = executed(&mut machine, 1, Execution::OutOfGas { needed: Some(needed) });
    assert!(asked_for(&actions) > needed && !is_given_up(&actions), "{actions:?}");
}

#[test]
fn what_takes_more_than_a_transaction_may_ask_for_is_given_up_in_the_end_and_nothing_else_for_gas() {
    let mut machine = sent();
    told(&mut machine, 3, Input::BlockGas(400_000));
    let mut asked = Vec::new();
    let mut nonce = 0;
    loop {
        asked.push(machine.batches[&nonce].gas_limit);
        let actions = executed(&mut machine, nonce, Execution::OutOfGas { needed: None });
        if is_given_up(&actions) {
            break;
        }
        nonce += 1;
        stored(&mut machine, nonce);
    }
    assert_eq!(asked[asked.len() - 3..], [400_000; 3], "{asked:?}");
    assert!(asked[asked.len() - 4] < 400_000, "{asked:?}");
    // Others are asked no more for than before.
    assert_eq!(machine.gas, GasRules::TODAY);
}

/// How much gas a commit of so many bytes asks for that is stored now, if one is.
fn stored_with(machine: &mut Machine, now: Millis) -> Option<u64> {
    let actions = told(machine, now, Input::Tick);
    actions.iter().find_map(|action| match action {
        Action::Store(batch) => Some(batch.gas_limit),
        _ => None,
    })
}

#[test]
fn a_commit_waits_while_blocks_have_less_gas_than_before_and_is_stored_when_they_have_it_again() {
    let mut machine = new();
    told(&mut machine, 0, Input::Fees(CHEAP));
    told(&mut machine, 0, Input::BlockGas(30_000_000));
    told(&mut machine, 0, Input::BlockGas(60_000));
    told(&mut machine, 1, Input::Queue(queued(0, 1)));
    assert_eq!(stored_with(&mut machine, 2), None);
    let asked = machine.waits_for_gas();
    assert!(asked.is_some_and(|gas| gas > 60_000), "{asked:?}");
    assert_eq!(machine.wake_at(), machine.turn_away_at(), "nothing else is to be done");
    let actions = told(&mut machine, 3, Input::BlockGas(30_000_000));
    assert!(
        actions.iter().any(|action| matches!(action, Action::Store(_))),
        "{actions:?}"
    );
    assert_eq!(machine.waits_for_gas(), None);
}

#[test]
fn nothing_is_signed_for_less_gas_than_its_bytes_alone_take() {
    let mut machine = new();
    told(&mut machine, 0, Input::Fees(CHEAP));
    // No block was ever larger.
    told(&mut machine, 0, Input::BlockGas(1_000_000));
    let mut long = queued(0, 1);
    long.size.bytes = 40_000;
    let mut fits = queued(1, 1);
    fits.size.bytes = 20_000;
    told(&mut machine, 1, Input::Queue(long));
    assert_eq!(stored_with(&mut machine, 2), None);
    let actions = told(&mut machine, 6_000, Input::Tick);
    assert!(
        actions.iter().any(|action| matches!(action, Action::TurnAway(_))),
        "{actions:?}"
    );
    // What may be enough is tried.
    let actions = told(&mut machine, 6_001, Input::Queue(fits));
    assert_eq!(
        asked_for(&actions),
        1_000_000.min(GasRules::TODAY.limit(machine.batches[&0].size()))
    );
}

#[test]
fn what_a_node_refuses_is_signed_again_with_more_gas_once_the_chain_asks_for_more() {
    let mut machine = sent();
    let first = machine.batches[&0].gas_limit;
    let refused = Input::Sent {
        nonce: 0,
        answer: SendAnswer::Refused,
    };
    let actions = told(&mut machine, 3, refused);
    assert!(
        actions.iter().any(|action| matches!(action, Action::AskGasRules)),
        "{actions:?}"
    );
    let dearer = GasRules {
        floor_byte: 6_400,
        ..GasRules::TODAY
    };
    let actions = told(&mut machine, 4, Input::GasRules(dearer));
    let raised = actions.iter().find_map(|action| match action {
        Action::Replace {
            nonce: 0, gas_limit, ..
        } => Some(*gas_limit),
        _ => None,
    });
    assert_eq!(raised, Some(dearer.limit(machine.batches[&0].size())), "{actions:?}");
    assert!(raised > Some(first));
}

#[test]
fn anothers_entry_that_a_node_shows_in_our_transaction_is_not_our_commit() {
    let mut machine = sent();
    let (ours, hash) = {
        let batch = &machine.batches[&0];
        (batch.members()[0].commit.parts[0].clone(), batch.hashes[0])
    };
    let shown = |payload: &[u8]| AppliedEvent {
        stream: ours.stream,
        tip: StreamTip {
            version: ours.expected.version,
            ..StreamTip::default()
        }
        .after(payload),
        position: 1,
        transaction: hash,
        command_id: None,
        state: EntryState::Applied,
    };
    let outcome = |machine: &mut Machine, entry: AppliedEvent| {
        let applied = Input::Applied {
            block: 5,
            appended: &[entry],
            rejected: &[],
        };
        let mut actions = told(machine, 3, applied);
        actions.extend(told(machine, 4, Input::Finalized { block: 5 }));
        actions.iter().find_map(|action| match action {
            Action::Resolve(_, outcome) => Some(*outcome),
            _ => None,
        })
    };
    assert_eq!(outcome(&mut machine, shown(b"another's")), None);
    assert_eq!(machine.batches[&0].phase, Phase::Waiting, "it may still be mined");
    let appended = outcome(&mut machine, shown(&ours.payloads[0]));
    assert!(
        matches!(appended, Some(CommitOutcome::Appended { position: 1, .. })),
        "{appended:?}"
    );
}

#[test]
fn whoever_may_not_write_in_another_namespace_is_told_so_and_in_their_own_it_is_decided_again() {
    let told_in = |own: Namespace| {
        let mut machine = sent().of(own);
        let rejected = RejectedCommit {
            transaction: [7; 32],
            index: 0,
            stream: StreamId([1; 32]),
            actual: StreamHead::default(),
        };
        let applied = Input::Applied {
            block: 5,
            appended: &[],
            rejected: &[rejected],
        };
        let mut actions = told(&mut machine, 3, applied);
        actions.extend(told(&mut machine, 4, Input::Finalized { block: 5 }));
        let outcome = actions.iter().find_map(|action| match action {
            Action::Resolve(_, outcome) => Some(*outcome),
            _ => None,
        });
        (outcome.unwrap(), machine.authorized)
    };
    let not_appending = CommitOutcome::Failed(Unavailable::NotAppending);
    assert_eq!(told_in(Namespace(7)), (not_appending, true));
    let (outcome, authorized) = told_in(Namespace::of(&StreamId([1; 32])));
    assert!(
        matches!(outcome, CommitOutcome::Rejected { .. }) && !authorized,
        "{outcome:?}"
    );
}

#[test]
fn what_offers_what_the_market_asks_is_raised_a_few_times_whatever_a_node_says() {
    let mut machine = sent();
    let market = Fees {
        base: 100,
        priority: 10,
    };
    let (mut raised, mut now) = (0, 10);
    for _ in 0..200 {
        now += 10_000;
        let mut actions = told(&mut machine, now, Input::Tick);
        actions.extend(told(
            &mut machine,
            now,
            Input::Sent {
                nonce: 0,
                answer: SendAnswer::Underpriced,
            },
        ));
        now += 1;
        actions.extend(told(&mut machine, now, Input::Fees(market)));
        for action in actions {
            if let Action::Replace { nonce, fee, .. } = action {
                raised += 1;
                let hash = [raised; 32];
                told(&mut machine, now, Input::Replaced { nonce, hash, fee });
            }
        }
    }
    assert!((1..=4).contains(&raised), "{raised}");
    assert!(machine.batches[&0].fee.max < 4 * 210, "{:?}", machine.batches[&0].fee);
    assert!(machine.unmined_for(now).is_some_and(|long| long > 60_000));
    // When the market asks for more, it is raised again.
    now += 1;
    told(
        &mut machine,
        now,
        Input::Sent {
            nonce: 0,
            answer: SendAnswer::Underpriced,
        },
    );
    now += 1;
    let dear = Fees {
        base: 10_000,
        priority: 10,
    };
    let actions = told(&mut machine, now, Input::Fees(dear));
    assert!(
        actions.iter().any(|action| matches!(action, Action::Replace { .. })),
        "{actions:?}"
    );
}

const FREE: Fees = Fees { base: 0, priority: 10 };

#[test]
fn where_gas_is_free_an_account_without_ether_offers_nothing_and_is_never_raised() {
    let mut machine = new();
    told(&mut machine, 0, Input::Funds(0));
    let mut machine = sent_by(machine, FREE);
    assert_eq!(machine.batches[&0].fee, Fee::default());
    told(
        &mut machine,
        3,
        Input::Sent {
            nonce: 0,
            answer: SendAnswer::Taken,
        },
    );
    let mut sends = 0;
    for minute in 1..60 {
        for action in told(&mut machine, minute * 60_000, Input::Tick) {
            match action {
                Action::Send { nonce: 0, hash } => {
                    assert_eq!(hash, [7; 32], "unchanged");
                    sends += 1;
                    told(
                        &mut machine,
                        minute * 60_000,
                        Input::Sent {
                            nonce: 0,
                            answer: SendAnswer::Taken,
                        },
                    );
                }
                Action::AskNonce => told(&mut machine, minute * 60_000, Input::NonceSeen { head: 0, count: 0 }).clear(),
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(sends > 50, "{sends}");
}

#[test]
fn what_an_account_cannot_pay_is_signed_again_for_less_where_gas_is_free() {
    let mut machine = sent_by(new(), FREE);
    told(&mut machine, 3, Input::Funds(0));
    let cannot_pay = Input::Sent {
        nonce: 0,
        answer: SendAnswer::CannotPay,
    };
    let actions = told(&mut machine, 4, cannot_pay);
    let [Action::Replace { nonce: 0, fee, .. }] = actions[..] else {
        panic!("{actions:?}");
    };
    assert_eq!(fee, Fee::default());
}

#[test]
fn a_replacement_that_cannot_be_paid_does_not_keep_the_former_one_from_being_sent() {
    let mut machine = sent();
    told(
        &mut machine,
        3,
        Input::Sent {
            nonce: 0,
            answer: SendAnswer::Taken,
        },
    );
    let fee = Fee { max: 500, priority: 50 };
    let hash = [8; 32];
    let actions = told(&mut machine, 4, Input::Replaced { nonce: 0, hash, fee });
    let sent = |actions: &[Action]| {
        actions.iter().find_map(|action| match action {
            Action::Send { hash, .. } => Some(*hash),
            _ => None,
        })
    };
    assert_eq!(sent(&actions), Some([8; 32]));
    let (mut now, mut seen) = (5, Vec::new());
    for _ in 0..4 {
        told(
            &mut machine,
            now,
            Input::Sent {
                nonce: 0,
                answer: SendAnswer::CannotPay,
            },
        );
        now += 60_000;
        seen.extend(sent(&told(&mut machine, now, Input::Tick)));
    }
    assert_eq!(seen, [[7; 32], [8; 32], [7; 32], [8; 32]]);
}

#[test]
fn what_a_node_took_after_all_is_not_raised_at_once() {
    let mut machine = sent();
    for (now, answer) in [(3, SendAnswer::Underpriced), (150, SendAnswer::Taken)] {
        told(&mut machine, now, Input::Sent { nonce: 0, answer });
    }
    assert!(told(&mut machine, 200, Input::Fees(DEAR)).is_empty());
}

#[test]
fn a_commit_is_told_to_be_appended_only_when_it_is_neither_void_nor_parked() {
    let appended = CommitOutcome::Appended {
        position: 9,
        finality: Finality::Final,
    };
    for (state, outcome) in [
        (EntryState::Applied, appended),
        (EntryState::Parked, CommitOutcome::HandedOver),
        (EntryState::Void, CommitOutcome::Void),
    ] {
        let mut machine = sent();
        let event = AppliedEvent {
            stream: StreamId([1; 32]),
            tip: StreamTip::default().after(b"payload"),
            position: 9,
            transaction: [7; 32],
            command_id: None,
            state,
        };
        let applied = Input::Applied {
            block: 5,
            appended: &[event],
            rejected: &[],
        };
        told(&mut machine, 3, applied);
        let actions = told(&mut machine, 4, Input::Finalized { block: 5 });
        let is_told = |action: &Action| matches!(action, Action::Resolve(CommitKey(0), told) if *told == outcome);
        assert!(actions.iter().any(is_told), "{actions:?}");
        // Its command may come again at once, and nobody takes it for one that is under way.
        let is_marked = actions.iter().any(|action| matches!(action, Action::MarkRejected(_)));
        assert_eq!(is_marked, state == EntryState::Void, "{actions:?}");
    }
}
