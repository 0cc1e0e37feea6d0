//! Everything around a server on one machine: Postgres, the chain, the contract, and the configuration that names them.

use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::sync::Arc;

use api_config::{
    BootstrapConfig, ChainConfig, Config, DatabaseConfig, EncryptionKeyConfig, FinalityRule, ForwardedHeader,
    HttpConfig, KeysConfig, LimitsConfig, LogConfig, NotificationsConfig, RecordsConfig, Registration,
};
use infrastructure::chain::deploy::{self, Standing};
use infrastructure::chain::registries::deploy::{Registries, RegistriesError};
use infrastructure::chain::registries::registrars::Registrars;
use infrastructure::chain::{
    Address, Deployment, EventLog, Node, Recorder, RecorderError, RpcOptions, Signer, registries,
};
use secrecy::SecretString;

use super::chain::{ChainOptions, DevChain};
use super::data_dir::{DataDir, read_json, write_json};
use super::error::DevError;
use super::external_node::ExternalNode;
use super::port::{self, Port};
use super::postgres::{ClusterOptions, end_former};
use super::restart::Listener;
use super::secrets::{HexSecret, Secrets};
use super::supervised_postgres::KeptCluster;
use super::system_chain::SystemChain;
use super::tools::{AnvilTool, PostgresTools, Progress};
use super::user::RunAs;

/// The name of the database.
const DATABASE: &str = "medconnect";

/// For a few servers of 44 connections, and whoever looks.
const CONNECTIONS: u32 = 200;

/// For how many blocks back the chain's state can be asked for. The follower asks for that of the newest block it knows of, and others may
/// come meanwhile.
const STATES: u32 = 8;

/// For how many seconds the namespace cannot be handed over once that was begun: not at all, for nobody depends on what is tried out.
const DELAY: u32 = 0;

/// Where everything listens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SystemPorts {
    /// The REST interface.
    pub http: Port,
    /// The chain.
    pub chain: Port,
    /// Postgres.
    pub postgres: Port,
}

impl SystemPorts {
    /// Any that are free.
    pub const ANY: Self = Self {
        http: Port::Any,
        chain: Port::Any,
        postgres: Port::Any,
    };
}

/// Everything but the server, running.
#[derive(Debug)]
pub struct System {
    postgres: KeptCluster,
    chain: SystemChain,
    deployment: Deployment,
    secrets: Secrets,
    config: Config,
    directory: DataDir,
}

impl System {
    /// Starts everything but the server, and answers with it and with the socket on which the server is to listen.
    ///
    /// # Errors
    /// When something is missing, in the way, or not what it must be; what was started is stopped again.
    pub async fn start(
        directory: DataDir,
        ports: SystemPorts,
        progress: Progress<'_>,
        listener: Listener,
    ) -> Result<(Self, TcpListener), DevError> {
        let chain = ChainChoice::Own { proofs: false };
        Self::start_on(chain, directory, ports, progress, listener).await
    }

    /// The same on another chain.
    ///
    /// # Errors
    /// As [`Self::start`]; also when nobody pays on that chain.
    pub async fn start_on(
        chain: ChainChoice,
        directory: DataDir,
        ports: SystemPorts,
        progress: Progress<'_>,
        listener: Listener,
    ) -> Result<(Self, TcpListener), DevError> {
        // Everything that can be in the way is looked at before anything is fetched or started.
        let http = port::listen(ports.http, "the REST interface")?;
        let address = http.local_addr().map_err(DevError::NoPort)?;
        if matches!(chain, ChainChoice::Own { .. }) {
            port::choose(ports.chain, "the chain")?;
        }
        let cluster = directory.path().join("postgres");
        // What a run that was killed has left holds the port until it has ended.
        end_former(&cluster).await;
        port::choose(ports.postgres, "Postgres")?;
        let user = RunAs::not_root()?;
        user.can_reach(&cluster, Some("--data-dir"))?;
        let secrets = Secrets::open(directory.path())?;

        let tools = PostgresTools::find(&user, &cluster, progress).await?;
        let source = match chain {
            ChainChoice::Given(node) => Source::Given(*node),
            ChainChoice::Own { proofs } => Source::Own(AnvilTool::find(progress).await?, proofs),
        };

        progress("starting Postgres");
        let options = ClusterOptions {
            folder: cluster,
            log: directory.log("postgres"),
            port: ports.postgres,
            password: secrets.postgres_password.expose().to_owned(),
            connections: CONNECTIONS,
            durable: !directory.is_ephemeral(),
            temporary: directory.is_ephemeral().then(|| directory.path().to_owned()),
            folder_option: Some("--data-dir"),
        };
        let postgres = KeptCluster::start(tools, user, options, DATABASE, Arc::clone(&listener)).await?;

        let chain = match source {
            Source::Given(node) => Ok(SystemChain::Given(node)),
            Source::Own(anvil, proofs) => {
                progress("starting the chain");
                own_chain(anvil, &directory, ports.chain, proofs, listener).await
            }
        };
        let chain = match chain {
            Ok(chain) => chain,
            Err(error) => {
                postgres.stop().await;
                return Err(error);
            }
        };
        match settle(&directory, &chain, &secrets, progress).await {
            Ok((deployment, registries)) => {
                let recorders = registries.map_or_else(Vec::new, |registries| registries.recorders().to_vec());
                let config = configuration(&postgres, &chain, &secrets, (deployment, recorders), address)?;
                let system = Self {
                    postgres,
                    chain,
                    deployment,
                    secrets,
                    config,
                    directory,
                };
                Ok((system, http))
            }
            Err(error) => {
                chain.stop().await;
                postgres.stop().await;
                Err(error)
            }
        }
    }

