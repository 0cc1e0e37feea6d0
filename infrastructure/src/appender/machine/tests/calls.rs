//! What the machine does with a call.

use uuid::Uuid;

use super::*;
use crate::calls::{Call, CallId, CallKind, CallOutcome};

const ID: CallId = CallId(Uuid::from_u128(1));

fn handed(gas: u64, since: Millis) -> QueuedCall {
    let call = Arc::new(Call {
        id: ID,
        kind: CallKind::new("test").unwrap(),
        target: [7; 20],
        data: vec![1],
    });
    QueuedCall { call, gas, since }
}

const STORED: Input<'static> = Input::CallStored {
    nonce: 0,
    hash: [7; 32],
    fee: FEE,
    gas_limit: 60_000,
};

const FEE: Fee = Fee { max: 210, priority: 10 };

/// A machine that has sent a call.
fn called() -> Machine {
    let mut machine = new();
    told(&mut machine, 0, Input::Fees(CHEAP));
    let actions = told(&mut machine, 1, Input::QueueCall(handed(60_000, 1)));
    let stored = |action: &Action| {
        matches!(
            action,
            Action::StoreCall(NewCall {
                nonce: 0,
                again: false,
                ..
            })
        )
    };
    assert!(actions.iter().any(stored), "{actions:?}");
    let actions = told(&mut machine, 2, STORED);
    assert!(
        matches!(
            actions[..],
            [Action::TellCall(ID, CallNews::Accepted), Action::Send { nonce: 0, .. }]
        ),
        "{actions:?}"
    );
    machine
}

/// A final block has used its nonce.
fn used(machine: &mut Machine) {
    let actions = told(machine, 10, Input::NonceSeen { head: 5, count: 1 });
    assert!(actions.is_empty(), "it is not final: {actions:?}");
    let actions = told(machine, 11, Input::Finalized { block: 5 });
    let asks = |action: &Action| {
        matches!(
            action,
            Action::AskCall {
                nonce: 0,
                final_block: 5
            }
        )
    };
    assert!(actions.iter().any(asks), "{actions:?}");
}

fn seen(machine: &mut Machine, seen: CallSeen) -> Vec<Action> {
    told(machine, 12, Input::CallSeen { nonce: 0, seen })
}

/// What is noted of it.
fn noted(actions: &[Action]) -> Option<CallOutcome> {
    actions.iter().find_map(|action| match action {
        Action::SettleCall { nonce: 0, id: ID, end } => Some(end.clone().into()),
        _ => None,
    })
}

/// How much gas it asks for as it is signed anew.
fn signed_again(actions: &[Action]) -> Option<u64> {
    actions.iter().find_map(|action| match action {
        Action::StoreCall(NewCall {
            nonce: 1,
            again: true,
            gas_limit,
            ..
        }) => Some(*gas_limit),
        _ => None,
    })
}

const DONE: CallSeen = CallSeen::Done {
    block: 4,
    transaction: [7; 32],
};

#[test]
fn what_came_of_it_is_noted_when_its_block_is_final_and_then_forgotten() {
    let mut machine = called();
    used(&mut machine);
    let actions = seen(&mut machine, DONE);
    let done = CallOutcome::Done {
        block: 4,
        transaction: [7; 32],
    };
    assert_eq!(noted(&actions), Some(done));
    // Until that is durable it is kept.
    assert!(told(&mut machine, 5_000, Input::Tick).is_empty());
    assert_eq!(machine.batches.len(), 1);
    told(&mut machine, 5_001, Input::Settled { nonce: 0 });
    assert!(machine.batches.is_empty() && machine.by_hash.is_empty());
}

#[test]
fn an_entry_that_a_node_shows_in_its_transaction_says_nothing_of_it() {
    let mut machine = called();
    let entry = AppliedEvent {
        stream: StreamId([9; 32]),
        tip: StreamTip::default().after(b"note"),
        position: 1,
        transaction: [7; 32],
        command_id: None,
        state: EntryState::Applied,
    };
    let applied = Input::Applied {
        block: 5,
        appended: &[entry],
        rejected: &[],
    };
    let mut actions = told(&mut machine, 3, applied);
    actions.extend(told(&mut machine, 4, Input::Finalized { block: 5 }));
    assert_eq!(noted(&actions), None, "another's entry may be shown there");
    assert!(
        actions.iter().any(|action| matches!(action, Action::AskNonce)),
        "{actions:?}"
    );
}

