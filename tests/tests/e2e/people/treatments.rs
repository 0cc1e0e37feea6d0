//! The staff knows the charts of patients who are treated here, and of nobody else.

use domain::account::Role;
use reqwest::Method;
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::charts::{agree_on_paper, note, paper};
use tests::clinic::Clinic;
use tests::office::Office;
use tests::people::{Person, patient};
use tests::site::{Desk, Site, for_a_nurse};
use tests::system::{SystemOptions, TestSystem, deployed, until};
use tests::wire::{Line, Proxy};

/// A patient whom a hospital has registered, and who has said nothing.
struct Ward {
    hospital: String,
    /// The same key, as it is used for a nurse.
    nurse: String,
    /// The path of the patient's record.
    record: String,
}

impl Ward {
    async fn open(system: &TestSystem) -> Self {
        let hospital = system.service("ward", Role::Hospital).await;
        let (status, registered) = system.post("/v1/patients", &hospital, &patient("Okafor")).await;
        assert_eq!(status, 201, "{registered}");
        Self {
            nurse: system.for_a_nurse(&hospital).await,
            record: registered["resource"].as_str().unwrap().to_owned(),
            hospital,
        }
    }

    fn path(&self, of: &str) -> String {
        format!("{}{of}", self.record)
    }

    async fn chart(&self, system: &TestSystem) -> (u16, Value) {
        let (status, answer) = system.get(&self.path("/chart"), &self.nurse).await;
        (status, answer["type"].clone())
    }

    async fn treatment(&self, system: &TestSystem, key: &str) -> Value {
        let (status, treatment) = system.get(&self.path("/treatment"), key).await;
        assert_eq!(status, 200, "{treatment}");
        treatment
    }
}

