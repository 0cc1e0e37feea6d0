//! A patient takes all along that is known of them, in one document.

use serde_json::{Value, json};
use tests::people::Person;
use tests::system::until;

use super::grants::{World, registered};

const PATH: &str = "/v1/me/export";

/// The items of all pages of a list.
async fn pages(world: &World, path: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = world.system.get(&format!("{path}{cursor}"), &world.token).await;
        assert_eq!(status, 200, "{page}");
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("{}cursor={next}", if path.contains('?') { "&" } else { "?" }),
            None => return items,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_takes_along_what_every_endpoint_shows_them_however_long_the_lists_are() {
    let world = World::open("Xport").await;
    let (system, token) = (&world.system, &world.token);
    world.give(&world.to_the_doctor(&["record"])).await;
    world.prepare(&world.to_the_doctor(&["summary"])).await;
    let symptom = json!({ "symptom": { "text": "a cough" } });
    assert_eq!(
        system
            .post(&world.path("/chart/findings"), &world.doctor, &symptom)
            .await
            .0,
        201
    );
    let opening = json!({ "reason": "Unconscious.", "categories": ["summary"] });
    assert_eq!(
        system
            .post(&world.path("/emergencies"), &world.doctor, &opening)
            .await
            .0,
        201
    );
    world.clinic.offer(system, 2).await;
    for slot in 0..2 {
        let booked = world.clinic.book(system, &world.patient, slot).await;
        assert_eq!(booked.0, 201, "{}", booked.1);
    }
    // More reads than are written at once.
    for _ in 0..205 {
        assert_eq!(system.get(&world.path(""), &world.clinic.key).await.0, 200);
    }
    let asking = json!({ "patient": world.patient, "grant": world.to_the_doctor(&["record"]) });
    assert_eq!(system.post("/v1/access-requests", &world.doctor, &asking).await.0, 201);
    // Somebody else is there, of whom nothing is shown.
    let (_, other, another) = registered(system, &world.clinic, 204).await;

    // All of it, however much waits for the log.
    let (status, export) = system.get(PATH, token).await;
    assert_eq!(status, 200, "{export}");
    let noted = export["notedReads"].as_array().unwrap().iter();
    let by_the_clinic = noted.filter(|read| read["shown"] == "patient" && read["reader"]["kind"] == "service");
    assert_eq!(by_the_clinic.count(), 205);

    until("all of it is in the log", async || {
        assert_eq!(system.get("/v1/me/access-log", token).await.0, 200);
        let (_, noted) = system.get("/v1/me/noted-reads", token).await;
        noted["items"] == json!([])
    })
    .await;
    let log = pages(&world, "/v1/me/access-log?limit=200").await;
    assert!(log.len() > 205, "{}", log.len());
    let (status, export) = system.get(PATH, token).await;
    assert_eq!(status, 200, "{export}");
    assert_eq!(export["reads"], json!(log));
    let noted: Vec<_> = export["notedReads"]
        .as_array()
        .unwrap()
        .iter()
        .map(|read| &read["shown"])
        .collect();
    assert_eq!(noted, [&json!("export")], "{export}");
    for (member, path) in [
        ("patient", world.path("")),
        ("chart", world.path("/chart")),
        ("treatment", world.path("/treatment")),
        ("wallet", "/v1/me/wallet".to_owned()),
    ] {
        let (status, shown) = system.get(&path, token).await;
        assert_eq!((status, &export[member]), (200, &shown), "{member}");
    }
    for (member, path, count) in [
        ("grants", world.path("/grants"), 2),
        ("emergencies", "/v1/me/emergencies".to_owned(), 1),
        ("accessRequests", "/v1/me/access-requests".to_owned(), 1),
        ("appointments", "/v1/appointments".to_owned(), 2),
        ("practitioners", world.path("/practitioners"), 1),
    ] {
        let shown = pages(&world, &path).await;
        assert_eq!((&export[member], shown.len()), (&json!(shown), count), "{member}");
    }
    assert!(!export.to_string().contains(&another));

    // Each is told as one read.
    let log = pages(&world, "/v1/me/access-log").await;
    let exports: Vec<_> = log.iter().filter(|read| read["shown"] == "export").collect();
    assert_eq!(exports.len(), 2, "{log:?}");
    assert_eq!(
        (&exports[0]["basis"], &exports[0]["reader"]["kind"]),
        (&json!("own"), &json!("patient"))
    );

    // Each is given their own, who is somebody new an empty one, and nobody else any.
    let (status, theirs) = system.get(PATH, &other).await;
    assert_eq!((status, &theirs["patient"]["id"]), (200, &json!(another)), "{theirs}");
    assert_eq!((&theirs["grants"], &theirs["appointments"]), (&json!([]), &json!([])));
    let nobody = Person::numbered(178).sign_in(system).await;
    for token in [&world.doctor, &world.clinic.key, &nobody, &system.administrator().await] {
        assert_eq!(system.get(PATH, token).await.0, 403);
    }
    assert_eq!(system.get(PATH, "").await.0, 401);
}
