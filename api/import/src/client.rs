//! The REST calls of an import, with the patience that a server under restart needs, and with another try where the server
//! says that nothing was decided.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use api_wire::answer::{CommandResult, CommandState, CommandStatusBody};
use api_wire::check::checked;
use api_wire::dto;
use api_wire::page::PageBody;
use api_wire::problem::{BadBody, ProblemBody, ProblemKind};
use backon::{BackoffBuilder as _, ExponentialBuilder, Retryable as _};
use domain::chart::{Contents, Report};
use domain::kernel::Identifier;
use domain::patient::PatientDetails;
use domain::practitioner::PractitionerDetails;
use reqwest::header::{IF_MATCH, LOCATION, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use uuid::Uuid;

use super::mapping::{Provider, Visit};
use super::patience::Patience;

/// How long an answer is waited for at most, and at least, whatever the patience: a server may be busy.
const LONGEST_ANSWER: Duration = Duration::from_secs(60);
const SHORTEST_ANSWER: Duration = Duration::from_secs(10);

/// The first pause between two tries. Each is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How often a command is issued again of which the server says that nothing was decided.
const RETRIES: usize = 9;

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
    #[error("the server did not take it within {seconds} s, so import it again: {cause}")]
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

    /// The id of what is there already with other content, if the refusal says so.
    pub(super) fn existing(&self) -> Option<Uuid> {
        match self {
            Self::Refused {
                kind: Some(ProblemKind::AlreadyRegistered),
                resource: Some(resource),
                ..
            } => Uuid::try_parse(resource.rsplit('/').next()?).ok(),
            _ => None,
        }
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
    /// Nothing was sent.
    Planned,
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
    /// How many events they appended.
    pub events: u64,
}

impl Done {
    /// Nothing was sent.
    pub(super) const fn planned() -> Self {
        Self {
            id: Uuid::nil(),
            change: Change::Planned,
            commands: 0,
            events: 0,
        }
    }

    /// It is there, just so, and nothing was executed.
    pub(super) const fn unchanged(id: Uuid) -> Self {
        Self {
            id,
            change: Change::Unchanged,
            commands: 0,
            events: 0,
        }
    }

    /// The server executed it, and left what is there.
    pub(super) const fn differing(id: Uuid) -> Self {
        Self {
            id,
            change: Change::Differing,
            commands: 1,
            events: 0,
        }
    }
}

/// How many names are claimed or given back for somebody who was called by some and is called by others.
fn claims<'a>(before: impl IntoIterator<Item = &'a Identifier>, now: impl IntoIterator<Item = &'a Identifier>) -> u64 {
    let before: HashSet<&Identifier> = before.into_iter().collect();
    let now: HashSet<&Identifier> = now.into_iter().collect();
    before.symmetric_difference(&now).map(|_| 1).sum()
}

/// A client of a running server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    key: SecretString,
    patience: Arc<Patience>,
}

/// A patient's chart as the server shows it.
#[derive(Default)]
pub(super) struct Chart {
    /// What it says.
    pub(super) contents: Contents,
    /// Its version, if it was read.
    pub(super) version: Option<u64>,
}

