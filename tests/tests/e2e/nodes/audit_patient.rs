//! `medconnect audit patient`: one patient's history is proved to be complete, and a node that lies about it is found out. Thousands of lies are told in
//! `api/audit/tests/lying_node`; here the program itself is run.

use api_config::FinalityRule;
use reqwest::Method;
use serde_json::{Value, json};
use tests::proxy::{Conduct, Proxy, Refusal};
use tests::rest::id;
use tests::site::{Desk, Site, agree_on_paper, for_a_nurse};
use uuid::Uuid;

use super::audit::{audit_of, newest};

/// A word that stands in everything that is told of the patient.
const WORD: &str = "Quexwort";

/// A site without a server, whose log has a patient about whom something was told, and another.
struct Scene {
    site: Site,
    proxy: Proxy,
    patient: Uuid,
    block: String,
}

impl Scene {
    async fn begin() -> Self {
        let site = Site::ready(FinalityRule::Instant).await;
        let server = site.serve(&[]).await;
        let administrator = server.administrator().await;
        let desk = Desk::open(&server, &administrator, 1).await;
        let named = |family: &str, value: &str| {
            json!({ "details": {
                "name": { "family": family }, "birthDate": "1980-02-29", "gender": "unknown",
                "identifier": { "system": "urn:example", "value": value },
            } })
        };
        for number in 0..12 {
            desk.rest
                .insist(Method::POST, "/v1/patients", &named("Other", &number.to_string()))
                .await;
        }
        let patient = id(&desk.rest.insist(Method::POST, "/v1/patients", &named(WORD, WORD)).await);
        let nurse = for_a_nurse(&desk.rest, &administrator).await;
        agree_on_paper(&nurse, patient).await;
        let findings = format!("/v1/patients/{patient}/chart/findings");
        for finding in [
            json!({ "allergy": { "concept": { "text": WORD } } }),
            json!({ "condition": { "concept": { "text": WORD } } }),
            json!({ "medication": { "concept": { "text": WORD }, "active": true } }),
        ] {
            nurse.insist(Method::POST, &findings, &finding).await;
        }
        let booking = desk.booking(patient, 3);
        desk.rest.insist(Method::POST, "/v1/appointments", &booking).await;
        desk.visit(4).await;
        server.process.stop().await;
        site.chain.mine(3).await;
        Self {
            block: newest(site.node()).await,
            proxy: Proxy::of(site.node()),
            patient,
            site,
        }
    }

    async fn audit(&self) -> (i32, Value, String) {
        self.audit_of(self.patient).await
    }

    async fn audit_of(&self, patient: Uuid) -> (i32, Value, String) {
        let (url, id, config) = (self.proxy.url(), patient.to_string(), self.site.config());
        let arguments = ["--node", &url, "--config", &config, "--block", &self.block];
        audit_of(&["patient", &id], &arguments).await
    }
}

