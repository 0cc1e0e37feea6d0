//! Who may call what: a table with every operation of the OpenAPI document. A documented operation without an entry fails
//! the test, and so does an entry without an operation.

use std::collections::BTreeSet;

use actix_web::http::Method;
use actix_web::test::{TestRequest, read_body_json};
use application::policy::rules::Registration;
use domain::registries::practitioners::Standing;
use serde_json::{Value, json};
use uuid::Uuid;

use super::fakes::{Api, FINDING, HOSPITAL_KEY, INVITATION, OTHER, OWN, ROLES, World, token};
use crate::openapi::{document, operations};

/// Who may call an operation.
pub(super) enum Access {
    /// Everybody, signed in or not.
    Public,
    /// Whoever has a token; the status they get.
    AnyCaller(u16),
    /// These roles on anything; these on what is theirs, while what is not is answered with this status.
    Roles {
        any: &'static str,
        own: &'static str,
        hidden: u16,
    },
    /// Hospitals on any record, patients on their own, and doctors on those whose patients have granted it to them.
    Record,
    /// Hospital systems whose key has the scope to import, and no person.
    HospitalSystem,
    /// These roles, who have wallets, in persons only; what the table says is answered with this status.
    People(&'static str, u16),
}

use Access::{AnyCaller, HospitalSystem, People, Public, Record, Roles};

const fn roles(any: &'static str, own: &'static str) -> Access {
    Roles { any, own, hidden: 404 }
}

const REGISTERED: &str = "patient doctor hospital insurer registrar auditor administrator";

pub(super) fn table() -> Vec<(&'static str, &'static str, Access, Value)> {
    let name = json!({"family": "Okafor", "given": ["Ada"]});
    let details = json!({"name": name, "birthDate": "1990-01-01", "gender": "female"});
    let doctor =
        json!({"name": name, "gender": "female", "specializations": [{"text": "Cardiology"}], "timeZone": "UTC"});
    let slot = json!({"start": "2026-03-02T12:00:00Z", "minutes": 20});
    let register = json!({"details": details});
    let visit = json!({
        "identifier": {"system": "urn:x", "value": "1"}, "patient": OWN, "practitioner": OWN,
        "start": "2020-03-02T12:00:00Z", "minutes": 20, "outcome": "completed",
    });
    let none = Value::Null;
    vec![
        ("POST", "/v1/auth/nonce", Public, none.clone()),
        (
            "POST",
            "/v1/auth/login",
            Public,
            json!({"message": "", "signature": ""}),
        ),
        ("POST", "/v1/auth/logout", AnyCaller(204), none.clone()),
        ("GET", "/v1/me", AnyCaller(200), none.clone()),
        ("GET", "/v1/me/wallet", People(REGISTERED, 200), none.clone()),
        ("GET", "/v1/me/access-log", People("patient", 200), none.clone()),
        ("GET", "/v1/me/noted-reads", People("patient", 200), none.clone()),
        // Nothing is signed.
        (
            "PUT",
            "/v1/me/wallet",
            People(REGISTERED, 422),
            json!({"current": {"message": "", "signature": ""}, "new": {"message": "", "signature": ""}}),
        ),
        (
            "POST",
            "/v1/invitations/accept",
            People("unregistered", 200),
            json!({"invitation": INVITATION}),
        ),
        (
            "POST",
            "/v1/patients/{id}/invitation",
            roles("hospital", ""),
            none.clone(),
        ),
        (
            "POST",
            "/v1/practitioners/{id}/invitation",
            roles("hospital", ""),
            none.clone(),
        ),
        (
            "POST",
            "/v1/accounts/{id}/invitation",
            roles("administrator", ""),
            none.clone(),
        ),
        (
            "DELETE",
            "/v1/patients/{id}/invitation",
            roles("hospital", ""),
            none.clone(),
        ),
        (
            "DELETE",
            "/v1/practitioners/{id}/invitation",
            roles("hospital", ""),
            none.clone(),
        ),
        (
            "DELETE",
            "/v1/accounts/{id}/invitation",
            roles("administrator", ""),
            none.clone(),
        ),
        // None of these has a wallet.
        (
            "POST",
            "/v1/patients/{id}/wallet/take-away",
            People("registrar", 404),
            json!({"reason": "lost"}),
        ),
        (
            "POST",
            "/v1/practitioners/{id}/wallet/take-away",
            People("registrar", 404),
            json!({"reason": "lost"}),
        ),
        (
            "POST",
            "/v1/accounts/{id}/wallet/take-away",
            People("registrar", 404),
            json!({"reason": "lost"}),
        ),
        (
            "PUT",
            "/v1/me/registration-request",
            People("unregistered", 200),
            register.clone(),
        ),
        (
            "GET",
            "/v1/me/registration-request",
            People("unregistered patient", 200),
            none.clone(),
        ),
        ("GET", "/v1/registration-requests", roles("hospital", ""), none.clone()),
        (
            "POST",
            "/v1/registration-requests/{id}/approve",
            roles("hospital", ""),
            none.clone(),
        ),
        (
            "POST",
            "/v1/registration-requests/{id}/decline",
            roles("hospital", ""),
            json!({"reason": "unknown here"}),
        ),
        ("POST", "/v1/patients", roles("unregistered hospital", ""), register),
        ("GET", "/v1/patients", roles("hospital", ""), none.clone()),
        (
            "POST",
            "/v1/patients/search",
            roles("hospital", ""),
            json!({"name": "o"}),
        ),
        (
            "POST",
            "/v1/patients/lookup",
            roles("hospital", ""),
            json!({"identifiers": [{"system": "urn:x", "value": "{id}"}]}),
        ),
        ("GET", "/v1/patients/{id}", Record, none.clone()),
        (
            "PUT",
            "/v1/patients/{id}/details",
            roles("hospital", "patient"),
            details,
        ),
        ("GET", "/v1/patients/{id}/chart", Record, none.clone()),
        (
            "POST",
            "/v1/patients/{id}/chart/findings",
            Record,
            json!({"symptom": {"text": "a cough"}}),
        ),
        (
            "GET",
            "/v1/patients/{id}/chart/findings/{finding}",
            Record,
            none.clone(),
        ),
        (
            "PUT",
            "/v1/patients/{id}/chart/findings/{finding}",
            Record,
            json!({"symptom": {"text": "a cough"}}),
        ),
        (
            "POST",
            "/v1/patients/{id}/chart/findings/{finding}/refute",
            Record,
            json!({}),
        ),
        (
            "POST",
            "/v1/patients/{id}/chart/absences",
            Record,
            json!({"list": "allergies", "absence": "none-known"}),
        ),
        (
            "POST",
            "/v1/patients/{id}/chart/reports",
            roles("hospital", ""),
            json!({}),
        ),
        (
            "POST",
            "/v1/patients/{id}/grants",
            roles("", "patient"),
            json!({"grantee": format!("practitioner/{OTHER}"), "categories": ["record"], "purpose": "treatment"}),
        ),
        ("GET", "/v1/patients/{id}/grants", roles("", "patient"), none.clone()),
        (
            "GET",
            "/v1/patients/{id}/grants/{id}",
            roles("", "patient"),
            none.clone(),
        ),
        (
            "GET",
            "/v1/patients/{id}/grants/{id}/typed-data",
            roles("", "patient"),
            none.clone(),
        ),
        (
            "POST",
            "/v1/patients/{id}/grants/{id}/signature",
            roles("", "patient"),
            json!({"signer": format!("0x{}", "0b".repeat(20)), "signature": "0x11"}),
        ),
        (
            "GET",
            "/v1/patients/{id}/revocations/typed-data?primaryType=FullRevocation",
            roles("", "patient"),
            none.clone(),
        ),
        (
            "POST",
            "/v1/patients/{id}/revocations",
            roles("", "patient"),
            json!({
                "primaryType": "FullRevocation",
                "message": {"patient": format!("0x{}", "0b".repeat(20)), "epoch": 0},
                "signer": format!("0x{}", "0b".repeat(20)),
                "signature": "0x11",
            }),
        ),
        (
            "GET",
            "/v1/patients/{id}/practitioners",
            roles("hospital", "patient"),
            none.clone(),
        ),
        (
            "POST",
            "/v1/practitioners",
            roles("unregistered hospital", ""),
            json!({"details": doctor}),
        ),
        ("GET", "/v1/practitioners", roles(REGISTERED, ""), none.clone()),
        (
            "POST",
            "/v1/practitioners/lookup",
            roles(REGISTERED, ""),
            json!({"identifiers": [{"system": "urn:x", "value": "1"}]}),
        ),
        ("GET", "/v1/practitioners/{id}", roles(REGISTERED, ""), none.clone()),
        (
            "GET",
            "/v1/practitioners/{id}/attestation",
            roles(REGISTERED, ""),
            none.clone(),
        ),
        (
            "GET",
            "/v1/practitioners/{id}/attestation/typed-data?primaryType=Attestation",
            roles("registrar", ""),
            none.clone(),
        ),
        (
            "POST",
            "/v1/practitioners/{id}/attestation",
            roles("registrar", ""),
            json!({
                "primaryType": "Suspension",
                "message": {"practitioner": "{id in bytes}", "reinstatements": 0},
                "signer": format!("0x{}", "11".repeat(20)),
                "signature": "0x11",
            }),
        ),
        (
            "PUT",
            "/v1/practitioners/{id}/register-entry",
            roles("hospital registrar", "doctor"),
            json!({"system": "urn:register", "value": "4711"}),
        ),
        (
            "GET",
            "/v1/practitioners/{id}/register-entry",
            roles("hospital registrar", "doctor"),
            none.clone(),
        ),
        ("PUT", "/v1/practitioners/{id}", roles("hospital", "doctor"), doctor),
        (
            "GET",
            "/v1/practitioners/{id}/patients",
            roles("hospital", "doctor"),
            none.clone(),
        ),
        (
            "PUT",
            "/v1/practitioners/{id}/availability/{day}",
            roles("hospital", "doctor"),
            json!({"sessions": []}),
        ),
        (
            "GET",
            "/v1/practitioners/{id}/availability/{day}",
            roles("patient doctor hospital registrar administrator", ""),
            none.clone(),
        ),
        (
            "GET",
            "/v1/slots",
            roles("patient doctor hospital registrar administrator", ""),
            none.clone(),
        ),
        (
            "POST",
            "/v1/appointments",
            Roles {
                any: "hospital",
                own: "patient",
                hidden: 422,
            },
            json!({"patient": "{id}", "practitioner": OTHER, "slot": slot}),
        ),
        (
            "GET",
            "/v1/appointments",
            roles("patient doctor hospital", ""),
            none.clone(),
        ),
        (
            "GET",
            "/v1/appointments/{id}",
            roles("hospital", "patient doctor"),
            none.clone(),
        ),
        (
            "POST",
            "/v1/appointments/{id}/confirm",
            roles("hospital", "doctor"),
            none.clone(),
        ),
        (
            "POST",
            "/v1/appointments/{id}/complete",
            roles("hospital", "doctor"),
            none.clone(),
        ),
        (
            "POST",
            "/v1/appointments/{id}/no-show",
            roles("hospital", "doctor"),
            none.clone(),
        ),
        (
            "POST",
            "/v1/appointments/{id}/cancel",
            roles("hospital", "patient doctor"),
            json!({}),
        ),
        (
            "POST",
            "/v1/appointments/{id}/reschedule",
            roles("hospital", "patient doctor"),
            json!({"slot": slot}),
        ),
        ("POST", "/v1/visits", HospitalSystem, visit),
        (
            "POST",
            "/v1/accounts",
            roles("administrator", ""),
            json!({"name": "Lab", "role": "hospital"}),
        ),
        ("GET", "/v1/accounts", roles("administrator", ""), none.clone()),
        ("GET", "/v1/accounts/{id}", roles("administrator", ""), none.clone()),
        (
            "POST",
            "/v1/accounts/{id}/close",
            roles("administrator", ""),
            none.clone(),
        ),
        (
            "POST",
            "/v1/accounts/{id}/keys",
            roles("administrator", ""),
            json!({"scopes": ["read"]}),
        ),
        (
            "POST",
            "/v1/accounts/{id}/keys/{key}/revoke",
            roles("administrator", ""),
            none.clone(),
        ),
        // Nobody has issued these: what others issued is answered in the same way.
        ("GET", "/v1/commands/{id}", AnyCaller(404), none.clone()),
        ("GET", "/v1/events", roles("auditor administrator", ""), none.clone()),
        (
            "GET",
            "/v1/admin/status",
            roles("auditor administrator", ""),
            none.clone(),
        ),
        (
            "POST",
            "/v1/admin/parked/retry",
            roles("administrator", ""),
            none.clone(),
        ),
        ("GET", "/", Public, none.clone()),
        ("GET", "/openapi.yaml", Public, none.clone()),
        ("GET", "/health/live", Public, none.clone()),
        ("GET", "/health/ready", Public, none.clone()),
        ("GET", "/metrics", Public, none.clone()),
        ("GET", "/problems/{slug}", Public, none),
    ]
}

/// What a test calls: two worlds, which differ in how a wallet becomes a patient's.
struct Called {
    open: Api,
    by_approval: Api,
}

impl Called {
    async fn new() -> Self {
        Self {
            open: Api::of(&World::new()).await,
            by_approval: Api::of(&World::registering(Registration::Approval)).await,
        }
    }