impl Client {
    /// A client of the server at `base` (as in `http://127.0.0.1:8080`) that signs in with a service key, and keeps trying
    /// for `patience` when the server is busy, and for so long together, whatever is asked, when it is away.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(base: &str, key: SecretString, patience: Duration) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(patience.clamp(SHORTEST_ANSWER, LONGEST_ANSWER))
            .user_agent(concat!("medconnect-import/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            http,
            base: base.trim_end_matches('/').to_owned(),
            key,
            patience: Arc::new(Patience::new(patience)),
        })
    }

    /// Registers a practitioner, unless there is one under the identifier.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(super) async fn register_practitioner(&self, details: &PractitionerDetails) -> Result<Done, ClientError> {
        let events = claims([], details.names()).saturating_add(1);
        let registration = dto::RegisterPractitioner {
            details: details.clone().into(),
            shared_calendar: None,
        };
        self.register("/v1/practitioners", &registration, events).await
    }

    /// The practitioners who are known by one of these identifiers.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(super) async fn look_up_practitioners(
        &self,
        identifiers: &[Identifier],
    ) -> Result<Vec<(Uuid, PractitionerDetails)>, ClientError> {
        let identifiers = identifiers.iter().cloned().map(Into::into).collect();
        let wanted = dto::LookUpPractitioners { identifiers };
        let found: Vec<dto::Practitioner> = self.look_up("/v1/practitioners/lookup", &wanted).await?;
        let known = |one: dto::Practitioner| Ok((one.id, understood(checked(one.details))?));
        found.into_iter().map(known).collect()
    }

    /// A practitioner who is registered, and the version of the entry.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(super) async fn read_practitioner(&self, id: Uuid) -> Result<(PractitionerDetails, u64), ClientError> {
        let dto::Practitioner { details, version, .. } = self.read(&format!("/v1/practitioners/{id}")).await?;
        Ok((understood(checked(details))?, version))
    }

    /// Replaces a practitioner's `recorded` details, which were read at a version.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(super) async fn update_practitioner(
        &self,
        id: Uuid,
        (recorded, version): (&PractitionerDetails, u64),
        details: &PractitionerDetails,
    ) -> Result<Done, ClientError> {
        let mut done = Done::unchanged(id);
        let events = claims(recorded.names(), details.names()).saturating_add(1);
        let body = dto::PractitionerDetails::from(details.clone());
        self.replace(&format!("/v1/practitioners/{id}"), &body, version, events, &mut done)
            .await?;
        Ok(done)
    }

    /// Registers a patient, unless there is one under the identifier.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(super) async fn register_patient(&self, details: &PatientDetails) -> Result<Done, ClientError> {
        let events = claims([], details.names()).saturating_add(1);
        let details = details.clone().into();
        self.register("/v1/patients", &dto::RegisterPatient { details }, events)
            .await
    }

    /// The patients who are known by one of these identifiers.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(super) async fn look_up_patients(
        &self,
        identifiers: &[Identifier],
    ) -> Result<Vec<(Uuid, PatientDetails)>, ClientError> {
        let identifiers = identifiers.iter().cloned().map(Into::into).collect();
        let wanted = dto::LookUpPatients { identifiers };
        let found: Vec<dto::Patient> = self.look_up("/v1/patients/lookup", &wanted).await?;
        let known = |one: dto::Patient| Ok((one.id, understood(checked(one.details))?));
        found.into_iter().map(known).collect()
    }

    /// What is found by a question that is too private for an address.
    async fn look_up<T: DeserializeOwned>(&self, path: &str, wanted: &impl Serialize) -> Result<Vec<T>, ClientError> {
        let url = format!("{}{path}", self.base);
        let ask = || self.http.post(&url).bearer_auth(self.key.expose_secret()).json(wanted);
        let page: PageBody<T> = answer(self.persist(ask).await?).await?;
        Ok(page.items)
    }

    /// Who a patient is, and the version of that.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(super) async fn read_patient(&self, id: Uuid) -> Result<(PatientDetails, u64), ClientError> {
        let dto::Patient { details, version, .. } = self.read(&format!("/v1/patients/{id}")).await?;
        Ok((understood(checked(details))?, version.unwrap_or_default()))
    }

    /// What sources have told of a patient's chart. What people have noted beside it nobody is shown who asks for no person.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(super) async fn read_chart(&self, id: Uuid) -> Result<Chart, ClientError> {
        let chart: dto::Chart = self.read(&format!("/v1/patients/{id}/chart/reports")).await?;
        let version = chart.version;
        Ok(Chart {
            contents: understood(checked(chart))?,
            version,
        })
    }

    /// Replaces a patient's `recorded` details, which were read at a version, if nobody changed them since.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(super) async fn update_details(
        &self,
        id: Uuid,
        (recorded, version): (&PatientDetails, u64),
        details: &PatientDetails,
        done: &mut Done,
    ) -> Result<(), ClientError> {
        let events = claims(recorded.names(), details.names()).saturating_add(1);
        let body = dto::PatientDetails::from(details.clone());
        self.replace(&format!("/v1/patients/{id}/details"), &body, version, events, done)
            .await
    }

    /// Reports what is told of a patient's chart, on the version that was read, if it was. It makes so many events, as far as is known.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(super) async fn report_chart(
        &self,
        id: Uuid,
        report: &Report,
        version: Option<u64>,
        events: usize,
        done: &mut Done,
    ) -> Result<(), ClientError> {
        let body = dto::ChartReport::from(report.clone());
        let path = format!("/v1/patients/{id}/chart/reports");
        let result = self.command(&Method::POST, &path, &body, version).await?;
        done.commands = done.commands.saturating_add(1);
        if result.position.is_some() {
            if done.change != Change::Added {
                done.change = Change::Updated;
            }
            let events = u64::try_from(events).unwrap_or(u64::MAX);
            done.events = done.events.saturating_add(events);
        }
        Ok(())
    }

    /// Replaces something. It makes so many events.
    async fn replace(
        &self,
        path: &str,
        body: &impl Serialize,
        version: u64,
        events: u64,
        done: &mut Done,
    ) -> Result<(), ClientError> {
        let result = self.command(&Method::PUT, path, body, Some(version)).await?;
        done.commands = done.commands.saturating_add(1);
        if result.position.is_some() {
            done.change = Change::Updated;
            done.events = done.events.saturating_add(events);
        }
        Ok(())
    }

    /// Records a visit of a patient, with a practitioner unless an organisation provided it. What was told of it before, by whichever of its
    /// names, gives way to a newer state.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn visit(&self, visit: &Visit, patient: Uuid, practitioner: Option<Uuid>) -> Result<Done, ClientError> {
        self.register("/v1/visits", &told(visit, patient, practitioner), 1)
            .await
    }

    async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let url = format!("{}{path}", self.base);
        answer(
            self.persist(|| self.http.get(&url).bearer_auth(self.key.expose_secret()))
                .await?,
        )
        .await
    }

    /// Registers or records something, unless it is there already. It makes so many events.
    async fn register(&self, path: &str, body: &impl Serialize, events: u64) -> Result<Done, ClientError> {
        let result = self.command(&Method::POST, path, body, None).await?;
        let id = result.id.ok_or_else(|| ClientError::Answer("no id".to_owned()))?;
        let change = match result.position {
            Some(_) if result.created => Change::Added,
            Some(_) => Change::Updated,
            None => Change::Unchanged,
        };
        Ok(Done {
            id,
            change,
            commands: 1,
            events: result.position.map_or(0, |_| events),
        })
    }

    /// Issues a command until something is decided, a bounded number of times.
    async fn command(
        &self,
        method: &Method,
        path: &str,
        body: &impl Serialize,
        version: Option<u64>,
    ) -> Result<CommandResult, ClientError> {
        let pauses = ExponentialBuilder::new()
            .with_min_delay(FIRST_PAUSE)
            .with_factor(2.0)
            .with_max_delay(LONGEST_PAUSE)
            .with_max_times(RETRIES);
        let issue = || self.issue(method, path, body, version);
        issue.retry(pauses).when(ClientError::decides_nothing).await
    }

    async fn issue(
        &self,
        method: &Method,
        path: &str,
        body: &impl Serialize,
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
        let deadline = Instant::now() + self.patience.most();
        loop {
            let response = self
                .persist(|| self.http.get(&url).bearer_auth(self.key.expose_secret()))
                .await?;
            let command: CommandStatusBody = answer(response).await?;
            match command.status {
                CommandState::Done => return Ok(command),
                CommandState::Failed => {
                    let without_problem = || refused_with(StatusCode::CONFLICT);
                    return Err(command.problem.as_ref().map_or_else(without_problem, refused));
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
        let deadline = Instant::now() + self.patience.most();
        let pauses = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .without_max_times();
        let mut pauses = pauses.build();
        loop {
            if self.patience.is_over() {
                return Err(self.gave_up("it is away, and nothing more was sent"));
            }
            let began = Instant::now();
            let (cause, asked) = match request().send().await {
                Ok(response) if !is_later(response.status()) => {
                    self.patience.answered();
                    return Ok(response);
                }
                Ok(response) => {
                    let asked = response
                        .headers()
                        .get(RETRY_AFTER)
                        .and_then(|value| value.to_str().ok()?.parse().ok());
                    (format!("HTTP {}", response.status().as_u16()), asked)
                }
                Err(error) if error.is_builder() => return Err(ClientError::Answer("the URL is not valid".to_owned())),
                Err(error) => (error.without_url().to_string(), None),
            };
            let asked = asked.map(Duration::from_secs);
            let pause = asked.or_else(|| pauses.next()).unwrap_or(LONGEST_PAUSE);
            if !self.patience.is_left(began, pause) || Instant::now() + pause >= deadline {
                return Err(self.gave_up(&cause));
            }
            tokio::time::sleep(pause).await;
        }
    }

    fn gave_up(&self, cause: &str) -> ClientError {
        ClientError::Unavailable {
            seconds: self.patience.most().as_secs(),
            cause: cause.to_owned(),
        }
    }
}

fn is_later(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::GATEWAY_TIMEOUT
    )
}

async fn answer<T: DeserializeOwned>(response: Response) -> Result<T, ClientError> {
    if !response.status().is_success() {
        return Err(refusal(response).await);
    }
    response
        .json()
        .await
        .map_err(|error| ClientError::Answer(error.without_url().to_string()))
}

async fn refusal(response: Response) -> ClientError {
    let status = response.status();
    match response.json::<ProblemBody>().await {
        Ok(problem) => refused(&problem),
        // Something between us and the server answered in its place.
        Err(_) => refused_with(status),
    }
}

fn refused_with(status: StatusCode) -> ClientError {
    ClientError::Refused {
        status: status.as_u16(),
        kind: None,
        title: "refused".to_owned(),
        resource: None,
    }
}

fn refused(problem: &ProblemBody) -> ClientError {
    let kind = problem.kind.rsplit('/').next();
    ClientError::Refused {
        status: problem.status,
        kind: kind.and_then(ProblemKind::from_slug),
        title: problem_title(problem),
        resource: problem.resource.clone(),
    }
}

/// What the server shows is what it takes.
fn understood<T>(read: Result<T, BadBody>) -> Result<T, ClientError> {
    read.map_err(|_| ClientError::Answer("a record that it would not take itself".to_owned()))
}

/// Title, and the places that the problem names. Problems never quote values.
fn problem_title(problem: &ProblemBody) -> String {
    let pointers: Vec<&str> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
    if pointers.is_empty() {
        problem.title.clone()
    } else {
        format!("{} at {}", problem.title, pointers.join(", "))
    }
}

/// What is told of a visit: it takes the place of what was told before.
fn told(visit: &Visit, patient: Uuid, practitioner: Option<Uuid>) -> dto::RecordVisit {
    let organization = match &visit.provider {
        Provider::Organization(identifier) => Some(identifier.clone().into()),
        Provider::Practitioner(_) => None,
    };
    dto::RecordVisit {
        identifier: visit.identifier.clone().into(),
        other_identifiers: visit.others.iter().cloned().map(Into::into).collect(),
        sources: visit.sources.list().iter().copied().map(dto::SourceId).collect(),
        patient,
        practitioner,
        organization,
        start: dto::Instant(visit.slot.start),
        minutes: visit.slot.minutes,
        outcome: visit.outcome.into(),
        reason: visit.reason.clone().map(Into::into),
        as_of: visit.as_of.map(dto::Instant),
        corrects: true,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use serde_json::{Value, json};

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
            "commandId": Uuid::nil(), "resource": "/v1/visits/x", "id": Uuid::nil(), "created": position.is_some(), "version": 1, "position": position,
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
            let done = server(answers)
                .await
                .register("/v1/visits", &json!({}), 1)
                .await
                .unwrap();
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
                .register("/v1/visits", &json!({}), 1)
                .await
                .unwrap_err();
            assert!(refused.is(kind), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn what_was_there_already_appended_nothing() {
        let done = server(vec![(200, result(None))])
            .await
            .register("/v1/visits", &json!({}), 1)
            .await
            .unwrap();
        assert_eq!((done.change, done.events), (Change::Unchanged, 0));
    }
}
