//! How a command goes through: identified, read, claimed under its idempotency key, executed, answered.
//!
//! [`Command`] is the extractor of every handler that changes something; [`Command::run`] executes the use case in a task
//! of its own, so a client that hangs up cancels nothing. A row in the registry is written only when there is an
//! `Idempotency-Key`, when the caller does not wait, or when waiting took too long.
//!
//! 202 is a promise: it is answered only once the command is durable, however little the caller wants to wait. The write side
//! ends what does not become durable in good time; should it not be able to tell, the answer is a 503 that says so.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::QueryPayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use application::clinic::{Backend, Clinic, Issue};
use application::error::{StoreError, UseCaseError};
use application::identity::Principal;
use application::registry::{Claim, Claimed, StoredAnswer, Ticket};
use domain::kernel::{AccountId, CommandId};
use futures::StreamExt as _;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tracing::Instrument as _;
use uuid::Uuid;

use super::answer::{Answer, CommandStatusBody};
use super::auth::{Caller, caller};
use super::core::{Core, Running};
use super::json;
use super::problem::{Problem, ProblemKind};

/// Given with every answer that was given before.
const REPLAYED: &str = "idempotent-replayed";

/// How long it may take to register a command that took too long.
const REGISTERS_WITHIN: Duration = Duration::from_secs(2);

/// The longest idempotency key.
const LONGEST_KEY: usize = 255;

/// A request that changes something.
pub struct Command<T> {
    /// Who asks.
    pub caller: Principal,
    /// What they ask.
    pub body: T,
    /// The headers, for preconditions.
    pub headers: HeaderMap,
    core: web::Data<Core>,
    key: Option<Key>,
    prefer: Prefer,
    correlation: Option<Uuid>,
}

/// An idempotency key and what it stands for, both as keyed hashes.
#[derive(Clone, Copy)]
struct Key {
    key: [u8; 32],
    fingerprint: [u8; 32],
}

/// What `Prefer` asks for (RFC 7240).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Prefer {
    respond_async: bool,
    wait: Option<Duration>,
}

impl Prefer {
    fn read(headers: &HeaderMap) -> Self {
        let values = headers.get_all("prefer").filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split([',', ';']))
            .fold(Self::default(), |prefer, preference| {
                match preference.trim().split_once('=') {
                    None if preference.trim().eq_ignore_ascii_case("respond-async") => Self {
                        respond_async: true,
                        ..prefer
                    },
                    Some((name, seconds)) if name.trim().eq_ignore_ascii_case("wait") => Self {
                        wait: seconds.trim().parse().ok().map(Duration::from_secs),
                        ..prefer
                    },
                    // What is not understood is ignored (RFC 7240, 2).
                    _ => prefer,
                }
            })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Command<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let Caller { principal, .. } = caller(&request).await?;
            let core = core(&request)?;
            let key = idempotency_key(request.headers())?;
            let correlation = correlation(request.headers())?;
            let bytes = read_body(&request, payload, core.settings.body_limit).await?;
            let body = json::read(if bytes.is_empty() { b"{}" } else { &bytes })?;
            let key = key.map(|key| Key {
                key: core.ports.secrets.fingerprint(&[b"idempotency key", key.as_bytes()]),
                fingerprint: fingerprint(&core, &request, &bytes),
            });
            let headers = request.headers().clone();
            let prefer = Prefer::read(&headers);
            Ok(Self {
                caller: principal,
                body,
                headers,
                core,
                key,
                prefer,
                correlation,
            })
        })
    }
}

/// A request's body that changes nothing: a search, a sign-in.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let limit = core(&request)?.settings.body_limit;
            let bytes = read_body(&request, payload, limit).await?;
            Ok(Self(json::read(if bytes.is_empty() { b"{}" } else { &bytes })?))
        })
    }
}

/// What a request's query says.
pub struct Parameters<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Parameters<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = web::Query::<T>::from_query(request.query_string());
        ready(read.map(|query| Self(query.into_inner())).map_err(|error| {
            let error = match error {
                QueryPayloadError::Deserialize(error) => error.to_string(),
                _ => String::new(),
            };
            let detail = format!("The query: {}.", json::expectation(&error));
            Problem::new(ProblemKind::MalformedRequest).detail(detail)
        }))
    }
}

/// The shared state.
///
/// # Errors
/// `internal` when the server was put together without it.
pub fn core(request: &HttpRequest) -> Result<web::Data<Core>, Problem> {
    request
        .app_data::<web::Data<Core>>()
        .cloned()
        .ok_or_else(|| Problem::new(ProblemKind::Internal))
}

