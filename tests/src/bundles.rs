//! FHIR bundles of people who do not exist, as many as a test needs.

use std::path::Path;

use serde_json::{Value, json};

/// Writes `bundles` files, each with a patient, one of a few doctors, and `visits` visits.
pub fn write(folder: &Path, bundles: u32, visits: u32) {
    std::fs::create_dir_all(folder).expect("a folder");
    for number in 0..bundles {
        let text = serde_json::to_vec(&bundle(number, visits)).expect("JSON");
        std::fs::write(folder.join(format!("patient-{number}.json")), text).expect("a file");
    }
}

/// A transaction bundle.
pub fn bundle(number: u32, visits: u32) -> Value {
    let (patient, doctor) = (format!("patient-{number}"), format!("doctor-{}", number % 5));
    let mut entries = vec![
        entry(
            &patient,
            json!({
                "resourceType": "Patient", "id": patient, "gender": "other", "birthDate": "1970-01-01",
                "name": [{ "use": "official", "family": format!("Family{number}"), "given": ["Given"] }],
            }),
        ),
        entry(
            &doctor,
            json!({
                "resourceType": "Practitioner", "id": doctor,
                "name": [{ "family": format!("Doctor{}", number % 5), "given": ["Given"] }],
            }),
        ),
        entry(
            &format!("condition-{number}"),
            json!({
                "resourceType": "Condition", "id": format!("condition-{number}"),
                "subject": { "reference": format!("urn:uuid:{patient}") }, "onsetDateTime": "2001-02-03T04:05:06Z",
                "code": { "coding": [{ "system": "http://snomed.info/sct", "code": "195967001", "display": "Asthma" }] },
            }),
        ),
    ];
    for visit in 0..visits {
        let id = format!("visit-{number}-{visit}");
        let (year, month, day) = (2000 + visit % 20, 1 + number % 12, 1 + visit % 28);
        entries.push(entry(
            &id,
            json!({
                "resourceType": "Encounter", "id": id,
                "status": if visit % 7 == 6 { "cancelled" } else { "finished" },
                "class": { "code": "AMB" },
                "type": [{ "text": "Check-up" }],
                "subject": { "reference": format!("urn:uuid:{patient}") },
                "participant": [{ "individual": { "reference": format!("urn:uuid:{doctor}") } }],
                "period": {
                    "start": format!("{year}-{month:02}-{day:02}T09:00:00Z"),
                    "end": format!("{year}-{month:02}-{day:02}T09:15:00Z"),
                },
            }),
        ));
    }
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries })
}

fn entry(id: &str, resource: Value) -> Value {
    let kind = resource["resourceType"].clone();
    json!({
        "fullUrl": format!("urn:uuid:{id}"), "resource": resource,
        "request": { "method": "POST", "url": kind },
    })
}
