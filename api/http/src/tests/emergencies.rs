//! What a doctor may read of a patient in an emergency: who the patient is, and every endpoint of the chart, with everything that can have been opened. What is expected stands here by
//! hand.

use actix_web::test::read_body_json;
use application::ports::queries::ConsentsView;
use chrono::TimeDelta;
use domain::access_log::{Basis, OpenedAs, Prepared};
use domain::consent::{Granted, Purpose};
use domain::emergency::{EmergencyEvent, Flag, Justification, Opened};
use domain::kernel::{Category, Personal, PractitionerId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::authorization::{Access, request, table};
use super::fakes::{Api, HOSPITAL_KEY, OTHER, OWN, World, given, grant_to, key_for, now, opened, token};

/// What is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Opens {
    Nothing,
    /// Who the patient is.
    Identity,
    /// That, and the chart but for its medications.
    Summary,
    /// That, and the medications in the chart.
    Medication,
    /// That, and when they come.
    Appointments,
    /// All that stands here but when they come.
    Everything,
}

/// Whether that shows what this endpoint has. Nothing is written in an emergency.
fn is_open(method: &str, path: &str, opens: Opens) -> bool {
    use Opens::{Appointments, Everything, Medication, Nothing, Summary};
    match (method, path) {
        ("GET", "/v1/patients/{id}") => opens != Nothing,
        ("GET", "/v1/patients/{id}/appointments") => opens == Appointments,
        ("GET", "/v1/patients/{id}/chart") => matches!(opens, Summary | Medication | Everything),
        // It is a symptom.
        ("GET", "/v1/patients/{id}/chart/findings/{finding}") => matches!(opens, Summary | Everything),
        _ => false,
    }
}

fn happened(opened: Opened) -> Vec<EmergencyEvent> {
    vec![EmergencyEvent::Opened {
        opened: Personal::Known(opened),
    }]
}

fn of(categories: &[Category]) -> Vec<EmergencyEvent> {
    happened(opened(categories))
}

fn such(change: impl FnOnce(&mut Opened)) -> Vec<EmergencyEvent> {
    let mut opened = opened(&[Category::Identity, Category::Summary, Category::Medication]);
    change(&mut opened);
    happened(opened)
}

/// What has happened, and what that opens.
fn emergencies() -> Vec<(&'static str, Vec<EmergencyEvent>, Opens)> {
    use Category::{Appointments, Care, Identity, Medication, Summary};
    let hour = TimeDelta::hours(1);
    let then = |event: EmergencyEvent| [of(&[Identity, Summary]), vec![event]].concat();
    let sealed = EmergencyEvent::Opened {
        opened: Personal::Sealed,
    };
    vec![
        ("nothing", vec![], Opens::Nothing),
        ("everything", such(|_| ()), Opens::Everything),
        ("who they are", of(&[Identity]), Opens::Identity),
        ("summary", of(&[Identity, Summary]), Opens::Summary),
        ("medication", of(&[Identity, Medication]), Opens::Medication),
        ("when they come", of(&[Identity, Appointments]), Opens::Appointments),
        ("another category", of(&[Identity, Care]), Opens::Identity),
        (
            "by another practitioner",
            such(|opened| opened.practitioner = PractitionerId::new(OTHER)),
            Opens::Nothing,
        ),
        (
            "until a moment ago",
            such(|opened| opened.until = now() - TimeDelta::milliseconds(1)),
            Opens::Nothing,
        ),
        ("until now", such(|opened| opened.until = now()), Opens::Nothing),
        (
            "for a moment more",
            such(|opened| opened.until = now() + TimeDelta::milliseconds(1)),
            Opens::Everything,
        ),
        (
            "long ago",
            such(|opened| (opened.at, opened.until) = (now() - hour * 9, now() - hour)),
            Opens::Nothing,
        ),
        ("sealed", vec![sealed], Opens::Nothing),
        (
            "justified, and open still",
            then(EmergencyEvent::Justified {
                justification: Personal::Known(Justification {
                    text: "Right.".to_owned(),
                    system: None,
                    at: now(),
                }),
            }),
            Opens::Summary,
        ),
        (
            "flagged, and open still",
            then(EmergencyEvent::Flagged {
                flag: Personal::Known(Flag { at: now() }),
            }),
            Opens::Summary,
        ),
    ]
}

/// A world in which this has happened, whatever the read models say; nobody is treated.
fn world(events: Vec<EmergencyEvent>) -> World {
    let world = World::new();
    *world.executor.said.lock().unwrap() = Some(vec![]);
    *world.queries.emergencies.lock().unwrap() = vec![OWN];
    world.executor.emergencies.lock().unwrap().insert(OWN, events);
    world
}

