//! The composition root: from a configuration to a running system.
//!
//! One process holds the appender, the follower and the HTTP server. Several processes may share a database: each has a signing
//! key of its own, and the followers agree by the checkpoint's lock.

mod emergencies;
mod erasing;
mod metrics;
mod notifying;
mod part_troubles;
mod reads;
mod status;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use api_config::pools::{self, BadDatabaseUrl, Pools};
use api_config::{ChainConfig, Config, ConfigError, LimitsConfig, RecordsConfig};
use api_http::limits::{CallerLimits, ForwardedHeader, TrustedProxies};
use api_http::metrics::HttpMetrics;
use api_http::{AppState, BadPublicUrl, CommandTracker, HttpPorts, HttpSettings, ServerHandle, openapi, server};
use application::log::Registry;
use application::policy::rules::Rules;
use application::ports::registries::RegistryOf;
use application::ports::sessions::Sessions;
use application::ports::{AcceptanceListener, ProgressSource};
use application::use_cases::clinic::{Clinic, Registries, Stores};
use application::use_cases::notifying::Notifier;
use chrono::TimeDelta;
use domain::kernel::Wallet;
use infrastructure::access_requests::PostgresAccessRequests;
use infrastructure::appender::{Appender, AppenderConfig, AppenderHandle};
use infrastructure::calls::CallLog;
use infrastructure::chain::RecorderError;
use infrastructure::chain::deploy::{self, DeployError, Standing};
use infrastructure::chain::namespaces::{self, NamespaceError};
use infrastructure::chain::sending::SendError;
use infrastructure::chain::{Address, ChainError, EventLog, Node, RpcOptions};
use infrastructure::clock::SystemClock;
use infrastructure::commands::PostgresCommands;
use infrastructure::consents::WitnessAtTheContract;
use infrastructure::derivation::KeyedDerivation;
use infrastructure::erasing::{Eraser, PostgresErasures};
use infrastructure::follower::{self, Followed, Follower, FollowerConfig, FollowerError, MadeOf, PostgresEntries};
use infrastructure::invitations::PostgresInvitations;
use infrastructure::keys::{KeyEncryptionKeys, KeyRing, LogSecrets, UnwrapError, keeping};
use infrastructure::log::Namespace;
use infrastructure::notices::Notices;
use infrastructure::notifications::PostgresNotifications;
use infrastructure::postgres;
use infrastructure::reads::PostgresReads;
use infrastructure::registries::{HandedIn, RegistryByCalls};
use infrastructure::requests::PostgresRequests;
use infrastructure::revocations::PostgresRevocations;
use infrastructure::sealing::Opener;
use infrastructure::secrets::SystemSecrets;
use infrastructure::servers::PresentServers;
use infrastructure::sessions::PostgresSessions;
use infrastructure::store::{Executor, ExecutorOptions, Parts, PostgresJournal};
use projections::{PgQueries, ReadModels};
use sqlx::PgPool;
use sqlx::migrate::MigrateError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::metrics::SystemMetrics;
use crate::part_troubles::PartTroubles;
use crate::status::{Parked, Status};

/// The write side and the read side of a running system.
pub type Backend = (Executor<AppenderHandle, PostgresJournal>, PgQueries);

/// How long a start waits for a node.
const VERIFY_WITHIN: Duration = Duration::from_secs(3);

/// How long the parts may take to end: longer than a message to somebody outside takes to be sent.
const STOP_WITHIN: Duration = Duration::from_secs(45);