async fn read_body(request: &HttpRequest, mut payload: Payload, limit: usize) -> Result<web::BytesMut, Problem> {
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared: Option<usize> = declared.and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let mut body = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let cut_off = |_| Problem::new(ProblemKind::MalformedRequest).detail("The body could not be read to its end.");
        let chunk = chunk.map_err(cut_off)?;
        if body.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        body.extend_from_slice(&chunk);
    }
    if !body.is_empty() && !is_json(request.headers()) {
        return Err(Problem::new(ProblemKind::UnsupportedMediaType));
    }
    Ok(body)
}

fn too_large(limit: usize) -> Problem {
    Problem::new(ProblemKind::PayloadTooLarge).detail(format!("At most {limit} bytes are taken."))
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let json = parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let utf8 = |parameter: &str| {
        parameter.split_once('=').is_none_or(|(name, value)| {
            !name.eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
    };
    json && parts.all(utf8)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let key = value
        .to_str()
        .ok()
        .filter(|key| !key.is_empty() && key.len() <= LONGEST_KEY);
    key.map(|key| Some(key.to_owned())).ok_or_else(|| {
        Problem::new(ProblemKind::MalformedRequest).detail("Idempotency-Key takes 1 to 255 printable ASCII characters.")
    })
}

fn correlation(headers: &HeaderMap) -> Result<Option<Uuid>, Problem> {
    let Some(value) = headers.get("x-correlation-id") else {
        return Ok(None);
    };
    value
        .to_str()
        .ok()
        .and_then(|text| Uuid::try_parse(text).ok())
        .map(Some)
        .ok_or_else(|| Problem::new(ProblemKind::MalformedRequest).detail("X-Correlation-Id takes a UUID."))
}

/// What makes two requests the same: method, path, precondition and body.
fn fingerprint(core: &Core, request: &HttpRequest, body: &[u8]) -> [u8; 32] {
    let precondition = request
        .headers()
        .get(header::IF_MATCH)
        .map_or(&b""[..], header::HeaderValue::as_bytes);
    let path = request.uri().path_and_query().map_or("", |path| path.as_str());
    let method = request.method().as_str();
    let parts = [b"request", method.as_bytes(), path.as_bytes(), precondition, body];
    core.ports.secrets.fingerprint(&parts)
}

impl<T> Command<T> {
    /// The same request with its body read further.
    ///
    /// # Errors
    /// What `read` finds wrong.
    pub fn map<U>(self, read: impl FnOnce(T) -> Result<U, Problem>) -> Result<Command<U>, Problem> {
        let Self {
            caller,
            body,
            headers,
            core,
            key,
            prefer,
            correlation,
        } = self;
        Ok(Command {
            caller,
            body: read(body)?,
            headers,
            core,
            key,
            prefer,
            correlation,
        })
    }

    /// Executes the use case and answers: with what it came to, or with 202 when it is durable and the caller does not wait.
    ///
    /// # Errors
    /// The problem that the use case ended in.
    pub async fn run<B, F, W>(self, clinic: web::Data<Clinic<B>>, use_case: F) -> Result<HttpResponse, Problem>
    where
        B: Backend,
        F: FnOnce(Arc<Clinic<B>>, Principal, T, Issue) -> W,
        W: Future<Output = Result<Answer, UseCaseError>> + Send + 'static,
    {
        let core = self.core.into_inner();
        let issuer = clinic.issuer(&self.caller);
        let fresh = CommandId::new(Uuid::new_v4());
        let record = match self.key {
            Some(key) => match claim(&core, issuer, key, fresh).await? {
                Claimed::Granted(ticket) => Record::Keyed(ticket),
                Claimed::Answered(answer) => return Ok(replay(&answer)),
                Claimed::InProgress(command) => return Err(in_progress(command)),
                Claimed::Mismatch => return Err(Problem::new(ProblemKind::IdempotencyKeyReused)),
            },
            None if self.prefer.respond_async => Record::Polled(register(&core, fresh, issuer).await?),
            None => Record::None,
        };
        let ticket = record.ticket();
        let command_id = ticket.map_or(fresh, |ticket| ticket.command_id);
        let repeated = ticket.is_some_and(|ticket| ticket.repeated());
        let issue = Issue {
            command_id,
            correlation: self.correlation,
            repeated,
        };
        let (running, accepted) = core.ports.tracker.start(command_id);
        let work = Box::pin(use_case(clinic.into_inner(), self.caller, self.body, issue));
        let task = tokio::spawn(execute(Arc::clone(&core), record, running, work).in_current_span());
        wait(
            core,
            Waiting {
                task,
                accepted,
                prefer: self.prefer,
                command_id,
                issuer,
                registered: ticket.is_some(),
            },
        )
        .await
    }
}

/// How a command is registered.
#[derive(Clone, Copy)]
enum Record {
    /// Not at all.
    None,
    /// Under an idempotency key: what changed nothing may be tried again.
    Keyed(Ticket),
    /// So that its caller can ask for it: whatever it ends in is the answer.
    Polled(Ticket),
}

impl Record {
    const fn ticket(self) -> Option<Ticket> {
        match self {
            Self::None => None,
            Self::Keyed(ticket) | Self::Polled(ticket) => Some(ticket),
        }
    }
}

async fn claim(
    core: &Core,
    issuer: AccountId,
    Key { key, fingerprint }: Key,
    command_id: CommandId,
) -> Result<Claimed, Problem> {
    let now = core.ports.clock.now();
    let claim = Claim {
        issuer,
        key,
        fingerprint,
        command_id,
        now,
        until: now + core.settings.claim_lease,
    };
    core.ports.registry.claim(&claim).await.map_err(unreachable_store)
}

async fn register(core: &Core, command_id: CommandId, issuer: AccountId) -> Result<Ticket, Problem> {
    let now = core.ports.clock.now();
    let until = now + core.settings.claim_lease;
    core.ports
        .registry
        .register(command_id, issuer, now, until)
        .await
        .map_err(unreachable_store)
}

/// A store that does not answer.
pub fn unreachable_store(error: StoreError) -> Problem {
    UseCaseError::Store(error).into()
}

/// Executes the use case, keeps its claim alive meanwhile, and writes down what it came to.
async fn execute<W>(core: Arc<Core>, record: Record, running: Running, work: Pin<Box<W>>) -> Outcome
where
    W: Future<Output = Result<Answer, UseCaseError>> + Send,
{
    let result = match record.ticket() {
        None => work.await,
        Some(ticket) => while_claimed(&core, ticket, work).await,
    };
    let result = result.map_err(Problem::from);
    settle(&core, record, &result).await;
    drop(running);
    result
}

/// Keeps a claim alive until something is done: whoever asks elsewhere sees a claim that has run out as a command that is dead.
async fn while_claimed<T>(core: &Core, ticket: Ticket, done: impl Future<Output = T>) -> T {
    tokio::pin!(done);
    loop {
        let renewal = async {
            tokio::time::sleep(core.settings.claim_lease / 2).await;
            renew(core, ticket).await;
        };
        tokio::select! {
            biased;
            done = &mut done => return done,
            () = renewal => {}
        }
    }
}

async fn renew(core: &Core, ticket: Ticket) {
    let until = core.ports.clock.now() + core.settings.claim_lease;
    if let Err(error) = core.ports.registry.renew(ticket, until).await {
        tracing::warn!(%error, "a claim on a command could not be renewed");
    }
}

async fn settle(core: &Core, record: Record, result: &Outcome) {
    let settled = match (record, result) {
        (Record::None, _) => return,
        (Record::Keyed(ticket) | Record::Polled(ticket), Ok(answer)) => {
            core.ports.registry.answer(ticket, &answer.stored()).await
        }
        // What is not known is no answer: the log will tell.
        (Record::Keyed(ticket) | Record::Polled(ticket), Err(problem))
            if problem.kind() == ProblemKind::OutcomeUnknown =>
        {
            core.ports.registry.release(ticket).await
        }
        (Record::Keyed(ticket), Err(problem)) if may_be_tried_again(problem) => {
            core.ports.registry.release(ticket).await
        }
        (Record::Keyed(ticket) | Record::Polled(ticket), Err(problem)) => {
            core.ports.registry.answer(ticket, &stored(problem)).await
        }
    };
    if let Err(error) = settled {
        // The command is what it is: the log tells whoever asks.
        tracing::warn!(%error, "the answer to a command could not be kept");
    }
}

/// Whether nothing was decided, or only by what may be otherwise next time.
fn may_be_tried_again(problem: &Problem) -> bool {
    problem.is_transient() || matches!(problem.kind(), ProblemKind::Forbidden | ProblemKind::NotFound)
}

fn stored(problem: &Problem) -> StoredAnswer {
    StoredAnswer {
        status: problem.kind().status(),
        body: serde_json::to_string(&problem.body()).unwrap_or_default(),
        location: None,
        etag: None,
    }
}

type Outcome = Result<Answer, Problem>;

struct Waiting {
    task: JoinHandle<Outcome>,
    accepted: oneshot::Receiver<()>,
    prefer: Prefer,
    command_id: CommandId,
    issuer: AccountId,
    registered: bool,
}

async fn wait(core: Arc<Core>, waiting: Waiting) -> Result<HttpResponse, Problem> {
    let Waiting {
        mut task,
        mut accepted,
        prefer,
        command_id,
        issuer,
        registered,
    } = waiting;
    let (begin, longest) = (Instant::now(), core.settings.command_wait);
    let patience = begin + prefer.wait.map_or(longest, |wait| wait.min(longest));
    // The write side has an answer by then, unless the database has none.
    let end = begin + longest.max(core.settings.acceptance_wait);
    let mut durable = false;
    let done = loop {
        tokio::select! {
            biased;
            done = &mut task => break Some(done),
            Ok(()) = &mut accepted, if !durable => durable = true,
            () = sleep_until(if durable { patience } else { end }) => break None,
        }
        if durable && prefer.respond_async {
            break None;
        }
    };
    if let Some(done) = done {
        return outcome(done).map(|answer| answer.respond());
    }
    if !registered {
        match timeout(REGISTERS_WITHIN, register(&core, command_id, issuer)).await {
            Ok(Ok(ticket)) => {
                let settling = Arc::clone(&core);
                tokio::spawn(async move {
                    let result = outcome(while_claimed(&settling, ticket, task).await);
                    settle(&settling, Record::Polled(ticket), &result).await;
                });
            }
            // Nobody could ask for it later: stay and wait.
            _ => {
                return match timeout_at(end, task).await {
                    Ok(done) => outcome(done).map(|answer| answer.respond()),
                    Err(_) => Err(unknown(&format!(
                        "It is command {command_id}, which cannot be asked for."
                    ))),
                };
            }
        }
    }
    if durable {
        Ok(pending(&core, command_id, prefer))
    } else {
        Err(unknown(&format!("Ask for {}.", command_path(command_id))))
    }
}

fn unknown(detail: &str) -> Problem {
    Problem::new(ProblemKind::OutcomeUnknown).detail(detail)
}

fn outcome(done: Result<Outcome, JoinError>) -> Outcome {
    done.unwrap_or_else(|error| Err(Problem::new(ProblemKind::Internal).cause(error)))
}

fn pending(core: &Core, command_id: CommandId, prefer: Prefer) -> HttpResponse {
    let mut response = HttpResponse::Accepted();
    response
        .insert_header((header::LOCATION, command_path(command_id)))
        .insert_header((header::RETRY_AFTER, 1_u64));
    if prefer.respond_async {
        response.insert_header(("preference-applied", "respond-async"));
    }
    response.json(CommandStatusBody::pending(command_id, core.ports.clock.now()))
}

/// Where a command is.
pub fn command_path(command_id: CommandId) -> String {
    format!("/v1/commands/{command_id}")
}

fn in_progress(command_id: CommandId) -> Problem {
    let detail = format!("It is command {command_id}.");
    Problem::new(ProblemKind::IdempotencyKeyInUse)
        .detail(detail)
        .retry_after(Duration::from_secs(1))
}

/// Gives an answer again.
fn replay(answer: &StoredAnswer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response.insert_header((REPLAYED, "true"));
    if let Some(location) = &answer.location {
        response.insert_header((header::LOCATION, location.as_str()));
    }
    if let Some(etag) = &answer.etag {
        response.insert_header((header::ETAG, etag.as_str()));
    }
    let problem = status.is_client_error() || status.is_server_error();
    response.content_type(if problem {
        "application/problem+json"
    } else {
        "application/json"
    });
    response.body(answer.body.clone())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn preferences_are_read_and_unknown_ones_ignored() {
        for (value, respond_async, wait) in [
            ("respond-async", true, None),
            ("respond-async, wait=5", true, Some(5)),
            ("wait=100; handling=lenient", false, Some(100)),
            ("return=minimal", false, None),
        ] {
            let request = TestRequest::default()
                .insert_header(("prefer", value))
                .to_http_request();
            let expected = Prefer {
                respond_async,
                wait: wait.map(Duration::from_secs),
            };
            assert_eq!(Prefer::read(request.headers()), expected, "{value}");
        }
    }

    #[test]
    fn only_json_in_utf8_is_taken() {
        for (value, taken) in [
            ("application/json", true),
            ("Application/JSON; charset=\"UTF-8\"", true),
            ("application/json; charset=latin1", false),
            ("text/plain", false),
            ("application/jsonp", false),
        ] {
            let request = TestRequest::default()
                .insert_header((header::CONTENT_TYPE, value))
                .to_http_request();
            assert_eq!(is_json(request.headers()), taken, "{value}");
        }
    }

    #[test]
    fn an_idempotency_key_is_short_and_printable() {
        let read = |value: &str| {
            idempotency_key(
                TestRequest::default()
                    .insert_header(("idempotency-key", value))
                    .to_http_request()
                    .headers(),
            )
        };
        assert_eq!(read("a-key").unwrap().as_deref(), Some("a-key"));
        assert!(read("").is_err());
        assert!(read(&"x".repeat(256)).is_err());
        assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
    }
}
