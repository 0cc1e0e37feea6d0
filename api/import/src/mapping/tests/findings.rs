//! Negations and statuses: what is a finding, and what is not.

use domain::chart::{Abated, Allergy, AllergyKind, Findings, ListKind, Report};
use serde_json::{Value, json};

use super::*;

const SNOMED: &str = "http://snomed.info/sct";
const IPS: &str = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips";
const ABSENT: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";

fn report_of(resources: &[Value]) -> Report {
    let mut all = vec![a_patient()];
    all.extend_from_slice(resources);
    mapped(&all).patients.remove(0).report
}

/// The kinds of allergies of which a report says that none are known.
fn none_known_to(report: &Report) -> Vec<AllergyKind> {
    let holding = report.negations.iter().filter(|one| one.holds);
    let mut kinds: Vec<AllergyKind> = holding.filter_map(|one| one.kind).collect();
    kinds.dedup();
    kinds
}

fn coded(system: &str, code: &str) -> Value {
    json!({ "code": { "coding": [{ "system": system, "code": code, "display": code }] } })
}

fn allergies(fields: Value) -> Findings<Allergy> {
    report_of(&[of_patient("AllergyIntolerance", fields)]).allergies
}

fn medication(system: &str, code: &str) -> Value {
    json!({ "medicationCodeableConcept": { "coding": [{ "system": system, "code": code }] } })
}

#[test]
fn a_negation_says_that_none_are_known_and_is_no_finding() {
    for code in ["716186003", "160244002"] {
        assert_eq!(allergies(coded(SNOMED, code)), Findings::NoneKnown, "{code}");
    }
    assert_eq!(allergies(coded(IPS, "no-known-allergies")), Findings::NoneKnown);
    assert_eq!(
        allergies(json!({ "code": { "text": "No known allergies." } })),
        Findings::NoneKnown
    );
    assert_eq!(allergies(json!({ "code": { "text": "NKA" } })), Findings::NoneKnown);
    let own =
        json!({ "coding": [{ "system": "https://clinic.test/codes", "code": "7", "display": "No Known Allergies" }] });
    assert_eq!(allergies(json!({ "code": own })), Findings::NoneKnown);
    for (system, code) in [(SNOMED, "160245001"), (IPS, "no-known-problems")] {
        let report = report_of(&[of_patient("Condition", coded(system, code))]);
        assert_eq!(report.conditions, Findings::NoneKnown, "{code}");
    }
    for kind in ["MedicationStatement", "MedicationRequest"] {
        for (system, code) in [(SNOMED, "787481004"), (IPS, "no-known-medications")] {
            let report = report_of(&[of_patient(kind, medication(system, code))]);
            assert_eq!(report.medications, Findings::NoneKnown, "{kind} {code}");
        }
    }
}

