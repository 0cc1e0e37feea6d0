//! Who treated whom, when, and why.

use serde_json::{Value, json};

use super::*;

const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";

fn doctor(id: &str) -> Value {
    json!({ "resourceType": "Practitioner", "id": id, "name": [{ "family": id }], "qualification": [{ "code": { "text": "Cardiology" } }],
            "identifier": [{ "system": "urn:npi", "value": id }] })
}

fn participant(kind: &str, id: &str) -> Value {
    json!({ "type": [{ "coding": [{ "system": "https://local.test", "code": "REF" }, { "system": PARTICIPATION, "code": kind }] }],
            "individual": { "reference": format!("Practitioner/{id}") } })
}

/// Who is the doctor of a visit with these participants.
fn doctor_of(participants: Value) -> Option<String> {
    let encounter = with(an_encounter(), "participant", participants);
    let plan = mapped(&[a_patient(), doctor("d1"), doctor("d2"), doctor("d3"), encounter]);
    plan.visits.first().map(|visit| match &visit.provider {
        Provider::Practitioner(identifier) | Provider::Organization(identifier) => identifier.value.clone(),
    })
}

#[test]
fn who_attended_is_the_doctor_then_who_performed_then_others_and_never_who_referred() {
    for (participants, expected) in [
        (json!([participant("REF", "d1"), participant("ATND", "d2")]), Some("d2")),
        (
            json!([
                participant("CON", "d1"),
                participant("PPRF", "d2"),
                participant("ATND", "d3")
            ]),
            Some("d3"),
        ),
        (json!([participant("ADM", "d1"), participant("PPRF", "d2")]), Some("d2")),
        (json!([participant("REF", "d1"), participant("SPRF", "d2")]), Some("d2")),
        (json!([participant("REF", "d1")]), None),
        (json!([participant("ATND", "nobody"), participant("ADM", "d2")]), None),
    ] {
        assert_eq!(doctor_of(participants.clone()).as_deref(), expected, "{participants}");
    }
}

#[test]
fn a_consultant_does_not_stand_in_for_one_who_attended_and_cannot_be_found() {
    let mut missing = participant("ATND", "d1");
    missing["individual"]["reference"] = json!("urn:uuid:d9");
    assert_eq!(doctor_of(json!([missing, participant("CON", "d2")])), None);
}

#[test]
fn who_left_before_the_visit_is_not_its_doctor() {
    let mut left = participant("ATND", "d1");
    left["period"] = json!({ "end": "2019-12-31" });
    assert_eq!(
        doctor_of(json!([left, participant("ATND", "d2")])).as_deref(),
        Some("d2")
    );
}

#[test]
fn participants_without_a_place_are_left_out_by_name() {
    let encounter = with(
        an_encounter(),
        "participant",
        json!([participant("REF", "d2"), participant("ATND", "d1")]),
    );
    remarked(
        &[a_patient(), doctor("d1"), doctor("d2"), encounter],
        Fate::NoPlace,
        "a participant is one of several",
    );
}

fn contained(inside: Value, provider: Value) -> Ran {
    let mut encounter = with(an_encounter(), "contained", inside);
    encounter["participant"] = json!([{ "individual": { "reference": "#doc" } }]);
    encounter["serviceProvider"] = provider;
    mapped(&[a_patient(), encounter])
}

#[test]
fn doctors_and_organisations_that_an_encounter_contains_count() {
    let known = json!({ "resourceType": "Practitioner", "id": "doc", "name": [{ "family": "Inside" }], "qualification": [{ "code": { "text": "Cardiology" } }],
                        "identifier": [{ "system": "urn:npi", "value": "11" }] });
    let nameless = json!({ "resourceType": "Practitioner", "id": "doc", "name": [{ "family": "Inside" }],
        "qualification": [{ "code": { "text": "Cardiology" } }] });
    let clinic = json!({ "resourceType": "Organization", "id": "org",
                         "identifier": [{ "system": "urn:org", "value": "O-11" }] });
    let provider = json!({ "reference": "#org" });
    let named = |system: &str, value: &str| Identifier {
        system: system.to_owned(),
        value: value.to_owned(),
    };

    let plan = contained(json!([known]), Value::Null);
    assert_eq!(plan.visits[0].provider, Provider::Practitioner(named("urn:npi", "11")));
    assert_eq!(plan.practitioners[0].name.family, "Inside");

    let plan = contained(json!([nameless, clinic]), provider);
    assert_eq!(
        plan.visits[0].provider,
        Provider::Organization(named("urn:org", "O-11"))
    );
    assert_eq!(plan.practitioners, [], "nobody would know them again");

    let plan = contained(json!([nameless]), Value::Null);
    assert_eq!(plan.visits[0].provider, Provider::Practitioner(urn("e1#doc")));
    assert_eq!(plan.practitioners[0].identifier, Some(urn("e1#doc")));
}

