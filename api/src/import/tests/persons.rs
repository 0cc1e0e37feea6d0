//! Two of whom too much is the same: they are kept apart, or refused by name.

use super::*;

/// Somebody with a family name and no other.
fn byron(id: &str, number: &str, allergy: &str, server: Option<&str>) -> Vec<u8> {
    let mut person = patient(id, "Byron", &json!([]));
    person["name"] = json!([{ "family": "Byron" }]);
    if !number.is_empty() {
        person["identifier"] = json!([{ "system": "https://insurer.test/household", "value": number }]);
    }
    let allergy = json!({
        "resourceType": "AllergyIntolerance", "id": "1", "patient": to(&format!("Patient/{id}")), "code": { "text": allergy },
    });
    let entry = |resource: Value| match server {
        Some(server) => {
            let (kind, id) = (
                resource["resourceType"].as_str().unwrap(),
                resource["id"].as_str().unwrap(),
            );
            json!({ "fullUrl": format!("https://{server}.test/fhir/{kind}/{id}"), "resource": resource })
        }
        None => json!({ "resource": resource }),
    };
    bundle("collection", &[entry(person), entry(allergy)])
}

#[test]
fn a_family_name_and_a_day_of_birth_make_nobody_one() {
    // Each has their own address.
    let outcome = ran(&[
        byron("1", "", "Latex", Some("north")),
        byron("1", "", "Nuts", Some("south")),
    ]);
    assert_eq!((outcome.patients.len(), outcome.refused.len()), (2, 0));
    // Nothing names them, or a number that both have.
    for (one, two) in [
        (byron("1", "", "Latex", None), byron("1", "", "Nuts", None)),
        (byron("1", "H-6", "Latex", None), byron("2", "H-6", "Nuts", None)),
    ] {
        let outcome = ran(&[one, two]);
        assert_eq!((outcome.patients.len(), outcome.refused.len()), (0, 2));
    }
    let outcome = ran(&[
        byron("1", "H-6", "Latex", Some("north")),
        byron("2", "H-6", "Nuts", Some("south")),
    ]);
    assert_eq!(
        (outcome.patients.len(), left_out(&outcome).len()),
        (2, 1),
        "{:?}",
        left_out(&outcome)
    );
}

/// A patient at one address that many servers have.
fn at_localhost(given: &str, family: &str, gender: &str, number: &str) -> Vec<u8> {
    let mut person = patient("1", family, &mrn(number));
    (person["name"][0]["given"], person["gender"]) = (json!([given]), json!(gender));
    bundle(
        "collection",
        &[json!({ "fullUrl": "http://localhost:8080/fhir/Patient/1", "resource": person })],
    )
}

#[test]
fn one_address_of_two_persons_names_neither() {
    let ada = at_localhost("Ada", "Byron", "female", "1");
    let bob = at_localhost("Bob", "Kunz", "male", "2");
    for files in [[ada.clone(), bob.clone()], [bob, ada.clone()]] {
        let outcome = ran(&files);
        assert_eq!(families(&outcome), ["Byron", "Kunz"]);
        assert_eq!(left_out(&outcome).len(), 1, "{:?}", left_out(&outcome));
        let is_address = |name: &Identifier| name.system == identity::ADDRESSES;
        assert!(!outcome.patients.iter().any(|one| one.details.names().any(is_address)));
    }
    // Another sex, number or name alone is told of one person, and that is said.
    for other in [
        at_localhost("Ada", "Byron", "male", "1"),
        at_localhost("Ada", "Byron", "female", "2"),
        at_localhost("Augusta", "Byron", "female", "1"),
    ] {
        let outcome = ran(&[ada.clone(), other]);
        assert_eq!(outcome.patients.len(), 1);
        let is_said = |note: &Note| note.fate == Fate::Changed && note.why == people::TOLD_OTHERWISE;
        assert!(outcome.notes.list().iter().any(is_said), "{:?}", outcome.notes.list());
    }
}