#[test]
fn an_answer_of_a_form_is_no_finding() {
    let text = |words: &str| json!({ "code": { "text": words } });
    let conditions = |words: &str| report_of(&[of_patient("Condition", text(words))]).conditions;
    let medications = |words: &str| {
        let fields = json!({ "medicationCodeableConcept": { "text": words } });
        report_of(&[of_patient("MedicationStatement", fields)]).medications
    };
    for none in [
        "None",
        "none known",
        "Nil",
        "Keine",
        "Keine bekannt.",
        "aucune",
        "geen",
        "None reported",
    ] {
        assert_eq!(allergies(text(none)), Findings::NoneKnown, "{none}");
        assert_eq!(conditions(none), Findings::NoneKnown, "{none}");
        assert_eq!(medications(none), Findings::NoneKnown, "{none}");
    }
    for unknown in ["unknown", "Unbekannt"] {
        assert_eq!(allergies(text(unknown)), Findings::Unknown, "{unknown}");
    }
    for nothing in [
        "n/a",
        "\u{2014}",
        "No latex",
        "Penicillin - none known",
        "not allergic to nuts",
        "Penicillin allergy ruled out",
        "Free of latex allergy",
        "Penicillin (disproved)",
        "Negative",
        "Penicillin (ruled out)",
        "Allergies reviewed, none",
        "Allergies not reviewed",
        "not asked",
    ] {
        assert_eq!(allergies(text(nothing)), Findings::NotAsked, "{nothing}");
    }
    for none in [
        "No-known allergies",
        "Allergies: none",
        "Allergies - none",
        "N.K.A.",
        "NKA/NKDA",
        "Denies",
        "denies allergies",
        "Niega alergias",
        "Sin alergias conocidas",
        "Sem alergias conhecidas",
        "Pas d'allergie",
        "Allergien: keine",
        "Inga kända allergier",
        "Ingen kendte allergier",
        "Brak alergii",
        "Nema alergija",
        "Ei allergioita",
        "нет аллергии",
        "Žádné alergie",
        "无已知过敏",
        "アレルギーなし",
    ] {
        assert_eq!(allergies(text(none)), Findings::NoneKnown, "{none}");
    }
    for drugs in [
        "N.K.D.A.",
        "Allergies: NKDA",
        "\"NKDA\"",
        "NKMA",
        "NKDA per patient",
        "NKDA - no known drug allergies",
        "The patient has no known drug allergies.",
        "Keine Medikamentenallergien bekannt",
        "Brak alergii na leki",
    ] {
        let report = report_of(&[of_patient("AllergyIntolerance", text(drugs))]);
        assert_eq!(none_known_to(&report), [AllergyKind::Medication], "{drugs}");
    }
    for words in [
        "Keine Penicillinallergie",
        "No family history of allergy",
        "Drug allergies not reported",
    ] {
        let report = report_of(&[of_patient("AllergyIntolerance", text(words))]);
        assert_eq!(none_known_to(&report), Vec::<AllergyKind>::new(), "{words}");
        assert_ne!(report.allergies, Findings::NoneKnown, "{words}");
    }
    for something in [
        "Ei-Allergie",
        "Allergie: Ei",
        "Penicillinallergie, keine Latexallergie",
        "Pollenallergie. NKDA",
        "Drug allergy, no family history",
        "Has drug allergy; no current medications",
        "Non-drug allergy",
        "Allergy without medication",
        "Kontaktallergie",
        "Penicillin (no anaphylaxis)",
        "Penicillin allergy not ruled out",
        "Penicillin cannot be excluded",
        "No longer tolerates milk",
    ] {
        assert!(matches!(allergies(text(something)), Findings::Known(_)), "{something}");
    }
    for nothing in [
        "Keine Vorerkrankungen",
        "No diabetes",
        "Pneumonia ruled out",
        "Denied asthma",
    ] {
        assert_eq!(conditions(nothing), Findings::NotAsked, "{nothing}");
    }
    for something in [
        "COPD (no oxygen)",
        "Not for resuscitation",
        "No fixed abode",
        "Sin hogar",
        "Rh negative",
    ] {
        assert!(matches!(conditions(something), Findings::Known(_)), "{something}");
    }
    for nothing in [
        "Not taking aspirin",
        "Aspirin: not taken",
        "Patient takes no medications",
        "No longer taking aspirin",
    ] {
        assert_eq!(medications(nothing), Findings::NotAsked, "{nothing}");
    }
    assert_eq!(allergies(text("Allergy status unknown")), Findings::Unknown);
    let to_food = report_of(&[of_patient("AllergyIntolerance", text("NKFA"))]);
    assert_eq!(none_known_to(&to_food), [AllergyKind::Food]);
    assert_eq!(medications("no meds"), Findings::NotAsked);
    assert!(matches!(conditions("No light perception"), Findings::Known(_)));
    for finding in [
        "No spleen",
        "No thyroid (postsurgical)",
        "No hearing in right ear",
        "no vision, left",
        "No sense of smell",
    ] {
        assert!(matches!(conditions(finding), Findings::Known(_)), "{finding}");
    }
    for none in [
        "No kidney disease",
        "No hearing loss",
        "No eye problems",
        "No known spleen disorder",
    ] {
        assert!(!matches!(conditions(none), Findings::Known(_)), "{none}");
    }
    let to_drugs = report_of(&[of_patient("AllergyIntolerance", text("No Known Drug Allergies (NKDA)"))]);
    assert_eq!(none_known_to(&to_drugs), [AllergyKind::Medication]);
}

#[test]
fn a_code_that_is_shown_as_something_else_says_neither() {
    let coded = |display: &str, text: Option<&str>| json!({ "code": { "coding": [{ "system": SNOMED, "code": "716186003", "display": display }], "text": text } });
    for text in [None, Some("Penicillin")] {
        let plan = remarked(
            &[a_patient(), of_patient("AllergyIntolerance", coded("Penicillin", text))],
            Fate::LeftOut,
            "says that there is none and names something",
        );
        assert_eq!(plan.patients[0].report.allergies, Findings::NotAsked);
    }
    // In whatever language it is shown.
    for none in [
        "Ingen kendte allergier",
        "Nessuna allergia nota",
        "Brak znanych alergii",
        "Keine bekannte Allergie",
    ] {
        for text in [None, Some(none), Some("Aucune allergie connue")] {
            assert_eq!(allergies(coded(none, text)), Findings::NoneKnown, "{none} {text:?}");
        }
    }
}

