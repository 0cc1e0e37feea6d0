//! `medconnect audit verify`: the log is proved with a node and the hash of a block, and a node that lies is found out. Thousands of lies are told in
//! `api/audit/tests/lying_node`; here the program itself is run.

use std::path::Path;

use api_config::FinalityRule;
use api_dev::rpc::Rpc;
use domain::kernel::CommandId;
use infrastructure::chain::codec::append_calldata;
use infrastructure::log::{Commit, Namespace, Payload, StreamHead, StreamPart};
use serde_json::{Value, json};
use tests::binary::{Dev, free_port, program};
use tests::postgres;
use tests::proxy::{Conduct, Proxy, Refusal};
use tests::site::Site;
use tokio::process::Command;
use uuid::Uuid;

/// The exit code, the report, and what was said beside it.
async fn audit(arguments: &[&str]) -> (i32, Value, String) {
    audit_of(&["verify"], arguments).await
}

/// The same of any audit.
pub(super) async fn audit_of(what: &[&str], arguments: &[&str]) -> (i32, Value, String) {
    let mut command = Command::new(program());
    command
        .arg("audit")
        .args(what)
        .arg("--json")
        .args(arguments)
        .kill_on_drop(true);
    let output = command.output().await.unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains("panicked"), "{said}");
    (output.status.code().unwrap(), report, said)
}

/// The hash of a node's newest block.
pub(super) async fn newest(url: &str) -> String {
    let rpc = Rpc::new(url.to_owned());
    let block: Value = rpc
        .call("eth_getBlockByNumber", json!(["latest", false]))
        .await
        .unwrap();
    block["hash"].as_str().unwrap().to_owned()
}

/// A setting of a configuration file, without its quotation marks.
fn setting(config: &Path, name: &str) -> String {
    let text = std::fs::read_to_string(config).unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("{name} = ")))
        .unwrap();
    line.split_once(" = ")
        .unwrap()
        .1
        .trim_matches(['[', ']', '"', ' '])
        .to_owned()
}

/// A log that a server has written, of which an audit is made by way of a proxy.
struct Scene {
    site: Site,
    proxy: Proxy,
    contract: String,
    block: String,
}

impl Scene {
    async fn begin() -> Self {
        let site = Site::ready(FinalityRule::Instant).await;
        let server = site.serve(&[]).await;
        let administrator = server.administrator().await;
        for name in ["one", "two", "three"] {
            server.service(&administrator, name).await;
        }
        server.process.stop().await;
        let contract = setting(Path::new(&site.config()), "contract");
        be_rejected(&site, &contract).await;
        site.chain.mine(3).await;
        let proxy = Proxy::of(site.node());
        Self {
            contract,
            block: newest(site.node()).await,
            proxy,
            site,
        }
    }

    async fn audit(&self) -> (i32, Value, String) {
        let url = self.proxy.url();
        audit(&["--node", &url, "--contract", &self.contract, "--block", &self.block]).await
    }
}

