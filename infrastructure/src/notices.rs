//! What the follower tells the rest of the process, after its transaction is committed.
//!
//! A small closed set: applied, reverted, finalized. Every subscriber gets every notice in order; nothing is dropped, so a
//! subscriber must keep reading.

use std::sync::{Arc, Mutex, PoisonError};

use application::log::{BlockRef, Position, StreamId};
use domain::kernel::CommandId;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::log::{RejectedCommit, StreamTip};

/// An event that was applied, without its payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AppliedEvent {
    /// The stream.
    pub stream: StreamId,
    /// Where the stream ends after the event.
    pub tip: StreamTip,
    /// Its place in the log.
    pub position: Position,
    /// The transaction that appended it.
    pub transaction: [u8; 32],
    /// The command that decided it; `None` when the event could not be opened.
    pub command_id: Option<CommandId>,
    /// What it came to.
    pub state: EntryState,
}

/// What an entry that was applied came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryState {
    /// It counts, or is nothing of ours.
    Applied,
    /// It cannot be read, or stands behind one that cannot: it counts once that can be read.
    Parked,
    /// It means nothing and never will.
    Void,
}

/// One notice.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A block is in the journal and the read models.
    Applied {
        /// The block.
        block: BlockRef,
        /// Its events, in order.
        appended: Vec<AppliedEvent>,
        /// Its rejected commits, in order.
        rejected: Vec<RejectedCommit>,
        /// The last position of the log after it.
        position: Position,
    },
    /// Every block above this one was undone.
    Reverted {
        /// The last block that still stands.
        to: u64,
        /// The last position that still stands.
        position: Position,
    },
    /// Every block up to this one is final.
    Finalized {
        /// The block.
        block: u64,
        /// The last position that is final.
        position: Position,
    },
}

/// Where the follower publishes and the others subscribe.
#[derive(Clone, Default, Debug)]
pub struct Notices {
    subscribers: Arc<Mutex<Vec<UnboundedSender<Arc<Notice>>>>>,
    expected: Arc<Notify>,
}

impl Notices {
    /// Subscribes to everything from now on.
    pub fn subscribe(&self) -> UnboundedReceiver<Arc<Notice>> {
        let (sender, receiver) = unbounded_channel();
        self.lock().push(sender);
        receiver
    }

    /// Tells every subscriber. Those that are gone are forgotten.
    pub fn publish(&self, notice: Notice) {
        let notice = Arc::new(notice);
        self.lock()
            .retain(|subscriber| subscriber.send(Arc::clone(&notice)).is_ok());
    }

    /// Tells the follower that a block is expected soon, so that it looks often for a while.
    pub fn expect_block(&self) {
        self.expected.notify_one();
    }

    /// Waits until somebody expects a block.
    pub async fn block_expected(&self) {
        self.expected.notified().await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<UnboundedSender<Arc<Notice>>>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
