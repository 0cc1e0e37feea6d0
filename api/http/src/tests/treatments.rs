//! What the staff may read and write of a patient, by what the patient has said of their treatment: every endpoint that depends on it, with everything that can be said. What is expected
//! stands here by hand.

use actix_web::test::read_body_json;
use application::ports::revocations::{Revocation, Revoked};
use domain::kernel::{CommandId, PatientId, Personal};
use domain::treatment::{How, Saying, TreatmentEvent};
use serde_json::{Value, json};
use uuid::Uuid;

use super::authorization::{Access, request, table};
use super::fakes::{Api, HOSPITAL_KEY, OTHER, OWN, World, agreed_on_paper, key_for, now, token};

/// Whom it lets in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum LetsIn {
    Nobody,
    /// The staff, and practitioners who work with the hospital's system.
    Staff,
    /// These, and the practitioner whom the paper names.
    StaffAndDoctor,
}

fn ended() -> TreatmentEvent {
    TreatmentEvent::Ended {
        saying: Personal::Known(Saying {
            at: now(),
            how: How::SignedIn,
        }),
    }
}

fn agreed() -> TreatmentEvent {
    TreatmentEvent::Agreed {
        saying: Personal::Known(Saying {
            at: now(),
            how: How::SignedIn,
        }),
    }
}

/// What was said, whether the patient has a wallet, and whom that lets in.
fn sayings() -> Vec<(&'static str, Vec<TreatmentEvent>, bool, LetsIn)> {
    use LetsIn::{Nobody, Staff, StaffAndDoctor};
    let sealed = TreatmentEvent::Agreed {
        saying: Personal::Sealed,
    };
    vec![
        ("registered by the hospital alone", vec![], false, Nobody),
        ("with a wallet", vec![], true, Staff),
        ("on paper", vec![agreed_on_paper(&[])], false, Staff),
        (
            "on paper for a doctor",
            vec![agreed_on_paper(&[OWN])],
            false,
            StaffAndDoctor,
        ),
        (
            "on paper for another doctor",
            vec![agreed_on_paper(&[OTHER])],
            false,
            Staff,
        ),
        (
            "on paper, and has a wallet since",
            vec![agreed_on_paper(&[OWN])],
            true,
            Staff,
        ),
        ("ended on paper", vec![agreed_on_paper(&[OWN]), ended()], false, Nobody),
        ("ended with a wallet", vec![ended()], true, Nobody),
        ("ended and agreed again", vec![ended(), agreed()], true, Staff),
        ("a paper that is sealed", vec![sealed], false, Nobody),
    ]
}

/// The endpoints that a treatment opens to the staff.
fn depends(access: &Access) -> bool {
    matches!(access, Access::Record("nurse"))
}

fn world(said: Vec<TreatmentEvent>, has_wallet: bool) -> World {
    let world = World::new();
    *world.executor.said.lock().unwrap() = Some(said);
    *world.executor.bound.lock().unwrap() = has_wallet;
    world
}