/// Of each entry its type and what became of it.
fn entries(report: &Value) -> Vec<(&str, &str)> {
    let entries = report["chapters"][0]["entries"].as_array().unwrap();
    let told = entries.iter().map(|entry| {
        let event = entry["event"].as_str().unwrap_or_default();
        (event, entry["state"].as_str().unwrap_or_default())
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patients_history_is_proved_to_be_complete_and_lies_about_it_are_found() {
    let scene = Scene::begin().await;
    let (code, report, said) = scene.audit().await;
    assert_eq!((code, &report["verdict"]), (0, &json!("complete")), "{report} {said}");
    let counted = [
        ("patient.Registered", "counted"),
        ("treatment.Agreed", "counted"),
        ("chart.AllergiesNoted", "counted"),
        ("chart.ConditionsNoted", "counted"),
        ("chart.MedicationsNoted", "counted"),
    ];
    assert_eq!(entries(&report), counted, "{report}");
    assert_eq!(
        (&report["keys"], &report["chapters"][0]["version"]),
        (&json!("held"), &json!(5))
    );
    for entry in report["chapters"][0]["entries"].as_array().unwrap() {
        assert!(entry["position"].is_u64() && entry["block"].is_u64(), "{entry}");
        assert!(
            entry["blockTime"].is_string() && entry["claimedTime"].is_string(),
            "{entry}"
        );
    }
    // Nothing that was told is shown, nor of whom.
    assert!(
        !report.to_string().contains(WORD) && !said.contains(WORD),
        "{report} {said}"
    );

    for lie in [
        Conduct::OmitsTheFirstEntry,
        Conduct::OmitsTheLastEntry,
        Conduct::DropsABlocksEntries,
        Conduct::AltersPayloads,
        Conduct::ReordersLogs,
        Conduct::DoublesLogs,
    ] {
        scene.proxy.behave(lie.clone());
        let (code, report, said) = scene.audit().await;
        assert_eq!(
            (code, &report["verdict"]),
            (4, &json!("notComplete")),
            "{lie:?}: {report} {said}"
        );
        assert!(report["fault"]["place"]["block"].is_u64(), "{lie:?}: {report}");
        assert_eq!(report["chapters"], json!([]), "{lie:?}: {report}");
    }
    for ways in [
        Conduct::LimitsRanges(1),
        Conduct::LimitsBatches(3, Refusal::OneError),
        Conduct::RefusesStateByHash,
    ] {
        scene.proxy.behave(ways.clone());
        let (code, same, said) = scene.audit().await;
        assert_eq!((code, same), (0, report.clone()), "{ways:?}: {said}");
    }
    let pruned = Conduct::Refuses("eth_getProof", -32000, "state is pruned", u32::MAX);
    scene.proxy.behave(pruned);
    let (code, part, said) = scene.audit().await;
    assert_eq!((code, &part["verdict"]), (3, &json!("inPart")), "{part} {said}");
    assert_eq!(part["chapters"], report["chapters"]);
    scene.proxy.behave(Conduct::Fails);
    let (code, nothing, said) = scene.audit().await;
    assert_eq!((code, nothing), (1, Value::Null), "{said}");
    scene.proxy.behave(Conduct::Honest);

    // Somebody who is not there, and what cannot be used.
    let (code, nothing, said) = scene.audit_of(Uuid::nil()).await;
    assert_eq!((code, nothing), (1, Value::Null), "{said}");
    assert!(said.contains("the log has no patient with this id"), "{said}");
    let (config, block) = (scene.site.config(), &scene.block);
    let (code, _, said) = audit_of(&["patient", "nobody"], &["--config", &config, "--block", block]).await;
    assert_eq!(code, 2, "{said}");
    let (node, contract) = (scene.site.node(), "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed");
    let keyless = ["--node", node, "--contract", contract, "--block", block];
    let (code, _, said) = audit_of(&["patient", &Uuid::nil().to_string()], &keyless).await;
    assert_eq!(code, 2, "{said}");
    // For people.
    let id = scene.patient.to_string();
    let told = scene
        .site
        .run(&["audit", "patient", &id, "--config", &config, "--block", block], &[])
        .await;
    assert!(
        told.out.contains("\nCOMPLETE: ") && told.out.contains("chart.AllergiesNoted"),
        "{}",
        told.out
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_somebody_erased_is_proved_and_sealed() {
    let mut scene = Scene::begin().await;
    let server = scene.site.serve(&[]).await;
    let (subject, config) = (format!("patient/{}", scene.patient), scene.site.config());
    let erase = ["keys", "erase", &subject, "--yes", "--config", &config];
    scene.site.succeed(&erase, &[]).await;
    server.process.stop().await;
    scene.block = newest(scene.site.node()).await;
    let (code, report, said) = scene.audit().await;
    assert_eq!((code, &report["verdict"]), (0, &json!("complete")), "{report} {said}");
    assert_eq!(report["keys"], "destroyed");
    let mut expected = vec![("", "sealed"); 5];
    expected.push(("erasure.Erased", "counted"));
    assert_eq!(entries(&report), expected, "{report}");
    assert_eq!(report["erasedAt"], report["chapters"][0]["entries"][5]["position"]);
    let told = scene
        .site
        .run(
            &[
                "audit",
                "patient",
                &scene.patient.to_string(),
                "--config",
                &config,
                "--block",
                &scene.block,
            ],
            &[],
        )
        .await;
    assert!(told.out.contains("the patient's keys are destroyed"), "{}", told.out);
}
