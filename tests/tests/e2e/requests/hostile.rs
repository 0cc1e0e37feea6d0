//! Every operation of the OpenAPI document, asked in the ways in which a hostile caller may ask.
//!
//! Operations, parameters and statuses are read from the document; what is said here is only what a good request looks like. One
//! place of it after the other then takes values from a fixed corpus. Whatever is sent: the server is never at fault, it
//! answers only as the document says it may, every refusal is a problem of a documented type, and none repeats what was
//! sent. A new operation fails the test until it has a good request here.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;

use api_config::{LimitsConfig, Registration};
use api_wire::problem::ProblemKind;
use chrono::{Days, NaiveDate, Utc};
use domain::account::Role;
use futures::StreamExt as _;
use infrastructure::chain::Signer;
use reqwest::Method;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_MATCH};
use serde_json::{Value, json};
use tests::chain::{KEYS, TestChain};
use tests::charts::{agree_on_paper, paper};
use tests::office::{Office, practitioner};
use tests::people::{self, Person, patient};
use tests::system::{SystemOptions, TestSystem};

/// Stands in every hostile text, so that an answer that repeats it is found out.
const MARK: &str = "zQ7kW";

/// How many values of the corpus a place takes; the next place goes on where this one stopped.
const OF_A_PARAMETER: usize = 12;
const OF_A_HEADER: usize = 4;
const OF_A_BODY: usize = 8;

/// How many requests are on their way at once.
const AT_ONCE: usize = 12;

/// The mistakes that these requests make at every operation that documents them. The others take another caller (403), a
/// state (409), time (408), a crowd (429) or a fault (503).
const MADE: [u16; 8] = [400, 401, 404, 406, 412, 413, 415, 422];

/// What is sent beside the documented headers.
const HEADERS: [&str; 11] = [
    "accept",
    "accept-encoding",
    "authorization",
    "content-encoding",
    "content-type",
    "cookie",
    "if-match",
    "if-none-match",
    "origin",
    "range",
    "x-forwarded-for",
];

fn texts() -> Vec<String> {
    let marked = [
        "",
        "'; DROP TABLE patients; --",
        "\" OR 1=1 /*",
        "<script>alert(1)</script>",
        "${jndi:ldap://example/a}{{7*7}}",
        "\0",
        "\r\nSet-Cookie: a=b",
        "\u{202e}\u{fdd0}\u{ffff}\u{feff}",
        "/../../etc/passwd",
        "%00%ff",
        "😀👩\u{200d}🔬ﷺ",
        ", expected cancer at line 1",
    ];
    let plain = [
        "",
        " ",
        "*",
        "\"3\"",
        "\"1\", \"2\"",
        "identity;q=0, *;q=0",
        "respond-async, wait=0",
        "0000-01-01",
        "9999-12-31",
        "2026-02-30",
        "9999-12-31T23:59:59Z",
        "0000-01-01T00:00:00Z",
        "2026-03-29T02:30:00",
        "2026-06-30T23:59:60Z",
        "2026-03-01T09:00:00 Europe/London",
        "Mars/Olympus_Mons",
        "-1",
        "0",
        "99999999999999999999",
        "1e400",
        "NaN",
        "null",
        "bnVsbA",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
    ];
    let marked = marked.map(|text| format!("{MARK}{text}"));
    let long = [5_000, 250].map(|length| format!("{MARK}{}", "x".repeat(length)));
    plain.map(str::to_owned).into_iter().chain(marked).chain(long).collect()
}

fn values() -> Vec<Value> {
    let deep = (0..100).fold(json!(MARK), |inner, _| json!([inner]));
    let others = [
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e308),
        json!(u64::MAX),
        json!(u32::MAX),
        json!([]),
        json!({}),
        json!([MARK, MARK]),
        json!({ format!("{MARK} key"): MARK }),
        json!(vec![MARK; 2_000]),
        deep,
    ];
    let texts = texts().into_iter().map(Value::String);
    texts.chain(others).collect()
}

/// Bodies that are none, made of a good one.
fn broken(good: &[u8]) -> Vec<Vec<u8>> {
    let half = good.get(..good.len() / 2).unwrap_or_default();
    let deep = |open: &str| open.repeat(20_000).into_bytes();
    let long = format!("{{\"long\":\"{}\"}}", MARK.repeat(900_000));
    vec![
        half.to_vec(),
        [good, b" x"].concat(),
        [b"\xef\xbb\xbf", good].concat(),
        b"\xff\xfe{}".to_vec(),
        b"\0".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"1e999".to_vec(),
        b"\"zQ7kW\"".to_vec(),
        b"{\"zQ7kW \\ud800\":1}".to_vec(),
        b"{\"zQ7kW \\u0000\":1}".to_vec(),
        deep("["),
        deep("{\"a\":"),
        long.into_bytes(),
    ]
}

