//! The REST calls of an import, with the patience that a server under restart needs.

use std::time::Duration;

use domain::calendar::RecordedOutcome;
use domain::kernel::{Concept, Gender, Identifier};
use domain::patient::Registration;
use domain::practitioner::PractitionerDetails;
use reqwest::header::{LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::mapping::{Provider, Visit};

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How often a command is polled that the server took but did not finish in time.
const POLL: Duration = Duration::from_millis(200);

/// Why a command was not executed. It never quotes what was sent.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClientError {
    /// The server refused it, with the problem's title.
    #[error("{title} (HTTP {status})")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The title of the RFC 9457 problem.
        title: String,
    },
    /// The server did not answer, or was not ready, for as long as we were to wait.
    #[error("the server did not take it within {seconds} s: {cause}")]
    Unavailable {
        /// How long we waited.
        seconds: u64,
        /// The last thing that went wrong.
        cause: String,
    },
    /// The answer is not what the interface promises.
    #[error("the server's answer is not understood: {0}")]
    Answer(String),
}

/// What became of a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Done {
    /// The id of what was registered or recorded.
    pub id: Uuid,
    /// Whether it is new. `false` when it stood there already, just so.
    pub added: bool,
}

/// A client of a running server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    key: SecretString,
    patience: Duration,
}

#[derive(Deserialize)]
struct Created {
    id: Uuid,
}

