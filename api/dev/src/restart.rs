//! What died is started again, until it starts.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use tokio::sync::oneshot;
use tokio::time::sleep;

/// Hears what happens to what is looked after.
pub type Listener = Arc<dyn Fn(&str) + Send + Sync>;

/// Starts something again, with growing pauses, until it starts. `None` when it is to stop first.
pub(super) async fn restarted<T, E, F>(
    what: &str,
    mut start: impl FnMut() -> F,
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
    let mut pauses = pauses.build();
    loop {
        // What is starting is let start: cut off, it would leave a process behind.
        match start().await {
            Ok(started) => return Some(started),
            Err(error) => {
                let wait = pauses.next()?;
                listener(&format!("{what} cannot be started: {error}; trying again in {wait:?}"));
                tokio::select! {
                    _ = &mut *stopped => return None,
                    () = sleep(wait) => {}
                }
            }
        }
    }
}
