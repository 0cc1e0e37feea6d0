//! How a command goes through: identified, read, claimed under its idempotency key, executed, answered.
//!
//! [`Command`] is the extractor of every handler that changes the log; [`Command::run`] executes the use case in a task
//! of its own, so a client that hangs up cancels nothing. A row in the registry is written only when there is an
//! `Idempotency-Key`, when the caller does not wait, or when waiting took too long.
//!
//! 202 is a promise: it is answered only once the command is durable, however little the caller wants to wait. The write side
//! ends what does not become durable in good time; should it not be able to tell, the answer is a 503 that says so.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use api_wire::answer::CommandStatusBody;
use api_wire::check::{Checked, checked};
use api_wire::problem::ProblemKind;
use application::error::UseCaseError;
use application::policy::identity::Principal;
use application::ports::StoreError;
use application::ports::registry::{Claim, Claimed, Issuers, StoredAnswer, Ticket};
use application::ports::sessions::SignedIn;
use application::use_cases::calendars::AppointmentVersion;
use application::use_cases::clinic::{Backend, Clinic, Issue};
use chrono::{DateTime, Utc};
use domain::kernel::{AccountId, CommandId};
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tracing::Instrument as _;
use uuid::Uuid;

use super::answer::Answer;
use super::auth::Authenticate;
use super::body;
use super::caller::{Caller, caller};
use super::core::{Core, Running, clinic, core};
use super::etag::Precondition;
use super::headers::{ON_BEHALF_OF, Prefer, correlation, idempotency_key, malformed};
use super::problem::Problem;
use super::throttle;

/// Given with every answer that was given before.
const REPLAYED: &str = "idempotent-replayed";

/// How long it may take to register a command that took too long.
const REGISTERS_WITHIN: Duration = Duration::from_secs(2);

/// A request that changes the log, with a body that says `T`.
pub struct Command<B: Backend, T: Checked> {
    caller: Caller,
    body: T::Domain,
    clinic: web::Data<Clinic<B>>,
    issuers: Issuers,
    precondition: Precondition,
    core: web::Data<Core>,
    key: Option<Key>,
    prefer: Prefer,
    correlation: Option<Uuid>,
    note: Option<&'static str>,
    /// Whether it ends what somebody may do.
    ends_access: bool,
    /// The address that it comes from.
    address: Option<IpAddr>,
}

/// An idempotency key and what it stands for, both as keyed hashes.
#[derive(Clone, Copy)]
struct Key {
    key: [u8; 32],
    fingerprint: [u8; 32],
}

impl<B: Backend, T: Checked + DeserializeOwned> FromRequest for Command<B, T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let caller = caller(&request)?;
            let (core, clinic) = (core(&request)?, clinic::<B>(&request)?);
            let issuers = clinic.issuers(&caller.principal, caller.wallet.as_ref(), &caller.former);
            core.limiter.command(&caller.principal, &issuers.now)?;
            let headers = request.headers();
            let key = idempotency_key(headers)?;
            let correlation = correlation(headers)?;
            let precondition = Precondition::read(headers)?;
            let bytes = body::take_from_allowed(&request, payload, &core, T::BODIES).await?;
            core.limiter.bytes(&caller.principal, &issuers.now, bytes.len())?;
            // While the body was waited for, they may have become somebody else: whoever registers in the same session.
            let caller = self::caller(&request)?;
            let issuers = clinic.issuers(&caller.principal, caller.wallet.as_ref(), &caller.former);
            let said = checked(body::parse::<T>(&bytes)?)?;
            let key = key.map(|key| Key {
                key: core.ports.secrets.fingerprint(&[b"idempotency key", key.as_bytes()]),
                fingerprint: fingerprint(&core, &request, &bytes),
            });
            Ok(Self {
                caller,
                body: said,
                clinic,
                issuers,
                precondition,
                prefer: Prefer::read(headers),
                core,
                key,
                correlation,
                note: None,
                ends_access: false,
                address: throttle::address(&request),
            })
        })
    }
}

/// What makes two requests the same: method, path, precondition, and what the body says, however it is written.
fn fingerprint(core: &Core, request: &HttpRequest, body: &[u8]) -> [u8; 32] {
    let precondition = request
        .headers()
        .get(header::IF_MATCH)
        .map_or(&b""[..], header::HeaderValue::as_bytes);
    let path = request.uri().path_and_query().map_or("", |path| path.as_str());
    let method = request.method().as_str();
    let body = body::comparable(body);
    let person = request
        .headers()
        .get(ON_BEHALF_OF)
        .map_or(&b""[..], header::HeaderValue::as_bytes);
    let parts: [&[u8]; 6] = [
        b"request",
        method.as_bytes(),
        path.as_bytes(),
        precondition,
        person,
        body.as_bytes(),
    ];
    core.ports.secrets.fingerprint(&parts)
}

