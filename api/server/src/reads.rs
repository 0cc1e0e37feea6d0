//! Reads that are noted are put into the log: those of a patient together, once the first of them is old enough.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use application::ports::reads::{Due, Notes, Overdue};
use application::trouble::{Trouble, TroubleKind, Troubles};
use application::use_cases::clinic::{Backend, Clinic};
use chrono::Utc;
use domain::kernel::CommandId;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::time::sleep;

/// How often it is looked for what is due.
const EVERY: Duration = Duration::from_secs(1);

/// How often it is looked for what waits for too long.
const OVERDUE_EVERY: Duration = Duration::from_secs(10);

/// How much longer than others reads may wait until that is told.
const GRACE: Duration = Duration::from_secs(5 * 60);

/// Of how many patients reads are put into the log at the same time. No more, so that commands find room beside them.
const AT_ONCE: usize = 512;

/// What is told of it, without asking the database.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadsStatus(Arc<Mutex<Troubles>>);

impl ReadsStatus {
    /// What does not work just now.
    pub(crate) fn troubles(&self) -> Vec<Trouble> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).list()
    }

    fn tell(&self, overdue: Option<Overdue>) {
        let mut troubles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Overdue { reads, since }) = overdue else {
            troubles.end(TroubleKind::ReadsNotLogged);
            return;
        };
        let cause = format!("{reads} reads, the first of them noted at {}", since.format("%FT%TZ"));
        if troubles.tell(TroubleKind::ReadsNotLogged, &cause) {
            tracing::error!(cause, "reads are noted and do not come to the log");
        }
    }
}

/// Puts them into the log, and looks whether some wait for too long, for as long as it is polled. What fails is taken on again, here or by another server. `wait` is how long a note waits at
/// least.
pub(crate) async fn log<B: Backend>(clinic: &Clinic<B>, wait: Duration, status: &ReadsStatus) {
    tokio::join!(put_into_the_log(clinic), look_for_overdue(clinic, wait, status));
}

/// Nobody waits for what waits for a block, or for its finality: others are put into the log beside it.
async fn put_into_the_log<B: Backend>(clinic: &Clinic<B>) {
    let (mut logging, mut under_way) = (FuturesUnordered::new(), HashSet::new());
    loop {
        if under_way.len() < AT_ONCE {
            match clinic.due_reads(Due::Now).await {
                // Whatever takes longer than it is left undisturbed is taken on again, here too.
                Ok(due) => logging.extend(
                    due.into_iter()
                        .filter(|notes| under_way.insert(notes.command_id))
                        .map(|notes| put(clinic, notes)),
                ),
                Err(error) => tracing::warn!(%error, "noted reads cannot be looked for"),
            }
        }
        let next_look = sleep(EVERY);
        tokio::pin!(next_look);
        loop {
            tokio::select! {
                () = &mut next_look => break,
                Some(command) = logging.next() => {
                    under_way.remove(&command);
                }
            }
        }
    }
}

/// Tries once.
async fn put<B: Backend>(clinic: &Clinic<B>, notes: Notes) -> CommandId {
    let command = notes.command_id;
    if let Err(error) = clinic.log_reads(notes).await {
        tracing::warn!(%error, %command, "reads wait to be put into the log");
    }
    command
}

async fn look_for_overdue<B: Backend>(clinic: &Clinic<B>, wait: Duration, status: &ReadsStatus) {
    loop {
        match clinic.overdue_reads(Utc::now() - wait * 2 - GRACE).await {
            Ok(overdue) => status.tell(overdue),
            Err(error) => tracing::warn!(%error, "it cannot be told whether reads wait for too long"),
        }
        sleep(OVERDUE_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn what_waits_for_too_long_is_told_until_it_does_not() {
        let status = ReadsStatus::default();
        status.tell(Some(Overdue {
            reads: 3,
            since: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        }));
        let [told] = status.troubles().try_into().unwrap();
        assert_eq!(told.kind, TroubleKind::ReadsNotLogged);
        assert_eq!(told.cause, "3 reads, the first of them noted at 2027-01-15T08:00:00Z");
        status.tell(None);
        assert_eq!(status.troubles(), []);
    }
}
