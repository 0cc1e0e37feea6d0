//! What becomes of small bundles made by hand.

mod findings;
mod people;
mod visits;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::chart::{Abated, Criticality};
use domain::kernel::{CodeSystem, Coding, Gender};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::tests::{Ran, run};

/// New Year's Day of 2026, in a zone far from UTC.
fn context() -> Context {
    Context {
        time_zone: chrono_tz::America::New_York,
        now: "2026-01-01T12:00:00Z".parse().unwrap(),
    }
}

/// What a file of its own comes to.
fn map(json: &[u8]) -> Ran {
    run(&[json.to_vec()], &context())
}

fn mapped(resources: &[Value]) -> Ran {
    map(&bundle(resources))
}

/// The remarks of a plan: how often, what, and why.
fn remarks(plan: &Ran) -> Vec<(u64, Fate, &'static str, String)> {
    let notes = plan.notes.list().into_iter();
    notes
        .map(|note| (note.count, note.fate, note.resource, note.why))
        .collect()
}

/// The plan of a bundle with one remark, which begins like this.
fn remarked(resources: &[Value], fate: Fate, why: &str) -> Ran {
    let plan = mapped(resources);
    let found = remarks(&plan);
    assert!(
        found.len() == 1 && found[0].1 == fate && found[0].3.starts_with(why),
        "{why}: {found:?}"
    );
    plan
}

fn day(text: &str) -> Option<NaiveDate> {
    Some(text.parse().unwrap())
}

fn with(mut resource: Value, field: &str, value: Value) -> Value {
    resource[field] = value;
    resource
}

fn of_patient(kind: &str, fields: Value) -> Value {
    let mut resource = json!({
        "resourceType": kind, "id": "r1",
        "subject": { "reference": "urn:uuid:p1" }, "patient": { "reference": "urn:uuid:p1" },
        "code": { "text": "thing" }, "status": "active", "medicationCodeableConcept": { "text": "thing" },
    });
    for (field, value) in fields.as_object().unwrap() {
        resource[field] = value.clone();
    }
    resource
}

fn status(code: &str) -> Value {
    json!({ "coding": [{ "code": code }] })
}

fn bundle(resources: &[Value]) -> Vec<u8> {
    let entries = resources.iter().map(|resource| {
        let id = resource["id"].as_str().unwrap_or("none");
        json!({ "fullUrl": format!("urn:uuid:{id}"), "resource": resource })
    });
    let entries: Vec<Value> = entries.collect();
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries })
        .to_string()
        .into_bytes()
}

fn a_patient() -> Value {
    json!({
        "resourceType": "Patient", "id": "p1", "birthDate": "1980-02-29", "gender": "female",
        "name": [{ "use": "official", "family": "Name", "given": ["A"] }],
        "telecom": [{ "system": "phone", "value": "555-0100" }],
    })
}

fn a_doctor() -> Value {
    json!({
        "resourceType": "Practitioner", "id": "d1", "name": [{ "family": "Doctor" }],
        "qualification": [{ "code": { "text": "Cardiology" } }],
        "identifier": [{ "value": "no system" }, { "system": "urn:npi", "value": "160" }],
    })
}

fn an_encounter() -> Value {
    json!({
        "resourceType": "Encounter", "id": "e1", "status": "finished",
        "type": [{ "coding": [{ "system": "http://snomed.info/sct", "code": "185349003", "display": "Check up" }] }],
        "subject": { "reference": "urn:uuid:p1" },
        "participant": [{ "individual": { "reference": "urn:uuid:d1" } }],
        "period": { "start": "2020-01-02T03:04:05+01:00", "end": "2020-01-02T03:19:06+01:00" },
    })
}

