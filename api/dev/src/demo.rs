//! People and systems to try things out with: one of each role, made through the same commands as any others.
//!
//! Doing it again changes nothing. Whoever was closed or taken out since stays so: the others are made, and it is said who is gone. The
//! wallets' keys are in the data directory's secrets, the services' in `demo.json`.

use std::path::Path;
use std::time::Duration;

use api_wire::answer::CommandResult;
use api_wire::dto;
use api_wire::problem::ProblemBody;
use chrono::{Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use domain::account::{Role, Scope};
use domain::kernel::{CodeSystem, Coding, Concept, Gender, HumanName, Identifier};
use domain::patient::PatientDetails;
use domain::practitioner::PractitionerDetails;
use infrastructure::chain::Signer;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde::de::{DeserializeOwned, IgnoredAny};
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
const SERVICES: [(&str, Role, &[Scope]); 3] = [
    (
        "Demo hospital system",
        Role::Hospital,
        &[Scope::Read, Scope::Write, Scope::Import],
    ),
    ("Demo insurer portal", Role::Insurer, &[Scope::Read]),
    ("Demo audit system", Role::Auditor, &[Scope::Read]),
];

/// Who works for the hospital, beside its administration and its doctor.
const OTHER_STAFF: [Role; 3] = [Role::Nurse, Role::Reception, Role::Laboratory];

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
    pub role: dto::Role,
    /// The key.
    pub key: String,
}

/// Somebody with a wallet.
#[derive(Clone, Debug)]
pub struct Person {
    /// The role.
    pub role: Role,
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
    /// The role, or what the service is called.
    pub role: &'static str,
    /// What the server said.
    pub why: String,
}

