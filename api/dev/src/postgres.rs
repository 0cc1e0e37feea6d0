//! A Postgres of our own: created, started, stopped, and taken over again after a crash.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::error::DevError;
use super::port::{self, Port};
use super::process::{Ending, Service, end_orphan};
use super::tools::PostgresTools;
use super::user::RunAs;

/// The superuser of the cluster, and the owner of its databases.
const USER: &str = "medconnect";

/// How long a start may take: recovery after a crash reads the log since the last checkpoint.
const START: Duration = Duration::from_secs(90);

/// How long a fast shutdown may take before it is forced.
const STOP: Duration = Duration::from_secs(30);

/// How a cluster is run.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// Its folder. It holds everything but the log.
    pub folder: PathBuf,
    /// The file its log goes to.
    pub log: PathBuf,
    /// Where it listens.
    pub port: Port,
    /// The superuser's password.
    pub password: String,
    /// Whether what is committed survives a failure of the machine. Tests need no such promise and are faster without.
    pub durable: bool,
    /// How many connections it takes at the same time (`max_connections`). Whoever asks for one more waits, and is refused in the end.
    pub connections: u32,
    /// The folder to remove when we end without stopping it, if it is temporary.
    pub temporary: Option<PathBuf>,
    /// The option by which a user chooses another folder.
    pub folder_option: Option<&'static str>,
}

/// A running Postgres.
#[derive(Debug)]
pub struct Cluster {
    service: Service,
    port: u16,
    password: String,
}

