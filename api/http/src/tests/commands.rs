//! Idempotency keys, waiting, and commands that answer later.

use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
use application::ports::registry::Trace;
use domain::kernel::CommandId;
use serde_json::{Value, json};

use super::fakes::{OWN, World, token};
use crate::app;

fn book(key: Option<&str>, reason: &str) -> TestRequest {
    let body = json!({
        "patient": OWN, "practitioner": OWN, "slot": {"start": "2026-03-02T12:00:00Z", "minutes": 20},
        "reason": {"text": reason},
    });
    let request = TestRequest::post()
        .uri("/v1/appointments")
        .insert_header(("authorization", format!("Bearer {}", token("hospital"))))
        .set_json(body);
    match key {
        Some(key) => request.insert_header(("idempotency-key", key)),
        None => request,
    }
}

fn ask(location: &str, role: &str) -> TestRequest {
    TestRequest::get()
        .uri(location)
        .insert_header(("authorization", format!("Bearer {}", token(role))))
}

macro_rules! send {
    ($service:expr, $request:expr) => {{
        let response = call_service(&$service, $request.to_request()).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body: Value = read_body_json(response).await;
        (status, headers, body)
    }};
}

#[actix_web::test]
async fn a_repeated_request_gets_the_same_answer_and_is_executed_once() {
    let world = World::new();
    let service = init_service(app(world.state())).await;
    let (first, headers, answer) = send!(service, book(Some("one"), "a cough"));
    assert_eq!(first, 201);
    let (again, replayed, same) = send!(service, book(Some("one"), "a cough"));
    assert_eq!((again, &same), (201, &answer));
    assert_eq!(replayed.get("idempotent-replayed").unwrap(), "true");
    for name in ["location", "etag"] {
        assert_eq!(replayed.get(name), headers.get(name), "{name}");
    }
    assert_eq!(world.executor.executed.load(Ordering::Relaxed), 1);
}

#[actix_web::test]
async fn a_request_is_the_same_however_its_body_is_written() {
    let world = World::new();
    let service = init_service(app(world.state())).await;
    let (_, _, first) = send!(service, book(Some("one"), "a cough"));
    let rewritten = format!(
        "{{ \"reason\" : {{\"text\":\"a \\u0063ough\"}},\n \"slot\": {{\"minutes\": 2e1, \"start\": \
         \"2026-03-02T12:00:00Z\"}}, \"practitioner\": \"{OWN}\", \"patient\": \"{OWN}\" }}"
    );
    let again = book(Some("one"), "a cough").set_payload(rewritten);
    let (status, replayed, same) = send!(service, again);
    assert_eq!((status, &same), (201, &first));
    assert_eq!(replayed.get("idempotent-replayed").unwrap(), "true");
    assert_eq!(world.executor.executed.load(Ordering::Relaxed), 1);
}

#[actix_web::test]
async fn a_body_that_is_left_out_replaces_nothing() {
    let world = World::new();
    let service = init_service(app(world.state())).await;
    for (path, role) in [
        ("chart/findings/00000000-0000-0000-0000-000000000001", "nurse"),
        ("details", "hospital"),
    ] {
        let request = TestRequest::put()
            .uri(&format!("/v1/patients/{OWN}/{path}"))
            .insert_header(("authorization", format!("Bearer {}", token(role))));
        let (status, _, problem) = send!(service, request);
        assert_eq!(
            (status, &problem["type"]),
            (400, &json!("/problems/malformed-json")),
            "{path}"
        );
    }
    let confirm = TestRequest::post()
        .uri(&format!("/v1/appointments/{OWN}/confirm"))
        .insert_header(("authorization", format!("Bearer {}", token("hospital"))));
    assert_eq!(send!(service, confirm).0, 200);
    assert_eq!(world.executor.executed.load(Ordering::Relaxed), 1);
}

#[actix_web::test]
async fn a_key_stands_for_one_request_of_one_caller() {
    let world = World::new();
    let service = init_service(app(world.state())).await;
    assert_eq!(send!(service, book(Some("one"), "a cough")).0, 201);
    let (status, _, problem) = send!(service, book(Some("one"), "a cold"));
    assert_eq!(
        (status, &problem["type"]),
        (422, &json!("/problems/idempotency-key-reused"))
    );
    let other = book(Some("one"), "a cold").insert_header(("authorization", format!("Bearer {}", token("patient"))));
    assert_eq!(send!(service, other).0, 201);
}

#[actix_web::test]
async fn while_a_request_is_executed_its_twin_waits() {
    let world = World::new();
    *world.executor.takes.lock().unwrap() = Duration::from_millis(200);
    let service = init_service(app(world.state())).await;
    let ((one, ..), (other, headers, problem)) =
        tokio::join!(async { send!(service, book(Some("one"), "a cough")) }, async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            send!(service, book(Some("one"), "a cough"))
        },);
    assert_eq!((one, other), (201, 409));
    assert_eq!(problem["type"], "/problems/idempotency-key-in-use");
    assert!(headers.contains_key("retry-after"));
}

