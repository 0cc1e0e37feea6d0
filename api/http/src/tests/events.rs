//! The list of the log's entries: what is asked for reaches the log, and what is answered is what an auditor may see.

use actix_web::test::{TestRequest, read_body_json};
use application::log::StreamId;
use application::ports::entries::EntryFilter;
use application::ports::queries::Page;
use serde_json::{Value, json};

use super::fakes::{Api, World, token};

async fn listed(api: &Api, query: &str) -> Value {
    let request = TestRequest::get()
        .uri(&format!("/v1/events{query}"))
        .insert_header(("authorization", format!("Bearer {}", token("auditor"))));
    let response = api.call(request).await;
    assert_eq!(response.status(), 200, "{query}");
    read_body_json(response).await
}

#[actix_web::test]
async fn the_log_is_asked_for_what_the_filters_say() {
    let world = World::new();
    let api = Api::of(&world).await;
    listed(&api, "").await;
    let stream = format!("0x{}", "0b".repeat(32));
    let filters = "from=4&to=9&void=false&since=2026-03-01T09:00:00%2B01:00&until=2026-03-02T00:00:00Z&limit=7";
    listed(&api, &format!("?stream={stream}&{filters}")).await;
    let page = |limit| Page { after: None, limit };
    let filter = EntryFilter {
        stream: Some(StreamId([11; 32])),
        from: Some(4),
        to: Some(9),
        void: Some(false),
        since: Some("2026-03-01T08:00:00Z".parse().unwrap()),
        until: Some("2026-03-02T00:00:00Z".parse().unwrap()),
    };
    // One more than is shown tells whether there is another page.
    let expected = [(EntryFilter::default(), page(51)), (filter, page(8))];
    assert_eq!(*world.entries.asked.lock().unwrap(), expected);
}

#[actix_web::test]
async fn an_entry_is_shown_by_its_place_its_writer_and_its_times_alone() {
    let api = Api::of(&World::new()).await;
    let page = listed(&api, "").await;
    let entry = &page["items"][0];
    assert_eq!(
        entry,
        &json!({
            "position": 7, "stream": format!("0x{}", "07".repeat(32)), "version": 2, "block": 9, "blockTime": entry["blockTime"],
            "transaction": format!("0x{}", "09".repeat(32)), "finality": "included",
            "writer": "0x0404040404040404040404040404040404040404", "index": 0, "count": 1, "kind": "void",
            "void": "not-authentic",
        })
    );
    assert!(entry["blockTime"].is_string());
}
