//! People outside are told of what concerns them.

use std::sync::Arc;

use chrono::TimeDelta;

use crate::error::UseCaseError;
use crate::notifications::{Audience, Channel, Occurrence, TOLD_WITHIN, wait_after};
use crate::ports::Clock;
use crate::ports::notifications::{Mailer, NotificationQueue, Outcome, Taken, Undelivered, Webhook};
use crate::ports::queries::Queries;

/// How long it is remembered how a message has ended.
const REMEMBERED: TimeDelta = TimeDelta::days(30);

/// By mail.
#[derive(Clone)]
pub struct Mail {
    /// What sends it.
    pub mailer: Arc<dyn Mailer>,
    /// The address of those who oversee practitioners, if they want mail.
    pub overseers: Option<String>,
    /// The organisation as people know it.
    pub organisation: String,
    /// Where people sign in.
    pub sign_in_at: String,
}

/// The channels that there are.
#[derive(Clone, Default)]
pub struct Channels {
    /// By mail, if there is a server for that.
    pub mail: Option<Mail>,
    /// By webhook, if there is one.
    pub webhook: Option<Arc<dyn Webhook>>,
}

impl Channels {
    /// Which there are.
    pub fn kinds(&self) -> Vec<Channel> {
        let mail = self.mail.as_ref().map(|_| Channel::Mail);
        let webhook = self.webhook.as_ref().map(|_| Channel::Webhook);
        mail.into_iter().chain(webhook).collect()
    }
}

/// Tells people outside of what concerns them, by the channels that there are.
pub struct Notifier<Q> {
    /// What has happened.
    pub queries: Arc<Q>,
    /// Where messages wait.
    pub queue: Arc<dyn NotificationQueue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How people are told. Without a channel nobody is.
    pub channels: Channels,
}

impl<Q: Queries> Notifier<Q> {
    /// Has people told of what has happened for good of late, of which they are not told yet: of so much at most.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn note_what_has_happened(&self, most: u32) -> Result<(), UseCaseError> {
        let untold = self.queries.untold(self.clock.now() - TOLD_WITHIN, most).await?;
        let channels = self.channels.kinds();
        let messages = |one: &Occurrence| channels.iter().map(|channel| one.by(*channel)).collect::<Vec<_>>();
        let messages: Vec<_> = untold.iter().flat_map(messages).collect();
        Ok(self.queue.add(&messages).await?)
    }

    /// Takes messages that are due: so many at most.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn take_due(&self, most: u32) -> Result<Vec<Taken>, UseCaseError> {
        Ok(self.queue.take(&self.channels.kinds(), most).await?)
    }

    /// Sends a message, and says what became of it.
    ///
    /// # Errors
    /// [`UseCaseError`]; then it is tried again.
    pub async fn send(&self, taken: Taken) -> Result<(), UseCaseError> {
        let Taken { notification, attempts } = &taken;
        let outcome = match self.attempt(&taken).await? {
            None => Outcome::Unaddressed,
            Some(Ok(())) => Outcome::Delivered,
            Some(Err(error)) => {
                let channel: &str = notification.channel.into();
                tracing::warn!(%error, id = %notification.id, channel, attempts, "a message does not go out");
                match (error, wait_after(*attempts)) {
                    (Undelivered::Refused(_), _) => Outcome::Refused,
                    (Undelivered::ForNow(_), None) => Outcome::GivenUp,
                    (Undelivered::ForNow(_), Some(time)) => {
                        return Ok(self.queue.wait(notification.id, time).await?);
                    }
                }
            }
        };
        Ok(self.queue.end(notification.id, outcome).await?)
    }

    /// `None` when nobody's address is known.
    async fn attempt(&self, taken: &Taken) -> Result<Option<Result<(), Undelivered>>, UseCaseError> {
        let message = &taken.notification;
        match message.channel {
            Channel::Webhook => {
                let Some(webhook) = &self.channels.webhook else {
                    return Ok(Some(Err(not_configured())));
                };
                let sent = webhook.send(message.id, message.occasion.topic(), message.at, message.patient);
                Ok(Some(sent.await))
            }
            Channel::Mail => {
                let Some(mail) = &self.channels.mail else {
                    return Ok(Some(Err(not_configured())));
                };
                let address = match (message.occasion.audience(), message.patient) {
                    (Audience::Patient, Some(patient)) => self.queries.email_of(patient).await?,
                    (Audience::Patient, None) => None,
                    (Audience::Overseers, _) => mail.overseers.clone(),
                };
                let Some(address) = address else {
                    return Ok(None);
                };
                let letter = message.occasion.letter(&mail.organisation, &mail.sign_in_at);
                Ok(Some(mail.mailer.send(message.id, &address, &letter).await))
            }
        }
    }

    /// Forgets how messages of long ago have ended.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn sweep(&self) -> Result<(), UseCaseError> {
        Ok(self.queue.sweep(self.clock.now() - REMEMBERED).await?)
    }
}

/// Nothing is taken for a channel that there is not.
fn not_configured() -> Undelivered {
    Undelivered::ForNow("this server is not configured for it".to_owned())
}
