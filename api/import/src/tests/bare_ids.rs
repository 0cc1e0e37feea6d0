//! Resources that are told by an id alone, which other hospitals have as well: exports of one hospital are put together, those of several are not.

use std::path::PathBuf;

use super::*;

/// An export of a hospital, whose resources have ids and no addresses: a patient, a prescription of a `Medication`, and a visit with a doctor by
/// their role.
struct Export {
    family: &'static str,
    number: &'static str,
    drug: &'static str,
    doctor: &'static str,
    /// The day of 2024 of all that is dated.
    day: Option<u32>,
}

impl Export {
    const fn of(family: &'static str, number: &'static str, drug: &'static str, doctor: &'static str) -> Self {
        Self {
            family,
            number,
            drug,
            doctor,
            day: None,
        }
    }

    /// What is of the patient, and what is not.
    fn resources(&self) -> [Vec<Value>; 2] {
        let date = |resource: Value| match self.day {
            Some(day) => dated(resource, &format!("2024-01-{day:02}T00:00:00Z")),
            None => resource,
        };
        let medication = json!({ "resourceType": "Medication", "id": "m1", "code": { "text": self.drug } });
        let role = json!({ "resourceType": "PractitionerRole", "id": "r1", "practitioner": to("Practitioner/d1") });
        let mut doctor = doctor("d1", self.doctor);
        doctor["identifier"][0]["value"] = json!(self.doctor);
        // The prescription has one date, whatever becomes of the medication.
        let request = json!({
            "resourceType": "MedicationRequest", "id": "q1", "status": "active", "intent": "order", "authoredOn": "2023-01-01",
            "subject": to("Patient/p1"), "medicationReference": to("Medication/m1"),
            "meta": { "lastUpdated": "2023-01-01T00:00:00Z" },
        });
        let person = date(patient("p1", self.family, &mrn(self.number)));
        let visit = visit("e1", &to("Patient/p1"), &to("PractitionerRole/r1"));
        [vec![person, request, visit], vec![date(medication), role, doctor]]
    }

    /// In one bundle.
    fn bundle(&self) -> Vec<u8> {
        of(&self.resources().concat())
    }

    /// In a file for each kind.
    fn kinds(&self) -> Vec<Vec<u8>> {
        let all = self.resources().concat().into_iter();
        all.map(|resource| resource.to_string().into_bytes()).collect()
    }
}

/// How many kinds of resources an export has.
const KINDS: u32 = 6;

/// Imports exports with a file for each kind, each in a folder of its own or all in one.
fn run_kinds(exports: &[&Export], in_folders: bool) -> Ran {
    let files: Vec<Vec<u8>> = exports.iter().flat_map(|export| export.kinds()).collect();
    let path = |file: u32| {
        let (export, kind) = (file / KINDS, file % KINDS);
        let path = if in_folders {
            format!("{export}/{kind}")
        } else {
            format!("{export}-{kind}")
        };
        PathBuf::from(format!("{path}.ndjson"))
    };
    let context = context();
    let (mut outcome, persons) = run_in(path, &files, &context);
    for person in persons {
        take(&mut outcome, person, &context);
    }
    outcome
}

/// Each patient, with what they take and whom they visited.
fn told(outcome: &Ran) -> Vec<String> {
    let patients = outcome.patients.iter().map(|patient| {
        let taken = patient.chart.medications.findings();
        let taken: Vec<&str> = taken.map(|one| one.concept.text.as_str()).collect();
        let own = patient.details.identifier.as_ref();
        let visits = outcome.visits.iter().filter(|visit| Some(&visit.patient) == own);
        let doctors: Vec<String> = visits
            .map(|visit| match &visit.provider {
                Provider::Practitioner(name) => name.value.clone(),
                Provider::Organization(_) => "nobody".to_owned(),
            })
            .collect();
        format!("{} takes {taken:?} and saw {doctors:?}", patient.details.name.family)
    });
    let mut told: Vec<String> = patients.collect();
    told.sort();
    told
}