impl Client {
    /// A client of the server at `base` (as in `http://127.0.0.1:8080`) that signs in with a service key, and keeps trying
    /// for `patience` when the server is away or busy.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(base: &str, key: SecretString, patience: Duration) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(60))
            .user_agent(concat!("medconnect-import/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            http,
            base: base.trim_end_matches('/').to_owned(),
            key,
            patience,
        })
    }

    /// Registers a practitioner.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn practitioner(&self, details: &PractitionerDetails) -> Result<Done, ClientError> {
        self.post("/v1/practitioners", practitioner_json(details)).await
    }

    /// Registers a patient with their intake.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn patient(&self, registration: &Registration) -> Result<Done, ClientError> {
        self.post("/v1/patients", patient_json(registration)).await
    }

    /// Records a visit of a patient, with a practitioner unless an organisation provided it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn visit(&self, visit: &Visit, patient: Uuid, practitioner: Option<Uuid>) -> Result<Done, ClientError> {
        self.post("/v1/visits", visit_json(visit, patient, practitioner)).await
    }

    async fn post(&self, path: &str, body: Value) -> Result<Done, ClientError> {
        let url = format!("{}{path}", self.base);
        let request = || self.http.post(&url).bearer_auth(self.key.expose_secret()).json(&body);
        let response = self.persist(request).await?;
        let status = response.status();
        match status {
            StatusCode::OK | StatusCode::CREATED => {
                let created: Created = answer(response).await?;
                Ok(Done {
                    id: created.id,
                    added: status == StatusCode::CREATED,
                })
            }
            // Taken, but not finished within the server's limit: wait for it, then ask again, which changes nothing.
            StatusCode::ACCEPTED => {
                self.finished(&response).await?;
                let created: Created = answer(self.persist(request).await?).await?;
                Ok(Done {
                    id: created.id,
                    added: true,
                })
            }
            _ => Err(refusal(response).await),
        }
    }

    async fn finished(&self, accepted: &Response) -> Result<(), ClientError> {
        let location = accepted.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let location = location.ok_or_else(|| ClientError::Answer("202 without Location".to_owned()))?;
        let url = format!("{}{location}", self.base);
        let deadline = Instant::now() + self.patience;
        loop {
            let response = self
                .persist(|| self.http.get(&url).bearer_auth(self.key.expose_secret()))
                .await?;
            let command: Value = answer(response).await?;
            match command.get("status").and_then(Value::as_str) {
                Some("done") => return Ok(()),
                Some("failed") => {
                    return Err(ClientError::Refused {
                        status: 409,
                        title: problem_title(&command),
                    });
                }
                _ if Instant::now() >= deadline => return Err(self.gave_up("the command is still pending")),
                _ => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// Sends until there is an answer that is not "later".
    async fn persist(&self, request: impl Fn() -> reqwest::RequestBuilder) -> Result<Response, ClientError> {
        let deadline = Instant::now() + self.patience;
        let mut pause = Duration::from_millis(100);
        loop {
            let cause = match request().send().await {
                Ok(response) if !is_later(response.status()) => return Ok(response),
                Ok(response) => {
                    let asked = response
                        .headers()
                        .get(RETRY_AFTER)
                        .and_then(|value| value.to_str().ok()?.parse().ok());
                    pause = asked.map_or(pause, Duration::from_secs);
                    format!("HTTP {}", response.status().as_u16())
                }
                Err(error) if error.is_builder() => return Err(ClientError::Answer("the URL is not valid".to_owned())),
                Err(error) => error.without_url().to_string(),
            };
            if Instant::now() + pause >= deadline {
                return Err(self.gave_up(&cause));
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }

    fn gave_up(&self, cause: &str) -> ClientError {
        ClientError::Unavailable {
            seconds: self.patience.as_secs(),
            cause: cause.to_owned(),
        }
    }
}

fn is_later(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::GATEWAY_TIMEOUT
    )
}

async fn answer<T: serde::de::DeserializeOwned>(response: Response) -> Result<T, ClientError> {
    if !response.status().is_success() {
        return Err(refusal(response).await);
    }
    response
        .json()
        .await
        .map_err(|error| ClientError::Answer(error.without_url().to_string()))
}

async fn refusal(response: Response) -> ClientError {
    let status = response.status().as_u16();
    let problem: Value = response.json().await.unwrap_or(Value::Null);
    ClientError::Refused {
        status,
        title: problem_title(&problem),
    }
}

/// Title, and the places that the problem names. Problems never quote values.
fn problem_title(problem: &Value) -> String {
    let problem = problem.get("problem").unwrap_or(problem);
    let title = problem.get("title").and_then(Value::as_str).unwrap_or("refused");
    let pointers = problem.get("errors").and_then(Value::as_array).into_iter().flatten();
    let pointers: Vec<&str> = pointers.filter_map(|error| error.get("pointer")?.as_str()).collect();
    if pointers.is_empty() {
        title.to_owned()
    } else {
        format!("{title} at {}", pointers.join(", "))
    }
}

fn practitioner_json(details: &PractitionerDetails) -> Value {
    json!({
        "details": {
            "name": details.name,
            "gender": gender(details.gender),
            "specializations": details.specializations.iter().map(concept).collect::<Vec<_>>(),
            "credentials": details.credentials,
            "timeZone": details.time_zone.name(),
            "identifier": details.identifier,
        },
    })
}

fn patient_json(registration: &Registration) -> Value {
    let Registration { details, intake } = registration;
    let address = details.address.as_ref().map(|address| {
        json!({
            "lines": address.lines, "city": address.city, "state": address.state,
            "postalCode": address.postal_code, "country": address.country,
        })
    });
    json!({
        "details": {
            "identifier": details.identifier,
            "name": details.name,
            "birthDate": details.birth_date,
            "gender": gender(details.gender),
            "address": address,
            "phone": details.phone,
            "email": details.email,
            "deceased": details.deceased,
        },
        "intake": {
            "conditions": intake.conditions.iter().map(|one| json!({
                "concept": concept(&one.concept), "onset": one.onset, "abated": one.abated,
            })).collect::<Vec<_>>(),
            "allergies": intake.allergies.iter().map(|one| json!({
                "concept": concept(&one.concept), "highCriticality": one.high_criticality,
            })).collect::<Vec<_>>(),
            "medications": intake.medications.iter().map(|one| json!({
                "concept": concept(&one.concept), "since": one.since, "active": one.active,
            })).collect::<Vec<_>>(),
            "symptoms": intake.symptoms,
        },
    })
}

fn visit_json(visit: &Visit, patient: Uuid, practitioner: Option<Uuid>) -> Value {
    let organization: Option<&Identifier> = match &visit.provider {
        Provider::Organization(identifier) => Some(identifier),
        Provider::Practitioner(_) => None,
    };
    json!({
        "identifier": visit.identifier,
        "patient": patient,
        "practitioner": practitioner,
        "organization": organization,
        "start": visit.slot.start,
        "minutes": visit.slot.minutes,
        "outcome": match visit.outcome {
            RecordedOutcome::Completed => "completed",
            RecordedOutcome::Cancelled => "cancelled",
            RecordedOutcome::Open => "open",
        },
        "reason": visit.reason.as_ref().map(concept),
    })
}

fn concept(concept: &Concept) -> Value {
    let coding = concept
        .coding
        .as_ref()
        .map(|coding| json!({"system": coding.system.uri(), "code": coding.code}));
    json!({"coding": coding, "text": concept.text})
}

const fn gender(gender: Gender) -> &'static str {
    match gender {
        Gender::Male => "male",
        Gender::Female => "female",
        Gender::Other => "other",
        Gender::Unknown => "unknown",
    }
}