#[test]
fn a_code_system_is_known_by_its_object_identifier_too() {
    for system in ["urn:oid:2.16.840.1.113883.6.96", "2.16.840.1.113883.6.96"] {
        assert_eq!(allergies(coded(system, "716186003")), Findings::NoneKnown, "{system}");
    }
    let unnamed = json!({ "code": { "coding": [{ "code": "716186003" }] } });
    assert_eq!(allergies(unnamed), Findings::NoneKnown);
    let peanut = allergies(coded("urn:oid:2.16.840.1.113883.6.96", "91935009"));
    let system = &peanut.list()[0].concept.coding.as_ref().unwrap().system;
    assert_eq!(system.uri(), SNOMED);
}

#[test]
fn the_substance_of_a_reaction_is_the_allergen_where_the_code_says_only_that_it_is_one() {
    let salmon = json!([{ "substance": { "text": "Salmon" } }]);
    let of = |code: Value, reaction: &Value| {
        let allergy = of_patient("AllergyIntolerance", json!({ "code": code, "reaction": reaction }));
        mapped(&[a_patient(), allergy])
    };
    let names = |plan: &Ran| -> Vec<String> {
        let allergies = plan.patients[0].report.allergies.list().iter();
        allergies.map(|allergy| allergy.concept.text.clone()).collect()
    };
    for code in [
        json!({ "text": "Allergy" }),
        json!({ "coding": [{ "system": SNOMED, "code": "414285001" }], "text": "Food allergy" }),
    ] {
        let plan = of(code, &salmon);
        assert_eq!(names(&plan), ["Salmon"]);
        assert!(remarks(&plan).is_empty(), "{:?}", remarks(&plan));
    }
    // A code that says no more makes nothing one.
    let words = |id: &str, text: &str| {
        let code = json!({ "coding": [{ "system": SNOMED, "code": "419199007" }], "text": text });
        with(
            of_patient("AllergyIntolerance", json!({ "code": code })),
            "id",
            json!(id),
        )
    };
    let both = report_of(&[words("a1", "Nuts"), words("a2", "Latex")]).allergies;
    assert!(both.list().iter().all(|one| one.concept.coding.is_none()), "{both:?}");
    // What has no place is named.
    let two = json!([{ "substance": { "text": "Salmon" } }, { "substance": { "text": "Tuna" } }]);
    for (code, reaction, allergen) in [
        (json!({ "text": "Fish" }), &salmon, "Fish"),
        (json!({ "text": "Allergy" }), &two, "Salmon"),
    ] {
        let plan = of(code, reaction);
        assert_eq!(names(&plan), [allergen]);
        let said = remarks(&plan);
        assert!(
            said.iter()
                .any(|(_, fate, _, why)| *fate == Fate::LeftOut && why.contains("a substance")),
            "{said:?}"
        );
    }
    assert!(remarks(&of(json!({ "text": "salmon" }), &salmon)).is_empty());
}

#[test]
fn of_statuses_that_contradict_each_other_the_one_counts_by_which_it_is_so() {
    let coded = |codes: [&str; 2]| json!({ "coding": codes.map(|code| json!({ "code": code })) });
    for (field, codes) in [
        ("verificationStatus", ["refuted", "confirmed"]),
        ("clinicalStatus", ["inactive", "active"]),
    ] {
        let allergy = of_patient("AllergyIntolerance", json!({ field: coded(codes) }));
        let plan = remarked(
            &[a_patient(), allergy],
            Fate::Changed,
            &format!("has a {field} that contradicts itself"),
        );
        assert_eq!(plan.patients[0].report.allergies.list().len(), 1, "{field}");
    }
    let relapse = of_patient("Condition", json!({ "clinicalStatus": coded(["active", "relapse"]) }));
    assert!(remarks(&mapped(&[a_patient(), relapse])).is_empty());
}

