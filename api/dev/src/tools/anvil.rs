//! Anvil: `MEDCONNECT_ANVIL`, else the PATH's, else npm's.
//!
//! The binary itself is run. npm's `anvil` command is a wrapper around it in JavaScript, and a signal to the wrapper
//! misses the node.

use std::path::{Path, PathBuf};

use super::npm::{Package, fetch};
use super::{Progress, ask, on_path};
use crate::error::DevError;

/// The environment variable that names an installed Anvil.
const VARIABLE: &str = "MEDCONNECT_ANVIL";

/// The version that is fetched.
const PINNED: &str = "1.7.1";

/// The first version whose blocks follow from its transactions alone, which the replay of a chain's journal needs.
const OLDEST: (u32, u32) = (1, 4);

/// An Anvil that can be started.
#[derive(Clone, Debug)]
pub struct AnvilTool {
    /// The binary.
    pub program: PathBuf,
    /// Its version, such as `1.7.1`.
    pub version: String,
}

impl AnvilTool {
    /// Finds it, or fetches it.
    ///
    /// # Errors
    /// When it is not installed and cannot be fetched.
    pub async fn find(progress: Progress<'_>) -> Result<Self, DevError> {
        if let Some(named) = std::env::var_os(VARIABLE) {
            let path = PathBuf::from(named);
            return Self::at(&path).map_err(|reason| DevError::BadOverride {
                variable: VARIABLE,
                path,
                reason,
            });
        }
        if let Some(found) = on_path("anvil")
            .filter(|path| !is_script(path))
            .find_map(|path| Self::at(&path).ok())
        {
            return Ok(found);
        }
        let platform = platform().ok_or_else(|| DevError::NoPackage {
            tool: "Anvil",
            platform: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
            variable: VARIABLE,
        })?;
        let package = Package {
            tool: "Anvil",
            name: format!("@foundry-rs/anvil-{platform}"),
            version: PINNED,
            variable: VARIABLE,
        };
        let program = fetch(&package, progress, |_| Ok(())).await?.join("bin/anvil");
        Self::at(&program).map_err(|output| DevError::Failed { program, output })
    }

    fn at(program: &Path) -> Result<Self, String> {
        let said = ask(program, &["--version"]).ok_or("it does not answer to --version")?;
        let version = version(&said).ok_or_else(|| format!("it says it is {said:?}"))?;
        if numbers(&version).is_none_or(|found| found < OLDEST) {
            return Err(format!(
                "it is version {version}; {}.{} or later is needed",
                OLDEST.0, OLDEST.1
            ));
        }
        Ok(Self {
            program: program.to_owned(),
            version,
        })
    }
}

/// npm's name for this machine.
fn platform() -> Option<&'static str> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Some("linux-amd64"),
        ("linux", "aarch64") => Some("linux-arm64"),
        ("macos", "x86_64") => Some("darwin-amd64"),
        ("macos", "aarch64") => Some("darwin-arm64"),
        _ => None,
    }
}

fn is_script(path: &Path) -> bool {
    use std::io::Read;
    let mut start = [0; 2];
    std::fs::File::open(path)
        .and_then(|mut file| file.read_exact(&mut start))
        .is_ok()
        && start == *b"#!"
}

/// `anvil Version: 1.7.1`, and after a hyphen what kind of build it is.
fn version(said: &str) -> Option<String> {
    let (_, rest) = said.lines().next()?.split_once("ersion: ")?;
    rest.split(['-', '+', ' ']).next().map(str::to_owned)
}

fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_anvil_says() {
        assert_eq!(
            version("anvil Version: 1.7.1\nCommit SHA: 40").as_deref(),
            Some("1.7.1")
        );
        assert_eq!(version("anvil Version: 1.6.0-nightly").as_deref(), Some("1.6.0"));
        assert_eq!(version("bash: anvil: command not found"), None);
        assert!(numbers("1.10.0") > numbers("1.4.0"));
    }
}
