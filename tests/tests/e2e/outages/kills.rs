//! `kill -9` of anything at any time, and everything that was acknowledged is there, once.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tests::binary::{Dev, command, free_port};
use tests::{bundles, postgres};

const BUNDLES: u32 = 36;
const VISITS: u32 = 25;
/// Each patient, each visit, and the five doctors.
const RESOURCES: u64 = (BUNDLES * (VISITS + 1) + 5) as u64;
/// They, and what is reported of each patient's chart, where none of it is there.
const EVENTS: u64 = RESOURCES + BUNDLES as u64;

/// The content hashes of the read models. Accounts are left out: their services' keys are drawn anew in every system.
async fn hashes(dev: &Dev) -> BTreeMap<String, String> {
    let status = dev.get("auditor", "/v1/admin/status?contentHashes=true").await;
    let position = status["log"]["position"].as_u64().unwrap();
    assert_eq!(
        status["log"]["chainPosition"], position,
        "the read models are where the chain is"
    );
    assert_eq!(status["parked"], Value::Array(Vec::new()));
    let hashes = status["contentHashes"].as_array().unwrap().iter();
    hashes
        .map(|one| {
            (
                one["name"].as_str().unwrap().to_owned(),
                one["hash"].as_str().unwrap().to_owned(),
            )
        })
        .filter(|(name, _)| name != "accounts")
        .collect()
}

/// Imports all bundles, and answers with how many events were new.
async fn import(dev: &Dev, folder: &Path) -> u64 {
    let (code, text) = dev.run(&["import", "--json", folder.to_str().unwrap()]).await;
    assert_eq!(code, Some(0), "{text}");
    let summary: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let kinds = ["patients", "doctors", "appointments"].iter();
    let taken =
        kinds.flat_map(|kind| ["added", "updated", "unchanged"].map(|fate| summary[kind][fate].as_u64().unwrap()));
    assert_eq!(taken.sum::<u64>(), RESOURCES, "{text}");
    summary["events"].as_u64().unwrap()
}

/// The same secrets give the same ids, so that two systems can be compared.
fn copy_secrets(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in ["medconnect.toml", "secrets.toml"] {
        std::fs::copy(from.join(file), to.join(file)).unwrap();
    }
}

/// What is killed.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Chain,
    Postgres,
    Server,
}

/// Imports a folder's bundles, and kills while that goes on, a few times.
async fn import_through_kills(mut dev: Dev, port: u16, folder: &Path, victim: Victim) -> Dev {
    let mut importing = command(&["import", folder.to_str().unwrap()], &dev.folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut kills = 0;
    while kills < 3 {
        tokio::time::sleep(Duration::from_millis(100 + kills * 370)).await;
        if importing.try_wait().unwrap().is_some() {
            break;
        }
        match victim {
            Victim::Chain => dev.kill_chain().await,
            Victim::Postgres => dev.kill_postgres(),
            Victim::Server => {
                let data = dev.folder.clone();
                dev.kill().await;
                dev = Dev::start(&data, port).await;
            }
        }
        kills += 1;
    }
    assert!(kills > 0, "the import was over before anything was killed: {victim:?}");
    // It waits for what comes back; should it have lost its patience, the next import goes on where it stopped.
    importing.wait().await.unwrap();
    dev
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_through_kills_ends_like_an_undisturbed_one() {
    let folder = postgres::folder();
    let source = folder.path().join("bundles");
    bundles::write(&source, BUNDLES, VISITS);

    let (calm, disturbed) = (folder.path().join("calm"), folder.path().join("disturbed"));
    let dev = Dev::start(&calm, free_port()).await;
    assert_eq!(import(&dev, &source).await, EVENTS);
    let expected = hashes(&dev).await;
    assert!(expected.len() > 4, "{expected:?}");
    dev.stop().await;

    copy_secrets(&calm, &disturbed);
    let port = free_port();
    let mut dev = Dev::start(&disturbed, port).await;
    for (part, victim) in [Victim::Chain, Victim::Postgres, Victim::Server]
        .into_iter()
        .enumerate()
    {
        let some = folder.path().join(format!("part-{part}"));
        std::fs::create_dir_all(&some).unwrap();
        for number in (0..BUNDLES).filter(|number| *number as usize % 3 == part) {
            let name = format!("patient-{number}.json");
            std::fs::copy(source.join(&name), some.join(&name)).unwrap();
        }
        dev = import_through_kills(dev, port, &some, victim).await;
    }
    import(&dev, &source).await;
    assert_eq!(import(&dev, &source).await, 0, "importing again adds nothing");
    assert_eq!(hashes(&dev).await, expected);
    let (code, text) = dev.run(&["rebuild", "--compare"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(hashes(&dev).await, expected);
    dev.stop().await;
}
