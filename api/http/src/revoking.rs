//! Revocations that wait are carried through.

use std::time::Duration;

use application::ports::revocations::Revocation;
use application::use_cases::clinic::{Backend, Clinic};

use crate::side_by_side::issue_side_by_side;

/// How long after a look revocations that wait are looked for again, at least.
const PAUSE: Duration = Duration::from_millis(500);

/// Carries revocations through that wait for something, for as long as it is polled: however many, for what they deny is denied already.
pub(super) async fn carry_through<B: Backend>(clinic: &Clinic<B>) {
    let look = || async {
        let taken = clinic.revocations.take_on().await;
        taken.unwrap_or_else(|error| {
            tracing::warn!(%error, "revocations that wait cannot be looked for");
            Vec::new()
        })
    };
    // What becomes of it is logged and noted there; what waits on is taken on again.
    let attempt = |revocation: Revocation| async move { drop(clinic.carry_through(&revocation, true).await) };
    issue_side_by_side(PAUSE, usize::MAX, look, |revocation| revocation.command_id, attempt).await;
}
