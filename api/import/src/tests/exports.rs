//! Exports of several nights, whose resources have no ids or new ones each night: in one run they give what they give one after the other.

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
}

const FORMS: [Form; 4] = [Form::Urns, Form::Assembled, Form::NewIds, Form::Alone];

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

/// The file of a night.
fn export(form: Form, is_dated: bool, night: usize, findings: &[Value]) -> Vec<u8> {
    let date = format!("2024-01-{:02}T00:00:00Z", night + 1);
    let mut resources = vec![patient("", "Person", &mrn("1"))];
    resources.extend(findings.iter().cloned());
    let owner = match form {
        Form::Alone => json!({ "identifier": mrn("1")[0] }),
        _ => to(&format!("urn:uuid:{}", uuid_of(night, 0))),
    };
    for (number, resource) in resources.iter_mut().enumerate() {
        resource.as_object_mut().unwrap().remove("id");
        if form == Form::NewIds {
            resource["id"] = json!(uuid_of(night, number));
        }
        if number > 0 {
            resource["subject"] = owner.clone();
            resource["patient"] = owner.clone();
        }
        if is_dated && form != Form::Assembled {
            resource["meta"] = json!({ "lastUpdated": date });
        }
    }
    if form == Form::Alone {
        let lines: Vec<String> = resources.iter().map(Value::to_string).collect();
        return lines.join("\n").into_bytes();
    }
    let entries: Vec<Value> = (0..)
        .zip(&resources)
        .map(|(number, resource)| json!({ "fullUrl": format!("urn:uuid:{}", uuid_of(night, number)), "resource": resource }))
        .collect();
    let mut bundle = json!({ "resourceType": "Bundle", "type": "collection", "entry": entries });
    if is_dated && form == Form::Assembled {
        bundle["timestamp"] = json!(date);
    }
    bundle.to_string().into_bytes()
}

/// Imports files into a record, and what is lost or said to be.
fn tell(record: &Contents, files: &[Vec<u8>], after: i64) -> (Contents, Vec<String>) {
    let context = Context {
        now: context().now + TimeDelta::hours(after),
        ..context()
    };
    let (outcome, persons) = run_whole(files, &context);
    assert_eq!(persons.len(), 1);
    let reports = persons[0].reports_on(record).0;
    let mut notes = outcome.notes;
    notes.append(persons[0].notes.clone());
    let fitted = super::super::capacity::fitted(record, reports, context.now);
    let remarks = fitted.remarks.iter().map(|(list, remark)| format!("{list} {remark:?}"));
    let lost = notes.list().into_iter().filter(|note| note.fate == Fate::LeftOut);
    let lost = lost.map(|note| note.why).chain(remarks).collect();
    (taken_in_all(record, &fitted.reports, context.now), lost)
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
    let (nut, flu, foo) = ("AllergyIntolerance", "Condition", "MedicationRequest");
    [
        vec![
            finding(nut, "Nut", "active"),
            finding(nut, "Egg", "active"),
            finding(foo, "Foo", "active"),
            finding(foo, "Bar", "active"),
            finding(flu, "Flu", "active"),
            finding(flu, "Gout", "active"),
        ],
        vec![
            finding(nut, "Nut", "active"),
            finding(nut, "Egg", "refuted"),
            finding(foo, "Foo", "stopped"),
            finding(foo, "Bar", "active"),
            finding(flu, "Flu", "resolved"),
            finding(flu, "Gout", "active"),
        ],
    ]
}

#[test]
fn several_nights_in_one_run_give_what_they_give_one_after_the_other() {
    for form in FORMS {
        for is_dated in [true, false] {
            let files: Vec<Vec<u8>> = (0..)
                .zip(nights())
                .map(|(night, findings)| export(form, is_dated, night, &findings))
                .collect();
            let (first, _) = tell(&Contents::default(), &files[..1], 0);
            let (apart, said_apart) = tell(&first, &files[1..], 1);
            let mut right = vec!["Bar taken", "Flu over", "Foo over", "Gout so", "Nut"];
            if form == Form::NewIds {
                // That another resource was refuted may be said of another one.
                right.insert(1, "Egg");
            }
            assert_eq!(says(&apart), right, "{form:?}, dated: {is_dated}");
            let mut orders = vec![files.clone()];
            if form != Form::Alone {
                orders.push(vec![files.join(&b'\n')]);
            }
            if is_dated {
                orders.push(files.iter().rev().cloned().collect());
            }
            for order in orders {
                let (together, said) = tell(&Contents::default(), &order, 0);
                assert_eq!(says(&together), right, "{form:?}, dated: {is_dated}");
                assert_eq!(said, said_apart, "{form:?}, dated: {is_dated}");
                for record in [&first, &apart, &together] {
                    let (again, _) = tell(record, &order, 2);
                    assert_eq!(says(&again), right, "again, {form:?}, dated: {is_dated}");
                }
            }
        }
    }
}
