//! Who a patient is: names, contacts, death, and texts that nobody would take.

use api_wire::check::checked;
use api_wire::dto;
use domain::kernel::HumanName;
use domain::patient::{Deceased, PatientDetails};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn details_of(patient: Value) -> PatientDetails {
    mapped(&[patient]).patients[0].details.clone()
}

fn name_of(names: Value) -> HumanName {
    details_of(with(a_patient(), "name", names)).name
}

#[test]
fn a_name_that_is_over_never_wins() {
    for (names, family) in [
        (
            json!([{ "use": "official", "family": "Maiden", "period": { "end": "2001-06-01" } },
                   { "use": "official", "family": "Married", "period": { "start": "2001-06-01" } }]),
            "Married",
        ),
        (
            json!([{ "use": "temp", "family": "Babygirl" }, { "family": "Real" }]),
            "Real",
        ),
        (json!([{ "use": "old", "family": "Old" }, { "family": "New" }]), "New"),
        (
            json!([{ "use": "nickname", "text": "Bobby" }, { "use": "anonymous", "family": "Doe" },
                   { "use": "maiden", "family": "Born" }]),
            "Bobby",
        ),
        (
            json!([{ "family": "Plain" }, { "use": "usual", "family": "Usual" }, { "use": "official", "family": "Official" }]),
            "Official",
        ),
        (
            json!([{ "use": "official", "family": "Later", "period": { "start": "2030-01-01" } }, { "family": "Now" }]),
            "Now",
        ),
        (json!([{ "use": "temp", "family": "Babygirl" }]), "Babygirl"),
        (
            json!([{ "use": "old", "family": "Old" }, { "use": "temp", "family": "Temp" }]),
            "Old",
        ),
        (
            json!([{ "use": "official", "family": null, "given": ["Given"] }]),
            "Given",
        ),
    ] {
        assert_eq!(name_of(names.clone()).family, family, "{names}");
    }
}

#[test]
fn names_that_have_no_place_are_left_out_by_name() {
    let names = json!([{ "use": "official", "family": "New" }, { "use": "maiden", "family": "Born" },
                       { "use": "nickname", "text": "Bobby" }]);
    let remarks = remarks(&mapped(&[with(a_patient(), "name", names)]));
    assert_eq!(
        remarks,
        [
            (1, Fate::NoPlace, "Patient", "a name is former or temporary".to_owned()),
            (
                1,
                Fate::NoPlace,
                "Patient",
                "a name is one of several, and only one has a place".to_owned()
            ),
        ]
    );
    let only_former = json!([{ "use": "old", "family": "Old" }]);
    remarked(
        &[with(a_patient(), "name", only_former)],
        Fate::Changed,
        "has no name that is in use",
    );
}

#[test]
fn contacts_that_are_over_never_win_and_rank_decides_before_use() {
    let patient = with(
        a_patient(),
        "telecom",
        json!([
            { "system": "phone", "use": "old", "value": "1" },
            { "system": "phone", "use": "home", "value": "2", "period": { "end": "2025-12-31" } },
            { "system": "phone", "use": "work", "value": "3" },
            { "system": "phone", "use": "home", "value": "4" },
            { "system": "phone", "use": "mobile", "value": "5", "rank": 2 },
            { "system": "phone", "use": "work", "value": "6", "rank": 1 },
            { "system": "email", "use": "old", "value": "old@former.test" },
            { "system": "email", "use": "home", "value": "new@present.test" },
            { "system": "fax", "value": "7" },
        ]),
    );
    let plan = mapped(std::slice::from_ref(&patient));
    let details = &plan.patients[0].details;
    assert_eq!(details.phone.as_deref(), Some("6"));
    assert_eq!(details.email.as_deref(), Some("new@present.test"));
    let mut told: Vec<(u64, String)> = remarks(&plan)
        .into_iter()
        .map(|(count, _, _, why)| (count, why))
        .collect();
    told.sort();
    assert_eq!(
        told,
        [
            (1, "telecom (email) is former or temporary".to_owned()),
            (
                1,
                "telecom is neither a telephone number nor an e-mail address".to_owned()
            ),
            (2, "telecom (phone) is former or temporary".to_owned()),
            (
                3,
                "telecom (phone) is one of several, and only one has a place".to_owned()
            ),
        ]
    );
    let gone = json!([{ "system": "phone", "use": "old", "value": "1" }]);
    assert_eq!(details_of(with(a_patient(), "telecom", gone)).phone, None);
}

