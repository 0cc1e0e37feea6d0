//! The time.

use application::ports::Clock;
use chrono::{DateTime, SubsecRound as _, Utc};

/// The system's clock, to the millisecond: what an event keeps.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(3)
    }
}