#[actix_web::test]
async fn after_a_crash_the_same_request_is_the_same_command() {
    let world = World::new();
    let service = init_service(app(world.state())).await;
    let (_, _, first) = send!(service, book(Some("one"), "a cough"));
    world.registry.lose_answers();
    world.registry.let_claims_run_out();
    let (status, _, again) = send!(service, book(Some("one"), "a cough"));
    assert_eq!((status, &again), (201, &first));
    assert_eq!(
        world.executor.commands.lock().unwrap().len(),
        1,
        "it was looked for first"
    );
}

#[actix_web::test]
async fn what_changed_nothing_may_be_tried_again_under_the_same_key() {
    let world = World::new();
    let service = init_service(app(world.state())).await;
    *world.executor.away.lock().unwrap() = true;
    let (status, headers, problem) = send!(service, book(Some("one"), "a cough"));
    assert_eq!((status, &problem["type"]), (503, &json!("/problems/chain-unavailable")));
    assert!(headers.contains_key("retry-after"));
    *world.executor.away.lock().unwrap() = false;
    assert_eq!(send!(service, book(Some("one"), "a cough")).0, 201);
}

#[actix_web::test]
async fn what_came_to_nothing_gives_no_right_to_be_over_the_limit() {
    let world = World::new();
    let service = init_service(app(world.state())).await;
    let own = || book(Some("one"), "a cough").insert_header(("authorization", format!("Bearer {}", token("patient"))));
    *world.executor.away.lock().unwrap() = true;
    assert_eq!(send!(service, own()).0, 503);
    *world.executor.away.lock().unwrap() = false;
    *world.queries.open.lock().unwrap() = 10;
    let (status, _, problem) = send!(service, own());
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/too-many-bookings")));
}

#[actix_web::test]
async fn what_may_have_come_to_something_is_the_same_command_again() {
    let world = World::new();
    let service = init_service(app(world.state())).await;
    *world.executor.unsure.lock().unwrap() = true;
    assert_eq!(send!(service, book(Some("one"), "a cough")).0, 503);
    let command = world.registry.only();
    *world.executor.unsure.lock().unwrap() = false;
    assert_eq!(send!(service, book(Some("one"), "a cough")).0, 201);
    assert_eq!(*world.executor.repeated.lock().unwrap(), [(command, true)]);
}

#[actix_web::test]
async fn a_command_without_a_key_leaves_no_row() {
    let world = World::new();
    let service = init_service(app(world.state())).await;
    assert_eq!(send!(service, book(None, "a cough")).0, 201);
    assert_eq!(world.registry.len(), 0);
}

#[actix_web::test]
async fn who_does_not_wait_is_told_where_to_ask() {
    let world = World::new();
    *world.executor.takes.lock().unwrap() = Duration::from_millis(100);
    let service = init_service(app(world.state())).await;
    let (status, headers, body) = send!(
        service,
        book(None, "a cough").insert_header(("prefer", "respond-async"))
    );
    assert_eq!((status, &body["status"]), (202, &json!("pending")));
    assert_eq!(headers.get("preference-applied").unwrap(), "respond-async");
    let location = headers.get("location").unwrap().to_str().unwrap();
    assert_eq!(send!(service, ask(location, "hospital")).2["status"], "pending");
    assert_eq!(
        send!(service, ask(location, "administrator")).0,
        404,
        "others do not see it"
    );
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (_, _, done) = send!(service, ask(location, "hospital"));
    assert_eq!((&done["status"], &done["position"]), (&json!("done"), &json!(7)));
    assert!(
        done["result"]["resource"]
            .as_str()
            .unwrap()
            .starts_with("/v1/appointments/")
    );
}

#[actix_web::test]
async fn who_waited_long_enough_is_told_where_to_ask() {
    let world = World {
        settings: short_wait(),
        ..World::new()
    };
    *world.executor.takes.lock().unwrap() = Duration::from_millis(150);
    let service = init_service(app(world.state())).await;
    let (status, headers, _) = send!(service, book(None, "a cough"));
    assert_eq!(status, 202);
    tokio::time::sleep(Duration::from_millis(250)).await;
    let location = headers.get("location").unwrap().to_str().unwrap();
    assert_eq!(send!(service, ask(location, "hospital")).2["status"], "done");
}

