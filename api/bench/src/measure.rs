//! Clients that execute commands until time is up, and how long each took.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// What many clients did in a stretch of time.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Measured {
    /// Commands that were acknowledged.
    pub commands: u64,
    /// From the first command to the last acknowledgement.
    pub seconds: f64,
    /// Commands a second.
    pub per_second: f64,
    /// Half of them were acknowledged within so many milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 were acknowledged within so many milliseconds.
    pub p99_ms: f64,
}

/// The times of one client's commands.
#[derive(Default)]
pub(super) struct Stopwatch(Vec<Duration>);

impl Stopwatch {
    /// Takes the time of one command.
    pub(super) async fn time<T>(&mut self, command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        let started = Instant::now();
        let done = command.await?;
        self.0.push(started.elapsed());
        Ok(done)
    }
}

/// Runs clients side by side for some time. Each executes rounds until time is up and finishes the round that it is in; a command that
/// fails fails the whole measurement.
pub(super) async fn run<C, F>(
    clients: Vec<C>,
    duration: Duration,
    round: fn(Arc<C>, u64, Stopwatch) -> F,
) -> anyhow::Result<Measured>
where
    C: Send + Sync + 'static,
    F: Future<Output = anyhow::Result<Stopwatch>> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(clients.len().saturating_add(1)));
    let mut tasks = JoinSet::new();
    for client in clients {
        let (client, barrier) = (Arc::new(client), Arc::clone(&barrier));
        tasks.spawn(async move {
            barrier.wait().await;
            let started = Instant::now();
            let mut stopwatch = Stopwatch::default();
            let mut number = 0;
            while started.elapsed() < duration {
                stopwatch = round(Arc::clone(&client), number, stopwatch).await?;
                number = number.saturating_add(1);
            }
            anyhow::Ok(stopwatch.0)
        });
    }
    barrier.wait().await;
    let started = Instant::now();
    let mut times = Vec::new();
    while let Some(client) = tasks.join_next().await {
        times.extend(client??);
    }
    Ok(summary(times, started.elapsed()))
}

fn summary(mut times: Vec<Duration>, took: Duration) -> Measured {
    times.sort_unstable();
    let at = |percent: usize| {
        let index = times.len().saturating_mul(percent) / 100;
        times
            .get(index.min(times.len().saturating_sub(1)))
            .map_or(0.0, |time| round(time.as_secs_f64() * 1000.0))
    };
    let seconds = took.as_secs_f64();
    let commands = times.len() as u64;
    #[expect(clippy::cast_precision_loss, reason = "a count of commands in one run")]
    let per_second = round(commands as f64 / seconds);
    Measured {
        commands,
        seconds: round(seconds),
        per_second,
        p50_ms: at(50),
        p99_ms: at(99),
    }
}

/// Two decimals: more would be noise.
pub(super) fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