#[test]
fn whoever_waits_for_a_call_does_not_wait_for_the_next_second() {
    let asks = |actions: &[Action]| actions.iter().any(|action| matches!(action, Action::AskNonce));
    let applied = |block| Input::Applied {
        block,
        appended: &[],
        rejected: &[],
    };
    let mut machine = called();
    assert!(asks(&told(&mut machine, 3, applied(5))));
    told(&mut machine, 4, Input::NonceSeen { head: 5, count: 0 });
    // Not for each of many blocks, and long before a second has passed.
    assert!(!asks(&told(&mut machine, 5, applied(6))));
    assert!(asks(&told(&mut machine, 30, applied(7))));
}

#[test]
fn a_call_waits_while_blocks_have_less_gas_than_it_asks_for() {
    let mut machine = new();
    told(&mut machine, 0, Input::Fees(CHEAP));
    told(&mut machine, 0, Input::BlockGas(30_000_000));
    told(&mut machine, 0, Input::BlockGas(120_000));
    assert!(told(&mut machine, 1, Input::QueueCall(handed(200_000, 1))).is_empty());
    assert_eq!(machine.waits_for_gas(), Some(200_000));
    let actions = told(&mut machine, 2, Input::BlockGas(30_000_000));
    let asks = |action: &Action| matches!(action, Action::StoreCall(NewCall { gas_limit: 200_000, .. }));
    assert!(actions.iter().any(asks), "{actions:?}");
    assert_eq!(machine.waits_for_gas(), None);
}

#[test]
fn out_of_gas_in_blocks_that_are_small_for_a_while_is_no_refusal() {
    let mut machine = called();
    told(&mut machine, 3, Input::BlockGas(30_000_000));
    told(&mut machine, 3, Input::BlockGas(60_000));
    used(&mut machine);
    let out_of_gas = CallSeen::OutOfGas {
        block: 4,
        transaction: [7; 32],
        needed: None,
    };
    let actions = seen(&mut machine, out_of_gas);
    assert_eq!((noted(&actions), signed_again(&actions)), (None, None), "{actions:?}");
    let actions = told(&mut machine, 13, Input::BlockGas(30_000_000));
    assert_eq!(signed_again(&actions), Some(120_000), "{actions:?}");
}

#[test]
fn a_rejection_in_its_transaction_says_nothing_of_it() {
    let mut machine = called();
    let rejected = RejectedCommit {
        transaction: [7; 32],
        index: 0,
        stream: StreamId([9; 32]),
        actual: StreamHead::default(),
    };
    let applied = Input::Applied {
        block: 5,
        appended: &[],
        rejected: &[rejected],
    };
    told(&mut machine, 3, applied);
    assert_eq!(noted(&told(&mut machine, 4, Input::Finalized { block: 5 })), None);
}

#[test]
fn it_is_signed_anew_only_when_a_final_block_has_used_its_nonce_for_something_else() {
    let mut machine = called();
    used(&mut machine);
    // That nobody can tell is no reason, and neither is a block that may be dropped.
    told(&mut machine, 12, Input::ReceiptUnknown { nonce: 0 });
    assert_eq!(signed_again(&seen(&mut machine, CallSeen::Another { block: 6 })), None);
    told(&mut machine, 13, Input::Finalized { block: 6 });
    let actions = seen(&mut machine, CallSeen::Another { block: 5 });
    assert_eq!(signed_again(&actions), Some(60_000), "{actions:?}");
    assert_eq!(noted(&actions), None);
}

