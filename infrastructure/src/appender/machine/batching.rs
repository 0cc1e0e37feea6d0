//! From the queue into a batch: group commit; or out of the queue, when that takes too long.

use std::sync::Arc;

use super::batch::{Batch, Content, Member, Phase, Retry, Waiting};
use super::{Action, CommitKey, Machine, Millis, NewBatch, Nonce, Queued};
use crate::chain::Hash;
use crate::chain::gas::Size;
use crate::log::CommitOutcome;

impl Machine {
    pub(super) fn queue(&mut self, commit: Queued) {
        let Queued {
            key,
            commit,
            size,
            since,
        } = commit;
        self.queued = self.queued.plus(size);
        self.queue.push_back(Waiting {
            key,
            commit,
            size,
            since,
            refusals: 0,
            retry: None,
        });
    }

    /// Puts commits that have to be signed again before all others, in their order.
    pub(super) fn requeue(&mut self, now: Millis, members: Vec<Member>, retry: Retry) {
        for Member {
            key,
            commit,
            size,
            refusals,
            ..
        } in members.into_iter().rev()
        {
            let Some(key) = key else { continue };
            self.queued = self.queued.plus(size);
            self.queue.push_front(Waiting {
                key,
                commit,
                size,
                since: now,
                refusals,
                retry: Some(retry),
            });
        }
    }

    /// Puts commits of another key behind those that have to be signed again, and before all that are new.
    pub(super) fn adopt(&mut self, commits: Vec<Queued>) {
        let company = usize::MAX;
        for (place, commit) in (self.queued_again()..).zip(commits) {
            let Queued {
                key,
                commit,
                size,
                since,
            } = commit;
            self.queued = self.queued.plus(size);
            let waiting = Waiting {
                key,
                commit,
                size,
                since,
                refusals: 0,
                retry: Some(Retry { company }),
            };
            self.queue.insert(place, waiting);
        }
    }

    /// Makes a batch if it is time.
    pub(super) fn gather(&mut self, now: Millis, actions: &mut Vec<Action>) {
        if self.gather_call(now, actions) || self.gather_commits_at().is_none_or(|at| at > now) {
            return;
        }
        let Some(nonce) = self.next_nonce.filter(|_| self.knows_a_fee()) else {
            return;
        };
        let (members, retried, size) = self.take();
        let gas_limit = self.gas_limit(size);
        let fee = self.fee(gas_limit).unwrap_or_default();
        let entries = |members: &[Member]| -> Vec<_> {
            members
                .iter()
                .filter_map(|member| Some((member.key?, Arc::clone(&member.commit))))
                .collect()
        };
        self.next_nonce = Some(nonce + 1);
        self.storing = true;
        let (moved, fresh) = members.split_at_checked(retried).unwrap_or((&members, &[]));
        actions.push(Action::Store(NewBatch {
            nonce,
            fresh: entries(fresh),
            moved: entries(moved),
            fee,
            gas_limit,
        }));
        self.batches.insert(
            nonce,
            Batch::new(Content::Commits(members), fee, gas_limit, Phase::Storing, now),
        );
    }

    /// How many batches of commits are on their way, if another transaction can be stored now.
    pub(super) fn room(&self) -> Option<usize> {
        if self.storing || self.next_nonce.is_none() || !self.knows_a_fee() {
            return None;
        }
        let (mut commits, mut calls) = (0, 0);
        for (_, batch) in self.live().filter(|(_, batch)| batch.is_on_its_way()) {
            let of_its_kind = if batch.is_call() { &mut calls } else { &mut commits };
            *of_its_kind += 1;
        }
        (commits + calls < self.limits.depth).then_some(commits)
    }

    /// When the next batch is to be made; `None` when something else has to happen first.
    pub(super) fn gather_commits_at(&self) -> Option<Millis> {
        let first = self.queue.front().filter(|_| self.authorized)?;
        if self.needs_larger_blocks(first.size) {
            return None;
        }
        let in_flight = self.room()?;
        if first.retry.is_some() || !self.holds(self.queued) {
            return Some(first.since);
        }
        // The more is on its way, the longer a batch may grow: blocks cost more than bytes.
        let patience = if in_flight < self.limits.window {
            self.limits.linger * in_flight as u64
        } else {
            self.limits.company
        };
        Some(first.since + patience)
    }

