//! Child processes that do not outlive us.
//!
//! A [`Service`] is a child with its output in a log file, in a process group of its own (a Ctrl-C in the terminal is ours to
//! handle, in our order), and with a *guard* beside it: a shell that waits for the end of a pipe we hold. However we end, by
//! `kill -9` as well, the system closes the pipe and the guard stops the child and removes its temporary folder. This works on
//! every Unix and from any thread, which the parent-death signal of Linux does not.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::error::DevError;

/// Waits for the end of its input, then ends process $2 with signal $1 and removes folder $3 once the process is gone.
const GUARD: &str = r#"
read -r _
kill -s "$1" "$2" 2>/dev/null
[ -n "$3" ] || exit 0
i=0
while kill -0 "$2" 2>/dev/null && [ $i -lt 100 ]; do sleep 0.1; i=$((i+1)); done
rm -rf -- "$3"
"#;

/// How a service is to be ended.
#[derive(Clone, Debug)]
pub struct Ending {
    /// The signal that asks it to stop in order.
    pub signal: Signal,
    /// What to remove when this process ends without having stopped it.
    pub temporary: Option<PathBuf>,
}

/// A running child.
#[derive(Debug)]
pub struct Service {
    name: &'static str,
    log: PathBuf,
    ending: Ending,
    pid: Pid,
    child: Child,
    guard: Child,
}

impl Service {
    /// Starts the command with its output appended to `log`.
    ///
    /// # Errors
    /// When the log cannot be opened or the program cannot be started.
    pub fn start(name: &'static str, mut command: Command, log: &Path, ending: Ending) -> Result<Self, DevError> {
        let program = PathBuf::from(command.as_std().get_program());
        let output = open_log(log)?;
        let errors = output.try_clone().map_err(DevError::file("open", log))?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(|source| DevError::Start {
                program: program.clone(),
                source,
            })?;
        let pid = pid_of(&child).ok_or_else(|| DevError::Died {
            name,
            log: log.to_owned(),
            tail: String::new(),
        })?;
        let guard = guard(pid, &ending).map_err(|source| {
            let _ = child.start_kill();
            DevError::Start {
                program: "sh".into(),
                source,
            }
        })?;
        Ok(Self {
            name,
            log: log.to_owned(),
            ending,
            pid,
            child,
            guard,
        })
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Its log.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Waits until it ends by itself, or is killed by somebody else.
    pub async fn ended(&mut self) -> Option<ExitStatus> {
        self.child.wait().await.ok()
    }

    /// Fails when it has ended, with the end of its log.
    ///
    /// # Errors
    /// When it has ended.
    pub fn check(&mut self) -> Result<(), DevError> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            _ => Err(DevError::Died {
                name: self.name,
                log: self.log.clone(),
                tail: tail(&self.log, 2_000),
            }),
        }
    }

    /// Stops it in order, and by force when it takes longer than `patience`.
    pub async fn stop(mut self, patience: Duration) {
        let _ = kill(self.pid, self.ending.signal);
        if timeout(patience, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
        self.dismiss_guard();
    }

    /// Kills it, as `kill -9` does.
    pub async fn kill(mut self) {
        let _ = self.child.kill().await;
        self.dismiss_guard();
    }

    /// The child is gone or about to be reaped: its pid may soon be somebody else's.
    fn dismiss_guard(&mut self) {
        let _ = self.guard.start_kill();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            self.dismiss_guard();
        }
        // Otherwise dropping the guard closes its input: it stops the child in its own way and removes what is temporary.
    }
}

fn pid_of(child: &Child) -> Option<Pid> {
    child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw)
}

fn guard(pid: Pid, ending: &Ending) -> Result<Child, std::io::Error> {
    Command::new("sh")
        .args(["-c", GUARD, "medconnect-guard"])
        .arg(ending.signal.as_str().trim_start_matches("SIG"))
        .arg(pid.to_string())
        .arg(ending.temporary.as_deref().unwrap_or(Path::new("")))
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

fn open_log(path: &Path) -> Result<File, DevError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(DevError::file("open", path))
}

/// The last `bytes` of a text file, in whole lines if there are any.
pub(crate) fn tail(path: &Path, bytes: u64) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
        let mut end = Vec::new();
        file.read_to_end(&mut end)?;
        let text = String::from_utf8_lossy(&end).into_owned();
        Ok(if length > bytes {
            text.split_once('\n')
                .map_or_else(|| text.clone(), |(_, rest)| rest.to_owned())
        } else {
            text
        })
    };
    read().unwrap_or_default().trim_end().to_owned()
}

/// Ends a process that a former run left behind, if it is still what it was: its command line must contain `mark`. Waits
/// until it is gone.
pub(crate) async fn end_orphan(pid: i32, mark: &str, polite: Signal, patience: Duration) {
    // A dead process that nobody has waited for has no command line.
    let alive = || command_line(pid).contains(mark);
    if !alive() {
        return;
    }
    signal(pid, polite);
    let deadline = Instant::now() + patience;
    while alive() {
        if Instant::now() > deadline {
            signal(pid, Signal::SIGKILL);
        }
        sleep(Duration::from_millis(20)).await;
    }
}

fn signal(pid: i32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid), signal);
}

/// The command line of a process; empty when there is none.
fn command_line(pid: i32) -> String {
    if let Ok(line) = std::fs::read(format!("/proc/{pid}/cmdline")) {
        return String::from_utf8_lossy(&line).replace('\0', " ");
    }
    std::process::Command::new("ps")
        .args(["-o", "args=", "-p"])
        .arg(pid.to_string())
        .stderr(Stdio::null())
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default()
}
