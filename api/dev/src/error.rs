//! What can go wrong on one's own machine, said so that the reader knows what to do.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of the tooling behind `medconnect dev`, tests and benchmarks.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// A file or folder could not be read or written.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program could not be started.
    #[error("cannot start {program}: {source}", program = program.display())]
    Start {
        /// Which.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program that should have done something at once failed.
    #[error("{program} failed: {output}", program = program.display())]
    Failed {
        /// Which.
        program: PathBuf,
        /// The end of what it printed.
        output: String,
    },
    /// A service ended before it was ready.
    #[error("{name} stopped while it was starting; the end of {log}:\n{tail}", log = log.display())]
    Died {
        /// Which.
        name: &'static str,
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// A service did not become ready.
    #[error("{name} was not ready after {seconds} seconds; see {log}", log = log.display())]
    NotReady {
        /// Which.
        name: &'static str,
        /// How long it was waited for.
        seconds: u64,
        /// Its log.
        log: PathBuf,
    },
    /// A tool is not installed and npm is not there to fetch it.
    #[error(
        "{tool} was not found, and npm, which would fetch it, is missing. Install {tool}, or Node.js 20 or later with npm"
    )]
    NpmMissing {
        /// Which.
        tool: &'static str,
    },
    /// npm could not fetch a package.
    #[error(
        "npm could not fetch {package}: {output}\nIs the network there? Otherwise install {tool} and put it on the PATH, \
         or name it in {variable}"
    )]
    Npm {
        /// Which tool it would have brought.
        tool: &'static str,
        /// The package with its version.
        package: String,
        /// The end of what npm printed.
        output: String,
        /// The environment variable that names an installed one.
        variable: &'static str,
    },
    /// There is no package for this machine.
    #[error("npm has no {tool} for {platform}; install {tool} and put it on the PATH, or name it in {variable}")]
    NoPackage {
        /// Which tool.
        tool: &'static str,
        /// The machine.
        platform: String,
        /// The environment variable that names an installed one.
        variable: &'static str,
    },
    /// The environment names a tool that cannot be used.
    #[error("{variable} names {path}, which cannot be used: {reason}", path = path.display())]
    BadOverride {
        /// The variable.
        variable: &'static str,
        /// What it says.
        path: PathBuf,
        /// Why it cannot be used.
        reason: String,
    },
    /// The database was made by another version.
    #[error(
        "{path} was made by PostgreSQL {wanted}, and found was {found}; install PostgreSQL {wanted}, name it in {variable}, or start \
         over with another --data-dir", path = path.display()
    )]
    OtherPostgres {
        /// The cluster.
        path: PathBuf,
        /// The version that made it.
        wanted: u32,
        /// The version that was found.
        found: u32,
        /// The environment variable that names an installed one.
        variable: &'static str,
    },
    /// A port is in use by somebody else.
    #[error(
        "port {port}, for {what}, is taken by another program; choose another with {option}, or 0 for any that is free"
    )]
    PortTaken {
        /// The port.
        port: u16,
        /// What would have listened there.
        what: &'static str,
        /// How to choose another.
        option: &'static str,
    },
    /// No port at all.
    #[error("no port can be opened on the loopback interface: {0}")]
    NoPort(io::Error),
    /// Postgres does not run as root, and there is nobody else.
    #[error(
        "Postgres refuses to run as root, and there is no user `postgres` or `nobody` to run it as; start medconnect as an ordinary user"
    )]
    NoOrdinaryUser,
    /// The ordinary user that runs Postgres cannot get to a folder.
    #[error(
        "Postgres runs as the user `{user}`, who may not enter {blocker}, and so cannot reach {wanted}; \
         choose another folder{}, or let others enter it (chmod o+x)", hint(.option)
    )]
    Unreachable {
        /// The user.
        user: String,
        /// What must be reached.
        wanted: PathBuf,
        /// The folder on the way that is closed.
        blocker: PathBuf,
        /// The option that chooses another folder, if there is one.
        option: Option<&'static str>,
    },
    /// The database refused something.
    #[error("Postgres refused to {action}: {source}")]
    Database {
        /// What.
        action: &'static str,
        /// What it said.
        source: sqlx::Error,
    },
    /// The chain refused something.
    #[error("the chain refused {method}: {message}")]
    Chain {
        /// The method.
        method: &'static str,
        /// What it said.
        message: String,
    },
    /// Nobody pays on a chain that is not our own.
    #[error(
        "the node signs for no account that has ether: give --key-file, with the key of an account that has some there"
    )]
    NoPurse,
    /// The account that should pay has nothing.
    #[error(
        "the account {0} has no ether on the node's chain: send it some, or give --key-file with the key of another one"
    )]
    NoEther(infrastructure::chain::Address),
    /// The chain's node does not answer as it should.
    #[error("the chain does not work: {0}")]
    Node(#[from] infrastructure::chain::ChainError),
    /// The contract could not be deployed.
    #[error("the contract could not be deployed: {0}")]
    Deploy(#[from] infrastructure::chain::deploy::DeployError),
    /// The registries could not be deployed.
    #[error("the registries could not be deployed: {0}")]
    Registries(#[from] infrastructure::chain::registries::deploy::RegistriesError),
    /// Nobody could be made a registrar.
    #[error("the demo's registrar could not be appointed: {0}")]
    Registrar(#[from] infrastructure::chain::registries::registrars::RegistrarError),
    /// The chain's journal cannot be what it was.
    #[error("{path} is damaged at line {line}: {reason}. Restore it from a backup, or start over with another --data-dir", path = path.display())]
    JournalDamaged {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why.
        reason: String,
    },
    /// Replaying the journal gave other blocks than it gave before.
    #[error(
        "{path} was written with {written}, and {running} makes other blocks of it (block {block}); \
         name the former one in MEDCONNECT_ANVIL, or start over with another --data-dir", path = path.display()
    )]
    OtherBlocks {
        /// The journal.
        path: PathBuf,
        /// The version that wrote it.
        written: String,
        /// The version that runs.
        running: String,
        /// The first block that differs.
        block: u64,
    },
    /// Another process uses the data directory.
    #[error("{path} is in use by another medconnect (process {holder}); stop that one, or choose another with --data-dir", path = path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
        /// The other process.
        holder: String,
    },
    /// The directory holds something else.
    #[error("{path} is not a data directory of medconnect: {reason}. Choose an empty or a new one with --data-dir", path = path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The directory was written by a newer program.
    #[error("{path} has layout {found}, this program knows {known}; use the medconnect that made it, or another --data-dir", path = path.display())]
    OtherLayout {
        /// The directory.
        path: PathBuf,
        /// Its layout.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// The chain of the directory has no state roots, and never will.
    #[error(
        "the chain in {path} was begun without --proofs, and its blocks have no state roots: choose another folder with --data-dir, or leave \
         --proofs out",
        path = .0.display()
    )]
    NoProofs(PathBuf),
    /// A file of the directory is not what it was.
    #[error("{path} is damaged: {reason}. Restore it from a backup, or start over with another --data-dir", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The system gave no randomness.
    #[error("the system gives no random bytes: {0}")]
    Randomness(io::Error),
}

fn hint(option: &Option<&'static str>) -> String {
    option.map_or_else(String::new, |option| format!(" with {option}"))
}

impl DevError {
    /// For `map_err` on file operations.
    pub(crate) fn file(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Self::File { action, path, source }
    }
}