#[test]
fn an_encounter_becomes_a_visit_with_its_doctor_and_patient() {
    let plan = map(&bundle(&[a_patient(), a_doctor(), an_encounter()]));
    let visit = &plan.visits[0];
    assert_eq!(visit.patient, urn("p1"));
    let doctor = Identifier {
        system: "urn:npi".to_owned(),
        value: "160".to_owned(),
    };
    assert_eq!(visit.provider, Provider::Practitioner(doctor));
    assert_eq!(visit.slot.start.to_rfc3339(), "2020-01-02T02:04:05+00:00");
    assert_eq!(visit.slot.minutes, 16, "a part of a minute counts as one");
    assert_eq!(visit.outcome, Outcome::Completed);
    assert_eq!(visit.reason.as_ref().unwrap().text, "Check up");
}

#[test]
fn an_encounter_without_a_doctor_belongs_to_the_organisation_that_provided_it() {
    let mut encounter = an_encounter();
    encounter["participant"] = json!([]);
    encounter["serviceProvider"] = json!({ "reference": "Organization/o1" });
    let plan = map(&bundle(&[a_patient(), encounter]));
    assert_eq!(plan.visits[0].provider, Provider::Organization(urn("o1")));
}

#[test]
fn conditions_allergies_and_medications_become_a_report() {
    let subject = json!({ "reference": "urn:uuid:p1" });
    let code = json!({ "text": "thing" });
    let plan = map(&bundle(&[
        a_patient(),
        json!({ "resourceType": "Condition", "id": "c", "subject": subject, "code": code,
                "onsetDateTime": "2001-02-03T00:00:00Z", "abatementDateTime": "2002" }),
        json!({ "resourceType": "AllergyIntolerance", "id": "a", "patient": subject, "code": code,
                "criticality": "high" }),
        json!({ "resourceType": "MedicationRequest", "id": "m", "subject": subject, "status": "active",
                "medicationCodeableConcept": code, "authoredOn": "2003-04-05T00:00:00Z" }),
        json!({ "resourceType": "Condition", "id": "x", "subject": { "reference": "Patient/other" }, "code": code }),
    ]));
    let report = &plan.patients[0].report;
    assert_eq!(report.conditions.list().len(), 1, "only the patient's own");
    assert_eq!(report.conditions.list()[0].onset, NaiveDate::from_ymd_opt(2001, 2, 3));
    assert_eq!(
        report.conditions.list()[0].abated,
        day("2002-12-31").map(Abated::On),
        "it was over by then"
    );
    assert_eq!(report.allergies.list()[0].criticality, Some(Criticality::High));
    assert!(report.medications.list()[0].active);
    assert_eq!(plan.patients[0].details.name.family, "Name", "the official name");
}

#[test]
fn a_doctor_without_a_specialization_is_a_general_practitioner() {
    let unqualified = with(a_doctor(), "qualification", json!([]));
    let plan = map(&bundle(std::slice::from_ref(&unqualified)));
    assert_eq!(plan.practitioners[0].specializations[0].text, "General practice");
    let role = json!({ "resourceType": "PractitionerRole", "id": "r",
        "practitioner": { "reference": "Practitioner/d1" }, "specialty": [{ "text": "Cardiology" }] });
    let plan = map(&bundle(&[unqualified, role]));
    assert_eq!(plan.practitioners[0].specializations[0].text, "Cardiology");
}

#[test]
fn what_is_no_bundle_is_refused() {
    for json in ["", "[]", "{}", "{\"resourceType\":\"Patient\"}"] {
        let outcome = map(json.as_bytes());
        assert!(outcome.patients.is_empty() && !outcome.refused.is_empty(), "{json}");
    }
}

