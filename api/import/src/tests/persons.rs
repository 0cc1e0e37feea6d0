//! Two of whom too much is the same: they are kept apart, or refused by name.

use super::*;
use domain::patient::Detail;

/// Everything that is said.
fn remarks(outcome: &Ran) -> Vec<String> {
    outcome.notes.list().into_iter().map(|note| note.why).collect()
}

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

/// A patient of this name, sex and day of birth.
fn child(id: &str, given: &str, gender: &str, born: &str, number: &Value) -> Value {
    let mut child = patient(id, "Twin", &json!([number]));
    (child["name"][0]["given"], child["gender"]) = (json!(given.split(' ').collect::<Vec<_>>()), json!(gender));
    child["birthDate"] = json!(born);
    child
}

pub(super) fn allergy(id: &str, text: &str, patient: &str) -> Value {
    json!({
        "resourceType": "AllergyIntolerance", "id": id, "code": { "text": text },
        "patient": to(&format!("Patient/{patient}")),
    })
}

#[test]
fn children_under_one_number_are_two_whatever_its_type() {
    let plain = json!({ "system": "urn:number", "value": "1" });
    let typed = |code: &str| {
        let coding = json!([{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": code }]);
        json!({ "system": "urn:number", "value": "1", "type": { "coding": coding } })
    };
    for number in [plain, typed("MC"), typed("SS"), typed("MR"), typed("HC")] {
        let anna = child("t1", "Anna Maria", "female", "2015-05-05", &number);
        // Whoever changed her name and got another id cannot be told from a sister.
        for other in [
            child("t2", "Bert", "male", "2015-05-05", &number),
            child("t2", "Anna Maria", "female", "2017-05-05", &number),
            child("t2", "Berta Maria", "female", "2015-05-05", &number),
            child("t2", "Anna Theresia", "female", "2015-05-05", &number),
        ] {
            let findings = [allergy("a1", "Egg", "t1"), allergy("a2", "Milk", "t2")];
            let beside = of(&[anna.clone(), other.clone(), findings[0].clone(), findings[1].clone()]);
            let over_files = [
                of(&[anna.clone(), findings[0].clone()]),
                of(&[other.clone(), findings[1].clone()]),
            ];
            for outcome in [ran(&[beside]), ran(&over_files)] {
                assert_eq!((outcome.patients.len(), outcome.refused.len()), (0, 2), "{other}");
            }
        }
    }
}

#[test]
fn a_finding_that_is_told_to_be_another_patients_is_no_longer_the_firsts() {
    let [one, two] = ["p1", "p2"].map(|id| child(id, id, "male", "2015-05-05", &mrn(id)[0]));
    let told = |patient: &str, text: &str, date: Option<&str>| {
        let mut allergy = allergy("a1", text, patient);
        if let Some(date) = date {
            allergy["meta"] = json!({ "lastUpdated": date });
        }
        allergy
    };
    let (january, february) = (Some("2024-01-01T00:00:00Z"), Some("2024-02-01T00:00:00Z"));
    let counts = |first: Value, second: Value| -> Vec<usize> {
        let outcome = ran(&[of(&[one.clone(), two.clone(), second, first])]);
        assert_eq!(outcome.patients.len(), 2);
        let all = outcome.patients.iter();
        all.map(|patient| patient.chart.allergies.entries.len()).collect()
    };
    assert_eq!(
        counts(told("p1", "Nuts", january), told("p2", "Nuts", february)),
        [0, 1]
    );
    assert_eq!(
        counts(told("p2", "Nuts", january), told("p1", "Nuts", february)),
        [1, 0]
    );
    // Two resources may have one id: nobody's finding is taken away.
    assert_eq!(counts(told("p1", "Nuts", None), told("p2", "Nuts", None)), [1, 1]);
    assert_eq!(
        counts(told("p1", "Nuts", january), told("p2", "Milk", february)),
        [1, 1]
    );
}

#[test]
fn a_finding_is_deleted_by_a_search_for_its_identifier() {
    let patient = patient("p1", "Byron", &mrn("1"));
    let mut nuts = allergy("a1", "Nuts", "p1");
    nuts["identifier"] = json!([{ "system": "urn:findings", "value": "7" }]);
    let put = |resource: &Value| json!({ "resource": resource, "request": { "method": "PUT", "url": "x" } });
    let deletion = |url: &str| json!({ "request": { "method": "DELETE", "url": url } });
    let told = |entries: &[Value]| ran(&[bundle("transaction", entries)]);
    let url = "AllergyIntolerance?identifier=urn:findings%7C7";
    let outcome = told(&[put(&patient), put(&nuts), deletion(url)]);
    assert_eq!(outcome.patients[0].chart.allergies.entries.len(), 0);
    // What is in none of the files is not known by an identifier.
    let outcome = told(&[put(&patient), deletion(url)]);
    assert_eq!(left_out(&outcome).len(), 1);
    // What nobody knows how to do is not done otherwise.
    let mut odd = put(&nuts);
    odd["request"]["method"] = json!("delete");
    let outcome = told(&[put(&patient), odd]);
    assert_eq!(outcome.patients[0].chart.allergies.entries.len(), 0);
}

#[test]
fn a_urn_that_every_bundle_has_is_of_another_resource_in_each() {
    let [patient_urn, urn] = [
        "urn:uuid:00000000-0000-4000-8000-000000000001",
        "urn:uuid:00000000-0000-4000-8000-000000000002",
    ];
    let with_id = |mut resource: Value, id: Option<&str>| {
        match id {
            Some(id) => resource["id"] = json!(id),
            None => drop(resource.as_object_mut().unwrap().remove("id")),
        }
        resource
    };
    let file = |given: &str, number: &str, text: &str, id: Option<&str>| {
        let somebody = with_id(child("", given, "female", "2015-05-05", &mrn(number)[0]), id);
        let mut allergy = with_id(allergy("", text, ""), id);
        allergy["patient"] = to(patient_urn);
        let entries = [
            json!({ "fullUrl": patient_urn, "resource": somebody }),
            json!({ "fullUrl": urn, "resource": allergy }),
        ];
        bundle("collection", &entries)
    };
    for ids in [[None, None], [Some("7"), Some("8")]] {
        // Two persons, and one.
        for (other, lists) in [
            (file("Bea", "2", "Egg", ids[1]), vec![1, 1]),
            (file("Ann", "1", "Egg", ids[1]), vec![2]),
        ] {
            let first = file("Ann", "1", "Nuts", ids[0]);
            let outcome = ran(&[first.clone(), other.clone()]);
            let all = outcome.patients.iter();
            assert_eq!(
                all.map(|one| one.chart.allergies.entries.len()).collect::<Vec<_>>(),
                lists,
                "{ids:?}"
            );
            let lines = [first, b"\n".to_vec(), other].concat();
            assert_eq!(ran(&[lines]).patients.len(), lists.len(), "in one file");
        }
        let again = file("Ann", "1", "Nuts", ids[0]);
        let outcome = ran(&[again.clone(), again]);
        assert_eq!(outcome.patients[0].chart.allergies.entries.len(), 1);
    }
}

#[test]
fn bundles_that_stand_in_one_file_may_have_one_id_for_two() {
    let file = |number: &str| of(&[child("1", "Ann", "female", "1970-01-01", &mrn(number)[0])]);
    let lines = [file("1"), b"\n".to_vec(), file("2")].concat();
    assert_eq!(ran(&[lines]).patients.len(), 2);
}

#[test]
fn a_number_that_was_ones_may_be_anothers_now() {
    let number = json!({ "system": "urn:mrn", "value": "1" });
    let mut old = number.clone();
    old["use"] = json!("old");
    let mut ann = child("p1", "Ann", "female", "1970-01-01", &old);
    ann["identifier"] = json!([old, { "system": "urn:mrn", "value": "2" }]);
    let bob = child("p2", "Bob", "male", "1980-01-01", &number);
    let outcome = ran(&[of(&[ann, bob])]);
    assert_eq!((outcome.patients.len(), outcome.refused.len()), (2, 0));
    let all = outcome.patients.iter();
    let names: Vec<_> = all.map(|one| one.details.identifier.clone().unwrap().value).collect();
    assert_eq!(names, ["2", "1"]);
}

#[test]
fn what_two_were_called_as_children_makes_them_nobody_else() {
    let number = json!({ "system": "urn:mrn", "value": "1" });
    let twin = |id: &str, given: &str, used: &str, other: &str| {
        let mut twin = child(id, given, "female", "2015-05-05", &number);
        let name = twin["name"][0].clone();
        let mut second = name.clone();
        (second["given"], second["use"]) = (json!([other]), json!(used));
        let mut first = name;
        first["use"] = json!("official");
        twin["name"] = json!([first, second]);
        twin
    };
    // The second name of one is the first of the other.
    let named = |id: &str, names: &[&str]| {
        let mut sister = child(id, names[0], "female", "2015-05-05", &number);
        let name = |given: &&str| json!({ "family": "Twin", "given": [given] });
        sister["name"] = names.iter().map(name).collect();
        sister
    };
    for (one, two) in [
        (&["Anna"][..], &["Ella", "Anna"][..]),
        (&["Anna", "Baby"], &["Baby", "Ella"]),
        (&["Baby", "Anna"], &["Baby", "Ella"]),
    ] {
        let outcome = ran(&[of(&[named("t1", one), named("t2", two)])]);
        assert_eq!(
            (outcome.patients.len(), outcome.refused.len()),
            (0, 2),
            "{one:?} {two:?}"
        );
    }
    for (used, other) in [
        ("old", "Baby"),
        ("nickname", "Bug"),
        ("usual", "Ann"),
        ("official", "Baby"),
    ] {
        let twins = [twin("t1", "Jane Ann", used, other), twin("t2", "Mary Ann", used, other)];
        let outcome = ran(&[of(&twins)]);
        assert_eq!((outcome.patients.len(), outcome.refused.len()), (0, 2), "{used}");
    }
    // Nobody knows what is given in a name that is told in one piece.
    let typed = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR" }] });
    let mut typed = json!({ "system": "urn:mrn", "value": "1", "type": typed });
    typed["use"] = json!("official");
    let whole = |id: &str, text: &str| {
        let mut sister = child(id, "", "female", "2015-05-05", &typed);
        sister["name"] = json!([{ "text": text }]);
        sister
    };
    let outcome = ran(&[of(&[whole("t1", "Smith, Anna")]), of(&[whole("t2", "Smith, Ella")])]);
    assert_eq!((outcome.patients.len(), outcome.refused.len()), (0, 2));
    // The one that they mainly go by may be told so, beside what they are called at home, and be theirs for a time to come.
    let baby = json!({ "use": "usual", "family": "Smith", "given": ["Baby"] });
    for official in [
        json!({ "use": "official", "text": "NAME Smith" }),
        json!({ "use": "official", "family": "Smith", "text": "NAME Smith" }),
        json!({ "use": "official", "family": "Smith", "given": ["NAME"], "period": { "end": "2090-01-01" } }),
    ] {
        let sister = |id: &str, given: &str| {
            let mut sister = child(id, "", "female", "2015-05-05", &typed);
            let official = official.to_string().replace("NAME", given);
            sister["name"] = json!([serde_json::from_str::<Value>(&official).unwrap(), baby]);
            sister
        };
        let outcome = ran(&[of(&[sister("t1", "Anna"), sister("t2", "Ella")])]);
        assert_eq!((outcome.patients.len(), outcome.refused.len()), (0, 2), "{official}");
        let outcome = ran(&[of(&[sister("t1", "Anna")]), of(&[sister("t2", "Anna")])]);
        assert_eq!((outcome.patients.len(), outcome.refused.len()), (1, 0), "{official}");
    }
    // Whoever was called otherwise is who they were.
    let before = child("t1", "Baby", "female", "2015-05-05", &number);
    let after = twin("t1", "Jane Ann", "old", "Baby");
    let outcome = ran(&[of(&[before]), of(&[after])]);
    assert_eq!((outcome.patients.len(), outcome.refused.len()), (1, 0));
}

#[test]
fn an_allergy_is_of_its_patient_whatever_else_it_tells() {
    let people = [patient("p1", "One", &mrn("1")), patient("p2", "Two", &mrn("2"))];
    let mut nuts = allergy("a1", "Nuts", "p1");
    nuts["subject"] = to("Patient/p2");
    let outcome = ran(&[of(&[people[0].clone(), people[1].clone(), nuts])]);
    let all = outcome.patients.iter();
    assert_eq!(
        all.map(|one| one.chart.allergies.entries.len()).collect::<Vec<_>>(),
        [1, 0]
    );
}

#[test]
fn what_a_bundle_has_two_addresses_for_is_two_whatever_the_ids() {
    let entry = |number: u32, resource: Value| json!({ "fullUrl": format!("urn:uuid:00000000-0000-4000-8000-{number:012}"), "resource": resource });
    let urn = |number: u32| to(&format!("urn:uuid:00000000-0000-4000-8000-{number:012}"));
    let drug = |text: &str| json!({ "resourceType": "Medication", "id": "1", "code": { "text": text } });
    let taken = |patient: u32, drug: u32| {
        json!({
            "resourceType": "MedicationStatement", "id": "1", "status": "active", "subject": urn(patient), "medicationReference": urn(drug),
        })
    };
    let nuts = |patient: u32, at: &str| {
        let allergy = json!({ "resourceType": "AllergyIntolerance", "id": "1", "code": { "text": "Nuts" }, "patient": urn(patient) });
        dated(allergy, at)
    };
    let outcome = ran(&[bundle(
        "collection",
        &[
            entry(1, child("1", "Ann", "female", "1970-01-01", &mrn("1")[0])),
            entry(2, child("2", "Bob", "male", "1980-01-01", &mrn("2")[0])),
            entry(3, drug("Warfarin")),
            entry(4, drug("Aspirin")),
            entry(5, taken(1, 3)),
            entry(6, taken(2, 4)),
            entry(7, nuts(1, "2024-01-01T00:00:00Z")),
            entry(8, nuts(2, "2024-02-01T00:00:00Z")),
        ],
    )]);
    let all = outcome.patients.iter();
    let known: Vec<_> = all
        .map(|one| {
            (
                one.chart.medications.entries[0].finding.concept.text.clone(),
                one.chart.allergies.entries.len(),
            )
        })
        .collect();
    assert_eq!(known, [("Warfarin".to_owned(), 1), ("Aspirin".to_owned(), 1)]);
}

/// A deletion of what has this address.
fn deletion(url: &str) -> Value {
    json!({ "request": { "method": "DELETE", "url": url } })
}

#[test]
fn a_deletion_of_another_hospital_takes_nothing_away() {
    let mut bob = patient("7", "Kunz", &json!([{ "system": "urn:other", "value": "9" }]));
    bob["name"][0]["given"] = json!(["Bob"]);
    let ada = of(&[patient("100", "Byron", &mrn("1")), allergy("all-1", "Egg", "100")]);
    for (url, named) in [("AllergyIntolerance/all-1", 0), ("Patient/100", 1)] {
        let theirs = bundle("batch", &[json!({ "resource": bob.clone() }), deletion(url)]);
        for files in [[ada.clone(), theirs.clone()], [theirs, ada.clone()]] {
            let persons = persons(&files, &context());
            let of = |family: &str| {
                let is = |one: &&Person| one.details.as_ref().unwrap().name.family == family;
                persons.iter().find(is).unwrap()
            };
            assert_eq!(of("Byron").report.allergies.list().len(), 1, "{url}");
            assert_eq!(of("Byron").report.ended.len(), 0, "{url}");
            assert_eq!(of("Kunz").report.ended.len(), 1 - named, "{url}");
            assert_eq!(left_out(&ran(&files)).len(), named, "{url}");
        }
    }
    // The same source tells of somebody under the same id in both files.
    let mut both = vec![json!({ "resource": bob.clone() })];
    both.extend(
        [patient("100", "Byron", &mrn("1")), allergy("all-1", "Egg", "100")].map(|one| json!({ "resource": one })),
    );
    let changes = bundle("batch", &[json!({ "resource": bob }), deletion("Patient/100")]);
    assert_eq!(families(&ran(&[bundle("collection", &both), changes])), ["Kunz"]);
}

#[test]
fn one_id_of_two_hospitals_is_one_person_where_they_are_alike_in_one_run_as_in_two() {
    let export = |hospital: &str, value: &str| {
        let typed = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR" }] });
        let number = json!([{ "system": format!("https://{hospital}.test/mrn"), "value": value, "type": typed }]);
        of(&[
            patient("7", "Person", &number),
            allergy("1", &format!("of {hospital}"), "7"),
        ])
    };
    let outcome = ran(&[export("north", "1"), export("south", "2")]);
    assert_eq!(outcome.patients.len(), 1);
    assert_eq!(
        left_out(&outcome).len(),
        1,
        "one allergy is told otherwise under one id"
    );
    let outcome = ran(&[export("north", "1"), export("north", "2")]);
    assert_eq!(
        (outcome.patients.len(), left_out(&outcome).len()),
        (2, 0),
        "one hospital gives two numbers to two"
    );
}

#[test]
fn nothing_under_an_id_of_two_files_is_lost_unnamed() {
    let file = |patient_id: &str, text: &str, server: Option<&str>| {
        let address = |kind: &str, id: &str| server.map(|server| format!("https://{server}.test/{kind}/{id}"));
        let entry = |kind: &str, id: &str, resource: Value| match address(kind, id) {
            Some(address) => json!({ "fullUrl": address, "resource": resource }),
            None => json!({ "resource": resource }),
        };
        bundle(
            "collection",
            &[
                entry("Patient", patient_id, patient(patient_id, "Person", &mrn("1"))),
                entry("AllergyIntolerance", "1", allergy("1", text, patient_id)),
            ],
        )
    };
    for (one, two, named) in [
        (file("5", "Egg", None), file("5", "Milk", None), 1),
        (file("5", "Egg", None), file("5", "egg", None), 0),
        (file("5", "Egg", Some("a")), file("5", "Milk", Some("a")), 0),
    ] {
        let outcome = ran(&[one, two]);
        assert_eq!((outcome.patients.len(), left_out(&outcome).len()), (1, named));
    }
    // Two servers have one id, or call the patient otherwise.
    for (one, other) in [
        (file("5", "Egg", None), file("6", "Milk", None)),
        (file("5", "Egg", None), file("6", "Milk", Some("a"))),
        (file("5", "Egg", Some("a")), file("5", "Milk", Some("b"))),
    ] {
        let outcome = ran(&[one, other]);
        assert_eq!((outcome.patients.len(), left_out(&outcome).len()), (1, 0));
        assert_eq!(outcome.patients[0].chart.allergies.entries.len(), 2);
    }
    // What tells no server is of the only one that has its id for a patient of that id, and of none where several have.
    let (bare, here, there) = (
        file("5", "Egg", None),
        file("5", "Milk", Some("a")),
        file("5", "Nuts", Some("b")),
    );
    let outcome = ran(&[bare.clone(), here.clone()]);
    assert_eq!((outcome.patients.len(), left_out(&outcome).len()), (1, 1));
    let outcome = ran(&[bare, here, there]);
    assert_eq!(outcome.patients[0].chart.allergies.entries.len(), 3);
    // A visit that has no number of its own.
    let file = |start: &str| {
        let mut visit = visit("1", &to("Patient/5"), &to("Practitioner/d1"));
        (visit["identifier"], visit["period"]["start"]) = (json!([]), json!(start));
        visit["period"]["end"] = json!("2021-01-01T00:00:00Z");
        of(&[patient("5", "Person", &mrn("1")), doctor("d1", "Doctor"), visit])
    };
    let (one, two) = (file("2020-03-04T09:00:00Z"), file("2020-04-04T09:00:00Z"));
    assert_eq!(left_out(&ran(&[one.clone(), two])).len(), 1);
    assert_eq!(left_out(&ran(&[one.clone(), one])).len(), 0);
}

#[test]
fn what_the_newest_state_does_not_tell_is_as_the_older_one_says() {
    let mut whole = dated(patient("p1", "Person", &mrn("1")), "2020-01-01T00:00:00Z");
    whole["telecom"] = json!([{ "system": "phone", "value": "1" }, { "system": "email", "value": "a@clinic.test" }]);
    whole["address"] = json!([{ "city": "London" }]);
    whole["deceasedDateTime"] = json!("2019-01-01");
    let mut stub = dated(patient("p1", "Person", &mrn("1")), "2024-01-01T00:00:00Z");
    (stub["name"], stub["birthDate"]) = (json!([{ "family": "Person" }]), json!("1970"));
    stub.as_object_mut().unwrap().remove("gender");
    let undated = {
        let mut undated = stub.clone();
        undated.as_object_mut().unwrap().remove("meta");
        undated
    };
    let alone = ran(&[of(&[whole.clone()])]).patients.remove(0).details;
    for stub in [stub.clone(), undated] {
        for files in [
            vec![of(std::slice::from_ref(&whole)), of(std::slice::from_ref(&stub))],
            vec![of(std::slice::from_ref(&stub)), of(std::slice::from_ref(&whole))],
            vec![of(&[whole.clone(), stub.clone()])],
        ] {
            let outcome = ran(&files);
            assert_eq!(left_out(&outcome), Vec::<String>::new());
            assert_eq!(outcome.patients.len(), 1);
            let details = outcome.patients[0].details.clone();
            assert_eq!(details.told_as_of(Detail::Phone), alone.as_of);
            assert_eq!(details.undated(), alone.undated());
        }
    }
    // That somebody is said to live takes a death back, and is kept as of then, also by a state that says nothing.
    stub["deceasedBoolean"] = json!(false);
    let mut silent = dated(stub.clone(), "2025-01-01T00:00:00Z");
    silent.as_object_mut().unwrap().remove("deceasedBoolean");
    for files in [
        vec![of(&[whole]), of(&[stub.clone()])],
        vec![of(&[stub.clone()])],
        vec![of(&[stub, silent])],
    ] {
        let details = ran(&files).patients.remove(0).details;
        let lives = "2024-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(
            (details.deceased, details.detail_dates.get(Detail::Deceased)),
            (None, Some(lives))
        );
    }
}

#[test]
fn a_reference_that_names_two_patients_names_neither() {
    let people = [patient("cf1", "One", &mrn("1")), patient("cf2", "Two", &mrn("2"))];
    let mut allergy = allergy("a1", "Egg", "cf1");
    let why = "AllergyIntolerance names one patient by a reference and another one by an identifier";
    // Of the third there is nobody, and the first has another number.
    for (number, left) in [("1", vec![]), ("2", vec![why]), ("3", vec![why])] {
        allergy["patient"]["identifier"] = mrn(number)[0].clone();
        let outcome = ran(&[of(&[people[0].clone(), people[1].clone(), allergy.clone()])]);
        assert_eq!(left_out(&outcome), left, "{number}");
    }
}

#[test]
fn two_doctors_under_one_number_are_two_and_named() {
    let called = |id: &str, given: &str, family: &str| {
        let mut doctor = doctor(id, family);
        doctor["name"][0]["given"] = json!([given]);
        doctor["identifier"][0]["value"] = json!("npi");
        doctor
    };
    for other in [called("d2", "Bob", "South"), called("d2", "Bob", "North")] {
        let outcome = ran(&[of(&[called("d1", "Ann", "North"), other])]);
        assert_eq!((outcome.practitioners.len(), left_out(&outcome).len()), (2, 1));
    }
    // Whoever is called otherwise in another file is taken for the same one, and that is said.
    let outcome = ran(&[of(&[called("d1", "Ann", "North")]), of(&[called("d1", "Bob", "North")])]);
    assert_eq!(outcome.practitioners.len(), 1);
    assert!(
        outcome
            .notes
            .list()
            .iter()
            .any(|note| note.why == people::TOLD_OTHERWISE)
    );
}

#[test]
fn a_state_that_lacks_what_a_record_has_to_have_takes_the_one_before_it_away_from_nobody() {
    let person = |born: &str, at: &str| {
        let mut person = dated(patient("p1", "Person", &mrn("1")), at);
        person["birthDate"] = json!(born);
        person
    };
    let allergy = |code: Value, at: &str| {
        let confirmed = json!({ "coding": [{ "code": "confirmed" }] });
        let allergy = json!({
            "resourceType": "AllergyIntolerance", "id": "a1", "patient": to("Patient/p1"), "code": code,
            "verificationStatus": confirmed,
        });
        dated(allergy, at)
    };
    let seen = |period: Value, at: &str| {
        let mut visit = visit("e1", &to("Patient/p1"), &to("Practitioner/d1"));
        visit["period"] = period;
        dated(visit, at)
    };
    let [old, new] = ["2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z"];
    let good = [
        person("1950-05-06", old),
        allergy(json!({ "text": "Nuts" }), old),
        seen(json!({ "start": "2020-03-04T09:00:00Z" }), old),
        doctor("d1", "Doctor"),
    ];
    for (lacking, kind) in [
        (person("garbage", new), "Patient"),
        (allergy(json!({}), new), "AllergyIntolerance"),
        (seen(json!({}), new), "Encounter"),
    ] {
        let together = of(&[good.as_slice(), std::slice::from_ref(&lacking)].concat());
        let apart = vec![of(std::slice::from_ref(&lacking)), of(&good)];
        // Two of one name, of one of whom no day of birth is told, are told apart by nobody.
        for files in [vec![together], apart]
            .into_iter()
            .take(if kind == "Patient" { 1 } else { 2 })
        {
            let outcome = ran(&files);
            let allergies = outcome.patients[0].report.allergies.list();
            assert_eq!(
                (outcome.patients.len(), allergies.len(), outcome.visits.len()),
                (1, 1, 1),
                "{kind}"
            );
            let left_out = left_out(&outcome);
            assert!(
                left_out.len() == 1 && left_out[0].ends_with("before it is taken"),
                "{kind}: {left_out:?}"
            );
        }
    }
    // An older one was replaced already: nothing is lost with it.
    let older = allergy(json!({}), "2023-01-01T00:00:00Z");
    let outcome = ran(&[of(&[good.as_slice(), &[older]].concat())]);
    assert_eq!(
        (left_out(&outcome), outcome.patients[0].report.allergies.list().len()),
        (Vec::new(), 1)
    );
    // One that says that there is none takes it away, whatever else it lacks.
    let mut in_error = allergy(json!({}), new);
    in_error["verificationStatus"] = json!({ "coding": [{ "code": "entered-in-error" }] });
    let outcome = ran(&[of(&[good.as_slice(), &[in_error]].concat())]);
    assert_eq!(outcome.patients[0].report.allergies.list(), []);
}

#[test]
fn a_newer_state_of_a_doctor_takes_no_specialization_away() {
    let whole = dated(doctor("d1", "Doctor"), "2020-01-01T00:00:00Z");
    let mut stub = dated(doctor("d1", "Doctor"), "2024-01-01T00:00:00Z");
    stub.as_object_mut().unwrap().remove("qualification");
    for states in [vec![whole.clone(), stub.clone()], vec![stub.clone(), whole]] {
        let outcome = ran(&[of(&states)]);
        assert_eq!(outcome.practitioners[0].specializations[0].text, "Cardiology");
    }
    let supposed = ran(&[of(&[stub])]);
    assert_eq!(supposed.practitioners[0].specializations[0].text, "General practice");
    let remark = supposed
        .notes
        .list()
        .into_iter()
        .find(|note| note.resource == "Practitioner")
        .unwrap();
    assert!(remark.why.starts_with("names no specialization"), "{remark:?}");
}

#[test]
fn a_boy_and_a_girl_under_one_untyped_number_are_not_one() {
    let child = |id: &str, gender: &str| {
        let mut child = patient(
            id,
            "Okafor",
            &json!([{ "system": "https://clinic.test/number", "value": "4711" }]),
        );
        child["name"][0]["given"] = json!(["Baby"]);
        child["gender"] = json!(gender);
        let url = format!("https://clinic.test/fhir/Patient/{id}");
        bundle("searchset", &[json!({ "fullUrl": url, "resource": child })])
    };
    for (other, persons) in [("male", 2), ("female", 1)] {
        let outcome = ran(&[child("t1", "female"), child("t2", other)]);
        assert_eq!(outcome.patients.len(), persons, "{other}");
    }
}

#[test]
fn newborns_of_one_number_are_two_while_they_have_no_names() {
    let number = json!([{
        "system": "https://clinic.test/mrn", "value": "4711",
        "type": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR" }] },
    }]);
    let child = |id: &str, name: Value, is_of_several: bool| {
        let mut child = patient(id, "Okafor", &number);
        (child["birthDate"], child["name"]) = (json!("2024-03-01"), json!([name]));
        if is_of_several {
            child["multipleBirthBoolean"] = json!(true);
        }
        child
    };
    let unnamed = || json!({ "family": "Okafor" });
    for (one, two, is_of_several) in [
        (unnamed(), unnamed(), false),
        (
            json!({ "text": "Baby Okafor" }),
            json!({ "text": "Baby Okafor" }),
            false,
        ),
        (json!({ "family": "Okafor", "given": ["Anna"] }), unnamed(), false),
        (unnamed(), json!({ "family": "Okafor", "given": ["Anna"] }), false),
        (
            json!({ "family": "Okafor", "given": ["Baby Girl"] }),
            json!({ "family": "Okafor", "given": ["Baby Girl"] }),
            true,
        ),
    ] {
        let (one, two) = (child("t1", one, is_of_several), child("t2", two, is_of_several));
        let addressed = |child: &Value| {
            let url = format!("https://clinic.test/fhir/Patient/{}", child["id"].as_str().unwrap());
            json!({ "fullUrl": url, "resource": child })
        };
        let (one, two) = (addressed(&one), addressed(&two));
        for files in [
            vec![bundle("searchset", &[one.clone(), two.clone()])],
            vec![bundle("searchset", &[two.clone(), one.clone()])],
            vec![
                bundle("searchset", std::slice::from_ref(&one)),
                bundle("searchset", std::slice::from_ref(&two)),
            ],
        ] {
            assert_eq!(ran(&files).patients.len(), 2, "{one} {two}");
        }
    }
}

#[test]
fn whoever_is_taken_for_somebody_without_a_name_is_named_whichever_state_is_the_newest() {
    let child = |server: &str, given: &[&str], date: &str| {
        let number = json!([{
            "system": "https://clinic.test/mrn", "value": "4711",
            "type": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR" }] },
        }]);
        let mut child = dated(patient("t1", "Okafor", &number), date);
        child["name"][0]["given"] = json!(given);
        bundle(
            "searchset",
            &[json!({ "fullUrl": format!("https://{server}.test/fhir/Patient/t1"), "resource": child })],
        )
    };
    for (named, unnamed) in [("2024-03-01", "2024-03-02"), ("2024-03-02", "2024-03-01")] {
        let date = |day: &str| format!("{day}T00:00:00Z");
        let files = [
            child("north", &["Anna"], &date(named)),
            child("south", &[], &date(unnamed)),
        ];
        for files in [files.clone(), [files[1].clone(), files[0].clone()]] {
            let outcome = ran(&files);
            assert_eq!(outcome.patients.len(), 1);
            let why: Vec<String> = outcome.notes.list().into_iter().map(|note| note.why).collect();
            assert!(why.iter().any(|why| why == people::TOLD_OTHERWISE), "{why:?}");
        }
    }
}

#[test]
fn doctors_of_one_number_are_two_where_no_word_of_their_names_is_common_but_a_title() {
    let doctor = |id: &str, name: Value| {
        json!({
            "resourceType": "Practitioner", "id": id, "name": [name],
            "identifier": [{ "system": "http://hl7.org/fhir/sid/us-npi", "value": "1457382910" }],
        })
    };
    for (one, two, count) in [
        (json!({ "text": "Dr. Smith" }), json!({ "text": "Dr. Jones" }), 2),
        (
            json!({ "text": "John Smith, MD" }),
            json!({ "text": "Mary Jones, MD" }),
            2,
        ),
        (json!({ "family": "Smith" }), json!({ "family": "Jones" }), 2),
        (
            json!({ "text": "Dr. Smith" }),
            json!({ "family": "Smith", "given": ["John"] }),
            1,
        ),
        (
            json!({ "family": "Smith", "given": ["Mary"] }),
            json!({ "family": "Jones", "given": ["Mary"] }),
            1,
        ),
    ] {
        let outcome = ran(&[of(&[doctor("d1", one.clone()), doctor("d2", two.clone())])]);
        assert_eq!(outcome.practitioners.len(), count, "{one} {two}");
    }
}

#[test]
fn who_is_named_in_one_bundle_alone_is_said_to_be_registered_anew_by_the_next() {
    let posted = |id: Option<&str>, identifier: &Value| {
        let mut person = patient("p", "Okafor", identifier);
        match id {
            Some(id) => person["id"] = json!(id),
            None => drop(person.as_object_mut().unwrap().remove("id")),
        }
        let url = "urn:uuid:0f6b1d2c-8a0e-4a4c-9d7c-2f6f3c1d7a11";
        bundle(
            "transaction",
            &[json!({ "fullUrl": url, "resource": person, "request": { "method": "POST", "url": "Patient" } })],
        )
    };
    for (id, identifier, is_said) in [
        (None, json!([]), true),
        (Some("p7"), json!([]), false),
        (None, mrn("4711"), false),
    ] {
        let outcome = ran(&[posted(id, &identifier)]);
        assert_eq!(outcome.patients.len(), 1);
        let said = remarks(&outcome)
            .iter()
            .any(|why| why.contains("makes a second record"));
        assert_eq!(said, is_said, "{id:?} {identifier}");
    }
}

#[test]
fn a_finding_that_is_another_patients_under_the_same_id_is_named() {
    let lines = |person: &str, given: &str, date: &str| {
        let mut patient = dated(patient(person, "Okafor", &mrn(person)), date);
        patient["name"][0]["given"] = json!([given]);
        let condition = json!({
            "resourceType": "Condition", "id": "1", "meta": { "lastUpdated": date }, "subject": to(&format!("Patient/{person}")),
            "code": { "text": "Hypertension" },
        });
        format!("{patient}\n{condition}\n")
    };
    let both = lines("7", "Ann", "2022-03-01T08:00:00Z") + &lines("8", "Bob", "2022-03-02T08:00:00Z");
    let outcome = ran(&[both.into_bytes()]);
    assert_eq!(outcome.patients.len(), 2);
    let said = remarks(&outcome);
    assert!(
        said.iter()
            .any(|why| why.contains("has an id, or a number of its case, under which another is told")),
        "{said:?}"
    );
}
