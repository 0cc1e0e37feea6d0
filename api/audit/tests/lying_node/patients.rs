//! Lies about one stream: none is told without being found, whichever entries it is about.

use std::collections::BTreeMap;
use std::sync::Arc;

use api_audit::{AuditError, Completeness, PatientReport, patient};
use application::log::StreamId;

use crate::lies::{self, Lie};
use crate::log::SmallLog;
use crate::node::{Recorder, Recording, node, over};
use crate::{Fate, any_lie, meaning};

/// How many lies are told of each stream.
const LIES: u64 = 1_500;

/// The streams after one in which nobody has written.
fn named(stream: [u8; 32]) -> impl Fn(u16) -> StreamId {
    move |chapter| match chapter {
        0 => StreamId(stream),
        later => StreamId([&stream[..30], &later.to_be_bytes()].concat().try_into().unwrap()),
    }
}

async fn audit(
    recording: &Arc<Recording>,
    lie: Lie,
    log: &SmallLog,
    stream: [u8; 32],
) -> Result<PatientReport, AuditError> {
    let node = node(recording, lie, log.chain_id);
    patient(&node, log.contract, log.trusted, &named(stream), None, &|_| ()).await
}

async fn recorded(log: &SmallLog, stream: [u8; 32]) -> (Arc<Recording>, PatientReport) {
    let recorder = Arc::new(Recorder::default());
    let node = over(Arc::clone(&recorder) as _, log.url(), log.chain_id);
    let report = patient(&node, log.contract, log.trusted, &named(stream), None, &|_| ()).await;
    (Arc::new(recorder.recording()), report.unwrap())
}

/// What becomes of a lie; a sentence where it was not found.
async fn fate(
    recording: &Arc<Recording>,
    lie: Lie,
    log: &SmallLog,
    stream: [u8; 32],
    honest: &PatientReport,
) -> Result<(Fate, Option<api_audit::Fault>), String> {
    let told = lie.clone();
    match audit(recording, lie, log, stream).await {
        Ok(report) if report.verdict == Completeness::NotComplete => {
            let fault = report.fault.expect("a fault");
            if fault.place == api_audit::Place::default() || fault.expected == fault.got {
                return Err(format!("found without a place, or without a difference: {fault:?}"));
            }
            Ok((Fate::Found, Some(fault)))
        }
        Ok(report) if report.chapters != honest.chapters => Err("another history was proved".to_owned()),
        Ok(report) if report.verdict == Completeness::InPart => Ok((Fate::Told, None)),
        Ok(report) if report != *honest => Err("another report was made".to_owned()),
        Ok(_) => {
            let first_block = honest.chapters[0].entries[0].block;
            meaning::is_the_same(recording, &told, first_block)?;
            Ok((Fate::Meaningless, None))
        }
        Err(AuditError::Unanswered { .. } | AuditError::Unknown { .. } | AuditError::NoBlock(_)) => {
            Ok((Fate::Told, None))
        }
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_node_proves_a_stream_and_thousands_of_lies_about_it_are_found() {
    let log = SmallLog::start().await;
    for (name, stream) in log.streams() {
        let (recording, honest) = recorded(&log, stream).await;
        assert_eq!(honest.verdict, Completeness::Complete, "{}", honest.told());
        log.check_stream(&honest.chapters[0]);
        let mut counted: BTreeMap<(&'static str, Fate), u64> = BTreeMap::new();
        for seed in 0..LIES {
            let (kind, lie) = any_lie(&recording, seed);
            let Some(lie) = lie else { continue };
            let found = fate(&recording, lie, &log, stream, &honest).await;
            let (fate, _) = found.unwrap_or_else(|why| panic!("stream {name}, seed {seed}, {kind}: {why}"));
            *counted.entry((kind, fate)).or_default() += 1;
        }
        for ((kind, fate), count) in &counted {
            println!("{count:>6}  {fate:?}  {kind}");
        }
        let of_fate = counted.iter().filter(|((_, fate), _)| *fate == Fate::Found);
        let found: u64 = of_fate.map(|(_, count)| count).sum();
        assert!(found > LIES * 3 / 4, "{found}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_removal_of_any_one_entry_of_a_stream_is_found_at_its_place() {
    let log = SmallLog::start().await;
    for (_, stream) in log.streams() {
        let (recording, honest) = recorded(&log, stream).await;
        for entry in &honest.chapters[0].entries {
            let lie = lies::without_in_list(&recording, entry.position);
            let (_, fault) = fate(&recording, lie, &log, stream, &honest).await.unwrap();
            let place = fault.expect("found").place;
            assert_eq!((place.position, place.stream), (Some(entry.position), Some(stream)));
            // From the receipts as well, as if it had never been there.
            let lie = lies::without_anywhere(&recording, entry.position);
            let (_, fault) = fate(&recording, lie, &log, stream, &honest).await.unwrap();
            assert_eq!(fault.expect("found").place.block, Some(entry.block));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_state_roots_a_stream_is_proved_by_its_blocks_and_nobody_is_somebody() {
    let log = SmallLog::on_a_fork().await;
    for (_, stream) in log.streams() {
        let (_, report) = recorded(&log, stream).await;
        assert_eq!(report.verdict, Completeness::InPart, "{}", report.told());
        log.check_stream(&report.chapters[0]);
    }
    for log in [log, SmallLog::start().await] {
        let (live, nobody) = (log.live_node().await, named([8; 32]));
        let refused = patient(&live, log.contract, log.trusted, &nobody, None, &|_| ()).await;
        assert!(matches!(refused, Err(AuditError::NoPatient { .. })), "{refused:?}");
    }
}
