//! The journal of a chain: everything that ever changed it, in order, one JSON value per line.
//!
//! A line is written before the node hears of it, so a line that a crash left unfinished never happened: it is cut off.
//! A line that is wrong anywhere else is damage, and is said.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::error::DevError;

/// The first line: how the chain began.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Birth {
    /// The chain id.
    pub(super) id: u64,
    /// The time of block 0, in seconds since the Unix epoch.
    pub(super) time: u64,
    /// The version of Anvil that made the first blocks.
    pub(super) anvil: String,
    /// Whether its blocks have state roots.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) proofs: bool,
}

/// One line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Entry {
    /// The chain begins.
    Chain(Birth),
    /// An address has so much from now on, in wei (hexadecimal).
    Fund {
        /// The address.
        address: String,
        /// The balance.
        wei: String,
    },
    /// A signed transaction is handed to the node, which may refuse it.
    Send(String),
    /// A block is mined of what the node has accepted.
    Mine {
        /// Its time.
        time: u64,
        /// The hash of the block before it.
        parent: String,
    },
}

/// A journal, open at its end.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: Arc<File>,
    length: u64,
}

/// A chain as its journal begins.
#[derive(Debug)]
pub(super) struct Opened {
    /// How it began.
    pub(super) birth: Birth,
    /// The journal; `None` for a chain that is not kept.
    pub(super) journal: Option<Journal>,
}

/// Opens a journal, or begins one. With `proofs` its blocks have state roots, or it is refused; without, they are as they were begun.
///
/// # Errors
/// When the file cannot be used, is no journal, or is one of a chain without the state roots that are wanted.
pub(super) fn open(path: Option<&Path>, chain_id: u64, anvil: &str, proofs: bool) -> Result<Opened, DevError> {
    let newborn = || Birth {
        id: chain_id,
        time: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_secs()),
        anvil: anvil.to_owned(),
        proofs,
    };
    let Some(path) = path else {
        return Ok(Opened {
            birth: newborn(),
            journal: None,
        });
    };
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)
        .map_err(DevError::file("open", path))?;
    let length = complete_length(&file).map_err(DevError::file("read", path))?;
    file.set_len(length).map_err(DevError::file("cut", path))?;
    let mut journal = Journal {
        path: path.to_owned(),
        file: Arc::new(file),
        length,
    };
    if length == 0 {
        let birth = newborn();
        journal.append(&Entry::Chain(birth.clone()))?;
        return Ok(Opened {
            birth,
            journal: Some(journal),
        });
    }
    match journal.entries()?.next() {
        Some(Ok(Entry::Chain(birth))) if proofs && !birth.proofs => Err(DevError::NoProofs(path.to_owned())),
        Some(Ok(Entry::Chain(birth))) => Ok(Opened {
            birth,
            journal: Some(journal),
        }),
        Some(Err(error)) => Err(error),
        _ => Err(DevError::JournalDamaged {
            path: path.to_owned(),
            line: 1,
            reason: "it does not begin with a chain".to_owned(),
        }),
    }
}

