//! What every answer does for its caller's safety.

use std::sync::{Arc, Mutex};

use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, read_body};
use serde_json::{Value, json};

use super::fakes::{Api, OWN, World, token};

async fn answer(api: &Api, request: TestRequest) -> (u16, HeaderMap, String) {
    let response = api.call(request).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = read_body(response).await;
    (status, headers, String::from_utf8_lossy(&body).into_owned())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[actix_web::test]
async fn nothing_between_here_and_the_caller_keeps_an_answer_or_shows_it_elsewhere() {
    let world = World::new();
    let api = Api::of(&world).await;
    for path in [
        "/v1/me",
        "/v1/nothing",
        "/nothing",
        "/problems/invalid",
        "/docs/",
        "/openapi.json",
    ] {
        let (_, headers, _) = answer(&api, TestRequest::get().uri(path)).await;
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("strict-transport-security", "max-age=31536000"),
        ] {
            assert_eq!(text(&headers, name), value, "{path}: {name}");
        }
        let policy = text(&headers, "content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert_eq!(
            policy.contains("script-src 'self'"),
            path == "/docs/",
            "{path}: {policy}"
        );
    }
}

#[actix_web::test]
async fn a_browser_is_led_to_the_documentation_and_a_program_is_told_where_it_is() {
    let world = World::new();
    let api = Api::of(&world).await;
    let ask = |accept: &'static str| TestRequest::get().uri("/").insert_header(("accept", accept));
    let browser = ask("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
    let (status, headers, _) = answer(&api, browser).await;
    assert_eq!((status, text(&headers, "location")), (302, "/docs/"));
    for accept in ["*/*", "application/json"] {
        let (status, _, body) = answer(&api, ask(accept)).await;
        let home: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(status, 200);
        for at in ["documentation", "openapi", "health"] {
            let (status, ..) = answer(&api, TestRequest::get().uri(home[at].as_str().unwrap())).await;
            assert_eq!(status, 200, "{at}");
        }
    }
    assert_eq!(answer(&api, TestRequest::get().uri("/favicon.ico")).await.0, 204);
    let (_, headers, document) = answer(&api, TestRequest::get().uri("/openapi.yaml")).await;
    assert_eq!(text(&headers, "content-type"), "application/yaml");
    assert_eq!(document, crate::openapi::yaml().unwrap());
}

#[actix_web::test]
async fn where_get_is_answered_head_is_too() {
    let world = World::new();
    let api = Api::of(&world).await;
    let head = |path: &str| TestRequest::with_uri(path).method(actix_web::http::Method::HEAD);
    for path in [
        "/",
        "/health/live",
        "/docs/",
        "/openapi.json",
        "/v1/me",
        "/v1/nothing",
        "/v1/appointments",
    ] {
        let known =
            |request: TestRequest| request.insert_header(("authorization", format!("Bearer {}", token("hospital"))));
        let (whole, mut expected, _) = answer(&api, known(TestRequest::get().uri(path))).await;
        let (status, mut headers, _) = answer(&api, known(head(path))).await;
        expected.remove("x-request-id");
        headers.remove("x-request-id");
        assert_eq!(
            (status, format!("{headers:?}")),
            (whole, format!("{expected:?}")),
            "{path}"
        );
    }
    let (status, headers, _) = answer(&api, head("/v1/auth/nonce")).await;
    assert_eq!((status, text(&headers, "allow")), (405, "POST"));
    let (status, headers, _) = answer(&api, TestRequest::delete().uri("/v1/me")).await;
    assert_eq!((status, text(&headers, "allow")), (405, "GET, HEAD"));
}

#[actix_web::test]
async fn the_documentations_pages_need_no_more_than_they_may() {
    let world = World::new();
    let api = Api::of(&world).await;
    let (status, _, page) = answer(&api, TestRequest::get().uri("/docs/")).await;
    assert_eq!(status, 200);
    let scripts: Vec<_> = page.match_indices("<script").map(|(at, _)| &page[at..]).collect();
    assert!(!scripts.is_empty());
    assert!(
        scripts.iter().all(|script| script.starts_with("<script src=\"./")),
        "{page}"
    );
    assert!(!page.contains("http://") && !page.contains("https://"), "{page}");
}

#[actix_web::test]
async fn pages_of_other_sites_get_nothing() {
    let world = World::new();
    let api = Api::of(&world).await;
    let bearer = format!("Bearer {}", token("hospital"));
    for request in [
        TestRequest::get()
            .uri("/v1/me")
            .insert_header(("authorization", bearer)),
        TestRequest::with_uri("/v1/patients")
            .method(actix_web::http::Method::OPTIONS)
            .insert_header(("access-control-request-method", "POST")),
        TestRequest::post().uri("/v1/auth/nonce"),
    ] {
        let (_, headers, _) = answer(&api, request.insert_header(("origin", "https://evil.example"))).await;
        assert!(
            headers.keys().all(|name| !name.as_str().starts_with("access-control-")),
            "{headers:?}"
        );
        assert!(!headers.contains_key("set-cookie"), "{headers:?}");
    }
}

#[actix_web::test]
async fn who_is_not_let_in_is_told_how_to_ask() {
    let world = World::new();
    let api = Api::of(&world).await;
    let me = || TestRequest::get().uri("/v1/me");
    let login = TestRequest::post().uri("/v1/auth/login");
    for request in [
        me(),
        me().insert_header(("authorization", "Bearer ")),
        me().insert_header(("authorization", "Bearer s3cret-unknown")),
        me().insert_header(("authorization", "Bearer mk_s3cret-unknown")),
        me().insert_header(("authorization", format!("Basic {}", token("hospital")))),
        me().append_header(("authorization", format!("Bearer {}", token("hospital"))))
            .append_header(("authorization", "Bearer s3cret-unknown")),
        login.set_json(json!({"message": "s3cret-unknown", "signature": "s3cret-unknown"})),
    ] {
        let (status, headers, body) = answer(&api, request).await;
        assert_eq!((status, text(&headers, "www-authenticate")), (401, "Bearer"), "{body}");
        assert!(!body.contains("s3cret"), "{body}");
    }
}

/// Everything that is written to the log.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[actix_web::test]
async fn the_log_has_no_tokens_no_names_and_no_ids_of_patients_at_any_level() {
    let (world, written) = (World::new(), Written::default());
    let writer = written.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _here = tracing::subscriber::set_default(subscriber);
    let api = Api::of(&world).await;
    // Other tests may have met the same places of the program first, with nobody to write for: those are asked again.
    let _ = answer(&api, TestRequest::get().uri("/health/live")).await;
    // And those that no test may meet first from now on.
    *world.sessions.away.lock().unwrap() = true;
    let _ = answer(
        &api,
        TestRequest::get()
            .uri("/v1/me")
            .insert_header(("authorization", "Bearer ms_1")),
    )
    .await;
    *world.sessions.away.lock().unwrap() = false;
    tracing::callsite::rebuild_interest_cache();
    let bearer =
        |request: TestRequest, token: &str| request.insert_header(("authorization", format!("Bearer {token}")));
    let known = |request: TestRequest| bearer(request, &token("hospital"));
    let name = json!({"family": "Okafor"});
    let details = json!({"name": name, "birthDate": "1990-01-01", "gender": "female"});
    let register = |details: &Value| {
        TestRequest::post()
            .uri("/v1/patients")
            .set_json(json!({ "details": details }))
    };
    let mut wrong = details.clone();
    wrong["Okafor"] = json!("Okafor");
    for (request, expected) in [
        (known(register(&details)), 201),
        (known(register(&wrong)), 422),
        (
            known(register(&details)).insert_header(("idempotency-key", "Okafor")),
            201,
        ),
        (known(TestRequest::get().uri(&format!("/v1/patients/{OWN}"))), 200),
        (
            known(TestRequest::get().uri("/v1/practitioners?specialization=Okafor")),
            200,
        ),
        (
            known(
                TestRequest::post()
                    .uri("/v1/patients/search")
                    .set_json(json!({"name": "Okafor"})),
            ),
            200,
        ),
        (known(TestRequest::get().uri("/v1/patients/Okafor")), 404),
        (bearer(TestRequest::get().uri("/v1/me"), "mk_s3cret"), 401),
        (
            TestRequest::post()
                .uri("/v1/auth/login")
                .set_json(json!({"message": "s3cret", "signature": "s3cret"})),
            401,
        ),
    ] {
        let (status, _, body) = answer(&api, request).await;
        assert_eq!(status, expected, "{body}");
    }
    // What fails is told with its cause.
    *world.sessions.away.lock().unwrap() = true;
    assert_eq!(
        answer(&api, bearer(TestRequest::get().uri("/v1/me"), "ms_s3cret"))
            .await
            .0,
        503
    );
    let log = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert!(
        log.contains("/v1/patients/{id}") && log.contains("a request failed"),
        "{log}"
    );
    for secret in ["Okafor", "s3cret", &*token("hospital"), &*OWN.to_string()] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}