#[actix_web::test]
async fn a_doctor_reads_what_they_have_opened_while_it_is_open_and_nobody_else_does_and_nothing_is_written() {
    let mut cells = 0;
    for (said, events, opens) in emergencies() {
        let api = Api::of(&world(events)).await;
        for (method, path, access, body) in table() {
            let is_patient = (method, path) == ("GET", "/v1/patients/{id}");
            if !is_patient && !matches!(access, Access::Record("nurse")) {
                continue;
            }
            for (caller, token, is_doctor) in [
                ("the doctor", token("doctor"), true),
                ("a system for the doctor", key_for("doctor"), true),
                ("a nurse", token("nurse"), false),
                ("a system for a nurse", key_for("nurse"), false),
                ("a system", HOSPITAL_KEY.to_owned(), false),
                ("the administration of the hospital", token("hospital"), false),
                ("the patient of another record", token("patient"), false),
                ("an administrator", token("administrator"), false),
                ("an auditor", token("auditor"), false),
                ("a registrar", token("registrar"), false),
            ] {
                // The staff knows who the patients are, whatever happens.
                if is_patient && !is_doctor {
                    continue;
                }
                for object in [OTHER, OWN] {
                    let is_let_in = is_doctor && object == OTHER && is_open(method, path, opens);
                    let is_their_own = caller.starts_with("the patient") && object == OWN;
                    if is_their_own {
                        continue;
                    }
                    let answer = api.call(request(method, path, &body, object, Some(&token))).await;
                    let what = format!("{method} {path} by {caller} on {object}: {said}");
                    // The staff knows that the patient is there.
                    let expected = match caller {
                        _ if is_let_in => 200,
                        // It is in the chart, and not in what is open of it.
                        _ if method == "GET"
                            && path.contains("finding")
                            && is_doctor
                            && object == OTHER
                            && opens == Opens::Medication =>
                        {
                            404
                        }
                        "the doctor" | "the patient of another record" => 404,
                        _ => 403,
                    };
                    assert_eq!(answer.status(), expected, "{what}");
                    cells += 1;
                }
            }
        }
    }
    println!("{cells} cells");
    assert!(cells > 1_500, "{cells}");
}

#[actix_web::test]
async fn what_the_read_models_alone_say_opens_nothing() {
    let world = world(vec![]);
    world.executor.emergencies.lock().unwrap().clear();
    let api = Api::of(&world).await;
    for path in ["/v1/patients/{id}", "/v1/patients/{id}/chart"] {
        let answer = api
            .call(request("GET", path, &Value::Null, OTHER, Some(&token("doctor"))))
            .await;
        assert_eq!(answer.status(), 404, "{path}");
    }
}

#[actix_web::test]
async fn what_is_granted_is_read_beside_what_is_opened_and_both_are_told_from_what_is_granted_whole() {
    use Category::{Medication, Summary};
    let mut medication = grant_to(OWN);
    medication.details.categories = vec![Granted::Category(Medication)];
    let opened = vec![OpenedAs(OWN)];
    let granted = vec![Prepared(OWN)];
    for (grants, basis, categories) in [
        (
            ConsentsView::default(),
            Basis::Emergencies(opened.clone(), vec![]),
            vec![Summary],
        ),
        (
            given(medication),
            Basis::Emergencies(opened, granted.clone()),
            vec![Summary, Medication],
        ),
        // Nothing is added to it.
        (
            given(grant_to(OWN)),
            Basis::Grants(Purpose::Treatment, granted),
            vec![Summary, Medication],
        ),
    ] {
        let world = world(of(&[Category::Identity, Summary]));
        *world.queries.granted.lock().unwrap() = grants;
        let api = Api::of(&world).await;
        let path = "/v1/patients/{id}/chart";
        let answer = api
            .call(request("GET", path, &Value::Null, OTHER, Some(&token("doctor"))))
            .await;
        assert_eq!(answer.status(), 200);
        let chart: Value = read_body_json(answer).await;
        assert_eq!(
            chart.get("version"),
            None,
            "who sees a part is not told how much there is: {chart}"
        );
        assert_eq!(
            chart.get("medications").is_some(),
            categories.contains(&Medication),
            "{chart}"
        );
        let noted = world.reads.noted.lock().unwrap();
        let (_, read) = noted.first().unwrap();
        assert_eq!((&read.reading.categories, &read.reading.basis), (&categories, &basis));
    }
}

