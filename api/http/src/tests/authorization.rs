//! Who may call what: a table with every operation of the OpenAPI document. A documented operation without an entry fails
//! the test, and so does an entry without an operation.

use std::collections::BTreeSet;

use actix_web::http::Method;
use actix_web::test::{TestRequest, read_body_json};
use application::policy::rules::Registration;
use application::ports::revocations::{Revocation, Revoked};
use domain::kernel::{AccountId, CommandId};
use domain::registries::practitioners::Standing;
use serde_json::{Value, json};
use uuid::Uuid;

use super::fakes::{
    AUDITOR, Api, FINDING, HOSPITAL_KEY, INVITATION, NAMED, OTHER, OWN, ROLES, World, account, key_for, now, token,
};
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
    /// These of the staff on any record, patients on their own, and doctors on those whose patients have granted it to them.
    Record(&'static str),
    /// The same where what somebody says is vouched for: these roles in person, and patients on what is theirs.
    Vouched(&'static str),
    /// Doctors on any record, in person and with a hospital's system; these roles on what is theirs.
    Doctors(&'static str),
    /// These roles, in person and where a hospital's system asks for them.
    Asking(&'static str),
    /// Hospital systems whose key has the scope to import, and no person.
    HospitalSystem,
    /// These roles, who have wallets, in persons only; what the table says is answered with this status.
    People(&'static str, u16),
}

use Access::{AnyCaller, Asking, Doctors, HospitalSystem, People, Public, Record, Roles, Vouched};

const fn roles(any: &'static str, own: &'static str) -> Access {
    Roles { any, own, hidden: 404 }
}

const REGISTERED: &str = "patient doctor hospital insurer registrar auditor administrator nurse reception laboratory";

/// Who works for the hospital with patients.
const STAFF: &str = "hospital nurse reception laboratory";

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
    let paper = json!({"paper": {"sha256": format!("0x{}", "5a".repeat(32)), "signedOn": "2026-02-27"}});
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
        ("GET", "/v1/me/export", People("patient", 200), none.clone()),
        // Nothing is signed.
        (
            "POST",
            "/v1/me/erasure",
            People("patient", 422),
            json!({"signed": {"message": "", "signature": ""}}),
        ),
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
            roles("hospital reception", ""),
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
            roles("hospital reception", ""),
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
        (
            "GET",
            "/v1/registration-requests",
            roles("hospital reception", ""),
            none.clone(),
        ),
        (
            "POST",
            "/v1/registration-requests/{id}/approve",
            roles("hospital reception", ""),
            none.clone(),
        ),
        (
            "POST",
            "/v1/registration-requests/{id}/decline",
            roles("hospital reception", ""),
            json!({"reason": "unknown here"}),
        ),
        (
            "POST",
            "/v1/patients",
            roles("unregistered hospital reception", ""),
            register,
        ),
        ("GET", "/v1/patients", roles(STAFF, ""), none.clone()),
        ("POST", "/v1/patients/search", roles(STAFF, ""), json!({"name": "o"})),
        (
            "POST",
            "/v1/patients/lookup",
            roles(STAFF, ""),
            json!({"identifiers": [{"system": "urn:x", "value": "{id}"}]}),
        ),
        ("GET", "/v1/patients/{id}", Record(STAFF), none.clone()),
        (
            "PUT",
            "/v1/patients/{id}/details",
            roles("hospital reception", "patient"),
            details,
        ),
        ("GET", "/v1/patients/{id}/chart", Record("nurse"), none.clone()),
        (
            "POST",
            "/v1/patients/{id}/chart/findings",
            Record("nurse"),
            json!({"symptom": {"text": "a cough"}}),
        ),
        (
            "GET",
            "/v1/patients/{id}/chart/findings/{finding}",
            Record("nurse"),
            none.clone(),
        ),
        (
            "PUT",
            "/v1/patients/{id}/chart/findings/{finding}",
            Record("nurse"),
            json!({"symptom": {"text": "a cough"}}),
        ),
        (
            "POST",
            "/v1/patients/{id}/chart/findings/{finding}/refute",
            Record("nurse"),
            json!({}),
        ),
        (
            "POST",
            "/v1/patients/{id}/chart/absences",
            Record("nurse"),
            json!({"list": "allergies", "absence": "none-known"}),
        ),
        ("GET", "/v1/patients/{id}/chart/reports", HospitalSystem, none.clone()),
        (
            "POST",
            "/v1/patients/{id}/chart/reports",
            roles("hospital", ""),
            json!({}),
        ),
        ("GET", "/v1/patients/{id}/practitioners", Record("nurse"), none.clone()),
        ("GET", "/v1/patients/{id}/appointments", Record("nurse"), none.clone()),
        (
            "GET",
            "/v1/patients/{id}/treatment",
            roles(STAFF, "patient"),
            none.clone(),
        ),
        (
            "POST",
            "/v1/patients/{id}/treatment/agreement",
            Vouched("hospital nurse reception"),
            paper.clone(),
        ),
        (
            "POST",
            "/v1/patients/{id}/treatment/end",
            Vouched("hospital nurse reception"),
            paper,
        ),
        (
            "POST",
            "/v1/patients/{id}/emergencies",
            Doctors(""),
            json!({"reason": "Unconscious.", "categories": ["summary"]}),
        ),
        (
            "GET",
            "/v1/patients/{id}/emergencies/{id}",
            Doctors("patient"),
            none.clone(),
        ),
        (
            "POST",
            "/v1/patients/{id}/emergencies/{id}/justification",
            Doctors(""),
            json!({"text": "Nobody could ask her."}),
        ),
        ("GET", "/v1/me/emergencies", Doctors("patient"), none.clone()),
        ("GET", "/v1/emergencies", roles("registrar auditor", ""), none.clone()),
        (
            "POST",
            "/v1/engagements",
            roles("administrator", ""),
            json!({
                "auditor": account(AUDITOR), "scope": {"kind": "everybody"}, "from": "2026-01-01T00:00:00Z", "until": "2026-03-01T00:00:00Z", "reason": "review",
            }),
        ),
        (
            "GET",
            "/v1/engagements",
            roles("administrator auditor", ""),
            none.clone(),
        ),
        (
            "GET",
            "/v1/engagements/{id}",
            roles("administrator", "auditor"),
            none.clone(),
        ),
        (
            "POST",
            "/v1/engagements/{id}/end",
            roles("administrator", ""),
            none.clone(),
        ),
        (
            "GET",
            "/v1/engagements/{id}/accesses",
            roles("", "auditor"),
            none.clone(),
        ),
        (
            "POST",
            "/v1/access-requests",
            Asking("doctor nurse reception"),
            json!({"grant": {"grantee": format!("practitioner/{OWN}"), "categories": ["record"], "purpose": "treatment"}}),
        ),
        (
            "GET",
            "/v1/access-requests/{id}",
            Asking("doctor nurse reception"),
            none.clone(),
        ),
        (
            "POST",
            "/v1/me/access-requests",
            People("patient", 200),
            json!({"code": "7Q4M-2KX9"}),
        ),
        ("GET", "/v1/me/access-requests", People("patient", 200), none.clone()),
        (
            "POST",
            "/v1/me/access-requests/{id}/approve",
            People("patient", 201),
            none.clone(),
        ),
        (
            "POST",
            "/v1/me/access-requests/{id}/decline",
            People("patient", 200),
            none.clone(),
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
            roles("hospital reception", "doctor"),
            json!({"sessions": []}),
        ),
        (
            "GET",
            "/v1/practitioners/{id}/availability/{day}",
            roles("patient doctor hospital registrar administrator nurse reception", ""),
            none.clone(),
        ),
        (
            "GET",
            "/v1/slots",
            roles("patient doctor hospital registrar administrator nurse reception", ""),
            none.clone(),
        ),
        (
            "POST",
            "/v1/appointments",
            Roles {
                any: "hospital reception",
                own: "patient",
                hidden: 422,
            },
            json!({"patient": "{id}", "practitioner": OTHER, "slot": slot}),
        ),
        (
            "GET",
            "/v1/appointments",
            roles("patient doctor hospital nurse reception", ""),
            none.clone(),
        ),
        (
            "GET",
            "/v1/appointments/{id}",
            roles("hospital nurse reception", "patient doctor"),
            none.clone(),
        ),
        (
            "POST",
            "/v1/appointments/{id}/confirm",
            roles("hospital nurse reception", "doctor"),
            none.clone(),
        ),
        (
            "POST",
            "/v1/appointments/{id}/complete",
            roles("hospital nurse reception", "doctor"),
            none.clone(),
        ),
        (
            "POST",
            "/v1/appointments/{id}/no-show",
            roles("hospital nurse reception", "doctor"),
            none.clone(),
        ),
        (
            "POST",
            "/v1/appointments/{id}/cancel",
            roles("hospital reception", "patient doctor"),
            json!({}),
        ),
        (
            "POST",
            "/v1/appointments/{id}/reschedule",
            roles("hospital reception", "patient doctor"),
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
        let (token, person) = match token.split_once(" for ") {
            Some((token, person)) => (token, Some(person)),
            None => (token, None),
        };
        request = request.insert_header(("authorization", format!("Bearer {token}")));
        if let Some(person) = person {
            request = request.insert_header(("on-behalf-of", person));
        }
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
        .replace("/emergencies/{id}", "/emergencies/{emergency}")
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
                    Record(staff) => match role {
                        _ if names(staff, role) => assert!(status < 300, "{what}: {status}"),
                        "patient" if object == OWN => assert!(status < 300, "{what}: {status}"),
                        "patient" | "doctor" => assert_eq!(status, 404, "{what}"),
                        _ => assert_eq!(status, 403, "{what}"),
                    },
                    // A patient says it without a paper.
                    Vouched(_) if role == "patient" => {
                        assert_eq!(status, if object == OWN { 422 } else { 404 }, "{what}");
                    }
                    Vouched(staff) if names(staff, role) => assert!(status < 300, "{what}: {status}"),
                    Vouched(_) => assert_eq!(status, 403, "{what}"),
                    Doctors(_) if role == "doctor" => assert!(status < 300, "{what}: {status}"),
                    Doctors(own) if names(own, role) && (object == OWN || !path.contains("{id}")) => {
                        assert!(status < 300, "{what}: {status}");
                    }
                    Doctors(own) if names(own, role) => assert_eq!(status, 404, "{what}"),
                    Doctors(_) => assert_eq!(status, 403, "{what}"),
                    Asking(roles) if names(roles, role) => assert!(status < 300, "{what}: {status}"),
                    Asking(_) => assert_eq!(status, 403, "{what}"),
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
    "GET /v1/patients/{id}/emergencies/{id}",
    "POST /v1/patients/{id}/emergencies/{id}/justification",
    "GET /v1/me/emergencies",
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
            if !matches!(access, Roles { .. } | Record(_) | Doctors(_) | Asking(_) | People(..)) {
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
            Record(staff) => (staff, "patient doctor"),
            Vouched(staff) => (staff, "patient"),
            Doctors(own) => ("doctor", own),
            Asking(roles) => (roles, ""),
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
            Roles { any, .. } | Record(any) if names(any, "hospital") => assert!(status < 300, "{what}: {status}"),
            Roles { .. } | Record(_) | Vouched(_) | Doctors(_) | Asking(_) => assert_eq!(status, 403, "{what}"),
        }
    }
}

#[actix_web::test]
async fn what_is_clinical_or_vouched_for_a_hospitals_system_does_for_a_person_alone() {
    let api = Api::of(&World::new()).await;
    let mut refused = 0;
    for (method, path, access, body) in table() {
        if matches!(access, Vouched(_) | Doctors(_) | Asking(_))
            || matches!(access, Record(staff) if !names(staff, "hospital"))
        {
            let answer = api.call(request(method, path, &body, OTHER, Some(HOSPITAL_KEY))).await;
            assert_eq!(answer.status(), 403, "{method} {path}");
            let told: Value = read_body_json(answer).await;
            assert_eq!(told["type"], "/problems/no-person", "{method} {path}");
            refused += 1;
        }
    }
    assert_eq!(refused, 16);
}

#[actix_web::test]
async fn a_hospitals_system_does_for_a_person_what_both_may() {
    let called = Called::new().await;
    let mut cells = 0;
    for (method, path, access, body) in table() {
        for role in NAMED {
            let key = key_for(role);
            for object in [OWN, OTHER] {
                let status = called.call(method, path, &body, object, Some(&key)).await;
                let what = format!("{method} {path} by a system for {role} on {object}");
                match access {
                    Public => assert_ne!(status, 403, "{what}"),
                    AnyCaller(204) => assert_eq!(status, 403, "{what}"),
                    AnyCaller(expected) => assert_eq!(status, expected, "{what}"),
                    // History is of no person who asks.
                    HospitalSystem => assert!(status < 300, "{what}: {status}"),
                    People(..) => assert_eq!(status, 403, "{what}"),
                    // Who works with the hospital's system is of its staff: the patients are treated.
                    Record(_) | Doctors(_) if role == "doctor" => assert!(status < 300, "{what}: {status}"),
                    Record(staff) | Vouched(staff) if names(staff, role) => assert!(status < 300, "{what}: {status}"),
                    Asking(roles) if names(roles, role) => assert!(status < 300, "{what}: {status}"),
                    Roles { any, .. } if !names(any, "hospital") => assert_eq!(status, 403, "{what}"),
                    Roles { any, .. } if names(any, role) => assert!(status < 300, "{what}: {status}"),
                    Roles { own, .. } if names(own, role) && object == OWN => assert!(status < 300, "{what}: {status}"),
                    Roles { own, hidden, .. } if names(own, role) => assert_eq!(status, hidden, "{what}"),
                    Roles { .. } | Record(_) | Vouched(_) | Doctors(_) | Asking(_) => assert_eq!(status, 403, "{what}"),
                }
                cells += 1;
            }
        }
    }
    assert!(cells > 1000, "{cells}");
    println!("{cells} cells");
}

#[actix_web::test]
async fn a_service_asks_for_somebody_who_works_here_and_nobody_else_asks_for_anybody() {
    let world = World::new();
    let api = Api::of(&world).await;
    let closed = key_for("reception");
    world.clinic.revocations.begin(&closing(&closed)).await.unwrap();
    let nobody = Uuid::from_u128(3);
    for (token, status, problem) in [
        (key_for("nurse"), 200, None),
        (format!("{HOSPITAL_KEY} for staff/{nobody}"), 403, Some("no-person")),
        (
            format!("{HOSPITAL_KEY} for practitioner/{nobody}"),
            403,
            Some("no-person"),
        ),
        (closed, 403, Some("no-person")),
        (format!("{HOSPITAL_KEY} for {OWN}"), 400, Some("malformed-request")),
        (
            format!("{HOSPITAL_KEY} for patient/{OWN}"),
            400,
            Some("malformed-request"),
        ),
        (format!("{HOSPITAL_KEY} for staff/"), 400, Some("malformed-request")),
        (
            key_for("nurse").replace(HOSPITAL_KEY, &token("nurse")),
            400,
            Some("malformed-request"),
        ),
        (
            key_for("nurse").replace(HOSPITAL_KEY, "mk_nobody's"),
            401,
            Some("unauthenticated"),
        ),
    ] {
        let read = request("GET", "/v1/patients/{id}", &Value::Null, OTHER, Some(&token));
        let answer = api.call(read).await;
        assert_eq!(answer.status(), status, "{token}");
        if let Some(problem) = problem {
            let told: Value = read_body_json(answer).await;
            assert_eq!(told["type"], format!("/problems/{problem}"), "{token}");
        }
    }
}

/// That the account of somebody is closed, whom a system asks for.
fn closing(key: &str) -> Revocation {
    let account = AccountId::new(key.rsplit_once('/').unwrap().1.parse().unwrap());
    Revocation {
        command_id: CommandId::new(Uuid::from_u128(1)),
        subject: account.uuid(),
        revoked: Revoked::Account { account },
        actor: account,
        at: now(),
        correlation: None,
    }
}

#[actix_web::test]
async fn what_does_not_exist_is_answered_like_what_is_somebody_elses() {
    let called = Called::new().await;
    let nothing = Uuid::from_u128(3);
    for (method, path, access, body) in table() {
        let (own, hidden) = match access {
            Roles { own, hidden, .. } => (own, hidden),
            Record(_) => ("patient doctor", 404),
            Vouched(_) => ("patient", 404),
            Doctors(own) if path.contains("{id}") => (own, 404),
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
