//! Exports of several nights, whose resources have no ids or new ones each night: in one run they give what they give one after the other.

use chrono::TimeDelta;
use domain::chart::Remark;

use super::*;

/// How an export names its resources.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Form {
    /// By URNs of the bundle.
    Urns,
    /// By URNs, in a bundle that has a date of its own.
    Assembled,
    /// By new UUIDs.
    NewIds,
    /// Not at all: they stand alone, and name their patient by number.
    Alone,
    /// As `Alone`, with a file for each kind.
    Kinds,
    /// As `Alone`, and only the first night tells who the patient is.
    Changes,
    /// By addresses on a server, which stay.
    Server,
}

const FORMS: [Form; 7] = [
    Form::Urns,
    Form::Assembled,
    Form::NewIds,
    Form::Alone,
    Form::Kinds,
    Form::Changes,
    Form::Server,
];

/// A UUID that no other export has.
fn uuid_of(night: usize, number: usize) -> String {
    format!("00000000-0000-4000-8000-{night:06}{number:06}")
}

fn finding(kind: &str, text: &str, status: &str) -> Value {
    let codings = |code: &str| json!({ "coding": [{ "code": code }] });
    let mut resource = match kind {
        "MedicationRequest" => json!({
            "status": status, "intent": "order", "authoredOn": "2023-01-01",
            "medicationCodeableConcept": { "text": text },
        }),
        "Condition" => json!({
            "clinicalStatus": codings(status), "code": { "text": text }, "onsetDateTime": "2023-12-01",
        }),
        _ if status == "refuted" => json!({ "verificationStatus": codings(status), "code": { "text": text } }),
        _ => json!({ "clinicalStatus": codings(status), "code": { "text": text } }),
    };
    if status == "resolved" {
        resource["abatementDateTime"] = json!("2024-01-03");
    }
    resource["resourceType"] = json!(kind);
    resource
}

/// The files of a night.
fn export(form: Form, is_dated: bool, night: usize, findings: &[Value]) -> Vec<Vec<u8>> {
    let date = format!("2024-01-{:02}T00:00:00Z", night + 1);
    let is_alone = matches!(form, Form::Alone | Form::Kinds | Form::Changes);
    let mut resources = vec![patient("", "Person", &mrn("1"))];
    resources.extend(findings.iter().cloned());
    let address = |number: usize| match form {
        Form::Server => format!(
            "https://a.test/{}/{number}",
            if number == 0 { "Patient" } else { "Any" }
        ),
        _ => format!("urn:uuid:{}", uuid_of(night, number)),
    };
    let owner = match is_alone {
        true => json!({ "identifier": mrn("1")[0] }),
        false => to(&address(0)),
    };
    for (number, resource) in resources.iter_mut().enumerate() {
        resource.as_object_mut().unwrap().remove("id");
        match form {
            Form::NewIds => resource["id"] = json!(uuid_of(night, number)),
            Form::Server => resource["id"] = json!(number.to_string()),
            _ => {}
        }
        if number > 0 {
            resource["subject"] = owner.clone();
            resource["patient"] = owner.clone();
        }
        if is_dated && form != Form::Assembled {
            resource["meta"] = json!({ "lastUpdated": date });
        }
    }
    if form == Form::Kinds {
        let of = |kind: &str| {
            let theirs = resources.iter().filter(|one| one["resourceType"] == kind);
            theirs.map(Value::to_string).collect::<Vec<_>>().join("\n").into_bytes()
        };
        return ["AllergyIntolerance", "Condition", "MedicationRequest", "Patient"]
            .map(of)
            .to_vec();
    }
    if is_alone {
        let after = usize::from(form == Form::Changes && night > 0);
        let lines: Vec<String> = resources[after..].iter().map(Value::to_string).collect();
        return vec![lines.join("\n").into_bytes()];
    }
    let entries: Vec<Value> = (0..)
        .zip(&resources)
        .map(|(number, resource)| {
            let address = address(number).replace("Any", resource["resourceType"].as_str().unwrap());
            json!({ "fullUrl": address, "resource": resource })
        })
        .collect();
    let mut bundle = json!({ "resourceType": "Bundle", "type": "collection", "entry": entries });
    if is_dated && form == Form::Assembled {
        bundle["timestamp"] = json!(date);
    }
    vec![bundle.to_string().into_bytes()]
}