#[actix_web::test]
async fn whose_grant_covers_what_they_ask_for_needs_no_emergency_and_one_that_opens_nothing_of_it_is_not_told() {
    let mut medication = grant_to(OWN);
    medication.details.categories = vec![Granted::Category(Category::Medication)];
    let world = world(of(&[Category::Identity, Category::Medication]));
    *world.queries.granted.lock().unwrap() = given(medication);
    let api = Api::of(&world).await;
    let path = "/v1/patients/{id}/chart";
    let answer = api
        .call(request("GET", path, &Value::Null, OTHER, Some(&token("doctor"))))
        .await;
    assert_eq!(answer.status(), 200);
    let noted = world.reads.noted.lock().unwrap();
    let by_grant = Basis::Grants(Purpose::Treatment, vec![Prepared(OWN)]);
    assert_eq!(noted.first().unwrap().1.reading.basis, by_grant);
}

#[actix_web::test]
async fn of_what_is_not_there_a_doctor_is_told_that_it_is_not() {
    let api = Api::of(&World::new()).await;
    let nothing = Uuid::from_u128(3);
    let justification = json!({"text": "Right."});
    let opening = json!({"reason": "Unconscious.", "categories": ["summary"]});
    for token in [token("doctor"), key_for("doctor")] {
        for (method, path, body) in [
            ("POST", "/v1/patients/{id}/emergencies", &opening),
            ("GET", "/v1/patients/{id}/emergencies/{id}", &Value::Null),
            (
                "POST",
                "/v1/patients/{id}/emergencies/{id}/justification",
                &justification,
            ),
        ] {
            let answer = api.call(request(method, path, body, nothing, Some(&token))).await;
            assert_eq!(answer.status(), 404, "{method} {path}");
        }
    }
}

#[actix_web::test]
async fn what_a_practitioner_says_of_an_emergency_is_checked() {
    let api = Api::of(&World::new()).await;
    let open = |change: fn(&mut Value)| {
        let mut body = json!({"reason": "Unconscious.", "categories": ["summary"], "minutes": 30});
        change(&mut body);
        body
    };
    for (object, body, status, pointer) in [
        (OTHER, open(|_| ()), 201, ""),
        (Uuid::from_u128(3), open(|_| ()), 404, ""),
        (OTHER, open(|body| body["minutes"] = json!(4)), 422, "/minutes"),
        (OTHER, open(|body| body["minutes"] = json!(241)), 422, "/minutes"),
        (OTHER, open(|body| body["reason"] = json!(" ")), 422, "/reason"),
        (
            OTHER,
            open(|body| body["reason"] = json!("a".repeat(2001))),
            422,
            "/reason",
        ),
        (OTHER, open(|body| body["categories"] = json!([])), 422, "/categories"),
        (
            OTHER,
            open(|body| body["categories"] = json!(["summary", "summary"])),
            422,
            "/categories/1",
        ),
        (
            OTHER,
            open(|body| body["categories"] = json!(["sensitive"])),
            422,
            "/categories/0",
        ),
        (
            OTHER,
            open(|body| body["categories"] = json!(["record"])),
            422,
            "/categories/0",
        ),
    ] {
        let path = "/v1/patients/{id}/emergencies";
        let answer = api
            .call(request("POST", path, &body, object, Some(&token("doctor"))))
            .await;
        assert_eq!(answer.status(), status, "{body}");
        if !pointer.is_empty() {
            let told: Value = read_body_json(answer).await;
            assert_eq!(told["errors"][0]["pointer"], pointer, "{body}: {told}");
        }
    }
}

#[actix_web::test]
async fn who_oversees_practitioners_is_told_neither_whose_record_nor_why() {
    let api = Api::of(&World::new()).await;
    for (path, caller, is_told) in [
        ("/v1/emergencies", "registrar", false),
        ("/v1/emergencies", "auditor", false),
        ("/v1/me/emergencies", "doctor", true),
        ("/v1/me/emergencies", "patient", true),
    ] {
        let answer = api
            .call(request("GET", path, &Value::Null, OWN, Some(&token(caller))))
            .await;
        let page: Value = read_body_json(answer).await;
        let item = page["items"][0].as_object().unwrap();
        for member in ["id", "patient", "reason", "justification"] {
            assert_eq!(item.contains_key(member), is_told, "{member} by {caller}: {page}");
        }
        assert_eq!(item["practitioner"], json!(OWN), "{page}");
        assert_eq!(item["standing"], "justified", "{page}");
        assert_eq!(item["position"], 8, "{page}");
    }
}
