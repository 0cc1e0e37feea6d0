//! Somebody asks a patient to be let into their record, and the patient decides: at the desk by a code, or among what they are asked.

use application::ports::access_requests::RequestCode;
use domain::kernel::{DataSubject, PractitionerId};
use serde_json::{Value, json};
use sqlx::PgPool;
use tests::clinic::Clinic;
use tests::people::Person;
use tests::system::{TestSystem, until};
use uuid::Uuid;

use super::grants::{World, registered};

const ASKING: &str = "/v1/access-requests";
const ASKED: &str = "/v1/me/access-requests";

fn asking(grantee: &str, categories: &[&str]) -> Value {
    json!({ "grant": { "grantee": grantee, "categories": categories, "purpose": "treatment" }, "reason": "You come to us next week." })
}

/// Asks, and answers with the path of the request.
async fn asks(system: &TestSystem, who: &str, body: &Value) -> String {
    let (status, asked) = system.post(ASKING, who, body).await;
    assert_eq!(status, 201, "{asked}");
    let path = format!("{ASKING}/{}", asked["id"].as_str().unwrap());
    assert_eq!(asked["resource"], json!(path));
    path
}

async fn read(system: &TestSystem, path: &str, who: &str) -> Value {
    let (status, request) = system.get(path, who).await;
    assert_eq!(status, 200, "{request}");
    request
}

/// What a patient is asked.
async fn asked(system: &TestSystem, token: &str) -> Vec<Value> {
    let (status, page) = system.get(ASKED, token).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().clone()
}

async fn take_up(system: &TestSystem, token: &str, code: &str) -> (u16, Value) {
    system.post(ASKED, token, &json!({ "code": code })).await
}

async fn decide(system: &TestSystem, token: &str, id: &str, how: &str) -> (u16, Value) {
    system.post(&format!("{ASKED}/{id}/{how}"), token, &json!({})).await
}