/// The length of the file up to its last complete line.
fn complete_length(file: &File) -> std::io::Result<u64> {
    use std::os::unix::fs::FileExt;
    let mut end = file.metadata()?.len();
    let mut piece = [0; 4096];
    while end > 0 {
        let size = piece.len().min(usize::try_from(end).unwrap_or(usize::MAX));
        let piece = piece.get_mut(..size).unwrap_or_default();
        let start = end - size as u64;
        file.read_exact_at(piece, start)?;
        if let Some(at) = piece.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

impl Journal {
    /// Writes an entry to the system: it survives the death of this process.
    ///
    /// # Errors
    /// When the disk is full or gone; then the entry is not there.
    pub(super) fn append(&mut self, entry: &Entry) -> Result<(), DevError> {
        let mut line = serde_json::to_vec(entry).map_err(|error| self.damaged(0, &error.to_string()))?;
        line.push(b'\n');
        if let Err(error) = self.file.as_ref().write_all(&line) {
            // What was written of it must not become the beginning of the next.
            let _ = self.file.set_len(self.length);
            return Err(DevError::file("write", &self.path)(error));
        }
        self.length += line.len() as u64;
        Ok(())
    }

    /// Writes everything to the disk: it survives a failure of the machine.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) async fn sync(&self) -> Result<(), DevError> {
        let file = Arc::clone(&self.file);
        tokio::task::spawn_blocking(move || file.sync_data())
            .await
            .unwrap_or_else(|stopped| Err(std::io::Error::other(stopped)))
            .map_err(DevError::file("write", &self.path))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Everything in it, from the beginning.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn entries(&self) -> Result<impl Iterator<Item = Result<Entry, DevError>> + Send + use<>, DevError> {
        let file = File::open(&self.path).map_err(DevError::file("open", &self.path))?;
        let path = self.path.clone();
        Ok(BufReader::with_capacity(1 << 18, file)
            .lines()
            .enumerate()
            .map(move |(index, line)| {
                let line = line.map_err(DevError::file("read", &path))?;
                serde_json::from_str(&line).map_err(|error| DevError::JournalDamaged {
                    path: path.clone(),
                    line: index + 1,
                    reason: error.to_string(),
                })
            }))
    }

    fn damaged(&self, line: usize, reason: &str) -> DevError {
        DevError::JournalDamaged {
            path: self.path.clone(),
            line,
            reason: reason.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(journal: &Journal) -> Vec<Entry> {
        journal.entries().unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn what_was_written_is_read_again_and_an_unfinished_line_never_happened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chain.jsonl");
        let mut opened = open(Some(&path), 31337, "1.7.1", false).unwrap();
        let journal = opened.journal.as_mut().unwrap();
        let entries = [
            Entry::Send("0x02".repeat(5000)),
            Entry::Mine {
                time: 7,
                parent: "0xab".to_owned(),
            },
        ];
        entries.iter().for_each(|entry| journal.append(entry).unwrap());
        drop(opened);
        let whole = std::fs::read(&path).unwrap();
        for torn in ["{", "{\"send\":\"0x02", &format!("{{\"send\":\"{}", "0".repeat(10_000))] {
            std::fs::write(&path, [whole.as_slice(), torn.as_bytes()].concat()).unwrap();
            let again = open(Some(&path), 1, "2.0.0", false).unwrap();
            assert_eq!(again.birth.id, 31337, "the journal decides, not the caller");
            assert_eq!(all(again.journal.as_ref().unwrap()).get(1..).unwrap(), entries);
            assert_eq!(std::fs::read(&path).unwrap(), whole);
        }
    }

    #[test]
    fn a_chain_that_began_without_state_roots_gets_none() {
        let folder = tempfile::tempdir().unwrap();
        let [without, with] = ["without.jsonl", "with.jsonl"].map(|name| folder.path().join(name));
        drop(open(Some(&without), 31337, "1.7.1", false).unwrap());
        let refused = open(Some(&without), 31337, "1.7.1", true).unwrap_err();
        assert!(matches!(refused, DevError::NoProofs(_)), "{refused}");
        drop(open(Some(&with), 31337, "1.7.1", true).unwrap());
        let again = open(Some(&with), 31337, "1.7.1", false).unwrap();
        assert!(again.birth.proofs, "the journal decides");
    }

    #[test]
    fn a_damaged_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chain.jsonl");
        drop(open(Some(&path), 31337, "1.7.1", false).unwrap());
        let mut text = std::fs::read(&path).unwrap();
        text.extend(b"{\"sind\":\"0x\"}\n{\"send\":\"0x\"}\n");
        std::fs::write(&path, text).unwrap();
        let opened = open(Some(&path), 31337, "1.7.1", false).unwrap();
        let error = opened
            .journal
            .unwrap()
            .entries()
            .unwrap()
            .find_map(Result::err)
            .unwrap();
        assert!(matches!(error, DevError::JournalDamaged { line: 2, .. }), "{error}");
        std::fs::write(&path, "something else\n").unwrap();
        assert!(matches!(
            open(Some(&path), 1, "x", false).unwrap_err(),
            DevError::JournalDamaged { line: 1, .. }
        ));
    }
}