fn not_treated() -> (u16, Value) {
    (403, json!("/problems/not-treated"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hospital_alone_begins_no_treatment_and_a_paper_does_until_the_patient_has_a_wallet() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let clinic = Clinic::open(&system, "Sato").await;
    let ward = Ward::open(&system).await;
    clinic.offer(&system, 3).await;
    let id = ward.record.rsplit('/').next().unwrap();
    assert_eq!(clinic.book(&system, id, 1).await.0, 201);
    assert_eq!(ward.chart(&system).await, not_treated());
    let finding = json!({ "allergy": { "concept": { "text": "Peanuts" } } });
    let (status, refused) = system.post(&ward.path("/chart/findings"), &ward.nurse, &finding).await;
    assert_eq!((status, &refused["type"]), (403, &json!("/problems/not-treated")));
    let said = ward.treatment(&system, &ward.nurse).await;
    assert_eq!(said, json!({ "treated": false, "ended": false }));

    // Who vouches for a paper is a person.
    let agreement = ward.path("/treatment/agreement");
    let (status, refused) = system.post(&agreement, &ward.hospital, &paper()).await;
    assert_eq!((status, &refused["type"]), (403, &json!("/problems/no-person")));
    let mut naming = paper();
    naming["paper"]["practitioners"] = json!([clinic.doctor]);
    let (status, agreed) = system.post(&agreement, &ward.nurse, &naming).await;
    assert_eq!(status, 200, "{agreed}");
    assert_eq!(ward.chart(&system).await, (200, Value::Null));
    note(&system, &ward.nurse, &ward.record, &finding).await;
    let said = ward.treatment(&system, &ward.hospital).await;
    assert_eq!(
        (&said["treated"], &said["by"]),
        (&json!(true), &json!("paper")),
        "{said}"
    );
    let entered = &said["last"]["paper"];
    assert_eq!(entered["sha256"], naming["paper"]["sha256"], "{said}");
    assert!(ward.nurse.ends_with(entered["enteredBy"].as_str().unwrap()), "{said}");
    // A paper that is entered twice is one.
    let (status, again) = system.post(&agreement, &ward.nurse, &naming).await;
    assert_eq!((status, &again["position"]), (200, &Value::Null), "{again}");

    // A paper of a day to come, and of a practitioner who does not exist.
    for (field, value, pointer) in [
        ("signedOn", json!("2099-01-01"), "/paper/signedOn"),
        ("practitioners", json!([uuid::Uuid::new_v4()]), "/paper/practitioners"),
    ] {
        let mut wrong = paper();
        wrong["paper"][field] = value;
        let (status, refused) = system.post(&agreement, &ward.nurse, &wrong).await;
        assert_eq!(status, 422, "{refused}");
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }

    // From their first wallet on the patient speaks for themselves: the paper is void, and they are treated for they came.
    let okafor = Person::numbered(7101).join(&system, &ward.hospital, &ward.record).await;
    let said = ward.treatment(&system, &okafor).await;
    assert_eq!(
        (&said["treated"], &said["by"]),
        (&json!(true), &json!("wallet")),
        "{said}"
    );
    let (status, refused) = system.post(&agreement, &ward.nurse, &paper()).await;
    assert_eq!(
        (status, &refused["type"]),
        (409, &json!("/problems/wallet-bound")),
        "{refused}"
    );
    assert_eq!(ward.chart(&system).await, (200, Value::Null));

    // They see who has read, for whom, and by which right.
    let (status, logged) = system.get("/v1/me/access-log", &okafor).await;
    assert_eq!(status, 200, "{logged}");
    let charts: Vec<_> = logged["items"].as_array().unwrap().iter().collect();
    let charts: Vec<_> = charts.into_iter().filter(|read| read["shown"] == "chart").collect();
    let acts: Vec<_> = charts.iter().map(|read| (&read["basis"], &read["act"])).collect();
    let treatment = json!("treatment");
    assert_eq!(acts, [(&treatment, &json!("wallet")), (&treatment, &json!("paper"))]);
    let reader = &charts[0]["reader"];
    assert_eq!(
        (&reader["kind"], &reader["role"]),
        (&json!("service"), &json!("hospital"))
    );
    assert!(ward.nurse.ends_with(reader["person"].as_str().unwrap()), "{reader}");
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_practitioner_reads_by_the_paper_that_names_them_or_with_the_hospitals_system() {
    let chain = TestChain::start().await;
    let (office, system) = Office::serve(&chain, SystemOptions::default()).await;
    let clinic = Clinic::open(&system, "Blackwell").await;
    let doctor = format!("/v1/practitioners/{}", clinic.doctor);
    let token = Person::numbered(7201).join(&system, &clinic.key, &doctor).await;
    let ward = Ward::open(&system).await;
    let with_the_system = format!("{} for practitioner/{}", ward.hospital, clinic.doctor);
    let chart = async |key: &str| {
        let (status, answer) = system.get(&ward.path("/chart"), key).await;
        (status, answer["type"].clone())
    };
    // Whom no registrar has attested does nothing, with whatever system.
    for key in [&token, &with_the_system] {
        assert_eq!(chart(key).await, (403, json!("/problems/not-attested")));
    }
    office.attests(&system, &clinic.key, &clinic.doctor).await;
    assert_eq!(chart(&token).await, (404, json!("/problems/not-found")));
    assert_eq!(chart(&with_the_system).await, not_treated());
    agree_on_paper(&system, &ward.nurse, &ward.record).await;
    assert_eq!(
        chart(&token).await,
        (404, json!("/problems/not-found")),
        "it names nobody"
    );
    assert_eq!(chart(&with_the_system).await, (200, Value::Null));
    let mut naming = paper();
    naming["paper"]["practitioners"] = json!([clinic.doctor]);
    let (status, agreed) = system
        .post(&ward.path("/treatment/agreement"), &ward.nurse, &naming)
        .await;
    assert_eq!(status, 200, "{agreed}");
    assert_eq!(chart(&token).await, (200, Value::Null));
    assert_eq!(system.get(&ward.record, &token).await.0, 200);
    note(
        &system,
        &token,
        &ward.record,
        &json!({ "symptom": { "text": "a cough" } }),
    )
    .await;

    // It goes with the paper.
    let (status, ended) = system.post(&ward.path("/treatment/end"), &ward.nurse, &paper()).await;
    assert_eq!(status, 200, "{ended}");
    assert_eq!(chart(&token).await, (404, json!("/problems/not-found")));
    assert_eq!(chart(&with_the_system).await, not_treated());
    assert_eq!(chart(&ward.nurse).await, not_treated());
    // Nor does it begin again by a paper of before, or the one that has ended it: whoever has a stale screen undoes nothing.
    for old in [&naming, &paper()] {
        let (status, refused) = system.post(&ward.path("/treatment/agreement"), &ward.nurse, old).await;
        assert_eq!(status, 422, "{refused}");
        assert_eq!(refused["errors"][0]["pointer"], "/paper", "{refused}");
    }
    let mut new = paper();
    new["paper"]["sha256"] = json!(format!("0x{}", "6b".repeat(32)));
    new["paper"]["signedOn"] = json!(chrono::Utc::now().date_naive());
    let (status, agreed) = system.post(&ward.path("/treatment/agreement"), &ward.nurse, &new).await;
    assert_eq!(status, 200, "{agreed}");
    assert_eq!(chart(&ward.nurse).await, (200, Value::Null));
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_patient_ends_is_denied_on_every_server_though_the_log_cannot_be_told_yet() {
    let chain = TestChain::start().await;
    let deployment = deployed(&chain).await;
    let way = Proxy::of(chain.url().trim_start_matches("http://").parse().unwrap()).await;
    let there = TestSystem::start(&chain, &deployment).await;
    let without = SystemOptions {
        node: Some(format!("http://127.0.0.1:{}", way.port())),
        signer: 2,
        database: Some(there.database.clone()),
        ..SystemOptions::default()
    };
    let here = TestSystem::with(&chain, &deployment, without).await;
    let ward = Ward::open(&there).await;
    let okafor = Person::numbered(7301).join(&there, &ward.hospital, &ward.record).await;
    assert_eq!(ward.chart(&there).await.0, 200);
    assert_eq!(ward.chart(&here).await.0, 200);
    let (end, agreement) = (ward.path("/treatment/end"), ward.path("/treatment/agreement"));

    way.set(Line::Cut);
    let (status, problem) = here.post(&end, &okafor, &json!({})).await;
    match status {
        202 => assert_eq!(problem["status"], "pending", "{problem}"),
        _ => assert_eq!(
            (status, &problem["type"]),
            (503, &json!("/problems/revocation-pending")),
            "{problem}"
        ),
    }
    assert_eq!(ward.chart(&here).await, not_treated());
    assert_eq!(ward.chart(&there).await, not_treated());
    way.set(Line::Open);
    let pool = &there.parts().pool;
    until("nothing waits any more", async || {
        let waiting = "SELECT count(*) FROM revocations";
        sqlx::query_scalar::<_, i64>(waiting).fetch_one(pool).await.unwrap() == 0
    })
    .await;
    assert_eq!(ward.chart(&here).await, not_treated());
    assert_eq!(ward.chart(&there).await, not_treated());
    let said = ward.treatment(&there, &okafor).await;
    assert_eq!(
        (&said["treated"], &said["ended"]),
        (&json!(false), &json!(true)),
        "{said}"
    );

    // No paper begins it again, and the patient does; what the other server has in mind of it is not asked.
    let (status, refused) = there.post(&agreement, &ward.nurse, &paper()).await;
    assert_eq!(status, 409, "{refused}");
    let (status, agreed) = there.post(&agreement, &okafor, &json!({})).await;
    assert_eq!(status, 200, "{agreed}");
    for system in [&here, &there] {
        assert_eq!(ward.chart(system).await, (200, Value::Null));
    }
    for (first, second) in [(&here, &there), (&there, &here)] {
        let (status, ended) = first.post(&end, &okafor, &json!({})).await;
        assert_eq!(status, 200, "{ended}");
        assert_eq!(ward.chart(second).await, not_treated());
        let (status, agreed) = second.post(&agreement, &okafor, &json!({})).await;
        assert_eq!(status, 200, "{agreed}");
        assert_eq!(ward.chart(first).await, (200, Value::Null));
    }
    here.stop().await;
    there.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_work_here_any_more_is_asked_for_by_no_system() {
    let site = Site::ready(api_config::FinalityRule::Instant).await;
    let server = site.serve(&[]).await;
    let administrator = server.administrator().await;
    let desk = Desk::open(&server, &administrator, 1).await;
    let nurse = for_a_nurse(&desk.rest, &administrator).await;
    let (patient, _) = desk.visit(0).await;
    tests::site::agree_on_paper(&nurse, patient).await;
    let chart = format!("/v1/patients/{patient}/chart");
    nurse.get(&chart).await;
    let person = nurse.get("/v1/patients?limit=1").await;
    assert_eq!(person["items"].as_array().map(Vec::len), Some(1));
    let accounts = administrator.get("/v1/accounts?limit=200").await;
    let accounts = accounts["items"].as_array().unwrap().iter();
    let hers = accounts.into_iter().find(|account| account["role"] == "nurse").unwrap();
    let close = format!("/v1/accounts/{}/close", hers["id"].as_str().unwrap());
    administrator.insist(Method::POST, &close, &json!({})).await;
    let refused = nurse.send(Method::GET, &chart, None, None).await.unwrap();
    assert_eq!(
        (refused.status, &refused.body["type"]),
        (403, &json!("/problems/no-person"))
    );
    // What she has entered stays.
    let other = for_a_nurse(&desk.rest, &administrator).await;
    other.get(&chart).await;
    // Nor is a service a person.
    let services = administrator.get("/v1/accounts?limit=200").await;
    let services = services["items"].as_array().unwrap().iter();
    let service = services
        .into_iter()
        .find(|account| account["name"] == "front desk")
        .unwrap();
    let as_itself = desk
        .rest
        .on_behalf_of(&format!("staff/{}", service["id"].as_str().unwrap()));
    let refused = as_itself.send(Method::GET, &chart, None, None).await.unwrap();
    assert_eq!(
        (refused.status, &refused.body["type"]),
        (403, &json!("/problems/no-person"))
    );
    server.process.stop().await;
    site.compare_with_rebuild().await;
}