#[actix_web::test]
async fn nobody_is_promised_anything_before_the_command_is_durable() {
    for preference in ["respond-async", "wait=0", "respond-async, wait=0"] {
        let world = World {
            settings: short_wait(),
            ..World::new()
        };
        *world.executor.accepts_after.lock().unwrap() = Duration::from_millis(150);
        *world.executor.takes.lock().unwrap() = Duration::from_millis(500);
        let service = init_service(app(world.state())).await;
        let begin = std::time::Instant::now();
        let (status, ..) = send!(service, book(None, "a cough").insert_header(("prefer", preference)));
        assert_eq!(status, 202, "{preference}");
        assert!(begin.elapsed() >= Duration::from_millis(150), "{preference}");
    }
}

#[actix_web::test]
async fn what_does_not_become_durable_is_a_503_that_says_what_is_not_known_and_how_to_find_out() {
    let world = World {
        settings: crate::HttpSettings {
            acceptance_wait: Duration::from_millis(60),
            ..short_wait()
        },
        ..World::new()
    };
    *world.executor.accepts_after.lock().unwrap() = Duration::from_millis(200);
    let service = init_service(app(world.state())).await;
    for key in [Some("one"), None] {
        let (status, headers, problem) = send!(service, book(key, "a cough").insert_header(("prefer", "wait=0")));
        assert_eq!((status, &problem["type"]), (503, &json!("/problems/outcome-unknown")));
        assert!(headers.contains_key("retry-after"));
        let location = problem["detail"].as_str().unwrap().trim_start_matches("Ask for ");
        let location = location.trim_end_matches('.');
        assert_eq!(send!(service, ask(location, "hospital")).2["status"], "pending");
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(send!(service, ask(location, "hospital")).2["status"], "done");
    }
    let (status, headers, _) = send!(service, book(Some("one"), "a cough"));
    assert_eq!(status, 201);
    assert!(headers.contains_key("idempotent-replayed"));
}

#[actix_web::test]
async fn a_command_that_is_waited_for_too_long_is_claimed_for_as_long_as_it_runs() {
    let world = World {
        settings: crate::HttpSettings {
            claim_lease: Duration::from_millis(40),
            ..short_wait()
        },
        ..World::new()
    };
    *world.executor.takes.lock().unwrap() = Duration::from_millis(400);
    let state = world.state();
    let maintenance = tokio::spawn(state.clone().maintain());
    let service = init_service(app(state)).await;
    assert_eq!(send!(service, book(None, "a cough")).0, 202);
    assert_eq!(send!(service, book(Some("one"), "a cough")).0, 202);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let renewed = world.registry.renewed.load(Ordering::Relaxed);
    assert!(renewed >= 2, "{renewed}");
    assert_eq!(world.registry.renewed_at_once.load(Ordering::Relaxed), 2, "all at once");
    // Once nothing is under way, nothing is asked.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let renewed = world.registry.renewed.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(world.registry.renewed.load(Ordering::Relaxed), renewed);
    maintenance.abort();
}

fn short_wait() -> crate::HttpSettings {
    crate::HttpSettings {
        command_wait: Duration::from_millis(20),
        ..World::new().settings
    }
}

#[actix_web::test]
async fn after_a_crash_the_log_tells_what_became_of_a_command() {
    let world = World::new();
    let service = init_service(app(world.state())).await;
    let _ = send!(service, book(Some("one"), "a cough"));
    let command = world.executor.commands.lock().unwrap()[0];
    let location = format!("/v1/commands/{command}");
    world.registry.lose_answers();
    world.registry.let_claims_run_out();
    let status = |body: &Value| body["status"].as_str().unwrap().to_owned();
    let (_, _, lost) = send!(service, ask(&location, "hospital"));
    assert_eq!(status(&lost), "failed");
    assert_eq!(lost["problem"]["type"], "/problems/command-not-executed");
    let trace = |command: CommandId, trace| world.registry.traces.lock().unwrap().insert(command, trace);
    trace(command, Trace::Outbox);
    assert_eq!(status(&send!(service, ask(&location, "hospital")).2), "pending");
    trace(command, Trace::Journaled { position: 41 });
    let included = send!(service, ask(&location, "hospital")).2;
    assert_eq!(status(&included), "pending", "the block may still be dropped");
    trace(command, Trace::Journaled { position: 9 });
    let (_, _, done) = send!(service, ask(&location, "hospital"));
    assert_eq!((status(&done), &done["position"]), ("done".to_owned(), &json!(9)));
}

#[actix_web::test]
async fn a_client_that_hangs_up_cancels_nothing() {
    let world = World::new();
    *world.executor.takes.lock().unwrap() = Duration::from_millis(100);
    let service = init_service(app(world.state())).await;
    let request = call_service(&service, book(Some("one"), "a cough").to_request());
    assert!(tokio::time::timeout(Duration::from_millis(30), request).await.is_err());
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (status, headers, _) = send!(service, book(Some("one"), "a cough"));
    assert_eq!(status, 201);
    assert!(headers.contains_key("idempotent-replayed"));
    assert_eq!(world.executor.executed.load(Ordering::Relaxed), 1);
}