impl<B: Backend, T: Checked> Command<B, T> {
    /// The version that the caller insists on.
    ///
    /// # Errors
    /// As [`Precondition::version`].
    pub fn expected_version(&mut self) -> Result<Option<u64>, Problem> {
        self.precondition.version()
    }

    /// The version of an appointment that the caller insists on.
    ///
    /// # Errors
    /// As [`Precondition::appointment`].
    pub fn expected_appointment(&mut self) -> Result<Option<AppointmentVersion>, Problem> {
        self.precondition.appointment()
    }

    /// Waits for the answer, for it says what is kept nowhere: whoever does not wait would never see it.
    ///
    /// # Errors
    /// `malformed-request` when the caller asks not to wait.
    pub fn waited_for(mut self) -> Result<Self, Problem> {
        if self.prefer.respond_async {
            let detail = "Prefer: respond-async is not supported here: the answer holds a secret that is kept nowhere.";
            return Err(malformed(detail));
        }
        self.prefer = Prefer::default();
        Ok(self)
    }

    /// What is added while nobody can say yet what the command came to.
    #[must_use]
    pub const fn noting(mut self, note: &'static str) -> Self {
        self.note = Some(note);
        self
    }

    /// Answers only once no server takes for good any more what this ends.
    #[must_use]
    pub const fn ending_access(mut self) -> Self {
        self.ends_access = true;
        self
    }

    /// Counts a request to be registered, of somebody who may make one.
    ///
    /// # Errors
    /// `too-many-requests`.
    pub fn counted_as_request(self) -> Result<Self, Problem> {
        if let (Principal::Unregistered { .. }, Some(address)) = (&self.caller.principal, &self.address) {
            self.core.limiter.request(address)?;
        }
        Ok(self)
    }

    /// The wallet that the caller signed in with, and what it signed. `None` for a service.
    ///
    /// # Errors
    /// `database-unavailable` when nobody can tell; `unauthenticated` when the session has ended meanwhile.
    pub async fn signed_in(&self) -> Result<Option<SignedIn>, Problem> {
        let (Some(session), Some(wallet)) = (self.caller.session, self.caller.wallet) else {
            return Ok(None);
        };
        let proof = self
            .core
            .ports
            .sessions
            .proof(session)
            .await
            .map_err(unreachable_store)?;
        let proof = proof.ok_or_else(|| Problem::new(ProblemKind::Unauthenticated))?;
        Ok(Some(SignedIn {
            wallet,
            proof,
            session: Some(session),
        }))
    }

    /// What the HTTP layer knows itself.
    pub fn core(&self) -> Arc<Core> {
        Arc::clone(&self.core)
    }

    /// Who must forget what they know of a wallet that this command binds or frees.
    pub fn authenticator(&self) -> Arc<dyn Authenticate> {
        Arc::clone(&self.core.authenticator)
    }

    /// Executes the use case and answers: with what it came to, or with 202 when it is durable and the caller does not wait.
    ///
    /// # Errors
    /// The problem that the use case ended in; `malformed-request` when there is a precondition that was not looked at.
    pub async fn run<F, W>(self, use_case: F) -> Result<HttpResponse, Problem>
    where
        F: FnOnce(Arc<Clinic<B>>, Principal, T::Domain, Issue) -> W,
        W: Future<Output = Result<Answer, UseCaseError>> + Send + 'static,
    {
        self.precondition.refuse_unread()?;
        let (core, clinic) = (self.core.into_inner(), self.clinic.into_inner());
        let issuer = self.issuers.now;
        let fresh = CommandId::new(Uuid::new_v4());
        let issued_at = core.ports.clock.now();
        let record = match self.key {
            Some(key) => match claim(&core, self.issuers, key, fresh).await? {
                Claimed::Granted(ticket) => Record::Keyed(ticket),
                Claimed::Answered(answer) => return Ok(replay(&answer)),
                Claimed::InProgress(command) => return Err(in_progress(command)),
                Claimed::Mismatch => return Err(Problem::new(ProblemKind::IdempotencyKeyReused)),
            },
            None if self.prefer.respond_async => Record::Polled(register(&core, fresh, issuer, issued_at).await?),
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
        let work = use_case(clinic, self.caller.principal, self.body, issue);
        let work = Box::pin(known_everywhere(Arc::clone(&core), self.ends_access, work));
        let task = tokio::spawn(execute(Arc::clone(&core), record, running, work).in_current_span());
        wait(
            core,
            Waiting {
                task,
                accepted,
                prefer: self.prefer,
                command_id,
                issuer,
                issued_at,
                registered: ticket.is_some(),
                note: self.note,
            },
        )
        .await
    }
}

/// What a use case comes to; if it ends what somebody may do, only once that is known to every server. Each remembers for a moment who
/// may do what, and the others are not told.
async fn known_everywhere(
    core: Arc<Core>,
    ends_access: bool,
    work: impl Future<Output = Result<Answer, UseCaseError>>,
) -> Result<Answer, UseCaseError> {
    let done = work.await;
    if ends_access && matches!(done, Ok(_) | Err(UseCaseError::Denied)) {
        // Who cannot be asked for may be there.
        if matches!(core.ports.servers.are_others().await, Ok(false)) {
            return done;
        }
        sleep(core.settings.identity_cache + REMEMBERED_LATE).await;
    }
    done
}

/// How much later than it was read something may be remembered.
const REMEMBERED_LATE: Duration = Duration::from_millis(250);

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
    issuers: Issuers,
    Key { key, fingerprint }: Key,
    command_id: CommandId,
) -> Result<Claimed, Problem> {
    let now = core.ports.clock.now();
    let claim = Claim {
        issuers,
        key,
        fingerprint,
        command_id,
        now,
        until: now + core.settings.claim_lease,
    };
    core.ports.registry.claim(&claim).await.map_err(unreachable_store)
}

