//! An auditor who is engaged sees who has read what, and nothing of it; and each patient sees that.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use domain::account::Role;
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::charts::note;
use tests::people::{Person, patient};
use tests::system::{SystemOptions, TestSystem, deployed, two_servers, until};
use uuid::Uuid;

use super::administrators::colleague;

const PATH: &str = "/v1/engagements";

/// What nobody who examines accesses is shown.
const ALLERGY: &str = "Quexpenicillin";

/// A clinic in which records were read, an administrator, and an auditor.
struct World {
    system: TestSystem,
    /// The administrator's session.
    administrator: String,
    /// The auditor's account and session.
    auditor: (String, String),
    hospital: String,
    /// The hospital's key as it is used for a nurse.
    nurse: String,
    /// The patients' wallets, sessions and ids.
    patients: Vec<(Person, String, String)>,
}

impl World {
    async fn open(system: TestSystem) -> Self {
        let administrator = system.administrator().await;
        let auditor = engaged_by(&system, &administrator, 8001).await;
        let hospital = system.service("ward", Role::Hospital).await;
        let nurse = system.for_a_nurse(&hospital).await;
        let mut patients = Vec::new();
        for number in [8101, 8102] {
            let person = Person::numbered(number);
            let token = person.sign_in(&system).await;
            let (status, registered) = system.post("/v1/patients", &token, &patient("Quexokafor")).await;
            assert_eq!(status, 201, "{registered}");
            patients.push((person, token, registered["id"].as_str().unwrap().to_owned()));
        }
        Self {
            system,
            administrator,
            auditor,
            hospital,
            nurse,
            patients,
        }
    }

    /// A world on a chain of its own.
    async fn alone(chain: &TestChain) -> Self {
        let options = SystemOptions {
            log_reads_after: Some(1),
            ..SystemOptions::default()
        };
        Self::open(TestSystem::with(chain, &deployed(chain).await, options).await).await
    }

    /// The nurse reads the charts of all patients, and the hospital's system who the first one is.
    async fn read_records(&self) {
        let finding = json!({ "allergy": { "concept": { "text": ALLERGY } } });
        for (_, _, id) in &self.patients {
            let record = format!("/v1/patients/{id}");
            note(&self.system, &self.nurse, &record, &finding).await;
            let (status, chart) = self.system.get(&format!("{record}/chart"), &self.nurse).await;
            assert_eq!(status, 200, "{chart}");
        }
        let first = format!("/v1/patients/{}", self.patients[0].2);
        assert_eq!(self.system.get(&first, &self.hospital).await.0, 200);
        self.until_all_is_logged().await;
    }

    /// Waits until nothing is noted that the log does not have.
    async fn until_all_is_logged(&self) {
        let notes = "SELECT (SELECT count(*) FROM core.noted_reads) + (SELECT count(*) FROM core.taken_reads)";
        let pool = &self.system.parts().pool;
        until("all of it is in the log", async || {
            sqlx::query_scalar::<_, i64>(notes).fetch_one(pool).await.unwrap() == 0
        })
        .await;
    }

    /// Engages the auditor.
    async fn engage(&self, scope: &Value, from: DateTime<Utc>, until: DateTime<Utc>) -> String {
        let terms = terms(&self.auditor.0, scope, from, until);
        let (status, begun) = self.system.post(PATH, &self.administrator, &terms).await;
        assert_eq!(status, 201, "{begun}");
        begun["resource"].as_str().unwrap().to_owned()
    }

    /// The same about today.
    async fn engage_for(&self, scope: &Value) -> String {
        let day = TimeDelta::days(1);
        self.engage(scope, Utc::now() - day, Utc::now() + day).await
    }

    /// What the auditor is answered.
    async fn examine(&self, engagement: &str) -> (u16, Value) {
        let path = format!("{engagement}/accesses?limit=200");
        self.system.get(&path, &self.auditor.1).await
    }

    /// What the auditor is shown but for what they themselves have read.
    async fn accesses(&self, engagement: &str) -> Vec<Value> {
        let (status, page) = self.examine(engagement).await;
        assert_eq!(status, 200, "{page}");
        assert_eq!(page["next"], Value::Null, "{page}");
        let items = page["items"].as_array().unwrap().iter();
        items.filter(|item| item["basis"] != "engagement").cloned().collect()
    }
}