#[actix_web::test]
async fn the_staff_reads_and_adds_to_the_charts_of_those_who_are_treated_and_of_nobody_else() {
    let mut cells = 0;
    for (said, events, has_wallet, lets_in) in sayings() {
        let api = Api::of(&world(events, has_wallet)).await;
        for (method, path, access, body) in table() {
            if !depends(&access) {
                continue;
            }
            for (caller, token, is_let_in) in [
                ("a nurse", token("nurse"), lets_in != LetsIn::Nobody),
                ("a system for a nurse", key_for("nurse"), lets_in != LetsIn::Nobody),
                ("a system for a doctor", key_for("doctor"), lets_in != LetsIn::Nobody),
                ("a doctor", token("doctor"), lets_in == LetsIn::StaffAndDoctor),
                ("a system", HOSPITAL_KEY.to_owned(), false),
                ("a system for the reception", key_for("reception"), false),
                ("the reception", token("reception"), false),
                ("the laboratory", token("laboratory"), false),
                ("the administration of the hospital", token("hospital"), false),
                ("an administrator", token("administrator"), false),
                ("an auditor", token("auditor"), false),
            ] {
                let answer = api.call(request(method, path, &body, OTHER, Some(&token))).await;
                let (status, what) = (answer.status(), format!("{method} {path} by {caller}: {said}"));
                assert_eq!(status.is_success(), is_let_in, "{what}: {status}");
                cells += 1;
                if is_let_in {
                    continue;
                }
                let told: Value = read_body_json(answer).await;
                let problem = match caller {
                    "a doctor" => "not-found",
                    "a system" => "no-person",
                    "a nurse" | "a system for a nurse" | "a system for a doctor" => "not-treated",
                    _ => "forbidden",
                };
                assert_eq!(told["type"], format!("/problems/{problem}"), "{what}");
            }
        }
    }
    assert_eq!(cells, 880);
}

#[actix_web::test]
async fn a_practitioner_whom_a_paper_names_knows_who_the_patient_is() {
    for (said, events, has_wallet, lets_in) in sayings() {
        let api = Api::of(&world(events, has_wallet)).await;
        for (token, is_let_in, otherwise) in [
            (token("doctor"), lets_in == LetsIn::StaffAndDoctor, 404),
            (key_for("doctor"), lets_in != LetsIn::Nobody, 403),
        ] {
            let read = request("GET", "/v1/patients/{id}", &Value::Null, OTHER, Some(&token));
            let expected = if is_let_in { 200 } else { otherwise };
            assert_eq!(api.call(read).await.status(), expected, "{said}");
        }
    }
}

#[actix_web::test]
async fn what_is_being_ended_is_denied_before_the_log_says_so() {
    let world = world(vec![agreed_on_paper(&[OWN])], false);
    let api = Api::of(&world).await;
    let chart = |object, role| {
        request(
            "GET",
            "/v1/patients/{id}/chart",
            &Value::Null,
            object,
            Some(&token(role)),
        )
    };
    for role in ["nurse", "doctor"] {
        assert_eq!(api.call(chart(OTHER, role)).await.status(), 200, "{role}");
    }
    // The write side does not answer: nothing is in the log, and it stays denied.
    *world.executor.away.lock().unwrap() = true;
    let paper = json!({"paper": {"sha256": format!("0x{}", "5a".repeat(32)), "signedOn": "2026-02-27"}});
    let end = request(
        "POST",
        "/v1/patients/{id}/treatment/end",
        &paper,
        OTHER,
        Some(&token("reception")),
    );
    let answer = api.call(end).await;
    assert_eq!(answer.status(), 503);
    let told: Value = read_body_json(answer).await;
    assert_eq!(told["type"], "/problems/revocation-pending");
    assert_eq!(api.call(chart(OTHER, "nurse")).await.status(), 403);
    assert_eq!(api.call(chart(OTHER, "doctor")).await.status(), 404);
    // It is shown as it will be, and nobody agrees before it is in the log.
    let read = request(
        "GET",
        "/v1/patients/{id}/treatment",
        &Value::Null,
        OTHER,
        Some(&token("nurse")),
    );
    let shown: Value = read_body_json(api.call(read).await).await;
    assert_eq!(
        (&shown["treated"], &shown["ended"]),
        (&json!(false), &json!(true)),
        "{shown}"
    );
    let agree = "/v1/patients/{id}/treatment/agreement";
    let answer = api
        .call(request("POST", agree, &paper, OTHER, Some(&token("nurse"))))
        .await;
    assert_eq!(answer.status(), 503);
    // It is nobody else's.
    assert_eq!(api.call(chart(OWN, "nurse")).await.status(), 200);
}

