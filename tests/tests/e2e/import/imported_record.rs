//! What a hospital's export says, read back over REST: a death without a day, "none known", and who somebody is now.

use std::time::Duration;

use api_import::Options;
use api_import::client::Client;
use chrono_tz::Tz;
use domain::account::Role;
use indicatif::ProgressBar;
use secrecy::SecretString;
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::charts::{chart_of, treated};
use tests::postgres;
use tests::system::{TestSystem, deployed};

const SNOMED: &str = "http://snomed.info/sct";

fn entry(resource: Value) -> Value {
    json!({ "fullUrl": format!("urn:uuid:{}", resource["id"].as_str().unwrap()), "resource": resource })
}

/// A woman who has died, nobody knows when: with a former name, a former telephone number and an odd character in her
/// address, without allergies, and with a medication that she does not take.
fn export() -> Value {
    let subject = json!({ "reference": "urn:uuid:ada" });
    let coded = |code: &str| json!({ "coding": [{ "system": SNOMED, "code": code }] });
    let entries = [
        json!({
            "resourceType": "Patient", "id": "ada", "gender": "female", "birthDate": "1915-12-10",
            "identifier": [{ "use": "old", "system": "urn:mrn", "value": "1" }, { "system": "urn:mrn", "value": "2" }],
            "name": [{ "use": "official", "family": "Byron", "period": { "end": "1935-07-08" } },
                     { "use": "official", "family": "Lovelace", "given": ["Ada"] }],
            "telecom": [{ "system": "phone", "use": "old", "value": "555-0001" },
                        { "system": "phone", "use": "home", "value": "555-0002" }],
            "address": [{ "line": ["\u{202a}12 St James's Square\u{202c}"], "city": "London" }],
            "deceasedBoolean": true,
        }),
        json!({ "resourceType": "AllergyIntolerance", "id": "none", "patient": subject, "code": coded("716186003") }),
        json!({ "resourceType": "AllergyIntolerance", "id": "no-food", "patient": subject, "code": coded("429625007") }),
        json!({ "resourceType": "MedicationStatement", "id": "not", "subject": subject, "status": "not-taken",
                "medicationCodeableConcept": { "text": "Laudanum" } }),
        json!({ "resourceType": "Condition", "id": "asthma", "subject": subject, "code": coded("195967001"),
                "onsetDateTime": "1930-01-01" }),
    ];
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries.map(entry) })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_says_what_its_source_means() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::start(&chain, &deployment).await;
    let key = system.service("Import", Role::Hospital).await;
    let folder = postgres::folder();
    std::fs::write(folder.path().join("ada.json"), export().to_string()).unwrap();

    let client = Client::new(&system.url, SecretString::from(key.clone()), Duration::from_secs(60)).unwrap();
    let options = Options {
        concurrency: 1,
        time_zone: Tz::Europe__London,
    };
    let found = api_import::files::find(&[folder.path().to_owned()]).unwrap();
    let summary = api_import::run(Some(client), found.files, options, &ProgressBar::hidden()).await;
    assert_eq!(summary.failures, [], "{}", summary.table());

    let (_, patients) = system.get("/v1/patients", &key).await;
    let path = format!("/v1/patients/{}", patients["items"][0]["id"].as_str().unwrap());
    let (_, patient) = system.get(&path, &key).await;
    let details = &patient["details"];
    assert_eq!(details["deceased"], json!("unknown"), "{details}");
    assert_eq!(details["name"]["family"], "Lovelace", "{details}");
    assert_eq!(details["phone"], "555-0002", "{details}");
    assert_eq!(details["identifier"]["value"], "2", "{details}");
    assert_eq!(
        details["address"]["lines"],
        json!(["12 St James's Square"]),
        "{details}"
    );
    let nurse = treated(&system, &key, &path).await;
    let chart = chart_of(&system, &nurse, &path).await;
    assert_eq!(chart["allergies"], "none-known", "{chart}");
    assert_eq!(chart["noKnownAllergiesTo"], json!(["food"]), "{chart}");
    assert_eq!(chart["medications"], json!([]), "{chart}");
    let asthma = &chart["conditions"][0];
    assert_eq!(asthma["finding"]["onset"], "1930-01-01", "{chart}");
    assert_eq!(
        patients["items"][0]["details"]["deceased"], "unknown",
        "a list shows it too"
    );

    // A client says such things over REST as well.
    let refute = format!("{path}/chart/findings/{}/refute", asthma["id"].as_str().unwrap());
    let absences = format!("{path}/chart/absences");
    for (path, body) in [
        (&refute, json!({})),
        (&absences, json!({ "list": "medications", "absence": "none-known" })),
        (&absences, json!({ "list": "conditions", "absence": "unknown" })),
    ] {
        let (status, answer) = system.post(path, &nurse, &body).await;
        assert_eq!(status, 200, "{answer}");
    }
    let chart = chart_of(&system, &nurse, &path).await;
    assert_eq!(
        (&chart["medications"], &chart["conditions"], &chart["allergies"]),
        (&json!("none-known"), &json!("unknown"), &json!("none-known")),
        "{chart}"
    );
    let mut details = details.clone();
    details["deceased"] = json!({ "on": "1915-12-09" });
    let (status, answer) = system.put(&format!("{path}/details"), &key, &details).await;
    assert_eq!(status, 422, "nobody dies before they are born: {answer}");
    system.stop().await;
}
