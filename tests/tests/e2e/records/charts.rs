//! Charts of patients, against a running system: findings that are noted, changed and refuted one by one, lists that say why they are
//! empty, and what a hospital reports of another system.

use std::collections::BTreeSet;

use domain::account::Role;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::charts::{agree_on_paper, chart_of, findings, note, texts};
use tests::people::{Person, patient};
use tests::system::{TestSystem, deployed};
use uuid::Uuid;

/// A patient with a wallet, whom a hospital has registered.
struct Admitted {
    hospital: String,
    /// The same key, as it is used for a nurse.
    nurse: String,
    token: String,
    record: String,
}

impl Admitted {
    async fn to(system: &TestSystem) -> Self {
        let hospital = system.service("front desk", Role::Hospital).await;
        let (status, registered) = system.post("/v1/patients", &hospital, &patient("Okafor")).await;
        assert_eq!(status, 201, "{registered}");
        let record = registered["resource"].as_str().unwrap().to_owned();
        let token = Person::numbered(7001).join(system, &hospital, &record).await;
        Self {
            nurse: system.for_a_nurse(&hospital).await,
            hospital,
            token,
            record,
        }
    }

    async fn chart(&self, system: &TestSystem) -> Value {
        chart_of(system, &self.token, &self.record).await
    }

    /// Notes as the patient.
    async fn note(&self, system: &TestSystem, finding: &Value) -> String {
        note(system, &self.token, &self.record, finding).await
    }

    /// Says of a list as the patient why it is empty.
    async fn state(&self, system: &TestSystem, statement: &Value) -> (u16, Value) {
        let path = format!("{}/chart/absences", self.record);
        system.post(&path, &self.token, statement).await
    }

    /// Reports as the hospital.
    async fn report(&self, system: &TestSystem, told: &Value) -> (u16, Value) {
        let path = format!("{}/chart/reports", self.record);
        system.post(&path, &self.hospital, told).await
    }
}

fn allergy(text: &str) -> Value {
    json!({ "allergy": { "concept": { "text": text } } })
}

/// A finding without what it is called in a body: as a chart shows it.
fn shown(body: &Value) -> &Value {
    body.as_object().unwrap().values().next().unwrap()
}

