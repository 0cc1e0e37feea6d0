//! Reads that are noted are put into the log: those of a patient together, once the first of them is old enough.

use std::time::Duration;

use api_http::side_by_side::issue_side_by_side;
use application::ports::reads::{Due, Notes, Overdue};
use application::trouble::TroubleKind;
use application::use_cases::clinic::{Backend, Clinic};
use chrono::Utc;
use tokio::time::sleep;

use crate::part_troubles::PartTroubles;

/// How long after a look it is looked again for what is due, at least.
const PAUSE: Duration = Duration::from_millis(500);

/// How often it is looked for what waits for too long.
const OVERDUE_EVERY: Duration = Duration::from_secs(10);

/// How much longer than others reads may wait until that is told.
const GRACE: Duration = Duration::from_secs(5 * 60);

/// Of how many patients reads are put into the log at the same time. No more, so that commands find room beside them.
const AT_ONCE: usize = 512;

/// Puts them into the log, for as long as it is polled. What fails is taken on again, here or by another server.
pub(crate) async fn put_into_the_log<B: Backend>(clinic: &Clinic<B>) {
    let look = || async {
        let due = clinic.reads.take_on(Due::Now).await;
        due.unwrap_or_else(|error| {
            tracing::warn!(%error, "noted reads cannot be looked for");
            Vec::new()
        })
    };
    let attempt = |notes: Notes| async move {
        let command = notes.command_id;
        if let Err(error) = clinic.log_reads(notes).await {
            tracing::warn!(%error, %command, "reads wait to be put into the log");
        }
    };
    issue_side_by_side(PAUSE, AT_ONCE, look, |notes| notes.command_id, attempt).await;
}

/// Looks whether some wait for too long, for as long as it is polled. `wait` is how long a note waits at least.
pub(crate) async fn look_for_overdue<B: Backend>(clinic: &Clinic<B>, wait: Duration, told: &PartTroubles) {
    loop {
        match clinic.reads.overdue(Utc::now() - wait * 2 - GRACE).await {
            Ok(overdue) => told.tell(TroubleKind::ReadsNotLogged, overdue.map(cause).as_deref()),
            Err(error) => tracing::warn!(%error, "it cannot be told whether reads wait for too long"),
        }
        sleep(OVERDUE_EVERY).await;
    }
}

fn cause(overdue: Overdue) -> String {
    let Overdue { reads, since } = overdue;
    format!("{reads} reads, the first of them noted at {}", since.format("%FT%TZ"))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn what_waits_for_too_long_is_counted() {
        let overdue = Overdue {
            reads: 3,
            since: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        };
        assert_eq!(
            cause(overdue),
            "3 reads, the first of them noted at 2027-01-15T08:00:00Z"
        );
    }
}