#[test]
fn what_has_ended_or_was_entered_in_error_is_not_taken() {
    let statement = |fields: Value| of_patient("MedicationStatement", fields);
    let aspirin = |status: &str, end: &str| {
        json!({
            "medicationCodeableConcept": { "text": "Aspirin" }, "status": status,
            "effectivePeriod": { "start": "2019-01-01", "end": end },
        })
    };
    for (end, is_taken) in [("2020-01-01", false), ("2020", false), ("9999-01-01", true)] {
        let report = report_of(&[statement(aspirin("active", end))]);
        assert_eq!(report.medications.list()[0].active, is_taken, "{end}");
    }
    assert!(
        report_of(&[statement(aspirin("Active", "9999-01-01"))])
            .medications
            .list()[0]
            .active
    );
    for older in [json!({ "taken": "n" }), json!({ "wasNotTaken": true })] {
        assert_eq!(report_of(&[statement(older)]).medications, Findings::NotAsked);
    }
    let over = [a_patient(), statement(aspirin("active", "2020-01-01"))];
    remarked(&over, Fate::Changed, "is active and has an end that has passed");

    let in_error = |status: &str| json!({ "resourceType": "Medication", "id": "m", "status": status, "code": { "text": "Aspirin" } });
    for (status, count) in [("active", 1), ("entered-in-error", 0)] {
        let contained = json!({ "medicationCodeableConcept": null, "contained": [in_error(status)], "medicationReference": { "reference": "#m" } });
        let beside =
            json!({ "medicationCodeableConcept": null, "medicationReference": { "reference": "Medication/m" } });
        for resources in [vec![statement(contained)], vec![statement(beside), in_error(status)]] {
            let report = report_of(&resources);
            assert_eq!(report.medications.list().len(), count, "{status}");
        }
    }
}

#[test]
fn a_negation_of_one_kind_says_nothing_of_the_others() {
    for (code, kind) in [
        (coded(SNOMED, "409137002"), AllergyKind::Medication),
        (coded(SNOMED, "428607008"), AllergyKind::Environment),
        (coded(SNOMED, "429625007"), AllergyKind::Food),
        (coded(SNOMED, "716220001"), AllergyKind::Animal),
        (coded(SNOMED, "428197003"), AllergyKind::Insect),
        (coded(SNOMED, "1003774007"), AllergyKind::Latex),
        (coded(IPS, "no-known-medication-allergies"), AllergyKind::Medication),
        (json!({ "code": { "text": "NKDA" } }), AllergyKind::Medication),
    ] {
        let none = of_patient("AllergyIntolerance", code.clone());
        let again = with(none.clone(), "id", json!("r2"));
        let plan = remarked(
            &[a_patient(), none, again],
            Fate::PassedOver,
            "says that none of one kind",
        );
        let report = &plan.patients[0].report;
        assert_eq!(none_known_to(report), [kind], "{code}");
        assert_eq!(
            report.allergies,
            Findings::NotAsked,
            "nobody has asked about the others: {code}"
        );
    }
    // Somebody who tolerates all drugs may be allergic to peanuts: that is no contradiction.
    let peanut = of_patient("AllergyIntolerance", json!({}));
    let none = with(
        of_patient("AllergyIntolerance", coded(SNOMED, "409137002")),
        "id",
        json!("r2"),
    );
    let report = report_of(&[peanut, none]);
    assert_eq!((report.allergies.list().len(), none_known_to(&report).len()), (1, 1));
}

#[test]
fn that_none_are_known_is_said_of_its_category_alone() {
    use AllergyKind::{Environment, Food, Medication};
    let nka = |category: &[&str]| with(coded(SNOMED, "716186003"), "category", json!(category));
    for (category, kinds, all) in [
        (&[][..], &[][..], Findings::NoneKnown),
        (&["medication"], &[Medication], Findings::NotAsked),
        (&["food", "environment"], &[Food, Environment], Findings::NotAsked),
        (&["biologic"], &[], Findings::NotAsked),
    ] {
        let none = of_patient("AllergyIntolerance", nka(category));
        let report = report_of(&[with(none, "clinicalStatus", status("active"))]);
        assert_eq!(
            (&*none_known_to(&report), &report.allergies),
            (kinds, &all),
            "{category:?}"
        );
    }
    // Words do not change that; a code that names a kind is about that kind.
    let words = json!({ "code": { "text": "No Known Allergies" }, "category": ["medication"] });
    assert_eq!(
        none_known_to(&report_of(&[of_patient("AllergyIntolerance", words)])),
        [Medication]
    );
    let food = with(coded(SNOMED, "429625007"), "category", json!(["medication"]));
    assert_eq!(
        none_known_to(&report_of(&[of_patient("AllergyIntolerance", food)])),
        [Food]
    );
    // The category of a finding has no place, and that is said.
    let finding = of_patient("AllergyIntolerance", json!({ "category": ["food"] }));
    remarked(&[a_patient(), finding], Fate::NoPlace, "has a category");
}