#[test]
fn an_address_that_is_over_never_wins() {
    let city = |addresses: Value| {
        let address = details_of(with(a_patient(), "address", addresses)).address;
        address.map(|address| address.city)
    };
    let old = json!({ "use": "old", "city": "Oldtown" });
    let ended = json!({ "use": "home", "city": "Oldtown", "period": { "end": "2010-01-01" } });
    let work = json!({ "use": "work", "city": "Worktown" });
    let home = json!({ "use": "home", "city": "Newtown" });
    assert_eq!(city(json!([old, ended, work, home])).as_deref(), Some("Newtown"));
    assert_eq!(city(json!([old, work])).as_deref(), Some("Worktown"));
    assert_eq!(city(json!([old, ended])), None, "nobody lives there any more");
}

#[test]
fn an_identifier_that_is_over_names_nobody() {
    let identifiers = json!([
        { "use": "old", "system": "urn:mrn", "value": "1" },
        { "system": "urn:mrn", "value": "2", "period": { "end": "2020" } },
        { "use": "temp", "system": "urn:mrn", "value": "3" },
        { "system": "urn:mrn", "value": "\u{202a}4\u{202c}" },
    ]);
    let identifier = details_of(with(a_patient(), "identifier", identifiers))
        .identifier
        .unwrap();
    assert_eq!(
        (identifier.system.as_str(), identifier.value.as_str()),
        ("urn:mrn", "4")
    );
}

#[test]
fn a_death_is_recorded_as_exactly_as_it_is_told() {
    let day = |text: &str| text.parse().unwrap();
    let between = |first: &str, last: &str| Deceased::Between {
        first: day(first),
        last: day(last),
    };
    for (field, value, expected) in [
        ("deceasedBoolean", json!(true), Some(Deceased::Unknown)),
        ("deceasedBoolean", json!(false), None),
        (
            "deceasedDateTime",
            json!("2019"),
            Some(between("2019-01-01", "2019-12-31")),
        ),
        (
            "deceasedDateTime",
            json!("2020-02"),
            Some(between("2020-02-01", "2020-02-29")),
        ),
        (
            "deceasedDateTime",
            json!("2019-03-04"),
            Some(Deceased::On(day("2019-03-04"))),
        ),
        (
            "deceasedDateTime",
            json!("2019-03-04T05:06:07+01:00"),
            Some(Deceased::At("2019-03-04T04:06:07Z".parse().unwrap())),
        ),
    ] {
        let plan = mapped(&[with(a_patient(), field, value.clone())]);
        assert_eq!(plan.patients[0].details.deceased, expected, "{value}");
        assert_eq!(remarks(&plan), [], "{value}");
    }
}

#[test]
fn a_death_that_cannot_be_is_named() {
    for (text, fate, why, deceased) in [
        (
            "2090-01-01T00:00:00Z",
            Fate::LeftOut,
            "deceasedDateTime lies in the future",
            None,
        ),
        ("9999-12-31", Fate::LeftOut, "deceasedDateTime lies in the future", None),
        ("2026-02-01", Fate::LeftOut, "deceasedDateTime lies in the future", None),
        (
            "2019-02-30",
            Fate::LeftOut,
            "deceasedDateTime is no time that there is",
            Some(Deceased::Unknown),
        ),
        (
            "2019-03-04T05:06:07",
            Fate::Changed,
            "deceasedDateTime has no time zone",
            Some(Deceased::At("2019-03-04T10:06:07Z".parse().unwrap())),
        ),
    ] {
        let plan = remarked(&[with(a_patient(), "deceasedDateTime", json!(text))], fate, why);
        assert_eq!(plan.patients[0].details.deceased, deceased, "{text}");
    }
}

