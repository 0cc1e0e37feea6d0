//! The HTTP interface under `/v1`.
//!
//! - [`endpoints`]: the one list of endpoints. Start there. [`routes`]: the handlers, one module per resource.
//! - [`command`]: how a command goes through: idempotency keys, waiting, 202. `command_status`: where one stands. [`read`]: how a read
//!   goes through.
//! - [`auth`]: who is asking. [`limits`]: how much is taken at once.
//! - [`problem`] and [`failure`]: what is answered when something is wrong; the one place that maps errors.
//! - [`body`] takes bodies, [`api_wire`] reads them, [`canonical`] compares them. [`headers`]: what commands say there.
//!   [`cursor`] and [`etag`]: pages and versions. [`location`]: where aggregates are found.
//! - [`layers`]: headers, measurements and spans around everything. [`abandoned_body`]: bodies that nobody reads.
//! - [`openapi`]: the document that describes all of it.
//! - `revoking`: revocations that wait are carried through. [`side_by_side`]: how commands are issued that wait.
//!
//! The composition root makes an [`AppState`] of the use cases and the ports, and gives it to [`server`].

pub mod abandoned_body;
pub mod access;
pub mod answer;
pub mod api_document;
pub mod auth;
pub mod body;
pub mod caller;
pub mod canonical;
pub mod claims;
pub mod command;
mod command_status;
pub mod core;
pub mod cursor;
pub mod endpoints;
pub mod etag;
pub mod exports;
pub mod failure;
pub mod headers;
pub mod layers;
pub mod limits;
pub mod location;
pub mod metrics;
pub mod openapi;
pub mod problem;
pub mod read;
mod revoking;
pub mod routes;
pub mod settings;
pub mod side_by_side;
mod sign_in;
#[cfg(test)]
mod tests;
mod throttle;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::{Compress, from_fn};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, Error, HttpServer};
use api_wire::problem::ProblemKind;
use application::use_cases::clinic::{Backend, Clinic};
use tokio::sync::Semaphore;
use tracing_actix_web::TracingLogger;
use utoipa_swagger_ui::SwaggerUi;

/// Stops a [`server()`].
pub use actix_web::dev::ServerHandle;