#[test]
fn a_negation_that_no_table_knows_is_no_finding_and_is_named() {
    for kind in ["AllergyIntolerance", "Condition"] {
        let words = json!({ "code": { "coding": [{ "system": SNOMED, "code": "1", "display": "No known allergy to penicillin" }] } });
        let plan = remarked(
            &[a_patient(), of_patient(kind, words)],
            Fate::LeftOut,
            "says that none of something",
        );
        let Report {
            conditions, allergies, ..
        } = plan.patients[0].report.clone();
        assert_eq!(
            (conditions, allergies),
            (Findings::NotAsked, Findings::NotAsked),
            "{kind}"
        );
    }
}

#[test]
fn what_a_source_takes_back_is_kept_as_taken_back() {
    let dated = |resource: Value| with(resource, "meta", json!({ "lastUpdated": "2024-05-06T07:08:09Z" }));
    for (kind, fields, matter) in [
        (
            "AllergyIntolerance",
            json!({ "verificationStatus": status("refuted") }),
            ListKind::Allergies,
        ),
        (
            "AllergyIntolerance",
            json!({ "clinicalStatus": status("resolved") }),
            ListKind::Allergies,
        ),
        (
            "Condition",
            json!({ "verificationStatus": status("entered-in-error") }),
            ListKind::Conditions,
        ),
        (
            "MedicationRequest",
            json!({ "status": "entered-in-error" }),
            ListKind::Medications,
        ),
        (
            "MedicationStatement",
            json!({ "status": "entered-in-error" }),
            ListKind::Medications,
        ),
    ] {
        let withdrawn = report_of(&[dated(of_patient(kind, fields.clone()))]).ended;
        assert_eq!(withdrawn.len(), 1, "{kind} {fields}");
        let one = &withdrawn[0];
        assert_eq!((one.list, &*one.concept.as_ref().unwrap().text), (matter, "thing"));
        assert_eq!(one.as_of.unwrap().to_rfc3339(), "2024-05-06T07:08:09+00:00");
        let undated = report_of(&[of_patient(kind, fields)]).ended;
        assert_eq!(undated[0].as_of, None, "nobody knows since when");
    }
}

#[test]
fn a_negation_is_about_what_it_says_whatever_resource_it_stands_in() {
    let report = report_of(&[of_patient("Condition", coded(SNOMED, "716186003"))]);
    assert_eq!(
        (report.conditions, report.allergies),
        (Findings::NotAsked, Findings::NoneKnown)
    );
}

#[test]
fn unknown_not_asked_and_none_known_are_three_values() {
    assert_eq!(allergies(coded(IPS, "no-allergy-info")), Findings::Unknown);
    assert_eq!(allergies(coded(ABSENT, "asked-unknown")), Findings::Unknown);
    assert_eq!(allergies(coded(ABSENT, "not-asked")), Findings::NotAsked);
    assert_eq!(report_of(&[]).allergies, Findings::NotAsked);
    let penicillin = json!({ "code": { "text": "Penicillin", "coding": [{ "system": ABSENT, "code": "unknown" }] } });
    assert_eq!(allergies(penicillin).list().len(), 1, "what has a name is known");
    let resources = ["no-allergy-info", "no-known-allergies"]
        .map(|code| with(of_patient("AllergyIntolerance", coded(IPS, code)), "id", json!(code)));
    assert_eq!(report_of(&resources).allergies, Findings::NoneKnown);
}