#[test]
fn what_ran_out_of_gas_is_given_more_until_there_is_no_more() {
    let out_of_gas = |needed| CallSeen::OutOfGas {
        block: 4,
        transaction: [7; 32],
        needed,
    };
    for (needed, wanted) in [(None, 120_000), (Some(50_000), 120_000), (Some(200_000), 250_000)] {
        let mut machine = called();
        used(&mut machine);
        let actions = seen(&mut machine, out_of_gas(needed));
        assert_eq!(signed_again(&actions), Some(wanted), "{actions:?}");
    }
    let mut machine = called();
    told(&mut machine, 3, Input::BlockGas(60_000));
    used(&mut machine);
    let actions = seen(&mut machine, out_of_gas(None));
    assert!(
        matches!(noted(&actions), Some(CallOutcome::Refused { .. })),
        "{actions:?}"
    );
}

#[test]
fn what_the_contract_refused_is_told_at_once_and_not_tried_again() {
    let mut machine = called();
    used(&mut machine);
    let refused = CallSeen::Refused {
        block: 4,
        transaction: [7; 32],
        reason: vec![1, 2],
    };
    let actions = seen(&mut machine, refused);
    let outcome = CallOutcome::Refused {
        block: 4,
        transaction: [7; 32],
        reason: vec![1, 2],
    };
    assert_eq!(noted(&actions), Some(outcome));
    assert_eq!(signed_again(&actions), None);
}

#[test]
fn a_fee_that_is_too_low_is_raised_under_the_same_nonce() {
    let mut machine = called();
    let answer = SendAnswer::Underpriced;
    told(&mut machine, 3, Input::Sent { nonce: 0, answer });
    let actions = told(&mut machine, 4, Input::Fees(DEAR));
    assert!(
        actions
            .iter()
            .any(|action| matches!(action, Action::Replace { nonce: 0, .. })),
        "{actions:?}"
    );
}

#[test]
fn what_is_not_stored_in_good_time_is_turned_away_and_what_the_outbox_has_never() {
    let mut machine = new();
    told(&mut machine, 1, Input::QueueCall(handed(60_000, 1)));
    let late = 1 + Limits::default().durable_within;
    let actions = told(&mut machine, late, Input::Tick);
    assert!(
        matches!(actions[..], [Action::TellCall(ID, CallNews::TurnedAway)]),
        "{actions:?}"
    );
    told(&mut machine, late, Input::AdoptCalls(vec![handed(60_000, late)]));
    let actions = told(&mut machine, 10 * late, Input::Tick);
    assert!(
        !actions.iter().any(|action| matches!(action, Action::TellCall(..))),
        "{actions:?}"
    );
}

#[test]
fn commits_and_calls_wait_for_each_other_by_age() {
    let mut machine = called();
    let actions = told(&mut machine, 20, Input::QueueCall(handed(60_000, 20)));
    assert!(
        actions.iter().any(|action| matches!(action, Action::StoreCall(_))),
        "{actions:?}"
    );
    // One is stored at a time.
    assert!(machine.gather_commits_at().is_none() && machine.gather_call_at().is_none());
}

#[test]
fn without_its_key_a_call_is_sent_on_and_not_left_to_another_key_while_it_may_be_executed() {
    let around = Surroundings {
        applied: 9,
        final_block: 9,
    };
    let batch = RestoredBatch {
        nonce: 0,
        commits: Vec::new(),
        call: Some(handed(0, 0).call),
        hashes: vec![[7; 32]],
        fee: Fee { max: 1, priority: 1 },
        gas_limit: 60_000,
    };
    let mut machine = Machine::restored(Limits::default(), around, vec![batch], 0).without_key();
    let actions = told(&mut machine, 1, Input::NonceSeen { head: 9, count: 0 });
    assert!(matches!(actions[..], [Action::Send { nonce: 0, .. }]), "{actions:?}");
    assert_eq!(machine.needs_key(1, 100), Some(Need::Fee));
    assert!(machine.bequest().is_empty() && machine.calls_to_sign().is_empty());
    told(&mut machine, 2, Input::NonceSeen { head: 9, count: 1 });
    let another = CallSeen::Another { block: 9 };
    told(
        &mut machine,
        3,
        Input::CallSeen {
            nonce: 0,
            seen: another,
        },
    );
    let left = machine.calls_to_sign();
    assert!(matches!(left[..], [(_, 60_000)]), "{left:?}");
    assert_eq!(machine.needs_key(3, 1), None, "it is no reason to take commits over");
}

