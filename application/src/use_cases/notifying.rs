//! People outside are told of what concerns them.

use std::sync::Arc;

use chrono::TimeDelta;
use strum::VariantArray as _;

use crate::error::UseCaseError;
use crate::notifications::{Audience, Channel, Notification, Occasion, TOLD_WITHIN, wait_after};
use crate::ports::Clock;
use crate::ports::notifications::{Mailer, NotificationQueue, Outcome, Taken, Undelivered, Webhook};
use crate::ports::queries::Queries;

/// How long a message is remembered.
const REMEMBERED: TimeDelta = TimeDelta::days(30);

/// How mail is sent, and what stands in it.
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
    /// Makes messages of what has happened for good of late, of which there are none yet: of so much of each occasion at most.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn note_what_has_happened(&self, most: u32) -> Result<(), UseCaseError> {
        let (after, channels) = (self.clock.now() - TOLD_WITHIN, self.channels.kinds());
        for occasion in Occasion::VARIANTS {
            let untold = self.queries.untold(*occasion, &channels, after, most).await?;
            let messages: Vec<_> = untold.iter().map(|(one, channel)| one.by(*channel)).collect();
            self.queue.add(&messages).await?;
        }
        Ok(())
    }

    /// Sends a message, and keeps what became of it.
    ///
    /// # Errors
    /// [`UseCaseError`], when that cannot be kept: then it is sent again.
    pub async fn send(&self, taken: &Taken) -> Result<(), UseCaseError> {
        let outcome = match self.attempt(&taken.notification).await {
            Ok(()) => Outcome::Delivered,
            Err(Undelivered::Unaddressed) => Outcome::Unaddressed,
            Err(error) => {
                let Taken { notification, attempt } = taken;
                let channel: &str = notification.channel.into();
                tracing::warn!(%error, id = %notification.id, channel, attempt, "a message does not go out");
                match (error, wait_after(*attempt)) {
                    // Whoever is a patient may have mistyped their address. The operator is told of what they have mistyped.
                    (Undelivered::Refused(_), _) if notification.occasion.audience() == Audience::Patient => {
                        Outcome::Refused
                    }
                    (Undelivered::ForNow(_), Some(time)) => return Ok(self.queue.wait(taken, time).await?),
                    _ => Outcome::GivenUp,
                }
            }
        };
        Ok(self.queue.end(taken, outcome).await?)
    }

    async fn attempt(&self, message: &Notification) -> Result<(), Undelivered> {
        // Nothing is taken for a channel that there is not.
        let not_configured = || Undelivered::ForNow("this server is not configured for it".to_owned());
        match message.channel {
            Channel::Webhook => {
                let webhook = self.channels.webhook.as_ref().ok_or_else(not_configured)?;
                webhook.send(message).await
            }
            Channel::Mail => {
                let mail = self.channels.mail.as_ref().ok_or_else(not_configured)?;
                let address = self.address(mail, message).await?.ok_or(Undelivered::Unaddressed)?;
                let letter = message.occasion.letter(&mail.organisation, &mail.sign_in_at);
                mail.mailer.send(message.id, &address, &letter).await
            }
        }
    }

    /// The mail address of whoever is told, if there is one.
    async fn address(&self, mail: &Mail, message: &Notification) -> Result<Option<String>, Undelivered> {
        match (message.occasion.audience(), message.patient) {
            (Audience::Patient, Some(patient)) => {
                let found = self.queries.email_of(patient).await;
                found.map_err(|error| Undelivered::ForNow(format!("the address cannot be read: {error}")))
            }
            (Audience::Patient, None) => Ok(None),
            (Audience::Overseers, _) => Ok(mail.overseers.clone()),
        }
    }

    /// Forgets messages of long ago.
    ///
    /// # Errors
    /// [`UseCaseError`].
    pub async fn sweep(&self) -> Result<(), UseCaseError> {
        Ok(self.queue.sweep(self.clock.now() - REMEMBERED).await?)
    }
}
