//! How long anything may wait for Postgres, and Postgres for us.
//!
//! A line that swallows packets says nothing: who sent a question over it would wait for ever, and so would whoever waits for the
//! locks that were left behind. So there is a limit on both ends. [`Limits`] are given to Postgres with every session: it ends what
//! takes longer, and gives its locks back. [`within`] is the limit on this end, for when the answer does not come at all.

use std::time::Duration;

/// How long one question and its answer may take here, the wait for a connection included. Longer than Postgres is given for it,
/// so that where Postgres can say what is wrong, it does.
pub const ANSWER: Duration = Duration::from_secs(12);

/// How long one transaction may take here that does little.
pub const TRANSACTION: Duration = Duration::from_secs(20);

/// How long one step of long work may take here: what an index over everything takes.
pub const LONG_STEP: Duration = Duration::from_secs(6 * 3600);

/// What Postgres does not let a session exceed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How long a statement may wait for a lock (`lock_timeout`).
    pub lock: Duration,
    /// How long a statement may run (`statement_timeout`).
    pub statement: Duration,
    /// How long a transaction may be open with nothing asked in it (`idle_in_transaction_session_timeout`).
    pub idle_in_transaction: Duration,
    /// How long a session may be open with nothing asked at all (`idle_session_timeout`). The pool closes it before.
    pub idle: Duration,
}

impl Limits {
    /// For what answers requests, and what is as short.
    pub const SHORT: Self = Self {
        lock: Duration::from_secs(5),
        statement: Duration::from_secs(10),
        idle_in_transaction: Duration::from_secs(10),
        idle: IDLE_SESSION,
    };

    /// For the follower, whose transaction may hold many blocks. What waits for its lock waits no longer than others do.
    pub const FOLLOWER: Self = Self {
        lock: Duration::from_secs(10),
        statement: Duration::from_secs(10 * 60),
        idle_in_transaction: Duration::from_secs(30),
        idle: IDLE_SESSION,
    };

    /// For long work that somebody has asked for: migrations, rebuilds, renames, rotations.
    pub const LONG: Self = Self {
        lock: Duration::from_secs(60),
        statement: LONG_STEP,
        idle_in_transaction: Duration::from_secs(3600),
        idle: Duration::from_secs(24 * 3600),
    };

    /// As settings of a session. Keepalives and the limit on what is not acknowledged find the death of a line where neither end has
    /// anything to say: then Postgres ends the session, and with it its locks.
    pub(super) fn settings(&self) -> [(&'static str, String); 8] {
        let milliseconds = |limit: Duration| limit.as_millis().to_string();
        [
            ("lock_timeout", milliseconds(self.lock)),
            ("statement_timeout", milliseconds(self.statement)),
            (
                "idle_in_transaction_session_timeout",
                milliseconds(self.idle_in_transaction),
            ),
            ("idle_session_timeout", milliseconds(self.idle)),
            ("tcp_keepalives_idle", "30".to_owned()),
            ("tcp_keepalives_interval", "10".to_owned()),
            ("tcp_keepalives_count", "3".to_owned()),
            ("tcp_user_timeout", "60000".to_owned()),
        ]
    }
}

/// The pool looks after idle sessions every ten minutes, and closes those that were idle for as long.
const IDLE_SESSION: Duration = Duration::from_secs(30 * 60);

/// Does some work on the database, and gives up on it after a while. What it held is closed, not used again.
///
/// # Errors
/// Those of the work; an I/O error of the kind `TimedOut` when it takes longer.
pub async fn within<T, E: From<sqlx::Error>>(
    limit: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(timed_out().into()),
    }
}

/// A limit for work whose size nobody knows beforehand: it doubles when it proves too short, so that what is merely large gets
/// done in the end, and a line that is dead is still noticed soon.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    first: Duration,
    now: Duration,
}

impl Patience {
    /// A limit that begins like this.
    pub(crate) const fn new(first: Duration) -> Self {
        Self { first, now: first }
    }

    /// As [`within`].
    pub(crate) async fn within<T, E: From<sqlx::Error>>(
        &mut self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        match tokio::time::timeout(self.now, work).await {
            Ok(done) => {
                self.now = self.first;
                done
            }
            Err(_) => {
                self.now = self.now.saturating_mul(2).min(LONG_STEP);
                Err(timed_out().into())
            }
        }
    }
}

/// Nothing was heard in time.
pub(crate) fn timed_out() -> sqlx::Error {
    std::io::Error::new(std::io::ErrorKind::TimedOut, "the database did not answer in time").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgres_gives_up_before_the_client_does() {
        assert!(Limits::SHORT.lock < Limits::SHORT.statement && Limits::SHORT.statement < ANSWER);
        assert!(Limits::LONG.lock < Limits::LONG.statement && Limits::LONG.statement <= LONG_STEP);
    }

    #[tokio::test(start_paused = true)]
    async fn patience_grows_until_what_is_large_is_done() {
        let mut patience = Patience::new(Duration::from_secs(1));
        let mut attempts = 0;
        let large = || async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            Ok::<_, sqlx::Error>(())
        };
        while patience.within(large()).await.is_err() {
            attempts += 1;
        }
        assert_eq!(attempts, 3);
        assert!(patience.within(large()).await.is_err(), "and is short again");
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_answers_is_given_up() {
        let never = std::future::pending::<Result<(), sqlx::Error>>();
        let error = within(ANSWER, never).await.unwrap_err();
        assert!(
            matches!(&error, sqlx::Error::Io(cause) if cause.kind() == std::io::ErrorKind::TimedOut),
            "{error}"
        );
    }
}
