//! The REST calls of an import, with the patience that a server under restart needs, and with another try where the server
//! says that nothing was decided.

use std::time::Duration;

use domain::calendar::RecordedOutcome;
use domain::kernel::{Concept, Gender, Identifier};
use domain::patient::Registration;
use domain::practitioner::PractitionerDetails;
use reqwest::header::{IF_MATCH, LOCATION, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::mapping::{Provider, Visit};
use crate::http::answer::{CommandResult, CommandState, CommandStatusBody};
use crate::http::dto;
use crate::http::problem::ProblemKind;

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How often a command is issued of which the server says that nothing was decided.
const TRIES: u32 = 10;

/// How often a record is read again that somebody else changed meanwhile.
const READS: u32 = 5;

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
        /// The kind of the RFC 9457 problem, if it is one of ours.
        kind: Option<ProblemKind>,
        /// Its title.
        title: String,
        /// What is there already, if the problem says so.
        resource: Option<String>,
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

impl ClientError {
    /// Whether the server refused it for this.
    pub fn is(&self, wanted: ProblemKind) -> bool {
        matches!(self, Self::Refused { kind: Some(kind), .. } if *kind == wanted)
    }

    /// Whether nothing was decided, so that the same command may be issued again.
    fn decides_nothing(&self) -> bool {
        matches!(self, Self::Refused { kind: Some(kind), .. }
            if matches!(kind, ProblemKind::Conflict | ProblemKind::IdempotencyKeyInUse)
                || (kind.status() == 503 && *kind != ProblemKind::HeldBack))
    }
}

/// What a command came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// It is new.
    Added,
    /// It was there, and is brought up to date.
    Updated,
    /// It was there already, just so.
    Unchanged,
    /// It was there with other content, and stays.
    Differing,
}

/// What became of a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Done {
    /// The id of what was registered or recorded.
    pub id: Uuid,
    /// What it came to.
    pub change: Change,
    /// How many commands the server executed for it.
    pub commands: u64,
    /// How many events they appended, by the versions of the stream that the server told.
    pub events: u64,
}

/// A client of a running server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    key: SecretString,
    patience: Duration,
}

/// A patient's record as the server shows it.
#[derive(Deserialize)]
struct Record {
    details: dto::PatientDetails,
    intake: dto::Intake,
    version: u64,
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