/// Why a system does not start.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The public URL cannot be signed in at.
    #[error(transparent)]
    PublicUrl(#[from] BadPublicUrl),
    /// The OpenAPI document cannot be written, which is a mistake in the program.
    #[error("the OpenAPI document cannot be written")]
    Document(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The nodes cannot be used.
    #[error("the chain cannot be used: {0}")]
    Chain(#[from] ChainError),
    /// The node is on another chain than the configuration says.
    #[error("`chain.id` is {expected}, but the node of `chain.nodes` is on chain {actual}")]
    OtherChain {
        /// What the configuration says.
        expected: u64,
        /// What the node says.
        actual: u64,
    },
    /// The database belongs to another event log.
    #[error(
        "the database (`database.url`) belongs to another event log, namespace {namespace} of {contract} on chain {chain_id}, than \
         `chain.namespace`, `chain.contract` and `chain.id` name; each has a database of its own"
    )]
    OtherLog {
        /// The log's chain.
        chain_id: u64,
        /// The log.
        contract: Address,
        /// The organisation's namespace in it.
        namespace: Namespace,
    },
    /// The database's URL is none.
    #[error(transparent)]
    DatabaseUrl(#[from] BadDatabaseUrl),
    /// The database cannot be used.
    #[error("the database (`database.url`) cannot be used")]
    Database(#[from] sqlx::Error),
    /// The tables are not those of this version, and the role may not change them.
    #[error(
        "the database's tables are not up to date, and the server's role may not change them: run `medconnect migrate` as their owner"
    )]
    NotMigrated(#[source] sqlx::Error),
    /// The tables are not those of this version, and whoever found that does not change them.
    #[error(
        "the database's tables are not up to date: bring them up first, as `medconnect serve` or `medconnect migrate` does"
    )]
    NotPrepared,
    /// The tables were made by another version of the program than this one can bring further.
    #[error(
        "the database's tables are of another version of medconnect: go on with that version, or take another database \
         (`database.url`; with `medconnect dev`, another `--data-dir`)"
    )]
    OtherVersion(#[source] MigrateError),
    /// The database cannot be brought to this version.
    #[error("the database cannot be migrated")]
    Migration(#[source] MigrateError),
    /// The read models' schema cannot be made.
    #[error("the read models' tables cannot be made")]
    Schema(#[source] FollowerError),
    /// The read models are those of another version of the program.
    #[error(transparent)]
    OtherShape(FollowerError),
    /// The read models are made of something else than what is configured.
    #[error(transparent)]
    MadeOfOther(FollowerError),
    /// The database was used with another master secret.
    #[error(
        "`keys.master_secret` is not the one that this database was used with: everything in the log would be taken for another \
         organisation's"
    )]
    OtherSecret,
    /// The keys in the database are wrapped under others than those that are configured.
    #[error("`keys.encryption` and `keys.former` are not the keys that wrapped what the database holds: {0}")]
    OtherEncryptionKeys(UnwrapError),
    /// The contract is not where it should be.
    #[error("`chain.contract` cannot be used: {0}; `medconnect deploy` puts one on the chain and prints its address")]
    Contract(DeployError),
    /// The namespace is not there.
    #[error(
        "`chain.namespace` cannot be used: {0}; `medconnect deploy` and `medconnect namespace open` open one and print its number"
    )]
    Namespace(NamespaceError),
    /// A namespace that is to be shared is not there.
    #[error("`chain.shared` cannot be used: {0}; its owner knows its number")]
    Shared(NamespaceError),
    /// A contract that is to be believed is not there.
    #[error("`chain.recorders` cannot be used: {0}")]
    Recorder(RecorderError),
    /// The server cannot listen.
    #[error("the server cannot listen")]
    Listen(#[from] std::io::Error),
}

impl From<FollowerError> for ComposeError {
    fn from(error: FollowerError) -> Self {
        match error {
            FollowerError::OtherShape => Self::OtherShape(error),
            FollowerError::MadeOfOther { .. } => Self::MadeOfOther(error),
            other => Self::Schema(other),
        }
    }
}

impl From<DeployError> for ComposeError {
    fn from(error: DeployError) -> Self {
        match error {
            DeployError::Chain(error) => Self::Chain(error),
            other => Self::Contract(other),
        }
    }
}

impl From<NamespaceError> for ComposeError {
    fn from(error: NamespaceError) -> Self {
        match error {
            NamespaceError::Send(SendError::Chain(error)) => Self::Chain(error),
            other => Self::Namespace(other),
        }
    }
}

impl From<RecorderError> for ComposeError {
    fn from(error: RecorderError) -> Self {
        match error {
            RecorderError::Chain(error) => Self::Chain(error),
            other => Self::Recorder(other),
        }
    }
}