/// A request that is answered as one would like it, but for one thing.
#[derive(Clone, Default)]
struct Request {
    what: String,
    path: BTreeMap<String, String>,
    query: BTreeMap<String, String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<Vec<u8>>,
}

/// What a good request to an operation looks like, and how it is answered.
struct Good {
    path: Vec<(&'static str, String)>,
    query: Vec<(&'static str, String)>,
    body: Value,
    status: u16,
}

impl Good {
    fn get() -> Self {
        Self {
            path: Vec::new(),
            query: Vec::new(),
            body: Value::Null,
            status: 200,
        }
    }

    fn of(id: &str) -> Self {
        Self {
            path: vec![("id", id.to_owned())],
            ..Self::get()
        }
    }

    fn saying(self, body: Value) -> Self {
        Self { body, ..self }
    }

    fn asking<const N: usize>(self, query: [(&'static str, String); N]) -> Self {
        Self {
            query: query.into(),
            ..self
        }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.path.push((name, value.to_owned()));
        self
    }

    fn answered(self, status: u16) -> Self {
        Self { status, ..self }
    }

    fn request(&self) -> Request {
        let owned = |pairs: &[(&str, String)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
            pairs.collect()
        };
        Request {
            what: "as it should be".to_owned(),
            path: owned(&self.path),
            query: owned(&self.query),
            body: (!self.body.is_null()).then(|| self.body.to_string().into_bytes()),
            ..Request::default()
        }
    }
}

/// An operation of the document.
struct Operation {
    id: String,
    method: Method,
    path: String,
    described: Value,
}

impl Operation {
    fn all() -> Vec<Self> {
        let document = serde_json::to_value(api_http::openapi::document()).unwrap();
        let paths = document["paths"].as_object().unwrap().clone();
        let operations = paths.into_iter().flat_map(|(path, item)| {
            let item = item.as_object().unwrap().clone();
            item.into_iter().map(move |(method, described)| Self {
                id: described["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                described,
            })
        });
        operations.collect()
    }

    fn parameters(&self, place: &str) -> Vec<String> {
        let all = self.described["parameters"].as_array().into_iter().flatten();
        let of_place = all.filter(|parameter| parameter["in"] == place);
        of_place
            .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Requests that differ from the good one in one place each.
    fn variants(&self, good: &Good, corpus: &mut Corpus) -> Vec<Request> {
        let mut right = good.request();
        if self.method != Method::GET {
            right.body.get_or_insert_with(|| b"{}".to_vec());
        }
        let mut requests = Vec::new();
        for name in self.parameters("path") {
            for text in corpus.texts(OF_A_PARAMETER) {
                let mut request = right.varied(&format!("path {name}"), &text);
                assert!(request.path.insert(name.clone(), text).is_some(), "{}: {name}", self.id);
                requests.push(request);
            }
        }
        for name in self.parameters("query").into_iter().chain(["unknown".to_owned()]) {
            for text in corpus.texts(OF_A_PARAMETER) {
                let mut request = right.varied(&format!("query {name}"), &text);
                request.query.insert(name.clone(), text);
                requests.push(request);
            }
        }
        let documented = self.parameters("header");
        for name in documented.iter().map(String::as_str).chain(HEADERS) {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            for (text, value) in corpus.headers(OF_A_HEADER) {
                let mut request = right.varied(&format!("header {name}"), &text);
                request.headers.push((name.clone(), value));
                requests.push(request);
            }
        }
        for (name, text) in [(ACCEPT_ENCODING, "identity;q=0, *;q=0"), (IF_MATCH, "\"no such tag\"")] {
            let mut request = right.varied(&format!("header {name}"), text);
            request.headers.push((name, HeaderValue::from_static(text)));
            requests.push(request);
        }
        if let Some(body) = &right.body {
            for broken in broken(body) {
                let text = String::from_utf8_lossy(&broken).into_owned();
                let mut request = right.varied("the body", &text);
                request.body = Some(broken);
                requests.push(request);
            }
        }
        for pointer in pointers(&good.body) {
            for value in corpus.values(OF_A_BODY) {
                let mut request = right.varied(&format!("body {pointer}"), &value.to_string());
                let mut body = good.body.clone();
                *body.pointer_mut(&pointer).unwrap() = value;
                request.body = Some(body.to_string().into_bytes());
                requests.push(request);
            }
        }
        requests
    }

    /// What is wrong with an answer.
    fn judge(&self, status: u16, headers: &HeaderMap, body: &str) -> Result<(), String> {
        let header = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap_or_default());
        for name in ["medconnect-position", "medconnect-finality", "x-request-id"] {
            if header(name).is_empty() {
                return Err(format!("no {name}"));
            }
        }
        if status >= 500 {
            return Err("the server says that it is at fault".to_owned());
        }
        let Some(declared) = self.described["responses"].get(status.to_string()) else {
            return Err("the document does not say so".to_owned());
        };
        let kind = header("content-type").split(';').next().unwrap_or_default();
        if status < 400 {
            let known = declared["content"].get(kind).is_some();
            return if body.is_empty() || known {
                Ok(())
            } else {
                Err(format!("the document does not say {kind}"))
            };
        }
        if kind != "application/problem+json" {
            return Err(format!("{kind} is no problem"));
        }
        let problem: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
        let slug = problem["type"]
            .as_str()
            .and_then(|kind| kind.strip_prefix("/problems/"));
        let known = slug.and_then(ProblemKind::from_slug).ok_or("an unknown type")?;
        if problem["status"] != status || known.status() != status || problem["title"] != known.title() {
            return Err("type, title and status do not belong together".to_owned());
        }
        if status == 401 && header("www-authenticate").is_empty() {
            return Err("it does not say how to authenticate".to_owned());
        }
        let mut sent = headers.values().filter_map(|value| value.to_str().ok()).chain([body]);
        if sent.any(|text| text.contains(MARK)) {
            return Err("it repeats what was sent".to_owned());
        }
        Ok(())
    }
}

impl Request {
    fn varied(&self, place: &str, text: &str) -> Self {
        let shown: String = text.chars().take(60).collect();
        Self {
            what: format!("{place} = {shown:?}"),
            ..self.clone()
        }
    }

    fn url(&self, base: &str, path: &str) -> String {
        let path = self.path.iter().fold(path.to_owned(), |path, (name, value)| {
            path.replace(&format!("{{{name}}}"), &escaped(value))
        });
        let pairs = self.query.iter();
        let pairs: Vec<_> = pairs
            .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
            .collect();
        let query = if pairs.is_empty() {
            String::new()
        } else {
            format!("?{}", pairs.join("&"))
        };
        format!("{base}{path}{query}")
    }
}

fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

/// All places in a body but the whole of it, and one more in each object.
fn pointers(body: &Value) -> Vec<String> {
    let below = |step: &str, value: &Value| {
        let deeper = pointers(value).into_iter().map(|pointer| format!("/{step}{pointer}"));
        std::iter::once(format!("/{step}")).chain(deeper).collect::<Vec<_>>()
    };
    match body {
        Value::Object(members) => members.iter().flat_map(|(name, value)| below(name, value)).collect(),
        Value::Array(items) => items.first().map(|item| below("0", item)).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Hands out hostile values in turn, so that all of them are used and a place gets the same every time.
struct Corpus {
    texts: Vec<String>,
    values: Vec<Value>,
    next: usize,
}

impl Corpus {
    fn new() -> Self {
        Self {
            texts: texts(),
            values: values(),
            next: 0,
        }
    }

    fn texts(&mut self, count: usize) -> Vec<String> {
        self.next += count;
        let from = self.next - count;
        self.texts
            .iter()
            .cycle()
            .skip(from % self.texts.len())
            .take(count)
            .cloned()
            .collect()
    }

    fn values(&mut self, count: usize) -> Vec<Value> {
        self.next += count;
        let from = self.next - count;
        self.values
            .iter()
            .cycle()
            .skip(from % self.values.len())
            .take(count)
            .cloned()
            .collect()
    }

    /// Those that can stand in a header.
    fn headers(&mut self, count: usize) -> Vec<(String, HeaderValue)> {
        self.next += count;
        let fit = |text: &String| Some((text.clone(), HeaderValue::from_bytes(text.as_bytes()).ok()?));
        let fitting: Vec<_> = self.texts.iter().filter_map(fit).collect();
        let from = (self.next - count) % fitting.len();
        fitting.into_iter().cycle().skip(from).take(count).collect()
    }
}

/// A clinic with something of everything.
struct World {
    system: TestSystem,
    hospital: String,
    /// The same key, as it is used for a nurse.
    nurse: String,
    administrator: String,
    /// A practitioner who is attested: their session.
    doctor: String,
    registrar: String,
    /// An auditor: their account and session.
    auditor: (String, String),
    /// A patient with a wallet: their id and session.
    patient: (String, String),
    /// Somebody with a wallet and an account.
    person: String,
    /// Somebody with a wallet and no account.
    stranger: String,
    /// Another one, who asks for nothing.
    newcomer: String,
    _chain: TestChain,
}

impl World {
    async fn open() -> Self {
        let chain = TestChain::start().await;
        let many = NonZeroU32::new(1_000_000);
        let limits = LimitsConfig {
            sign_ins_per_address: many,
            sign_ins_per_wallet: many,
            commands_per_person: many,
            bytes_per_person: NonZeroU32::new(u32::MAX),
            registration_requests_per_address: many,
            ..LimitsConfig::default()
        };
        let options = SystemOptions {
            limits,
            registration: Registration::Approval,
            ..SystemOptions::default()
        };
        let (office, system) = Office::serve(&chain, options).await;
        let hospital = system.service("front desk", Role::Hospital).await;
        let (_, registered) = system.post("/v1/patients", &hospital, &patient("Okafor")).await;
        let resource = registered["resource"].as_str().unwrap();
        let token = Person::numbered(4715).join(&system, &hospital, resource).await;
        let (_, doctor) = system
            .post("/v1/practitioners", &hospital, &people::practitioner("Lister", "UTC"))
            .await;
        let id = doctor["id"].as_str().unwrap();
        office.attests(&system, &hospital, id).await;
        let entry = doctor["resource"].as_str().unwrap();
        let person = system.administrator().await;
        let auditor = json!({ "name": "Audit", "role": "auditor", "kind": "person" });
        let (_, auditor) = system.post("/v1/accounts", &person, &auditor).await;
        let account = auditor["resource"].as_str().unwrap();
        let examiner = Person::numbered(4717).join(&system, &person, account).await;
        Self {
            auditor: (auditor["id"].as_str().unwrap().to_owned(), examiner),
            doctor: Person::numbered(4716).join(&system, &hospital, entry).await,
            patient: (registered["id"].as_str().unwrap().to_owned(), token),
            registrar: system.service("registry", Role::Registrar).await,
            person,
            stranger: Person::numbered(4711).sign_in(&system).await,
            newcomer: Person::numbered(4712).sign_in(&system).await,
            nurse: system.for_a_nurse(&hospital).await,
            hospital,
            administrator: system.service("administration", Role::Administrator).await,
            system,
            _chain: chain,
        }
    }

    /// The id of something new.
    async fn add(&self, path: &str, key: &str, body: &Value) -> String {
        let (status, answer) = self.system.post(path, key, body).await;
        assert_eq!(status, 201, "{path}: {answer}");
        answer["id"].as_str().unwrap().to_owned()
    }

    async fn offer(&self, doctor: &str, day: NaiveDate) -> Value {
        let sessions = json!({ "sessions": [
            { "start": format!("{day}T09:00:00Z"), "end": format!("{day}T17:00:00Z"), "slotMinutes": 20 },
        ] });
        let path = format!("/v1/practitioners/{doctor}/availability/{day}");
        let (status, answer) = self.system.put(&path, &self.hospital, &sessions).await;
        assert_eq!(status, 200, "{answer}");
        sessions
    }

    /// The id of somebody's request to be registered.
    async fn asked(&self, number: u32, details: &Value) -> String {
        let token = Person::numbered(number).sign_in(&self.system).await;
        let body = json!({ "details": details });
        let (status, answer) = self.system.put("/v1/me/registration-request", &token, &body).await;
        assert_eq!(status, 200, "{answer}");
        answer["id"].as_str().unwrap().to_owned()
    }

    /// A command that can be asked for.
    async fn command(&self) -> String {
        let url = format!("{}/v1/patients", self.system.url);
        let request = self.system.http.post(url).bearer_auth(&self.hospital);
        let request = request.header("idempotency-key", "asked for").json(&patient("Ito"));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["commandId"].as_str().unwrap().to_owned()
    }

    /// A good request to each operation.
    async fn good(&self) -> BTreeMap<&'static str, Good> {
        let (hospital, administrator) = (&*self.hospital, &*self.administrator);
        let name = json!({ "family": "Ito", "given": ["Aya"], "prefix": ["Dr."] });
        let identifier = |value: &str| json!({ "system": "urn:test", "value": value });
        let concept = json!({ "coding": { "system": "http://snomed.info/sct", "code": "1" }, "text": "A cough" });
        let details = json!({
            "name": name, "birthDate": "1980-02-29", "gender": "female", "phone": "+81 3", "email": "a@example.org",
            "address": { "lines": ["1"], "city": "Ota", "state": "Tokyo", "postalCode": "1", "country": "JP" },
            "deceased": { "at": "2026-01-01T00:00:00Z" },
        });
        let condition = json!({ "concept": concept, "onset": "2020-01-01", "abated": "2021-01-01" });
        let allergy = json!({ "concept": concept, "criticality": "high" });
        let medication = json!({ "concept": concept, "since": "2020-01-01", "active": true });
        let (at, source) = ("2024-01-01T00:00:00Z", |number: u8| format!("{number:016x}"));
        let told = |finding: &Value, number| json!({ "finding": finding, "asOf": at, "source": source(number) });
        let report = json!({
            "conditions": [told(&condition, 1)], "allergies": [told(&allergy, 2)], "medications": [told(&medication, 3)],
            "withdrawn": [
                { "list": "allergies", "concept": { "text": "Latex" }, "since": "2020-01-01", "source": source(4), "asOf": at },
            ],
            "negations": [
                { "list": "allergies", "kind": "food", "holds": true, "source": source(5), "asOf": at },
            ],
        });
        let entry = json!({
            "name": name, "gender": "male", "specializations": [concept], "credentials": ["MD"], "timeZone": "UTC",
        });
        let doctor = self
            .add("/v1/practitioners", hospital, &json!({ "details": entry }))
            .await;
        let (patient, token) = (&self.patient.0, &self.patient.1);
        let grant = json!({
            "grantee": format!("practitioner/{doctor}"), "categories": ["record", "sensitive"], "documents": [doctor],
            "from": at, "until": "2100-01-01T00:00:00Z", "purpose": "treatment", "mayWrite": true,
            "notBefore": "2100-01-01T00:00:00Z", "expiry": "2150-01-01T00:00:00Z",
        });
        let prepared = self.add(&format!("/v1/patients/{patient}/grants"), token, &grant).await;
        let asking = json!({ "patient": patient, "grant": grant, "reason": "You come next week." });
        let asked = self.add("/v1/access-requests", &self.nurse, &asking).await;
        let undesired = self.add("/v1/access-requests", &self.nurse, &asking).await;
        let emergencies = format!("/v1/patients/{patient}/emergencies");
        let emergency = json!({ "reason": "Unconscious.", "categories": ["identity", "summary"], "minutes": 5 });
        let opened = self.add(&emergencies, &self.doctor, &emergency).await;
        let examining = json!({
            "auditor": self.auditor.0, "scope": { "kind": "patient", "id": patient }, "from": at, "until": "2024-12-31T00:00:00Z",
            "reason": "complaint", "reference": "2026-17", "days": 5,
        });
        let engaged = self.add("/v1/engagements", &self.person, &examining).await;
        let over = self.add("/v1/engagements", &self.person, &examining).await;
        let signer = Person::numbered(4715).signer().to_string();
        let ito = self.add("/v1/patients", hospital, &json!({ "details": details })).await;
        let nurse = &*self.nurse;
        agree_on_paper(&self.system, nurse, &format!("/v1/patients/{ito}")).await;
        let findings = format!("/v1/patients/{ito}/chart/findings");
        let noted = self.add(&findings, nurse, &json!({ "allergy": allergy })).await;
        let symptom = json!({ "symptom": { "text": "a cough" } });
        let refuted = self.add(&findings, nurse, &symptom).await;
        let day = Utc::now().date_naive() + Days::new(7);
        let sessions = self.offer(&doctor, day).await;
        let slot = |hour: u32| json!({ "start": format!("{day}T{hour:02}:00:00Z"), "minutes": 20 });
        let booking = |hour| json!({ "patient": ito, "practitioner": doctor, "slot": slot(hour), "reason": concept });
        let mut booked = Vec::new();
        for hour in 9..13 {
            booked.push(self.add("/v1/appointments", hospital, &booking(hour)).await);
        }
        let visit = |id: &str| {
            json!({
                "identifier": identifier(id), "patient": ito, "practitioner": doctor, "start": "2020-03-02T12:00:00Z",
                "minutes": 20, "outcome": "open", "reason": concept,
            })
        };
        let mut visited = Vec::new();
        for id in ["1", "2"] {
            visited.push(self.add("/v1/visits", hospital, &visit(id)).await);
        }
        let service = |name: &str| json!({ "name": name, "role": "hospital" });
        let lab = self.add("/v1/accounts", administrator, &service("lab")).await;
        let old = self.add("/v1/accounts", administrator, &service("old lab")).await;
        let staff = json!({ "name": "clerk", "role": "hospital", "kind": "person" });
        let clerk = self.add("/v1/accounts", administrator, &staff).await;
        let taken = json!({ "reason": "lost" });
        let unsigned = json!({ "message": "no", "signature": "0x" });
        let scopes = json!({ "scopes": ["read"], "expires": "2100-01-01T00:00:00Z" });
        let keys = format!("/v1/accounts/{lab}/keys");
        let key = self.add(&keys, administrator, &scopes).await;
        let path = format!("/v1/practitioners/{doctor}/register-entry");
        let (status, told) = self.system.put(&path, hospital, &identifier("4711")).await;
        assert_eq!(status, 200, "{told}");
        let unsigned_suspension = json!({
            "primaryType": "Suspension",
            "message": { "practitioner": hex::encode_prefixed(practitioner(&doctor).uuid().as_bytes()), "reinstatements": 0 },
            "signer": hex::encode_prefixed(KEYS[2].parse::<Signer>().unwrap().address().0),
            "signature": "0x00",
        });
        let (limit, text) = (("limit", "1".to_owned()), str::to_owned);
        let published = |good: Good| good.with("day", &day.to_string());

        BTreeMap::from([
            ("authNonce", Good::get()),
            (
                "authLogin",
                Good::get()
                    .saying(json!({ "message": "no", "signature": "0x" }))
                    .answered(401),
            ),
            ("authLogout", Good::get().answered(403)),
            ("authMe", Good::get()),
            (
                "patientsRegister",
                Good::get().saying(json!({ "details": details })).answered(201),
            ),
            ("patientsList", Good::get().asking([limit.clone()])),
            (
                "patientsSearch",
                Good::get().saying(json!({ "name": "ito", "limit": 1, "cursor": null })),
            ),
            (
                "patientsLookUp",
                Good::get().saying(json!({ "identifiers": [identifier("1")] })),
            ),
            ("patientsRead", Good::of(&ito)),
            ("patientsUpdateDetails", Good::of(&ito).saying(details.clone())),
            ("patientsPractitioners", Good::of(&ito)),
            ("treatmentRead", Good::of(&ito)),
            ("treatmentAgree", Good::of(&ito).saying(paper())),
            ("treatmentEnd", Good::of(patient).saying(paper())),
            ("chartsRead", Good::of(&ito)),
            ("chartsFinding", Good::of(&ito).with("finding", &noted)),
            (
                "chartsNote",
                Good::of(&ito).saying(json!({ "condition": condition })).answered(201),
            ),
            (
                "chartsChange",
                Good::of(&ito)
                    .with("finding", &noted)
                    .saying(json!({ "allergy": { "concept": concept } })),
            ),
            ("chartsRefute", Good::of(&ito).with("finding", &refuted)),
            (
                "chartsStateAbsence",
                Good::of(&ito).saying(json!({ "list": "allergies", "kind": "latex", "absence": "none-known" })),
            ),
            ("chartsReported", Good::of(&ito)),
            ("chartsReport", Good::of(&ito).saying(report)),
            (
                "practitionersRegister",
                Good::get().saying(json!({ "details": entry })).answered(201),
            ),
            (
                "practitionersList",
                Good::get().asking([limit.clone(), ("specialization", text("cough"))]),
            ),
            (
                "practitionersLookUp",
                Good::get().saying(json!({ "identifiers": [identifier("1")] })),
            ),
            ("practitionersRead", Good::of(&doctor)),
            ("attestationsRead", Good::of(&doctor)),
            (
                "attestationsTellRegisterEntry",
                Good::of(&doctor).saying(identifier("4711")),
            ),
            ("attestationsRegisterEntry", Good::of(&doctor)),
            (
                "attestationsToSign",
                Good::of(&doctor).asking([("primaryType", text("Suspension"))]),
            ),
            // Nobody has signed it.
            (
                "attestationsHandIn",
                Good::of(&doctor).saying(unsigned_suspension).answered(422),
            ),
            ("grantsPrepare", Good::of(patient).saying(grant).answered(201)),
            ("grantsList", Good::of(patient).asking([limit.clone()])),
            ("emergenciesOpen", Good::of(patient).saying(emergency).answered(201)),
            ("emergenciesRead", Good::of(patient).with("emergency", &opened)),
            (
                "emergenciesJustify",
                Good::of(patient)
                    .with("emergency", &opened)
                    .saying(json!({ "text": "Nobody could ask her." })),
            ),
            ("emergenciesOwn", Good::get().asking([limit.clone()])),
            (
                "emergenciesList",
                Good::get().asking([limit.clone(), ("standing", "to-justify".to_owned())]),
            ),
            ("engagementsBegin", Good::get().saying(examining).answered(201)),
            ("engagementsList", Good::get().asking([limit.clone()])),
            ("engagementsRead", Good::of(&engaged)),
            ("engagementsEnd", Good::of(&over)),
            ("engagementsAccesses", Good::of(&engaged).asking([limit.clone()])),
            ("readsList", Good::get().asking([limit.clone()])),
            ("patientsExport", Good::get()),
            ("appointmentsOfPatient", Good::of(&ito).asking([limit.clone()])),
            (
                "patientsEraseMe",
                Good::get().saying(json!({ "signed": unsigned })).answered(422),
            ),
            ("accessRequestsAsk", Good::get().saying(asking.clone()).answered(201)),
            ("accessRequestsRead", Good::of(&asked)),
            (
                "accessRequestsTakeUp",
                Good::get().saying(json!({ "code": "7Q4M-2KX9" })).answered(404),
            ),
            ("accessRequestsList", Good::get().asking([limit.clone()])),
            ("accessRequestsApprove", Good::of(&asked).answered(201)),
            ("accessRequestsDecline", Good::of(&undesired)),
            ("readsNoted", Good::get()),
            ("grantsRead", Good::of(patient).with("grant", &prepared)),
            ("grantsToSign", Good::of(patient).with("grant", &prepared)),
            // Nobody has signed these.
            (
                "grantsHandIn",
                Good::of(patient)
                    .with("grant", &prepared)
                    .saying(json!({ "signer": signer, "signature": "0x00" }))
                    .answered(422),
            ),
            (
                "grantsRevocationToSign",
                Good::of(patient).asking([("primaryType", text("Revocation")), ("grant", prepared.clone())]),
            ),
            (
                "grantsRevoke",
                Good::of(patient)
                    .saying(json!({
                        "primaryType": "FullRevocation",
                        "message": { "patient": signer, "epoch": 0 },
                        "signer": signer,
                        "signature": "0x00",
                    }))
                    .answered(422),
            ),
            ("practitionersUpdate", Good::of(&doctor).saying(entry.clone())),
            ("practitionersPatients", Good::of(&doctor).asking([limit.clone()])),
            ("availabilityPublish", published(Good::of(&doctor)).saying(sessions)),
            ("availabilityRead", published(Good::of(&doctor))),
            (
                "availabilitySlots",
                Good::get().asking([
                    limit.clone(),
                    ("practitioner", doctor.clone()),
                    ("specialization", text("cough")),
                    ("from", format!("{day}T00:00:00Z")),
                    ("until", format!("{day}T23:00:00Z")),
                ]),
            ),
            ("appointmentsBook", Good::get().saying(booking(13)).answered(201)),
            (
                "appointmentsList",
                Good::get().asking([
                    limit.clone(),
                    ("patient", ito.clone()),
                    ("practitioner", doctor.clone()),
                    ("from", text("2020-01-01")),
                    ("to", day.to_string()),
                    ("status", text("booked")),
                ]),
            ),
            ("appointmentsRead", Good::of(&booked[0])),
            ("appointmentsConfirm", Good::of(&booked[1])),
            (
                "appointmentsReschedule",
                Good::of(&booked[2]).saying(json!({ "slot": slot(14) })),
            ),
            (
                "appointmentsCancel",
                Good::of(&booked[3]).saying(json!({ "reason": "a cold" })),
            ),
            ("appointmentsComplete", Good::of(&visited[0])),
            ("appointmentsNoShow", Good::of(&visited[1])),
            ("visitsRecord", Good::get().saying(visit("3")).answered(201)),
            (
                "accountsOpen",
                Good::get()
                    .saying(json!({ "name": "ward", "role": "hospital", "kind": "service" }))
                    .answered(201),
            ),
            ("accountsList", Good::get().asking([limit.clone()])),
            ("accountsRead", Good::of(&lab)),
            ("accountsClose", Good::of(&old)),
            ("accountsIssueKey", Good::of(&lab).saying(scopes).answered(201)),
            ("accountsRevokeKey", Good::of(&lab).with("key", &key)),
            ("walletsInvitePatient", Good::of(&ito)),
            ("walletsInvitePractitioner", Good::of(&doctor)),
            ("walletsInviteStaff", Good::of(&clerk)),
            ("walletsWithdrawPatients", Good::of(&ito).answered(204)),
            ("walletsWithdrawPractitioners", Good::of(&doctor).answered(204)),
            ("walletsWithdrawStaffs", Good::of(&clerk).answered(204)),
            (
                "walletsTakePatientsAway",
                Good::of(&ito).saying(taken.clone()).answered(404),
            ),
            (
                "walletsTakePractitionersAway",
                Good::of(&doctor).saying(taken.clone()).answered(404),
            ),
            ("walletsTakeStaffsAway", Good::of(&clerk).saying(taken).answered(404)),
            (
                "walletsAccept",
                Good::get().saying(json!({ "invitation": "mi_no" })).answered(422),
            ),
            ("walletsRead", Good::get()),
            (
                "walletsChange",
                Good::get()
                    .saying(json!({ "current": unsigned, "new": unsigned }))
                    .answered(422),
            ),
            ("registrationAsk", Good::get().saying(json!({ "details": details }))),
            ("registrationOwn", Good::get().answered(404)),
            ("registrationList", Good::get().asking([("limit", "1".to_owned())])),
            (
                "registrationApprove",
                Good::of(&self.asked(4713, &details).await).answered(201),
            ),
            (
                "registrationDecline",
                Good::of(&self.asked(4714, &details).await).saying(json!({ "reason": "Nobody knows you." })),
            ),
            ("commandsRead", Good::of(&self.command().await)),
            (
                "eventsList",
                Good::get().asking([
                    limit,
                    ("stream", format!("0x{}", "0".repeat(64))),
                    ("from", "1".to_owned()),
                    ("to", "9".to_owned()),
                    ("void", "false".to_owned()),
                    ("since", at.to_owned()),
                    ("until", "2100-01-01T00:00:00Z".to_owned()),
                ]),
            ),
            ("adminRetryParked", Good::get()),
            ("adminStatus", Good::get().asking([("contentHashes", text("false"))])),
            ("systemHome", Good::get()),
            ("systemOpenapi", Good::get()),
            ("systemLive", Good::get().answered(204)),
            ("systemReady", Good::get()),
            ("systemMetrics", Good::get()),
            ("systemProblem", Good::get().with("slug", "not-found")),
        ])
    }

    async fn send(&self, operation: &Operation, request: &Request) -> (u16, HeaderMap, String) {
        let key = match &*operation.id {
            "walletsRead" | "walletsChange" => &self.person,
            "engagementsAccesses" => &self.auditor.1,
            id if id.starts_with("engagements") => &self.person,
            "walletsAccept" | "registrationAsk" => &self.stranger,
            "registrationOwn" => &self.newcomer,
            "walletsInviteStaff" | "walletsWithdrawStaffs" => &self.administrator,
            id if id.starts_with("walletsTake") || id.starts_with("attestations") => &self.registrar,
            "emergenciesList" => &self.registrar,
            id if id.starts_with("emergencies") => &self.doctor,
            id if id.starts_with("grants") || id.starts_with("reads") => &self.patient.1,
            id if ["accounts", "admin", "events"].iter().any(|tag| id.starts_with(tag)) => &self.administrator,
            "patientsExport" | "patientsEraseMe" => &self.patient.1,
            "accessRequestsAsk" | "accessRequestsRead" => &self.nurse,
            id if id.starts_with("accessRequests") => &self.patient.1,
            "chartsReport" | "chartsReported" => &self.hospital,
            "patientsPractitioners" | "appointmentsOfPatient" => &self.nurse,
            id if id.starts_with("charts") || id.starts_with("treatment") => &self.nurse,
            _ => &self.hospital,
        };
        let mut headers = HeaderMap::new();
        let (key, person) = key.split_once(" for ").unwrap_or((key, ""));
        headers.insert(AUTHORIZATION, format!("Bearer {key}").parse().unwrap());
        if !person.is_empty() {
            headers.insert("on-behalf-of", person.parse().unwrap());
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.extend(request.headers.iter().cloned());
        let url = request.url(&self.system.url, &operation.path);
        let sent = self.system.http.request(operation.method.clone(), url).headers(headers);
        let sent = sent
            .timeout(Duration::from_secs(60))
            .body(request.body.clone().unwrap_or_default());
        let answer = sent
            .send()
            .await
            .unwrap_or_else(|error| panic!("{}: {}: {error}", operation.id, request.what));
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.bytes().await.unwrap();
        (status, headers, String::from_utf8_lossy(&body).into_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_sent_is_answered_as_the_document_says_and_is_no_fault_of_ours() {
    let world = World::open().await;
    let good = world.good().await;
    let operations = Operation::all();
    let known: Vec<_> = operations.iter().map(|operation| &*operation.id).collect();
    assert!(good.keys().all(|id| known.contains(id)), "{known:?}");

    let mut corpus = Corpus::new();
    let mut requests = Vec::new();
    for operation in &operations {
        let good = good.get(&*operation.id);
        let good = good.unwrap_or_else(|| panic!("{} has no good request", operation.id));
        let (status, headers, body) = world.send(operation, &good.request()).await;
        assert_eq!(status, good.status, "{}: {body}", operation.id);
        operation.judge(status, &headers, &body).unwrap();
        let variants = operation.variants(good, &mut corpus);
        requests.extend(variants.into_iter().map(|request| (operation, request)));
    }

    let world = &world;
    let answers = futures::stream::iter(&requests).map(|(operation, request)| async move {
        let (status, headers, body) = world.send(operation, request).await;
        let wrong = operation.judge(status, &headers, &body).err();
        let fault = wrong.map(|wrong| format!("{} with {}: {status}, {wrong}: {body}", operation.id, request.what));
        ((&*operation.id, status), fault)
    });
    let (seen, faults): (Vec<_>, Vec<_>) = answers.buffer_unordered(AT_ONCE).unzip().await;
    let faults: Vec<_> = faults.into_iter().flatten().collect();
    assert!(
        faults.is_empty(),
        "{} of {} answers:\n{}",
        faults.len(),
        requests.len(),
        faults.join("\n")
    );
    let seen: BTreeSet<_> = seen.into_iter().collect();
    for operation in &operations {
        let documented = MADE
            .iter()
            .filter(|status| !operation.described["responses"][status.to_string()].is_null());
        for status in documented {
            let made = seen.contains(&(&*operation.id, *status));
            assert!(made, "{} is said to answer {status}, and never did", operation.id);
        }
    }
    let ready = world.system.get("/health/ready", "").await;
    assert_eq!(ready.0, 200, "{}", ready.1);
}
