//! How long an import waits for a server that does not answer: once for the whole run, and not anew with every command.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What is known of whether the server is there.
#[derive(Debug)]
pub(super) struct Patience {
    most: Duration,
    away: Mutex<Away>,
}

#[derive(Clone, Copy, Debug)]
enum Away {
    /// The last request was answered.
    No,
    /// No request has been answered since then.
    Since(Instant),
    /// It was away for so long that nothing is sent any more.
    TooLong,
}

impl Patience {
    /// With a server that may be away for so long.
    pub(super) const fn new(most: Duration) -> Self {
        Self {
            most,
            away: Mutex::new(Away::No),
        }
    }

    /// How long that is.
    pub(super) const fn most(&self) -> Duration {
        self.most
    }

    /// The server has done what it was asked, or refused it.
    pub(super) fn answered(&self) {
        self.change(|away| match away {
            Away::TooLong => Away::TooLong,
            Away::No | Away::Since(_) => Away::No,
        });
    }

    /// The server has not answered what was asked then, or said that it cannot yet. Whether that is to be waited for.
    pub(super) fn is_left(&self, began: Instant, pause: Duration) -> bool {
        let away = self.change(|away| {
            let since = match away {
                Away::No => began,
                Away::Since(since) => since,
                Away::TooLong => return away,
            };
            match since.elapsed().saturating_add(pause) >= self.most {
                true => Away::TooLong,
                false => Away::Since(since),
            }
        });
        !matches!(away, Away::TooLong)
    }

    /// Whether the server was away for too long.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.change(|away| away), Away::TooLong)
    }

    fn change(&self, change: impl FnOnce(Away) -> Away) -> Away {
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        *away = change(*away);
        *away
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn it_is_one_for_all_and_begins_anew_with_every_answer() {
        let patience = Patience::new(Duration::from_secs(5));
        let is_left = || patience.is_left(Instant::now(), SECOND);
        for _ in 0..3 {
            assert!(is_left());
            tokio::time::advance(Duration::from_secs(3)).await;
            assert!(is_left());
            patience.answered();
        }
        assert!(is_left());
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(!patience.is_over() && !is_left());
        patience.answered();
        assert!(patience.is_over(), "the run has ended");
    }
}
