//! The states of a chart over several imports into one system: what a source took back, corrected or deleted stays so, whatever older
//! export comes later.

use std::path::Path;

use chrono_tz::Tz;
use domain::account::Role;
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::charts::{chart_of, texts, treated};
use tests::postgres;
use tests::system::{TestSystem, deployed};

use super::imports::import;

fn coded(code: &str) -> Value {
    json!({ "coding": [{ "code": code }] })
}

/// An entry of a transaction: a resource of the one patient.
fn of(kind: &str, id: &str, at: Option<&str>, fields: &Value) -> Value {
    let subject = json!({ "reference": "Patient/p1" });
    let mut resource = json!({ "resourceType": kind, "id": id, "subject": subject, "patient": subject });
    for (field, value) in fields.as_object().unwrap() {
        resource[field] = value.clone();
    }
    if let Some(at) = at {
        resource["meta"] = json!({ "lastUpdated": at });
    }
    json!({ "resource": resource, "request": { "method": "PUT", "url": format!("{kind}/{id}") } })
}

fn text(text: &str) -> Value {
    json!({ "code": { "text": text } })
}

/// A text, and a status that says that it is none.
fn in_error(words: &str) -> Value {
    let mut fields = text(words);
    fields["verificationStatus"] = coded("entered-in-error");
    fields
}

fn visit(at: Option<&str>, status: &str) -> Value {
    let fields = json!({
        "status": status, "identifier": [{ "system": "https://clinic.test/visit", "value": "V1" }],
        "period": { "start": "2020-03-04T09:00:00Z", "end": "2020-03-04T09:20:00Z" },
        "participant": [{ "individual": { "reference": "Practitioner/d1" } }],
    });
    of("Encounter", "e1", at, &fields)
}

/// A file about the one patient.
fn write(folder: &Path, entries: &[Value]) {
    let mut all = vec![
        json!({ "resource": {
            "resourceType": "Patient", "id": "p1", "birthDate": "1970-05-06", "gender": "female",
            "meta": { "lastUpdated": "2020-01-01T00:00:00Z" },
            "identifier": [{ "system": "https://clinic.test/mrn", "value": "1" }],
            "name": [{ "family": "Chartson", "given": ["Test"] }],
        }}),
        json!({ "resource": {
            "resourceType": "Practitioner", "id": "d1", "name": [{ "family": "Doctor", "given": ["Ruth"] }],
            "identifier": [{ "system": "http://hl7.org/fhir/sid/us-npi", "value": "1000000001" }],
        }}),
    ];
    all.extend_from_slice(entries);
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": all });
    std::fs::write(folder.join("bundle.json"), bundle.to_string()).unwrap();
}

struct Clinic {
    system: TestSystem,
    key: String,
    folder: tempfile::TempDir,
}

impl Clinic {
    /// Imports these entries, then once more: that adds nothing. Gives the chart, and how much was left out.
    async fn tell(&self, entries: &[Value]) -> (Value, u64) {
        write(self.folder.path(), entries);
        let summary = import(&self.system, &self.key, self.folder.path(), Tz::UTC).await;
        assert_eq!(summary.failures, [], "{}", summary.table());
        let again = import(&self.system, &self.key, self.folder.path(), Tz::UTC).await;
        assert_eq!((again.events, &again.failures), (0, &Vec::new()), "{}", again.table());
        let (_, patients) = self.system.get("/v1/patients", &self.key).await;
        let path = format!("/v1/patients/{}", patients["items"][0]["id"].as_str().unwrap());
        let nurse = treated(&self.system, &self.key, &path).await;
        (chart_of(&self.system, &nurse, &path).await, summary.left_out)
    }

