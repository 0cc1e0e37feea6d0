//! Lies about a sealed record, which is opened: whatever a node says, nobody is told another history than the true one.

use std::collections::BTreeMap;
use std::sync::Arc;

use api_audit::{AuditError, Completeness, KeysState, PatientReport, patient};
use application::log::{AnyEvent, StreamId};
use domain::claims::{Claim, ClaimsEvent, Name};
use domain::kernel::{ClaimsId, DataSubject, Identifier, PatientId, Personal};
use domain::patient::{PatientDetails, PatientEvent};
use fixtures::history;
use fixtures::log::TestLog;
use infrastructure::chain::Hash;
use infrastructure::follower::{Fate as State, RecordNames};
use infrastructure::keys::KeyRing;
use infrastructure::postgres::LIVE;
use infrastructure::sealing::Opener;

use crate::node::{Recorder, node, over};
use crate::{Fate, any_lie};

/// How many lies are told.
const LIES: u64 = 2_000;

struct Record {
    log: TestLog,
    patient: PatientId,
}

impl Record {
    /// A patient whose record has everything that a record can have: commits of one and of several, such with streams beside it, junk, and a commit of
    /// which a part was altered; three chapters, of which the last is open and in the namespace's second epoch, and something late in the first.
    async fn begin() -> Self {
        let (mut log, patient) = (TestLog::start().await, history::patient(0));
        let other = history::patient(1);
        log.append(&[vec![registered(other), claimed(other, "1")]]).await;
        log.append(&[vec![registered(patient), claimed(patient, "2"), claimed(patient, "3")]])
            .await;
        log.append(&[vec![updated(patient), updated(patient)], vec![updated(other)]])
            .await;
        let stream = log.stream(patient.into());
        let mut junk = [0; 64];
        junk[0] = 0b1000_1000;
        log.append_raw(stream, &junk).await;
        let mut half = log.seal_only(&[updated(patient), claimed(patient, "4")]).await;
        let last = half.parts[1].payloads.last_mut().unwrap();
        let mut altered = last.to_vec();
        *altered.last_mut().unwrap() ^= 1;
        *last = altered.into();
        log.append_sealed(half).await;
        log.append(&[vec![updated(other), claimed(other, "5")]]).await;
        log.append(&[vec![updated(patient), claimed(patient, "6")]]).await;
        log.close_chapter(patient).await;
        log.append(&[vec![updated(patient), claimed(patient, "7")]]).await;
        log.close_chapter(patient).await;
        // In the second epoch: its publication is proved as well.
        log.publish(&log.prepare_epoch(1).await).await;
        log.seal_in(1);
        log.append(&[vec![updated(patient)]]).await;
        log.seal_in(0);
        log.go_to_chapter(patient, 0);
        log.append(&[vec![updated(patient)]]).await;
        log.go_to_chapter(patient, 2);
        log.chain.mine(2).await;
        Self { log, patient }
    }

    /// The chapters of the record.
    fn chapters(&self) -> impl Fn(u16) -> StreamId {
        let names = RecordNames::new(&self.log.secret, self.log.location(), self.patient.uuid());
        move |number| names.chapter(number)
    }

    async fn newest(&self) -> Hash {
        let block = self
            .log
            .chain
            .call("eth_getBlockByNumber", serde_json::json!(["latest", false]))
            .await;
        let mut hash = [0; 32];
        hex::decode_to_slice(block["hash"].as_str().unwrap(), &mut hash).unwrap();
        hash
    }

    async fn audit(&self, opener: &Opener) -> PatientReport {
        let (node, contract) = (self.log.log.node(), self.log.log.address());
        let audited = patient(
            node,
            contract,
            self.newest().await,
            &self.chapters(),
            Some(opener),
            &|_| (),
        )
        .await;
        audited.unwrap()
    }

    /// One who reads the keys from the database, whoever has changed them.
    fn new_opener(&self) -> Opener {
        let keks = self.log.key_encryption_keys();
        let ring = KeyRing::new(self.log.pool(LIVE), keks);
        Opener::new(self.log.location(), &self.log.secret, Arc::new(ring))
    }
}

fn registered(patient: PatientId) -> AnyEvent {
    let details = Personal::Known(PatientDetails::default());
    AnyEvent::Patient(patient, PatientEvent::Registered { details })
}

fn updated(patient: PatientId) -> AnyEvent {
    let details = Personal::Known(PatientDetails::default());
    AnyEvent::Patient(patient, PatientEvent::DetailsUpdated { details })
}

fn claimed(patient: PatientId, value: &str) -> AnyEvent {
    let name = Name::OfPatient(Identifier {
        system: "urn:example".to_owned(),
        value: value.to_owned(),
    });
    let claim = Personal::Known(Claim {
        name,
        subject: DataSubject::Patient(patient),
    });
    AnyEvent::Claims(ClaimsId(7), ClaimsEvent::Claimed { claim })
}

fn states(report: &PatientReport) -> Vec<State> {
    report
        .chapters
        .iter()
        .flat_map(|chapter| &chapter.entries)
        .map(|entry| entry.state.unwrap())
        .collect()
}

