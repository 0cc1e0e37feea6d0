//! Stopping in order when the user asks for it, and at once when they ask again.

use nix::libc::{SIGHUP, SIGINT, SIGTERM};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::STOPPED;
use super::{CliError, console};

/// Hears the signals that ask to stop.
pub(super) struct Stop {
    signals: Vec<Signal>,
}

impl Stop {
    /// Listens from now on.
    pub(super) fn listen() -> Result<Self, CliError> {
        let signals = [SIGINT, SIGTERM, SIGHUP]
            .into_iter()
            .map(|number| signal(SignalKind::from_raw(number)));
        Ok(Self {
            signals: signals.collect::<Result<_, _>>().map_err(CliError::other)?,
        })
    }

    /// Waits for the first.
    pub(super) async fn asked(&mut self) {
        let waiting = self.signals.iter_mut().map(|signal| Box::pin(signal.recv()));
        futures::future::select_all(waiting).await;
    }

    /// From now on, the next one ends the program as it is. What was started ends with it.
    pub(super) fn force_next(self) {
        tokio::spawn(self.end());
    }

    /// As [`Self::force_next`], while something is done that leaves nothing behind.
    pub(super) async fn forcing<T>(self, work: impl Future<Output = T>) -> T {
        let ending = tokio::spawn(self.end());
        let done = work.await;
        ending.abort();
        done
    }

    async fn end(mut self) {
        self.asked().await;
        console::note("stopping at once");
        std::process::exit(STOPPED.into());
    }
}