#[test]
fn an_encounter_that_cannot_be_recorded_is_left_out_and_the_rest_of_its_bundle_goes_in() {
    let nobody = with(an_encounter(), "participant", json!([]));
    let without = |field: &str| {
        let mut encounter = an_encounter();
        encounter.as_object_mut().unwrap().remove(field);
        encounter
    };
    for (encounter, why) in [
        (nobody, "names neither a practitioner nor an organisation"),
        (
            with(
                an_encounter(),
                "participant",
                json!([{ "individual": { "reference": "urn:uuid:d9" } }]),
            ),
            "has a participant who is in none of the files, or who may be several in them",
        ),
        (without("period"), "has no period.start"),
        (
            with(an_encounter(), "period", json!({ "end": "2020-01-02" })),
            "has no period.start",
        ),
        (
            with(an_encounter(), "period", json!({ "start": "2020-01" })),
            "has a period.start that is a year or a month",
        ),
        (
            with(an_encounter(), "period", json!({ "start": "soon" })),
            "has a period.start that is no time",
        ),
        (
            with(
                an_encounter(),
                "period",
                json!({ "start": "2020-01-02T03:04:05Z", "end": "2020-01-02T03:04:04Z" }),
            ),
            "ends before it begins",
        ),
        (
            with(an_encounter(), "status", json!("booked")),
            "has a status that FHIR R4 does not know",
        ),
        (without("status"), "has no status"),
        (without("subject"), "names no patient"),
        (with(an_encounter(), "subject", json!([])), "names no patient"),
        (with(an_encounter(), "length", json!([])), "cannot be read as FHIR R4"),
    ] {
        let whole = with(an_encounter(), "id", json!("e2"));
        let plan = remarked(&[a_patient(), a_doctor(), encounter, whole], Fate::LeftOut, why);
        assert_eq!((plan.visits.len(), plan.refused.len()), (1, 0), "{why}");
        assert!(plan.notes.list()[0].places[0].starts_with("entry[2].resource"));
    }
}

#[test]
fn status_tells_how_a_visit_ended() {
    for (status, outcome) in [
        ("finished", Outcome::Completed),
        ("planned", Outcome::Open),
        ("arrived", Outcome::Open),
        ("triaged", Outcome::Open),
        ("in-progress", Outcome::Open),
        ("onleave", Outcome::Open),
        ("unknown", Outcome::Open),
    ] {
        let plan = mapped(&[a_patient(), a_doctor(), with(an_encounter(), "status", json!(status))]);
        assert_eq!(plan.visits[0].outcome, outcome, "{status}");
        assert_eq!(remarks(&plan), [], "{status}");
    }
    let cancelled = with(an_encounter(), "status", json!("cancelled"));
    let plan = remarked(&[a_patient(), a_doctor(), cancelled], Fate::PassedOver, "was cancelled");
    assert_eq!(plan.visits[0].outcome, Outcome::Cancelled);
    let in_error = with(an_encounter(), "status", json!("entered-in-error"));
    let plan = remarked(
        &[a_patient(), a_doctor(), in_error],
        Fate::PassedOver,
        "was entered in error",
    );
    assert_eq!(plan.visits[0].outcome, Outcome::EnteredInError);
}

#[test]
fn an_encounter_that_has_not_begun_is_no_visit_of_the_past() {
    let planned = with(an_encounter(), "status", json!("planned"));
    let planned = with(
        planned,
        "period",
        json!({ "start": "2026-01-01T12:00:01Z", "end": "2026-01-01T13:00:00Z" }),
    );
    let plan = remarked(&[a_patient(), a_doctor(), planned], Fate::LeftOut, "has not begun");
    assert_eq!(plan.visits, []);
}

#[test]
fn a_visit_whose_hour_is_not_told_is_recorded_on_its_day_where_the_doctor_is() {
    let encounter = with(
        an_encounter(),
        "period",
        json!({ "start": "2020-07-04", "end": "2020-07-05" }),
    );
    let plan = remarked(
        &[a_patient(), a_doctor(), encounter],
        Fate::Changed,
        "period.start has no hour",
    );
    let slot = plan.visits[0].slot;
    assert_eq!(slot.start.to_rfc3339(), "2020-07-04T04:00:00+00:00");
    assert_eq!(slot.minutes, 2 * 24 * 60, "a day that ends a period is part of it");
}

#[test]
fn a_visit_without_an_end_lasts_as_long_as_it_says_or_a_minute() {
    let mut encounter = with(an_encounter(), "period", json!({ "start": "2020-01-02T03:04:05Z" }));
    let plan = remarked(
        &[a_patient(), a_doctor(), encounter.clone()],
        Fate::Changed,
        "has no period.end",
    );
    assert_eq!(plan.visits[0].slot.minutes, 1);
    encounter["length"] = json!({ "value": 1.5, "unit": "hours", "system": "http://unitsofmeasure.org", "code": "h" });
    let plan = mapped(&[a_patient(), a_doctor(), encounter]);
    assert_eq!((plan.visits[0].slot.minutes, remarks(&plan)), (90, vec![]));
}

