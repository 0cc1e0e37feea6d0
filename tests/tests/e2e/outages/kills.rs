//! `kill -9` of anything at any time, and everything that was acknowledged is there, once.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tests::binary::{Dev, command, free_port};
use tests::rest::Rest;
use tests::site::agree_on_paper;
use tests::{bundles, postgres};
use uuid::Uuid;

const BUNDLES: u32 = 36;
const VISITS: u32 = 25;
/// Each patient, each visit, and the five doctors.
const RESOURCES: u64 = (BUNDLES * (VISITS + 1) + 5) as u64;
/// They, the address by which each patient and each doctor is called, and what is reported of each patient's chart, where none of it is there.
const EVENTS: u64 = RESOURCES + (BUNDLES + 5) as u64 + BUNDLES as u64;

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

/// What differs between two systems that were told the same: ids are drawn at random, and what is not dated is as of when it was told.
const OF_ONE_SYSTEM: [&str; 5] = ["id", "version", "asOf", "registeredAt", "updatedAt"];

/// A value without what differs between two systems, with names in place of the ids of people.
fn comparable(value: &Value, names: &BTreeMap<String, String>) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields
                .iter()
                .filter(|(name, _)| !OF_ONE_SYSTEM.contains(&name.as_str()));
            kept.map(|(name, field)| (name.clone(), comparable(field, names)))
                .collect()
        }
        Value::Array(items) => items.iter().map(|item| comparable(item, names)).collect(),
        Value::String(text) => names.get(text).unwrap_or(text).as_str().into(),
        other => other.clone(),
    }
}

/// All that a hospital reads, but for what differs between two systems that were told the same.
async fn contents(dev: &Dev) -> Vec<String> {
    let hospital = Rest::new(&dev.url, &dev.token("hospital").await);
    let (patients, _) = hospital.list("/v1/patients").await;
    let (doctors, _) = hospital.list("/v1/practitioners").await;
    let (appointments, _) = hospital.list("/v1/appointments").await;
    let nurse = Rest::new(&dev.url, &dev.token("nurse").await);
    let mut charts = Vec::new();
    for patient in patients.keys() {
        // The demo's patient has come with a wallet.
        let treatment = nurse.get(&format!("/v1/patients/{patient}/treatment")).await;
        if treatment["treated"] == json!(false) {
            agree_on_paper(&nurse, *patient).await;
        }
        charts.push(nurse.get(&format!("/v1/patients/{patient}/chart")).await);
    }
    let people = patients.iter().chain(&doctors);
    let named = |(id, one): (&Uuid, &Value)| {
        (
            id.to_string(),
            one["details"]["name"]["family"].as_str().unwrap().to_owned(),
        )
    };
    let names: BTreeMap<String, String> = people.map(named).collect();
    // Those whom the bundles tell of, and the demo's patient and doctor.
    assert_eq!(names.len() as u64, u64::from(BUNDLES) + 5 + 2);
    let everything = patients
        .values()
        .chain(doctors.values())
        .chain(appointments.values())
        .chain(&charts);
    let mut everything: Vec<String> = everything.map(|one| comparable(one, &names).to_string()).collect();
    everything.sort_unstable();
    everything
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
    let expected = contents(&dev).await;
    dev.stop().await;

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
    assert_eq!(contents(&dev).await, expected);
    let before = hashes(&dev).await;
    assert!(before.len() > 4, "{before:?}");
    let (code, text) = dev.run(&["rebuild", "--compare"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(hashes(&dev).await, before);
    dev.stop().await;
}
