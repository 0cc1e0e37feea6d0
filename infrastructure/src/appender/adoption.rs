//! Commits of a key that nobody signs with any more are taken over by a key that somebody does: they are signed anew.
//!
//! The former key's transactions may still be mined. One that lacks ether, or a fee, or the nonce before it, is valid for ever, and anybody
//! who has its bytes can send it, at any time. So there may be two transactions with the same commit, and nobody knows which of them is first.
//! Neither that nor a third one appends anything twice:
//!
//! 1. A commit names, for each of its streams, the head that it was decided on, and the contract appends it only where all of them stand
//!    there. Appending it moves them on. A head has a version, which only rises, so no stream ever comes back to a head that it has left:
//!    of all copies of a commit, in whatever transactions and order, at most one is appended, on every branch of the chain.
//! 2. What is told of it is true. Which copy went in does not matter to whoever asks: `trace` finds the command in the journal. If the copy
//!    that is told about is rejected, that is told when its block is final; by then the copy that moved the head is in the journal, for it
//!    stands in the same block or before. Whoever waited for the commit looks for its heads there, and decides again only if they are
//!    not there (`Executor::settle`); and then no copy can go in any more, by (1), because somebody else has moved the head for good.
//! 3. A command has one row in `outbox_commits`, and one key whose that row is. It changes hands in the transaction that stores the new signature, and
//!    only while the heir's fence on the former key's lease stands. So if the former key's server comes back, it either finds the commit in its
//!    outbox and nobody takes it from there any more, or does not find it. Before that transaction nothing has changed, whoever dies.
//! 4. Commits that were decided one upon the other are taken over together and in their order, so that taking over rejects none of them.
//!
//! None of this holds for calls: (1) is the contract's doing, and another contract does not do it. So a call is not taken over while any transaction that was
//! signed for it may still be executed, however long that takes. Its transactions are sent on as they are signed, and those before them are kept for that even where
//! their commits were taken over. Only a call that can never be executed as it is signed, for a final block has used its nonce ([`super::machine`], `calls`), changes hands: as (3) says
//! of commits, in the transaction that stores the new signature and forgets the former one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use domain::kernel::CommandId;

use super::lease::Lease;
use super::machine::CommitKey;
use crate::calls::{Call, CallId};
use crate::log::Commit;

/// Commits of a key that nobody signs with, for whoever appends on this server.
pub(super) struct Bequest {
    /// The heir's lease on the former key.
    pub(super) from: Lease,
    /// The commits, in their order.
    pub(super) commits: Vec<Arc<Commit>>,
    /// The calls that can never be executed as they are signed, in their order, and the gas that they are to be given.
    pub(super) calls: Vec<(Arc<Call>, u64)>,
}

/// The commits that are being taken over, until they are stored under the new key or turn out to be somebody else's.
#[derive(Default)]
pub(super) struct Adoptions {
    from: HashMap<CommitKey, (CommandId, Lease)>,
    commands: HashSet<CommandId>,
    calls: HashMap<CallId, Lease>,
}

impl Adoptions {
    /// Begins with one; `false` when it has begun already.
    pub(super) fn begin(&mut self, key: CommitKey, command: CommandId, from: Lease) -> bool {
        let is_new = self.commands.insert(command);
        if is_new {
            self.from.insert(key, (command, from));
        }
        is_new
    }

    /// Under which lease an heir has it.
    pub(super) fn from(&self, key: CommitKey) -> Option<Lease> {
        self.from.get(&key).map(|(_, from)| *from)
    }

    /// Begins with a call; `false` when it has begun already.
    pub(super) fn begin_call(&mut self, id: CallId, from: Lease) -> bool {
        self.calls.insert(id, from).is_none()
    }

    /// Under which lease an heir has it.
    pub(super) fn call_from(&self, id: CallId) -> Option<Lease> {
        self.calls.get(&id).copied()
    }

    /// It is ours, or was not to be had.
    pub(super) fn end_call(&mut self, id: CallId) {
        self.calls.remove(&id);
    }

    /// It is ours, or was not to be had.
    pub(super) fn end(&mut self, key: CommitKey) {
        if let Some((command, _)) = self.from.remove(&key) {
            self.commands.remove(&command);
        }
    }
}