impl ComposeError {
    fn of_shared(error: NamespaceError) -> Self {
        match Self::from(error) {
            Self::Namespace(error) => Self::Shared(error),
            other => other,
        }
    }

    /// Whether only another configuration can help.
    pub const fn is_configuration(&self) -> bool {
        matches!(
            self,
            Self::Config(_)
                | Self::PublicUrl(_)
                | Self::OtherChain { .. }
                | Self::Contract(_)
                | Self::Namespace(_)
                | Self::Shared(_)
                | Self::Recorder(_)
                | Self::OtherLog { .. }
                | Self::DatabaseUrl(_)
                | Self::OtherVersion(_)
                | Self::MadeOfOther(_)
                | Self::OtherSecret
                | Self::OtherEncryptionKeys(_)
        )
    }
}

impl From<MigrateError> for ComposeError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(cause) if is_forbidden(&cause) => Self::NotMigrated(cause),
            MigrateError::Execute(cause) => Self::Database(cause),
            error @ (MigrateError::VersionMismatch(_) | MigrateError::VersionMissing(_)) => Self::OtherVersion(error),
            error => Self::Migration(error),
        }
    }
}

/// Whether the role lacks a privilege.
fn is_forbidden(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.as_deref() == Some("42501")
}

/// Brings the database to this version, empty read models included. Where there is nothing to do it changes nothing.
///
/// # Errors
/// When the database cannot be reached or refuses.
pub async fn migrate(pool: &PgPool) -> Result<(), ComposeError> {
    postgres::migrate(pool).await?;
    match postgres::within(postgres::LONG_STEP, follower::prepare(pool, &ReadModels)).await {
        Err(FollowerError::Database(cause)) if is_forbidden(&cause) => Err(ComposeError::NotMigrated(cause)),
        done => Ok(done?),
    }
}

/// Brings a server's database to this version, and makes sure that it is this log's.
async fn prepare(config: &Config, secrets: &LogSecrets, encryption: &KeyEncryptionKeys) -> Result<(), ComposeError> {
    let pool = pools::for_long_work(&config.database)?;
    migrate(&pool).await?;
    check_database(&pool, config, secrets, encryption).await?;
    // From now on it is this secret's.
    if !keeping::is_used_with(&pool, secrets.own()).await? {
        return Err(ComposeError::OtherSecret);
    }
    let followed = postgres::within(postgres::ANSWER, follower::followed(&pool)).await?;
    pool.close().await;
    let configured = MadeOf::of(&secrets.check_values(), &config.chain.recorders);
    match followed {
        Some(Followed { made_of: found, .. }) if found != configured => {
            Err(FollowerError::MadeOfOther { found, configured }.into())
        }
        _ => Ok(()),
    }
}

/// Makes sure that a database is the one of this log, these secrets and these keys, as far as it is anybody's, whatever read models it has. Nothing is written.
///
/// # Errors
/// When it is another one's, or has other tables than this version's, or refuses.
pub async fn check_database(
    pool: &PgPool,
    config: &Config,
    secrets: &LogSecrets,
    encryption: &KeyEncryptionKeys,
) -> Result<(), ComposeError> {
    if !postgres::is_current(pool).await? {
        return Err(ComposeError::NotPrepared);
    }
    if keeping::is_used_with_another(pool, secrets.own()).await? {
        return Err(ComposeError::OtherSecret);
    }
    if let Some(wrong) = keeping::wrong_encryption_key(pool, encryption).await? {
        return Err(ComposeError::OtherEncryptionKeys(wrong));
    }
    match postgres::within(postgres::ANSWER, follower::followed_log(pool)).await? {
        Some(log) if log != config.chain.location() => Err(ComposeError::OtherLog {
            chain_id: log.chain_id,
            contract: Address(log.contract),
            namespace: log.namespace,
        }),
        _ => Ok(()),
    }
}