#[test]
fn who_is_told_to_live_and_to_have_died_is_neither() {
    let both = with(
        with(a_patient(), "deceasedBoolean", json!(false)),
        "deceasedDateTime",
        json!("2020-01-01"),
    );
    let plan = remarked(&[both], Fate::LeftOut, "tells that they live, and when they died");
    let details = &plan.patients[0].details;
    assert_eq!(
        (details.deceased, details.detail_dates.iter().count()),
        (None, 0),
        "nor that they live"
    );
    // Nor does an older state that contradicts itself say so for a newest one that says nothing.
    let dated = |of, day: u8| {
        with(
            of,
            "meta",
            json!({ "lastUpdated": format!("2024-01-{day:02}T00:00:00Z") }),
        )
    };
    let both = with(
        with(a_patient(), "deceasedBoolean", json!(false)),
        "deceasedDateTime",
        json!("2020-01-01"),
    );
    let details = &mapped(&[dated(both, 1), dated(a_patient(), 2)]).patients[0].details;
    assert_eq!((details.deceased, details.detail_dates.iter().count()), (None, 0));
}

#[test]
fn who_died_before_birth_or_is_not_born_yet_is_refused_by_name() {
    for (field, value, expected) in [
        (
            "deceasedDateTime",
            "1960-01-01T00:00:00Z",
            "entry[0].resource.deceasedDateTime: the death lies before the date of birth",
        ),
        (
            "birthDate",
            "2099-01-01",
            "entry[0].resource.birthDate: the date of birth lies in the future",
        ),
    ] {
        let other = with(a_patient(), "id", json!("p2"));
        let plan = mapped(&[with(a_patient(), field, json!(value)), other]);
        assert_eq!(plan.refused[0].to_string(), expected);
        assert_eq!(plan.patients.len(), 1);
    }
}

#[test]
fn one_odd_character_costs_nobody_their_record() {
    for (family, expected) in [
        ("Bidi\u{202e}evil", "Bidievil"),
        ("Line\u{2028}sep", "Line sep"),
        ("Emoji👨\u{200d}👩", "Emoji👨\u{200d}👩"),
        ("\u{202b}محمد\u{202c}", "محمد"),
        ("Nonchar\u{fdd0}", "Nonchar"),
        ("Tab\tbed", "Tab bed"),
        ("Nul\u{0}led", "Nulled"),
        ("\u{200b}\u{200b}", "Test"),
    ] {
        let name = name_of(json!([{ "family": family, "given": ["Test"] }]));
        assert_eq!(name.family, expected, "{family:?}");
    }
    let patient = with(
        a_patient(),
        "telecom",
        json!([
            { "system": "phone", "value": "\u{202a}+44 20 7946 0000\u{202c}" },
            { "system": "email", "value": "\u{200b}ada@example.org" },
        ]),
    );
    let details = details_of(with(
        patient,
        "address",
        json!([{ "line": ["\u{202a}Main Street 5\u{202c}"], "city": "\u{feff}" }]),
    ));
    assert_eq!(details.phone.as_deref(), Some("+44 20 7946 0000"));
    assert_eq!(details.email.as_deref(), Some("ada@example.org"));
    assert_eq!(details.address.unwrap().lines, ["Main Street 5"]);
}