#[test]
fn a_participant_in_a_role_is_the_practitioner_who_has_it() {
    let role =
        json!({ "resourceType": "PractitionerRole", "id": "r1", "practitioner": { "reference": "urn:uuid:d1" } });
    let participant = json!([{ "individual": { "reference": "PractitionerRole/r1" } }]);
    let plan = mapped(&[
        a_patient(),
        a_doctor(),
        role,
        with(an_encounter(), "participant", participant),
    ]);
    let Provider::Practitioner(doctor) = &plan.visits[0].provider else {
        panic!("{:?}", plan.visits)
    };
    assert_eq!(doctor.value, "160");
}

#[test]
fn practitioners_live_in_the_time_zone_that_is_given() {
    let plan = mapped(&[a_doctor()]);
    assert_eq!(plan.practitioners[0].time_zone, chrono_tz::America::New_York);
}

#[test]
fn a_birth_date_that_is_not_exact_is_its_first_day() {
    for (text, expected) in [("1980", "1980-01-01"), ("1980-02", "1980-02-01")] {
        let patient = with(a_patient(), "birthDate", json!(text));
        let plan = remarked(&[patient], Fate::Changed, "birthDate is a year or a month only");
        assert_eq!(Some(plan.patients[0].details.birth_date), day(expected));
    }
}

#[test]
fn a_patient_who_cannot_be_registered_fails_by_place_and_is_never_quoted() {
    for (field, value, expected) in [
        (
            "birthDate",
            json!("SECRET"),
            "entry[0].resource.birthDate: not a date of FHIR R4",
        ),
        (
            "birthDate",
            Value::Null,
            "entry[0].resource.birthDate: missing, and a record has to have one",
        ),
        (
            "name",
            json!("SECRET"),
            "entry[0].resource.name: missing, or not of the form",
        ),
    ] {
        let other = with(a_patient(), "id", json!("p2"));
        let plan = mapped(&[with(a_patient(), field, value), other]);
        let reason = plan.refused[0].to_string();
        assert!(reason.starts_with(expected) && !reason.contains("SECRET"), "{reason}");
        assert_eq!(plan.patients.len(), 1, "the other patient of the bundle goes in");
    }
}

#[test]
fn a_name_is_made_of_what_there_is() {
    for (names, family, given, why) in [
        (
            json!([{ "text": "Ada Byron" }]),
            "Ada Byron",
            vec![],
            Some("has no family name; name.text"),
        ),
        (
            json!([{ "given": ["Ada", null] }]),
            "Ada",
            vec![],
            Some("has no family name; the given names"),
        ),
        (json!([{ "family": "B", "given": ["A", null] }]), "B", vec!["A"], None),
        (json!([]), "Unknown", vec![], Some("has no name")),
        (json!([{ "use": "official" }]), "Unknown", vec![], Some("has no name")),
    ] {
        let patient = with(a_patient(), "name", names);
        let plan = match why {
            Some(why) => remarked(&[patient], Fate::Changed, why),
            None => mapped(&[patient]),
        };
        let name = &plan.patients[0].details.name;
        assert_eq!(
            (name.family.as_str(), name.given.clone()),
            (family, given.into_iter().map(str::to_owned).collect())
        );
    }
}

#[test]
fn what_the_server_would_refuse_does_not_cost_the_patient_their_record() {
    let telecom = json!([{ "system": "email", "value": "nobody" }]);
    let plan = remarked(
        &[with(a_patient(), "telecom", telecom)],
        Fate::LeftOut,
        "telecom (email) is no e-mail address",
    );
    assert_eq!(plan.patients[0].details.email, None);
    let address = json!([{ "line": ["One\nTwo"], "city": " " }]);
    let plan = remarked(
        &[with(a_patient(), "address", address)],
        Fate::Changed,
        "address.line has several lines",
    );
    assert_eq!(plan.patients[0].details.address.as_ref().unwrap().lines, ["One Two"]);
    let gender = with(a_patient(), "gender", json!("none"));
    let plan = remarked(&[gender], Fate::Changed, "gender is no code");
    assert_eq!(plan.patients[0].details.gender, Gender::Unknown);
}

