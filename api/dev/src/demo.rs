//! People and systems to try things out with: one of each role, made through the same commands as any others.
//!
//! Doing it again changes nothing. Whoever was closed or taken out since stays so: the others are made, and it is said who is gone. The
//! wallets' keys are in the data directory's secrets, the services' in `demo.json`.

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

impl DemoError {
    /// Nobody is there who could make this one.
    fn nobody_invites(role: &'static str) -> Self {
        let source = LoginError::Refused("nobody is left who could invite them".to_owned());
        Self::Login { role, source }
    }

    /// Whether the server does not do it, and would not if it were asked again.
    const fn is_refusal(&self) -> bool {
        match self {
            Self::Refused { status, .. } => *status >= 400 && *status < 500,
            Self::Login { source, .. } => matches!(source, LoginError::Refused(_)),
            Self::Dev(_) | Self::Server(_) | Self::NotReady => false,
        }
    }
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
    /// Whom the server does not let be what they were made as, and why.
    pub gone: Vec<Gone>,
}

/// A demo identity that is not there any more.
#[derive(Clone, Debug)]
pub struct Gone {
    /// The role.
    pub role: &'static str,
    /// What the server said.
    pub why: String,
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
/// [`DemoError`], but not what the server refuses to do for one of them: that one is gone then.
pub async fn seed(url: &str, folder: &Path, wallets: &DemoWallets) -> Result<Demo, DemoError> {
    let mut people = people(wallets)?;
    let mut gone = Vec::new();
    let administrator = tolerate(&mut gone, "administrator", administrator(url, &people).await)?;
    for role in ["hospital", "registrar", "auditor", "insurer"] {
        let made = staff(url, role, &people, administrator.as_ref()).await;
        tolerate(&mut gone, role, made)?;
    }
    let services = services(url, administrator.as_ref(), folder, &mut gone).await?;
    let hospital = tolerate(
        &mut gone,
        "hospital",
        Caller::registered(url, "hospital", &people).await,
    )?;
    for role in ["doctor", "patient"] {
        let made = treated(url, role, &people, hospital.as_ref()).await;
        tolerate(&mut gone, role, made)?;
    }
    people.retain(|person| gone.iter().all(|gone| gone.role != person.role));
    Ok(Demo { people, services, gone })
}

/// Notes whom the server refuses to be what they were made as.
fn tolerate<T>(gone: &mut Vec<Gone>, role: &'static str, made: Result<T, DemoError>) -> Result<Option<T>, DemoError> {
    match made {
        Ok(made) => Ok(Some(made)),
        Err(error) if error.is_refusal() => {
            if gone.iter().all(|gone| gone.role != role) {
                let why = error.to_string();
                gone.push(Gone { role, why });
            }
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

async fn administrator<'a>(url: &'a str, people: &[Person]) -> Result<Caller<'a>, DemoError> {
    let caller = Caller::registered(url, "administrator", people).await?;
    // Asked so that somebody whose wallet has another account by now is not taken for one.
    caller.send("GET", "/v1/accounts?limit=1", Value::Null).await?;
    Ok(caller)
}

async fn staff(
    url: &str,
    role: &'static str,
    people: &[Person],
    administrator: Option<&Caller<'_>>,
) -> Result<(), DemoError> {
    let caller = Caller::signed_in(url, role, people).await?;
    if caller.registered {
        return Ok(());
    }
    let administrator = administrator.ok_or_else(|| DemoError::nobody_invites(role))?;
    let account = json!({"name": format!("Demo {role}"), "role": role, "kind": "person"});
    let account = administrator.send("POST", "/v1/accounts", account).await?;
    caller.join(administrator, "accounts", &account).await
}

/// The doctor, who offers slots, or the patient.
async fn treated(
    url: &str,
    role: &'static str,
    people: &[Person],
    hospital: Option<&Caller<'_>>,
) -> Result<(), DemoError> {
    let caller = Caller::signed_in(url, role, people).await?;
    let Some(hospital) = hospital else {
        return if caller.registered {
            Ok(())
        } else {
            Err(DemoError::nobody_invites(role))
        };
    };
    if role == "patient" {
        if !caller.registered {
            let record = hospital.send("POST", "/v1/patients", patient_json()).await?;
            caller.join(hospital, "patients", &record).await?;
        }
        return Ok(());
    }
    let practitioner = hospital.send("POST", "/v1/practitioners", doctor_json()).await?;
    if !caller.registered {
        caller.join(hospital, "practitioners", &practitioner).await?;
    }
    match practitioner.get("id").and_then(Value::as_str) {
        Some(id) => offer_slots(hospital, id).await,
        None => Ok(()),
    }
}

/// The services, each with a key that works: the one that is known, or another one.
async fn services(
    url: &str,
    administrator: Option<&Caller<'_>>,
    folder: &Path,
    gone: &mut Vec<Gone>,
) -> Result<Vec<ServiceKey>, DemoError> {
    let path = folder.join(FILE);
    let mut known: Vec<ServiceKey> = read_json(&path)?.unwrap_or_default();
    for service @ (name, ..) in SERVICES {
        if let Some(service) = known.iter().find(|service| service.name == name) {
            if works(url, &service.key).await? {
                continue;
            }
            known.retain(|service| service.name != name);
        }
        let issued = match administrator {
            Some(administrator) => issue_key(administrator, service).await,
            None => Err(DemoError::nobody_invites(name)),
        };
        if let Some(Some(service)) = tolerate(gone, name, issued)? {
            known.push(service);
            write_json(&path, &known)?;
        }
    }
    Ok(known)
}

async fn issue_key(
    administrator: &Caller<'_>,
    (name, role, scopes): (&str, &str, &[&str]),
) -> Result<Option<ServiceKey>, DemoError> {
    let account = administrator
        .send("POST", "/v1/accounts", json!({"name": name, "role": role}))
        .await?;
    let id = account.get("id").and_then(Value::as_str).unwrap_or_default();
    let issued = administrator
        .send("POST", &format!("/v1/accounts/{id}/keys"), json!({"scopes": scopes}))
        .await?;
    let secret = issued.get("secret").and_then(Value::as_str);
    Ok(secret.map(|key| ServiceKey {
        name: name.to_owned(),
        role: role.to_owned(),
        key: key.to_owned(),
    }))
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
        let deadline = Instant::now() + PATIENCE;
        let session = loop {
            match sign_in(url, None, &person.wallet).await {
                Err(LoginError::Unavailable(_)) if Instant::now() < deadline => sleep(Duration::from_millis(250)).await,
                signed_in => break signed_in.map_err(refused)?,
            }
        };
        Ok(Self {
            url,
            http: reqwest::Client::new(),
            token: session.token.expose_secret().to_owned(),
            registered: session.me.get("registered").and_then(Value::as_bool).unwrap_or(false),
        })
    }

    /// Somebody who has an account.
    async fn registered(url: &'a str, role: &'static str, people: &[Person]) -> Result<Self, DemoError> {
        let caller = Self::signed_in(url, role, people).await?;
        if caller.registered {
            Ok(caller)
        } else {
            let source = LoginError::Refused("the wallet has no account any more".to_owned());
            Err(DemoError::Login { role, source })
        }
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
}

/// Whether a service's key is good.
async fn works(url: &str, key: &str) -> Result<bool, DemoError> {
    let me = reqwest::Client::new().get(format!("{url}/v1/me")).bearer_auth(key);
    Ok(me.send().await?.status().is_success())
}