#[test]
fn a_finding_outweighs_a_negation_and_that_is_said() {
    let found = of_patient("AllergyIntolerance", json!({}));
    let none = with(
        of_patient("AllergyIntolerance", coded(SNOMED, "716186003")),
        "id",
        json!("r2"),
    );
    for resources in [[a_patient(), found.clone(), none.clone()], [a_patient(), none, found]] {
        let plan = mapped(&resources);
        assert_eq!(plan.patients[0].report.allergies.list().len(), 1);
        let contradiction = remarks(&plan).into_iter().any(|(_, fate, _, why)| {
            fate == Fate::Changed && why.starts_with("some are known beside the word that none are")
        });
        assert!(contradiction);
    }
    let past = of_patient("Condition", json!({ "abatementDateTime": "2010-01-02" }));
    let none_now = with(of_patient("Condition", coded(SNOMED, "160245001")), "id", json!("r2"));
    let plan = remarked(
        &[a_patient(), past, none_now],
        Fate::PassedOver,
        "says that none are known",
    );
    assert_eq!(
        plan.patients[0].report.conditions.list().len(),
        1,
        "what is over does not contradict it"
    );
}

#[test]
fn a_negation_that_holds_no_longer_says_nothing() {
    for fields in [
        json!({ "clinicalStatus": status("resolved") }),
        json!({ "verificationStatus": status("refuted") }),
        json!({ "verificationStatus": status("entered-in-error") }),
    ] {
        let mut all = coded(SNOMED, "716186003");
        all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        assert_eq!(allergies(all), Findings::NotAsked, "{fields}");
    }
}

#[test]
fn a_status_is_picked_by_its_system_and_not_by_its_place() {
    let status = |system: &str, code: &str| {
        json!({ "coding": [
            { "system": "https://local.test", "code": "active" },
            { "system": system, "code": code },
            { "system": "https://other.test", "code": "confirmed" },
        ] })
    };
    for (kind, verification, clinical) in [
        (
            "Condition",
            "http://terminology.hl7.org/CodeSystem/condition-ver-status",
            "http://terminology.hl7.org/CodeSystem/condition-clinical",
        ),
        (
            "AllergyIntolerance",
            "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
            "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
        ),
    ] {
        for code in ["refuted", "entered-in-error"] {
            let void = of_patient(kind, json!({ "verificationStatus": status(verification, code) }));
            let report = report_of(&[void]);
            assert_eq!(report.ended.len(), 1, "{kind} {code}");
            let nothing = Report {
                ended: Vec::new(),
                ..report
            };
            assert_eq!(nothing, Report::default(), "{kind} {code}");
        }
        let over = json!({ "clinicalStatus": status(clinical, "resolved"), "recordedDate": "2010-01-02" });
        let report = report_of(&[of_patient(kind, over)]);
        assert_eq!(report.allergies, Findings::NotAsked);
        assert!(
            report
                .conditions
                .list()
                .iter()
                .all(|one| one.abated == day("2010-01-02").map(Abated::On))
        );
    }
}

#[test]
fn what_is_only_suspected_is_said_to_be_no_more() {
    let suspected = of_patient("Condition", json!({ "verificationStatus": status("differential") }));
    let plan = remarked(
        &[a_patient(), suspected],
        Fate::LeftOut,
        "is one of several possible diagnoses",
    );
    assert_eq!(plan.patients[0].report.conditions, Findings::NotAsked);
    for code in ["unconfirmed", "provisional"] {
        let doubtful = of_patient("Condition", json!({ "verificationStatus": status(code) }));
        let plan = remarked(&[a_patient(), doubtful], Fate::Changed, "is not confirmed");
        assert_eq!(plan.patients[0].report.conditions.list().len(), 1);
    }
}

#[test]
fn a_medication_of_which_nobody_tells_whether_it_is_taken_is_recorded_as_not() {
    for kind in ["MedicationStatement", "MedicationRequest"] {
        let unknown = of_patient(kind, json!({ "status": "unknown" }));
        let plan = remarked(
            &[a_patient(), unknown],
            Fate::Changed,
            "does not tell whether it is taken now",
        );
        assert!(!plan.patients[0].report.medications.list()[0].active, "{kind}");
    }
}

#[test]
fn a_medication_that_stands_nowhere_is_called_what_its_reference_shows() {
    let fields = json!({ "medicationCodeableConcept": null,
        "medicationReference": { "reference": "urn:uuid:m2", "display": "Aspirin" } });
    let request = of_patient("MedicationRequest", fields);
    let plan = remarked(
        &[a_patient(), request],
        Fate::Changed,
        "names a medication by a reference",
    );
    assert_eq!(plan.patients[0].report.medications.list()[0].concept.text, "Aspirin");
}

