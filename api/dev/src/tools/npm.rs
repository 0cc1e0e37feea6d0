//! Fetches a pinned package with npm, from whichever registry npm is configured for.
//!
//! The exact version is asked for and npm checks the download against the registry's digest. No script of a package is
//! run. A package is installed beside its place and moved there when it is complete, so that an interrupted download, or two at
//! once, leave nothing half done.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::{Progress, cache, on_path};
use crate::error::DevError;

/// A package that brings a tool.
pub(super) struct Package {
    /// The tool it brings, for messages.
    pub(super) tool: &'static str,
    /// Its name.
    pub(super) name: String,
    /// The exact version.
    pub(super) version: &'static str,
    /// The environment variable by which a user names an installed tool instead.
    pub(super) variable: &'static str,
}

/// Makes sure the package is there, and answers with its folder. `prepare` finishes it before it is moved to its place.
pub(super) async fn fetch(
    package: &Package,
    progress: Progress<'_>,
    prepare: fn(&Path) -> Result<(), DevError>,
) -> Result<PathBuf, DevError> {
    let Package {
        tool,
        name,
        version,
        variable,
    } = package;
    let home = cache().join(format!("{}-{version}", name.trim_start_matches('@').replace('/', "-")));
    let inner = Path::new("node_modules").join(name);
    if home.join(&inner).is_dir() {
        return Ok(home.join(&inner));
    }
    let npm = on_path("npm").next().ok_or(DevError::NpmMissing { tool })?;
    progress(&format!("fetching {name} {version} with npm"));
    let parent = cache();
    std::fs::create_dir_all(&parent).map_err(DevError::file("create", &parent))?;
    let staging = tempfile::Builder::new()
        .prefix(".fetching-")
        .tempdir_in(&parent)
        .map_err(DevError::file("create a folder in", &parent))?;
    open_to_all(staging.path())?;
    let output = Command::new(npm)
        .args([
            "install",
            "--ignore-scripts",
            "--no-save",
            "--no-audit",
            "--no-fund",
            "--no-package-lock",
            "--force",
        ])
        .args(["--loglevel", "error", "--prefix"])
        .arg(staging.path())
        .arg(format!("{name}@{version}"))
        .current_dir(staging.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| DevError::Start {
            program: "npm".into(),
            source,
        })?;
    let fetched = staging.path().join(&inner);
    if !output.status.success() || !fetched.is_dir() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(DevError::Npm {
            tool,
            package: format!("{name}@{version}"),
            output: said
                .lines()
                .filter(|line| !line.contains("npm warn"))
                .take(12)
                .collect::<Vec<_>>()
                .join("\n"),
            variable,
        });
    }
    prepare(&fetched)?;
    let staged = staging.keep();
    if let Err(source) = std::fs::rename(&staged, &home) {
        let _ = std::fs::remove_dir_all(&staged);
        // Somebody else was fetching the same and is done.
        if !home.join(&inner).is_dir() {
            return Err(DevError::file("create", &home)(source));
        }
    }
    Ok(home.join(inner))
}

/// Temporary folders are closed to others, but Postgres's user must get in.
fn open_to_all(folder: &Path) -> Result<(), DevError> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).map_err(DevError::file("open", folder))
}
