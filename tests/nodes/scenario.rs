//! What every node must bear: a hospital's import through a killed server, a restart, and a rebuild that comes out the same.

use std::path::Path;

use api_config::FinalityRule;
use api_dev::rpc::Rpc;
use reqwest::Method;
use serde_json::{Value, json};
use tests::bundles;
use tests::rest::{Rest, id};
use tests::site::Site;
use tests::system::until;

use crate::measure;

const BUNDLES: u32 = 24;
const VISITS: u32 = 25;
/// Each patient, each visit, and the five doctors.
const RESOURCES: u64 = (BUNDLES * (VISITS + 1) + 5) as u64;
/// Whoever is imported is called by the identifier of their resource: each patient, and the five doctors.
const CLAIMS: u64 = (BUNDLES + 5) as u64;
/// They, what is reported of each patient's chart, and the claims of what people are called.
const EVENTS: u64 = RESOURCES + BUNDLES as u64 + CLAIMS;
/// After how many events the server is killed.
const SOME: u64 = 60;

/// What an audit of the log on a node comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Audited {
    /// All of it is proved.
    Whole,
    /// It is not made.
    Not,
}

/// What every node must bear; or, where `MEDCONNECT_BUNDLES` names a folder, how long the import of that takes.
pub(crate) async fn run<C>(site: Site<C>, audited: Audited) {
    site.prepare(FinalityRule::Instant).await;
    match std::env::var_os("MEDCONNECT_BUNDLES") {
        Some(folder) => measure::import(&site, Path::new(&folder)).await,
        None => {
            bear(&site).await;
            audit(&site, audited).await;
        }
    }
}

/// Serves and imports; kills the server meanwhile, restarts it, and rebuilds.
async fn bear<C>(site: &Site<C>) {
    let folder = site.file("bundles");
    bundles::write(&folder, BUNDLES, VISITS);

    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    let key = import_key(&administrator).await;
    let before = position(&administrator).await;

    let environment = [("MEDCONNECT_KEY", key.as_str())];
    let import = arguments(&server.url, &folder);
    let import: Vec<_> = import.iter().map(String::as_str).collect();
    let mut importing = site.spawn_command(&import, &environment, "import.output");
    let some_events = async || position(&administrator).await >= before + SOME;
    importing.until(some_events).await;
    server.process.kill().await;
    assert!(
        importing.has_ended().is_none(),
        "it was over before the kill: {}",
        importing.output()
    );
    let server = site.serve(&[]).await;
    let Some(ended) = importing.ends().await else {
        let status = administrator.get("/v1/admin/status").await;
        let (import, server) = (importing.output(), server.process.output());
        panic!("the import does not end: {import}\nthe servers have said: {server}\nthe last one's status: {status}");
    };
    assert!(ended.success(), "{}", importing.output());

    // Everything is there, once.
    let again = site.succeed(&import, &environment).await;
    let summary: Value = serde_json::from_str(&again.out).expect("JSON");
    let kinds = ["patients", "doctors", "appointments"].iter();
    let unchanged = kinds.map(|kind| summary[kind]["unchanged"].as_u64().expect("a number"));
    assert_eq!(
        (unchanged.sum::<u64>(), &summary["events"]),
        (RESOURCES, &json!(0)),
        "{summary}"
    );
    assert_eq!(position(&administrator).await, before + EVENTS);
    at_rest(site, &administrator).await;
    let hashes = hashes(&administrator).await;
    server.process.stop().await;

    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    assert_eq!(self::hashes(&administrator).await, hashes, "a restart changes nothing");
    site.compare_with_rebuild().await;
    at_rest(site, &administrator).await;
    server.process.stop().await;
}

/// Proves the log with the node and the hash of its newest block.
async fn audit<C>(site: &Site<C>, audited: Audited) {
    if audited == Audited::Not {
        return;
    }
    let newest: Value = Rpc::new(site.node().to_owned())
        .call("eth_getBlockByNumber", json!(["latest", false]))
        .await
        .expect("a block");
    let block = newest["hash"].as_str().expect("a hash");
    let config = site.config();
    let said = site
        .run(
            &["audit", "verify", "--json", "--config", &config, "--block", block],
            &[],
        )
        .await;
    assert_eq!(said.code, 0, "{} {}", said.out, said.err);
    let report: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(report["verdict"], "proved", "{report}");
    assert!(
        report["proved"]["entries"].as_u64().expect("a number") > EVENTS,
        "{report}"
    );
}

/// The command line of the import. Few commands at once, so that there is time for a kill.
fn arguments(url: &str, folder: &Path) -> Vec<String> {
    let folder = folder.to_str().expect("UTF-8");
    ["import", "--json", "--concurrency", "8", "--url", url, folder]
        .map(str::to_owned)
        .into()
}

/// The key of a hospital's service that may import.
pub(crate) async fn import_key(administrator: &Rest) -> String {
    let account = json!({ "name": "import", "role": "hospital" });
    let account = administrator.insist(Method::POST, "/v1/accounts", &account).await;
    let path = format!("/v1/accounts/{}/keys", id(&account));
    let scopes = json!({ "scopes": ["read", "write", "import"] });
    let key = administrator.insist(Method::POST, &path, &scopes).await;
    key["secret"].as_str().expect("a new secret").to_owned()
}

async fn position(administrator: &Rest) -> u64 {
    let status = administrator.get("/v1/admin/status").await;
    status["log"]["position"].as_u64().expect("a position")
}

/// Nothing is left to send, nothing is wrong, nothing could not be read.
pub(crate) async fn at_rest<C>(site: &Site<C>, administrator: &Rest) {
    until("the outbox is empty", async || site.outbox().await == 0).await;
    until("no troubles", async || {
        administrator.get("/v1/admin/status").await["troubles"] == json!([])
    })
    .await;
    let status = administrator.get("/v1/admin/status").await;
    assert_eq!(status["parked"], json!([]), "{status}");
}

async fn hashes(administrator: &Rest) -> Value {
    let status = administrator.get("/v1/admin/status?contentHashes=true").await;
    status["contentHashes"].clone()
}
