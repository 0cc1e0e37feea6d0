//! What bad input gets: a precise problem, and nothing changed.

use std::sync::atomic::Ordering;

use actix_web::http::Method;
use actix_web::test::{TestRequest, read_body_json};
use serde_json::{Value, json};

use super::fakes::{Api, HOSPITAL_KEY, OWN, World, token};

/// By somebody who may ask for such a thing.
fn request(method: &str, path: &str) -> TestRequest {
    let by = match path {
        "/v1/visits" => HOSPITAL_KEY.to_owned(),
        path if path.starts_with("/v1/admin/") => token("administrator"),
        path if path.starts_with("/v1/events") => token("auditor"),
        _ => token("hospital"),
    };
    TestRequest::with_uri(path)
        .method(method.parse::<Method>().unwrap())
        .insert_header(("authorization", format!("Bearer {by}")))
}

fn json(method: &str, path: &str, body: &str) -> TestRequest {
    request(method, path)
        .insert_header(("content-type", "application/json"))
        .set_payload(body.to_owned())
}

/// The status and the problem's type.
async fn answer(api: &Api, request: TestRequest) -> (u16, Value) {
    let response = api.call(request).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    assert_eq!(
        headers.get("content-type").unwrap(),
        "application/problem+json",
        "{status}"
    );
    for name in [
        "medconnect-position",
        "medconnect-finality",
        "x-request-id",
        "cache-control",
    ] {
        assert!(headers.contains_key(name), "{name}");
    }
    let problem: Value = read_body_json(response).await;
    assert_eq!(problem["status"], status);
    (status, problem)
}

