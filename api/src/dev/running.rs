//! How other programs on the machine find a running system: a file in its data directory.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::data_dir::{read_json, write_json};
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

/// Says that a system runs, until it is dropped.
#[derive(Debug)]
pub struct Announcement(PathBuf);

impl Running {
    /// Says so in a data directory.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn announce(&self, folder: &Path) -> Result<Announcement, DevError> {
        let path = folder.join(FILE);
        write_json(&path, self)?;
        Ok(Announcement(path))
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
        let _ = std::fs::remove_file(&self.0);
    }
}