/// Imports files into a record, and what is lost or said to be.
fn tell(record: &Contents, files: &[Vec<u8>], after: i64) -> (Contents, Vec<String>) {
    let context = Context {
        now: context().now + TimeDelta::hours(after),
        ..context()
    };
    let (outcome, persons) = run_whole(files, &context);
    assert_eq!(persons.len(), 1);
    let report = persons[0].report_on(record).0;
    let mut notes = outcome.notes;
    notes.append(persons[0].notes.clone());
    let in_record = record.merged(&report, context.now).remarks;
    let remarks = persons[0].remarks.iter().chain(&in_record);
    let lost = remarks.filter(|(_, remark)| matches!(remark, Remark::UnderAnotherId | Remark::Unclear));
    let lost = lost.map(|(list, remark)| format!("{list} {remark:?}"));
    let left_out = notes.list().into_iter().filter(|note| note.fate == Fate::LeftOut);
    let lost = left_out.map(|note| note.why).chain(lost).collect();
    (taken_in(record, &report, context.now), lost)
}

/// What a record says, in order.
fn says(record: &Contents) -> Vec<String> {
    let conditions = record.conditions.findings().map(|one| {
        format!(
            "{} {}",
            one.concept.text,
            if one.abated.is_some() { "over" } else { "so" }
        )
    });
    let allergies = record.allergies.findings().map(|one| one.concept.text.clone());
    let medications = record
        .medications
        .findings()
        .map(|one| format!("{} {}", one.concept.text, if one.active { "taken" } else { "over" }));
    let mut says: Vec<String> = conditions.chain(allergies).chain(medications).collect();
    says.sort_unstable();
    says
}

fn nights() -> [Vec<Value>; 2] {
    let night = |egg, foo, flu| {
        vec![
            finding("AllergyIntolerance", "Nut", "active"),
            finding("AllergyIntolerance", "Egg", egg),
            finding("MedicationRequest", "Foo", foo),
            finding("MedicationRequest", "Bar", "active"),
            finding("Condition", "Flu", flu),
            finding("Condition", "Gout", "active"),
        ]
    };
    [
        night("active", "active", "active"),
        night("refuted", "stopped", "resolved"),
    ]
}

/// What the nights come to, if the first is of one form and the second of another.
fn right(forms: [Form; 2]) -> Vec<&'static str> {
    let mut right = vec!["Bar taken", "Flu over", "Foo over", "Gout so", "Nut"];
    // That another resource was refuted may be said of another one.
    let are_others = |form| matches!(form, Form::NewIds | Form::Server);
    let is_one = forms == [Form::Server; 2];
    if are_others(forms[0]) && are_others(forms[1]) && !is_one {
        right.insert(1, "Egg");
    }
    right
}

/// Imports nights into records in one run and in several, and compares.
fn compare(forms: [Form; 2], is_dated: bool) {
    let what = format!("{forms:?}, dated: {is_dated}");
    let nights: Vec<Vec<Vec<u8>>> = (0..)
        .zip(nights())
        .map(|(night, findings)| export(forms[night], is_dated, night, &findings))
        .collect();
    // An export of what has changed is understood beside the one that tells who the patient is.
    let is_whole = forms[1] != Form::Changes;
    let second = if is_whole { nights[1].clone() } else { nights.concat() };
    let (first, _) = tell(&Contents::default(), &nights[0], 0);
    let (apart, lost_apart) = tell(&first, &second, 1);
    assert_eq!(says(&apart), right(forms), "{what}");
    let mut orders = vec![nights.concat()];
    if is_dated && is_whole {
        orders.push(nights.iter().rev().flatten().cloned().collect());
    }
    if forms[0] == forms[1] && forms[0] != Form::Kinds && is_whole {
        orders.push(vec![nights.concat().join(&b'\n')]);
    }
    for order in orders {
        let (together, lost) = tell(&Contents::default(), &order, 0);
        assert_eq!(says(&together), right(forms), "{what}");
        assert_eq!(lost, lost_apart, "{what}");
        for (record, is_told) in [(&first, false), (&apart, true), (&together, true)] {
            let (again, _) = tell(record, &order, 2);
            assert_eq!(says(&again), right(forms), "again, {what}");
            let (once_more, _) = tell(&again, &order, 3);
            assert_eq!(once_more, again, "again, {what}");
            assert!(!is_told || !is_dated || again == *record, "again, {what}");
        }
    }
}

#[test]
fn several_nights_in_one_run_give_what_they_give_one_after_the_other() {
    for form in FORMS {
        for is_dated in [true, false] {
            compare([form, form], is_dated);
        }
    }
}

#[test]
fn nights_of_two_forms_in_one_run_give_what_they_give_one_after_the_other() {
    for first in FORMS {
        for second in FORMS.into_iter().filter(|second| *second != first) {
            for is_dated in [true, false] {
                compare([first, second], is_dated);
            }
        }
    }
}