impl Cluster {
    /// Starts it, and creates it if it is not there. A server that a former run left behind is ended first.
    ///
    /// # Errors
    /// When the folder, the port or the programs are not as they must be.
    pub async fn start(tools: &PostgresTools, user: &RunAs, options: &ClusterOptions) -> Result<Self, DevError> {
        let ClusterOptions { folder, .. } = options;
        std::fs::create_dir_all(folder).map_err(DevError::file("create", folder))?;
        let folder = &folder.canonicalize().map_err(DevError::file("find", folder))?;
        user.can_reach(&folder.join("data"), options.folder_option)?;
        user.own(folder)?;
        let data = folder.join("data");
        if !data.is_dir() {
            create(tools, user, folder, options).await?;
        }
        end_former(folder).await;

        let deadline = Instant::now() + START;
        loop {
            let port = port::choose(options.port, "Postgres")?;
            let mut cluster = Self {
                service: launch(tools, user, &data, port, options)?,
                port,
                password: options.password.clone(),
            };
            match cluster.ready(deadline).await {
                Ok(()) => return Ok(cluster),
                // Backends of a server that was killed may hold its memory for a moment, and somebody else may have been
                // faster with a port that was free just now.
                Err(DevError::Died { tail, .. })
                    if Instant::now() < deadline
                        && (tail.contains("still in use")
                            || (options.port == Port::Any && tail.contains("Address already in use"))) =>
                {
                    sleep(Duration::from_millis(200)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The process id of the postmaster.
    pub fn pid(&self) -> i32 {
        self.service.pid()
    }

    /// Creates a database if it is not there, as a copy of `template` if given.
    ///
    /// # Errors
    /// When the server refuses, for instance because somebody is connected to the template.
    pub async fn create_database(&self, name: &str, template: Option<&str>) -> Result<(), DevError> {
        let refused = |source| DevError::Database {
            action: "create a database",
            source,
        };
        let mut connection = self.connect("postgres").await.map_err(refused)?;
        let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(name)
            .fetch_one(&mut connection)
            .await
            .map_err(refused)?;
        if !exists {
            let copy = template
                .map(|template| format!(" TEMPLATE {}", quote(template)))
                .unwrap_or_default();
            let statement = format!("CREATE DATABASE {}{copy}", quote(name));
            connection.execute(statement.as_str()).await.map_err(refused)?;
        }
        connection.close().await.map_err(refused)
    }

    /// Waits until it ends by itself or is killed.
    pub async fn ended(&mut self) {
        self.service.ended().await;
    }

    /// Stops it: nobody new, open transactions undone, everything written.
    pub async fn stop(self) {
        self.service.stop(STOP).await;
    }

    /// Kills it, as `kill -9` does.
    pub async fn kill(self) {
        self.service.kill().await;
    }

    async fn connect(&self, database: &str) -> Result<PgConnection, sqlx::Error> {
        PgConnectOptions::new()
            .host("127.0.0.1")
            .port(self.port)
            .username(USER)
            .password(&self.password)
            .database(database)
            .ssl_mode(PgSslMode::Disable)
            .disable_statement_logging()
            .connect()
            .await
    }

    async fn ready(&mut self, deadline: Instant) -> Result<(), DevError> {
        loop {
            self.service.check()?;
            match self.connect("postgres").await {
                Ok(connection) => {
                    // Somebody else's server on our port would not have let us in.
                    let _ = connection.close().await;
                    return Ok(());
                }
                Err(sqlx::Error::Database(refusal)) if refusal.code().as_deref() == Some("28P01") => {
                    return Err(DevError::Database {
                        action: "let us in",
                        source: sqlx::Error::Database(refusal),
                    });
                }
                Err(_) if Instant::now() > deadline => {
                    return Err(DevError::NotReady {
                        name: "Postgres",
                        seconds: START.as_secs(),
                        log: self.service.log().to_owned(),
                    });
                }
                Err(_) => sleep(Duration::from_millis(25)).await,
            }
        }
    }
}

/// Creates the cluster beside its place and moves it there, so that an interrupted creation leaves nothing half done.
async fn create(tools: &PostgresTools, user: &RunAs, folder: &Path, options: &ClusterOptions) -> Result<(), DevError> {
    let (fresh, password) = (folder.join("data.new"), folder.join("password"));
    if fresh.exists() {
        std::fs::remove_dir_all(&fresh).map_err(DevError::file("remove", &fresh))?;
    }
    write_secret(&password, &options.password)?;
    user.own(&password)?;
    let program = tools.program("initdb");
    let mut command = Command::new(&program);
    user.apply(&mut command);
    command
        .arg("--pgdata")
        .arg(&fresh)
        .arg("--pwfile")
        .arg(&password)
        .args([
            "--username",
            USER,
            "--auth",
            "scram-sha-256",
            "--encoding",
            "UTF8",
            "--locale",
            "C",
        ])
        .args(characters(tools.version))
        .kill_on_drop(true);
    if !options.durable {
        command.arg("--no-sync");
    }
    let output = command.output().await;
    std::fs::remove_file(&password).map_err(DevError::file("remove", &password))?;
    let output = output.map_err(|source| DevError::Start {
        program: program.clone(),
        source,
    })?;
    if !output.status.success() {
        return Err(DevError::Failed {
            program,
            output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        });
    }
    let data = folder.join("data");
    std::fs::rename(&fresh, &data).map_err(DevError::file("create", &data))
}

/// Sorted by bytes, which every version and system does alike; upper and lower case as Unicode has them.
fn characters(version: u32) -> &'static [&'static str] {
    if version >= 17 {
        &["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"]
    } else if cfg!(target_os = "macos") {
        &["--lc-ctype", "en_US.UTF-8"]
    } else {
        &["--lc-ctype", "C.UTF-8"]
    }
}

fn write_secret(path: &Path, secret: &str) -> Result<(), DevError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(secret.as_bytes()))
        .map_err(DevError::file("write", path))
}

fn launch(
    tools: &PostgresTools,
    user: &RunAs,
    data: &Path,
    port: u16,
    options: &ClusterOptions,
) -> Result<Service, DevError> {
    let mut command = Command::new(tools.program("postgres"));
    user.apply(&mut command);
    command.arg("-D").arg(data);
    let (port, connections) = (port.to_string(), options.connections.to_string());
    let mut settings = vec![
        ("listen_addresses", "127.0.0.1"),
        ("port", port.as_str()),
        // Found by its port alone: a socket's folder is one thing more that may be closed or too long.
        ("unix_socket_directories", ""),
        ("logging_collector", "off"),
        ("log_destination", "stderr"),
        // Statements may name people: the log keeps what happened, not what was asked.
        ("log_min_error_statement", "panic"),
        ("log_error_verbosity", "terse"),
        ("max_connections", connections.as_str()),
        ("shared_buffers", "128MB"),
        ("max_wal_size", "2GB"),
        // Nobody replicates it, so what can be made anew after a crash need not be logged: an index that is being built.
        ("wal_level", "minimal"),
        ("max_wal_senders", "0"),
        // A file of the write-ahead log that is not needed any more is removed, not used again with what is in it: it may name the erased.
        ("wal_recycle", "off"),
        ("jit", "off"),
    ];
    if !options.durable {
        // Commits still reach the system before they are acknowledged, so a killed Postgres loses none.
        settings.extend([("fsync", "off"), ("full_page_writes", "off")]);
    }
    for (name, value) in settings {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    let ending = Ending {
        signal: Signal::SIGINT,
        temporary: options.temporary.clone(),
    };
    Service::start("Postgres", command, &options.log, ending)
}

/// Ends the server of a former run that still works on this folder, and forgets one that is gone.
///
/// The caller holds the data directory. A server that is stopping by itself, for its medconnect was killed, is waited for.
pub(super) async fn end_former(folder: &Path) {
    let Ok(folder) = folder.canonicalize() else {
        return;
    };
    let data = folder.join("data");
    let lock = data.join("postmaster.pid");
    let Ok(text) = std::fs::read_to_string(&lock) else {
        return;
    };
    if let Some(pid) = text.lines().next().and_then(|line| line.trim().parse().ok()) {
        end_orphan(pid, &data.to_string_lossy(), Signal::SIGINT, STOP).await;
    }
    // The caller holds the data directory, so no server that we know of is left. Postgres would refuse to start if the process
    // id were by now somebody else's.
    let _ = std::fs::remove_file(&lock);
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
