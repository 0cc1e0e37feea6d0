//! How long to wait before a node is asked once more.

use std::time::Duration;

use backon::ExponentialBuilder;

/// The longest pause.
pub(crate) const LONGEST: Duration = Duration::from_secs(2);

/// Pauses that grow from 50 milliseconds to [`LONGEST`], and do not end.
pub(crate) fn growing() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(LONGEST)
        .without_max_times()
}