#[test]
fn a_code_without_words_is_read_by_its_code() {
    let coding = Some(Coding {
        system: CodeSystem::Snomed,
        code: "1".to_owned(),
    });
    let snomed = "http://snomed.info/sct";
    for (code, coding, text) in [
        (
            json!({ "coding": [{ "system": snomed, "code": "1" }] }),
            coding.clone(),
            "1",
        ),
        (
            json!({ "coding": [{ "system": snomed, "code": "1", "display": "One" }] }),
            coding.clone(),
            "One",
        ),
        (
            json!({ "coding": [{ "code": "local" }, { "system": snomed, "code": "1" }], "text": "T" }),
            coding,
            "T",
        ),
        (json!({ "coding": [{ "code": "local" }] }), None, "local"),
        (json!({ "coding": [{ "display": "Shown" }] }), None, "Shown"),
    ] {
        let plan = mapped(&[a_patient(), of_patient("Condition", json!({ "code": code }))]);
        assert_eq!(
            plan.patients[0].report.conditions.list()[0].concept,
            Concept {
                coding,
                text: text.to_owned()
            }
        );
        assert_eq!(remarks(&plan), []);
    }
    let nothing = of_patient("Condition", json!({ "code": {} }));
    remarked(&[a_patient(), nothing], Fate::LeftOut, "has neither a code nor a text");
}

#[test]
fn a_condition_is_over_when_its_source_says_so() {
    let recorded = "2011-05-06";
    let on = |text: &str| day(text).map(Abated::On);
    for (fields, abated, why) in [
        (json!({ "clinicalStatus": status("active") }), None, None),
        (json!({ "clinicalStatus": status("recurrence") }), None, None),
        (json!({ "abatementDateTime": "2010-01-02" }), on("2010-01-02"), None),
        (
            json!({ "clinicalStatus": status("resolved"), "abatementDateTime": "2010-01-02T03:04:05Z" }),
            on("2010-01-02"),
            None,
        ),
        (
            json!({ "clinicalStatus": status("resolved"), "abatementPeriod": { "end": "2010-02-03" } }),
            on("2010-02-03"),
            None,
        ),
        (
            json!({ "clinicalStatus": status("inactive"), "abatementDateTime": "2010" }),
            on("2010-12-31"),
            Some("abatement is a year"),
        ),
        (
            json!({ "clinicalStatus": status("resolved"), "recordedDate": recorded }),
            on(recorded),
            Some("is over and does not tell"),
        ),
        (
            json!({ "clinicalStatus": status("remission"), "recordedDate": recorded }),
            on(recorded),
            Some("is over and does not tell"),
        ),
        (
            json!({ "abatementString": "in spring", "recordedDate": recorded }),
            on(recorded),
            Some("is over and does not tell"),
        ),
        (
            json!({ "clinicalStatus": status("relapse"), "abatementDateTime": "2010-01-02" }),
            None,
            Some("is active and has an end"),
        ),
        (
            json!({ "clinicalStatus": status("resolved") }),
            Some(Abated::Unknown),
            Some("is over and does not tell since when, and is recorded as that"),
        ),
        (
            json!({ "abatementAge": { "value": 4 } }),
            Some(Abated::Unknown),
            Some("is over and does not tell since when, and is recorded as that"),
        ),
        // It is the year 2026 still.
        (
            json!({ "clinicalStatus": status("resolved"), "abatementDateTime": "2026" }),
            on("2026-01-02"),
            Some("abatement is a year"),
        ),
        (
            json!({ "clinicalStatus": status("resolved"), "abatementDateTime": "2026-02-01" }),
            Some(Abated::Unknown),
            Some("abatement lies in the future"),
        ),
        (
            json!({ "abatementDateTime": "2027" }),
            None,
            Some("abatement lies in the future"),
        ),
        (
            json!({ "onsetDateTime": "2010-01-03", "abatementDateTime": "2010-01-02" }),
            on("2010-01-02"),
            Some("is over before it began"),
        ),
        (
            json!({ "onsetDateTime": "2026-01-03" }),
            None,
            Some("onset lies in the future"),
        ),
        (json!({ "onsetDateTime": "1999" }), None, Some("onset is a year")),
        (json!({ "onsetAge": { "value": 4 } }), None, Some("onset is an age")),
        (
            json!({ "abatementDateTime": "2010-02-30", "recordedDate": recorded }),
            on(recorded),
            Some("is over and does not tell"),
        ),
    ] {
        let resources = [a_patient(), of_patient("Condition", fields.clone())];
        let plan = match why {
            Some(why) if why.starts_with("abatement is a year") || why.starts_with("is over and") => {
                remarked(&resources, Fate::Changed, why)
            }
            Some(why) => remarked(&resources, Fate::LeftOut, why),
            None => mapped(&resources),
        };
        assert_eq!(plan.patients[0].report.conditions.list()[0].abated, abated, "{fields}");
        assert_eq!(plan.patients[0].report.conditions.list()[0].onset, None, "{fields}");
    }
}