    /// Registers a practitioner. One who is registered with other details stays as they are.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn practitioner(&self, details: &PractitionerDetails) -> Result<Done, ClientError> {
        let registered = self.register("/v1/practitioners", practitioner_json(details)).await;
        match registered {
            Err(error) => exists(&error).map(differing).ok_or(error),
            done => done,
        }
    }

    /// Registers a patient with their intake. A record that is there with other content is brought up to date; symptoms are the
    /// patient's own words, which no source knows, and stay.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn patient(&self, registration: &Registration) -> Result<Done, ClientError> {
        match self.register("/v1/patients", patient_json(registration)).await {
            Err(error) => match exists(&error) {
                Some(id) => self.bring_up_to_date(id, registration).await,
                None => Err(error),
            },
            done => done,
        }
    }

    /// Records a visit of a patient, with a practitioner unless an organisation provided it. One that was told otherwise before
    /// stays as it was told.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn visit(&self, visit: &Visit, patient: Uuid, practitioner: Option<Uuid>) -> Result<Done, ClientError> {
        match self
            .register("/v1/visits", visit_json(visit, patient, practitioner))
            .await
        {
            Err(error) if error.is(ProblemKind::AlreadyRegistered) => Ok(differing(Uuid::nil())),
            done => done,
        }
    }

    async fn bring_up_to_date(&self, id: Uuid, registration: &Registration) -> Result<Done, ClientError> {
        let path = format!("/v1/patients/{id}");
        let mut done = Done {
            change: Change::Unchanged,
            ..differing(id)
        };
        for reading in 1..=READS {
            let url = format!("{}{path}", self.base);
            let read = || self.http.get(&url).bearer_auth(self.key.expose_secret());
            let record: Record = match answer(self.persist(read).await?).await {
                // The key may write and not read: whether a change would undo another cannot be seen.
                Err(error) if error.is(ProblemKind::Forbidden) => return Ok(differing(id)),
                record => record?,
            };
            match self.update(&path, &record, registration, &mut done).await {
                Err(error) if error.is(ProblemKind::PreconditionFailed) && reading < READS => {}
                updated => return updated.map(|()| done),
            }
        }
        Ok(done)
    }

    /// Replaces what differs in a record, on the version of it that was read.
    async fn update(
        &self,
        path: &str,
        record: &Record,
        registration: &Registration,
        done: &mut Done,
    ) -> Result<(), ClientError> {
        let mut version = record.version;
        let details = dto::PatientDetails::from(registration.details.clone());
        let mut intake = dto::Intake::from(registration.intake.clone());
        intake.symptoms.clone_from(&record.intake.symptoms);
        let changes = [
            ("details", details != record.details, json!(details)),
            ("intake", intake != record.intake, json!(intake)),
        ];
        for (part, _, body) in changes.iter().filter(|(_, differs, _)| *differs) {
            let result = self
                .command(&Method::PUT, &format!("{path}/{part}"), body, Some(version))
                .await?;
            done.commands = done.commands.saturating_add(1);
            if result.position.is_some() {
                done.change = Change::Updated;
                done.events = done.events.saturating_add(result.version.saturating_sub(version));
            }
            version = result.version;
        }
        Ok(())
    }

    /// Registers or records something, which begins a stream of its own unless it is there already.
    async fn register(&self, path: &str, body: Value) -> Result<Done, ClientError> {
        let result = self.command(&Method::POST, path, &body, None).await?;
        let id = result.id.ok_or_else(|| ClientError::Answer("no id".to_owned()))?;
        let added = result.position.is_some();
        Ok(Done {
            id,
            change: if added { Change::Added } else { Change::Unchanged },
            commands: 1,
            events: if added { result.version } else { 0 },
        })
    }

    /// Issues a command until something is decided, a bounded number of times.
    async fn command(
        &self,
        method: &Method,
        path: &str,
        body: &Value,
        version: Option<u64>,
    ) -> Result<CommandResult, ClientError> {
        let mut pause = Duration::from_millis(100);
        let mut tries = 1;
        loop {
            match self.issue(method, path, body, version).await {
                Err(error) if error.decides_nothing() && tries < TRIES => {
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                    tries = tries.saturating_add(1);
                }
                decided => return decided,
            }
        }
    }

    async fn issue(
        &self,
        method: &Method,
        path: &str,
        body: &Value,
        version: Option<u64>,
    ) -> Result<CommandResult, ClientError> {
        let url = format!("{}{path}", self.base);
        let request = || {
            let request = self
                .http
                .request(method.clone(), &url)
                .bearer_auth(self.key.expose_secret())
                .json(body);
            match version {
                Some(version) => request.header(IF_MATCH, format!("\"{version}\"")),
                None => request,
            }
        };
        let response = self.persist(request).await?;
        if response.status() != StatusCode::ACCEPTED {
            return answer(response).await;
        }
        // Taken, but not finished within the server's limit: wait for it.
        let status = self.finished(&response).await?;
        if let Some(result) = status.result {
            return Ok(result);
        }
        // The answer was not kept, and the log says that it is done. Asking again tells the rest, and changes nothing.
        let again: CommandResult = answer(self.persist(request).await?).await?;
        let position = again.position.or(status.position);
        Ok(CommandResult { position, ..again })
    }

    /// Waits for a command that was taken.
    async fn finished(&self, accepted: &Response) -> Result<CommandStatusBody, ClientError> {
        let location = accepted.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let location = location.ok_or_else(|| ClientError::Answer("202 without Location".to_owned()))?;
        let url = format!("{}{location}", self.base);
        let deadline = Instant::now() + self.patience;
        loop {
            let response = self
                .persist(|| self.http.get(&url).bearer_auth(self.key.expose_secret()))
                .await?;
            let command: CommandStatusBody = answer(response).await?;
            match command.status {
                CommandState::Done => return Ok(command),
                CommandState::Failed => {
                    let problem = command.problem.map_or(Value::Null, |problem| json!(problem));
                    return Err(refused(StatusCode::CONFLICT.as_u16(), &problem));
                }
                CommandState::Pending if Instant::now() >= deadline => {
                    return Err(self.gave_up("the command is still pending"));
                }
                CommandState::Pending => tokio::time::sleep(POLL).await,
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
    refused(status, &problem)
}

fn refused(status: u16, problem: &Value) -> ClientError {
    let text = |name| problem.get(name).and_then(Value::as_str);
    let kind = text("type").and_then(|kind| kind.rsplit('/').next());
    ClientError::Refused {
        status: problem
            .get("status")
            .and_then(|status| u16::try_from(status.as_u64()?).ok())
            .unwrap_or(status),
        kind: kind.and_then(ProblemKind::from_slug),
        title: problem_title(problem),
        resource: text("resource").map(str::to_owned),
    }
}

/// The id of what is there already with other content, if the refusal says so.
fn exists(error: &ClientError) -> Option<Uuid> {
    match error {
        ClientError::Refused {
            kind: Some(ProblemKind::AlreadyRegistered),
            resource: Some(resource),
            ..
        } => Uuid::try_parse(resource.rsplit('/').next()?).ok(),
        _ => None,
    }
}

/// The server executed it, and left what is there.
const fn differing(id: Uuid) -> Done {
    Done {
        id,
        change: Change::Differing,
        commands: 1,
        events: 0,
    }
}

/// Title, and the places that the problem names. Problems never quote values.
fn problem_title(problem: &Value) -> String {
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
            "deceased": details.deceased.map(dto::Deceased::from),
        },
        "intake": {
            "conditions": intake.conditions.list().iter().map(|one| json!({
                "concept": concept(&one.concept), "onset": one.onset, "abated": one.abated,
            })).collect::<Vec<_>>(),
            "allergies": intake.allergies.list().iter().map(|one| json!({
                "concept": concept(&one.concept), "highCriticality": one.high_criticality,
            })).collect::<Vec<_>>(),
            "medications": intake.medications.list().iter().map(|one| json!({
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that gives these answers, in turn, and the last one for ever; each is a status and a body.
    async fn server(answers: Vec<(u16, Value)>) -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let mut answers = answers.into_iter().peekable();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 16 * 1024];
                assert!(stream.read(&mut request).await.unwrap() > 0);
                let (status, body) = answers.peek().cloned().unwrap();
                if answers.len() > 1 {
                    answers.next();
                }
                let body = body.to_string();
                let answer = format!(
                    "HTTP/1.1 {status} -\r\nLocation: /v1/commands/x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Client::new(&url, SecretString::from("key"), Duration::from_secs(20)).unwrap()
    }

    fn problem(kind: ProblemKind) -> Value {
        json!({ "type": kind.path(), "title": kind.title(), "status": kind.status() })
    }

    fn result(position: Option<u64>) -> Value {
        json!({
            "commandId": Uuid::nil(), "resource": "/v1/visits/x", "id": Uuid::nil(), "version": 1, "position": position,
            "finality": "final",
        })
    }

    fn status(status: &str, rest: Value) -> Value {
        let mut body = json!({ "id": Uuid::nil(), "status": status, "createdAt": "2026-01-01T00:00:00Z" });
        for (field, value) in rest.as_object().unwrap() {
            body[field] = value.clone();
        }
        body
    }

    #[tokio::test]
    async fn what_was_not_decided_is_tried_again() {
        let conflict = (409, problem(ProblemKind::Conflict));
        let pending = (202, status("pending", json!({})));
        let not_executed = status("failed", json!({ "problem": problem(ProblemKind::CommandNotExecuted) }));
        for answers in [
            vec![conflict.clone(), conflict, (201, result(Some(7)))],
            vec![pending.clone(), (200, not_executed), (201, result(Some(7)))],
            vec![pending, (200, status("done", json!({ "result": result(Some(7)) })))],
        ] {
            let done = server(answers).await.register("/v1/visits", json!({})).await.unwrap();
            assert_eq!((done.change, done.commands, done.events), (Change::Added, 1, 1));
        }
    }

    #[tokio::test]
    async fn what_was_decided_is_not_tried_again() {
        for kind in [
            ProblemKind::AlreadyRegistered,
            ProblemKind::Invalid,
            ProblemKind::Sealed,
        ] {
            let answers = vec![(kind.status(), problem(kind)), (201, result(Some(7)))];
            let refused = server(answers)
                .await
                .register("/v1/visits", json!({}))
                .await
                .unwrap_err();
            assert!(refused.is(kind), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn what_was_there_already_appended_nothing() {
        let done = server(vec![(200, result(None))])
            .await
            .register("/v1/visits", json!({}))
            .await
            .unwrap();
        assert_eq!((done.change, done.events), (Change::Unchanged, 0));
    }
}
