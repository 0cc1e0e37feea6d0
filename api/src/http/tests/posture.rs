//! What every answer does for its caller's safety.

use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, call_service, init_service, read_body};

use super::fakes::{World, token};
use crate::http::app;

async fn answer(world: &World, request: TestRequest) -> (u16, HeaderMap, String) {
    let service = init_service(app(world.state())).await;
    let response = call_service(&service, request.to_request()).await;
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
    for path in [
        "/v1/me",
        "/v1/nothing",
        "/nothing",
        "/problems/invalid",
        "/docs/",
        "/openapi.json",
    ] {
        let (_, headers, _) = answer(&world, TestRequest::get().uri(path)).await;
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
async fn the_documentations_pages_need_no_more_than_they_may() {
    let world = World::new();
    let (status, _, page) = answer(&world, TestRequest::get().uri("/docs/")).await;
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
        let (_, headers, _) = answer(&world, request.insert_header(("origin", "https://evil.example"))).await;
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
        login.set_json(serde_json::json!({"message": "s3cret-unknown", "signature": "s3cret-unknown"})),
    ] {
        let (status, headers, body) = answer(&world, request).await;
        assert_eq!((status, text(&headers, "www-authenticate")), (401, "Bearer"), "{body}");
        assert!(!body.contains("s3cret"), "{body}");
    }
}