    /// Gives an account ether, unless it has enough.
    ///
    /// # Errors
    /// [`DevError`].
    pub async fn fund(&self, account: Address) -> Result<(), DevError> {
        let node = Node::new(&[self.chain.url()], self.chain.chain_id(), RpcOptions::default())?;
        self.chain.fund(&node, account).await
    }

    /// What a server on it must be told.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Where everything is kept.
    pub const fn directory(&self) -> &DataDir {
        &self.directory
    }

    /// The secrets.
    pub const fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The chain.
    pub const fn chain(&self) -> &SystemChain {
        &self.chain
    }

    /// The URL of the database.
    pub fn database_url(&self) -> &str {
        self.postgres.url()
    }

    /// Where the contract stands.
    pub const fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// Stops everything, the chain before the database.
    pub async fn stop(self) {
        self.chain.stop().await;
        self.postgres.stop().await;
    }
}

/// Which chain a system is on.
#[derive(Debug)]
pub enum ChainChoice {
    /// One of its own.
    Own {
        /// Whether its blocks have state roots: the more the chain holds, the longer each takes then.
        proofs: bool,
    },
    /// That of a node which somebody else runs.
    Given(Box<ExternalNode>),
}

/// What the chain comes from.
enum Source {
    /// An Anvil that is started, and whether its blocks have state roots.
    Own(AnvilTool, bool),
    /// A node that runs.
    Given(ExternalNode),
}

/// A chain that forgets nothing, in the system's folder.
async fn own_chain(
    anvil: AnvilTool,
    directory: &DataDir,
    port: Port,
    proofs: bool,
    listener: Listener,
) -> Result<SystemChain, DevError> {
    let options = ChainOptions {
        journal: Some(directory.path().join("chain.jsonl")),
        log: directory.log("anvil"),
        port,
        chain_id: super::CHAIN_ID,
        states: STATES,
        proofs,
    };
    DevChain::start(anvil, options, listener).await.map(SystemChain::Own)
}

/// Pays those who append, and deploys the contract and the registries unless they are there.
async fn settle(
    directory: &DataDir,
    chain: &SystemChain,
    secrets: &Secrets,
    progress: Progress<'_>,
) -> Result<(Deployment, Option<Registries>), DevError> {
    let node = Node::new(&[chain.url()], chain.chain_id(), RpcOptions::default())?;
    let (deployer, signer) = (wallet(&secrets.deployer)?, wallet(&secrets.signer)?);
    for account in [deployer.address(), signer.address()] {
        chain.fund(&node, account).await?;
    }
    let path = directory.path().join("deployment.json");
    let deployment = match read_json::<Deployment>(&path)? {
        Some(deployment) => {
            match deploy::verify(&node, &Standing::from(&deployment)).await {
                Ok(()) => {}
                Err(deploy::DeployError::Chain(error)) => return Err(error.into()),
                Err(error) => {
                    let reason = error.to_string();
                    return Err(DevError::Damaged { path, reason });
                }
            }
            deployment
        }
        None => {
            progress("deploying the contract");
            let deployment = deploy::deploy(&node, &deployer, &[signer.address()], DELAY, progress).await?;
            write_json(&path, &deployment)?;
            deployment
        }
    };
    let log = EventLog::new(node, deployment.address);
    let registries = registries(directory, &log, secrets, &deployer, progress).await?;
    Ok((deployment, registries))
}