#[test]
fn what_was_refuted_or_entered_in_error_is_left_out() {
    for kind in ["Condition", "AllergyIntolerance"] {
        for (code, why) in [("refuted", "was refuted"), ("entered-in-error", "was entered in error")] {
            let resource = of_patient(kind, json!({ "verificationStatus": status(code) }));
            let plan = remarked(&[a_patient(), resource], Fate::PassedOver, why);
            let report = &plan.patients[0].report;
            assert_eq!((report.conditions.list(), report.allergies.list()), (&[][..], &[][..]));
        }
        for code in ["unconfirmed", "confirmed"] {
            let resource = of_patient(kind, json!({ "verificationStatus": status(code) }));
            let report = &mapped(&[a_patient(), resource]).patients[0].report;
            assert_eq!(
                report.conditions.list().len() + report.allergies.list().len(),
                1,
                "{kind} {code}"
            );
        }
    }
}

#[test]
fn an_allergy_that_has_passed_is_left_out() {
    for code in ["inactive", "resolved"] {
        let allergy = of_patient("AllergyIntolerance", json!({ "clinicalStatus": status(code) }));
        let plan = remarked(&[a_patient(), allergy], Fate::NoPlace, "is no longer active");
        assert_eq!(plan.patients[0].report.allergies.list(), []);
    }
}

#[test]
fn a_medication_is_taken_from_a_request_or_a_statement() {
    for (kind, fields, active, since) in [
        (
            "MedicationRequest",
            json!({ "authoredOn": "2010-01-02" }),
            true,
            day("2010-01-02"),
        ),
        ("MedicationRequest", json!({ "status": "completed" }), false, None),
        (
            "MedicationRequest",
            json!({ "status": "on-hold", "intent": "order" }),
            false,
            None,
        ),
        (
            "MedicationStatement",
            json!({ "effectiveDateTime": "2010-01-02T03:04:05Z" }),
            true,
            day("2010-01-02"),
        ),
        (
            "MedicationStatement",
            json!({ "effectivePeriod": { "start": "2010-01-02" } }),
            true,
            day("2010-01-02"),
        ),
        ("MedicationStatement", json!({ "status": "stopped" }), false, None),
        (
            "MedicationRequest",
            json!({ "intent": "plan", "reportedBoolean": true }),
            true,
            None,
        ),
    ] {
        let plan = mapped(&[a_patient(), of_patient(kind, fields.clone())]);
        let medication = &plan.patients[0].report.medications.list()[0];
        assert_eq!(
            (medication.active, medication.since),
            (active, since),
            "{kind} {fields}"
        );
        assert_eq!(remarks(&plan), [], "{kind} {fields}");
    }
    for (kind, fields, why) in [
        (
            "MedicationRequest",
            json!({ "status": "entered-in-error" }),
            "was entered in error",
        ),
        (
            "MedicationStatement",
            json!({ "status": "entered-in-error" }),
            "was entered in error",
        ),
        (
            "MedicationStatement",
            json!({ "status": "not-taken" }),
            "says that it was not taken",
        ),
        ("MedicationRequest", json!({ "status": "cancelled" }), "was cancelled"),
    ] {
        let plan = remarked(&[a_patient(), of_patient(kind, fields)], Fate::PassedOver, why);
        assert_eq!(plan.patients[0].report.medications.list(), []);
    }
    for (kind, fields, why) in [
        ("MedicationStatement", json!({ "status": "intended" }), "is intended"),
        ("MedicationRequest", json!({ "status": "draft" }), "is a draft"),
        ("MedicationRequest", json!({ "intent": "proposal" }), "is a proposal"),
    ] {
        let plan = remarked(&[a_patient(), of_patient(kind, fields)], Fate::NoPlace, why);
        assert_eq!(plan.patients[0].report.medications.list(), []);
    }
    let forbidden = of_patient("MedicationRequest", json!({ "doNotPerform": true }));
    let plan = remarked(&[a_patient(), forbidden], Fate::LeftOut, "forbids");
    assert_eq!(plan.patients[0].report.medications.list(), []);
}

