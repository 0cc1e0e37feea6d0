//! Emergencies that nobody has justified in time are flagged.

use std::time::Duration;

use api_http::side_by_side::issue_side_by_side;
use application::use_cases::clinic::{Backend, Clinic};
use domain::kernel::EmergencyId;
use tokio::time::sleep;

/// How long after a look it is looked again for what is overdue, at least.
const PAUSE: Duration = Duration::from_secs(1);

/// How many are flagged at the same time, about.
const AT_ONCE: u32 = 64;

/// After how long what could not be flagged is tried again, at least.
const AGAIN: Duration = Duration::from_secs(60);

/// Flags them, for as long as it is polled. What fails is found again, here or by another server: whoever flags one, it is the same command.
pub(crate) async fn flag_overdue<B: Backend>(clinic: &Clinic<B>) {
    let look = || async {
        let overdue = clinic.overdue_emergencies(AT_ONCE).await;
        overdue.unwrap_or_else(|error| {
            tracing::warn!(%error, "emergencies that are overdue cannot be looked for");
            Vec::new()
        })
    };
    let attempt = |emergency: EmergencyId| async move {
        if let Err(error) = clinic.flag_emergency(emergency).await {
            tracing::warn!(%error, command = %clinic.flags(emergency), "an emergency that nobody has justified waits to be flagged");
            sleep(AGAIN).await;
        }
    };
    let at_once = usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
    issue_side_by_side(PAUSE, at_once, look, |emergency| clinic.flags(*emergency), attempt).await;
}
