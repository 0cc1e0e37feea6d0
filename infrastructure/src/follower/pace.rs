//! How often the follower asks for a new block.
//!
//! A chain that mines as soon as it has something to mine does so within a millisecond or two; others take seconds, and whoever runs a node
//! counts the questions. So the follower asks again after a part of the time that it has waited for the block: soon at first, then less
//! and less often.

use std::time::Duration;

use tokio::time::Instant;

/// The part of the waiting that is added at most by asking too late: an eighth.
const PART: u32 = 8;

/// How long after somebody expected a block the follower still expects more of them.
const EXPECTED_FOR: Duration = Duration::from_secs(2);

/// For how long an expected block is expected any moment. On a chain that makes blocks at once it has come by then.
const SOON: Duration = Duration::from_millis(100);

/// How many times longer the shortest pause is while nobody has said that a block is coming.
const UNANNOUNCED: u32 = 8;

/// When to ask again.
#[derive(Debug)]
pub(super) struct Pace {
    /// The shortest and the longest pause.
    bounds: (Duration, Duration),
    /// Since when the next block is waited for; `None` when nobody expects one.
    since: Option<Instant>,
    /// When somebody last expected a block.
    expected_at: Option<Instant>,
    /// Whether somebody has expected a block since the last one came.
    expected: bool,
}

impl Pace {
    /// Nobody expects a block.
    pub(super) const fn new(shortest: Duration, longest: Duration) -> Self {
        Self {
            bounds: (shortest, longest),
            since: None,
            expected_at: None,
            expected: false,
        }
    }

    /// Somebody expects a block. If somebody does already, it is the same one.
    pub(super) fn expect(&mut self, now: Instant) {
        if !self.expected {
            self.since = Some(now);
        }
        self.expected = true;
        self.expected_at = Some(now);
    }

    /// A block came. Perhaps it was another one than was expected.
    pub(super) fn progressed(&mut self, now: Instant) {
        let recently = |at: &Instant| now.saturating_duration_since(*at) < EXPECTED_FOR;
        self.since = self.expected_at.filter(recently).map(|_| now);
        self.expected = false;
    }

    /// Whether a block is expected any moment.
    pub(super) fn expects_soon(&self, now: Instant) -> bool {
        let soon = |since| now.saturating_duration_since(since) < SOON;
        self.expected && self.since.is_some_and(soon)
    }

    /// How long to pause before the next question.
    pub(super) fn pause(&self, now: Instant) -> Duration {
        let (mut shortest, longest) = self.bounds;
        if !self.expected {
            shortest = shortest.saturating_mul(UNANNOUNCED).min(longest);
        }
        self.since.map_or(longest, |since| {
            (now.saturating_duration_since(since) / PART).clamp(shortest, longest)
        })
    }
}

/// Rests for so long. The runtime's clock ticks by the millisecond; what is shorter a thread sleeps through.
pub(super) async fn rest(pause: Duration) {
    if pause >= TICK {
        tokio::time::sleep(pause).await;
    } else {
        // Whatever becomes of the thread, the pause is over.
        let _ = tokio::task::spawn_blocking(move || std::thread::sleep(pause)).await;
    }
}

/// The shortest pause that the runtime's clock keeps tolerably.
const TICK: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests {
    use super::*;

    const SHORTEST: Duration = Duration::from_micros(250);
    const LONGEST: Duration = Duration::from_millis(200);

    /// How many questions there are within so long after `start`.
    fn questions(pace: &Pace, start: Instant, within: Duration) -> usize {
        let mut at = start;
        let mut count = 0;
        while at < start + within {
            at += pace.pause(at);
            count += 1;
        }
        count
    }

    #[tokio::test]
    async fn an_expected_block_is_asked_for_at_once_and_then_less_and_less_often() {
        let start = Instant::now();
        let mut pace = Pace::new(SHORTEST, LONGEST);
        assert_eq!(pace.pause(start), LONGEST);
        pace.expect(start);
        assert_eq!(pace.pause(start), SHORTEST);
        assert_eq!(pace.pause(start + Duration::from_millis(80)), Duration::from_millis(10));
        assert_eq!(pace.pause(start + Duration::from_secs(12)), LONGEST);
    }

    #[tokio::test]
    async fn who_writes_all_the_time_to_a_slow_chain_does_not_make_it_be_asked_all_the_time() {
        let start = Instant::now();
        let mut pace = Pace::new(SHORTEST, LONGEST);
        for written in 0..100 {
            pace.expect(start + Duration::from_millis(20 * written));
        }
        assert!(questions(&pace, start, Duration::from_secs(2)) < 70);
    }

    #[tokio::test]
    async fn after_a_block_another_is_expected_as_long_as_somebody_wrote_lately() {
        let start = Instant::now();
        let mut pace = Pace::new(SHORTEST, LONGEST);
        pace.expect(start);
        let later = start + Duration::from_secs(1);
        pace.progressed(later);
        assert_eq!(pace.pause(later), SHORTEST * UNANNOUNCED);
        let much_later = start + Duration::from_secs(60);
        assert_eq!(pace.pause(much_later), LONGEST);
        pace.expect(much_later);
        assert_eq!(pace.pause(much_later), SHORTEST);
        let at_last = start + Duration::from_secs(120);
        pace.progressed(at_last);
        assert_eq!(pace.pause(at_last), LONGEST);
        pace.expect(at_last);
        assert_eq!(pace.pause(at_last), SHORTEST);
    }
}