/// Deploys the registries unless they are there, and makes the demo's registrar one. `None` on a chain whose rules are too old for them.
async fn registries(
    directory: &DataDir,
    log: &EventLog,
    secrets: &Secrets,
    deployer: &Signer,
    progress: Progress<'_>,
) -> Result<Option<Registries>, DevError> {
    let path = directory.path().join("registries.json");
    if let Some(registries) = read_json::<Registries>(&path)? {
        for recorder in &registries.recorders() {
            match log.check_recorder(recorder).await {
                Ok(()) => {}
                Err(RecorderError::Chain(error)) => return Err(error.into()),
                Err(error) => {
                    let reason = error.to_string();
                    return Err(DevError::Damaged { path, reason });
                }
            }
        }
        return Ok(Some(registries));
    }
    progress("deploying the registries");
    let registries = match registries::deploy::deploy(log, deployer, progress).await {
        Ok(registries) => registries,
        Err(RegistriesError::OlderRules) => {
            progress("this chain's rules are too old for the registries: nobody can be attested, and nothing granted");
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let contract = registries.practitioners.contract;
    let registrars = Registrars::of(log.node().clone(), contract, deployer.clone(), progress);
    let registrar = wallet(&secrets.demo.registrar)?.address();
    registrars.appoint(registrar).await?;
    write_json(&path, &registries)?;
    Ok(Some(registries))
}

/// The wallet of a secret.
pub(super) fn wallet(secret: &HexSecret) -> Result<Signer, DevError> {
    secret.expose().parse().map_err(|_| DevError::Damaged {
        path: "secrets.toml".into(),
        reason: "a key in it is not the private key of an account".to_owned(),
    })
}

fn configuration(
    postgres: &KeptCluster,
    chain: &SystemChain,
    secrets: &Secrets,
    (deployment, recorders): (Deployment, Vec<Recorder>),
    address: SocketAddr,
) -> Result<Config, DevError> {
    let secret = |secret: &HexSecret| Some(SecretString::from(secret.expose()));
    let administrator: Address = wallet(&secrets.demo.administrator)?.address();
    Ok(Config {
        http: HttpConfig {
            bind: address,
            public_url: format!("http://{address}"),
            body_limit: None,
            concurrency: None,
            workers: None,
            command_wait_seconds: None,
            claim_seconds: None,
            session_idle_minutes: None,
            session_hours: None,
            invitation_hours: None,
            // Whoever tries things out on this machine is known well enough.
            registration: Registration::Open,
            registration_request_hours: None,
            trusted_proxies: Vec::new(),
            forwarded_header: ForwardedHeader::default(),
        },
        database: DatabaseConfig::at(postgres.url()),
        chain: ChainConfig {
            nodes: vec![chain.url()],
            id: chain.chain_id(),
            contract: deployment.address,
            namespace: deployment.namespace,
            deployed_in: deployment.block,
            // Whatever is killed, the journal brings the same blocks back.
            finality: FinalityRule::Instant,
            recorders,
            shared: Vec::new(),
            signer: secret(&secrets.signer),
            signer_file: None,
        },
        keys: KeysConfig {
            master_secret: secret(&secrets.master_secret),
            master_secret_file: None,
            encryption: EncryptionKeyConfig {
                name: "dev".to_owned(),
                key: secret(&secrets.key_encryption_key),
                key_file: None,
            },
            former: Vec::new(),
        },
        // Nor is anybody else here to be kept from using it up.
        limits: LimitsConfig {
            commands_per_person: NonZeroU32::new(100_000),
            registration_requests_per_address: NonZeroU32::new(100_000),
            bytes_per_person: NonZeroU32::new(1 << 30),
            ..LimitsConfig::default()
        },
        records: RecordsConfig::default(),
        notifications: NotificationsConfig::default(),
        bootstrap: BootstrapConfig {
            administrator: Some(administrator),
        },
        log: LogConfig::default(),
    })
}
