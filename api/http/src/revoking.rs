//! Revocations that wait are carried through: side by side, for one that is durable waits for the chain however long that takes, and the
//! others must become durable meanwhile.

use std::collections::HashSet;
use std::time::Duration;

use application::ports::revocations::Revocation;
use application::use_cases::clinic::{Backend, Clinic};
use domain::kernel::CommandId;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::time::{MissedTickBehavior, interval};

/// How often revocations that wait are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Carries revocations through that wait for something, for as long as it is polled.
pub(super) async fn carry_through<B: Backend>(clinic: &Clinic<B>) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut carried, mut under_way) = (FuturesUnordered::new(), HashSet::new());
    loop {
        tokio::select! {
            _ = ticks.tick() => match clinic.revocations.take_on().await {
                // Whatever takes longer than it is left undisturbed is taken on again, here too.
                Ok(taken) => carried.extend(
                    taken
                        .into_iter()
                        .filter(|revocation| under_way.insert(revocation.command_id))
                        .map(|revocation| carry(clinic, revocation)),
                ),
                Err(error) => tracing::warn!(%error, "revocations that wait cannot be looked for"),
            },
            Some(command) = carried.next() => {
                under_way.remove(&command);
            }
        }
    }
}

/// Tries once. What becomes of it is logged and noted there; what waits on is taken on again.
async fn carry<B: Backend>(clinic: &Clinic<B>, revocation: Revocation) -> CommandId {
    drop(clinic.carry_through(&revocation, true).await);
    revocation.command_id
}
