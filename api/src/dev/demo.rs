//! People and systems to try things out with: one of each role, made through the same commands as any others.
//!
//! Doing it again changes nothing. The wallets' keys are in the data directory's secrets, the services' in `demo.json`.

use std::path::Path;
use std::time::Duration;

use chrono::{Days, Utc};
use infrastructure::chain::Signer;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::data_dir::{read_json, write_json};
use super::error::DevError;
use super::secrets::{DemoWallets, HexSecret};
use super::system::wallet;
use crate::login::{LoginError, sign_in};

/// The file with the services' keys.
const FILE: &str = "demo.json";

/// How long the server may take until it is ready, and until it takes a command.
const PATIENCE: Duration = Duration::from_secs(60);

/// For how many days from tomorrow on the demo doctor offers slots.
const DAYS: u64 = 5;

/// Services: name, role, what their key may be used for.
const SERVICES: [(&str, &str, &[&str]); 3] = [
    ("Demo hospital system", "hospital", &["read", "write", "import"]),
    ("Demo insurer portal", "insurer", &["read"]),
    ("Demo audit system", "auditor", &["read"]),
];

/// Why the demo could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The data directory.
    #[error(transparent)]
    Dev(#[from] DevError),
    /// Somebody could not sign in.
    #[error("the demo's {role} could not sign in: {source}")]
    Login {
        /// Who.
        role: &'static str,
        /// Why.
        source: LoginError,
    },
    /// The server does not answer.
    #[error("the server does not answer: {0}")]
    Server(#[from] reqwest::Error),
    /// The server refuses.
    #[error("the server refused {path} (HTTP {status}): {title}")]
    Refused {
        /// What was asked for.
        path: String,
        /// The status.
        status: u16,
        /// The problem's title.
        title: String,
    },
    /// The server is not ready.
    #[error("the server was not ready after {} seconds", PATIENCE.as_secs())]
    NotReady,
}

/// A service's key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServiceKey {
    /// What the service is called.
    pub name: String,
    /// Its role.
    pub role: String,
    /// The key.
    pub key: String,
}

/// Somebody with a wallet.
#[derive(Clone, Debug)]
pub struct Person {
    /// The role.
    pub role: &'static str,
    /// The wallet.
    pub wallet: Signer,
    /// Its private key.
    pub key: HexSecret,
}

/// Everybody in the demo.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Who signs in with a wallet.
    pub people: Vec<Person>,
    /// Who has a key.
    pub services: Vec<ServiceKey>,
}

impl Demo {
    /// The key of the hospital's system, with which bundles are imported.
    pub fn hospital_key(&self) -> Option<&str> {
        self.services
            .iter()
            .find(|service| service.role == "hospital")
            .map(|service| service.key.as_str())
    }
}

/// The people, by role.
///
/// # Errors
/// When a key is none.
pub fn people(wallets: &DemoWallets) -> Result<Vec<Person>, DevError> {
    let DemoWallets {
        administrator,
        hospital,
        registrar,
        auditor,
        insurer,
        doctor,
        patient,
    } = wallets;
    [
        ("administrator", administrator),
        ("hospital", hospital),
        ("registrar", registrar),
        ("auditor", auditor),
        ("insurer", insurer),
        ("doctor", doctor),
        ("patient", patient),
    ]
    .into_iter()
    .map(|(role, key)| {
        Ok(Person {
            role,
            wallet: wallet(key)?,
            key: key.clone(),
        })
    })
    .collect()
}