const WHOLE: [State; 11] = [
    State::Counted,
    State::Counted,
    State::Counted,
    State::Void,
    State::Void,
    State::Counted,
    // The closing, and what came after it.
    State::Counted,
    State::Void,
    // The second chapter with its closing, and the third.
    State::Counted,
    State::Counted,
    State::Counted,
];

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_opened_and_no_lie_changes_what_is_told_of_it() {
    let record = Record::begin().await;
    let (contract, trusted, opener) = (record.log.log.address(), record.newest().await, record.log.opener());
    let (chapters, chain_id) = (record.chapters(), record.log.log.node().chain_id());
    let recorder = Arc::new(Recorder::default());
    let honest_node = over(Arc::clone(&recorder) as _, record.log.chain.url(), chain_id);
    // What is read of the whole log answers what only a lie gives rise to ask.
    api_audit::verify(&honest_node, contract, trusted, &|_| ())
        .await
        .unwrap();
    let audited = patient(&honest_node, contract, trusted, &chapters, Some(&opener), &|_| ()).await;
    let honest = audited.unwrap();
    assert_eq!(
        (honest.verdict, honest.keys),
        (Completeness::Complete, Some(KeysState::Held))
    );
    assert_eq!(states(&honest), WHOLE);
    let entries = &honest.chapters[0].entries;
    assert_eq!(entries[0].event.as_deref(), Some("patient.Registered"));
    assert_eq!(entries[3].why.as_deref(), Some("it is not authentic in its place"));
    assert_eq!(entries[4].why.as_deref(), Some("its commit is not whole"));
    assert!(entries[0].claimed_time.is_some() && entries[4].claimed_time.is_none());
    assert_eq!(entries[6].event.as_deref(), Some("chapters.Closed"));
    assert_eq!(entries[7].why.as_deref(), Some("its chapter is closed"));
    let numbers: Vec<u64> = honest.chapters.iter().map(|chapter| chapter.number).collect();
    assert_eq!(numbers, [0, 1, 2]);

    let recording = Arc::new(recorder.recording());
    let mut counted: BTreeMap<Fate, u64> = BTreeMap::new();
    for seed in 0..LIES {
        let (kind, lie) = any_lie(&recording, seed);
        let Some(lie) = lie else { continue };
        let node = node(&recording, lie, chain_id);
        let fate = match patient(&node, contract, trusted, &chapters, Some(&opener), &|_| ()).await {
            Ok(report) if report.verdict == Completeness::NotComplete => {
                let fault = report.fault.expect("a fault");
                assert_ne!(
                    fault.place,
                    api_audit::Place::default(),
                    "seed {seed}, {kind}: {fault:?}"
                );
                Fate::Found
            }
            Ok(report) => {
                assert_eq!(report.chapters, honest.chapters, "seed {seed}, {kind}");
                if report == honest {
                    Fate::Meaningless
                } else {
                    Fate::Told
                }
            }
            Err(AuditError::Unanswered { .. } | AuditError::Unknown { .. } | AuditError::NoBlock(_)) => Fate::Told,
            Err(error) => panic!("seed {seed}, {kind}: {error}"),
        };
        *counted.entry(fate).or_default() += 1;
    }
    println!("{counted:?}");
    assert!(counted[&Fate::Found] > LIES / 4, "{counted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_erased_and_of_who_has_no_key_here_the_history_is_proved_all_the_same() {
    let mut record = Record::begin().await;
    let whole = record.audit(&record.new_opener()).await;
    assert_eq!(states(&whole), WHOLE);

    // Whose key is gone without an erasure waits for it.
    let pool = record.log.pool(LIVE);
    let subject = record.patient.uuid();
    sqlx::raw_sql(&format!(
        "CREATE TABLE core.aside AS SELECT * FROM core.data_keys WHERE subject = '{subject}';
         DELETE FROM core.data_keys WHERE subject = '{subject}'"
    ))
    .execute(&pool)
    .await
    .unwrap();
    let keyless = record.audit(&record.new_opener()).await;
    assert_eq!(
        (keyless.verdict, keyless.keys),
        (Completeness::Complete, Some(KeysState::Missing))
    );
    let waiting = [
        &[State::Parked; 6][..],
        &[
            State::Counted,
            State::Void,
            State::Parked,
            State::Counted,
            State::Parked,
        ],
    ];
    assert_eq!(states(&keyless), waiting.concat());
    let back = "INSERT INTO core.data_keys SELECT * FROM core.aside";
    sqlx::raw_sql(back).execute(&pool).await.unwrap();

    // From the erasure on nothing is read, whether or not the keys are here still.
    record.log.erase(DataSubject::Patient(record.patient)).await;
    record.log.append(&[vec![updated(record.patient)]]).await;
    for is_destroyed in [false, true] {
        if is_destroyed {
            record.log.destroy_keys_of(DataSubject::Patient(record.patient)).await;
        }
        let erased = record.audit(&record.new_opener()).await;
        assert_eq!(
            (erased.verdict, erased.keys),
            (Completeness::Complete, Some(KeysState::Destroyed))
        );
        let expected = [
            &[State::Sealed; 6][..],
            &[State::Counted, State::Void, State::Sealed, State::Counted],
            &[State::Sealed, State::Counted, State::Void],
        ];
        assert_eq!(states(&erased), expected.concat(), "{is_destroyed}: {}", erased.told());
        let last = &erased.chapters[2].entries;
        assert_eq!(erased.erased_at, Some(last[1].position));
        assert_eq!(last[1].event.as_deref(), Some("erasure.Erased"));
    }
}
