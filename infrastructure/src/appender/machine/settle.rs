//! From a block to an outcome.

use std::iter::Peekable;

use super::batch::{Batch, Member, Phase, Verdict};
use super::{Action, Machine, Millis, Nonce};
use crate::log::{CommitOutcome, Namespace, RejectedCommit, StreamTip};
use crate::notices::{AppliedEvent, EntryState};
use application::log::Finality;
use application::ports::command::Unavailable;

/// How long batches that may be forgotten are collected.
const CLEAN_EVERY: Millis = 250;

impl Machine {
    /// The follower applied a block. Its events are matched by transaction, and within one by order: the contract emits them in the
    /// order of the batch.
    pub(super) fn applied(
        &mut self,
        now: Millis,
        block: u64,
        appended: &[AppliedEvent],
        rejected: &[RejectedCommit],
        actions: &mut Vec<Action>,
    ) {
        let mut transactions: Vec<[u8; 32]> = appended.iter().map(|event| event.transaction).collect();
        transactions.dedup();
        transactions.extend(rejected.iter().map(|commit| commit.transaction));
        let mut nonces: Vec<Nonce> = transactions
            .iter()
            .filter_map(|hash| self.by_hash.get(hash).copied())
            .collect();
        nonces.sort_unstable();
        nonces.dedup();
        for nonce in &nonces {
            let Some(batch) = self.batches.get_mut(nonce) else {
                continue;
            };
            let ours = |hash: &[u8; 32]| batch.hashes.contains(hash);
            // Nothing vouches for whose transaction an entry or a rejection is of, so neither says anything of a call.
            if batch.is_call() {
                continue;
            }
            let events = appended.iter().filter(|event| ours(&event.transaction)).peekable();
            let rejections = rejected.iter().filter(|commit| ours(&commit.transaction)).peekable();
            let verdicts = verdicts(batch.members(), events, rejections);
            if verdicts.iter().all(|verdict| *verdict == Verdict::Unclear) {
                // Another's is shown in its place: it may still be mined.
                tracing::error!(nonce, block, "a node shows what is not ours in a transaction of ours");
                self.observe_now = true;
                continue;
            }
            if verdicts.contains(&Verdict::Unclear) {
                tracing::error!(
                    nonce,
                    block,
                    "a block does not say of each commit of a batch what became of it"
                );
            }
            if lacks_the_right(batch.members(), &verdicts, self.own) {
                self.authorized = false;
            }
            // After a reorganisation deeper than what was final, everybody has been told already.
            if !matches!(batch.phase, Phase::Final { .. }) {
                batch.phase = Phase::Included { block, verdicts };
            }
            self.progress_at = now;
            actions.push(Action::Mined { nonce: *nonce });
        }
        // Nonces are used in order: a batch below that is in no block was used up without a trace in the log.
        if let Some(highest) = nonces.last() {
            self.observe_now |= self
                .batches
                .range(..*highest)
                .any(|(_, batch)| batch.phase == Phase::Waiting);
        }
        self.observe_now |= self.awaits_a_call();
    }

    pub(super) fn reverted(&mut self, now: Millis, to: u64) {
        self.noticed_after = self.noticed_after.min(to);
        self.final_block = self.final_block.min(to);
        self.observe_now = true;
        self.settled_below = 0;
        for batch in self.batches.values_mut() {
            if let Phase::Included { block, .. } | Phase::Final { block, .. } = batch.phase
                && block > to
            {
                batch.told |= matches!(batch.phase, Phase::Final { .. });
                batch.wait_again(now);
            }
        }
    }

    pub(super) fn finalized(&mut self, block: u64, actions: &mut Vec<Action>) {
        self.final_block = self.final_block.max(block);
        let final_block = self.final_block;
        for batch in self.batches.range_mut(self.settled_below..).map(|(_, batch)| batch) {
            let Phase::Included { block, verdicts } = &mut batch.phase else {
                continue;
            };
            if *block > final_block {
                continue;
            }
            let (block, verdicts) = (*block, std::mem::take(verdicts));
            batch.phase = Phase::Final { block };
            if !std::mem::replace(&mut batch.told, true) {
                tell(batch.members(), &verdicts, self.own, actions);
            }
        }
    }

    /// Lets the outbox forget what is final: also what stands behind a call, or behind a batch of which nobody can tell what became of it, for that may
    /// take long. The highest of all nonces is forgotten last: a server that starts, and reaches no node, learns from it which is next.
    pub(super) fn clean(&mut self, now: Millis, actions: &mut Vec<Action>) {
        if self.clean_at().is_none_or(|at| at > now) {
            return;
        }
        self.cleaned_at = now;
        let passed = self.batches.iter().take_while(|(_, batch)| may_be_passed(batch));
        let old = passed.filter(|(_, batch)| may_be_forgotten(batch));
        let mut old: Vec<Nonce> = old.map(|(nonce, _)| *nonce).collect();
        if old.len() < self.in_outbox().count() || self.has_queued() {
            old.pop_if(|last| self.is_highest(*last));
        }
        for nonce in &old {
            self.remove(*nonce);
        }
        if !old.is_empty() {
            actions.push(Action::Forget(old));
        }
    }

