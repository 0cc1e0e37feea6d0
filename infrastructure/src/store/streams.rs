//! The streams in memory: as many as fit, and always those with commits in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use application::log::StreamId;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use domain::kernel::ClaimsId;

use super::stream::Stream;
use super::stream_filter::KnownStreams;
use crate::notices::{EntryState, Notice};
use crate::sealing::StreamNames;

/// The streams in memory. A record is there once: it goes by its first chapter.
pub(super) struct Streams {
    names: StreamNames,
    lately_used: moka::sync::Cache<StreamId, Arc<Stream>>,
    /// Evicting one of these would only make the next command on it fail at the contract.
    in_flight: DashMap<StreamId, Arc<Stream>>,
    /// Which streams exist at all.
    pub(super) known: KnownStreams,
    /// How many keys were destroyed when claims were let go of last.
    destroyed: AtomicU64,
}

impl Streams {
    /// Keeps so many that are not in flight.
    pub(super) fn new(names: StreamNames, capacity: u64) -> Self {
        Self {
            names,
            lately_used: moka::sync::Cache::new(capacity),
            in_flight: DashMap::new(),
            known: KnownStreams::new(),
            destroyed: AtomicU64::new(0),
        }
    }

    /// A stream.
    pub(super) fn get(&self, id: StreamId) -> Arc<Stream> {
        self.find(&id)
            .unwrap_or_else(|| self.lately_used.get_with(id, Arc::default))
    }

    /// A stream, if it is in memory.
    pub(super) fn find(&self, id: &StreamId) -> Option<Arc<Stream>> {
        let kept = self.in_flight.get(id).map(|stream| Arc::clone(&stream));
        kept.or_else(|| self.lately_used.get(id))
    }

    /// Keeps a stream, for it has a commit in flight or is about to. `false` when it was evicted meanwhile and is in memory a
    /// second time: then the other one counts.
    pub(super) fn keep(&self, id: StreamId, stream: &Arc<Stream>) -> bool {
        match self.in_flight.entry(id) {
            Entry::Occupied(kept) => Arc::ptr_eq(kept.get(), stream),
            Entry::Vacant(place) => {
                self.known.insert(&id);
                place.insert(Arc::clone(stream));
                self.lately_used.insert(id, Arc::clone(stream));
                true
            }
        }
    }

    /// Lets go of what names whom, if keys were destroyed since the last time: claims are the one state that rests on personal sections of several persons, so that what one of them is called stays
    /// in memory when their own stream has ended.
    pub(super) fn keys_destroyed(&self, so_far: u64) {
        if self.destroyed.swap(so_far, Ordering::AcqRel) == so_far {
            return;
        }
        for bucket in 0..=u8::MAX {
            self.tell(&self.names.seal(&ClaimsId(bucket).into()), Stream::let_go);
        }
    }

    /// How many streams are kept.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.in_flight.len()
    }

    /// Lets a stream go if no commit is in flight any more.
    pub(super) fn release(&self, id: &StreamId) {
        self.in_flight.remove_if(id, |_, stream| !stream.is_in_flight());
    }

    /// Tells the streams what the follower says.
    pub(super) fn hear(&self, notice: &Notice) {
        match notice {
            Notice::Applied { appended, .. } => {
                for event in appended {
                    let (record, chapter) = self.names.record(&event.stream);
                    self.known.insert(&record);
                    self.tell(&record, |stream| match event.state {
                        EntryState::Applied => stream.applied(event.tip.in_record(chapter)),
                        EntryState::Void | EntryState::Parked => stream.let_go(),
                    });
                }
            }
            Notice::Reverted { position, .. } => {
                for (_, stream) in &self.lately_used {
                    stream.reverted(*position);
                }
                for stream in &self.in_flight {
                    stream.reverted(*position);
                }
            }
            Notice::Finalized { .. } => {}
        }
    }

    fn tell(&self, id: &StreamId, tell: impl Fn(&Stream)) {
        let kept = self.in_flight.get(id).map(|stream| Arc::clone(&stream));
        let used = self
            .lately_used
            .get(id)
            .filter(|used| kept.as_ref().is_none_or(|kept| !Arc::ptr_eq(kept, used)));
        for stream in kept.iter().chain(&used) {
            tell(stream);
        }
    }
}