    /// Gives up the commits that have waited for a batch too long. What the outbox has stays.
    pub(super) fn turn_away(&mut self, now: Millis, actions: &mut Vec<Action>) {
        let (stored, limit) = (self.queued_again(), self.limits.durable_within);
        while let Some(oldest) = self.queue.get(stored)
            && oldest.since + limit <= now
            && let Some(gone) = self.queue.remove(stored)
        {
            self.unqueue(gone.size);
            actions.push(Action::TurnAway(gone.key));
        }
    }

    /// When the next commit is to be given up.
    pub(super) fn turn_away_at(&self) -> Option<Millis> {
        let oldest = self.queue.get(self.queued_again())?;
        Some(oldest.since + self.limits.durable_within)
    }

    /// How many commits of the queue were in a batch before. They come first.
    fn queued_again(&self) -> usize {
        self.queue.iter().take_while(|waiting| waiting.retry.is_some()).count()
    }

    fn unqueue(&mut self, size: Size) {
        self.queued = self.queued.minus(size);
    }

    /// Takes a batch from the front of the queue; also answers how many of it were in a batch before, which come first.
    fn take(&mut self) -> (Vec<Member>, usize, Size) {
        let mut members: Vec<Member> = Vec::new();
        let (mut retried, mut size, mut company) = (0, Size::default(), usize::MAX);
        while let Some(next) = self.queue.front() {
            let with = size.plus(next.size);
            let limit = next.retry.map_or(company, |retry| retry.company.min(company));
            // One that is too large even alone is sent alone: it was measured when it was handed over, and gas may have become dearer.
            if !members.is_empty() && (members.len() >= limit || !self.holds(with)) {
                break;
            }
            // Commits that were reverted stay among themselves, so that they spoil nothing else.
            if retried > 0 && next.retry.is_none() && company != usize::MAX {
                break;
            }
            let Some(Waiting {
                key,
                commit,
                size: own,
                since,
                refusals,
                retry,
            }) = self.queue.pop_front()
            else {
                break;
            };
            self.unqueue(own);
            (size, company) = (with, limit);
            retried += usize::from(retry.is_some());
            members.push(Member {
                key: Some(key),
                commit,
                size: own,
                since,
                refusals,
            });
        }
        (members, retried, size)
    }

    pub(super) fn stored(
        &mut self,
        now: Millis,
        nonce: Nonce,
        hash: Hash,
        duplicates: &[CommitKey],
        actions: &mut Vec<Action>,
    ) {
        self.storing = false;
        let Some(batch) = self.batches.get_mut(&nonce) else {
            return;
        };
        if let Content::Commits(members) = &mut batch.content {
            if !duplicates.is_empty() {
                members.retain(|member| member.key.is_none_or(|key| !duplicates.contains(&key)));
                let resolved = duplicates
                    .iter()
                    .map(|key| Action::Resolve(*key, CommitOutcome::Duplicate));
                actions.extend(resolved);
            }
            let keys = members.iter().filter_map(|member| member.key);
            actions.extend(keys.map(Action::Accepted));
        }
        batch.hashes.push(hash);
        batch.wait_again(now);
        self.by_hash.insert(hash, nonce);
    }

    pub(super) fn nothing_stored(&mut self, nonce: Nonce, actions: &mut Vec<Action>) {
        if let Some(Content::Commits(members)) = self.withdraw(nonce) {
            let keys = members.iter().filter_map(|member| member.key);
            actions.extend(keys.map(|key| Action::Resolve(key, CommitOutcome::Duplicate)));
        }
    }

    /// Nothing was stored under this nonce.
    pub(super) fn withdraw(&mut self, nonce: Nonce) -> Option<Content> {
        self.storing = false;
        let batch = self.batches.remove(&nonce)?;
        // Nothing was gathered after it, for one batch is stored at a time.
        if self.next_nonce == Some(nonce + 1) {
            self.next_nonce = Some(nonce);
        }
        Some(batch.content)
    }
}
