//! The machine is given up: the lease is lost, or the server stops.

use super::batch::{Content, Phase, Waiting};
use super::calls::WaitingCall;
use super::{Action, Machine, Queued, QueuedCall};
use crate::log::CommitOutcome;

/// The commits of a machine that was given up which are not known to be durable.
#[derive(Clone, Debug, Default)]
pub struct Surrendered {
    /// Their batch was being stored: they may be durable.
    pub storing: Vec<Queued>,
    /// They are not.
    pub queued: Vec<Queued>,
    /// Calls whose transaction was being stored: they may be durable.
    pub storing_calls: Vec<QueuedCall>,
    /// Calls that are not.
    pub calls: Vec<QueuedCall>,
}

impl Machine {
    /// Gives everything up: the lease is lost, or the server stops. Whoever waits for a commit that is durable is told that it is
    /// handed over; the others are answered, in order.
    pub fn surrender(self, actions: &mut Vec<Action>) -> Surrendered {
        let mut rest = Surrendered::default();
        for batch in self.batches.into_values() {
            let members = match batch.content {
                Content::Commits(members) => members,
                Content::Call(call) => {
                    if batch.phase == Phase::Storing {
                        // When it was gathered: it is given so much more time.
                        let (gas, since) = (batch.gas_limit, batch.priced_at);
                        rest.storing_calls.push(QueuedCall { call, gas, since });
                    }
                    continue;
                }
            };
            let members = members.into_iter().filter_map(|member| {
                Some(Queued {
                    key: member.key?,
                    commit: member.commit,
                    size: member.size,
                    since: member.since,
                })
            });
            match batch.phase {
                Phase::Final { .. } => {}
                Phase::Storing => rest.storing.extend(members),
                _ => actions.extend(members.map(|member| Action::Resolve(member.key, CommitOutcome::HandedOver))),
            }
        }
        for Waiting {
            key,
            commit,
            size,
            since,
            retry,
            ..
        } in self.queue
        {
            match retry {
                Some(_) => actions.push(Action::Resolve(key, CommitOutcome::HandedOver)),
                None => rest.queued.push(Queued {
                    key,
                    commit,
                    size,
                    since,
                }),
            }
        }
        let calls = self.calls.into_iter().filter(|waiting| !waiting.again);
        let not_stored = calls.map(|WaitingCall { call, gas, since, .. }| QueuedCall { call, gas, since });
        rest.calls.extend(not_stored);
        rest
    }
}
