//! The program itself, as a process that can be killed.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// How long a start may take, recovery after a kill included.
const START: Duration = Duration::from_secs(120);

/// The program. Cargo builds it before it runs the tests of this package; `MEDCONNECT_UNDER_TEST` names another build of it.
pub fn program() -> PathBuf {
    if let Some(program) = std::env::var_os("MEDCONNECT_UNDER_TEST") {
        return program.into();
    }
    let test = std::env::current_exe().expect("this test's path");
    let folder = test.parent().and_then(Path::parent).expect("cargo's folder");
    let program = folder.join("medconnect-under-test");
    assert!(program.is_file(), "{} was not built", program.display());
    program
}

/// The ports of programs that listen themselves: below those that the system gives to whoever asks for any, a client's connection
/// included. So a server that was killed finds its port free when it is started again.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A port that is free just now, for a program that is about to listen itself.
pub fn free_port() -> u16 {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    // Other processes that ask begin elsewhere.
    let begin = std::process::id().wrapping_mul(577);
    loop {
        let number = begin.wrapping_add(ASKED.fetch_add(1, Ordering::Relaxed));
        let step = u16::try_from(number % u32::from(PORTS.end - PORTS.start)).expect("a few thousand");
        let port = PORTS.start + step;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The program, running. It is killed when it is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    output: PathBuf,
}

impl Process {
    /// Starts it. What it prints is appended to a file.
    pub fn start(mut command: Command, output: &Path) -> Self {
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(output)
            .expect("a file for the output");
        let child = command
            .stdin(Stdio::null())
            .stderr(file.try_clone().expect("the same file"))
            .stdout(file)
            .spawn()
            .expect("the program");
        Self {
            child,
            output: output.to_owned(),
        }
    }

    /// Its process id.
    pub fn id(&self) -> i32 {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        id.expect("a running child")
    }

    /// How it ended, if it has.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("our child")
    }

    /// Waits until it ends by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        match self.ends().await {
            Some(status) => status,
            None => panic!("it does not end: {}", self.output()),
        }
    }

    /// The same; `None` when it has not for long.
    pub async fn ends(&mut self) -> Option<ExitStatus> {
        let status = timeout(START, self.child.wait()).await.ok()?;
        Some(status.expect("our child"))
    }

    /// Waits until it is ready.
    pub async fn until(&mut self, mut ready: impl AsyncFnMut() -> bool) {
        let deadline = Instant::now() + START;
        while !ready().await {
            let ended = self.has_ended();
            assert!(ended.is_none(), "medconnect ended: {}", self.output());
            assert!(Instant::now() < deadline, "medconnect is not ready: {}", self.output());
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The file that it prints to.
    pub fn output_file(&self) -> PathBuf {
        self.output.clone()
    }

    /// What was printed to its file, also by those who had it before.
    pub fn output(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap_or_default()
    }

    /// Kills it with `kill -9`.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("our child");
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(mut self) {
        kill(Pid::from_raw(self.id()), Signal::SIGINT).expect("our child");
        let status = self.ended().await;
        assert!(status.success(), "{status}: {}", self.output());
    }
}

impl Drop for Process {
    /// Kills it, and waits until it is gone: only then whoever comes next finds its port free.
    fn drop(&mut self) {
        self.child.start_kill().ok();
        let deadline = Instant::now() + START;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A `medconnect dev` in a process of its own. It is killed when it is dropped.
#[derive(Debug)]
pub struct Dev {
    process: Process,
    /// Its data directory.
    pub folder: PathBuf,
    /// The URL of its REST interface.
    pub url: String,
}

impl Dev {
    /// Starts it, with chain and Postgres on any ports.
    pub async fn start(folder: &Path, port: u16) -> Self {
        Self::start_with(folder, port, 0).await
    }

    /// Starts it, with a chain on any port and Postgres on this one.
    pub async fn start_with(folder: &Path, port: u16, postgres: u16) -> Self {
        Self::start_as(folder, port, postgres, &[]).await
    }

    /// Starts it with further arguments.
    pub async fn start_as(folder: &Path, port: u16, postgres: u16, further: &[&str]) -> Self {
        std::fs::create_dir_all(folder).expect("a folder");
        let running = folder.join("running.json");
        // A run that was killed leaves it.
        let _ = std::fs::remove_file(&running);
        let mut command = Command::new(program());
        command.arg("dev").arg("--data-dir").arg(folder).args([
            "--chain-port",
            "0",
            "--postgres-port",
            &postgres.to_string(),
            "--port",
            &port.to_string(),
        ]);
        command.args(further);
        let mut process = Process::start(command, &folder.with_extension("output"));
        process.until(async || running.is_file()).await;
        Self {
            process,
            folder: folder.to_owned(),
            url: format!("http://127.0.0.1:{port}"),
        }
    }

    /// What it has printed, over all runs on its folder.
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// Kills it with `kill -9`.
    pub async fn kill(self) {
        self.process.kill().await;
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(self) {
        self.process.stop().await;
    }

    /// Kills the Postgres that it started.
    pub fn kill_postgres(&self) {
        let file = self.folder.join("postgres/data/postmaster.pid");
        // It is gone while Postgres is being started again.
        if let Some(pid) = std::fs::read_to_string(file)
            .ok()
            .and_then(|text| text.lines().next()?.parse().ok())
        {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }

    /// Kills the node behind its chain.
    pub async fn kill_chain(&self) {
        let own = self.process.id().to_string();
        let output = Command::new("ps")
            .args(["-A", "-o", "pid=,ppid=,comm="])
            .output()
            .await
            .expect("ps");
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            if let [pid, parent, name] = line.split_whitespace().collect::<Vec<_>>()[..]
                && parent == own
                && name.ends_with("anvil")
            {
                let _ = kill(Pid::from_raw(pid.parse().expect("a pid")), Signal::SIGKILL);
            }
        }
    }

    /// Runs another subcommand on the same folder, and answers with its output and exit code.
    pub async fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = command(arguments, &self.folder).output().await.expect("the program");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            !text.is_empty() || !output.stderr.is_empty() || output.status.success(),
            "it failed without a word"
        );
        (output.status.code(), text + &String::from_utf8_lossy(&output.stderr))
    }

    /// A token of the demo's person in this role.
    pub async fn token(&self, role: &str) -> String {
        let (code, text) = self.run(&["login", "--demo", role]).await;
        assert_eq!(code, Some(0), "{text}");
        text.trim().to_owned()
    }

    /// Reads as the demo's person in this role.
    pub async fn get(&self, role: &str, path: &str) -> Value {
        let request = reqwest::Client::new()
            .get(format!("{}{path}", self.url))
            .bearer_auth(self.token(role).await);
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.expect("JSON")
    }
}

/// A subcommand for a folder's system, not started yet. It is killed when it is dropped.
pub fn command(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(program());
    command
        .args(arguments)
        .arg("--data-dir")
        .arg(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}
