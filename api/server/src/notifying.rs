//! Messages to people outside are made and sent.

use std::sync::Arc;
use std::time::Duration;

use api_config::{Config, ConfigError};
use application::notifications::Channel;
use application::ports::notifications::{Stuck, Webhook};
use application::ports::queries::Queries;
use application::trouble::TroubleKind;
use application::use_cases::notifying::{Channels, Mail, Notifier};
use futures::future::join_all;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::part_troubles::PartTroubles;

/// How long after a look it is looked again for what has happened and what is due.
const PAUSE: Duration = Duration::from_secs(1);

/// How many messages are made, or sent by one channel, at the same time.
const AT_ONCE: u32 = 16;

/// How often it is looked for what does not go out, and what can be forgotten.
const UPKEEP_EVERY: Duration = Duration::from_secs(10);

/// The channels that are configured. Nothing is connected yet.
///
/// # Errors
/// When one cannot be used.
pub(crate) fn channels(config: &Config) -> Result<Channels, ConfigError> {
    let mut channels = Channels::default();
    if let Some(mail) = &config.notifications.mail {
        channels.mail = Some(Mail {
            mailer: Arc::new(mail.smtp()?),
            overseers: mail.overseers.clone(),
            organisation: mail.organisation.clone(),
            sign_in_at: mail
                .sign_in_at
                .clone()
                .unwrap_or_else(|| config.http.public_url.clone()),
        });
    }
    if let Some(webhook) = &config.notifications.webhook {
        channels.webhook = Some(Arc::new(webhook.sender()?) as Arc<dyn Webhook>);
    }
    Ok(channels)
}

/// Does so until it is cancelled. What is being sent then is seen through, so that it is not sent again. Each channel sends by itself: one that hangs does not hold up the other.
pub(crate) async fn tell_people<Q: Queries>(notifier: &Notifier<Q>, told: &PartTroubles, cancel: &CancellationToken) {
    let sending = notifier.channels.kinds().into_iter();
    let sending = sending.map(|channel| until_cancelled(cancel, PAUSE, move || send_due(notifier, channel)));
    let noting = until_cancelled(cancel, PAUSE, || note(notifier));
    let keeping_up = until_cancelled(cancel, UPKEEP_EVERY, || keep_up(notifier, told));
    tokio::join!(join_all(sending), noting, keeping_up);
}

/// Does something again and again, with a pause in between.
async fn until_cancelled<Done: Future<Output = ()>>(
    cancel: &CancellationToken,
    pause: Duration,
    act: impl Fn() -> Done,
) {
    while !cancel.is_cancelled() {
        act().await;
        cancel.run_until_cancelled(sleep(pause)).await;
    }
}

async fn note<Q: Queries>(notifier: &Notifier<Q>) {
    if let Err(error) = notifier.note_what_has_happened(AT_ONCE).await {
        tracing::warn!(%error, "it cannot be told who is to be told of what");
    }
}

async fn send_due<Q: Queries>(notifier: &Notifier<Q>, channel: Channel) {
    let due = notifier.queue.take(channel, AT_ONCE).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "messages that are due cannot be looked for");
        Vec::new()
    });
    let sending = due.into_iter().map(async |taken| {
        if let Err(error) = notifier.send(&taken).await {
            let id = taken.notification.id;
            tracing::warn!(%error, %id, "what became of a message cannot be kept; it may be sent again");
        }
    });
    join_all(sending).await;
}

async fn keep_up<Q: Queries>(notifier: &Notifier<Q>, told: &PartTroubles) {
    match notifier.queue.stuck(&notifier.channels.kinds()).await {
        Ok(stuck) => told.tell(TroubleKind::NotificationsNotSent, stuck.map(cause).as_deref()),
        Err(error) => tracing::warn!(%error, "it cannot be told whether messages go out"),
    }
    if let Err(error) = notifier.sweep().await {
        tracing::warn!(%error, "old messages cannot be forgotten");
    }
}

fn cause(stuck: Stuck) -> String {
    let Stuck {
        waiting,
        given_up,
        since,
    } = stuck;
    let since = since.format("%FT%TZ");
    format!(
        "{waiting} messages wait after three attempts or more, and {given_up} were given up; the first of them tells of what has happened at {since}"
    )
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn what_does_not_go_out_is_counted_and_nobody_is_named() {
        let stuck = Stuck {
            waiting: 3,
            given_up: 1,
            since: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        };
        let told = "3 messages wait after three attempts or more, and 1 were given up; the first of them tells of what has happened at 2027-01-15T08:00:00Z";
        assert_eq!(cause(stuck), told);
    }
}
