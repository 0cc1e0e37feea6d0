//! Who is shown something of a patient is noted, whatever they ask: every endpoint, by every role. What is expected stands here by hand.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use actix_web::test::read_body;
use domain::access_log::{Basis, Named, Prepared, Read, Reader, Shown};
use domain::consent::Purpose;
use domain::kernel::{Category, EngagementId, PatientId, PractitionerId};
use domain::treatment::Act;
use serde_json::Value;
use uuid::Uuid;

use super::authorization::{request, table};
use super::fakes::{Api, HOSPITAL_KEY, OTHER, OWN, ROLES, World, given, grant_to, key_for, now, token};

const IDENTITY: &[Category] = &[Category::Identity];
const SUMMARY: &[Category] = &[Category::Summary];
const CHART: &[Category] = &[Category::Summary, Category::Medication];
const APPOINTMENTS: &[Category] = &[Category::Appointments];
const VISITS: &[Category] = &[Category::Care, Category::Appointments];
const IDENTITY_AND_VISITS: &[Category] = &[Category::Identity, Category::Care, Category::Appointments];
const ACCESS: &[Category] = &[Category::Access];
const EVERYTHING: &[Category] = &[
    Category::Identity,
    Category::Summary,
    Category::Medication,
    Category::Care,
    Category::Appointments,
    Category::Access,
];

/// What is asked for: the last one is a patient's account.
const OBJECTS: [Uuid; 3] = [OWN, OTHER, Uuid::from_u128(1011)];

/// What whoever asks for this is shown of somebody, if they are answered.
fn shown(role: &str, method: &str, path: &str) -> Option<(Shown, &'static [Category])> {
    let path = path.split('?').next().unwrap();
    let shown = match (method, path) {
        ("GET", "/v1/patients/{id}") => (Shown::Patient, IDENTITY),
        ("GET", "/v1/patients") | ("POST", "/v1/patients/search" | "/v1/patients/lookup") => {
            (Shown::PatientInAList, IDENTITY)
        }
        ("GET", "/v1/patients/{id}/appointments") => (Shown::Appointments, VISITS),
        ("GET", "/v1/patients/{id}/practitioners") => (Shown::Relationships, IDENTITY_AND_VISITS),
        ("GET", "/v1/practitioners/{id}/patients") => (Shown::Relationships, VISITS),
        ("GET", "/v1/patients/{id}/chart") => (Shown::Chart, CHART),
        ("GET", "/v1/patients/{id}/chart/reports") => (Shown::Reports, CHART),
        // It is a symptom.
        ("GET", "/v1/patients/{id}/chart/findings/{finding}") => (Shown::Chart, SUMMARY),
        ("GET", "/v1/appointments" | "/v1/appointments/{id}") => match role {
            "patient" | "doctor" | "service for doctor" | "service" => (Shown::Appointments, VISITS),
            // The patient is treated.
            "nurse" | "service for nurse" if path.ends_with("{id}") => (Shown::Appointments, VISITS),
            _ => (Shown::Appointments, APPOINTMENTS),
        },
        (
            "GET",
            "/v1/patients/{id}/grants"
            | "/v1/patients/{id}/grants/{id}"
            | "/v1/patients/{id}/grants/{id}/typed-data"
            | "/v1/patients/{id}/revocations/typed-data",
        ) => (Shown::Grants, ACCESS),
        ("GET", "/v1/patients/{id}/treatment") => (Shown::Treatment, ACCESS),
        ("GET", "/v1/patients/{id}/emergencies/{id}" | "/v1/me/emergencies") => (Shown::Emergencies, ACCESS),
        ("GET", "/v1/me/export") => (Shown::Export, EVERYTHING),
        ("GET", "/v1/engagements/{id}/accesses") => (Shown::AccessLog, ACCESS),
        // Whom it is about.
        ("GET", "/v1/engagements" | "/v1/engagements/{id}") if role == "auditor" => (Shown::AccessLog, ACCESS),
        ("GET", "/v1/accounts/{id}") => (Shown::Account, IDENTITY),
        _ => return None,
    };
    Some(shown)
}

/// By which right who asks is shown something, in a world in which a doctor is granted what another patient's record holds.
fn right(role: &str, shown: Shown, path: &str) -> Basis {
    match (role, shown) {
        ("nurse" | "service for nurse", Shown::Appointments) if path == "/v1/appointments/{id}" => {
            Basis::Treatment(Act::Paper)
        }
        ("patient", _) => Basis::Own,
        (_, Shown::AccessLog) => Basis::Engagement(EngagementId::new(OWN)),
        ("doctor", Shown::Relationships | Shown::Appointments) if path.starts_with("/v1/patients") => {
            Basis::Grants(Purpose::Treatment, vec![Prepared(OWN)])
        }
        ("nurse" | "service for nurse" | "service for doctor", Shown::Relationships | Shown::Appointments)
            if path.starts_with("/v1/patients") =>
        {
            Basis::Treatment(Act::Paper)
        }
        // Those in their own calendar are shown to them because they are the doctor.
        ("doctor", Shown::Patient | Shown::Chart) => Basis::Grants(Purpose::Treatment, vec![Prepared(OWN)]),
        ("nurse" | "service for nurse", Shown::Chart) | ("service for doctor", Shown::Patient | Shown::Chart) => {
            Basis::Treatment(Act::Paper)
        }
        _ => Basis::Role,
    }
}