pub use self::core::{CommandTracker, Core, HttpPorts};
pub use self::settings::HttpSettings;
use api_document::ApiDocument;
use auth::{Authenticator, Lifetimes, SignInPolicy, Stores};
use exports::Exports;
use limits::Limiter;
use problem::Problem;
use routes::{resource, system};

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may be idle before the server closes it: longer than clients and load balancers keep theirs (reqwest and Go 90 seconds,
/// most load balancers 60). Whoever closes first decides, and a server that does may close one on which a request is on its way, which is
/// then not answered (RFC 9112, section 9.5). When the server stops, idle connections are closed at once.
const KEEP_ALIVE: Duration = Duration::from_secs(120);

/// How long requests may take to end when the server stops.
const SHUTDOWN_SECONDS: u64 = 30;

/// How often sessions, nonces and old answers are looked after.
const MAINTENANCE: Duration = Duration::from_secs(10);

/// What the server works with.
pub struct AppState<B: Backend> {
    clinic: Data<Clinic<B>>,
    core: Data<Core>,
    document: Data<ApiDocument>,
}

impl<B: Backend> Clone for AppState<B> {
    fn clone(&self) -> Self {
        Self {
            clinic: self.clinic.clone(),
            core: self.core.clone(),
            document: self.document.clone(),
        }
    }
}

/// A public address that nobody can sign in at.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the public URL must be an http or https address without path, query or user, such as https://clinic.example")]
pub struct BadPublicUrl;

impl<B: Backend> AppState<B> {
    /// Puts use cases and ports together. The document describes the interface to those who ask.
    ///
    /// # Errors
    /// When the public URL is none that can be signed in at.
    pub fn new(
        clinic: Arc<Clinic<B>>,
        ports: HttpPorts,
        settings: HttpSettings,
        document: Arc<ApiDocument>,
    ) -> Result<Self, BadPublicUrl> {
        let uri = settings.public_url.trim_end_matches('/').to_owned();
        let domain = uri
            .strip_prefix("https://")
            .or_else(|| uri.strip_prefix("http://"))
            .ok_or(BadPublicUrl)?;
        if domain.is_empty() || domain.contains(['/', '?', '#', '@']) {
            return Err(BadPublicUrl);
        }
        let sign_in = SignInPolicy {
            domain: domain.to_owned(),
            uri: uri.clone(),
            chain_id: settings.chain_id,
            skew: settings.clock_skew,
            lifetime: settings.nonce_lifetime,
        };
        let lifetimes = Lifetimes {
            idle: settings.session_idle,
            absolute: settings.session_lifetime,
            cache: settings.identity_cache,
            at_once: settings.sessions_per_wallet,
        };
        let authenticator = Authenticator::new(
            Stores {
                clinic: Arc::clone(&clinic),
                sessions: Arc::clone(&ports.sessions),
                revocations: Arc::clone(&clinic.revocations),
                servers: Arc::clone(&ports.servers),
            },
            Arc::clone(&clinic.identities),
            Arc::clone(&ports.secrets),
            Arc::clone(&ports.clock),
            lifetimes,
        );
        let core = Core {
            limiter: Limiter::new(&settings.limits),
            permits: Arc::new(Semaphore::new(settings.concurrency)),
            long_bodies: Arc::new(Semaphore::new(body::LONG_BODIES)),
            claims: Arc::default(),
            exports: Exports::default(),
            authenticator: Arc::new(authenticator),
            sign_in,
            settings,
            ports,
        };
        Ok(Self {
            clinic: Data::from(clinic),
            core: Data::new(core),
            document: Data::from(document),
        })
    }

    /// Carries revocations through that wait for something, for as long as it is polled. Run it beside the server.
    pub async fn carry_revocations_through(self) {
        revoking::carry_through(&self.clinic).await;
    }

    /// Looks after claims, sessions, nonces, invitations and old answers, for as long as it is polled. Run it beside the server.
    pub async fn maintain(self) {
        let clinic = self.clinic.into_inner();
        let core = self.core.into_inner();
        let lease = core.settings.claim_lease;
        let (registry, clock) = (core.ports.registry.as_ref(), core.ports.clock.as_ref());
        tokio::join!(
            claims::keep(&core.claims, lease, registry, clock),
            Self::tidy(&core, &clinic)
        );
    }

    async fn tidy(core: &Core, clinic: &Clinic<B>) {
        let mut ticks = tokio::time::interval(MAINTENANCE);
        loop {
            ticks.tick().await;
            core.limiter.sweep();
            match core.ports.servers.count().await {
                Ok(servers) => core.limiter.share(servers),
                Err(error) => tracing::warn!(%error, "how many servers there are could not be told"),
            }
            if let Err(problem) = core.authenticator.maintain().await {
                problem.log();
            }
            let retention = chrono::TimeDelta::from_std(core.settings.command_retention).unwrap_or_default();
            if let Err(error) = core.ports.registry.sweep(core.ports.clock.now() - retention).await {
                tracing::warn!(%error, "old commands could not be forgotten");
            }
            // An answer that was lost is looked for as long as answers are kept.
            if let Err(error) = clinic.invitations.sweep(core.ports.clock.now() - retention).await {
                tracing::warn!(%error, "old invitations could not be forgotten");
            }
            if let Err(error) = clinic.requests.sweep(core.ports.clock.now()).await {
                tracing::warn!(%error, "old requests to be registered could not be forgotten");
            }
            if let Err(error) = clinic.access_requests.sweep(core.ports.clock.now()).await {
                tracing::warn!(%error, "old requests for access could not be forgotten");
            }
        }
    }
}

/// The application, with every layer.
pub fn app<B: Backend>(
    state: AppState<B>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    App::new()
        .configure(configure(state))
        .wrap(Compress::default())
        .wrap(from_fn(layers::observe))
        .wrap(TracingLogger::<layers::Spans>::new())
}

/// A server on a listener. It stops gracefully on the usual signals, or by its handle.
///
/// # Errors
/// When the listener cannot be used.
pub fn server<B: Backend>(state: AppState<B>, listener: TcpListener) -> std::io::Result<Server> {
    let workers = state.core.settings.workers;
    let server = HttpServer::new(move || app(state.clone()))
        .workers(workers)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_TIMEOUT)
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .listen(listener)?;
    Ok(server.run())
}

/// All routes.
pub fn configure<B: Backend>(state: AppState<B>) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        // An id that is none is answered like one that does not exist.
        let path = web::PathConfig::default().error_handler(|_, _| Problem::new(ProblemKind::NotFound).into());
        let pages = SwaggerUi::new("/docs/{_:.*}").url("/openapi.json", state.document.openapi.clone());
        config
            .app_data(state.clinic)
            .app_data(state.core)
            .app_data(state.document)
            .app_data(path)
            .configure(endpoints::mount::<B>)
            .service(resource("/favicon.ico", vec![(Method::GET, web::to(system::icon))]))
            .service(pages)
            .default_service(web::to(routes::nothing_here));
    }
}