/// A commit of somebody whom nobody has admitted is rejected: the running hash does not cover that.
async fn be_rejected(site: &Site, contract: &str) {
    let commit = Commit {
        command_id: CommandId::new(Uuid::nil()),
        parts: vec![StreamPart {
            stream: Namespace(1).stream(b"somebody else's"),
            expected: StreamHead::default(),
            payloads: vec![Payload::from(&b"junk"[..])],
        }],
    };
    let accounts = site.chain.call("eth_accounts", json!([])).await;
    let data = hex::encode_prefixed(append_calldata([&commit]).unwrap());
    let transaction = json!({ "from": accounts[5], "to": contract, "gas": "0x4c4b40", "data": data });
    site.chain.call("eth_sendTransaction", json!([transaction])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_servers_log_is_proved_and_lies_about_it_are_found() {
    let scene = Scene::begin().await;
    let (code, report, said) = scene.audit().await;
    assert_eq!((code, &report["verdict"]), (0, &json!("proved")), "{report} {said}");
    let entries = report["proved"]["entries"].as_u64().unwrap();
    assert_eq!(report["head"]["position"], entries);
    assert!(entries > 5, "{report}");
    assert_eq!(report["proved"]["rejectedCommits"], 1);
    // As the configuration has it.
    let (code, same, _) = audit(&["--config", &scene.site.config(), "--block", &scene.block]).await;
    assert_eq!((code, same), (0, report));

    for lie in [
        Conduct::OmitsTheFirstEntry,
        Conduct::OmitsTheLastEntry,
        Conduct::DropsABlocksEntries,
        Conduct::AltersPayloads,
        Conduct::HidesRejections,
        Conduct::ReordersLogs,
        Conduct::DoublesLogs,
    ] {
        scene.proxy.behave(lie.clone());
        let (code, report, _) = scene.audit().await;
        let fault = &report["fault"];
        assert_eq!((code, &report["verdict"]), (4, &json!("fault")), "{lie:?}: {report}");
        assert!(fault["place"]["block"].is_u64(), "{lie:?}: {report}");
        assert_ne!(fault["expected"], fault["got"], "{lie:?}: {report}");
    }
    // What is limited is asked for in pieces.
    for ways in [
        Conduct::LimitsRanges(1),
        Conduct::LimitsBatches(3, Refusal::OneError),
        Conduct::RefusesStateByHash,
    ] {
        scene.proxy.behave(ways.clone());
        let (code, report, said) = scene.audit().await;
        assert_eq!(code, 0, "{ways:?}: {report} {said}");
    }
    scene.proxy.behave(Conduct::Fails);
    let (code, report, said) = scene.audit().await;
    assert_eq!((code, report), (1, Value::Null), "{said}");
    scene
        .proxy
        .behave(Conduct::Refuses("eth_getProof", -32000, "state is pruned", u32::MAX));
    let (code, report, said) = scene.audit().await;
    assert_eq!((code, &report["verdict"]), (3, &json!("inPart")), "{report} {said}");
    assert!(
        report["unproved"]["noProof"].as_str().unwrap().contains("pruned"),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_with_proofs_is_proved_as_a_whole_and_without_them_in_part() {
    let folder = postgres::folder();
    let data = folder.path().join("data");
    let config = data.join("server.toml");
    let of_config = async |config: &Path| {
        let block = newest(&setting(config, "nodes")).await;
        let audited = audit(&["--config", config.to_str().unwrap(), "--block", &block]).await;
        (block, audited)
    };

    let dev = Dev::start_as(&data, free_port(), 0, &["--proofs"]).await;
    let (block, (code, report, said)) = of_config(&config).await;
    assert_eq!((code, &report["verdict"]), (0, &json!("proved")), "{report} {said}");
    assert!(report["proved"]["entries"].as_u64().unwrap() > 10, "{report}");
    // For people.
    let output = Command::new(program())
        .args([
            "audit",
            "verify",
            "--config",
            config.to_str().unwrap(),
            "--block",
            &block,
        ])
        .output()
        .await
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("\nPROVED: "), "{told}");
    dev.kill().await;

    // It has the same blocks again, state roots included, also where it is not told so.
    let dev = Dev::start(&data, free_port()).await;
    let url = setting(&config, "nodes");
    let rpc = Rpc::new(url);
    let again: Value = rpc.call("eth_getBlockByHash", json!([block, false])).await.unwrap();
    assert_eq!(again["hash"], json!(block));
    let (_, (code, report, said)) = of_config(&config).await;
    assert_eq!(code, 0, "{report} {said}");
    dev.stop().await;

    let other = folder.path().join("other");
    let dev = Dev::start(&other, free_port()).await;
    let (_, (code, report, said)) = of_config(&other.join("server.toml")).await;
    assert_eq!(
        (code, &report["unproved"]),
        (3, &json!("noStateRoot")),
        "{report} {said}"
    );
    assert!(report["proved"]["entries"].as_u64().unwrap() > 10, "{report}");
    dev.stop().await;
    // What was begun without them cannot get them.
    let mut command = Command::new(program());
    command.arg("dev").arg("--data-dir").arg(&other).arg("--proofs");
    command.args(["--chain-port", "0", "--postgres-port", "0", "--port", "0"]);
    let output = command.output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && said.contains("begun without --proofs"),
        "{said}"
    );
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_refused() {
    let block = format!("0x{}", "07".repeat(32));
    let contract = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
    for arguments in [
        &["--block", &block][..],
        &["--node", "http://127.0.0.1:1", "--block", &block],
        &[
            "--node",
            "http://127.0.0.1:1",
            "--contract",
            contract,
            "--block",
            "0x07",
        ],
        &["--node", "http://127.0.0.1:1", "--contract", "0x07", "--block", &block],
    ] {
        let (code, _, said) = audit(arguments).await;
        assert_eq!(code, 2, "{arguments:?}: {said}");
    }
    let (code, _, said) = audit(&[
        "--node",
        "http://127.0.0.1:1",
        "--contract",
        contract,
        "--block",
        &block,
    ])
    .await;
    assert_eq!(code, 1, "{said}");
}