#[test]
fn what_stands_for_something_as_a_whole_is_left_out_rather_than_cut() {
    let long = "5".repeat(51);
    let telecom = json!([{ "system": "phone", "value": long }, { "system": "phone", "value": "555" }]);
    let plan = remarked(
        &[with(a_patient(), "telecom", telecom)],
        Fate::LeftOut,
        "telecom (phone) is longer than 50 characters",
    );
    assert_eq!(plan.patients[0].details.phone.as_deref(), Some("555"));
}

/// Any text, rich in what the server does not take.
fn odd_texts() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        '\0', '\t', '\n', '\u{85}', '\u{2028}', '\u{202e}', '\u{200b}', '\u{fdd0}', '\u{feff}', '\u{301}', ' ', '@',
    ]);
    let any_char = prop_oneof![2 => odd, 1 => any::<char>(), 3 => prop::char::range('a', 'z')];
    let text = prop::collection::vec(any_char, 0..12).prop_map(String::from_iter);
    (text, prop_oneof![9 => Just(1_usize), 1 => Just(300)]).prop_map(|(text, times)| text.repeat(times))
}

proptest! {
    #[test]
    fn whatever_is_written_the_server_takes_what_is_made_of_it(text in prop::collection::vec(odd_texts(), 16)) {
        let code = |at: usize| json!({ "text": text[at], "coding": [
            { "system": text[at + 1], "code": text[at + 2], "display": text[at + 3] }
        ] });
        let patient = json!({
            "resourceType": "Patient", "id": "p1", "birthDate": "1980-02-29",
            "identifier": [{ "system": text[0], "value": text[1] }],
            "name": [{ "family": text[2], "given": [text[3], text[4]], "prefix": [text[5]], "text": text[6] }],
            "telecom": [{ "system": "phone", "value": text[7] }, { "system": "email", "value": text[8] }],
            "address": [{ "line": [text[9], text[10]], "city": text[11], "postalCode": text[12], "text": text[13] }],
        });
        let plan = mapped(&[
            patient,
            of_patient("Condition", json!({ "code": code(0) })),
            of_patient("AllergyIntolerance", json!({ "code": code(4) })),
            of_patient("MedicationRequest", json!({ "medicationCodeableConcept": code(8) })),
        ]);
        let details = checked(dto::PatientDetails::from(plan.patients[0].details.clone()));
        prop_assert_eq!(details.ok(), Some(plan.patients[0].details.clone()));
        let report = checked(dto::ChartReport::from(plan.patients[0].report.clone()));
        prop_assert_eq!(report.ok(), Some(plan.patients[0].report.clone()));
    }
}

#[test]
fn an_identifier_that_is_not_recorded_is_named() {
    let number = |system: Value, value: &str, code: Option<&str>| {
        let mut number = json!({ "system": system, "value": value });
        if let Some(code) = code {
            let coding = json!([{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": code }]);
            number["type"] = json!({ "coding": coding });
        }
        number
    };
    for (identifier, fate, why) in [
        (
            number(json!("urn:a"), &"9".repeat(600), None),
            Fate::LeftOut,
            "an identifier is longer",
        ),
        (
            number(Value::Null, "123", None),
            Fate::NoPlace,
            "an identifier has no system",
        ),
        (
            number(json!("urn:a"), "UNKNOWN", None),
            Fate::PassedOver,
            "an identifier says that there is no",
        ),
        (
            number(json!("urn:a"), "5", Some("AN")),
            Fate::NoPlace,
            "an identifier is of a type",
        ),
        (
            number(json!("urn:a"), "5", Some("MB")),
            Fate::NoPlace,
            "an identifier is of a type",
        ),
    ] {
        let numbers = json!([{ "system": "urn:mrn", "value": "17" }, identifier]);
        remarked(&[with(a_patient(), "identifier", numbers)], fate, why);
    }
    let numbers = json!([{ "system": "urn:mrn", "value": "17" }, { "system": "urn:b", "value": "18" }]);
    assert_eq!(remarks(&mapped(&[with(a_patient(), "identifier", numbers)])), []);
}