    /// Calls an operation on an object, with or without a token.
    async fn call(&self, method: &str, path: &str, body: &Value, object: Uuid, token: Option<&str>) -> u16 {
        let api = match path {
            "/v1/me/registration-request" => &self.by_approval,
            // It ends the session: what is called after it needs another.
            "/v1/auth/logout" => &Api::of(&World::new()).await,
            _ => &self.open,
        };
        api.call(request(method, path, body, object, token))
            .await
            .status()
            .as_u16()
    }
}

pub(super) fn request(method: &str, path: &str, body: &Value, object: Uuid, token: Option<&str>) -> TestRequest {
    let filled = |text: &str| {
        text.replace("{id}", &object.to_string())
            .replace("{id in bytes}", &format!("0x{}", object.simple()))
            .replace("{day}", "2026-03-02")
            .replace("{finding}", &FINDING.to_string())
            .replace("{key}", &Uuid::from_u128(77).to_string())
            .replace("{slug}", "not-found")
    };
    let mut request = TestRequest::with_uri(&filled(path)).method(method.parse::<Method>().unwrap());
    if let Some(token) = token {
        request = request.insert_header(("authorization", format!("Bearer {token}")));
    }
    if !body.is_null() {
        request = request
            .insert_header(("content-type", "application/json"))
            .set_payload(filled(&body.to_string()));
    }
    request
}

/// The path as the document has it: without a query, and with a name of its own for each id.
fn documented_as(path: &str) -> String {
    let path = path.split('?').next().unwrap();
    path.replace("/grants/{id}", "/grants/{grant}")
}

fn names(list: &str, role: &str) -> bool {
    list.split(' ').any(|name| name == role)
}

#[test]
fn every_documented_operation_has_an_entry() {
    let document = document();
    let documented: BTreeSet<_> = document
        .paths
        .paths
        .iter()
        .flat_map(|(path, item)| operations(item).map(move |(method, _)| (method.to_owned(), path.clone())))
        .collect();
    let tested: BTreeSet<_> = table()
        .iter()
        .map(|(method, path, ..)| ((*method).to_owned(), documented_as(path)))
        .collect();
    assert_eq!(tested, documented);
}

#[actix_web::test]
async fn without_a_token_only_what_is_public_is_answered() {
    let called = Called::new().await;
    for (method, path, access, body) in table() {
        for token in [None, Some("nobody's"), Some("mk_nobody's"), Some("")] {
            let status = called.call(method, path, &body, OWN, token).await;
            match access {
                Public => assert_ne!(status, 403, "{method} {path}"),
                _ => assert_eq!(status, 401, "{method} {path} with {token:?}"),
            }
        }
    }
}

#[actix_web::test]
async fn every_role_may_do_what_the_table_says_and_nothing_else() {
    let called = Called::new().await;
    for (method, path, access, body) in table() {
        for (role, _) in ROLES {
            for object in [OWN, OTHER] {
                let status = called.call(method, path, &body, object, Some(&token(role))).await;
                let what = format!("{method} {path} by {role} on {object}");
                match access {
                    Public => assert_ne!(status, 403, "{what}"),
                    AnyCaller(expected) => assert_eq!(status, expected, "{what}"),
                    HospitalSystem => assert_eq!(status, 403, "{what}"),
                    People(roles, expected) if names(roles, role) => assert_eq!(status, expected, "{what}"),
                    People(..) => assert_eq!(status, 403, "{what}"),
                    Record => match role {
                        "hospital" => assert!(status < 300, "{what}: {status}"),
                        "patient" if object == OWN => assert!(status < 300, "{what}: {status}"),
                        "patient" | "doctor" => assert_eq!(status, 404, "{what}"),
                        _ => assert_eq!(status, 403, "{what}"),
                    },
                    Roles { any, .. } if names(any, role) => assert!(status < 300, "{what}: {status}"),
                    Roles { own, .. } if names(own, role) && object == OWN => assert!(status < 300, "{what}: {status}"),
                    Roles { own, hidden, .. } if names(own, role) => assert_eq!(status, hidden, "{what}"),
                    Roles { .. } => assert_eq!(status, 403, "{what}"),
                }
            }
        }
    }
}

/// What a practitioner may call whom no registrar has attested, beside what everybody may.
const BEFORE_ATTESTATION: &[&str] = &[
    "GET /v1/practitioners",
    "POST /v1/practitioners/lookup",
    "GET /v1/practitioners/{id}",
    "PUT /v1/practitioners/{id}",
    "GET /v1/practitioners/{id}/attestation",
    "GET /v1/practitioners/{id}/register-entry",
    "PUT /v1/practitioners/{id}/register-entry",
    "GET /v1/me/wallet",
    "PUT /v1/me/wallet",
];

/// What one may call who is suspended.
const WHILE_SUSPENDED: &[&str] = &[
    "GET /v1/practitioners",
    "POST /v1/practitioners/lookup",
    "GET /v1/practitioners/{id}",
    "GET /v1/practitioners/{id}/attestation",
    "GET /v1/practitioners/{id}/register-entry",
    "GET /v1/me/wallet",
    "PUT /v1/me/wallet",
];

#[actix_web::test]
async fn a_practitioner_is_refused_with_the_reason_before_attestation_and_while_suspended() {
    for (standing, open, problem) in [
        (Standing::Unknown, BEFORE_ATTESTATION, "/problems/not-attested"),
        (Standing::Suspended, WHILE_SUSPENDED, "/problems/suspended"),
    ] {
        let (attested, world) = (Called::new().await, World::new());
        *world.queries.standing.lock().unwrap() = Some(standing);
        let api = Api::of(&world).await;
        let mut refused = 0;
        for (method, path, access, body) in table() {
            if !matches!(access, Roles { .. } | Record | People(..)) {
                continue;
            }
            let doctor = token("doctor");
            let before = attested.call(method, path, &body, OWN, Some(&doctor)).await;
            let answer = api.call(request(method, path, &body, OWN, Some(&doctor))).await;
            let what = format!("{method} {path} by somebody who is {standing:?}");
            if before == 403 || open.contains(&format!("{method} {path}").as_str()) {
                assert_eq!(answer.status(), before, "{what}");
                continue;
            }
            assert_eq!(answer.status(), 403, "{what}");
            let told: Value = read_body_json(answer).await;
            assert_eq!(told["type"], problem, "{what}");
            refused += 1;
        }
        assert!(refused >= 10, "{refused}");
    }
}

#[actix_web::test]
async fn who_may_never_do_a_thing_is_refused_before_what_they_say_is_read() {
    let called = Called::new().await;
    for (method, path, access, body) in table() {
        let (any, own) = match access {
            Roles { any, own, .. } => (any, own),
            Record => ("hospital", "patient doctor"),
            _ => continue,
        };
        let malformed = if body.is_null() {
            Value::Null
        } else {
            json!("no such body")
        };
        // Who registers has an account when they repeat it.
        let is_decided_later = method == "POST" && ["/v1/patients", "/v1/practitioners"].contains(&path);
        for (role, _) in ROLES {
            if !names(any, role) && !names(own, role) && !is_decided_later {
                let status = called.call(method, path, &malformed, OWN, Some(&token(role))).await;
                assert_eq!(status, 403, "{method} {path} by {role}");
            }
        }
    }
}

#[actix_web::test]
async fn a_hospitals_system_may_do_what_its_role_and_scopes_allow() {
    let called = Called::new().await;
    for (method, path, access, body) in table() {
        let status = called.call(method, path, &body, OTHER, Some(HOSPITAL_KEY)).await;
        let what = format!("{method} {path}");
        match access {
            Public => assert_ne!(status, 403, "{what}"),
            // A key does not sign out.
            AnyCaller(204) => assert_eq!(status, 403, "{what}"),
            AnyCaller(expected) => assert_eq!(status, expected, "{what}"),
            HospitalSystem => assert!(status < 300, "{what}: {status}"),
            People(..) => assert_eq!(status, 403, "{what}"),
            Record => assert!(status < 300, "{what}: {status}"),
            Roles { any, .. } if names(any, "hospital") => assert!(status < 300, "{what}: {status}"),
            Roles { .. } => assert_eq!(status, 403, "{what}"),
        }
    }
}

#[actix_web::test]
async fn what_does_not_exist_is_answered_like_what_is_somebody_elses() {
    let called = Called::new().await;
    let nothing = Uuid::from_u128(3);
    for (method, path, access, body) in table() {
        let (own, hidden) = match access {
            Roles { own, hidden, .. } => (own, hidden),
            Record => ("patient doctor", 404),
            _ => continue,
        };
        for role in own.split(' ').filter(|role| !role.is_empty()) {
            let status = called.call(method, path, &body, nothing, Some(&token(role))).await;
            assert_eq!(status, hidden, "{method} {path} by {role}");
        }
    }
}

#[actix_web::test]
async fn lists_are_narrowed_to_what_is_the_callers_own() {
    let world = World::new();
    let api = Api::of(&world).await;
    for (role, query) in [
        ("patient", ""),
        ("doctor", ""),
        ("patient", &*format!("?practitioner={OTHER}")),
    ] {
        let request = TestRequest::get()
            .uri(&format!("/v1/appointments{query}"))
            .insert_header(("authorization", format!("Bearer {}", token(role))));
        assert_eq!(api.call(request).await.status(), 200);
        let filter = world.queries.filters.lock().unwrap().pop().unwrap();
        let own = if role == "patient" {
            filter.patient.map(domain::kernel::PatientId::uuid)
        } else {
            filter.practitioner.map(domain::kernel::PractitionerId::uuid)
        };
        assert_eq!(own, Some(OWN), "{role}{query}");
    }
    let foreign = TestRequest::get()
        .uri(&format!("/v1/appointments?patient={OTHER}"))
        .insert_header(("authorization", format!("Bearer {}", token("patient"))));
    assert_eq!(api.call(foreign).await.status(), 200);
    assert!(
        world.queries.filters.lock().unwrap().is_empty(),
        "nobody asks for what is somebody else's"
    );
}