fn refused(answer: &(u16, Value), status: u16, slug: &str) {
    let (got, problem) = answer;
    let expected = json!(format!("/problems/{slug}"));
    assert_eq!((*got, &problem["type"]), (status, &expected), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_callers_who_note_allergies_at_the_same_time_lose_nothing() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let okafor = Admitted::to(&system).await;
    let at_once = (0..10).map(|number| {
        let key = if number % 2 == 0 { &okafor.nurse } else { &okafor.token };
        let finding = allergy(&format!("Allergen {number}"));
        let (system, record) = (&system, &okafor.record);
        async move { note(system, key, record, &finding).await }
    });
    let noted: BTreeSet<String> = join_all(at_once).await.into_iter().collect();
    let chart = okafor.chart(&system).await;
    let path = |entry: &Value| format!("{}/chart/findings/{}", okafor.record, entry["id"].as_str().unwrap());
    let shown: BTreeSet<String> = chart["allergies"].as_array().unwrap().iter().map(path).collect();
    assert_eq!((noted.len(), &shown), (10, &noted), "{chart}");
    let mut names = texts(&chart["allergies"]);
    names.sort_unstable();
    let expected: Vec<String> = (0..10).map(|number| format!("Allergen {number}")).collect();
    assert_eq!(names, expected, "{chart}");
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_of_any_list_is_noted_changed_and_refuted() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let okafor = Admitted::to(&system).await;
    let empty = okafor.chart(&system).await;
    assert_eq!(
        (&empty["version"], &empty["updatedAt"]),
        (&json!(0), &Value::Null),
        "{empty}"
    );
    for list in ["conditions", "allergies", "medications", "symptoms"] {
        assert_eq!(empty[list], json!([]), "{empty}");
    }

    let (_, other) = system.post("/v1/patients", &okafor.hospital, &patient("Adeyemi")).await;
    agree_on_paper(&system, &okafor.nurse, other["resource"].as_str().unwrap()).await;
    let (asthma, ramipril) = (json!({ "text": "Asthma" }), json!({ "text": "Ramipril" }));
    for (list, first, then) in [
        (
            "conditions",
            json!({ "condition": { "concept": asthma, "onset": "1990-05-01" } }),
            json!({ "condition": { "concept": asthma, "onset": "1990-05-01", "abated": "2020-01-01" } }),
        ),
        (
            "allergies",
            allergy("Latex"),
            json!({ "allergy": { "concept": { "text": "Latex" }, "criticality": "high" } }),
        ),
        (
            "medications",
            json!({ "medication": { "concept": ramipril, "since": "2020-02-01", "active": true } }),
            json!({ "medication": { "concept": ramipril, "since": "2020-02-01", "active": false } }),
        ),
        (
            "symptoms",
            json!({ "symptom": { "text": "a cough" } }),
            json!({ "symptom": { "text": "a cough at night" } }),
        ),
    ] {
        let beside = okafor.note(&system, &first).await;
        let path = okafor.note(&system, &first).await;
        assert_ne!(beside, path, "each finding has an id of its own");
        let (status, answer) = system.put(&path, &okafor.token, &then).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["resource"], json!(path), "{answer}");
        let chart = okafor.chart(&system).await;
        assert_eq!(findings(&chart[list]), [shown(&first), shown(&then)], "{chart}");
        // It can be read where it was said to be, by whom the chart is for.
        let (status, found) = system.get(&path, &okafor.token).await;
        assert_eq!((status, &found["finding"]), (200, &then), "{found}");
        assert_eq!(
            json!(format!(
                "{}/chart/findings/{}",
                okafor.record,
                found["id"].as_str().unwrap()
            )),
            json!(path)
        );
        let elsewhere = format!(
            "{}/chart/findings/{}",
            other["resource"].as_str().unwrap(),
            found["id"].as_str().unwrap()
        );
        refused(&system.get(&elsewhere, &okafor.nurse).await, 404, "not-found");
        let (status, again) = system.put(&path, &okafor.token, &then).await;
        assert_eq!(
            (status, &again["version"]),
            (200, &chart["version"]),
            "nothing changes: {again}"
        );

        for refuted in [&beside, &path] {
            let refute = format!("{refuted}/refute");
            let (status, answer) = system.post(&refute, &okafor.token, &json!({})).await;
            assert_eq!(status, 200, "{answer}");
            let again = system.post(&refute, &okafor.token, &json!({})).await;
            refused(&again, 404, "not-found");
            refused(&system.get(refuted, &okafor.token).await, 404, "not-found");
            refused(&system.put(refuted, &okafor.token, &then).await, 404, "not-found");
        }
        let chart = okafor.chart(&system).await;
        assert_eq!(chart[list], json!([]), "{chart}");
    }

    // A body holds one finding.
    let path = format!("{}/chart/findings", okafor.record);
    for body in [
        json!({}),
        json!({ "condition": { "concept": asthma }, "symptom": { "text": "a cough" } }),
    ] {
        refused(&system.post(&path, &okafor.token, &body).await, 422, "invalid");
    }

    // What it is never becomes something of another list.
    let symptom = okafor.note(&system, &json!({ "symptom": { "text": "a rash" } })).await;
    let moved = system.put(&symptom, &okafor.token, &allergy("Latex")).await;
    refused(&moved, 404, "not-found");
    let chart = okafor.chart(&system).await;
    assert_eq!(texts(&chart["symptoms"]), ["a rash"], "{chart}");
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_says_why_it_is_empty_and_no_other_list_does() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let okafor = Admitted::to(&system).await;
    let of_allergies = |absence: &str| json!({ "list": "allergies", "absence": absence });
    for (absence, shown) in [
        ("none-known", json!("none-known")),
        ("unknown", json!("unknown")),
        ("not-asked", json!([])),
        ("none-known", json!("none-known")),
    ] {
        let (status, stated) = okafor.state(&system, &of_allergies(absence)).await;
        assert_eq!(status, 200, "{stated}");
        let chart = okafor.chart(&system).await;
        assert_eq!(chart["allergies"], shown, "{absence}: {chart}");
    }

    // No source tells symptoms: what is said of them is no statement beside others, and a hospital's system reads the chart as before.
    let of_symptoms = json!({ "list": "symptoms", "absence": "none-known" });
    for _ in 0..2 {
        let (status, stated) = okafor.state(&system, &of_symptoms).await;
        assert_eq!(status, 200, "{stated}");
    }
    let chart = okafor.chart(&system).await;
    assert_eq!(chart["symptoms"], json!("none-known"), "{chart}");
    let lists: Vec<_> = chart["negations"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| &one["list"])
        .collect();
    assert!(!lists.contains(&&json!("symptoms")), "{chart}");

    // A finding ends it, and is not said away.
    let latex = okafor.note(&system, &allergy("Latex")).await;
    for absence in ["none-known", "unknown", "not-asked"] {
        refused(
            &okafor.state(&system, &of_allergies(absence)).await,
            409,
            "list-not-empty",
        );
    }
    let chart = okafor.chart(&system).await;
    assert_eq!(texts(&chart["allergies"]), ["Latex"], "{chart}");
    let (status, refuted) = system.post(&format!("{latex}/refute"), &okafor.token, &json!({})).await;
    assert_eq!(status, 200, "{refuted}");
    let chart = okafor.chart(&system).await;
    assert_eq!(chart["allergies"], json!([]), "nobody has asked since: {chart}");

    // Of one kind of allergies it is said beside the list.
    let of_food = |absence: &str| json!({ "list": "allergies", "kind": "food", "absence": absence });
    for (absence, shown) in [("none-known", json!(["food"])), ("not-asked", Value::Null)] {
        let (status, stated) = okafor.state(&system, &of_food(absence)).await;
        assert_eq!(status, 200, "{stated}");
        let chart = okafor.chart(&system).await;
        assert_eq!(chart["noKnownAllergiesTo"], shown, "{absence}: {chart}");
        assert_eq!(chart["allergies"], json!([]), "{chart}");
    }
    let of_conditions = json!({ "list": "conditions", "kind": "food", "absence": "none-known" });
    for (statement, pointer) in [(of_food("unknown"), "/absence"), (of_conditions, "/kind")] {
        let answer = okafor.state(&system, &statement).await;
        refused(&answer, 422, "invalid");
        assert_eq!(answer.1["errors"][0]["pointer"], json!(pointer), "{}", answer.1);
    }
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hospital_reports_is_taken_in_finding_by_finding_and_the_newest_state_counts() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let okafor = Admitted::to(&system).await;
    let by_patient = okafor.note(&system, &allergy("Penicillin")).await;
    okafor.note(&system, &allergy("Pollen")).await;
    let noted = okafor.chart(&system).await["allergies"].clone();

    let (source, at) = ("0123456789abcdef", |year: u32| format!("{year}-01-01T00:00:00Z"));
    let penicillin = |critical: &str, year| {
        let finding = json!({ "concept": { "text": "Penicillin" }, "criticality": critical });
        json!({ "allergies": [{ "finding": finding, "asOf": at(year), "source": source }] })
    };
    let mut report = penicillin("high", 2024);
    let latex = |critical: &str, year| {
        let finding = json!({ "concept": { "text": "Latex" }, "criticality": critical });
        json!({ "finding": finding, "asOf": at(year), "source": "00000000000000cc" })
    };
    report["allergies"].as_array_mut().unwrap().push(latex("high", 2024));
    report["conditions"] = json!([
        { "finding": { "concept": { "text": "Asthma" }, "onset": "1990-05-01" }, "asOf": at(2024), "source": "00000000000000aa" },
    ]);
    report["negations"] = json!([
        { "list": "medications", "holds": true, "source": "00000000000000bb", "asOf": at(2024) },
    ]);
    let (status, taken_in) = okafor.report(&system, &report).await;
    assert_eq!(status, 200, "{taken_in}");
    let chart = okafor.chart(&system).await;
    assert_eq!(
        texts(&chart["allergies"]),
        ["Penicillin", "Pollen", "Latex"],
        "what is not told stays: {chart}"
    );
    let told = &chart["allergies"][0];
    assert!(
        by_patient.ends_with(told["id"].as_str().unwrap()),
        "it is what the patient has noted: {chart}"
    );
    assert_eq!(
        (&told["finding"]["criticality"], &told["asOf"], &told["sources"]),
        (&json!("high"), &noted[0]["asOf"], &json!([source])),
        "the patient has noted it since, and not how critical it is: {chart}"
    );
    assert_eq!(chart["allergies"][1], noted[1], "{chart}");
    assert_eq!(chart["allergies"][2]["asOf"], at(2024), "{chart}");
    assert_eq!(texts(&chart["conditions"]), ["Asthma"], "{chart}");
    assert_eq!(chart["medications"], "none-known", "{chart}");
    let negation = &chart["negations"][0];
    assert_eq!(
        (&negation["list"], &negation["holds"], &negation["source"]),
        (&json!("medications"), &json!(true), &json!("00000000000000bb")),
        "{chart}"
    );

    // The same once more and an older state change nothing; a newer one counts.
    let older = json!({ "allergies": [latex("low", 2020)] });
    for told in [&report, &penicillin("low", 2020), &older] {
        let (status, again) = okafor.report(&system, told).await;
        assert_eq!(
            (status, &again["position"], &again["version"]),
            (200, &Value::Null, &chart["version"]),
            "{again}"
        );
    }
    assert_eq!(okafor.chart(&system).await, chart);
    let newer = json!({ "allergies": [latex("low", 2025)] });
    let (status, newer) = okafor.report(&system, &newer).await;
    assert_eq!(status, 200, "{newer}");
    let chart = okafor.chart(&system).await;
    let told = &chart["allergies"][2];
    assert_eq!(
        (&told["finding"]["criticality"], &told["asOf"]),
        (&json!("low"), &json!(at(2025))),
        "{chart}"
    );

    // What the patient refutes, and what the source takes back, no older state brings back.
    let (status, refuted) = system
        .post(&format!("{by_patient}/refute"), &okafor.token, &json!({}))
        .await;
    assert_eq!(status, 200, "{refuted}");
    let withdrawn = json!({ "withdrawn": [
        { "list": "conditions", "concept": { "text": "Asthma" }, "source": "00000000000000aa", "asOf": at(2025) },
    ] });
    for told in [&withdrawn, &report] {
        let (status, answer) = okafor.report(&system, told).await;
        assert_eq!(status, 200, "{answer}");
        let chart = okafor.chart(&system).await;
        assert_eq!(texts(&chart["allergies"]), ["Pollen", "Latex"], "{chart}");
        assert_eq!(chart["conditions"], json!([]), "{chart}");
        let gone = chart["withdrawn"].as_array().unwrap();
        let mut gone: Vec<_> = gone
            .iter()
            .map(|one| (one["list"].as_str().unwrap(), one["source"].as_str().unwrap()))
            .collect();
        gone.sort_unstable();
        assert_eq!(
            gone,
            [("allergies", source), ("conditions", "00000000000000aa")],
            "{chart}"
        );
    }
    system.agrees_with_a_rebuild(&chain).await;
}

