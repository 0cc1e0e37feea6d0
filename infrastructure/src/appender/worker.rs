//! The outbox's worker: one job after another, in the order in which the machine asked for them, each until it is done.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use application::trouble::TroubleKind;
use domain::kernel::CommandId;
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, Postgres};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::fees::Fee;
use super::lease::Lease;
use super::machine::{CallEnd, CommitKey, NewBatch, NewCall, Nonce};
use super::message::Message;
use super::outbox::{Outbox, OutboxError};
use super::status::Shared;
use crate::calls::CallId;
use crate::chain::Hash;
use crate::crash::{APPENDER_OUTBOX_CLEANED, APPENDER_STORED, crash_point};
use crate::log::NewKey;
use crate::postgres::{FRESH, TRANSACTION, within};

/// How long to wait before something that failed is tried again.
pub(super) const RETRY: Duration = Duration::from_millis(250);

/// What is to be done.
pub(super) enum Job {
    Store {
        batch: NewBatch,
        keys: Vec<NewKey>,
        /// Which of its commits are another key's, under which lease of their heir.
        adopted: HashMap<CommitKey, Lease>,
    },
    StoreCall {
        call: NewCall,
        /// If another key's outbox has it, the lease of that key's heir.
        adopted: Option<Lease>,
    },
    SettleCall {
        nonce: Nonce,
        id: CallId,
        end: CallEnd,
    },
    Replace {
        nonce: Nonce,
        raw: Arc<[u8]>,
        fee: Fee,
        gas_limit: u64,
    },
    Discard(Vec<CommandId>),
    Refuse(CommitKey, CommandId),
    Forget(Vec<(Nonce, Hash)>),
}

/// Whether it is certain what the database did with everything that the worker was given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Certain,
    /// The last attempt failed, and its answer may have been lost.
    Uncertain,
}

/// Works until there are no jobs, the lease is lost, or `ended` while the database does not answer.
pub(super) async fn work(
    outbox: Outbox,
    mut jobs: UnboundedReceiver<Job>,
    messages: UnboundedSender<Message>,
    shared: Arc<Shared>,
    ended: CancellationToken,
) -> End {
    let mut line = Line::new(outbox);
    while let Some(job) = line.next(&mut jobs).await {
        // What was never tried is certainly not done. But commands whose commit was rejected may come again at once, under the next
        // lease: the outbox must not take them for repeated ones.
        if ended.is_cancelled() && !matches!(job, Job::Discard(_) | Job::Refuse(..)) {
            continue;
        }
        let mut failed = false;
        loop {
            match line.perform(&job).await {
                Ok(message) => {
                    shared.well(TroubleKind::AppenderWithoutDatabase);
                    if let Some(message) = message {
                        let _ = messages.send(message);
                    }
                    break;
                }
                Err(OutboxError::Database(error)) => {
                    failed = true;
                    shared.trouble(
                        TroubleKind::AppenderWithoutDatabase,
                        &format!("the outbox cannot be written: {error}"),
                    );
                }
                Err(error) => {
                    tell(&shared, &error);
                    let _ = messages.send(Message::LeaseLost);
                    // An attempt that failed may have been committed, and its answer lost.
                    return if failed { End::Uncertain } else { End::Certain };
                }
            }
            if ended.run_until_cancelled(sleep(RETRY)).await.is_none() {
                return End::Uncertain;
            }
        }
    }
    End::Certain
}

/// A lost lease is another server's doing; everything else is a fault of ours, after which the outbox is read anew.
fn tell(shared: &Shared, error: &OutboxError) {
    let kind = match error {
        OutboxError::LeaseLost => TroubleKind::SigningKeyTaken,
        _ => TroubleKind::AppenderWithoutDatabase,
    };
    shared.trouble(kind, &format!("the outbox cannot be written: {error}"));
}

/// The outbox over one connection as long as batches come one soon after the other. To give it back and take it again would ask Postgres twice or
/// three times whether it is alive, for each of them.
struct Line {
    outbox: Outbox,
    connection: Option<PoolConnection<Postgres>>,
}

impl Line {
    const fn new(outbox: Outbox) -> Self {
        let connection = None;
        Self { outbox, connection }
    }

    /// The next job. While there is none the connection rests in the pool, where it is looked at before it is used again.
    async fn next(&mut self, jobs: &mut UnboundedReceiver<Job>) -> Option<Job> {
        if self.connection.is_some() {
            match timeout(FRESH, jobs.recv()).await {
                Ok(job) => return job,
                Err(_) => self.connection = None,
            }
        }
        jobs.recv().await
    }

    /// Does a job. After a failure the next attempt has another connection.
    async fn perform(&mut self, job: &Job) -> Result<Option<Message>, OutboxError> {
        let held = self.connection.take();
        let performed = async {
            let mut connection = match held {
                Some(connection) => connection,
                None => self.outbox.connection().await?,
            };
            let message = perform(&self.outbox, &mut connection, job).await?;
            Ok::<_, OutboxError>((connection, message))
        };
        let (connection, message) = within(TRANSACTION, performed).await?;
        // Nobody waits for the other jobs, and the pool has connections for more than this.
        self.connection = Some(connection).filter(|_| matches!(job, Job::Store { .. }));
        Ok(message)
    }
}

async fn perform(outbox: &Outbox, connection: &mut PgConnection, job: &Job) -> Result<Option<Message>, OutboxError> {
    Ok(match job {
        Job::Store { batch, keys, adopted } => {
            let stored = outbox.store(connection, batch, keys, adopted).await?;
            crash_point(APPENDER_STORED);
            Some(Message::Stored {
                nonce: batch.nonce,
                batch: stored,
            })
        }
        Job::StoreCall { call, adopted } => {
            let stored = outbox.store_call(connection, call, *adopted).await?;
            crash_point(APPENDER_STORED);
            Some(Message::CallStored {
                nonce: call.nonce,
                call: stored,
            })
        }
        Job::SettleCall { nonce, id, end } => {
            let noted = outbox.settle_call(connection, *nonce, *id, end).await?;
            Some(Message::Settled {
                nonce: *nonce,
                id: *id,
                end: noted.then(|| end.clone()),
            })
        }
        Job::Replace {
            nonce,
            raw,
            fee,
            gas_limit,
        } => {
            let signed = outbox.replace(connection, *nonce, raw, *fee, *gas_limit).await?;
            Some(Message::Replaced {
                nonce: *nonce,
                hash: signed.hash,
                raw: signed.raw.into(),
                fee: *fee,
            })
        }
        Job::Discard(commands) => {
            outbox.discard(connection, commands).await?;
            None
        }
        Job::Refuse(key, command) => {
            outbox.refuse(connection, *command).await?;
            Some(Message::Refused(*key))
        }
        Job::Forget(signatures) => {
            outbox.forget(connection, signatures).await?;
            crash_point(APPENDER_OUTBOX_CLEANED);
            None
        }
    })
}