/// Makes sure that the nodes are on the chain that the configuration names. A node that does not answer may do so later; one that is on
/// another chain never will be on this one.
///
/// # Errors
/// When the node is on another chain.
pub async fn check_chain(config: &Config) -> Result<(), ComposeError> {
    let node = Node::new(&config.chain.nodes, config.chain.id, RpcOptions::default())?;
    match node.block_number().await {
        Err(ChainError::WrongChain { expected, actual }) => Err(ComposeError::OtherChain { expected, actual }),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// A running system.
pub struct System {
    /// The use cases, for those who need no HTTP: seeding, benchmarks.
    pub clinic: Arc<Clinic<Backend>>,
    /// The database, with the read models first.
    pub pool: PgPool,
    pools: Pools,
    cancel: CancellationToken,
    server: ServerHandle,
    tasks: JoinSet<()>,
}

impl System {
    /// Brings the database up to date and starts everything. It answers requests as soon as this returns.
    ///
    /// # Errors
    /// [`ComposeError`]; nothing keeps running then.
    pub async fn start(config: &Config, listener: TcpListener) -> Result<Self, ComposeError> {
        let (secrets, signer) = (config.log_secrets()?, config.chain.signer()?);
        let encryption_keys = config.keys.encryption_keys()?;
        let channels = notifying::channels(config)?;
        let pools = Pools::open(&config.database)?;
        prepare(config, &secrets, &encryption_keys).await?;

        let node = Node::new(&config.chain.nodes, config.chain.id, RpcOptions::default())?;
        verify(&node, &config.chain).await?;
        let log = EventLog::new(node.clone(), config.chain.contract);
        let location = config.chain.location();
        let keys = Arc::new(KeyRing::new(pools.upkeep.clone(), encryption_keys));
        let notices = Notices::default();

        let opener = Opener::new(location, &secrets, Arc::clone(&keys));
        let eraser = Eraser::new(pools.upkeep.clone(), Arc::clone(&keys), opener.clone());
        let eraser_status = eraser.status();
        let follower_config =
            FollowerConfig::new(config.chain.finality, config.chain.deployed_in).believing(&config.chain.recorders);
        let follower = Follower::new(
            follower_config,
            log.clone(),
            opener,
            pools.follower.clone(),
            ReadModels,
            notices.clone(),
        );
        let (follower_status, parking) = (follower.status(), follower.parking());

        let cancel = CancellationToken::new();
        let unless_it_runs = cancel.clone().drop_guard();
        let mut tasks = JoinSet::new();
        let (appender, calls) = Appender::start(
            AppenderConfig::new(config.chain.contract, config.chain.namespace)
                .sharing(config.chain.shared.iter().map(|shared| shared.namespace)),
            node.clone(),
            pools.appender.clone(),
            signer,
            notices.clone(),
            cancel.clone(),
        );

        let tracker = Arc::new(CommandTracker::default());
        let progress: Arc<dyn ProgressSource> = Arc::new(follower_status.clone());
        let executor = Executor::new(
            Parts {
                log: appender.clone(),
                journal: PostgresJournal::new(pools.requests.clone()),
                location,
                secrets: secrets.clone(),
                keys,
                progress: Arc::clone(&progress),
                acceptance: Arc::clone(&tracker) as _,
            },
            executor_options(&config.records),
        );
        tasks.spawn(executor.clone().follow(notices.subscribe()));
        tasks.spawn(follower.run(cancel.clone()));
        tasks.spawn(eraser.run(cancel.clone()));

        let master = secrets.own();
        let generator = Arc::new(SystemSecrets::new(master));
        let sessions: Arc<dyn Sessions> = Arc::new(PostgresSessions::new(pools.requests.clone()));
        let stores = Stores {
            revocations: Arc::new(PostgresRevocations::new(pools.requests.clone())),
            invitations: Arc::new(PostgresInvitations::new(pools.requests.clone())),
            requests: Arc::new(PostgresRequests::new(pools.requests.clone(), master)),
            sessions: Arc::clone(&sessions),
            reads: Arc::new(PostgresReads::new(
                pools.requests.clone(),
                master,
                config.records.log_reads_after(),
            )),
            erasures: Arc::new(PostgresErasures::new(pools.requests.clone())),
            access_requests: Arc::new(PostgresAccessRequests::new(pools.requests.clone(), master)),
        };
        let (pool, acceptance) = (&pools.requests, Arc::clone(&tracker) as _);
        let registries = registries(config, (&node, &calls), pool, &acceptance);
        let clinic = Arc::new(
            Clinic::<Backend>::new(
                Arc::new(executor),
                Arc::new(PgQueries::new(pools.requests.clone(), Arc::new(SystemClock))),
                Arc::new(SystemClock),
                Arc::new(KeyedDerivation::new(master)),
                Arc::clone(&generator) as _,
                stores,
            )
            .ruled_by(rules(config))
            .with_registries(registries),
        );
        let notifier = Notifier {
            queries: Arc::clone(&clinic.queries),
            queue: Arc::new(PostgresNotifications::new(pools.requests.clone())),
            clock: Arc::new(SystemClock),
            channels,
        };
        let (of_reads, of_notifications) = (PartTroubles::default(), PartTroubles::default());
        let metrics = HttpMetrics::default();
        let of_the_system = SystemMetrics::new(follower_status.clone(), eraser_status.clone(), appender.clone());
        metrics.register(|registry| registry.register_collector(Box::new(of_the_system)));
        let servers = Arc::new(PresentServers::new(pools.upkeep.clone()));
        let ports = HttpPorts {
            clock: Arc::new(SystemClock),
            secrets: generator,
            sessions,
            registry: Arc::new(PostgresCommands::new(pools.requests.clone())),
            progress,
            status: Arc::new(Status::new(
                pools.upkeep.clone(),
                log,
                status::Parts {
                    follower: follower_status,
                    eraser: eraser_status,
                    reads: of_reads.clone(),
                    notifications: of_notifications.clone(),
                    appender,
                },
                &config.chain,
                &secrets,
            )),
            parked: Arc::new(Parked(parking)),
            entries: Arc::new(PostgresEntries::new(pools.requests.clone(), &config.chain.recorders)),
            servers: Arc::clone(&servers) as _,
            tracker,
            metrics: Arc::new(metrics),
        };
        let document = openapi::api_document().map_err(|error| ComposeError::Document(error.into()))?;
        let state = AppState::new(Arc::clone(&clinic), ports, http_settings(config), document)?;
        tasks.spawn({
            let (state, cancel) = (state.clone(), cancel.clone());
            async move {
                cancel.run_until_cancelled(state.maintain()).await;
            }
        });
        tasks.spawn({
            let (state, cancel) = (state.clone(), cancel.clone());
            async move {
                cancel.run_until_cancelled(state.carry_revocations_through()).await;
            }
        });
        tasks.spawn({
            let (clinic, cancel) = (Arc::clone(&clinic), cancel.clone());
            async move {
                cancel.run_until_cancelled(erasing::carry_through(&clinic)).await;
            }
        });
        tasks.spawn({
            let (clinic, cancel) = (Arc::clone(&clinic), cancel.clone());
            async move {
                cancel.run_until_cancelled(reads::put_into_the_log(&clinic)).await;
            }
        });
        tasks.spawn({
            let (clinic, cancel) = (Arc::clone(&clinic), cancel.clone());
            async move {
                cancel.run_until_cancelled(emergencies::flag_overdue(&clinic)).await;
            }
        });
        tasks.spawn({
            let (clinic, cancel) = (Arc::clone(&clinic), cancel.clone());
            let wait = config.records.log_reads_after();
            async move {
                let looking = reads::look_for_overdue(&clinic, wait, &of_reads);
                cancel.run_until_cancelled(looking).await;
            }
        });
        tasks.spawn({
            let cancel = cancel.clone();
            async move { notifying::tell_people(&notifier, &of_notifications, &cancel).await }
        });
        tasks.spawn({
            let cancel = cancel.clone();
            async move {
                cancel.run_until_cancelled(servers.stay()).await;
                servers.leave().await;
            }
        });
        let server = server(state, listener)?;
        let handle = server.handle();
        tasks.spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "the HTTP server ended");
            }
        });
        unless_it_runs.disarm();
        Ok(Self {
            clinic,
            pool: pools.requests.clone(),
            pools,
            cancel,
            server: handle,
            tasks,
        })
    }

    /// The pools of all parts, for those who look at what their connections did.
    pub const fn pools(&self) -> [&PgPool; 4] {
        self.pools.all()
    }

    /// Stops: no new requests first, then the parts behind them.
    pub async fn stop(mut self) {
        self.server.stop(true).await;
        self.cancel.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_WITHIN, ended).await.is_err() {
            tracing::warn!("some parts did not end in time");
        }
        if tokio::time::timeout(STOP_WITHIN, self.pools.close()).await.is_err() {
            tracing::warn!("some connections to the database did not end in time");
        }
    }
}

