//! What died is started again, until it starts.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use tokio::sync::oneshot;

/// Hears what happens to what is looked after.
pub type Listener = Arc<dyn Fn(&str) + Send + Sync>;

/// Starts something again, with growing pauses, until it starts. `None` when it is to stop first.
pub(super) async fn restarted<T, E, F>(
    what: &str,
    start: impl FnMut() -> F,
    listener: &Listener,
    stopped: &mut oneshot::Receiver<()>,
) -> Option<T>
where
    E: Display,
    F: Future<Output = Result<T, E>>,
{
    let pauses = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(10))
        .without_max_times();
    let starting = start.retry(pauses).notify(|error: &E, wait| {
        listener(&format!("{what} cannot be started: {error}; trying again in {wait:?}"));
    });
    tokio::select! {
        _ = stopped => None,
        started = starting => started.ok(),
    }
}
