//! Visits of the past: each exists once, whatever is told of it and wherever.

use futures::future::join_all;
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::clinic::Clinic;
use tests::system::{TestSystem, deployed, two_servers};

/// A visit at nine on a day of March 2020.
fn visit(number: u32, patient: &str, doctor: &str, day: u32) -> Value {
    json!({
        "identifier": { "system": "urn:test", "value": format!("visit {number}") },
        "patient": patient, "practitioner": doctor,
        "start": format!("2020-03-{day:02}T09:00:00Z"), "minutes": 15, "outcome": "open",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_who_tell_of_a_visit_differently_at_two_servers_one_is_first_and_the_others_are_refused() {
    let chain = TestChain::start().await;
    let [one, two] = two_servers(&chain).await;
    let clinics = [Clinic::open(&one, "First").await, Clinic::open(&one, "Second").await];
    let patient = clinics[0].patient(&one, "Patient").await;
    for number in 0..10 {
        let attempts = (0..12_u32).map(|attempt| {
            let (server, clinic) = if attempt % 2 == 0 { (&one, 0) } else { (&two, 1) };
            let visit = visit(number, &patient, &clinics[clinic].doctor, 1 + attempt);
            let key = &clinics[0].key;
            async move { (server.post("/v1/visits", key, &visit).await, visit) }
        });
        let answers = join_all(attempts).await;
        let recorded: Vec<_> = answers.iter().filter(|((status, _), _)| *status == 201).collect();
        assert_eq!(recorded.len(), 1, "visit {number}: {answers:?}");
        assert!(
            answers.iter().all(|((status, _), _)| matches!(status, 201 | 409)),
            "{answers:?}"
        );
        let ((_, answer), told) = recorded[0];
        let path = format!("/v1/appointments/{}", answer["id"].as_str().unwrap());
        let (status, shown) = one.get(&path, &clinics[0].key).await;
        assert_eq!(status, 200, "{shown}");
        assert_eq!(shown["practitioner"], told["practitioner"], "{shown}");
        assert_eq!(shown["start"], told["start"], "{shown}");
    }
    two.stop().await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_is_recorded_once_begun_and_what_becomes_of_it_is_recorded_too() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::start(&chain, &deployment).await;
    let clinic = Clinic::open(&system, "Doctor").await;
    let patient = clinic.patient(&system, "Patient").await;

    let mut future = visit(1, &patient, &clinic.doctor, 1);
    future["start"] = json!(format!("{}T09:00:00Z", clinic.day));
    let (status, refused) = system.post("/v1/visits", &clinic.key, &future).await;
    assert_eq!(
        (status, &refused["type"]),
        (409, &json!("/problems/not-yet-begun")),
        "{refused}"
    );

    let past = visit(1, &patient, &clinic.doctor, 2);
    let (status, recorded) = system.post("/v1/visits", &clinic.key, &past).await;
    assert_eq!(status, 201, "{recorded}");
    let (status, again) = system.post("/v1/visits", &clinic.key, &past).await;
    assert_eq!((status, &again["id"]), (200, &recorded["id"]), "{again}");
    let path = format!("/v1/appointments/{}", recorded["id"].as_str().unwrap());
    let (_, shown) = system.get(&path, &clinic.key).await;
    assert_eq!(
        (&shown["day"], &shown["status"]),
        (&json!("2020-03-02"), &json!("booked")),
        "{shown}"
    );

    let (status, moved) = system
        .post(
            &format!("{path}/reschedule"),
            &clinic.key,
            &json!({ "slot": clinic.slot(clinic.day, 0) }),
        )
        .await;
    assert_eq!(
        (status, &moved["type"]),
        (409, &json!("/problems/recorded-visit")),
        "{moved}"
    );
    let (status, completed) = system.post(&format!("{path}/complete"), &clinic.key, &json!({})).await;
    assert_eq!(status, 200, "{completed}");
    let (_, shown) = system.get(&path, &clinic.key).await;
    assert_eq!(shown["status"], "completed", "{shown}");
    let day = format!("/v1/practitioners/{}/availability/2020-03-02", clinic.doctor);
    let (_, day) = system.get(&day, &clinic.key).await;
    assert_eq!(day["sessions"], json!([]), "{day}");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_that_its_source_takes_back_first_of_all_is_where_the_answer_says() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::start(&chain, &deployment).await;
    let clinic = Clinic::open(&system, "Doctor").await;
    let patient = clinic.patient(&system, "Patient").await;
    for (number, as_of) in [(1, None), (2, Some("2024-01-01T00:00:00Z"))] {
        let mut never = visit(number, &patient, &clinic.doctor, 2);
        never["outcome"] = json!("entered-in-error");
        if let Some(as_of) = as_of {
            never["asOf"] = json!(as_of);
        }
        let (status, recorded) = system.post("/v1/visits", &clinic.key, &never).await;
        assert_eq!(status, 201, "{recorded}");
        let (status, shown) = system.get(recorded["resource"].as_str().unwrap(), &clinic.key).await;
        assert_eq!((status, &shown["status"]), (200, &json!("entered-in-error")), "{shown}");
    }
    system.stop().await;
}

/// Records a visit, and answers with the status and the id.
async fn record(system: &TestSystem, key: &str, visit: &Value) -> (u16, Value) {
    let (status, answer) = system.post("/v1/visits", key, visit).await;
    (status, answer["id"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_is_known_by_every_name_that_was_told_of_it_and_by_no_other_ones() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let system = TestSystem::start(&chain, &deployment).await;
    let clinic = Clinic::open(&system, "Doctor").await;
    let named = |mut visit: Value, others: &[u32], sources: &[&str]| {
        let other = |number: &u32| json!({ "system": "urn:test", "value": format!("visit {number}") });
        visit["otherIdentifiers"] = others.iter().map(other).collect();
        visit["sources"] = json!(sources);
        visit
    };
    let told = |mut visit: Value, outcome: &str, as_of: &str| {
        (visit["outcome"], visit["asOf"], visit["corrects"]) = (json!(outcome), json!(as_of), json!(true));
        visit
    };

    // Two visits, of which one is told with the number of the other as well, stay two.
    for _ in 0..8 {
        let patient = clinic.patient(&system, "Patient").await;
        let [one, two] = [1, 2].map(|number| visit(number, &patient, &clinic.doctor, number));
        let (first, second) = (
            record(&system, &clinic.key, &one).await,
            record(&system, &clinic.key, &two).await,
        );
        assert_eq!((first.0, second.0), (201, 201));
        assert_eq!(
            record(&system, &clinic.key, &named(one.clone(), &[2], &[])).await,
            (200, first.1.clone())
        );
        assert_eq!(record(&system, &clinic.key, &one).await, (200, first.1));
        assert_eq!(record(&system, &clinic.key, &two).await, (200, second.1));
    }

    // A name that is told of one that was concluded here, or with an older state, is kept too.
    let patient = clinic.patient(&system, "Patient").await;
    let open = visit(1, &patient, &clinic.doctor, 1);
    let (_, id) = record(&system, &clinic.key, &open).await;
    let path = format!("/v1/appointments/{}", id.as_str().unwrap());
    assert_eq!(
        system
            .post(&format!("{path}/complete"), &clinic.key, &json!({}))
            .await
            .0,
        200
    );
    let further = named(open.clone(), &[11], &["0123456789abcdef"]);
    assert_eq!(record(&system, &clinic.key, &further).await, (200, id.clone()));
    for again in [
        visit(11, &patient, &clinic.doctor, 1),
        named(visit(12, &patient, &clinic.doctor, 1), &[], &["0123456789abcdef"]),
    ] {
        assert_eq!(record(&system, &clinic.key, &again).await, (200, id.clone()));
    }
    assert_eq!(system.get(&path, &clinic.key).await.1["status"], "completed");

    let newer = told(
        visit(2, &patient, &clinic.doctor, 2),
        "entered-in-error",
        "2022-01-01T00:00:00Z",
    );
    let (_, id) = record(&system, &clinic.key, &newer).await;
    let older = told(
        visit(2, &patient, &clinic.doctor, 2),
        "completed",
        "2021-01-01T00:00:00Z",
    );
    let older = named(older, &[], &["fedcba9876543210"]);
    assert_eq!(record(&system, &clinic.key, &older).await.0, 409);
    let mut by_resource = older;
    by_resource["identifier"]["value"] = json!("visit 22");
    assert_eq!(record(&system, &clinic.key, &by_resource).await.0, 409);
    assert_eq!(
        system
            .get(&format!("/v1/appointments/{}", id.as_str().unwrap()), &clinic.key)
            .await
            .1["status"],
        "entered-in-error"
    );

    // The number of a case, beside one of their own.
    let [one, two] = [31, 32].map(|number| named(visit(number, &patient, &clinic.doctor, number - 20), &[30], &[]));
    let told: Vec<_> = [
        record(&system, &clinic.key, &one).await,
        record(&system, &clinic.key, &two).await,
    ]
    .into();
    assert_eq!((told[0].0, told[1].0), (201, 201));

    // Of two that share a number, and each have one that the other has not, nothing tells that they are one but their resource.
    let patient = clinic.patient(&system, "Patient").await;
    let shared = |number: u32, others: &[u32], day| named(visit(number, &patient, &clinic.doctor, day), others, &[]);
    let case = record(&system, &clinic.key, &shared(40, &[41], 1)).await;
    let of_a_resource = |visit: Value| named(visit, &[40], &["0123456789abcdef"]);
    let own = record(&system, &clinic.key, &of_a_resource(shared(42, &[], 5))).await;
    assert_eq!((case.0, own.0), (201, 201));
    let mut renumbered = of_a_resource(shared(42, &[], 5));
    renumbered["otherIdentifiers"][0]["value"] = json!("visit 43");
    assert_eq!(record(&system, &clinic.key, &renumbered).await, (200, own.1.clone()));
    assert_eq!(record(&system, &clinic.key, &shared(42, &[44], 6)).await.0, 201);
    let mut moved = shared(42, &[40], 9);
    moved["corrects"] = json!(true);
    assert_eq!(record(&system, &clinic.key, &moved).await, (200, own.1));
    // One visit that two tell at once, by one resource and two numbers, is one.
    for number in 60..70 {
        let visits = [number, number + 100].map(|one| of_a_resource(shared(one, &[], 12)));
        let visits = visits.map(|mut visit| {
            visit["otherIdentifiers"] = json!([]);
            visit["sources"] = json!([format!("{number:016x}")]);
            visit
        });
        let both = tokio::join!(
            record(&system, &clinic.key, &visits[0]),
            record(&system, &clinic.key, &visits[1])
        );
        assert_eq!(both.0.1, both.1.1, "{both:?}");
    }
    // What may be any of several is refused.
    let (status, refused) = system.post("/v1/visits", &clinic.key, &shared(40, &[], 1)).await;
    assert_eq!(
        (status, &refused["type"]),
        (409, &json!("/problems/ambiguous")),
        "{refused}"
    );
    // Two of one case that began at one time are two.
    assert_eq!(record(&system, &clinic.key, &shared(51, &[50], 10)).await.0, 201);
    assert_eq!(record(&system, &clinic.key, &shared(52, &[50], 10)).await.0, 201);
    system.agrees_with_a_rebuild(&chain).await;
}
