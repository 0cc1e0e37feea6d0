//! How other programs on the machine find a running system: a file in its data directory.

use std::path::{Path, PathBuf};

use api_config::Config;
use serde::{Deserialize, Serialize};

use super::data_dir::{read_json, write_atomically, write_json};
use super::error::DevError;

/// The file.
const FILE: &str = "running.json";

/// A system that runs, or ran until it was killed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// The URL of the REST interface.
    pub url: String,
    /// The key of the demo's hospital system, if there is a demo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hospital_key: Option<String>,
}

/// The file with the server's configuration, for other programs that work on the same system.
const CONFIG: &str = "server.toml";

/// Says that a system runs, until it is dropped.
#[derive(Debug)]
pub struct Announcement([PathBuf; 2]);

/// Where the configuration of a running system's server is.
pub fn server_config(folder: &Path) -> PathBuf {
    folder.join(CONFIG)
}

impl Running {
    /// Says so in a data directory.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn announce(&self, folder: &Path, config: &Config) -> Result<Announcement, DevError> {
        let (path, server) = (folder.join(FILE), server_config(folder));
        let damaged = |error: toml::ser::Error| DevError::Damaged {
            path: server.clone(),
            reason: error.to_string(),
        };
        let text = config.to_toml().map_err(damaged)?;
        write_atomically(&server, text.as_bytes(), 0o600)?;
        write_json(&path, self)?;
        Ok(Announcement([path, server]))
    }

    /// Finds it; `None` when none runs on this data directory.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn find(folder: &Path) -> Result<Option<Self>, DevError> {
        read_json(&folder.join(FILE))
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}