/// Opens the account of an auditor, who joins: their account and session.
async fn engaged_by(system: &TestSystem, administrator: &str, number: u32) -> (String, String) {
    let (path, token) = colleague(system, administrator, "auditor", &Person::numbered(number)).await;
    (path.trim_start_matches("/v1/accounts/").to_owned(), token)
}

/// The id of the caller's account.
async fn own_account(system: &TestSystem, token: &str) -> String {
    let (_, me) = system.get("/v1/me", token).await;
    me["account"].as_str().unwrap().to_owned()
}

fn terms(auditor: &str, scope: &Value, from: DateTime<Utc>, until: DateTime<Utc>) -> Value {
    json!({ "auditor": auditor, "scope": scope, "from": from, "until": until, "reason": "complaint", "reference": "2026-17" })
}

/// Whose record, and who was shown what by which right.
fn told(item: &Value) -> [String; 4] {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    [
        &item["patient"],
        &item["reader"]["person"],
        &item["shown"],
        &item["basis"],
    ]
    .map(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engaged_auditor_sees_who_has_read_what_and_nothing_of_it_and_each_patient_sees_that() {
    let chain = TestChain::start().await;
    let world = World::alone(&chain).await;
    world.read_records().await;
    let nurse = world.nurse.rsplit('/').next().unwrap();
    let [(_, first_token, first), (_, _, second)] = &world.patients[..] else {
        panic!("two patients");
    };

    let everybody = world.engage_for(&json!({ "kind": "everybody" })).await;
    let all = world.accesses(&everybody).await;
    let shown: BTreeSet<_> = all.iter().map(told).collect();
    let expected = [
        [first.as_str(), nurse, "chart", "treatment"],
        [second.as_str(), nurse, "chart", "treatment"],
        [first.as_str(), "", "patient", "role"],
    ];
    let expected: BTreeSet<_> = expected.map(|told| told.map(str::to_owned)).into();
    assert!(shown.is_superset(&expected), "{shown:?}");
    let time = |item: &Value| item["at"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    let times: Vec<_> = all.iter().map(time).collect();
    assert!(times.is_sorted_by(|one, next| one >= next), "{times:?}");
    world.until_all_is_logged().await;
    let (_, page) = world.examine(&everybody).await;
    assert_eq!(page["items"], json!(all), "who looks adds nothing to what they look at");
    for secret in [ALLERGY, "Quexokafor"] {
        assert!(!page.to_string().contains(secret), "{page}");
    }

    // Each scope shows what is of it, and nothing else.
    let by = |item: &Value, person: &str| told(item)[1] == person;
    let systems = own_account(&world.system, &world.hospital).await;
    let of_the_first = world.engage_for(&json!({ "kind": "patient", "id": first })).await;
    let by_the_nurse = world.engage_for(&json!({ "kind": "account", "id": nurse })).await;
    let by_the_system = world.engage_for(&json!({ "kind": "account", "id": systems })).await;
    for (engagement, is_of_it) in [
        (
            &of_the_first,
            &(|item: &Value| item["patient"] == json!(first)) as &dyn Fn(&Value) -> bool,
        ),
        (&by_the_nurse, &|item| by(item, nurse)),
        (&by_the_system, &|item| {
            item["reader"]["account"] == *systems && by(item, "")
        }),
    ] {
        let expected: Vec<_> = all.iter().filter(|item| is_of_it(item)).cloned().collect();
        assert!(!expected.is_empty() && expected.len() < all.len(), "{all:?}");
        assert_eq!(world.accesses(engagement).await, expected);
    }
    // And each time: from its first instant on, and before its last one.
    let at = time(&all[0]);
    let instant = TimeDelta::milliseconds(1);
    for (from, until, shows) in [
        (at, at + instant, true),
        (at - instant, at, false),
        (at + instant, at + TimeDelta::days(1), false),
    ] {
        let engagement = world.engage(&json!({ "kind": "everybody" }), from, until).await;
        let found = world.accesses(&engagement).await;
        assert_eq!(found.contains(&all[0]), shows, "{from} {until}: {found:?}");
    }

    // The first patient sees that an auditor was shown it, and by which engagement.
    world.until_all_is_logged().await;
    let (_, log) = world.system.get("/v1/me/access-log?limit=200", first_token).await;
    let audited: Vec<_> = log["items"].as_array().unwrap().iter().collect();
    let audited: Vec<_> = audited
        .into_iter()
        .filter(|item| item["basis"] == "engagement")
        .collect();
    let engagements: BTreeSet<_> = audited
        .iter()
        .map(|item| item["engagement"].as_str().unwrap())
        .collect();
    let id = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    for path in [&everybody, &of_the_first] {
        assert!(engagements.contains(&*id(path)), "{engagements:?}");
    }
    for item in audited {
        assert_eq!(
            (&item["shown"], &item["reader"]["kind"]),
            (&json!("access-log"), &json!("staff")),
            "{item}"
        );
        assert_eq!(item["reader"]["account"], world.auditor.0, "{item}");
        assert_eq!(
            (&item["reader"]["role"], &item["patient"]),
            (&json!("auditor"), &Value::Null),
            "{item}"
        );
    }
    world.until_all_is_logged().await;
    world.system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_auditor_examines_comes_in_pages_each_access_once() {
    let chain = TestChain::start().await;
    let world = World::alone(&chain).await;
    world.read_records().await;
    let until = Utc::now();
    let engagement = world
        .engage(&json!({ "kind": "everybody" }), until - TimeDelta::days(1), until)
        .await;
    let all = world.accesses(&engagement).await;
    let mut paged = Vec::new();
    let mut path = format!("{engagement}/accesses?limit=1");
    loop {
        let (status, page) = world.system.get(&path, &world.auditor.1).await;
        assert_eq!(status, 200, "{page}");
        paged.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        path = next.to_owned();
    }
    assert!(all.len() > 2, "{all:?}");
    assert_eq!(paged, all);
    // A cursor is good for its engagement alone.
    let other = world.engage_for(&json!({ "kind": "everybody" })).await;
    let stolen = path.replace(&engagement, &other);
    assert_eq!(world.system.get(&stolen, &world.auditor.1).await.0, 400, "{stolen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engagement_is_over_on_every_server_when_its_end_is_answered() {
    let chain = TestChain::start().await;
    let [here, there] = two_servers(&chain).await;
    let world = World::open(here).await;
    for _ in 0..5 {
        let engagement = world.engage_for(&json!({ "kind": "everybody" })).await;
        let accesses = format!("{engagement}/accesses");
        until("the other server knows it", async || {
            there.get(&accesses, &world.auditor.1).await.0 == 200
        })
        .await;
        assert_eq!(world.examine(&engagement).await.0, 200);
        let end = format!("{engagement}/end");
        let (status, ended) = there.post(&end, &world.administrator, &json!({})).await;
        assert_eq!(status, 200, "{ended}");
        for system in [&world.system, &there] {
            let (status, problem) = system.get(&accesses, &world.auditor.1).await;
            assert_eq!(
                (status, &problem["type"]),
                (403, &json!("/problems/engagement-over")),
                "{problem}"
            );
        }
        // Once more changes nothing.
        let (status, again) = world.system.post(&end, &world.administrator, &json!({})).await;
        assert_eq!((status, &again["position"]), (200, &Value::Null), "{again}");
        let (_, engagement) = world.system.get(&engagement, &world.auditor.1).await;
        assert!(engagement["endedAt"].is_string(), "{engagement}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engagement_about_an_erased_patient_names_nobody_and_shows_nothing() {
    let chain = TestChain::start().await;
    let world = World::alone(&chain).await;
    world.read_records().await;
    let (person, token, id) = &world.patients[0];
    let about_them = world.engage_for(&json!({ "kind": "patient", "id": id })).await;
    let about_all = world.engage_for(&json!({ "kind": "everybody" })).await;
    assert!(!world.accesses(&about_them).await.is_empty());
    // Its auditor is told whom it is about, which is noted, and the patient takes it along; whoever engages auditors is not told.
    let whose = async |token: &str| world.system.get(&about_them, token).await.1["scope"].clone();
    let patient = json!({ "kind": "patient", "id": id });
    assert_eq!(whose(&world.auditor.1).await, patient);
    assert_eq!(whose(&world.administrator).await, json!({ "kind": "patient" }));
    let (_, listed) = world.system.get(PATH, &world.administrator).await;
    assert!(!listed.to_string().contains(id), "{listed}");
    let (_, export) = world.system.get("/v1/me/export", token).await;
    let [engagement] = export["engagements"].as_array().unwrap().as_slice() else {
        panic!("{export}");
    };
    assert_eq!(
        (&engagement["scope"], &engagement["reason"]),
        (&patient, &json!("complaint"))
    );
    let statement = "I have all erased that is known of me here, for ever.";
    let signed = json!({ "signed": person.signed(statement, &world.system).await });
    let (status, erased) = world.system.post("/v1/me/erasure", token, &signed).await;
    assert_eq!(status, 200, "{erased}");
    let (_, engagement) = world.system.get(&about_them, &world.administrator).await;
    assert_eq!(engagement["scope"], json!({ "kind": "patient" }), "{engagement}");
    let (status, problem) = world.examine(&about_them).await;
    assert_eq!(
        (status, &problem["type"]),
        (403, &json!("/problems/engagement-over")),
        "{problem}"
    );
    let left = world.accesses(&about_all).await;
    assert!(
        !left.is_empty() && left.iter().all(|item| item["patient"] != json!(id)),
        "{left:?}"
    );
    world.until_all_is_logged().await;
    world.system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_auditor_is_engaged_for_is_checked_and_nobody_else_examines_it() {
    let chain = TestChain::start().await;
    let world = World::open(TestSystem::start(&chain, &deployed(&chain).await).await).await;
    let (system, administrator) = (&world.system, &world.administrator);
    let other = engaged_by(system, administrator, 8002).await;
    let closed = engaged_by(system, administrator, 8003).await.0;
    let close = format!("/v1/accounts/{closed}/close");
    assert_eq!(system.post(&close, administrator, &json!({})).await.0, 200);
    let open = json!({ "name": "Absent", "role": "auditor", "kind": "person" });
    let (_, absent) = system.post("/v1/accounts", administrator, &open).await;
    let absent = absent["id"].as_str().unwrap().to_owned();
    let scanner = system.service("scanner", Role::Auditor).await;
    let service = own_account(system, &scanner).await;
    let nurse = world.nurse.rsplit('/').next().unwrap();
    let nobody = Uuid::new_v4().to_string();
    let patients = own_account(system, &world.patients[0].1).await;
    let (now, day) = (Utc::now(), TimeDelta::days(1));
    let everybody = json!({ "kind": "everybody" });
    let asked = |auditor: &str, scope: &Value| terms(auditor, scope, now - day, now);
    let of = |kind: &str, id: &str| json!({ "kind": kind, "id": id });
    let mut wrong = vec![
        (asked(nurse, &everybody), "/auditor"),
        (asked(&service, &everybody), "/auditor"),
        (asked(&closed, &everybody), "/auditor"),
        (asked(&nobody, &everybody), "/auditor"),
        (asked(&absent, &everybody), "/auditor"),
    ];
    let auditor = &*world.auditor.0;
    for scope in [
        of("patient", &nobody),
        of("practitioner", &nobody),
        of("account", &nobody),
        // A patient's: they are shown things as a patient.
        of("account", &patients),
        of("everybody", &nobody),
        json!({ "kind": "patient" }),
    ] {
        wrong.push((asked(auditor, &scope), "/scope/id"));
    }
    wrong.push((terms(auditor, &everybody, now, now), "/until"));
    wrong.push((terms(auditor, &everybody, now, now + day * 367), "/until"));
    for (member, value) in [
        ("days", json!(0)),
        ("days", json!(91)),
        ("reference", json!("")),
        ("reference", json!("a".repeat(65))),
    ] {
        let mut terms = asked(auditor, &everybody);
        terms[member] = value;
        wrong.push((terms, if member == "days" { "/days" } else { "/reference" }));
    }
    for (body, pointer) in wrong {
        let (status, problem) = system.post(PATH, administrator, &body).await;
        assert_eq!(
            (status, &problem["errors"][0]["pointer"]),
            (422, &json!(pointer)),
            "{body}: {problem}"
        );
    }

    // Neither who examines nor who works with patients engages anybody; a system does for a person.
    let good = asked(auditor, &everybody);
    let key = system.service("console", Role::Administrator).await;
    for (token, kind) in [
        (&world.auditor.1, "forbidden"),
        (&world.nurse, "forbidden"),
        (&world.hospital, "forbidden"),
        (&world.patients[0].1, "forbidden"),
        (&key, "no-person"),
    ] {
        let (status, problem) = system.post(PATH, token, &good).await;
        assert_eq!(
            (status, &problem["type"]),
            (403, &json!(format!("/problems/{kind}"))),
            "{problem}"
        );
        assert_eq!(system.get(PATH, token).await.0 == 200, token == &world.auditor.1);
    }
    let me = own_account(system, administrator).await;
    let (status, begun) = system.post(PATH, &format!("{key} for staff/{me}"), &good).await;
    assert_eq!(status, 201, "{begun}");
    let engagement = begun["resource"].as_str().unwrap();

    // It is its auditor's, and of nobody else.
    let accesses = format!("{engagement}/accesses");
    for (token, path, status) in [
        (&world.auditor.1, engagement, 200),
        (&world.auditor.1, &*accesses, 200),
        (administrator, engagement, 200),
        (administrator, &*accesses, 403),
        (&other.1, engagement, 404),
        (&other.1, &*accesses, 404),
        (&world.hospital, &*accesses, 403),
    ] {
        let answer = system.get(path, token).await;
        assert_eq!(answer.0, status, "{path}: {}", answer.1);
    }
    let count = async |token: &str| system.get(PATH, token).await.1["items"].as_array().unwrap().len();
    assert_eq!(
        (
            count(administrator).await,
            count(&world.auditor.1).await,
            count(&other.1).await
        ),
        (1, 1, 0)
    );
    assert_eq!(
        system
            .post(&format!("{engagement}/end"), &world.auditor.1, &json!({}))
            .await
            .0,
        403
    );

    // A system does for the auditor what they may, for an administrator nothing more, and for an auditor whose wallet was taken away nothing.
    let scanning = |person: &str| format!("{scanner} for staff/{person}");
    assert_eq!(system.get(&accesses, &scanning(auditor)).await.0, 200);
    let (status, listed) = system.get(PATH, &scanning(&me)).await;
    assert_eq!((status, &listed["items"]), (200, &json!([])), "{listed}");
    assert_eq!(system.get(engagement, &scanning(&me)).await.0, 404);
    let registrar = system.service("registry", Role::Registrar).await;
    let take = format!("/v1/accounts/{auditor}/wallet/take-away");
    let (status, taken) = system.post(&take, &registrar, &json!({ "reason": "Lost." })).await;
    assert_eq!(status, 200, "{taken}");
    assert_eq!(system.get(&accesses, &scanning(auditor)).await.0, 403);
    let renewed = Person::numbered(8004);
    renewed
        .join(system, administrator, &format!("/v1/accounts/{auditor}"))
        .await;

    // Asked twice under one key, it begins once.
    let again = async || {
        let request = system
            .http
            .post(format!("{}{PATH}", system.url))
            .bearer_auth(administrator);
        let request = request.header("idempotency-key", "audit 17").json(&good);
        request.send().await.unwrap().json::<Value>().await.unwrap()["id"].clone()
    };
    assert_eq!(again().await, again().await);
    assert_eq!(count(administrator).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_practitioner_was_shown_is_found_by_them_whether_they_or_a_system_has_asked() {
    let clinic = super::grants::World::open("Examined").await;
    let system = &clinic.system;
    clinic.give(&clinic.to_the_doctor(&["record"])).await;
    assert_eq!(clinic.reads("/chart").await.0, 200);
    let (doctor, key) = (&clinic.clinic.doctor, &clinic.clinic.key);
    let for_the_doctor = format!("{key} for practitioner/{doctor}");
    let nurse = system.for_a_nurse(key).await;
    for token in [&for_the_doctor, &nurse, key] {
        let path = if token == key {
            clinic.path("")
        } else {
            clinic.path("/chart")
        };
        assert_eq!(system.get(&path, token).await.0, 200);
    }
    assert_eq!(system.get("/v1/me/access-log", &clinic.token).await.0, 200);
    let administrator = system.administrator().await;
    let auditor = engaged_by(system, &administrator, 8301).await;
    let scope = json!({ "kind": "practitioner", "id": doctor });
    let day = TimeDelta::days(1);
    let body = terms(&auditor.0, &scope, Utc::now() - day, Utc::now() + day);
    let (status, begun) = system.post(PATH, &administrator, &body).await;
    assert_eq!(status, 201, "{begun}");
    let path = format!("{}/accesses", begun["resource"].as_str().unwrap());
    let mut found = Vec::new();
    until("the log has what was read", async || {
        let (status, page) = system.get(&path, &auditor.1).await;
        assert_eq!(status, 200, "{page}");
        found = page["items"].as_array().unwrap().clone();
        found.len() >= 2
    })
    .await;
    let readers: BTreeSet<_> = found
        .iter()
        .map(|item| item["reader"]["kind"].as_str().unwrap())
        .collect();
    assert_eq!(readers, BTreeSet::from(["practitioner", "service"]));
    for item in &found {
        assert_eq!(
            (&item["reader"]["practitioner"], &item["shown"]),
            (&json!(doctor), &json!("chart")),
            "{item}"
        );
    }
}