    /// When the lowest batch that may be forgotten may be, if there is one. They become so nearly in order.
    pub(super) fn clean_at(&self) -> Option<Millis> {
        let mut passed = self.batches.iter().take_while(|(_, batch)| may_be_passed(batch));
        let (nonce, _) = passed.find(|(_, batch)| may_be_forgotten(batch))?;
        let is_last = self.in_outbox().nth(1).is_none() && !self.has_queued();
        let may_go = !self.is_highest(*nonce) || is_last;
        may_go.then_some(self.cleaned_at + CLEAN_EVERY)
    }

    /// Whether anything is on its way into the outbox: what is signed again stands there under its former nonce until it is stored under the next.
    fn has_queued(&self) -> bool {
        self.storing || !self.queue.is_empty() || !self.calls.is_empty()
    }

    fn is_highest(&self, nonce: Nonce) -> bool {
        self.in_outbox().next_back() == Some(nonce)
    }

    /// The nonces that the outbox has for certain.
    fn in_outbox(&self) -> impl DoubleEndedIterator<Item = Nonce> {
        let stored = self.batches.iter().filter(|(_, batch)| batch.phase != Phase::Storing);
        stored.map(|(nonce, _)| *nonce)
    }
}

/// A call is forgotten when the outbox has noted what came of it.
const fn may_be_forgotten(batch: &Batch) -> bool {
    !batch.replacing && !batch.is_call() && matches!(batch.phase, Phase::Final { .. })
}

/// Whether what stands behind it may be forgotten before it.
const fn may_be_passed(batch: &Batch) -> bool {
    may_be_forgotten(batch) || batch.is_call() || batch.undecided.is_some()
}

/// What a block says of each member, given the transaction's events and rejections in order.
fn verdicts<'a>(
    members: &[Member],
    mut events: Peekable<impl Iterator<Item = &'a AppliedEvent>>,
    mut rejections: Peekable<impl Iterator<Item = &'a RejectedCommit>>,
) -> Vec<Verdict> {
    (0u32..)
        .zip(members)
        .map(|(index, member)| {
            if let Some(rejection) = rejections.next_if(|rejection| rejection.index == index) {
                return Verdict::Rejected {
                    stream: rejection.stream,
                    actual: rejection.actual,
                };
            }
            let (mut verdict, mut states) = (Verdict::Unclear, Vec::new());
            for part in &member.commit.parts {
                // Which transaction an entry is of is a node's word, so what it says counts as well: another's may have been first.
                let mut tip = StreamTip {
                    version: part.expected.version,
                    ..StreamTip::default()
                };
                for payload in &part.payloads {
                    tip = tip.after(payload);
                    match events.next_if(|event| event.stream == part.stream && event.tip == tip) {
                        Some(event) => {
                            verdict = Verdict::Appended { last: event.position };
                            states.push(event.state);
                        }
                        None => return Verdict::Unclear,
                    }
                }
            }
            if states.contains(&EntryState::Void) {
                Verdict::Void
            } else if states.contains(&EntryState::Parked) {
                Verdict::Parked
            } else {
                verdict
            }
        })
        .collect()
}

/// Whether the signing key is no writer any more: what is stored until it is one again would be rejected as well. That it does not write in another
/// namespace than the organisation's own is no reason for that.
fn lacks_the_right(members: &[Member], verdicts: &[Verdict], own: Option<Namespace>) -> bool {
    members.iter().zip(verdicts).any(|(member, verdict)| {
        let namespace = no_right_in(member, *verdict);
        namespace.is_some_and(|namespace| own.is_none_or(|own| own == namespace))
    })
}

/// In which namespace the signing key was no writer, if a member was rejected on the very head that it named.
fn no_right_in(member: &Member, verdict: Verdict) -> Option<Namespace> {
    let Verdict::Rejected { stream, actual } = verdict else {
        return None;
    };
    let parts = &member.commit.parts;
    let is_as_named = parts
        .iter()
        .any(|part| part.stream == stream && part.expected == actual);
    is_as_named.then(|| Namespace::of(&stream))
}

/// Tells everybody who waits for a member. What has no effect is marked first: its command may come again at once.
fn tell(members: &[Member], verdicts: &[Verdict], own: Option<Namespace>, actions: &mut Vec<Action>) {
    let rejected: Vec<_> = members
        .iter()
        .zip(verdicts)
        .filter(|(member, verdict)| member.key.is_some() && matches!(verdict, Verdict::Rejected { .. } | Verdict::Void))
        .map(|(member, _)| member.commit.command_id)
        .collect();
    if !rejected.is_empty() {
        actions.push(Action::MarkRejected(rejected));
    }
    for (member, verdict) in members.iter().zip(verdicts) {
        let Some(key) = member.key else { continue };
        let outcome = match *verdict {
            Verdict::Appended { last } => CommitOutcome::Appended {
                position: last,
                finality: Finality::Final,
            },
            // Nobody was faster: decided again, it would be rejected again. In the organisation's own namespace it waits until the key is admitted again.
            Verdict::Rejected { .. }
                if no_right_in(member, *verdict).is_some_and(|of| own.is_some_and(|own| own != of)) =>
            {
                CommitOutcome::Failed(Unavailable::NotAppending)
            }
            Verdict::Rejected { stream, actual } => CommitOutcome::Rejected { stream, actual },
            Verdict::Void => CommitOutcome::Void,
            Verdict::Parked | Verdict::Unclear => CommitOutcome::HandedOver,
        };
        actions.push(Action::Resolve(key, outcome));
    }
}