#[actix_web::test]
async fn every_kind_of_bad_input_gets_its_problem_and_changes_nothing() {
    let world = World::new();
    let api = Api::of(&world).await;
    let patient = format!("/v1/patients/{OWN}");
    let book = "/v1/appointments";
    let slot = |slot: &str| format!(r#"{{"patient":"{OWN}","practitioner":"{OWN}","slot":{slot}}}"#);
    let good = slot(r#"{"start":"2026-03-02T12:00:00Z","minutes":20}"#);
    let large = format!(r#"{{"sessions":[],"x":"{}"}}"#, "x".repeat(200 * 1024));
    for (request, status, slug, pointer) in [
        (json("POST", book, "{"), 400, "malformed-json", None),
        (json("POST", book, ""), 400, "malformed-json", None),
        (json("POST", book, r#"{"doctor":1}"#), 422, "invalid", Some("/doctor")),
        (json("POST", book, &slot("5")), 422, "invalid", Some("/slot")),
        (
            json("POST", book, &slot(r#"{"start":"tomorrow","minutes":20}"#)),
            422,
            "invalid",
            Some("/slot/start"),
        ),
        (
            json("POST", book, &slot(r#"{"start":"2026-03-02T12:00:00","minutes":20}"#)),
            422,
            "invalid",
            Some("/slot/start"),
        ),
        (
            json("POST", book, &slot(r#"{"start":"2026-03-02T12:00:00Z","minutes":0}"#)),
            422,
            "invalid",
            Some("/slot/minutes"),
        ),
        (
            json(
                "POST",
                book,
                &slot(r#"{"start":"2026-03-02T12:00:00Z","minutes":"20"}"#),
            ),
            422,
            "invalid",
            Some("/slot/minutes"),
        ),
        (
            json(
                "POST",
                book,
                &good.replacen(&OWN.to_string(), &uuid::Uuid::max().to_string(), 1),
            ),
            422,
            "invalid",
            Some("/patient"),
        ),
        (
            json("POST", book, &good).insert_header(("idempotency-key", "")),
            400,
            "malformed-request",
            None,
        ),
        (
            json("POST", book, &good).insert_header(("x-correlation-id", "x")),
            400,
            "malformed-request",
            None,
        ),
        (
            request("POST", book)
                .insert_header(("content-type", "text/plain"))
                .set_payload(good.clone()),
            415,
            "unsupported-media-type",
            None,
        ),
        (
            json("POST", book, &good).insert_header(("content-encoding", "gzip")),
            415,
            "unsupported-media-type",
            None,
        ),
        (
            json(
                "PUT",
                &format!("/v1/practitioners/{OWN}/availability/2026-03-02"),
                &large,
            ),
            413,
            "payload-too-large",
            None,
        ),
        (
            json(
                "PUT",
                &format!("/v1/practitioners/{OWN}/availability/today"),
                r#"{"sessions":[]}"#,
            ),
            404,
            "not-found",
            None,
        ),
        (
            json("POST", &format!("{patient}/chart/reports"), "{}").insert_header(("if-match", "W/\"3\"")),
            412,
            "precondition-failed",
            None,
        ),
        // What has no version yet cannot be compared with one.
        (
            json("POST", book, &good).insert_header(("if-match", "\"3\"")),
            400,
            "malformed-request",
            None,
        ),
        (
            json("POST", book, &good).insert_header(("if-none-match", "*")),
            400,
            "malformed-request",
            None,
        ),
        (
            json("POST", &format!("{patient}/chart/reports"), "{}")
                .append_header(("if-match", "\"3\""))
                .append_header(("if-match", "\"4\"")),
            400,
            "malformed-request",
            None,
        ),
        (
            json("POST", book, &good)
                .append_header(("idempotency-key", "one"))
                .append_header(("idempotency-key", "other")),
            400,
            "malformed-request",
            None,
        ),
        (
            json("POST", "/v1/patients/search", r#"{"name":" "}"#),
            422,
            "invalid",
            Some("/name"),
        ),
        (
            json("POST", "/v1/patients/search", r#"{"name":"o","limit":0}"#),
            422,
            "invalid",
            Some("/limit"),
        ),
        (
            json("POST", "/v1/patients/search", r#"{"name":"o","cursor":"Okafor"}"#),
            422,
            "invalid",
            Some("/cursor"),
        ),
        (request("GET", "/v1/patients/nobody"), 404, "not-found", None),
        (
            request("GET", "/v1/patients/00000000-0000-0000-0000-000000000009"),
            404,
            "not-found",
            None,
        ),
        (request("GET", "/v1/nothing"), 404, "not-found", None),
        (request("GET", "/nothing"), 404, "not-found", None),
        (request("DELETE", &patient), 405, "method-not-allowed", None),
        (request("GET", "/v1/patients?limit=0"), 400, "malformed-request", None),
        (
            request("GET", "/v1/patients?limit=many"),
            400,
            "malformed-request",
            None,
        ),
        (request("GET", "/v1/patients?cursor=!"), 400, "malformed-request", None),
        (
            request("GET", "/v1/patients?name=Okafor"),
            400,
            "malformed-request",
            None,
        ),
        (
            request("GET", "/v1/appointments?from=yesterday"),
            400,
            "malformed-request",
            None,
        ),
        (
            request("GET", "/v1/appointments?status=lost"),
            400,
            "malformed-request",
            None,
        ),
        (
            request("GET", "/v1/slots?from=2026-03-02T00:00:00Z&until=2026-03-01T00:00:00Z"),
            400,
            "malformed-request",
            None,
        ),
        (request("GET", "/v1/events?from=8&to=7"), 400, "malformed-request", None),
        (
            request("GET", "/v1/events?to=9223372036854775808"),
            400,
            "malformed-request",
            None,
        ),
        (
            request(
                "GET",
                "/v1/events?since=2026-03-02T00:00:00Z&until=2026-03-01T00:00:00Z",
            ),
            400,
            "malformed-request",
            None,
        ),
    ] {
        let (got, problem) = answer(&api, request).await;
        assert_eq!(
            (got, problem["type"].as_str().unwrap()),
            (status, &*format!("/problems/{slug}")),
            "{problem}"
        );
        if let Some(pointer) = pointer {
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        }
        assert!(!problem.to_string().contains("Okafor"), "{problem}");
    }
    assert_eq!(world.executor.executed.load(Ordering::Relaxed), 0);
}

#[actix_web::test]
async fn a_parameter_that_is_wrong_is_named() {
    let world = World::new();
    let api = Api::of(&world).await;
    for (query, name) in [
        ("/v1/patients?limit=abc", "`limit`"),
        ("/v1/patients?limit=5&name=Okafor", "`name`"),
        ("/v1/appointments?from=Okafor", "`from`"),
        ("/v1/slots?practitioner=Okafor", "`practitioner`"),
        ("/v1/appointments?status=Okafor", "`status`"),
        ("/v1/events?stream=Okafor", "`stream`"),
        ("/v1/events?stream=0x00", "`stream`"),
        ("/v1/events?from=-1", "`from`"),
        ("/v1/events?to=Okafor", "`to`"),
        ("/v1/events?void=Okafor", "`void`"),
        ("/v1/events?since=Okafor", "`since`"),
        ("/v1/events?until=2026-03-01", "`until`"),
        ("/v1/events?patient=Okafor", "`patient`"),
    ] {
        let (status, problem) = answer(&api, request("GET", query)).await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(status == 400 && detail.contains(name), "{query}: {problem}");
        assert!(
            !detail.contains("Okafor") && !detail.contains("u32"),
            "{query}: {problem}"
        );
    }
}

#[actix_web::test]
async fn what_cannot_be_shown_later_is_not_issued_to_who_does_not_wait() {
    let world = World::new();
    let api = Api::of(&world).await;
    let issue = TestRequest::post()
        .uri(&format!("/v1/accounts/{OWN}/keys"))
        .insert_header(("authorization", format!("Bearer {}", token("administrator"))))
        .insert_header(("prefer", "respond-async"))
        .set_json(json!({ "scopes": ["read"] }));
    let (status, problem) = answer(&api, issue).await;
    assert_eq!(
        (status, &problem["type"]),
        (400, &json!("/problems/malformed-request")),
        "{problem}"
    );
    assert_eq!(world.executor.executed.load(Ordering::Relaxed), 0);
}

/// What a body gets in which one member of a good one is replaced.
async fn replaced(api: &Api, path: &str, good: &Value, pointer: &str, by: &Value) -> (u16, Value) {
    let mut body = good.clone();
    *body.pointer_mut(pointer).unwrap() = by.clone();
    let got = answer(api, json("POST", path, &body.to_string())).await;
    let executed = &api.world.executor.executed;
    assert_eq!(executed.load(Ordering::Relaxed), 0, "{pointer}: {by}");
    got
}

#[actix_web::test]
async fn a_value_that_makes_no_sense_is_pointed_at_and_not_repeated() {
    let api = Api::of(&World::new()).await;
    let name = json!({"family": "Okafor", "given": ["Ada"]});
    let patient = json!({"details": {
        "name": name, "birthDate": "1990-01-01", "gender": "female", "email": "ada@example.org", "phone": "+44",
        "deceased": {"at": "2020-01-01T00:00:00Z"},
    }});
    let doctor = json!({"details": {
        "name": name, "gender": "female", "specializations": [{"text": "Cardiology"}], "timeZone": "Europe/London",
    }});
    let visit = json!({
        "identifier": {"system": "urn:x", "value": "1"}, "patient": OWN, "practitioner": OWN,
        "start": "2020-03-02T12:00:00Z", "minutes": 20, "outcome": "completed",
    });
    let long = "x".repeat(201);
    let cases = [
        ("/v1/patients", &patient, "/details/name/family", json!("")),
        ("/v1/patients", &patient, "/details/name/family", json!("\u{200b} ")),
        ("/v1/patients", &patient, "/details/name/family", json!("Oka\0for")),
        (
            "/v1/patients",
            &patient,
            "/details/name/family",
            json!("Oka\u{202e}for"),
        ),
        (
            "/v1/patients",
            &patient,
            "/details/name/family",
            json!("Oka\u{2028}for"),
        ),
        ("/v1/patients", &patient, "/details/name/family", json!(long)),
        ("/v1/patients", &patient, "/details/name/family", json!(null)),
        ("/v1/patients", &patient, "/details/name/given/0", json!(7)),
        ("/v1/patients", &patient, "/details/name/given", json!("Okafor")),
        ("/v1/patients", &patient, "/details/birthDate", json!("0000-01-01")),
        ("/v1/patients", &patient, "/details/birthDate", json!("9999-12-31")),
        ("/v1/patients", &patient, "/details/birthDate", json!("2023-02-29")),
        (
            "/v1/patients",
            &patient,
            "/details/birthDate",
            json!("1990-01-01T00:00:00Z"),
        ),
        ("/v1/patients", &patient, "/details/birthDate", json!(19_900_101)),
        (
            "/v1/patients",
            &patient,
            "/details/deceased",
            json!("2020-01-01T00:00:00"),
        ),
        ("/v1/patients", &patient, "/details/gender", json!("Okafor")),
        ("/v1/patients", &patient, "/details/gender", json!(null)),
        ("/v1/patients", &patient, "/details/gender", json!(5)),
        ("/v1/patients", &patient, "/details/gender", json!([])),
        ("/v1/patients", &patient, "/details/gender", json!({})),
        ("/v1/patients", &patient, "/details/deceased", json!(true)),
        ("/v1/patients", &patient, "/details/deceased", json!({})),
        ("/v1/patients", &patient, "/details/deceased/at", json!("2020")),
        ("/v1/visits", &visit, "/outcome", json!(null)),
        ("/v1/visits", &visit, "/outcome", json!(5)),
        ("/v1/patients", &patient, "/details/email", json!("Okafor")),
        ("/v1/patients", &patient, "/details/email", json!("..@..")),
        ("/v1/patients", &patient, "/details/phone", json!("\u{1b}[2J")),
        (
            "/v1/practitioners",
            &doctor,
            "/details/timeZone",
            json!("Mars/Olympus_Mons"),
        ),
        ("/v1/practitioners", &doctor, "/details/timeZone", json!("+09:00")),
        ("/v1/practitioners", &doctor, "/details/specializations", json!([])),
        ("/v1/visits", &visit, "/minutes", json!(0)),
        ("/v1/visits", &visit, "/minutes", json!(u32::MAX)),
        ("/v1/visits", &visit, "/minutes", json!(u64::MAX)),
        ("/v1/visits", &visit, "/minutes", json!(-20)),
        ("/v1/visits", &visit, "/minutes", json!(1.5)),
        ("/v1/visits", &visit, "/start", json!("9999-12-31T23:59:59Z")),
        ("/v1/visits", &visit, "/patient", json!("Okafor")),
    ];
    for (path, good, pointer, by) in cases {
        let (status, problem) = replaced(&api, path, good, pointer, &by).await;
        assert_eq!(
            (status, &problem["type"]),
            (422, &json!("/problems/invalid")),
            "{by}: {problem}"
        );
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{by}: {problem}");
        assert!(!problem.to_string().contains("Okafor"), "{problem}");
    }
    let (status, problem) = replaced(&api, "/v1/visits", &visit, "/practitioner", &Value::Null).await;
    assert_eq!(
        (status, &problem["errors"][0]["pointer"]),
        (422, &json!("")),
        "{problem}"
    );
}

#[actix_web::test]
async fn what_is_no_json_or_no_cursor_or_no_parameter_is_malformed() {
    let world = World::new();
    let api = Api::of(&world).await;
    let (open, close) = (r#"{"a":"#.repeat(20_000), "}".repeat(20_000));
    let deep = format!(r#"{{"practitioner":{open}1{close}}}"#);
    let long_key = "x".repeat(256);
    for (request, status, slug) in [
        (
            json("POST", "/v1/patients", r#"{"details":{"name":{"family":"\ud800"}}}"#),
            400,
            "malformed-json",
        ),
        (json("POST", "/v1/visits", r#"{"minutes":1e999}"#), 422, "invalid"),
        (json("POST", "/v1/visits", "\u{feff}{}"), 400, "malformed-json"),
        (json("POST", "/v1/appointments", &deep), 422, "invalid"),
        (
            json("POST", "/v1/appointments", r#"{"patient":null,"patient":null}"#),
            422,
            "invalid",
        ),
        (
            json("POST", "/v1/appointments", "{}").insert_header(("idempotency-key", long_key)),
            400,
            "malformed-request",
        ),
        (request("GET", "/v1/patients?limit=1&limit=2"), 400, "malformed-request"),
        (request("GET", "/v1/patients?limit=-1"), 400, "malformed-request"),
        (
            request("GET", "/v1/patients?limit=99999999999"),
            400,
            "malformed-request",
        ),
        (request("GET", "/v1/patients?cursor="), 400, "malformed-request"),
        (
            request("GET", "/v1/appointments?patient=Okafor"),
            400,
            "malformed-request",
        ),
        (
            request("GET", "/v1/appointments?from=9999-12-31"),
            400,
            "malformed-request",
        ),
        (
            request("GET", "/v1/slots?from=2026-03-29T02:30:00"),
            400,
            "malformed-request",
        ),
        (
            request("GET", "/v1/slots?from=2026-03-01T00:00:00Z&until=2026-09-01T00:00:00Z"),
            400,
            "malformed-request",
        ),
        (
            request("GET", "/v1/admin/status?contentHashes=Okafor"),
            400,
            "malformed-request",
        ),
    ] {
        let (got, problem) = answer(&api, request).await;
        let expected = format!("/problems/{slug}");
        assert_eq!((got, &problem["type"]), (status, &json!(expected)), "{problem}");
        assert!(!problem.to_string().contains("Okafor"), "{problem}");
    }
    assert_eq!(world.executor.executed.load(Ordering::Relaxed), 0);
}

#[actix_web::test]
async fn what_is_said_of_a_query_is_true() {
    let world = World::new();
    let same = "/v1/slots?from=2026-03-02T00:00:00Z&until=2026-03-02T00:00:00Z";
    let api = Api::of(&world).await;
    let nothing_between = api.call(request("GET", same)).await;
    assert_eq!(nothing_between.status(), 200);
    for (path, detail) in [
        (
            "/v1/slots?limit=a",
            "The parameter `limit` must be a whole number, neither negative nor too large.",
        ),
        ("/v1/slots?limit=1&limit=2", "The query: duplicate field \"limit\"."),
        (
            "/v1/slots?from=9999-12-31T23:59:59Z",
            "The parameter `from` must be a date and time with its offset, from 1800 to 2200, such as 2026-03-01T09:00:00+01:00 or \
             2026-03-01T08:00:00Z.",
        ),
    ] {
        let (status, problem) = answer(&api, request("GET", path)).await;
        assert_eq!((status, problem["detail"].as_str()), (400, Some(detail)), "{path}");
    }
}

#[actix_web::test]
async fn what_is_wrong_is_said_as_a_problem_whoever_finds_it() {
    let world = World::new();
    let api = Api::of(&world).await;
    for (request, status) in [
        (
            request("GET", "/v1/me").insert_header(("accept-encoding", "br;q=1, *;q=0")),
            406,
        ),
        (request("GET", "/docs/nothing.js"), 404),
        (request("POST", "/openapi.json"), 404),
        (request("GET", "/v1/patients/%FF"), 404),
        (request("GET", "/problems/nothing"), 404),
        (request("BREW", "/v1/me"), 405),
        (request("OPTIONS", "/v1/me"), 405),
    ] {
        let (got, problem) = answer(&api, request).await;
        assert_eq!(got, status, "{problem}");
    }
}

#[actix_web::test]
async fn a_method_that_is_not_allowed_is_told_which_are() {
    let world = World::new();
    let api = Api::of(&world).await;
    let response = api.call(request("DELETE", "/v1/patients")).await;
    assert_eq!(response.headers().get("allow").unwrap(), "POST, GET, HEAD");
}

#[actix_web::test]
async fn who_has_the_current_version_gets_no_body() {
    let world = World::new();
    let api = Api::of(&world).await;
    let path = format!("/v1/patients/{OWN}");
    let first = api.call(request("GET", &path)).await;
    let tag = first.headers().get("etag").unwrap().clone();
    let again = request("GET", &path).insert_header(("if-none-match", tag));
    assert_eq!(api.call(again).await.status(), 304);
}

#[actix_web::test]
async fn pages_lead_from_one_to_the_next() {
    let world = World::new();
    let api = Api::of(&world).await;
    let response = api.call(request("GET", "/v1/patients?limit=1")).await;
    assert!(response.headers().contains_key("link"));
    let page: Value = read_body_json(response).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let response = api.call(request("GET", page["next"].as_str().unwrap())).await;
    let last: Value = read_body_json(response).await;
    assert_eq!(last["items"].as_array().unwrap().len(), 1);
    assert!(last.get("next").is_none());
}

/// Where a page ends.
async fn cursor_of(api: &Api, request: TestRequest) -> String {
    let page: Value = read_body_json(api.call(request).await).await;
    page["nextCursor"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_cursor_is_good_for_its_list_by_its_filters_and_for_no_other() {
    let world = World::new();
    let api = Api::of(&world).await;
    let search = |name: &str, cursor: Option<&str>| {
        let body = json!({ "name": name, "cursor": cursor, "limit": 1 });
        json("POST", "/v1/patients/search", &body.to_string())
    };
    let all = cursor_of(&api, request("GET", "/v1/patients?limit=1")).await;
    let found = cursor_of(&api, search("o", None)).await;
    let hearts = cursor_of(&api, request("GET", "/v1/practitioners?limit=1&specialization=cardio")).await;
    for good in [
        request("GET", &format!("/v1/patients?cursor={all}")),
        request("GET", &format!("/v1/patients?limit=7&cursor={all}")),
        search("o", Some(&found)),
        request(
            "GET",
            &format!("/v1/practitioners?specialization=cardio&cursor={hearts}"),
        ),
    ] {
        assert_eq!(api.call(good).await.status(), 200);
    }
    for path in [
        format!("/v1/patients?cursor={found}"),
        format!("/v1/practitioners?cursor={hearts}"),
        format!("/v1/practitioners?specialization=derma&cursor={hearts}"),
        format!("/v1/practitioners?cursor={all}"),
        format!("/v1/practitioners/{OWN}/patients?cursor={all}"),
        format!("/v1/appointments?cursor={all}"),
    ] {
        let (status, problem) = answer(&api, request("GET", &path)).await;
        let detail = "The cursor is not one of this server's for this list and these filters.";
        assert_eq!(
            (status, problem["detail"].as_str()),
            (400, Some(detail)),
            "{path}: {problem}"
        );
    }
    for strange in [search("o", Some(&all)), search("a", Some(&found))] {
        let (status, problem) = answer(&api, strange).await;
        assert_eq!(
            (status, &problem["errors"][0]["pointer"]),
            (422, &json!("/cursor")),
            "{problem}"
        );
    }
}

#[actix_web::test]
async fn nothing_is_given_twice_in_a_list_that_is_a_set() {
    let identifier = json!({ "system": "urn:x", "value": "1" });
    let mut patient = json!({
        "details": { "name": { "family": "Okafor" }, "birthDate": "1990-01-01", "gender": "female" },
    });
    patient["details"]["otherIdentifiers"] = json!([identifier]);
    let doctor = json!({
        "details": {
            "name": { "family": "Okafor" }, "gender": "female", "timeZone": "UTC",
            "specializations": [{ "text": "Cardiology" }], "otherIdentifiers": [identifier],
        },
    });
    let [lookup, key] = [json!({ "identifiers": [identifier] }), json!({ "scopes": ["read"] })];
    let keys = format!("/v1/accounts/{OWN}/keys");
    for (path, role, good, list) in [
        ("/v1/patients", "hospital", &patient, "/details/otherIdentifiers"),
        ("/v1/patients/lookup", "hospital", &lookup, "/identifiers"),
        ("/v1/practitioners", "hospital", &doctor, "/details/otherIdentifiers"),
        ("/v1/practitioners/lookup", "patient", &lookup, "/identifiers"),
        (&keys, "administrator", &key, "/scopes"),
    ] {
        let send = |body: &Value| {
            json("POST", path, &body.to_string()).insert_header(("authorization", format!("Bearer {}", token(role))))
        };
        let world = World::new();
        let api = Api::of(&world).await;
        assert!(api.call(send(good)).await.status().is_success());
        let mut twice = good.clone();
        let items = twice.pointer_mut(list).unwrap().as_array_mut().unwrap();
        items.push(items[0].clone());
        let (status, problem) = answer(&api, send(&twice)).await;
        let finding = json!([{ "pointer": format!("{list}/1"), "detail": "must not be given twice" }]);
        assert_eq!((status, &problem["errors"]), (422, &finding), "{problem}");
    }
}

/// Where every value in a body stands.
fn places(body: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match body {
        Value::Object(members) => members
            .iter()
            .for_each(|(name, value)| places(value, &format!("{at}/{name}"), found)),
        Value::Array(items) => {
            (items.iter().enumerate()).for_each(|(index, value)| places(value, &format!("{at}/{index}"), found))
        }
        _ => {}
    }
}

/// The operations with a body, each with an example of it.
fn examples() -> Vec<(String, String, Value)> {
    let document = serde_json::to_value(crate::openapi::document()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let content = &operation["requestBody"]["content"]["application/json"];
            if !content.is_null() {
                let path = path.replace("{id}", &OWN.to_string()).replace("{day}", "2026-03-02");
                let mut example = content["example"].clone();
                for who in ["patient", "practitioner"] {
                    if let Some(who) = example.get_mut(who).filter(|who| who.is_string()) {
                        // Somebody who exists.
                        *who = json!(OWN);
                    }
                }
                found.push((method.to_uppercase(), path, example));
            }
        }
    }
    found
}

#[actix_web::test]
async fn whatever_is_wrong_in_a_body_is_said_in_words_of_the_interface_where_it_stands() {
    let world = World::new();
    let api = Api::of(&world).await;
    let wrong = [
        json!(null),
        json!(true),
        json!(-1.5),
        json!("Okafor"),
        json!([7]),
        json!({ "Okafor, Ada": null }),
        json!({ "male": null }),
    ];
    let mut said = std::collections::BTreeSet::new();
    for (method, path, example) in examples() {
        assert!(example.is_object(), "{method} {path} has no example");
        let mut all = Vec::new();
        places(&example, "", &mut all);
        for (place, wrong) in all
            .iter()
            .flat_map(|place| wrong.iter().map(move |wrong| (place, wrong)))
        {
            let mut body = example.clone();
            *body.pointer_mut(place).unwrap() = wrong.clone();
            let response = api.call(json(&method, &path, &body.to_string())).await;
            // Some of these values are right in some places.
            if response.status() != 422 {
                continue;
            }
            let problem: Value = read_body_json(response).await;
            for error in problem["errors"].as_array().into_iter().flatten() {
                let pointer = error["pointer"].as_str().unwrap();
                assert!(
                    pointer.starts_with(place.as_str()) || place.starts_with(pointer),
                    "{path} {place}: {problem}"
                );
                said.insert(error["detail"].as_str().unwrap().to_owned());
            }
            assert!(!problem.to_string().contains("Okafor"), "{path} {place}: {problem}");
        }
    }
    assert!(said.len() > 10, "{said:?}");
    for detail in &said {
        let plain = [
            "must ",
            "is not known here",
            "missing field ",
            "names nothing that exists",
            "only a hospital",
        ];
        assert!(plain.iter().any(|plain| detail.starts_with(plain)), "{detail}");
        for word in [
            "expected",
            "unit",
            "variant",
            "struct",
            "enum",
            "sequence",
            "formatted",
            "u32",
            "`",
        ] {
            assert!(!detail.split(' ').any(|said| said == word), "{detail}");
        }
    }
}

#[actix_web::test]
async fn when_the_store_of_sessions_is_away_nobody_is_let_in() {
    let world = World::new();
    let api = Api::of(&world).await;
    *world.sessions.away.lock().unwrap() = true;
    let (status, problem) = answer(&api, request("GET", "/v1/me")).await;
    assert_eq!(
        (status, &problem["type"]),
        (503, &"/problems/database-unavailable".into())
    );
}

#[actix_web::test]
async fn too_much_at_once_is_refused() {
    let world = World::new();
    let world = World {
        settings: crate::HttpSettings {
            concurrency: 0,
            ..world.settings.clone()
        },
        ..world
    };
    let api = Api::of(&world).await;
    let (status, problem) = answer(&api, request("GET", "/v1/me")).await;
    assert_eq!((status, &problem["type"]), (503, &"/problems/overloaded".into()));
}