/// The entity tag of what stands at a path.
async fn tag(system: &TestSystem, key: &str, path: &str) -> String {
    let request = system.http.get(format!("{}{path}", system.url)).bearer_auth(key);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200, "{path}");
    answer.headers()["etag"].to_str().unwrap().to_owned()
}

/// Changes something, if it is what the caller has seen.
async fn on(system: &TestSystem, tag: &str, key: &str, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let request = system.http.request(method, format!("{}{path}", system.url));
    let request = request.bearer_auth(key).header("if-match", tag).json(body);
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or(Value::Null))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_insists_on_a_chart_that_has_changed_since_changes_nothing() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let okafor = Admitted::to(&system).await;
    let (hospital, token, record) = (&*okafor.hospital, &*okafor.token, &*okafor.record);
    let path = format!("{record}/chart");
    let empty = tag(&system, token, &path).await;
    let of_record = tag(&system, token, record).await;
    let reports = format!("{path}/reports");
    let gout = json!({ "conditions": [{ "finding": { "concept": { "text": "Gout" } } }] });
    let never_seen = on(&system, "\"7\"", hospital, Method::POST, &reports, &gout).await;
    refused(&never_seen, 412, "precondition-failed");
    assert_eq!(tag(&system, token, &path).await, empty);
    let of_nobody = format!("/v1/patients/{}/chart/reports", Uuid::new_v4());
    let unknown = on(&system, "\"7\"", hospital, Method::POST, &of_nobody, &gout).await;
    refused(&unknown, 404, "not-found");
    let (status, answer) = on(&system, &empty, hospital, Method::POST, &reports, &gout).await;
    assert_eq!(status, 200, "{answer}");
    let finding = okafor.note(&system, &allergy("Latex")).await;
    let seen = tag(&system, token, &path).await;
    assert_ne!(empty, seen);

    let critical = json!({ "allergy": { "concept": { "text": "Latex" }, "criticality": "high" } });
    let refute = format!("{finding}/refute");
    let report = json!({ "conditions": [{ "finding": { "concept": { "text": "Asthma" } } }] });
    let stale = [
        (token, Method::PUT, &finding, critical.clone()),
        (token, Method::POST, &refute, json!({})),
        (hospital, Method::POST, &reports, report.clone()),
    ];
    for (key, method, path, body) in stale {
        let answer = on(&system, &empty, key, method, path, &body).await;
        refused(&answer, 412, "precondition-failed");
    }
    assert_eq!(tag(&system, token, &path).await, seen);

    // The details change on a version of their own.
    let (_, patient) = system.get(record, token).await;
    let mut details = patient["details"].clone();
    details["phone"] = json!("555-0100");
    let of_details = format!("{record}/details");
    let (status, answer) = on(&system, &of_record, token, Method::PUT, &of_details, &details).await;
    assert_eq!(status, 200, "a note is no change of the details: {answer}");
    let (status, answer) = on(&system, &seen, token, Method::PUT, &finding, &critical).await;
    assert_eq!(status, 200, "{answer}");
    for (key, method, path, body) in [
        (hospital, Method::POST, &reports, report),
        (token, Method::POST, &refute, json!({})),
    ] {
        let seen = tag(&system, token, &format!("{record}/chart")).await;
        let (status, answer) = on(&system, &seen, key, method, path, &body).await;
        assert_eq!(status, 200, "{answer}");
    }

    // Who notes insists on nothing.
    let now = tag(&system, token, &path).await;
    let findings = format!("{path}/findings");
    let noted = on(&system, &now, token, Method::POST, &findings, &allergy("Pollen")).await;
    refused(&noted, 400, "malformed-request");
    let request = system.http.get(format!("{}{path}", system.url)).bearer_auth(token);
    let same = request.header("if-none-match", &now).send().await.unwrap();
    assert_eq!(same.status().as_u16(), 304);
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_or_a_finding_that_is_unknown_is_not_found() {
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let okafor = Admitted::to(&system).await;
    let latex = okafor.note(&system, &allergy("Latex")).await;
    let latex = latex.rsplit('/').next().unwrap();
    let (_, other) = system.post("/v1/patients", &okafor.hospital, &patient("Byron")).await;
    let other = other["resource"].as_str().unwrap();
    agree_on_paper(&system, &okafor.nurse, other).await;
    let nothing = Uuid::new_v4().to_string();
    let nobody = format!("/v1/patients/{nothing}");
    let none = json!({ "list": "allergies", "absence": "none-known" });

    let chart = format!("{nobody}/chart");
    refused(&system.get(&chart, &okafor.nurse).await, 404, "not-found");
    for (part, caller, body) in [
        ("findings", &okafor.nurse, allergy("Latex")),
        ("absences", &okafor.nurse, none),
        ("reports", &okafor.hospital, json!({})),
    ] {
        let path = format!("{chart}/{part}");
        refused(&system.post(&path, caller, &body).await, 404, "not-found");
    }
    // A finding stands in one chart, and in no other.
    for (record, finding) in [(&*okafor.record, &*nothing), (other, latex), (&*nobody, latex)] {
        let path = format!("{record}/chart/findings/{finding}");
        let changed = system.put(&path, &okafor.nurse, &allergy("Latex")).await;
        refused(&changed, 404, "not-found");
        let refuted = system.post(&format!("{path}/refute"), &okafor.nurse, &json!({})).await;
        refused(&refuted, 404, "not-found");
    }
    let chart = okafor.chart(&system).await;
    assert_eq!(texts(&chart["allergies"]), ["Latex"], "{chart}");
    system.agrees_with_a_rebuild(&chain).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_full_takes_a_finding_once_another_is_refuted() {
    const MOST: usize = 1000;
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let okafor = Admitted::to(&system).await;
    let condition = |number: usize| json!({ "concept": { "text": format!("Condition {number}") } });
    let report = |numbers: std::ops::Range<usize>| {
        let told: Vec<_> = numbers.map(|number| json!({ "finding": condition(number) })).collect();
        json!({ "conditions": told })
    };
    let (status, answer) = okafor.report(&system, &report(0..MOST)).await;
    assert_eq!(status, 200, "{answer}");
    refused(&okafor.report(&system, &report(MOST..MOST + 1)).await, 409, "list-full");
    let one_more = json!({ "condition": condition(MOST) });
    let path = format!("{}/chart/findings", okafor.record);
    refused(&system.post(&path, &okafor.token, &one_more).await, 409, "list-full");
    // The other lists have room.
    okafor.note(&system, &allergy("Latex")).await;

    let chart = okafor.chart(&system).await;
    let listed = chart["conditions"].as_array().unwrap();
    let ids: BTreeSet<_> = listed.iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    assert_eq!((listed.len(), ids.len()), (MOST, MOST));
    let refute = format!("{path}/{}/refute", listed[0]["id"].as_str().unwrap());
    let (status, answer) = system.post(&refute, &okafor.token, &json!({})).await;
    assert_eq!(status, 200, "{answer}");
    okafor.note(&system, &one_more).await;
    let chart = okafor.chart(&system).await;
    assert_eq!(texts(&chart["conditions"]).len(), MOST);
    system.agrees_with_a_rebuild(&chain).await;
}
