//! Reads that are noted are put into the log: those of a patient together, once the first of them is old enough.

use std::time::Duration;

use application::ports::reads::Due;
use application::use_cases::clinic::{Backend, Clinic};
use chrono::Utc;
use futures::StreamExt as _;
use futures::stream;
use tokio::time::sleep;

/// How often it is looked for what is due.
const EVERY: Duration = Duration::from_secs(1);

/// Of how many patients reads are put into the log at the same time, so that they share transactions.
const AT_ONCE: usize = 32;

/// Puts them into the log, for as long as it is polled. What fails is taken on again, here or by another server.
pub(crate) async fn log<B: Backend>(clinic: &Clinic<B>, after: Duration) {
    loop {
        sleep(EVERY).await;
        let due = match clinic.due_reads(Due::NotedBefore(Utc::now() - after)).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "noted reads cannot be looked for");
                continue;
            }
        };
        let logging = stream::iter(due).for_each_concurrent(AT_ONCE, |notes| async {
            let command = notes.command_id;
            if let Err(error) = clinic.log_reads(notes).await {
                tracing::warn!(%error, %command, "reads wait to be put into the log");
            }
        });
        logging.await;
    }
}