async fn rows(pool: &PgPool) -> i64 {
    let count = sqlx::query_scalar("SELECT count(*) FROM access_requests");
    count.fetch_one(pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_desk_a_patient_takes_a_code_up_approves_and_signs_and_only_then_is_anybody_let_in() {
    let world = World::open("Desk").await;
    let system = &world.system;
    let doctor = format!("practitioner/{}", world.clinic.doctor);
    let path = asks(system, &world.doctor, &asking(&doctor, &["summary"])).await;
    let request = read(system, &path, &world.doctor).await;
    assert_eq!(
        (&request["standing"], &request["patient"]),
        (&json!("waiting"), &Value::Null)
    );
    let code = request["code"].as_str().unwrap();

    // Who takes it up is asked, and nobody else.
    let (_, other, _) = registered(system, &world.clinic, 301).await;
    assert_eq!(asked(system, &world.token).await, Vec::<Value>::new());
    let as_written = code.to_lowercase().replace('-', " ");
    let (status, taken) = take_up(system, &world.token, &as_written).await;
    assert_eq!((status, &taken["resource"]), (200, &json!(ASKED)), "{taken}");
    let id = taken["id"].as_str().unwrap();
    assert_eq!(path, format!("{ASKING}/{id}"));
    assert_eq!(take_up(system, &other, code).await.0, 404, "it is taken");
    assert_eq!(take_up(system, &world.token, code).await.0, 200, "by them");
    for how in ["approve", "decline"] {
        assert_eq!(decide(system, &other, id, how).await.0, 404);
    }
    let seen = asked(system, &world.token).await;
    assert_eq!(seen.len(), 1);
    assert_eq!(
        seen[0]["asker"],
        json!({ "kind": "practitioner", "practitioner": world.clinic.doctor })
    );
    assert_eq!(seen[0]["grant"]["grantee"], json!(doctor));
    assert_eq!(seen[0]["grant"]["categories"], json!(["summary"]));
    assert_eq!(seen[0]["reason"], json!("You come to us next week."));

    // Approved is not signed, and who has asked is not told who they are.
    let (status, approved) = decide(system, &world.token, id, "approve").await;
    assert_eq!(status, 201, "{approved}");
    let grant = approved["id"].as_str().unwrap();
    assert_eq!(approved["resource"], json!(world.path(&format!("/grants/{grant}"))));
    assert_eq!(asked(system, &world.token).await[0]["prepared"], json!(grant));
    let request = read(system, &path, &world.doctor).await;
    assert_eq!(
        (&request["standing"], &request["patient"]),
        (&json!("waiting"), &Value::Null)
    );
    assert_eq!(world.reads("/chart").await.0, 404);

    let signature = world.ada.signs(&world.to_sign(grant).await);
    let (status, given) = world.hand_in(grant, &signature).await;
    assert_eq!(status, 200, "{given}");
    let request = read(system, &path, &world.doctor).await;
    assert_eq!(
        (&request["standing"], &request["patient"]),
        (&json!("granted"), &json!(world.patient))
    );
    assert_eq!(world.reads("/chart").await.0, 200);

    // That they have granted it is something of theirs, so who was told of it is noted.
    let (_, noted) = system.get("/v1/me/noted-reads", &world.token).await;
    let told = noted["items"].as_array().unwrap().iter().any(|read| {
        (&read["shown"], &read["grants"], &read["reader"]["kind"])
            == (&json!("grants"), &json!([grant]), &json!("practitioner"))
    });
    assert!(told, "{noted}");

    world.revoke(&format!("Revocation&grant={grant}")).await;
    let request = read(system, &path, &world.doctor).await;
    assert_eq!(
        (&request["standing"], &request["patient"]),
        (&json!("waiting"), &Value::Null)
    );

    // Nobody else reads what somebody has asked, nor from the table.
    for who in [
        &world.clinic.key,
        &world.token,
        &system.for_a_nurse(&world.clinic.key).await,
    ] {
        assert!([403, 404].contains(&system.get(&path, who).await.0));
    }
    let stored: String = sqlx::query_scalar("SELECT access_requests::text FROM access_requests")
        .fetch_one(&system.parts().pool)
        .await
        .unwrap();
    let bytes = code.parse::<RequestCode>().unwrap().0;
    assert!(
        stored.contains(&world.patient),
        "who is asked stands in the open: {stored}"
    );
    assert!(!stored.contains(&hex::encode(bytes)), "{stored}");
    for word in ["next week", code, &code.replace('-', "")] {
        assert!(
            !stored.contains(word) && !stored.contains(&hex::encode(word)),
            "{word}: {stored}"
        );
    }
    world.system.agrees_with_a_rebuild(&world.chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_who_is_named_finds_what_they_are_asked_and_whether_there_is_one_is_not_told() {
    let world = World::open("Named").await;
    let system = &world.system;
    let nurse = system.for_a_nurse(&world.clinic.key).await;
    let mut body = asking("organisation/1/nurse", &["medication"]);
    body["patient"] = json!(world.patient);
    let path = asks(system, &nurse, &body).await;
    body["patient"] = json!(Uuid::new_v4());
    let to_nobody = asks(system, &nurse, &body).await;
    for path in [&path, &to_nobody] {
        let request = read(system, path, &nurse).await;
        assert_eq!(
            (&request["standing"], &request["code"]),
            (&json!("waiting"), &Value::Null)
        );
    }

    let seen = asked(system, &world.token).await;
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (&seen[0]["asker"]["kind"], &seen[0]["asker"]["role"]),
        (&json!("service"), &json!("hospital"))
    );
    assert!(seen[0]["asker"]["person"].is_string(), "{seen:?}");
    let id = seen[0]["id"].as_str().unwrap();
    let (_, other, _) = registered(system, &world.clinic, 302).await;
    assert_eq!(asked(system, &other).await, Vec::<Value>::new());
    assert_eq!(decide(system, &other, id, "approve").await.0, 404);

    let (status, declined) = decide(system, &world.token, id, "decline").await;
    assert_eq!(status, 200, "{declined}");
    assert_eq!(decide(system, &world.token, id, "decline").await.0, 200, "again");
    assert_eq!(decide(system, &world.token, id, "approve").await.0, 404);
    assert_eq!(asked(system, &world.token).await, Vec::<Value>::new());
    assert_eq!(read(system, &path, &nurse).await["standing"], "declined");
    assert_eq!(read(system, &to_nobody, &nurse).await["standing"], "waiting");

    // Of who is erased nothing is left that was asked of them.
    body["patient"] = json!(world.patient);
    asks(system, &nurse, &body).await;
    let before = rows(&system.parts().pool).await;
    let signed = world
        .ada
        .signed("I have all erased that is known of me here, for ever.", system)
        .await;
    let (status, erased) = system
        .post("/v1/me/erasure", &world.token, &json!({ "signed": signed }))
        .await;
    assert_eq!(status, 200, "{erased}");
    until("it is forgotten", async || {
        rows(&system.parts().pool).await == before - 2
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_asks_for_whom_they_may_and_what_is_wrong_is_told_with_its_place() {
    let world = World::open("Asks").await;
    let system = &world.system;
    let doctor = format!("practitioner/{}", world.clinic.doctor);
    let stranger = Clinic::open(system, "Elsewhere").await;
    let another = format!("practitioner/{}", stranger.doctor);
    let nurse = system.for_a_nurse(&world.clinic.key).await;
    let with_a_system = format!("{} for {doctor}", world.clinic.key);
    for (who, grantee, may) in [
        (&world.doctor, &*doctor, true),
        (&world.doctor, &another, false),
        (&world.doctor, "organisation/1", false),
        (&world.doctor, "organisation/1/doctor", false),
        (&nurse, &doctor, true),
        (&nurse, "organisation/1", true),
        (&nurse, "organisation/1/doctor", true),
        (&nurse, "organisation/2", false),
        (&with_a_system, &doctor, true),
        (&with_a_system, "organisation/1", true),
        (&with_a_system, "organisation/2/nurse", false),
    ] {
        let (status, answer) = system.post(ASKING, who, &asking(grantee, &["record"])).await;
        let pointer = &answer["errors"][0]["pointer"];
        match may {
            true => assert_eq!(status, 201, "{grantee}: {answer}"),
            false => assert_eq!(
                (status, pointer),
                (422, &json!("/grant/grantee")),
                "{grantee}: {answer}"
            ),
        }
    }
    // A service asks for a person alone, and nobody asks who may not.
    let (status, problem) = system
        .post(ASKING, &world.clinic.key, &asking(&doctor, &["record"]))
        .await;
    assert_eq!(
        (status, &problem["type"]),
        (403, &json!("/problems/no-person")),
        "{problem}"
    );
    for who in [
        &world.token,
        &system.administrator().await,
        &Person::numbered(303).sign_in(system).await,
    ] {
        assert_eq!(system.post(ASKING, who, &asking(&doctor, &["record"])).await.0, 403);
    }
    for who in [&world.doctor, &nurse, &world.clinic.key] {
        assert_eq!(take_up(system, who, "7Q4M-2KX9").await.0, 403);
    }

    let nobody = format!("practitioner/{}", Uuid::new_v4());
    let past = json!("2020-01-01T00:00:00Z");
    let wrong = |change: fn(&mut Value, &Value)| {
        let mut body = asking(&doctor, &["record"]);
        change(&mut body, &past);
        body
    };
    for (body, pointer) in [
        (asking(&nobody, &["record"]), "/grant/grantee"),
        (asking("nobody", &["record"]), "/grant/grantee"),
        (asking(&doctor, &["record", "record"]), "/grant/categories/1"),
        (
            wrong(|body, past| body["grant"]["expiry"] = past.clone()),
            "/grant/expiry",
        ),
        (
            wrong(|body, past| {
                body["grant"]["until"] = past.clone();
                body["grant"]["from"] = json!("2021-01-01T00:00:00Z");
            }),
            "/grant/until",
        ),
        (wrong(|body, _| body["reason"] = json!("")), "/reason"),
        (wrong(|body, _| body["reason"] = json!("x".repeat(1001))), "/reason"),
    ] {
        let (status, problem) = system.post(ASKING, &nurse, &body).await;
        assert_eq!(
            (status, &problem["errors"][0]["pointer"]),
            (422, &json!(pointer)),
            "{body}: {problem}"
        );
    }
    for code in ["", "7Q4M-2KX", "7Q4M-2KXU", "0123456789"] {
        let (status, problem) = take_up(system, &world.token, code).await;
        assert_eq!(
            (status, &problem["errors"][0]["pointer"]),
            (422, &json!("/code")),
            "{code}: {problem}"
        );
    }
    assert_eq!(
        take_up(system, &world.token, "7Q4M-2KX9").await.0,
        404,
        "nobody has this code"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_repeats_a_request_has_asked_once_and_what_has_ended_is_gone() {
    let world = World::open("Again").await;
    let (system, pool) = (&world.system, &world.system.parts().pool);
    let body = asking(&format!("practitioner/{}", world.clinic.doctor), &["summary"]);
    let ask = async || {
        let request = reqwest::Client::new()
            .post(format!("{}{ASKING}", system.url))
            .bearer_auth(&world.doctor)
            .header("idempotency-key", "the same");
        request.json(&body).send().await.unwrap().json::<Value>().await.unwrap()
    };
    let (first, again) = (ask().await, ask().await);
    assert_eq!(first["id"], again["id"]);
    assert_eq!(rows(pool).await, 1);
    let path = first["resource"].as_str().unwrap().to_owned();
    let code = read(system, &path, &world.doctor).await["code"].clone();
    // As if a quarter of an hour had gone by.
    let ending = "UPDATE access_requests SET asked_at = asked_at - interval '15 minutes', expires_at = expires_at - interval '15 minutes'";
    sqlx::query(ending).execute(pool).await.unwrap();
    assert_eq!(system.get(&path, &world.doctor).await.0, 404);
    assert_eq!(take_up(system, &world.token, code.as_str().unwrap()).await.0, 404);

    // One that is taken up in the last moment can still be decided upon.
    let path = asks(system, &world.doctor, &body).await;
    let code = read(system, &path, &world.doctor).await["code"].clone();
    let nearly = "UPDATE access_requests SET expires_at = expires_at - interval '14 minutes' WHERE id = $1";
    let id: Uuid = path.rsplit('/').next().unwrap().parse().unwrap();
    sqlx::query(nearly).bind(id).execute(pool).await.unwrap();
    assert_eq!(take_up(system, &world.token, code.as_str().unwrap()).await.0, 200);
    let left: bool =
        sqlx::query_scalar("SELECT expires_at > now() + interval '59 minutes' FROM access_requests WHERE id = $1")
            .bind(id)
            .fetch_one(pool)
            .await
            .unwrap();
    assert!(left);
    // Who has not signed in time approves again, and whichever they sign is what was asked for.
    let id = id.to_string();
    let (_, once) = decide(system, &world.token, &id, "approve").await;
    let (status, twice) = decide(system, &world.token, &id, "approve").await;
    assert_eq!(status, 201, "{twice}");
    assert_ne!(once["id"], twice["id"]);
    assert_eq!(asked(system, &world.token).await[0]["prepared"], twice["id"]);
    let once = once["id"].as_str().unwrap();
    let signature = world.ada.signs(&world.to_sign(once).await);
    assert_eq!(world.hand_in(once, &signature).await.0, 200);
    assert_eq!(read(system, &path, &world.doctor).await["standing"], "granted");

    // As if a server had died between noting and preparing.
    let cut_off = "UPDATE access_requests SET prepared = prepared || gen_random_uuid()";
    sqlx::query(cut_off).execute(pool).await.unwrap();
    assert_eq!(read(system, &path, &world.doctor).await["standing"], "granted");
    assert_eq!(decide(system, &world.token, &id, "approve").await.0, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_granted_any_more_has_ended_and_of_who_is_erased_nothing_is_left_that_they_asked() {
    let world = World::open("Over").await;
    let (system, pool) = (&world.system, &world.system.parts().pool);
    let mut body = asking(&format!("practitioner/{}", world.clinic.doctor), &["summary"]);
    body["patient"] = json!(world.patient);
    let soon = chrono::Utc::now() + chrono::TimeDelta::seconds(8);
    body["grant"]["expiry"] = json!(soon.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    asks(system, &world.doctor, &body).await;
    let id = asked(system, &world.token).await[0]["id"].as_str().unwrap().to_owned();
    until("the time for it is over", async || chrono::Utc::now() > soon).await;
    let (status, problem) = decide(system, &world.token, &id, "approve").await;
    assert_eq!(
        (status, &problem["type"]),
        (404, &json!("/problems/not-found")),
        "{problem}"
    );
    assert_eq!(
        asked(system, &world.token).await[0]["prepared"],
        Value::Null,
        "nothing came of it"
    );

    // Whose account is closed has asked all the same.
    let (nurse, gone) = (
        system.for_a_nurse(&world.clinic.key).await,
        system.for_a_nurse(&world.clinic.key).await,
    );
    body["grant"]["expiry"] = Value::Null;
    asks(system, &gone, &body).await;
    let account = gone.rsplit('/').next().unwrap();
    let administrator = system.administrator().await;
    let close = format!("/v1/accounts/{account}/close");
    assert_eq!(system.post(&close, &administrator, &json!({})).await.0, 200);
    asks(system, &nurse, &body).await;
    let id = asked(system, &world.token).await[0]["id"].as_str().unwrap().to_owned();
    let doctor = PractitionerId::new(world.clinic.doctor.parse().unwrap());
    infrastructure::erasing::ask(pool, DataSubject::Practitioner(doctor))
        .await
        .unwrap();
    until("what the doctor asked is forgotten", async || rows(pool).await == 2).await;
    assert_eq!(
        decide(system, &world.token, &id, "approve").await.0,
        404,
        "nobody is there any more for whom"
    );
    world.system.agrees_with_a_rebuild(&world.chain).await;
}
