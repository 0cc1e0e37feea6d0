//! Doctors over several imports: each is one, by whichever of their names an export tells them.

use chrono_tz::Tz;
use domain::account::Role;
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::postgres;
use tests::system::{TestSystem, deployed};

use super::imports::import;

const NPI: &str = "http://hl7.org/fhir/sid/us-npi";
const SERVER: &str = "https://clinic.test/fhir/Practitioner/d1";

/// How an export tells a doctor.
struct Told<'a> {
    address: Option<&'a str>,
    id: Option<&'a str>,
    number: Option<&'a str>,
    name: (&'a str, &'a str),
}

impl Told<'_> {
    fn bundle(&self) -> Value {
        let mut resource = json!({ "resourceType": "Practitioner" });
        if !self.name.0.is_empty() {
            resource["gender"] = json!("female");
            resource["name"] = json!([{ "family": self.name.0, "given": [self.name.1] }]);
        }
        if let Some(id) = self.id {
            resource["id"] = json!(id);
        }
        if let Some(number) = self.number {
            resource["identifier"] = json!([{ "system": NPI, "value": number }]);
        }
        let mut entry = json!({ "resource": resource });
        if let Some(address) = self.address {
            entry["fullUrl"] = json!(address);
        }
        json!({ "resourceType": "Bundle", "type": "collection", "entry": [entry] })
    }
}

/// Imports these one after the other, then all of them again, which adds nothing. Gives the names of the doctors who are registered.
async fn doctors(told: &[Told<'_>]) -> Vec<String> {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let key = system.service("Import", Role::Hospital).await;
    let folder = postgres::folder();
    for turn in 0..2 {
        for one in told {
            std::fs::write(folder.path().join("bundle.json"), one.bundle().to_string()).unwrap();
            let summary = import(&system, &key, folder.path(), Tz::UTC).await;
            assert_eq!(summary.failures, [], "{}", summary.table());
            assert!(turn == 0 || summary.events == 0, "{}", summary.table());
        }
    }
    let (_, page) = system.get("/v1/practitioners", &key).await;
    let items = page["items"].as_array().unwrap().iter();
    let mut names: Vec<String> = items
        .map(|doctor| doctor["details"]["name"]["family"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    system.agrees_with_a_rebuild(&chain).await;
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_is_one_whichever_of_their_names_an_export_tells() {
    let ruth = ("Doctor", "Ruth");
    let by_address = || Told {
        address: Some(SERVER),
        id: Some("d1"),
        number: None,
        name: ruth,
    };
    let by_both = || Told {
        number: Some("1000000001"),
        ..by_address()
    };
    let by_number = || Told {
        address: None,
        id: None,
        ..by_both()
    };
    for order in [
        [by_address(), by_both(), by_number()],
        [by_number(), by_both(), by_address()],
        [by_both(), by_address(), by_number()],
    ] {
        assert_eq!(doctors(&order).await, ["Doctor"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_id_that_another_hospital_has_as_well_makes_no_two_doctors_one() {
    let told = |number, name| Told {
        address: None,
        id: Some("d1"),
        number,
        name,
    };
    let order = [
        told(Some("1000000001"), ("Doctor", "Ruth")),
        told(Some("1000000002"), ("Baker", "Sara")),
        told(None, ("Doctor", "Ruth")),
    ];
    assert_eq!(doctors(&order).await, ["Baker", "Doctor"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_of_whom_another_source_tells_the_number_alone_keeps_the_name() {
    let told = |name| Told {
        address: None,
        id: None,
        number: Some("1000000001"),
        name,
    };
    let (whole, number) = (|| told(("Doctor", "Ruth")), || told(("", "")));
    assert_eq!(doctors(&[whole(), number(), whole()]).await, ["Doctor"]);
    assert_eq!(doctors(&[number(), whole(), number()]).await, ["Doctor"]);
}