/// Makes sure that the contracts stand where the configuration says, if any node answers. Otherwise the server starts all the same:
/// reads need no node, and the follower asks again before it follows.
async fn verify(node: &Node, chain: &ChainConfig) -> Result<(), ComposeError> {
    let mut wrong = Ok(());
    for _ in 0..node.count() {
        match tokio::time::timeout(VERIFY_WITHIN, verify_with(node, chain)).await {
            Ok(Ok(())) => return Ok(()),
            // A node on another chain may be replaced while the server runs; `medconnect serve` asks for that itself.
            Ok(Err(ComposeError::Chain(error))) => {
                tracing::warn!(%error, "no node tells whether the contract is there; reads go on, and commands wait");
                return Ok(());
            }
            Ok(Err(error)) => {
                node.distrust(&error.to_string());
                wrong = Err(error);
            }
            Err(_) => {
                tracing::warn!("no node answers in time; reads go on, and commands wait");
                return Ok(());
            }
        }
    }
    wrong
}

/// Makes sure that the namespaces are there that are to be shared.
///
/// # Errors
/// [`ComposeError::Shared`]; or when the node does not answer.
pub async fn check_shared(log: &EventLog, chain: &ChainConfig) -> Result<(), ComposeError> {
    for shared in &chain.shared {
        let found = namespaces::sealed(log, shared.namespace).await;
        found.map_err(ComposeError::of_shared)?;
    }
    Ok(())
}