impl Demo {
    /// The key of the hospital's system, with which bundles are imported.
    pub fn hospital_key(&self) -> Option<&str> {
        self.services
            .iter()
            .find(|service| service.role.0 == Role::Hospital)
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
        (Role::Administrator, administrator),
        (Role::Hospital, hospital),
        (Role::Registrar, registrar),
        (Role::Auditor, auditor),
        (Role::Insurer, insurer),
        (Role::Doctor, doctor),
        (Role::Patient, patient),
    ]
    .map(|(role, key)| (role, key.clone()))
    .into_iter()
    .chain(OTHER_STAFF.map(|role| (role, hospital.key_of(role.into()))))
    .map(|(role, key)| {
        Ok(Person {
            role,
            wallet: wallet(&key)?,
            key,
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
    let administrator = administrator(url, &people).await;
    let administrator = tolerate(&mut gone, Role::Administrator.into(), administrator)?;
    let staff_roles = [Role::Hospital, Role::Registrar, Role::Auditor, Role::Insurer];
    for role in staff_roles.into_iter().chain(OTHER_STAFF) {
        let made = staff(url, role, &people, administrator.as_ref()).await;
        tolerate(&mut gone, role.into(), made)?;
    }
    let services = services(url, administrator.as_ref(), folder, &mut gone).await?;
    let hospital = Caller::registered(url, Role::Hospital, &people).await;
    let hospital = tolerate(&mut gone, Role::Hospital.into(), hospital)?;
    for role in [Role::Doctor, Role::Patient] {
        let made = treated(url, role, &people, hospital.as_ref()).await;
        tolerate(&mut gone, role.into(), made)?;
    }
    if let Some(hospital) = &hospital {
        let attested = attest(url, &people, hospital).await;
        tolerate(&mut gone, Role::Registrar.into(), attested)?;
    }
    people.retain(|person| gone.iter().all(|gone| gone.role != <&str>::from(person.role)));
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
    let caller = Caller::registered(url, Role::Administrator, people).await?;
    // Asked so that somebody whose wallet has another account by now is not taken for one.
    let _: IgnoredAny = caller.get("/v1/accounts?limit=1").await?;
    Ok(caller)
}

async fn staff(url: &str, role: Role, people: &[Person], administrator: Option<&Caller<'_>>) -> Result<(), DemoError> {
    let caller = Caller::signed_in(url, role, people).await?;
    if caller.registered {
        return Ok(());
    }
    let administrator = administrator.ok_or_else(|| DemoError::nobody_invites(role.into()))?;
    let account = dto::OpenAccount {
        name: format!("Demo {}", <&str>::from(role)),
        role: role.into(),
        kind: dto::AccountKind::Person,
    };
    let account = administrator.command(Method::POST, "/v1/accounts", &account).await?;
    caller.join(administrator, &account).await
}

/// The doctor, who offers slots, or the patient.
async fn treated(url: &str, role: Role, people: &[Person], hospital: Option<&Caller<'_>>) -> Result<(), DemoError> {
    let caller = Caller::signed_in(url, role, people).await?;
    let Some(hospital) = hospital else {
        return if caller.registered {
            Ok(())
        } else {
            Err(DemoError::nobody_invites(role.into()))
        };
    };
    if role == Role::Patient {
        if !caller.registered {
            let record = hospital.command(Method::POST, "/v1/patients", &patient()).await?;
            caller.join(hospital, &record).await?;
        }
        return Ok(());
    }
    let practitioner = hospital.command(Method::POST, "/v1/practitioners", &doctor()).await?;
    if !caller.registered {
        caller.join(hospital, &practitioner).await?;
    }
    offer_slots(hospital, &practitioner).await
}

/// The registrar attests the doctor, unless somebody has suspended them since. Where no registry is followed there is nothing to do.
async fn attest(url: &str, people: &[Person], hospital: &Caller<'_>) -> Result<(), DemoError> {
    let wallet = people.iter().find(|person| person.role == Role::Registrar);
    let doctor = hospital.command(Method::POST, "/v1/practitioners", &doctor()).await?;
    let entry = dto::Identifier {
        system: "urn:medconnect:demo:register".to_owned(),
        value: "4711".to_owned(),
    };
    let (entry_path, path) = (
        format!("{}/register-entry", doctor.resource),
        format!("{}/attestation", doctor.resource),
    );
    let attestation: Value = hospital.get(&path).await?;
    if attestation.get("standing").is_none_or(|standing| standing != "unknown") {
        return Ok(());
    }
    let registrar = Caller::registered(url, Role::Registrar, people).await?;
    hospital.command(Method::PUT, &entry_path, &entry).await?;
    let to_sign: Value = match registrar
        .get(&format!("{path}/typed-data?primaryType=Attestation"))
        .await
    {
        Err(DemoError::Refused { status: 409, .. }) => return Ok(()),
        to_sign => to_sign?,
    };
    let role = Role::Registrar.into();
    let signed = wallet.and_then(|registrar| signed(&registrar.wallet, &to_sign));
    let signed = signed.ok_or(DemoError::Login {
        role,
        source: LoginError::Signing,
    })?;
    registrar.command(Method::POST, &path, &signed).await.map(drop)
}

/// What a registrar hands in: what they were given to sign, and the signature of its hash.
fn signed(wallet: &Signer, typed_data: &Value) -> Option<Value> {
    let mut hash = [0; 32];
    hex::decode_to_slice(typed_data.get("hash")?.as_str()?, &mut hash).ok()?;
    let signature = wallet.sign_digest(hash).ok()?;
    Some(json!({
        "primaryType": typed_data.get("primaryType")?,
        "message": typed_data.get("message")?,
        "signer": hex::encode_prefixed(wallet.address().0),
        "signature": hex::encode_prefixed(signature),
    }))
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
    (name, role, scopes): (&str, Role, &[Scope]),
) -> Result<Option<ServiceKey>, DemoError> {
    let role = dto::Role(role);
    let service = dto::OpenAccount {
        name: name.to_owned(),
        role,
        kind: dto::AccountKind::Service,
    };
    let account = administrator.command(Method::POST, "/v1/accounts", &service).await?;
    let key = dto::IssueKey {
        scopes: scopes.iter().copied().map(Into::into).collect(),
        expires: None,
    };
    let path = format!("{}/keys", account.resource);
    let secret = administrator.command(Method::POST, &path, &key).await?.secret;
    Ok(secret.map(|key| ServiceKey {
        name: name.to_owned(),
        role,
        key,
    }))
}

async fn offer_slots(hospital: &Caller<'_>, doctor: &CommandResult) -> Result<(), DemoError> {
    for ahead in 1..=DAYS {
        let Some(day) = Utc::now().date_naive().checked_add_days(Days::new(ahead)) else {
            continue;
        };
        let path = format!("{}/availability/{day}", doctor.resource);
        let offered: dto::Availability = hospital.get(&path).await?;
        // What somebody has changed since stays as they want it.
        if offered.sessions.is_empty() {
            let at = |hour| dto::Instant(day.and_time(NaiveTime::MIN).and_utc() + TimeDelta::hours(hour));
            let session = dto::Session {
                start: at(9),
                end: at(12),
                slot_minutes: 20,
            };
            let sessions = vec![session];
            hospital
                .command(Method::PUT, &path, &dto::PublishAvailability { sessions })
                .await?;
        }
    }
    Ok(())
}

fn name(given: &str, prefix: &[&str]) -> HumanName {
    HumanName {
        family: "Example".to_owned(),
        given: vec![given.to_owned()],
        prefix: prefix.iter().map(|&one| one.to_owned()).collect(),
    }
}

fn called(value: &str) -> Option<Identifier> {
    Some(Identifier {
        system: "urn:medconnect:demo".to_owned(),
        value: value.to_owned(),
    })
}

fn doctor() -> dto::RegisterPractitioner {
    let general_practice = Concept {
        coding: Some(Coding {
            system: CodeSystem::Snomed,
            code: "394814009".to_owned(),
        }),
        text: "General practice".to_owned(),
    };
    let details = PractitionerDetails {
        name: name("Dora", &["Dr."]),
        gender: Gender::Female,
        specializations: vec![general_practice],
        credentials: vec!["MD".to_owned()],
        time_zone: chrono_tz::UTC,
        identifier: called("doctor"),
        other_identifiers: Vec::new(),
        as_of: None,
    };
    let details = details.into();
    dto::RegisterPractitioner {
        details,
        shared_calendar: None,
    }
}

fn patient() -> dto::RegisterPatient {
    let details = PatientDetails {
        name: name("Pat", &[]),
        birth_date: NaiveDate::from_ymd_opt(1980, 1, 1).unwrap_or_default(),
        identifier: called("patient"),
        ..PatientDetails::default()
    };
    let details = details.into();
    dto::RegisterPatient { details }
}

/// Somebody who has signed in.
struct Caller<'a> {
    url: &'a str,
    http: reqwest::Client,
    token: String,
    registered: bool,
}

impl<'a> Caller<'a> {
    async fn signed_in(url: &'a str, role: Role, people: &[Person]) -> Result<Self, DemoError> {
        let refused = |source| DemoError::Login {
            role: role.into(),
            source,
        };
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
            registered: session.me.registered,
        })
    }

    /// Somebody who has an account.
    async fn registered(url: &'a str, role: Role, people: &[Person]) -> Result<Self, DemoError> {
        let caller = Self::signed_in(url, role, people).await?;
        if caller.registered {
            Ok(caller)
        } else {
            let source = LoginError::Refused("the wallet has no account any more".to_owned());
            let role = role.into();
            Err(DemoError::Login { role, source })
        }
    }

    /// Binds the wallet to what was registered, by an invitation of whoever may issue it.
    async fn join(&self, inviting: &Caller<'_>, registered: &CommandResult) -> Result<(), DemoError> {
        let path = format!("{}/invitation", registered.resource);
        let issued: dto::Invitation = inviting.send(Method::POST, &path, &()).await?;
        let invitation = dto::AcceptInvitation {
            invitation: issued.invitation,
        };
        let accepted = self.command(Method::POST, "/v1/invitations/accept", &invitation);
        accepted.await.map(drop)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, DemoError> {
        self.send(Method::GET, path, &()).await
    }

    async fn command(&self, method: Method, path: &str, body: &impl Serialize) -> Result<CommandResult, DemoError> {
        self.send(method, path, body).await
    }

    /// Sends until the server has done it: every one of these may be repeated.
    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, DemoError> {
        let deadline = Instant::now() + PATIENCE;
        let idempotency = Uuid::new_v4().to_string();
        loop {
            let mut request = self
                .http
                .request(method.clone(), format!("{}{path}", self.url))
                .bearer_auth(&self.token);
            if method != Method::GET {
                request = request.header("Idempotency-Key", &idempotency).json(body);
            }
            let answer = request.send().await?;
            match answer.status().as_u16() {
                200 | 201 => return Ok(answer.json().await?),
                202 | 503 if Instant::now() < deadline => sleep(Duration::from_millis(250)).await,
                status => {
                    let problem: Option<ProblemBody> = answer.json().await.ok();
                    return Err(DemoError::Refused {
                        path: path.to_owned(),
                        status,
                        title: problem.map(|problem| problem.title).unwrap_or_default(),
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
