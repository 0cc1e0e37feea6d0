//! What bad input and repeated requests get from a running system: a precise problem each, and nothing changed.

use chrono::{Days, NaiveDate, Utc};
use domain::account::Role;
use reqwest::header::{ETAG, HeaderMap};
use serde_json::{Value, json};
use tests::chain::TestChain;
use tests::people::{patient, practitioner};
use tests::system::{TestSystem, deployed};

struct Clinic {
    system: TestSystem,
    key: String,
    doctor: String,
    patient: String,
    day: NaiveDate,
    _chain: TestChain,
}

impl Clinic {
    /// With a doctor in Tokyo who offers three slots of 20 minutes from 9:00, a week from now.
    async fn open() -> Self {
        let chain = TestChain::start().await;
        let system = TestSystem::start(&chain, &deployed(&chain).await).await;
        let key = system.service("front desk", Role::Hospital).await;
        let id = |answer: Value| answer["id"].as_str().unwrap().to_owned();
        let doctor = id(system
            .post("/v1/practitioners", &key, &practitioner("Sato", "Asia/Tokyo"))
            .await
            .1);
        let patient = id(system.post("/v1/patients", &key, &patient("Ito")).await.1);
        let day = Utc::now().date_naive() + Days::new(7);
        let clinic = Self {
            system,
            key,
            doctor,
            patient,
            day,
            _chain: chain,
        };
        let sessions = clinic.sessions(&[(day, "09:00", "10:00")]);
        assert_eq!(clinic.publish(&sessions).await.0, 200);
        clinic
    }

    fn sessions(&self, sessions: &[(NaiveDate, &str, &str)]) -> Value {
        let session = |(day, start, end): &(NaiveDate, &str, &str)| json!({ "start": format!("{day}T{start}:00+09:00"), "end": format!("{day}T{end}:00+09:00"), "slotMinutes": 20 });
        json!({ "sessions": sessions.iter().map(session).collect::<Vec<_>>() })
    }

    async fn publish(&self, sessions: &Value) -> (u16, Value) {
        let path = format!("/v1/practitioners/{}/availability/{}", self.doctor, self.day);
        self.system.put(&path, &self.key, sessions).await
    }

    fn booking(&self, time: &str) -> Value {
        let start = format!("{}T{time}:00+09:00", self.day);
        json!({ "patient": self.patient, "practitioner": self.doctor, "slot": { "start": start, "minutes": 20 } })
    }

    async fn book(&self, body: &Value) -> (u16, Value) {
        self.system.post("/v1/appointments", &self.key, body).await
    }

