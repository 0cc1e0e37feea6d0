//! Appointments and visits, for whoever a patient lets see them: all, when they come alone, or those of a period.

use serde_json::{Value, json};

use super::emergencies::open;
use super::grants::World;

/// A visit of the past, with why.
async fn visit(world: &World, day: &str) -> String {
    let body = json!({
        "identifier": { "system": "urn:visits", "value": day }, "patient": world.patient, "practitioner": world.clinic.doctor,
        "start": format!("{day}T09:00:00Z"), "minutes": 20, "outcome": "completed", "reason": { "text": "a cough" },
    });
    let (status, recorded) = world.system.post("/v1/visits", &world.clinic.key, &body).await;
    assert_eq!(status, 201, "{recorded}");
    recorded["id"].as_str().unwrap().to_owned()
}

/// What somebody is shown, page by page: ids, and whether it says why.
async fn shown(world: &World, who: &str) -> Vec<(String, bool)> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = world.path(&format!("/appointments?limit=1{cursor}"));
        let (status, page) = world.system.get(&path, who).await;
        assert_eq!(status, 200, "{page}");
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let is_part = who == world.doctor;
    assert!(
        items.iter().all(|item: &Value| item["version"].is_null() == is_part),
        "{items:?}"
    );
    let told = |item: &Value| (item["id"].as_str().unwrap().to_owned(), !item["reason"].is_null());
    items.iter().map(told).collect()
}

fn of_the_period(world: &World, categories: &[&str], from: Option<&str>, until: Option<&str>) -> Value {
    let mut grant = world.to_the_doctor(categories);
    for (name, day) in [("from", from), ("until", until)] {
        if let Some(day) = day {
            grant[name] = json!(format!("{day}T00:00:00Z"));
        }
    }
    grant
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_reads_the_visits_of_the_period_that_is_granted_and_why_only_where_that_is() {
    let world = World::open("Visits").await;
    let (old, new) = (visit(&world, "2020-03-02").await, visit(&world, "2024-06-01").await);
    world.clinic.offer(&world.system, 1).await;
    let (status, booked) = world.clinic.book(&world.system, &world.patient, 0).await;
    assert_eq!(status, 201, "{booked}");
    let to_come = booked["id"].as_str().unwrap().to_owned();
    let path = world.path("/appointments");
    let hidden = async || assert_eq!(world.system.get(&path, &world.doctor).await.0, 404);
    let all_is_over = async || {
        world.revoke("FullRevocation").await;
        hidden().await;
    };
    hidden().await;
    let own = shown(&world, &world.token).await;
    assert_eq!(own.iter().map(|(id, _)| id).collect::<Vec<_>>(), [&old, &new, &to_come]);
    let why_they_come = own[2].1;
    let whole = [
        (old.clone(), true),
        (new.clone(), true),
        (to_come.clone(), why_they_come),
    ];
    assert_eq!(own, whole);
    assert_eq!(
        shown(&world, &world.system.for_a_nurse(&world.clinic.key).await).await,
        whole
    );

    // When they come alone; and why alone, which nobody can be shown without it.
    world.give(&world.to_the_doctor(&["care"])).await;
    hidden().await;
    world.give(&world.to_the_doctor(&["appointments"])).await;
    assert_eq!(shown(&world, &world.doctor).await, whole);
    all_is_over().await;
    world.give(&world.to_the_doctor(&["appointments"])).await;
    assert_eq!(shown(&world, &world.doctor).await, [(to_come.clone(), false)]);
    world
        .give(&of_the_period(&world, &["care"], None, Some("2021-01-01")))
        .await;
    assert_eq!(
        shown(&world, &world.doctor).await,
        [(old.clone(), true), (to_come.clone(), false)]
    );
    all_is_over().await;

    // One period, and another one; what is of no time is in none.
    let record = &["record"];
    let granted = world
        .give(&of_the_period(&world, record, Some("2024-01-01"), Some("2025-01-01")))
        .await;
    assert_eq!(shown(&world, &world.doctor).await, [(new.clone(), true)]);
    for of in ["", "/chart", "/practitioners"] {
        assert_eq!(world.reads(of).await.0, 404, "{of}");
    }
    let (_, noted) = world.system.get("/v1/me/noted-reads", &world.token).await;
    let read = noted["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|read| read["grants"] == json!([granted]));
    let read = read.unwrap_or_else(|| panic!("{noted}"));
    assert_eq!(
        (&read["shown"], &read["categories"]),
        (&json!("appointments"), &json!(["care", "appointments"]))
    );
    world
        .give(&of_the_period(&world, record, Some("2025-01-01"), None))
        .await;
    assert_eq!(
        shown(&world, &world.doctor).await,
        [(new.clone(), true), (to_come.clone(), why_they_come)]
    );
    world
        .give(&of_the_period(&world, record, None, Some("2020-03-02")))
        .await;
    assert_eq!(
        shown(&world, &world.doctor).await.len(),
        2,
        "the day itself is not in it"
    );
    world
        .give(&of_the_period(&world, record, None, Some("2020-03-03")))
        .await;
    assert_eq!(shown(&world, &world.doctor).await, whole);
    all_is_over().await;

    open(&world.system, &world.doctor, &world.patient, &["appointments"]).await;
    assert_eq!(shown(&world, &world.doctor).await, [(to_come.clone(), false)]);
    world
        .give(&of_the_period(&world, record, Some("2024-01-01"), Some("2025-01-01")))
        .await;
    assert_eq!(
        shown(&world, &world.doctor).await,
        [(new.clone(), true), (to_come.clone(), false)],
        "what is granted and what is opened"
    );
    open(&world.system, &world.doctor, &world.patient, &["care"]).await;
    assert_eq!(shown(&world, &world.doctor).await, whole);
}