/// Waits until the server is ready.
///
/// # Errors
/// When it is not in time.
pub async fn ready(url: &str) -> Result<(), DemoError> {
    let http = reqwest::Client::new();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = http.get(format!("{url}/health/ready")).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(DemoError::NotReady);
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Makes sure that everybody is there. The administrator becomes one by signing in, everybody else by an invitation.
///
/// # Errors
/// [`DemoError`].
pub async fn seed(url: &str, folder: &Path, wallets: &DemoWallets) -> Result<Demo, DemoError> {
    let people = people(wallets)?;
    let administrator = Caller::signed_in(url, "administrator", &people).await?;
    for role in ["hospital", "registrar", "auditor", "insurer"] {
        let caller = Caller::signed_in(url, role, &people).await?;
        if !caller.registered {
            let account = json!({"name": format!("Demo {role}"), "role": role, "kind": "person"});
            let account = administrator.send("POST", "/v1/accounts", account).await?;
            caller.join(&administrator, "accounts", &account).await?;
        }
    }
    let services = services(&administrator, folder).await?;

    let hospital = Caller::signed_in(url, "hospital", &people).await?;
    let practitioner = hospital.send("POST", "/v1/practitioners", doctor_json()).await?;
    let doctor = Caller::signed_in(url, "doctor", &people).await?;
    if !doctor.registered {
        doctor.join(&hospital, "practitioners", &practitioner).await?;
    }
    if let Some(id) = practitioner.get("id").and_then(Value::as_str) {
        offer_slots(&hospital, id).await?;
    }
    let patient = Caller::signed_in(url, "patient", &people).await?;
    if !patient.registered {
        let record = hospital.send("POST", "/v1/patients", patient_json()).await?;
        patient.join(&hospital, "patients", &record).await?;
    }
    Ok(Demo { people, services })
}

/// The services, each with a key that works: the one that is known, or another one.
async fn services(administrator: &Caller<'_>, folder: &Path) -> Result<Vec<ServiceKey>, DemoError> {
    let path = folder.join(FILE);
    let mut known: Vec<ServiceKey> = read_json(&path)?.unwrap_or_default();
    for (name, role, scopes) in SERVICES {
        if let Some(service) = known.iter().find(|service| service.name == name) {
            if administrator.works(&service.key).await? {
                continue;
            }
            known.retain(|service| service.name != name);
        }
        let account = administrator
            .send("POST", "/v1/accounts", json!({"name": name, "role": role}))
            .await?;
        let id = account.get("id").and_then(Value::as_str).unwrap_or_default();
        let path_of_keys = format!("/v1/accounts/{id}/keys");
        let issued = administrator
            .send("POST", &path_of_keys, json!({"scopes": scopes}))
            .await?;
        if let Some(key) = issued.get("secret").and_then(Value::as_str) {
            known.push(ServiceKey {
                name: name.to_owned(),
                role: role.to_owned(),
                key: key.to_owned(),
            });
            write_json(&path, &known)?;
        }
    }
    Ok(known)
}

async fn offer_slots(hospital: &Caller<'_>, doctor: &str) -> Result<(), DemoError> {
    for ahead in 1..=DAYS {
        let Some(day) = Utc::now().date_naive().checked_add_days(Days::new(ahead)) else {
            continue;
        };
        let path = format!("/v1/practitioners/{doctor}/availability/{day}");
        let offered = hospital.send("GET", &path, Value::Null).await?;
        // What somebody has changed since stays as they want it.
        if offered
            .get("sessions")
            .and_then(Value::as_array)
            .is_none_or(Vec::is_empty)
        {
            let session =
                json!({"start": format!("{day}T09:00:00Z"), "end": format!("{day}T12:00:00Z"), "slotMinutes": 20});
            hospital.send("PUT", &path, json!({"sessions": [session]})).await?;
        }
    }
    Ok(())
}

fn doctor_json() -> Value {
    json!({
        "details": {
            "name": {"family": "Example", "given": ["Dora"], "prefix": ["Dr."]},
            "gender": "female",
            "specializations": [{
                "coding": {"system": "http://snomed.info/sct", "code": "394814009"},
                "text": "General practice",
            }],
            "credentials": ["MD"],
            "timeZone": "UTC",
            "identifier": {"system": "urn:medconnect:demo", "value": "doctor"},
        },
    })
}

fn patient_json() -> Value {
    json!({
        "details": {
            "name": {"family": "Example", "given": ["Pat"], "prefix": []},
            "birthDate": "1980-01-01",
            "gender": "unknown",
            "identifier": {"system": "urn:medconnect:demo", "value": "patient"},
        },
    })
}

/// Somebody who has signed in.
struct Caller<'a> {
    url: &'a str,
    http: reqwest::Client,
    token: String,
    registered: bool,
}

impl<'a> Caller<'a> {
    async fn signed_in(url: &'a str, role: &'static str, people: &[Person]) -> Result<Self, DemoError> {
        let refused = |source| DemoError::Login { role, source };
        let person = people.iter().find(|person| person.role == role);
        let person = person.ok_or_else(|| refused(LoginError::Signing))?;
        let session = sign_in(url, None, &person.wallet).await.map_err(refused)?;
        Ok(Self {
            url,
            http: reqwest::Client::new(),
            token: session.token.expose_secret().to_owned(),
            registered: session.me.get("registered").and_then(Value::as_bool).unwrap_or(false),
        })
    }

    /// Binds the wallet to what was registered, by an invitation of whoever may issue it.
    async fn join(&self, inviting: &Caller<'_>, collection: &str, registered: &Value) -> Result<(), DemoError> {
        let id = registered.get("id").and_then(Value::as_str).unwrap_or_default();
        let path = format!("/v1/{collection}/{id}/invitation");
        let invitation = inviting.send("POST", &path, Value::Null).await?;
        let invitation = json!({"invitation": invitation.get("invitation")});
        self.send("POST", "/v1/invitations/accept", invitation).await.map(drop)
    }

    /// Sends until the server has done it: every one of these may be repeated.
    async fn send(&self, method: &str, path: &str, body: Value) -> Result<Value, DemoError> {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap_or(reqwest::Method::GET);
        let deadline = Instant::now() + PATIENCE;
        let idempotency = Uuid::new_v4().to_string();
        loop {
            let mut request = self
                .http
                .request(method.clone(), format!("{}{path}", self.url))
                .bearer_auth(&self.token);
            if method != reqwest::Method::GET {
                request = request.header("Idempotency-Key", &idempotency).json(&body);
            }
            let answer = request.send().await?;
            let status = answer.status().as_u16();
            let content: Value = answer.json().await.unwrap_or_default();
            match status {
                200 | 201 | 204 => return Ok(content),
                202 | 503 if Instant::now() < deadline => sleep(Duration::from_millis(250)).await,
                _ => {
                    let title = content
                        .get("title")
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned();
                    return Err(DemoError::Refused {
                        path: path.to_owned(),
                        status,
                        title,
                    });
                }
            }
        }
    }

    /// Whether a service's key is good.
    async fn works(&self, key: &str) -> Result<bool, DemoError> {
        let answer = self
            .http
            .get(format!("{}/v1/me", self.url))
            .bearer_auth(key)
            .send()
            .await?;
        Ok(answer.status().is_success())
    }
}