async fn register(
    core: &Core,
    command_id: CommandId,
    issuer: AccountId,
    issued_at: DateTime<Utc>,
) -> Result<Ticket, Problem> {
    let until = core.ports.clock.now() + core.settings.claim_lease;
    core.ports
        .registry
        .register(command_id, issuer, issued_at, until)
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

/// Holds a claim until something is done.
async fn while_claimed<T>(core: &Core, ticket: Ticket, done: impl Future<Output = T>) -> T {
    let held = core.claims.hold(ticket);
    let done = done.await;
    drop(held);
    done
}

async fn settle(core: &Core, record: Record, result: &Outcome) {
    let settled = match (record, result) {
        (Record::None, _) => return,
        (Record::Keyed(ticket) | Record::Polled(ticket), Ok(answer)) => {
            core.ports.registry.answer(ticket, &answer.stored()).await
        }
        // What is not known is no answer, nor is what goes on: the log will tell.
        (Record::Keyed(ticket) | Record::Polled(ticket), Err(problem))
            if matches!(
                problem.kind(),
                ProblemKind::OutcomeUnknown | ProblemKind::RevocationPending
            ) =>
        {
            core.ports.registry.release(ticket).await
        }
        // Nor is a fault of ours.
        (Record::Keyed(ticket), Err(problem)) if problem.kind() == ProblemKind::Internal => {
            core.ports.registry.release(ticket).await
        }
        (Record::Keyed(ticket), Err(problem)) if may_be_tried_again(problem) => {
            core.ports.registry.retract(ticket).await
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

/// Whether nothing changed, and nothing was decided, or only by what may be otherwise next time.
fn may_be_tried_again(problem: &Problem) -> bool {
    use ProblemKind::{Forbidden, NoPerson, NotAttested, NotFound, NotTreated, Suspended, TooManyAccessRequests};
    let may_change = [
        Forbidden,
        NoPerson,
        NotAttested,
        NotFound,
        NotTreated,
        Suspended,
        TooManyAccessRequests,
    ];
    problem.is_transient() || may_change.contains(&problem.kind())
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
    issued_at: DateTime<Utc>,
    registered: bool,
    note: Option<&'static str>,
}

async fn wait(core: Arc<Core>, waiting: Waiting) -> Result<HttpResponse, Problem> {
    let Waiting {
        mut task,
        mut accepted,
        prefer,
        command_id,
        issuer,
        issued_at,
        registered,
        note,
    } = waiting;
    let unknown = |detail: String| {
        let detail = note.map_or_else(|| detail.clone(), |note| format!("{note} {detail}"));
        Problem::new(ProblemKind::OutcomeUnknown).detail(detail)
    };
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
        match timeout(REGISTERS_WITHIN, register(&core, command_id, issuer, issued_at)).await {
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
                    Err(_) => Err(unknown(format!(
                        "It is command {command_id}, which cannot be asked for."
                    ))),
                };
            }
        }
    }
    if durable {
        Ok(pending(command_id, issued_at, prefer, note))
    } else {
        Err(unknown(format!("Ask for {}.", command_path(command_id))))
    }
}

fn outcome(done: Result<Outcome, JoinError>) -> Outcome {
    done.unwrap_or_else(|error| Err(Problem::new(ProblemKind::Internal).cause(error)))
}

fn pending(
    command_id: CommandId,
    issued_at: DateTime<Utc>,
    prefer: Prefer,
    note: Option<&'static str>,
) -> HttpResponse {
    let mut response = HttpResponse::Accepted();
    response
        .insert_header((header::LOCATION, command_path(command_id)))
        .insert_header((header::RETRY_AFTER, 1_u64));
    if prefer.respond_async {
        response.insert_header(("preference-applied", "respond-async"));
    }
    let pending = CommandStatusBody::pending(command_id, issued_at);
    response.json(CommandStatusBody {
        detail: note.map(str::to_owned),
        ..pending
    })
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