/// What the node that is asked first has of the contracts and namespaces.
async fn verify_with(node: &Node, chain: &ChainConfig) -> Result<(), ComposeError> {
    // A node that has not come to the log's first block yet cannot have the contract.
    if node.block_number().await? < chain.deployed_in {
        return Ok(());
    }
    let standing = Standing {
        chain_id: chain.id,
        address: chain.contract,
    };
    deploy::verify(node, &standing).await?;
    let log = EventLog::new(node.clone(), chain.contract);
    namespaces::sealed(&log, chain.namespace).await?;
    check_shared(&log, chain).await?;
    for recorder in &chain.recorders {
        log.check_recorder(recorder).await?;
    }
    Ok(())
}

/// What hands in to the registries that are followed.
fn registries(
    config: &Config,
    (node, calls): (&Node, &(impl CallLog + Clone)),
    pool: &PgPool,
    acceptance: &Arc<dyn AcceptanceListener>,
) -> Registries {
    let at = |registry| {
        let mut recorders = config.chain.recorders.iter();
        let followed = recorders.find(|recorder| recorder.registry == Some(registry))?;
        Some((config.chain.id, followed.contract))
    };
    Registries {
        witness: at(Registry::Consents)
            .map(|(_, contract)| Arc::new(WitnessAtTheContract::new(node.clone(), contract)) as _),
        practitioners: at(Registry::Practitioners).map(|place| handing_in(calls, pool, place, acceptance)),
        consents: at(Registry::Consents).map(|place| handing_in(calls, pool, place, acceptance)),
    }
}

/// What hands in to the registry at an address of a chain.
fn handing_in<M: HandedIn>(
    calls: &(impl CallLog + Clone),
    pool: &PgPool,
    place: (u64, Address),
    acceptance: &Arc<dyn AcceptanceListener>,
) -> Arc<dyn RegistryOf<M>> {
    let acceptance = Arc::clone(acceptance);
    Arc::new(RegistryByCalls::new(calls.clone(), pool.clone(), place, acceptance))
}

