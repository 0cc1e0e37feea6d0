//! How an export is written: to its end, or not at all.

use std::time::Duration;

use actix_web::body::to_bytes;
use actix_web::dev::ServiceResponse;
use actix_web::test::TestRequest;
use serde_json::Value;

use super::fakes::{Api, OWN, World, token};

async fn export(api: &Api) -> ServiceResponse {
    let request = TestRequest::get().uri("/v1/me/export");
    api.call(request.insert_header(("authorization", format!("Bearer {}", token("patient")))))
        .await
}

#[actix_web::test]
async fn of_who_is_erased_meanwhile_an_export_breaks_off() {
    let world = World::new();
    let api = Api::of(&world).await;
    let whole = to_bytes(export(&api).await.into_body()).await.unwrap();
    let whole: Value = serde_json::from_slice(&whole).unwrap();
    assert_eq!(whole["patient"]["id"], OWN.to_string());

    *world.queries.found_so_often.lock().unwrap() = Some(1);
    let begun = export(&api).await;
    assert_eq!(begun.status(), 200, "they are there when it begins");
    assert!(to_bytes(begun.into_body()).await.is_err());
}

#[actix_web::test]
async fn each_has_one_export_at_a_time_and_who_hangs_up_another_one() {
    let api = Api::of(&World::new()).await;
    let begun = export(&api).await;
    let refused = export(&api).await;
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    drop(begun);
    let again = async {
        while export(&api).await.status() != 200 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), again).await.unwrap();
}
