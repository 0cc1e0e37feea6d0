//! What one nonce is used for: a batch of commits, or a call. And a commit on its way into a batch.

use std::sync::Arc;

use application::log::{Position, StreamId};

use super::{CommitKey, Millis};
use crate::appender::fees::Fee;
use crate::calls::Call;
use crate::chain::Hash;
use crate::chain::gas::Size;
use crate::log::{Commit, StreamHead};

/// A commit's place in a batch.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// `None` when the outbox knows it under another nonce meanwhile.
    pub(super) key: Option<CommitKey>,
    pub(super) commit: Arc<Commit>,
    pub(super) size: Size,
    pub(super) since: Millis,
    /// How often it was refused, alone in its batch.
    pub(super) refusals: u32,
}

/// What a block said about a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Appended {
        last: Position,
    },
    Rejected {
        stream: StreamId,
        actual: StreamHead,
    },
    /// It is there, and void: it means nothing, and never will.
    Void,
    /// It is there, and takes effect once what is parked is read.
    Parked,
    /// The block does not say it.
    Unclear,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// Being signed and stored.
    Storing,
    /// In the outbox, and in no block that we know of.
    Waiting,
    /// The account's nonce says that its nonce was used by this block at the latest. By whom is unclear.
    Used { by: u64, contradictions: u32 },
    /// In a block.
    Included { block: u64, verdicts: Vec<Verdict> },
    /// In a final block, and everybody has been told.
    Final { block: u64 },
}

/// What a transaction is for.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// To append these commits. Without any it only fills a gap in the nonces.
    Commits(Vec<Member>),
    /// A call, which is alone.
    Call(Arc<Call>),
}

#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) content: Content,
    pub(super) fee: Fee,
    pub(super) gas_limit: u64,
    pub(super) hashes: Vec<Hash>,
    pub(super) phase: Phase,
    /// A node took it, as far as we know.
    pub(super) pooled: bool,
    /// Since when a node says that it offers too little.
    pub(super) underpriced: Option<Millis>,
    /// A node says that the account cannot pay for it.
    pub(super) unpaid: bool,
    /// A node refuses it for another reason: it may ask for less gas than what it takes by now.
    pub(super) refused: bool,
    /// How many signatures before the newest one is sent next: one that the account cannot pay for must not keep an older one, which it can,
    /// from being sent again.
    pub(super) back: usize,
    /// How often it was sent since something last changed.
    pub(super) attempts: u32,
    pub(super) next_send: Millis,
    pub(super) first_sent: Option<Millis>,
    pub(super) priced_at: Millis,
    pub(super) sending: bool,
    pub(super) replacing: bool,
    pub(super) asking: bool,
    /// Since when it was asked in vain for what its nonce was used, and how often.
    pub(super) undecided: Option<(Millis, u32)>,
    /// Whoever waited for its commits or its call has been told. What is told is never told again, whatever the chain does.
    pub(super) told: bool,
}

impl Batch {
    pub(super) fn new(content: Content, fee: Fee, gas_limit: u64, phase: Phase, now: Millis) -> Self {
        Self {
            content,
            fee,
            gas_limit,
            hashes: Vec::new(),
            phase,
            pooled: false,
            underpriced: None,
            unpaid: false,
            refused: false,
            back: 0,
            attempts: 0,
            next_send: now,
            first_sent: None,
            priced_at: now,
            sending: false,
            replacing: false,
            asking: false,
            undecided: None,
            told: false,
        }
    }

    /// Its commits.
    pub(super) fn members(&self) -> &[Member] {
        match &self.content {
            Content::Commits(members) => members,
            Content::Call(_) => &[],
        }
    }

    /// What its commits take of a transaction.
    pub(super) fn size(&self) -> Size {
        let sizes = self.members().iter().map(|member| member.size);
        sizes.fold(Size::default(), Size::plus)
    }

    /// Whether it is a call.
    pub(super) const fn is_call(&self) -> bool {
        matches!(self.content, Content::Call(_))
    }

    /// The signature to send next.
    pub(super) fn signature(&self) -> Option<Hash> {
        self.hashes.iter().rev().nth(self.back).or(self.hashes.last()).copied()
    }

    pub(super) fn is_on_its_way(&self) -> bool {
        matches!(self.phase, Phase::Storing | Phase::Waiting)
    }

    /// Back to the pool, as if it had never been sent.
    pub(super) fn wait_again(&mut self, now: Millis) {
        self.phase = Phase::Waiting;
        self.pooled = false;
        self.underpriced = None;
        self.unpaid = false;
        self.refused = false;
        self.attempts = 0;
        self.next_send = now;
        self.priced_at = now;
        self.asking = false;
        self.undecided = None;
    }

    /// A node was asked for what its nonce was used, and told.
    pub(super) const fn answered(&mut self) {
        self.asking = false;
        self.undecided = None;
    }
}

/// A commit in the queue.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) key: CommitKey,
    pub(super) commit: Arc<Commit>,
    pub(super) size: Size,
    pub(super) since: Millis,
    pub(super) refusals: u32,
    pub(super) retry: Option<Retry>,
}

/// A commit that was in a batch before, of this key or of another: the outbox has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retry {
    /// How many commits its next batch may have.
    pub(super) company: usize,
}
