//! The folder in which a system of one's own keeps everything: who uses it, what is in it, and whether it is ours.
//!
//! ```text
//! medconnect.toml     says that the folder is ours, and in which layout
//! lock                held while a system runs on the folder
//! secrets.toml        every secret of the system; for its owner alone
//! demo.json           the demo identities' keys; for their owner alone
//! deployment.json     where the contract stands
//! registries.json     where the registries stand
//! running.json        how to reach the system, while it runs
//! server.toml         what its server was told, while it runs
//! chain.jsonl         the chain: every transaction, in order
//! postgres/           the database
//! logs/               what Postgres, Anvil and the server said
//! ```

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use nix::unistd::Uid;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::DevError;

/// The layout that this program writes.
const LAYOUT: u32 = 12;

/// The file that says that a folder is ours.
const MARKER: &str = "medconnect.toml";

/// The file that is locked.
const LOCK: &str = "lock";

#[derive(Serialize, Deserialize)]
struct Marker {
    layout: u32,
}

/// A data directory in use by us.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: Flock<File>,
    /// Removes the directory when we are done, if it is a throw-away.
    temporary: Option<tempfile::TempDir>,
}

impl DataDir {
    /// Opens a directory, creates it if it is not there, and keeps others out for as long as we use it.
    ///
    /// # Errors
    /// When it is in use, somebody else's, of another layout, or cannot be written.
    pub fn open(path: &Path) -> Result<Self, DevError> {
        // Others may enter: Postgres's user must get to its own folder. What is secret is closed file by file.
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(path)
            .map_err(|error| match error.kind() {
                ErrorKind::AlreadyExists | ErrorKind::NotADirectory => DevError::Foreign {
                    path: path.to_owned(),
                    reason: "it is not a folder".to_owned(),
                },
                _ => DevError::file("create", path)(error),
            })?;
        let path = path.canonicalize().map_err(DevError::file("find", path))?;
        let fresh = is_fresh(&path)?;
        let lock = lock(&path)?;
        let marker = path.join(MARKER);
        if fresh {
            write_atomically(
                &marker,
                format!("# A data directory of medconnect dev.\nlayout = {LAYOUT}\n").as_bytes(),
                0o644,
            )?;
        }
        let text = std::fs::read_to_string(&marker).map_err(DevError::file("read", &marker))?;
        let Marker { layout } = toml::from_str(&text).map_err(|error| DevError::Damaged {
            path: marker,
            reason: error.message().to_owned(),
        })?;
        if layout != LAYOUT {
            return Err(DevError::OtherLayout {
                path,
                found: layout,
                known: LAYOUT,
            });
        }
        let logs = path.join("logs");
        std::fs::create_dir_all(&logs).map_err(DevError::file("create", &logs))?;
        Ok(Self {
            path,
            _lock: lock,
            temporary: None,
        })
    }

    /// A throw-away: it is removed when it is dropped.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn ephemeral() -> Result<Self, DevError> {
        use std::os::unix::fs::PermissionsExt;
        let parent = std::env::temp_dir();
        let folder = tempfile::Builder::new()
            .prefix("medconnect-")
            .tempdir_in(&parent)
            .map_err(DevError::file("create a folder in", &parent))?;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))
            .map_err(DevError::file("open", folder.path()))?;
        let mut opened = Self::open(folder.path())?;
        opened.temporary = Some(folder);
        Ok(opened)
    }

    /// Where one is, unless the user says otherwise: one that Postgres's user can reach too when we are root.
    pub fn default_path() -> PathBuf {
        if Uid::effective().is_root() {
            return "/var/lib/medconnect".into();
        }
        std::env::var_os("XDG_DATA_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share")))
            .unwrap_or_default()
            .join("medconnect")
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it goes away with us.
    pub const fn is_ephemeral(&self) -> bool {
        self.temporary.is_some()
    }

    /// The log of a part of the system.
    pub fn log(&self, of: &str) -> PathBuf {
        self.path.join("logs").join(format!("{of}.log"))
    }
}

