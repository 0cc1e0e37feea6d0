//! Messages to people outside, as ports: where they wait, and what sends them.
//!
//! A message waits durably, the same for all servers on one database, until it is delivered or given up. Whoever takes one is left alone with it for a while, and it is sent again only when nobody could
//! tell that it had gone out: by a mail server or another system it may be got twice then, under the same id.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::notifications::{Channel, Letter, Notification};
use crate::ports::StoreError;

/// A message that somebody has taken to send it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// The message.
    pub notification: Notification,
    /// Which attempt it is, from 1.
    pub attempt: u32,
}

/// How a message ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Outcome {
    /// It was taken by whoever brings it on.
    Delivered,
    /// Nobody's address is known.
    Unaddressed,
    /// The address is not one that takes messages.
    Refused,
    /// It was tried often enough.
    GivenUp,
}

/// Messages that do not go out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stuck {
    /// How many were tried three times or more, and wait; of very many so many at least.
    pub waiting: u64,
    /// How many were given up in the last three days.
    pub given_up: u64,
    /// When what the first of them tells of has happened.
    pub since: DateTime<Utc>,
}

/// Where messages wait.
#[async_trait]
pub trait NotificationQueue: Send + Sync + 'static {
    /// Adds messages. One that is there already stays as it is, also if it was sent.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn add(&self, messages: &[Notification]) -> Result<(), StoreError>;

    /// Takes some of those that are due and go by a channel. They are left to the caller for a minute. What another version of the program has added is left to it.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn take(&self, channel: Channel, most: u32) -> Result<Vec<Taken>, StoreError>;

    /// Ends a message. If somebody else has taken it since, that counts only when it was delivered.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn end(&self, taken: &Taken, outcome: Outcome) -> Result<(), StoreError>;

    /// Has a message wait for its next attempt, unless somebody else has taken it since.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn wait(&self, taken: &Taken, time: Duration) -> Result<(), StoreError>;

    /// What does not go out by these channels, if there is anything.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn stuck(&self, channels: &[Channel]) -> Result<Option<Stuck>, StoreError>;

    /// Forgets messages that tell of what has happened before an instant, also such as wait for a channel that there is no more.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn sweep(&self, before: DateTime<Utc>) -> Result<(), StoreError>;
}

/// Why a message did not go out. It says nothing of whom it is for, and no secret.
#[derive(Debug, thiserror::Error)]
pub enum Undelivered {
    /// Nobody's address is known.
    #[error("there is no address")]
    Unaddressed,
    /// The address takes none, and will take none.
    #[error("the address is refused: {0}")]
    Refused(String),
    /// It may go out later.
    #[error("{0}")]
    ForNow(String),
}

/// Sends letters.
#[async_trait]
pub trait Mailer: Send + Sync + 'static {
    /// Hands a letter to the mail server, within half a minute.
    ///
    /// # Errors
    /// [`Undelivered`].
    async fn send(&self, id: Uuid, to: &str, letter: &Letter) -> Result<(), Undelivered>;
}

/// Tells another system of the organisation's.
#[async_trait]
pub trait Webhook: Send + Sync + 'static {
    /// Tells it, within half a minute.
    ///
    /// # Errors
    /// [`Undelivered`].
    async fn send(&self, message: &Notification) -> Result<(), Undelivered>;
}
