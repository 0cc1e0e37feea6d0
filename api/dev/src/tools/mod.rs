//! Finds PostgreSQL and Anvil on this machine, and fetches them from npm at pinned versions when they are not there.

mod anvil;
mod npm;
mod postgres;

use std::path::PathBuf;
use std::process::Stdio;

use nix::unistd::Uid;

pub use anvil::AnvilTool;
pub use postgres::PostgresTools;

/// Told what is being done, for people who wait.
pub type Progress<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Says nothing.
pub fn silent(_: &str) {}

/// Where fetched tools are kept: `MEDCONNECT_TOOLS`, else a cache that Postgres's user can reach too.
fn cache() -> PathBuf {
    if let Some(folder) = std::env::var_os("MEDCONNECT_TOOLS") {
        return folder.into();
    }
    if Uid::effective().is_root() {
        return "/var/cache/medconnect".into();
    }
    std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("medconnect")
}

/// The programs of this name on the PATH.
fn on_path(name: &str) -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .filter(|file| file.is_file())
        .collect::<Vec<_>>()
        .into_iter()
}

/// What a program prints; `None` when it does not run.
fn ask(program: &std::path::Path, arguments: &[&str]) -> Option<String> {
    let output = std::process::Command::new(program)
        .args(arguments)
        .current_dir("/")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
