//! Messages to people outside are made and sent.

use std::sync::Arc;
use std::time::Duration;

use api_config::{Config, ConfigError};
use application::ports::notifications::{Stuck, Webhook};
use application::ports::queries::Queries;
use application::trouble::TroubleKind;
use application::use_cases::notifying::{Channels, Mail, Notifier};
use futures::future::join_all;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::told::Told;

/// How long after a look it is looked again for what has happened and what is due.
const PAUSE: Duration = Duration::from_secs(1);

/// How many messages are sent at the same time.
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

/// Does so until it is cancelled. What is being sent then is seen through, so that it is not sent again.
pub(crate) async fn tell_people<Q: Queries>(notifier: &Notifier<Q>, told: &Told, cancel: &CancellationToken) {
    let mut kept_up = Instant::now();
    loop {
        if let Err(error) = notifier.note_what_has_happened(AT_ONCE).await {
            tracing::warn!(%error, "it cannot be told who is to be told of what");
        }
        send_due(notifier).await;
        if kept_up.elapsed() >= UPKEEP_EVERY {
            keep_up(notifier, told).await;
            kept_up = Instant::now();
        }
        if cancel.run_until_cancelled(sleep(PAUSE)).await.is_none() {
            return;
        }
    }
}

async fn send_due<Q: Queries>(notifier: &Notifier<Q>) {
    let due = notifier.take_due(AT_ONCE).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "messages that are due cannot be looked for");
        Vec::new()
    });
    let sending = due.into_iter().map(async |taken| {
        let id = taken.notification.id;
        if let Err(error) = notifier.send(taken).await {
            tracing::warn!(%error, %id, "what became of a message cannot be kept; it may be sent again");
        }
    });
    join_all(sending).await;
}

async fn keep_up<Q: Queries>(notifier: &Notifier<Q>, told: &Told) {
    match notifier.queue.stuck().await {
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
        "{waiting} messages wait after several attempts, and {given_up} were given up; the first of them tells of what has happened at {since}"
    )
}