#[test]
fn the_newest_state_of_a_medication_counts_whichever_export_is_read_first() {
    let wrong = Export {
        day: Some(1),
        ..Export::of("Person", "1", "Methotrexate", "Ann")
    };
    let corrected = Export {
        day: Some(2),
        ..Export::of("Person", "1", "Metformin", "Ann")
    };
    let right = [r#"Person takes ["Metformin"] and saw ["Ann"]"#];
    for order in [[&wrong, &corrected], [&corrected, &wrong]] {
        let bundles = ran(&order.map(Export::bundle));
        assert_eq!(told(&bundles), right);
        assert_eq!(left_out(&bundles), Vec::<String>::new());
        let kinds = run_kinds(&order, true);
        assert_eq!(told(&kinds), right);
        assert_eq!(left_out(&kinds), Vec::<String>::new());
    }
}

#[test]
fn the_same_export_twice_is_the_same_in_folders_and_in_one() {
    let night = Export::of("Person", "1", "Metformin", "Ann");
    for in_folders in [true, false] {
        let outcome = run_kinds(&[&night, &night], in_folders);
        assert_eq!(told(&outcome), [r#"Person takes ["Metformin"] and saw ["Ann"]"#]);
        assert_eq!(left_out(&outcome), Vec::<String>::new());
    }
}

#[test]
fn what_two_hospitals_call_the_same_is_of_each() {
    let (north, south) = (
        Export::of("North", "1", "Metformin", "Ann"),
        Export::of("South", "2", "Methotrexate", "Bob"),
    );
    let right = [
        r#"North takes ["Metformin"] and saw ["Ann"]"#,
        r#"South takes ["Methotrexate"] and saw ["Bob"]"#,
    ];
    for order in [[&north, &south], [&south, &north]] {
        assert_eq!(told(&ran(&order.map(Export::bundle))), right);
        assert_eq!(told(&run_kinds(&order, true)), right);
        let one_file = order.map(Export::bundle).join(&b'\n');
        assert_eq!(told(&ran(&[one_file])), right);
    }
}

#[test]
fn what_may_be_either_hospitals_is_left_out_by_name() {
    let (north, south) = (
        Export::of("North", "1", "Metformin", "Ann"),
        Export::of("South", "2", "Methotrexate", "Bob"),
    );
    let outcome = run_kinds(&[&north, &south], false);
    assert_eq!(
        told(&outcome),
        ["North takes [] and saw []", "South takes [] and saw []"]
    );
    assert!(!left_out(&outcome).is_empty());
}

#[test]
fn a_medication_that_nothing_in_the_files_refers_to_is_named() {
    let night = Export::of("Person", "1", "Metformin", "Ann");
    let [of_patient, others] = night.resources();
    let only = |kind: &str| json!({ "resourceType": kind, "id": "9", "medicationReference": to("Medication/m1") });
    let medication = || others[..1].to_vec();
    for (resources, is_named) in [
        ([of_patient.clone(), others.clone()].concat(), true),
        ([medication(), vec![only("MedicationDispense")]].concat(), true),
        (medication(), false),
        ([of_patient[..1].to_vec(), medication()].concat(), false),
    ] {
        let left_out = left_out(&ran(&[of(&resources)]));
        let is_left_out = left_out
            .iter()
            .any(|why| why.contains("is what nothing in the files refers to"));
        assert_eq!(is_left_out, !is_named, "{resources:?}");
    }
}

#[test]
fn what_another_source_tells_is_not_meant_by_an_export_that_lacks_it() {
    let whole = Export::of("North", "1", "Aspirin", "Ann").kinds();
    let south = Export::of("South", "2", "Warfarin", "Bob");
    let [of_patient, _] = south.resources();
    let text = |resource: &Value| {
        resource
            .to_string()
            .replace("Patient/p1", "Patient/p9")
            .replace("\"id\":\"p1\"", "\"id\":\"p9\"")
    };
    let lacking: Vec<Vec<u8>> = of_patient.iter().map(|resource| text(resource).into_bytes()).collect();
    for order in [[&whole, &lacking], [&lacking, &whole]] {
        let files: Vec<Vec<u8>> = order.into_iter().flatten().cloned().collect();
        let first = u32::try_from(order[0].len()).unwrap();
        let path = |file: u32| PathBuf::from(format!("{}/{file}.ndjson", u32::from(file < first)));
        let context = context();
        let (mut outcome, persons) = run_in(path, &files, &context);
        for person in persons {
            take(&mut outcome, person, &context);
        }
        assert_eq!(
            told(&outcome),
            [
                r#"North takes ["Aspirin"] and saw ["Ann"]"#,
                "South takes [] and saw []"
            ]
        );
        assert_eq!(left_out(&outcome).len(), 2, "{:?}", left_out(&outcome));
    }
}
