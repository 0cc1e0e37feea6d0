//! Nodes that lie. The answers of an honest node (Anvil, with state roots) about a small log are recorded once; then thousands of nodes each
//! tell one lie, made by a seeded generator. Every lie that changes what is meant must be found, with its place.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what must hold by panicking when it does not"
)]

mod lies;
mod log;
mod meaning;
mod node;
mod patients;
mod sealed;

use std::collections::BTreeMap;
use std::sync::Arc;

use api_audit::{Audit, AuditError, Fault, Verdict, verify};
use infrastructure::chain::{Address, Hash};

use fixtures::random::Random;
use lies::{KINDS, Lie};
use log::SmallLog;
use node::{Recording, node};

/// How many lies are told in all: of ten thousand and more the meaning is another than the truth's.
const LIES: u64 = 12_000;

/// What became of a lie.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Fate {
    /// It was found, with its place.
    Found,
    /// The node gives less, and that is said.
    Told,
    /// It changes nothing of what is read, and the result is the same.
    Meaningless,
}

async fn audit(recording: &Arc<Recording>, lie: Lie, log: &SmallLog) -> Result<Audit, AuditError> {
    let node = node(recording, lie, log.chain_id);
    verify(&node, log.contract, log.trusted, &|_| ()).await
}

/// What becomes of a lie; a sentence where it was not found.
async fn fate(
    recording: &Arc<Recording>,
    lie: Lie,
    log: &SmallLog,
    honest: &Audit,
) -> Result<(Fate, Option<Fault>), String> {
    let told = lie.clone();
    match audit(recording, lie, log).await {
        Ok(Audit { report, .. }) if report.verdict == Verdict::Fault => {
            let fault = report.fault.expect("a fault");
            if fault.place == api_audit::Place::default() {
                return Err(format!("found without a place: {fault:?}"));
            }
            if fault.expected.is_empty() || fault.got.is_empty() || fault.expected == fault.got {
                return Err(format!(
                    "nothing is said of what was expected and what there was: {fault:?}"
                ));
            }
            Ok((Fate::Found, Some(fault)))
        }
        Ok(audit) if audit.report.verdict == Verdict::InPart => {
            assert!(audit.report.unproved.is_some());
            assert!(audit.entries().eq(honest.entries()), "what is proved in part is proved");
            Ok((Fate::Told, None))
        }
        Ok(audit) if audit != *honest => Err("another log was proved".to_owned()),
        Ok(_) => {
            let first_block = honest
                .report
                .proved
                .as_ref()
                .and_then(|proved| proved.first_block)
                .unwrap();
            meaning::is_the_same(recording, &told, first_block)?;
            Ok((Fate::Meaningless, None))
        }
        Err(AuditError::Unanswered { .. } | AuditError::Unknown { .. } | AuditError::NoBlock(_)) => {
            Ok((Fate::Told, None))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Where two texts differ, with what stands around it.
pub(crate) fn first_difference(truth: &impl ToString, lie: &impl ToString) -> String {
    let (truth, lie) = (truth.to_string(), lie.to_string());
    let at = truth
        .bytes()
        .zip(lie.bytes())
        .take_while(|(one, other)| one == other)
        .count();
    let around = |text: &str| text.chars().skip(at.saturating_sub(60)).take(160).collect::<String>();
    format!("{}\nagainst\n{}", around(&truth), around(&lie))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_node_proves_the_log_and_ten_thousand_lies_are_found() {
    let log = SmallLog::start().await;
    let (recording, honest) = log.recorded().await;
    assert_eq!(honest.report.verdict, Verdict::Proved, "{}", honest.report.told());
    log.check(&honest);

    let (recording, log, honest) = (Arc::new(recording), Arc::new(log), Arc::new(honest));
    let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let tasks: Vec<_> = (0..LIES)
        .take(threads)
        .map(|first| {
            let (recording, log, honest) = (Arc::clone(&recording), Arc::clone(&log), Arc::clone(&honest));
            tokio::spawn(async move {
                let mut counted: BTreeMap<(&'static str, Fate), u64> = BTreeMap::new();
                for seed in (first..LIES).step_by(threads) {
                    let (kind, lie) = lie(&recording, seed);
                    let found = fate(&recording, lie, &log, &honest).await;
                    let (fate, _) = found.unwrap_or_else(|why| panic!("seed {seed}, {kind}: {why}"));
                    *counted.entry((kind, fate)).or_default() += 1;
                }
                counted
            })
        })
        .collect();
    let mut counted: BTreeMap<(&'static str, Fate), u64> = BTreeMap::new();
    for task in tasks {
        for (what, count) in task.await.expect("no lie goes unnoticed") {
            *counted.entry(what).or_default() += count;
        }
    }
    let sum = |fate: Fate| {
        counted
            .iter()
            .filter(|((_, of), _)| *of == fate)
            .map(|(_, count)| count)
            .sum::<u64>()
    };
    for ((kind, fate), count) in &counted {
        println!("{count:>6}  {fate:?}  {kind}");
    }
    let [found, told, meaningless] = [Fate::Found, Fate::Told, Fate::Meaningless].map(sum);
    println!("{found} found, {told} told, {meaningless} meaningless");
    assert_eq!(found + told + meaningless, LIES);
    assert!(found >= 10_000);
    for (kind, _) in KINDS {
        let noticed = [Fate::Found, Fate::Told]
            .iter()
            .any(|fate| counted.contains_key(&(*kind, *fate)));
        assert!(noticed, "no lie of the kind \"{kind}\" was ever told");
    }
}

/// The lie of a seed.
fn lie(recording: &Recording, seed: u64) -> (&'static str, Lie) {
    let (kind, lie) = any_lie(recording, seed);
    (kind, lie.unwrap_or_else(|| panic!("nothing to lie about: {kind}")))
}

/// The same, where there may be nothing to lie about. A kind that finds nothing with these numbers is asked again with others.
fn any_lie(recording: &Recording, seed: u64) -> (&'static str, Option<Lie>) {
    let (kind, make) = KINDS[usize::try_from(seed).unwrap() % KINDS.len()];
    let mut random = Random::new(seed);
    (kind, (0..1_000).find_map(|_| make(recording, &mut random)))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_removal_of_any_one_entry_is_found_at_its_place() {
    let log = SmallLog::start().await;
    let (recording, honest) = log.recorded().await;
    let recording = Arc::new(recording);
    for entry in honest.entries() {
        let position = entry.place.position.unwrap();
        let block = entry.place.block;
        // From the node's list, as our server reads it.
        let lie = lies::without_in_list(&recording, position);
        let (_, fault) = fate(&recording, lie, &log, &honest).await.unwrap();
        let fault = fault.expect("found");
        assert_eq!(fault.place.position, Some(position), "{fault:?}");
        assert_eq!(fault.place.stream, entry.place.stream);
        // From the receipts as well, as if it had never been there.
        let lie = lies::without_anywhere(&recording, position);
        let (_, fault) = fate(&recording, lie, &log, &honest).await.unwrap();
        assert_eq!(fault.expect("found").place.block, block);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_gives_nothing_for_a_proof_of_state_has_the_rest_proved() {
    let log = SmallLog::start().await;
    let (recording, _) = log.recorded().await;
    let recording = Arc::new(recording);
    let lie = lies::without_proof(&recording);
    let report = audit(&recording, lie, &log).await.unwrap().report;
    assert_eq!(report.verdict, Verdict::InPart, "{}", report.told());
    assert!(
        matches!(report.unproved, Some(api_audit::Unproved::NoProof(_))),
        "{}",
        report.told()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_contract_and_another_chain_prove_nothing() {
    let log = SmallLog::start().await;
    let (recording, _) = log.recorded().await;
    let recording = Arc::new(recording);
    // The beginning of the running hash is the chain's.
    let node = node(&recording, Lie::none(), log.chain_id + 1);
    let audit = verify(&node, log.contract, log.trusted, &|_| ()).await.unwrap();
    let fault = audit.report.fault.expect("a fault");
    assert_eq!(fault.check, api_audit::Check::RunningHash, "{fault:?}");
    // An account of somebody, which has no code.
    let live = log.live_node().await;
    let somebody = log.accounts[0];
    let audit = verify(&live, somebody, log.trusted, &|_| ()).await.unwrap();
    assert_eq!(audit.report.fault.expect("a fault").check, api_audit::Check::Code);
    // A block that the node does not have.
    let unknown: Hash = [7; 32];
    let refused = verify(&live, log.contract, unknown, &|_| ()).await.unwrap_err();
    assert!(matches!(refused, AuditError::NoBlock(_)), "{refused}");
    // An address where nobody is: that is proved, and no node is to blame.
    let refused = verify(&live, Address([9; 20]), log.trusted, &|_| ()).await.unwrap_err();
    assert!(matches!(refused, AuditError::NoContract { .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_proves_that_there_is_a_log_none_is_missed() {
    let log = SmallLog::on_a_fork().await;
    let nowhere = verify(&log.live_node().await, Address([9; 20]), log.trusted, &|_| ()).await;
    let report = nowhere.unwrap().report;
    assert_eq!(report.verdict, Verdict::InPart, "{}", report.told());
    assert_eq!(report.head.unwrap().position, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_with_nothing_in_it_is_proved_by_its_head() {
    let log = SmallLog::empty().await;
    let audit = verify(&log.live_node().await, log.contract, log.trusted, &|_| ())
        .await
        .unwrap();
    assert_eq!(audit.report.verdict, Verdict::Proved, "{}", audit.report.told());
    assert_eq!(audit.report.head.unwrap().position, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_chain_without_state_roots_all_but_the_contract_is_proved() {
    let log = SmallLog::on_a_fork().await;
    let audit = verify(&log.live_node().await, log.contract, log.trusted, &|_| ())
        .await
        .unwrap();
    assert_eq!(audit.report.verdict, Verdict::InPart, "{}", audit.report.told());
    assert_eq!(audit.report.unproved, Some(api_audit::Unproved::NoStateRoot));
    log.check(&audit);
}