#[test]
fn of_several_codes_the_one_counts_that_was_chosen_or_is_known() {
    let ndc = json!({ "system": "http://hl7.org/fhir/sid/ndc", "code": "1" });
    let rxnorm = json!({ "system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "2", "display": "Rx two" });
    let mut chosen = ndc.clone();
    chosen["userSelected"] = json!(true);
    for (codings, code, text) in [
        (json!([ndc, rxnorm]), "2", "Rx two"),
        (json!([rxnorm, chosen]), "1", "Rx two"),
    ] {
        let fields = json!({ "medicationCodeableConcept": { "coding": codings } });
        let resources = [a_patient(), of_patient("MedicationRequest", fields)];
        let plan = remarked(&resources, Fate::NoPlace, "a code is one of several");
        let concept = &plan.patients[0].report.medications.list()[0].concept;
        assert_eq!(
            (concept.coding.as_ref().unwrap().code.as_str(), concept.text.as_str()),
            (code, text)
        );
    }
}

#[test]
fn an_allergy_without_a_code_is_to_the_substance_of_its_reaction() {
    let fields = json!({ "code": {}, "reaction": [{ "substance": { "text": "Peanut" } }] });
    assert_eq!(allergies(fields).list()[0].concept.text, "Peanut");
}

/// What becomes of an allergy: what is recorded, and whether it is said to be left out.
fn heard(fields: &Value) -> (Findings<Allergy>, bool) {
    let plan = mapped(&[a_patient(), of_patient("AllergyIntolerance", fields.clone())]);
    let is_lost = remarks(&plan).iter().any(|(_, fate, ..)| *fate == Fate::LeftOut);
    (plan.patients[0].report.allergies.clone(), is_lost)
}

#[test]
fn what_stands_in_brackets_is_read() {
    for text in [
        "No known allergies (except penicillin: anaphylaxis)",
        "No known allergies (see list)",
        "None (see list: penicillin)",
        "Unknown (mother says peanuts)",
        "No (known) allergy to nuts",
        "Allergies (none)",
    ] {
        assert_eq!(
            heard(&json!({ "code": { "text": text } })),
            (Findings::NotAsked, true),
            "{text}"
        );
    }
    for text in [
        "No known allergy (situation)",
        "No known allergies (NKA)",
        "None (none known)",
        "(none)",
    ] {
        assert_eq!(
            heard(&json!({ "code": { "text": text } })),
            (Findings::NoneKnown, false),
            "{text}"
        );
    }
    for text in [
        "Penicillin (substance)",
        "Penicillin (reaction unknown)",
        "Peanut (unknown)",
    ] {
        let (found, is_lost) = heard(&json!({ "code": { "text": text } }));
        assert_eq!((&*found.list()[0].concept.text, is_lost), (text, false));
    }
    let diabetes = of_patient("Condition", json!({ "code": { "text": "No (known) diabetes" } }));
    let plan = remarked(&[a_patient(), diabetes], Fate::LeftOut, "says that none of something");
    assert_eq!(plan.patients[0].report.conditions, Findings::NotAsked);
    let warfarin = json!({ "medicationCodeableConcept": { "text": "None (see list: warfarin 5 mg)" } });
    let warfarin = of_patient("MedicationStatement", warfarin);
    let plan = remarked(
        &[a_patient(), warfarin],
        Fate::LeftOut,
        "says that there is none and names",
    );
    assert_eq!(plan.patients[0].report.medications, Findings::NotAsked);
}

#[test]
fn what_names_a_finding_outweighs_an_answer_beside_it() {
    let penicillin = json!({ "system": SNOMED, "code": "91936005", "display": "Allergy to penicillin" });
    let local = |display: &str| json!({ "system": "https://clinic.test/codes", "code": "7", "display": display });
    for answer in ["Unknown", "None", "-", "n/a", "Keine", "?"] {
        for code in [
            json!({ "coding": [penicillin, local(answer)] }),
            json!({ "coding": [local(answer), penicillin] }),
            json!({ "coding": [penicillin], "text": answer }),
            json!({ "coding": [local(answer)], "text": "Allergy to penicillin" }),
            json!({ "coding": [{ "system": ABSENT, "code": "unknown" }], "text": "Allergy to penicillin" }),
        ] {
            let (found, is_lost) = heard(&json!({ "code": code }));
            let texts: Vec<_> = found.list().iter().map(|one| one.concept.text.clone()).collect();
            assert_eq!(
                (texts, is_lost),
                (vec!["Allergy to penicillin".to_owned()], false),
                "{code}"
            );
            let is_coded = code["coding"].to_string().contains("91936005");
            let coding = found.list()[0].concept.coding.clone();
            assert_eq!(
                coding.map(|coding| coding.code),
                is_coded.then(|| "91936005".to_owned()),
                "{code}"
            );
        }
    }
    // Without words of its own it is called by its code.
    let bare = json!({ "coding": [{ "system": SNOMED, "code": "91936005" }], "text": "-" });
    assert_eq!(heard(&json!({ "code": bare })).0.list()[0].concept.text, "91936005");
}

#[test]
fn a_substance_is_what_a_code_that_says_nothing_is_about() {
    let reaction = json!([{ "substance": { "text": "Penicillin V" } }]);
    for code in [
        json!({ "coding": [{ "system": ABSENT, "code": "unknown" }] }),
        json!({ "coding": [{ "system": ABSENT, "code": "masked" }] }),
        json!({ "text": "Unknown" }),
        json!({ "text": "None" }),
        json!({ "text": "-" }),
        json!({}),
    ] {
        let (found, is_lost) = heard(&json!({ "code": code, "reaction": reaction }));
        assert_eq!(
            (&*found.list()[0].concept.text, is_lost),
            ("Penicillin V", false),
            "{code}"
        );
    }
    // What the code names stays what it is about.
    let (found, _) = heard(&json!({ "code": { "text": "Penicillins" }, "reaction": reaction }));
    assert_eq!(found.list()[0].concept.text, "Penicillins");
}

#[test]
fn a_negation_beside_a_finding_is_neither_and_is_named() {
    let none = json!({ "system": SNOMED, "code": "716186003", "display": "No known allergy" });
    let penicillin = json!({ "system": SNOMED, "code": "91936005" });
    let substance = json!([{ "substance": { "text": "Penicillin V" } }]);
    for fields in [
        json!({ "code": { "coding": [none], "text": "Penicillin" } }),
        json!({ "code": { "coding": [none, penicillin] } }),
        json!({ "code": { "coding": [none] }, "reaction": substance }),
        json!({ "code": { "coding": [penicillin], "text": "No known allergies" } }),
        json!({ "code": { "coding": [{ "code": "7", "display": "Peanut" }], "text": "None" } }),
    ] {
        assert_eq!(heard(&fields), (Findings::NotAsked, true), "{fields}");
    }
    // How the code itself is called names nothing, in whatever language.
    let spanish = json!({ "system": SNOMED, "code": "716186003", "display": "Alergia no conocida" });
    let code = json!({ "coding": [spanish], "text": "Alergia no conocida" });
    assert_eq!(heard(&json!({ "code": code })), (Findings::NoneKnown, false));
}

#[test]
fn statuses_of_older_releases_and_in_words_are_known() {
    let allergy_of = "http://hl7.org/fhir/allergy-verification-status";
    let condition_of = "http://hl7.org/fhir/condition-ver-status";
    for (code, word) in [("entered-in-error", "Entered in error"), ("refuted", "Refuted")] {
        for (kind, system) in [("AllergyIntolerance", allergy_of), ("Condition", condition_of)] {
            for verification in [
                json!({ "coding": [{ "system": system, "code": code }] }),
                json!({ "coding": [{ "system": "https://clinic.test/codes", "code": code }] }),
                json!({ "coding": [{ "system": "https://clinic.test/codes", "code": "1", "display": word }] }),
                json!({ "text": code }),
                json!({ "text": word }),
            ] {
                let void = of_patient(kind, json!({ "verificationStatus": verification }));
                let plan = remarked(&[a_patient(), void], Fate::PassedOver, "was ");
                let report = &plan.patients[0].report;
                let count = report.allergies.list().len() + report.conditions.list().len();
                assert_eq!((count, report.ended.len()), (0, 1), "{kind} {verification}");
            }
        }
    }
    let over = json!({ "clinicalStatus": { "coding": [{ "system": "http://hl7.org/fhir/allergy-clinical-status", "code": "resolved" }] } });
    let over = of_patient("AllergyIntolerance", over);
    remarked(&[a_patient(), over], Fate::NoPlace, "is no longer active");
    let strange = of_patient(
        "AllergyIntolerance",
        json!({ "verificationStatus": { "text": "dubious" } }),
    );
    let plan = remarked(
        &[a_patient(), strange],
        Fate::Changed,
        "has a verificationStatus that is none",
    );
    assert_eq!(plan.patients[0].report.allergies.list().len(), 1);
}