/// The defaults, with what the configuration says.
fn rules(config: &Config) -> Rules {
    let defaults = Rules::default();
    Rules {
        registration: config.http.registration,
        open_bookings: config.limits.open_bookings.unwrap_or(defaults.open_bookings),
        registration_requests: config
            .limits
            .registration_requests
            .unwrap_or(defaults.registration_requests),
        request_lifetime: config
            .http
            .registration_request_hours
            .map_or(defaults.request_lifetime, |hours| TimeDelta::hours(hours.into())),
        emergency_justification: config
            .records
            .justify_emergencies_within_seconds
            .map_or(defaults.emergency_justification, |seconds| {
                TimeDelta::seconds(seconds.get().into())
            }),
        patients_erase_themselves: config
            .records
            .patients_erase_themselves
            .unwrap_or(defaults.patients_erase_themselves),
        organisation: config.chain.namespace.0,
        shared_namespaces: config.chain.shared.iter().map(|shared| shared.namespace.0).collect(),
    }
}

/// The defaults, with what the configuration says.
fn limits(given: &LimitsConfig) -> CallerLimits {
    let defaults = CallerLimits::default();
    CallerLimits {
        sign_ins_per_address: given.sign_ins_per_address.unwrap_or(defaults.sign_ins_per_address),
        sign_ins_per_wallet: given.sign_ins_per_wallet.unwrap_or(defaults.sign_ins_per_wallet),
        commands_per_person: given.commands_per_person.unwrap_or(defaults.commands_per_person),
        commands_per_service: given.commands_per_service.or(defaults.commands_per_service),
        bytes_per_person: given.bytes_per_person.unwrap_or(defaults.bytes_per_person),
        registration_requests_per_address: given
            .registration_requests_per_address
            .unwrap_or(defaults.registration_requests_per_address),
    }
}

/// The defaults, with what the configuration says.
fn http_settings(config: &Config) -> HttpSettings {
    let given = &config.http;
    let defaults = HttpSettings::new(given.public_url.clone(), config.chain.id);
    let seconds = |given: Option<u64>, default| given.map_or(default, Duration::from_secs);
    HttpSettings {
        body_limit: given.body_limit.unwrap_or(defaults.body_limit),
        concurrency: given.concurrency.unwrap_or(defaults.concurrency),
        workers: given.workers.unwrap_or(defaults.workers),
        command_wait: seconds(given.command_wait_seconds, defaults.command_wait),
        claim_lease: seconds(given.claim_seconds, defaults.claim_lease).max(Duration::from_secs(1)),
        limits: limits(&config.limits),
        proxies: TrustedProxies {
            networks: given.trusted_proxies.clone(),
            header: match given.forwarded_header {
                api_config::ForwardedHeader::XForwardedFor => ForwardedHeader::XForwardedFor,
                api_config::ForwardedHeader::Forwarded => ForwardedHeader::Forwarded,
            },
        },
        administrator: config.bootstrap.administrator.map(|address| Wallet(address.0)),
        invitation_lifetime: seconds(
            given.invitation_hours.map(|hours| hours.saturating_mul(3600)),
            defaults.invitation_lifetime,
        ),
        sessions_per_wallet: config
            .limits
            .sessions_per_wallet
            .unwrap_or(defaults.sessions_per_wallet),
        session_idle: seconds(
            given.session_idle_minutes.map(|minutes| minutes.saturating_mul(60)),
            defaults.session_idle,
        ),
        session_lifetime: seconds(
            given.session_hours.map(|hours| hours.saturating_mul(3600)),
            defaults.session_lifetime,
        ),
        ..defaults
    }
}

/// How commands are executed.
fn executor_options(records: &RecordsConfig) -> ExecutorOptions {
    let mut options = ExecutorOptions::default();
    if let Some(entries) = records.chapter_entries {
        options.chapter_entries = entries.get().into();
    }
    options
}
