//! How much the executor tries and keeps.

use std::time::Duration;

/// How much the executor tries and keeps.
#[derive(Clone, Copy, Debug)]
pub struct ExecutorOptions {
    /// How often a command is decided before it is a conflict.
    pub attempts: u32,
    /// How many streams are kept in memory, beside those with commits in flight.
    pub streams: u64,
    /// How long a command waits for the journal to reach what the chain is known to have.
    pub catch_up: Duration,
    /// How long a command may take until it is handed over, or until it is certain that it needs not be. Then it is given up.
    pub decide_within: Duration,
    /// How many entries a chapter of a patient's record has before it is closed.
    pub chapter_entries: u64,
}

impl Default for ExecutorOptions {
    fn default() -> Self {
        Self {
            attempts: 8,
            streams: 50_000,
            catch_up: Duration::from_secs(10),
            decide_within: Duration::from_secs(20),
            chapter_entries: 1024,
        }
    }
}