/// Such a world, and its interface.
async fn asked() -> (World, Api) {
    let world = World::new();
    *world.queries.granted.lock().unwrap() = given(grant_to(OWN));
    let api = Api::of(&world).await;
    (world, api)
}

/// Those who ask, each with a token.
fn callers() -> impl Iterator<Item = (&'static str, String)> {
    let people = ROLES.map(|(role, _)| (role, token(role)));
    let services = [
        ("service", HOSPITAL_KEY.to_owned()),
        ("service for nurse", key_for("nurse")),
        ("service for doctor", key_for("doctor")),
        ("service for reception", key_for("reception")),
    ];
    people.into_iter().chain(services)
}

#[actix_web::test]
async fn whoever_is_shown_something_of_a_patient_is_noted_with_what_and_by_which_right_and_nobody_else_is() {
    let mut noting = BTreeSet::new();
    for (method, path, _, body) in table() {
        // Some end what others would use.
        let (world, api) = asked().await;
        for (role, token) in callers() {
            for object in OBJECTS {
                world.reads.noted.lock().unwrap().clear();
                let answer = api.call(request(method, path, &body, object, Some(&token))).await;
                let noted = std::mem::take(&mut *world.reads.noted.lock().unwrap());
                let what = format!("{method} {path} by {role} on {object}");
                let expected = shown(role, method, path).filter(|_| answer.status().is_success());
                let Some((shown, categories)) = expected else {
                    assert_eq!(noted, [], "{what}");
                    continue;
                };
                let answered = String::from_utf8(read_body(answer).await.to_vec()).unwrap();
                for (patient, Read { at, reading }) in &noted {
                    assert_eq!((*at, reading.shown), (now(), shown), "{what}");
                    assert_eq!(reading.categories, categories, "{what}");
                    assert_eq!(reading.basis, right(role, shown, path), "{what}");
                    assert!(is_by(role, &reading.reader), "{what}: {:?}", reading.reader);
                    let is_named = answered.contains(&patient.to_string());
                    assert!(is_named || path.contains("{id}"), "{what}");
                }
                // Whoever is named in an answer is noted: an empty one names nobody.
                let of: BTreeSet<PatientId> = noted.iter().map(|(patient, _)| *patient).collect();
                assert_eq!(of.len(), noted.len(), "{what}");
                if !path.starts_with("/v1/patients/{id}")
                    && let Some(listed) = listed(shown, &answered)
                {
                    assert_eq!(of, listed, "{what}");
                }
                if !noted.is_empty() {
                    noting.insert((method, path));
                }
                // Services and staff are nobody's patients.
                let names_nobody = answered.contains("\"items\":[]") || shown == Shown::Account;
                assert!(!noted.is_empty() || names_nobody, "{what}");
            }
        }
    }
    assert_eq!(noting, showing(&table()), "each of them has noted somebody");
}

/// Whether somebody is shown something there.
fn shows(method: &str, path: &str) -> bool {
    ROLES.iter().any(|(role, _)| shown(role, method, path).is_some())
}

/// The endpoints that show something.
fn showing<'a, T, U>(endpoints: &[(&'a str, &'a str, T, U)]) -> BTreeSet<(&'a str, &'a str)> {
    let all = endpoints.iter().map(|(method, path, ..)| (*method, *path));
    all.filter(|(method, path)| shows(method, path)).collect()
}

/// The patients whom the items of a list name.
fn listed(shown: Shown, answer: &str) -> Option<BTreeSet<PatientId>> {
    let answer: Value = serde_json::from_str(answer).ok()?;
    let member = if shown == Shown::PatientInAList {
        "id"
    } else {
        "patient"
    };
    let items = answer["items"].as_array()?.iter();
    let named: Option<BTreeSet<PatientId>> = items.map(|item| item[member].as_str()?.parse().ok()).collect();
    named
}

fn is_by(role: &str, reader: &Reader) -> bool {
    match reader {
        Reader::Patient => role == "patient",
        Reader::Practitioner(id) => role == "doctor" && *id == PractitionerId::new(OWN),
        Reader::Staff { .. } => [
            "hospital",
            "administrator",
            "nurse",
            "reception",
            "laboratory",
            "auditor",
        ]
        .contains(&role),
        Reader::Service { .. } => role == "service",
        Reader::ServiceFor { person, .. } => match person {
            Named::Staff(_) => ["service for nurse", "service for reception"].contains(&role),
            Named::Practitioner(id) => role == "service for doctor" && *id == PractitionerId::new(OWN),
        },
    }
}

