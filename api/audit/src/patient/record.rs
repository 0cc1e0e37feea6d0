//! A record, chapter by chapter, as far as it is proved, and what the keys tell of it.

use std::collections::{BTreeMap, BTreeSet};

use application::log::{BlockRef, Position, StreamId};
use infrastructure::chain::EventLog;
use infrastructure::follower::{Fate, ReadChapter, RecordCommit, read_record, rests_on_profiles};
use infrastructure::log::{Namespace, StreamTip};
use infrastructure::sealing::Opener;

use super::beside;
use super::commits::ProvenCommit;
use super::stream::ProvenStream;
use crate::stop::{AuditError, Stop};

/// A record.
pub(super) struct Record<'a> {
    log: &'a EventLog,
    opener: Option<&'a Opener>,
    streams: Vec<StreamId>,
    proven: Vec<ProvenStream>,
    /// By their first positions, each once, though it may have entries in several chapters.
    commits: BTreeMap<Position, Known>,
    /// The namespaces of which it is known what their owners have published.
    profiles: BTreeSet<Namespace>,
    /// As many as there are streams, if they are opened.
    read: Vec<ReadChapter>,
}

/// A commit that is proved.
struct Known {
    commit: ProvenCommit,
    /// The stream in which it was found.
    stream: StreamId,
    read: RecordCommit,
    /// Whether what the other streams ended with is proved, and not only listed.
    is_beside_proved: bool,
}

impl Known {
    fn is_void(&self, chapters: &[ReadChapter]) -> bool {
        let entries = chapters.iter().flat_map(|chapter| &chapter.entries);
        let mut void = entries.filter(|entry| entry.fate == Fate::Void);
        void.any(|entry| self.read.entries.iter().any(|own| own.position == entry.position))
    }
}

impl<'a> Record<'a> {
    /// Of which nothing is known yet.
    pub(super) const fn new(log: &'a EventLog, opener: Option<&'a Opener>) -> Self {
        Self {
            log,
            opener,
            streams: Vec::new(),
            proven: Vec::new(),
            commits: BTreeMap::new(),
            profiles: BTreeSet::new(),
            read: Vec::new(),
        }
    }

    /// Takes the next chapter in.
    pub(super) async fn add(&mut self, stream: StreamId, proven: ProvenStream) -> Result<(), Stop> {
        self.streams.push(stream);
        if self.opener.is_some() {
            self.take_in(stream, &proven).await?;
        }
        self.proven.push(proven);
        Ok(())
    }

    /// The namespaces of which it must be known what their owners have published, and is not.
    pub(super) fn unknown_profiles(&self) -> BTreeSet<Namespace> {
        let entries = self.commits.values().flat_map(|known| &known.read.entries);
        let rests_on = entries.filter_map(rests_on_profiles);
        rests_on
            .filter(|namespace| !self.profiles.contains(namespace))
            .collect()
    }

    /// Takes in what the owners of a namespace have done to it.
    pub(super) async fn add_profiles(&mut self, namespace: Namespace, proven: &ProvenStream) -> Result<(), Stop> {
        self.profiles.insert(namespace);
        self.take_in(Namespace::about(namespace), proven).await
    }

    async fn take_in(&mut self, stream: StreamId, proven: &ProvenStream) -> Result<(), Stop> {
        for commit in &proven.commits {
            let first = commit.entries().next().map_or(0, |(entry, _)| entry.position);
            if !self.commits.contains_key(&first) {
                let behind = beside::listed(self.log, commit, stream).await?;
                let known = Known {
                    read: commit.to_read(behind),
                    commit: commit.clone(),
                    stream,
                    is_beside_proved: false,
                };
                self.commits.insert(first, known);
            }
        }
        Ok(())
    }

    /// Opens what was taken in, and answers whether another chapter may follow: if the last one is closed; or, where nothing is opened, if it has any entry.
    pub(super) async fn goes_on(&mut self) -> Result<bool, Stop> {
        if let Some(opener) = self.opener {
            self.open(opener).await?;
            return Ok(self.read.last().is_some_and(|chapter| chapter.is_closed));
        }
        Ok(self.proven.last().is_some_and(|proven| !proven.commits.is_empty()))
    }

    /// Whether no chapter has an entry.
    pub(super) fn is_empty(&self) -> bool {
        self.proven.iter().all(|proven| proven.commits.is_empty())
    }

    /// The chapters in order, with what was read of them.
    pub(super) fn chapters(&self) -> impl Iterator<Item = (StreamId, &ProvenStream, Option<&ReadChapter>)> {
        let chapters = self.streams.iter().zip(&self.proven).enumerate();
        chapters.map(|(number, (stream, proven))| (*stream, proven, self.read.get(number)))
    }

    /// Opens what is proved. What the other streams of its commits ended with is asked for, and believed as long as everything opens with it: the seal of a
    /// commit holds with nothing else. Where something does not, it is proved as well.
    async fn open(&mut self, opener: &Opener) -> Result<(), Stop> {
        self.read = self.read_again(opener).await?;
        let mut proved_anew = false;
        for known in self.commits.values_mut() {
            let is_doubted = known.is_void(&self.read) && !std::mem::replace(&mut known.is_beside_proved, true);
            if is_doubted && known.commit.has_others(known.stream) {
                known.read.behind = beside::proven(self.log, &known.commit, known.stream).await?;
                proved_anew = true;
            }
        }
        if proved_anew {
            self.read = self.read_again(opener).await?;
        }
        Ok(())
    }

    async fn read_again(&self, opener: &Opener) -> Result<Vec<ReadChapter>, Stop> {
        let commits: Vec<RecordCommit> = self.commits.values().map(|known| known.read.clone()).collect();
        let read = read_record(opener, &self.streams, &commits).await;
        Ok(read.map_err(AuditError::Opening)?)
    }
}

impl ProvenCommit {
    /// As the follower's rules take it.
    fn to_read(&self, behind: Vec<(StreamId, StreamTip)>) -> RecordCommit {
        let block = BlockRef {
            number: self.header.number,
            hash: self.header.hash,
            parent_hash: self.header.parent,
            timestamp: self.header.time,
        };
        RecordCommit {
            block,
            entries: self.entries().map(|(entry, _)| entry.clone()).collect(),
            behind,
        }
    }
}