    async fn status(&self) -> Value {
        let (_, visits) = self.system.get("/v1/appointments", &self.key).await;
        assert_eq!(visits["items"].as_array().unwrap().len(), 1, "{visits}");
        visits["items"][0]["status"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_source_took_back_corrected_or_deleted_stays_so_whatever_older_export_comes() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let key = system.service("Import", Role::Hospital).await;
    let clinic = Clinic {
        system,
        key,
        folder: postgres::folder(),
    };
    let old = Some("2021-01-01T00:00:00Z");
    let export = [
        of("Condition", "c1", old, &text("Asthma")),
        of("Condition", "c2", old, &text("Gout")),
        of("AllergyIntolerance", "a1", old, &text("Penicillin")),
        visit(old, "finished"),
    ];
    let (chart, _) = clinic.tell(&export).await;
    assert_eq!(texts(&chart["conditions"]), ["Asthma", "Gout"], "{chart}");
    assert_eq!(clinic.status().await, "completed");

    // Taken back without a date: no older state brings it back.
    let taken_back = [
        of("Condition", "c1", None, &in_error("Asthma")),
        of("AllergyIntolerance", "a1", None, &in_error("Penicillin")),
        visit(None, "entered-in-error"),
    ];
    clinic.tell(&taken_back).await;
    let (chart, left_out) = clinic.tell(&export).await;
    assert_eq!(
        (texts(&chart["conditions"]), texts(&chart["allergies"])),
        (vec!["Gout"], vec![]),
        "{chart}"
    );
    assert_eq!(left_out, 1, "an allergy is never dropped without a word");
    assert_eq!(clinic.status().await, "entered-in-error");

    // Corrected: the same resource in other words.
    let mild = of("Condition", "c2", Some("2022-01-01T00:00:00Z"), &text("Gout, mild"));
    for told in [&[mild.clone()][..], &export] {
        let (chart, _) = clinic.tell(told).await;
        assert_eq!(texts(&chart["conditions"]), ["Gout, mild"], "{chart}");
    }

    // Deleted, and told of nowhere else.
    let deleted = json!({ "request": { "method": "DELETE", "url": "Condition/c2" } });
    for told in [&[deleted][..], &export, &[mild]] {
        let (chart, _) = clinic.tell(told).await;
        assert_eq!(texts(&chart["conditions"]), Vec::<&str>::new(), "{chart}");
    }

    // Over, nobody knows since when; and none are known.
    let mut over = text("Migraine");
    over["clinicalStatus"] = coded("resolved");
    let none = text("No known allergies");
    let mut no_drugs = none.clone();
    no_drugs["category"] = json!(["medication"]);
    let newer = Some("2023-01-01T00:00:00Z");
    let newer = [
        of("Condition", "c3", newer, &over),
        of("AllergyIntolerance", "a2", newer, &none),
        of("AllergyIntolerance", "a3", newer, &no_drugs),
    ];
    let older = [
        of("Condition", "c3", old, &text("Migraine")),
        of("AllergyIntolerance", "a4", old, &text("Latex")),
    ];
    let (chart, _) = clinic.tell(&newer).await;
    assert_eq!(chart["conditions"][0]["finding"]["abated"], "unknown", "{chart}");
    assert_eq!(chart["allergies"], "none-known", "{chart}");
    assert_eq!(chart["noKnownAllergiesTo"], json!(["medication"]), "{chart}");
    // An allergy that somebody knows of stands beside the word, however old it is; whoever said the word may not have known.
    let (chart, _) = clinic.tell(&older).await;
    assert_eq!(chart["conditions"][0]["finding"]["abated"], "unknown", "{chart}");
    assert_eq!(texts(&chart["allergies"]), ["Latex"], "{chart}");
    assert_eq!(chart["noKnownAllergiesTo"], json!(["medication"]), "{chart}");
    let latex = of("AllergyIntolerance", "a4", Some("2024-01-01T00:00:00Z"), &text("Latex"));
    let (chart, _) = clinic.tell(&[latex]).await;
    assert_eq!(
        texts(&chart["allergies"]),
        ["Latex"],
        "newer information counts: {chart}"
    );
    clinic.system.agrees_with_a_rebuild(&chain).await;
}
