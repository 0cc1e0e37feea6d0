//! Revocations that wait are carried through: side by side, for one that is durable waits for the chain however long that takes, and the
//! others must become durable meanwhile.

use std::collections::HashSet;
use std::time::Duration;

use application::ports::revocations::Revocation;
use application::use_cases::clinic::{Backend, Clinic};
use backon::{BackoffBuilder as _, ConstantBuilder};
use domain::kernel::CommandId;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::time::sleep;

/// How long after a look revocations that wait are looked for again, at least; at most it is twice as long. By chance, so that of several
/// servers it is not always the same one that looks first: that one may have no node.
const PAUSE: Duration = Duration::from_millis(500);

/// Carries revocations through that wait for something, for as long as it is polled.
pub(super) async fn carry_through<B: Backend>(clinic: &Clinic<B>) {
    let pauses = ConstantBuilder::new()
        .with_delay(PAUSE)
        .with_jitter()
        .without_max_times();
    let (mut carried, mut under_way) = (FuturesUnordered::new(), HashSet::new());
    for pause in pauses.build() {
        match clinic.revocations.take_on().await {
            // Whatever takes longer than it is left undisturbed is taken on again, here too.
            Ok(taken) => carried.extend(
                taken
                    .into_iter()
                    .filter(|revocation| under_way.insert(revocation.command_id))
                    .map(|revocation| carry(clinic, revocation)),
            ),
            Err(error) => tracing::warn!(%error, "revocations that wait cannot be looked for"),
        }
        let next_look = sleep(pause);
        tokio::pin!(next_look);
        loop {
            tokio::select! {
                () = &mut next_look => break,
                Some(command) = carried.next() => {
                    under_way.remove(&command);
                }
            }
        }
    }
}

/// Tries once. What becomes of it is logged and noted there; what waits on is taken on again.
async fn carry<B: Backend>(clinic: &Clinic<B>, revocation: Revocation) -> CommandId {
    drop(clinic.carry_through(&revocation, true).await);
    revocation.command_id
}