/// Appends a commit, which gets this nonce, and has it mined and final. Answers with all that is to be done.
fn append(machine: &mut Machine, nonce: Nonce, now: Millis) -> Vec<Action> {
    let part = StreamPart {
        stream: StreamId([1; 32]),
        expected: StreamHead::default(),
        payloads: vec![Payload::from(&nonce.to_be_bytes()[..])],
    };
    let commit = Arc::new(Commit {
        command_id: CommandId::new(Uuid::from_u128(nonce.into())),
        parts: vec![part],
    });
    let (key, size, since) = (CommitKey(nonce), Size::of(&commit).unwrap(), now);
    let queued = Queued {
        key,
        commit,
        size,
        since,
    };
    let mut actions = told(machine, now, Input::Queue(queued));
    actions.extend(told(machine, now + 10, Input::Tick));
    let hash = [u8::try_from(100 + nonce).unwrap(); 32];
    let duplicates = Vec::new();
    let stored = Input::Stored {
        nonce,
        hash,
        duplicates,
    };
    actions.extend(told(machine, now + 11, stored));
    let block = 5 + nonce;
    let entry = AppliedEvent {
        stream: StreamId([1; 32]),
        tip: StreamTip::default().after(&nonce.to_be_bytes()),
        position: nonce,
        transaction: hash,
        command_id: None,
        state: EntryState::Applied,
    };
    let applied = Input::Applied {
        block,
        appended: &[entry],
        rejected: &[],
    };
    actions.extend(told(machine, now + 12, applied));
    actions.extend(told(machine, now + 13, Input::Finalized { block }));
    actions
}

/// The nonces that the outbox is to forget.
fn forgotten(actions: &[Action]) -> Vec<Nonce> {
    let forgotten = actions.iter().filter_map(|action| match action {
        Action::Forget(nonces) => Some(nonces.clone()),
        _ => None,
    });
    forgotten.flatten().collect()
}