#[actix_web::test]
async fn nothing_of_a_patient_is_shown_that_cannot_be_noted() {
    let mut refused = BTreeSet::new();
    for (method, path, _, body) in table() {
        if !shows(method, path) {
            continue;
        }
        let (world, api) = asked().await;
        for (role, token) in callers() {
            for object in OBJECTS {
                let ask = || request(method, path, &body, object, Some(&token));
                world.reads.is_down.store(false, Ordering::SeqCst);
                world.reads.noted.lock().unwrap().clear();
                let before = api.call(ask()).await.status();
                let is_noted = !world.reads.noted.lock().unwrap().is_empty();
                world.reads.is_down.store(true, Ordering::SeqCst);
                let answer = api.call(ask()).await;
                let what = format!("{method} {path} by {role} on {object}");
                if is_noted {
                    assert_eq!(answer.status(), 503, "{what}");
                    let problem: Value = serde_json::from_slice(&read_body(answer).await).unwrap();
                    assert_eq!(problem["type"], "/problems/database-unavailable", "{what}");
                    refused.insert((method, path));
                } else {
                    assert_eq!(answer.status(), before, "{what}");
                }
            }
        }
    }
    assert_eq!(refused, showing(&table()));
}

#[actix_web::test]
async fn of_a_page_those_are_noted_who_stand_on_it() {
    let (world, api) = asked().await;
    let ask = request(
        "GET",
        "/v1/patients?limit=1",
        &Value::Null,
        OWN,
        Some(&token("hospital")),
    );
    assert_eq!(api.call(ask).await.status(), 200);
    let noted: Vec<PatientId> = world.reads.noted.lock().unwrap().iter().map(|(id, _)| *id).collect();
    assert_eq!(noted, [PatientId::new(OWN)]);
}

#[actix_web::test]
async fn whoever_asks_for_what_is_not_there_is_noted_if_that_tells_something_of_a_patient() {
    let (world, api) = asked().await;
    let nurse = token("nurse");
    let nobody = format!("/v1/patients/{{id}}/chart/findings/{OWN}");
    for (path, status, notes) in [
        (nobody.as_str(), 404, 0),
        ("/v1/patients/00000000-0000-0000-0000-00000000000f", 404, 0),
        ("/v1/appointments?patient=00000000-0000-0000-0000-00000000000f", 200, 0),
    ] {
        world.reads.noted.lock().unwrap().clear();
        let answer = api.call(request("GET", path, &Value::Null, OWN, Some(&nurse))).await;
        assert_eq!(answer.status(), status, "{path}");
        let noted = world.reads.noted.lock().unwrap();
        let of_nobody_else = noted.iter().filter(|(id, _)| id.uuid() == Uuid::from_u128(15)).count();
        assert_eq!(of_nobody_else, notes, "{path}");
    }
}

#[actix_web::test]
async fn whoever_has_what_they_ask_for_already_is_noted_as_well() {
    let (world, api) = asked().await;
    let ask = || request("GET", "/v1/patients/{id}", &Value::Null, OWN, Some(&token("hospital")));
    let answer = api.call(ask()).await;
    let tag = answer.headers().get("etag").unwrap().clone();
    world.reads.noted.lock().unwrap().clear();
    let again = api.call(ask().insert_header(("if-none-match", tag))).await;
    assert_eq!(again.status(), 304);
    assert_eq!(world.reads.noted.lock().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_patient_sees_what_is_noted_and_what_the_log_has() {
    let (_, api) = asked().await;
    let patient = token("patient");
    let ask = |path: &'static str, token: &str| request("GET", path, &Value::Null, OWN, Some(token));
    assert_eq!(
        api.call(ask("/v1/patients/{id}/chart", &key_for("nurse")))
            .await
            .status(),
        200
    );
    let noted: Value = json_of(&api, ask("/v1/me/noted-reads", &patient)).await;
    let entry = &noted["items"][0];
    assert_eq!(
        (&entry["shown"], &entry["basis"]),
        (&Value::from("chart"), &Value::from("treatment"))
    );
    assert_eq!(entry["act"], "paper");
    assert_eq!(
        (&entry["reader"]["kind"], &entry["reader"]["role"]),
        (&Value::from("service"), &Value::from("hospital"))
    );
    assert!(key_for("nurse").ends_with(entry["reader"]["person"].as_str().unwrap()));
    assert_eq!(entry.get("position"), None);
    let logged: Value = json_of(&api, ask("/v1/me/access-log", &patient)).await;
    let entry = &logged["items"][0];
    assert_eq!(
        (&entry["basis"], &entry["grants"][0]),
        (&Value::from("grants"), &Value::from(OTHER.to_string()))
    );
    assert_eq!(
        (&entry["position"], &entry["block"]),
        (&Value::from(7), &Value::from(5))
    );
    assert_eq!(entry["reader"]["practitioner"], Uuid::to_string(&OTHER));
}

async fn json_of(api: &Api, ask: actix_web::test::TestRequest) -> Value {
    let answer = api.call(ask).await;
    assert_eq!(answer.status(), 200);
    serde_json::from_slice(&read_body(answer).await).unwrap()
}