    /// Posts with headers.
    async fn post(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> (u16, HeaderMap, Value) {
        let url = format!("{}{path}", self.system.url);
        let request = self.system.http.post(url).bearer_auth(&self.key).json(body);
        let request = headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value));
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        (status, headers, response.json().await.unwrap_or(Value::Null))
    }

    async fn position(&self) -> u64 {
        let response = self
            .system
            .http
            .get(format!("{}/health/live", self.system.url))
            .send()
            .await
            .unwrap();
        response.headers()["medconnect-position"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_gets_its_problem_and_changes_nothing() {
    let clinic = Clinic::open().await;
    let before = clinic.position().await;
    let with = |field: &str, value: Value| {
        let mut body = clinic.booking("09:20");
        body[field] = value;
        body
    };
    let unknown = uuid::Uuid::new_v4();
    let slot = |start: &str, minutes: u32| json!({ "start": start, "minutes": minutes });
    for (body, status, slug) in [
        (clinic.booking("09:10"), 409, "slot-not-offered"),
        (clinic.booking("11:00"), 409, "slot-not-offered"),
        (
            with("slot", slot(&format!("{}T09:20:00+09:00", clinic.day), 25)),
            409,
            "slot-not-offered",
        ),
        (with("slot", slot("2020-01-01T09:00:00Z", 20)), 422, "time-passed"),
        (with("slot", slot("2026-01-01T09:00:00", 20)), 422, "invalid"),
        (with("patient", json!(unknown)), 422, "invalid"),
        (with("practitioner", json!(unknown)), 422, "invalid"),
        (with("practitioner", json!("nobody")), 422, "invalid"),
        (with("surgeon", json!(1)), 422, "invalid"),
    ] {
        let (got, problem) = clinic.book(&body).await;
        assert_eq!(
            (got, &problem["type"]),
            (status, &json!(format!("/problems/{slug}"))),
            "{body} {problem}"
        );
    }
    let next = clinic.day.succ_opt().unwrap();
    for (sessions, pointer) in [
        (
            &[(clinic.day, "09:00", "10:00"), (clinic.day, "09:30", "11:00")][..],
            "/sessions",
        ),
        (&[(clinic.day, "10:00", "09:00")], "/sessions/0/end"),
        (&[(clinic.day, "09:00", "09:01")], "/sessions/0"),
        (
            &[(clinic.day, "09:00", "10:00"), (next, "09:00", "10:00")],
            "/sessions/1",
        ),
    ] {
        let (status, problem) = clinic.publish(&clinic.sessions(sessions)).await;
        assert_eq!(
            (status, &problem["type"], &problem["errors"][0]["pointer"]),
            (422, &json!("/problems/invalid"), &json!(pointer)),
            "{problem}"
        );
    }
    assert_eq!(clinic.position().await, before, "nothing was appended");
    clinic.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_on_a_recorded_visit_may_insist_on_the_state_that_was_seen() {
    let clinic = Clinic::open().await;
    let visit = |reason: &str| {
        json!({
            "identifier": { "system": "urn:test", "value": "1" }, "patient": clinic.patient, "practitioner": clinic.doctor,
            "start": "2020-03-02T09:00:00Z", "minutes": 20, "outcome": "open", "reason": { "text": reason }, "corrects": true,
        })
    };
    let tell = async |reason: &str| {
        let (status, headers, told) = clinic.post("/v1/visits", &visit(reason), &[]).await;
        assert!(status < 300, "{told}");
        let path = told["resource"].as_str().unwrap().to_owned();
        (path, headers[ETAG].to_str().unwrap().to_owned())
    };
    let (path, former) = tell("a cough").await;
    let (_, newer) = tell("a cold").await;
    let complete = format!("{path}/complete");
    for (tag, status) in [(&former, 412), (&newer, 200), (&newer, 412)] {
        let (got, _, answer) = clinic.post(&complete, &json!({}), &[("if-match", tag)]).await;
        assert_eq!(got, status, "{tag}: {answer}");
    }
    clinic.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_version_is_refused_and_an_appointment_moves_without_being_lost() {
    let clinic = Clinic::open().await;
    let (status, headers, booked) = clinic.post("/v1/appointments", &clinic.booking("09:00"), &[]).await;
    assert_eq!(status, 201, "{booked}");
    let tag = headers[ETAG].to_str().unwrap().to_owned();
    let path = booked["resource"].as_str().unwrap();
    let confirm = format!("{path}/confirm");
    let (status, headers, _) = clinic.post(&confirm, &json!({}), &[("if-match", &tag)]).await;
    assert_eq!(status, 200);
    let newer = headers[ETAG].to_str().unwrap().to_owned();
    let cancel = format!("{path}/cancel");
    let (status, _, problem) = clinic.post(&cancel, &json!({}), &[("if-match", &tag)]).await;
    assert_eq!(
        (status, &problem["type"]),
        (412, &json!("/problems/precondition-failed"))
    );

    // To another day, then again under the old tag, which names the old day.
    let day = clinic.day.succ_opt().unwrap();
    let other = format!("/v1/practitioners/{}/availability/{day}", clinic.doctor);
    let sessions = clinic.sessions(&[(day, "09:00", "10:00")]);
    assert_eq!(clinic.system.put(&other, &clinic.key, &sessions).await.0, 200);
    let to = json!({ "slot": { "start": format!("{day}T09:40:00+09:00"), "minutes": 20 } });
    let reschedule = format!("{path}/reschedule");
    let (status, headers, moved) = clinic.post(&reschedule, &to, &[("if-match", &newer)]).await;
    assert_eq!(status, 200, "{moved}");
    assert!(
        headers[ETAG].to_str().unwrap().starts_with(&format!("\"{day}.")),
        "{headers:?}"
    );
    assert_eq!(clinic.post(&cancel, &json!({}), &[("if-match", &newer)]).await.0, 412);
    let (_, read) = clinic.system.get(path, &clinic.key).await;
    assert_eq!(
        (&read["day"], &read["status"]),
        (&json!(day), &json!("booked")),
        "{read}"
    );
    assert_eq!(
        clinic.book(&clinic.booking("09:00")).await.0,
        201,
        "the slot it left is free"
    );
    let (_, page) = clinic
        .system
        .get(&format!("/v1/appointments?from={day}&to={day}"), &clinic.key)
        .await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page}");
    clinic.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_a_key_is_executed_once_whether_it_waits_or_not() {
    let clinic = Clinic::open().await;
    let key = [("idempotency-key", "one")];
    let (status, _, first) = clinic.post("/v1/appointments", &clinic.booking("09:00"), &key).await;
    assert_eq!(status, 201, "{first}");
    let (status, headers, again) = clinic.post("/v1/appointments", &clinic.booking("09:00"), &key).await;
    assert_eq!((status, &again), (201, &first));
    assert!(headers.contains_key("idempotent-replayed"));
    let (status, _, problem) = clinic.post("/v1/appointments", &clinic.booking("09:20"), &key).await;
    assert_eq!(
        (status, &problem["type"]),
        (422, &json!("/problems/idempotency-key-reused"))
    );
    let (status, _, problem) = clinic.post("/v1/appointments", &clinic.booking("09:00"), &[]).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/slot-taken")));

    let (status, headers, accepted) = clinic
        .post(
            "/v1/appointments",
            &clinic.booking("09:20"),
            &[("prefer", "respond-async")],
        )
        .await;
    assert_eq!(status, 202, "{accepted}");
    let location = headers["location"].to_str().unwrap();
    let mut command = Value::Null;
    for _ in 0..100 {
        command = clinic.system.get(location, &clinic.key).await.1;
        if command["status"] != "pending" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(command["status"], "done", "{command}");
    let resource = command["result"]["resource"].as_str().unwrap();
    assert_eq!(clinic.system.get(resource, &clinic.key).await.0, 200);
    let stranger = clinic.system.service("insurer", Role::Insurer).await;
    assert_eq!(clinic.system.get(location, &stranger).await.0, 404);

    // Many at once under one key: one appointment, and nobody gets another answer.
    let body = clinic.booking("09:40");
    let all = futures::future::join_all(
        (0..20).map(|_| clinic.post("/v1/appointments", &body, &[("idempotency-key", "two")])),
    );
    let statuses: Vec<_> = all.await.into_iter().map(|(status, ..)| status).collect();
    assert!(statuses.contains(&201), "{statuses:?}");
    assert!(
        statuses.iter().all(|status| matches!(status, 201 | 409)),
        "{statuses:?}"
    );
    let (_, page) = clinic.system.get("/v1/appointments", &clinic.key).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 3, "{page}");
    clinic.system.stop().await;
}

/// Text that hardly gets shorter: of all printable characters that JSON does not escape, as a fixed seed mixes them.
struct Noise(u64);

impl Noise {
    fn text(&mut self, characters: usize) -> String {
        let mut next = || {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            char::from(b' ' + u8::try_from((self.0 >> 33) % 95).unwrap())
        };
        std::iter::repeat_with(&mut next)
            .filter(|character| !matches!(character, '"' | '\\'))
            .take(characters)
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_transaction_can_carry_is_too_large_and_no_fault_of_ours() {
    let clinic = Clinic::open().await;
    let before = clinic.position().await;
    let path = format!("/v1/patients/{}/chart/reports", clinic.patient);
    let mut noise = Noise(7);
    let mut condition = || json!({ "finding": { "concept": { "text": noise.text(1000) } } });
    let conditions: Vec<_> = (0..150).map(|_| condition()).collect();
    let report = json!({ "conditions": conditions });
    let (status, problem) = clinic.system.post(&path, &clinic.key, &report).await;
    assert_eq!(
        (status, &problem["type"]),
        (413, &json!("/problems/payload-too-large")),
        "{problem}"
    );
    // The body alone is taken.
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("event of the log"), "{detail}");
    assert_eq!(clinic.position().await, before, "nothing was appended");
    clinic.system.stop().await;
}

/// Sends a request with a body that never ends, and answers with what comes back until the connection is closed.
async fn cut_off(clinic: &Clinic, authorization: &str, body: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = clinic.system.url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/appointments HTTP/1.1\r\nhost: {address}\r\nauthorization: {authorization}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let all = stream.read_to_end(&mut answer);
    let closed = tokio::time::timeout(std::time::Duration::from_secs(20), all).await;
    let answer = String::from_utf8_lossy(&answer).to_lowercase();
    assert!(closed.is_ok(), "the connection is closed after {answer}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_nobody_reads_to_its_end_holds_no_connection() {
    let clinic = Clinic::open().await;
    let known = format!("Bearer {}", clinic.key);
    // One byte more than is taken.
    let part = 32 * 1024;
    let chunk = format!("{part:x}\r\n{}\r\n", " ".repeat(part));
    let too_long = cut_off(&clinic, &known, &format!("{}1\r\n ", chunk.repeat(4))).await;
    assert!(too_long.starts_with("http/1.1 413 "), "{too_long}");
    assert!(too_long.contains("/problems/payload-too-large"), "{too_long}");
    let stranger = cut_off(&clinic, "Bearer nobody", "1\r\n ").await;
    assert!(stranger.starts_with("http/1.1 401 "), "{stranger}");
    clinic.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_its_head_comes_without_a_body_and_the_connection_goes_on() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let chain = TestChain::start().await;
    let system = TestSystem::start(&chain, &deployed(&chain).await).await;
    let address = system.url.trim_start_matches("http://").to_owned();
    let mut connection = tokio::net::TcpStream::connect(&address).await.unwrap();
    let paths = ["/health/ready", "/openapi.yaml", "/v1/me", "/docs/"];
    let requests =
        paths.map(|path| format!("HEAD {path} HTTP/1.1\r\nhost: {address}\r\naccept-encoding: gzip\r\n\r\n"));
    let last = format!("GET / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    for request in requests.iter().chain([&last]) {
        connection.write_all(request.as_bytes()).await.unwrap();
    }
    let mut answers = String::new();
    connection.read_to_string(&mut answers).await.unwrap();
    // Were there a body, the next answer would not begin where a head ends.
    let heads: Vec<_> = answers.split("\r\n\r\n").collect();
    let statuses: Vec<_> = heads
        .iter()
        .map(|head| head.split(' ').nth(1).unwrap_or_default())
        .collect();
    assert_eq!(statuses[..5], ["200", "200", "401", "200", "200"], "{answers}");
    assert!(heads[5].contains("\"documentation\":\"/docs/\""), "{answers}");
    system.stop().await;
}