#[test]
fn a_reason_is_why_and_a_type_stands_in_for_it() {
    let why = |fields: Value| {
        let mut encounter = an_encounter();
        encounter
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let asthma = of_patient("Condition", json!({ "id": "c1", "code": { "text": "Asthma" } }));
        let plan = mapped(&[a_patient(), a_doctor(), asthma, encounter]);
        plan.visits[0].reason.clone().unwrap().text
    };
    assert_eq!(why(json!({})), "Check up");
    assert_eq!(why(json!({ "reasonCode": [{ "text": "Cough" }] })), "Cough");
    assert_eq!(
        why(json!({ "reasonReference": [{ "reference": "Condition/c1" }] })),
        "Asthma"
    );
    assert_eq!(
        why(json!({ "reasonReference": [{ "reference": "Condition/c2", "display": "Shown" }] })),
        "Shown"
    );
}

#[test]
fn a_time_without_a_zone_is_that_of_the_doctors() {
    let at = |start: &str, why: &str| {
        let period = json!({ "start": start, "end": "2020-12-31T00:00:00Z" });
        let encounter = with(an_encounter(), "period", period);
        remarked(&[a_patient(), a_doctor(), encounter], Fate::Changed, why).visits[0]
            .slot
            .start
            .to_rfc3339()
    };
    assert_eq!(
        at("2020-07-04T09:30", "period.start has no time zone, and is"),
        "2020-07-04T13:30:00+00:00"
    );
    assert_eq!(
        at("2020-11-01T01:30:00", "period.start has no time zone, and in"),
        "2020-11-01T05:30:00+00:00"
    );
}

#[test]
fn a_time_that_there_is_not_is_named() {
    for (start, why) in [
        ("2020-03-08T02:30:00", "has a period.start that the clocks skipped"),
        ("2020-02-30", "has a period.start that is no time"),
        ("2020-01-01T25:00:00Z", "has a period.start that is no time"),
        ("2020-01-01T24:00:00Z", "has a period.start that is no time"),
        ("2020-03-08T10:00:00-24:00", "has a period.start that is no time"),
        ("0001-01-01T00:00:00Z", "has a period.start that is no time"),
    ] {
        let encounter = with(an_encounter(), "period", json!({ "start": start }));
        let plan = remarked(&[a_patient(), a_doctor(), encounter], Fate::LeftOut, why);
        assert_eq!(plan.visits, [], "{start}");
    }
}

#[test]
fn who_referred_is_not_the_doctor_whatever_release_or_word_says_so() {
    let doctor = |id: &str, number: &str| {
        let named = with(a_doctor(), "id", json!(id));
        with(named, "identifier", json!([{ "system": "urn:npi", "value": number }]))
    };
    let coded = |system: &str, code: &str| json!([{ "coding": [{ "system": system, "code": code }] }]);
    let stu3 = "http://hl7.org/fhir/v3/ParticipationType";
    for (referrer, attender) in [
        (coded(stu3, "REF"), coded(stu3, "ATND")),
        (json!([{ "text": "Referrer" }]), json!([{ "text": "Attender" }])),
        (json!([{ "text": "Referrer" }]), json!([])),
    ] {
        let participants = json!([
            { "type": referrer, "individual": { "reference": "urn:uuid:d2" } },
            { "type": attender, "individual": { "reference": "urn:uuid:d3" } },
        ]);
        let encounter = with(an_encounter(), "participant", participants);
        let plan = mapped(&[a_patient(), doctor("d2", "161"), doctor("d3", "162"), encounter]);
        let Provider::Practitioner(found) = &plan.visits[0].provider else {
            panic!("{:?}", plan.visits)
        };
        assert_eq!(found.value, "162", "{referrer}");
    }
}