#[actix_web::test]
async fn what_ends_a_treatment_holds_everything_that_it_takes_to_carry_it_through() {
    let saying = Saying {
        at: now(),
        how: How::SignedIn,
    };
    let revocation = Revocation {
        command_id: CommandId::new(Uuid::from_u128(1)),
        subject: Uuid::from_u128(2),
        revoked: Revoked::Treatment {
            patient: PatientId::new(OWN),
            saying: saying.clone(),
        },
        actor: domain::kernel::AccountId::new(OTHER),
        at: now(),
        correlation: None,
    };
    let kept = serde_json::to_string(&revocation).unwrap();
    let read: Revocation = serde_json::from_str(&kept).unwrap();
    assert_eq!(read, revocation);
    let world = World::new();
    let receipt = world.clinic.carry_through(&revocation, true).await.unwrap();
    assert_eq!(receipt.command_id, revocation.command_id);
}

#[actix_web::test]
async fn what_is_said_is_said_by_the_patient_or_on_a_paper_that_somebody_vouches_for() {
    let paper = |change: fn(&mut Value)| {
        let mut body = json!({"paper": {"sha256": format!("0x{}", "5a".repeat(32)), "signedOn": "2026-03-01"}});
        change(&mut body["paper"]);
        body
    };
    let good = paper(|_| ());
    for (path, caller, has_wallet, body, status, pointer) in [
        ("agreement", "patient", true, json!({}), 200, ""),
        ("agreement", "patient", true, Value::Null, 200, ""),
        ("agreement", "patient", true, good.clone(), 422, "/paper"),
        ("end", "patient", true, Value::Null, 200, ""),
        ("end", "patient", true, good.clone(), 422, "/paper"),
        ("agreement", "nurse", false, json!({}), 422, "/paper"),
        ("agreement", "nurse", false, Value::Null, 422, "/paper"),
        ("end", "nurse", false, json!({}), 422, "/paper"),
        ("agreement", "nurse", false, good.clone(), 200, ""),
        // Who has a wallet says it themselves, and may have it ended on paper: they may have lost it.
        ("agreement", "nurse", true, good.clone(), 409, ""),
        ("end", "nurse", true, good, 200, ""),
        (
            "agreement",
            "nurse",
            false,
            paper(|paper| paper["practitioners"] = json!([OWN, OTHER])),
            200,
            "",
        ),
        (
            "agreement",
            "nurse",
            false,
            paper(|paper| paper["practitioners"] = json!([Uuid::from_u128(3)])),
            422,
            "/paper/practitioners",
        ),
        (
            "agreement",
            "nurse",
            false,
            paper(|paper| paper["practitioners"] = json!([OWN, OWN])),
            422,
            "/paper/practitioners/1",
        ),
        (
            "end",
            "nurse",
            false,
            paper(|paper| paper["practitioners"] = json!([OWN])),
            422,
            "/paper/practitioners",
        ),
        (
            "agreement",
            "nurse",
            false,
            paper(|paper| paper["sha256"] = json!("0x5a")),
            422,
            "/paper/sha256",
        ),
        (
            "agreement",
            "nurse",
            false,
            paper(|paper| paper["sha256"] = json!("5a".repeat(32))),
            422,
            "/paper/sha256",
        ),
        (
            "agreement",
            "nurse",
            false,
            paper(|paper| paper["signedOn"] = json!("2026-02-30")),
            422,
            "/paper/signedOn",
        ),
    ] {
        let api = Api::of(&world(vec![], has_wallet)).await;
        let url = format!("/v1/patients/{{id}}/treatment/{path}");
        let answer = api.call(request("POST", &url, &body, OWN, Some(&token(caller)))).await;
        let what = format!("{path} by {caller}, {has_wallet}: {body}");
        assert_eq!(answer.status(), status, "{what}");
        if !pointer.is_empty() {
            let told: Value = read_body_json(answer).await;
            assert_eq!(told["errors"][0]["pointer"], pointer, "{what}: {told}");
        }
    }
}
