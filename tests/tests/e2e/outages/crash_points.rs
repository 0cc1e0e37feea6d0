//! The server dies at every named place, under load, and its clients go on as soon as it is back. In the end everything that was
//! acknowledged is there, once; nothing is left over; and the read models are those of a fresh rebuild.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use api_config::FinalityRule;
use api_dev::anvil::Mining;
use infrastructure::crash::{FOLLOWER_REVERTED, PLACES, VARIABLE};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::rest::Rest;
use tests::site::{Desk, Site};
use tokio::task::{JoinHandle, JoinSet};
use uuid::Uuid;

/// How many clients are at work at once.
const CLIENTS: u32 = 6;

/// For how many days slots are offered: more than all clients take.
const DAYS: u64 = 12;

/// How many confirmations make a block final where the chain reorganises.
const CONFIRMATIONS: u64 = 6;

/// How many blocks a reorganisation takes back.
const DEPTH: u64 = 3;

/// What clients were told: each patient, and the appointment made for them.
type Acknowledged = BTreeMap<Uuid, Uuid>;

/// Clients who register patients and book slots, each until it is acknowledged, until they are told that it is enough.
struct Load {
    enough: Arc<AtomicBool>,
    clients: JoinSet<Acknowledged>,
}

impl Load {
    fn start(desk: &Desk, next: &Arc<AtomicU32>) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let clients = (0..CLIENTS).map(|_| {
            let (desk, next, enough) = (desk.clone(), Arc::clone(next), Arc::clone(&enough));
            async move {
                let mut acknowledged = Acknowledged::new();
                while !enough.load(Ordering::Relaxed) {
                    let (patient, appointment) = desk.visit(next.fetch_add(1, Ordering::Relaxed)).await;
                    acknowledged.insert(patient, appointment);
                }
                acknowledged
            }
        });
        Self {
            enough: Arc::clone(&enough),
            clients: clients.collect(),
        }
    }

    /// Lets every client finish what they have begun. `None` when one of them gave up.
    async fn finish(mut self) -> Option<Acknowledged> {
        self.enough.store(true, Ordering::Relaxed);
        let mut all = Acknowledged::new();
        while let Some(one) = self.clients.join_next().await {
            all.extend(one.ok()?);
        }
        Some(all)
    }
}

/// Everything that was acknowledged is there, once, and nothing else.
async fn check_records(desk: &Rest, acknowledged: &Acknowledged, when: &str) {
    let (patients, count) = desk.list("/v1/patients?limit=200").await;
    assert_eq!(count, patients.len(), "{when}: a patient is listed twice");
    assert!(
        patients.keys().eq(acknowledged.keys()),
        "{when}: {} patients, {} acknowledged",
        patients.len(),
        acknowledged.len()
    );
    let (appointments, count) = desk.list("/v1/appointments?limit=200").await;
    assert_eq!(count, appointments.len(), "{when}: an appointment is listed twice");
    let booked: Acknowledged = appointments
        .iter()
        .map(|(id, appointment)| {
            assert_eq!(appointment["status"], "booked", "{when}");
            (appointment["patient"].as_str().unwrap().parse().unwrap(), *id)
        })
        .collect();
    assert_eq!(booked.len(), appointments.len(), "{when}: somebody was booked twice");
    assert_eq!(&booked, acknowledged, "{when}");
}

