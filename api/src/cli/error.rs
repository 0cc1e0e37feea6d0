//! Why a subcommand did not do what it was asked for.

use std::path::PathBuf;
use std::process::ExitCode;

use api_audit::AuditError;
use api_check_node::NoAnswer;
use api_config::ConfigError;
use api_dev::DevError;
use api_dev::demo::DemoError;
use api_dev::login::LoginError;
use api_server::ComposeError;
use infrastructure::chain::ChainError;
use infrastructure::chain::deploy::DeployError;
use infrastructure::chain::namespaces::NamespaceError;
use infrastructure::chain::registries::deploy::RegistriesError;
use infrastructure::chain::registries::registrars::RegistrarError;

/// The exit code of what cannot be true.
pub(super) const FAULT: u8 = 4;

/// The exit code of what was stopped before its end.
pub(super) const STOPPED: u8 = 130;

/// A failure, said to whoever started the program.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// It was asked for in a way that cannot work.
    #[error("{0}")]
    Usage(String),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no server to talk to.
    #[error("no server runs on {folder}; start one with `medconnect dev`, or name one with --url", folder = .0.display())]
    NoServer(PathBuf),
    /// The tooling of `dev`.
    #[error(transparent)]
    Dev(#[from] DevError),
    /// The demo.
    #[error("the demo could not be set up: {0}")]
    Demo(#[from] DemoError),
    /// The system.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// The first administrator.
    #[error("the first administrator's account could not be opened: {0}")]
    Bootstrap(String),
    /// Signing in.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// Somebody asked it to stop.
    #[error("it was stopped before its end")]
    Stopped,
    /// The database does not answer somebody who needs nothing else.
    #[error(
        "the database (`database.url`) does not answer ({0}): see that Postgres runs and can be reached, and start this again"
    )]
    NoDatabase(String),
    /// The database's role may not do what is needed.
    #[error(
        "the role of `database.url` may not do what an audit with keys needs ({0}): name one that may read the tables and create schemas \
         (`GRANT CREATE ON DATABASE`), such as the tables' owner"
    )]
    RoleMayNot(String),
    /// An audit could not be made.
    #[error("nothing can be said of the log: {0}")]
    Audit(#[from] AuditError),
    /// No node answers to `check-node`.
    #[error("there is nothing to check: {0}")]
    NoNode(#[source] NoAnswer),
    /// No node answers.
    #[error("no node of --node can be used: {0}")]
    Node(#[source] ChainError),
    /// A namespace.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// A registry.
    #[error(transparent)]
    Registries(#[from] RegistriesError),
    /// A registrar.
    #[error(transparent)]
    Registrar(#[from] RegistrarError),
    /// A deployment.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// The chain.
    #[error("the chain cannot be used: {0}")]
    Chain(#[from] ChainError),
    /// The database.
    #[error("the database cannot be used: {0}")]
    Database(#[from] sqlx::Error),
    /// A measurement.
    #[error("it could not be measured: {0:#}")]
    Bench(#[from] anyhow::Error),
    /// A file.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something that only a broken program or system does.
    #[error("{0}")]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl CliError {
    /// The exit code, as documented by `medconnect --help`.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) | Self::Config(_) | Self::NoServer(_) | Self::NoNode(_) => ExitCode::from(2),
            Self::Compose(error) if error.is_configuration() => ExitCode::from(2),
            Self::RoleMayNot(_) => ExitCode::from(2),
            Self::Stopped => ExitCode::from(STOPPED),
            Self::Chain(ChainError::Url) | Self::Node(ChainError::Url) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }

    /// For whatever has no name of its own.
    pub(super) fn other(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Other(Box::new(error))
    }
}