#[test]
fn what_stands_behind_a_call_that_cannot_be_decided_is_forgotten_but_for_the_last() {
    let mut machine = called();
    used(&mut machine);
    let mut all = Vec::new();
    for nonce in 1..9 {
        let now = 1_000 * nonce;
        told(&mut machine, now, Input::ReceiptUnknown { nonce: 0 });
        all.extend(forgotten(&append(&mut machine, nonce, now)));
        all.extend(forgotten(&told(&mut machine, now + 500, Input::Tick)));
    }
    assert_eq!(all, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(machine.batches.len(), 2, "the last tells which nonce is next");
    // The last is no reason to wake up again and again.
    assert_eq!(machine.clean_at(), None);
    // When it is clear what came of the call both go.
    told(&mut machine, 20_000, Input::ReceiptUnknown { nonce: 0 });
    seen(&mut machine, DONE);
    let actions = told(&mut machine, 30_000, Input::Settled { nonce: 0 });
    assert_eq!(forgotten(&actions), [0, 8]);
    assert!(machine.batches.is_empty() && machine.by_hash.is_empty());
}

#[test]
fn who_cannot_tell_is_asked_again_after_ever_longer_pauses() {
    let mut machine = called();
    let asks = |actions: &[Action]| {
        let mut asked = actions.iter();
        asked.any(|action| matches!(action, Action::AskCall { .. }))
    };
    told(&mut machine, 10, Input::NonceSeen { head: 5, count: 1 });
    // It took long to be final.
    let actions = told(&mut machine, 1_000_000, Input::Finalized { block: 5 });
    assert!(asks(&actions), "{actions:?}");
    assert_eq!(machine.undecided_for(1_000_000), None);
    let (mut now, mut pauses) = (1_000_000, Vec::new());
    for _ in 0..6 {
        told(&mut machine, now, Input::ReceiptUnknown { nonce: 0 });
        let began = now;
        while !asks(&told(&mut machine, now, Input::Tick)) {
            now += 500;
            assert!(now < began + 60_000, "it was asked at once");
        }
        pauses.push(now - began);
    }
    assert_eq!(pauses, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    assert_eq!(machine.undecided_for(now), Some(35_000));
    seen(&mut machine, CallSeen::Unused);
    assert_eq!(machine.undecided_for(now), None);
}

#[test]
fn what_asks_for_much_waits_until_it_is_known_how_much_a_block_has_and_keeps_no_commit_waiting() {
    let mut machine = new();
    told(&mut machine, 0, Input::Fees(CHEAP));
    let stored = |actions: &[Action]| {
        let mut actions = actions.iter();
        actions.find_map(|action| match action {
            Action::StoreCall(NewCall { gas_limit, .. }) => Some(*gas_limit),
            _ => None,
        })
    };
    let much = told(&mut machine, 1, Input::QueueCall(handed(9_000_000, 1)));
    assert_eq!(stored(&much), None);
    assert_eq!(machine.gather_call_at(), None);
    let actions = append(&mut machine, 0, 10);
    assert!(
        actions.iter().any(|action| matches!(action, Action::Store(_))),
        "{actions:?}"
    );
    let actions = told(&mut machine, 100, Input::BlockGas(8_000_000));
    assert_eq!(stored(&actions), Some(8_000_000), "what a block has");
}

#[test]
fn where_state_is_metered_apart_a_call_may_ask_for_more_than_the_cap() {
    let mut machine = new();
    let rules = GasRules {
        state: 95_000,
        ..GasRules::TODAY
    };
    told(&mut machine, 0, Input::BlockGas(60_000_000));
    let capped = machine.most_call_gas();
    told(&mut machine, 0, Input::GasRules(rules));
    assert_eq!(
        (capped, machine.most_call_gas()),
        (Limits::default().batch_gas, 60_000_000)
    );
}

#[test]
fn calls_on_their_way_do_not_make_commits_wait_for_company() {
    let mut machine = new();
    told(&mut machine, 0, Input::Fees(CHEAP));
    let window = u64::try_from(Limits::default().window).unwrap();
    for nonce in 0..window {
        let QueuedCall { call, gas, since } = handed(60_000, 1);
        let call = Arc::new(Call {
            id: CallId(Uuid::from_u128(100 + u128::from(nonce))),
            ..(*call).clone()
        });
        told(&mut machine, 1, Input::QueueCall(QueuedCall { call, gas, since }));
        let stored = Input::CallStored {
            nonce,
            hash: [u8::try_from(nonce).unwrap(); 32],
            fee: FEE,
            gas_limit: 60_000,
        };
        told(&mut machine, 2, stored);
    }
    assert_eq!(machine.in_flight(), Limits::default().window);
    let actions = append(&mut machine, window, 3);
    assert!(
        actions.iter().any(|action| matches!(action, Action::Store(_))),
        "{actions:?}"
    );
}

#[test]
fn what_was_signed_for_it_before_tells_how_much_gas_it_has() {
    let mut machine = new();
    told(&mut machine, 0, Input::Fees(CHEAP));
    told(&mut machine, 1, Input::QueueCall(handed(60_000, 1)));
    let stored = Input::CallStored {
        nonce: 0,
        hash: [7; 32],
        fee: FEE,
        gas_limit: 40_000,
    };
    told(&mut machine, 2, stored);
    used(&mut machine);
    let out_of_gas = CallSeen::OutOfGas {
        block: 4,
        transaction: [7; 32],
        needed: None,
    };
    assert_eq!(signed_again(&seen(&mut machine, out_of_gas)), Some(80_000));
}

#[test]
fn what_is_given_up_while_it_is_stored_is_not_lost() {
    let mut machine = new();
    told(&mut machine, 0, Input::Fees(CHEAP));
    told(&mut machine, 1, Input::QueueCall(handed(60_000, 1)));
    let rest = machine.surrender(&mut Vec::new());
    assert!(
        matches!(rest.storing_calls[..], [QueuedCall { gas: 60_000, .. }]),
        "{rest:?}"
    );
    let rest = called().surrender(&mut Vec::new());
    assert!(
        rest.storing_calls.is_empty() && rest.calls.is_empty(),
        "it is durable: {rest:?}"
    );
}