#[test]
fn a_medication_may_be_contained_or_stand_elsewhere_in_the_bundle() {
    let medication = json!({ "resourceType": "Medication", "id": "m1", "code": { "text": "referred" } });
    for (reference, contained) in [
        ("#m1", json!([medication])),
        ("urn:uuid:m1", json!([])),
        ("Medication/m1", json!([])),
    ] {
        for kind in ["MedicationRequest", "MedicationStatement"] {
            let fields = json!({
                "medicationCodeableConcept": null, "medicationReference": { "reference": reference }, "contained": contained,
            });
            let plan = mapped(&[a_patient(), of_patient(kind, fields), medication.clone()]);
            assert_eq!(
                plan.patients[0].report.medications.list()[0].concept.text,
                "referred",
                "{kind} {reference}"
            );
        }
    }
    let fields = json!({ "medicationCodeableConcept": null, "medicationReference": { "reference": "urn:uuid:m2" } });
    let request = of_patient("MedicationRequest", fields);
    remarked(
        &[a_patient(), request],
        Fate::LeftOut,
        "names a medication that is in none of the files, or that may be several in them",
    );
}

#[test]
fn what_concerns_nobody_here_or_has_no_place_here_is_counted() {
    let of_another = json!({ "subject": { "reference": "Patient/another" } });
    let plan = remarked(
        &[a_patient(), of_patient("Condition", of_another)],
        Fate::LeftOut,
        "concerns a patient who is in none of the files",
    );
    assert_eq!(plan.patients[0].report.conditions.list(), []);
    let claim = json!({ "resourceType": "Claim", "id": "c" });
    let plan = mapped(&[a_patient(), claim.clone(), claim, json!({ "resourceType": "Goal" })]);
    assert_eq!(
        plan.ignored,
        BTreeMap::from([("Claim".to_owned(), 2), ("Goal".to_owned(), 1)])
    );
    let plan = remarked(
        &[a_patient(), json!({ "no": "kind" })],
        Fate::LeftOut,
        "has no resourceType",
    );
    assert_eq!(plan.patients.len(), 1);
}

/// JSON of any shape, with the words that mean something here.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "resourceType",
        "Bundle",
        "Patient",
        "Encounter",
        "Practitioner",
        "entry",
        "resource",
        "fullUrl",
        "id",
        "subject",
        "reference",
        "urn:uuid:p1",
        "Patient/p1",
        "period",
        "start",
        "2020-01-02T03:04:05Z",
        "name",
        "type",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from)
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..6)
                .prop_map(|fields| fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_the_mapping_panic(resources in prop::collection::vec(any_json(), 0..4)) {
        let _ = map(&bundle(&resources));
    }

    #[test]
    fn no_bytes_make_the_mapping_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = map(&bytes);
    }
}