/// Whether nothing is in it yet.
fn is_fresh(path: &Path) -> Result<bool, DevError> {
    let mut others = Vec::new();
    for entry in std::fs::read_dir(path).map_err(DevError::file("read", path))? {
        let name = entry.map_err(DevError::file("read", path))?.file_name();
        if name == MARKER {
            return Ok(false);
        }
        // A start that was interrupted before the marker leaves no more than these.
        if name != LOCK && !name.to_string_lossy().starts_with('.') {
            others.push(name);
        }
    }
    match others.first() {
        None => Ok(true),
        Some(other) => Err(DevError::Foreign {
            path: path.to_owned(),
            reason: format!("it holds {} and no {MARKER}", other.to_string_lossy()),
        }),
    }
}

/// How long a process that was killed may hold its lock: until it is gone.
const DIES_WITHIN: Duration = Duration::from_secs(2);

fn lock(folder: &Path) -> Result<Flock<File>, DevError> {
    let path = folder.join(LOCK);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(DevError::file("open", &path))?;
    let mut lock = acquire(file, Instant::now() + DIES_WITHIN).map_err(|mut file| {
        let mut holder = String::new();
        let _ = file.read_to_string(&mut holder);
        DevError::Locked {
            path: folder.to_owned(),
            holder: holder.trim().to_owned(),
        }
    })?;
    lock.set_len(0)
        .and_then(|()| lock.rewind())
        .and_then(|()| writeln!(lock, "{}", std::process::id()))
        .map_err(DevError::file("write", &path))?;
    Ok(lock)
}

/// Gives the file back if somebody still holds it then.
fn acquire(mut file: File, until: Instant) -> Result<Flock<File>, File> {
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((held, _)) if Instant::now() >= until => return Err(held),
            Err((held, _)) => file = held,
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Writes a file so that there is the former one or the new one, whatever happens in between.
pub(super) fn write_atomically(path: &Path, content: &[u8], mode: u32) -> Result<(), DevError> {
    let beside = path.with_extension("new");
    let _ = std::fs::remove_file(&beside);
    OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(mode)
        .open(&beside)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(DevError::file("write", path))
}

/// Reads a JSON file; `None` when it is not there.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, DevError> {
    match std::fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| DevError::Damaged {
                path: path.to_owned(),
                reason: error.to_string(),
            }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DevError::file("read", path)(error)),
    }
}

/// Writes a JSON file for its owner alone.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), DevError> {
    let text = serde_json::to_vec_pretty(value).map_err(|error| DevError::Damaged {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    write_atomically(path, &text, 0o600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_systems_do_not_share_a_directory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/data");
        let first = DataDir::open(&path).unwrap();
        let refused = DataDir::open(&path).unwrap_err();
        assert!(matches!(&refused, DevError::Locked { holder, .. } if *holder == std::process::id().to_string()));
        drop(first);
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn a_folder_with_something_else_in_it_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("thesis.odt"), "precious").unwrap();
        let refused = DataDir::open(folder.path()).unwrap_err();
        assert!(
            refused.to_string().contains("thesis.odt") && refused.to_string().contains("--data-dir"),
            "{refused}"
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let file = folder.path().join("thesis.odt");
        assert!(matches!(DataDir::open(&file).unwrap_err(), DevError::Foreign { .. }));
    }

    #[test]
    fn a_directory_of_another_layout_or_a_damaged_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        drop(DataDir::open(folder.path()).unwrap());
        let other = LAYOUT - 1;
        std::fs::write(folder.path().join(MARKER), format!("layout = {other}")).unwrap();
        assert!(matches!(
            DataDir::open(folder.path()).unwrap_err(),
            DevError::OtherLayout { found, .. } if found == other
        ));
        std::fs::write(folder.path().join(MARKER), "lay").unwrap();
        assert!(matches!(
            DataDir::open(folder.path()).unwrap_err(),
            DevError::Damaged { .. }
        ));
    }

    #[test]
    fn a_throw_away_is_gone_afterwards() {
        let directory = DataDir::ephemeral().unwrap();
        let path = directory.path().to_owned();
        assert!(path.join(MARKER).is_file());
        drop(directory);
        assert!(!path.exists());
    }
}