/// Waits until nothing is under way: the outbox is empty, and the read models are where the chain is.
async fn check_at_rest(site: &Site, administrator: &Rest, when: &str) {
    let mut last = Value::Null;
    for _ in 0..400 {
        last = administrator.get("/v1/admin/status").await;
        let log = &last["log"];
        let (chain, shown, sure) = (&log["chainPosition"], &log["position"], &log["finalPosition"]);
        if site.outbox().await == 0 && chain == shown && sure == shown {
            assert_eq!(last["parked"], json!([]), "{when}");
            assert_eq!(last["foreignEvents"], 0, "{when}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{when}: {} rows in the outbox, {last}", site.outbox().await);
}

/// A server under load dies at each of these places, at the first pass and, once it is back, at the third.
async fn die_at_each(site: &Site, places: &[&str]) {
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    let desk = Desk::open(&server, &administrator, DAYS).await;
    server.process.kill().await;

    let next = Arc::new(AtomicU32::new(0));
    let mut acknowledged = Acknowledged::new();
    for place in places {
        let load = Load::start(&desk, &next);
        for pass in ["", ":3"] {
            let target = format!("{place}{pass}");
            let mut server = site.launch(&[(VARIABLE, &target)]);
            let status = server.process.ended().await;
            assert_eq!(
                status.signal(),
                Some(Signal::SIGABRT as i32),
                "{target}: {status}: {}",
                server.process.output()
            );
        }
        let server = site.serve(&[]).await;
        match load.finish().await {
            Some(more) => acknowledged.extend(more),
            None => panic!(
                "{place}: a client gave up: {}\n{}",
                administrator.get("/v1/admin/status").await,
                server.process.output()
            ),
        }
        check_records(&desk.rest, &acknowledged, place).await;
        check_at_rest(site, &administrator, place).await;
        site.compare_with_rebuild().await;
        check_records(&desk.rest, &acknowledged, place).await;
        let output = server.process.output();
        assert!(!output.contains("panicked"), "{place}: {output}");
        server.process.kill().await;
    }
}

/// Mines a block now and then, as a network does, and, once it is told to, takes the last ones back now and then. Ends when it is dropped.
struct Unsteady {
    mining: JoinHandle<()>,
    reorganises: Arc<AtomicBool>,
}

impl Unsteady {
    fn network(chain: &TestChain) -> Self {
        let url = chain.url().to_owned();
        let reorganises = Arc::new(AtomicBool::new(false));
        let may = Arc::clone(&reorganises);
        let mining = tokio::spawn(async move {
            let http = reqwest::Client::new();
            let call = async |method: &str, parameters: Value| {
                let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": parameters });
                let _ = http.post(&url).json(&body).send().await;
            };
            loop {
                // Asked before the blocks are mined, so that nothing is taken back that is older.
                let reorganise = may.load(Ordering::Relaxed);
                for _ in 0..12 {
                    call("evm_mine", json!([])).await;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                if reorganise {
                    call("anvil_reorg", json!([DEPTH, []])).await;
                }
            }
        });
        Self { mining, reorganises }
    }

    /// From now on it takes blocks back, and none that there is now: nobody sends the owner's transactions again.
    fn begin(&self) {
        self.reorganises.store(true, Ordering::Relaxed);
    }
}

/// What is done at these places, no booking does: they are tested with the revocations, the requests to be registered, the erasures, and the reads.
fn is_elsewhere(place: &str) -> bool {
    ["revocation.", "approval.", "erasure.", "read.", "reads."]
        .iter()
        .any(|kind| place.starts_with(kind))
}

impl Drop for Unsteady {
    fn drop(&mut self) {
        self.mining.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_a_server_dies_what_it_acknowledged_is_there_once() {
    let site = Site::ready(FinalityRule::Instant).await;
    // A chain whose blocks are final at once takes none back.
    let places: Vec<_> = PLACES
        .iter()
        .copied()
        .filter(|place| *place != FOLLOWER_REVERTED && !is_elsewhere(place))
        .collect();
    die_at_each(&site, &places).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_a_server_dies_while_the_chain_reorganises_what_it_acknowledged_is_there_once() {
    // All blocks come from one hand: an Anvil that mines a transaction while it reorganises loses blocks.
    let site = Site::on(TestChain::with(|options| options.mining = Mining::OnDemand).await).await;
    let network = Unsteady::network(&site.chain);
    site.prepare(FinalityRule::Confirmations(CONFIRMATIONS)).await;
    network.begin();
    let places: Vec<_> = PLACES.iter().copied().filter(|place| !is_elsewhere(place)).collect();
    die_at_each(&site, &places).await;
    drop(network);
}
